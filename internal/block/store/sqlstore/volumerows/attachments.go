package volumerows

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// attachmentColumns are the columns of an attachment, in the order of scanAttachment and CreateAttachment.
const attachmentColumns = "id, volume_id, created_at, updated_at, deleted_at, instance_uuid, attached_host, mountpoint, " +
	"attach_time, detach_time, attach_status, attach_mode, connection_info, connector"

// attachmentRow is an attachment that is being read, by itself or beside a volume that may have none.
type attachmentRow struct {
	block.Attachment
	connection, connector sqlkit.Blob
}

// fields are the destinations of attachmentColumns.
func (a *attachmentRow) fields() []any {
	return []any{
		(*sqlkit.Text)(&a.ID), (*sqlkit.Text)(&a.VolumeID),
		(*sqlkit.Time)(&a.CreatedAt), (*sqlkit.Time)(&a.UpdatedAt), (*sqlkit.Time)(&a.DeletedAt),
		(*sqlkit.Text)(&a.InstanceUUID), (*sqlkit.Text)(&a.AttachedHost), (*sqlkit.Text)(&a.Mountpoint),
		(*sqlkit.Time)(&a.AttachTime), (*sqlkit.Time)(&a.DetachTime),
		(*sqlkit.Text)(&a.AttachStatus), (*sqlkit.Text)(&a.AttachMode), &a.connection, &a.connector,
	}
}

// attachment is the row with its objects.
func (a *attachmentRow) attachment() (block.Attachment, error) {
	if err := fromJSON(a.connection, &a.Connection); err != nil {
		return a.Attachment, fmt.Errorf("connection_info of attachment %s: %w", a.ID, err)
	}
	if err := fromJSON(a.connector, &a.Connector); err != nil {
		return a.Attachment, fmt.Errorf("connector of attachment %s: %w", a.ID, err)
	}
	return a.Attachment, nil
}

// scanAttachment reads attachmentColumns and then whatever more is asked for.
func scanAttachment(r *sql.Rows, more ...any) (block.Attachment, error) {
	var a attachmentRow
	if err := r.Scan(append(a.fields(), more...)...); err != nil {
		return a.Attachment, err
	}
	return a.attachment()
}

// readAttachments reads what rows.Gather gave of the attachments of a volume.
func readAttachments(v *block.Volume, column []byte) error {
	v.Attachments = []block.Attachment{}
	err := rows.EachGathered(column, func(columns [][]byte) error {
		var a attachmentRow
		for i, field := range a.fields() {
			var value any
			if columns[i] != nil {
				value = columns[i]
			}
			if err := field.(sql.Scanner).Scan(value); err != nil {
				return err
			}
		}
		one, err := a.attachment()
		one.ProjectID = v.ProjectID
		v.Attachments = append(v.Attachments, one)
		return err
	})
	sortAttachments(v)
	return err
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

func attachmentListing() *rows.Listing {
	return &rows.Listing{
		From: attachmentFrom, ID: "a.id", Visible: "a.deleted = FALSE", Project: "v.project_id",
		Columns: rows.Merged(
			rows.SameName("a", rows.Textual, "volume_id", "attach_status", "attach_mode", "attached_host", "instance_uuid", "mountpoint"),
			rows.SameName("a", rows.Temporal, "updated_at", "attach_time", "detach_time"),
			map[string]rows.Column{
				"id":          {Name: "a.id", NotNull: true},
				"created_at":  {Name: "a.created_at", Kind: rows.Temporal, NotNull: true},
				"status":      {Name: "a.attach_status"},
				"instance_id": {Name: "a.instance_uuid"},
				"instance":    {Name: "a.instance_uuid"},
			}),
		NotFound: func(id string) error { return block.AttachmentNotFound(id) },
	}
}

// Attachment implements store.AttachmentReader.
func (r Reader) Attachment(ctx context.Context, id, projectID string) (a *block.Attachment, err error) {
	if err := r.conn.Lock(ctx, "volume_attachment", id); err != nil {
		return nil, err
	}
	text := `SELECT ` + rows.Qualified("a", attachmentColumns) + `, v.project_id FROM ` + attachmentFrom + ` WHERE a.id = ? AND a.deleted = FALSE`
	args := []any{id}
	if projectID != "" {
		text, args = text+` AND v.project_id = ?`, append(args, projectID)
	}
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		return s.Query(ctx, text, func(row *sql.Rows) error {
			var project sqlkit.Text
			one, err := scanAttachment(row, &project)
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
func (r Reader) Attachments(ctx context.Context, q store.AttachmentQuery) (attachments []*block.Attachment, err error) {
	err = r.conn.ReadPage(q.Page)(ctx, func(s *sqlkit.Session) error {
		attachments = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("a", attachmentColumns)+", v.project_id", attachmentFrom)
		c := rows.Choice{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like}
		if possible, err := r.attachments.Choose(sb, c); err != nil || !possible {
			return err
		}
		if err := r.attachments.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			var project sqlkit.Text
			a, err := scanAttachment(row, &project)
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
func (w Writer) CreateAttachment(ctx context.Context, a *block.Attachment) error {
	if err := w.conn.Pin(ctx, "volumes", a.VolumeID); err != nil {
		return err
	}
	w.conn.Fill(&a.CreatedAt)
	connection, err := toJSON(a.Connection)
	if err != nil {
		return block.InvalidInput("the connection information cannot be stored: %v", err)
	}
	connector, err := toJSON(a.Connector)
	if err != nil {
		return block.InvalidInput("the connector cannot be stored: %v", err)
	}
	null := sqlkit.NullIfEmpty[string]
	return w.conn.Run(ctx, rows.InsertInto("volume_attachment", attachmentColumns),
		a.ID, a.VolumeID, w.conn.At(a.CreatedAt), w.conn.At(a.UpdatedAt), w.conn.At(a.DeletedAt),
		null(a.InstanceUUID), null(a.AttachedHost), null(a.Mountpoint), w.conn.At(a.AttachTime), w.conn.At(a.DetachTime),
		sqlkit.NullIfEmpty(a.AttachStatus), null(a.AttachMode), connection, connector)
}

// UpdateAttachment implements store.AttachmentWriter.
func (w Writer) UpdateAttachment(ctx context.Context, id string, from []block.AttachStatus, set store.AttachmentSet) (bool, error) {
	c := rows.NewChange(w.conn, "volume_attachment", id, "updated_at")
	rows.SetText(c, "volume_id", set.VolumeID)
	rows.SetText(c, "attach_status", set.AttachStatus)
	rows.SetText(c, "attach_mode", set.AttachMode)
	rows.SetText(c, "attached_host", set.AttachedHost)
	rows.SetText(c, "instance_uuid", set.InstanceUUID)
	rows.SetText(c, "mountpoint", set.Mountpoint)
	c.SetTime("attach_time", set.AttachTime)
	if set.Connection != nil {
		connection, err := toJSON(*set.Connection)
		if err != nil {
			return false, block.InvalidInput("the connection information cannot be stored: %v", err)
		}
		c.Set("connection_info", connection)
	}
	if set.Connector != nil {
		connector, err := toJSON(*set.Connector)
		if err != nil {
			return false, block.InvalidInput("the connector cannot be stored: %v", err)
		}
		c.Set("connector", connector)
	}
	if len(from) > 0 {
		c.Where(rows.Among(c, "attach_status", from))
	}
	return c.Apply(ctx)
}

// DestroyAttachment implements store.AttachmentWriter.
func (w Writer) DestroyAttachment(ctx context.Context, id string) error {
	now := w.conn.At(w.conn.Now())
	n, err := w.conn.Exec(ctx, `UPDATE volume_attachment SET deleted = TRUE, deleted_at = ?, attach_status = 'detached', detach_time = ?
		WHERE id = ? AND deleted = FALSE`, now, now, id)
	if err != nil || n == 0 {
		return err
	}
	return w.conn.Run(ctx, `UPDATE attachment_specs SET deleted = TRUE, deleted_at = ? WHERE attachment_id = ? AND deleted = FALSE`, now, id)
}
