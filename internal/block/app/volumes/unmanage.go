package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Unmanage removes a volume and leaves its bytes in the storage. Invalid under the conditions of Delete without force, and
// for encrypted volumes, whose key would be lost. A frozen back end does not stand against it.
func (u *Volumes) Unmanage(ctx context.Context, id string) error {
	v, err := u.Volume(ctx, id, "volume_extension:volume_unmanage")
	if err != nil {
		return err
	}
	if err := u.Policy.Check(ctx, "volume:delete", app.Target(v.ProjectID, v.UserID)); err != nil {
		return err
	}
	if v.Host == "" {
		return u.destroyUnscheduled(ctx, v, false)
	}
	if v.EncryptionKeyID != "" {
		u.TellUser(ctx, block.Failure{ProjectID: v.ProjectID, ResourceType: block.MessageVolume, ResourceID: id,
			Action: block.MessageUnmanageVolume, Detail: block.MessageUnmanageEncrypted})
		return fault.New(fault.Invalid, "Invalid", "Unacceptable parameters.")
	}
	msg := &rpcapi.DeleteVolume{FlowID: app.NewOperationID(), VolumeID: id, UnmanageOnly: true}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeUnmanage, Owner: v.Queue().Backend(), ResourceType: "volume", ResourceID: id,
		State: &rpcapi.ManageExisting{FlowID: msg.FlowID, VolumeID: id}}
	return u.HandOver(ctx, op, func(tx store.Tx) error {
		ok, err := tx.UpdateVolume(ctx, id, deleteConditions(false, false),
			store.VolumeSet{Status: new(block.VolumeUnmanaging), StatusToPrevious: true, TerminatedAt: new(u.Now())})
		if err == nil && !ok {
			err = refusedDelete(false)
		}
		return err
	}, func(ctx context.Context) error {
		return u.VolumeService.Cast(ctx, v.Queue(), "3.0", rpcapi.MethodDeleteVolume, msg)
	})
}
