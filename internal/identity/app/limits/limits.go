// Package limits is the use cases of unified limits: what services let every project have, and what single projects and
// domains may have instead. The model is Keystone's "flat": limits know nothing of trees of projects.
//
// What must not live here: counting what anybody uses. Services do that.
package limits

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Limits is the use cases. It is safe for concurrent use.
type Limits struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Limits { return &Limits{c} }

// ModelName and ModelDescription say how limits are to be understood, in Keystone's words.
const (
	ModelName        = "flat"
	ModelDescription = "Limit enforcement and validation does not take project hierarchy into consideration."
)

// Model checks that the caller may know how limits are to be understood.
func (u *Limits) Model(ctx context.Context) error {
	return u.Authorize(ctx, "identity:get_limit_model", app.Target{})
}

// inUse: limits stand on the registered limit.
func inUse(id string) error {
	return fault.New(fault.Forbidden, "", "Unable to update or delete registered limit %s because there are project limits associated with it.", id)
}

// unused refuses a registered limit that limits stand on.
func unused(ctx context.Context, tx store.Tx, id string) error {
	limits, err := tx.Limits(ctx, store.LimitQuery{RegisteredLimitID: id, Page: store.Page{Limit: 1}})
	if err == nil && len(limits) > 0 {
		err = inUse(id)
	}
	return err
}

// missing turns a missing row that a request names into what is wrong with the request.
func missing(err error, attribute, in string) error {
	if fault.Is(err, fault.NotFound) {
		return identity.Missing(attribute, in)
	}
	return err
}

// checkPlace makes sure that service and region are there.
func checkPlace(ctx context.Context, tx store.Tx, serviceID, regionID, in string) error {
	if _, err := tx.Service(ctx, serviceID); err != nil {
		return missing(err, "service_id", in)
	}
	if regionID == "" {
		return nil
	}
	_, err := tx.Region(ctx, regionID)
	return missing(err, "region_id", in)
}

// Registered reads a registered limit.
func (u *Limits) Registered(ctx context.Context, id string) (*identity.RegisteredLimit, error) {
	if err := u.Authorize(ctx, "identity:get_registered_limit", app.Target{}); err != nil {
		return nil, err
	}
	return u.Store.RegisteredLimit(ctx, id)
}

// AllRegistered lists the registered limits that q chooses.
func (u *Limits) AllRegistered(ctx context.Context, q store.RegisteredLimitQuery) ([]*identity.RegisteredLimit, error) {
	if err := u.Authorize(ctx, "identity:list_registered_limits", app.Target{}); err != nil {
		return nil, err
	}
	return u.Store.RegisteredLimits(ctx, q)
}

// Register makes registered limits of what they say, which need no ids: all of them or none.
func (u *Limits) Register(ctx context.Context, limits []*identity.RegisteredLimit) error {
	if err := u.Authorize(ctx, "identity:create_registered_limits", app.Target{}); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		for _, l := range limits {
			if err := checkPlace(ctx, tx, l.ServiceID, l.RegionID, "registered_limit"); err != nil {
				return err
			}
			l.ID = app.NewID()
			if err := tx.CreateRegisteredLimit(ctx, l); err != nil {
				return err
			}
		}
		return nil
	})
}

// UpdateRegistered changes a registered limit by change, if no limit stands on it.
func (u *Limits) UpdateRegistered(ctx context.Context, id string, change func(*identity.RegisteredLimit)) (l *identity.RegisteredLimit, err error) {
	if err := u.Authorize(ctx, "identity:update_registered_limit", app.Target{}); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if l, err = tx.RegisteredLimit(ctx, id); err != nil {
			return err
		}
		if err := unused(ctx, tx, id); err != nil {
			return err
		}
		change(l)
		if err := checkPlace(ctx, tx, l.ServiceID, l.RegionID, "registered_limit"); err != nil {
			return err
		}
		return tx.UpdateRegisteredLimit(ctx, l)
	})
	return l, err
}

// Unregister removes a registered limit, if no limit stands on it.
func (u *Limits) Unregister(ctx context.Context, id string) error {
	if err := u.Authorize(ctx, "identity:delete_registered_limit", app.Target{}); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if err := unused(ctx, tx, id); err != nil {
			return err
		}
		return tx.DeleteRegisteredLimit(ctx, id)
	})
}
