package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// definitions is where definitions of a kind are.
type definitions struct {
	table   string
	columns []string // beside the name
	fold    bool     // names that differ by case alone are the same
}

func definitionsOf(kind image.DefinitionKind) (definitions, error) {
	switch kind {
	case image.DefinedObject:
		return definitions{table: "metadef_objects", columns: []string{"json_schema", "description", "required"}}, nil
	case image.DefinedProperty:
		return definitions{table: "metadef_properties", columns: []string{"json_schema"}}, nil
	case image.DefinedTag:
		return definitions{table: "metadef_tags", fold: true}, nil
	}
	return definitions{}, fault.New(fault.Internal, "", "there are no definitions of kind %q", kind)
}

// read is what a query selects of d, and where it goes.
func (of definitions) read(d *image.Definition) (columns string, fields []any) {
	names := append([]string{"d.name", "d.created_at", "d.updated_at"}, of.columns...)
	fields = []any{(*sqlkit.Text)(&d.Name), (*sqlkit.Time)(&d.CreatedAt), (*sqlkit.Time)(&d.UpdatedAt)}
	all := []any{(*sqlkit.Blob)(&d.Schema), sqlkit.OptionalText{To: &d.Description}, listField{&d.Required}}
	return strings.Join(names, ", "), append(fields, all[:len(of.columns)]...)
}

// written are the values of the columns.
func (of definitions) written(d *image.Definition) []any {
	all := []any{cmp.Or(string(d.Schema), "{}"), sqlkit.NullIfNil(d.Description), strings.Join(d.Required, ",")}
	return all[:len(of.columns)]
}

// named is the condition on a name.
func (of definitions) named() string {
	if of.fold {
		return "LOWER(d.name) = LOWER(?)"
	}
	return "d.name = ?"
}

// listField scans what is kept as one text with commas.
type listField struct{ to *[]string }

// Scan implements sql.Scanner.
func (l listField) Scan(src any) error {
	var t sqlkit.Text
	if src != nil {
		if err := t.Scan(src); err != nil {
			return err
		}
	}
	*l.to = []string{}
	if t != "" {
		*l.to = strings.Split(string(t), ",")
	}
	return nil
}

// Definitions implements store.MetadefReader.
func (r *reader) Definitions(ctx context.Context, namespace int64, kind image.DefinitionKind, p store.Page) (list []*image.Definition, err error) {
	of, err := definitionsOf(kind)
	if err != nil || p.Limit <= 0 {
		return nil, err
	}
	err = r.read(ctx, func(s *sqlkit.Session) error {
		columns, _ := of.read(new(image.Definition))
		b := builder(columns, of.table+" d")
		b.Where("d.namespace_id = " + b.Var(namespace))
		paged := page{Page: p, alias: "d", table: of.table, keepsAll: true, notFound: image.DefinitionNotFound(kind, p.Marker),
			sortable: []string{"id", "name", "created_at", "updated_at"}}
		if p.Marker != "" {
			id, err := of.id(ctx, s, namespace, p.Marker)
			if err != nil || id == 0 {
				return orError(err, paged.notFound)
			}
			paged.Marker = strconv.FormatInt(id, 10)
		}
		if err := r.page(ctx, s, b, paged); err != nil {
			return err
		}
		text, args := b.Build()
		return s.Query(ctx, text, func(rows *sql.Rows) error {
			d := new(image.Definition)
			list = append(list, d)
			_, fields := of.read(d)
			return rows.Scan(fields...)
		}, args...)
	})
	if err != nil {
		return nil, err
	}
	return list, nil
}

// id is the row of the definition called name, 0 if there is none.
func (of definitions) id(ctx context.Context, s *sqlkit.Session, namespace int64, name string) (id int64, err error) {
	_, err = s.QueryRow(ctx, `SELECT d.id FROM `+of.table+` d WHERE d.namespace_id = ? AND `+of.named(), []any{(*sqlkit.Int)(&id)}, namespace, name)
	return id, err
}

// Definition implements store.MetadefReader.
func (r *reader) Definition(ctx context.Context, namespace int64, kind image.DefinitionKind, name string) (*image.Definition, error) {
	of, err := definitionsOf(kind)
	if err != nil {
		return nil, err
	}
	d := new(image.Definition)
	err = r.read(ctx, func(s *sqlkit.Session) error {
		columns, fields := of.read(d)
		found, err := s.QueryRow(ctx, `SELECT `+columns+` FROM `+of.table+` d WHERE d.namespace_id = ? AND `+of.named(), fields, namespace, name)
		if err == nil && !found {
			err = image.DefinitionNotFound(kind, name)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return d, nil
}

// CreateDefinition implements store.MetadefWriter.
func (t *tx) CreateDefinition(ctx context.Context, n *image.Namespace, kind image.DefinitionKind, d *image.Definition) error {
	of, err := definitionsOf(kind)
	if err != nil {
		return err
	}
	if id, err := of.id(ctx, t.session, n.ID, d.Name); err != nil || id != 0 {
		return orError(err, image.DefinitionDuplicate(kind, n.Name, d.Name))
	}
	d.CreatedAt = t.now()
	d.UpdatedAt = d.CreatedAt
	columns := append([]string{"namespace_id", "name", "created_at", "updated_at"}, of.columns...)
	args := append([]any{n.ID, d.Name, t.at(d.CreatedAt), t.at(d.UpdatedAt)}, of.written(d)...)
	return t.run(ctx, `INSERT INTO `+of.table+` (`+strings.Join(columns, ", ")+`) VALUES (?`+strings.Repeat(", ?", len(columns)-1)+`)`, args...)
}

// SaveDefinition implements store.MetadefWriter.
func (t *tx) SaveDefinition(ctx context.Context, n *image.Namespace, kind image.DefinitionKind, name string, d *image.Definition) error {
	before, err := t.Definition(ctx, n.ID, kind, name)
	if err != nil {
		return err
	}
	of, err := definitionsOf(kind)
	if err != nil {
		return err
	}
	id, err := of.id(ctx, t.session, n.ID, name)
	if err != nil {
		return err
	}
	if other, err := of.id(ctx, t.session, n.ID, d.Name); err != nil || other != 0 && other != id {
		return orError(err, image.DefinitionDuplicate(kind, n.Name, d.Name))
	}
	d.CreatedAt, d.UpdatedAt = before.CreatedAt, t.now()
	set := ""
	for _, column := range of.columns {
		set += ", " + column + " = ?"
	}
	args := append([]any{d.Name, t.at(d.UpdatedAt)}, of.written(d)...)
	return t.run(ctx, `UPDATE `+of.table+` SET name = ?, updated_at = ?`+set+` WHERE id = ?`, append(args, id)...)
}

// DestroyDefinition implements store.MetadefWriter.
func (t *tx) DestroyDefinition(ctx context.Context, n *image.Namespace, kind image.DefinitionKind, name string) error {
	of, err := definitionsOf(kind)
	if err != nil {
		return err
	}
	id, err := of.id(ctx, t.session, n.ID, name)
	if err != nil || id == 0 {
		return orError(err, image.DefinitionNotFound(kind, name))
	}
	return t.run(ctx, `DELETE FROM `+of.table+` WHERE id = ?`, id)
}

// DestroyDefinitions implements store.MetadefWriter.
func (t *tx) DestroyDefinitions(ctx context.Context, n *image.Namespace, kind image.DefinitionKind) error {
	of, err := definitionsOf(kind)
	if err != nil {
		return err
	}
	return t.run(ctx, `DELETE FROM `+of.table+` WHERE namespace_id = ?`, n.ID)
}
