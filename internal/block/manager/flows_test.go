package manager

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
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
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// caster is a transport that keeps what is cast.
type caster struct {
	messaging.Transport
	mu    sync.Mutex
	casts []messaging.Message
}

func (c *caster) Cast(_ context.Context, _ messaging.Target, m messaging.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.casts = append(c.casts, m)
	return nil
}

func (c *caster) sent() []messaging.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.casts
}

var discard = slog.New(slog.DiscardHandler)

func newManager(w *managertest.World, change ...func(o *Options)) (*Manager, *caster) {
	tr := &caster{}
	engine := flow.NewEngine(journal.New(w), flow.Options{Stopping: messaging.ErrStopping, UndoPause: 1, Log: discard})
	o := Options{Host: managertest.Host, ServiceUUID: "5e4f1ce0-0000-4000-8000-000000000000", Store: w, Flows: engine,
		Backend: w.Backend, Target: w.Target, Transport: tr, Log: discard}
	for _, f := range change {
		f(&o)
	}
	return New(o), tr
}

// handed is a flow that a message brought to m: its record is in the journal.
func handed[S any](t *testing.T, w *managertest.World, f *flow.Flow[S, store.Tx], flowID, name, id string, st *S) flowtest.World[S, store.Tx] {
	t.Helper()
	state, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	r := flow.Record{ID: flowID, Name: name, Owner: managertest.Host, ResourceType: "x", ResourceID: id, State: state}
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), r) }); err != nil {
		t.Fatal(err)
	}
	return flowtest.World[S, store.Tx]{Journal: journal.New(w), Flow: f, Record: r, State: st, Continue: true,
		Records: func(t *testing.T) []flow.Record { return records(t, w, managertest.Host) }}
}

func records(t *testing.T, w *managertest.World, owner string) []flow.Record {
	t.Helper()
	recs, err := w.Flows(t.Context(), owner, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return recs
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
	errRequest = fault.New(fault.Invalid, "InvalidInput", "it cannot be")
)

func TestCreateFlow(t *testing.T) {
	kinds := map[string]func(t *testing.T, w *managertest.World, v *block.Volume){
		"raw": func(*testing.T, *managertest.World, *block.Volume) {},
		"clone": func(t *testing.T, w *managertest.World, v *block.Volume) {
			v.SourceVolumeID = w.AddVolume(t, func(v *block.Volume) {
				v.Bootable, v.ImageMetadata = true, map[string]string{"image_name": "cirros"}
			}).ID
		},
		"from snapshot": func(t *testing.T, w *managertest.World, v *block.Volume) {
			v.SnapshotID = w.AddSnapshot(t, w.AddVolume(t, func(v *block.Volume) {
				v.Bootable, v.ImageMetadata = true, map[string]string{"image_name": "of the volume as it is now"}
			}), block.SnapshotAvailable).ID
			if err := w.Update(t.Context(), func(tx store.Tx) error {
				return tx.PutSnapshotImageMetadata(t.Context(), v.SnapshotID, map[string]string{"image_name": "cirros"})
			}); err != nil {
				t.Fatal(err)
			}
		},
	}
	for kind, source := range kinds {
		for _, attempts := range []int{0, 1} {
			t.Run(kind+map[int]string{0: ", not to be scheduled again", 1: ", to be scheduled again"}[attempts], func(t *testing.T) {
				flowtest.Check(t, flowtest.Case[creation, store.Tx]{Faults: []error{errBackend},
					New: func(t *testing.T) flowtest.World[creation, store.Tx] { return createWorld(t, attempts, source) }})
			})
		}
	}
	t.Run("a fault of the request is final", func(t *testing.T) {
		flowtest.Check(t, flowtest.Case[creation, store.Tx]{Faults: []error{errRequest},
			New: func(t *testing.T) flowtest.World[creation, store.Tx] {
				fw := createWorld(t, 1, kinds["raw"])
				return fw
			}})
	})
}

func createWorld(t *testing.T, attempts int, source func(*testing.T, *managertest.World, *block.Volume)) flowtest.World[creation, store.Tx] {
	w := managertest.NewWorld(t)
	m, tr := newManager(w)
	v := w.AddVolume(t, func(v *block.Volume) {
		v.Status = block.VolumeCreating
		source(t, w, v)
	})
	st := &creation{FlowID: uuid.NewString()}
	st.VolumeID, st.Host, st.Attempts = v.ID, v.Host, attempts
	fw := handed(t, w, m.flows.create, st.FlowID, rpcapi.FlowVolumeCreate, v.ID, st)
	fw.Resume = func(ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[creation, store.Tx], r flow.Record) error {
		return flow.Resume(ctx, e, f, r)
	}
	fw.Done = func(t *testing.T) {
		now, err := w.Volume(t.Context(), v.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "status", now.Status, block.VolumeAvailable)
		want(t, "held", w.Held(t, v.ID), true)
		want(t, "launched", now.LaunchedAt.IsZero(), false)
		want(t, "service", now.ServiceUUID, m.ServiceUUID)
		if v.SourceVolumeID != "" || v.SnapshotID != "" {
			want(t, "bootable", now.Bootable, true)
			want(t, "image metadata", now.ImageMetadata["image_name"], "cirros")
		}
	}
	fw.Undone = func(t *testing.T, cause error) {
		now, err := w.Volume(t.Context(), v.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "held", w.Held(t, v.ID), false)
		if attempts == 0 || fault.Is(cause, fault.Invalid) {
			want(t, "status", now.Status, block.VolumeError)
			want(t, "host", now.Host, managertest.Pool)
			return
		}
		want(t, "status", now.Status, block.VolumeCreating)
		want(t, "host", now.Host, "")
		recs := records(t, w, rpcapi.SchedulerOwner)
		if len(recs) != 1 || recs[0].ID != st.FlowID {
			t.Fatalf("the scheduler has %+v in the journal", recs)
		}
		var req rpcapi.CreateRequest
		if err := json.Unmarshal(recs[0].State, &req); err != nil {
			t.Fatal(err)
		}
		want(t, "host asked for", req.Host, "")
		if len(req.Tried) != 1 || req.Tried[0] != managertest.Pool {
			t.Errorf("tried %v", req.Tried)
		}
		for _, c := range tr.sent() {
			want(t, "flow id of the message", c.Args.(*rpcapi.CreateVolume).FlowID, st.FlowID)
		}
	}
	return fw
}

func TestDeleteFlow(t *testing.T) {
	for _, cascade := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "cascade"}[cascade], func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[deletion, store.Tx]{Faults: []error{errBackend, errBusy},
				New: func(t *testing.T) flowtest.World[deletion, store.Tx] { return deleteWorld(t, cascade) }})
		})
	}
}

func deleteWorld(t *testing.T, cascade bool) flowtest.World[deletion, store.Tx] {
	w := managertest.NewWorld(t)
	m, _ := newManager(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeDeleting })
	var snapshots []*block.Snapshot
	if cascade {
		for range 2 {
			snapshots = append(snapshots, w.AddSnapshot(t, v, block.SnapshotDeleting))
		}
	}
	a := w.AddAttachment(t, v, block.AttachErrorAttaching, nil)
	if _, err := m.exports.Connect(t.Context(), v, a.ID, nil, false); err != nil {
		t.Fatal(err)
	}
	st := &deletion{}
	st.FlowID, st.VolumeID, st.Cascade = uuid.NewString(), v.ID, cascade
	fw := handed(t, w, m.flows.del, st.FlowID, rpcapi.FlowVolumeDelete, v.ID, st)
	fw.Done = func(t *testing.T) {
		want(t, "row", w.VolumeStates(t, v.ID), "gone")
		want(t, "held", w.Held(t, v.ID), false)
		want(t, "connections", len(w.Target.Connections()), 0)
		want(t, "usage", w.Usage(managertest.Project)["volumes"], 0)
		for _, s := range snapshots {
			want(t, "snapshot", w.SnapshotStatus(t, s.ID), "gone")
			want(t, "snapshot held", w.Held(t, s.ID), false)
		}
	}
	fw.Undone = func(t *testing.T, cause error) {
		status, snapshotStatus := "error_deleting/detached", "error_deleting"
		if fault.Is(cause, fault.Busy) {
			status, snapshotStatus = "available/detached", "available"
		}
		want(t, "volume", w.VolumeStates(t, v.ID), status)
		for _, s := range snapshots {
			if got := w.SnapshotStatus(t, s.ID); got != "gone" {
				want(t, "snapshot", got, snapshotStatus)
				want(t, "snapshot held", w.Held(t, s.ID), true)
			}
		}
	}
	return fw
}

func TestExtendFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[extension, store.Tx]{
		New: func(t *testing.T) flowtest.World[extension, store.Tx] {
			w := managertest.NewWorld(t)
			m, _ := newManager(w)
			v := w.AddVolume(t, nil)
			w.AddAttachment(t, v, block.AttachAttached, nil)
			err := w.Update(t.Context(), func(tx store.Tx) error {
				_, err := tx.UpdateVolume(t.Context(), v.ID, store.VolumeWhen{},
					store.VolumeSet{Status: new(block.VolumeExtending), SizeGiB: new(int64(3)), AttachStatus: new(block.AttachAttached)})
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			st := &extension{}
			st.FlowID, st.VolumeID, st.OldSizeGiB, st.NewSizeGiB = uuid.NewString(), v.ID, 1, 3
			fw := handed(t, w, m.flows.extend, st.FlowID, rpcapi.FlowVolumeExtend, v.ID, st)
			fw.Done = func(t *testing.T) {
				want(t, "volume", w.VolumeStates(t, v.ID), "in-use/attached")
				size, _ := w.Driver.VolumeSizeGiB(v.ID)
				want(t, "size in storage", size, 3)
			}
			fw.Undone = func(t *testing.T, _ error) {
				want(t, "volume", w.VolumeStates(t, v.ID), "error_extending/attached")
				now, _ := w.Volume(t.Context(), v.ID, "")
				want(t, "size", now.SizeGiB, 1)
				want(t, "usage", w.Usage(managertest.Project)["gigabytes"], 1)
			}
			return fw
		}})
}
