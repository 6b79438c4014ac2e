package volumes

import (
	"context"
	"maps"
	"strconv"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Change is what a caller wants changed of a volume; nil fields stay. A pointer to a nil name writes NULL.
type Change struct {
	Name, Description **string
	Metadata          map[string]string // replaces the whole when not nil
}

// Update changes name, description and metadata and returns the volume as it stands then. Invalid while the volume is in
// maintenance.
func (u *Volumes) Update(ctx context.Context, id string, c Change) (*block.Volume, error) {
	v, err := u.Volume(ctx, id, "volume:update")
	if err != nil {
		return nil, err
	}
	if v.Status == block.VolumeMaintenance {
		return nil, block.InvalidVolume("The volume cannot be updated during maintenance.")
	}
	if err := app.CheckMetadata(c.Metadata); err != nil {
		return nil, err
	}
	u.Events.Volume(ctx, "update.start", v)
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if c.Metadata != nil {
			if err := tx.PutVolumeMetadata(ctx, id, c.Metadata, true); err != nil {
				return err
			}
		}
		ok, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{}, store.VolumeSet{Name: c.Name, Description: c.Description})
		if err == nil && !ok {
			err = block.VolumeNotFound(id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if v, err = u.Store.Volume(ctx, id, ""); err == nil {
		u.Events.Volume(ctx, "update.end", v)
	}
	return v, err
}

// Metadata reads a volume's metadata.
func (u *Volumes) Metadata(ctx context.Context, id string) (map[string]string, error) {
	v, err := u.Volume(ctx, id, "volume:get_volume_metadata")
	if err != nil {
		return nil, err
	}
	return v.Metadata, nil
}

// PutMetadata merges pairs into a volume's metadata, or with replace makes them the whole, and returns the whole. rule is
// the policy of the operation. check, if not nil, sees the metadata as it stands in the same transaction and may refuse
// (If-Match). Invalid while the volume is in maintenance or uploading.
func (u *Volumes) PutMetadata(ctx context.Context, id string, md map[string]string, replace bool, rule string,
	check func(map[string]string) error) (map[string]string, error) {
	if _, err := u.Volume(ctx, id, rule); err != nil {
		return nil, err
	}
	if err := app.CheckMetadata(md); err != nil {
		return nil, err
	}
	var whole map[string]string
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		if v.Status == block.VolumeMaintenance || v.Status == block.VolumeUploading {
			return block.InvalidVolume("Updating volume metadata is not allowed for volumes in %s status.", v.Status)
		}
		if check != nil {
			if err := check(v.Metadata); err != nil {
				return err
			}
		}
		whole = maps.Clone(md)
		if !replace {
			whole = maps.Clone(v.Metadata)
			maps.Copy(whole, md)
		}
		return tx.PutVolumeMetadata(ctx, id, md, replace)
	})
	return whole, err
}

// DeleteMetadata removes one pair. NotFound VolumeMetadataNotFound if there is none with this key; Invalid while the volume
// is in maintenance or uploading.
func (u *Volumes) DeleteMetadata(ctx context.Context, id, key string) error {
	if _, err := u.Volume(ctx, id, "volume:delete_volume_metadata"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		if _, there := v.Metadata[key]; !there {
			return MetadataNotFound(id, key)
		}
		if v.Status == block.VolumeMaintenance || v.Status == block.VolumeUploading {
			return block.InvalidVolume("Deleting volume metadata is not allowed for volumes in %s status.", v.Status)
		}
		return tx.DeleteVolumeMetadata(ctx, id, key)
	})
}

// MetadataNotFound says that a volume has no metadata under this key.
func MetadataNotFound(id, key string) error {
	return fault.New(fault.NotFound, "VolumeMetadataNotFound", "Volume %s has no metadata with key %s.", id, key)
}

// SetBootable sets the bootable flag. Invalid while the volume is in maintenance.
func (u *Volumes) SetBootable(ctx context.Context, id string, bootable bool) error {
	v, err := u.Volume(ctx, id, "volume:update")
	if err != nil {
		return err
	}
	if v.Status == block.VolumeMaintenance {
		return block.InvalidVolume("The volume cannot be updated during maintenance.")
	}
	_, err = u.transition(ctx, id, store.VolumeWhen{}, store.VolumeSet{Bootable: &bootable})
	return err
}

// SetReadOnly says whether attachments made from now on are read-only. Invalid unless the volume is available.
func (u *Volumes) SetReadOnly(ctx context.Context, id string, readOnly bool) error {
	if _, err := u.Volume(ctx, id, "volume:update_readonly_flag"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		if v.Status != block.VolumeAvailable {
			return block.InvalidVolume("Volume %s status must be available to update readonly flag, but current status is: %s.", id, v.Status)
		}
		return tx.PutVolumeAdminMetadata(ctx, id, map[string]string{"readonly": pythonBool(readOnly)})
	})
}

// pythonBool writes a bool as upstream keeps it in metadata columns.
func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// CheckProvisionedSize refuses a size outside what a type's extra specs provisioning:min_vol_size and
// provisioning:max_vol_size (GiB) allow.
func CheckProvisionedSize(t *block.VolumeType, sizeGiB int64) error {
	if least, err := strconv.ParseInt(t.ExtraSpecs["provisioning:min_vol_size"], 10, 64); err == nil && sizeGiB < least {
		return block.InvalidInput("Specified volume size of '%d' is less than the minimum required size of '%d' for volume type '%s'.",
			sizeGiB, least, t.Name)
	}
	if most, err := strconv.ParseInt(t.ExtraSpecs["provisioning:max_vol_size"], 10, 64); err == nil && sizeGiB > most {
		return block.InvalidInput("Specified volume size of '%d' is greater than the maximum allowable size of '%d' for volume type '%s'.",
			sizeGiB, most, t.Name)
	}
	return nil
}
