package volumes

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// The transitions an old-style attach goes through. Each is one compare-and-swap.

// Reserve marks an available volume (or one in use, if it is multiattach) as attaching.
func (u *Volumes) Reserve(ctx context.Context, id string) error {
	v, err := u.Volume(ctx, id, "volume_extension:volume_actions:reserve")
	if err != nil {
		return err
	}
	from, words := []block.VolumeStatus{block.VolumeAvailable}, "available"
	if v.Multiattach {
		from, words = append(from, block.VolumeInUse), "available or in-use"
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		ok, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: from}, store.VolumeSet{Status: new(block.VolumeAttaching)})
		if err == nil && !ok {
			err = block.InvalidVolume("Volume status must be %s to reserve, but the status is %s.", words, v.Status)
		}
		if err != nil {
			return err
		}
		return store.Using(ctx, tx, id)
	})
}

// Unreserve takes Reserve back; a volume that is not attaching is left as it is.
func (u *Volumes) Unreserve(ctx context.Context, id string) error {
	if _, err := u.Volume(ctx, id, "volume_extension:volume_actions:unreserve"); err != nil {
		return err
	}
	return u.unreserve(ctx, id)
}

// unreserve puts an attaching volume back to what its attachments say.
func (u *Volumes) unreserve(ctx context.Context, id string) error {
	attaching := []block.VolumeStatus{block.VolumeAttaching}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		freed, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: attaching, NoAttachments: true},
			store.VolumeSet{Status: new(block.VolumeAvailable)})
		if err != nil || freed {
			return err
		}
		_, err = tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: attaching}, store.VolumeSet{Status: new(block.VolumeInUse)})
		return err
	})
}

// BeginDetaching marks an attached volume as detaching. While it migrates, it succeeds and changes nothing.
func (u *Volumes) BeginDetaching(ctx context.Context, id string) error {
	v, err := u.Volume(ctx, id, "volume_extension:volume_actions:begin_detaching")
	if err != nil {
		return err
	}
	ok, err := u.transition(ctx, id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeInUse},
		AttachStatus: []block.AttachStatus{block.AttachAttached}, NotMigrating: true}, store.VolumeSet{Status: new(block.VolumeDetaching)})
	if err == nil && !ok && !v.Migrating() {
		err = block.InvalidVolume("Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.")
	}
	return err
}

// RollDetaching takes BeginDetaching back; a volume that is not detaching is left as it is.
func (u *Volumes) RollDetaching(ctx context.Context, id string) error {
	if _, err := u.Volume(ctx, id, "volume_extension:volume_actions:roll_detaching"); err != nil {
		return err
	}
	_, err := u.transition(ctx, id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeDetaching}},
		store.VolumeSet{Status: new(block.VolumeInUse)})
	return err
}

// Reset is what an administrator wants written into a volume's states, whatever they are; nil fields stay.
type Reset struct {
	Status          *block.VolumeStatus
	AttachStatus    *block.AttachStatus
	MigrationStatus *string // "none" writes NULL
}

// ResetStatus writes states by hand (os-reset_status). Invalid for states that only the service itself may enter, and for
// in-use without an attachment. An attach status of detached drops the attachments.
func (u *Volumes) ResetStatus(ctx context.Context, id string, r Reset) error {
	if _, err := u.VolumeUnread(ctx, id, "volume_extension:volume_admin_actions:reset_status"); err != nil {
		return err
	}
	set := store.VolumeSet{Status: r.Status, AttachStatus: r.AttachStatus, MigrationStatus: r.MigrationStatus}
	if r.MigrationStatus != nil && strings.EqualFold(*r.MigrationStatus, "none") {
		set.MigrationStatus = new("")
	}
	var v *block.Volume
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if v, err = tx.Volume(ctx, id, ""); err != nil {
			return err
		}
		if err := checkReset(v, r); err != nil {
			return err
		}
		if _, err = tx.UpdateVolume(ctx, id, store.VolumeWhen{}, set); err != nil {
			return err
		}
		if r.AttachStatus == nil || *r.AttachStatus != block.AttachDetached {
			return nil
		}
		for _, a := range v.Attachments {
			if err := tx.DestroyAttachment(ctx, a.ID); err != nil {
				return err
			}
		}
		return tx.DeleteVolumeAdminMetadata(ctx, id, "attached_mode")
	})
	if err == nil {
		u.Events.Volume(ctx, "reset_status.start", v)
		u.TellVolume(ctx, "reset_status.end", id)
	}
	return err
}

// checkReset refuses what would leave the volume in a state nobody takes it out of. Upstream means to refuse
// error_deleting and detaching too, but a missing comma lets them through (facts §12.3 no. 3).
func checkReset(v *block.Volume, r Reset) error {
	if r.Status == nil {
		return nil
	}
	switch *r.Status {
	case block.VolumeDeleting, block.VolumeErrorDeleting, block.VolumeDetaching:
		return fault.New(fault.Invalid, "", "Cannot reset-state to %s", *r.Status)
	case block.VolumeInUse:
		if len(v.Attachments) == 0 {
			return fault.New(fault.Invalid, "", "Cannot reset-state to in-use because volume does not have any attachments.")
		}
	}
	return nil
}
