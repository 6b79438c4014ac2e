package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// undoTries is how often one undo is tried in one run before it is left to recovery.
const undoTries = 3

// unwind undoes the steps from index i down to the first and returns the cause. It does not heed ctx's end, which may be
// what failed the flow, but has its own time limit; only the end of what the flow must hold stops it.
func (x *execution[S, T]) unwind(ctx context.Context, i int, cause error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), x.e.opts.UndoTimeout)
	defer cancel()
	if x.held.inner != nil {
		stop := context.AfterFunc(x.held.inner, func() {
			if x.held.lost() {
				cancel()
			}
		})
		defer stop()
	}
	if !x.journalled {
		return errors.Join(cause, x.undoUnjournalled(ctx, i, cause))
	}
	if !x.rec.Unwinding {
		x.rec.Unwinding, x.rec.Cause = true, encodeCause(cause)
		if err := x.put(ctx); err != nil {
			return errors.Join(cause, err)
		}
	}
	if err := x.undoAll(ctx, i, cause); err != nil && x.held.lost() {
		return fmt.Errorf("undoing flow %s: %w: %w", x.f.Name, ErrInterrupted, err)
	} else if err != nil {
		return errors.Join(cause, fmt.Errorf("undoing flow %s: %w", x.f.Name, err))
	}
	return cause
}

// undoUnjournalled takes back the steps of a flow that failed before its first transaction: no rows, no record.
func (x *execution[S, T]) undoUnjournalled(ctx context.Context, i int, cause error) error {
	for ; i >= 0; i-- {
		if step := x.f.Steps[i]; step.Undo != nil && step.Tx == nil {
			if err := x.undoTimes(ctx, step.Name, func(ctx context.Context) error { return step.Undo(ctx, x.s, cause) }); err != nil {
				return err
			}
		}
	}
	return nil
}

// undoAll undoes steps [0, i], last first. The UndoTx group nearest the start ends the record; with none, the record
// ends in a transaction of its own after the last undo. A failure after the record's end is only logged.
func (x *execution[S, T]) undoAll(ctx context.Context, i int, cause error) error {
	lowest := slices.IndexFunc(x.f.Steps[:i+1], func(s Step[S, T]) bool { return s.UndoTx != nil })
	for i >= 0 {
		step := x.f.Steps[i]
		if step.UndoTx != nil {
			from := i
			for from > 0 && x.f.Steps[from-1].UndoTx != nil {
				from--
			}
			if err := x.undoGroup(ctx, from, i, from == lowest, cause); err != nil {
				return err
			}
			i = from - 1
			continue
		}
		if step.Undo != nil {
			err := x.undoTimes(ctx, step.Name, func(ctx context.Context) error { return step.Undo(ctx, x.s, cause) })
			switch {
			case err != nil && i < lowest:
				x.e.opts.Log.WarnContext(ctx, "an undo after the record's end failed; the journal makes up for it",
					"flow", x.f.Name, "step", step.Name, "resource_id", x.rec.ResourceID, "error", err)
			case err != nil:
				return err
			}
		}
		i--
	}
	if lowest >= 0 {
		return nil
	}
	return x.e.journal.Update(ctx, func(tx T) error {
		if err := x.fence(ctx, tx); err != nil {
			return err
		}
		return x.endUndone(ctx, tx, cause)
	})
}

// undoGroup undoes the steps [from, to] in one transaction, last first.
func (x *execution[S, T]) undoGroup(ctx context.Context, from, to int, last bool, cause error) error {
	err := x.undoTimes(ctx, x.f.Steps[to].Name, func(ctx context.Context) error {
		return x.e.journal.Update(ctx, func(tx T) error {
			if err := x.fence(ctx, tx); err != nil {
				return err
			}
			for k := to; k >= from; k-- {
				if err := x.f.Steps[k].UndoTx(ctx, tx, x.s, cause); err != nil {
					return fmt.Errorf("step %s: %w", x.f.Steps[k].Name, err)
				}
			}
			if last {
				return x.endUndone(ctx, tx, cause)
			}
			return nil
		})
	})
	if err == nil && last {
		x.leave()
	}
	return err
}

func (x *execution[S, T]) endUndone(ctx context.Context, tx T, cause error) error {
	if x.f.HandBack != nil {
		return x.pass(ctx, tx, x.f.HandBack(x.s, cause))
	}
	return x.pass(ctx, tx, nil)
}

// undoTimes tries an undo a few times: what is left half undone is what an operator has to clean up by hand.
func (x *execution[S, T]) undoTimes(ctx context.Context, name string, undo func(context.Context) error) error {
	var err error
	for try := range undoTries {
		if x.held.lost() {
			return errors.Join(err, ErrInterrupted)
		}
		if err = x.observed(ctx, "undo "+name, undo); err == nil {
			return nil
		}
		if try == undoTries-1 {
			break
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, ctx.Err())
		case <-time.After(x.e.opts.UndoPause << try):
		}
	}
	return fmt.Errorf("undo of step %s: %w", name, err)
}

// causeRecord is how a cause is kept in the journal.
type causeRecord struct {
	Kind       fault.Kind
	Name, Text string
}

func encodeCause(err error) string {
	c := causeRecord{Kind: fault.KindOf(err), Name: fault.NameOf(err), Text: err.Error()}
	if f, ok := fault.Of(err); ok {
		c.Text = f.Text
	}
	b, _ := json.Marshal(c) // three plain fields cannot fail to marshal
	return string(b)
}

func decodeCause(text string) error {
	var c causeRecord
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return fault.New(fault.Internal, "", "%s", text)
	}
	return fault.New(c.Kind, c.Name, "%s", c.Text)
}
