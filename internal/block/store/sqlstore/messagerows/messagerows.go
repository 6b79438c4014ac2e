// Package messagerows is sqlstore's part for user messages.
//
// What must not live here: other resources, and what they all have in common, which is package rows. It is a part of
// sqlstore and imported by nothing else.
package messagerows

import (
	"context"
	"database/sql"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// MessageReader implements store.MessageReader.
type MessageReader struct {
	conn     *rows.Conn
	messages *rows.Listing
}

// NewReader makes a reader on the database; it is safe for concurrent use.
func NewReader(c *rows.Conn) MessageReader { return MessageReader{conn: c, messages: listing()} }

// MessageWriter implements store.MessageWriter, and reads in the same transaction.
type MessageWriter struct{ MessageReader }

// NewWriter makes a writer in the transaction of c, which has a session; r is any reader of the same database.
func NewWriter(r MessageReader, c *rows.Conn) MessageWriter {
	r.conn = c
	return MessageWriter{r}
}

const columns = "id, created_at, updated_at, deleted_at, project_id, request_id, resource_type, resource_uuid, event_id, action_id, detail_id, message_level, expires_at"

func fields(m *block.Message) []any {
	return []any{(*sqlkit.Text)(&m.ID), (*sqlkit.Time)(&m.CreatedAt), (*sqlkit.Time)(&m.UpdatedAt), (*sqlkit.Time)(&m.DeletedAt),
		(*sqlkit.Text)(&m.ProjectID), (*sqlkit.Text)(&m.RequestID), (*sqlkit.Text)(&m.ResourceType), (*sqlkit.Text)(&m.ResourceID),
		(*sqlkit.Text)(&m.EventID), (*sqlkit.Text)(&m.Action), (*sqlkit.Text)(&m.Detail), (*sqlkit.Text)(&m.Level), (*sqlkit.Time)(&m.ExpiresAt)}
}

func listing() *rows.Listing {
	return &rows.Listing{
		From: "messages m", ID: "m.id", Visible: "m.deleted = FALSE", Project: "m.project_id",
		Columns: rows.Merged(
			rows.SameName("m", rows.Textual, "project_id", "request_id", "resource_type", "resource_uuid", "event_id", "action_id", "detail_id", "message_level"),
			rows.SameName("m", rows.Temporal, "updated_at", "expires_at"),
			map[string]rows.Column{
				"id":         {Name: "m.id", NotNull: true},
				"created_at": {Name: "m.created_at", Kind: rows.Temporal},
			}),
		NotFound: func(id string) error { return block.MessageNotFound(id) },
	}
}

// Message implements store.MessageReader.
func (r MessageReader) Message(ctx context.Context, id, projectID string) (*block.Message, error) {
	list, err := r.Messages(ctx, store.MessageQuery{ProjectID: projectID, Equal: map[string][]string{"id": {id}}})
	if err == nil && len(list) == 0 {
		err = block.MessageNotFound(id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// Messages implements store.MessageReader.
func (r MessageReader) Messages(ctx context.Context, q store.MessageQuery) (list []*block.Message, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("m", columns), r.messages.From)
		if possible, err := r.messages.Choose(sb, rows.Choice{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like}); err != nil || !possible {
			return err
		}
		if err := r.messages.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			m := new(block.Message)
			list = append(list, m)
			return row.Scan(fields(m)...)
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// CreateMessage implements store.MessageWriter.
func (w MessageWriter) CreateMessage(ctx context.Context, m *block.Message) error {
	w.conn.Fill(&m.CreatedAt)
	null := sqlkit.NullIfEmpty[string]
	return w.conn.Run(ctx, rows.InsertInto("messages", columns), m.ID, w.conn.At(m.CreatedAt), w.conn.At(m.UpdatedAt), w.conn.At(m.DeletedAt),
		m.ProjectID, null(m.RequestID), null(m.ResourceType), null(m.ResourceID), m.EventID, null(m.Action), null(m.Detail), m.Level, w.conn.At(m.ExpiresAt))
}

// DestroyMessage implements store.MessageWriter.
func (w MessageWriter) DestroyMessage(ctx context.Context, id string) error {
	return w.conn.Run(ctx, `UPDATE messages SET deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, w.conn.At(w.conn.Now()), id)
}

// DeleteExpiredMessages implements store.MessageWriter. The subquery is wrapped once more because MySQL takes no LIMIT in
// one that it deletes by.
func (w MessageWriter) DeleteExpiredMessages(ctx context.Context, before time.Time, limit int) (int64, error) {
	return w.conn.Exec(ctx, `DELETE FROM messages WHERE id IN (SELECT id FROM (SELECT id FROM messages WHERE expires_at < ? ORDER BY expires_at LIMIT `+
		strconv.Itoa(limit)+`) expired)`, w.conn.At(before))
}
