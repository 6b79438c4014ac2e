package flow_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/flow"
)

// keeper is an engine of one of several processes, and what ends the process.
func keeper(t *testing.T, m *memory) (*engine, context.CancelFunc) {
	e := flow.NewEngine[memoryTx](m, flow.Options{Stopping: errStopping, Log: discard, Keep: 5 * time.Second})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	go e.Keep(ctx)
	return e, cancel
}

// lasting is a flow whose one act takes a minute.
func lasting(name string) *testFlow {
	return &testFlow{Name: "test", Steps: []step{{Name: "act", Do: func(ctx context.Context, s *trail) error {
		s.add(name)
		select {
		case <-time.After(time.Minute):
			return nil
		case <-ctx.Done():
			s.add("stopped")
			return ctx.Err()
		}
	}, Undo: func(_ context.Context, s *trail, _ error) error {
		s.add("undone")
		return nil
	}}, tx("done", nil)}}
}

// enter writes the record of an operation, as whoever hands it over does.
func enter(t *testing.T, m *memory) {
	t.Helper()
	r := rec
	r.State = []byte(`{}`)
	if err := m.Update(t.Context(), func(tx memoryTx) error { return m.PutFlow(t.Context(), tx, r) }); err != nil {
		t.Fatal(err)
	}
}

// TestKeep: what runs does not seem to have been left behind, and what was is.
func TestKeep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		enter(t, m)
		a, die := keeper(t, m)
		s := &trail{}
		var err error
		done := make(chan struct{})
		go func() {
			err = flow.Continue(t.Context(), a, lasting("a"), rec, s)
			close(done)
		}()
		for range 10 {
			time.Sleep(5 * time.Second)
			if r, ok := m.record(rec.ID); !ok || time.Since(r.UpdatedAt) > 10*time.Second {
				t.Fatalf("its record is %v old, %v", time.Since(r.UpdatedAt), ok)
			}
		}
		<-done
		if _, there := m.record(rec.ID); err != nil || there || !slices.Equal(s.Steps, []string{"a", "done"}) {
			t.Errorf("%v, %v, %v", err, there, s.Steps)
		}

		enter(t, m)
		go func() { _ = flow.Continue(t.Context(), a, lasting("a"), rec, &trail{}) }()
		die()
		time.Sleep(30 * time.Second)
		if r, ok := m.record(rec.ID); !ok || time.Since(r.UpdatedAt) < 25*time.Second {
			t.Errorf("the record of a dead process is %v old, %v", time.Since(r.UpdatedAt), ok)
		}
		time.Sleep(time.Minute)
	})
}

// TestTakenUp: an operation that another process has taken up meanwhile stops here and writes nothing more; a message that comes
// after that begins nothing.
func TestTakenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		enter(t, m)
		a, _ := keeper(t, m)
		b, _ := keeper(t, m)
		s := &trail{}
		done := make(chan error)
		go func() { done <- flow.Continue(t.Context(), a, lasting("a"), rec, s) }()
		time.Sleep(time.Second)
		r, _ := m.record(rec.ID)
		if err := flow.Resume(t.Context(), b, &testFlow{Name: "test", Steps: []step{do("b", nil), {Name: "wait", Do: func(context.Context, *trail) error {
			time.Sleep(10 * time.Second) // and meanwhile the other finds out
			return nil
		}}, tx("done", nil)}}, r); err != nil {
			t.Error(err)
		}
		if err := <-done; err != nil && !slices.Contains(s.Steps, "stopped") {
			t.Errorf("the first: %v", err)
		}
		if want := []string{"a", "stopped"}; !slices.Equal(s.Steps, want) {
			t.Errorf("the first did %v, want %v", s.Steps, want)
		}

		enter(t, m)
		r, _ = m.record(rec.ID)
		if err := m.Update(t.Context(), func(tx memoryTx) error { _, err := m.ClaimFlow(t.Context(), tx, r); return err }); err != nil {
			t.Fatal(err)
		}
		late := &trail{}
		if err := flow.Continue(t.Context(), a, lasting("a"), rec, late); err != nil || len(late.Steps) != 0 {
			t.Errorf("a late message: %v, %v", err, late.Steps)
		}
	})
}

// TestFence: between two looks at the journal too, a run that is no longer alone writes nothing.
func TestFence(t *testing.T) {
	m := newMemory()
	enter(t, m)
	e := flow.NewEngine[memoryTx](m, flow.Options{Log: discard, Keep: time.Hour})
	s := &trail{}
	f := &testFlow{Name: "test", Steps: []step{{Name: "act", Do: func(ctx context.Context, _ *trail) error {
		return m.Update(ctx, func(tx memoryTx) error { _, err := m.ClaimFlow(ctx, tx, tx.flows[rec.ID]); return err })
	}}, tx("written", nil)}}
	if err := flow.Continue(t.Context(), e, f, rec, s); err != nil {
		t.Error(err)
	}
	if _, there := m.record(rec.ID); !there || slices.Contains(s.Steps, "written") {
		t.Errorf("its record is there: %v; it did %v", there, s.Steps)
	}
}
