package images

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// Reimage has a volume overwritten with an image. It must be available or in error, or, with reserved, reserved by one consumer
// at most. Faults: NotFound for the image, Invalid for a volume in another state and an image that does not fit, Conflict for
// several consumers, Forbidden by policy.
func (u *Images) Reimage(ctx context.Context, id, imageID string, reserved bool) error {
	v, err := u.Volume(ctx, id, "volume:get")
	if err != nil {
		return err
	}
	i, err := service(u.Core).Image(ctx, imageID)
	if err != nil {
		return err
	}
	rule := "volume:reimage"
	if v.Status == block.VolumeReserved {
		rule = "volume:reimage_reserved"
	}
	if err := u.Policy.Check(ctx, rule, app.Target(v.ProjectID, v.UserID)); err != nil {
		return err
	}
	if len(v.Attachments) > 1 {
		return fault.New(fault.Conflict, "", "Cannot re-image a volume which is attached to more than one server.")
	}
	if _, ok := BootSnapshot(i); ok {
		return fault.New(fault.NotImplemented, "", "Image %s stands for a snapshot of a volume and has no bytes; a volume cannot be overwritten with it yet.", i.ID)
	}
	from, words := []block.VolumeStatus{block.VolumeAvailable, block.VolumeError}, "available or error"
	if reserved {
		from, words = append(from, block.VolumeReserved), words+" or reserved"
	}
	refused := func(now *block.Volume) error {
		return block.InvalidVolume("Volume %s status must be %s, but current status is %s.", id, words, now.Status)
	}
	if !slices.Contains(from, v.Status) || v.Host == "" { // one without a host has no storage
		return refused(v)
	}
	if err := Check(i, v.SizeGiB); err != nil {
		return err
	}
	if err := u.checkKeys(ctx, v, i); err != nil {
		return err
	}
	msg := &rpcapi.Reimage{FlowID: app.NewOperationID(), VolumeID: id, ImageID: i.ID, ImageFields: imageFields(i)}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowVolumeReimage, Owner: v.Queue().Backend(), ResourceType: "volume", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error {
		ok, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: from, Host: v.Host},
			store.VolumeSet{Status: new(block.VolumeDownloading), StatusToPrevious: true})
		if err != nil || ok {
			return err
		}
		now, err := tx.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		return refused(now)
	}, func(ctx context.Context) error {
		return u.VolumeService.Cast(ctx, v.Queue(), "3.18", rpcapi.MethodReimage, msg)
	})
}

// checkKeys refuses an image that, once in the volume, could not be read with the volume's key.
func (u *Images) checkKeys(ctx context.Context, v *block.Volume, i *glance.Image) error {
	switch key := i.EncryptionKeyID(); {
	case key != "" && key != v.EncryptionKeyID:
		return block.InvalidInput("Image %s is encrypted with a key that volume %s does not have. Make a new volume of it instead.", i.ID, v.ID)
	case key != "" || v.EncryptionKeyID == "":
		return nil
	}
	e, err := u.TypeEncryption(ctx, v.VolumeTypeID)
	if err != nil {
		return err
	}
	if e == nil {
		return block.InvalidVolume("Volume %s has a key, and its type does not say how it is encrypted.", v.ID)
	}
	return CheckEncryption(i, v.SizeGiB, e)
}
