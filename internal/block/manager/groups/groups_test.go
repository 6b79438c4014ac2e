package groups

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

func newService(w *managertest.World) *Service {
	return New(Options{Backend: managertest.Host, ServiceUUID: "s", Store: w, Storage: w.Backend, Exports: export.New(w.Backend, w.Target), CountSnapshots: true,
		Flows:          flow.NewEngine(journal.New(w), flow.Options{UndoPause: 1}),
		NotifyVolume:   func(context.Context, string, *block.Volume) {},
		NotifySnapshot: func(context.Context, string, *block.Snapshot, *block.Volume) {},
		TellVolume:     func(context.Context, *block.Volume, string, string, error) {},
		TellSnapshot:   func(context.Context, *block.Snapshot, string, string, error) {}})
}

// handed is a flow that a message brought: its record is in the journal.
func handed[S any](t *testing.T, w *managertest.World, f *flow.Flow[S, store.Tx], id string, st *S) flowtest.World[S, store.Tx] {
	t.Helper()
	state, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	r := flow.Record{ID: uuid.NewString(), Name: f.Name, Owner: managertest.Host, ResourceType: "group", ResourceID: id, State: state}
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
	errCannot  = fault.New(fault.NotImplemented, "", "there is no way to do it")
)

// inGroup makes n volumes in a group.
func inGroup(t *testing.T, w *managertest.World, g *block.Group, n int, change func(v *block.Volume)) (list []*block.Volume) {
	t.Helper()
	for range n {
		list = append(list, w.AddVolume(t, func(v *block.Volume) {
			v.GroupID = g.ID
			if change != nil {
				change(v)
			}
		}))
	}
	return list
}

func TestCreateFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[creation, store.Tx]{New: func(t *testing.T) flowtest.World[creation, store.Tx] {
		w := managertest.NewWorld(t)
		g := w.AddGroup(t, block.GroupCreating, nil)
		fw := handed(t, w, newService(w).create, g.ID, &creation{CreateGroup: rpcapi.CreateGroup{GroupID: g.ID}})
		fw.Done = func(t *testing.T) { want(t, "group", w.GroupStates(t, g.ID), "available/disabled") }
		fw.Undone = func(t *testing.T, _ error) { want(t, "group", w.GroupStates(t, g.ID), "error/disabled") }
		return fw
	}})
}

func TestUpdateFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[change, store.Tx]{New: func(t *testing.T) flowtest.World[change, store.Tx] {
		w := managertest.NewWorld(t)
		g := w.AddGroup(t, block.GroupUpdating, nil)
		inside, outside := inGroup(t, w, g, 1, nil)[0], w.AddVolume(t, nil)
		st := &change{UpdateGroup: rpcapi.UpdateGroup{GroupID: g.ID, AddVolumes: []string{outside.ID}, RemoveVolumes: []string{inside.ID}}}
		fw := handed(t, w, newService(w).update, g.ID, st)
		check := func(t *testing.T, status, in, out string) {
			t.Helper()
			a, _ := w.Volume(t.Context(), inside.ID, "")
			b, _ := w.Volume(t.Context(), outside.ID, "")
			want(t, "group", w.GroupStates(t, g.ID), status)
			want(t, "the group of the one that was in it", a.GroupID, in)
			want(t, "the group of the other one", b.GroupID, out)
		}
		fw.Done = func(t *testing.T) { check(t, "available/disabled", "", g.ID) }
		fw.Undone = func(t *testing.T, _ error) { check(t, "error/disabled", g.ID, "") }
		return fw
	}})
}

// TestUpdateOfWhatHasChanged: one volume that can no longer join keeps all of them as they were.
func TestUpdateOfWhatHasChanged(t *testing.T) {
	w := managertest.NewWorld(t)
	g := w.AddGroup(t, block.GroupUpdating, nil)
	inside, fit := inGroup(t, w, g, 1, nil)[0], w.AddVolume(t, nil)
	for _, unfit := range []*block.Volume{
		w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeExtending }),
		w.AddVolume(t, func(v *block.Volume) { v.GroupID = "other" }),
		w.AddVolume(t, func(v *block.Volume) { v.Host = "node@other#pool" }),
	} {
		st := &change{UpdateGroup: rpcapi.UpdateGroup{GroupID: g.ID, AddVolumes: []string{fit.ID, unfit.ID}, RemoveVolumes: []string{inside.ID}}}
		err := w.Update(t.Context(), func(tx store.Tx) error { return newService(w).updateEntries(t.Context(), tx, st) })
		want(t, "error", fault.NameOf(err), "InvalidVolume")
	}
	now, _ := w.Volume(t.Context(), fit.ID, "")
	want(t, "the group of the one that would fit", now.GroupID, "")
	want(t, "group", w.GroupStates(t, g.ID), "updating/disabled")
}

func TestDeleteFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[deletion, store.Tx]{Faults: []error{errBackend, errBusy}, New: func(t *testing.T) flowtest.World[deletion, store.Tx] {
		w := managertest.NewWorld(t)
		g := w.AddGroup(t, block.GroupDeleting, nil)
		volumes := inGroup(t, w, g, 2, func(v *block.Volume) { v.Status = block.VolumeDeleting })
		fw := handed(t, w, newService(w).del, g.ID, &deletion{DeleteGroup: rpcapi.DeleteGroup{GroupID: g.ID}})
		fw.Done = func(t *testing.T) {
			want(t, "group", w.GroupStates(t, g.ID), "gone")
			for _, v := range volumes {
				want(t, "volume", w.VolumeStates(t, v.ID), "gone")
				want(t, "held", w.Held(t, v.ID), false)
			}
			want(t, "usage", w.Usage(managertest.Project)["groups"], 0)
		}
		fw.Undone = func(t *testing.T, cause error) {
			status, left := "error/disabled", "error/detached"
			if fault.Is(cause, fault.Busy) {
				status, left = "available/disabled", "available/detached"
			}
			want(t, "group", w.GroupStates(t, g.ID), status)
			for _, v := range volumes {
				if got := w.VolumeStates(t, v.ID); got != "gone" {
					want(t, "volume", got, left)
					want(t, "held", w.Held(t, v.ID), true)
				}
			}
		}
		return fw
	}})
}

// TestDeleteAll: that one volume cannot be deleted keeps no other one.
func TestDeleteAll(t *testing.T) {
	w := managertest.NewWorld(t)
	g := w.AddGroup(t, block.GroupDeleting, nil)
	volumes := inGroup(t, w, g, 3, func(v *block.Volume) { v.Status = block.VolumeDeleting })
	w.Driver.FailNext("delete_volume", errBusy)
	s := newService(w)
	m := &rpcapi.DeleteGroup{FlowID: uuid.NewString(), GroupID: g.ID}
	if err := w.Update(t.Context(), func(tx store.Tx) error {
		return tx.PutFlow(t.Context(), s.record(m.FlowID, rpcapi.FlowGroupDelete, g.ID))
	}); err != nil {
		t.Fatal(err)
	}
	err := journal.Continue(t.Context(), s.Flows, s.del, s.record(m.FlowID, rpcapi.FlowGroupDelete, g.ID), &deletion{DeleteGroup: *m})
	want(t, "error", fault.NameOf(err), "VolumeIsBusy")
	left := 0
	for _, v := range volumes {
		if got := w.VolumeStates(t, v.ID); got != "gone" {
			want(t, "volume", got, "available/detached")
			left++
		}
	}
	want(t, "volumes that are left", left, 1)
	want(t, "group", w.GroupStates(t, g.ID), "available/disabled")
}

func TestFromSourceFlow(t *testing.T) {
	for _, from := range []string{"snapshots", "volumes"} {
		t.Run(from, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[copying, store.Tx]{New: func(t *testing.T) flowtest.World[copying, store.Tx] {
				return copyingWorld(t, from == "snapshots")
			}})
		})
	}
}

func copyingWorld(t *testing.T, ofSnapshots bool) flowtest.World[copying, store.Tx] {
	w := managertest.NewWorld(t)
	source, g := w.AddGroup(t, block.GroupAvailable, nil), w.AddGroup(t, block.GroupCreating, nil)
	st := &copying{CreateGroupFromSource: rpcapi.CreateGroupFromSource{GroupID: g.ID}}
	for _, origin := range inGroup(t, w, source, 2, func(v *block.Volume) {
		v.Bootable, v.ImageMetadata = true, map[string]string{"image_name": "cirros"}
	}) {
		st.VolumeIDs = append(st.VolumeIDs, inGroup(t, w, g, 1, func(v *block.Volume) {
			v.Status, v.SourceVolumeID = block.VolumeCreating, origin.ID
			if !ofSnapshots {
				return
			}
			v.SnapshotID, v.SourceVolumeID = w.AddSnapshot(t, origin, block.SnapshotAvailable).ID, ""
			err := w.Update(t.Context(), func(tx store.Tx) error {
				return tx.PutSnapshotImageMetadata(t.Context(), v.SnapshotID, map[string]string{"image_name": "older"})
			})
			if err != nil {
				t.Fatal(err)
			}
		})[0].ID)
	}
	fw := handed(t, w, newService(w).fromSource, g.ID, st)
	check := func(t *testing.T, group, volume string, held bool) {
		t.Helper()
		want(t, "group", w.GroupStates(t, g.ID), group)
		for _, id := range st.VolumeIDs {
			want(t, "volume", w.VolumeStates(t, id), volume)
			want(t, "held", w.Held(t, id), held)
		}
	}
	fw.Done = func(t *testing.T) {
		check(t, "available/disabled", "available/detached", true)
		image := map[bool]string{true: "older", false: "cirros"}[ofSnapshots]
		for _, id := range st.VolumeIDs {
			v, _ := w.Volume(t.Context(), id, "")
			want(t, "launched", v.LaunchedAt.IsZero(), false)
			want(t, "bootable", v.Bootable, true)
			want(t, "image", v.ImageMetadata["image_name"], image)
			want(t, "service", v.ServiceUUID, "s")
		}
	}
	fw.Undone = func(t *testing.T, _ error) { check(t, "error/disabled", "error/detached", false) }
	return fw
}

// TestDeletedWhileCopied: a copy whose rows went while it was made is taken back.
func TestDeletedWhileCopied(t *testing.T) {
	fw := copyingWorld(t, false)
	s := fw.State
	w := managertest.NewWorld(t)
	for _, id := range s.VolumeIDs {
		if _, err := w.Backend.CreateVolume(t.Context(), driver.Volume{ID: id, SizeGiB: 1}); err != nil {
			t.Fatal(err)
		}
	}
	if err := newService(w).removeHalfCopied(t.Context(), s, nil); err != nil {
		t.Fatal(err)
	}
	for _, id := range s.VolumeIDs {
		want(t, "held", w.Held(t, id), false)
	}
}

func TestSnapshotCreateFlow(t *testing.T) {
	for name, specs := range map[string]map[string]string{"one by one": nil, "at once": {block.SpecConsistentGroupSnapshot: "<is> True"}} {
		t.Run(name, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[picture, store.Tx]{New: func(t *testing.T) flowtest.World[picture, store.Tx] {
				w := managertest.NewWorld(t)
				g := w.AddGroup(t, block.GroupAvailable, specs)
				n, parts := w.AddGroupSnapshot(t, g, block.GroupSnapshotCreating, inGroup(t, w, g, 2, nil)...)
				st := &picture{CreateGroupSnapshot: rpcapi.CreateGroupSnapshot{GroupSnapshotID: n.ID, VolumeIDs: map[string]string{}}}
				for _, s := range parts {
					st.VolumeIDs[s.ID] = s.VolumeID
				}
				fw := handed(t, w, newService(w).snapshotCreate, n.ID, st)
				check := func(t *testing.T, status string, held bool) {
					t.Helper()
					want(t, "group snapshot", w.GroupSnapshotStatus(t, n.ID), status)
					for _, s := range parts {
						want(t, "snapshot", w.SnapshotStatus(t, s.ID), status)
						want(t, "held", w.Held(t, s.ID), held)
					}
				}
				fw.Done = func(t *testing.T) { check(t, "available", true) }
				fw.Undone = func(t *testing.T, _ error) { check(t, "error", false) }
				return fw
			}})
		})
	}
}

func TestSnapshotDeleteFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[pictureDeletion, store.Tx]{Faults: []error{errBackend, errBusy},
		New: func(t *testing.T) flowtest.World[pictureDeletion, store.Tx] {
			w := managertest.NewWorld(t)
			g := w.AddGroup(t, block.GroupAvailable, nil)
			n, parts := w.AddGroupSnapshot(t, g, block.GroupSnapshotDeleting, inGroup(t, w, g, 2, nil)...)
			fw := handed(t, w, newService(w).snapshotDelete, n.ID, &pictureDeletion{DeleteGroupSnapshot: rpcapi.DeleteGroupSnapshot{GroupSnapshotID: n.ID}})
			fw.Done = func(t *testing.T) {
				want(t, "group snapshot", w.GroupSnapshotStatus(t, n.ID), "gone")
				for _, s := range parts {
					want(t, "snapshot", w.SnapshotStatus(t, s.ID), "gone")
					want(t, "held", w.Held(t, s.ID), false)
				}
			}
			fw.Undone = func(t *testing.T, cause error) {
				status := "error"
				if fault.Is(cause, fault.Busy) {
					status = "available"
				}
				want(t, "group snapshot", w.GroupSnapshotStatus(t, n.ID), status)
				for _, s := range parts {
					if got := w.SnapshotStatus(t, s.ID); got != "gone" {
						want(t, "snapshot", got, status)
						want(t, "held", w.Held(t, s.ID), true)
					}
				}
			}
			return fw
		}})
}

func TestReplicationFlow(t *testing.T) {
	for name, tc := range map[string]struct{ method, target, meanwhile, before, done string }{
		"enable":   {rpcapi.MethodEnableReplication, "", "enabling", "disabled", "enabled"},
		"disable":  {rpcapi.MethodDisableReplication, "", "disabling", "enabled", "disabled"},
		"failover": {rpcapi.MethodFailoverReplication, "b", "failing-over", "enabled", "failed-over"},
		"failback": {rpcapi.MethodFailoverReplication, "default", "failing-over", "failed-over", "enabled"},
	} {
		t.Run(name, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[replication, store.Tx]{Faults: []error{errBackend, errCannot},
				New: func(t *testing.T) flowtest.World[replication, store.Tx] {
					w := managertest.NewWorld(t)
					g := w.AddGroup(t, block.GroupAvailable, nil)
					volumes := inGroup(t, w, g, 2, func(v *block.Volume) { v.ReplicationStatus = tc.meanwhile })
					st := &replication{SetReplication: rpcapi.SetReplication{GroupID: g.ID, Method: tc.method, SecondaryBackendID: tc.target, Before: map[string]string{g.ID: tc.before}}}
					for _, v := range volumes {
						st.Before[v.ID] = tc.before
					}
					err := w.Update(t.Context(), func(tx store.Tx) error {
						_, err := tx.UpdateGroup(t.Context(), g.ID, store.GroupWhen{}, store.GroupSet{ReplicationStatus: &tc.meanwhile})
						return err
					})
					if err != nil {
						t.Fatal(err)
					}
					fw := handed(t, w, newService(w).replicate, g.ID, st)
					check := func(t *testing.T, group, volume string) {
						t.Helper()
						want(t, "group", w.GroupStates(t, g.ID), group)
						for _, v := range volumes {
							now, _ := w.Volume(t.Context(), v.ID, "")
							want(t, "volume", string(now.Status)+"/"+now.ReplicationStatus, "available/"+volume)
						}
					}
					fw.Done = func(t *testing.T) { check(t, "available/"+tc.done, tc.done) }
					fw.Undone = func(t *testing.T, cause error) {
						if fault.Is(cause, fault.NotImplemented) {
							check(t, "available/"+tc.before, tc.before)
							return
						}
						check(t, "error/error", "error")
					}
					return fw
				}})
		})
	}
}

// TestTaken: what has another back end is left to it, and what is in another state to whoever put it there.
func TestTaken(t *testing.T) {
	w := managertest.NewWorld(t)
	g := w.AddGroup(t, block.GroupAvailable, nil)
	s := newService(w)
	_, err := s.extract(t.Context(), g.ID, block.GroupDeleting)
	want(t, "in another state", err, error(flow.ErrObsolete))
	_, err = s.extract(t.Context(), "gone", block.GroupDeleting)
	want(t, "gone", err, error(flow.ErrObsolete))
	s.Backend = "node@other"
	_, err = s.extract(t.Context(), g.ID, block.GroupAvailable)
	want(t, "another's", err, error(flow.ErrTaken))
	n, _ := w.AddGroupSnapshot(t, g, block.GroupSnapshotCreating)
	want(t, "another's group snapshot", s.own(t.Context(), n), error(flow.ErrTaken))
}
