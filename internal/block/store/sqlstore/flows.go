package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Flows implements store.FlowReader.
func (r *reader) Flows(ctx context.Context, owner string, minAge time.Duration, limit int) (records []flow.Record, err error) {
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, `SELECT id, name, owner, resource_type, resource_id, state, unwinding, cause, attempts, created_at, updated_at
			FROM clinker_flows WHERE owner = ? AND updated_at <= ? ORDER BY updated_at, id LIMIT `+strconv.Itoa(limit), func(row *sql.Rows) error {
			var f flow.Record
			var attempts sqlkit.Int
			err := row.Scan((*sqlkit.Text)(&f.ID), (*sqlkit.Text)(&f.Name), (*sqlkit.Text)(&f.Owner),
				(*sqlkit.Text)(&f.ResourceType), (*sqlkit.Text)(&f.ResourceID), (*sqlkit.Blob)(&f.State),
				(*sqlkit.Bool)(&f.Unwinding), (*sqlkit.Text)(&f.Cause), &attempts,
				(*sqlkit.Time)(&f.CreatedAt), (*sqlkit.Time)(&f.UpdatedAt))
			f.Attempts = int(attempts)
			records = append(records, f)
			return err
		}, owner, r.conn.At(r.conn.Instant().Add(-minAge)))
	})
	if err != nil {
		return nil, err
	}
	return records, nil
}

// Flows implements store.FlowReader.
func (t *tx) Flows(ctx context.Context, owner string, minAge time.Duration, limit int) ([]flow.Record, error) {
	if err := t.finishFlows(ctx); err != nil {
		return nil, err
	}
	return t.reader.Flows(ctx, owner, minAge, limit)
}

// PutFlow implements store.FlowWriter. It writes updated_at by its own clock; created_at stays what it was first.
func (t *tx) PutFlow(_ context.Context, f flow.Record) error {
	t.laterFlow(f.ID, &f)
	return nil
}

// DeleteFlow implements store.FlowWriter.
func (t *tx) DeleteFlow(_ context.Context, id string) error {
	t.laterFlow(id, nil)
	return nil
}

func (t *tx) laterFlow(id string, f *flow.Record) {
	if t.late == nil {
		t.late = make(map[string]*flow.Record)
	}
	t.late[id] = f
}

// finish writes what was left for the end.
func (t *tx) finish(ctx context.Context) error {
	if err := t.QuotaWriter.Finish(ctx); err != nil {
		return err
	}
	return t.finishFlows(ctx)
}

// finishFlows writes the journal's records, in the order of their ids so that transactions do not wait for each other in a circle.
func (t *tx) finishFlows(ctx context.Context) error {
	var put []*flow.Record
	var gone []string
	for _, id := range slices.Sorted(maps.Keys(t.late)) {
		if f := t.late[id]; f != nil {
			put = append(put, f)
		} else {
			gone = append(gone, id)
		}
	}
	t.late = nil
	if err := t.putFlows(ctx, put); err != nil {
		return err
	}
	return t.deleteFlows(ctx, gone)
}

// flowsAtOnce is how many records one statement writes: a power of two, like the smaller numbers it is tried with then.
const flowsAtOnce = 16

// putFlows writes records, each of another id. That is a statement for 16, for 8, 4, 2 and 1: few, so that each stays prepared.
func (t *tx) putFlows(ctx context.Context, records []*flow.Record) error {
	columns := []string{"id", "name", "owner", "resource_type", "resource_id", "state", "unwinding", "cause", "attempts", "created_at", "updated_at"}
	now := t.conn.At(t.conn.Instant())
	for n := flowsAtOnce; len(records) > 0; {
		if n > len(records) {
			n /= 2
			continue
		}
		var args []any
		for _, f := range records[:n] {
			created := now
			if !f.CreatedAt.IsZero() {
				created = t.conn.At(f.CreatedAt)
			}
			args = append(args, f.ID, f.Name, f.Owner, f.ResourceType, f.ResourceID, sqlkit.NullIfEmpty(string(f.State)),
				f.Unwinding, sqlkit.NullIfEmpty(f.Cause), f.Attempts, created, now)
		}
		text := t.conn.Dialect().Upsert("clinker_flows", columns, []string{"id"},
			[]string{"name", "owner", "resource_type", "resource_id", "state", "unwinding", "cause", "attempts", "updated_at"})
		if err := t.conn.Run(ctx, rows.ManyRows(text, len(columns), n), args...); err != nil {
			return err
		}
		records = records[n:]
	}
	return nil
}

func (t *tx) deleteFlows(ctx context.Context, ids []string) error {
	return sqlkit.InChunks(t.conn.Dialect(), ids, func(list string, args []any) error {
		return t.conn.Run(ctx, `DELETE FROM clinker_flows WHERE id IN `+list, args...)
	})
}

// ClaimFlow implements store.FlowWriter.
func (t *tx) ClaimFlow(ctx context.Context, f flow.Record) (bool, error) {
	if err := t.finishFlows(ctx); err != nil {
		return false, err
	}
	n, err := t.conn.Exec(ctx, `UPDATE clinker_flows SET attempts = attempts + 1, updated_at = ?
		WHERE id = ? AND owner = ? AND attempts = ? AND updated_at = ?`,
		t.conn.At(t.conn.Instant()), f.ID, f.Owner, f.Attempts, t.conn.At(f.UpdatedAt))
	return n > 0, err
}

// TouchFlow implements store.FlowWriter.
func (t *tx) TouchFlow(ctx context.Context, f flow.Record) (there, mine bool, err error) {
	if err := t.finishFlows(ctx); err != nil {
		return false, false, err
	}
	n, err := t.conn.Exec(ctx, `UPDATE clinker_flows SET updated_at = ? WHERE id = ? AND owner = ? AND attempts = ?`,
		t.conn.At(t.conn.Instant()), f.ID, f.Owner, f.Attempts)
	if err != nil || n > 0 {
		return n > 0, n > 0, err
	}
	var found sqlkit.Int
	_, err = t.conn.Session.QueryRow(ctx, `SELECT COUNT(*) FROM clinker_flows WHERE id = ?`, []any{&found}, f.ID)
	return found > 0, false, err
}
