package backups

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// CreateRequest is what a caller asks of a new backup.
type CreateRequest struct {
	VolumeID          string
	SnapshotID        string // of the volume; empty: the volume itself
	Name, Description *string
	Container         *string
	AvailabilityZone  string // of the backup service; empty: the volume's
	Metadata          map[string]string
	Incremental       bool // only what has changed since the newest backup
	Force             bool // the volume may be in use
}

// Create enters a backup and casts its making to the scheduler. It returns it as entered: creating. Invalid if volume or
// snapshot are in no state to be copied, or if there is no backup for an incremental one to be the difference to;
// OverLimit for quota.
func (u *Backups) Create(ctx context.Context, r CreateRequest) (*block.Backup, error) {
	return app.Once(ctx, u.Core, u.Get, func(ctx context.Context) (*block.Backup, error) { return u.begin(ctx, r) })
}

func (u *Backups) begin(ctx context.Context, r CreateRequest) (*block.Backup, error) {
	v, err := u.Volume(ctx, r.VolumeID, "backup:create")
	if err != nil {
		return nil, err
	}
	if err := app.CheckMetadata(r.Metadata); err != nil {
		return nil, err
	}
	if r.SnapshotID != "" {
		if _, err := u.Snapshot(ctx, r.SnapshotID, "volume:get_snapshot"); err != nil {
			return nil, err
		}
	}
	caller := reqctx.From(ctx)
	b := &block.Backup{ID: uuid.NewString(), VolumeID: v.ID, UserID: caller.UserID, ProjectID: caller.ProjectID, Name: r.Name,
		Description: r.Description, Status: block.BackupCreating, SizeGiB: v.SizeGiB, Container: r.Container,
		AvailabilityZone: r.AvailabilityZone, SnapshotID: r.SnapshotID, Metadata: r.Metadata}
	b.CreatedAt = u.Now()
	if v.EncryptionKeyID != "" { // a copy of the key, because the volume takes its own with it
		if b.EncryptionKeyID, err = u.CopyKey(ctx, v.EncryptionKeyID); err != nil {
			return nil, err
		}
	}
	msg := &rpcapi.BackupTask{FlowID: app.NewOperationID(), BackupID: b.ID, VolumeID: v.ID, SnapshotID: r.SnapshotID}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowBackupCreate, Owner: rpcapi.SchedulerOwner,
		ResourceType: "backup", ResourceID: b.ID, State: msg}
	err = u.HandOver(ctx, op, func(tx store.Tx) error { return u.enter(ctx, tx, b, r) },
		func(ctx context.Context) error { return u.Scheduler.CreateBackup(ctx, msg) })
	if err != nil {
		u.DropKey(ctx, b.EncryptionKeyID)
		return nil, err
	}
	return b, nil
}

// enter holds what is to be copied, takes quota, finds the parent of an incremental backup, and inserts the row.
func (u *Backups) enter(ctx context.Context, tx store.Tx, b *block.Backup, r CreateRequest) error {
	if err := u.Claim(ctx, tx, b.ID); err != nil {
		return err
	}
	v, err := tx.Volume(ctx, b.VolumeID, "")
	if err != nil {
		return err
	}
	var s *block.Snapshot
	if r.SnapshotID != "" {
		if s, err = tx.Snapshot(ctx, r.SnapshotID, ""); err != nil {
			return err
		}
	}
	if err := copyable(v, s, r.Force); err != nil {
		return err
	}
	b.DataTimestamp = b.CreatedAt
	if s != nil {
		b.DataTimestamp = s.CreatedAt
	}
	b.SizeGiB = v.SizeGiB
	if err := u.Quota.TakeBackup(ctx, tx, b.ProjectID, b.SizeGiB); err != nil {
		return err
	}
	b.ParentID, b.Host = "", ""
	if r.Incremental {
		parent, err := newest(ctx, tx, b, s)
		if err != nil {
			return err
		}
		b.ParentID = parent.ID
		// What lies in a directory of one host, only that host can be the difference to; upstream's rule.
		if strings.Contains(parent.Service, "posix") {
			b.Host = parent.Host
		}
	}
	if err := hold(ctx, tx, v, s); err != nil {
		return err
	}
	return tx.CreateBackup(ctx, b)
}

// copyable refuses a volume, or a snapshot of it, in a state that must not be copied.
func copyable(v *block.Volume, s *block.Snapshot, force bool) error {
	switch {
	case s != nil && s.VolumeID != v.ID:
		return block.InvalidVolume("Volume %s does not match with snapshot.volume_id %s.", v.ID, s.VolumeID)
	case s != nil && s.Status != block.SnapshotAvailable:
		return block.InvalidSnapshot("Snapshot to be backed up must be available, but the current status is \"%s\".", s.Status)
	case s != nil:
		return nil
	case v.Status != block.VolumeAvailable && v.Status != block.VolumeInUse:
		return block.InvalidVolume("Volume to be backed up must be available or in-use, but the current status is \"%s\".", v.Status)
	case v.Status == block.VolumeInUse && !force:
		return block.InvalidVolume("Backing up an in-use volume must use the force flag.")
	}
	return nil
}

// hold keeps others from changing what is to be copied.
func hold(ctx context.Context, tx store.Tx, v *block.Volume, s *block.Snapshot) (err error) {
	if s != nil {
		ok, err := tx.UpdateSnapshot(ctx, s.ID, store.SnapshotWhen{Status: []block.SnapshotStatus{s.Status}},
			store.SnapshotSet{Status: new(block.SnapshotBackingUp)})
		if err == nil && !ok {
			err = block.SnapshotNotFound(s.ID)
		}
		return err
	}
	ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{v.Status}},
		store.VolumeSet{Status: new(block.VolumeBackingUp), StatusToPrevious: true})
	if err == nil && !ok {
		err = block.VolumeNotFound(v.ID)
	}
	return err
}

// newest is the backup of the same volume, in the caller's project, that a new one is the difference to: of those that are
// available the one whose bytes are the newest, and older than the snapshot if the new one is of a snapshot.
func newest(ctx context.Context, tx store.Tx, b *block.Backup, s *block.Snapshot) (*block.Backup, error) {
	all, err := tx.Backups(ctx, store.BackupQuery{ProjectID: b.ProjectID,
		Equal: map[string][]string{"volume_id": {b.VolumeID}, "status": {string(block.BackupAvailable)}}})
	if err != nil {
		return nil, err
	}
	var found *block.Backup
	for _, one := range all {
		if s != nil && !one.DataTimestamp.Before(s.CreatedAt) {
			continue
		}
		if found == nil || one.DataTimestamp.After(found.DataTimestamp) {
			found = one
		}
	}
	if found == nil {
		return nil, block.InvalidBackup("No backups available to do an incremental backup.")
	}
	// Read by itself it stays as it is until the transaction ends; while it was one of many it did not.
	now, err := tx.Backup(ctx, found.ID, "")
	if err == nil && now.Status != block.BackupAvailable {
		err = block.InvalidBackup("The backup %s, on which this one would be based, is %s by now. Try again.", now.ID, now.Status)
	}
	return now, err
}
