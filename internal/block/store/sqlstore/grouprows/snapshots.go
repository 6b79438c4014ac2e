package grouprows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// snapshotColumns are the columns of a group snapshot, in the order of snapshotFields and CreateGroupSnapshot.
const snapshotColumns = "id, group_id, created_at, updated_at, deleted_at, user_id, project_id, name, description, group_type_id, status"

func snapshotFields(n *block.GroupSnapshot) []any {
	return []any{
		(*sqlkit.Text)(&n.ID), (*sqlkit.Text)(&n.GroupID), (*sqlkit.Time)(&n.CreatedAt), (*sqlkit.Time)(&n.UpdatedAt), (*sqlkit.Time)(&n.DeletedAt),
		(*sqlkit.Text)(&n.UserID), (*sqlkit.Text)(&n.ProjectID), sqlkit.OptionalText{To: &n.Name}, sqlkit.OptionalText{To: &n.Description},
		(*sqlkit.Text)(&n.GroupTypeID), (*sqlkit.Text)(&n.Status),
	}
}

func snapshotListing() *rows.Listing {
	return &rows.Listing{
		From: "group_snapshots n", ID: "n.id", Visible: "n.deleted = FALSE", Project: "n.project_id",
		Columns: rows.Merged(
			rows.SameName("n", rows.Textual, "group_id", "user_id", "project_id", "name", "description", "group_type_id", "status"),
			rows.SameName("n", rows.Temporal, "updated_at"),
			map[string]rows.Column{
				"id":         {Name: "n.id", NotNull: true},
				"created_at": {Name: "n.created_at", Kind: rows.Temporal, NotNull: true},
			}),
		NotFound: func(id string) error { return block.GroupSnapshotNotFound(id) },
	}
}

// GroupSnapshot implements store.GroupReader.
func (r GroupReader) GroupSnapshot(ctx context.Context, id, projectID string) (*block.GroupSnapshot, error) {
	if err := r.conn.Lock(ctx, "group_snapshots", id); err != nil {
		return nil, err
	}
	list, err := r.GroupSnapshots(ctx, store.GroupSnapshotQuery{ProjectID: projectID, Equal: map[string][]string{"id": {id}}})
	if err == nil && len(list) == 0 {
		err = block.GroupSnapshotNotFound(id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// GroupSnapshots implements store.GroupReader.
func (r GroupReader) GroupSnapshots(ctx context.Context, q store.GroupSnapshotQuery) (list []*block.GroupSnapshot, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("n", snapshotColumns), r.snapshots.From)
		if q.WithoutTypeID != "" {
			sb.Where("(n.group_type_id IS NULL OR n.group_type_id <> " + sb.Arg(q.WithoutTypeID) + ")")
		}
		if possible, err := r.snapshots.Choose(sb, rows.Choice{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like}); err != nil || !possible {
			return err
		}
		if err := r.snapshots.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		return sb.Each(ctx, s, func(row *sql.Rows) error {
			n := new(block.GroupSnapshot)
			list = append(list, n)
			return row.Scan(snapshotFields(n)...)
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// CreateGroupSnapshot implements store.GroupWriter.
func (w GroupWriter) CreateGroupSnapshot(ctx context.Context, n *block.GroupSnapshot) error {
	if err := w.conn.Pin(ctx, "\"groups\"", n.GroupID); err != nil {
		return err
	}
	w.conn.Fill(&n.CreatedAt)
	null := sqlkit.NullIfEmpty[string]
	return w.conn.Run(ctx, rows.InsertInto("group_snapshots", snapshotColumns), n.ID, n.GroupID, w.conn.At(n.CreatedAt), w.conn.At(n.UpdatedAt),
		w.conn.At(n.DeletedAt), null(n.UserID), null(n.ProjectID), sqlkit.NullIfNil(n.Name), sqlkit.NullIfNil(n.Description), null(n.GroupTypeID),
		sqlkit.NullIfEmpty(n.Status))
}

// UpdateGroupSnapshot implements store.GroupWriter.
func (w GroupWriter) UpdateGroupSnapshot(ctx context.Context, id string, from []block.GroupSnapshotStatus, to block.GroupSnapshotStatus) (bool, error) {
	c := rows.NewChange(w.conn, "group_snapshots", id, "updated_at")
	c.Set("status", string(to))
	if len(from) > 0 {
		c.Where(rows.Among(c, "status", from))
	}
	return c.Apply(ctx)
}

// DestroyGroupSnapshot implements store.GroupWriter.
func (w GroupWriter) DestroyGroupSnapshot(ctx context.Context, id string) error {
	_, err := w.destroy(ctx, "group_snapshots", id)
	return err
}
