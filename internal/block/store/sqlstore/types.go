package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
)

// typeColumns are the columns of a volume type, in the order of typeFields and CreateVolumeType.
const typeColumns = "id, created_at, updated_at, deleted_at, name, description, is_public, qos_specs_id"

func typeFields(v *block.VolumeType) []any {
	return []any{(*sqlkit.Text)(&v.ID), (*sqlkit.Time)(&v.CreatedAt), (*sqlkit.Time)(&v.UpdatedAt), (*sqlkit.Time)(&v.DeletedAt),
		(*sqlkit.Text)(&v.Name), sqlkit.OptionalText{To: &v.Description}, (*sqlkit.Bool)(&v.IsPublic), (*sqlkit.Text)(&v.QoSSpecsID)}
}

// usable is the condition that a project may use the type t; it takes the project as its argument.
const usable = `(t.is_public = TRUE OR EXISTS (SELECT 1 FROM volume_type_projects p WHERE p.volume_type_id = t.id AND p.project_id = %s AND p.deleted = 0))`

func typeListing() *rows.Listing {
	return &rows.Listing{
		From: "volume_types t", ID: "t.id", Visible: "t.deleted = FALSE",
		Columns: rows.Merged(
			rows.SameName("t", rows.Textual, "name", "description", "qos_specs_id"),
			rows.SameName("t", rows.Boolean, "is_public"),
			rows.SameName("t", rows.Temporal, "updated_at"),
			map[string]rows.Column{
				"id":         {Name: "t.id", NotNull: true},
				"created_at": {Name: "t.created_at", Kind: rows.Temporal, NotNull: true},
			}),
		NotFound: func(id string) error { return block.VolumeTypeNotFound(id) },
	}
}

// VolumeType implements store.TypeReader.
func (r *reader) VolumeType(ctx context.Context, id, projectID string) (*block.VolumeType, error) {
	v, err := r.oneType(ctx, r.conn.Dialect().Exact("t.id")+" = ?", projectID, id)
	if err == nil && v == nil {
		return nil, block.VolumeTypeNotFound(id)
	}
	return v, err
}

// TypeByName implements store.TypeReader.
func (r *reader) TypeByName(ctx context.Context, name, projectID string) (*block.VolumeType, error) {
	v, err := r.oneType(ctx, r.conn.Dialect().Exact("t.name")+" = ?", projectID, name)
	if err == nil && v == nil {
		err = noTypeNamed(name)
	}
	return v, err
}

// DefaultType implements store.TypeReader.
func (r *reader) DefaultType(ctx context.Context, projectID, name string) (*block.VolumeType, error) {
	v, err := r.oneType(ctx, `t.id = COALESCE((SELECT d.volume_type_id FROM default_volume_types d WHERE d.project_id = ? AND d.deleted = FALSE),
		(SELECT n.id FROM volume_types n WHERE `+r.conn.Dialect().Exact("n.name")+` = ? AND n.deleted = FALSE))`, "", projectID, name)
	if err == nil && v == nil {
		err = noTypeNamed(name)
	}
	return v, err
}

func noTypeNamed(name string) error {
	return fault.New(fault.NotFound, "VolumeTypeNotFoundByName", "Volume type with name %s could not be found.", name)
}

// oneType reads the type t for which a condition holds, with its extra specs in one statement, and in another the projects of
// one that is not everybody's; nil if there is none, or projectID is given and may not use it.
func (r *reader) oneType(ctx context.Context, condition, projectID string, args ...any) (v *block.VolumeType, err error) {
	text := `SELECT ` + rows.Qualified("t", typeColumns) + `, EXISTS (SELECT 1 FROM encryption WHERE volume_type_id = t.id AND deleted = FALSE), e."key", e.value
		FROM volume_types t LEFT JOIN volume_type_extra_specs e ON e.volume_type_id = t.id AND e.deleted = FALSE WHERE t.deleted = FALSE AND ` + condition
	if projectID != "" {
		text, args = text+` AND `+usableBy("?"), append(args, projectID)
	}
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		v = nil
		return s.Query(ctx, text, func(row *sql.Rows) error {
			t := &block.VolumeType{ExtraSpecs: make(map[string]string)}
			var key, value sqlkit.Text
			if err := row.Scan(append(typeFields(t), (*sqlkit.Bool)(&t.Encrypted), &key, &value)...); err != nil {
				return err
			}
			if v == nil {
				v = t
			}
			if key != "" {
				v.ExtraSpecs[string(key)] = string(value)
			}
			return nil
		}, args...)
	})
	if err != nil || v == nil || v.IsPublic {
		return v, err
	}
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) (err error) {
		v.ProjectIDs, err = s.Strings(ctx, `SELECT project_id FROM volume_type_projects WHERE volume_type_id = ? AND deleted = 0 ORDER BY id`, v.ID)
		return err
	})
	return v, err
}

// VolumeTypes implements store.TypeReader.
func (r *reader) VolumeTypes(ctx context.Context, q store.TypeQuery) (types []*block.VolumeType, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("t", typeColumns), "volume_types t")
		if q.ProjectID != "" {
			sb.Where(usableBy(sb.Arg(q.ProjectID)))
		}
		// Cinder counts the private types that the project may use among its public ones.
		if q.IsPublic != nil && !(*q.IsPublic && q.ProjectID != "") {
			sb.Where("t.is_public = " + sb.Arg(*q.IsPublic))
		}
		for _, key := range slices.Sorted(maps.Keys(q.ExtraSpecs)) {
			k, v := sb.Arg(key), q.ExtraSpecs[key]
			if key == "RESKEY:availability_zones" { // a list in one text
				sb.Where(typeExtraSpecs().HasContaining(sb, "t.id", k, v))
			} else {
				sb.Where(typeExtraSpecs().Has("t.id", k, sb.Arg(v)))
			}
		}
		if possible, err := r.types.Choose(sb, rows.Choice{Equal: q.Equal, Like: q.Like}); err != nil || !possible {
			return err
		}
		if err := r.types.Page(ctx, s, sb, "", q.Page); err != nil {
			return err
		}
		err := sb.Each(ctx, s, func(row *sql.Rows) error {
			v := new(block.VolumeType)
			types = append(types, v)
			return row.Scan(typeFields(v)...)
		})
		if err != nil || len(types) == 0 {
			return err
		}
		return loadExtraSpecs(ctx, s, types)
	})
	if err != nil {
		return nil, err
	}
	return types, nil
}

func usableBy(project string) string { return rows.Column{Via: usable}.Where(project) }

func loadExtraSpecs(ctx context.Context, s *sqlkit.Session, types []*block.VolumeType) error {
	byID := make(map[string]*block.VolumeType, len(types))
	ids := make([]string, len(types))
	for i, v := range types {
		v.ExtraSpecs = make(map[string]string)
		byID[v.ID], ids[i] = v, v.ID
	}
	return typeExtraSpecs().Load(ctx, s, ids, func(id, key, value string) { byID[id].ExtraSpecs[key] = value })
}

func typeExtraSpecs() rows.Pairs { return rows.NewPairs("volume_type_extra_specs", "volume_type_id") }

// TypeInUse implements store.TypeReader.
func (r *reader) TypeInUse(ctx context.Context, id string) (inUse bool, err error) {
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) (err error) {
		inUse, err = s.QueryRow(ctx, `SELECT 1 FROM volumes WHERE volume_type_id = ? AND deleted = FALSE LIMIT 1`, []any{new(sqlkit.Int)}, id)
		return err
	})
	return inUse, err
}

// DefaultTypeID implements store.TypeReader.
func (r *reader) DefaultTypeID(ctx context.Context, projectID string) (id string, err error) {
	err = r.conn.ReadOne(ctx, func(s *sqlkit.Session) error {
		_, err := s.QueryRow(ctx, `SELECT volume_type_id FROM default_volume_types WHERE project_id = ? AND deleted = FALSE`, []any{(*sqlkit.Text)(&id)}, projectID)
		return err
	})
	return id, err
}

// CreateVolumeType implements store.TypeWriter.
func (t *tx) CreateVolumeType(ctx context.Context, v *block.VolumeType) error {
	if err := t.typeNameFree(ctx, v.Name, ""); err != nil {
		return err
	}
	if found, err := t.conn.Session.QueryRow(ctx, `SELECT 1 FROM volume_types WHERE id = ?`, []any{new(sqlkit.Int)}, v.ID); err != nil {
		return err
	} else if found {
		return typeExists(v.ID)
	}
	t.conn.Fill(&v.CreatedAt)
	err := t.conn.Run(ctx, rows.InsertInto("volume_types", typeColumns), v.ID, t.conn.At(v.CreatedAt), t.conn.At(v.UpdatedAt), t.conn.At(v.DeletedAt),
		v.Name, sqlkit.NullIfNil(v.Description), v.IsPublic, sqlkit.NullIfEmpty(v.QoSSpecsID))
	if err != nil {
		return err
	}
	if err := typeExtraSpecs().Insert(ctx, t.conn, v.ID, v.ExtraSpecs, v.CreatedAt); err != nil {
		return err
	}
	for _, project := range slices.Compact(slices.Sorted(slices.Values(v.ProjectIDs))) {
		if err := t.insertAccess(ctx, v.ID, project); err != nil {
			return err
		}
	}
	return nil
}

func typeExists(id string) error {
	return fault.New(fault.Conflict, "VolumeTypeExists", "Volume Type %s already exists.", id)
}

// typeNameFree fails if another type than except has the name.
func (t *tx) typeNameFree(ctx context.Context, name, except string) error {
	if err := t.LockQuota(ctx, "names of volume types"); err != nil { // no project is called so
		return err
	}
	found, err := t.conn.Session.QueryRow(ctx, `SELECT 1 FROM volume_types WHERE name = ? AND id <> ? AND deleted = FALSE`, []any{new(sqlkit.Int)}, name, except)
	if err == nil && found {
		err = typeExists(name)
	}
	return err
}

// UpdateVolumeType implements store.TypeWriter. Conflict: VolumeTypeExists.
func (t *tx) UpdateVolumeType(ctx context.Context, v *block.VolumeType) error {
	if err := t.typeNameFree(ctx, v.Name, v.ID); err != nil {
		return err
	}
	n, err := t.conn.Exec(ctx, `UPDATE volume_types SET name = ?, description = ?, is_public = ?, updated_at = ? WHERE id = ? AND deleted = FALSE`,
		v.Name, sqlkit.NullIfNil(v.Description), v.IsPublic, t.conn.At(t.conn.Now()), v.ID)
	if err == nil && n == 0 {
		err = block.VolumeTypeNotFound(v.ID)
	}
	return err
}

// DestroyVolumeType implements store.TypeWriter.
func (t *tx) DestroyVolumeType(ctx context.Context, id string) error {
	now := t.conn.At(t.conn.Now())
	n, err := t.conn.Exec(ctx, `UPDATE volume_types SET deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, now, id)
	if err != nil {
		return err
	}
	if n == 0 {
		return block.VolumeTypeNotFound(id)
	}
	if err := typeExtraSpecs().RemoveAll(ctx, t.conn, id, now); err != nil {
		return err
	}
	for _, text := range []string{
		`UPDATE encryption SET deleted = TRUE, deleted_at = ? WHERE volume_type_id = ? AND deleted = FALSE`,
		`UPDATE volume_type_projects SET deleted = id, deleted_at = ? WHERE volume_type_id = ? AND deleted = 0`,
	} {
		if err := t.conn.Run(ctx, text, now, id); err != nil {
			return err
		}
	}
	return nil
}

// PutExtraSpecs implements store.TypeWriter.
func (t *tx) PutExtraSpecs(ctx context.Context, typeID string, specs map[string]string) error {
	if err := t.typeThere(ctx, typeID); err != nil {
		return err
	}
	return typeExtraSpecs().Put(ctx, t.conn, typeID, specs, false)
}

func (t *tx) typeThere(ctx context.Context, id string) error {
	found, err := t.conn.Exists(ctx, "volume_types", id)
	if err == nil && !found {
		err = block.VolumeTypeNotFound(id)
	}
	return err
}

// DeleteExtraSpec implements store.TypeWriter.
func (t *tx) DeleteExtraSpec(ctx context.Context, typeID, key string) error {
	found, err := typeExtraSpecs().Remove(ctx, t.conn, typeID, key)
	if err == nil && !found {
		err = fault.New(fault.NotFound, "VolumeTypeExtraSpecsNotFound", "Volume Type %s has no extra specs with key %s.", typeID, key)
	}
	return err
}

// AddTypeAccess implements store.TypeWriter.
func (t *tx) AddTypeAccess(ctx context.Context, typeID, projectID string) error {
	if err := t.typeThere(ctx, typeID); err != nil {
		return err
	}
	found, err := t.conn.Session.QueryRow(ctx, `SELECT 1 FROM volume_type_projects WHERE volume_type_id = ? AND project_id = ? AND deleted = 0`,
		[]any{new(sqlkit.Int)}, typeID, projectID)
	if err != nil {
		return err
	}
	if found {
		return fault.New(fault.Conflict, "VolumeTypeAccessExists", "Volume type access for %s / %s combination already exists.", typeID, projectID)
	}
	return t.insertAccess(ctx, typeID, projectID)
}

func (t *tx) insertAccess(ctx context.Context, typeID, projectID string) error {
	return t.conn.Run(ctx, `INSERT INTO volume_type_projects (created_at, volume_type_id, project_id, deleted) VALUES (?, ?, ?, 0)`,
		t.conn.At(t.conn.Now()), typeID, projectID)
}

// RemoveTypeAccess implements store.TypeWriter.
func (t *tx) RemoveTypeAccess(ctx context.Context, typeID, projectID string) error {
	if err := t.typeThere(ctx, typeID); err != nil {
		return err
	}
	// A removed row carries its own id in deleted, so that the unique constraint lets the access be given again.
	n, err := t.conn.Exec(ctx, `UPDATE volume_type_projects SET deleted = id, deleted_at = ? WHERE volume_type_id = ? AND project_id = ? AND deleted = 0`,
		t.conn.At(t.conn.Now()), typeID, projectID)
	if err == nil && n == 0 {
		err = fault.New(fault.NotFound, "VolumeTypeAccessNotFound", "Volume type access not found for %s / %s combination.", typeID, projectID)
	}
	return err
}
