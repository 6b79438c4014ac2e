// Package flow is the saga engine: a long operation is a table of steps, each with a do and an undo, and a journal that
// lets the operation be resumed or undone after the process died at any instant.
//
// A flow that crosses processes is one journal record that changes hands: the step that gives the work away writes the
// record for the next owner in the same transaction that changes the row, and only then sends the message. Whoever
// starts up asks the journal for the records it owns and runs them again, from the first step. So every step must bear
// being run twice, and every undo must bear being run twice, being run after a do that failed half-way, and being run
// when its do was never begun: recovery cannot tell how far a dead process came. flowtest proves that, and that an error
// at any step unwinds all that came before, for every flow it is given.
//
// What lives here: the engine and the journal's contract. What must not: any flow, any database, OpenStack.
package flow

import (
	"context"
	"errors"
	"time"
)

// Record is one line of the journal: an operation that is under way and who has to see to it.
type Record struct {
	ID           string // the operation's own id, unique for ever; a UUID
	Name         string // which flow runs it next: "volume_create", "volume_delete", ...
	Owner        string // whose work it is now: "scheduler", or a volume service's "host@backend"
	ResourceType string // "volume", "snapshot", "attachment"
	ResourceID   string
	State        []byte    // the flow's state, JSON; what the next run needs beside the rows
	Unwinding    bool      // the flow failed and is being undone
	Cause        string    // why it is unwinding: a fault, JSON
	Attempts     int       // how many times recovery picked it up
	CreatedAt    time.Time // when the operation began; the journal sets it when it is zero
	UpdatedAt    time.Time // when the record last changed; set by the journal
}

// Step is one reversible piece of a flow over the state S and transactions of type T. At most one of Do and Tx is set;
// a step with neither exists for its undo.
type Step[S, T any] struct {
	// Name is the step's name in logs, traces and errors; upstream's task name where there is one.
	Name string
	// Do acts on the world outside the database: a driver, a message. Nothing that lasts may be done before the first
	// Tx step of a flow that is begun: until then there is no journal to undo it from.
	Do func(ctx context.Context, s *S) error
	// Tx acts on rows. Neighbouring Tx steps share one transaction, which also carries the journal's change. Like the
	// transaction it runs in, it may be retried.
	Tx func(ctx context.Context, tx T, s *S) error
	// Undo takes back what Do did; it runs for the step that failed too, and in an operation that was in the journal
	// before this run for the steps after that one as well: an earlier run may have done them.
	Undo func(ctx context.Context, s *S, cause error) error
	// UndoTx is Undo in a transaction; at most one of Undo and UndoTx is set. Neighbouring UndoTx share a transaction. The
	// one nearest the start ends the record, or hands it back. An Undo before it is therefore best effort, like a step
	// after the last Tx: the message that tells the next owner, nothing that must not be lost.
	UndoTx func(ctx context.Context, tx T, s *S, cause error) error
}

// Next names who sees to an operation from now on, and with what state (marshalled to JSON).
type Next struct {
	Name, Owner string
	State       any
}

// Flow is a table of steps. It is immutable once made and may be run many times at once.
type Flow[S, T any] struct {
	Name  string
	Steps []Step[S, T]
	// Hold takes what a run must hold from its first step to its last, such as a lock between processes; nil means nothing.
	// Steps and undos run under held, which is ctx or ends with it. When held ends before ctx does, or there is an error, the
	// run is interrupted: the journal has the operation, and who is free to runs it again. release is called at the end.
	Hold func(ctx context.Context, s *S) (held context.Context, release func(), err error)
	// Together names the lane of flows whose transactions may be shared, where the journal can do that (LaneJournal): those of a
	// lane that wait for each other anyway, or are short and wait for nobody. nil, or an empty name, means none is.
	Together func(s *S) string
	// HandOver says who goes on when this flow's last transaction commits; nil, or a nil result, means the operation is
	// done then, and its record is deleted in that transaction. Steps after the last Tx are best effort: a failure of
	// theirs is logged and not undone, because the next owner will find the record anyway.
	HandOver func(s *S) *Next
	// HandBack is HandOver for a flow that was unwound: a failed create goes back to the scheduler.
	HandBack func(s *S, cause error) *Next
}

// Journal is where records are kept; the consumer's store implements it. T is the store's transaction: a record written
// through it becomes visible with the rows that the same transaction changed, or not at all.
type Journal[T any] interface {
	// Update runs fn in one transaction and commits it unless fn fails. It may run fn again after a failed commit.
	Update(ctx context.Context, fn func(tx T) error) error
	// PutFlow inserts the record or replaces the one with the same ID.
	PutFlow(ctx context.Context, tx T, r Record) error
	// ClaimFlow counts one more attempt in the record if it is still as r was read: same owner, attempts and update time.
	// It says whether it was; if not, the operation has moved on since.
	ClaimFlow(ctx context.Context, tx T, r Record) (bool, error)
	// DeleteFlow removes the record; a missing one is no error.
	DeleteFlow(ctx context.Context, tx T, id string) error
}

// LaneJournal is a journal whose transactions may be shared (Flow.Together).
type LaneJournal[T any] interface {
	Journal[T]
	// UpdateTogether is Update in a transaction that may be others' of the same lane too; that one of them fails does
	// not harm the others.
	UpdateTogether(ctx context.Context, lane string, fn func(tx T) error) error
}

// SharedJournal is a journal whose records several processes look for (Options.Keep).
type SharedJournal[T any] interface {
	Journal[T]
	// TouchFlow sets the update time of the record if it is still mine: same owner and attempts. there says whether it is there
	// at all.
	TouchFlow(ctx context.Context, tx T, r Record) (there, mine bool, err error)
}

// Errors a step may return (or wrap) to say more than that it failed.
var (
	// ErrObsolete: what the flow was to do is no longer wanted, for example because the volume is gone or already made.
	// The record is deleted, nothing is undone, and the run counts as a success.
	ErrObsolete = errors.New("flow: the operation is obsolete")
	// ErrTaken: somebody else has the operation in hand. The record is left alone, nothing is undone, and the run
	// counts as a success.
	ErrTaken = errors.New("flow: the operation is in other hands")
	// ErrInterrupted is returned by a run that was stopped because the process is stopping, or because it cannot hold what
	// it must. The record stays in the journal, and is resumed from there.
	ErrInterrupted = errors.New("flow: interrupted; the journal has it")
)
