package cloudrows

import (
	"bytes"
	"context"
	"encoding/json"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

var (
	_ store.MappingReader = CloudRows{}
	_ store.MappingWriter = CloudRows{}
)

// MappingTables are those of federation.
func MappingTables() []migrate.Table {
	return []migrate.Table{{Name: "mappings", Columns: []migrate.Column{migrate.Text("id", idLength), migrate.Text("schema_version", idLength), migrate.Long("rules")},
		Key: []string{"id"}}}
}

// jsonList scans a JSON array.
type jsonList struct{ to *[]any }

// Scan implements sql.Scanner.
func (l jsonList) Scan(src any) error {
	var text sqlkit.Text
	if err := text.Scan(src); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	*l.to = nil
	return decoder.Decode(l.to)
}

const mappingColumns = "id, schema_version, rules"

func mappingFields(m *identity.Mapping) []any {
	return []any{(*sqlkit.Text)(&m.ID), (*sqlkit.Text)(&m.SchemaVersion), jsonList{&m.Rules}}
}

// Mapping implements store.MappingReader.
func (c CloudRows) Mapping(ctx context.Context, id string) (*identity.Mapping, error) {
	q := rows.From(mappingColumns, "mappings")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.conn, q, mappingFields, missing(identity.TheMapping, id))
}

// Mappings implements store.MappingReader.
func (c CloudRows) Mappings(ctx context.Context) ([]*identity.Mapping, error) {
	return rows.All(ctx, c.conn, rows.From(mappingColumns, "mappings"), mappingFields, rows.Unnamed)
}

// CreateMapping implements store.MappingWriter.
func (c CloudRows) CreateMapping(ctx context.Context, m *identity.Mapping) error {
	text, err := json.Marshal(m.Rules)
	if err != nil {
		return err
	}
	return c.conn.Insert(ctx, duplicate("mapping"), rows.InsertInto("mappings", mappingColumns), m.ID, m.SchemaVersion, string(text))
}

// UpdateMapping implements store.MappingWriter.
func (c CloudRows) UpdateMapping(ctx context.Context, m *identity.Mapping) error {
	text, err := json.Marshal(m.Rules)
	if err != nil {
		return err
	}
	return c.conn.Change(ctx, missing(identity.TheMapping, m.ID), nil, `UPDATE mappings SET schema_version = ?, rules = ? WHERE id = ?`, m.SchemaVersion, string(text), m.ID)
}

// DeleteMapping implements store.MappingWriter.
func (c CloudRows) DeleteMapping(ctx context.Context, id string) error {
	return c.conn.Change(ctx, missing(identity.TheMapping, id), nil, `DELETE FROM mappings WHERE id = ?`, id)
}
