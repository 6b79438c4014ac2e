package driver

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
)

// GroupSnapshotter is implemented by drivers that can take snapshots of several volumes at one instant. Whether a pool can, its
// ConsistentGroupSnapshots says.
type GroupSnapshotter interface {
	// CreateGroupSnapshot takes a picture of each snapshot's volume, all at one and the same instant; the volumes may be in
	// use. The updates are in the order of the snapshots. It is all or none: what an error or a kill leaves of it, a
	// repetition takes anew, so that pictures of two instants never pass for one.
	CreateGroupSnapshot(ctx context.Context, snapshots []Snapshot) ([]Update, error)
}

// GroupReplicator is implemented by drivers that replicate groups of volumes to another site. The verbs belong together; each
// is for all the volumes of a group.
type GroupReplicator interface {
	EnableReplication(ctx context.Context, volumes []Volume) error
	DisableReplication(ctx context.Context, volumes []Volume) error
	// FailoverReplication makes another site the one that serves the volumes: target, or where they came from if that is
	// "default", or any if it is empty.
	FailoverReplication(ctx context.Context, volumes []Volume, target string) error
}

// CreateGroupSnapshot takes snapshots of several volumes at one instant; fault.NotImplemented where they can only be taken one
// by one.
func (b *Backend) CreateGroupSnapshot(ctx context.Context, snapshots []Snapshot) (updates []Update, err error) {
	c := b.call("create_group_snapshot")
	c.lacking = !b.features.GroupSnapshotter
	for _, s := range snapshots {
		c.locks = append(c.locks, volumeLock(s.Volume.ID), snapshotLock(s.ID))
	}
	c.check = func() error {
		for _, s := range snapshots {
			if err := checkID("snapshot", s.ID); err != nil {
				return err
			}
			if err := checkSnapshot(s); err != nil {
				return err
			}
		}
		return nil
	}
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		updates, err = b.optional.groupSnapshotter.CreateGroupSnapshot(ctx, snapshots)
		if err == nil && len(updates) != len(snapshots) {
			err = fault.New(fault.Internal, "", "the driver gave %d updates for %d snapshots", len(updates), len(snapshots))
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return updates, nil
}

// EnableReplication begins to replicate volumes; fault.NotImplemented where the storage does not replicate.
func (b *Backend) EnableReplication(ctx context.Context, volumes []Volume) error {
	return b.replicate(ctx, "enable_replication", volumes, func(ctx context.Context) error {
		return b.optional.groupReplicator.EnableReplication(ctx, volumes)
	})
}

// DisableReplication ends it.
func (b *Backend) DisableReplication(ctx context.Context, volumes []Volume) error {
	return b.replicate(ctx, "disable_replication", volumes, func(ctx context.Context) error {
		return b.optional.groupReplicator.DisableReplication(ctx, volumes)
	})
}

// FailoverReplication has volumes served from another site.
func (b *Backend) FailoverReplication(ctx context.Context, volumes []Volume, target string) error {
	return b.replicate(ctx, "failover_replication", volumes, func(ctx context.Context) error {
		return b.optional.groupReplicator.FailoverReplication(ctx, volumes, target)
	})
}

func (b *Backend) replicate(ctx context.Context, verb string, volumes []Volume, do func(ctx context.Context) error) error {
	c := b.call(verb)
	c.lacking = !b.features.GroupReplicator
	for _, v := range volumes {
		c.locks = append(c.locks, volumeLock(v.ID))
	}
	c.check = func() error {
		for _, v := range volumes {
			if err := checkID("volume", v.ID); err != nil {
				return err
			}
		}
		return nil
	}
	return b.run(ctx, c, do)
}
