package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// deletable are the states a volume may be deleted in without force (facts §3.1).
var deletable = []block.VolumeStatus{block.VolumeAvailable, block.VolumeError, block.VolumeErrorRestoring,
	block.VolumeErrorExtending, block.VolumeErrorManaging}

// Delete removes a volume, with cascade its snapshots too. force drops the condition on the status. The caller needs
// volume:delete and what rule says: the same, "volume:force_delete" or the admin action's. Invalid if the volume is attached, migrating, in a
// group, or has snapshots and cascade is not set.
func (u *Volumes) Delete(ctx context.Context, id string, rule string, force, cascade bool) error {
	v, err := u.Volume(ctx, id, rule)
	if err != nil {
		return err
	}
	if err := u.Policy.Check(ctx, "volume:delete", app.Target(v.ProjectID, v.UserID)); err != nil {
		return err
	}
	if err := u.RefuseFrozen(ctx, v.Host); err != nil {
		return err
	}
	if err := u.CheckKey(v.EncryptionKeyID); err != nil {
		return err
	}
	if v.Host == "" {
		return u.destroyUnscheduled(ctx, v, force)
	}
	msg := &rpcapi.DeleteVolume{FlowID: app.NewOperationID(), VolumeID: id, Cascade: cascade}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeDelete, Owner: v.Queue().Backend(),
		ResourceType: "volume", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error {
		if cascade {
			if err := markSnapshots(ctx, tx, id, force); err != nil {
				return err
			}
		}
		return u.markDeleting(ctx, tx, v, force, cascade)
	}, func(ctx context.Context) error {
		u.ForgetConnecting(id)
		u.DropKey(ctx, v.EncryptionKeyID) // nobody can read the volume from now on
		marked := *v
		marked.Status, marked.PreviousStatus = v.DeletingStatus(), v.Status
		msg.AtHand.Volume = &marked
		return u.VolumeService.Cast(ctx, v.Queue(), "3.0", rpcapi.MethodDeleteVolume, msg)
	})
}

// deleteConditions are what must hold for the row beside its status.
func deleteConditions(force, cascade bool) store.VolumeWhen {
	when := store.VolumeWhen{NotAttachStatus: []block.AttachStatus{block.AttachAttached}, NotMigrating: true, NoGroup: true,
		NoSnapshots: !cascade}
	if !force {
		when.Status = deletable
	}
	return when
}

func (u *Volumes) markDeleting(ctx context.Context, tx store.Tx, v *block.Volume, force, cascade bool) error {
	ok, err := tx.UpdateVolume(ctx, v.ID, deleteConditions(force, cascade),
		store.VolumeSet{Status: new(v.DeletingStatus()), StatusToPrevious: true, TerminatedAt: new(u.Now())})
	if err != nil || ok {
		return err
	}
	return refusedDelete(force)
}

func refusedDelete(force bool) error {
	status := ""
	if !force {
		status = "status must be available or error or error_restoring or error_extending or error_managing and"
	}
	return block.InvalidVolume("Volume %s must not be migrating, attached, belong to a group, have snapshots, awaiting a transfer, "+
		"or be disassociated from snapshots after volume transfer.", status)
}

// markSnapshots sets the snapshots of a volume that is deleted with them to deleting; each must be deletable.
func markSnapshots(ctx context.Context, tx store.Tx, volumeID string, force bool) error {
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: volumeID})
	if err != nil {
		return err
	}
	caller := reqctx.From(ctx)
	when := store.SnapshotWhen{NoGroupSnapshot: true}
	if !force {
		when.Status = []block.SnapshotStatus{block.SnapshotAvailable, block.SnapshotError, block.SnapshotDeleting}
	}
	for _, s := range snapshots {
		if !caller.IsAdmin && s.ProjectID != caller.ProjectID {
			return refusedDelete(force)
		}
		ok, err := tx.UpdateSnapshot(ctx, s.ID, when, store.SnapshotSet{Status: new(block.SnapshotDeleting)})
		if err != nil {
			return err
		}
		if !ok {
			return refusedDelete(force)
		}
	}
	return nil
}

// destroyUnscheduled removes a volume that no back end knows of: only its row. The scheduler, should it have the volume
// in hand, finds the row gone.
func (u *Volumes) destroyUnscheduled(ctx context.Context, v *block.Volume, force bool) error {
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		when := deleteConditions(true, false)
		when.Unscheduled = true
		ok, err := tx.UpdateVolume(ctx, v.ID, when, store.VolumeSet{TerminatedAt: new(u.Now())})
		if err != nil {
			return err
		}
		if !ok {
			return refusedDelete(force)
		}
		if err := tx.DestroyVolume(ctx, v.ID); err != nil {
			return err
		}
		return u.Quota.Record(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName)
	})
	if err != nil {
		return err
	}
	u.DropKey(ctx, v.EncryptionKeyID)
	u.Events.Volume(ctx, "delete.start", v)
	gone := *v
	gone.Status = block.VolumeDeleted
	u.Events.Volume(ctx, "delete.end", &gone)
	return nil
}
