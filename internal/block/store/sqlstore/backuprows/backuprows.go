// Package backuprows is sqlstore's part for backups.
//
// What must not live here: other resources, and what they all have in common, which is package rows. It is a part of
// sqlstore and imported by nothing else.
package backuprows

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// BackupReader implements store.BackupReader.
type BackupReader struct {
	conn    *rows.Conn
	backups *rows.Listing
}

// NewReader makes a reader on the database; it is safe for concurrent use.
func NewReader(c *rows.Conn) BackupReader { return BackupReader{conn: c, backups: listing()} }

// columns of a backup, in the order of fields and values.
const columns = "id, volume_id, created_at, updated_at, deleted_at, user_id, project_id, display_name, display_description, " +
	"status, fail_reason, size, object_count, availability_zone, host, container, service, service_metadata, " +
	"parent_id, num_dependent_backups, snapshot_id, data_timestamp, restore_volume_id, temp_volume_id, temp_snapshot_id, encryption_key_id"

func fields(b *block.Backup, dest []any) []any {
	return append(dest[:0],
		(*sqlkit.Text)(&b.ID), (*sqlkit.Text)(&b.VolumeID),
		(*sqlkit.Time)(&b.CreatedAt), (*sqlkit.Time)(&b.UpdatedAt), (*sqlkit.Time)(&b.DeletedAt),
		(*sqlkit.Text)(&b.UserID), (*sqlkit.Text)(&b.ProjectID),
		sqlkit.OptionalText{To: &b.Name}, sqlkit.OptionalText{To: &b.Description},
		(*sqlkit.Text)(&b.Status), (*sqlkit.Text)(&b.FailReason), (*sqlkit.Int)(&b.SizeGiB), (*sqlkit.Int)(&b.ObjectCount),
		(*sqlkit.Text)(&b.AvailabilityZone), (*sqlkit.Text)(&b.Host), sqlkit.OptionalText{To: &b.Container},
		(*sqlkit.Text)(&b.Service), (*sqlkit.Text)(&b.ServiceMetadata), (*sqlkit.Text)(&b.ParentID), (*sqlkit.Int)(&b.Dependents),
		(*sqlkit.Text)(&b.SnapshotID), (*sqlkit.Time)(&b.DataTimestamp), (*sqlkit.Text)(&b.RestoreVolume),
		(*sqlkit.Text)(&b.TempVolumeID), (*sqlkit.Text)(&b.TempSnapshotID), (*sqlkit.Text)(&b.EncryptionKeyID),
	)
}

func (w BackupWriter) values(b *block.Backup) []any {
	null := sqlkit.NullIfEmpty[string]
	return []any{
		b.ID, b.VolumeID, w.conn.At(b.CreatedAt), w.conn.At(b.UpdatedAt), w.conn.At(b.DeletedAt), null(b.UserID), null(b.ProjectID),
		sqlkit.NullIfNil(b.Name), sqlkit.NullIfNil(b.Description), sqlkit.NullIfEmpty(b.Status), null(cut(b.FailReason)),
		b.SizeGiB, b.ObjectCount, null(b.AvailabilityZone), null(b.Host), sqlkit.NullIfNil(b.Container),
		null(b.Service), null(b.ServiceMetadata), null(b.ParentID), b.Dependents, null(b.SnapshotID), w.conn.At(b.DataTimestamp),
		null(b.RestoreVolume), null(b.TempVolumeID), null(b.TempSnapshotID), null(b.EncryptionKeyID),
	}
}

func listing() *rows.Listing {
	return &rows.Listing{
		From: "backups b", ID: "b.id", Visible: "b.deleted = FALSE", Project: "b.project_id",
		Columns: rows.Merged(
			rows.SameName("b", rows.Textual, "volume_id", "user_id", "project_id", "display_name", "display_description", "status",
				"fail_reason", "availability_zone", "host", "container", "service", "service_metadata", "parent_id", "snapshot_id",
				"restore_volume_id", "temp_volume_id", "temp_snapshot_id", "encryption_key_id"),
			rows.SameName("b", rows.Integral, "size", "object_count", "num_dependent_backups"),
			rows.SameName("b", rows.Temporal, "updated_at", "data_timestamp"),
			map[string]rows.Column{
				"id":         {Name: "b.id", NotNull: true},
				"created_at": {Name: "b.created_at", Kind: rows.Temporal, NotNull: true},
				"name":       {Name: "b.display_name"},
			}),
		NotFound: func(id string) error { return block.BackupNotFound(id) },
	}
}

func metadata() rows.Pairs { return rows.NewPairs("backup_metadata", "backup_id") }

// Backup implements store.BackupReader.
func (r BackupReader) Backup(ctx context.Context, id, projectID string) (b *block.Backup, err error) {
	if err := r.conn.Lock(ctx, "backups", id); err != nil {
		return nil, err
	}
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		b = new(block.Backup)
		text, args := `SELECT `+columns+` FROM backups WHERE id = ? AND deleted = FALSE`, []any{id}
		if projectID != "" {
			text, args = text+` AND project_id = ?`, append(args, projectID)
		}
		found, err := s.QueryRow(ctx, text, fields(b, nil), args...)
		if err != nil {
			return err
		}
		if !found {
			return block.BackupNotFound(id)
		}
		return loadMetadata(ctx, s, []*block.Backup{b})
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

// Backups implements store.BackupReader.
func (r BackupReader) Backups(ctx context.Context, q store.BackupQuery) (backups []*block.Backup, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		backups = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("b", columns), r.backups.From)
		if possible, err := r.choose(sb, q); err != nil || !possible {
			return err
		}
		if err := r.backups.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		var dest []any
		err := sb.Each(ctx, s, func(row *sql.Rows) error {
			b := new(block.Backup)
			dest = fields(b, dest)
			backups = append(backups, b)
			return row.Scan(dest...)
		})
		if err != nil || len(backups) == 0 {
			return err
		}
		return loadMetadata(ctx, s, backups)
	})
	if err != nil {
		return nil, err
	}
	return backups, nil
}

// BackupCount implements store.BackupReader.
func (r BackupReader) BackupCount(ctx context.Context, q store.BackupQuery) (n int64, err error) {
	sb := rows.NewSelect(r.conn.Dialect(), "COUNT(*)", r.backups.From)
	if possible, err := r.choose(sb, q); err != nil || !possible {
		return 0, err
	}
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		_, err := sb.Row(ctx, s, (*sqlkit.Int)(&n))
		return err
	})
	return n, err
}

func (r BackupReader) choose(sb *rows.Select, q store.BackupQuery) (possible bool, err error) {
	for _, key := range slices.Sorted(maps.Keys(q.Metadata)) {
		sb.Where(metadata().Has("b.id", sb.Arg(key), sb.Arg(q.Metadata[key])))
	}
	return r.backups.Choose(sb, rows.Choice{ProjectID: q.ProjectID, IDs: q.IDs, Equal: q.Equal, Like: q.Like, Times: q.Times})
}

func loadMetadata(ctx context.Context, s *sqlkit.Session, backups []*block.Backup) error {
	none := map[string]string{} // what is read is read-only, so all who have nothing share it
	byID := make(map[string]*block.Backup, len(backups))
	ids := make([]string, len(backups))
	for i, b := range backups {
		b.Metadata, byID[b.ID], ids[i] = none, b, b.ID
	}
	return metadata().Load(ctx, s, ids, func(id, key, value string) {
		b := byID[id]
		if len(b.Metadata) == 0 {
			b.Metadata = make(map[string]string)
		}
		b.Metadata[key] = value
	})
}
