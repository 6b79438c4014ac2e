package sqlstore

import (
	"context"
	"database/sql"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

const serviceColumns = `id, uuid, created_at, updated_at, deleted_at, host, "binary", topic, report_count, disabled, disabled_reason, ` +
	`availability_zone, rpc_current_version, object_current_version, cluster_name, replication_status, active_backend_id, frozen`

func serviceFields(v *block.Service) []any {
	return []any{
		(*sqlkit.Int)(&v.ID), (*sqlkit.Text)(&v.UUID), (*sqlkit.Time)(&v.CreatedAt), (*sqlkit.Time)(&v.UpdatedAt), (*sqlkit.Time)(&v.DeletedAt),
		(*sqlkit.Text)(&v.Host), (*sqlkit.Text)(&v.Binary), (*sqlkit.Text)(&v.Topic), (*sqlkit.Int)(&v.ReportCount),
		(*sqlkit.Bool)(&v.Disabled), (*sqlkit.Text)(&v.DisabledReason), (*sqlkit.Text)(&v.AvailabilityZone),
		(*sqlkit.Text)(&v.RPCCurrentVersion), (*sqlkit.Text)(&v.ObjectCurrentVersion), (*sqlkit.Text)(&v.ClusterName),
		(*sqlkit.Text)(&v.ReplicationStatus), (*sqlkit.Text)(&v.ActiveBackendID), (*sqlkit.Bool)(&v.Frozen),
	}
}

// Services implements store.ServiceReader. A Host without a back end also finds that host's back ends.
func (r *reader) Services(ctx context.Context, q store.ServiceQuery) (services []*block.Service, err error) {
	sb := rows.NewSelect(r.conn.Dialect(), serviceColumns, "services").Where("deleted = FALSE")
	if q.Host != "" {
		sb.Where(sb.Within("host", q.Host))
	}
	if q.Binary != "" {
		sb.Where(`"binary" = ` + sb.Arg(q.Binary))
	}
	if q.Topic != "" {
		sb.Where("topic = " + sb.Arg(q.Topic))
	}
	if q.ClusterName != "" {
		sb.Where("cluster_name = " + sb.Arg(q.ClusterName))
	}
	if q.Disabled != nil {
		sb.Where("disabled = " + sb.Arg(*q.Disabled))
	}
	sb.Trail("ORDER BY id")
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			v := new(block.Service)
			services = append(services, v)
			return row.Scan(serviceFields(v)...)
		})
	})
	if err != nil {
		return nil, err
	}
	return services, nil
}

// BackendVolumes implements store.ServiceReader.
func (r *reader) BackendVolumes(ctx context.Context, backend string) (map[block.Host]store.PoolTotals, error) {
	return r.volumesWithin(ctx, "host", backend)
}

// ClusterVolumes implements store.ClusterReader.
func (r *reader) ClusterVolumes(ctx context.Context, cluster string) (map[block.Host]store.PoolTotals, error) {
	return r.volumesWithin(ctx, "cluster_name", cluster)
}

func (r *reader) volumesWithin(ctx context.Context, column, address string) (map[block.Host]store.PoolTotals, error) {
	sb := rows.NewSelect(r.conn.Dialect(), "host, COUNT(*), COALESCE(SUM(size), 0)", "volumes")
	sb.Where("deleted = FALSE", sb.Within(column, address)).Trail("GROUP BY host")
	totals := make(map[block.Host]store.PoolTotals)
	err := r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			var host block.Host
			var p store.PoolTotals
			err := row.Scan((*sqlkit.Text)(&host), (*sqlkit.Int)(&p.Volumes), (*sqlkit.Int)(&p.SizeGiB))
			totals[host] = p
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return totals, nil
}

// RegisterService implements store.ServiceWriter.
func (t *tx) RegisterService(ctx context.Context, v *block.Service) (*block.Service, error) {
	if err := t.LockQuota(ctx, "services"); err != nil { // no project is called so
		return nil, err
	}
	now := t.conn.At(t.conn.Now())
	n, err := t.conn.Exec(ctx, `UPDATE services SET topic = ?, availability_zone = ?, rpc_current_version = ?, object_current_version = ?,
		cluster_name = ?, updated_at = ? WHERE host = ? AND "binary" = ? AND deleted = FALSE`,
		v.Topic, v.AvailabilityZone, v.RPCCurrentVersion, v.ObjectCurrentVersion, sqlkit.NullIfEmpty(v.ClusterName), now, v.Host, v.Binary)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		id := v.UUID
		if id == "" {
			id = uuid.NewString()
		}
		replication := v.ReplicationStatus
		if replication == "" {
			replication = "not-capable"
		}
		err := t.conn.Run(ctx, `INSERT INTO services (created_at, updated_at, deleted, uuid, host, "binary", topic, report_count, disabled, disabled_reason,
			availability_zone, rpc_current_version, object_current_version, cluster_name, replication_status, active_backend_id, frozen)
			VALUES (?, ?, FALSE, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
			now, now, id, v.Host, v.Binary, v.Topic, v.ReportCount, v.Disabled, sqlkit.NullIfEmpty(v.DisabledReason), v.AvailabilityZone,
			v.RPCCurrentVersion, v.ObjectCurrentVersion, sqlkit.NullIfEmpty(v.ClusterName), replication, sqlkit.NullIfEmpty(v.ActiveBackendID), v.Frozen)
		if err != nil {
			return nil, err
		}
	}
	row := new(block.Service)
	_, err = t.conn.Session.QueryRow(ctx, `SELECT `+serviceColumns+` FROM services WHERE host = ? AND "binary" = ? AND deleted = FALSE ORDER BY id`,
		serviceFields(row), v.Host, v.Binary)
	return row, err
}

// Heartbeat implements store.ServiceWriter. NotFound: ServiceNotFound, when an operator removed the row.
func (t *tx) Heartbeat(ctx context.Context, id int64) error {
	n, err := t.conn.Exec(ctx, `UPDATE services SET report_count = report_count + 1, updated_at = ? WHERE id = ? AND deleted = FALSE`, t.conn.At(t.conn.Now()), id)
	if err == nil && n == 0 {
		err = serviceNotFound(id)
	}
	return err
}

// UpdateService implements store.ServiceWriter. It writes modified_at and leaves updated_at alone, which is the heartbeat.
func (t *tx) UpdateService(ctx context.Context, id int64, set store.ServiceSet) error {
	c := rows.NewChange(t.conn, "services", id, "modified_at")
	rows.SetValue(c, "disabled", set.Disabled)
	rows.SetText(c, "disabled_reason", set.DisabledReason)
	rows.SetValue(c, "frozen", set.Frozen)
	rows.SetText(c, "replication_status", set.ReplicationStatus)
	rows.SetText(c, "active_backend_id", set.ActiveBackendID)
	changed, err := c.Apply(ctx)
	if err == nil && !changed {
		err = serviceNotFound(id)
	}
	return err
}

// MoveReplication implements store.ServiceWriter.
func (t *tx) MoveReplication(ctx context.Context, id int64, from []string, to string) (bool, error) {
	args := []any{to, t.conn.At(t.conn.Now()), id}
	for _, status := range from {
		args = append(args, status)
	}
	n, err := t.conn.Exec(ctx, `UPDATE services SET replication_status = ?, modified_at = ? WHERE id = ? AND deleted = FALSE AND replication_status IN (`+
		strings.TrimPrefix(strings.Repeat(", ?", len(from)), ", ")+`)`, args...)
	return n > 0, err
}

func serviceNotFound(id int64) error {
	return fault.New(fault.NotFound, "ServiceNotFound", "Service %d could not be found.", id)
}

// DeleteService implements store.ServiceWriter. A missing row is no error.
func (t *tx) DeleteService(ctx context.Context, id int64) error {
	return t.conn.Run(ctx, `UPDATE services SET deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, t.conn.At(t.conn.Now()), id)
}
