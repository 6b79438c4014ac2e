package grouprows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

// groupTable is quoted: GROUPS is a word of SQL.
const groupTable = `"groups"`

// groupColumns are the columns of a group, in the order of groupFields and CreateGroup.
const groupColumns = "id, created_at, updated_at, deleted_at, user_id, project_id, name, description, availability_zone, group_type_id, " +
	"status, replication_status, host, cluster_name, group_snapshot_id, source_group_id"

// groupFields are the destinations of groupColumns.
func groupFields(g *block.Group) []any {
	return []any{
		(*sqlkit.Text)(&g.ID), (*sqlkit.Time)(&g.CreatedAt), (*sqlkit.Time)(&g.UpdatedAt), (*sqlkit.Time)(&g.DeletedAt),
		(*sqlkit.Text)(&g.UserID), (*sqlkit.Text)(&g.ProjectID), sqlkit.OptionalText{To: &g.Name}, sqlkit.OptionalText{To: &g.Description},
		(*sqlkit.Text)(&g.AvailabilityZone), (*sqlkit.Text)(&g.GroupTypeID), (*sqlkit.Text)(&g.Status), (*sqlkit.Text)(&g.ReplicationStatus),
		(*sqlkit.Text)(&g.Host), (*sqlkit.Text)(&g.ClusterName), (*sqlkit.Text)(&g.GroupSnapshotID), (*sqlkit.Text)(&g.SourceGroupID),
	}
}

func groupListing() *rows.Listing {
	return &rows.Listing{
		From: groupTable + " g", ID: "g.id", Visible: "g.deleted = FALSE", Project: "g.project_id",
		Columns: rows.Merged(
			rows.SameName("g", rows.Textual, "user_id", "project_id", "name", "description", "availability_zone", "group_type_id", "status",
				"replication_status", "group_snapshot_id", "source_group_id"),
			rows.SameName("g", rows.Address, "host", "cluster_name"),
			rows.SameName("g", rows.Temporal, "updated_at"),
			map[string]rows.Column{
				"id":         {Name: "g.id", NotNull: true},
				"created_at": {Name: "g.created_at", Kind: rows.Temporal, NotNull: true},
			}),
		NotFound: func(id string) error { return block.GroupNotFound(id) },
	}
}

// Group implements store.GroupReader.
func (r GroupReader) Group(ctx context.Context, id, projectID string) (*block.Group, error) {
	if err := r.conn.Lock(ctx, "\"groups\"", id); err != nil {
		return nil, err
	}
	list, err := r.Groups(ctx, store.GroupQuery{ProjectID: projectID, Equal: map[string][]string{"id": {id}}})
	if err == nil && len(list) == 0 {
		err = block.GroupNotFound(id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// Groups implements store.GroupReader.
func (r GroupReader) Groups(ctx context.Context, q store.GroupQuery) (list []*block.Group, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("g", groupColumns), r.groups.From)
		if q.WithoutTypeID != "" {
			sb.Where("(g.group_type_id IS NULL OR g.group_type_id <> " + sb.Arg(q.WithoutTypeID) + ")")
		}
		if possible, err := r.groups.Choose(sb, rows.Choice{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like}); err != nil || !possible {
			return err
		}
		if err := r.groups.Page(ctx, s, sb, q.ProjectID, q.Page); err != nil {
			return err
		}
		err := sb.Each(ctx, s, func(row *sql.Rows) error {
			g := new(block.Group)
			list = append(list, g)
			return row.Scan(groupFields(g)...)
		})
		if err != nil || len(list) == 0 {
			return err
		}
		return loadVolumeTypes(ctx, s, list)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// loadVolumeTypes fills in the types of the volumes of groups: one query for every sqlkit.MaxInSet of them.
func loadVolumeTypes(ctx context.Context, s *sqlkit.Session, list []*block.Group) error {
	byID, ids := make(map[string]*block.Group, len(list)), make([]string, len(list))
	for i, g := range list {
		g.VolumeTypeIDs = []string{}
		byID[g.ID], ids[i] = g, g.ID
	}
	return sqlkit.InChunks(s.Dialect(), ids, func(chunk string, args []any) error {
		return s.Query(ctx, `SELECT group_id, volume_type_id FROM group_volume_type_mapping WHERE group_id IN `+chunk+` AND deleted = FALSE ORDER BY id`,
			func(row *sql.Rows) error {
				var groupID, typeID sqlkit.Text
				if err := row.Scan(&groupID, &typeID); err != nil {
					return err
				}
				g := byID[string(groupID)]
				g.VolumeTypeIDs = append(g.VolumeTypeIDs, string(typeID))
				return nil
			}, args...)
	})
}

// GroupVolumeIDs implements store.GroupReader.
func (r GroupReader) GroupVolumeIDs(ctx context.Context, groupIDs []string) (map[string][]string, error) {
	all := map[string][]string{}
	err := r.conn.Read(ctx, func(s *sqlkit.Session) error {
		clear(all)
		return sqlkit.InChunks(s.Dialect(), groupIDs, func(chunk string, args []any) error {
			return s.Query(ctx, `SELECT group_id, id FROM volumes WHERE group_id IN `+chunk+` AND deleted = FALSE ORDER BY created_at, id`,
				func(row *sql.Rows) error {
					var groupID, id sqlkit.Text
					err := row.Scan(&groupID, &id)
					all[string(groupID)] = append(all[string(groupID)], string(id))
					return err
				}, args...)
		})
	})
	if err != nil {
		return nil, err
	}
	return all, nil
}

// CreateGroup implements store.GroupWriter.
func (w GroupWriter) CreateGroup(ctx context.Context, g *block.Group) error {
	w.conn.Fill(&g.CreatedAt)
	null := sqlkit.NullIfEmpty[string]
	err := w.conn.Run(ctx, rows.InsertInto(groupTable, groupColumns), g.ID, w.conn.At(g.CreatedAt), w.conn.At(g.UpdatedAt), w.conn.At(g.DeletedAt),
		null(g.UserID), null(g.ProjectID), sqlkit.NullIfNil(g.Name), sqlkit.NullIfNil(g.Description), null(g.AvailabilityZone), null(g.GroupTypeID),
		sqlkit.NullIfEmpty(g.Status), null(g.ReplicationStatus), sqlkit.NullIfEmpty(g.Host), null(g.ClusterName), null(g.GroupSnapshotID), null(g.SourceGroupID))
	if err != nil {
		return err
	}
	for _, typeID := range g.VolumeTypeIDs {
		err := w.conn.Run(ctx, rows.InsertInto("group_volume_type_mapping", "created_at, group_id, volume_type_id"), w.conn.At(g.CreatedAt), g.ID, typeID)
		if err != nil {
			return err
		}
	}
	return nil
}

// UpdateGroup implements store.GroupWriter.
func (w GroupWriter) UpdateGroup(ctx context.Context, id string, when store.GroupWhen, set store.GroupSet) (bool, error) {
	c := rows.NewChange(w.conn, groupTable, id, "updated_at")
	rows.SetText(c, "status", set.Status)
	rows.SetText(c, "replication_status", set.ReplicationStatus)
	rows.SetValue(c, "name", set.Name)
	rows.SetValue(c, "description", set.Description)
	rows.SetText(c, "host", set.Host)
	rows.SetText(c, "cluster_name", set.ClusterName)
	if len(when.Status) > 0 {
		c.Where(rows.Among(c, "status", when.Status))
	}
	if len(when.ReplicationStatus) > 0 {
		c.Where(rows.Among(c, "replication_status", when.ReplicationStatus))
	}
	if when.Unscheduled {
		c.Where("host IS NULL")
	}
	return c.Apply(ctx)
}

// DestroyGroup implements store.GroupWriter.
func (w GroupWriter) DestroyGroup(ctx context.Context, id string) error {
	there, err := w.destroy(ctx, groupTable, id)
	if err != nil || !there {
		return err
	}
	return w.conn.Run(ctx, `UPDATE group_volume_type_mapping SET deleted = TRUE, deleted_at = ? WHERE group_id = ? AND deleted = FALSE`,
		w.conn.At(w.conn.Now()), id)
}
