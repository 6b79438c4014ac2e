// Package backupends is how the making of a backup ends in rows, wherever it ends: the schedulers, the volume service and
// the backup service each have it in hand for a while, and any of them may fail.
//
// What must not live here: anything about bytes, or about restoring and deleting, which are the backup service's alone.
package backupends

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Fail ends the making of a backup that came to nothing: the backup is in error and says why, unless it is on its way out
// or gone, and what it was to be made of is as it was before.
func Fail(ctx context.Context, tx store.Tx, task rpcapi.BackupTask, cause error) error {
	_, err := tx.UpdateBackup(ctx, task.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupCreating}},
		store.BackupSet{Status: new(block.BackupError), FailReason: new(fault.UserText(cause))})
	if err != nil {
		return err
	}
	return Release(ctx, tx, task, block.VolumeErrorBackingUp)
}

// Release puts what a backup was made of back to the state it had before: the snapshot, or else the volume, whose
// previous_status then tells of the backup. One that is in another state by now, or gone, is left alone.
func Release(ctx context.Context, tx store.Tx, task rpcapi.BackupTask, previous block.VolumeStatus) error {
	if task.SnapshotID != "" {
		_, err := tx.UpdateSnapshot(ctx, task.SnapshotID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotBackingUp}},
			store.SnapshotSet{Status: new(block.SnapshotAvailable)})
		return err
	}
	v, err := tx.Volume(ctx, task.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case v.Status != block.VolumeBackingUp:
		return nil
	}
	set := store.VolumeSet{Status: &v.PreviousStatus, PreviousStatus: &previous}
	// A consumer may have gone meanwhile: detaching leaves the status of a volume that is being backed up alone.
	if len(v.Attachments) == 0 || v.PreviousStatus != block.VolumeInUse {
		set.Status = new(block.VolumeAvailable)
	}
	_, err = tx.UpdateVolume(ctx, task.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeBackingUp}}, set)
	return err
}

// Reader is what Held reads from: a store.Store, or a store.Tx.
type Reader interface {
	Backup(ctx context.Context, id, projectID string) (*block.Backup, error)
	Volume(ctx context.Context, id, projectID string) (*block.Volume, error)
	Snapshot(ctx context.Context, id, projectID string) (*block.Snapshot, error)
}

// Held reads the backup of a task and its volume, and refuses a task whose backup is not being made any more, or
// whose source is not held for it: somebody has reset a status by hand. A backup that is gone is a fault.NotFound. What was
// read is returned beside an error too.
func Held(ctx context.Context, r Reader, task rpcapi.BackupTask) (*block.Backup, *block.Volume, error) {
	b, err := r.Backup(ctx, task.BackupID, "")
	if err != nil {
		return nil, nil, err
	}
	v, err := r.Volume(ctx, task.VolumeID, "")
	if err != nil {
		return b, nil, err
	}
	if b.Status != block.BackupCreating {
		return b, v, block.InvalidBackup("Create backup aborted, expected backup status creating but got %s.", b.Status)
	}
	if task.SnapshotID == "" {
		if v.Status != block.VolumeBackingUp {
			return b, v, block.InvalidVolume("Create backup aborted, expected volume status backing-up but got %s.", v.Status)
		}
		return b, v, nil
	}
	s, err := r.Snapshot(ctx, task.SnapshotID, "")
	if err == nil && s.Status != block.SnapshotBackingUp {
		err = block.InvalidSnapshot("Create backup aborted, expected snapshot status backing-up but got %s.", s.Status)
	}
	return b, v, err
}
