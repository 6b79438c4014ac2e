// Package messages is the use cases of user messages, which tell why something that was accepted came to nothing, and the
// Writer by which the services leave them.
package messages

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
)

// Messages is the use cases of user messages. It is safe for concurrent use.
type Messages struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Messages { return &Messages{Core: core} }

// Get reads one message; one to another project is NotFound for everyone but an administrator.
func (u *Messages) Get(ctx context.Context, id string) (*block.Message, error) {
	return u.read(ctx, id, "message:get")
}

func (u *Messages) read(ctx context.Context, id, rule string) (*block.Message, error) {
	m, err := u.Store.Message(ctx, id, app.ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	return m, u.Policy.Check(ctx, rule, app.Target(m.ProjectID, ""))
}

// List reads the messages that q chooses: an administrator's among all, others' among their project's.
func (u *Messages) List(ctx context.Context, q store.MessageQuery) ([]*block.Message, error) {
	if err := u.Authorize(ctx, "message:get_all"); err != nil {
		return nil, err
	}
	if scope := app.ProjectScope(ctx); scope != "" {
		q.ProjectID = scope
	}
	return u.Store.Messages(ctx, q)
}

// Delete removes one message.
func (u *Messages) Delete(ctx context.Context, id string) error {
	if _, err := u.read(ctx, id, "message:delete"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DestroyMessage(ctx, id) })
}
