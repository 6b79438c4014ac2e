package snapshots

import (
	"context"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/manage"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// Manage enters a snapshot for something that exists in the storage of its volume, and casts its managing to the volume
// service. It returns it as entered: creating. Whether the reference is any good shows later.
func (u *Snapshots) Manage(ctx context.Context, r CreateRequest, ref map[string]any) (*block.Snapshot, error) {
	v, err := u.Volume(ctx, r.VolumeID, "snapshot_extension:snapshot_manage")
	if err != nil {
		return nil, err
	}
	if _, err := manage.Serving(ctx, u.Core, manage.Where{Host: string(v.Host)}); err != nil {
		return nil, err
	}
	if err := u.Policy.Check(ctx, "volume:create_snapshot", app.Target(v.ProjectID, v.UserID)); err != nil {
		return nil, err
	}
	if err := app.CheckMetadata(r.Metadata); err != nil {
		return nil, err
	}
	if err := snapshotable(v, true); err != nil {
		return nil, err
	}
	caller := reqctx.From(ctx)
	s := &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, UserID: caller.UserID, ProjectID: caller.ProjectID, UseQuota: true,
		Name: r.Name, Description: r.Description, VolumeSizeGiB: v.SizeGiB, VolumeTypeID: v.VolumeTypeID,
		Status: block.SnapshotCreating, Progress: "0%", EncryptionKeyID: v.EncryptionKeyID, Metadata: r.Metadata}
	s.CreatedAt = u.Now()
	msg := &rpcapi.ManageExistingSnapshot{FlowID: app.NewOperationID(), SnapshotID: s.ID, Reference: ref}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowSnapshotManage, Owner: v.Queue().Backend(),
		ResourceType: "snapshot", ResourceID: s.ID, State: msg}
	err = u.HandOver(ctx, op, func(tx store.Tx) error { return u.enter(ctx, tx, s, v, true) },
		func(ctx context.Context) error {
			return u.VolumeService.Cast(ctx, v.Queue(), "3.0", rpcapi.MethodManageExistingSnapshot, msg)
		})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Unmanage removes a snapshot and leaves its bytes in the storage. Invalid under the conditions of Delete without force. A
// frozen back end does not stand against it.
func (u *Snapshots) Unmanage(ctx context.Context, id string) error {
	s, err := u.Snapshot(ctx, id, "volume:get_snapshot")
	if err != nil {
		return err
	}
	for _, rule := range []string{"snapshot_extension:snapshot_unmanage", "volume:delete_snapshot"} {
		if err := u.Policy.Check(ctx, rule, app.Target(s.ProjectID, s.UserID)); err != nil {
			return err
		}
	}
	v, err := u.Store.Volume(ctx, s.VolumeID, "")
	if err != nil {
		return err
	}
	msg := &rpcapi.DeleteSnapshot{FlowID: app.NewOperationID(), SnapshotID: id, UnmanageOnly: true}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowSnapshotUnmanage, Owner: v.Queue().Backend(), ResourceType: "snapshot", ResourceID: id,
		State: &rpcapi.ManageExistingSnapshot{FlowID: msg.FlowID, SnapshotID: id}}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return mark(ctx, tx, id, block.SnapshotUnmanaging, false) },
		func(ctx context.Context) error {
			return u.VolumeService.Cast(ctx, v.Queue(), "3.0", rpcapi.MethodDeleteSnapshot, msg)
		})
}
