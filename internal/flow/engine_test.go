package flow_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// trail is the state of the test flows: what happened, in order.
type trail struct {
	Steps []string `json:"steps"`
}

func (s *trail) add(name string) { s.Steps = append(s.Steps, name) }

type (
	step     = flow.Step[trail, memoryTx]
	testFlow = flow.Flow[trail, memoryTx]
	engine   = flow.Engine[memoryTx]
)

var (
	errStep     = fault.New(fault.Busy, "VolumeIsBusy", "the volume is busy")
	errStopping = errors.New("stopping")
	discard     = slog.New(slog.DiscardHandler)
)

func newEngine(m *memory) *engine {
	return flow.NewEngine[memoryTx](m, flow.Options{Stopping: errStopping, Log: discard})
}

func do(name string, err error) step {
	return step{Name: name,
		Do:   func(_ context.Context, s *trail) error { s.add(name); return err },
		Undo: func(_ context.Context, s *trail, _ error) error { s.add("undo " + name); return nil },
	}
}

func tx(name string, err error) step {
	return step{Name: name,
		Tx: func(_ context.Context, tx memoryTx, s *trail) error {
			s.add(name)
			tx.rows[name] = "done"
			return err
		},
		UndoTx: func(_ context.Context, tx memoryTx, s *trail, _ error) error {
			s.add("undo " + name)
			delete(tx.rows, name)
			return nil
		},
	}
}

var rec = flow.Record{ID: "op-1", Name: "test", Owner: "node@back", ResourceType: "volume", ResourceID: "v"}

func TestBeginRunsStepsInOrderAndLeavesNoRecord(t *testing.T) {
	m := newMemory()
	s := &trail{}
	f := &testFlow{Name: "test", Steps: []step{tx("a", nil), do("b", nil), tx("c", nil), tx("d", nil), do("e", nil)}}
	if err := flow.Begin(t.Context(), newEngine(m), f, rec, s); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "d", "e"}, s.Steps); diff != "" {
		t.Error(diff)
	}
	if r, ok := m.record(rec.ID); ok {
		t.Errorf("the record is still there: %+v", r)
	}
	if m.n != 2 {
		t.Errorf("%d transactions, want 2: neighbouring Tx steps share one", m.n)
	}
}

func TestJournalHoldsTheOperationBetweenTransactions(t *testing.T) {
	m := newMemory()
	var seen flow.Record
	f := &testFlow{Name: "test", Steps: []step{
		tx("a", nil),
		{Name: "b", Do: func(context.Context, *trail) error { seen, _ = m.record(rec.ID); return nil }},
		tx("c", nil),
	}}
	if err := flow.Begin(t.Context(), newEngine(m), f, rec, &trail{}); err != nil {
		t.Fatal(err)
	}
	if seen.Owner != rec.Owner || string(seen.State) != `{"steps":["a"]}` {
		t.Errorf("the journal held %+v with state %s", seen, seen.State)
	}
}

func TestHandOverPassesTheRecordOn(t *testing.T) {
	m := newMemory()
	f := &testFlow{Name: "test", Steps: []step{tx("a", nil), do("cast", errStep)},
		HandOver: func(s *trail) *flow.Next { return &flow.Next{Name: "next", Owner: "scheduler", State: s.Steps} }}
	if err := flow.Begin(t.Context(), newEngine(m), f, rec, &trail{}); err != nil {
		t.Fatalf("a failed message after the hand-over must not fail the flow: %v", err)
	}
	r, ok := m.record(rec.ID)
	if !ok || r.Name != "next" || r.Owner != "scheduler" || string(r.State) != `["a"]` || r.Attempts != 0 {
		t.Errorf("record %+v, state %s", r, r.State)
	}
	if m.row("a") != "done" {
		t.Error("the row of the handing transaction is missing")
	}
}

func TestFailureUndoesEverythingLastFirst(t *testing.T) {
	m := newMemory()
	s := &trail{}
	f := &testFlow{Name: "test", Steps: []step{tx("a", nil), do("b", nil), do("c", errStep), tx("d", nil)}}
	err := flow.Begin(t.Context(), newEngine(m), f, rec, s)
	if fault.KindOf(err) != fault.Busy || fault.NameOf(err) != "VolumeIsBusy" {
		t.Errorf("error %v, want the step's own fault", err)
	}
	if diff := cmp.Diff([]string{"a", "b", "c", "undo c", "undo b", "undo a"}, s.Steps); diff != "" {
		t.Error(diff)
	}
	if _, ok := m.record(rec.ID); ok || m.row("a") != "" {
		t.Error("something was left behind")
	}
}

func TestHandBackAndLateUndoAfterIt(t *testing.T) {
	m := newMemory()
	s := &trail{}
	var atCast flow.Record
	cast := step{Name: "cast back", Undo: func(context.Context, *trail, error) error {
		atCast, _ = m.record(rec.ID)
		return errStep
	}}
	f := &testFlow{Name: "test", Steps: []step{cast, tx("a", nil), do("b", errStep), tx("c", nil)},
		HandBack: func(_ *trail, cause error) *flow.Next {
			return &flow.Next{Name: "test", Owner: "scheduler", State: fault.UserText(cause)}
		}}
	err := flow.Begin(t.Context(), newEngine(m), f, rec, s)
	if fault.KindOf(err) != fault.Busy {
		t.Errorf("error %v, want the step's, not the late undo's", err)
	}
	if atCast.Owner != "scheduler" || string(atCast.State) != `"the volume is busy"` {
		t.Errorf("when the message went out, the record was %+v", atCast)
	}
}

func TestNothingJournalledIsUndoneInMemory(t *testing.T) {
	for _, cause := range []error{nil, errStopping} {
		m := newMemory()
		s := &trail{}
		ctx, cancel := context.WithCancelCause(t.Context())
		defer cancel(nil)
		f := &testFlow{Name: "test", Steps: []step{do("a", nil), {Name: "b", Do: func(context.Context, *trail) error {
			cancel(cause)
			return errStep
		}}, tx("c", nil)}}
		err := flow.Begin(ctx, newEngine(m), f, rec, s)
		if !errors.Is(err, errStep) || errors.Is(err, flow.ErrInterrupted) {
			t.Errorf("error %v: a journal that never heard of it cannot have it", err)
		}
		if diff := cmp.Diff([]string{"a", "undo a"}, s.Steps); diff != "" {
			t.Error(diff)
		}
	}
}

func TestStoppingLeavesItToTheJournal(t *testing.T) {
	m := newMemory()
	s := &trail{}
	ctx, cancel := context.WithCancelCause(t.Context())
	f := &testFlow{Name: "test", Steps: []step{tx("a", nil), {Name: "b",
		Do: func(ctx context.Context, _ *trail) error {
			cancel(errStopping)
			return ctx.Err()
		},
		Undo: func(context.Context, *trail, error) error { return errors.New("must not be undone") },
	}, tx("c", nil)}}
	if err := flow.Begin(ctx, newEngine(m), f, rec, s); !errors.Is(err, flow.ErrInterrupted) {
		t.Fatalf("error %v, want ErrInterrupted", err)
	}
	r, ok := m.record(rec.ID)
	if !ok || r.Unwinding {
		t.Fatalf("record %+v, %v", r, ok)
	}
	f.Steps[1].Do = nil
	if err := flow.Resume(t.Context(), newEngine(m), f, r); err != nil {
		t.Fatal(err)
	}
	if m.row("c") != "done" {
		t.Error("the resumed flow did not end")
	}
}

func TestObsoleteAndTaken(t *testing.T) {
	for _, tc := range []struct {
		err  error
		kept bool
	}{{flow.ErrObsolete, false}, {flow.ErrTaken, true}} {
		m := newMemory()
		m.tx.flows[rec.ID] = rec
		s := &trail{}
		f := &testFlow{Name: "test", Steps: []step{do("a", nil), do("b", tc.err), tx("c", nil)}}
		if err := flow.Continue(t.Context(), newEngine(m), f, rec, s); err != nil {
			t.Errorf("%v: %v", tc.err, err)
		}
		if _, ok := m.record(rec.ID); ok != tc.kept {
			t.Errorf("%v: record kept: %v", tc.err, ok)
		}
		if slices.Contains(s.Steps, "undo a") {
			t.Errorf("%v undid something", tc.err)
		}
	}
}

func TestContinueWithoutTxEndsTheRecord(t *testing.T) {
	m := newMemory()
	m.tx.flows[rec.ID] = rec
	f := &testFlow{Name: "test", Steps: []step{do("a", nil)}}
	if err := flow.Continue(t.Context(), newEngine(m), f, rec, &trail{}); err != nil {
		t.Fatal(err)
	}
	if _, ok := m.record(rec.ID); ok {
		t.Error("the record of a finished operation is still there")
	}
}

// TestAdopt: an operation whose sender keeps no journal is entered before its first step, with the state it begins with.
func TestAdopt(t *testing.T) {
	m := newMemory()
	var seen flow.Record
	f := &testFlow{Name: "test", Steps: []step{
		{Name: "a", Do: func(context.Context, *trail) error { seen, _ = m.record(rec.ID); return nil }},
		tx("b", nil), do("c", nil)}}
	if err := flow.Adopt(t.Context(), newEngine(m), f, rec, &trail{Steps: []string{"brought"}}); err != nil {
		t.Fatal(err)
	}
	if seen.Owner != rec.Owner || string(seen.State) != `{"steps":["brought"]}` {
		t.Errorf("before the first step the journal held %+v with state %s", seen, seen.State)
	}
	if r, ok := m.record(rec.ID); ok {
		t.Errorf("the record is still there: %+v", r)
	}
	also := func(_ context.Context, tx memoryTx) error { tx.rows["also"] = "done"; return nil }
	never := &testFlow{Name: "test", Steps: []step{do("a", errStep)}}
	if err := flow.Adopt(t.Context(), newEngine(m), never, rec, &trail{}, also); !errors.Is(err, errStep) || m.tx.rows["also"] != "done" {
		t.Errorf("what changes with the record: %v, %v", m.tx.rows, err)
	}
	refused := func(context.Context, memoryTx) error { return errStep }
	untouched := &trail{}
	if err := flow.Adopt(t.Context(), newEngine(m), f, rec, untouched, refused); !errors.Is(err, errStep) || len(untouched.Steps) != 0 {
		t.Errorf("what changes with the record fails: %v, %v", untouched.Steps, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	s := &trail{}
	if err := flow.Adopt(ctx, newEngine(m), f, rec, s); err == nil || len(s.Steps) != 0 {
		t.Errorf("without a journal: %v, %v", s.Steps, err)
	}
	undone := &trail{}
	f = &testFlow{Name: "test", Steps: []step{tx("a", nil), do("b", errStep), tx("c", nil)}}
	if err := flow.Adopt(t.Context(), newEngine(m), f, rec, undone); !errors.Is(err, errStep) {
		t.Errorf("a step that fails: %v", err)
	}
	if r, ok := m.record(rec.ID); ok || len(undone.Steps) == 0 || undone.Steps[len(undone.Steps)-1] != "undo a" {
		t.Errorf("undone %v, record %+v", undone.Steps, r)
	}
}

func TestResumeOfARecordThatMovedOnDoesNothing(t *testing.T) {
	m := newMemory()
	stale := rec
	stale.State = json.RawMessage(`{}`)
	moved := stale
	moved.Owner = "scheduler"
	f := &testFlow{Name: "test", Steps: []step{do("a", errStep), tx("b", nil)}}
	for name, have := range map[string][]flow.Record{"handed over": {moved}, "ended": nil} {
		clear(m.tx.flows)
		for _, r := range have {
			m.tx.flows[r.ID] = r
		}
		if err := flow.Resume(t.Context(), newEngine(m), f, stale); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if r, ok := m.record(rec.ID); ok != (have != nil) || (ok && r.Owner != "scheduler") {
			t.Errorf("%s: record now %+v, %v", name, r, ok)
		}
	}
}

func TestTooManyAttemptsUndo(t *testing.T) {
	m := newMemory()
	r := rec
	r.State, r.Attempts = json.RawMessage(`{}`), 5
	m.tx.flows[r.ID] = r
	f := &testFlow{Name: "test", Steps: []step{tx("a", nil)}}
	if err := flow.Resume(t.Context(), newEngine(m), f, r); err == nil {
		t.Error("an operation that was interrupted five times ran on")
	}
	if _, ok := m.record(rec.ID); ok || m.row("a") != "" {
		t.Error("it was not undone")
	}
}

func TestUndoKeepsTheFirstCause(t *testing.T) {
	m := newMemory()
	r := rec
	r.State = json.RawMessage(`{}`)
	m.tx.flows[r.ID] = r
	var causes []error
	broken := errors.New("the storage is away")
	f := &testFlow{Name: "test", Steps: []step{{Name: "a",
		Do: func(context.Context, *trail) error { return errStep },
		Undo: func(_ context.Context, _ *trail, cause error) error {
			causes = append(causes, cause)
			return broken
		}}, {Name: "b", Tx: tx("b", nil).Tx}}}
	synctest.Test(t, func(t *testing.T) {
		if err := flow.Continue(t.Context(), newEngine(m), f, r, &trail{}); !errors.Is(err, broken) || !errors.Is(err, errStep) {
			t.Errorf("error %v, want both", err)
		}
		r, _ = m.record(rec.ID)
		broken = nil
		later := fault.New(fault.Unavailable, "", "nobody waits")
		if err := flow.Undo(t.Context(), newEngine(m), f, r, later); fault.NameOf(err) != "VolumeIsBusy" {
			t.Errorf("error %v, want the cause from the journal", err)
		}
	})
	if len(causes) != 4 { // three tries, and then one
		t.Errorf("%d undos", len(causes))
	}
	for _, c := range causes {
		if fault.KindOf(c) != fault.Busy || fault.UserText(c) != "the volume is busy" {
			t.Errorf("cause %v", c)
		}
	}
	if _, ok := m.record(rec.ID); ok {
		t.Error("the record is still there")
	}
}

func TestPanicIsUndone(t *testing.T) {
	for _, in := range []string{"Do", "Tx"} {
		m := newMemory()
		s := &trail{}
		bad := step{Name: "b", Do: func(context.Context, *trail) error { panic("a bug") }}
		if in == "Tx" {
			bad = step{Name: "b", Tx: func(context.Context, memoryTx, *trail) error { panic("a bug") }}
		}
		f := &testFlow{Name: "test", Steps: []step{tx("a", nil), do("x", nil), bad, do("y", nil), tx("c", nil)}}
		err := flow.Begin(t.Context(), newEngine(m), f, rec, s)
		if fault.KindOf(err) != fault.Internal || fault.UserText(err) != fault.Unexpected {
			t.Errorf("%s: %v", in, err)
		}
		if _, ok := m.record(rec.ID); ok || m.row("a") != "" {
			t.Errorf("%s: something was left behind", in)
		}
	}
}

func TestOneOperationRunsOnceAtATime(t *testing.T) {
	m := newMemory()
	r := rec
	r.State = json.RawMessage(`{}`)
	m.tx.flows[r.ID] = r
	e := newEngine(m)
	synctest.Test(t, func(t *testing.T) {
		hold, runs := make(chan struct{}), 0
		f := &testFlow{Name: "test", Steps: []step{{Name: "a", Do: func(context.Context, *trail) error {
			runs++
			<-hold
			return nil
		}}, tx("b", nil)}}
		done := make(chan error)
		go func() { done <- flow.Continue(t.Context(), e, f, r, &trail{}) }()
		synctest.Wait()
		if err := flow.Resume(t.Context(), e, f, r); err != nil {
			t.Error(err)
		}
		if err := flow.Continue(t.Context(), e, f, r, &trail{}); err != nil {
			t.Error(err)
		}
		close(hold)
		if err := <-done; err != nil || runs != 1 {
			t.Errorf("%d runs, error %v", runs, err)
		}
	})
}

// Inside one process the next owner may be woken, and done, before the step that sent it the message returns.
func TestTheNextOwnerIsNotTurnedAway(t *testing.T) {
	m := newMemory()
	e := newEngine(m)
	var order []string
	next := &testFlow{Name: "next", Steps: []step{{Name: "next", Do: func(context.Context, *trail) error {
		order = append(order, "next")
		return nil
	}}}}
	wake := func(ctx context.Context) error {
		err := flow.Continue(ctx, e, next, rec, &trail{})
		order = append(order, "message sent")
		return err
	}
	onward := &testFlow{Name: "test", Steps: []step{tx("a", nil),
		{Name: "cast", Do: func(ctx context.Context, _ *trail) error { return wake(ctx) }}},
		HandOver: func(*trail) *flow.Next { return &flow.Next{Name: "next", Owner: "another"} }}
	back := &testFlow{Name: "test", Steps: []step{
		{Name: "cast back", Undo: func(ctx context.Context, _ *trail, _ error) error { return wake(ctx) }},
		tx("a", nil), do("b", errStep), tx("c", nil)},
		HandBack: func(*trail, error) *flow.Next { return &flow.Next{Name: "next", Owner: "another"} }}
	for _, f := range []*testFlow{onward, back} {
		order = nil
		if err := flow.Begin(t.Context(), e, f, rec, &trail{}); err != nil && fault.KindOf(err) != fault.Busy {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"next", "message sent"}, order); diff != "" {
			t.Error(diff)
		}
	}
}

func TestUnreadableState(t *testing.T) {
	r := rec
	r.State = json.RawMessage(`[`)
	if err := flow.Resume(t.Context(), newEngine(newMemory()), &testFlow{Name: "test"}, r); fault.KindOf(err) != fault.Internal {
		t.Errorf("error %v", err)
	}
}
