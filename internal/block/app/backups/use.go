package backups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Delete removes a backup, under the policy of rule; force drops the condition on its status, so that a backup that is
// being made is given up. One that no service has ever taken up goes at once: there is nothing of it anywhere. Invalid
// while others are differences to it; NotFound, ServiceNotFound, when no backup service is up.
func (u *Backups) Delete(ctx context.Context, id, rule string, force bool) error {
	b, err := u.Backup(ctx, id, rule)
	if err != nil {
		return err
	}
	if err := u.Policy.Check(ctx, "backup:delete", app.Target(b.ProjectID, b.UserID)); err != nil {
		return err
	}
	if err := deletable(b, force); err != nil {
		return err
	}
	if err := u.CheckKey(b.EncryptionKeyID); err != nil {
		return err
	}
	if b.Host == "" && b.Service == "" && !force {
		return u.destroy(ctx, b)
	}
	host, err := u.BackupHost(ctx, b)
	if err != nil {
		return err
	}
	if force {
		if err := u.canForceDelete(ctx, host); err != nil {
			return err
		}
	}
	msg := &rpcapi.DeleteBackup{FlowID: app.NewOperationID(), BackupID: id}
	return u.handOver(ctx, host, msg.FlowID, rpcapi.FlowBackupDelete, id, "2.0", rpcapi.MethodDeleteBackup, msg,
		func(tx store.Tx) error { return u.markDeleting(ctx, tx, b, host, force) })
}

// destroy removes the row of a backup that no service has ever taken up.
func (u *Backups) destroy(ctx context.Context, b *block.Backup) error {
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		if err := u.markDeleting(ctx, tx, b, "", false); err != nil {
			return err
		}
		if err := tx.DestroyBackup(ctx, b.ID); err != nil {
			return err
		}
		return store.RecordBackups(ctx, tx, b.ProjectID)
	})
	if err == nil {
		u.DropKey(ctx, b.EncryptionKeyID)
	}
	return err
}

// handOver changes rows, gives an operation to the backup service of a host and casts it.
func (u *Backups) handOver(ctx context.Context, host, flowID, name, id, version, method string, msg any, change func(tx store.Tx) error) error {
	op := app.Operation{ID: flowID, Name: name, Owner: rpcapi.BackupOwner(host), ResourceType: "backup", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, change, func(ctx context.Context) error { return u.BackupService.Cast(ctx, host, version, method, msg) })
}

func deletable(b *block.Backup, force bool) error {
	if !force && !b.Status.MayBecome(block.BackupDeleting) {
		return block.InvalidBackup("Backup status must be available or error")
	}
	return nil
}

// canForceDelete asks the backup service whether its repository bears that a backup is removed while it is being made.
func (u *Backups) canForceDelete(ctx context.Context, host string) error {
	var reply rpcapi.CanForceDelete
	if err := u.BackupService.Call(ctx, host, "2.0", rpcapi.MethodCanForceDelete, &struct{}{}, &reply); err != nil {
		return err
	}
	if !reply.Supported {
		return fault.New(fault.Invalid, "NotSupportedOperation", "Operation not supported: force delete.")
	}
	return nil
}

// markDeleting puts a backup on its way out.
func (u *Backups) markDeleting(ctx context.Context, tx store.Tx, b *block.Backup, host string, force bool) error {
	when, set := store.BackupWhen{NoDependents: true}, store.BackupSet{Status: new(block.BackupDeleting), Host: &host}
	if !force {
		when.Status = block.BackupsThatMayBecome(block.BackupDeleting)
	}
	ok, err := tx.UpdateBackup(ctx, b.ID, when, set)
	if err != nil || ok {
		return err
	}
	now, err := tx.Backup(ctx, b.ID, "")
	if err != nil {
		return err
	}
	if err := deletable(now, force); err != nil {
		return err
	}
	return block.InvalidBackup("Incremental backups exist for this backup.")
}

// Restored is what a restore is on its way to.
type Restored struct {
	BackupID, VolumeID string
	VolumeName         *string
}

// Restore has a backup written into a volume, or into a new one if volumeID is empty; name is the new volume's. The new
// volume is restored when it has been made. Invalid if backup or volume are not available, or the volume is too small;
// NotFound, ServiceNotFound, when no backup service is up; OverLimit for the quota of volumes.
func (u *Backups) Restore(ctx context.Context, id, volumeID string, name *string) (*Restored, error) {
	b, err := u.Backup(ctx, id, "backup:restore")
	if err != nil {
		return nil, err
	}
	if b.Status != block.BackupAvailable {
		return nil, block.InvalidBackup("Backup status must be available")
	}
	if volumeID == "" {
		return u.restoreNew(ctx, b, name)
	}
	v, err := u.Volume(ctx, volumeID, "volume:get")
	if err != nil {
		return nil, err
	}
	if err := restorable(b, v); err != nil {
		return nil, err
	}
	host, err := u.BackupHost(ctx, b)
	if err != nil {
		return nil, err
	}
	msg := &rpcapi.RestoreBackup{FlowID: app.NewOperationID(), BackupID: id, VolumeID: volumeID}
	if b.EncryptionKeyID != "" { // the volume gets a copy of the key, because the backup takes its own with it
		if msg.EncryptionKeyID, err = u.CopyKey(ctx, b.EncryptionKeyID); err != nil {
			return nil, err
		}
	}
	err = u.handOver(ctx, host, msg.FlowID, rpcapi.FlowBackupRestore, id, "2.4", rpcapi.MethodRestoreBackup, msg,
		func(tx store.Tx) error { return beginRestore(ctx, tx, b, v, host) })
	if err != nil {
		u.DropKey(ctx, msg.EncryptionKeyID)
		return nil, err
	}
	return &Restored{BackupID: id, VolumeID: volumeID, VolumeName: v.Name}, nil
}

func restorable(b *block.Backup, v *block.Volume) error {
	switch {
	case v.Status != block.VolumeAvailable:
		return block.InvalidVolume("Volume to be restored to must be available")
	case b.SizeGiB > v.SizeGiB:
		return block.InvalidVolume("volume size %d is too small to restore backup of size %d.", v.SizeGiB, b.SizeGiB)
	case (b.EncryptionKeyID == "") != (v.EncryptionKeyID == ""):
		return block.InvalidVolume("Of volume %s and backup %s one is encrypted and the other is not: the volume could not be read.", v.ID, b.ID)
	}
	return nil
}

// beginRestore takes the volume and the backup out of others' hands.
func beginRestore(ctx context.Context, tx store.Tx, b *block.Backup, v *block.Volume, host string) error {
	now, err := tx.Volume(ctx, v.ID, "")
	if err != nil {
		return err
	}
	if err := restorable(b, now); err != nil {
		return err
	}
	_, err = tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable}},
		store.VolumeSet{Status: new(block.VolumeRestoringBackup)})
	if err != nil {
		return err
	}
	ok, err := tx.UpdateBackup(ctx, b.ID, store.BackupWhen{Status: []block.BackupStatus{block.BackupAvailable}},
		store.BackupSet{Status: new(block.BackupRestoring), RestoreVolume: &v.ID, Host: &host})
	if err == nil && !ok {
		err = block.InvalidBackup("Backup status must be available")
	}
	return err
}

// restoreNew makes a volume of the backup.
func (u *Backups) restoreNew(ctx context.Context, b *block.Backup, name *string) (*Restored, error) {
	if name == nil {
		name = new(block.RestoredVolumePrefix + b.ID)
	}
	v, err := u.volumes.Create(ctx, volumes.CreateRequest{Name: name, Description: new("auto-created_from_restore_from_backup"),
		SizeGiB: b.SizeGiB, BackupID: b.ID})
	if err != nil {
		return nil, err
	}
	return &Restored{BackupID: b.ID, VolumeID: v.ID, VolumeName: v.Name}, nil
}

// ResetStatus has a backup service write a status by hand.
func (u *Backups) ResetStatus(ctx context.Context, id string, status block.BackupStatus) error {
	b, err := u.Backup(ctx, id, "volume_extension:backup_admin_actions:reset_status")
	if err != nil {
		return err
	}
	host, err := u.BackupHost(ctx, b)
	if err != nil {
		return err
	}
	msg := &rpcapi.ResetBackupStatus{FlowID: app.NewOperationID(), BackupID: id, Status: status}
	return u.handOver(ctx, host, msg.FlowID, rpcapi.FlowBackupReset, id, "2.0", rpcapi.MethodResetBackupStatus, msg,
		func(store.Tx) error { return nil })
}
