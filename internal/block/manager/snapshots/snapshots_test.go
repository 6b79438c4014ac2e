package snapshots

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

func newService(w *managertest.World) *Service {
	return New(Options{Backend: managertest.Host, Store: w, Storage: w.Backend, CountSnapshots: true,
		Flows: flow.NewEngine(journal.New(w), flow.Options{UndoPause: 1})})
}

// handed is a flow that a message brought: its record is in the journal.
func handed[S any](t *testing.T, w *managertest.World, f *flow.Flow[S, store.Tx], id string, st *S) flowtest.World[S, store.Tx] {
	t.Helper()
	state, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	r := flow.Record{ID: uuid.NewString(), Name: f.Name, Owner: managertest.Host, ResourceType: "snapshot", ResourceID: id, State: state}
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), r) }); err != nil {
		t.Fatal(err)
	}
	return flowtest.World[S, store.Tx]{Journal: journal.New(w), Flow: f, Record: r, State: st, Continue: true,
		Records: func(t *testing.T) []flow.Record {
			recs, err := w.Flows(t.Context(), managertest.Host, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			return recs
		}}
}

func want[V comparable](t *testing.T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

var (
	errBackend = fault.New(fault.Internal, "VolumeBackendAPIException", "it broke")
	errBusy    = fault.New(fault.Busy, "VolumeIsBusy", "something depends on it")
)

func TestCreateFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[creation, store.Tx]{
		New: func(t *testing.T) flowtest.World[creation, store.Tx] {
			w := managertest.NewWorld(t)
			snap := w.AddSnapshot(t, w.AddVolume(t, nil), block.SnapshotCreating)
			st := &creation{CreateSnapshot: rpcapi.CreateSnapshot{SnapshotID: snap.ID}}
			fw := handed(t, w, newService(w).create, snap.ID, st)
			fw.Done = func(t *testing.T) {
				want(t, "snapshot", w.SnapshotStatus(t, snap.ID), "available")
				want(t, "held", w.Held(t, snap.ID), true)
			}
			fw.Undone = func(t *testing.T, _ error) {
				want(t, "snapshot", w.SnapshotStatus(t, snap.ID), "error")
				want(t, "held", w.Held(t, snap.ID), false)
			}
			return fw
		}})
}

func TestDeleteFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[deletion, store.Tx]{Faults: []error{errBackend, errBusy},
		New: func(t *testing.T) flowtest.World[deletion, store.Tx] {
			w := managertest.NewWorld(t)
			snap := w.AddSnapshot(t, w.AddVolume(t, nil), block.SnapshotDeleting)
			st := &deletion{DeleteSnapshot: rpcapi.DeleteSnapshot{SnapshotID: snap.ID}}
			fw := handed(t, w, newService(w).del, snap.ID, st)
			fw.Done = func(t *testing.T) {
				want(t, "snapshot", w.SnapshotStatus(t, snap.ID), "gone")
				want(t, "held", w.Held(t, snap.ID), false)
				want(t, "usage", w.Usage(managertest.Project)["snapshots"], 0)
			}
			fw.Undone = func(t *testing.T, cause error) {
				status := "error_deleting"
				if fault.Is(cause, fault.Busy) {
					status = "available"
				}
				want(t, "snapshot", w.SnapshotStatus(t, snap.ID), status)
			}
			return fw
		}})
}

// TestDeleteAll: a cascade takes the snapshots of its volume and no others, and none that nobody asked it to delete.
func TestDeleteAll(t *testing.T) {
	w := managertest.NewWorld(t)
	v := w.AddVolume(t, nil)
	going, other := w.AddSnapshot(t, v, block.SnapshotDeleting), w.AddSnapshot(t, w.AddVolume(t, nil), block.SnapshotDeleting)
	s := newService(w)
	if err := s.DeleteAll(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	want(t, "snapshot", w.SnapshotStatus(t, going.ID), "gone")
	want(t, "held", w.Held(t, going.ID), false)
	want(t, "the other's", w.SnapshotStatus(t, other.ID), "deleting")
	staying := w.AddSnapshot(t, v, block.SnapshotAvailable)
	want(t, "error", fault.NameOf(s.DeleteAll(t.Context(), v)), "InvalidSnapshot")
	want(t, "one that is not to go", w.Held(t, staying.ID), true)
}

// TestUnmanageOnly: a delete that leaves the bytes is passed on and touches nothing here.
func TestUnmanageOnly(t *testing.T) {
	w := managertest.NewWorld(t)
	snap := w.AddSnapshot(t, w.AddVolume(t, nil), block.SnapshotDeleting)
	s := newService(w)
	passed := ""
	s.Unmanage = func(_ context.Context, m *rpcapi.DeleteSnapshot) error {
		passed = m.SnapshotID
		return nil
	}
	if err := s.Delete(t.Context(), &rpcapi.DeleteSnapshot{SnapshotID: snap.ID, UnmanageOnly: true}); err != nil {
		t.Fatal(err)
	}
	want(t, "passed on", passed, snap.ID)
	want(t, "snapshot", w.SnapshotStatus(t, snap.ID), "deleting")
}
