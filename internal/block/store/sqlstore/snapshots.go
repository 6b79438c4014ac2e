package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/huandu/go-sqlbuilder"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// snapshotColumns are the columns of a snapshot, in the order of snapshotFields and snapshotValues.
const snapshotColumns = "id, volume_id, created_at, updated_at, deleted_at, user_id, project_id, use_quota, " +
	"display_name, display_description, volume_size, volume_type_id, status, progress, scheduled_at, " +
	"cgsnapshot_id, group_snapshot_id, encryption_key_id, provider_id, provider_location, provider_auth"

func snapshotFields(n *block.Snapshot, dest []any) []any {
	return append(dest[:0],
		(*sqlkit.Text)(&n.ID), (*sqlkit.Text)(&n.VolumeID),
		(*sqlkit.Time)(&n.CreatedAt), (*sqlkit.Time)(&n.UpdatedAt), (*sqlkit.Time)(&n.DeletedAt),
		(*sqlkit.Text)(&n.UserID), (*sqlkit.Text)(&n.ProjectID), (*sqlkit.Bool)(&n.UseQuota),
		sqlkit.OptionalText{To: &n.Name}, sqlkit.OptionalText{To: &n.Description},
		(*sqlkit.Int)(&n.VolumeSizeGiB), (*sqlkit.Text)(&n.VolumeTypeID), (*sqlkit.Text)(&n.Status), (*sqlkit.Text)(&n.Progress),
		(*sqlkit.Time)(&n.ScheduledAt), (*sqlkit.Text)(&n.CGSnapshotID), (*sqlkit.Text)(&n.GroupSnapshotID),
		(*sqlkit.Text)(&n.EncryptionKeyID), (*sqlkit.Text)(&n.ProviderID), (*sqlkit.Text)(&n.ProviderLocation), (*sqlkit.Text)(&n.ProviderAuth),
	)
}

func (t *tx) snapshotValues(n *block.Snapshot) []any {
	null := sqlkit.NullIfEmpty[string]
	return []any{
		n.ID, n.VolumeID, t.at(n.CreatedAt), t.at(n.UpdatedAt), t.at(n.DeletedAt), null(n.UserID), null(n.ProjectID), n.UseQuota,
		sqlkit.NullIfNil(n.Name), sqlkit.NullIfNil(n.Description), n.VolumeSizeGiB, null(n.VolumeTypeID),
		sqlkit.NullIfEmpty(n.Status), null(n.Progress), t.at(n.ScheduledAt),
		null(n.CGSnapshotID), null(n.GroupSnapshotID), null(n.EncryptionKeyID),
		null(n.ProviderID), null(n.ProviderLocation), null(n.ProviderAuth),
	}
}

func snapshotListing() *listing {
	const ofVolume = "EXISTS (SELECT 1 FROM volumes v WHERE v.id = s.volume_id AND %s)"
	return &listing{
		from: "snapshots s", id: "s.id", visible: "s.deleted = FALSE", project: "s.project_id",
		columns: merged(
			sameName("s", textual, "volume_id", "status", "progress", "user_id", "project_id", "volume_type_id",
				"cgsnapshot_id", "group_snapshot_id", "encryption_key_id", "provider_id", "display_name", "display_description"),
			sameName("s", integral, "volume_size"),
			sameName("s", boolean, "use_quota"),
			sameName("s", temporal, "updated_at", "scheduled_at"),
			map[string]column{
				"id":                {name: "s.id", notNull: true},
				"created_at":        {name: "s.created_at", kind: temporal, notNull: true},
				"name":              {name: "s.display_name"},
				"description":       {name: "s.display_description"},
				"size":              {name: "s.volume_size", kind: integral},
				"consumes_quota":    {name: "s.use_quota", kind: boolean},
				"host":              {name: "v.host", kind: address, via: ofVolume},
				"cluster_name":      {name: "v.cluster_name", kind: address, via: ofVolume},
				"availability_zone": {name: "v.availability_zone", via: ofVolume},
			}),
		notFound: func(id string) error { return block.SnapshotNotFound(id) },
	}
}

// Snapshot implements store.SnapshotReader.
func (r *reader) Snapshot(ctx context.Context, id, projectID string) (n *block.Snapshot, err error) {
	err = r.read(ctx, func(s *sqlkit.Session) error {
		n = new(block.Snapshot)
		text, args := `SELECT `+snapshotColumns+` FROM snapshots WHERE id = ? AND deleted = FALSE`, []any{id}
		if projectID != "" {
			text, args = text+` AND project_id = ?`, append(args, projectID)
		}
		found, err := s.QueryRow(ctx, text, snapshotFields(n, nil), args...)
		if err != nil {
			return err
		}
		if !found {
			return block.SnapshotNotFound(id)
		}
		return loadSnapshotMetadata(ctx, s, []*block.Snapshot{n})
	})
	if err != nil {
		return nil, err
	}
	return n, nil
}

// Snapshots implements store.SnapshotReader.
func (r *reader) Snapshots(ctx context.Context, q store.SnapshotQuery) (snapshots []*block.Snapshot, err error) {
	err = r.read(ctx, func(s *sqlkit.Session) error {
		sb := newSelect()
		sb.Select(qualified("s", snapshotColumns)).From("snapshots s")
		if possible, err := r.chooseSnapshots(sb, q); err != nil || !possible {
			return err
		}
		if err := r.lists.snapshots.page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		var dest []any
		err := each(ctx, s, sb, func(rows *sql.Rows) error {
			n := new(block.Snapshot)
			dest = snapshotFields(n, dest)
			snapshots = append(snapshots, n)
			return rows.Scan(dest...)
		})
		if err != nil || len(snapshots) == 0 {
			return err
		}
		return loadSnapshotMetadata(ctx, s, snapshots)
	})
	if err != nil {
		return nil, err
	}
	return snapshots, nil
}

// SnapshotCount implements store.SnapshotReader.
func (r *reader) SnapshotCount(ctx context.Context, q store.SnapshotQuery) (n int64, err error) {
	sb := newSelect()
	sb.Select("COUNT(*)").From("snapshots s")
	if possible, err := r.chooseSnapshots(sb, q); err != nil || !possible {
		return 0, err
	}
	err = r.read(ctx, func(s *sqlkit.Session) error { return count(ctx, s, sb, (*sqlkit.Int)(&n)) })
	return n, err
}

func (r *reader) chooseSnapshots(sb *sqlbuilder.SelectBuilder, q store.SnapshotQuery) (possible bool, err error) {
	if q.VolumeID != "" {
		sb.Where(sb.Equal("s.volume_id", q.VolumeID))
	}
	if q.Backend != "" {
		sb.Where(r.lists.snapshots.columns["host"].where(within(r.dialect, sb, "v.host", q.Backend)))
	}
	for _, key := range slices.Sorted(maps.Keys(q.Metadata)) {
		sb.Where(hasPair("snapshot_metadata", "snapshot_id", "s.id", sb.Var(key), sb.Var(q.Metadata[key])))
	}
	return r.lists.snapshots.choose(r.dialect, sb, choice{q.ProjectID, q.IDs, q.Equal, q.Like, q.Times})
}

func loadSnapshotMetadata(ctx context.Context, s *sqlkit.Session, snapshots []*block.Snapshot) error {
	none := map[string]string{} // what is read is read-only, so all who have nothing share it
	byID := make(map[string]*block.Snapshot, len(snapshots))
	ids := make([]string, len(snapshots))
	for i, n := range snapshots {
		n.Metadata, byID[n.ID], ids[i] = none, n, n.ID
	}
	return inChunks(ids, func(list string, args []any) error {
		text := `SELECT snapshot_id, "key", value FROM snapshot_metadata WHERE snapshot_id IN ` + list + ` AND deleted = FALSE`
		return s.Query(ctx, text, func(rows *sql.Rows) error {
			var id, key, value string
			if err := rows.Scan((*sqlkit.Text)(&id), (*sqlkit.Text)(&key), (*sqlkit.Text)(&value)); err != nil {
				return err
			}
			n := byID[id]
			if len(n.Metadata) == 0 {
				n.Metadata = make(map[string]string)
			}
			n.Metadata[key] = value
			return nil
		}, args...)
	})
}

// CreateSnapshot implements store.SnapshotWriter.
func (t *tx) CreateSnapshot(ctx context.Context, n *block.Snapshot) error {
	t.created(&n.CreatedAt)
	if err := t.exec(ctx, insertInto("snapshots", snapshotColumns), t.snapshotValues(n)...); err != nil {
		return err
	}
	return t.insertPairs(ctx, snapshotMetadata(), n.ID, n.Metadata, n.CreatedAt)
}

// UpdateSnapshot implements store.SnapshotWriter.
func (t *tx) UpdateSnapshot(ctx context.Context, id string, when store.SnapshotWhen, set store.SnapshotSet) (bool, error) {
	c := t.change("snapshots", id)
	setText(c, "status", set.Status)
	setText(c, "progress", set.Progress)
	setOptional(c, "display_name", set.Name)
	setOptional(c, "display_description", set.Description)
	setText(c, "provider_id", set.ProviderID)
	setText(c, "provider_location", set.ProviderLocation)
	setText(c, "provider_auth", set.ProviderAuth)
	among(c, "status", when.Status)
	if when.NoGroupSnapshot {
		c.Where("group_snapshot_id IS NULL", "cgsnapshot_id IS NULL")
	}
	return t.apply(ctx, c)
}

// PutSnapshotMetadata implements store.SnapshotWriter.
func (t *tx) PutSnapshotMetadata(ctx context.Context, id string, md map[string]string, replace bool) error {
	if found, err := t.exists(ctx, "snapshots", id); err != nil {
		return err
	} else if !found {
		return block.SnapshotNotFound(id)
	}
	return t.putPairs(ctx, snapshotMetadata(), id, md, replace)
}

// DeleteSnapshotMetadata implements store.SnapshotWriter.
func (t *tx) DeleteSnapshotMetadata(ctx context.Context, id, key string) error {
	found, err := t.removePair(ctx, snapshotMetadata(), id, key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "SnapshotMetadataNotFound", "Snapshot %s has no metadata with key %s.", id, key)
	}
	return err
}

// DestroySnapshot implements store.SnapshotWriter.
func (t *tx) DestroySnapshot(ctx context.Context, id string) error {
	now := t.at(t.now())
	n, err := t.session.Exec(ctx, `UPDATE snapshots SET status = 'deleted', deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, now, id)
	if err != nil || n == 0 {
		return err
	}
	return t.exec(ctx, snapshotMetadata().removeAll, now, id)
}
