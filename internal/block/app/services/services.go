// Package services is the use cases around what the cloud is made of: services, zones and storage pools.
package services

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Services is the use cases of services. It is safe for concurrent use.
type Services struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Services { return &Services{Core: core} }

// Status is a service and whether it is up now.
type Status struct {
	*block.Service
	Up bool
}

// List reads the services; an empty host or binary does not restrict.
func (u *Services) List(ctx context.Context, host, binary string) ([]Status, error) {
	if err := u.Authorize(ctx, "volume_extension:services:index"); err != nil {
		return nil, err
	}
	rows, err := u.Store.Services(ctx, store.ServiceQuery{Binary: binary})
	if err != nil {
		return nil, err
	}
	list := make([]Status, 0, len(rows))
	for _, s := range rows {
		if host == "" || s.Host == host || block.Host(s.Host).Node() == host {
			list = append(list, Status{Service: s, Up: s.Up(u.Now(), u.Options.ServiceDownTime)})
		}
	}
	return list, nil
}

// Change is what an operator wants changed of a service; nil fields stay.
type Change struct {
	Disabled       *bool
	DisabledReason *string
}

// Update changes every service of this host and binary under the policy of rule, and returns them. NotFound
// ServiceNotFound if there is none.
func (u *Services) Update(ctx context.Context, host, binary, rule string, c Change) ([]Status, error) {
	if err := u.Authorize(ctx, rule); err != nil {
		return nil, err
	}
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		rows, err := tx.Services(ctx, store.ServiceQuery{Host: host, Binary: binary})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return fault.New(fault.NotFound, "ServiceNotFound", "Service %s could not be found on host %s.", binary, host)
		}
		for _, s := range rows {
			set := store.ServiceSet{Disabled: c.Disabled, DisabledReason: c.DisabledReason}
			if err := tx.UpdateService(ctx, s.ID, set); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	rows, err := u.Store.Services(ctx, store.ServiceQuery{Host: host, Binary: binary})
	if err != nil {
		return nil, err
	}
	list := make([]Status, 0, len(rows))
	for _, s := range rows {
		list = append(list, Status{Service: s, Up: s.Up(u.Now(), u.Options.ServiceDownTime)})
	}
	return list, nil
}

// refuseFrozen refuses to freeze a back end that is frozen and to thaw one that is not.
func refuseFrozen(rows []*block.Service, wanted *bool) error {
	if wanted == nil || slices.ContainsFunc(rows, func(s *block.Service) bool { return s.Frozen != *wanted }) {
		return nil
	}
	must := "True"
	if *wanted {
		must = "False"
	}
	return block.InvalidInput("No service could be changed: frozen in ['%s'] must be %s to failover.", rows[0].Host, must)
}

// ListZones reads the availability zones.
func (u *Services) ListZones(ctx context.Context) ([]app.Zone, error) { return u.Zones.List(ctx) }

// Pool is a storage pool: its address and its capabilities.
type Pool = rpcapi.PoolInfo

// Pools reads the storage pools as a scheduler sees them now.
func (u *Services) Pools(ctx context.Context, filters map[string]string) ([]Pool, error) {
	if err := u.Authorize(ctx, "scheduler_extension:scheduler_stats:get_pools"); err != nil {
		return nil, err
	}
	return u.pools(ctx, filters)
}

// BackendPools is Pools for those who may list services: the list says how each back end is.
func (u *Services) BackendPools(ctx context.Context) ([]Pool, error) {
	if err := u.Authorize(ctx, "volume_extension:services:index"); err != nil {
		return nil, err
	}
	return u.pools(ctx, nil)
}

func (u *Services) pools(ctx context.Context, filters map[string]string) ([]Pool, error) {
	r, err := u.Scheduler.GetPools(ctx, filters)
	return r.Pools, err
}
