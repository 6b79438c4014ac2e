package journal

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// Identified is the state of an operation, or the message in it, that says which operation of the journal it is.
type Identified interface{ SetFlowID(id string) }

// Continue runs the flow that a message brought. One with an id has a record in the journal: flow.Continue. One without
// comes from a sender that keeps no journal, such as a Python service: the operation gets an id, in the record and in s if
// that is Identified, and is entered in the journal before its first step (flow.Adopt), in the place of the row of workers that the
// sender may have written. A run that is cut short because the
// service stops is no error: the journal has it.
func Continue[S any](ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[S, store.Tx], r flow.Record, s *S) error {
	return ContinueWith(ctx, e, func(string) *flow.Flow[S, store.Tx] { return f }, r, s)
}

// ContinueWith is Continue for a flow whose steps know the operation's id.
func ContinueWith[S any](ctx context.Context, e *flow.Engine[store.Tx], f func(id string) *flow.Flow[S, store.Tx], r flow.Record, s *S) error {
	var err error
	if r.ID == "" {
		r.ID = uuid.NewString()
		if named, ok := any(s).(Identified); ok {
			named.SetFlowID(r.ID)
		}
		err = flow.Adopt(ctx, e, f(r.ID), r, s, func(ctx context.Context, tx store.Tx) error { return forgetWorker(ctx, tx, r) })
	} else {
		err = flow.Continue(ctx, e, f(r.ID), r, s)
	}
	if !errors.Is(err, flow.ErrInterrupted) {
		return err
	}
	return nil
}

// forgetWorker deletes the row by which Python's services would clean up an operation that the journal has now: it would have them
// take from us what we have in hand, and stay for ever.
func forgetWorker(ctx context.Context, tx store.Tx, r flow.Record) error {
	switch r.ResourceType {
	case "volume":
		return tx.ForgetWorker(ctx, "Volume", r.ResourceID)
	case "snapshot":
		return tx.ForgetWorker(ctx, "Snapshot", r.ResourceID)
	}
	return nil
}

// Again is how the records of a flow are seen to that is done again from its first step: flow.Resume.
func Again[S any](e *flow.Engine[store.Tx], f *flow.Flow[S, store.Tx]) Resume {
	return func(ctx context.Context, r flow.Record) error { return flow.Resume(ctx, e, f, r) }
}
