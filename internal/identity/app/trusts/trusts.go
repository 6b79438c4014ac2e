// Package trusts is the use cases of trusts: a user lets another act in a project with some of their roles.
//
// What must not live here: getting a token with a trust (package auth), and what such a token is worth (package tokens).
package trusts

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Trusts is the use cases. It is safe for concurrent use.
type Trusts struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Trusts { return &Trusts{c} }

// Trust is a trust with its roles by name.
type Trust struct {
	*identity.Trust
	Roles []*identity.Role
}

// withRoles reads the roles of a trust.
func withRoles(ctx context.Context, r store.Reader, t *identity.Trust) (Trust, error) {
	roles, err := r.Roles(ctx, store.RoleQuery{IDs: append([]string{}, t.RoleIDs...)})
	return Trust{t, roles}, err
}

// direct refuses tokens that were got by something the user gave away. One got with a trust may pass it on.
func direct(ctx context.Context) error {
	if app.Caller(ctx).DelegatedMethod() {
		return identity.ForbiddenAction("Delegated tokens cannot manage trusts.")
	}
	return nil
}

// usable reads a trust that the caller may do to what rule stands for. As in Keystone, everybody who is logged in learns which
// trusts there are not; one of no use any more is not there.
func (u *Trusts) usable(ctx context.Context, rule, id string) (found Trust, err error) {
	if app.Caller(ctx) == nil {
		return Trust{}, identity.Unauthorized("%s needs a token", rule)
	}
	err = u.Store.Read(ctx, func(r store.Reader) error {
		t, err := r.Trust(ctx, id)
		if err == nil && !t.Usable(u.Now()) {
			err = identity.NotFound(identity.TheTrust, id)
		}
		if err == nil && t.RedelegatedTrustID != "" {
			_, err = Pedigree(ctx, r, t, u.Now())
		}
		if err == nil {
			found, err = withRoles(ctx, r, t)
		}
		return err
	})
	if err != nil {
		return Trust{}, err
	}
	target := app.Target{"target.trust.trustor_user_id": found.TrustorUserID, "target.trust.trustee_user_id": found.TrusteeUserID}
	if err := u.Authorize(ctx, rule, target); err != nil {
		return Trust{}, err
	}
	return found, direct(ctx)
}

// Get reads a trust.
func (u *Trusts) Get(ctx context.Context, id string) (Trust, error) {
	return u.usable(ctx, "identity:get_trust", id)
}

// Roles lists the roles that a trust gives.
func (u *Trusts) Roles(ctx context.Context, id string) (Trust, error) {
	return u.usable(ctx, "identity:list_roles_for_trust", id)
}

// Role reads a role that a trust gives; another is fault.NotFound.
func (u *Trusts) Role(ctx context.Context, id, roleID string) (*identity.Role, error) {
	t, err := u.usable(ctx, "identity:get_role_for_trust", id)
	if err != nil {
		return nil, err
	}
	for _, role := range t.Roles {
		if role.ID == roleID {
			return role, nil
		}
	}
	return nil, identity.NotFound(identity.TheRole, roleID)
}

// List lists trusts: those that a user has given, or has got, or else all. Their roles are left out.
func (u *Trusts) List(ctx context.Context, trustorID, trusteeID string) ([]*identity.Trust, error) {
	var err error
	switch {
	case trustorID != "":
		trusteeID = ""
		err = u.Authorize(ctx, "identity:list_trusts_for_trustor", app.Target{"target.trust.trustor_user_id": trustorID})
	case trusteeID != "":
		err = u.Authorize(ctx, "identity:list_trusts_for_trustee", app.Target{"target.trust.trustee_user_id": trusteeID})
	default:
		err = u.Authorize(ctx, "identity:list_trusts", app.Target{})
	}
	if err != nil {
		return nil, err
	}
	if err := direct(ctx); err != nil {
		return nil, err
	}
	return u.Store.Trusts(ctx, store.TrustQuery{TrustorUserID: trustorID, TrusteeUserID: trusteeID})
}

// Delete removes a trust with those that pass it on: tokens got with them are worthless at once.
func (u *Trusts) Delete(ctx context.Context, id string) error {
	if _, err := u.usable(ctx, "identity:delete_trust", id); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return remove(ctx, tx, id, MaxRedelegation+1) })
}

// remove goes down the chains that begin with a trust, which are no deeper than depth.
func remove(ctx context.Context, tx store.Tx, id string, depth int) error {
	if depth > 0 {
		below, err := tx.Trusts(ctx, store.TrustQuery{RedelegatedTrustID: id})
		if err != nil {
			return err
		}
		for _, t := range below {
			if err := remove(ctx, tx, t.ID, depth-1); err != nil {
				return err
			}
		}
	}
	return tx.DeleteTrust(ctx, id)
}

// RoleRef names a role by id or by name.
type RoleRef struct{ ID, Name string }

// chooseRoles finds the roles that are named.
func chooseRoles(ctx context.Context, r store.RoleReader, t *identity.Trust, wanted []RoleRef) error {
	for _, ref := range wanted {
		if ref.ID == "" {
			found, err := r.Roles(ctx, store.RoleQuery{Name: ref.Name, DomainID: new("")})
			if err != nil {
				return err
			}
			if len(found) == 0 {
				return fault.New(fault.NotFound, "RoleNotFound", "Role %s is not defined", ref.Name)
			}
			ref.ID = found[0].ID
		}
		t.RoleIDs = append(t.RoleIDs, ref.ID)
	}
	slices.Sort(t.RoleIDs)
	t.RoleIDs = slices.Compact(t.RoleIDs)
	return nil
}
