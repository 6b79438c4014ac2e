// Package migrate keeps databases of our own design at the newest revision: tables described as data, and a list of
// revisions of which each says what it adds.
//
// What must not live here: a table of any service, and databases whose schema is somebody else's (Cinder's is in
// internal/block/store/schema).
package migrate

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/alone"
)

// Table describes one table. Names should be ones that no dialect reserves.
type Table struct {
	Name    string
	Columns []Column
	Key     []string   // the primary key; nil when a column is a sqlkit.Serial
	Unique  [][]string // unique constraints
	Indexes [][]string // indexes, named after table and columns
}

// Column describes one column.
type Column struct {
	Name    string
	Type    sqlkit.ColumnType
	Length  int // characters, of a sqlkit.String
	NotNull bool
	// References names the table whose column id this one refers to; deleting there deletes here if Cascade is set, and is
	// refused if not.
	References string
	Cascade    bool
}

// Text is a column of at most length characters that is never NULL.
func Text(name string, length int) Column {
	return Column{Name: name, Type: sqlkit.String, Length: length, NotNull: true}
}

// Long is a text without a limit that matters.
func Long(name string) Column { return Column{Name: name, Type: sqlkit.LongText, NotNull: true} }

// Flag is a boolean that is never NULL.
func Flag(name string) Column { return Column{Name: name, Type: sqlkit.Boolean, NotNull: true} }

// Number is an integer that is never NULL.
func Number(name string) Column { return Column{Name: name, Type: sqlkit.Integer, NotNull: true} }

// Moment is a time to the microsecond; NULL is no time.
func Moment(name string) Column { return Column{Name: name, Type: sqlkit.Moment} }

// Nullable is the column with NULL allowed.
func (c Column) Nullable() Column { c.NotNull = false; return c }

// In is the column as a reference to another table's id: what refers to a row keeps it from being deleted.
func (c Column) In(table string) Column { c.References = table; return c }

// Of is In for rows that go with the row they refer to.
func (c Column) Of(table string) Column { c.References, c.Cascade = table, true; return c }

// Revision is one step of a schema's history. Once released, it must not be changed: the next one says what is different.
type Revision struct {
	Tables []Table
	// Statements come after the tables.
	Statements []string
}

const historyTable = "clinker_schema"

// Up brings a database to the newest revision and reports whether it was empty before. Several processes may do so at the
// same moment. A database of a revision beyond these is refused as fault.Invalid and left alone.
func Up(ctx context.Context, db *sqlkit.DB, history []Revision) (created bool, err error) {
	var at int
	// Every start comes here, nearly always to find nothing to do: look without taking the write lock first.
	err = db.Read(ctx, func(s *sqlkit.Session) (err error) {
		at, err = revision(ctx, s)
		return err
	})
	// Where tables are made outside transactions, what looks wrong may be somebody else's work half done.
	if half := fault.Is(err, fault.Invalid) && db.Dialect().Alone() != ""; err != nil && !half || err == nil && at == len(history) {
		return false, err
	}
	err = alone.Write(ctx, db, func(s *sqlkit.Session) error {
		if at, err = revision(ctx, s); err != nil {
			return err
		}
		if at > len(history) {
			return fault.New(fault.Invalid, "", "The database is at revision %d, but this program knows only %d: it was used by a newer Clinker, use that one.",
				at, len(history))
		}
		created = at == 0 && len(history) > 0
		return apply(ctx, s, history, at)
	})
	return created, err
}

// revision is how many revisions the database has seen; 0 for an empty one.
func revision(ctx context.Context, s *sqlkit.Session) (int, error) {
	tables, err := s.Strings(ctx, s.Dialect().TableNames())
	if err != nil || len(tables) == 0 {
		return 0, err
	}
	var at int64
	for _, t := range tables {
		if t == historyTable {
			_, err := s.QueryRow(ctx, `SELECT MAX(revision) FROM `+historyTable, []any{(*sqlkit.Int)(&at)})
			return int(at), err
		}
	}
	return 0, fault.New(fault.Invalid, "", "The database holds tables of something else (%s): want an empty one, or one of Clinker's.", tables[0])
}

func apply(ctx context.Context, s *sqlkit.Session, history []Revision, at int) error {
	run := func(text string, args ...any) error {
		if _, err := s.Exec(ctx, text, args...); err != nil {
			return fmt.Errorf("%s: %w", text, err)
		}
		return nil
	}
	if at == 0 {
		own := Table{Name: historyTable, Columns: []Column{Number("revision"), Moment("applied_at")}, Key: []string{"revision"}}
		for _, text := range own.statements(s.Dialect()) {
			if err := run(text); err != nil {
				return err
			}
		}
	}
	for i := at; i < len(history); i++ {
		var texts []string
		for _, t := range history[i].Tables {
			texts = append(texts, t.statements(s.Dialect())...)
		}
		for _, text := range append(texts, history[i].Statements...) {
			if err := run(text); err != nil {
				return err
			}
		}
		if err := run(`INSERT INTO `+historyTable+` (revision, applied_at) VALUES (?, ?)`, i+1, s.Dialect().Time(time.Now())); err != nil {
			return err
		}
	}
	return nil
}

// statements make the table and its indexes.
func (t Table) statements(d sqlkit.Dialect) []string {
	var parts []string
	for _, c := range t.Columns {
		definition := quote(c.Name) + " " + d.ColumnType(c.Type, c.Length)
		if c.NotNull {
			definition += " NOT NULL"
		}
		parts = append(parts, definition)
	}
	if t.Key != nil {
		parts = append(parts, "PRIMARY KEY ("+quote(t.Key...)+")")
	}
	for _, columns := range t.Unique {
		parts = append(parts, "UNIQUE ("+quote(columns...)+")")
	}
	for _, c := range t.Columns {
		if c.References == "" {
			continue
		}
		part := "FOREIGN KEY (" + quote(c.Name) + ") REFERENCES " + quote(c.References) + " (" + quote("id") + ")"
		if c.Cascade {
			part += " ON DELETE CASCADE"
		}
		parts = append(parts, part)
	}
	texts := []string{"CREATE TABLE " + quote(t.Name) + " (\n\t" + strings.Join(parts, ",\n\t") + "\n)" + d.TableOptions()}
	for _, columns := range t.Indexes {
		name := "ix_" + t.Name + "_" + strings.Join(columns, "_")
		texts = append(texts, "CREATE INDEX "+quote(name)+" ON "+quote(t.Name)+" ("+quote(columns...)+")")
	}
	return texts
}

// quote puts double quotes round names; every dialect takes them (see package sqlkit).
func quote(names ...string) string { return `"` + strings.Join(names, `", "`) + `"` }
