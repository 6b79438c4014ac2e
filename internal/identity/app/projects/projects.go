// Package projects is the use cases of projects, their tags, and domains.
//
// What must not live here: who has roles where (package roles).
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

// Projects is the use cases. It is safe for concurrent use.
type Projects struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Projects { return &Projects{c} }

// target is a project as a rule sees it; one that is not there has no attributes, and saying so is the use case's affair.
func target(ctx context.Context, r store.ProjectReader, id string) (app.Target, *identity.Project, error) {
	p, err := app.OrNil(r.Project(ctx, id))
	return app.Target{}.Project(p), p, err
}

// authorized reads a project the caller may do to what rule stands for.
func (u *Projects) authorized(ctx context.Context, rule, id string) (*identity.Project, error) {
	t, p, err := target(ctx, u.Store, id)
	if err != nil {
		return nil, err
	}
	if err := u.Authorize(ctx, rule, t); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, identity.NotFound(identity.TheProject, id)
	}
	return p, nil
}

// Get reads a project, which may be a domain.
func (u *Projects) Get(ctx context.Context, id string) (*identity.Project, error) {
	return u.authorized(ctx, "identity:get_project", id)
}

// List lists the projects that q chooses. A caller whose token is for a domain sees that domain's only.
func (u *Projects) List(ctx context.Context, q store.ProjectQuery) ([]*identity.Project, error) {
	if err := u.Authorize(ctx, "identity:list_projects", app.ListDomain(ctx)); err != nil {
		return nil, err
	}
	if caller := app.Caller(ctx); caller.Domain != nil {
		if q.DomainID != "" && q.DomainID != caller.Domain.ID {
			return nil, nil
		}
		q.DomainID = caller.Domain.ID
	}
	return u.Store.Projects(ctx, q)
}

// ListOfUser lists the projects a user has a role in and that keep accepts.
func (u *Projects) ListOfUser(ctx context.Context, userID string, keep func(*identity.Project) bool) (found []*identity.Project, err error) {
	user, err := app.OrNil(u.Store.User(ctx, userID))
	if err != nil {
		return nil, err
	}
	if err := u.Authorize(ctx, "identity:list_user_projects", app.Owner(userID).User(user)); err != nil {
		return nil, err
	}
	if user == nil {
		return nil, identity.NotFound(identity.TheUser, userID)
	}
	err = u.Store.Read(ctx, func(r store.Reader) error {
		actor, err := access.ActorOf(ctx, r, userID)
		if err == nil {
			found, err = access.Projects(ctx, r, actor)
		}
		return err
	})
	return slices.DeleteFunc(found, func(p *identity.Project) bool { return !keep(p) }), err
}

// Family is the projects around one: nil where nobody asked.
type Family struct{ Parents, Subtree []*identity.Project }

// Around lists the projects above one, its parent first, and those below it. only limits them to those that the caller has a
// role in.
func (u *Projects) Around(ctx context.Context, p *identity.Project, above, below, only bool) (f Family, err error) {
	err = u.Store.Read(ctx, func(r store.Reader) error {
		f = Family{}
		if above {
			if f.Parents, err = access.Ancestors(ctx, r, p); err != nil {
				return err
			}
		}
		if below {
			if f.Subtree, err = access.Descendants(ctx, r, p.ID); err != nil {
				return err
			}
		}
		if !only {
			return nil
		}
		actor, err := access.ActorOf(ctx, r, app.Caller(ctx).User.ID)
		if err != nil {
			return err
		}
		own, err := access.Projects(ctx, r, actor)
		stranger := func(p *identity.Project) bool {
			return !slices.ContainsFunc(own, func(o *identity.Project) bool { return o.ID == p.ID })
		}
		f.Parents, f.Subtree = slices.DeleteFunc(f.Parents, stranger), slices.DeleteFunc(f.Subtree, stranger)
		return err
	})
	return f, err
}

// Create makes a project of what p says, which needs no id. A project without a parent is at the top of its domain, and one
// without a domain in that of the caller's token, or in the default one.
func (u *Projects) Create(ctx context.Context, p *identity.Project) error {
	p.ID, p.Name = app.NewID(), strings.TrimSpace(p.Name)
	if !p.IsDomain {
		p.DomainID = app.DomainFor(ctx, p.DomainID)
	}
	if err := u.Authorize(ctx, "identity:create_project", app.Target{}.Project(p)); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if p.IsDomain {
			if p.ParentID != "" || p.DomainID != "" {
				return identity.Invalid("only root projects are allowed to act as domains.")
			}
			return tx.CreateProject(ctx, p)
		}
		if p.ParentID == "" {
			p.ParentID = p.DomainID
		}
		if err := u.checkPlace(ctx, tx, p); err != nil {
			return err
		}
		return tx.CreateProject(ctx, p)
	})
}

// checkPlace makes sure that a new project fits into the tree.
func (u *Projects) checkPlace(ctx context.Context, tx store.Tx, p *identity.Project) error {
	domain, err := tx.Domain(ctx, p.DomainID)
	if fault.Is(err, fault.NotFound) {
		return identity.Invalid("%s", fault.UserText(err))
	}
	if err != nil {
		return err
	}
	parent, err := tx.Project(ctx, p.ParentID)
	if fault.Is(err, fault.NotFound) {
		return identity.Invalid("%s", fault.UserText(err))
	}
	if err != nil {
		return err
	}
	switch {
	case parent.IsDomain && parent.ID != domain.ID:
		return identity.Invalid("Cannot create project, the parent (%s) is acting as a domain, but this project's domain id (%s) does not match the parent's id.",
			parent.ID, domain.ID)
	case !parent.IsDomain && parent.DomainID != domain.ID:
		return identity.Invalid("Cannot create project, since it specifies its domain_id %s, but specifies a parent in a different domain (%s).", domain.ID, parent.DomainID)
	}
	above, err := access.Ancestors(ctx, tx, parent)
	if err != nil {
		return err
	}
	for _, q := range append(above, parent) {
		if !q.Enabled {
			return identity.Invalid("cannot create a project in a branch containing a disabled project: %s", q.ID)
		}
	}
	// Domains count as the first level, and that is not the operator's to know.
	if len(above)+2 > u.Options.MaxProjectTreeDepth+1 {
		return fault.New(fault.Forbidden, "", "Max hierarchy depth reached for %s branch.", p.ParentID)
	}
	return nil
}

// Change is what an update changes; nil fields stay.
type Change struct {
	Name, Description, DomainID, ParentID *string
	Enabled, IsDomain                     *bool
	Tags                                  *[]string
	Options                               identity.Options // those that are there; null takes one away
	Extra                                 identity.Extra
}

// onlyUnlocks reports whether the change does nothing but make something changeable again.
func (c Change) onlyUnlocks() bool {
	_, there := c.Options[identity.OptionImmutable]
	return there && len(c.Options) == 1 && !c.Options.True(identity.OptionImmutable) && c.Name == nil && c.Description == nil && c.DomainID == nil &&
		c.ParentID == nil && c.Enabled == nil && c.IsDomain == nil && c.Tags == nil && len(c.Extra) == 0
}

// Update changes a project.
func (u *Projects) Update(ctx context.Context, id string, c Change) (p *identity.Project, err error) {
	if _, err := u.authorized(ctx, "identity:update_project", id); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if p, err = tx.Project(ctx, id); err != nil {
			return err
		}
		return u.update(ctx, tx, p, c)
	})
	return p, err
}

func (u *Projects) update(ctx context.Context, tx store.Tx, p *identity.Project, c Change) error {
	kind := identity.TheProject
	if p.IsDomain {
		kind = identity.TheDomain
	}
	switch {
	case p.Immutable() && !c.onlyUnlocks():
		return identity.Immutable(kind, p.ID)
	case c.ParentID != nil && *c.ParentID != p.ParentID:
		return fault.New(fault.Forbidden, "", "Update of `parent_id` is not allowed.")
	case c.DomainID != nil && *c.DomainID != p.DomainID:
		return identity.Invalid("Cannot change Domain ID")
	case c.IsDomain != nil && *c.IsDomain != p.IsDomain:
		return identity.Invalid("Update of `is_domain` is not allowed.")
	}
	if c.Enabled != nil && *c.Enabled != p.Enabled {
		if err := u.enable(ctx, tx, p, *c.Enabled); err != nil {
			return err
		}
	}
	if c.Name != nil {
		p.Name = strings.TrimSpace(*c.Name)
	}
	if c.Description != nil {
		p.Description = *c.Description
	}
	if c.Tags != nil {
		p.Tags = *c.Tags
	}
	p.Options, p.Extra = p.Options.Merge(c.Options), p.Extra.Merge(c.Extra)
	return tx.UpdateProject(ctx, p)
}

// enable switches a project on or off. Tokens of one that was switched off stay worthless when it is on again.
func (u *Projects) enable(ctx context.Context, tx store.Tx, p *identity.Project, on bool) error {
	p.Enabled = on
	if on {
		above, err := access.Ancestors(ctx, tx, p)
		if err == nil && slices.ContainsFunc(above, func(q *identity.Project) bool { return !q.Enabled }) {
			err = fault.New(fault.Forbidden, "", "Cannot enable project %s since it has disabled parents", p.ID)
		}
		return err
	}
	if !p.IsDomain {
		below, err := access.Descendants(ctx, tx, p.ID)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(below, func(q *identity.Project) bool { return q.Enabled }) {
			return fault.New(fault.Forbidden, "", "Cannot disable project %s since its subtree contains enabled projects.", p.ID)
		}
	}
	return u.Revoke(ctx, tx, identity.RevocationEvent{ProjectID: p.ID})
}

// Delete removes a project that has none below it, with all that belongs to it here. A project that is a domain is
// removed as one.
func (u *Projects) Delete(ctx context.Context, id string) error {
	if _, err := u.authorized(ctx, "identity:delete_project", id); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		p, err := tx.Project(ctx, id)
		if err != nil {
			return err
		}
		if p.IsDomain {
			return u.deleteDomain(ctx, tx, p)
		}
		if p.Immutable() {
			return identity.ImmutableDelete(identity.TheProject, id)
		}
		children, err := tx.Projects(ctx, store.ProjectQuery{ParentID: id, Page: store.Page{Limit: 1}})
		if err != nil {
			return err
		}
		if len(children) > 0 {
			return fault.New(fault.Forbidden, "",
				"Cannot delete the project %s since it is not a leaf in the hierarchy. Use the cascade option if you want to delete a whole subtree.", id)
		}
		return tx.DeleteProject(ctx, id)
	})
}
