// Package catalog is the use cases of the catalog: services, endpoints and regions. What somebody sees of it in their token is
// in package tokens.
package catalog

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// Catalog is the use cases. It is safe for concurrent use.
type Catalog struct{ *app.Core }

// New makes the use cases over the parts of c.
func New(c *app.Core) *Catalog { return &Catalog{c} }

// may checks a rule; nothing in the catalog belongs to anybody.
func (u *Catalog) may(ctx context.Context, rule string) error {
	return u.Authorize(ctx, "identity:"+rule, app.Target{})
}

// Service reads a service.
func (u *Catalog) Service(ctx context.Context, id string) (*identity.Service, error) {
	if err := u.may(ctx, "get_service"); err != nil {
		return nil, err
	}
	return u.Store.Service(ctx, id)
}

// Services lists the services that q chooses.
func (u *Catalog) Services(ctx context.Context, q store.ServiceQuery) ([]*identity.Service, error) {
	if err := u.may(ctx, "list_services"); err != nil {
		return nil, err
	}
	return u.Store.Services(ctx, q)
}

// CreateService makes a service of what s says, which needs no id.
func (u *Catalog) CreateService(ctx context.Context, s *identity.Service) error {
	if err := u.may(ctx, "create_service"); err != nil {
		return err
	}
	s.ID = app.NewID()
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateService(ctx, s) })
}

// UpdateService changes a service by change.
func (u *Catalog) UpdateService(ctx context.Context, id string, change func(*identity.Service)) (s *identity.Service, err error) {
	if err := u.may(ctx, "update_service"); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if s, err = tx.Service(ctx, id); err != nil {
			return err
		}
		change(s)
		return tx.UpdateService(ctx, s)
	})
	return s, err
}

// DeleteService removes a service with its endpoints.
func (u *Catalog) DeleteService(ctx context.Context, id string) error {
	if err := u.may(ctx, "delete_service"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteService(ctx, id) })
}

// Endpoint reads an endpoint.
func (u *Catalog) Endpoint(ctx context.Context, id string) (*identity.Endpoint, error) {
	if err := u.may(ctx, "get_endpoint"); err != nil {
		return nil, err
	}
	return u.Store.Endpoint(ctx, id)
}

// Endpoints lists the endpoints that q chooses.
func (u *Catalog) Endpoints(ctx context.Context, q store.EndpointQuery) ([]*identity.Endpoint, error) {
	if err := u.may(ctx, "list_endpoints"); err != nil {
		return nil, err
	}
	return u.Store.Endpoints(ctx, q)
}

// CreateEndpoint makes an endpoint of what e says, which needs no id. makeRegion makes its region too if it is missing.
func (u *Catalog) CreateEndpoint(ctx context.Context, e *identity.Endpoint, makeRegion bool) error {
	if err := u.may(ctx, "create_endpoint"); err != nil {
		return err
	}
	e.ID = app.NewID()
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if err := check(ctx, tx, e, makeRegion); err != nil {
			return err
		}
		return tx.CreateEndpoint(ctx, e)
	})
}

// check makes sure that an endpoint makes sense.
func check(ctx context.Context, tx store.Tx, e *identity.Endpoint, makeRegion bool) error {
	if _, _, err := identity.ExpandURL(e.URL, "", ""); err != nil {
		return fault.Wrap(err, fault.Invalid, "URLValidationError", "Cannot create an endpoint with an invalid URL: %s.", e.URL)
	}
	_, err := tx.Service(ctx, e.ServiceID)
	if fault.Is(err, fault.NotFound) {
		return identity.Missing("endpoint service_id", "service table")
	}
	if err != nil || e.RegionID == "" {
		return err
	}
	_, err = tx.Region(ctx, e.RegionID)
	switch {
	case fault.Is(err, fault.NotFound) && makeRegion:
		return tx.CreateRegion(ctx, &identity.Region{ID: e.RegionID})
	case fault.Is(err, fault.NotFound):
		return identity.Missing("endpoint region_id", "region table")
	}
	return err
}

// UpdateEndpoint changes an endpoint by change, as CreateEndpoint.
func (u *Catalog) UpdateEndpoint(ctx context.Context, id string, makeRegion bool, change func(*identity.Endpoint)) (e *identity.Endpoint, err error) {
	if err := u.may(ctx, "update_endpoint"); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if e, err = tx.Endpoint(ctx, id); err != nil {
			return err
		}
		change(e)
		if err := check(ctx, tx, e, makeRegion); err != nil {
			return err
		}
		return tx.UpdateEndpoint(ctx, e)
	})
	return e, err
}

// DeleteEndpoint removes an endpoint.
func (u *Catalog) DeleteEndpoint(ctx context.Context, id string) error {
	if err := u.may(ctx, "delete_endpoint"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteEndpoint(ctx, id) })
}

// Region reads a region.
func (u *Catalog) Region(ctx context.Context, id string) (*identity.Region, error) {
	if err := u.may(ctx, "get_region"); err != nil {
		return nil, err
	}
	return u.Store.Region(ctx, id)
}

// Regions lists the regions that q chooses.
func (u *Catalog) Regions(ctx context.Context, q store.RegionQuery) ([]*identity.Region, error) {
	if err := u.may(ctx, "list_regions"); err != nil {
		return nil, err
	}
	return u.Store.Regions(ctx, q)
}

// CreateRegion makes a region of what r says; without an id it gets one.
func (u *Catalog) CreateRegion(ctx context.Context, r *identity.Region) error {
	if err := u.may(ctx, "create_region"); err != nil {
		return err
	}
	if r.ID == "" {
		r.ID = app.NewID()
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if err := checkParent(ctx, tx, r); err != nil {
			return err
		}
		return tx.CreateRegion(ctx, r)
	})
}

// maxRegions bounds how deep regions are followed.
const maxRegions = 64

// checkParent makes sure that the region above is there, and not below.
func checkParent(ctx context.Context, tx store.Tx, r *identity.Region) error {
	at := r.ParentRegionID
	for range maxRegions {
		if at == "" {
			return nil
		}
		if at == r.ID {
			break
		}
		parent, err := tx.Region(ctx, at)
		if err != nil {
			return err
		}
		at = parent.ParentRegionID
	}
	return identity.Invalid("The specified parent region %s would create a circular region hierarchy.", r.ParentRegionID)
}

// UpdateRegion changes a region by change.
func (u *Catalog) UpdateRegion(ctx context.Context, id string, change func(*identity.Region)) (r *identity.Region, err error) {
	if err := u.may(ctx, "update_region"); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if r, err = tx.Region(ctx, id); err != nil {
			return err
		}
		change(r)
		if err := checkParent(ctx, tx, r); err != nil {
			return err
		}
		return tx.UpdateRegion(ctx, r)
	})
	return r, err
}

// DeleteRegion removes a region and those below it, if no endpoint is in one of them.
func (u *Catalog) DeleteRegion(ctx context.Context, id string) error {
	if err := u.may(ctx, "delete_region"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteRegion(ctx, id) })
}
