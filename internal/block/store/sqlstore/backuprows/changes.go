package backuprows

import (
	"context"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// BackupWriter implements store.BackupWriter, and reads in the same transaction.
type BackupWriter struct{ BackupReader }

// NewWriter makes a writer in the transaction of c, which has a session; r is any reader of the same database.
func NewWriter(r BackupReader, c *rows.Conn) BackupWriter {
	r.conn = c
	return BackupWriter{r}
}

// CreateBackup implements store.BackupWriter.
func (w BackupWriter) CreateBackup(ctx context.Context, b *block.Backup) error {
	if b.ParentID != "" {
		if err := w.conn.Pin(ctx, "backups", b.ParentID); err != nil {
			return err
		}
	}
	w.conn.Fill(&b.CreatedAt)
	if err := w.conn.Run(ctx, rows.InsertInto("backups", columns), w.values(b)...); err != nil {
		return err
	}
	return metadata().Insert(ctx, w.conn, b.ID, b.Metadata, b.CreatedAt)
}

// ReviveBackup implements store.BackupWriter.
func (w BackupWriter) ReviveBackup(ctx context.Context, b *block.Backup) error {
	var created sqlkit.Time
	var deleted sqlkit.Bool
	found, err := w.conn.Session.QueryRow(ctx, `SELECT created_at, deleted FROM backups WHERE id = ?`, []any{&created, &deleted}, b.ID)
	switch {
	case err != nil:
		return err
	case !found:
		return w.CreateBackup(ctx, b)
	case !bool(deleted):
		return fault.New(fault.Conflict, "BackupExists", "Backup %s exists already.", b.ID)
	}
	b.CreatedAt = time.Time(created)
	assignments := strings.ReplaceAll(columns, ", ", " = ?, ") + " = ?"
	if err := w.conn.Run(ctx, `UPDATE backups SET `+assignments+`, deleted = FALSE WHERE id = ?`, append(w.values(b), b.ID)...); err != nil {
		return err
	}
	return metadata().Insert(ctx, w.conn, b.ID, b.Metadata, w.conn.Now())
}

// UpdateBackup implements store.BackupWriter.
func (w BackupWriter) UpdateBackup(ctx context.Context, id string, when store.BackupWhen, set store.BackupSet) (bool, error) {
	if when.NoDependents {
		if err := w.conn.Lock(ctx, "backups", id); err != nil {
			return false, err
		}
	}
	c := rows.NewChange(w.conn, "backups", id, "updated_at")
	rows.SetText(c, "volume_id", set.VolumeID)
	rows.SetText(c, "status", set.Status)
	if set.FailReason != nil {
		c.Set("fail_reason", sqlkit.NullIfEmpty(cut(*set.FailReason)))
	}
	rows.SetOptional(c, "display_name", set.Name)
	rows.SetOptional(c, "display_description", set.Description)
	rows.SetValue(c, "size", set.SizeGiB)
	rows.SetValue(c, "object_count", set.ObjectCount)
	rows.SetText(c, "availability_zone", set.AvailabilityZone)
	rows.SetText(c, "host", set.Host)
	rows.SetOptional(c, "container", set.Container)
	rows.SetText(c, "service", set.Service)
	rows.SetText(c, "service_metadata", set.ServiceMetadata)
	rows.SetText(c, "parent_id", set.ParentID)
	rows.SetText(c, "snapshot_id", set.SnapshotID)
	c.SetTime("data_timestamp", set.DataTimestamp)
	rows.SetText(c, "restore_volume_id", set.RestoreVolume)
	rows.SetText(c, "temp_volume_id", set.TempVolumeID)
	rows.SetText(c, "temp_snapshot_id", set.TempSnapshotID)
	rows.SetText(c, "encryption_key_id", set.EncryptionKeyID)
	if len(when.Status) > 0 {
		c.Where(rows.Among(c, "status", when.Status))
	}
	if when.Host != "" {
		c.Where("host = " + c.Arg(when.Host))
	}
	if when.NoDependents {
		// MySQL reads the table it updates only from inside a subquery of a subquery.
		c.Where("NOT EXISTS (SELECT 1 FROM (SELECT parent_id FROM backups WHERE deleted = FALSE AND parent_id = " + c.Arg(id) + ") children)")
	}
	return c.Apply(ctx)
}

// PutBackupMetadata implements store.BackupWriter.
func (w BackupWriter) PutBackupMetadata(ctx context.Context, id string, md map[string]string, replace bool) error {
	if found, err := w.conn.Exists(ctx, "backups", id); err != nil {
		return err
	} else if !found {
		return block.BackupNotFound(id)
	}
	return metadata().Put(ctx, w.conn, id, md, replace)
}

// CountBackupDependents implements store.BackupWriter.
func (w BackupWriter) CountBackupDependents(ctx context.Context, id string) error {
	return w.conn.Run(ctx, `UPDATE backups SET num_dependent_backups = (SELECT COUNT(*) FROM (SELECT id FROM backups
		WHERE parent_id = ? AND deleted = FALSE AND status NOT IN ('creating', 'error')) children) WHERE id = ? AND deleted = FALSE`, id, id)
}

// DestroyBackup implements store.BackupWriter.
func (w BackupWriter) DestroyBackup(ctx context.Context, id string) error {
	now := w.conn.At(w.conn.Now())
	n, err := w.conn.Exec(ctx, `UPDATE backups SET status = 'deleted', deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, now, id)
	if err != nil || n == 0 {
		return err
	}
	return metadata().RemoveAll(ctx, w.conn, id, now)
}

// cut leaves of a text what the column of failures holds: 255 characters.
func cut(text string) string {
	const most = 255
	if utf8.RuneCountInString(text) <= most {
		return text
	}
	return string([]rune(text)[:most-1]) + "…"
}
