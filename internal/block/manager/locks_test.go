package manager

import (
	"context"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/lock"
)

// taken is a Locker that remembers which names were taken.
type taken struct {
	lock.Local
	mu    sync.Mutex
	names []string
}

func (l *taken) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	l.mu.Lock()
	l.names = append(l.names, name)
	l.mu.Unlock()
	return l.Local.Lock(ctx, name)
}

// TestLocks: for the same work Cinder's volume service takes the same locks.
func TestLocks(t *testing.T) {
	w, locks := managertest.NewWorld(t), &taken{}
	m, _ := newManager(w, func(o *Options) { o.Locks = locks })
	creating := func(v *block.Volume) { v.Status, v.LaunchedAt = block.VolumeCreating, time.Time{} }
	v := w.AddVolume(t, nil)
	snap := w.AddSnapshot(t, v, block.SnapshotAvailable)
	other := w.AddVolume(t, nil)
	doomed := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeDeleting })
	old := w.AddSnapshot(t, v, block.SnapshotDeleting)
	whole := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeDeleting })
	part := w.AddSnapshot(t, whole, block.SnapshotDeleting)
	empty := w.AddVolume(t, creating)
	ofSnapshot := w.AddVolume(t, func(v *block.Volume) { creating(v); v.SnapshotID = snap.ID })
	clone := w.AddVolume(t, func(c *block.Volume) { creating(c); c.SourceVolumeID = v.ID })
	create := func(v *block.Volume) *rpcapi.CreateVolume {
		return &rpcapi.CreateVolume{FlowID: uuid.NewString(), VolumeID: v.ID, Request: rpcapi.CreateRequest{VolumeID: v.ID, SnapshotID: v.SnapshotID, SourceVolumeID: v.SourceVolumeID}}
	}
	for _, c := range []struct {
		method string
		args   any
		want   []string
	}{
		{rpcapi.MethodCreateVolume, create(empty), nil},
		{rpcapi.MethodCreateVolume, create(ofSnapshot), []string{snap.ID + "-delete_snapshot"}},
		{rpcapi.MethodCreateVolume, create(clone), []string{v.ID + "-delete_volume"}},
		{rpcapi.MethodDeleteSnapshot, &rpcapi.DeleteSnapshot{FlowID: uuid.NewString(), SnapshotID: old.ID}, []string{old.ID + "-delete_snapshot"}},
		{rpcapi.MethodDeleteVolume, &rpcapi.DeleteVolume{FlowID: uuid.NewString(), VolumeID: doomed.ID}, []string{doomed.ID + "-delete_volume"}},
		{rpcapi.MethodDeleteVolume, &rpcapi.DeleteVolume{FlowID: uuid.NewString(), VolumeID: whole.ID, Cascade: true},
			[]string{whole.ID + "-delete_volume", part.ID + "-delete_snapshot"}},
		{rpcapi.MethodAttachVolume, &rpcapi.AttachVolume{VolumeID: other.ID, HostName: "h", Mode: "rw"}, []string{other.ID}},
		{rpcapi.MethodDetachVolume, &rpcapi.DetachVolume{VolumeID: other.ID}, []string{other.ID + "-detach_volume"}},
	} {
		locks.names = nil
		if _, err := m.methods()[c.method].Do(t.Context(), c.args); err != nil {
			t.Errorf("%s: %v", c.method, err)
		}
		if !slices.Equal(locks.names, c.want) {
			t.Errorf("%s took %v, want %v", c.method, locks.names, c.want)
		}
	}
	for _, v := range []*block.Volume{empty, ofSnapshot, clone} {
		want(t, "made", w.VolumeStates(t, v.ID), "available/detached")
	}
	want(t, "deleted", w.VolumeStates(t, doomed.ID)+w.VolumeStates(t, whole.ID), "gonegone")
}

// TestLockThatCannotBeHad: work waits for the lock of a neighbour, at most as long as that may need it; then the journal has it.
func TestLockThatCannotBeHad(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, locks := managertest.NewWorld(t), &lock.Local{}
		m, _ := newManager(w, func(o *Options) { o.Locks = locks })
		remove := func(v *block.Volume) {
			t.Helper()
			if _, err := m.methods()[rpcapi.MethodDeleteVolume].Do(t.Context(), &rpcapi.DeleteVolume{VolumeID: v.ID}); err != nil {
				t.Errorf("delete: %v", err)
			}
		}
		deleting := func(v *block.Volume) { v.Status = block.VolumeDeleting }
		waits, never, lost := w.AddVolume(t, deleting), w.AddVolume(t, deleting), w.AddVolume(t, deleting)
		for _, v := range []*block.Volume{waits, never} {
			_, unlock, err := locks.Lock(t.Context(), block.LockDeletingVolume(v.ID))
			if err != nil {
				t.Fatal(err)
			}
			if v == waits {
				time.AfterFunc(10*time.Minute, unlock)
			}
		}
		remove(waits)
		want(t, "the one that waited", w.VolumeStates(t, waits.ID), "gone")
		began := time.Now()
		remove(never)
		want(t, "waited", time.Since(began), time.Hour)
		want(t, "records", len(records(t, w, managertest.Host)), 1)

		losing := &losable{}
		m, _ = newManager(w, func(o *Options) { o.Locks = losing })
		w.Driver.SetHook(func(ctx context.Context, _ fake.Call) error {
			losing.lose(lock.ErrLost)
			<-ctx.Done()
			return ctx.Err()
		})
		remove(lost)
		want(t, "records", len(records(t, w, managertest.Host)), 2)
		want(t, "after the lock was lost", w.VolumeStates(t, lost.ID), "deleting/detached")
	})
}

// losable is a Locker whose one lock can be lost.
type losable struct {
	lock.Local
	lose context.CancelCauseFunc
}

func (l *losable) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	held, unlock, err := l.Local.Lock(ctx, name)
	if err == nil {
		held, l.lose = context.WithCancelCause(held)
	}
	return held, unlock, err
}
