package flow

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// A journal whose records several processes look for (Options.Keep) is kept up to date by whoever runs an operation: its record
// never seems to have been left, unless the process is gone. What somebody else has taken up nevertheless stops here, and writes
// nothing more.

// keptPeriods is after how many periods without an answer of the journal a run no longer believes that its record is its own. Who
// looks for records left behind must wait for longer.
const keptPeriods = 4

// errMoved is the cause of the end of a run whose operation somebody else has taken up.
var errMoved = errors.New("flow: somebody else has taken the operation up")

// run is one run under way, for Keep.
type run struct {
	rec  Record
	stop context.CancelCauseFunc
	told time.Time // when the journal last heard of it
}

// keeping enters the run among those that Keep keeps, once the record is its own, and leaves it in the end. A record that somebody
// else has taken up is ErrTaken; one that is not there is written.
func (x *execution[S, T]) keeping(ctx context.Context, fn func(context.Context) error) error {
	if x.e.opts.Keep == 0 || !x.journalled {
		return fn(ctx)
	}
	began := time.Now()
	err := x.e.journal.Update(ctx, func(tx T) error {
		there, mine, err := x.e.shared.TouchFlow(ctx, tx, x.rec)
		switch {
		case err != nil || mine:
			return err
		case there:
			return ErrTaken
		}
		return x.putIn(ctx, tx, x.rec, x.s)
	})
	if err != nil {
		return err
	}
	x.fenced = true
	inner, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	r := &run{rec: x.rec, stop: stop, told: began}
	x.e.mu.Lock()
	x.e.kept[x.rec.ID] = r
	x.e.mu.Unlock()
	defer func() {
		x.e.mu.Lock()
		defer x.e.mu.Unlock()
		if x.e.kept[x.rec.ID] == r {
			delete(x.e.kept, x.rec.ID)
		}
	}()
	x.held = held{given: ctx, inner: inner}
	return fn(inner)
}

// fence makes a transaction fail with ErrTaken if somebody else has taken the operation up.
func (x *execution[S, T]) fence(ctx context.Context, tx T) error {
	if !x.fenced {
		return nil
	}
	_, mine, err := x.e.shared.TouchFlow(ctx, tx, x.rec)
	if err == nil && !mine {
		return ErrTaken
	}
	return err
}

// Keep keeps the records of what runs here up to date until ctx ends. It must run where Options.Keep is set.
func (e *Engine[T]) Keep(ctx context.Context) {
	if e.opts.Keep == 0 {
		return
	}
	tick := time.NewTicker(e.opts.Keep)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		e.keepAll(ctx)
	}
}

// keepAll tells the journal of every run that has lasted a period.
func (e *Engine[T]) keepAll(ctx context.Context) {
	now := time.Now()
	var due []*run
	e.mu.Lock()
	for _, r := range e.kept {
		if now.Sub(r.told) >= e.opts.Keep {
			due = append(due, r)
		}
	}
	e.mu.Unlock()
	if len(due) == 0 {
		return
	}
	var moved []*run
	ctx, cancel := context.WithTimeout(ctx, e.opts.Keep)
	defer cancel()
	err := e.journal.Update(ctx, func(tx T) error {
		moved = nil
		for _, r := range due {
			there, mine, err := e.shared.TouchFlow(ctx, tx, r.rec)
			if err != nil {
				return err
			}
			if there && !mine {
				moved = append(moved, r)
			}
		}
		return nil
	})
	if err != nil {
		e.opts.Log.WarnContext(ctx, "the journal does not hear of what is under way", "operations", len(due), "error", err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range due {
		if err == nil {
			r.told = now
		} else if now.Sub(r.told) > keptPeriods*e.opts.Keep {
			r.stop(fmt.Errorf("%w: %w", errMoved, err))
		}
	}
	for _, r := range moved {
		r.stop(errMoved)
	}
}
