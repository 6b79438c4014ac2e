package wire_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/membership"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire"
	"github.com/clinker/clinker/internal/block/scheduler"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/brokertest"
)

// cloud is a scheduler, a volume service and a caller in the place of an API, each with a connection to the broker of its own,
// as three processes have.
type cloud struct {
	*testing.T
	store  *sqlstore.Store
	api    messaging.Transport
	typeID string
}

func newCloud(t *testing.T) *cloud {
	b, err := brokertest.Start()
	if errors.Is(err, brokertest.ErrMissing) {
		t.Skip(err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	log := slog.New(slog.DiscardHandler)
	if testing.Verbose() {
		log = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	connect := func() messaging.Transport {
		codec, err := wire.New(wire.Options{Store: s})
		if err != nil {
			t.Fatal(err)
		}
		tr, err := rabbit.New(rabbit.Options{Codec: codec, Options: broker.Options{Log: log, Exchange: "openstack",
			Hosts: []broker.Host{{Address: b.Address, User: brokertest.User, Password: brokertest.Password}}}})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = tr.Close(context.Background()) })
		return tr
	}
	vt, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	c := &cloud{T: t, store: s, api: connect(), typeID: vt.ID}
	c.start(connect(), connect(), log)
	return c
}

// start starts the services over the store as they see it when others may be Python's.
func (c *cloud) start(scheduling, volumes messaging.Transport, log *slog.Logger) {
	c.Helper()
	s := journal.Keeping(c.store, journal.NewKeepers(time.Minute, nil))
	member, err := membership.Join(c.Context(), s, block.Service{Host: managertest.Host, Binary: block.BinaryVolume, Topic: block.BinaryVolume, AvailabilityZone: "nova",
		RPCCurrentVersion: block.VolumeRPCVersion, ObjectCurrentVersion: block.ObjectVersion}, membership.Options{Owner: managertest.Host, Log: log})
	if err != nil {
		c.Fatal(err)
	}
	w := managertest.NewWorld(c.T)
	m := manager.New(manager.Options{Host: managertest.Host, ServiceUUID: member.Row().UUID, Store: s, Backend: w.Backend, Target: w.Target, Transport: volumes,
		Flows: flow.NewEngine(journal.New(s), flow.Options{Stopping: messaging.ErrStopping, Log: log}), Log: log, MaxAttempts: 3})
	sch, err := scheduler.New(scheduler.Options{Host: "control", Log: log}, s, scheduling, nil)
	if err != nil {
		c.Fatal(err)
	}
	for _, service := range []interface {
		Start(context.Context) error
		Stop(context.Context) error
	}{m, sch} {
		if err := service.Start(c.Context()); err != nil {
			c.Fatal(err)
		}
		c.Cleanup(func() {
			ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
			defer cancel()
			if err := service.Stop(ctx); err != nil {
				c.Error(err)
			}
		})
	}
}

func (c *cloud) update(fn func(ctx context.Context, tx store.Tx) error) {
	c.Helper()
	if err := c.store.Update(c.Context(), func(tx store.Tx) error { return fn(c.Context(), tx) }); err != nil {
		c.Fatal(err)
	}
}

// begin changes rows, enters an operation in the journal, and casts it.
func (c *cloud) begin(rec flow.Record, change func(ctx context.Context, tx store.Tx) error, cast func(ctx context.Context) error) {
	c.Helper()
	c.update(func(ctx context.Context, tx store.Tx) error {
		if err := change(ctx, tx); err != nil || rec.ID == "" {
			return err
		}
		return tx.PutFlow(ctx, rec)
	})
	if err := cast(c.Context()); err != nil {
		c.Fatal(err)
	}
}

// becomes waits until what is looked at is as wanted.
func (c *cloud) becomes(what string, look func() string, want string) {
	c.Helper()
	var got string
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = look(); got == want {
			return
		}
	}
	c.Fatalf("%s is %q, want %q", what, got, want)
}

func (c *cloud) volume(id string) func() string {
	return func() string {
		v, err := c.store.Volume(c.Context(), id, "")
		if err != nil {
			return string(fault.NameOf(err))
		}
		return fmt.Sprintf("%s/%s %d", v.Status, v.AttachStatus, v.SizeGiB)
	}
}

func (c *cloud) snapshot(id string) func() string {
	return func() string {
		s, err := c.store.Snapshot(c.Context(), id, "")
		if err != nil {
			return fault.NameOf(err)
		}
		return string(s.Status)
	}
}

// TestServicesOverTheBroker takes a volume through its life over RabbitMQ, as an API of ours asks for it, whose operations are
// in the journal, and as a Python API does, which has none.
func TestServicesOverTheBroker(t *testing.T) {
	c := newCloud(t)
	scheduling, volumes := rpcapi.Scheduler{Client: c.api}, rpcapi.Volume{Client: c.api}
	c.becomes("the scheduler's knowledge", func() string {
		pools, err := scheduling.GetPools(t.Context(), nil)
		return fmt.Sprint(len(pools.Pools), err)
	}, "1 <nil>")
	for _, journalled := range []bool{true, false} {
		rec := func(name, owner, kind, id string, state string) flow.Record {
			if !journalled {
				return flow.Record{}
			}
			return flow.Record{ID: uuid.NewString(), Name: name, Owner: owner, ResourceType: kind, ResourceID: id, State: []byte(state)}
		}
		v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", UserID: "u", UseQuota: true, SizeGiB: 1, VolumeTypeID: c.typeID, Status: block.VolumeCreating,
			AttachStatus: block.AttachDetached, AvailabilityZone: "nova", Metadata: map[string]string{"a": "b"}, SharedTargets: new(true)}
		r := rec(rpcapi.FlowVolumeCreate, rpcapi.SchedulerOwner, "volume", v.ID, `{"volume_id":"`+v.ID+`"}`)
		c.begin(r, func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) },
			func(ctx context.Context) error {
				return scheduling.CreateVolume(ctx, &rpcapi.CreateVolume{FlowID: r.ID, VolumeID: v.ID, Request: rpcapi.CreateRequest{VolumeID: v.ID}})
			})
		c.becomes("the volume", c.volume(v.ID), "available/detached 1")

		c.extend(scheduling, v.ID, journalled, rec)
		c.snapshots(scheduling, volumes, v.ID, rec)
		c.attach(volumes, v.ID)

		d := rec(rpcapi.FlowVolumeDelete, managertest.Host, "volume", v.ID, `{"VolumeID":"`+v.ID+`"}`)
		c.begin(d, func(ctx context.Context, tx store.Tx) error { return c.status(ctx, tx, v.ID, block.VolumeDeleting) },
			func(ctx context.Context) error {
				return volumes.Cast(ctx, managertest.Pool, "3.0", rpcapi.MethodDeleteVolume, &rpcapi.DeleteVolume{FlowID: d.ID, VolumeID: v.ID})
			})
		c.becomes("the volume", c.volume(v.ID), "VolumeNotFound")
	}
	for _, owner := range []string{rpcapi.SchedulerOwner, managertest.Host} {
		c.becomes("the journal", func() string {
			recs, err := c.store.Flows(t.Context(), owner, 0, 10)
			return fmt.Sprint(len(recs), err)
		}, "0 <nil>")
	}
	var info block.ConnectionInfo
	err := volumes.Call(t.Context(), managertest.Pool, "3.0", rpcapi.MethodInitializeConnection, &rpcapi.InitializeConnection{VolumeID: uuid.NewString()}, &info)
	if !fault.Is(err, fault.NotFound) {
		t.Errorf("a volume that is gone: %v", err)
	}
}

func (c *cloud) status(ctx context.Context, tx store.Tx, id string, to block.VolumeStatus) error {
	_, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{}, store.VolumeSet{Status: &to, StatusToPrevious: true})
	return err
}

type recorder = func(name, owner, kind, id string, state string) flow.Record

// extend grows a volume to 3 GiB; whether the row has that from the beginning is the API's affair.
func (c *cloud) extend(scheduling rpcapi.Scheduler, id string, early bool, rec recorder) {
	c.Helper()
	r := rec(rpcapi.FlowVolumeExtend, rpcapi.SchedulerOwner, "volume", id, `{"VolumeID":"`+id+`","OldSizeGiB":1,"NewSizeGiB":3}`)
	c.begin(r, func(ctx context.Context, tx store.Tx) error {
		set := store.VolumeSet{Status: new(block.VolumeExtending), StatusToPrevious: true}
		if early {
			set.SizeGiB = new(int64(3))
		}
		_, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{}, set)
		return err
	}, func(ctx context.Context) error {
		return scheduling.ExtendVolume(ctx, &rpcapi.ExtendVolume{FlowID: r.ID, VolumeID: id, OldSizeGiB: 1, NewSizeGiB: 3})
	})
	c.becomes("the volume", c.volume(id), "available/detached 3")
}

func (c *cloud) snapshots(scheduling rpcapi.Scheduler, volumes rpcapi.Volume, volumeID string, rec recorder) {
	c.Helper()
	n := &block.Snapshot{ID: uuid.NewString(), VolumeID: volumeID, ProjectID: "p", UserID: "u", UseQuota: true, VolumeSizeGiB: 3, VolumeTypeID: c.typeID,
		Status: block.SnapshotCreating, Metadata: map[string]string{}}
	r := rec(rpcapi.FlowSnapshotCreate, rpcapi.SchedulerOwner, "snapshot", n.ID, `{"SnapshotID":"`+n.ID+`"}`)
	c.begin(r, func(ctx context.Context, tx store.Tx) error { return tx.CreateSnapshot(ctx, n) },
		func(ctx context.Context) error {
			return scheduling.CreateSnapshot(ctx, &rpcapi.CreateSnapshot{FlowID: r.ID, SnapshotID: n.ID})
		})
	c.becomes("the snapshot", c.snapshot(n.ID), "available")
	d := rec(rpcapi.FlowSnapshotDelete, managertest.Host, "snapshot", n.ID, `{"SnapshotID":"`+n.ID+`"}`)
	c.begin(d, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateSnapshot(ctx, n.ID, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotDeleting)})
		return err
	}, func(ctx context.Context) error {
		return volumes.Cast(ctx, managertest.Pool, "3.0", rpcapi.MethodDeleteSnapshot, &rpcapi.DeleteSnapshot{FlowID: d.ID, SnapshotID: n.ID})
	})
	c.becomes("the snapshot", c.snapshot(n.ID), "SnapshotNotFound")
}

// attach makes an attachment, and the old kind of connection, and ends them.
func (c *cloud) attach(volumes rpcapi.Volume, id string) {
	c.Helper()
	a := &block.Attachment{ID: uuid.NewString(), VolumeID: id, AttachStatus: block.AttachReserved, AttachMode: "null"}
	c.update(func(ctx context.Context, tx store.Tx) error {
		return errors.Join(c.status(ctx, tx, id, block.VolumeReserved), tx.CreateAttachment(ctx, a))
	})
	call := func(version, method string, args, reply any) {
		c.Helper()
		if err := volumes.Call(c.Context(), managertest.Pool, version, method, args, reply); err != nil {
			c.Errorf("%s: %v", method, err)
		}
	}
	connector := block.Connector{"host": "compute", "multipath": false}
	var connection map[string]any
	call("3.9", rpcapi.MethodAttachmentUpdate, &rpcapi.AttachmentUpdate{VolumeID: id, AttachmentID: a.ID, Connector: connector}, &connection)
	if connection["driver_volume_type"] == nil || connection["attachment_id"] != a.ID {
		c.Errorf("the connection is %v", connection)
	}
	c.becomes("the volume", c.volume(id), "attaching/attaching 3")
	call("3.9", rpcapi.MethodAttachmentDelete, &rpcapi.AttachmentDelete{VolumeID: id, AttachmentID: a.ID}, nil)
	c.becomes("the volume", c.volume(id), "available/detached 3")
	var info block.ConnectionInfo
	call("3.0", rpcapi.MethodInitializeConnection, &rpcapi.InitializeConnection{VolumeID: id, Connector: connector}, &info)
	if info.DriverVolumeType == "" || len(info.Data) == 0 {
		c.Errorf("the connection is %+v", info)
	}
	call("3.0", rpcapi.MethodTerminateConnection, &rpcapi.TerminateConnection{VolumeID: id, Connector: connector}, nil)
	var attachment block.Attachment
	call("3.0", rpcapi.MethodAttachVolume, &rpcapi.AttachVolume{VolumeID: id, HostName: "compute", Mountpoint: "/dev/vdb", Mode: "rw"}, &attachment)
	if attachment.VolumeID != id || attachment.AttachStatus != block.AttachAttached {
		c.Errorf("the attachment is %+v", attachment)
	}
	call("3.4", rpcapi.MethodDetachVolume, &rpcapi.DetachVolume{VolumeID: id, AttachmentID: attachment.ID}, nil)
	c.becomes("the volume", c.volume(id), "available/detached 3")
}
