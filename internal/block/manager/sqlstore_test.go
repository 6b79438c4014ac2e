package manager

import (
	"context"
	"encoding/json"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/recovery"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// life is one volume service over a real database, driven through its method table.
type life struct {
	*testing.T
	store  store.Store
	w      *managertest.World
	m      *Manager
	typeID string
}

func newLife(t *testing.T) *life {
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	vt, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	w := managertest.NewWorld(t)
	m := New(Options{Host: managertest.Host, Store: s, Backend: w.Backend, Target: w.Target, Transport: &caster{}, Log: discard,
		Flows: flow.NewEngine(journal.New(s), flow.Options{Stopping: messaging.ErrStopping, UndoPause: 1, Log: discard})})
	return &life{t, s, w, m, vt.ID}
}

func (l *life) update(fn func(ctx context.Context, tx store.Tx) error) {
	l.Helper()
	if err := l.store.Update(l.Context(), func(tx store.Tx) error { return fn(l.Context(), tx) }); err != nil {
		l.Fatal(err)
	}
}

// hand enters an operation in the journal with the change that begins it, and then sends its message.
func (l *life) hand(method, name string, state any, flowID, id string, change func(ctx context.Context, tx store.Tx) error) (any, error) {
	l.Helper()
	l.journal(name, state, flowID, id, change)
	return l.send(method, state)
}

func (l *life) journal(name string, state any, flowID, id string, change func(ctx context.Context, tx store.Tx) error) {
	l.Helper()
	b, err := json.Marshal(state)
	if err != nil {
		l.Fatal(err)
	}
	l.update(func(ctx context.Context, tx store.Tx) error {
		if err := change(ctx, tx); err != nil {
			return err
		}
		return tx.PutFlow(ctx, flow.Record{ID: flowID, Name: name, Owner: managertest.Host, ResourceType: "volume", ResourceID: id, State: b})
	})
}

func (l *life) send(method string, args any) (any, error) {
	l.Helper()
	return l.m.methods()[method].Do(l.Context(), args)
}

func (l *life) setStatus(id string, to block.VolumeStatus) func(ctx context.Context, tx store.Tx) error {
	return func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{}, store.VolumeSet{Status: &to})
		return err
	}
}

func (l *life) newVolume() *block.Volume {
	return &block.Volume{ID: uuid.NewString(), ProjectID: managertest.Project, UseQuota: true, SizeGiB: 1, Host: managertest.Pool,
		VolumeTypeID: l.typeID,
		Status:       block.VolumeCreating, AttachStatus: block.AttachDetached, Timestamps: block.Timestamps{CreatedAt: time.Now().UTC()}}
}

func (l *life) volume(id string) *block.Volume {
	l.Helper()
	v, err := l.store.Volume(l.Context(), id, "")
	if err != nil {
		l.Fatal(err)
	}
	return v
}

func (l *life) noRecords() {
	l.Helper()
	if recs, err := l.store.Flows(l.Context(), managertest.Host, 0, 10); err != nil || len(recs) != 0 {
		l.Errorf("the journal has %+v, %v", recs, err)
	}
}

// TestLifeOfAVolume takes one volume through everything, on a real database.
func TestLifeOfAVolume(t *testing.T) {
	l := newLife(t)
	v := l.newVolume()
	id := v.ID
	create := &rpcapi.CreateVolume{FlowID: uuid.NewString(), VolumeID: id, Request: rpcapi.CreateRequest{VolumeID: id, Host: managertest.Pool}}
	l.journal(rpcapi.FlowVolumeCreate, create.Request, create.FlowID, id,
		func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) })
	must(t)(l.send(rpcapi.MethodCreateVolume, create))
	want(t, "created", l.volume(id).Status, block.VolumeAvailable)
	l.noRecords()

	extend := &rpcapi.ExtendVolume{FlowID: uuid.NewString(), VolumeID: id, OldSizeGiB: 1, NewSizeGiB: 2}
	must(t)(l.hand(rpcapi.MethodExtendVolume, rpcapi.FlowVolumeExtend, extend, extend.FlowID, id, func(ctx context.Context, tx store.Tx) error {
		_, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeExtending), SizeGiB: new(int64(2))})
		return err
	}))
	want(t, "extended", l.volume(id).Status, block.VolumeAvailable)

	snap := &block.Snapshot{ID: uuid.NewString(), VolumeID: id, ProjectID: managertest.Project, UseQuota: true, VolumeTypeID: l.typeID, VolumeSizeGiB: 2, Status: block.SnapshotCreating}
	take := &rpcapi.CreateSnapshot{FlowID: uuid.NewString(), SnapshotID: snap.ID}
	must(t)(l.hand(rpcapi.MethodCreateSnapshot, rpcapi.FlowSnapshotCreate, take, take.FlowID, snap.ID,
		func(ctx context.Context, tx store.Tx) error { return tx.CreateSnapshot(ctx, snap) }))
	s, err := l.store.Snapshot(t.Context(), snap.ID, "")
	if err != nil || s.Status != block.SnapshotAvailable || s.Progress != "100%" {
		t.Errorf("snapshot %+v, %v", s, err)
	}
	l.attachments(id)

	del := &rpcapi.DeleteVolume{FlowID: uuid.NewString(), VolumeID: id, Cascade: true}
	must(t)(l.hand(rpcapi.MethodDeleteVolume, rpcapi.FlowVolumeDelete, del, del.FlowID, id, func(ctx context.Context, tx store.Tx) error {
		if _, err := tx.UpdateSnapshot(ctx, snap.ID, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotDeleting)}); err != nil {
			return err
		}
		return l.setStatus(id, block.VolumeDeleting)(ctx, tx)
	}))
	if _, err := l.store.Volume(t.Context(), id, ""); !fault.Is(err, fault.NotFound) {
		t.Errorf("deleted: %v", err)
	}
	want(t, "volume held", l.w.Held(t, id), false)
	want(t, "snapshot held", l.w.Held(t, snap.ID), false)
	l.noRecords()
}

func must(t *testing.T) func(any, error) {
	return func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
}

// attachments attaches the volume the new way and the old way, and detaches it.
func (l *life) attachments(id string) {
	l.Helper()
	a := &block.Attachment{ID: uuid.NewString(), VolumeID: id, AttachStatus: block.AttachReserved, AttachMode: "null"}
	l.update(func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateAttachment(ctx, a); err != nil {
			return err
		}
		return l.setStatus(id, block.VolumeReserved)(ctx, tx)
	})
	must(l.T)(l.send(rpcapi.MethodAttachmentUpdate, &rpcapi.AttachmentUpdate{VolumeID: id, AttachmentID: a.ID,
		Connector: block.Connector{"host": "compute-1"}}))
	got, err := l.store.Attachment(l.Context(), a.ID, "")
	if err != nil || got.AttachStatus != block.AttachAttaching || got.Connection["driver_volume_type"] != "nbd" || got.Connector.Text("host") != "compute-1" {
		l.Errorf("attachment %+v, %v", got, err)
	}
	want(l.T, "attaching", l.volume(id).Status, block.VolumeAttaching)
	must(l.T)(l.send(rpcapi.MethodAttachmentDelete, &rpcapi.AttachmentDelete{VolumeID: id, AttachmentID: a.ID}))
	want(l.T, "detached", l.volume(id).Status, block.VolumeAvailable)

	must(l.T)(l.send(rpcapi.MethodInitializeConnection, &rpcapi.InitializeConnection{VolumeID: id, Connector: block.Connector{"host": "h"}}))
	must(l.T)(l.send(rpcapi.MethodAttachVolume, &rpcapi.AttachVolume{VolumeID: id, HostName: "h", Mountpoint: "/dev/vdb", Mode: "rw"}))
	want(l.T, "attached", l.volume(id).AttachStatus, block.AttachAttached)
	want(l.T, "attached mode", l.volume(id).AdminMetadata["attached_mode"], "rw")
	must(l.T)(l.send(rpcapi.MethodDetachVolume, &rpcapi.DetachVolume{VolumeID: id}))
	want(l.T, "detached", l.volume(id).AttachStatus, block.AttachDetached)
	must(l.T)(l.send(rpcapi.MethodTerminateConnection, &rpcapi.TerminateConnection{VolumeID: id}))
	want(l.T, "connections", len(l.w.Target.Connections()), 0)
	want(l.T, "admin metadata", len(l.volume(id).AdminMetadata), 0)
	l.noRecords()
}

// TestRecoveryOnARealDatabase: what is in the journal when the service starts is done by one pass, and claimed once.
func TestRecoveryOnARealDatabase(t *testing.T) {
	l := newLife(t)
	var ids []string
	for range 20 {
		v := l.newVolume()
		ids = append(ids, v.ID)
		l.journal(rpcapi.FlowVolumeCreate, rpcapi.CreateRequest{VolumeID: v.ID, Host: managertest.Pool}, uuid.NewString(), v.ID,
			func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) })
	}
	if err := recovery.Recover(t.Context(), l.store, managertest.Host, 0, l.m.watches()[0].Resume); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		want(t, "volume", l.volume(id).Status, block.VolumeAvailable)
	}
	l.noRecords()
	n := 0
	if err := l.m.eachVolume(t.Context(), func(*block.Volume) { n++ }); err != nil || n != len(ids) {
		t.Errorf("%d volumes, %v", n, err)
	}
	l.m.capacity.report(t.Context(), true)
	want(t, "allocated", l.m.capacity.allocated["fake"], 20)
}
