package cleanup

import (
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// wires are what messages go out by; they note where to.
type wires struct {
	messaging.Client
	mu   sync.Mutex
	sent map[string]int64 // the service to clean up for, by topic and server
}

func (w *wires) Cast(_ context.Context, t messaging.Target, m messaging.Message) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.sent[t.Topic+" "+t.Server] = m.Args.(*rpcapi.CleanupRequest).ServiceID
	return nil
}

// TestWhoCleansUp: a scheduler for schedulers, the living for themselves and their clusters, nobody for others.
func TestWhoCleansUp(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ids := map[string]int64{}
	for _, row := range []block.Service{
		{Host: "c", Binary: block.BinaryScheduler}, {Host: "n@up", Binary: block.BinaryVolume}, {Host: "n@disabled", Binary: block.BinaryVolume, Disabled: true},
		{Host: "m@x", Binary: block.BinaryVolume, ClusterName: "cl@x"}, {Host: "n", Binary: block.BinaryBackup},
	} {
		row.Topic = row.Binary
		err := s.Update(t.Context(), func(tx store.Tx) error {
			got, err := tx.RegisterService(t.Context(), &row)
			if err == nil {
				ids[row.Binary+" "+row.Host] = got.ID
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	w := &wires{}
	service := New(Options{Host: "c", Store: s, Schedulers: rpcapi.Scheduler{Client: w}, Volumes: rpcapi.Volume{Client: w}, DownTime: time.Minute,
		Log: slog.New(slog.DiscardHandler)})
	down := New(service.Options)
	down.DownTime = -time.Hour // nobody is up
	hosts := func(list []*block.Service) (names []string) {
		for _, one := range list {
			names = append(names, one.Binary+" "+one.Host)
		}
		return names
	}
	for name, c := range map[string]struct {
		of                    *Service
		request               rpcapi.CleanupRequest
		cleaning, unavailable []string
		sent                  map[string]int64
	}{
		"those that are up": {service, rpcapi.CleanupRequest{Up: new(true)},
			[]string{"cinder-scheduler c", "cinder-volume n@up", "cinder-volume n@disabled", "cinder-volume m@x", "cinder-backup n"}, nil,
			map[string]int64{"cinder-scheduler ": 1, "cinder-volume.n@up n": 2, "cinder-volume.n@disabled n": 3, "cinder-volume.cl@x cl": 4}},
		"those that are down": {service, rpcapi.CleanupRequest{Up: new(false)}, nil, nil, map[string]int64{}},
		"nobody is up": {down, rpcapi.CleanupRequest{}, []string{"cinder-scheduler c"},
			[]string{"cinder-volume n@up", "cinder-volume n@disabled", "cinder-volume m@x", "cinder-backup n"}, map[string]int64{"cinder-scheduler ": 1}},
		"a host":      {service, rpcapi.CleanupRequest{Host: "n", Binary: block.BinaryVolume}, []string{"cinder-volume n@up", "cinder-volume n@disabled"}, nil, map[string]int64{"cinder-volume.n@up n": 2, "cinder-volume.n@disabled n": 3}},
		"a back end":  {service, rpcapi.CleanupRequest{Host: "n@up"}, []string{"cinder-volume n@up"}, nil, map[string]int64{"cinder-volume.n@up n": 2}},
		"a cluster":   {service, rpcapi.CleanupRequest{ClusterName: "cl@x"}, []string{"cinder-volume m@x"}, nil, map[string]int64{"cinder-volume.cl@x cl": 4}},
		"by id":       {service, rpcapi.CleanupRequest{ServiceID: ids["cinder-volume n@up"]}, []string{"cinder-volume n@up"}, nil, map[string]int64{"cinder-volume.n@up n": 2}},
		"if disabled": {service, rpcapi.CleanupRequest{Disabled: new(true)}, []string{"cinder-volume n@disabled"}, nil, map[string]int64{"cinder-volume.n@disabled n": 3}},
	} {
		w.sent = map[string]int64{}
		answer, err := c.of.work(t.Context(), &c.request)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([][]string{c.cleaning, c.unavailable}, [][]string{hosts(answer.Cleaning), hosts(answer.Unavailable)}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if diff := cmp.Diff(c.sent, w.sent); diff != "" {
			t.Errorf("%s was sent (-want +got):\n%s", name, diff)
		}
	}
}
