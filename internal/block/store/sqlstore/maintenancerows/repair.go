package maintenancerows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// UsageProjects implements store.RepairReader.
func (r MaintenanceReader) UsageProjects(ctx context.Context) (projects []string, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) (err error) {
		projects, err = s.Strings(ctx, `SELECT DISTINCT project_id FROM quota_usages WHERE deleted = FALSE AND project_id IS NOT NULL ORDER BY project_id`)
		return err
	})
	return projects, err
}

// StoredUsage implements store.RepairReader. Only what a reservation adds counts, as upstream has it.
func (r MaintenanceReader) StoredUsage(ctx context.Context, projectID string) (list []store.StoredUsage, err error) {
	const text = `SELECT u.id, u.resource, u.in_use, u.reserved, (SELECT COALESCE(SUM(v.delta), 0) FROM reservations v
			WHERE v.usage_id = u.id AND v.project_id = u.project_id AND v.deleted = FALSE AND v.delta > 0)
		FROM quota_usages u WHERE u.project_id = ? AND u.deleted = FALSE ORDER BY u.id`
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		return s.Query(ctx, text, func(row *sql.Rows) error {
			var u store.StoredUsage
			err := row.Scan((*sqlkit.Int)(&u.ID), (*sqlkit.Text)(&u.Resource), (*sqlkit.Int)(&u.InUse), (*sqlkit.Int)(&u.Reserved), (*sqlkit.Int)(&u.Reservations))
			list = append(list, u)
			return err
		}, projectID)
	})
	return list, err
}

// LacksServiceUUID implements store.RepairReader.
func (r MaintenanceReader) LacksServiceUUID(ctx context.Context) (bool, error) {
	for _, text := range []string{`SELECT COUNT(*) FROM services WHERE uuid IS NULL AND deleted = FALSE`,
		`SELECT COUNT(*) FROM volumes WHERE service_uuid IS NULL AND deleted = FALSE`} {
		if n, err := r.count(ctx, text); err != nil || n > 0 {
			return n > 0, err
		}
	}
	return false, nil
}

// HasAttachmentSpecs implements store.RepairReader.
func (r MaintenanceReader) HasAttachmentSpecs(ctx context.Context) (bool, error) {
	n, err := r.count(ctx, `SELECT COUNT(*) FROM attachment_specs WHERE deleted = FALSE`)
	return n > 0, err
}

// TemporaryMarks implements store.RepairReader.
func (r MaintenanceReader) TemporaryMarks(ctx context.Context) (int64, error) {
	return r.count(ctx, `SELECT COUNT(*) FROM volume_admin_metadata WHERE "key" = 'temporary' AND deleted = FALSE`)
}

func (r MaintenanceReader) count(ctx context.Context, text string) (n int64, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		_, err := s.QueryRow(ctx, text, []any{(*sqlkit.Int)(&n)})
		return err
	})
	return n, err
}

// now is the time that changed rows carry.
func (w MaintenanceWriter) now() any { return w.conn.At(w.conn.Now()) }

// PutStoredUsage implements store.RepairWriter.
func (w MaintenanceWriter) PutStoredUsage(ctx context.Context, id, inUse, reserved int64) error {
	return w.conn.Run(ctx, `UPDATE quota_usages SET in_use = ?, reserved = ?, updated_at = ? WHERE id = ?`, inUse, reserved, w.now(), id)
}

// MergeStoredUsage implements store.RepairWriter. A deleted row's race_preventer is NULL, so that it is in nobody's way.
func (w MaintenanceWriter) MergeStoredUsage(ctx context.Context, from, to int64) (int64, error) {
	n, err := w.conn.Exec(ctx, `UPDATE reservations SET usage_id = ?, updated_at = ? WHERE usage_id = ? AND deleted = FALSE`, to, w.now(), from)
	if err != nil {
		return 0, err
	}
	return n, w.conn.Run(ctx, `UPDATE quota_usages SET deleted = TRUE, deleted_at = ?, race_preventer = NULL WHERE id = ?`, w.now(), from)
}

// MoveVolumes implements store.RepairWriter.
func (w MaintenanceWriter) MoveVolumes(ctx context.Context, from, to string) (int64, error) {
	host := w.conn.Dialect().Exact("host")
	return w.conn.Exec(ctx, `UPDATE volumes SET host = ?, updated_at = ? WHERE deleted = FALSE AND (`+host+` = ? OR `+host+` > ? AND `+host+` < ?)`,
		to, w.now(), from, from+"#", from+"$")
}

// MoveBackups implements store.RepairWriter.
func (w MaintenanceWriter) MoveBackups(ctx context.Context, from, to string) (int64, error) {
	return w.move(ctx, "backups", from, to)
}

// MoveConsistencyGroups implements store.RepairWriter.
func (w MaintenanceWriter) MoveConsistencyGroups(ctx context.Context, from, to string) (int64, error) {
	return w.move(ctx, "consistencygroups", from, to)
}

func (w MaintenanceWriter) move(ctx context.Context, table, from, to string) (int64, error) {
	return w.conn.Exec(ctx, `UPDATE `+table+` SET host = ?, updated_at = ? WHERE deleted = FALSE AND `+w.conn.Dialect().Exact("host")+` = ?`, to, w.now(), from)
}

// AdoptVolumes implements store.RepairWriter.
func (w MaintenanceWriter) AdoptVolumes(ctx context.Context) (changed int64, err error) {
	type service struct{ host, uuid sqlkit.Text }
	var services []service
	err = w.conn.Session.Query(ctx, `SELECT host, uuid FROM services WHERE "binary" = 'cinder-volume' AND deleted = FALSE AND uuid IS NOT NULL ORDER BY id`,
		func(row *sql.Rows) error {
			var s service
			err := row.Scan(&s.host, &s.uuid)
			services = append(services, s)
			return err
		})
	if err != nil {
		return 0, err
	}
	host := w.conn.Dialect().Exact("host")
	for _, s := range services {
		from := string(s.host)
		n, err := w.conn.Exec(ctx, `UPDATE volumes SET service_uuid = ?, updated_at = ? WHERE deleted = FALSE AND service_uuid <> ?
			AND (`+host+` = ? OR `+host+` > ? AND `+host+` < ?)`, string(s.uuid), w.now(), string(s.uuid), from, from+"#", from+"$")
		if err != nil {
			return 0, err
		}
		changed += n
	}
	return changed, nil
}

// RemoveTemporaryMarks implements store.RepairWriter.
func (w MaintenanceWriter) RemoveTemporaryMarks(ctx context.Context, limit int) (changed int64, err error) {
	var ids []int64
	err = w.conn.Session.Query(ctx, `SELECT id FROM volume_admin_metadata WHERE "key" = 'temporary' AND deleted = FALSE ORDER BY id LIMIT ?`,
		func(row *sql.Rows) error {
			var id sqlkit.Int
			err := row.Scan(&id)
			ids = append(ids, int64(id))
			return err
		}, limit)
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		n, err := w.conn.Exec(ctx, `UPDATE volume_admin_metadata SET deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, w.now(), id)
		if err != nil {
			return 0, err
		}
		changed += n
	}
	return changed, nil
}

// PutServiceVersions implements store.RepairWriter. It leaves updated_at, the heartbeat, alone.
func (w MaintenanceWriter) PutServiceVersions(ctx context.Context, id int64, rpc, object string) error {
	return w.conn.Run(ctx, `UPDATE services SET rpc_current_version = ?, object_current_version = ? WHERE id = ?`, rpc, object, id)
}

// ResetReplication implements store.RepairWriter.
func (w MaintenanceWriter) ResetReplication(ctx context.Context, v *block.Service, status, activeBackendID string) error {
	if v.ClusterName == "" {
		return w.conn.Run(ctx, `UPDATE services SET disabled = FALSE, disabled_reason = '', active_backend_id = ?, replication_status = ?, modified_at = ?
			WHERE id = ? AND frozen = TRUE AND disabled = TRUE`, sqlkit.NullIfEmpty(activeBackendID), status, w.now(), v.ID)
	}
	err := w.conn.Run(ctx, `UPDATE clusters SET disabled = FALSE, disabled_reason = '', active_backend_id = ?, replication_status = ?, updated_at = ?
		WHERE name = ? AND "binary" = ? AND deleted = FALSE AND frozen = TRUE AND disabled = TRUE`,
		sqlkit.NullIfEmpty(activeBackendID), status, w.now(), v.ClusterName, v.Binary)
	if err != nil {
		return err
	}
	return w.conn.Run(ctx, `UPDATE services SET active_backend_id = ?, replication_status = ?, modified_at = ? WHERE cluster_name = ? AND deleted = FALSE`,
		sqlkit.NullIfEmpty(activeBackendID), status, w.now(), v.ClusterName)
}
