package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/recovery"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// FlowOwner is whose records in the journal are those of this wing.
const FlowOwner = "images"

// flowRemoval is the flow that removes data whose rows are gone.
const flowRemoval = "image_data_delete"

// removal is its state.
type removal struct {
	ImageID string
	Copies  []removedCopy
}

type removedCopy struct{ Store, URL string }

// RemoveData notes in tx, which takes the locations out of an image's rows, that the data is to go. Call run when tx has been
// committed: it removes the data. What it cannot remove now the journal makes up for.
func (c *Core) RemoveData(ctx context.Context, tx store.Tx, imageID string, locations []image.Location) (run func(context.Context), err error) {
	state := &removal{ImageID: imageID}
	for _, l := range locations {
		if l.Store() != "" { // the data elsewhere is not ours
			state.Copies = append(state.Copies, removedCopy{l.Store(), l.URL})
		}
	}
	if len(state.Copies) == 0 {
		return func(context.Context) {}, nil
	}
	rec, err := NewRecord(flowRemoval, imageID, state)
	if err != nil {
		return nil, err
	}
	if err := tx.PutFlow(ctx, rec); err != nil {
		return nil, err
	}
	return func(ctx context.Context) {
		// The client has no part in it any more.
		if err := flow.Continue(context.WithoutCancel(ctx), c.Flows, c.removal(), rec, state); err != nil {
			c.Log.WarnContext(ctx, "the data of an image could not be removed", "image_id", imageID, "error", err)
		}
	}, nil
}

func (c *Core) removal() *flow.Flow[removal, store.Tx] {
	return &flow.Flow[removal, store.Tx]{Name: flowRemoval, Steps: []flow.Step[removal, store.Tx]{
		{Name: "delete_data", Do: func(ctx context.Context, st *removal) error {
			var problems []error
			for _, one := range st.Copies {
				s, err := c.Stores.Get(one.Store)
				if err == nil {
					err = s.Delete(ctx, one.URL)
				}
				problems = append(problems, err)
			}
			if err := errors.Join(problems...); err != nil {
				c.Log.WarnContext(ctx, "the data of an image could not be removed and is left to the journal", "image_id", st.ImageID, "error", err)
				return fmt.Errorf("%w: %w", flow.ErrTaken, err)
			}
			return nil
		}},
	}}
}

// NewRecord makes a record for the journal of this wing.
func NewRecord(name, imageID string, state any) (flow.Record, error) {
	b, err := json.Marshal(state)
	return flow.Record{ID: uuid.NewString(), Name: name, Owner: FlowOwner, ResourceType: "image", ResourceID: imageID, State: b}, err
}

// Resumptions says how the flows of this package are seen to that a dead process left.
func (c *Core) Resumptions() map[string]recovery.Resume {
	return map[string]recovery.Resume{flowRemoval: func(ctx context.Context, r flow.Record) error {
		return flow.Resume(ctx, c.Flows, c.removal(), r)
	}}
}

// journal keeps the wing's records in its store.
type journal struct{ store store.Store }

// NewJournal gives the journal that the wing's engine runs over.
func NewJournal(s store.Store) flow.Journal[store.Tx] { return journal{s} }

func (j journal) Update(ctx context.Context, fn func(tx store.Tx) error) error {
	return j.store.Update(ctx, fn)
}

func (journal) PutFlow(ctx context.Context, tx store.Tx, r flow.Record) error {
	return tx.PutFlow(ctx, r)
}

func (journal) ClaimFlow(ctx context.Context, tx store.Tx, r flow.Record) (bool, error) {
	return tx.ClaimFlow(ctx, r)
}

func (journal) DeleteFlow(ctx context.Context, tx store.Tx, id string) error {
	return tx.DeleteFlow(ctx, id)
}

// Detached is the context of work that a request sets off and does not wait for: it keeps who asked, and ends with base.
func Detached(base, request context.Context) context.Context {
	return reqctx.With(base, reqctx.From(request))
}
