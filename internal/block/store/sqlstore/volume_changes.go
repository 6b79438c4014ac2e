package sqlstore

import (
	"context"
	"strings"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// insertInto is an INSERT of all columns of a list and of deleted, which starts FALSE.
func insertInto(table, columns string) string {
	return `INSERT INTO ` + table + ` (` + columns + `, deleted) VALUES (?` + strings.Repeat(", ?", strings.Count(columns, ",")) + `, FALSE)`
}

// CreateVolume implements store.VolumeWriter.
func (t *tx) CreateVolume(ctx context.Context, v *block.Volume) error {
	t.created(&v.CreatedAt)
	if err := t.exec(ctx, insertInto("volumes", volumeColumns), t.volumeValues(v)...); err != nil {
		return err
	}
	if err := t.insertPairs(ctx, volumeMetadata(), v.ID, v.Metadata, v.CreatedAt); err != nil {
		return err
	}
	if err := t.insertPairs(ctx, volumeAdminMetadata(), v.ID, v.AdminMetadata, v.CreatedAt); err != nil {
		return err
	}
	return t.insertPairs(ctx, volumeImageMetadata(), v.ID, v.ImageMetadata, v.CreatedAt)
}

func (t *tx) volumeValues(v *block.Volume) []any {
	null := sqlkit.NullIfEmpty[string]
	return []any{
		v.ID, null(v.NameID), t.at(v.CreatedAt), t.at(v.UpdatedAt), t.at(v.DeletedAt), null(v.UserID), null(v.ProjectID), v.UseQuota,
		sqlkit.NullIfNil(v.Name), sqlkit.NullIfNil(v.Description), v.SizeGiB, null(v.AvailabilityZone), null(v.VolumeTypeID),
		sqlkit.NullIfEmpty(v.Status), sqlkit.NullIfEmpty(v.AttachStatus), null(v.MigrationStatus), sqlkit.NullIfEmpty(v.PreviousStatus),
		null(v.ReplicationStatus), null(v.ReplicationExtendedStatus), null(v.ReplicationDriverData),
		sqlkit.NullIfEmpty(v.Host), null(v.ClusterName), null(v.ServiceUUID), null(v.SnapshotID), null(v.SourceVolumeID),
		null(v.GroupID), null(v.ConsistencyGroupID), null(v.EncryptionKeyID),
		v.Bootable, v.Multiattach, sqlkit.NullIfNil(v.SharedTargets),
		null(v.ProviderID), null(v.ProviderLocation), null(v.ProviderAuth), null(v.ProviderGeometry),
		t.at(v.ScheduledAt), t.at(v.LaunchedAt), t.at(v.TerminatedAt),
	}
}

// change is an UPDATE under construction.
type change struct {
	*sqlbuilder.UpdateBuilder
	reader *reader
}

// change starts an UPDATE of one row that is not deleted; updated_at is always written.
func (t *tx) change(table, id string) change {
	c := change{sqlbuilder.SQLite.NewUpdateBuilder(), &t.reader}
	c.Update(table).Where(c.Equal("id", id), "deleted = FALSE")
	c.SetMore(c.Assign("updated_at", t.at(t.now())))
	return c
}

// apply runs the UPDATE and says whether the row was there and met the conditions. Which columns and conditions it has
// is up to our own code, so the texts are few and stay prepared.
func (t *tx) apply(ctx context.Context, c change) (bool, error) {
	text, args := c.Build()
	n, err := t.session.Exec(ctx, text, args...)
	return n > 0, err
}

// setText assigns a text if there is one to assign; the empty text is NULL.
func setText[S ~string](c change, column string, p *S) {
	if p != nil {
		c.SetMore(c.Assign(column, sqlkit.NullIfEmpty(*p)))
	}
}

// setValue assigns a value if there is one to assign.
func setValue[V any](c change, column string, p *V) {
	if p != nil {
		c.SetMore(c.Assign(column, *p))
	}
}

// setOptional assigns what *p points to, NULL if that is nil.
func setOptional[V any](c change, column string, p **V) {
	if p != nil {
		c.SetMore(c.Assign(column, sqlkit.NullIfNil(*p)))
	}
}

// among restricts a column to some values if there are any.
func among[S ~string](c change, column string, values []S) {
	if len(values) > 0 {
		c.Where(c.In(column, sqlbuilder.Flatten(values)...))
	}
}

// UpdateVolume implements store.VolumeWriter.
func (t *tx) UpdateVolume(ctx context.Context, id string, when store.VolumeWhen, set store.VolumeSet) (bool, error) {
	c := t.change("volumes", id)
	if set.StatusToPrevious {
		// Before status: MySQL assigns from left to right and would copy the new value.
		c.SetMore("previous_status = status")
	}
	setText(c, "previous_status", set.PreviousStatus)
	setText(c, "status", set.Status)
	setText(c, "attach_status", set.AttachStatus)
	setText(c, "migration_status", set.MigrationStatus)
	setText(c, "replication_status", set.ReplicationStatus)
	setOptional(c, "display_name", set.Name)
	setOptional(c, "display_description", set.Description)
	setValue(c, "size", set.SizeGiB)
	setText(c, "host", set.Host)
	setText(c, "cluster_name", set.ClusterName)
	setText(c, "service_uuid", set.ServiceUUID)
	setText(c, "volume_type_id", set.VolumeTypeID)
	setText(c, "availability_zone", set.AvailabilityZone)
	setText(c, "group_id", set.GroupID)
	setValue(c, "bootable", set.Bootable)
	setValue(c, "multiattach", set.Multiattach)
	setOptional(c, "shared_targets", set.SharedTargets)
	setText(c, "provider_id", set.ProviderID)
	setText(c, "provider_location", set.ProviderLocation)
	setText(c, "provider_auth", set.ProviderAuth)
	c.setTime("scheduled_at", set.ScheduledAt)
	c.setTime("launched_at", set.LaunchedAt)
	c.setTime("terminated_at", set.TerminatedAt)
	volumeConditions(c, when)
	return t.apply(ctx, c)
}

func volumeConditions(c change, when store.VolumeWhen) {
	among(c, "status", when.Status)
	among(c, "attach_status", when.AttachStatus)
	if len(when.NotAttachStatus) > 0 {
		c.Where(c.Or("attach_status IS NULL", c.NotIn("attach_status", sqlbuilder.Flatten(when.NotAttachStatus)...)))
	}
	if when.NotMigrating {
		c.Where("(migration_status IS NULL OR migration_status IN ('none', 'deleting', 'error', 'success'))")
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
		c.Where(c.Equal(c.reader.dialect.Exact("host"), string(when.Host)))
	}
	if when.Multiattach {
		c.Where("multiattach = TRUE")
	}
}

// PutVolumeMetadata implements store.VolumeWriter.
func (t *tx) PutVolumeMetadata(ctx context.Context, id string, md map[string]string, replace bool) error {
	return t.putVolumePairs(ctx, volumeMetadata(), id, md, replace)
}

// PutVolumeAdminMetadata implements store.VolumeWriter.
func (t *tx) PutVolumeAdminMetadata(ctx context.Context, id string, md map[string]string) error {
	return t.putVolumePairs(ctx, volumeAdminMetadata(), id, md, false)
}

// PutVolumeImageMetadata implements store.VolumeWriter.
func (t *tx) PutVolumeImageMetadata(ctx context.Context, id string, md map[string]string) error {
	return t.putVolumePairs(ctx, volumeImageMetadata(), id, md, false)
}

func (t *tx) putVolumePairs(ctx context.Context, p pairTable, id string, md map[string]string, replace bool) error {
	if found, err := t.exists(ctx, "volumes", id); err != nil {
		return err
	} else if !found {
		return block.VolumeNotFound(id)
	}
	return t.putPairs(ctx, p, id, md, replace)
}

// DeleteVolumeMetadata implements store.VolumeWriter.
func (t *tx) DeleteVolumeMetadata(ctx context.Context, id, key string) error {
	found, err := t.removePair(ctx, volumeMetadata(), id, key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "VolumeMetadataNotFound", "Volume %s has no metadata with key %s.", id, key)
	}
	return err
}

// DeleteVolumeAdminMetadata implements store.VolumeWriter.
func (t *tx) DeleteVolumeAdminMetadata(ctx context.Context, id, key string) error {
	_, err := t.removePair(ctx, volumeAdminMetadata(), id, key)
	return err
}

// DestroyVolume implements store.VolumeWriter. Like Cinder it leaves updated_at alone and takes along whatever hangs on
// the volume, snapshots and transfers too.
func (t *tx) DestroyVolume(ctx context.Context, id string) error {
	now := t.at(t.now())
	n, err := t.session.Exec(ctx, `UPDATE volumes SET status = 'deleted', deleted = TRUE, deleted_at = ?, migration_status = NULL
		WHERE id = ? AND deleted = FALSE`, now, id)
	if err != nil || n == 0 {
		return err
	}
	for _, table := range []string{"volume_metadata", "volume_admin_metadata", "volume_glance_metadata", "volume_attachment", "snapshots", "transfers"} {
		if err := t.exec(ctx, `UPDATE `+table+` SET deleted = TRUE, deleted_at = ? WHERE volume_id = ? AND deleted = FALSE`, now, id); err != nil {
			return err
		}
	}
	return nil
}

// setTime assigns a time if there is one to assign; the zero time is NULL.
func (c change) setTime(column string, at *time.Time) {
	if at != nil {
		c.SetMore(c.Assign(column, c.reader.at(*at)))
	}
}
