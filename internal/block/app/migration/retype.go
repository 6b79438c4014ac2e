package migration

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/volumes"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Retype gives a volume another type, which newType names by id or name. The row has the new type in the transaction that
// marks it retyping, so that quota, which is counted from rows, has it at once; if the volume cannot have it after all, the
// old type is written back together with the status. Where a Python service has a part in it, which would not do that, the row
// keeps its type until the volume has the new one. onDemand lets the volume be moved to a back end that suits the type.
//
// NotFound if the caller may not use the type; Invalid InvalidVolume if the volume's state does not allow it, and
// InvalidInput if the type does not suit the volume; OverLimit if the project may hold no more of the type;
// NotImplemented if the encryption would change.
func (u *Migration) Retype(ctx context.Context, id, newType string, onDemand bool) error {
	v, err := u.Volume(ctx, id, "volume:retype")
	if err != nil {
		return err
	}
	// As in Cinder, what else is wrong with a type is said before whether the caller may use it.
	t, err := u.AnyTypeByNameOrID(ctx, newType)
	if err != nil {
		return err
	}
	if err := volumes.CheckProvisionedSize(t, v.SizeGiB); err != nil {
		return err
	}
	if err := u.checkMultiattach(ctx, v, t); err != nil {
		return err
	}
	if _, err := u.Store.VolumeType(ctx, t.ID, app.ProjectScope(ctx)); err != nil {
		return err
	}
	if err := u.refuseReencryption(ctx, v, t); err != nil {
		return err
	}
	msg := &rpcapi.Retype{FlowID: app.NewOperationID(), VolumeID: id, OldTypeID: v.VolumeTypeID, NewTypeID: t.ID,
		OldMultiattach: v.Multiattach, OnDemand: onDemand}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeRetype, Owner: rpcapi.SchedulerOwner,
		ResourceType: "volume", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return u.markRetyping(ctx, tx, msg, t) },
		func(ctx context.Context) error { return u.Scheduler.Retype(ctx, msg) })
}

// checkMultiattach refuses to change under its consumers whether a volume may have several.
func (u *Migration) checkMultiattach(ctx context.Context, v *block.Volume, t *block.VolumeType) error {
	if v.Multiattach != t.Multiattach() {
		if v.Status != block.VolumeAvailable {
			return block.InvalidInput("Invalid volume_type passed, retypes affecting multiattach are only allowed on available volumes, "+
				"the specified volume however currently has a status of: %s.", v.Status)
		}
		if t.Multiattach() {
			if err := u.Policy.Check(ctx, "volume:multiattach", app.Target(v.ProjectID, v.UserID)); err != nil {
				return err
			}
		}
	}
	if !t.Multiattach() {
		return nil
	}
	e, err := encryption(ctx, u.Store, t.ID)
	if err == nil && e != nil {
		err = block.InvalidInput("Retype requested both encryption and multi-attach, which is not supported.")
	}
	return err
}

// refuseReencryption refuses what would need the bytes to be decrypted and encrypted anew on their way.
func (u *Migration) refuseReencryption(ctx context.Context, v *block.Volume, t *block.VolumeType) error {
	from, err := encryption(ctx, u.Store, v.VolumeTypeID)
	if err != nil {
		return err
	}
	to, err := encryption(ctx, u.Store, t.ID)
	if err != nil || from.Same(to) {
		return err
	}
	return fault.New(fault.NotImplemented, "", "Volume %s cannot be given type %s: the two types encrypt differently, and a volume "+
		"is not encrypted anew.", v.ID, t.Name)
}

func refusedRetype() error {
	return block.InvalidVolume("Retype needs volume to be in available or in-use state, not be part of an active migration or a " +
		"consistency group, requested type has to be different that the one from the volume, and for in-use volumes front-end " +
		"qos specs cannot change.")
}

// markRetyping takes the quota and marks the row. The volume is read again under the transaction.
func (u *Migration) markRetyping(ctx context.Context, tx store.Tx, m *rpcapi.Retype, t *block.VolumeType) error {
	v, err := tx.Volume(ctx, m.VolumeID, "")
	if err != nil {
		return err
	}
	if v.VolumeTypeID != m.OldTypeID || v.VolumeTypeID == t.ID || v.ConsistencyGroupID != "" || !slices.Contains(settled, v.Status) {
		return refusedRetype()
	}
	if v.Status == block.VolumeInUse {
		same, err := keepsFrontEndQoS(ctx, tx, v.VolumeTypeID, t)
		if err != nil {
			return err
		}
		if !same {
			return refusedRetype()
		}
	}
	when := store.VolumeWhen{Status: []block.VolumeStatus{v.Status}, NotMigrating: true, NoGroup: true}
	set := store.VolumeSet{Status: new(block.VolumeRetyping), StatusToPrevious: true, Multiattach: new(t.Multiattach())}
	var ok bool
	// Clients wait for the type and go on at once. The row may have it early only where the answer waits for the work, which it does
	// inside one process; over a broker it gets it from the volume service in the end, as beside Python's.
	if u.Keepers == nil {
		ok, err = u.Quota.ChangeType(ctx, tx, v, t, when, set)
	} else if m.Reservations, m.OldReservations, err = u.Quota.HoldType(ctx, tx, v, t); err == nil {
		ok, err = tx.UpdateVolume(ctx, v.ID, when, set)
	}
	if err == nil && !ok {
		err = refusedRetype()
	}
	return err
}

// keepsFrontEndQoS says whether what the hypervisors of a volume in use enforce stays the same under the new type: they
// cannot be told (cinder/db/sqlalchemy/api.py, volume_qos_allows_retype).
func keepsFrontEndQoS(ctx context.Context, tx store.Tx, oldTypeID string, to *block.VolumeType) (bool, error) {
	from, err := tx.VolumeType(ctx, oldTypeID, "")
	if err != nil {
		return false, err
	}
	if from.QoSSpecsID == to.QoSSpecsID {
		return true, nil
	}
	for _, id := range []string{from.QoSSpecsID, to.QoSSpecsID} {
		if id == "" {
			continue
		}
		q, err := tx.QoSSpecs(ctx, id)
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return false, err
		case q.Consumer != block.QoSBackEnd:
			return false, nil
		}
	}
	return true, nil
}
