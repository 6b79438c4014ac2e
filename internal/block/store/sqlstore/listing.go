package sqlstore

import (
	"context"
	"database/sql"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/huandu/go-sqlbuilder"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// columnKind says how a filter's text is compared with a column.
type columnKind uint8

const (
	textual columnKind = iota
	integral
	boolean
	temporal
	address // "host@backend#pool": a value without a pool stands for every pool, one without a back end for all of it
)

// column is what an API name of a filter or a sort key stands for.
type column struct {
	name    string
	kind    columnKind
	notNull bool
	via     string // the column belongs to another table: an EXISTS with %s for the condition; not sortable
}

// listing is how the rows of one resource are chosen, ordered and paged. It is never changed once made.
type listing struct {
	from     string // table and alias
	id       string // qualified primary key
	visible  string // the condition on every row: not deleted
	project  string // qualified column of the project
	columns  map[string]column
	notFound func(id string) error
}

// listings are those of all resources.
type listings struct{ volumes, snapshots, attachments, types *listing }

func newListings() *listings {
	return &listings{volumes: volumeListing(), snapshots: snapshotListing(), attachments: attachmentListing(), types: typeListing()}
}

// sameName makes columns whose API names are those of the database.
func sameName(alias string, kind columnKind, names ...string) map[string]column {
	m := make(map[string]column, len(names))
	for _, n := range names {
		m[n] = column{name: alias + "." + n, kind: kind}
	}
	return m
}

// merged joins maps of columns.
func merged(parts ...map[string]column) map[string]column {
	m := make(map[string]column)
	for _, p := range parts {
		maps.Copy(m, p)
	}
	return m
}

// choice is what all queries have in common.
type choice struct {
	projectID string
	ids       []string
	equal     map[string][]string
	like      map[string]string
	times     []store.TimeFilter
}

func newSelect() *sqlbuilder.SelectBuilder { return sqlbuilder.SQLite.NewSelectBuilder() }

// choose adds the conditions of c and says whether any row can meet them: an unknown filter or a value that the column
// cannot hold chooses nothing, as in Cinder.
func (l *listing) choose(d sqlkit.Dialect, sb *sqlbuilder.SelectBuilder, c choice) (possible bool, err error) {
	sb.Where(l.visible)
	if c.projectID != "" {
		sb.Where(sb.Equal(l.project, c.projectID))
	}
	if len(c.ids) > 0 {
		sb.Where(sb.In(l.id, sqlbuilder.Flatten(c.ids)...))
	}
	for _, key := range slices.Sorted(maps.Keys(c.equal)) {
		col, ok := l.columns[key]
		if !ok {
			return false, nil
		}
		var alternatives []string
		for _, value := range c.equal[key] {
			if condition := col.equal(d, sb, value); condition != "" {
				alternatives = append(alternatives, condition)
			}
		}
		if len(alternatives) == 0 {
			return false, nil
		}
		sb.Where(col.where(sb.Or(alternatives...)))
	}
	for _, key := range slices.Sorted(maps.Keys(c.like)) {
		col, ok := l.columns[key]
		if !ok || col.kind != textual && col.kind != address {
			return false, nil
		}
		sb.Where(col.where(col.name + " LIKE " + sb.Var("%"+escapeLike(c.like[key])+"%") + " ESCAPE '!'"))
	}
	return true, l.compareTimes(d, sb, c.times)
}

func (l *listing) compareTimes(d sqlkit.Dialect, sb *sqlbuilder.SelectBuilder, times []store.TimeFilter) error {
	operators := map[string]string{"gt": ">", "gte": ">=", "eq": "=", "neq": "<>", "lt": "<", "lte": "<="}
	byKey := make(map[string][]string)
	for _, f := range times {
		operator, ok := operators[f.Op]
		if !ok {
			return block.InvalidInput("%q is no comparison; it must be gt, gte, eq, neq, lt or lte", f.Op)
		}
		col, ok := l.columns[f.Key]
		if !ok || col.kind != temporal {
			return block.InvalidInput("%q is not a time that can be compared", f.Key)
		}
		byKey[f.Key] = append(byKey[f.Key], col.name+" "+operator+" "+sb.Var(d.Time(f.At)))
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		sb.Where(sb.Or(byKey[key]...)) // Cinder joins the comparisons of one column by OR
	}
	return nil
}

// where puts a condition on the column into its EXISTS, if it has one.
func (c column) where(condition string) string {
	if c.via == "" {
		return condition
	}
	return strings.Replace(c.via, "%s", condition, 1)
}

// equal compares the column with a filter's text; an empty text also means NULL. It gives "" if no row can be equal.
func (c column) equal(d sqlkit.Dialect, sb *sqlbuilder.SelectBuilder, value string) string {
	if value == "" {
		if c.kind == textual || c.kind == address {
			return sb.Or(c.name+" IS NULL", c.name+" = ''")
		}
		return c.name + " IS NULL"
	}
	switch c.kind {
	case integral:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return ""
		}
		return sb.Equal(c.name, n)
	case boolean:
		b, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return ""
		}
		return sb.Equal(c.name, b)
	case temporal:
		return "" // times are compared by TimeFilter
	case address:
		return within(d, sb, c.name, value)
	}
	return sb.Equal(c.name, value)
}

// within is the condition that a host or cluster column lies in an address. The bounds of a prefix are its last
// character and the next one in the alphabet, so that an index serves and nothing has to be escaped.
func within(d sqlkit.Dialect, sb *sqlbuilder.SelectBuilder, name, value string) string {
	exact := d.Exact(name)
	conditions := []string{sb.Equal(exact, value)}
	if strings.Contains(value, "#") {
		return conditions[0]
	}
	below := func(separator, next string) {
		conditions = append(conditions, sb.And(sb.GreaterThan(exact, value+separator), sb.LessThan(exact, value+next)))
	}
	below("#", "$")
	if !strings.Contains(value, "@") {
		below("@", "A")
	}
	return sb.Or(conditions...)
}

func escapeLike(s string) string {
	return strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s)
}

// page adds the order and the page. The marker's row is looked up among the rows of the project.
func (l *listing) page(ctx context.Context, s *sqlkit.Session, sb *sqlbuilder.SelectBuilder, projectID string, p store.Page) error {
	keys, err := l.keys(p.Sort)
	if err != nil {
		return err
	}
	if p.Marker != "" {
		marker, err := l.marker(ctx, s, keys, projectID, p.Marker)
		if err != nil {
			return err
		}
		sb.Where(sqlkit.After(keys, marker, sb.Var))
	}
	sb.OrderBy(sqlkit.OrderBy(s.Dialect(), keys))
	if p.Limit < 0 || p.Offset < 0 {
		return block.InvalidInput("limit and offset must not be negative")
	}
	switch {
	case p.Limit > 0:
		sb.Limit(p.Limit)
	case p.Offset > 0:
		sb.Limit(math.MaxInt32) // an offset needs a limit beside it
	}
	if p.Offset > 0 {
		sb.Offset(p.Offset)
	}
	return nil
}

// keys are the columns of an order, completed by created_at and id in the direction of the first key as Cinder does.
func (l *listing) keys(sorts []store.Sort) ([]sqlkit.OrderKey, error) {
	desc := true
	if len(sorts) > 0 {
		desc = sorts[0].Desc
	}
	sorts = slices.Clone(sorts)
	for _, key := range []string{"created_at", "id"} {
		if !slices.ContainsFunc(sorts, func(s store.Sort) bool { return s.Key == key }) {
			sorts = append(sorts, store.Sort{Key: key, Desc: desc})
		}
	}
	var keys []sqlkit.OrderKey
	for _, s := range sorts {
		col, ok := l.columns[s.Key]
		if !ok || col.via != "" {
			return nil, block.InvalidInput("Sort key supplied is invalid: %s", s.Key)
		}
		if !slices.ContainsFunc(keys, func(k sqlkit.OrderKey) bool { return k.Column == col.name }) {
			keys = append(keys, sqlkit.OrderKey{Column: col.name, Desc: s.Desc, NotNull: col.notNull})
		}
		if col.name == l.id {
			break // it is unique: what follows cannot matter
		}
	}
	return keys, nil
}

// marker reads the marker row's values for the keys of the order.
func (l *listing) marker(ctx context.Context, s *sqlkit.Session, keys []sqlkit.OrderKey, projectID, id string) ([]any, error) {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Column
	}
	sb := newSelect()
	sb.Select(names...).From(l.from).Where(l.visible, sb.Equal(l.id, id))
	if projectID != "" {
		sb.Where(sb.Equal(l.project, projectID))
	}
	values, dest := make([]any, len(keys)), make([]any, len(keys))
	for i := range keys {
		dest[i] = &raw{to: &values[i], dialect: s.Dialect()}
	}
	text, args := sb.Build()
	found, err := s.QueryRow(ctx, text, dest, args...)
	if err == nil && !found {
		err = l.notFound(id)
	}
	return values, err
}

// each runs the query that sb holds.
func each(ctx context.Context, s *sqlkit.Session, sb *sqlbuilder.SelectBuilder, row func(*sql.Rows) error) error {
	text, args := sb.Build()
	return s.Query(ctx, text, row, args...)
}

// count runs the query that sb holds and scans its single row.
func count(ctx context.Context, s *sqlkit.Session, sb *sqlbuilder.SelectBuilder, dest ...any) error {
	text, args := sb.Build()
	_, err := s.QueryRow(ctx, text, dest, args...)
	return err
}
