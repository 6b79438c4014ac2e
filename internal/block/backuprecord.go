package block

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// recordTime is how a record writes a time (oslo.versionedobjects' DateTimeField).
const recordTime = "2006-01-02T15:04:05Z"

// EncodeRecord writes all there is to know of a backup as one text, upstream's backup_url: the fields of its Backup object
// (version 1.7) and what the repository adds, as JSON in base 64. A deployment that reaches the same repository can take
// the backup up by it.
func (b *Backup) EncodeRecord(driverInfo map[string]any) (string, error) {
	record := map[string]any{}
	if driverInfo == nil {
		driverInfo = map[string]any{}
	}
	record["driver_info"] = driverInfo
	maps.Copy(record, map[string]any{
		"id": b.ID, "user_id": b.UserID, "project_id": b.ProjectID, "volume_id": b.VolumeID, "host": orNull(b.Host),
		"availability_zone": orNull(b.AvailabilityZone), "container": b.Container, "parent_id": orNull(b.ParentID), "status": b.Status,
		"fail_reason": orNull(b.FailReason), "size": b.SizeGiB, "display_name": b.Name, "display_description": b.Description,
		"service_metadata": orNull(b.ServiceMetadata), "service": orNull(b.Service), "object_count": b.ObjectCount,
		"temp_volume_id": orNull(b.TempVolumeID), "temp_snapshot_id": orNull(b.TempSnapshotID), "num_dependent_backups": b.Dependents,
		"snapshot_id": orNull(b.SnapshotID), "data_timestamp": timeOrNull(b.DataTimestamp), "restore_volume_id": orNull(b.RestoreVolume),
		"metadata": b.Metadata, "encryption_key_id": orNull(b.EncryptionKeyID), "created_at": timeOrNull(b.CreatedAt),
		"updated_at": timeOrNull(b.UpdatedAt), "deleted_at": nil, "deleted": false,
	})
	text, err := json.Marshal(record)
	if err != nil {
		return "", fault.Wrap(err, fault.Internal, "", "the record of backup %s cannot be written", b.ID)
	}
	return base64.StdEncoding.EncodeToString(text), nil
}

func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(recordTime)
}

// BackupRecord is a record that was read. Nothing in it is to be believed but by an administrator's word.
type BackupRecord struct {
	Backup     Backup // without project, user, status and times but DataTimestamp: those are the importer's
	DriverInfo map[string]any
	// Missing are the fields that a record must have and this one has not, in upstream's order of none.
	Missing []string
}

// recordFields is a record as JSON. Pointers tell what is missing, or null, from what is empty.
type recordFields struct {
	ID               *string         `json:"id"`
	VolumeID         string          `json:"volume_id"`
	Container        *string         `json:"container"`
	ParentID         string          `json:"parent_id"`
	Size             *int64          `json:"size"`
	Name             *string         `json:"display_name"`
	Description      *string         `json:"display_description"`
	ServiceMetadata  string          `json:"service_metadata"`
	ObjectCount      int64           `json:"object_count"`
	Dependents       int64           `json:"num_dependent_backups"`
	SnapshotID       string          `json:"snapshot_id"`
	DataTimestamp    string          `json:"data_timestamp"`
	Metadata         json.RawMessage `json:"metadata"`
	EncryptionKeyID  string          `json:"encryption_key_id"`
	AvailabilityZone string          `json:"availability_zone"`
	DriverInfo       map[string]any  `json:"driver_info"`
}

// DecodeBackupRecord reads what EncodeRecord, or upstream, wrote. Invalid: InvalidInput, with upstream's texts, for what is
// no record, has no id, or has no size.
func DecodeBackupRecord(record string) (*BackupRecord, error) {
	text, err := base64.StdEncoding.DecodeString(record)
	if err != nil {
		return nil, InvalidInput("Can't decode backup record.")
	}
	var present map[string]json.RawMessage
	var f recordFields
	if err := errors.Join(json.Unmarshal(text, &present), json.Unmarshal(text, &f)); err != nil || present == nil {
		return nil, InvalidInput("Can't parse backup record.")
	}
	switch {
	case f.ID == nil:
		return nil, InvalidInput("Provided backup record is missing an id")
	case f.Size == nil:
		return nil, InvalidInput("Provided backup record is missing size attribute")
	case *f.Size < 0 || *f.Size > MaxSizeGiB:
		return nil, InvalidInput("Provided backup record has a size of %d GiB; it must be from 0 to %d.", *f.Size, MaxSizeGiB)
	}
	r := &BackupRecord{DriverInfo: f.DriverInfo, Backup: Backup{ID: *f.ID, VolumeID: f.VolumeID, Container: f.Container, ParentID: f.ParentID,
		SizeGiB: *f.Size, Name: f.Name, Description: f.Description, ServiceMetadata: f.ServiceMetadata, ObjectCount: f.ObjectCount,
		Dependents: f.Dependents, SnapshotID: f.SnapshotID, EncryptionKeyID: f.EncryptionKeyID, AvailabilityZone: f.AvailabilityZone}}
	for _, name := range []string{"container", "display_description", "display_name", "object_count", "service_metadata"} {
		if _, there := present[name]; !there {
			r.Missing = append(r.Missing, name)
		}
	}
	if f.DataTimestamp != "" {
		if r.Backup.DataTimestamp, err = time.Parse(time.RFC3339, f.DataTimestamp); err != nil {
			return nil, InvalidInput("Can't parse backup record.")
		}
	}
	if r.Backup.Metadata, err = recordMetadata(f.Metadata); err != nil {
		return nil, InvalidInput("Can't parse backup record.")
	}
	return r, nil
}

// recordMetadata reads metadata: an object of texts, or nothing.
func recordMetadata(text json.RawMessage) (map[string]string, error) {
	md := map[string]string{}
	if len(text) == 0 || string(text) == "null" {
		return md, nil
	}
	if err := json.Unmarshal(text, &md); err != nil {
		return nil, fmt.Errorf("metadata: %w", err)
	}
	return md, nil
}
