package flow

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Options of an Engine; the zero value works.
type Options struct {
	// Stopping is the cause of a context that ends because the process is stopping (run.ErrStopping). A step that ends
	// under it is left to the journal instead of being undone.
	Stopping error
	// UndoTimeout bounds the undoing of one flow; 0 means a minute.
	UndoTimeout time.Duration
	// UndoPause is the wait before an undo that failed is tried again; it doubles each time. 0 means 50 ms.
	UndoPause time.Duration
	// Keep is how often the records of what runs are touched, so that other processes, which look for the same records, see that
	// they are not left behind. Who uses it runs Engine.Keep, and looks for records no younger than five times this. 0 means that
	// nobody else looks for them.
	Keep time.Duration
	// MaxAttempts is how often recovery resumes an operation before it undoes it instead; 0 means 5.
	MaxAttempts int
	// Observe is called around each step, for traces and metrics; nil means nobody looks.
	Observe func(ctx context.Context, flow, step string) (context.Context, func(error))
	Log     *slog.Logger // nil means slog.Default
}

// Engine runs flows over one journal. It never runs the same operation twice at once.
type Engine[T any] struct {
	journal Journal[T]
	opts    Options

	mu      sync.Mutex
	running map[string]struct{}
	shared  SharedJournal[T] // nil unless Keep is set; see Keep
	kept    map[string]*run
}

// NewEngine makes an engine over the journal, which must be a SharedJournal if records are to be kept.
func NewEngine[T any](j Journal[T], o Options) *Engine[T] {
	if o.UndoTimeout == 0 {
		o.UndoTimeout = time.Minute
	}
	if o.UndoPause == 0 {
		o.UndoPause = 50 * time.Millisecond
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 5
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Observe == nil {
		o.Observe = func(ctx context.Context, _, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	e := &Engine[T]{journal: j, opts: o, running: make(map[string]struct{}), kept: make(map[string]*run)}
	if o.Keep > 0 {
		e.shared = j.(SharedJournal[T])
	}
	return e
}

// Begin runs a new operation; the journal hears of it in the first transaction. It returns nil when all steps are done,
// ErrInterrupted, or the fault of the step that failed, after everything before it was undone.
func Begin[S, T any](ctx context.Context, e *Engine[T], f *Flow[S, T], rec Record, s *S) error {
	return (&execution[S, T]{e: e, f: f, rec: rec, s: s}).run(ctx)
}

// Continue runs an operation that was handed over: its record is in the journal already, and s is what the message
// brought. It returns what Begin does.
func Continue[S, T any](ctx context.Context, e *Engine[T], f *Flow[S, T], rec Record, s *S) error {
	return (&execution[S, T]{e: e, f: f, rec: rec, s: s, journalled: true, inherited: true}).run(ctx)
}

// Adopt is Continue for an operation that was handed over by somebody who keeps no journal: it writes the record, with s as
// its state, before the first step, so that from here on a crash loses nothing. An error before that is returned as it is,
// and nothing has been done. also is what else changes with the record, in the same transaction: what whoever handed it over kept
// instead of a journal.
func Adopt[S, T any](ctx context.Context, e *Engine[T], f *Flow[S, T], rec Record, s *S, also ...func(ctx context.Context, tx T) error) error {
	x := &execution[S, T]{e: e, f: f, rec: rec, s: s, journalled: true, inherited: true}
	if !x.enter() {
		return nil
	}
	defer x.leave()
	if err := x.put(ctx, also...); err != nil {
		return err
	}
	return x.holding(ctx, x.steps)
}

// Resume runs an operation that was found in the journal, from its first step, or goes on undoing it if that is what was
// being done or if it was resumed too often. It returns what Begin does, and nil at once when the operation has moved on
// since rec was read or runs in this process already.
func Resume[S, T any](ctx context.Context, e *Engine[T], f *Flow[S, T], rec Record) error {
	return recovered(ctx, e, f, rec, func(ctx context.Context, x *execution[S, T]) error {
		switch {
		case x.rec.Unwinding:
			return x.unwind(ctx, len(f.Steps)-1, decodeCause(x.rec.Cause))
		case x.rec.Attempts > e.opts.MaxAttempts:
			cause := fault.New(fault.Internal, "", "the operation was interrupted %d times", x.rec.Attempts-1)
			return x.unwind(ctx, len(f.Steps)-1, cause)
		}
		return x.steps(ctx)
	})
}

// Undo is Resume for an operation that is not to be finished, because nobody waits for its outcome any more: it undoes
// every step for the given cause, or for the one it was being undone for already.
func Undo[S, T any](ctx context.Context, e *Engine[T], f *Flow[S, T], rec Record, cause error) error {
	return recovered(ctx, e, f, rec, func(ctx context.Context, x *execution[S, T]) error {
		if x.rec.Unwinding {
			cause = decodeCause(x.rec.Cause)
		}
		return x.unwind(ctx, len(f.Steps)-1, cause)
	})
}

// recovered claims an operation that was found in the journal and then runs it in the given way.
func recovered[S, T any](ctx context.Context, e *Engine[T], f *Flow[S, T], rec Record, run func(context.Context, *execution[S, T]) error) error {
	s := new(S)
	if err := json.Unmarshal(rec.State, s); err != nil {
		return fault.Wrap(err, fault.Internal, "", "journal record %s of flow %s has a state that cannot be read", rec.ID, rec.Name)
	}
	x := &execution[S, T]{e: e, f: f, rec: rec, s: s, journalled: true, inherited: true}
	if !x.enter() {
		return nil
	}
	defer x.leave()
	mine := false
	err := e.journal.Update(ctx, func(tx T) (err error) {
		mine, err = e.journal.ClaimFlow(ctx, tx, rec)
		return err
	})
	if err != nil || !mine {
		return err
	}
	x.rec.Attempts++
	return x.holding(ctx, func(ctx context.Context) error { return run(ctx, x) })
}

// execution is one run of one operation.
type execution[S, T any] struct {
	e          *Engine[T]
	f          *Flow[S, T]
	rec        Record
	s          *S
	journalled bool
	inherited  bool // it was in the journal before this run: an earlier run may have come further than this one
	committed  bool // the last transaction is through: the operation is done or in other hands
	left       bool // this run no longer claims the operation
	held       held // what Hold gave
	fenced     bool // the record is ours as long as the journal says so; see Keep
}

// held is the context that a flow's Hold gave, beside the one it got.
type held struct{ given, inner context.Context }

// lost says that the context of a hold has ended by itself.
func (h held) lost() bool { return h.inner != nil && h.inner.Err() != nil && h.given.Err() == nil }

func (x *execution[S, T]) run(ctx context.Context) error {
	if !x.enter() {
		return nil
	}
	defer x.leave()
	return x.holding(ctx, x.steps)
}

// holding runs fn while what the flow must hold is held.
func (x *execution[S, T]) holding(ctx context.Context, fn func(context.Context) error) error {
	if x.f.Hold == nil {
		return x.kept(ctx, fn)
	}
	inner, release, err := x.f.Hold(ctx, x.s)
	switch {
	case err != nil && x.journalled:
		x.e.opts.Log.WarnContext(ctx, "a flow cannot run yet; the journal has it", "flow", x.f.Name, "resource_type", x.rec.ResourceType,
			"resource_id", x.rec.ResourceID, "error", err)
		return fmt.Errorf("flow %s: %w: %w", x.f.Name, ErrInterrupted, err)
	case err != nil:
		return err
	}
	defer release()
	x.held = held{given: ctx, inner: inner}
	return x.kept(inner, fn)
}

// kept is keeping for who does not mind that somebody else has taken the operation up.
func (x *execution[S, T]) kept(ctx context.Context, fn func(context.Context) error) error {
	outer := x.held
	err := x.keeping(ctx, func(ctx context.Context) error {
		if outer.given != nil { // what Hold gave ends this run as well
			x.held.given = outer.given
		}
		return fn(ctx)
	})
	if errors.Is(err, ErrTaken) {
		return nil
	}
	return err
}

// enter claims the operation within this process.
func (x *execution[S, T]) enter() bool {
	x.e.mu.Lock()
	defer x.e.mu.Unlock()
	if _, taken := x.e.running[x.rec.ID]; taken {
		return false
	}
	x.e.running[x.rec.ID] = struct{}{}
	return true
}

// leave gives the operation free: when its record has passed on, so that whoever the message behind that wakes is not
// turned away in this process, and at the latest when the run ends.
func (x *execution[S, T]) leave() {
	if x.left {
		return
	}
	x.left = true
	x.e.mu.Lock()
	defer x.e.mu.Unlock()
	delete(x.e.running, x.rec.ID)
}

// steps runs all steps, neighbouring Tx steps as one.
func (x *execution[S, T]) steps(ctx context.Context) error {
	last := x.lastTx()
	for i := 0; i < len(x.f.Steps); {
		end := i + 1
		var err error
		if x.f.Steps[i].Tx != nil {
			for end < len(x.f.Steps) && x.f.Steps[end].Tx != nil {
				end++
			}
			err = x.transact(ctx, i, end, end-1 == last)
		} else {
			err = x.do(ctx, x.f.Steps[i])
		}
		if err != nil {
			if err = x.failed(ctx, end-1, err); err != nil || !x.committed {
				return err
			}
		}
		i = end
	}
	if x.journalled && last < 0 {
		return x.e.journal.Update(ctx, func(tx T) error {
			if err := x.fence(ctx, tx); err != nil {
				return err
			}
			return x.pass(ctx, tx, x.next())
		})
	}
	return nil
}

// next is who goes on after this flow, nil if nobody does.
func (x *execution[S, T]) next() *Next {
	if x.f.HandOver == nil {
		return nil
	}
	return x.f.HandOver(x.s)
}

// lastTx is the index of the last Tx step, -1 if there is none.
func (x *execution[S, T]) lastTx() int {
	for i := len(x.f.Steps) - 1; i >= 0; i-- {
		if x.f.Steps[i].Tx != nil {
			return i
		}
	}
	return -1
}

// failed decides what an error of the step at index i leads to. It returns nil when the run counts as a success.
func (x *execution[S, T]) failed(ctx context.Context, i int, err error) error {
	switch {
	case errors.Is(err, ErrTaken):
		return nil
	case x.committed:
		x.e.opts.Log.WarnContext(ctx, "a step after the last transaction failed; the journal makes up for it",
			"flow", x.f.Name, "step", x.f.Steps[i].Name, "resource_id", x.rec.ResourceID, "error", err)
		return nil
	case errors.Is(err, ErrObsolete):
		return x.forget(ctx)
	case x.journalled && (x.held.lost() || x.e.opts.Stopping != nil && errors.Is(context.Cause(ctx), x.e.opts.Stopping)):
		return fmt.Errorf("flow %s, step %s: %w", x.f.Name, x.f.Steps[i].Name, ErrInterrupted)
	}
	x.e.opts.Log.Log(ctx, undoneLevel(err), "flow failed and is undone", "flow", x.f.Name, "step", x.f.Steps[i].Name,
		"resource_type", x.rec.ResourceType, "resource_id", x.rec.ResourceID, "error", err)
	if x.inherited {
		i = len(x.f.Steps) - 1
	}
	return x.unwind(ctx, i, err)
}

// undoneLevel is how loudly an undone flow is told of: what the caller asked amiss is no operator's concern.
func undoneLevel(err error) slog.Level {
	switch fault.KindOf(err) {
	case fault.Invalid, fault.NotFound, fault.Forbidden, fault.OverLimit, fault.Conflict, fault.PreconditionFailed, fault.NotImplemented:
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

func (x *execution[S, T]) forget(ctx context.Context) error {
	if !x.journalled {
		return nil
	}
	return x.e.journal.Update(ctx, func(tx T) error { return x.e.journal.DeleteFlow(ctx, tx, x.rec.ID) })
}

func (x *execution[S, T]) do(ctx context.Context, step Step[S, T]) error {
	if step.Do == nil {
		return nil
	}
	return x.observed(ctx, step.Name, func(ctx context.Context) error { return step.Do(ctx, x.s) })
}

// observed runs one piece of work between the observer's hooks and turns a panic into an error, so that a bug in a step
// is undone like any other failure of it.
func (x *execution[S, T]) observed(ctx context.Context, name string, fn func(context.Context) error) (err error) {
	ctx, end := x.e.opts.Observe(ctx, x.f.Name, name)
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "", "panic in step %s of flow %s: %v", name, x.f.Name, p)
		}
		end(err)
	}()
	return fn(ctx)
}

// transact runs the Tx steps [from, to) and the journal's change in one transaction.
func (x *execution[S, T]) transact(ctx context.Context, from, to int, last bool) error {
	err := x.update(ctx, func(tx T) error {
		if err := x.fence(ctx, tx); err != nil {
			return err
		}
		for _, step := range x.f.Steps[from:to] {
			err := x.observed(ctx, step.Name, func(ctx context.Context) error { return step.Tx(ctx, tx, x.s) })
			if err != nil {
				return err
			}
		}
		if !last {
			return x.putIn(ctx, tx, x.rec, x.s)
		}
		return x.pass(ctx, tx, x.next())
	})
	if err == nil {
		x.journalled = true
		x.committed = last
		if last {
			x.leave()
		}
	}
	return err
}

// update is the journal's Update, shared with others of the flow's lane.
func (x *execution[S, T]) update(ctx context.Context, fn func(tx T) error) error {
	if journal, ok := x.e.journal.(LaneJournal[T]); ok && x.f.Together != nil {
		if lane := x.f.Together(x.s); lane != "" {
			return journal.UpdateTogether(ctx, lane, fn)
		}
	}
	return x.e.journal.Update(ctx, fn)
}

// pass gives the record to its next owner, or deletes it when there is none.
func (x *execution[S, T]) pass(ctx context.Context, tx T, next *Next) error {
	if next == nil {
		if !x.journalled {
			return nil // it was never written: the whole operation was one transaction
		}
		return x.e.journal.DeleteFlow(ctx, tx, x.rec.ID)
	}
	r := x.rec
	r.Name, r.Owner, r.Unwinding, r.Cause, r.Attempts = next.Name, next.Owner, false, "", 0
	return x.putIn(ctx, tx, r, next.State)
}

func (x *execution[S, T]) put(ctx context.Context, also ...func(ctx context.Context, tx T) error) error {
	return x.e.journal.Update(ctx, func(tx T) error {
		if err := x.fence(ctx, tx); err != nil {
			return err
		}
		for _, change := range also {
			if err := change(ctx, tx); err != nil {
				return err
			}
		}
		return x.putIn(ctx, tx, x.rec, x.s)
	})
}

func (x *execution[S, T]) putIn(ctx context.Context, tx T, r Record, state any) error {
	var err error
	if r.State, err = json.Marshal(state); err != nil {
		return fault.Wrap(err, fault.Internal, "", "the state of flow %s cannot be written", r.Name)
	}
	return x.e.journal.PutFlow(ctx, tx, r)
}
