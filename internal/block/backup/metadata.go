package backup

import (
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// volumeMeta is what a backup knows of its volume beside the bytes: upstream's metadata container
// (cinder/backup/driver.py, BackupMetadataAPI), version 2. Of the volume's own fields upstream saves all and restores name
// and description; so those that tell where it was from are enough.
type volumeMeta struct {
	Version       int               `json:"version"`
	Base          *baseMeta         `json:"volume-base-metadata,omitempty"`
	Metadata      map[string]string `json:"volume-metadata,omitempty"`
	ImageMetadata map[string]string `json:"volume-glance-metadata,omitempty"`
}

type baseMeta struct {
	ID               string  `json:"id"`
	ProjectID        string  `json:"project_id"`
	UserID           string  `json:"user_id"`
	Size             int64   `json:"size"`
	Name             *string `json:"display_name"`
	Description      *string `json:"display_description"`
	VolumeTypeID     *string `json:"volume_type_id"`
	AvailabilityZone *string `json:"availability_zone"`
	Bootable         bool    `json:"bootable"`
	EncryptionKeyID  *string `json:"encryption_key_id"`
}

// metaVersion is the newest version that is understood, and the one that is written (backup_metadata_version).
const metaVersion = 2

// describe writes what is to be known of a volume.
func describe(v *block.Volume) (string, error) {
	orNil := func(s string) *string {
		if s == "" {
			return nil
		}
		return &s
	}
	text, err := json.Marshal(volumeMeta{Version: metaVersion, Metadata: v.Metadata, ImageMetadata: v.ImageMetadata, Base: &baseMeta{
		ID: v.ID, ProjectID: v.ProjectID, UserID: v.UserID, Size: v.SizeGiB, Name: v.Name, Description: v.Description,
		VolumeTypeID: orNil(v.VolumeTypeID), AvailabilityZone: orNil(v.AvailabilityZone), Bootable: v.Bootable, EncryptionKeyID: orNil(v.EncryptionKeyID)}})
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "", "the metadata of volume %s cannot be written", v.ID)
	}
	return string(text), nil
}

// maxMetaEntries bounds what a backup may say of a volume; more is no metadata that a volume can have had.
const maxMetaEntries = 10_000

// readMeta reads what a backup says of its volume.
func readMeta(text string) (*volumeMeta, error) {
	var m volumeMeta
	if err := json.Unmarshal([]byte(text), &m); err != nil || len(m.Metadata) > maxMetaEntries || len(m.ImageMetadata) > maxMetaEntries {
		return nil, fault.Wrap(err, fault.Invalid, "InvalidBackup", "Invalid backup: what it says of its volume cannot be read.")
	}
	if m.Version < 1 || m.Version > metaVersion {
		return nil, fault.New(fault.Invalid, "BackupOperationError", "Metadata restore failed due to incompatible version.")
	}
	return &m, nil
}

// readable refuses a volume that holds the bytes of an encrypted one now and is of another type, as upstream: nobody would
// know how to decrypt them. What is refused too is a backup of an encrypted volume whose key is not known.
func (m *volumeMeta) readable(b *block.Backup, v *block.Volume) error {
	if m.Base == nil || m.Base.EncryptionKeyID == nil {
		return nil
	}
	if b.EncryptionKeyID == "" {
		return fault.New(fault.Invalid, encryptedFailed, "The key of the encrypted volume that backup %s is of is not known.", b.ID)
	}
	source := ""
	if m.Base.VolumeTypeID != nil {
		source = *m.Base.VolumeTypeID
	}
	if source != v.VolumeTypeID {
		return fault.New(fault.Invalid, encryptedFailed, "The source volume type '%s' is different than the destination volume type '%s'.", source, v.VolumeTypeID)
	}
	return nil
}

const encryptedFailed = "EncryptedBackupOperationFailed"

// apply writes into a volume that has been restored what the backup knows, as upstream does: its metadata and image
// metadata in the place of what was there, and name and description if the volume has no name of its own.
func (m *volumeMeta) apply(ctx context.Context, tx store.Tx, v *block.Volume, set *store.VolumeSet) error {
	if b := m.Base; b != nil && b.Name != nil && *b.Name != "" && nameless(v) {
		set.Name, set.Description = &b.Name, &b.Description
	}
	if m.Metadata != nil {
		if err := tx.PutVolumeMetadata(ctx, v.ID, maps.Clone(m.Metadata), true); err != nil {
			return err
		}
	}
	if len(m.ImageMetadata) == 0 {
		return nil
	}
	set.Bootable = new(true)
	return tx.PutVolumeImageMetadata(ctx, v.ID, maps.Clone(m.ImageMetadata), true)
}

// nameless says whether a volume has no name, or one that it got for being restored to.
func nameless(v *block.Volume) bool {
	return v.Name == nil || *v.Name == "" || strings.HasPrefix(*v.Name, block.RestoredVolumePrefix)
}
