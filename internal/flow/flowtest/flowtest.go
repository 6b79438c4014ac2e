// Package flowtest proves of a flow what the engine relies on: that each step may run twice, that an error at any step
// unwinds everything before it, that an undo may run twice, and that a process that stops or dies at any point leaves
// the operation to the journal, from where it ends done or undone.
//
// Use it in the tests of every package that declares a flow. What must not live here: any flow, any store.
package flowtest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// World is one flow with everything it acts on, ready to be run once.
type World[S, T any] struct {
	Journal flow.Journal[T]
	Flow    *flow.Flow[S, T]
	Record  flow.Record
	State   *S
	// Continue runs the flow as one that was handed over: Record, with State, is in Journal already.
	Continue bool
	// Records are those in the journal that belong to Record.Owner.
	Records func(t *testing.T) []flow.Record
	// Resume runs a record from the journal again; nil means flow.Resume.
	Resume func(ctx context.Context, e *flow.Engine[T], f *flow.Flow[S, T], r flow.Record) error
	// Done and Undone check that the operation left the world entirely done, or entirely undone. cause has the kind, name
	// and text of the fault that failed the flow.
	Done   func(t *testing.T)
	Undone func(t *testing.T, cause error)
}

// Case is a flow to check.
type Case[S, T any] struct {
	// New makes a fresh world. It is called once for every way in which the flow can be disturbed.
	New func(t *testing.T) World[S, T]
	// Faults are what steps fail with; nil means one of kind Internal.
	Faults []error
	// UndoneOnResume says that a run that was cut short is undone when it is resumed, not finished.
	UndoneOnResume bool
}

var (
	errStopping = errors.New("flowtest: the process is stopping")
	errDead     = errors.New("flowtest: the process is dead")
)

// Check runs the flow undisturbed, and then once for each disturbance, each in a subtest named for it.
func Check[S, T any](t *testing.T, c Case[S, T]) {
	t.Helper()
	if len(c.Faults) == 0 {
		c.Faults = []error{fault.New(fault.Internal, "", "an injected fault")}
	}
	steps := c.New(t).Flow.Steps
	last := lastTx(steps)
	t.Run("undisturbed", func(t *testing.T) { c.run(t, disturbance{}, expectDone) })
	t.Run("each step twice", func(t *testing.T) { c.run(t, disturbance{twice: true}, expectDone) })
	for i, step := range steps {
		for _, at := range []moment{before, after} {
			where := fmt.Sprintf("%s %s", at, step.Name)
			for n, cause := range c.Faults {
				want := expectUndone
				if i > last {
					want = expectDone
				}
				d := disturbance{at: at, step: i, act: fails, cause: cause, armed: true}
				t.Run(fmt.Sprintf("fault %d %s", n, where), func(t *testing.T) { c.run(t, d, want) })
				d.twice = true
				t.Run(fmt.Sprintf("fault %d %s, each undo twice", n, where), func(t *testing.T) { c.run(t, d, want) })
			}
			for _, act := range []action{stops, dies} {
				d := disturbance{at: at, step: i, act: act, armed: true}
				t.Run(fmt.Sprintf("process %s %s", act, where), func(t *testing.T) { c.run(t, d, c.afterCut(t, steps, i, at)) })
			}
		}
	}
	c.undoing(t, steps, last)
}

// undoing checks a process that dies while it undoes.
func (c Case[S, T]) undoing(t *testing.T, steps []flow.Step[S, T], last int) {
	for i := range steps[:last+1] {
		if steps[i].Undo == nil && steps[i].UndoTx == nil {
			continue
		}
		for _, at := range []moment{beforeUndo, afterUndo} {
			d := disturbance{at: after, step: last, act: fails, cause: c.Faults[0], armed: true,
				then: &disturbance{at: at, step: i, act: dies, armed: true}}
			t.Run(fmt.Sprintf("process dies %s %s", at, steps[i].Name), func(t *testing.T) { c.run(t, d, expectUndone) })
		}
	}
}

// afterCut is how an operation has to end whose process was cut short at step i.
func (c Case[S, T]) afterCut(t *testing.T, steps []flow.Step[S, T], i int, at moment) outcome {
	if i > lastTx(steps) {
		return expectDone
	}
	if !c.New(t).Continue && !journalled(steps, i, at) {
		return expectNothing
	}
	if c.UndoneOnResume {
		return expectUndone
	}
	return expectDone
}

// journalled says whether a flow that is begun has committed its first transaction when step i is at that moment.
func journalled[S, T any](steps []flow.Step[S, T], i int, at moment) bool {
	for k, step := range steps[:i] {
		if step.Tx != nil && steps[k+1].Tx == nil {
			return true
		}
	}
	return false
}

func lastTx[S, T any](steps []flow.Step[S, T]) int {
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i].Tx != nil {
			return i
		}
	}
	return len(steps) - 1 // every failure of a flow without rows is undone
}

type outcome int

const (
	expectDone outcome = iota
	expectUndone
	expectNothing // the operation never came into being
)

// run runs one disturbed world to its end and checks it.
func (c Case[S, T]) run(t *testing.T, d disturbance, want outcome) {
	w := c.New(t)
	j := &mortal[T]{Journal: w.Journal, d: &d}
	f := disturb(w.Flow, &d, j)
	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	d.cancel = cancel
	e := engine[T](j)
	var err error
	if w.Continue {
		err = flow.Continue(ctx, e, f, w.Record, w.State)
	} else {
		err = flow.Begin(ctx, e, f, w.Record, w.State)
	}
	left := w.Records(t)
	if errors.Is(err, flow.ErrInterrupted) && len(left) == 0 {
		t.Error("the run says the journal has the operation, but it has not")
	}
	if err == nil && len(left) != 0 {
		t.Errorf("the run says it ended well, but the journal has %+v", left)
	}
	for n := 0; len(left) != 0; n++ {
		if n > 10 {
			t.Fatalf("the journal still has %+v after %d resumes; the last error is %v", left, n, err)
		}
		d.dead = false
		for _, r := range left {
			resume := w.Resume
			if resume == nil {
				resume = flow.Resume[S, T]
			}
			err = resume(t.Context(), engine[T](j), f, r)
		}
		left = w.Records(t)
	}
	switch {
	case want == expectDone && err != nil:
		t.Errorf("the flow failed: %v", err)
	case want != expectDone && err == nil:
		t.Error("the flow says that all went well")
	}
	if want == expectDone {
		w.Done(t)
		return
	}
	w.Undone(t, err)
}

func engine[T any](j flow.Journal[T]) *flow.Engine[T] {
	return flow.NewEngine(j, flow.Options{Stopping: errStopping, UndoPause: 1, Log: slog.New(slog.DiscardHandler)})
}
