// Package federation is the use cases of what an operator prepares for users of other identity services: mappings, which say who
// they are to be here.
//
// What must not live here: logging in by another service; that is not built.
package federation

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Federation is the use cases. It is safe for concurrent use.
type Federation struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Federation { return &Federation{c} }

func (u *Federation) may(ctx context.Context, rule string) error {
	return u.Authorize(ctx, "identity:"+rule, app.Target{})
}

// Mapping reads a mapping.
func (u *Federation) Mapping(ctx context.Context, id string) (*identity.Mapping, error) {
	if err := u.may(ctx, "get_mapping"); err != nil {
		return nil, err
	}
	return u.Store.Mapping(ctx, id)
}

// Mappings lists them.
func (u *Federation) Mappings(ctx context.Context) ([]*identity.Mapping, error) {
	if err := u.may(ctx, "list_mappings"); err != nil {
		return nil, err
	}
	return u.Store.Mappings(ctx)
}

// CreateMapping makes a mapping; one of that id that is there is a fault.Conflict. Rules have been checked for their form.
func (u *Federation) CreateMapping(ctx context.Context, m *identity.Mapping) error {
	if err := u.may(ctx, "create_mapping"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateMapping(ctx, m) })
}

// UpdateMapping replaces the rules of a mapping, with their version.
func (u *Federation) UpdateMapping(ctx context.Context, m *identity.Mapping) error {
	if err := u.may(ctx, "update_mapping"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.UpdateMapping(ctx, m) })
}

// DeleteMapping removes a mapping.
func (u *Federation) DeleteMapping(ctx context.Context, id string) error {
	if err := u.may(ctx, "delete_mapping"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteMapping(ctx, id) })
}
