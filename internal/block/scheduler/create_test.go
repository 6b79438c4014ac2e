package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

func TestCreateVolumeIsHandedToTheBestBackend(t *testing.T) {
	h := up(t, Options{}, pool{name: "small", totalGiB: 10, freeGiB: 10, zone: "nova"}, pool{name: "large", totalGiB: 100, freeGiB: 100, zone: "nova"})
	m := h.volume(id(1), 5, func(_ *block.Volume, r *rpcapi.CreateRequest) { r.SnapshotID = id(9) })
	h.create(m)

	v := h.row(id(1))
	if v.Host != "node@large#large" || v.Status != block.VolumeCreating || v.AvailabilityZone != "nova" || v.ScheduledAt.IsZero() {
		t.Errorf("the row is %+v", v)
	}
	want := rpcapi.CreateRequest{VolumeID: id(1), SnapshotID: id(9), Host: "node@large#large", Attempts: 1, Tried: []block.Host{"node@large#large"}}
	rec, ok := h.record(m.FlowID)
	var state rpcapi.CreateRequest
	if err := json.Unmarshal(rec.State, &state); err != nil || !ok {
		t.Fatalf("record %+v: %v", rec, err)
	}
	if diff := cmp.Diff(want, state); diff != "" || rec.Owner != "node@large" || rec.Name != rpcapi.FlowVolumeCreate {
		t.Errorf("record of %s, %s (-want +got):\n%s", rec.Owner, rec.Name, diff)
	}
	sent := []messaging.Message{{Method: rpcapi.MethodCreateVolume, Args: &rpcapi.CreateVolume{FlowID: m.FlowID, VolumeID: id(1), Request: want,
		AtHand: rpcapi.AtHand{Volume: &v}}}}
	if diff := cmp.Diff(sent, h.sent(), cmpopts.IgnoreFields(block.Volume{}, "UpdatedAt")); diff != "" {
		t.Errorf("sent (-want +got):\n%s", diff)
	}
	if m.Request.Attempts != 0 || m.Request.Tried != nil {
		t.Errorf("the message was changed: %+v", m.Request)
	}
}

func TestCreateVolumeThatFitsNowhere(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 4}, pool{name: "b", totalGiB: 100, freeGiB: 100, disabled: true})
	ctx := reqctx.With(t.Context(), reqctx.Request{RequestID: "req-1"})
	m := h.volume(id(1), 5)
	h.settled(func(tracked context.Context) error {
		return h.api.CreateVolume(reqctx.With(tracked, reqctx.From(ctx)), m)
	})
	if v := h.row(id(1)); v.Status != block.VolumeError || v.Host != "" {
		t.Errorf("the volume is %s at %q", v.Status, v.Host)
	}
	if r, ok := h.record(m.FlowID); ok {
		t.Errorf("its record is left: %+v", r)
	}
	if len(h.sent()) != 0 {
		t.Errorf("sent: %v", h.sent())
	}
	told := h.messages.all()
	if len(told) != 1 {
		t.Fatalf("messages: %+v", told)
	}
	text := told[0].Text
	told[0].Text = ""
	want := Message{ProjectID: "project", RequestID: "req-1", ResourceType: "VOLUME", ResourceID: id(1), Action: "001", Detail: "003"}
	if diff := cmp.Diff(want, told[0]); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	for _, part := range []string{"No valid backend was found", "CapacityFilter refused node@a#a", "node@b", "disabled"} {
		if !strings.Contains(text, part) {
			t.Errorf("the reason lacks %q: %s", part, text)
		}
	}
}

func TestCreateVolumeThatIsNoLongerToBeScheduled(t *testing.T) {
	tests := []struct {
		name       string
		change     func(r rows)
		recordLeft bool
	}{
		{"another scheduler was quicker", func(r rows) { r.volumes[id(1)].Host = "node@b#b" }, true},
		{"the volume is gone", func(r rows) { delete(r.volumes, id(1)) }, false},
		{"the volume is being deleted", func(r rows) { r.volumes[id(1)].Status = block.VolumeDeleting }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 10})
			m := h.volume(id(1), 5)
			h.store.put(tt.change)
			before := h.store.read().volumes[id(1)]
			h.create(m)
			if diff := cmp.Diff(before, h.store.read().volumes[id(1)]); diff != "" {
				t.Errorf("the row was changed (-want +got):\n%s", diff)
			}
			if _, ok := h.record(m.FlowID); ok != tt.recordLeft {
				t.Errorf("record left: %v", ok)
			}
			if len(h.sent()) != 0 || len(h.messages.all()) != 0 {
				t.Errorf("sent %v, told %v", h.sent(), h.messages.all())
			}
		})
	}
}

// assignVolume must notice what happened between the reading of the volume and its transaction.
func TestAssignVolumeLosesTheRace(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 10})
	h.volume(id(1), 5)
	c := &creation{CreateRequest: rpcapi.CreateRequest{VolumeID: id(1)}}
	if err := h.scheduler.extractSchedulerSpec(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	if err := h.scheduler.scheduleCreateVolume(t.Context(), "f", c); err != nil {
		t.Fatal(err)
	}
	tx := memoryTx{rows: h.store.read().clone()}
	tx.volumes[id(1)] = &block.Volume{ID: id(1), Status: block.VolumeCreating, Host: "node@b#b"}
	if err := h.scheduler.assignVolume(t.Context(), tx, "f", c); err == nil || tx.volumes[id(1)].Host != "node@b#b" {
		t.Errorf("error %v, host %s", err, tx.volumes[id(1)].Host)
	}
	if n := len(h.scheduler.backends.placement); n != 0 {
		t.Errorf("%d placements are left", n)
	}
}

func TestCreateVolumeNeverPromisesRoomTwice(t *testing.T) {
	const room, volumes = 10, 64
	h := up(t, Options{}, pool{name: "a", totalGiB: 4, freeGiB: 4}, pool{name: "b", totalGiB: 6, freeGiB: 6})
	h.settled(func(ctx context.Context) error {
		var wg sync.WaitGroup
		for n := range volumes {
			m := h.volume(id(n), 1)
			wg.Go(func() {
				if err := h.api.CreateVolume(ctx, m); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		return nil
	})
	placed := map[block.Host]int{}
	for n := range volumes {
		v := h.row(id(n))
		placed[v.Host]++
		if (v.Host == "") != (v.Status == block.VolumeError) {
			t.Errorf("volume %d is %s at %q", n, v.Status, v.Host)
		}
	}
	if diff := cmp.Diff(map[block.Host]int{"node@a#a": 4, "node@b#b": 6, "": volumes - room}, placed); diff != "" {
		t.Errorf("volumes by pool (-want +got):\n%s", diff)
	}
}

func TestCreateVolumeIsTriedElsewhere(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 100, freeGiB: 100}, pool{name: "b", totalGiB: 10, freeGiB: 10})
	m := h.volume(id(1), 5)
	h.create(m)
	for _, want := range []block.Host{"node@b#b", ""} {
		// The volume service gives the volume back.
		last := *h.sent()[len(h.sent())-1].Args.(*rpcapi.CreateVolume)
		last.Request.Host, last.Request.LastError = "", "the disk is on fire"
		h.store.put(func(r rows) {
			v := *r.volumes[id(1)]
			v.Host = ""
			r.volumes[id(1)] = &v
			rec := r.flows[m.FlowID]
			rec.Owner = rpcapi.SchedulerOwner
			r.flows[m.FlowID] = rec
		})
		if want == "" {
			last.Request.Attempts = 3
		}
		h.create(&last)
		if v := h.row(id(1)); v.Host != want {
			t.Errorf("the volume is %s at %q, want it at %q", v.Status, v.Host, want)
		}
	}
	if v := h.row(id(1)); v.Status != block.VolumeError {
		t.Errorf("after all attempts the volume is %s", v.Status)
	}
	if told := h.messages.all(); len(told) != 1 || !strings.Contains(told[0].Text, "the disk is on fire") {
		t.Errorf("told: %+v", told)
	}
	if n := len(h.scheduler.backends.placement); n != 0 {
		t.Errorf("%d placements are left", n)
	}
}

func TestCreateVolumeWithoutAJournal(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 10})
	m := h.volume(id(1), 5)
	h.store.put(func(r rows) { delete(r.flows, m.FlowID) })
	m.FlowID = ""
	h.create(m)
	sent := h.sent()
	if len(sent) != 1 {
		t.Fatalf("sent: %v", sent)
	}
	flowID := sent[0].Args.(*rpcapi.CreateVolume).FlowID
	if r, ok := h.record(flowID); !ok || r.Owner != "node@a" {
		t.Errorf("record %q: %+v", flowID, r)
	}
}

// TestCreateVolumeWithoutAJournalThatFitsNowhere: who keeps no journal learns of a failure from the row like everybody.
func TestCreateVolumeWithoutAJournalThatFitsNowhere(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 10, freeGiB: 4})
	m := h.volume(id(1), 5)
	h.store.put(func(r rows) { delete(r.flows, m.FlowID) })
	m.FlowID = ""
	h.create(m)
	if v := h.row(id(1)); v.Status != block.VolumeError {
		t.Errorf("the volume is %s", v.Status)
	}
	h.store.put(func(r rows) {
		if len(r.flows) != 0 {
			t.Errorf("records are left: %v", r.flows)
		}
	})
}

func TestHintsSeeOwnVolumesOnly(t *testing.T) {
	filters := decide.DefaultOptions()
	filters.Filters = append(filters.Filters, "SameBackendFilter", "DifferentBackendFilter")
	h := up(t, Options{Decide: &filters}, pool{name: "a", totalGiB: 100, freeGiB: 100}, pool{name: "b", totalGiB: 10, freeGiB: 10})
	h.store.put(func(r rows) {
		r.volumes[id(8)] = &block.Volume{ID: id(8), ProjectID: "project", Host: "node@b#b"}
		r.volumes[id(9)] = &block.Volume{ID: id(9), ProjectID: "another", Host: "node@b#b"}
	})
	for n, tt := range []struct {
		hints map[string]any
		want  block.Host
	}{
		{map[string]any{"same_host": id(8)}, "node@b#b"},
		{map[string]any{"same_host": []any{id(8)}}, "node@b#b"},
		{map[string]any{"same_host": id(9)}, ""},
		{map[string]any{"different_host": []any{id(8)}}, "node@a#a"},
		{nil, "node@a#a"},
	} {
		h.create(h.volume(id(n), 1, func(_ *block.Volume, r *rpcapi.CreateRequest) { r.Hints = tt.hints }))
		if v := h.row(id(n)); v.Host != tt.want {
			t.Errorf("hints %v: the volume is %s at %q, want %q", tt.hints, v.Status, v.Host, tt.want)
		}
	}
}

func TestTypeAndZoneAreHeeded(t *testing.T) {
	h := up(t, Options{}, pool{name: "a", totalGiB: 100, freeGiB: 100, zone: "one"}, pool{name: "b", totalGiB: 10, freeGiB: 10, zone: "two"})
	h.store.put(func(r rows) {
		r.types["t"] = &block.VolumeType{ID: "t", Name: "gold", ExtraSpecs: map[string]string{"volume_backend_name": "b"}}
	})
	of := func(change func(v *block.Volume, r *rpcapi.CreateRequest)) func(*block.Volume, *rpcapi.CreateRequest) {
		return change
	}
	for n, tt := range []struct {
		change func(v *block.Volume, r *rpcapi.CreateRequest)
		want   block.Host
	}{
		{of(func(v *block.Volume, _ *rpcapi.CreateRequest) { v.VolumeTypeID = "t" }), "node@b#b"},
		{of(func(_ *block.Volume, r *rpcapi.CreateRequest) { r.Zones = []string{"two"} }), "node@b#b"},
		{of(func(_ *block.Volume, r *rpcapi.CreateRequest) { r.PinnedBackend = "node@b#b" }), "node@b#b"},
		{of(func(v *block.Volume, _ *rpcapi.CreateRequest) { v.VolumeTypeID = "no such type" }), ""},
		{of(func(v *block.Volume, _ *rpcapi.CreateRequest) { v.Multiattach = true }), ""},
	} {
		h.create(h.volume(id(n), 1, tt.change))
		if v := h.row(id(n)); v.Host != tt.want {
			t.Errorf("case %d: the volume is %s at %q, want %q", n, v.Status, v.Host, tt.want)
		}
	}
}

func TestUnknownFilterIsRefused(t *testing.T) {
	o := decide.DefaultOptions()
	o.Filters = []string{"NoSuchFilter"}
	if _, err := New(Options{Host: "h", Decide: &o}, newMemory(), nil, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("got %v", err)
	}
	if _, err := New(Options{}, newMemory(), nil, nil); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a host: %v", err)
	}
}

func BenchmarkPlace(b *testing.B) {
	for _, pools := range []int{1, 100} {
		b.Run(fmt.Sprintf("%d pools", pools), func(b *testing.B) {
			m := newMemory()
			now := time.Now()
			d, err := decide.New(decide.DefaultOptions())
			if err != nil {
				b.Fatal(err)
			}
			s := newBackends(m, d, Options{}.withDefaults())
			for n := range pools {
				host := fmt.Sprintf("node@b%d", n)
				m.rows.services[int64(n)] = &block.Service{ID: int64(n), Host: host, Topic: rpcapi.VolumeTopic, Timestamps: block.Timestamps{UpdatedAt: now}}
				s.update(b.Context(), &rpcapi.ServiceCapabilities{Host: host, Capabilities: map[string]any{
					"volume_backend_name": "p", "total_capacity_gb": 1e9, "free_capacity_gb": 1e9}})
			}
			r := request(b, 1)
			for b.Loop() {
				if _, err := s.Place(b.Context(), "f", r, 1); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
