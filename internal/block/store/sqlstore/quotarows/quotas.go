package quotarows

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// QuotaLimits implements store.QuotaReader.
func (r QuotaReader) QuotaLimits(ctx context.Context, projectID string) (map[string]int64, error) {
	return r.limits(ctx, `SELECT resource, hard_limit FROM quotas WHERE project_id = ? AND deleted = FALSE`, projectID)
}

// QuotaClassLimits implements store.QuotaReader.
func (r QuotaReader) QuotaClassLimits(ctx context.Context, class string) (map[string]int64, error) {
	return r.limits(ctx, `SELECT resource, hard_limit FROM quota_classes WHERE class_name = ? AND deleted = FALSE`, class)
}

func (r QuotaReader) limits(ctx context.Context, text, of string) (map[string]int64, error) {
	limits := make(map[string]int64)
	err := r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, text, func(row *sql.Rows) error {
			var resource sqlkit.Text
			var limit sqlkit.Int
			err := row.Scan(&resource, &limit)
			limits[string(resource)] = int64(limit)
			return err
		}, of)
	})
	if err != nil {
		return nil, err
	}
	return limits, nil
}

// Rows of a project, counted: what, the volume type or nothing, how many there are, and the sum of their sizes. Each table is
// counted by an index alone where there is one. Volumes and snapshots that Cinder made for its own purposes do not count.
const (
	volumeUsageRows = `SELECT 'volumes' AS kind, volume_type_id AS name, COUNT(*) AS amount, COALESCE(SUM(size), 0) AS gigabytes FROM volumes
	WHERE project_id = ? AND deleted = FALSE AND use_quota = TRUE GROUP BY volume_type_id
	UNION ALL SELECT 'snapshots', volume_type_id, COUNT(*), COALESCE(SUM(volume_size), 0) FROM snapshots
	WHERE project_id = ? AND deleted = FALSE AND use_quota = TRUE GROUP BY volume_type_id`
	otherUsageRows = `
	UNION ALL SELECT 'backups', NULL, COUNT(*), COALESCE(SUM(size), 0) FROM backups WHERE project_id = ? AND deleted = FALSE
	UNION ALL SELECT 'groups', NULL, COUNT(*), 0 FROM "groups" WHERE project_id = ? AND deleted = FALSE`
	// What Python services have reserved and neither taken nor given up. Their periodic task ends what has expired; until then it does not
	// count here.
	reservedRows = `
	UNION ALL SELECT 'reserved', resource, SUM(delta), 0 FROM reservations
	WHERE project_id = ? AND deleted = FALSE AND delta > 0 AND expire > ? GROUP BY resource`
	// The limits of a project and of a class, in the same columns.
	limitRows = "\n\tUNION ALL " + termRows
	termRows  = `SELECT 'own' AS kind, resource AS name, hard_limit AS amount, 0 AS gigabytes FROM quotas WHERE project_id = ? AND deleted = FALSE
	UNION ALL SELECT 'class', resource, hard_limit, 0 FROM quota_classes WHERE class_name = ? AND deleted = FALSE`
)

// QuotaTerms implements store.QuotaReader.
func (r QuotaReader) QuotaTerms(ctx context.Context, projectID, class string) (own, ofClass map[string]int64, err error) {
	sheet, err := r.sheet(ctx, termRows, projectID, class)
	return sheet.Own, sheet.Class, err
}

// QuotaUsage implements store.QuotaReader.
func (r QuotaReader) QuotaUsage(ctx context.Context, projectID string) (*block.QuotaUsage, error) {
	sheet, err := r.sheet(ctx, volumeUsageRows+otherUsageRows+reservedRows, projectID, projectID, projectID, projectID, projectID, r.conn.At(r.conn.Now()))
	return sheet.Usage, err
}

// VolumeUsage implements store.QuotaReader.
func (r QuotaReader) VolumeUsage(ctx context.Context, projectID string) (*block.QuotaUsage, error) {
	sheet, err := r.sheet(ctx, volumeUsageRows, projectID, projectID)
	return sheet.Usage, err
}

// QuotaSheet implements store.QuotaReader.
func (r QuotaReader) QuotaSheet(ctx context.Context, projectID, class string) (*store.QuotaSheet, error) {
	sheet, err := r.sheet(ctx, volumeUsageRows+limitRows+reservedRows, projectID, projectID, projectID, class, projectID, r.conn.At(r.conn.Now()))
	return &sheet, err
}

func (r QuotaReader) sheet(ctx context.Context, text string, args ...any) (sheet store.QuotaSheet, err error) {
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		sheet = store.QuotaSheet{Own: map[string]int64{}, Class: map[string]int64{}, Usage: &block.QuotaUsage{ByType: map[string]block.TypeUsage{}}}
		return s.Query(ctx, text, func(row *sql.Rows) error {
			var kind, name sqlkit.Text
			var n, sizeGiB sqlkit.Int
			err := row.Scan(&kind, &name, &n, &sizeGiB)
			enter(&sheet, string(kind), string(name), int64(n), int64(sizeGiB))
			return err
		}, args...)
	})
	return sheet, err
}

// enter adds one of the rows to a sheet.
func enter(sheet *store.QuotaSheet, kind, name string, n, sizeGiB int64) {
	u := sheet.Usage
	t := u.ByType[name]
	switch kind {
	case "own":
		sheet.Own[name] = n
	case "class":
		sheet.Class[name] = n
	case "backups":
		u.Backups, u.BackupGigabytes = n, sizeGiB
	case "groups":
		u.Groups = n
	case "reserved":
		if u.Reserved == nil {
			u.Reserved = map[string]int64{}
		}
		u.Reserved[name] = n
	case "volumes":
		u.Volumes, u.VolumeGigabytes = u.Volumes+n, u.VolumeGigabytes+sizeGiB
		t.Volumes, t.VolumeGigabytes = t.Volumes+n, t.VolumeGigabytes+sizeGiB
		u.ByType[name] = t
	case "snapshots":
		u.Snapshots, u.SnapshotGigabytes = u.Snapshots+n, u.SnapshotGigabytes+sizeGiB
		t.Snapshots, t.SnapshotGigabytes = t.Snapshots+n, t.SnapshotGigabytes+sizeGiB
		u.ByType[name] = t
	}
}

// Reserve implements store.QuotaWriter.
func (w *QuotaWriter) Reserve(ctx context.Context, projectID string, deltas map[string]int64, expire time.Time) (ids []string, err error) {
	for _, resource := range slices.Sorted(maps.Keys(deltas)) {
		usage, err := w.usageRow(ctx, projectID, resource)
		if err != nil {
			return nil, err
		}
		now, delta, id := w.conn.At(w.conn.Now()), deltas[resource], uuid.NewString()
		if delta > 0 {
			if err := w.conn.Run(ctx, `UPDATE quota_usages SET updated_at = ?, reserved = reserved + ? WHERE id = ?`, now, delta, usage); err != nil {
				return nil, err
			}
		}
		if err := w.conn.Run(ctx, `INSERT INTO reservations (created_at, deleted, uuid, usage_id, project_id, resource, delta, expire)
			VALUES (?, FALSE, ?, ?, ?, ?, ?, ?)`, now, id, usage, projectID, resource, delta, w.conn.At(expire)); err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}

// usageRow is the number of the row that counts a resource, which is made if it is not there.
func (w *QuotaWriter) usageRow(ctx context.Context, projectID, resource string) (id int64, err error) {
	for range 2 {
		var found bool
		err := w.conn.Read(ctx, func(s *sqlkit.Session) (err error) {
			found, err = s.QueryRow(ctx, `SELECT id FROM quota_usages WHERE project_id = ? AND resource = ? AND race_preventer = TRUE`,
				[]any{(*sqlkit.Int)(&id)}, projectID, resource)
			return err
		})
		if err != nil || found {
			return id, err
		}
		if err := w.putUsage(ctx, projectID, map[string]int64{resource: 0}); err != nil {
			return 0, err
		}
	}
	return 0, fault.New(fault.Internal, "", "the usage of %s of project %s cannot be written", resource, projectID)
}

// ReleaseReservations implements store.QuotaWriter. What is to be given up (a negative delta) was never counted as reserved.
func (w *QuotaWriter) ReleaseReservations(ctx context.Context, ids []string) error {
	for _, id := range ids {
		var row, usage, delta int64
		var found bool
		err := w.conn.Read(ctx, func(s *sqlkit.Session) (err error) {
			found, err = s.QueryRow(ctx, `SELECT id, COALESCE(usage_id, 0), delta FROM reservations WHERE uuid = ? AND deleted = FALSE`,
				[]any{(*sqlkit.Int)(&row), (*sqlkit.Int)(&usage), (*sqlkit.Int)(&delta)}, id)
			return err
		})
		if err != nil {
			return err
		}
		if !found {
			continue
		}
		now := w.conn.At(w.conn.Now())
		if delta > 0 {
			if err := w.conn.Run(ctx, `UPDATE quota_usages SET updated_at = ?, reserved = CASE WHEN reserved < ? THEN 0 ELSE reserved - ? END WHERE id = ?`,
				now, delta, delta, usage); err != nil {
				return err
			}
		}
		if err := w.conn.Run(ctx, `UPDATE reservations SET deleted = TRUE, deleted_at = ? WHERE id = ?`, now, row); err != nil {
			return err
		}
	}
	return nil
}

// PutQuotaLimits implements store.QuotaWriter.
func (w *QuotaWriter) PutQuotaLimits(ctx context.Context, projectID string, limits map[string]int64) error {
	w.terms = nil
	if err := w.LockQuota(ctx, projectID); err != nil {
		return err
	}
	now := w.conn.At(w.conn.Now())
	for _, resource := range slices.Sorted(maps.Keys(limits)) {
		n, err := w.conn.Exec(ctx, `UPDATE quotas SET hard_limit = ?, updated_at = ? WHERE project_id = ? AND resource = ? AND deleted = FALSE`,
			limits[resource], now, projectID, resource)
		if err == nil && n == 0 {
			err = w.conn.Run(ctx, `INSERT INTO quotas (created_at, deleted, project_id, resource, hard_limit) VALUES (?, FALSE, ?, ?, ?)`,
				now, projectID, resource, limits[resource])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// PutQuotaClassLimits implements store.QuotaClassWriter.
func (w *QuotaWriter) PutQuotaClassLimits(ctx context.Context, class string, limits map[string]int64) error {
	w.terms = nil
	if err := w.LockQuota(ctx, "class "+class); err != nil { // no project is called so
		return err
	}
	now := w.conn.At(w.conn.Now())
	for _, resource := range slices.Sorted(maps.Keys(limits)) {
		n, err := w.conn.Exec(ctx, `UPDATE quota_classes SET hard_limit = ?, updated_at = ? WHERE class_name = ? AND resource = ? AND deleted = FALSE`,
			limits[resource], now, class, resource)
		if err == nil && n == 0 {
			err = w.conn.Run(ctx, `INSERT INTO quota_classes (created_at, deleted, class_name, resource, hard_limit) VALUES (?, FALSE, ?, ?, ?)`,
				now, class, resource, limits[resource])
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// DeleteQuotaLimits implements store.QuotaWriter.
func (w *QuotaWriter) DeleteQuotaLimits(ctx context.Context, projectID string) error {
	w.terms = nil
	return w.conn.Run(ctx, `UPDATE quotas SET deleted = TRUE, deleted_at = ? WHERE project_id = ? AND deleted = FALSE`, w.conn.At(w.conn.Now()), projectID)
}
