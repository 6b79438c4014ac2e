package schema

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/sqlkit"
)

// tables gives the tables, each after the ones it refers to. Glance's DATETIME has seconds in some databases; ours keep
// microseconds, so that an order by time is one.
func tables() []table {
	return []table{
		{
			name: "images",
			columns: withTimestamps(
				varchar("id", 36).key(), varchar("name", 255), bigint("size"), bigint("virtual_size"), varchar("status", 30).required(),
				varchar("visibility", 16).required(), varchar("disk_format", 20), varchar("container_format", 20),
				varchar("checksum", 32), varchar("os_hash_algo", 64), varchar("os_hash_value", 128), varchar("owner", 255),
				integer("min_disk").required(), integer("min_ram").required(), boolean("protected").required(), boolean("os_hidden").required()),
			indexes: [][]string{{"deleted", "created_at", "id"}, {"owner", "deleted", "created_at", "id"}},
		},
		ofImage("image_properties", []string{"image_id", "name"}, varchar("name", 255).required(), text("value")),
		ofImage("image_tags", []string{"image_id", "value"}, varchar("value", 255).required()),
		ofImage("image_locations", nil, text("value").required(), text("meta_data"), varchar("status", 30).required()),
		ofImage("image_members", []string{"image_id", "member"}, varchar("member", 255).required(), boolean("can_share").required(),
			varchar("status", 20).required()),
		{
			name: "tasks",
			columns: withTimestamps(
				varchar("id", 36).key(), varchar("type", 30).required(), varchar("status", 30).required(), varchar("owner", 255),
				datetime("expires_at"), varchar("image_id", 36), varchar("request_id", 64), varchar("user_id", 64)),
			indexes: [][]string{{"deleted", "created_at", "id"}, {"image_id", "deleted"}, {"expires_at"}},
		},
		{
			name:    "task_info",
			columns: []column{varchar("task_id", 36).key().references("tasks", "id"), text("input"), text("result"), text("message")},
		},
		{
			name:    "clinker_migrations",
			columns: []column{integer("revision").key(), moment("applied_at").required()},
		},
		{
			name: "metadef_namespaces", since: metadefs,
			columns: withTimes(serial("id"), varchar("namespace", 80).required(), varchar("display_name", 80), text("description"),
				varchar("visibility", 32).required(), boolean("protected").required(), varchar("owner", 255).required()),
			unique: []string{"namespace"}, indexes: [][]string{{"owner"}, {"created_at", "id"}},
		},
		ofNamespace("metadef_objects", text("description"), text("required"), text("json_schema").required()),
		ofNamespace("metadef_properties", text("json_schema").required()),
		ofNamespace("metadef_tags"),
		{
			name: "metadef_resource_types", since: metadefs,
			columns: withTimes(serial("id"), varchar("name", 80).required(), boolean("protected").required()),
			unique:  []string{"name"},
		},
		{
			name: "metadef_namespace_resource_types", since: metadefs,
			columns: withTimes(integer("resource_type_id").key().references("metadef_resource_types", "id"),
				integer("namespace_id").key().references("metadef_namespaces", "id"), varchar("properties_target", 80), varchar("prefix", 80)),
			indexes: [][]string{{"namespace_id"}},
		},
		{ // the journal of flows under way; see flow.Record
			name: "clinker_flows",
			columns: []column{
				varchar("id", 36).key(), varchar("name", 255).required(), varchar("owner", 255).required(),
				varchar("resource_type", 64).required(), varchar("resource_id", 255).required(), text("state"),
				boolean("unwinding").required(), text("cause"), integer("attempts").required(),
				moment("created_at").required(), moment("updated_at").required(),
			},
			indexes: [][]string{{"owner", "updated_at", "id"}},
		},
	}
}

// metadefs is the revision that definitions of metadata came with.
const metadefs = 2

// ofNamespace is a table of what is defined in namespaces.
func ofNamespace(name string, columns ...column) table {
	own := []column{serial("id"), integer("namespace_id").required().references("metadef_namespaces", "id"), varchar("name", 80).required()}
	return table{name: name, since: metadefs, columns: withTimes(append(own, columns...)...), unique: []string{"namespace_id", "name"}}
}

// withTimes adds the columns that tables of definitions have, which keep no deleted rows.
func withTimes(columns ...column) []column {
	return append(columns, moment("created_at").required(), moment("updated_at").required())
}

// withTimestamps adds the columns that every table of Glance has.
func withTimestamps(columns ...column) []column {
	return append(columns, moment("created_at").required(), moment("updated_at"), moment("deleted_at"), boolean("deleted").required())
}

// ofImage is a table of what hangs on images.
func ofImage(name string, unique []string, columns ...column) table {
	own := []column{serial("id"), varchar("image_id", 36).required().references("images", "id")}
	t := table{name: name, columns: withTimestamps(append(own, columns...)...), unique: unique, indexes: [][]string{{"image_id"}}}
	if unique != nil {
		t.indexes = [][]string{{columns[0].name}} // the constraint is an index that begins with the image
	}
	return t
}

// table describes one table.
type table struct {
	name    string
	since   int // the revision that made it; 0 is the first
	columns []column
	unique  []string   // the columns of a unique constraint; nil means none
	indexes [][]string // the columns of each
}

// column describes one column.
type column struct {
	name         string
	kind         sqlkit.ColumnType
	length       int // characters, of a sqlkit.String
	primary      bool
	notNull      bool
	table, field string // what it refers to; empty means nothing
}

func varchar(name string, length int) column {
	return column{name: name, kind: sqlkit.String, length: length}
}

func integer(name string) column  { return column{name: name, kind: sqlkit.Integer} }
func bigint(name string) column   { return column{name: name, kind: sqlkit.BigInteger} }
func boolean(name string) column  { return column{name: name, kind: sqlkit.Boolean} }
func datetime(name string) column { return column{name: name, kind: sqlkit.Moment} }
func moment(name string) column   { return column{name: name, kind: sqlkit.Moment} }
func text(name string) column     { return column{name: name, kind: sqlkit.LongText} }
func serial(name string) column   { return column{name: name, kind: sqlkit.Serial}.key() }

func (c column) required() column { c.notNull = true; return c }
func (c column) key() column      { c.primary = true; return c.required() }

func (c column) references(table, field string) column {
	c.table, c.field = table, field
	return c
}

// statements gives what makes the table and its indexes.
func (t table) statements(d sqlkit.Dialect) []string {
	var columns, constraints, keys []string
	for _, c := range t.columns {
		definition := quoted(c.name) + " " + d.ColumnType(c.kind, c.length)
		if c.notNull {
			definition += " NOT NULL"
		}
		columns = append(columns, definition)
		if c.primary {
			keys = append(keys, c.name)
		}
		if c.table != "" {
			constraints = append(constraints, "FOREIGN KEY ("+quoted(c.name)+") REFERENCES "+quoted(c.table)+" ("+quoted(c.field)+")")
		}
	}
	constraints = append(constraints, "PRIMARY KEY ("+quoted(keys...)+")")
	if t.unique != nil {
		constraints = append(constraints, "UNIQUE ("+quoted(t.unique...)+")")
	}
	all := "CREATE TABLE " + quoted(t.name) + " (" + strings.Join(slices.Concat(columns, constraints), ", ") + ")" + d.TableOptions()
	statements := []string{all}
	for _, of := range t.indexes {
		name := "clinker_" + t.name + "_" + strings.Join(of, "_") + "_idx"
		statements = append(statements, "CREATE INDEX "+quoted(name)+" ON "+quoted(t.name)+" ("+quoted(of...)+")")
	}
	return statements
}

// quoted puts double quotes round names; every dialect takes them (see package sqlkit).
func quoted(names ...string) string { return `"` + strings.Join(names, `", "`) + `"` }
