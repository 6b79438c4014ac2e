package flowtest

import (
	"context"
	"errors"

	"github.com/clinker/clinker/internal/flow"
)

// moment is a place around a step.
type moment string

const (
	before     moment = "before"
	after      moment = "after"
	beforeUndo moment = "before the undo of"
	afterUndo  moment = "after the undo of"
)

// action is what happens there.
type action string

const (
	fails action = "fails"
	stops action = "stops"
	dies  action = "dies"
)

// disturbance is what goes wrong in one run of a flow, once.
type disturbance struct {
	at     moment
	step   int
	act    action
	cause  error
	armed  bool
	twice  bool         // every step and every undo runs twice, every transaction after having been rolled back once
	then   *disturbance // armed when this one has happened
	dead   bool         // nothing has any effect until the process is started again
	cancel context.CancelCauseFunc

	rehearsing bool // a transaction is run only to be rolled back
}

// meet is called wherever something may happen; it returns the error with which the step ends.
func (d *disturbance) meet(ctx context.Context, at moment, step int) error {
	if d.dead {
		return errDead
	}
	if d.rehearsing || !d.armed || d.at != at || d.step != step {
		return nil
	}
	act, cause := d.act, d.cause
	d.armed = false
	if d.then != nil {
		d.at, d.step, d.act, d.armed, d.then = d.then.at, d.then.step, d.then.act, true, nil
	}
	switch act {
	case stops:
		d.cancel(errStopping)
		return context.Canceled
	case dies:
		d.dead = true
		return errDead
	}
	return cause
}

func (d *disturbance) times() int {
	if d.twice {
		return 2
	}
	return 1
}

// disturb is the flow with the disturbance woven in.
func disturb[S, T any](f *flow.Flow[S, T], d *disturbance, j *mortal[T]) *flow.Flow[S, T] {
	out := *f
	out.Steps = make([]flow.Step[S, T], len(f.Steps))
	for i, step := range f.Steps {
		out.Steps[i] = disturbStep(i, step, d, j)
	}
	return &out
}

func disturbStep[S, T any](i int, step flow.Step[S, T], d *disturbance, j *mortal[T]) flow.Step[S, T] {
	around := func(ctx context.Context, first, last moment, times int, fn func() error) error {
		if err := d.meet(ctx, first, i); err != nil {
			return err
		}
		for range times {
			if err := fn(); err != nil {
				return err
			}
		}
		return d.meet(ctx, last, i)
	}
	out := flow.Step[S, T]{Name: step.Name}
	if step.Tx != nil {
		out.Tx = func(ctx context.Context, tx T, s *S) error {
			return around(ctx, before, after, 1, func() error { return step.Tx(ctx, tx, s) })
		}
	} else {
		out.Do = func(ctx context.Context, s *S) error {
			return around(ctx, before, after, d.times(), func() error {
				if step.Do == nil {
					return nil
				}
				return step.Do(ctx, s)
			})
		}
	}
	if step.Undo != nil {
		out.Undo = func(ctx context.Context, s *S, cause error) error {
			return around(ctx, beforeUndo, afterUndo, d.times(), func() error { return step.Undo(ctx, s, cause) })
		}
	}
	if step.UndoTx != nil {
		out.UndoTx = func(ctx context.Context, tx T, s *S, cause error) error {
			return around(ctx, beforeUndo, afterUndo, 1, func() error { return step.UndoTx(ctx, tx, s, cause) })
		}
	}
	return out
}

var errRolledBack = errors.New("flowtest: rolled back, to be run again")

// mortal is a journal that a dead process cannot write.
type mortal[T any] struct {
	flow.Journal[T]
	d *disturbance
}

func (m *mortal[T]) Update(ctx context.Context, fn func(tx T) error) error {
	if m.d.dead {
		return errDead
	}
	if m.d.twice {
		m.d.rehearsing = true
		err := m.Journal.Update(ctx, func(tx T) error { return errors.Join(fn(tx), errRolledBack) })
		m.d.rehearsing = false
		if !errors.Is(err, errRolledBack) {
			return err
		}
	}
	return m.Journal.Update(ctx, func(tx T) error {
		if err := fn(tx); err != nil {
			return err
		}
		if m.d.dead {
			return errDead
		}
		return nil
	})
}
