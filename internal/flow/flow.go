// Package flow is the saga engine: a long operation is a table of steps, each with a do and an undo, and a journal that
// lets the operation be resumed or undone after the process died at any instant.
//
// A flow that crosses processes is one journal record that changes hands: the step that gives the work away writes the
// record for the next owner in the same transaction that changes the row, and only then sends the message. Whoever
// starts up asks the journal for the records it owns and runs them again. So every step must bear being run twice, and
// every undo must bear being run twice and being run after a do that failed half-way; flowtest proves both, and that an
// error at any step unwinds all that came before, for every flow it is given.
//
// What lives here: the engine, the journal's contract, flowtest. What must not: any flow, any database, OpenStack.
package flow

import (
	"context"
	"time"
)

// Record is one line of the journal: an operation that is under way and who has to see to it.
type Record struct {
	ID           string // the operation's own id, unique for ever; a UUID
	Name         string // which flow runs it: "volume_create", "volume_delete", ...
	Owner        string // whose work it is now: "scheduler", or a volume service's "host@backend"
	ResourceType string // "volume", "snapshot", "attachment"
	ResourceID   string
	State        []byte    // the flow's state, JSON; what the next run needs beside the rows
	Unwinding    bool      // the flow failed and is being undone
	Cause        string    // why it is unwinding: the fault, JSON
	Attempts     int       // how many times a run of it was begun
	CreatedAt    time.Time // when the operation began
	UpdatedAt    time.Time // when the record last changed
}

// Step is one reversible piece of a flow over the state S and transactions of type T. Exactly one of Do and Tx is set.
type Step[S, T any] struct {
	// Name is the step's name in logs, traces and errors; upstream's task name where there is one.
	Name string
	// Do acts on the world outside the database: a driver, a message. It must be idempotent.
	Do func(ctx context.Context, s *S) error
	// Tx acts on rows. Neighbouring Tx steps share one transaction, which also carries the journal's change.
	Tx func(ctx context.Context, tx T, s *S) error
	// Undo takes back what Do or Tx did; it also runs for the step that failed, and must bear running twice and running
	// when there is nothing to undo. Nil means there is nothing to take back.
	Undo func(ctx context.Context, s *S, cause error) error
	// UndoTx is Undo in a transaction; at most one of Undo and UndoTx is set. Neighbouring UndoTx share a transaction.
	UndoTx func(ctx context.Context, tx T, s *S, cause error) error
}

// Journal is where a flow's records are kept; the consumer's store implements it. T is the store's transaction, and a
// record written through it becomes visible with the rows that the same transaction changed, or not at all.
type Journal[T any] interface {
	// Update runs fn in one transaction and commits it unless fn fails.
	Update(ctx context.Context, fn func(tx T) error) error
	// PutFlow inserts the record or replaces the one with the same ID.
	PutFlow(ctx context.Context, tx T, r Record) error
	// DeleteFlow removes the record; a missing one is no error.
	DeleteFlow(ctx context.Context, tx T, id string) error
}
