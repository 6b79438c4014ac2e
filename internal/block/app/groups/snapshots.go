package groups

import (
	"context"
	"slices"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/app/snapshots"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// pictured are the states of volumes of which a group snapshot can be taken: they hold what their users have written.
var pictured = []block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse, block.VolumeReserved, block.VolumeAttaching,
	block.VolumeDetaching, block.VolumeUploading, block.VolumeBackingUp}

// snapshot reads a group snapshot the caller may see and may do what rule stands for to. Those of consistency groups are
// left alone by the use cases of generic groups.
func (u *Groups) snapshot(ctx context.Context, id, rule string, admit bool) (*block.GroupSnapshot, error) {
	n, err := u.Store.GroupSnapshot(ctx, id, app.ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	target := app.Target(n.ProjectID, n.UserID)
	if err := u.Policy.Check(ctx, "group:get_group_snapshot", target); err != nil {
		return nil, err
	}
	if admit {
		if err := u.admit(ctx, n.GroupTypeID, hiddenGroupSnapshot); err != nil {
			return nil, err
		}
	}
	return n, u.Policy.Check(ctx, rule, target)
}

// GetSnapshot reads one group snapshot.
func (u *Groups) GetSnapshot(ctx context.Context, id string) (*block.GroupSnapshot, error) {
	return u.snapshot(ctx, id, "group:get_group_snapshot", true)
}

// ListSnapshots reads the group snapshots q chooses; allProjects is for administrators.
func (u *Groups) ListSnapshots(ctx context.Context, q store.GroupSnapshotQuery, allProjects bool) (_ []*block.GroupSnapshot, err error) {
	if err := u.Authorize(ctx, "group:get_all_group_snapshots"); err != nil {
		return nil, err
	}
	if r := reqctx.From(ctx); !r.IsAdmin || !allProjects {
		q.ProjectID = r.ProjectID
	}
	if q.WithoutTypeID, err = u.hiddenTypeID(ctx); err != nil {
		return nil, err
	}
	return u.Store.GroupSnapshots(ctx, q)
}

// MaySeeSnapshotProject says whether the caller may see whose a group snapshot is.
func (u *Groups) MaySeeSnapshotProject(ctx context.Context) bool {
	return u.Authorize(ctx, "group:group_snapshot_project_attribute") == nil
}

// CreateSnapshot enters a group snapshot, with a snapshot of each volume of the group, and casts its making. It returns it as
// entered: creating. Invalid for a group that is empty or being changed, or a volume of which none can be taken; OverLimit for
// quota.
func (u *Groups) CreateSnapshot(ctx context.Context, groupID string, name, description *string) (*block.GroupSnapshot, error) {
	g, err := u.group(ctx, groupID, "group:create_group_snapshot")
	if err != nil {
		return nil, err
	}
	return app.Once(ctx, u.Core, u.GetSnapshot, func(ctx context.Context) (*block.GroupSnapshot, error) {
		return u.beginSnapshot(ctx, g, name, description)
	})
}

func (u *Groups) beginSnapshot(ctx context.Context, g *block.Group, name, description *string) (*block.GroupSnapshot, error) {
	if err := u.RefuseFrozen(ctx, g.Host); err != nil {
		return nil, err
	}
	caller := reqctx.From(ctx)
	n := &block.GroupSnapshot{ID: uuid.NewString(), GroupID: g.ID, UserID: caller.UserID, ProjectID: caller.ProjectID, Name: name,
		Description: description, GroupTypeID: g.GroupTypeID, Status: block.GroupSnapshotCreating}
	n.CreatedAt = u.Now()
	volumes, err := members(ctx, u.Store, g.ID)
	if err != nil {
		return nil, err
	}
	msg := &rpcapi.CreateGroupSnapshot{FlowID: app.NewOperationID(), GroupSnapshotID: n.ID, VolumeIDs: map[string]string{}}
	for _, v := range volumes {
		if err := u.Policy.Check(ctx, "volume:create_snapshot", app.Target(v.ProjectID, v.UserID)); err != nil {
			return nil, err
		}
		msg.VolumeIDs[uuid.NewString()] = v.ID
	}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowGroupSnapshotCreate, Owner: g.Queue().Backend(),
		ResourceType: "group_snapshot", ResourceID: n.ID, State: msg}
	err = u.HandOver(ctx, op, func(tx store.Tx) error { return u.enterSnapshot(ctx, tx, n, msg.VolumeIDs) },
		func(ctx context.Context) error {
			return u.VolumeService.Cast(ctx, g.Queue(), "3.0", rpcapi.MethodCreateGroupSnapshot, msg)
		})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// enterSnapshot takes quota and inserts the rows; ofVolume says of what each snapshot is. Group and volumes are read again
// under the transaction: a volume may have left meanwhile.
func (u *Groups) enterSnapshot(ctx context.Context, tx store.Tx, n *block.GroupSnapshot, ofVolume map[string]string) error {
	g, err := tx.Group(ctx, n.GroupID, "")
	if err != nil {
		return err
	}
	volumes, err := members(ctx, tx, g.ID)
	if err != nil {
		return err
	}
	switch {
	case len(volumes) == 0, g.Status == block.GroupCreating, g.Status == block.GroupUpdating:
		return block.InvalidGroup("Source group cannot be empty or in 'creating' or 'updating' state. No group snapshot will be created.")
	case g.Status == block.GroupDeleting:
		return block.InvalidGroup("Source group is being deleted. No group snapshot will be created.")
	}
	if err := u.Claim(ctx, tx, n.ID); err != nil {
		return err
	}
	if err := tx.CreateGroupSnapshot(ctx, n); err != nil {
		return err
	}
	for id, volumeID := range ofVolume {
		i := slices.IndexFunc(volumes, func(v *block.Volume) bool { return v.ID == volumeID })
		if i < 0 || len(volumes) != len(ofVolume) {
			return block.InvalidGroup("The volumes of group %s have changed. Try again.", g.ID)
		}
		if err := u.enterOneSnapshot(ctx, tx, n, volumes[i], id); err != nil {
			return err
		}
	}
	return nil
}

func (u *Groups) enterOneSnapshot(ctx context.Context, tx store.Tx, n *block.GroupSnapshot, v *block.Volume, id string) error {
	if err := snapshots.Snapshotable(v, pictured...); err != nil {
		return err
	}
	delta := quota.Delta{Snapshots: 1, SnapshotGiB: v.SizeGiB, TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName}
	if err := u.Quota.Take(ctx, tx, n.ProjectID, delta, 0); err != nil {
		return err
	}
	s := &block.Snapshot{ID: id, VolumeID: v.ID, UserID: n.UserID, ProjectID: n.ProjectID, UseQuota: true, Name: n.Name,
		Description: n.Description, VolumeSizeGiB: v.SizeGiB, VolumeTypeID: v.VolumeTypeID, Status: block.SnapshotCreating, Progress: "0%",
		GroupSnapshotID: n.ID, EncryptionKeyID: v.EncryptionKeyID}
	s.CreatedAt = n.CreatedAt
	return tx.CreateSnapshot(ctx, s)
}

// snapshotsOf are the snapshots of a group snapshot, in no order.
func snapshotsOf(ctx context.Context, r store.SnapshotReader, groupSnapshotID string) ([]*block.Snapshot, error) {
	return r.Snapshots(ctx, store.SnapshotQuery{Equal: map[string][]string{"group_snapshot_id": {groupSnapshotID}}})
}

// goesAlong are the states of snapshots that are deleted with their group snapshot: nobody is reading or writing them.
var goesAlong = []block.SnapshotStatus{block.SnapshotAvailable, block.SnapshotError, block.SnapshotErrorDeleting, block.SnapshotDeleting,
	block.SnapshotCreating}

// DeleteSnapshot removes a group snapshot with its snapshots.
func (u *Groups) DeleteSnapshot(ctx context.Context, id string) error {
	n, err := u.snapshot(ctx, id, "group:delete_group_snapshot", true)
	if err != nil {
		return err
	}
	g, err := u.Store.Group(ctx, n.GroupID, "")
	if err != nil {
		return err
	}
	if err := u.RefuseFrozen(ctx, g.Host); err != nil {
		return err
	}
	msg := &rpcapi.DeleteGroupSnapshot{FlowID: app.NewOperationID(), GroupSnapshotID: id}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowGroupSnapshotDelete, Owner: g.Queue().Backend(),
		ResourceType: "group_snapshot", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return markSnapshotDeleting(ctx, tx, id) },
		func(ctx context.Context) error {
			return u.VolumeService.Cast(ctx, g.Queue(), "3.0", rpcapi.MethodDeleteGroupSnapshot, msg)
		})
}

func markSnapshotDeleting(ctx context.Context, tx store.Tx, id string) error {
	used, err := isSource(ctx, tx, "group_snapshot_id", id)
	if err != nil {
		return err
	}
	marked := false
	if !used {
		from := []block.GroupSnapshotStatus{block.GroupSnapshotAvailable, block.GroupSnapshotError}
		if marked, err = tx.UpdateGroupSnapshot(ctx, id, from, block.GroupSnapshotDeleting); err != nil {
			return err
		}
	}
	if !marked {
		return block.InvalidGroupSnapshot("GroupSnapshot status must be available or error, and no Group can be currently using it as source for its creation.")
	}
	list, err := snapshotsOf(ctx, tx, id)
	if err != nil {
		return err
	}
	for _, s := range list {
		ok, err := tx.UpdateSnapshot(ctx, s.ID, store.SnapshotWhen{Status: goesAlong}, store.SnapshotSet{Status: new(block.SnapshotDeleting)})
		if err != nil {
			return err
		}
		if !ok {
			return block.InvalidGroupSnapshot("Snapshot %s is %s. Wait until that is done, or reset its status.", s.ID, s.Status)
		}
	}
	return nil
}

// ResetSnapshotStatus writes a status by hand, whatever it is.
func (u *Groups) ResetSnapshotStatus(ctx context.Context, id string, status block.GroupSnapshotStatus) error {
	return u.told(ctx, "groupsnapshots.reset_status", id, string(status), func() error {
		if _, err := u.snapshot(ctx, id, "group:reset_group_snapshot_status", false); err != nil {
			return err
		}
		return u.Store.Update(ctx, func(tx store.Tx) error {
			ok, err := tx.UpdateGroupSnapshot(ctx, id, nil, status)
			if err == nil && !ok {
				err = block.GroupSnapshotNotFound(id)
			}
			return err
		})
	})
}
