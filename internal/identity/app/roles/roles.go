// Package roles is the use cases of roles, what they imply, and who has which where.
//
// What must not live here: what somebody's roles come to in the end when they log in (package access).
package roles

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Roles is the use cases. It is safe for concurrent use.
type Roles struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Roles { return &Roles{c} }

// rule is the one for a role of the cloud, or the one for a role of a domain.
func rule(verb, domainID string) string {
	if domainID != "" {
		return "identity:" + verb + "_domain_role"
	}
	return "identity:" + verb + "_role"
}

// authorized reads a role the caller may do to what verb stands for.
func (u *Roles) authorized(ctx context.Context, verb, id string) (*identity.Role, error) {
	r, err := app.OrNil(u.Store.Role(ctx, id))
	if err != nil {
		return nil, err
	}
	domain := ""
	if r != nil {
		domain = r.DomainID
	}
	if err := u.Authorize(ctx, rule(verb, domain), app.Target{}.Role(r)); err != nil {
		return nil, err
	}
	if r == nil {
		return nil, identity.NotFound(identity.TheRole, id)
	}
	return r, nil
}

// Get reads a role.
func (u *Roles) Get(ctx context.Context, id string) (*identity.Role, error) {
	return u.authorized(ctx, "get", id)
}

// List lists the roles that q chooses: those of a domain if it names one, else those of the cloud.
func (u *Roles) List(ctx context.Context, q store.RoleQuery) ([]*identity.Role, error) {
	name := "identity:list_roles"
	if q.DomainID == nil {
		q.DomainID = new("")
	} else if *q.DomainID != "" {
		name = "identity:list_domain_roles"
	}
	if err := u.Authorize(ctx, name, app.Target{}); err != nil {
		return nil, err
	}
	return u.Store.Roles(ctx, q)
}

// Create makes a role of what r says, which needs no id.
func (u *Roles) Create(ctx context.Context, r *identity.Role) error {
	if err := u.Authorize(ctx, rule("create", r.DomainID), app.Target{}.Role(r)); err != nil {
		return err
	}
	r.ID, r.Name = app.NewID(), strings.TrimSpace(r.Name)
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if r.DomainID != "" {
			if _, err := tx.Domain(ctx, r.DomainID); err != nil {
				return err
			}
		}
		return tx.CreateRole(ctx, r)
	})
}

// Change is what an update changes; nil fields stay.
type Change struct {
	Name, DomainID *string
	Description    **string
	Options        identity.Options // those that are there; null takes one away
	Extra          identity.Extra
}

// onlyUnlocks reports whether the change does nothing but make the role changeable again.
func (c Change) onlyUnlocks() bool {
	_, there := c.Options[identity.OptionImmutable]
	return there && len(c.Options) == 1 && !c.Options.True(identity.OptionImmutable) && c.Name == nil && c.DomainID == nil && c.Description == nil && len(c.Extra) == 0
}

// Update changes a role.
func (u *Roles) Update(ctx context.Context, id string, c Change) (*identity.Role, error) {
	r, err := u.authorized(ctx, "update", id)
	if err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if r, err = tx.Role(ctx, id); err != nil {
			return err
		}
		switch {
		case r.Immutable() && !c.onlyUnlocks():
			return identity.Immutable(identity.TheRole, id)
		case c.DomainID != nil && *c.DomainID != r.DomainID:
			return identity.Invalid("Update of `domain_id` is not allowed.")
		}
		if c.Name != nil {
			r.Name = strings.TrimSpace(*c.Name)
		}
		if c.Description != nil {
			r.Description = *c.Description
		}
		r.Options, r.Extra = r.Options.Merge(c.Options), r.Extra.Merge(c.Extra)
		return tx.UpdateRole(ctx, r)
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Delete removes a role from whoever has it, and then itself.
func (u *Roles) Delete(ctx context.Context, id string) error {
	r, err := u.authorized(ctx, "delete", id)
	if err != nil {
		return err
	}
	if r.Immutable() {
		return identity.ImmutableDelete(identity.TheRole, id)
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteRole(ctx, id) })
}

// Inference is a role and those it implies itself.
type Inference struct {
	Prior   *identity.Role
	Implies []*identity.Role
}

// Inferences lists which roles imply which.
func (u *Roles) Inferences(ctx context.Context) (list []Inference, err error) {
	if err := u.Authorize(ctx, "identity:list_role_inference_rules", app.Target{}); err != nil {
		return nil, err
	}
	err = u.Store.Read(ctx, func(r store.Reader) error {
		list, err = inferences(ctx, r, "")
		return err
	})
	return list, err
}

// inferences reads them all, or those of one prior role.
func inferences(ctx context.Context, r store.RoleReader, prior string) (list []Inference, err error) {
	rules, err := r.Implications(ctx)
	if err != nil {
		return nil, err
	}
	roles, err := r.Roles(ctx, store.RoleQuery{})
	if err != nil {
		return nil, err
	}
	byID := map[string]*identity.Role{}
	for _, role := range roles {
		byID[role.ID] = role
	}
	for _, i := range rules {
		if prior != "" && i.Prior != prior {
			continue
		}
		if len(list) == 0 || list[len(list)-1].Prior.ID != i.Prior {
			list = append(list, Inference{Prior: byID[i.Prior]})
		}
		last := &list[len(list)-1]
		last.Implies = append(last.Implies, byID[i.Implied])
	}
	return list, nil
}

// pair reads both sides of an implication that the caller may do to what name stands for.
func (u *Roles) pair(ctx context.Context, name, priorID, impliedID string) (prior, implied *identity.Role, err error) {
	if err := u.Authorize(ctx, name, app.Target{}); err != nil {
		return nil, nil, err
	}
	if prior, err = u.Store.Role(ctx, priorID); err != nil {
		return nil, nil, err
	}
	if impliedID != "" {
		implied, err = u.Store.Role(ctx, impliedID)
	}
	return prior, implied, err
}

// Implied lists what a role implies itself.
func (u *Roles) Implied(ctx context.Context, priorID string) (Inference, error) {
	prior, _, err := u.pair(ctx, "identity:list_implied_roles", priorID, "")
	if err != nil {
		return Inference{}, err
	}
	list, err := inferences(ctx, u.Store, priorID)
	if err != nil || len(list) == 0 {
		return Inference{Prior: prior}, err
	}
	return list[0], nil
}

// DoesImply gives both roles, or a fault.NotFound if the first does not imply the second itself. name is the rule.
func (u *Roles) DoesImply(ctx context.Context, name, priorID, impliedID string) (Inference, error) {
	prior, implied, err := u.pair(ctx, name, priorID, impliedID)
	if err != nil {
		return Inference{}, err
	}
	rules, err := u.Store.Implications(ctx)
	if err != nil {
		return Inference{}, err
	}
	for _, i := range rules {
		if i.Prior == priorID && i.Implied == impliedID {
			return Inference{Prior: prior, Implies: []*identity.Role{implied}}, nil
		}
	}
	return Inference{}, notImplied(priorID, impliedID)
}

func notImplied(priorID, impliedID string) error {
	return fault.New(fault.NotFound, "", "%s does not imply %s.", priorID, impliedID)
}

// Imply lets a role imply another. Nothing implies admin, and a role of the cloud none of a domain.
func (u *Roles) Imply(ctx context.Context, priorID, impliedID string) (Inference, error) {
	prior, implied, err := u.pair(ctx, "identity:create_implied_role", priorID, impliedID)
	if err != nil {
		return Inference{}, err
	}
	if implied.Name == identity.RoleAdmin || prior.DomainID == "" && implied.DomainID != "" {
		return Inference{}, fault.New(fault.Forbidden, "InvalidImpliedRole", "%s cannot be an implied roles.", impliedID)
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		return tx.CreateImplication(ctx, identity.Implication{Prior: priorID, Implied: impliedID})
	})
	return Inference{Prior: prior, Implies: []*identity.Role{implied}}, err
}

// Unimply lets a role no longer imply another.
func (u *Roles) Unimply(ctx context.Context, priorID, impliedID string) error {
	if _, _, err := u.pair(ctx, "identity:delete_implied_role", priorID, impliedID); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		was, err := tx.DeleteImplication(ctx, identity.Implication{Prior: priorID, Implied: impliedID})
		if err == nil && !was {
			err = notImplied(priorID, impliedID)
		}
		return err
	})
}
