package app

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Backup is Volume for backups.
func (c *Core) Backup(ctx context.Context, id, rule string) (*block.Backup, error) {
	b, err := c.Store.Backup(ctx, id, ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	const get = "backup:get"
	for _, one := range slices.Compact([]string{get, rule}) {
		if err := c.Policy.Check(ctx, one, Target(b.ProjectID, b.UserID)); err != nil {
			return nil, err
		}
	}
	return b, nil
}

// BackupHost is the host of a backup service that is up and may do something to a backup: the one that has it, if that
// one is up, since only it may reach the bytes; else, unless backup_use_same_host asks for that one, any other in the
// backup's zone. NotFound: ServiceNotFound.
func (c *Core) BackupHost(ctx context.Context, b *block.Backup) (string, error) {
	hosts, err := c.BackupHosts(ctx, b.AvailabilityZone)
	switch {
	case err != nil:
		return "", err
	case slices.Contains(hosts, b.Host):
		return b.Host, nil
	case len(hosts) == 0, b.Host != "" && c.Options.BackupUseSameHost:
		return "", block.NoBackupService()
	}
	return hosts[0], nil
}

// BackupHosts are the hosts of all backup services that are up and enabled, of one zone if it is not empty.
func (c *Core) BackupHosts(ctx context.Context, zone string) ([]string, error) {
	services, err := c.Store.Services(ctx, store.ServiceQuery{Binary: block.BinaryBackup, Disabled: new(false)})
	if err != nil {
		return nil, err
	}
	var hosts []string
	for _, s := range services {
		if s.Up(c.Now(), c.Options.ServiceDownTime) && (zone == "" || s.AvailabilityZone == zone) {
			hosts = append(hosts, s.Host)
		}
	}
	return hosts, nil
}
