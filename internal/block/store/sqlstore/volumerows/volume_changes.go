package volumerows

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// CreateVolume implements store.VolumeWriter.
func (w Writer) CreateVolume(ctx context.Context, v *block.Volume) error {
	if v.GroupID != "" {
		if err := w.conn.Pin(ctx, "\"groups\"", v.GroupID); err != nil {
			return err
		}
	}
	w.conn.Fill(&v.CreatedAt)
	if err := w.conn.Run(ctx, rows.InsertInto("volumes", volumeColumns), w.volumeValues(v)...); err != nil {
		return err
	}
	if err := volumeMetadata().Insert(ctx, w.conn, v.ID, v.Metadata, v.CreatedAt); err != nil {
		return err
	}
	if err := volumeAdminMetadata().Insert(ctx, w.conn, v.ID, v.AdminMetadata, v.CreatedAt); err != nil {
		return err
	}
	return volumeImageMetadata().Insert(ctx, w.conn, v.ID, v.ImageMetadata, v.CreatedAt)
}

func (w Writer) volumeValues(v *block.Volume) []any {
	null := sqlkit.NullIfEmpty[string]
	return []any{
		v.ID, null(v.NameID), w.conn.At(v.CreatedAt), w.conn.At(v.UpdatedAt), w.conn.At(v.DeletedAt), null(v.UserID), null(v.ProjectID), v.UseQuota,
		sqlkit.NullIfNil(v.Name), sqlkit.NullIfNil(v.Description), v.SizeGiB, null(v.AvailabilityZone), null(v.VolumeTypeID),
		sqlkit.NullIfEmpty(v.Status), sqlkit.NullIfEmpty(v.AttachStatus), null(v.MigrationStatus), sqlkit.NullIfEmpty(v.PreviousStatus),
		null(v.ReplicationStatus), null(v.ReplicationExtendedStatus), null(v.ReplicationDriverData),
		sqlkit.NullIfEmpty(v.Host), null(v.ClusterName), null(v.ServiceUUID), null(v.SnapshotID), null(v.SourceVolumeID),
		null(v.GroupID), null(v.ConsistencyGroupID), null(v.EncryptionKeyID),
		v.Bootable, v.Multiattach, sqlkit.NullIfNil(v.SharedTargets),
		null(v.ProviderID), null(v.ProviderLocation), null(v.ProviderAuth), null(v.ProviderGeometry),
		w.conn.At(v.ScheduledAt), w.conn.At(v.LaunchedAt), w.conn.At(v.TerminatedAt),
	}
}

// UpdateVolume implements store.VolumeWriter.
func (w Writer) UpdateVolume(ctx context.Context, id string, when store.VolumeWhen, set store.VolumeSet) (bool, error) {
	if when.NoSnapshots || when.NoAttachments {
		// A statement that waits for the row would not see what was added to other tables meanwhile.
		if err := w.conn.Lock(ctx, "volumes", id); err != nil {
			return false, err
		}
	}
	c := rows.NewChange(w.conn, "volumes", id, "updated_at")
	if set.StatusToPrevious {
		c.SetColumn("previous_status", "status")
	}
	rows.SetText(c, "previous_status", set.PreviousStatus)
	rows.SetText(c, "status", set.Status)
	rows.SetText(c, "_name_id", set.NameID)
	rows.SetText(c, "user_id", set.UserID)
	rows.SetText(c, "project_id", set.ProjectID)
	rows.SetText(c, "attach_status", set.AttachStatus)
	rows.SetText(c, "migration_status", set.MigrationStatus)
	rows.SetText(c, "replication_status", set.ReplicationStatus)
	rows.SetOptional(c, "display_name", set.Name)
	rows.SetOptional(c, "display_description", set.Description)
	rows.SetValue(c, "size", set.SizeGiB)
	rows.SetText(c, "host", set.Host)
	rows.SetText(c, "cluster_name", set.ClusterName)
	rows.SetText(c, "service_uuid", set.ServiceUUID)
	rows.SetText(c, "volume_type_id", set.VolumeTypeID)
	rows.SetText(c, "availability_zone", set.AvailabilityZone)
	rows.SetText(c, "group_id", set.GroupID)
	rows.SetText(c, "encryption_key_id", set.EncryptionKeyID)
	rows.SetValue(c, "bootable", set.Bootable)
	rows.SetValue(c, "multiattach", set.Multiattach)
	rows.SetOptional(c, "shared_targets", set.SharedTargets)
	rows.SetText(c, "provider_id", set.ProviderID)
	rows.SetText(c, "provider_location", set.ProviderLocation)
	rows.SetText(c, "provider_auth", set.ProviderAuth)
	rows.SetText(c, "provider_geometry", set.ProviderGeometry)
	c.SetTime("scheduled_at", set.ScheduledAt)
	c.SetTime("launched_at", set.LaunchedAt)
	c.SetTime("terminated_at", set.TerminatedAt)
	volumeConditions(c, w.conn.Dialect(), when)
	return c.Apply(ctx)
}

func volumeConditions(c *rows.Change, d sqlkit.Dialect, when store.VolumeWhen) {
	if len(when.Status) > 0 {
		c.Where(rows.Among(c, "status", when.Status))
	}
	if len(when.AttachStatus) > 0 {
		c.Where(rows.Among(c, "attach_status", when.AttachStatus))
	}
	if len(when.NotAttachStatus) > 0 {
		c.Where("(attach_status IS NULL OR NOT " + rows.Among(c, "attach_status", when.NotAttachStatus) + ")")
	}
	if when.NotMigrating {
		c.Where("(migration_status IS NULL OR migration_status IN ('none', 'deleting', 'error', 'success'))")
	}
	if len(when.MigrationStatus) > 0 {
		c.Where(rows.Among(c, "migration_status", when.MigrationStatus))
	}
	if when.NoGroup {
		c.Where("group_id IS NULL")
	}
	if when.NoSnapshots {
		c.Where("NOT EXISTS (SELECT 1 FROM snapshots s WHERE s.volume_id = volumes.id AND s.deleted = FALSE)")
	}
	if when.NoAttachments {
		c.Where("NOT EXISTS (SELECT 1 FROM volume_attachment a WHERE a.volume_id = volumes.id AND a.deleted = FALSE)")
	}
	if when.Unscheduled {
		c.Where("host IS NULL")
	}
	if when.Host != "" {
		c.Where(d.Exact("host") + " = " + c.Arg(string(when.Host)))
	}
	if when.Multiattach {
		c.Where("multiattach = TRUE")
	}
}

// PutVolumeMetadata implements store.VolumeWriter.
func (w Writer) PutVolumeMetadata(ctx context.Context, id string, md map[string]string, replace bool) error {
	return w.putVolumePairs(ctx, volumeMetadata(), id, md, replace)
}

// PutVolumeAdminMetadata implements store.VolumeWriter.
func (w Writer) PutVolumeAdminMetadata(ctx context.Context, id string, md map[string]string) error {
	return w.putVolumePairs(ctx, volumeAdminMetadata(), id, md, false)
}

// PutVolumeImageMetadata implements store.VolumeWriter.
func (w Writer) PutVolumeImageMetadata(ctx context.Context, id string, md map[string]string, replace bool) error {
	return w.putVolumePairs(ctx, volumeImageMetadata(), id, md, replace)
}

func (w Writer) putVolumePairs(ctx context.Context, p rows.Pairs, id string, md map[string]string, replace bool) error {
	if found, err := w.conn.Exists(ctx, "volumes", id); err != nil {
		return err
	} else if !found {
		return block.VolumeNotFound(id)
	}
	return p.Put(ctx, w.conn, id, md, replace)
}

// DeleteVolumeMetadata implements store.VolumeWriter.
func (w Writer) DeleteVolumeMetadata(ctx context.Context, id, key string) error {
	found, err := volumeMetadata().Remove(ctx, w.conn, id, key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "VolumeMetadataNotFound", "Volume %s has no metadata with key %s.", id, key)
	}
	return err
}

// DeleteVolumeAdminMetadata implements store.VolumeWriter.
func (w Writer) DeleteVolumeAdminMetadata(ctx context.Context, id, key string) error {
	_, err := volumeAdminMetadata().Remove(ctx, w.conn, id, key)
	return err
}

// DeleteVolumeImageMetadata implements store.VolumeWriter.
func (w Writer) DeleteVolumeImageMetadata(ctx context.Context, id, key string) error {
	found, err := volumeImageMetadata().Remove(ctx, w.conn, id, key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "GlanceMetadataNotFound", "Glance metadata for volume/snapshot %s cannot be found.", id)
	}
	return err
}

// DestroyVolume implements store.VolumeWriter. Like Cinder it leaves updated_at alone and takes along whatever hangs on
// the volume, snapshots and transfers too.
func (w Writer) DestroyVolume(ctx context.Context, id string) error {
	now := w.conn.At(w.conn.Now())
	n, err := w.conn.Exec(ctx, `UPDATE volumes SET status = 'deleted', deleted = TRUE, deleted_at = ?, migration_status = NULL
		WHERE id = ? AND deleted = FALSE`, now, id)
	if err != nil || n == 0 {
		return err
	}
	tables := []string{"volume_metadata", "volume_admin_metadata", "volume_glance_metadata", "volume_attachment", "snapshots", "transfers"}
	hangs := make([]sqlkit.Bool, len(tables))
	var probes []string
	var args, to []any
	for i, table := range tables {
		probes = append(probes, `EXISTS (SELECT 1 FROM `+table+` WHERE volume_id = ? AND deleted = FALSE)`)
		args, to = append(args, id), append(to, &hangs[i])
	}
	// Most volumes have little or nothing of it.
	if _, err := w.conn.Session.QueryRow(ctx, `SELECT `+strings.Join(probes, ", "), to, args...); err != nil {
		return err
	}
	for i, table := range tables {
		if !hangs[i] {
			continue
		}
		if err := w.conn.Run(ctx, `UPDATE `+table+` SET deleted = TRUE, deleted_at = ? WHERE volume_id = ? AND deleted = FALSE`, now, id); err != nil {
			return err
		}
	}
	return nil
}
