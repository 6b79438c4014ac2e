// Package rows is what the files of sqlstore have in common: queries built from filters and pages, and columns that hold JSON.
//
// What must not live here: any one resource. It is a part of sqlstore and imported by nothing else.
package rows

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Selection is a query under construction. Its texts are ours; what callers give comes as arguments.
type Selection struct {
	columns, table string
	conditions     []string
	args           []any
	names          []store.NameFilter
	page           store.Page
	impossible     bool // no row can meet the conditions
	locking        string
}

// From starts a query; columns and table are texts of ours, never a user's.
func From(columns, table string) *Selection { return &Selection{columns: columns, table: table} }

// Where adds a condition that has to be met, with its arguments.
func (q *Selection) Where(condition string, args ...any) {
	q.conditions = append(q.conditions, condition)
	q.args = append(q.args, args...)
}

// Equal restricts a column unless the value is empty.
func (q *Selection) Equal(column, value string) {
	if value != "" {
		q.Where(column+" = ?", value)
	}
}

// Flag restricts a boolean column unless the value is nil.
func (q *Selection) Flag(column string, value *bool) {
	if value != nil {
		q.Where(column+" = ?", *value)
	}
}

// Among restricts a column to values, unless they are nil.
func (q *Selection) Among(d sqlkit.Dialect, column string, values []string) {
	switch {
	case values == nil:
	case len(values) == 0:
		q.impossible = true
	default:
		list, args := d.InSet(values)
		q.Where(column+" IN "+list, args...)
	}
}

// Named restricts the column name.
func (q *Selection) Named(name string, parts []store.NameFilter) { q.Matching("name", name, parts) }

// Matching restricts a column that the list takes for the name. Databases do not agree on case in comparisons of parts: they
// give what may fit, and keep chooses.
func (q *Selection) Matching(column, value string, parts []store.NameFilter) {
	q.Equal(column, value)
	q.names = parts
	for _, f := range parts {
		if isASCII(f.Value) {
			escaped := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(strings.ToLower(f.Value))
			q.Where("LOWER("+column+") LIKE ? ESCAPE '!'", "%"+escaped+"%")
		}
	}
}

func isASCII(text string) bool {
	return strings.IndexFunc(text, func(r rune) bool { return r >= 0x80 }) < 0
}

// keep reports whether a name meets the filters by parts.
func (q *Selection) keep(name string) bool {
	for _, f := range q.names {
		value, text := f.Value, name
		if f.AnyCase {
			value, text = strings.ToLower(value), strings.ToLower(text)
		}
		var fits bool
		switch f.Comparator {
		case store.Contains:
			fits = strings.Contains(text, value)
		case store.StartsWith:
			fits = strings.HasPrefix(text, value)
		case store.EndsWith:
			fits = strings.HasSuffix(text, value)
		}
		if !fits {
			return false
		}
	}
	return true
}

// Paged takes the part of the list that page says, in the order of ids.
func (q *Selection) Paged(p store.Page) { q.page = p }

// each runs the query and calls row for each row that meets the conditions. name gives the name that row has read; nil if
// the query has no filter by parts of names.
func (q *Selection) each(ctx context.Context, s *sqlkit.Session, row func(rows *sql.Rows) (name string, take func(), err error)) error {
	if q.impossible {
		return nil
	}
	if q.page.Marker != "" {
		found, err := s.QueryRow(ctx, "SELECT 1 FROM "+q.table+" WHERE id = ?", []any{new(sqlkit.Int)}, q.page.Marker)
		if err != nil {
			return err
		}
		if !found {
			return fault.New(fault.NotFound, "", "Marker %s could not be found.", q.page.Marker)
		}
		q.Where("id > ?", q.page.Marker)
	}
	text := q.text() + " ORDER BY id"
	if q.page.Limit > 0 && len(q.names) == 0 {
		text += " LIMIT " + strconv.Itoa(q.page.Limit)
	}
	taken := 0
	return s.Query(ctx, text, func(rows *sql.Rows) error {
		name, take, err := row(rows)
		if err != nil || !q.keep(name) || q.page.Limit > 0 && taken == q.page.Limit {
			return err
		}
		taken++
		take()
		return nil
	}, q.args...)
}

// List runs a query for things of which fields gives the destinations and name the name.
func List[T any](ctx context.Context, s *sqlkit.Session, q *Selection, fields func(*T) []any, name func(*T) string) (found []*T, err error) {
	err = q.each(ctx, s, func(rows *sql.Rows) (string, func(), error) {
		thing := new(T)
		if err := rows.Scan(fields(thing)...); err != nil {
			return "", nil, err
		}
		return name(thing), func() { found = append(found, thing) }, nil
	})
	return found, err
}

// One runs a query for one thing and says whether it is there.
func One[T any](ctx context.Context, s *sqlkit.Session, q *Selection, fields func(*T) []any) (thing *T, found bool, err error) {
	thing = new(T)
	found, err = s.QueryRow(ctx, q.text()+q.locking, fields(thing), q.args...)
	return thing, found, err
}

// Impossible says that no row can meet the conditions.
func (q *Selection) Impossible() bool { return q.impossible }

// Each runs the query as it is, without a page, in the order given.
func (q *Selection) Each(ctx context.Context, s *sqlkit.Session, order string, row func(*sql.Rows) error) error {
	if q.impossible {
		return nil
	}
	return s.Query(ctx, q.text()+" ORDER BY "+order, row, q.args...)
}

// text is the query without an order.
func (q *Selection) text() string {
	text := "SELECT " + q.columns + " FROM " + q.table
	if len(q.conditions) > 0 {
		text += " WHERE " + strings.Join(q.conditions, " AND ")
	}
	return text
}

// InsertInto is an INSERT of a list of columns "a, b, c".
func InsertInto(table, columns string) string {
	return "INSERT INTO " + table + " (" + columns + ") VALUES (?" + strings.Repeat(", ?", strings.Count(columns, ",")) + ")"
}

// Object scans a JSON object; an empty one is nil.
type Object[M ~map[string]any] struct{ To *M }

// Scan implements sql.Scanner.
func (o Object[M]) Scan(src any) error {
	var text sqlkit.Text
	if err := text.Scan(src); err != nil {
		return err
	}
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	*o.To = nil
	var m M
	if err := decoder.Decode(&m); err != nil {
		return fmt.Errorf("a column does not hold a JSON object: %w", err)
	}
	if len(m) > 0 {
		*o.To = m
	}
	return nil
}

// JSONText is a JSON object as an argument.
func JSONText[M ~map[string]any](m M) (string, error) {
	if len(m) == 0 {
		return "{}", nil
	}
	text, err := json.Marshal(m)
	return string(text), err
}

// Either restricts to alternatives, each of which has a list that restricts a column.
func (q *Selection) Either(d sqlkit.Dialect, alternatives ...Alternative) {
	var texts []string
	var all []any
	restricted := false
	for _, a := range alternatives {
		restricted = restricted || a.Values != nil
		if len(a.Values) == 0 {
			continue
		}
		list, args := d.InSet(a.Values)
		texts = append(texts, "("+a.Condition+" AND "+a.Column+" IN "+list+")")
		all = append(all, args...)
	}
	switch {
	case len(texts) > 0:
		q.Where("("+strings.Join(texts, " OR ")+")", all...)
	case restricted:
		q.impossible = true
	}
}

// Alternative is a condition, and a column that has to hold one of some values; nil values do not restrict.
type Alternative struct {
	Condition, Column string
	Values            []string
}
