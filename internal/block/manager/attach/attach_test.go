package attach

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

var connector = block.Connector{"host": "compute-1", "initiator": "iqn.x", "mountpoint": "/dev/vdb"}

func newService(w *managertest.World) *Service {
	return New(Options{Backend: managertest.Host, Store: w, Exports: export.New(w.Backend, w.Target),
		Flows: flow.NewEngine(journal.New(w), flow.Options{UndoPause: 1, Log: slog.New(slog.DiscardHandler)}),
		Now:   func() time.Time { return time.Unix(1_700_000_000, 0) }})
}

func want[V comparable](t *testing.T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func begun[S any](w *managertest.World, s *Service, f *flow.Flow[S, store.Tx], name, id string, st *S) flowtest.World[S, store.Tx] {
	return flowtest.World[S, store.Tx]{Journal: journal.New(w), Flow: f, Record: s.record(name, id), State: st,
		Records: func(t *testing.T) []flow.Record {
			recs, err := w.Flows(t.Context(), managertest.Host, 0, 100)
			if err != nil {
				t.Fatal(err)
			}
			return recs
		}}
}

func attachStatus(t *testing.T, w *managertest.World, id string) string {
	a, err := w.Attachment(t.Context(), id, "")
	if err != nil {
		return "gone"
	}
	return string(a.AttachStatus)
}

func TestUpdateFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[updateState, store.Tx]{UndoneOnResume: true,
		New: func(t *testing.T) flowtest.World[updateState, store.Tx] {
			w := managertest.NewWorld(t)
			s := newService(w)
			v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeReserved })
			a := w.AddAttachment(t, v, block.AttachReserved, nil)
			st := &updateState{AttachmentUpdate: rpcapi.AttachmentUpdate{VolumeID: v.ID, AttachmentID: a.ID, Connector: connector}}
			fw := begun(w, s, s.update, rpcapi.FlowAttachmentUpdate, a.ID, st)
			fw.Resume = func(ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[updateState, store.Tx], r flow.Record) error {
				other := *s
				other.Flows, other.update = e, f
				return other.undoUpdate(ctx, r)
			}
			fw.Done = func(t *testing.T) {
				want(t, "volume", w.VolumeStates(t, v.ID), "attaching/attaching")
				want(t, "attachment", attachStatus(t, w, a.ID), "attaching")
				want(t, "connections", len(w.Target.Connections()), 1)
			}
			fw.Undone = func(t *testing.T, cause error) {
				want(t, "connections", len(w.Target.Connections()), 0)
				switch attachStatus(t, w, a.ID) {
				case "reserved":
					want(t, "volume", string(volume(t, w, v.ID).Status), "reserved")
				case "error_attaching":
					want(t, "volume", w.VolumeStates(t, v.ID), "available/detached")
					want(t, "cause", fault.KindOf(cause), fault.Internal)
				default:
					t.Errorf("attachment %s", attachStatus(t, w, a.ID))
				}
			}
			return fw
		}})
}

func volume(t *testing.T, w *managertest.World, id string) *block.Volume {
	t.Helper()
	v, err := w.Volume(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDeleteFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[deleteState, store.Tx]{
		New: func(t *testing.T) flowtest.World[deleteState, store.Tx] {
			w := managertest.NewWorld(t)
			s := newService(w)
			v := w.AddVolume(t, func(v *block.Volume) {
				v.Status, v.AttachStatus, v.Multiattach = block.VolumeInUse, block.AttachAttached, true
				v.AdminMetadata["attached_mode"] = "rw"
			})
			a := w.AddAttachment(t, v, block.AttachAttached, nil)
			other := w.AddAttachment(t, v, block.AttachReserved, nil)
			for _, id := range []string{a.ID, other.ID} {
				if _, err := s.Exports.Connect(t.Context(), v, id, nil, false); err != nil {
					t.Fatal(err)
				}
			}
			st := &deleteState{AttachmentDelete: rpcapi.AttachmentDelete{VolumeID: v.ID, AttachmentID: a.ID}}
			fw := begun(w, s, s.del, rpcapi.FlowAttachmentDelete, a.ID, st)
			fw.Done = func(t *testing.T) {
				want(t, "volume", w.VolumeStates(t, v.ID), "reserved/reserved")
				want(t, "attachment", attachStatus(t, w, a.ID), "gone")
				_, open := w.Target.Connections()[a.ID]
				want(t, "connected", open, false)
				want(t, "connections", len(w.Target.Connections()), 1)
				_, mode := volume(t, w, v.ID).AdminMetadata["attached_mode"]
				want(t, "attached_mode kept", mode, false)
			}
			fw.Undone = func(t *testing.T, _ error) {
				want(t, "volume", w.VolumeStates(t, v.ID), "in-use/attached")
				if got := attachStatus(t, w, a.ID); got != "error_detaching" && got != "attached" {
					t.Errorf("attachment %s", got)
				}
			}
			return fw
		}})
}

func TestUpdateWritesWhatCinderWrites(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	w.AddType(&block.VolumeType{ID: "t1", ExtraSpecs: map[string]string{"cacheable": "<is> True"}})
	v := w.AddVolume(t, func(v *block.Volume) { v.Status, v.VolumeTypeID = block.VolumeReserved, "t1" })
	a := w.AddAttachment(t, v, block.AttachReserved, func(a *block.Attachment) { a.AttachMode = "ro" })
	info, err := s.Update(t.Context(), &rpcapi.AttachmentUpdate{VolumeID: v.ID, AttachmentID: a.ID, Connector: connector})
	if err != nil {
		t.Fatal(err)
	}
	wantInfo := map[string]any{"driver_volume_type": "nbd", "export": a.ID, "attachment_id": a.ID, "access_mode": "ro",
		"encrypted": false, "qos_specs": nil, "cacheable": true, "enforce_multipath": false}
	if diff := cmp.Diff(wantInfo, info); diff != "" {
		t.Error(diff)
	}
	got, _ := w.Attachment(t.Context(), a.ID, "")
	if diff := cmp.Diff(wantInfo, got.Connection); diff != "" {
		t.Error(diff)
	}
	want(t, "host", got.AttachedHost, "compute-1")
	want(t, "mountpoint", got.Mountpoint, "/dev/vdb")
	want(t, "mode", got.AttachMode, "ro")
	want(t, "connector's mode", got.Connector.Text("mode"), "ro")
	want(t, "time", got.AttachTime.Unix(), 1_700_000_000)
	want(t, "read-only export", w.Target.Connections()[a.ID].ReadOnly, true)
	want(t, "the caller's connector", len(connector), 3)
}

func TestUpdateRefuses(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	v := w.AddVolume(t, nil)
	foreign := w.AddVolume(t, func(v *block.Volume) { v.Host = "other@x#p" })
	for name, tc := range map[string]struct {
		m    rpcapi.AttachmentUpdate
		kind fault.Kind
	}{
		"no volume":     {rpcapi.AttachmentUpdate{VolumeID: uuid.NewString()}, fault.NotFound},
		"no attachment": {rpcapi.AttachmentUpdate{VolumeID: v.ID, AttachmentID: uuid.NewString()}, fault.NotFound},
		"not ours":      {rpcapi.AttachmentUpdate{VolumeID: foreign.ID}, fault.Invalid},
	} {
		_, err := s.Update(t.Context(), &tc.m)
		want(t, name, fault.KindOf(err), tc.kind)
	}
	if recs, _ := w.Flows(t.Context(), managertest.Host, 0, 10); len(recs) != 0 {
		t.Errorf("the journal has %+v", recs)
	}
}

// TestFailedRepeatKeepsTheConsumer: a consumer that is connected keeps its connection when a second update fails.
func TestFailedRepeatKeepsTheConsumer(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeReserved })
	a := w.AddAttachment(t, v, block.AttachReserved, nil)
	m := &rpcapi.AttachmentUpdate{VolumeID: v.ID, AttachmentID: a.ID, Connector: connector}
	if _, err := s.Update(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	w.Target.Fail(fault.New(fault.Unavailable, "", "the target is away"))
	if _, err := s.Update(t.Context(), m); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("error %v", err)
	}
	want(t, "connections", len(w.Target.Connections()), 1)
	want(t, "attachment", attachStatus(t, w, a.ID), "attaching")
}

func TestLegacy(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeAttaching })
	info, err := s.Initialize(t.Context(), &rpcapi.InitializeConnection{VolumeID: v.ID, Connector: connector})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "type", info.DriverVolumeType, "nbd")
	want(t, "access mode", info.Data["access_mode"], any("rw"))
	id, _ := info.Data["export"].(string)
	again, err := newService(w).Initialize(t.Context(), &rpcapi.InitializeConnection{VolumeID: v.ID, Connector: connector})
	if err != nil || again.Data["export"] != id || id == "" {
		t.Errorf("after a restart: %v, %v; want the same connection %s", again, err, id)
	}

	a, err := s.Attach(t.Context(), &rpcapi.AttachVolume{VolumeID: v.ID, HostName: "My Host_1!", Mountpoint: "/dev/vdb", Mode: "rw"})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "host", a.AttachedHost, "my-host-1")
	want(t, "volume", w.VolumeStates(t, v.ID), "in-use/attached")
	same, err := s.Attach(t.Context(), &rpcapi.AttachVolume{VolumeID: v.ID, HostName: "My Host_1!", Mode: "rw"})
	if err != nil || same.ID != a.ID {
		t.Errorf("attached again: %v, %v", same, err)
	}
	_, err = s.Attach(t.Context(), &rpcapi.AttachVolume{VolumeID: v.ID, InstanceUUID: uuid.NewString(), Mode: "rw"})
	want(t, "second consumer", fault.NameOf(err), "InvalidVolume")
	_, err = s.Attach(t.Context(), &rpcapi.AttachVolume{VolumeID: v.ID, InstanceUUID: "x", Mode: "rw"})
	want(t, "bad instance", fault.NameOf(err), "InvalidUUID")

	// A new process exports it again, with nothing but the rows to go by.
	if err := w.Target.Disconnect(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	if err := export.New(w.Backend, w.Target).Restore(t.Context(), volume(t, w, v.ID)); err != nil {
		t.Fatal(err)
	}
	if _, open := w.Target.Connections()[id]; !open {
		t.Error("it was not exported again")
	}

	if err := s.Detach(t.Context(), &rpcapi.DetachVolume{VolumeID: v.ID}); err != nil {
		t.Fatal(err)
	}
	want(t, "volume", w.VolumeStates(t, v.ID), "available/detached")
	want(t, "connections", len(w.Target.Connections()), 0)
	want(t, "admin metadata", len(volume(t, w, v.ID).AdminMetadata), 0)
	if err := s.Detach(t.Context(), &rpcapi.DetachVolume{VolumeID: v.ID}); err != nil {
		t.Errorf("detach of what is not attached: %v", err)
	}
}

func TestAttachLeavesAVolumeToTheOperationThatHasIt(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	for _, status := range []block.VolumeStatus{block.VolumeDeleting, block.VolumeExtending, block.VolumeCreating, block.VolumeError} {
		v := w.AddVolume(t, func(v *block.Volume) { v.Status = status })
		attached := w.AddAttachment(t, v, block.AttachReserved, func(a *block.Attachment) { a.AttachedHost = "known" })
		for _, host := range []string{"known", "new"} {
			_, err := s.Attach(t.Context(), &rpcapi.AttachVolume{VolumeID: v.ID, HostName: host, Mode: "rw"})
			want(t, string(status)+", host "+host, fault.NameOf(err), "InvalidVolume")
		}
		want(t, "status", volume(t, w, v.ID).Status, status)
		want(t, "attachment", attachStatus(t, w, attached.ID), "reserved")
	}
}

func TestTerminate(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	v := w.AddVolume(t, nil)
	for _, host := range []string{"a", "b", "c"} {
		if _, err := s.Initialize(t.Context(), &rpcapi.InitializeConnection{VolumeID: v.ID, Connector: block.Connector{"host": host}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Terminate(t.Context(), &rpcapi.TerminateConnection{VolumeID: v.ID, Connector: block.Connector{"host": "b"}}); err != nil {
		t.Fatal(err)
	}
	want(t, "after one", len(w.Target.Connections()), 2)
	want(t, "remembered", len(export.Legacy(volume(t, w, v.ID))), 2)
	if err := s.Terminate(t.Context(), &rpcapi.TerminateConnection{VolumeID: v.ID}); err != nil {
		t.Fatal(err)
	}
	want(t, "after all", len(w.Target.Connections()), 0)
	want(t, "remembered", len(export.Legacy(volume(t, w, v.ID))), 0)
}

func TestInitializeThatFailsIsForgotten(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.AdminMetadata["readonly"] = "True" })
	w.Driver.FailNext("local_path", fault.New(fault.Unavailable, "", "not now"))
	_, err := s.Initialize(t.Context(), &rpcapi.InitializeConnection{VolumeID: v.ID, Connector: connector})
	want(t, "kind", fault.KindOf(err), fault.Unavailable)
	want(t, "remembered", len(export.Legacy(volume(t, w, v.ID))), 0)
	info, err := s.Initialize(t.Context(), &rpcapi.InitializeConnection{VolumeID: v.ID, Connector: connector})
	if err != nil {
		t.Fatal(err)
	}
	want(t, "access mode", info.Data["access_mode"], any("ro"))
	var told []string
	s.Tell = func(_ context.Context, _ *block.Volume, action, detail string, cause error) {
		told = append(told, action+" "+block.MessageDetail(cause, detail))
	}
	_, err = s.Attach(t.Context(), &rpcapi.AttachVolume{VolumeID: v.ID, HostName: "h", Mode: "rw"})
	want(t, "rw of a read-only volume", fault.NameOf(err), "InvalidVolumeAttachMode")
	_, err = s.Attach(t.Context(), &rpcapi.AttachVolume{VolumeID: w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeError }).ID, HostName: "h"})
	want(t, "attach of a broken volume", fault.NameOf(err), "InvalidVolume")
	if !slices.Equal(told, []string{"002 005"}) {
		t.Errorf("the users are told %v", told)
	}
}

func TestDetachNeedsAnIDAmongSeveral(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeInUse })
	w.AddAttachment(t, v, block.AttachAttached, nil)
	b := w.AddAttachment(t, v, block.AttachAttached, nil)
	want(t, "without id", fault.NameOf(s.Detach(t.Context(), &rpcapi.DetachVolume{VolumeID: v.ID})), "InvalidVolume")
	if err := s.Detach(t.Context(), &rpcapi.DetachVolume{VolumeID: v.ID, AttachmentID: b.ID}); err != nil {
		t.Fatal(err)
	}
	want(t, "volume", w.VolumeStates(t, v.ID), "in-use/attached")
}

// TestDetachHidesNoError: a volume whose making failed has no storage. Upstream makes it available when it is told to
// detach it, and nobody would know any more.
func TestDetachHidesNoError(t *testing.T) {
	w := managertest.NewWorld(t)
	s := newService(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeError })
	if err := s.Detach(t.Context(), &rpcapi.DetachVolume{VolumeID: v.ID}); err != nil {
		t.Fatal(err)
	}
	want(t, "volume", w.VolumeStates(t, v.ID), "error/detached")
}
