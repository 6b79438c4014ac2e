package maintenancerows

import (
	"context"
	"database/sql"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/fault"
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

// EnsureCluster implements store.ClusterWriter. Of two that enter it at once one fails, and may try again.
func (w MaintenanceWriter) EnsureCluster(ctx context.Context, c *block.Cluster) (*block.Cluster, error) {
	found, err := w.cluster(ctx, c)
	if err != nil || found != nil {
		return found, err
	}
	now := w.conn.At(w.conn.Now())
	err = w.conn.Run(ctx, `INSERT INTO clusters (created_at, updated_at, deleted, name, "binary", disabled, disabled_reason, race_preventer, replication_status,
		active_backend_id, frozen) VALUES (?, ?, FALSE, ?, ?, ?, ?, 0, ?, ?, ?)`, now, now, c.Name, c.Binary, c.Disabled, sqlkit.NullIfEmpty(c.DisabledReason),
		sqlkit.NullIfEmpty(c.ReplicationStatus), sqlkit.NullIfEmpty(c.ActiveBackendID), c.Frozen)
	if err != nil {
		return nil, err
	}
	return w.cluster(ctx, c)
}

// cluster reads the row of a name and binary, nil if there is none.
func (w MaintenanceWriter) cluster(ctx context.Context, c *block.Cluster) (found *block.Cluster, err error) {
	err = w.conn.Session.Query(ctx, `SELECT id, disabled, disabled_reason, replication_status, active_backend_id, frozen FROM clusters
		WHERE name = ? AND "binary" = ? AND deleted = FALSE`, func(row *sql.Rows) error {
		found = &block.Cluster{Name: c.Name, Binary: c.Binary}
		return row.Scan((*sqlkit.Int)(&found.ID), (*sqlkit.Bool)(&found.Disabled), (*sqlkit.Text)(&found.DisabledReason),
			(*sqlkit.Text)(&found.ReplicationStatus), (*sqlkit.Text)(&found.ActiveBackendID), (*sqlkit.Bool)(&found.Frozen))
	}, c.Name, c.Binary)
	return found, err
}

// UpdateCluster implements store.ClusterWriter.
func (w MaintenanceWriter) UpdateCluster(ctx context.Context, id int64, set store.ServiceSet) error {
	c := rows.NewChange(w.conn, "clusters", id, "updated_at")
	rows.SetValue(c, "disabled", set.Disabled)
	rows.SetText(c, "disabled_reason", set.DisabledReason)
	rows.SetValue(c, "frozen", set.Frozen)
	changed, err := c.Apply(ctx)
	if err == nil && !changed {
		err = fault.New(fault.NotFound, "ClusterNotFound", "Cluster %d could not be found.", id)
	}
	return err
}

// IncludeInCluster implements store.ClusterWriter.
func (w MaintenanceWriter) IncludeInCluster(ctx context.Context, host, cluster string) (volumes int64, err error) {
	for _, table := range []string{"volumes", "consistencygroups", `"groups"`, "image_volume_cache_entries"} {
		n, err := w.includeIn(ctx, table, host, cluster)
		if err != nil {
			return 0, err
		}
		if table == "volumes" {
			volumes = n
		}
	}
	return volumes, nil
}

func (w MaintenanceWriter) includeIn(ctx context.Context, table, host, cluster string) (int64, error) {
	sb := rows.NewSelect(w.conn.Dialect(), "id, host", table).Where("(cluster_name IS NULL OR cluster_name = '')")
	sb.Where(sb.Within("host", host))
	changed, live := "", ""
	if table != "image_volume_cache_entries" { // whose rows are deleted for good, and say nothing of when
		live, changed = "deleted = FALSE", ", updated_at = ?"
		sb.Where(live)
	}
	type place struct{ id, host sqlkit.Text }
	var found []place
	err := sb.Each(ctx, w.conn.Session, func(row *sql.Rows) error {
		var p place
		err := row.Scan(&p.id, &p.host)
		found = append(found, p)
		return err
	})
	if err != nil {
		return 0, err
	}
	for _, p := range found {
		args := []any{cluster + string(p.host)[len(host):]}
		if changed != "" {
			args = append(args, w.conn.At(w.conn.Now()))
		}
		if err := w.conn.Run(ctx, `UPDATE `+table+` SET cluster_name = ?`+changed+` WHERE id = ?`, append(args, string(p.id))...); err != nil {
			return 0, err
		}
	}
	return int64(len(found)), nil
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
