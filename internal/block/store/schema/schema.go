// Package schema is the database of Block Storage: Cinder's tables at one alembic revision, described as data, the rows
// that a new database starts with, and our own tables and indexes beside them. Up brings a database to it.
//
// A database is Cinder's own: Python services may read and write the same tables, so Cinder's tables, columns and
// indexes stay exactly as they are. What we add has names that begin with "clinker_".
//
// What must not live here: any statement that a running service makes; those are sqlstore's.
package schema

import (
	"slices"

	"github.com/clinker/clinker/internal/sqlkit"
)

// CinderRevision is the alembic revision described here: the head of Cinder 2024.1 to 2026.2.
const CinderRevision = "9c74c1c6971f"

// Table describes one table.
type Table struct {
	Name    string
	Columns []Column
	Indexes []Index
	Unique  []string // the columns of a unique constraint; nil means none
	KeyName string   // the name of the primary key's constraint; empty leaves it to the database
}

// Column describes one column.
type Column struct {
	Name    string
	Type    sqlkit.ColumnType
	Length  int // characters, of a sqlkit.String
	Primary bool
	NotNull bool
	// NotNullElsewhere is NotNull in every dialect but SQLite, where Cinder's migration leaves it out.
	NotNullElsewhere bool
	Default          string // an SQL literal; empty means none
	Checked          bool   // a CHECK that only 0 and 1 are written, where there are no booleans
	CheckedInMySQL   bool   // the same in MySQL alone
	Foreign          *ForeignKey
	Indexed          bool // an index of this column alone, named ix_<table>_<column>
}

// ForeignKey is a reference to another table's column. An empty Name leaves the name to the database.
type ForeignKey struct{ Table, Column, Name string }

// Index describes one index.
type Index struct {
	Name    string
	Columns []string
	Unique  bool
}

// Cinder gives Cinder's tables, each after the ones it refers to.
func Cinder() []Table {
	version := Table{Name: versionTable, KeyName: "alembic_version_pkc", Columns: []Column{varchar("version_num", 32).key()}}
	return inOrder(slices.Concat([]Table{version}, serviceTables(), groupTables(), groupTypeTables(), typeTables(),
		volumeTables(), volumeUseTables(), snapshotTables(), quotaTables(), backupTables(), messageTables()))
}

// versionTable is alembic's; its single row names the revision.
const versionTable = "alembic_version"

// inOrder sorts tables so that each comes after the ones it refers to and the order is otherwise kept.
func inOrder(tables []Table) []Table {
	var sorted []Table
	placed := make(map[string]bool)
	for len(sorted) < len(tables) {
		before := len(sorted)
		for _, t := range tables {
			if placed[t.Name] || !t.satisfied(placed) {
				continue
			}
			placed[t.Name] = true
			sorted = append(sorted, t)
		}
		if len(sorted) == before {
			panic("schema: tables refer to each other in a circle or to one that is missing")
		}
	}
	return sorted
}

func (t Table) satisfied(placed map[string]bool) bool {
	for _, c := range t.Columns {
		if c.Foreign != nil && c.Foreign.Table != t.Name && !placed[c.Foreign.Table] {
			return false
		}
	}
	return true
}

func integer(name string) Column { return Column{Name: name, Type: sqlkit.Integer} }
func serial(name string) Column {
	return Column{Name: name, Type: sqlkit.Serial, Primary: true, NotNull: true}
}
func text(name string) Column     { return Column{Name: name, Type: sqlkit.PlainText} }
func long(name string) Column     { return Column{Name: name, Type: sqlkit.LongText} }
func boolean(name string) Column  { return Column{Name: name, Type: sqlkit.Boolean} }
func datetime(name string) Column { return Column{Name: name, Type: sqlkit.DateTime} }
func moment(name string) Column   { return Column{Name: name, Type: sqlkit.Moment} }

func varchar(name string, length int) Column {
	return Column{Name: name, Type: sqlkit.String, Length: length}
}

func (c Column) key() Column               { c.Primary, c.NotNull = true, true; return c }
func (c Column) nullableKey() Column       { c.Primary = true; return c }
func (c Column) required() Column          { c.NotNull = true; return c }
func (c Column) requiredElsewhere() Column { c.NotNullElsewhere = true; return c }
func (c Column) checked() Column           { c.Checked = true; return c }
func (c Column) checkedInMySQL() Column    { c.CheckedInMySQL = true; return c }
func (c Column) indexed() Column           { c.Indexed = true; return c }
func (c Column) defaults(literal string) Column {
	c.Default = literal
	return c
}

func (c Column) references(table, column, name string) Column {
	c.Foreign = &ForeignKey{Table: table, Column: column, Name: name}
	return c
}
