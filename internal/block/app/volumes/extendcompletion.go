package volumes

import (
	"context"
	"encoding/json"
	"strconv"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Admin metadata in which upstream keeps what an extend is to come to while Nova works on it.
const (
	extendNewSize      = "extend_new_size"
	extendReservations = "extend_reservations"
)

// CompleteExtend ends an extend whose last part Nova has done (failed says that it could not). Only a Python volume service
// leaves one in that state, in the volume's admin metadata; our own extends never wait for anybody. Invalid when the volume
// is not being extended, or nobody waits.
func (u *Volumes) CompleteExtend(ctx context.Context, id string, failed bool) error {
	if _, err := u.Volume(ctx, id, "volume_extension:volume_admin_actions:extend_volume_completion"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		size, err := awaitedSize(v)
		if err != nil {
			return err
		}
		for _, key := range []string{extendNewSize, extendReservations} {
			if err := tx.DeleteVolumeAdminMetadata(ctx, id, key); err != nil {
				return err
			}
		}
		status, _ := block.DeriveStates(v.Attachments)
		set := store.VolumeSet{Status: &status, SizeGiB: &size}
		if failed {
			set = store.VolumeSet{Status: new(block.VolumeErrorExtending)}
		}
		if _, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeExtending}}, set); err != nil {
			return err
		}
		return u.Quota.Record(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName)
	})
}

// awaitedSize is the size that an extend of v waits to be confirmed.
func awaitedSize(v *block.Volume) (int64, error) {
	if v.Status != block.VolumeExtending {
		return 0, block.InvalidVolume("Volume is not being extended.")
	}
	size, err := strconv.ParseInt(v.AdminMetadata[extendNewSize], 10, 64)
	var reservations any
	if err != nil || json.Unmarshal([]byte(v.AdminMetadata[extendReservations]), &reservations) != nil {
		return 0, block.InvalidVolume("Required volume admin metadata is malformed or missing.")
	}
	if size <= v.SizeGiB || size > block.MaxSizeGiB {
		return 0, block.InvalidVolume("The target volume size provided in volume admin metadata %d is smaller or equal to the current volume size.", size)
	}
	if _, list := reservations.([]any); !list {
		return 0, block.InvalidVolume("The stored quota reservations for extending the volume must be in a list format.")
	}
	return size, nil
}
