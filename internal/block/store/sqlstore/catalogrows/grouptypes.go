package catalogrows

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

const groupTypeColumns = "id, created_at, updated_at, deleted_at, name, description, is_public"

func groupTypeFields(t *block.GroupType) []any {
	return []any{(*sqlkit.Text)(&t.ID), (*sqlkit.Time)(&t.CreatedAt), (*sqlkit.Time)(&t.UpdatedAt), (*sqlkit.Time)(&t.DeletedAt),
		(*sqlkit.Text)(&t.Name), sqlkit.OptionalText{To: &t.Description}, (*sqlkit.Bool)(&t.IsPublic)}
}

func groupSpecs() specs { return specs{table: "group_type_specs", owner: "group_type_id"} }

// usableGroupType is the condition that a project may use the group type t; it takes the project as its argument.
const usableGroupType = `(t.is_public = TRUE OR EXISTS (SELECT 1 FROM group_type_projects p WHERE p.group_type_id = t.id AND p.project_id = %s AND p.deleted = FALSE))`

func usableBy(project string) string { return rows.Column{Via: usableGroupType}.Where(project) }

func groupTypeListing() *rows.Listing {
	return &rows.Listing{
		From: "group_types t", ID: "t.id", Visible: "t.deleted = FALSE",
		Columns: rows.Merged(
			rows.SameName("t", rows.Textual, "name", "description"),
			rows.SameName("t", rows.Boolean, "is_public"),
			rows.SameName("t", rows.Temporal, "updated_at"),
			map[string]rows.Column{
				"id":         {Name: "t.id", NotNull: true},
				"created_at": {Name: "t.created_at", Kind: rows.Temporal},
			}),
		NotFound: func(id string) error { return block.GroupTypeNotFound(id) },
	}
}

// GroupType implements store.GroupTypeReader.
func (r CatalogReader) GroupType(ctx context.Context, id, projectID string) (*block.GroupType, error) {
	t, err := r.oneGroupType(ctx, "t.id", id, projectID)
	if err == nil && t == nil {
		err = block.GroupTypeNotFound(id)
	}
	return t, err
}

// GroupTypeByName implements store.GroupTypeReader.
func (r CatalogReader) GroupTypeByName(ctx context.Context, name, projectID string) (*block.GroupType, error) {
	t, err := r.oneGroupType(ctx, "t.name", name, projectID)
	if err == nil && t == nil {
		err = fault.New(fault.NotFound, "GroupTypeNotFoundByName", "Group type with name %s could not be found.", name)
	}
	return t, err
}

// oneGroupType reads a group type; nil if there is none.
func (r CatalogReader) oneGroupType(ctx context.Context, by, value, projectID string) (*block.GroupType, error) {
	var found bool
	t := new(block.GroupType)
	err := r.conn.Read(ctx, func(s *sqlkit.Session) (err error) {
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("t", groupTypeColumns), "group_types t")
		sb.Where("t.deleted = FALSE", r.conn.Dialect().Exact(by)+" = "+sb.Arg(value))
		if projectID != "" {
			sb.Where(usableBy(sb.Arg(projectID)))
		}
		if found, err = sb.Row(ctx, s, groupTypeFields(t)...); err != nil || !found {
			return err
		}
		return loadGroupSpecs(ctx, s, []*block.GroupType{t})
	})
	if err != nil || !found {
		return nil, err
	}
	return t, nil
}

// GroupTypes implements store.GroupTypeReader.
func (r CatalogReader) GroupTypes(ctx context.Context, q store.GroupTypeQuery) (list []*block.GroupType, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("t", groupTypeColumns), r.groupTypes.From)
		if q.ProjectID != "" {
			sb.Where(usableBy(sb.Arg(q.ProjectID)))
		}
		if q.IsPublic != nil {
			sb.Where("t.is_public = " + sb.Arg(*q.IsPublic))
		}
		if possible, err := r.groupTypes.Choose(sb, rows.Choice{}); err != nil || !possible {
			return err
		}
		if err := r.groupTypes.Page(ctx, s, sb, "", q.Page); err != nil {
			return err
		}
		err := sb.Each(ctx, s, func(row *sql.Rows) error {
			t := new(block.GroupType)
			list = append(list, t)
			return row.Scan(groupTypeFields(t)...)
		})
		if err != nil || len(list) == 0 {
			return err
		}
		return loadGroupSpecs(ctx, s, list)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

func loadGroupSpecs(ctx context.Context, s *sqlkit.Session, list []*block.GroupType) error {
	byID, ids := make(map[string]*block.GroupType, len(list)), make([]string, len(list))
	for i, t := range list {
		t.Specs = map[string]*string{}
		byID[t.ID], ids[i] = t, t.ID
	}
	return groupSpecs().load(ctx, s, ids, func(owner, key string, value *string) { byID[owner].Specs[key] = value })
}

// GroupTypeInUse implements store.GroupTypeReader.
func (r CatalogReader) GroupTypeInUse(ctx context.Context, id string) (inUse bool, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) (err error) {
		inUse, err = s.QueryRow(ctx, `SELECT 1 FROM "groups" WHERE group_type_id = ? AND deleted = FALSE LIMIT 1`, []any{new(sqlkit.Int)}, id)
		return err
	})
	return inUse, err
}

// groupTypeNameFree fails if another group type than except has the name.
func (w CatalogWriter) groupTypeNameFree(ctx context.Context, name, except string) error {
	found, err := w.conn.Session.QueryRow(ctx, `SELECT 1 FROM group_types WHERE name = ? AND id <> ? AND deleted = FALSE`, []any{new(sqlkit.Int)}, name, except)
	if err == nil && found {
		err = fault.New(fault.Conflict, "GroupTypeExists", "Group Type %s already exists.", name)
	}
	return err
}

// CreateGroupType implements store.GroupTypeWriter.
func (w CatalogWriter) CreateGroupType(ctx context.Context, t *block.GroupType) error {
	if err := w.groupTypeNameFree(ctx, t.Name, ""); err != nil {
		return err
	}
	w.conn.Fill(&t.CreatedAt)
	err := w.conn.Run(ctx, rows.InsertInto("group_types", groupTypeColumns), t.ID, w.conn.At(t.CreatedAt), w.conn.At(t.UpdatedAt), w.conn.At(t.DeletedAt),
		t.Name, sqlkit.NullIfNil(t.Description), t.IsPublic)
	if err != nil {
		return err
	}
	return groupSpecs().put(ctx, w.conn, t.ID, t.Specs)
}

// UpdateGroupType implements store.GroupTypeWriter.
func (w CatalogWriter) UpdateGroupType(ctx context.Context, t *block.GroupType) error {
	if err := w.groupTypeNameFree(ctx, t.Name, t.ID); err != nil {
		return err
	}
	n, err := w.conn.Exec(ctx, `UPDATE group_types SET name = ?, description = ?, is_public = ?, updated_at = ? WHERE id = ? AND deleted = FALSE`,
		t.Name, sqlkit.NullIfNil(t.Description), t.IsPublic, w.conn.At(w.conn.Now()), t.ID)
	if err == nil && n == 0 {
		err = block.GroupTypeNotFound(t.ID)
	}
	return err
}

// DestroyGroupType implements store.GroupTypeWriter.
func (w CatalogWriter) DestroyGroupType(ctx context.Context, id string) error {
	n, err := w.conn.Exec(ctx, `UPDATE group_types SET deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, w.conn.At(w.conn.Now()), id)
	if err == nil && n == 0 {
		err = block.GroupTypeNotFound(id)
	}
	if err != nil {
		return err
	}
	return groupSpecs().removeAll(ctx, w.conn, id)
}

// PutGroupSpecs implements store.GroupTypeWriter.
func (w CatalogWriter) PutGroupSpecs(ctx context.Context, id string, pairs map[string]*string) error {
	found, err := w.conn.Exists(ctx, "group_types", id)
	if err == nil && !found {
		err = block.GroupTypeNotFound(id)
	}
	if err != nil {
		return err
	}
	return groupSpecs().put(ctx, w.conn, id, pairs)
}

// DeleteGroupSpec implements store.GroupTypeWriter.
func (w CatalogWriter) DeleteGroupSpec(ctx context.Context, id, key string) error {
	found, err := groupSpecs().remove(ctx, w.conn, id, key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "GroupTypeSpecsNotFound", "Group Type %s has no specs with key %s.", id, key)
	}
	return err
}
