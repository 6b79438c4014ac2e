package limits

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Get reads a limit: the people of its project and of its domain may.
func (u *Limits) Get(ctx context.Context, id string) (*identity.Limit, error) {
	l, err := app.OrNil(u.Store.Limit(ctx, id))
	if err != nil {
		return nil, err
	}
	t := app.Target{}
	if l != nil {
		t["target.limit.project_id"] = l.ProjectID
		if l.DomainID != "" {
			t["target.limit.domain.id"] = l.DomainID
		} else if p, err := app.OrNil(u.Store.Project(ctx, l.ProjectID)); err != nil {
			return nil, err
		} else if p != nil {
			t["target.limit.project.domain_id"] = p.DomainID
		}
	}
	if err := u.Authorize(ctx, "identity:get_limit", t); err != nil {
		return nil, err
	}
	if l == nil {
		return nil, identity.NotFound(identity.TheLimit, id)
	}
	return l, nil
}

// List lists the limits that q chooses among those the caller's token is about: all with one of the system, those of a domain
// and its projects, or those of a project.
func (u *Limits) List(ctx context.Context, q store.LimitQuery) ([]*identity.Limit, error) {
	if err := u.Authorize(ctx, "identity:list_limits", app.Target{}); err != nil {
		return nil, err
	}
	caller := app.Caller(ctx)
	switch {
	case caller.System:
	case caller.Domain != nil:
		q.ProjectsOf = caller.Domain.ID
	case caller.Project != nil && (q.ProjectID == "" || q.ProjectID == caller.Project.ID):
		q.ProjectID = caller.Project.ID
	default:
		return nil, nil
	}
	return u.Store.Limits(ctx, q)
}

// Create makes limits of what they say, which need no ids: all of them or none. Each needs a registered limit of the same
// service, region and resource.
func (u *Limits) Create(ctx context.Context, limits []*identity.Limit) error {
	if err := u.Authorize(ctx, "identity:create_limits", app.Target{}); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		for _, l := range limits {
			if err := u.create(ctx, tx, l); err != nil {
				return err
			}
		}
		return nil
	})
}

func (u *Limits) create(ctx context.Context, tx store.Tx, l *identity.Limit) error {
	const what = "limit"
	if err := checkPlace(ctx, tx, l.ServiceID, l.RegionID, what); err != nil {
		return err
	}
	if l.ProjectID != "" {
		p, err := tx.Project(ctx, l.ProjectID)
		if err != nil {
			return missing(err, "project_id", what)
		}
		if p.IsDomain {
			l.ProjectID, l.DomainID = "", p.ID
		}
	}
	if l.DomainID != "" {
		if _, err := tx.Domain(ctx, l.DomainID); err != nil {
			return missing(err, "domain_id", what)
		}
	}
	registered, err := tx.RegisteredLimits(ctx, store.RegisteredLimitQuery{ServiceID: l.ServiceID, ResourceName: l.ResourceName, RegionID: &l.RegionID})
	if err != nil {
		return err
	}
	if len(registered) == 0 {
		return fault.New(fault.Forbidden, "", "Unable to create a limit that has no corresponding registered limit.")
	}
	l.ID, l.RegisteredLimitID = app.NewID(), registered[0].ID
	return tx.CreateLimit(ctx, l)
}

// Update changes a limit by change: how much it is, and its description.
func (u *Limits) Update(ctx context.Context, id string, change func(*identity.Limit)) (l *identity.Limit, err error) {
	if err := u.Authorize(ctx, "identity:update_limit", app.Target{}); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if l, err = tx.Limit(ctx, id); err != nil {
			return err
		}
		change(l)
		return tx.UpdateLimit(ctx, l)
	})
	return l, err
}

// Delete removes a limit: what is registered counts again.
func (u *Limits) Delete(ctx context.Context, id string) error {
	if err := u.Authorize(ctx, "identity:delete_limit", app.Target{}); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteLimit(ctx, id) })
}
