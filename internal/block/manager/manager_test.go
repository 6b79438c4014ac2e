package manager

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"go.uber.org/goleak"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
)

// reports is a scheduler that only listens.
type reports struct {
	mu  sync.Mutex
	got []*rpcapi.ServiceCapabilities
}

func (r *reports) listen(t *testing.T, tr messaging.Transport) messaging.Listener {
	t.Helper()
	l, err := tr.Serve(t.Context(), messaging.Server{Topic: rpcapi.SchedulerTopic, Server: "s", Version: "3.12",
		Methods: map[string]messaging.Method{rpcapi.MethodUpdateServiceCapabilities: messaging.Silent(
			func(_ context.Context, c *rpcapi.ServiceCapabilities) error {
				r.mu.Lock()
				defer r.mu.Unlock()
				r.got = append(r.got, c)
				return nil
			})}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func (r *reports) all() []*rpcapi.ServiceCapabilities {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.got
}

func allocated(t *testing.T, c *rpcapi.ServiceCapabilities) int64 {
	t.Helper()
	pools, ok := c.Capabilities["pools"].([]map[string]any)
	if !ok || len(pools) != 1 {
		t.Fatalf("pools: %v", c.Capabilities["pools"])
	}
	n, _ := pools[0]["allocated_capacity_gb"].(int64)
	return n
}

func stop(t *testing.T, stopped ...interface{ Stop(context.Context) error }) {
	t.Helper()
	for _, s := range stopped {
		if err := s.Stop(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}
}

// TestService drives a whole service over messages: it recovers, exports again, serves, reports and stops.
func TestService(t *testing.T) {
	defer goleak.VerifyNone(t)
	synctest.Test(t, func(t *testing.T) {
		w := managertest.NewWorld(t)
		m, _ := newManager(w)
		tr := inproc.New(inproc.Options{})
		m.Transport = tr
		scheduler := &reports{}
		sl := scheduler.listen(t, tr)

		// What the last process left: a stray, an exported volume, a delete under way, a volume nobody knows.
		w.Driver.AddStray("half-a-copy")
		attached := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeInUse })
		a := w.AddAttachment(t, attached, block.AttachAttached, func(a *block.Attachment) {
			a.Connection, a.AttachMode = map[string]any{"export": "x"}, "ro"
		})
		doomed := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeDeleting })
		stranger := w.AddVolume(t, nil)
		err := w.Update(t.Context(), func(tx store.Tx) error {
			if err := tx.DestroyVolume(t.Context(), stranger.ID); err != nil {
				return err
			}
			return tx.PutFlow(t.Context(), flow.Record{ID: uuid.NewString(), Name: rpcapi.FlowVolumeDelete, Owner: managertest.Host,
				ResourceType: "volume", ResourceID: doomed.ID, State: []byte(`{"VolumeID":"` + doomed.ID + `"}`)})
		})
		if err != nil {
			t.Fatal(err)
		}

		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		want(t, "working", m.Working(), true)
		c, open := w.Target.Connections()[a.ID]
		want(t, "exported again", open, true)
		want(t, "read-only", c.ReadOnly, true)
		synctest.Wait()
		want(t, "doomed volume", w.VolumeStates(t, doomed.ID), "gone")
		want(t, "doomed volume held", w.Held(t, doomed.ID), false)
		want(t, "a volume nobody knows is left alone", w.Held(t, stranger.ID), true)
		if all, _ := w.Driver.Inventory(t.Context()); len(all.Strays) != 0 {
			t.Errorf("strays %v", all.Strays)
		}

		// Several creates at once, and the reports they lead to.
		time.Sleep(2 * time.Second)
		before := len(scheduler.all())
		w.Reads, w.Updates = 0, 0
		volumes := rpcapi.Volume{Client: tr}
		var ids []string
		for range 5 {
			v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeCreating })
			ids = append(ids, v.ID)
		}
		w.Reads, w.Updates = 0, 0
		for _, id := range ids {
			msg := &rpcapi.CreateVolume{FlowID: uuid.NewString(), VolumeID: id, Request: rpcapi.CreateRequest{VolumeID: id, Host: managertest.Pool}}
			if err := volumes.Cast(t.Context(), managertest.Pool, "3.0", rpcapi.MethodCreateVolume, msg); err != nil {
				t.Fatal(err)
			}
		}
		synctest.Wait()
		want(t, "reads for five empty volumes", w.Reads, 5)
		want(t, "transactions for five empty volumes", w.Updates, 5)
		for _, id := range ids {
			want(t, "volume", w.VolumeStates(t, id), "available/detached")
		}
		time.Sleep(3 * time.Second)
		got := scheduler.all()
		if n := len(got) - before; n < 1 || n > 2 {
			t.Errorf("%d reports for five volumes made at once", n)
		}
		want(t, "allocated", allocated(t, got[len(got)-1]), 6)

		// What a volume that failed has is allocated until it is deleted, as the rows have it.
		w.Driver.FailNext("create_volume", fault.New(fault.Unavailable, "", "no"))
		failed := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeCreating })
		msg := &rpcapi.CreateVolume{FlowID: uuid.NewString(), VolumeID: failed.ID, Request: rpcapi.CreateRequest{VolumeID: failed.ID, Host: managertest.Pool}}
		if err := volumes.Cast(t.Context(), managertest.Pool, "3.0", rpcapi.MethodCreateVolume, msg); err != nil {
			t.Fatal(err)
		}
		time.Sleep(3 * time.Second)
		want(t, "volume", w.VolumeStates(t, failed.ID), "error/detached")
		got = scheduler.all()
		want(t, "allocated with one that failed", allocated(t, got[len(got)-1]), 7)

		if err := volumes.RequestCapabilities(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, "reports after a scheduler asked", len(scheduler.all()), len(got)+1)

		stop(t, m, sl)
		want(t, "working", m.Working(), false)
		if err := tr.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

// TestStopLeavesWorkToTheJournal: a copy that outlasts the patience of Stop is cut short, and the next start ends it.
func TestStopLeavesWorkToTheJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := managertest.NewWorld(t)
		m, _ := newManager(w)
		tr := inproc.New(inproc.Options{})
		m.Transport = tr
		if err := m.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		w.Driver.SetHook(func(ctx context.Context, c fake.Call) error {
			if c.Verb != "create_volume" {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeCreating })
		rec := flow.Record{ID: uuid.NewString(), Name: rpcapi.FlowVolumeCreate, Owner: managertest.Host, ResourceID: v.ID,
			State: []byte(`{"volume_id":"` + v.ID + `"}`)}
		if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), rec) }); err != nil {
			t.Fatal(err)
		}
		err := rpcapi.Volume{Client: tr}.Cast(t.Context(), managertest.Pool, "3.0", rpcapi.MethodCreateVolume,
			&rpcapi.CreateVolume{FlowID: rec.ID, VolumeID: v.ID})
		if err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := m.Stop(ctx); err != nil && !fault.Is(err, fault.Timeout) {
			t.Error(err)
		}
		synctest.Wait()
		want(t, "volume", w.VolumeStates(t, v.ID), "creating/detached")
		want(t, "records", len(records(t, w, managertest.Host)), 1)

		w.Driver.SetHook(nil)
		next, _ := newManager(w)
		next.Transport = tr
		if err := next.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		want(t, "volume", w.VolumeStates(t, v.ID), "available/detached")
		stop(t, next)
		if err := tr.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	})
}

func TestStartGivesUpOnABackEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := managertest.NewWorld(t)
		m, _ := newManager(w)
		tries := 0
		w.Driver.SetHook(func(context.Context, fake.Call) error {
			tries++
			return fault.New(fault.Unavailable, "", "the storage is away")
		})
		if err := m.Start(t.Context()); fault.KindOf(err) != fault.Unavailable {
			t.Errorf("error %v", err)
		}
		want(t, "tries", tries, 4)
	})
}

// TestDeletedWhileMade: a volume whose row goes, or is to go, while the driver makes it leaves nothing in storage.
func TestDeletedWhileMade(t *testing.T) {
	for name, meanwhile := range map[string]func(tx store.Tx, id string) error{
		"gone": func(tx store.Tx, id string) error { return tx.DestroyVolume(context.Background(), id) },
		"deleting": func(tx store.Tx, id string) error {
			_, err := tx.UpdateVolume(context.Background(), id, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeDeleting)})
			return err
		},
	} {
		w := managertest.NewWorld(t)
		m, _ := newManager(w)
		v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeCreating })
		w.Driver.SetHook(func(_ context.Context, c fake.Call) error {
			if c.Verb != "create_volume" {
				return nil
			}
			return w.Update(t.Context(), func(tx store.Tx) error { return meanwhile(tx, v.ID) })
		})
		st := &creation{}
		st.VolumeID, st.Attempts = v.ID, 1
		if err := run(t.Context(), m, m.flows.create, "", rpcapi.FlowVolumeCreate, v.ID, st); err == nil {
			t.Errorf("%s: no error", name)
		}
		want(t, name+": held", w.Held(t, v.ID), false)
		want(t, name+": records", len(records(t, w, managertest.Host))+len(records(t, w, rpcapi.SchedulerOwner)), 0)
	}
}

func TestMessagesThatComeTooLate(t *testing.T) {
	w := managertest.NewWorld(t)
	m, _ := newManager(w)
	v := w.AddVolume(t, nil)
	methods := m.methods()
	calls := len(w.Driver.Calls())
	for name, args := range map[string]any{
		rpcapi.MethodCreateVolume:   &rpcapi.CreateVolume{FlowID: uuid.NewString(), VolumeID: v.ID},
		rpcapi.MethodDeleteVolume:   &rpcapi.DeleteVolume{FlowID: uuid.NewString(), VolumeID: v.ID},
		rpcapi.MethodExtendVolume:   &rpcapi.ExtendVolume{FlowID: uuid.NewString(), VolumeID: v.ID, NewSizeGiB: 1},
		rpcapi.MethodCreateSnapshot: &rpcapi.CreateSnapshot{FlowID: uuid.NewString(), SnapshotID: uuid.NewString()},
		rpcapi.MethodDeleteSnapshot: &rpcapi.DeleteSnapshot{FlowID: uuid.NewString(), SnapshotID: uuid.NewString()},
	} {
		if _, err := methods[name].Do(t.Context(), args); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	want(t, "volume", w.VolumeStates(t, v.ID), "available/detached")
	want(t, "calls of the driver", len(w.Driver.Calls()), calls)
	if _, err := methods[rpcapi.MethodDeleteVolume].Do(t.Context(), 7); !fault.Is(err, fault.Internal) {
		t.Errorf("arguments of a wrong type: %v", err)
	}
}

func TestRescheduleDecision(t *testing.T) {
	m, _ := newManager(managertest.NewWorld(t))
	for _, tc := range []struct {
		attempts int
		cause    error
		want     bool
	}{
		{0, errBackend, false},
		{1, errBackend, true},
		{2, errBackend, true},
		{3, errBackend, false},
		{1, errors.New("unclassified"), true},
		{1, fault.New(fault.OverLimit, "", "full"), true},
		{1, fault.New(fault.Unavailable, "", "away"), true},
		{1, errRequest, false},
		{1, block.SnapshotNotFound("x"), false},
	} {
		st := &creation{}
		st.Attempts = tc.attempts
		if got := m.mayReschedule(st, tc.cause); got != tc.want {
			t.Errorf("attempt %d, %v: %v", tc.attempts, tc.cause, got)
		}
	}
}

func TestAttachedVolumeIsNotDeleted(t *testing.T) {
	w := managertest.NewWorld(t)
	m, _ := newManager(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status, v.AttachStatus = block.VolumeDeleting, block.AttachAttached })
	w.AddAttachment(t, v, block.AttachAttached, nil)
	st := &deletion{}
	st.VolumeID = v.ID
	err := run(t.Context(), m, m.flows.del, "", rpcapi.FlowVolumeDelete, v.ID, st)
	want(t, "error", fault.NameOf(err), "VolumeAttached")
	now, _ := w.Volume(t.Context(), v.ID, "")
	want(t, "status", now.Status, block.VolumeInUse)
	want(t, "held", w.Held(t, v.ID), true)
}

// BenchmarkCreateEmptyVolume is what the service itself costs per volume, with storage and database that cost nothing.
func BenchmarkCreateEmptyVolume(b *testing.B) {
	w := managertest.NewWorld(b)
	m, _ := newManager(w)
	for b.Loop() {
		b.StopTimer()
		v := w.AddVolume(b, func(v *block.Volume) { v.Status = block.VolumeCreating })
		st := &creation{}
		st.VolumeID = v.ID
		b.StartTimer()
		if err := run(b.Context(), m, m.flows.create, "", rpcapi.FlowVolumeCreate, v.ID, st); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		err := w.Update(b.Context(), func(tx store.Tx) error { return tx.DestroyVolume(b.Context(), v.ID) })
		if err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
