package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
)

// Extend grows a volume to newSizeGiB. It must be available, or, with attachedAllowed (3.42), in use. The row gets the new
// size in the transaction that marks it extending, so that quota has it at once; if the back end cannot, the old size is
// written back. Python services do not do that: beside them the row keeps its size until the volume has the new one.
func (u *Volumes) Extend(ctx context.Context, id string, newSizeGiB int64, attachedAllowed bool) error {
	v, err := u.Volume(ctx, id, "volume:extend")
	if err != nil {
		return err
	}
	from := block.VolumeAvailable
	if attachedAllowed && v.Status == block.VolumeInUse {
		from = block.VolumeInUse
		if err := u.Policy.Check(ctx, "volume:extend_attached_volume", app.Target(v.ProjectID, v.UserID)); err != nil {
			return err
		}
	}
	if newSizeGiB <= v.SizeGiB {
		return block.InvalidInput("New size for extend must be greater than current size. (current: %d, extended: %d).", v.SizeGiB, newSizeGiB)
	}
	if newSizeGiB > block.MaxSizeGiB {
		return block.InvalidInput("New size for extend must be at most %d GiB.", int64(block.MaxSizeGiB))
	}
	volType, err := u.Store.VolumeType(ctx, v.VolumeTypeID, "")
	if err != nil {
		return err
	}
	if err := CheckProvisionedSize(volType, newSizeGiB); err != nil {
		return err
	}
	if v.Status != from {
		return notExtendable(v, from)
	}
	msg := &rpcapi.ExtendVolume{FlowID: app.NewOperationID(), VolumeID: id, OldSizeGiB: v.SizeGiB, NewSizeGiB: newSizeGiB}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeExtend, Owner: rpcapi.SchedulerOwner,
		ResourceType: "volume", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return u.markExtending(ctx, tx, v, from, msg) },
		func(ctx context.Context) error { return u.Scheduler.ExtendVolume(ctx, msg) })
}

// markExtending takes the quota and marks the row. The volume is read again under the transaction: another extend that
// was done meanwhile must neither be undone by a smaller size nor be counted twice.
func (u *Volumes) markExtending(ctx context.Context, tx store.Tx, v *block.Volume, from block.VolumeStatus, m *rpcapi.ExtendVolume) error {
	now, err := tx.Volume(ctx, v.ID, "")
	if err != nil {
		return err
	}
	if now.Status != from || now.SizeGiB != v.SizeGiB {
		return notExtendable(now, from)
	}
	size, err := app.Early(ctx, u.Core, tx, &m.NewSizeGiB, rpcapi.SchedulerOwner, v.Queue().Backend())
	if err != nil {
		return err
	}
	if m.Reservations, err = u.Quota.TakeGrowth(ctx, tx, v, m.NewSizeGiB, size == nil); err != nil {
		return err
	}
	ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{from}},
		store.VolumeSet{Status: new(block.VolumeExtending), StatusToPrevious: true, SizeGiB: size})
	if err == nil && !ok {
		err = notExtendable(v, from)
	}
	return err
}

func notExtendable(v *block.Volume, from block.VolumeStatus) error {
	return block.InvalidVolume("Volume %s status must be '{'status': '%s'}' to extend, currently %s.", v.ID, from, v.Status)
}
