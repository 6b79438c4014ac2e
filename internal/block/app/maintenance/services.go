package maintenance

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Services lists the services (service list).
func (d Desk) Services(ctx context.Context) error {
	services, err := d.Store.Services(ctx, store.ServiceQuery{})
	if err != nil {
		return err
	}
	const format = "%-16s %-36s %-16s %-10s %-5s %-20s %-12s %-15s %-36s"
	d.say(format, "Binary", "Host", "Zone", "Status", "State", "Updated At", "RPC Version", "Object Version", "Cluster")
	for _, s := range services {
		up := !s.UpdatedAt.IsZero() && s.Up(d.Now(), d.DownTime)
		d.say(format, s.Binary, s.Host, orNone(s.AvailabilityZone), enabled(s.Disabled), state(up), moment(s.UpdatedAt),
			orNone(s.RPCCurrentVersion), orNone(s.ObjectCurrentVersion), s.ClusterName)
	}
	return nil
}

// RemoveService removes the row of a service (service remove). Status 2: there is none of this binary on exactly this host.
func (d Desk) RemoveService(ctx context.Context, binary, host string) error {
	services, err := d.Store.Services(ctx, store.ServiceQuery{Host: host, Binary: binary})
	if err != nil {
		return err
	}
	for _, s := range services {
		if s.Host != host { // a back end of it
			continue
		}
		if err := d.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteService(ctx, s.ID) }); err != nil {
			return err
		}
		d.say("Service %s on host %s removed.", binary, host)
		return nil
	}
	d.say("Host not found. Failed to remove %s on %s.", binary, host)
	d.say("Service %s could not be found on host %s.", binary, host)
	return Status(2)
}

// Hosts lists the hosts that services run on (host list), those of one zone if it is not empty.
func (d Desk) Hosts(ctx context.Context, zone string) error {
	services, err := d.Store.Services(ctx, store.ServiceQuery{})
	if err != nil {
		return err
	}
	d.say("%-25s\t%-15s", "host", "zone")
	seen := map[string]bool{}
	for _, s := range services {
		if seen[s.Host] || zone != "" && s.AvailabilityZone != zone {
			continue
		}
		seen[s.Host] = true
		d.say("%-25s\t%-15s", s.Host, orNone(s.AvailabilityZone))
	}
	return nil
}

// BumpVersions has every service's row say that the service speaks this program's versions (db sync --bump-versions), so that
// after an upgrade of all services at once none caps the others until it has started again.
func (d Desk) BumpVersions(ctx context.Context) error {
	versions := map[string]string{block.BinaryScheduler: block.SchedulerRPCVersion, block.BinaryVolume: block.VolumeRPCVersion,
		block.BinaryBackup: block.BackupRPCVersion}
	return d.Store.Update(ctx, func(tx store.Tx) error {
		services, err := tx.Services(ctx, store.ServiceQuery{})
		if err != nil {
			return err
		}
		for _, s := range services {
			version, known := versions[s.Binary]
			if !known || s.RPCCurrentVersion == version && s.ObjectCurrentVersion == block.ObjectVersion {
				continue
			}
			if err := tx.PutServiceVersions(ctx, s.ID, version, block.ObjectVersion); err != nil {
				return err
			}
		}
		return nil
	})
}

// ResetActiveBackend makes a volume service that was failed over, frozen and disabled take part again (db
// reset_active_backend), with activeBackendID as the back end it works with, or its first one if that is empty.
// Status 1: there is no such service, or it is not frozen.
func (d Desk) ResetActiveBackend(ctx context.Context, host, activeBackendID string) error {
	services, err := d.Store.Services(ctx, store.ServiceQuery{Host: host, Topic: "cinder-volume", Disabled: new(true)})
	if err != nil {
		return err
	}
	if len(services) == 0 || services[0].Host != host {
		d.say("Service cinder-volume could not be found on host %s, or is not disabled.", host)
		return Status(1)
	}
	if !services[0].Frozen {
		d.say("Service for host %s must first be frozen.", host)
		return Status(1)
	}
	return d.Store.Update(ctx, func(tx store.Tx) error {
		return tx.ResetReplication(ctx, services[0], "enabled", activeBackendID)
	})
}
