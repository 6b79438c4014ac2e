package groups

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
)

// inOtherHands are the states of volumes whose bytes somebody is using or changing: such a volume is not deleted with its
// group. Upstream deletes it under whoever that is.
var inOtherHands = []block.VolumeStatus{block.VolumeReserved, block.VolumeAttaching, block.VolumeDetaching, block.VolumeMaintenance,
	block.VolumeManaging, block.VolumeUnmanaging, block.VolumeExtending, block.VolumeDownloading, block.VolumeUploading, block.VolumeRetyping,
	block.VolumeReverting, block.VolumeBackingUp, block.VolumeRestoringBackup, block.VolumeAwaitingTransfer}

// Delete removes a group. With volumes, those in it go along, and the status of the group does not matter; without, there
// must be none. Everything is looked at and marked in one transaction: a delete that is refused changes nothing. Upstream
// marks the volumes first, and leaves them deleting when it then refuses.
func (u *Groups) Delete(ctx context.Context, id string, volumes bool) error {
	g, err := u.group(ctx, id, "group:delete")
	if err != nil {
		return err
	}
	if g.Host == "" {
		return u.destroyUnscheduled(ctx, g)
	}
	if err := u.RefuseFrozen(ctx, g.Host); err != nil {
		return err
	}
	msg := &rpcapi.DeleteGroup{FlowID: app.NewOperationID(), GroupID: id}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowGroupDelete, Owner: g.Queue().Backend(),
		ResourceType: "group", ResourceID: id, State: msg}
	var keys []string
	return u.HandOver(ctx, op, func(tx store.Tx) (err error) {
		keys, err = u.markDeleting(ctx, tx, id, volumes)
		return err
	}, func(ctx context.Context) error {
		for _, key := range keys {
			u.DropKey(ctx, key) // nobody can read the volumes from now on
		}
		return u.VolumeService.Cast(ctx, g.Queue(), "3.0", rpcapi.MethodDeleteGroup, msg)
	})
}

// destroyUnscheduled removes a group that no back end knows of: only its row. The scheduler, should it have the group in
// hand, finds the row gone.
func (u *Groups) destroyUnscheduled(ctx context.Context, g *block.Group) error {
	return u.Store.Update(ctx, func(tx store.Tx) error {
		ok, err := tx.UpdateGroup(ctx, g.ID, store.GroupWhen{Unscheduled: true}, store.GroupSet{})
		if err != nil {
			return err
		}
		inIt, err := members(ctx, tx, g.ID)
		if err != nil {
			return err
		}
		switch {
		case !ok:
			return block.InvalidGroup("Group %s is being scheduled. Try again.", g.ID)
		case len(inIt) > 0:
			return stillHasVolumes(g.ID)
		}
		return destroy(ctx, tx, g)
	})
}

func stillHasVolumes(id string) error {
	return block.InvalidGroup("Group %s still contains volumes. The delete-volumes flag is required to delete it.", id)
}

// markDeleting checks a group and what is in it, and marks both. keys are those of the volumes, with which they go.
func (u *Groups) markDeleting(ctx context.Context, tx store.Tx, id string, volumes bool) (keys []string, err error) {
	g, err := tx.Group(ctx, id, "")
	if err != nil {
		return nil, err
	}
	if !volumes && g.Status != block.GroupAvailable && g.Status != block.GroupError {
		return nil, block.InvalidGroup("Group status must be available or error, but current status is: %s", g.Status)
	}
	if err := refuseDependants(ctx, tx, id); err != nil {
		return nil, err
	}
	inIt, err := members(ctx, tx, id)
	if err != nil {
		return nil, err
	}
	if len(inIt) > 0 && !volumes {
		return nil, stillHasVolumes(id)
	}
	for _, v := range inIt {
		if err := u.CheckKey(v.EncryptionKeyID); err != nil {
			return nil, err
		}
		if err := u.markVolume(ctx, tx, v); err != nil {
			return nil, err
		}
		keys = append(keys, v.EncryptionKeyID)
	}
	_, err = tx.UpdateGroup(ctx, id, store.GroupWhen{}, store.GroupSet{Status: new(block.GroupDeleting)})
	return keys, err
}

// refuseDependants refuses to delete a group that has snapshots, or that another one is being made from.
func refuseDependants(ctx context.Context, tx store.Tx, id string) error {
	snapshots, err := tx.GroupSnapshots(ctx, store.GroupSnapshotQuery{Equal: map[string][]string{"group_id": {id}}, Page: store.Page{Limit: 1}})
	if err != nil {
		return err
	}
	if len(snapshots) > 0 {
		return block.InvalidGroup("Group has existing snapshots.")
	}
	used, err := isSource(ctx, tx, "source_group_id", id)
	if err == nil && used {
		err = block.InvalidGroup("Cannot delete group %s. It is the source for an ongoing group or group snapshot creation.", id)
	}
	return err
}

// isSource says whether a group is being made from what column names.
func isSource(ctx context.Context, tx store.Tx, column, id string) (bool, error) {
	groups, err := tx.Groups(ctx, store.GroupQuery{Equal: map[string][]string{column: {id}, "status": {string(block.GroupCreating)}},
		Page: store.Page{Limit: 1}})
	return len(groups) > 0, err
}

// markVolume marks a member that goes with its group.
func (u *Groups) markVolume(ctx context.Context, tx store.Tx, v *block.Volume) error {
	snapshots, err := tx.SnapshotCount(ctx, store.SnapshotQuery{VolumeID: v.ID})
	switch {
	case err != nil:
		return err
	case v.AttachStatus == block.AttachAttached:
		return block.InvalidGroup("Volume in group %s is attached. Need to detach first.", v.GroupID)
	case snapshots > 0:
		return block.InvalidGroup("Volume in group still has dependent snapshots.")
	case v.Migrating():
		return block.InvalidGroup("Volume %s in group %s is being migrated. Wait until that is done.", v.ID, v.GroupID)
	case slices.Contains(inOtherHands, v.Status):
		return block.InvalidGroup("Volume %s in group %s is %s. Wait until that is done, or reset its status.", v.ID, v.GroupID, v.Status)
	}
	_, err = tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeDeleting), StatusToPrevious: true,
		TerminatedAt: new(u.Now())})
	return err
}
