package sqlstore

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

const (
	taskColumns = `k.id, k.type, k.status, k.owner, k.image_id, k.request_id, k.user_id, k.created_at, k.updated_at, k.expires_at,
	n.input, n.result, n.message`
	taskFrom = `tasks k JOIN task_info n ON n.task_id = k.id`
)

func taskFields(k *image.Task) []any {
	return []any{
		(*sqlkit.Text)(&k.ID), (*sqlkit.Text)(&k.Type), (*sqlkit.Text)(&k.Status), (*sqlkit.Text)(&k.Owner), (*sqlkit.Text)(&k.ImageID),
		(*sqlkit.Text)(&k.RequestID), (*sqlkit.Text)(&k.UserID), (*sqlkit.Time)(&k.CreatedAt), (*sqlkit.Time)(&k.UpdatedAt),
		(*sqlkit.Time)(&k.ExpiresAt), (*sqlkit.Blob)(&k.Input), (*sqlkit.Blob)(&k.Result), (*sqlkit.Text)(&k.Message),
	}
}

// Task implements store.TaskReader.
func (r *reader) Task(ctx context.Context, id string) (*image.Task, error) {
	k := new(image.Task)
	err := r.read(ctx, func(s *sqlkit.Session) error {
		found, err := s.QueryRow(ctx, `SELECT `+taskColumns+` FROM `+taskFrom+` WHERE k.id = ? AND k.deleted = FALSE`, taskFields(k), id)
		if err == nil && !found {
			err = image.TaskNotFound(id)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return k, nil
}

// Tasks implements store.TaskReader.
func (r *reader) Tasks(ctx context.Context, q store.TaskQuery) (tasks []*image.Task, err error) {
	if q.Page.Limit <= 0 {
		return nil, nil
	}
	err = r.read(ctx, func(s *sqlkit.Session) error {
		b := builder(taskColumns, taskFrom)
		b.Where("k.deleted = FALSE")
		for _, f := range [][2]string{{"owner", q.Owner}, {"image_id", q.ImageID}, {"type", q.Type}, {"status", string(q.Status)}} {
			if f[1] != "" {
				b.Where("k." + f[0] + " = " + b.Var(f[1]))
			}
		}
		err := r.page(ctx, s, b, page{Page: q.Page, alias: "k", table: "tasks", notFound: image.TaskNotFound(q.Page.Marker),
			sortable: []string{"id", "type", "status", "owner", "created_at", "updated_at", "expires_at"}})
		if err != nil {
			return err
		}
		text, args := b.Build()
		return s.Query(ctx, text, func(rows *sql.Rows) error {
			k := new(image.Task)
			tasks = append(tasks, k)
			return rows.Scan(taskFields(k)...)
		}, args...)
	})
	if err != nil {
		return nil, err
	}
	return tasks, nil
}

// CreateTask implements store.TaskWriter.
func (t *tx) CreateTask(ctx context.Context, k *image.Task) error {
	if k.CreatedAt.IsZero() {
		k.CreatedAt = t.now()
	}
	if k.UpdatedAt.IsZero() {
		k.UpdatedAt = k.CreatedAt
	}
	null := sqlkit.NullIfEmpty[string]
	err := t.run(ctx, `INSERT INTO tasks (id, type, status, owner, image_id, request_id, user_id, created_at, updated_at, expires_at, deleted)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, FALSE)`, k.ID, k.Type, string(k.Status), null(k.Owner), null(k.ImageID), null(k.RequestID),
		null(k.UserID), t.at(k.CreatedAt), t.at(k.UpdatedAt), t.at(k.ExpiresAt))
	if err != nil {
		return err
	}
	return t.run(ctx, `INSERT INTO task_info (task_id, input, result, message) VALUES (?, ?, ?, ?)`,
		k.ID, null(string(k.Input)), null(string(k.Result)), null(k.Message))
}

// SaveTask implements store.TaskWriter.
func (t *tx) SaveTask(ctx context.Context, k *image.Task) error {
	k.UpdatedAt = t.now()
	n, err := t.session.Exec(ctx, `UPDATE tasks SET status = ?, expires_at = ?, updated_at = ? WHERE id = ? AND deleted = FALSE`,
		string(k.Status), t.at(k.ExpiresAt), t.at(k.UpdatedAt), k.ID)
	if err == nil && n == 0 {
		err = image.TaskNotFound(k.ID)
	}
	if err != nil {
		return err
	}
	null := sqlkit.NullIfEmpty[string]
	return t.run(ctx, `UPDATE task_info SET result = ?, message = ? WHERE task_id = ?`, null(string(k.Result)), null(k.Message), k.ID)
}

// DestroyExpiredTasks implements store.TaskWriter.
func (t *tx) DestroyExpiredTasks(ctx context.Context) (int64, error) {
	const expired = `expires_at IS NOT NULL AND expires_at <= ?`
	now := t.at(t.now())
	if err := t.run(ctx, `DELETE FROM task_info WHERE task_id IN (SELECT id FROM tasks WHERE `+expired+`)`, now); err != nil {
		return 0, err
	}
	return t.session.Exec(ctx, `DELETE FROM tasks WHERE `+expired, now)
}
