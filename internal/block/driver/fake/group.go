package fake

import (
	"context"

	"github.com/clinker/clinker/internal/block/driver"
)

// CreateGroupSnapshot implements driver.GroupSnapshotter.
func (d *Driver) CreateGroupSnapshot(ctx context.Context, snapshots []driver.Snapshot) ([]driver.Update, error) {
	err := d.do(ctx, "create_group_snapshot", "", func() error {
		for _, s := range snapshots {
			if err := d.needVolume(s.Volume); err != nil {
				return err
			}
		}
		for _, s := range snapshots {
			d.snapshots[s.ID] = s.Volume.ID
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return make([]driver.Update, len(snapshots)), nil
}

// EnableReplication implements driver.GroupReplicator. There is no other site, and nothing that could be there.
func (d *Driver) EnableReplication(ctx context.Context, volumes []driver.Volume) error {
	return d.replicate(ctx, "enable_replication", volumes)
}

// DisableReplication implements driver.GroupReplicator.
func (d *Driver) DisableReplication(ctx context.Context, volumes []driver.Volume) error {
	return d.replicate(ctx, "disable_replication", volumes)
}

// FailoverReplication implements driver.GroupReplicator.
func (d *Driver) FailoverReplication(ctx context.Context, volumes []driver.Volume, _ string) error {
	return d.replicate(ctx, "failover_replication", volumes)
}

func (d *Driver) replicate(ctx context.Context, verb string, volumes []driver.Volume) error {
	return d.do(ctx, verb, "", func() error {
		for _, v := range volumes {
			if err := d.needVolume(v); err != nil {
				return err
			}
		}
		return nil
	})
}
