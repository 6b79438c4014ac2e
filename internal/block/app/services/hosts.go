package services

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

const hostsRule = "volume_extension:hosts"

// ProjectTotals is what a project has on a host.
type ProjectTotals = store.ProjectTotals

// Hosts lists the services that are enabled; an empty zone does not restrict.
func (u *Services) Hosts(ctx context.Context, zone string) ([]Status, error) {
	if err := u.Authorize(ctx, hostsRule); err != nil {
		return nil, err
	}
	rows, err := u.Store.Services(ctx, store.ServiceQuery{Disabled: new(false)})
	if err != nil {
		return nil, err
	}
	list := make([]Status, 0, len(rows))
	for _, s := range rows {
		if zone == "" || s.AvailabilityZone == zone {
			list = append(list, Status{Service: s, Up: s.Up(u.Now(), u.Options.ServiceDownTime)})
		}
	}
	return list, nil
}

// HostTotals are the projects on a host that has an enabled volume service. NotFound ServiceNotFound if it has none.
func (u *Services) HostTotals(ctx context.Context, host string) ([]ProjectTotals, error) {
	if err := u.Authorize(ctx, hostsRule); err != nil {
		return nil, err
	}
	rows, err := u.Store.Services(ctx, store.ServiceQuery{Host: host, Topic: rpcapi.VolumeTopic, Disabled: new(false)})
	if err != nil {
		return nil, err
	}
	if len(rows) == 0 {
		return nil, fault.New(fault.NotFound, "ServiceNotFound", "Service cinder-volume could not be found on host %s.", host)
	}
	return u.Store.ProjectsOn(ctx, rows[0].Host)
}

// EnableHost says whether a host's volume services, or that of one back end, may get new volumes: what upstream documents
// and has never made. NotFound HostNotFound if there is none. Whatever the policy says, it is for administrators.
func (u *Services) EnableHost(ctx context.Context, host string, enabled bool) error {
	if !reqctx.From(ctx).IsAdmin {
		return fault.New(fault.Forbidden, "AdminRequired", "User does not have admin privileges")
	}
	if err := u.Authorize(ctx, hostsRule); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		rows, err := tx.Services(ctx, store.ServiceQuery{Host: host, Binary: block.BinaryVolume})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return fault.New(fault.NotFound, "HostNotFound", "Host %s could not be found.", host)
		}
		for _, s := range rows {
			if err := tx.UpdateService(ctx, s.ID, store.ServiceSet{Disabled: new(!enabled)}); err != nil {
				return err
			}
		}
		return nil
	})
}

// Capabilities asks a volume service what its storage can do, and says by which address it was reached. NotFound if there
// is no such service.
func (u *Services) Capabilities(ctx context.Context, host string) (address string, capabilities map[string]any, err error) {
	if err := u.Authorize(ctx, "volume_extension:capabilities"); err != nil {
		return "", nil, err
	}
	rows, err := u.Store.Services(ctx, store.ServiceQuery{Host: host, Binary: block.BinaryVolume})
	if err != nil {
		return "", nil, err
	}
	if len(rows) == 0 {
		return "", nil, fault.New(fault.NotFound, "", "Can't find service: %s", host)
	}
	address = rows[0].Host
	var reply rpcapi.Capabilities
	err = u.VolumeService.Call(ctx, block.Host(address), "3.0", rpcapi.MethodGetCapabilities, &rpcapi.GetCapabilities{}, &reply)
	if fault.Is(err, fault.Timeout) {
		err = fault.Wrap(err, fault.Unavailable, "RPCTimeout", "Timeout while requesting capabilities from backend %s.", address)
	}
	return address, reply.Capabilities, err
}

// Failover moves a replicated back end to its other site. No driver replicates yet, so that it is always Invalid: there is
