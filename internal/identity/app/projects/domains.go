package projects

import (
	"context"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/access"
	"github.com/clinker/clinker/internal/identity/store"
)

// authorizedDomain reads a domain the caller may do to what rule stands for.
func (u *Projects) authorizedDomain(ctx context.Context, rule, id string) (*identity.Project, error) {
	d, err := app.OrNil(u.Store.Domain(ctx, id))
	if err != nil {
		return nil, err
	}
	if err := u.Authorize(ctx, rule, app.Target{}.Domain(d)); err != nil {
		return nil, err
	}
	if d == nil {
		return nil, identity.NotFound(identity.TheDomain, id)
	}
	return d, nil
}

// Domain reads a domain.
func (u *Projects) Domain(ctx context.Context, id string) (*identity.Project, error) {
	return u.authorizedDomain(ctx, "identity:get_domain", id)
}

// Domains lists the domains that q chooses. A caller whose token is for a domain sees that one only.
func (u *Projects) Domains(ctx context.Context, q store.ProjectQuery) ([]*identity.Project, error) {
	if err := u.Authorize(ctx, "identity:list_domains", app.ListDomain(ctx)); err != nil {
		return nil, err
	}
	q.IsDomain = new(true)
	if caller := app.Caller(ctx); caller.Domain != nil {
		q.IDs = []string{caller.Domain.ID}
	}
	return u.Store.Projects(ctx, q)
}

// uuidDigits are what ids are made of.
const uuidDigits = "0123456789abcdef"

// CreateDomain makes a domain of what d says. Its id may be chosen, as a UUID without hyphens.
func (u *Projects) CreateDomain(ctx context.Context, d *identity.Project) error {
	if err := u.Authorize(ctx, "identity:create_domain", app.Target{}); err != nil {
		return err
	}
	if d.ID == "" {
		d.ID = app.NewID()
	} else if len(d.ID) != 32 || strings.Trim(d.ID, uuidDigits) != "" {
		return identity.Invalid("Domain ID does not conform to required UUID format.")
	}
	d.Name, d.IsDomain = strings.TrimSpace(d.Name), true
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateProject(ctx, d) })
}

// UpdateDomain changes a domain.
func (u *Projects) UpdateDomain(ctx context.Context, id string, c Change) (d *identity.Project, err error) {
	if _, err := u.authorizedDomain(ctx, "identity:update_domain", id); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if d, err = tx.Domain(ctx, id); err != nil {
			return err
		}
		return u.update(ctx, tx, d, c)
	})
	return d, err
}

// DeleteDomain removes a domain that is disabled, with everything in it: projects, users, groups and roles.
func (u *Projects) DeleteDomain(ctx context.Context, id string) error {
	if _, err := u.authorizedDomain(ctx, "identity:delete_domain", id); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		d, err := tx.Domain(ctx, id)
		if err != nil {
			return err
		}
		return u.deleteDomain(ctx, tx, d)
	})
}

func (u *Projects) deleteDomain(ctx context.Context, tx store.Tx, d *identity.Project) error {
	switch {
	case d.ID == identity.DefaultDomainID:
		return fault.New(fault.Forbidden, "", "You are not authorized to perform the requested action: delete the default domain.")
	case d.Immutable():
		return identity.ImmutableDelete(identity.TheDomain, d.ID)
	case d.Enabled:
		return fault.New(fault.Forbidden, "", "Cannot delete a domain that is enabled, please disable it first.")
	}
	users, err := tx.Users(ctx, store.UserQuery{DomainID: d.ID})
	if err != nil {
		return err
	}
	for _, user := range users {
		if err := tx.DeleteUser(ctx, user.ID); err != nil {
			return err
		}
	}
	groups, err := tx.Groups(ctx, store.GroupQuery{DomainID: d.ID})
	if err != nil {
		return err
	}
	for _, g := range groups {
		if err := tx.DeleteGroup(ctx, g.ID); err != nil {
			return err
		}
	}
	roles, err := tx.Roles(ctx, store.RoleQuery{DomainID: &d.ID})
	if err != nil {
		return err
	}
	for _, r := range roles {
		if err := tx.DeleteRole(ctx, r.ID); err != nil {
			return err
		}
	}
	below, err := access.Descendants(ctx, tx, d.ID)
	if err != nil {
		return err
	}
	for _, p := range slices.Backward(below) {
		if err := tx.DeleteProject(ctx, p.ID); err != nil {
			return err
		}
	}
	return tx.DeleteProject(ctx, d.ID)
}
