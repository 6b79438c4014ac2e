package rows

import (
	"context"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// Kind says how a filter's text is compared with a column.
type Kind uint8

// The kinds.
const (
	Textual  Kind = iota
	Integral      // a decimal number
	Boolean       // what strconv.ParseBool takes, in any case
	Temporal      // not by text: see store.TimeFilter
	Address       // see Select.Within
)

// Column is what an API name of a filter or a sort key stands for.
type Column struct {
	Name    string // qualified
	Kind    Kind
	NotNull bool // see sqlkit.OrderKey
	// Via is set for a column of another table: an EXISTS with %s where the condition goes. Such a column cannot be
	// sorted by.
	Via string
}

// Listing is how the rows of one resource are chosen, ordered and paged. It must not be changed once it is in use.
type Listing struct {
	From     string // table and alias; with what the columns and the project need
	ID       string // qualified primary key
	Visible  string // the condition on every row: not deleted
	Project  string // qualified column of the project; empty if rows belong to none
	Columns  map[string]Column
	NotFound func(id string) error
}

// SameName makes columns whose API names are those of the database.
func SameName(alias string, kind Kind, names ...string) map[string]Column {
	m := make(map[string]Column, len(names))
	for _, n := range names {
		m[n] = Column{Name: alias + "." + n, Kind: kind}
	}
	return m
}

// Merged joins maps of columns.
func Merged(parts ...map[string]Column) map[string]Column {
	m := make(map[string]Column)
	for _, p := range parts {
		maps.Copy(m, p)
	}
	return m
}

// Choice is what all queries have in common; see store.VolumeQuery.
type Choice struct {
	ProjectID string
	IDs       []string
	Equal     map[string][]string
	Like      map[string]string
	Times     []store.TimeFilter
}

// Choose adds the conditions of c and says whether any row can meet them: an unknown filter or a value that the column
// cannot hold chooses nothing, as in Cinder.
func (l *Listing) Choose(s *Select, c Choice) (possible bool, err error) {
	s.Where(l.Visible)
	if c.ProjectID != "" {
		s.Where(l.Project + " = " + s.Arg(c.ProjectID))
	}
	if len(c.IDs) > 0 {
		list, args := s.dialect.InSet(c.IDs)
		for _, a := range args {
			list = strings.Replace(list, "?", s.Arg(a), 1)
		}
		s.Where(l.ID + " IN " + list)
	}
	for _, key := range slices.Sorted(maps.Keys(c.Equal)) {
		col, ok := l.Columns[key]
		if !ok {
			return false, nil
		}
		var alternatives []string
		for _, value := range c.Equal[key] {
			if condition := col.equal(s, value); condition != "" {
				alternatives = append(alternatives, condition)
			}
		}
		if len(alternatives) == 0 {
			return false, nil
		}
		s.Where(col.Where(Either(alternatives...)))
	}
	for _, key := range slices.Sorted(maps.Keys(c.Like)) {
		col, ok := l.Columns[key]
		if !ok || col.Kind != Textual && col.Kind != Address {
			return false, nil
		}
		s.Where(col.Where(s.Contains(col.Name, c.Like[key])))
	}
	return true, l.compareTimes(s, c.Times)
}

// Contains is the condition that a column holds a text somewhere; ASCII letters match in either case.
func (s *Select) Contains(column, text string) string {
	escaped := strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(text)
	return s.dialect.Like(column, s.Arg("%"+escaped+"%"))
}

func (l *Listing) compareTimes(s *Select, times []store.TimeFilter) error {
	operators := map[string]string{"gt": ">", "gte": ">=", "eq": "=", "neq": "<>", "lt": "<", "lte": "<="}
	byKey := make(map[string][]string)
	for _, f := range times {
		operator, ok := operators[f.Op]
		if !ok {
			return block.InvalidInput("%q is no comparison; it must be gt, gte, eq, neq, lt or lte", f.Op)
		}
		col, ok := l.Columns[f.Key]
		if !ok || col.Kind != Temporal {
			return block.InvalidInput("%q is not a time that can be compared", f.Key)
		}
		byKey[f.Key] = append(byKey[f.Key], col.Name+" "+operator+" "+s.Arg(s.dialect.Time(f.At)))
	}
	for _, key := range slices.Sorted(maps.Keys(byKey)) {
		s.Where(Either(byKey[key]...)) // Cinder joins the comparisons of one column by OR
	}
	return nil
}

// Where puts a condition on the column into its EXISTS, if it has one.
func (c Column) Where(condition string) string {
	if c.Via == "" {
		return condition
	}
	return strings.Replace(c.Via, "%s", condition, 1)
}

// equal compares the column with a filter's text; an empty text also means NULL. It gives "" if no row can be equal.
func (c Column) equal(s *Select, value string) string {
	if value == "" {
		if c.Kind == Textual || c.Kind == Address {
			return Either(c.Name+" IS NULL", c.Name+" = ''")
		}
		return c.Name + " IS NULL"
	}
	switch c.Kind {
	case Integral:
		n, err := strconv.ParseInt(value, 10, 64)
		if err != nil {
			return ""
		}
		return c.Name + " = " + s.Arg(n)
	case Boolean:
		b, err := strconv.ParseBool(strings.ToLower(value))
		if err != nil {
			return ""
		}
		return c.Name + " = " + s.Arg(b)
	case Temporal:
		return ""
	case Address:
		return "(" + s.Within(c.Name, value) + ")"
	}
	return c.Name + " = " + s.Arg(value)
}

// Page adds the order and the page. The marker's row is looked up among the rows of the project.
func (l *Listing) Page(ctx context.Context, session *sqlkit.Session, s *Select, projectID string, p store.Page) error {
	if p.Limit < 0 || p.Offset < 0 {
		return block.InvalidInput("limit and offset must not be negative")
	}
	keys, err := l.keys(p.Sort)
	if err != nil {
		return err
	}
	if p.Marker != "" {
		marker, err := l.marker(ctx, session, keys, projectID, p.Marker)
		if err != nil {
			return err
		}
		s.Where(sqlkit.After(keys, marker, s.Arg))
		s.KeysFirst(l.ID, sqlkit.OrderBy(s.dialect, keys))
	}
	s.Trail("ORDER BY " + sqlkit.OrderBy(s.dialect, keys))
	// Written out: SQLite plans a statement again for every new value of a bound LIMIT.
	if p.Limit == 0 && p.Offset > 0 {
		p.Limit = math.MaxInt32 // an offset needs a limit beside it
	}
	if p.Limit > 0 {
		s.Trail("LIMIT " + strconv.Itoa(p.Limit))
	}
	if p.Offset > 0 {
		s.Trail("OFFSET " + strconv.Itoa(p.Offset))
	}
	return nil
}

// keys are the columns of an order, completed by created_at and id in the direction of the first key as Cinder does.
func (l *Listing) keys(sorts []store.Sort) ([]sqlkit.OrderKey, error) {
	desc := len(sorts) == 0 || sorts[0].Desc
	var keys []sqlkit.OrderKey
	for _, s := range slices.Concat(sorts, []store.Sort{{Key: "created_at", Desc: desc}, {Key: "id", Desc: desc}}) {
		col, ok := l.Columns[s.Key]
		if !ok || col.Via != "" {
			return nil, block.InvalidInput("Invalid sort key")
		}
		unique := slices.ContainsFunc(keys, func(k sqlkit.OrderKey) bool { return k.Column == l.ID })
		twice := slices.ContainsFunc(keys, func(k sqlkit.OrderKey) bool { return k.Column == col.Name })
		if !unique && !twice { // else the key cannot change the order any more
			keys = append(keys, sqlkit.OrderKey{Column: col.Name, Desc: s.Desc, NotNull: col.NotNull})
		}
	}
	return keys, nil
}

// marker reads the marker row's values for the keys of the order.
func (l *Listing) marker(ctx context.Context, session *sqlkit.Session, keys []sqlkit.OrderKey, projectID, id string) ([]any, error) {
	names := make([]string, len(keys))
	for i, k := range keys {
		names[i] = k.Column
	}
	s := NewSelect(session.Dialect(), strings.Join(names, ", "), l.From)
	s.Where(l.Visible, l.ID+" = "+s.Arg(id))
	if projectID != "" && l.Project != "" {
		s.Where(l.Project + " = " + s.Arg(projectID))
	}
	values, dest := make([]any, len(keys)), make([]any, len(keys))
	for i := range keys {
		dest[i] = &argument{to: &values[i], dialect: session.Dialect()}
	}
	found, err := s.Row(ctx, session, dest...)
	if err == nil && !found {
		err = l.NotFound(id)
	}
	return values, err
}

// argument scans a value so that it can be an argument again.
type argument struct {
	to      *any
	dialect sqlkit.Dialect
}

// Scan implements sql.Scanner.
func (a *argument) Scan(src any) error {
	switch v := src.(type) {
	case time.Time:
		*a.to = a.dialect.Time(v)
	case []byte:
		*a.to = string(v)
	default:
		*a.to = src
	}
	return nil
}
