package rows

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/clinker/clinker/internal/sqlkit"
)

// Select is a query under construction.
type Select struct {
	builder       *sqlbuilder.SelectBuilder
	dialect       sqlkit.Dialect
	columns, from string
	key, order    string // set when the keys of a page are to be found first
}

// NewSelect starts a query; columns and from are texts of ours, never a user's.
func NewSelect(d sqlkit.Dialect, columns, from string) *Select {
	s := &Select{builder: sqlbuilder.SQLite.NewSelectBuilder(), dialect: d, columns: columns, from: from} // its "?" is sqlkit's; Dialect.Bind does the rest
	s.builder.Select(columns).From(from)
	return s
}

// Arg registers an argument and gives its placeholder, which may be used more than once.
func (s *Select) Arg(value any) string { return s.builder.Var(value) }

// Where adds conditions that all have to be met.
func (s *Select) Where(conditions ...string) *Select {
	s.builder.Where(conditions...)
	return s
}

// Trail adds what follows the conditions, such as ORDER BY; several follow each other.
func (s *Select) Trail(text string) *Select {
	s.builder.SQL(text)
	return s
}

// KeysFirst has the query find the keys of its rows first, if the database is better asked so. order is that of the rows.
func (s *Select) KeysFirst(key, order string) {
	if s.dialect.KeysFirst() {
		s.key, s.order = key, order
	}
}

// build gives the text and its arguments.
func (s *Select) build() (text string, args []any) {
	if s.key == "" {
		return s.builder.Build()
	}
	s.builder.Select(s.key + " AS page_key")
	// An index cannot have what a joined table is joined by.
	if base, joined, _ := strings.Cut(s.from, " LEFT JOIN "); joined != "" {
		alias := strings.Fields(joined)[1] + "."
		if without, _ := s.builder.From(base).Build(); strings.Contains(without, " "+alias) || strings.Contains(without, "("+alias) {
			s.builder.From(s.from)
		}
	}
	text, args = s.builder.Build()
	return "SELECT " + s.columns + " FROM " + s.from + " JOIN (" + text + ") page ON page.page_key = " + s.key + " ORDER BY " + s.order, args
}

// Each runs the query.
func (s *Select) Each(ctx context.Context, session *sqlkit.Session, row func(*sql.Rows) error) error {
	text, args := s.build()
	return session.Query(ctx, text, row, args...)
}

// Row runs the query, scans its first row and says whether there was one.
func (s *Select) Row(ctx context.Context, session *sqlkit.Session, dest ...any) (bool, error) {
	text, args := s.builder.Build()
	return session.QueryRow(ctx, text, dest, args...)
}

// Either joins conditions of which one has to be met.
func Either(conditions ...string) string {
	if len(conditions) == 1 {
		return conditions[0]
	}
	return "(" + strings.Join(conditions, " OR ") + ")"
}

// Within is the condition that a host or cluster column lies in an address: "host@backend#pool" is that pool alone,
// "host@backend" every pool of it, "host" every back end.
//
// A prefix is a range that ends before the character after the separator, so that nothing has to be escaped. One range
// round all the alternatives comes first, because an index serves a range and not alternatives.
func (s *Select) Within(column, address string) string {
	exact := s.dialect.Exact(column)
	if strings.Contains(address, "#") {
		return exact + " = " + s.Arg(address)
	}
	beyond := func(separator, next string) string {
		return "(" + exact + " > " + s.Arg(address+separator) + " AND " + exact + " < " + s.Arg(address+next) + ")"
	}
	alternatives := []string{exact + " = " + s.Arg(address), beyond("#", "$")}
	end := "$"
	if !strings.Contains(address, "@") {
		alternatives = append(alternatives, beyond("@", "A"))
		end = "A"
	}
	ranged := s.dialect.Ranged(column)
	return ranged + " >= " + s.Arg(address) + " AND " + ranged + " < " + s.Arg(address+end) + " AND " + Either(alternatives...)
}

// InsertInto is an INSERT of a list of columns "a, b, c" and of deleted, which starts FALSE.
func InsertInto(table, columns string) string {
	return `INSERT INTO ` + table + ` (` + columns + `, deleted) VALUES (?` + strings.Repeat(", ?", strings.Count(columns, ",")) + `, FALSE)`
}

// ManyRows is an INSERT of one row, or an Upsert, made one of n rows, of which no two have the same key.
func ManyRows(text string, columns, n int) string {
	row := "(?" + strings.Repeat(", ?", columns-1) + ")"
	return strings.Replace(text, "VALUES "+row, "VALUES "+row+strings.Repeat(", "+row, n-1), 1)
}

// Qualified puts an alias before every name of a list "a, b, c".
func Qualified(alias, names string) string {
	return alias + "." + strings.ReplaceAll(names, ", ", ", "+alias+".")
}

// Change is an UPDATE of one row under construction. Which columns and conditions it has is up to our own code, so the
// texts are few and stay prepared.
type Change struct {
	builder *sqlbuilder.UpdateBuilder
	conn    *Conn
	row     row
}

// NewChange starts an UPDATE of the row if it is not deleted. The stamp column gets the present time in any case.
func NewChange(c *Conn, table string, id any, stamp string) *Change {
	u := &Change{builder: sqlbuilder.SQLite.NewUpdateBuilder(), conn: c}
	if text, ok := id.(string); ok {
		u.row = row{table, text}
	}
	u.builder.Update(table)
	u.Where("id = "+u.builder.Var(id), "deleted = FALSE")
	u.Set(stamp, c.At(c.Now()))
	return u
}

// Set assigns a value.
func (u *Change) Set(column string, value any) { u.builder.SetMore(u.builder.Assign(column, value)) }

// SetColumn assigns what another column holds before the change. It must come before whatever assigns that column:
// MySQL assigns from left to right.
func (u *Change) SetColumn(column, from string) { u.builder.SetMore(column + " = " + from) }

// SetTime assigns a time if there is one to assign; the zero time is NULL.
func (u *Change) SetTime(column string, at *time.Time) {
	if at != nil {
		u.Set(column, u.conn.At(*at))
	}
}

// Where adds conditions that the row has to meet.
func (u *Change) Where(conditions ...string) { u.builder.Where(conditions...) }

// Arg registers an argument and gives its placeholder.
func (u *Change) Arg(value any) string { return u.builder.Var(value) }

// Apply runs the UPDATE and says whether the row was there and met the conditions.
func (u *Change) Apply(ctx context.Context) (bool, error) {
	text, args := u.builder.Build()
	n, err := u.conn.Exec(ctx, text, args...)
	if n > 0 {
		u.conn.Hold(u.row.table, u.row.id)
	}
	return n > 0, err
}

// SetText assigns a text if there is one to assign; the empty text is NULL.
func SetText[S ~string](u *Change, column string, p *S) {
	if p != nil {
		u.Set(column, sqlkit.NullIfEmpty(*p))
	}
}

// SetValue assigns a value if there is one to assign.
func SetValue[V any](u *Change, column string, p *V) {
	if p != nil {
		u.Set(column, *p)
	}
}

// SetOptional assigns what *p points to, NULL if that is nil; nothing if p is nil.
func SetOptional[V any](u *Change, column string, p **V) {
	if p != nil {
		u.Set(column, sqlkit.NullIfNil(*p))
	}
}

// Among is the condition that a column holds one of the values, of which there must be some.
func Among[S ~string](u *Change, column string, values []S) string {
	marks := make([]string, len(values))
	for i, v := range values {
		marks[i] = u.Arg(string(v))
	}
	return column + " IN (" + strings.Join(marks, ", ") + ")"
}
