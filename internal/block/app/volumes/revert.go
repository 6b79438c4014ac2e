package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Revert puts an available volume back to its newest snapshot, which snapshotID must be, and which must be as large as the
// volume. Invalid if it is another snapshot or another size; Conflict if volume or snapshot are not available. If it fails
// later, the volume is in error and the snapshot still there.
func (u *Volumes) Revert(ctx context.Context, id, snapshotID string) error {
	v, err := u.Volume(ctx, id, "volume:get")
	if err != nil {
		return err
	}
	if err := u.checkNewest(ctx, v, snapshotID); err != nil {
		return err
	}
	if err := u.Policy.Check(ctx, "volume:revert_to_snapshot", app.Target(v.ProjectID, v.UserID)); err != nil {
		return err
	}
	msg := &rpcapi.RevertToSnapshot{FlowID: app.NewOperationID(), VolumeID: id, SnapshotID: snapshotID}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeRevert, Owner: v.Queue().Backend(),
		ResourceType: "volume", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return markReverting(ctx, tx, id, snapshotID) },
		func(ctx context.Context) error {
			return u.VolumeService.Cast(ctx, v.Queue(), "3.15", rpcapi.MethodRevertToSnapshot, msg)
		})
}

// checkNewest refuses any snapshot but the newest of a volume that has not been extended since.
func (u *Volumes) checkNewest(ctx context.Context, v *block.Volume, snapshotID string) error {
	newest, err := u.Store.Snapshots(ctx, store.SnapshotQuery{VolumeID: v.ID,
		Page: store.Page{Limit: 1, Sort: []store.Sort{{Key: "created_at", Desc: true}}}})
	if err != nil {
		return err
	}
	if len(newest) == 0 {
		return fault.New(fault.Invalid, "", "Volume %s doesn't have any snapshots.", v.ID)
	}
	if snapshotID != newest[0].ID {
		shown := snapshotID
		if shown == "" {
			shown = "None"
		}
		return fault.New(fault.Invalid, "", "Specified snapshot %s is None or not the latest one of volume %s.", shown, v.ID)
	}
	if v.SizeGiB != newest[0].VolumeSizeGiB {
		return fault.New(fault.Invalid, "",
			"Can't revert volume %s to its latest snapshot %s. The volume size must be equal to the snapshot size.", v.ID, snapshotID)
	}
	return nil
}

// markReverting changes both states or none. Upstream leaves the volume reverting for ever when the snapshot refuses.
func markReverting(ctx context.Context, tx store.Tx, id, snapshotID string) error {
	ok, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable}},
		store.VolumeSet{Status: new(block.VolumeReverting)})
	if err != nil {
		return err
	}
	if !ok {
		return fault.New(fault.Conflict, "",
			"Invalid volume: Can't revert volume %s to its latest snapshot %s. Volume's status must be 'available'.", id, snapshotID)
	}
	ok, err = tx.UpdateSnapshot(ctx, snapshotID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotAvailable}},
		store.SnapshotSet{Status: new(block.SnapshotRestoring)})
	if err == nil && !ok {
		err = fault.New(fault.Conflict, "",
			"Invalid snapshot: Can't revert volume %s to its latest snapshot %s. Snapshot's status must be 'available'.", id, snapshotID)
	}
	return err
}
