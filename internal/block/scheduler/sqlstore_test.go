package scheduler

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/membership"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
)

// watched is a store that tells when the journal has been looked at for the first time.
type watched struct {
	*sqlstore.Store
	look   sync.Once
	looked chan struct{}
}

func (w *watched) Flows(ctx context.Context, owner string, minAge time.Duration, limit int) ([]flow.Record, error) {
	recs, err := w.Store.Flows(ctx, owner, minAge, limit)
	w.look.Do(func() { close(w.looked) })
	return recs, err
}

// TestOverARealDatabase is one volume's way through the scheduler with the store there is.
func TestOverARealDatabase(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	opened, err := sqlstore.Open(ctx, sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite")})
	if err != nil {
		t.Fatal(err)
	}
	s := &watched{Store: opened, looked: make(chan struct{})}
	defer s.Close()
	transport := inproc.New(inproc.Options{})
	defer transport.Close(context.Background())

	if _, err := membership.Join(ctx, s, block.Service{Host: "node@a", Binary: block.BinaryVolume, Topic: rpcapi.VolumeTopic,
		AvailabilityZone: "nova", RPCCurrentVersion: block.VolumeRPCVersion, ObjectCurrentVersion: block.ObjectVersion}, membership.Options{}); err != nil {
		t.Fatal(err)
	}
	got := make(chan rpcapi.CreateVolume, 1)
	l, err := transport.Serve(ctx, messaging.Server{Topic: rpcapi.VolumeTopic + ".node@a", Server: "node", Version: block.VolumeRPCVersion,
		Methods: map[string]messaging.Method{rpcapi.MethodCreateVolume: messaging.Replying(func(_ context.Context, m *rpcapi.CreateVolume) (any, error) {
			got <- *m
			return nil, nil
		})}})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Stop(context.Background())

	sch, err := New(Options{Host: "control", AvailabilityZone: "nova", Log: slog.New(slog.DiscardHandler)}, s, transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := sch.Start(ctx); err != nil {
		t.Fatal(err)
	}
	defer sch.Stop(context.Background())
	api := rpcapi.Scheduler{Client: transport}
	if err := api.UpdateCapabilities(ctx, &rpcapi.ServiceCapabilities{ServiceName: "volume", Host: "node@a", Timestamp: time.Now(),
		Capabilities: map[string]any{"volume_backend_name": "a", "total_capacity_gb": 10.0, "free_capacity_gb": 10.0}}); err != nil {
		t.Fatal(err)
	}
	<-s.looked // what follows is the messages', not recovery's

	volumeType, err := s.TypeByName(ctx, block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	create := func(n int, sizeGiB int64) *rpcapi.CreateVolume {
		m := &rpcapi.CreateVolume{FlowID: id(100 + n), VolumeID: id(n), Request: rpcapi.CreateRequest{VolumeID: id(n), AvailabilityZone: "nova"}}
		err := s.Update(ctx, func(tx store.Tx) error {
			if err := tx.CreateVolume(ctx, &block.Volume{ID: id(n), ProjectID: "project", UserID: "user", UseQuota: true, SizeGiB: sizeGiB,
				Status: block.VolumeCreating, AttachStatus: block.AttachDetached, VolumeTypeID: volumeType.ID}); err != nil {
				return err
			}
			return tx.PutFlow(ctx, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeCreate, Owner: rpcapi.SchedulerOwner,
				ResourceType: "volume", ResourceID: id(n), State: []byte(`{"volume_id":"` + id(n) + `"}`)})
		})
		if err != nil {
			t.Fatal(err)
		}
		tracked, tracker := messaging.WithTracker(ctx)
		if err := api.CreateVolume(tracked, m); err != nil {
			t.Fatal(err)
		}
		if err := tracker.Wait(ctx); err != nil {
			t.Fatal(err)
		}
		return m
	}

	m := create(1, 6)
	v, err := s.Volume(ctx, id(1), "")
	if err != nil || v.Host != "node@a#a" || v.ScheduledAt.IsZero() || v.AvailabilityZone != "nova" {
		t.Errorf("volume %+v: %v", v, err)
	}
	if sent := <-got; sent.FlowID != m.FlowID || sent.Request.Host != "node@a#a" {
		t.Errorf("sent %+v", sent)
	}
	if recs, err := s.Flows(ctx, "node@a", 0, 10); err != nil || len(recs) != 1 || recs[0].ID != m.FlowID {
		t.Errorf("records of the volume service: %+v, %v", recs, err)
	}
	create(2, 6)
	if v, err = s.Volume(ctx, id(2), ""); err != nil || v.Status != block.VolumeError || v.Host != "" {
		t.Errorf("volume %+v: %v", v, err)
	}
	if recs, err := s.Flows(ctx, rpcapi.SchedulerOwner, 0, 10); err != nil || len(recs) != 0 {
		t.Errorf("records of the scheduler: %+v, %v", recs, err)
	}
}
