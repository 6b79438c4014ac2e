package volumes

import (
	"context"
	"maps"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// ImageMetadata reads the properties of the image a volume was made from, as they stand with the volume. NotFound
// GlanceMetadataNotFound if it has none.
func (u *Volumes) ImageMetadata(ctx context.Context, id string) (map[string]string, error) {
	v, err := u.Volume(ctx, id, "volume:get_volume_metadata")
	if err != nil {
		return nil, err
	}
	if len(v.ImageMetadata) == 0 {
		return nil, imageMetadataNotFound(id)
	}
	return v.ImageMetadata, nil
}

func imageMetadataNotFound(id string) error {
	return fault.New(fault.NotFound, "GlanceMetadataNotFound", "Glance metadata for volume/snapshot %s cannot be found.", id)
}

// PutImageMetadata merges pairs into a volume's image metadata and returns the whole. Invalid while the volume is in
// maintenance or uploading. Upstream asks for two permissions, and so it is here.
func (u *Volumes) PutImageMetadata(ctx context.Context, id string, md map[string]string) (map[string]string, error) {
	if _, err := u.VolumeUnread(ctx, id, "volume_extension:volume_image_metadata:set"); err != nil {
		return nil, err
	}
	if _, err := u.Volume(ctx, id, "volume:update_volume_metadata"); err != nil {
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
		whole = maps.Clone(v.ImageMetadata)
		maps.Copy(whole, md)
		return tx.PutVolumeImageMetadata(ctx, id, md, false)
	})
	return whole, err
}

// DeleteImageMetadata removes one pair. NotFound GlanceMetadataNotFound if there is none with this key; Invalid as for
// PutImageMetadata.
func (u *Volumes) DeleteImageMetadata(ctx context.Context, id, key string) error {
	if _, err := u.VolumeUnread(ctx, id, "volume_extension:volume_image_metadata:remove"); err != nil {
		return err
	}
	if _, err := u.ImageMetadata(ctx, id); err != nil {
		return err
	}
	if _, err := u.Volume(ctx, id, "volume:delete_volume_metadata"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		v, err := tx.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		if _, there := v.ImageMetadata[key]; !there {
			return imageMetadataNotFound(id)
		}
		if v.Status == block.VolumeMaintenance || v.Status == block.VolumeUploading {
			return block.InvalidVolume("Deleting volume metadata is not allowed for volumes in %s status.", v.Status)
		}
		return tx.DeleteVolumeImageMetadata(ctx, id, key)
	})
}
