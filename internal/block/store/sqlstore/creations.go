package sqlstore

import (
	"context"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Creation implements store.CreationReader.
func (r *reader) Creation(ctx context.Context, key string, since time.Time) (id string, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		id = ""
		_, err := s.QueryRow(ctx, `SELECT resource_id FROM clinker_creations WHERE id = ? AND created_at >= ?`,
			[]any{(*sqlkit.Text)(&id)}, key, r.conn.At(since))
		return err
	})
	return id, err
}

// EnterCreation implements store.CreationWriter.
func (t *tx) EnterCreation(ctx context.Context, key, id string, since time.Time, instead string) error {
	err := t.conn.Run(ctx, `DELETE FROM clinker_creations WHERE id = ? AND (created_at < ? OR resource_id = ?)`, key, t.conn.At(since), instead)
	if err != nil {
		return err
	}
	err = t.conn.Run(ctx, `INSERT INTO clinker_creations (id, resource_id, created_at) VALUES (?, ?, ?)`, key, id, t.conn.At(t.conn.Instant()))
	if t.conn.Session.IsDuplicate(err) {
		return fault.Wrap(err, fault.Conflict, "", "The create %s has been carried out already.", key)
	}
	return err
}

// DeleteCreations implements store.CreationWriter. The subquery is wrapped once more because MySQL takes no LIMIT in one
// that it deletes by.
func (t *tx) DeleteCreations(ctx context.Context, before time.Time, limit int) (int64, error) {
	return t.conn.Exec(ctx, `DELETE FROM clinker_creations WHERE id IN (SELECT id FROM (SELECT id FROM clinker_creations WHERE created_at < ? ORDER BY created_at LIMIT `+
		strconv.Itoa(limit)+`) old)`, t.conn.At(before))
}
