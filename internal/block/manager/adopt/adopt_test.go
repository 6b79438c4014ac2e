package adopt

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

type noExports struct{}

func (noExports) DisconnectAll(context.Context, *block.Volume) error { return nil }

func newService(w *managertest.World) *Service {
	return New(Options{Backend: managertest.Host, Store: w, Storage: w.Backend, Exports: noExports{}, CountSnapshots: true,
		Flows: flow.NewEngine(journal.New(w), flow.Options{UndoPause: 1})})
}

// handed is a flow that a message brought: its record is in the journal.
func handed[S any](t *testing.T, w *managertest.World, f *flow.Flow[S, store.Tx], flowID, name, id string, st *S) flowtest.World[S, store.Tx] {
	t.Helper()
	data, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	r := flow.Record{ID: flowID, Name: name, Owner: managertest.Host, ResourceType: "x", ResourceID: id, State: data}
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), r) }); err != nil {
		t.Fatal(err)
	}
	return flowtest.World[S, store.Tx]{Journal: journal.New(w), Flow: f, Record: r, State: st, Continue: true,
		Records: func(t *testing.T) []flow.Record {
			recs, err := w.Flows(t.Context(), managertest.Host, 0, 10)
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

// offers says whether the storage has something of this name to be managed.
func offers(t *testing.T, w *managertest.World, name string) bool {
	t.Helper()
	volumes, err := w.Backend.ManageableVolumes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	snapshots, err := w.Backend.ManageableSnapshots(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range append(volumes, snapshots...) {
		if e.Reference.SourceName() == name {
			return true
		}
	}
	return false
}

func TestManageVolumeFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[volumeState, store.Tx]{New: func(t *testing.T) flowtest.World[volumeState, store.Tx] {
		w := managertest.NewWorld(t)
		w.Driver.AddExisting("lun7", 3, false)
		v := &block.Volume{ID: uuid.NewString(), ProjectID: managertest.Project, UseQuota: true, Host: managertest.Host, Status: block.VolumeManaging,
			AttachStatus: block.AttachDetached}
		if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) }); err != nil {
			t.Fatal(err)
		}
		st := &volumeState{ManageExisting: rpcapi.ManageExisting{FlowID: uuid.NewString(), VolumeID: v.ID, Reference: map[string]any{"source-name": "lun7"}}}
		fw := handed(t, w, newService(w).manageVolume, st.FlowID, rpcapi.FlowVolumeManage, v.ID, st)
		fw.Done = func(t *testing.T) {
			now, err := w.Volume(t.Context(), v.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			want(t, "status", now.Status, block.VolumeAvailable)
			want(t, "size", now.SizeGiB, 3)
			want(t, "host", now.Host, managertest.Pool)
			want(t, "launched", now.LaunchedAt.IsZero(), false)
			want(t, "held", w.Held(t, v.ID), true)
			want(t, "offered still", offers(t, w, "lun7"), false)
			want(t, "usage", w.Usage(managertest.Project)["gigabytes"], 3)
		}
		fw.Undone = func(t *testing.T, _ error) {
			now, err := w.Volume(t.Context(), v.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			want(t, "status", now.Status, block.VolumeErrorManaging)
			want(t, "size", now.SizeGiB, 0)
			want(t, "held", w.Held(t, v.ID), false)
			want(t, "given back", offers(t, w, "lun7"), true)
			want(t, "usage", w.Usage(managertest.Project)["gigabytes"], 0)
		}
		return fw
	}})
}

func TestUnmanageVolumeFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[volumeState, store.Tx]{New: func(t *testing.T) flowtest.World[volumeState, store.Tx] {
		w := managertest.NewWorld(t)
		v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeUnmanaging })
		st := &volumeState{ManageExisting: rpcapi.ManageExisting{FlowID: uuid.NewString(), VolumeID: v.ID}}
		fw := handed(t, w, newService(w).unmanageVolume, st.FlowID, rpcapi.FlowVolumeUnmanage, v.ID, st)
		fw.Done = func(t *testing.T) {
			want(t, "volume", w.VolumeStates(t, v.ID), "gone")
			want(t, "held", w.Held(t, v.ID), false)
			want(t, "kept", offers(t, w, "unmanaged-volume-"+v.ID), true)
			want(t, "usage", w.Usage(managertest.Project)["gigabytes"], 0)
		}
		fw.Undone = func(t *testing.T, _ error) { want(t, "volume", w.VolumeStates(t, v.ID), "error_unmanaging/detached") }
		return fw
	}})
}

func TestManageSnapshotFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[snapshotState, store.Tx]{New: func(t *testing.T) flowtest.World[snapshotState, store.Tx] {
		w := managertest.NewWorld(t)
		w.Driver.AddExisting("picture", 2, true)
		s := w.AddSnapshot(t, w.AddVolume(t, nil), block.SnapshotCreating)
		st := &snapshotState{ManageExistingSnapshot: rpcapi.ManageExistingSnapshot{FlowID: uuid.NewString(), SnapshotID: s.ID,
			Reference: map[string]any{"source-name": "picture"}}}
		fw := handed(t, w, newService(w).manageSnapshot, st.FlowID, rpcapi.FlowSnapshotManage, s.ID, st)
		fw.Done = func(t *testing.T) {
			now, err := w.Snapshot(t.Context(), s.ID, "")
			if err != nil {
				t.Fatal(err)
			}
			want(t, "status", now.Status, block.SnapshotAvailable)
			want(t, "size", now.VolumeSizeGiB, 2)
			want(t, "held", w.Held(t, s.ID), true)
			want(t, "offered still", offers(t, w, "picture"), false)
		}
		fw.Undone = func(t *testing.T, _ error) {
			want(t, "snapshot", w.SnapshotStatus(t, s.ID), "error")
			want(t, "held", w.Held(t, s.ID), false)
			want(t, "given back", offers(t, w, "picture"), true)
		}
		return fw
	}})
}

func TestUnmanageSnapshotFlow(t *testing.T) {
	busy := fault.New(fault.Busy, "", "busy")
	flowtest.Check(t, flowtest.Case[snapshotState, store.Tx]{Faults: []error{busy, fault.New(fault.Internal, "", "broken")},
		New: func(t *testing.T) flowtest.World[snapshotState, store.Tx] {
			w := managertest.NewWorld(t)
			s := w.AddSnapshot(t, w.AddVolume(t, nil), block.SnapshotUnmanaging)
			st := &snapshotState{ManageExistingSnapshot: rpcapi.ManageExistingSnapshot{FlowID: uuid.NewString(), SnapshotID: s.ID}}
			fw := handed(t, w, newService(w).unmanageSnapshot, st.FlowID, rpcapi.FlowSnapshotUnmanage, s.ID, st)
			fw.Done = func(t *testing.T) {
				want(t, "snapshot", w.SnapshotStatus(t, s.ID), "gone")
				want(t, "held", w.Held(t, s.ID), false)
				want(t, "kept", offers(t, w, "unmanaged-snapshot-"+s.ID), true)
			}
			fw.Undone = func(t *testing.T, cause error) {
				status := "error_deleting"
				if fault.Is(cause, fault.Busy) {
					status = "available"
				}
				want(t, "snapshot", w.SnapshotStatus(t, s.ID), status)
			}
			return fw
		}})
}

func TestLists(t *testing.T) {
	w := managertest.NewWorld(t)
	v := w.AddVolume(t, nil)
	s := w.AddSnapshot(t, v, block.SnapshotAvailable)
	for i, name := range []string{"a", "b", "c"} {
		w.Driver.AddExisting(name, int64(10-i), false)
	}
	lost := uuid.NewString() // in storage, without a row
	if _, err := w.Backend.CreateVolume(t.Context(), driver.Volume{ID: lost, SizeGiB: 1}); err != nil {
		t.Fatal(err)
	}
	service := newService(w)
	names := func(q rpcapi.GetManageable) []string {
		t.Helper()
		r, err := service.Volumes(t.Context(), &q)
		if err != nil {
			t.Fatal(err)
		}
		out := []string{}
		for _, e := range r.Entries {
			name, _ := e.Reference["source-name"].(string)
			out = append(out, name)
			switch name {
			case "volume-" + v.ID:
				want(t, "why not", e.ReasonNotSafe, "already managed")
				want(t, "whose", e.CinderID, v.ID)
				want(t, "safe", e.SafeToManage, false)
			default:
				want(t, "safe", e.SafeToManage, true)
				want(t, "whose", e.CinderID, "")
			}
		}
		return out
	}
	bySize := []rpcapi.SortKey{{Key: "size", Desc: true}}
	for _, tc := range []struct {
		q    rpcapi.GetManageable
		want []string
	}{
		{rpcapi.GetManageable{Limit: 3}, []string{"a", "b", "c"}},
		{rpcapi.GetManageable{Limit: 2, Marker: `{"source-name": "a"}`}, []string{"b", "c"}},
		{rpcapi.GetManageable{Limit: 1, Offset: 1}, []string{"b"}},
		{rpcapi.GetManageable{Limit: 9, Offset: 99}, []string{}},
		{rpcapi.GetManageable{}, []string{}},
		{rpcapi.GetManageable{Limit: 3, Sort: bySize}, []string{"a", "b", "c"}},
		{rpcapi.GetManageable{Limit: 3, Sort: []rpcapi.SortKey{{Key: "reference", Desc: true}}, Offset: 2}, []string{"c", "b", "a"}},
	} {
		if d := cmp.Diff(tc.want, names(tc.q)); d != "" {
			t.Errorf("%+v (-want +got):\n%s", tc.q, d)
		}
	}
	want(t, "all", len(names(rpcapi.GetManageable{Limit: 100})), 5)
	for marker, text := range map[string]string{"x": "can not be analysed", `{"source-name": "z"}`: "marker not found", "[]": "can not be analysed"} {
		if _, err := service.Volumes(t.Context(), &rpcapi.GetManageable{Limit: 1, Marker: marker}); !fault.Is(err, fault.Invalid) {
			t.Errorf("marker %s (%s): %v", marker, text, err)
		}
	}
	r, err := service.Snapshots(t.Context(), &rpcapi.GetManageable{Limit: 5})
	if err != nil || len(r.Entries) != 1 || r.Entries[0].CinderID != s.ID || r.Entries[0].Source["source-name"] != "volume-"+v.ID {
		t.Errorf("%+v, %v", r, err)
	}
}

func TestAlreadyManaged(t *testing.T) {
	w := managertest.NewWorld(t)
	v := w.AddVolume(t, nil)
	service := newService(w)
	self := uuid.NewString()
	for name, managed := range map[string]bool{"volume-" + v.ID: true, "volume-" + self: false, "volume-x": false, "lun": false, "volume-" + uuid.NewString(): false} {
		err := service.alreadyManaged(t.Context(), driver.Reference{"source-name": name}, self)
		if (fault.NameOf(err) == "ManageExistingAlreadyManaged") != managed {
			t.Errorf("%s: %v", name, err)
		}
	}
	service.Names = block.Names{Volumes: "vol_%s", Snapshots: "snap_%s"} // then others are no longer ours
	for name, managed := range map[string]bool{"volume-" + v.ID: false, "vol_" + v.ID: true} {
		err := service.alreadyManaged(t.Context(), driver.Reference{"source-name": name}, self)
		if (fault.NameOf(err) == "ManageExistingAlreadyManaged") != managed {
			t.Errorf("%s: %v", name, err)
		}
	}
}
