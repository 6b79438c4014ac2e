package app

import (
	"context"
	"errors"
	"time"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// onceKey is the context key of what identifies a create, and staleKey of the id of what it made that is gone since.
type (
	onceKey  struct{}
	staleKey struct{}
)

// errRepeated is the cause of a Claim that came second.
var errRepeated = errors.New("another request with the same id and body has been carried out")

// WithOnce gives a context in which a create is carried out once: key stands for who asks for what under which request
// id. Creates with the same key make one resource within Options.IdempotencyWindow; an empty key changes nothing.
func WithOnce(ctx context.Context, key string) context.Context {
	if key == "" {
		return ctx
	}
	return context.WithValue(ctx, onceKey{}, key)
}

// once is the key that a create in ctx is carried out once under, and since when; on is false if it is carried out
// however often it is asked for.
func (c *Core) once(ctx context.Context) (key string, since time.Time, on bool) {
	key, on = ctx.Value(onceKey{}).(string)
	return key, c.Now().Add(-c.Options.IdempotencyWindow), on && c.Options.IdempotencyWindow > 0
}

// Once runs create, which makes a resource and claims it, or, if the request of ctx has made one already, reads that
// instead: also one that is just being made by the same request, somewhere else. What has been deleted since is made
// anew.
func Once[R any](ctx context.Context, c *Core, read func(ctx context.Context, id string) (*R, error), create func(ctx context.Context) (*R, error)) (*R, error) {
	key, since, on := c.once(ctx)
	if !on {
		return create(ctx)
	}
	const rounds = 3 // one, and two for repeats that overtake this one
	for round := 1; ; round++ {
		id, err := c.Store.Creation(ctx, key, since)
		if err != nil {
			return nil, err
		}
		if id != "" {
			r, err := read(ctx, id)
			if !fault.Is(err, fault.NotFound) {
				return r, err
			}
			ctx = context.WithValue(ctx, staleKey{}, id)
		}
		r, err := create(ctx)
		if !errors.Is(err, errRepeated) || round == rounds {
			return r, err
		}
	}
}

// Claim enters, in the transaction that makes it, that the request of ctx has made the resource with this id. If the same
// request has made another one meanwhile it fails, and so the transaction; Once knows what to do then.
func (c *Core) Claim(ctx context.Context, tx store.Tx, id string) error {
	key, since, on := c.once(ctx)
	if !on {
		return nil
	}
	stale, _ := ctx.Value(staleKey{}).(string)
	made, err := tx.Creation(ctx, key, since)
	if err != nil {
		return err
	}
	if made == "" || made == stale {
		err = tx.EnterCreation(ctx, key, id, since, stale)
	}
	if made != "" && made != stale || fault.Is(err, fault.Conflict) {
		return fault.Wrap(errRepeated, fault.Conflict, "", "The same request is being carried out already.")
	}
	return err
}

// forgottenAtOnce is how many creations are forgotten in one transaction, and forgottenRounds how many such transactions
// there are at most in one call: what is left waits for the next.
const (
	forgottenAtOnce = 1000
	forgottenRounds = 1000
)

// ForgetCreations forgets which requests have made what, once that is longer ago than the window.
func (c *Core) ForgetCreations(ctx context.Context) error {
	before := c.Now().Add(-c.Options.IdempotencyWindow)
	for range forgottenRounds {
		var n int64
		err := c.Store.Update(ctx, func(tx store.Tx) (err error) {
			n, err = tx.DeleteCreations(ctx, before, forgottenAtOnce)
			return err
		})
		if err != nil || n < forgottenAtOnce {
			return err
		}
	}
	return nil
}
