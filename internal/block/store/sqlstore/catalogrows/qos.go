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

// QoS specs are several rows of one table: a root, whose value is the name, and below it one for each key and one for the
// consumer.
const (
	qosTable    = "quality_of_service_specs"
	qosRootKey  = "QoS_Specs_Name"
	qosConsumer = "consumer"
	qosColumns  = "id, created_at, updated_at, deleted_at, value"
)

func qosFields(q *block.QoSSpecs) []any {
	return []any{(*sqlkit.Text)(&q.ID), (*sqlkit.Time)(&q.CreatedAt), (*sqlkit.Time)(&q.UpdatedAt), (*sqlkit.Time)(&q.DeletedAt), (*sqlkit.Text)(&q.Name)}
}

func qosKeys() specs { return specs{table: qosTable, owner: "specs_id", uuids: true} }

func qosListing() *rows.Listing {
	return &rows.Listing{
		From: qosTable + " q", ID: "q.id", Visible: `q.deleted = FALSE AND q."key" = '` + qosRootKey + `'`,
		Columns: rows.Merged(
			rows.SameName("q", rows.Textual, "value", "specs_id"),
			rows.SameName("q", rows.Temporal, "updated_at", "deleted_at"),
			map[string]rows.Column{
				"key":        {Name: `q."key"`},
				"id":         {Name: "q.id", NotNull: true},
				"created_at": {Name: "q.created_at", Kind: rows.Temporal},
			}),
		NotFound: func(id string) error { return block.QoSSpecsNotFound(id) },
	}
}

// QoSSpecs implements store.QoSReader.
func (r CatalogReader) QoSSpecs(ctx context.Context, id string) (*block.QoSSpecs, error) {
	list, err := r.QoSSpecsList(ctx, store.QoSQuery{Equal: map[string][]string{"id": {id}}})
	if err == nil && len(list) == 0 {
		err = block.QoSSpecsNotFound(id)
	}
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// QoSSpecsList implements store.QoSReader.
func (r CatalogReader) QoSSpecsList(ctx context.Context, q store.QoSQuery) (list []*block.QoSSpecs, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		list = nil
		sb := rows.NewSelect(r.conn.Dialect(), rows.Qualified("q", qosColumns), r.qos.From)
		if possible, err := r.qos.Choose(sb, rows.Choice{Equal: q.Equal}); err != nil || !possible {
			return err
		}
		if err := r.qos.Page(ctx, s, sb, "", q.Page); err != nil {
			return err
		}
		byID := map[string]*block.QoSSpecs{}
		var ids []string
		err := sb.Each(ctx, s, func(row *sql.Rows) error {
			v := &block.QoSSpecs{Specs: map[string]*string{}}
			err := row.Scan(qosFields(v)...)
			list, ids, byID[v.ID] = append(list, v), append(ids, v.ID), v
			return err
		})
		if err != nil || len(list) == 0 {
			return err
		}
		return qosKeys().load(ctx, s, ids, func(owner, key string, value *string) {
			switch {
			case key != qosConsumer:
				byID[owner].Specs[key] = value
			case value != nil:
				byID[owner].Consumer = *value
			}
		})
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// TypesWithQoS implements store.QoSReader.
func (r CatalogReader) TypesWithQoS(ctx context.Context, id string) (types []*block.VolumeType, err error) {
	err = r.conn.Read(ctx, func(s *sqlkit.Session) error {
		types = nil
		return s.Query(ctx, `SELECT id, name, is_public, qos_specs_id FROM volume_types WHERE qos_specs_id = ? AND deleted = FALSE ORDER BY created_at, id`,
			func(row *sql.Rows) error {
				t := new(block.VolumeType)
				types = append(types, t)
				return row.Scan((*sqlkit.Text)(&t.ID), (*sqlkit.Text)(&t.Name), (*sqlkit.Bool)(&t.IsPublic), (*sqlkit.Text)(&t.QoSSpecsID))
			}, id)
	})
	if err != nil {
		return nil, err
	}
	return types, nil
}

// CreateQoSSpecs implements store.QoSWriter.
func (w CatalogWriter) CreateQoSSpecs(ctx context.Context, q *block.QoSSpecs) error {
	found, err := w.conn.Session.QueryRow(ctx, `SELECT 1 FROM `+qosTable+` WHERE "key" = ? AND value = ? AND deleted = FALSE`,
		[]any{new(sqlkit.Int)}, qosRootKey, q.Name)
	if err != nil {
		return err
	}
	if found {
		return fault.New(fault.Conflict, "QoSSpecsExists", "QoS Specs %s already exists.", q.Name)
	}
	w.conn.Fill(&q.CreatedAt)
	err = w.conn.Run(ctx, `INSERT INTO `+qosTable+` (created_at, deleted, id, "key", value) VALUES (?, FALSE, ?, ?, ?)`,
		w.conn.At(q.CreatedAt), q.ID, qosRootKey, q.Name)
	if err != nil {
		return err
	}
	return w.PutQoSSpecs(ctx, q.ID, q.Consumer, q.Specs)
}

// PutQoSSpecs implements store.QoSWriter.
func (w CatalogWriter) PutQoSSpecs(ctx context.Context, id, consumer string, pairs map[string]*string) error {
	if found, err := w.conn.Exists(ctx, qosTable, id); err != nil {
		return err
	} else if !found {
		return block.QoSSpecsNotFound(id)
	}
	if consumer != "" {
		if err := qosKeys().put(ctx, w.conn, id, map[string]*string{qosConsumer: &consumer}); err != nil {
			return err
		}
	}
	return qosKeys().put(ctx, w.conn, id, pairs)
}

// DeleteQoSKey implements store.QoSWriter.
func (w CatalogWriter) DeleteQoSKey(ctx context.Context, id, key string) (bool, error) {
	if key == qosConsumer {
		return false, nil
	}
	return qosKeys().remove(ctx, w.conn, id, key)
}

// DestroyQoSSpecs implements store.QoSWriter.
func (w CatalogWriter) DestroyQoSSpecs(ctx context.Context, id string) error {
	n, err := w.conn.Exec(ctx, `UPDATE `+qosTable+` SET deleted = TRUE, deleted_at = ? WHERE id = ? AND deleted = FALSE`, w.conn.At(w.conn.Now()), id)
	if err == nil && n == 0 {
		err = block.QoSSpecsNotFound(id)
	}
	if err != nil {
		return err
	}
	return qosKeys().removeAll(ctx, w.conn, id)
}

// SetTypeQoS implements store.QoSWriter.
func (w CatalogWriter) SetTypeQoS(ctx context.Context, typeID, id string) error {
	n, err := w.conn.Exec(ctx, `UPDATE volume_types SET qos_specs_id = ?, updated_at = ? WHERE id = ? AND deleted = FALSE`,
		id, w.conn.At(w.conn.Now()), typeID)
	if err == nil && n == 0 {
		err = block.VolumeTypeNotFound(typeID)
	}
	return err
}

// ClearTypeQoS implements store.QoSWriter.
func (w CatalogWriter) ClearTypeQoS(ctx context.Context, typeID, id string) error {
	text, args := `UPDATE volume_types SET qos_specs_id = NULL, updated_at = ? WHERE qos_specs_id = ? AND deleted = FALSE`, []any{w.conn.At(w.conn.Now()), id}
	if typeID != "" {
		text, args = text+` AND id = ?`, append(args, typeID)
	}
	return w.conn.Run(ctx, text, args...)
}
