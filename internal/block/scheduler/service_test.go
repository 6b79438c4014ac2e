package scheduler

import (
	"context"
	"encoding/json"
	"reflect"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

func TestSchedulingWaitsForTheBackends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{})
		a := pool{name: "a", totalGiB: 100, freeGiB: 100, mute: true}
		h.start()
		m := h.volume(id(1), 1)
		if err := h.api.CreateVolume(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
		h.backend(a) // only now does it come; it registers first
		time.Sleep(2 * time.Second)
		if v := h.row(id(1)); v.Status != block.VolumeCreating || v.Host != "" {
			t.Fatalf("before any report the volume is %s at %q", v.Status, v.Host)
		}
		h.report(a)
		synctest.Wait()
		if v := h.row(id(1)); v.Host != "node@a#a" {
			t.Errorf("after the report the volume is %s at %q", v.Status, v.Host)
		}
	})
}

func TestSchedulingDoesNotWaitForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{InitWait: 20 * time.Second})
		h.backend(pool{name: "a", totalGiB: 1, freeGiB: 1, mute: true})
		h.start()
		begin := time.Now()
		<-h.scheduler.ready
		if d := time.Since(begin); d != 20*time.Second {
			t.Errorf("without any report it waited %v", d)
		}
		h.create(h.volume(id(1), 1))
		if v := h.row(id(1)); v.Status != block.VolumeError {
			t.Errorf("the volume is %s", v.Status)
		}
	})
}

func TestSchedulingDoesNotWaitForASilentBackend(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{})
		h.backend(pool{name: "a", totalGiB: 1, freeGiB: 1})
		h.backend(pool{name: "b", mute: true})
		h.backend(pool{name: "c", mute: true, down: true})
		begin := time.Now()
		h.start()
		<-h.scheduler.ready
		if d := time.Since(begin); d != lateReports {
			t.Errorf("it waited %v, want %v", d, lateReports)
		}
	})
}

// More messages than may wait must neither be lost nor keep the reports out that all wait for.
func TestMessagesBeforeTheFirstReport(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const volumes = concurrency + maxWaiting
		h := newHouse(t, Options{})
		h.start()
		for n := range volumes {
			if err := h.api.CreateVolume(t.Context(), h.volume(id(n), 1)); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		if _, err := h.api.GetPools(t.Context(), nil); !fault.Is(err, fault.Unavailable) {
			t.Errorf("a call while all places for waiting are taken: %v", err)
		}
		h.backend(pool{name: "a", totalGiB: volumes, freeGiB: volumes})
		h.report(pool{name: "a", totalGiB: volumes, freeGiB: volumes})
		time.Sleep(time.Second)
		for n := range volumes {
			if v := h.row(id(n)); v.Host != "node@a#a" {
				t.Fatalf("volume %d is %s at %q", n, v.Status, v.Host)
			}
		}
		if n := len(h.sent()); n != volumes {
			t.Errorf("%d messages were sent, want %d", n, volumes)
		}
	})
}

func TestUnfinishedWorkIsResumed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{})
		h.volume(id(1), 1)
		h.backend(pool{name: "a", totalGiB: 10, freeGiB: 10})
		h.start()
		time.Sleep(time.Second)
		if v := h.row(id(1)); v.Host != "node@a#a" {
			t.Errorf("what was left from before the start is %s at %q", v.Status, v.Host)
		}
		h.volume(id(2), 1) // its message is lost
		time.Sleep(25 * time.Second)
		if v := h.row(id(2)); v.Host != "" {
			t.Error("recovery did not leave the message the time to come")
		}
		time.Sleep(20 * time.Second)
		if v := h.row(id(2)); v.Host != "node@a#a" {
			t.Errorf("what was lost since is %s at %q", v.Status, v.Host)
		}
		if n := len(h.sent()); n != 2 {
			t.Errorf("%d messages were sent, want 2", n)
		}
	})
}

func TestStopLeavesWaitingWorkToTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{})
		h.start()
		m := h.volume(id(1), 1)
		if err := h.api.CreateVolume(t.Context(), m); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		begin := time.Now()
		if err := h.scheduler.Stop(t.Context()); err != nil {
			t.Error(err)
		}
		if d := time.Since(begin); d != 0 {
			t.Errorf("stopping took %v", d)
		}
		if r, ok := h.record(m.FlowID); !ok || r.Owner != rpcapi.SchedulerOwner || r.Unwinding || h.row(id(1)).Status != block.VolumeCreating {
			t.Errorf("record %+v, volume %s", r, h.row(id(1)).Status)
		}
	})
}

func TestServiceIsRegistered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHouse(t, Options{})
		h.start()
		time.Sleep(time.Minute)
		for _, s := range h.store.read().services {
			if s.Binary != block.BinaryScheduler || s.Topic != rpcapi.SchedulerTopic || s.Host != "control" ||
				s.RPCCurrentVersion != block.SchedulerRPCVersion || s.AvailabilityZone != "nova" || !s.Up(time.Now(), 11*time.Second) {
				t.Errorf("row: %+v", s)
			}
		}
		if n := len(h.store.read().services); n != 1 {
			t.Errorf("%d rows", n)
		}
	})
}

func TestMessagesOfWrongTypeAreRefused(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 10})
	for name := range h.scheduler.methods() {
		err := h.transport.Call(t.Context(), messaging.Target{Topic: rpcapi.SchedulerTopic}, messaging.Message{Method: name, Args: "text"}, nil)
		if !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// extending adds a volume that is being extended, with its journal record, and gives the message for it.
func (h *house) extending(oldGiB, newGiB int64, change func(v *block.Volume)) *rpcapi.ExtendVolume {
	h.Helper()
	v := &block.Volume{ID: id(1), ProjectID: "project", SizeGiB: newGiB, Status: block.VolumeExtending,
		PreviousStatus: block.VolumeInUse, AttachStatus: block.AttachAttached, Host: "node@a#a"}
	if change != nil {
		change(v)
	}
	m := &rpcapi.ExtendVolume{FlowID: "flow", VolumeID: id(1), OldSizeGiB: oldGiB, NewSizeGiB: newGiB}
	h.put(v, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeExtend, Owner: rpcapi.SchedulerOwner, ResourceType: "volume", ResourceID: id(1)}, m)
	return m
}

func (h *house) extend(m *rpcapi.ExtendVolume) {
	h.Helper()
	h.settled(func(ctx context.Context) error { return h.api.ExtendVolume(ctx, m) })
}

func TestExtendVolume(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 5}, pool{name: "b", totalGiB: 1000, freeGiB: 1000})
	m := h.extending(5, 10, nil)
	h.extend(m)
	rec, _ := h.record("flow")
	var state rpcapi.ExtendVolume
	if err := json.Unmarshal(rec.State, &state); err != nil || !reflect.DeepEqual(state, *m) || rec.Owner != "node@a" || rec.Name != rpcapi.FlowVolumeExtend {
		t.Errorf("record %+v, state %+v: %v", rec, state, err)
	}
	if sent := h.sent(); len(sent) != 1 || !reflect.DeepEqual(sent[0].Args, m) {
		t.Errorf("sent %v", sent)
	}
	if v := h.row(id(1)); v.Status != block.VolumeExtending || v.SizeGiB != 10 {
		t.Errorf("the volume is %s with %d GiB", v.Status, v.SizeGiB)
	}
	h.create(h.volume(id(2), 1, func(_ *block.Volume, r *rpcapi.CreateRequest) { r.PinnedBackend = "node@a" }))
	if v := h.row(id(2)); v.Status != block.VolumeError {
		t.Errorf("the room of the extension was given away: the volume is %s", v.Status)
	}
}

func TestExtendVolumeWithoutRoom(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(v *block.Volume)
		want   block.VolumeStatus
	}{
		{"in use", nil, block.VolumeInUse},
		{"available", func(v *block.Volume) {
			v.PreviousStatus, v.AttachStatus = block.VolumeAvailable, block.AttachDetached
		}, block.VolumeAvailable},
		{"not said, attached", func(v *block.Volume) { v.PreviousStatus = "" }, block.VolumeInUse},
		{"not said, not attached", func(v *block.Volume) {
			v.PreviousStatus, v.AttachStatus = "", block.AttachDetached
		}, block.VolumeAvailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 4}, pool{name: "b", totalGiB: 1000, freeGiB: 1000})
			h.extend(h.extending(5, 10, tt.change))
			if v := h.row(id(1)); v.Status != tt.want || v.SizeGiB != 5 || v.PreviousStatus != "" {
				t.Errorf("the volume is %s (before: %q) with %d GiB", v.Status, v.PreviousStatus, v.SizeGiB)
			}
			if _, ok := h.record("flow"); ok || len(h.sent()) != 0 {
				t.Errorf("record left: %v, sent %v", ok, h.sent())
			}
			if told := h.messages.all(); len(told) != 1 || told[0].Action != "007" || told[0].Detail != "003" {
				t.Errorf("told %+v", told)
			}
		})
	}
}

func TestExtendVolumeThatIsNoLongerExtending(t *testing.T) {
	for name, change := range map[string]func(r rows){
		"gone":                    func(r rows) { delete(r.volumes, id(1)) },
		"done":                    func(r rows) { r.volumes[id(1)].Status = block.VolumeAvailable },
		"under a later extension": func(r rows) { r.volumes[id(1)].SizeGiB = 12 },
	} {
		t.Run(name, func(t *testing.T) {
			h := up(t, Options{}, pool{name: "a", totalGiB: 100, freeGiB: 100})
			m := h.extending(5, 10, nil)
			h.store.put(change)
			h.extend(m)
			if _, ok := h.record("flow"); ok || len(h.sent()) != 0 || len(h.messages.all()) != 0 {
				t.Errorf("record left: %v, sent %v, told %v", ok, h.sent(), h.messages.all())
			}
		})
	}
}

// picturing adds a snapshot that is to be taken, with its journal record, and gives the message for it.
func (h *house) picturing() *rpcapi.CreateSnapshot {
	h.Helper()
	m := &rpcapi.CreateSnapshot{FlowID: "flow", SnapshotID: id(2)}
	h.store.put(func(r rows) {
		r.snapshots[id(2)] = &block.Snapshot{ID: id(2), VolumeID: id(1), ProjectID: "project", VolumeSizeGiB: 5, Status: block.SnapshotCreating}
	})
	v := &block.Volume{ID: id(1), ProjectID: "project", SizeGiB: 5, Status: block.VolumeAvailable, Host: "node@a#a"}
	h.put(v, flow.Record{ID: "flow", Name: rpcapi.FlowSnapshotCreate, Owner: rpcapi.SchedulerOwner, ResourceType: "snapshot", ResourceID: id(2)}, m)
	return m
}

func TestCreateSnapshot(t *testing.T) {
	for _, tt := range []struct {
		name string
		pool pool
		want block.SnapshotStatus
	}{
		{"there is room", pool{name: "a", totalGiB: 10, freeGiB: 5}, block.SnapshotCreating},
		{"there is none", pool{name: "a", totalGiB: 10, freeGiB: 4}, block.SnapshotError},
		{"the back end is down", pool{name: "a", totalGiB: 10, freeGiB: 5, down: true}, block.SnapshotError},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := up(t, Options{}, tt.pool, pool{name: "b", totalGiB: 100, freeGiB: 100})
			m := h.picturing()
			h.settled(func(ctx context.Context) error { return h.api.CreateSnapshot(ctx, m) })
			s, err := h.store.Snapshot(t.Context(), id(2), "")
			if err != nil || s.Status != tt.want {
				t.Errorf("the snapshot is %s: %v", s.Status, err)
			}
			rec, ok := h.record("flow")
			if fine := tt.want == block.SnapshotCreating; fine != (ok && rec.Owner == "node@a") || fine != (len(h.sent()) == 1) || fine == (len(h.messages.all()) == 1) {
				t.Errorf("record %+v, sent %v, told %v", rec, h.sent(), h.messages.all())
			}
		})
	}
}

func TestCreateSnapshotThatIsGone(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 100, freeGiB: 100})
	m := h.picturing()
	h.store.put(func(r rows) { delete(r.snapshots, id(2)) })
	h.settled(func(ctx context.Context) error { return h.api.CreateSnapshot(ctx, m) })
	if _, ok := h.record("flow"); ok || len(h.sent()) != 0 {
		t.Errorf("record left: %v, sent %v", ok, h.sent())
	}
}
