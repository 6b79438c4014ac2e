package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// attachmentColumns are the columns of an attachment, in the order of scanAttachment and CreateAttachment.
const attachmentColumns = "id, volume_id, created_at, updated_at, deleted_at, instance_uuid, attached_host, mountpoint, " +
	"attach_time, detach_time, attach_status, attach_mode, connection_info, connector"

// scanAttachment reads attachmentColumns and then whatever more is asked for.
func scanAttachment(rows *sql.Rows, more ...any) (a block.Attachment, err error) {
	var connection, connector sqlkit.Blob
	err = rows.Scan(append([]any{
		(*sqlkit.Text)(&a.ID), (*sqlkit.Text)(&a.VolumeID),
		(*sqlkit.Time)(&a.CreatedAt), (*sqlkit.Time)(&a.UpdatedAt), (*sqlkit.Time)(&a.DeletedAt),
		(*sqlkit.Text)(&a.InstanceUUID), (*sqlkit.Text)(&a.AttachedHost), (*sqlkit.Text)(&a.Mountpoint),
		(*sqlkit.Time)(&a.AttachTime), (*sqlkit.Time)(&a.DetachTime),
		(*sqlkit.Text)(&a.AttachStatus), (*sqlkit.Text)(&a.AttachMode), &connection, &connector,
	}, more...)...)
	if err != nil {
		return a, err
	}
	if err := fromJSON(connection, &a.Connection); err != nil {
		return a, fmt.Errorf("connection_info of attachment %s: %w", a.ID, err)
	}
	if err := fromJSON(connector, &a.Connector); err != nil {
		return a, fmt.Errorf("connector of attachment %s: %w", a.ID, err)
	}
	return a, nil
}

// fromJSON reads a column of JSON; NULL and the empty text leave nil.
func fromJSON(column []byte, to any) error {
	if len(column) == 0 {
		return nil
	}
	return json.Unmarshal(column, to)
}

// toJSON is an object as an argument; an empty one is NULL.
func toJSON[M ~map[string]any](object M) (any, error) {
	if len(object) == 0 {
		return nil, nil
	}
	text, err := json.Marshal(object)
	return string(text), err
}

const attachmentFrom = "volume_attachment a JOIN volumes v ON v.id = a.volume_id AND v.deleted = FALSE"

func attachmentListing() *listing {
	return &listing{
		from: attachmentFrom, id: "a.id", visible: "a.deleted = FALSE", project: "v.project_id",
		columns: merged(
			sameName("a", textual, "volume_id", "attach_status", "attach_mode", "attached_host", "instance_uuid", "mountpoint"),
			sameName("a", temporal, "updated_at", "attach_time", "detach_time"),
			map[string]column{
				"id":          {name: "a.id", notNull: true},
				"created_at":  {name: "a.created_at", kind: temporal, notNull: true},
				"status":      {name: "a.attach_status"},
				"instance_id": {name: "a.instance_uuid"},
				"instance":    {name: "a.instance_uuid"},
			}),
		notFound: func(id string) error { return block.AttachmentNotFound(id) },
	}
}

// Attachment implements store.AttachmentReader.
func (r *reader) Attachment(ctx context.Context, id, projectID string) (a *block.Attachment, err error) {
	text := `SELECT ` + qualified("a", attachmentColumns) + `, v.project_id FROM ` + attachmentFrom + ` WHERE a.id = ? AND a.deleted = FALSE`
	args := []any{id}
	if projectID != "" {
		text, args = text+` AND v.project_id = ?`, append(args, projectID)
	}
	err = r.read(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, text, func(rows *sql.Rows) error {
			var project sqlkit.Text
			one, err := scanAttachment(rows, &project)
			one.ProjectID = string(project)
			a = &one
			return err
		}, args...)
	})
	switch {
	case err != nil:
		return nil, err
	case a == nil:
		return nil, block.AttachmentNotFound(id)
	}
	return a, nil
}

// Attachments implements store.AttachmentReader.
func (r *reader) Attachments(ctx context.Context, q store.AttachmentQuery) (attachments []*block.Attachment, err error) {
	err = r.read(ctx, func(s *sqlkit.Session) error {
		sb := newSelect()
		sb.Select(qualified("a", attachmentColumns), "v.project_id").From(attachmentFrom)
		c := choice{projectID: q.ProjectID, equal: q.Equal, like: q.Like}
		if possible, err := r.lists.attachments.choose(r.dialect, sb, c); err != nil || !possible {
			return err
		}
		if err := r.lists.attachments.page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		return each(ctx, s, sb, func(rows *sql.Rows) error {
			var project sqlkit.Text
			a, err := scanAttachment(rows, &project)
			a.ProjectID = string(project)
			attachments = append(attachments, &a)
			return err
		})
	})
	if err != nil {
		return nil, err
	}
	return attachments, nil
}

// CreateAttachment implements store.AttachmentWriter.
func (t *tx) CreateAttachment(ctx context.Context, a *block.Attachment) error {
	t.created(&a.CreatedAt)
	connection, err := toJSON(a.Connection)
	if err != nil {
		return block.InvalidInput("the connection information cannot be stored: %v", err)
	}
	connector, err := toJSON(a.Connector)
	if err != nil {
		return block.InvalidInput("the connector cannot be stored: %v", err)
	}
	null := sqlkit.NullIfEmpty[string]
	return t.exec(ctx, insertInto("volume_attachment", attachmentColumns),
		a.ID, a.VolumeID, t.at(a.CreatedAt), t.at(a.UpdatedAt), t.at(a.DeletedAt),
		null(a.InstanceUUID), null(a.AttachedHost), null(a.Mountpoint), t.at(a.AttachTime), t.at(a.DetachTime),
		sqlkit.NullIfEmpty(a.AttachStatus), null(a.AttachMode), connection, connector)
}

// UpdateAttachment implements store.AttachmentWriter.
func (t *tx) UpdateAttachment(ctx context.Context, id string, from []block.AttachStatus, set store.AttachmentSet) (bool, error) {
	c := t.change("volume_attachment", id)
	setText(c, "attach_status", set.AttachStatus)
	setText(c, "attach_mode", set.AttachMode)
	setText(c, "attached_host", set.AttachedHost)
	setText(c, "instance_uuid", set.InstanceUUID)
	setText(c, "mountpoint", set.Mountpoint)
	c.setTime("attach_time", set.AttachTime)
	if set.Connection != nil {
		connection, err := toJSON(*set.Connection)
		if err != nil {
			return false, block.InvalidInput("the connection information cannot be stored: %v", err)
		}
		c.SetMore(c.Assign("connection_info", connection))
	}
	if set.Connector != nil {
		connector, err := toJSON(*set.Connector)
		if err != nil {
			return false, block.InvalidInput("the connector cannot be stored: %v", err)
		}
		c.SetMore(c.Assign("connector", connector))
	}
	among(c, "attach_status", from)
	return t.apply(ctx, c)
}

// DestroyAttachment implements store.AttachmentWriter.
func (t *tx) DestroyAttachment(ctx context.Context, id string) error {
	now := t.at(t.now())
	n, err := t.session.Exec(ctx, `UPDATE volume_attachment SET deleted = TRUE, deleted_at = ?, attach_status = 'detached', detach_time = ?
		WHERE id = ? AND deleted = FALSE`, now, now, id)
	if err != nil || n == 0 {
		return err
	}
	return t.exec(ctx, `UPDATE attachment_specs SET deleted = TRUE, deleted_at = ? WHERE attachment_id = ? AND deleted = FALSE`, now, id)
}
