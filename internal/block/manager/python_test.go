package manager

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow/recovery"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// cutShort sends a message and ends the service while the storage works on it.
func (l *life) cutShort(method string, args any) {
	l.Helper()
	ctx, cancel := context.WithCancelCause(l.Context())
	l.w.Driver.SetHook(func(ctx context.Context, _ fake.Call) error {
		cancel(messaging.ErrStopping)
		<-ctx.Done()
		return ctx.Err()
	})
	if _, err := l.m.methods()[method].Do(ctx, args); err != nil {
		l.Errorf("%s that is cut short: %v", method, err)
	}
	l.w.Driver.SetHook(nil)
}

// TestPythonsMessagesAreJournalled: a message of a sender without a journal is as safe as any once it has arrived.
func TestPythonsMessagesAreJournalled(t *testing.T) {
	l := newLife(t)
	v := l.newVolume()
	l.update(func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) })
	snap := &block.Snapshot{ID: "55555555-0000-4000-8000-000000000000", VolumeID: v.ID, ProjectID: v.ProjectID, VolumeSizeGiB: 1, VolumeTypeID: v.VolumeTypeID,
		Status: block.SnapshotCreating}
	steps := []struct {
		method string
		args   any
		before func(ctx context.Context, tx store.Tx) error
		after  func() string
		want   string
	}{
		{rpcapi.MethodCreateVolume, &rpcapi.CreateVolume{VolumeID: v.ID, Request: rpcapi.CreateRequest{VolumeID: v.ID}}, nil,
			func() string { return string(l.volume(v.ID).Status) }, "available"},
		{rpcapi.MethodExtendVolume, &rpcapi.ExtendVolume{VolumeID: v.ID, OldSizeGiB: 1, NewSizeGiB: 3}, l.setStatus(v.ID, block.VolumeExtending),
			func() string { return string(l.volume(v.ID).Status) }, "available"},
		{rpcapi.MethodCreateSnapshot, &rpcapi.CreateSnapshot{SnapshotID: snap.ID}, func(ctx context.Context, tx store.Tx) error { return tx.CreateSnapshot(ctx, snap) },
			func() string { s, _ := l.store.Snapshot(t.Context(), snap.ID, ""); return string(s.Status) }, "available"},
		{rpcapi.MethodDeleteSnapshot, &rpcapi.DeleteSnapshot{SnapshotID: snap.ID}, func(ctx context.Context, tx store.Tx) error {
			_, err := tx.UpdateSnapshot(ctx, snap.ID, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotDeleting)})
			return err
		}, func() string { _, err := l.store.Snapshot(t.Context(), snap.ID, ""); return err.Error() }, "Snapshot " + snap.ID + " could not be found."},
		{rpcapi.MethodDeleteVolume, &rpcapi.DeleteVolume{VolumeID: v.ID}, l.setStatus(v.ID, block.VolumeDeleting),
			func() string { _, err := l.store.Volume(t.Context(), v.ID, ""); return err.Error() }, "Volume " + v.ID + " could not be found."},
	}
	for _, s := range steps {
		if s.before != nil {
			l.update(s.before)
		}
		l.cutShort(s.method, s.args)
		recs, err := l.store.Flows(t.Context(), managertest.Host, 0, 10)
		if err != nil || len(recs) != 1 {
			t.Fatalf("after %s the journal has %d records: %v", s.method, len(recs), err)
		}
		var state struct {
			FlowID  string
			Another string `json:"flow_id"`
		}
		if err := json.Unmarshal(recs[0].State, &state); err != nil || state.FlowID+state.Another != recs[0].ID {
			t.Errorf("%s: record %s has the state %s", s.method, recs[0].ID, recs[0].State)
		}
		if err := recovery.Recover(t.Context(), l.store, managertest.Host, 0, l.m.watches()[0].Resume); err != nil {
			t.Fatal(err)
		}
		want(t, s.method, s.after(), s.want)
		l.noRecords()
	}
}

// TestExtendAskedByPython: a Python API leaves the row its size, and the volume service writes the new one when it is true.
func TestExtendAskedByPython(t *testing.T) {
	l := newLife(t)
	v := l.newVolume()
	l.update(func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) })
	must(t)(l.send(rpcapi.MethodCreateVolume, &rpcapi.CreateVolume{VolumeID: v.ID, Request: rpcapi.CreateRequest{VolumeID: v.ID}}))
	l.update(l.setStatus(v.ID, block.VolumeExtending))
	must(t)(l.send(rpcapi.MethodExtendVolume, &rpcapi.ExtendVolume{VolumeID: v.ID, OldSizeGiB: 1, NewSizeGiB: 2, Reservations: []string{"nobody's"}}))
	want(t, "size", l.volume(v.ID).SizeGiB, 2)
	want(t, "status", l.volume(v.ID).Status, block.VolumeAvailable)
	l.update(l.setStatus(v.ID, block.VolumeExtending))
	l.w.Driver.FailNext("extend_volume", block.InvalidVolume("full"))
	if _, err := l.send(rpcapi.MethodExtendVolume, &rpcapi.ExtendVolume{VolumeID: v.ID, OldSizeGiB: 2, NewSizeGiB: 9}); err == nil {
		t.Error("the failure is not told")
	}
	want(t, "size", l.volume(v.ID).SizeGiB, 2)
	want(t, "status", l.volume(v.ID).Status, block.VolumeErrorExtending)
	l.noRecords()
}

// TestWhatPythonAsks: the questions that only Python services ask.
func TestWhatPythonAsks(t *testing.T) {
	l := newLife(t)
	v := l.newVolume()
	l.update(func(ctx context.Context, tx store.Tx) error {
		_, err := tx.RegisterService(ctx, &block.Service{Host: managertest.Host, Binary: block.BinaryVolume, Topic: "cinder-volume"})
		return errors.Join(err, tx.CreateVolume(ctx, v))
	})
	must(t)(l.send(rpcapi.MethodAcceptTransfer, &rpcapi.AcceptTransfer{VolumeID: v.ID}))
	if _, err := l.send(rpcapi.MethodAcceptTransfer, &rpcapi.AcceptTransfer{VolumeID: "gone"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a volume that is gone: %v", err)
	}
	must(t)(l.send(rpcapi.MethodRemoveExport, &rpcapi.RemoveExport{VolumeID: v.ID}))
	if r, err := l.send(rpcapi.MethodSecureFileOperations, &rpcapi.AskSecureFileOperations{VolumeID: v.ID}); err != nil || r.(*rpcapi.SecureFileOperations).Enabled {
		t.Errorf("secure: %v, %v", r, err)
	}
	row := func() *block.Service {
		t.Helper()
		services, err := l.store.Services(t.Context(), store.ServiceQuery{Host: managertest.Host})
		if err != nil || len(services) != 1 {
			t.Fatalf("%d services, %v", len(services), err)
		}
		return services[0]
	}
	for _, method := range []string{rpcapi.MethodFreezeHost, rpcapi.MethodThawHost} {
		r, err := l.send(method, &struct{}{})
		if err != nil || !r.(*rpcapi.Agreed).Yes || row().Disabled != (method == rpcapi.MethodFreezeHost) {
			t.Errorf("after %s: %+v, %v, %v", method, row(), r, err)
		}
	}
	must(t)(l.send(rpcapi.MethodFailover, &rpcapi.Failover{}))
	want(t, "a failover of what does not replicate", row().ReplicationStatus, "failover-error")
	want(t, "disabled", row().Disabled, true)
	want(t, "the volume", l.volume(v.ID).Status, block.VolumeCreating)
	must(t)(l.send(rpcapi.MethodFailoverCompleted, &rpcapi.FailoverCompleted{ReplicationStatus: "failed-over", ActiveBackendID: new("dr")}))
	want(t, "told of a failover", row().ReplicationStatus+" "+row().ActiveBackendID, "error dr")
	for _, method := range []string{rpcapi.MethodInitializeSnapshot, rpcapi.MethodTerminateSnapshot, rpcapi.MethodRemoveExportSnapshot} {
		if _, err := l.send(method, &rpcapi.ConnectSnapshot{SnapshotID: "s"}); fault.NameOf(err) != "VolumeBackendAPIException" {
			t.Errorf("%s: %v", method, err)
		}
	}
}

// TestExtendsThatSomebodyElseEnds: Nova has done the last part, or could not.
func TestExtendsThatSomebodyElseEnds(t *testing.T) {
	l := newLife(t)
	v := l.newVolume()
	l.update(func(ctx context.Context, tx store.Tx) error { return tx.CreateVolume(ctx, v) })
	for _, c := range []struct {
		failed bool
		status block.VolumeStatus
		size   int64
	}{{false, block.VolumeAvailable, 3}, {true, block.VolumeErrorExtending, 3}} {
		l.update(l.setStatus(v.ID, block.VolumeExtending))
		must(t)(l.send(rpcapi.MethodExtendVolumeCompletion, &rpcapi.ExtendVolumeCompletion{VolumeID: v.ID, NewSizeGiB: 3 + l.volume(v.ID).SizeGiB - 1, Failed: c.failed}))
		want(t, "status", l.volume(v.ID).Status, c.status)
		want(t, "size", l.volume(v.ID).SizeGiB, c.size)
	}
	must(t)(l.send(rpcapi.MethodExtendVolumeCompletion, &rpcapi.ExtendVolumeCompletion{VolumeID: v.ID, NewSizeGiB: 9}))
	want(t, "what is not being extended", l.volume(v.ID).Status, block.VolumeErrorExtending)
	if _, err := l.send(rpcapi.MethodExtendVolumeCompletion, &rpcapi.ExtendVolumeCompletion{VolumeID: "gone"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a volume that is gone: %v", err)
	}
}
