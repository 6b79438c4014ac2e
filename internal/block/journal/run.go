package journal

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// Continue runs the flow that a message brought: flow.Continue, but a record without an id, of a sender that keeps no
// journal, gets one, and a run that is cut short because the service stops is no error: the journal has it.
func Continue[S any](ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[S, store.Tx], r flow.Record, s *S) error {
	if r.ID == "" {
		r.ID = uuid.NewString()
	}
	if err := flow.Continue(ctx, e, f, r, s); !errors.Is(err, flow.ErrInterrupted) {
		return err
	}
	return nil
}

// Again is how the records of a flow are seen to that is done again from its first step: flow.Resume.
func Again[S any](e *flow.Engine[store.Tx], f *flow.Flow[S, store.Tx]) Resume {
	return func(ctx context.Context, r flow.Record) error { return flow.Resume(ctx, e, f, r) }
}
