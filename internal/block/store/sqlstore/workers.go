package sqlstore

import (
	"context"
	"database/sql"
	"strconv"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Workers implements store.WorkerReader. The row that Cinder keeps to find out what the database can do is left out.
func (r *reader) Workers(ctx context.Context, q store.WorkerQuery) (workers []store.Worker, err error) {
	sb := rows.NewSelect(r.conn.Dialect(), "id, resource_type, resource_id, status, service_id, race_preventer, updated_at", "workers")
	sb.Where("resource_type <> 'SENTINEL'", "id > "+sb.Arg(q.AfterID))
	if q.ServiceID != 0 {
		sb.Where("service_id = " + sb.Arg(q.ServiceID))
	}
	if q.ResourceType != "" {
		sb.Where("resource_type = " + sb.Arg(q.ResourceType))
	}
	if q.ResourceID != "" {
		sb.Where("resource_id = " + sb.Arg(q.ResourceID))
	}
	if !q.Until.IsZero() {
		sb.Where("updated_at <= " + sb.Arg(r.conn.At(q.Until)))
	}
	sb.Trail("ORDER BY id")
	if q.Limit > 0 {
		sb.Trail("LIMIT " + strconv.Itoa(q.Limit))
	}
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			var w store.Worker
			err := row.Scan((*sqlkit.Int)(&w.ID), (*sqlkit.Text)(&w.ResourceType), (*sqlkit.Text)(&w.ResourceID), (*sqlkit.Text)(&w.Status),
				(*sqlkit.Int)(&w.ServiceID), (*sqlkit.Int)(&w.Race), (*sqlkit.Time)(&w.UpdatedAt))
			workers = append(workers, w)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return workers, nil
}

// unchanged is the condition that a worker is as it was read: every change counts race_preventer up, and SQLite gives ids again.
const unchanged = `id = ? AND resource_id = ? AND status = ? AND COALESCE(service_id, 0) = ? AND race_preventer = ?`

// ClaimWorker implements store.WorkerWriter.
func (t *tx) ClaimWorker(ctx context.Context, w store.Worker, serviceID int64) (bool, error) {
	n, err := t.conn.Exec(ctx, `UPDATE workers SET service_id = ?, race_preventer = race_preventer + 1, updated_at = ? WHERE `+unchanged,
		serviceID, t.conn.At(t.conn.Instant()), w.ID, w.ResourceID, w.Status, w.ServiceID, w.Race)
	return n > 0, err
}

// DropWorker implements store.WorkerWriter.
func (t *tx) DropWorker(ctx context.Context, w store.Worker) (bool, error) {
	n, err := t.conn.Exec(ctx, `DELETE FROM workers WHERE `+unchanged, w.ID, w.ResourceID, w.Status, w.ServiceID, w.Race)
	return n > 0, err
}

// ForgetWorker implements store.WorkerWriter.
func (t *tx) ForgetWorker(ctx context.Context, resourceType, resourceID string) error {
	return t.conn.Run(ctx, `DELETE FROM workers WHERE resource_type = ? AND resource_id = ?`, resourceType, resourceID)
}

// LeaveWorker implements store.WorkerWriter.
func (t *tx) LeaveWorker(ctx context.Context, w store.Worker) error {
	if err := t.ForgetWorker(ctx, w.ResourceType, w.ResourceID); err != nil {
		return err
	}
	now := t.conn.Instant()
	var service any
	if w.ServiceID != 0 {
		service = w.ServiceID
	}
	return t.conn.Run(ctx, `INSERT INTO workers (created_at, updated_at, deleted, resource_type, resource_id, status, service_id, race_preventer)
		VALUES (?, ?, FALSE, ?, ?, ?, ?, ?)`, t.conn.At(now), t.conn.At(now), w.ResourceType, w.ResourceID, w.Status, service, w.Race)
}
