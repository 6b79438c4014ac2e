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

func (w Writer) snapshotValues(n *block.Snapshot) []any {
	null := sqlkit.NullIfEmpty[string]
	return []any{
		n.ID, n.VolumeID, w.conn.At(n.CreatedAt), w.conn.At(n.UpdatedAt), w.conn.At(n.DeletedAt), null(n.UserID), null(n.ProjectID), n.UseQuota,
		sqlkit.NullIfNil(n.Name), sqlkit.NullIfNil(n.Description), n.VolumeSizeGiB, null(n.VolumeTypeID),
		sqlkit.NullIfEmpty(n.Status), null(n.Progress), w.conn.At(n.ScheduledAt),
		null(n.CGSnapshotID), null(n.GroupSnapshotID), null(n.EncryptionKeyID),
		null(n.ProviderID), null(n.ProviderLocation), null(n.ProviderAuth),
	}
}

func snapshotListing() *rows.Listing {
	const ofVolume = "EXISTS (SELECT 1 FROM volumes v WHERE v.id = s.volume_id AND %s)"
	return &rows.Listing{
		From: "snapshots s", ID: "s.id", Visible: "s.deleted = FALSE", Project: "s.project_id",
		Columns: rows.Merged(
			rows.SameName("s", rows.Textual, "volume_id", "status", "progress", "user_id", "project_id", "volume_type_id",
				"cgsnapshot_id", "group_snapshot_id", "encryption_key_id", "provider_id", "display_name", "display_description"),
			rows.SameName("s", rows.Integral, "volume_size"),
			rows.SameName("s", rows.Boolean, "use_quota"),
			rows.SameName("s", rows.Temporal, "updated_at", "scheduled_at"),
			map[string]rows.Column{
				"id":                {Name: "s.id", NotNull: true},
				"created_at":        {Name: "s.created_at", Kind: rows.Temporal, NotNull: true},
				"name":              {Name: "s.display_name"},
				"description":       {Name: "s.display_description"},
				"size":              {Name: "s.volume_size", Kind: rows.Integral},
				"host":              {Name: "v.host", Kind: rows.Address, Via: ofVolume},
				"cluster_name":      {Name: "v.cluster_name", Kind: rows.Address, Via: ofVolume},
				"availability_zone": {Name: "v.availability_zone", Via: ofVolume},
			}),
		NotFound: func(id string) error { return block.SnapshotNotFound(id) },
	}
}

// Snapshot implements store.SnapshotReader.
func (r Reader) Snapshot(ctx context.Context, id, projectID string) (n *block.Snapshot, err error) {
	if err := r.conn.Lock(ctx, "snapshots", id); err != nil {
		return nil, err
	}
	text, args := `SELECT `+r.gatheredSnapshot+` FROM snapshots s WHERE s.id = ? AND s.deleted = FALSE`, []any{id}
	if projectID != "" {
		text, args = text+` AND s.project_id = ?`, append(args, projectID)
	}
	var found []*block.Snapshot
	err = r.conn.ReadPage(store.Page{})(ctx, func(s *sqlkit.Session) (err error) {
		found, err = r.readSnapshots(ctx, s, func(row func(*sql.Rows) error) error { return s.Query(ctx, text, row, args...) })
		return err
	})
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0:
		return nil, block.SnapshotNotFound(id)
	}
	return found[0], nil
}

// gatheredSnapshot is the columns of a snapshot with its metadata, in the order of snapshotsInto.
func gatheredSnapshot(d sqlkit.Dialect) string {
	return rows.Qualified("s", snapshotColumns) + ", " + snapshotMetadata().Gather(d, "s.id")
}

// snapshotsInto reads rows of gatheredSnapshot and hands the snapshots to add.
func snapshotsInto(add func(*block.Snapshot)) func(*sql.Rows) error {
	none := map[string]string{} // what is read is read-only, so all who have nothing share it
	var dest []any
	var metadata sql.RawBytes
	return func(row *sql.Rows) error {
		n := new(block.Snapshot)
		dest = append(snapshotFields(n, dest), &metadata)
		if err := row.Scan(dest...); err != nil {
			return err
		}
		var err error
		if n.Metadata, err = rows.ReadPairs(metadata, none); err != nil {
			return fmt.Errorf("metadata of snapshot %s: %w", n.ID, err)
		}
		add(n)
		return nil
	}
}

// Snapshots implements store.SnapshotReader.
func (r Reader) Snapshots(ctx context.Context, q store.SnapshotQuery) (snapshots []*block.Snapshot, err error) {
	err = r.conn.ReadPage(q.Page)(ctx, func(s *sqlkit.Session) error {
		snapshots = nil
		sb := rows.NewSelect(r.conn.Dialect(), r.gatheredSnapshot, "snapshots s")
		if possible, err := r.chooseSnapshots(sb, q); err != nil || !possible {
			return err
		}
		if err := r.snapshots.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		snapshots, err = r.readSnapshots(ctx, s, func(row func(*sql.Rows) error) error { return sb.Each(ctx, s, row) })
		return err
	})
	if err != nil {
		return nil, err
	}
	return snapshots, nil
}

// SnapshotCount implements store.SnapshotReader.
func (r Reader) SnapshotCount(ctx context.Context, q store.SnapshotQuery) (n int64, err error) {
	sb := rows.NewSelect(r.conn.Dialect(), "COUNT(*)", "snapshots s")
	if possible, err := r.chooseSnapshots(sb, q); err != nil || !possible {
		return 0, err
	}
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		_, err := sb.Row(ctx, s, (*sqlkit.Int)(&n))
		return err
	})
	return n, err
}

func (r Reader) chooseSnapshots(sb *rows.Select, q store.SnapshotQuery) (possible bool, err error) {
	if q.VolumeID != "" {
		sb.Where("s.volume_id = " + sb.Arg(q.VolumeID))
	}
	if q.Backend != "" {
		sb.Where(r.snapshots.Columns["host"].Where(sb.Within("v.host", q.Backend)))
	}
	for _, key := range slices.Sorted(maps.Keys(q.Metadata)) {
		sb.Where(snapshotMetadata().Has("s.id", sb.Arg(key), sb.Arg(q.Metadata[key])))
	}
	return r.snapshots.Choose(sb, rows.Choice{ProjectID: q.ProjectID, IDs: q.IDs, Equal: q.Equal, Like: q.Like, Times: q.Times})
}

// CreateSnapshot implements store.SnapshotWriter.
func (w Writer) CreateSnapshot(ctx context.Context, n *block.Snapshot) error {
	if err := w.conn.Pin(ctx, "volumes", n.VolumeID); err != nil {
		return err
	}
	w.conn.Fill(&n.CreatedAt)
	if err := w.conn.Run(ctx, rows.InsertInto("snapshots", snapshotColumns), w.snapshotValues(n)...); err != nil {
		return err
	}
	return snapshotMetadata().Insert(ctx, w.conn, n.ID, n.Metadata, n.CreatedAt)
}

// UpdateSnapshot implements store.SnapshotWriter.
func (w Writer) UpdateSnapshot(ctx context.Context, id string, when store.SnapshotWhen, set store.SnapshotSet) (bool, error) {
	c := rows.NewChange(w.conn, "snapshots", id, "updated_at")
	rows.SetText(c, "status", set.Status)
	rows.SetText(c, "user_id", set.UserID)
	rows.SetText(c, "project_id", set.ProjectID)
	rows.SetText(c, "encryption_key_id", set.EncryptionKeyID)
	rows.SetValue(c, "volume_size", set.VolumeSizeGiB)
	rows.SetText(c, "progress", set.Progress)
	rows.SetOptional(c, "display_name", set.Name)
	rows.SetOptional(c, "display_description", set.Description)
	rows.SetText(c, "provider_id", set.ProviderID)
	rows.SetText(c, "provider_location", set.ProviderLocation)
	rows.SetText(c, "provider_auth", set.ProviderAuth)
	if len(when.Status) > 0 {
		c.Where(rows.Among(c, "status", when.Status))
	}
	if when.NoGroupSnapshot {
		c.Where("group_snapshot_id IS NULL", "cgsnapshot_id IS NULL")
	}
	return c.Apply(ctx)
}

// RetypeSnapshots implements store.SnapshotWriter.
func (w Writer) RetypeSnapshots(ctx context.Context, volumeID, typeID string) error {
	return w.conn.Run(ctx, `UPDATE snapshots SET volume_type_id = ?, updated_at = ? WHERE volume_id = ? AND deleted = FALSE`,
		sqlkit.NullIfEmpty(typeID), w.conn.At(w.conn.Now()), volumeID)
}

// PutSnapshotMetadata implements store.SnapshotWriter.
func (w Writer) PutSnapshotMetadata(ctx context.Context, id string, md map[string]string, replace bool) error {
	if found, err := w.conn.Exists(ctx, "snapshots", id); err != nil {
		return err
	} else if !found {
		return block.SnapshotNotFound(id)
	}
	return snapshotMetadata().Put(ctx, w.conn, id, md, replace)
}

// DeleteSnapshotMetadata implements store.SnapshotWriter.
func (w Writer) DeleteSnapshotMetadata(ctx context.Context, id, key string) error {
	found, err := snapshotMetadata().Remove(ctx, w.conn, id, key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "SnapshotMetadataNotFound", "Snapshot %s has no metadata with key %s.", id, key)
	}
	return err
}

// DestroySnapshot implements store.SnapshotWriter.
func (w Writer) DestroySnapshot(ctx context.Context, id string) error {
	now := w.conn.At(w.conn.Now())
	n, err := w.conn.Exec(ctx, `UPDATE snapshots SET status = 'deleted', deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, now, id)
	if err != nil || n == 0 {
		return err
	}
	if err := snapshotMetadata().RemoveAll(ctx, w.conn, id, now); err != nil {
		return err
	}
	return snapshotImageMetadata().RemoveAll(ctx, w.conn, id, now)
}
