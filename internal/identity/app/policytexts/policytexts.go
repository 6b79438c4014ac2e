// Package policytexts is the use cases of policies as Keystone's API has them: texts that somebody keeps for services to fetch.
//
// What must not live here: the policy that this service itself goes by. That is package oslo/policy.
package policytexts

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Policies is the use cases. It is safe for concurrent use.
type Policies struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Policies { return &Policies{c} }

func (u *Policies) may(ctx context.Context, rule string) error {
	return u.Authorize(ctx, "identity:"+rule, app.Target{})
}

// Get reads a policy.
func (u *Policies) Get(ctx context.Context, id string) (*identity.Policy, error) {
	if err := u.may(ctx, "get_policy"); err != nil {
		return nil, err
	}
	return u.Store.Policy(ctx, id)
}

// List lists the policies that q chooses.
func (u *Policies) List(ctx context.Context, q store.PolicyQuery) ([]*identity.Policy, error) {
	if err := u.may(ctx, "list_policies"); err != nil {
		return nil, err
	}
	return u.Store.Policies(ctx, q)
}

// Create makes a policy of what p says, which needs no id.
func (u *Policies) Create(ctx context.Context, p *identity.Policy) error {
	if err := u.may(ctx, "create_policy"); err != nil {
		return err
	}
	p.ID = app.NewID()
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreatePolicy(ctx, p) })
}

// Update changes a policy by change.
func (u *Policies) Update(ctx context.Context, id string, change func(*identity.Policy)) (p *identity.Policy, err error) {
	if err := u.may(ctx, "update_policy"); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if p, err = tx.Policy(ctx, id); err != nil {
			return err
		}
		change(p)
		return tx.UpdatePolicy(ctx, p)
	})
	return p, err
}

// Delete removes a policy.
func (u *Policies) Delete(ctx context.Context, id string) error {
	if err := u.may(ctx, "delete_policy"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeletePolicy(ctx, id) })
}
