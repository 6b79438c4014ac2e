package maintenancerows

import (
	"context"
	"database/sql"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Clusters implements store.ClusterReader.
func (r MaintenanceReader) Clusters(ctx context.Context, aliveSince time.Time) (list []*block.Cluster, err error) {
	const text = `SELECT c.id, c.created_at, c.updated_at, c.name, c."binary", c.disabled, c.disabled_reason, c.replication_status, c.active_backend_id,
		c.frozen, (SELECT COUNT(*) FROM services s WHERE s.cluster_name = c.name AND s.deleted = FALSE),
		(SELECT COUNT(*) FROM services s WHERE s.cluster_name = c.name AND s.deleted = FALSE AND (s.updated_at IS NULL OR s.updated_at < ?)),
		(SELECT MAX(s.updated_at) FROM services s WHERE s.cluster_name = c.name AND s.deleted = FALSE)
		FROM clusters c WHERE c.deleted = FALSE ORDER BY c.id`
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		return s.Query(ctx, text, func(row *sql.Rows) error {
			c := new(block.Cluster)
			list = append(list, c)
			return row.Scan((*sqlkit.Int)(&c.ID), (*sqlkit.Time)(&c.CreatedAt), (*sqlkit.Time)(&c.UpdatedAt), (*sqlkit.Text)(&c.Name), (*sqlkit.Text)(&c.Binary),
				(*sqlkit.Bool)(&c.Disabled), (*sqlkit.Text)(&c.DisabledReason), (*sqlkit.Text)(&c.ReplicationStatus), (*sqlkit.Text)(&c.ActiveBackendID),
				(*sqlkit.Bool)(&c.Frozen), (*sqlkit.Int)(&c.Hosts), (*sqlkit.Int)(&c.DownHosts), (*sqlkit.Time)(&c.LastHeartbeat))
		}, r.conn.At(aliveSince))
	})
	return list, err
}

// DestroyCluster implements store.ClusterWriter. A deleted cluster's race_preventer is its id, so that its name is free.
func (w MaintenanceWriter) DestroyCluster(ctx context.Context, id int64) (bool, error) {
	n, err := w.conn.Exec(ctx, `UPDATE clusters SET deleted = TRUE, deleted_at = ?, race_preventer = id WHERE id = ? AND deleted = FALSE
		AND NOT EXISTS (SELECT 1 FROM services s WHERE s.cluster_name = clusters.name AND s.deleted = FALSE)`, w.conn.At(w.conn.Now()), id)
	return n > 0, err
}

// RenameCluster implements store.ClusterWriter.
func (w MaintenanceWriter) RenameCluster(ctx context.Context, from, to string, whole bool) (volumes, consistencyGroups int64, err error) {
	if volumes, err = w.renameIn(ctx, "volumes", from, to, whole); err != nil {
		return 0, 0, err
	}
	consistencyGroups, err = w.renameIn(ctx, "consistencygroups", from, to, whole)
	return volumes, consistencyGroups, err
}

func (w MaintenanceWriter) renameIn(ctx context.Context, table, from, to string, whole bool) (int64, error) {
	sb := rows.NewSelect(w.conn.Dialect(), "id, cluster_name", table).Where("deleted = FALSE")
	sb.Where(sb.Within("cluster_name", from))
	type named struct{ id, name string }
	var found []named
	err := sb.Each(ctx, w.conn.Session, func(row *sql.Rows) error {
		var id, name sqlkit.Text
		err := row.Scan(&id, &name)
		found = append(found, named{string(id), string(name)})
		return err
	})
	if err != nil {
		return 0, err
	}
	var changed int64
	for _, f := range found {
		name := to
		if to != "" && !whole {
			name = to + f.name[len(from):]
		}
		n, err := w.conn.Exec(ctx, `UPDATE `+table+` SET cluster_name = ?, updated_at = ? WHERE id = ?`,
			sqlkit.NullIfEmpty(name), w.conn.At(w.conn.Now()), f.id)
		if err != nil {
			return 0, err
		}
		changed += n
	}
	return changed, nil
}
