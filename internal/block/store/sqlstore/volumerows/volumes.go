package volumerows

import (
	"context"
	"database/sql"
	"fmt"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// volumeColumns are the columns of a volume, in the order of volumeFields and volumeValues.
const volumeColumns = "id, _name_id, created_at, updated_at, deleted_at, user_id, project_id, use_quota, " +
	"display_name, display_description, size, availability_zone, volume_type_id, " +
	"status, attach_status, migration_status, previous_status, replication_status, replication_extended_status, replication_driver_data, " +
	"host, cluster_name, service_uuid, snapshot_id, source_volid, group_id, consistencygroup_id, encryption_key_id, " +
	"bootable, multiattach, shared_targets, provider_id, provider_location, provider_auth, provider_geometry, " +
	"scheduled_at, launched_at, terminated_at"

// volumeFields are the destinations of volumeColumns, of the type's name, and of whether the group is a consistency group; dest is reused from row to row.
func volumeFields(v *block.Volume, dest []any) []any {
	return append(dest[:0],
		(*sqlkit.Text)(&v.ID), (*sqlkit.Text)(&v.NameID),
		(*sqlkit.Time)(&v.CreatedAt), (*sqlkit.Time)(&v.UpdatedAt), (*sqlkit.Time)(&v.DeletedAt),
		(*sqlkit.Text)(&v.UserID), (*sqlkit.Text)(&v.ProjectID), (*sqlkit.Bool)(&v.UseQuota),
		sqlkit.OptionalText{To: &v.Name}, sqlkit.OptionalText{To: &v.Description},
		(*sqlkit.Int)(&v.SizeGiB), (*sqlkit.Text)(&v.AvailabilityZone), (*sqlkit.Text)(&v.VolumeTypeID),
		(*sqlkit.Text)(&v.Status), (*sqlkit.Text)(&v.AttachStatus), (*sqlkit.Text)(&v.MigrationStatus), (*sqlkit.Text)(&v.PreviousStatus),
		(*sqlkit.Text)(&v.ReplicationStatus), (*sqlkit.Text)(&v.ReplicationExtendedStatus), (*sqlkit.Text)(&v.ReplicationDriverData),
		(*sqlkit.Text)(&v.Host), (*sqlkit.Text)(&v.ClusterName), (*sqlkit.Text)(&v.ServiceUUID),
		(*sqlkit.Text)(&v.SnapshotID), (*sqlkit.Text)(&v.SourceVolumeID), (*sqlkit.Text)(&v.GroupID),
		(*sqlkit.Text)(&v.ConsistencyGroupID), (*sqlkit.Text)(&v.EncryptionKeyID),
		(*sqlkit.Bool)(&v.Bootable), (*sqlkit.Bool)(&v.Multiattach), sqlkit.OptionalBool{To: &v.SharedTargets},
		(*sqlkit.Text)(&v.ProviderID), (*sqlkit.Text)(&v.ProviderLocation), (*sqlkit.Text)(&v.ProviderAuth), (*sqlkit.Text)(&v.ProviderGeometry),
		(*sqlkit.Time)(&v.ScheduledAt), (*sqlkit.Time)(&v.LaunchedAt), (*sqlkit.Time)(&v.TerminatedAt),
		(*sqlkit.Text)(&v.VolumeTypeName), (*sqlkit.Bool)(&v.InConsistencyGroup),
	)
}

// gatheredVolume is the columns of a volume in a list, with all that belongs to it where the dialect gathers, in the order of volumesInto. It asks
// no join, so that the planner sees one table to page through.
func gatheredVolume(d sqlkit.Dialect) string {
	return rows.Qualified("v", volumeColumns) + `, (SELECT t.name FROM volume_types t WHERE t.id = v.volume_type_id)` +
		`, CASE WHEN v.group_id IS NOT NULL THEN EXISTS (SELECT 1 FROM "groups" g JOIN group_types gt ON gt.id = g.group_type_id` +
		` WHERE g.id = v.group_id AND gt.name = '` + block.ConsistencyGroupTypeName + `') END, ` +
		volumeMetadata().Gather(d, "v.id") + `, ` + volumeAdminMetadata().Gather(d, "v.id") + `, ` + volumeImageMetadata().Gather(d, "v.id") +
		`, ` + rows.Gather(d, "volume_attachment", "volume_id", "v.id", attachmentColumns)
}

// gatheredVolumes reads rows of gatheredVolume. All are scanned into the same volume, of which copies are given away: what is
// as in the row before, such as the project, is then no new text.
type gatheredVolumes struct {
	volume      block.Volume
	pairs       [3]sql.RawBytes
	attachments sql.RawBytes
}

// volumesInto is the function for a query that hands its volumes to add.
func volumesInto(add func(*block.Volume)) func(*sql.Rows) error {
	var (
		g    gatheredVolumes
		none = map[string]string{} // what is read is read-only, so all who have nothing share it
		dest = append(volumeFields(&g.volume, make([]any, 0, 48)), &g.pairs[0], &g.pairs[1], &g.pairs[2], &g.attachments)
	)
	return func(row *sql.Rows) error {
		if err := row.Scan(dest...); err != nil {
			return err
		}
		v := new(g.volume)
		for i, to := range [...]*map[string]string{&v.Metadata, &v.AdminMetadata, &v.ImageMetadata} {
			var err error
			if *to, err = rows.ReadPairs(g.pairs[i], none); err != nil {
				return fmt.Errorf("metadata of volume %s: %w", v.ID, err)
			}
		}
		if err := readAttachments(v, g.attachments); err != nil {
			return fmt.Errorf("attachments of volume %s: %w", v.ID, err)
		}
		add(v)
		return nil
	}
}

func volumeListing() *rows.Listing {
	return &rows.Listing{
		From: "volumes v", ID: "v.id", Visible: "v.deleted = FALSE", Project: "v.project_id",
		Columns: rows.Merged(
			rows.SameName("v", rows.Textual, "status", "attach_status", "availability_zone", "migration_status", "previous_status",
				"replication_status", "group_id", "consistencygroup_id", "volume_type_id", "snapshot_id", "source_volid",
				"user_id", "project_id", "service_uuid", "encryption_key_id", "provider_id", "provider_location",
				"display_name", "display_description"),
			rows.SameName("v", rows.Integral, "size"),
			rows.SameName("v", rows.Boolean, "bootable", "multiattach", "use_quota", "shared_targets"),
			rows.SameName("v", rows.Temporal, "updated_at", "scheduled_at", "launched_at", "terminated_at"),
			rows.SameName("v", rows.Address, "host", "cluster_name"),
			map[string]rows.Column{
				"id":          {Name: "v.id", NotNull: true},
				"created_at":  {Name: "v.created_at", Kind: rows.Temporal, NotNull: true},
				"name":        {Name: "v.display_name"},
				"description": {Name: "v.display_description"},
			}),
		NotFound: func(id string) error { return block.VolumeNotFound(id) },
	}
}

// Volumes implements store.VolumeReader.
func (r Reader) Volumes(ctx context.Context, q store.VolumeQuery) (volumes []*block.Volume, err error) {
	err = r.conn.ReadPage(q.Page)(ctx, func(s *sqlkit.Session) error {
		volumes = nil
		sb := rows.NewSelect(r.conn.Dialect(), r.gatheredVolume, "volumes v")
		if possible, err := r.chooseVolumes(sb, q); err != nil || !possible {
			return err
		}
		if err := r.volumes.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		volumes, err = r.readVolumes(ctx, s, func(row func(*sql.Rows) error) error { return sb.Each(ctx, s, row) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return volumes, nil
}

// VolumeTotals implements store.VolumeReader.
func (r Reader) VolumeTotals(ctx context.Context, q store.VolumeQuery) (n, sizeGiB int64, err error) {
	sb := rows.NewSelect(r.conn.Dialect(), "COUNT(*), COALESCE(SUM(v.size), 0)", "volumes v")
	if possible, err := r.chooseVolumes(sb, q); err != nil || !possible {
		return 0, 0, err
	}
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		_, err := sb.Row(ctx, s, (*sqlkit.Int)(&n), (*sqlkit.Int)(&sizeGiB))
		return err
	})
	return n, sizeGiB, err
}

func (r Reader) chooseVolumes(sb *rows.Select, q store.VolumeQuery) (possible bool, err error) {
	if q.Backend != "" {
		sb.Where(sb.Within("v.host", q.Backend))
	}
	if q.NoMigrationTargets {
		sb.Where("(v.migration_status IS NULL OR v.migration_status NOT LIKE 'target:%')")
	}
	for _, key := range slices.Sorted(maps.Keys(q.Metadata)) {
		k, v := sb.Arg(key), sb.Arg(q.Metadata[key])
		// Cinder looks at the administrator's metadata too.
		sb.Where(rows.Either(volumeMetadata().Has("v.id", k, v), volumeAdminMetadata().Has("v.id", k, v)))
	}
	for _, key := range slices.Sorted(maps.Keys(q.ImageMetadata)) {
		sb.Where(volumeImageMetadata().Has("v.id", sb.Arg(key), sb.Arg(q.ImageMetadata[key])))
	}
	return r.volumes.Choose(sb, rows.Choice{ProjectID: q.ProjectID, IDs: q.IDs, Equal: q.Equal, Like: q.Like, Times: q.Times})
}
