package sqlstore

import (
	"context"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/together"
)

// maxTogether is how many changes share a transaction.
const maxTogether = 32

// change is a transaction that may share one with others.
type change struct {
	ctx context.Context
	fn  func(tx store.Tx) error
}

func (c *change) run(tx store.Tx) error {
	if err := c.ctx.Err(); err != nil {
		return err
	}
	return c.fn(tx)
}

// UpdateTogether implements store.Store.
func (s *Store) UpdateTogether(ctx context.Context, lane string, fn func(tx store.Tx) error) error {
	// Whoever asked must not go on while fn may run: what that works on is his.
	_, err := s.lanes.Get(context.WithoutCancel(ctx), lane, &change{ctx, fn})
	return err
}

// updateAll runs changes in one transaction, or, when one of them fails, each in its own.
func (s *Store) updateAll(ctx context.Context, changes []*change) map[*change]together.Answer[struct{}] {
	answers := make(map[*change]together.Answer[struct{}], len(changes))
	if len(changes) > 1 {
		failed := false // in a change, and not in what all of them share
		err := s.Update(ctx, func(tx store.Tx) error {
			for _, c := range changes {
				if err := c.run(tx); err != nil {
					failed = true
					return err
				}
			}
			failed = false
			return nil
		})
		if !failed {
			for _, c := range changes {
				answers[c] = together.Answer[struct{}]{Err: err}
			}
			return answers
		}
	}
	for _, c := range changes {
		answers[c] = together.Answer[struct{}]{Err: s.Update(c.ctx, c.fn)}
	}
	return answers
}
