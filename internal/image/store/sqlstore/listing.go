package sqlstore

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/huandu/go-sqlbuilder"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/sqlkit"
)

// The columns that queries may name; they are called alike in the API.
var (
	textColumns   = []string{"id", "name", "status", "owner", "container_format", "disk_format", "checksum", "os_hash_algo", "os_hash_value"}
	numberColumns = []string{"size", "virtual_size", "min_disk", "min_ram"}
	timeColumns   = []string{"created_at", "updated_at"}
	operators     = map[string]string{"gt": ">", "gte": ">=", "eq": "=", "neq": "<>", "lt": "<", "lte": "<="}
)

// builder starts a query; its "?" is sqlkit's, and Dialect.Bind does the rest.
func builder(columns, from string) *sqlbuilder.SelectBuilder {
	return sqlbuilder.SQLite.NewSelectBuilder().Select(columns).From(from)
}

// listing makes the query for a page of images.
func (r *reader) listing(ctx context.Context, s *sqlkit.Session, q store.ImageQuery) (*sqlbuilder.SelectBuilder, error) {
	b := builder(imageColumns, "images i")
	b.Where("i.deleted = FALSE", visible(b, q))
	if q.Hidden != nil {
		b.Where("i.os_hidden = " + b.Var(*q.Hidden))
	}
	if q.Protected != nil {
		b.Where("i.protected = " + b.Var(*q.Protected))
	}
	if err := compare(b, s.Dialect(), q); err != nil {
		return nil, err
	}
	for _, f := range q.Times {
		operator, ok := operators[f.Op]
		if !ok || !slices.Contains(timeColumns, f.Key) {
			return nil, fault.New(fault.Invalid, "InvalidFilterOperatorValue", "Unable to filter on a unknown operator.")
		}
		b.Where("i." + f.Key + " " + operator + " " + b.Var(r.at(f.At)))
	}
	for _, tag := range q.Tags {
		b.Where("EXISTS (SELECT 1 FROM image_tags t WHERE t.image_id = i.id AND t.value = " + b.Var(tag) + ")")
	}
	for _, name := range slices.Sorted(maps.Keys(q.Properties)) {
		b.Where("EXISTS (SELECT 1 FROM image_properties p WHERE p.image_id = i.id AND p.name = " + b.Var(name) + " AND p.value = " +
			b.Var(q.Properties[name]) + ")")
	}
	return b, r.page(ctx, s, b, page{Page: q.Page, alias: "i", table: "images", notFound: image.NotFound(q.Page.Marker),
		sortable: slices.Concat(textColumns, numberColumns, timeColumns)})
}

// visible is the condition that the viewer sees an image in this list.
func visible(b *sqlbuilder.SelectBuilder, q store.ImageQuery) string {
	v := q.Viewer
	conditions := []string{"1 = 1"}
	switch {
	case q.Visibility == "" && v.ProjectID == "":
		conditions = append(conditions, "i.visibility <> 'community'")
	case q.Visibility == "":
		conditions = append(conditions, "(i.visibility <> 'community' OR i.owner = "+b.Var(v.ProjectID)+")")
	case q.Visibility != store.AnyVisibility:
		conditions = append(conditions, "i.visibility = "+b.Var(q.Visibility))
	}
	if v.All {
		return strings.Join(conditions, " AND ")
	}
	alternatives := []string{"i.visibility IN ('public', 'community')"}
	if v.ProjectID != "" {
		status := ""
		if v.MemberStatus != "" {
			status = " AND m.status = " + b.Var(string(v.MemberStatus))
		}
		alternatives = append(alternatives, "i.owner = "+b.Var(v.ProjectID), "(i.visibility = 'shared' AND EXISTS "+
			"(SELECT 1 FROM image_members m WHERE m.image_id = i.id AND m.member = "+b.Var(v.ProjectID)+status+"))")
	}
	return strings.Join(append(conditions, "("+strings.Join(alternatives, " OR ")+")"), " AND ")
}

// compare adds the conditions on columns of text and numbers.
func compare(b *sqlbuilder.SelectBuilder, d sqlkit.Dialect, q store.ImageQuery) error {
	unknown := func(column string) error {
		return fault.New(fault.Invalid, "Invalid", "Images cannot be filtered by %s.", column)
	}
	for _, column := range slices.Sorted(maps.Keys(q.In)) {
		if !slices.Contains(textColumns, column) {
			return unknown(column)
		}
		values := q.In[column]
		if len(values) == 0 {
			b.Where("1 = 0")
			continue
		}
		list, args := d.InSet(values[:min(len(values), sqlkit.MaxInSet)])
		for _, a := range args {
			list = strings.Replace(list, "?", b.Var(a), 1)
		}
		b.Where(d.Exact("i."+column) + " IN " + list)
	}
	for _, c := range []struct {
		operator string
		numbers  map[string]int64
	}{{" = ", q.Equal}, {" >= ", q.Min}, {" <= ", q.Max}} {
		for _, column := range slices.Sorted(maps.Keys(c.numbers)) {
			if !slices.Contains(numberColumns, column) {
				return unknown(column)
			}
			b.Where("i." + column + c.operator + b.Var(c.numbers[column]))
		}
	}
	return nil
}

// page is what a page of a table needs beside store.Page.
type page struct {
	store.Page
	alias, table string
	keepsAll     bool // the table has no rows marked as deleted
	sortable     []string
	notFound     error // for a marker that is not there
}

// page adds order, marker and limit.
func (r *reader) page(ctx context.Context, s *sqlkit.Session, b *sqlbuilder.SelectBuilder, p page) error {
	sorts := slices.Clone(p.Sort)
	if len(sorts) == 0 {
		sorts = []store.Sort{{Key: "created_at", Desc: true}}
	}
	last := sorts[len(sorts)-1].Desc
	sorts = append(sorts, store.Sort{Key: "created_at", Desc: last}, store.Sort{Key: "id", Desc: last})
	var keys []sqlkit.OrderKey
	for _, k := range sorts {
		column := p.alias + "." + k.Key
		switch {
		case !slices.Contains(p.sortable, k.Key):
			return fault.New(fault.Invalid, "InvalidSortKey", "Sort key supplied was not valid.")
		case slices.ContainsFunc(keys, func(have sqlkit.OrderKey) bool { return have.Column == column }):
			continue // the first of its name decides
		}
		keys = append(keys, sqlkit.OrderKey{Column: column, Desc: k.Desc, NotNull: k.Key == "id" || k.Key == "created_at"})
		if k.Key == "id" { // unique: what follows cannot matter
			break
		}
	}
	if p.Marker != "" {
		if err := r.after(ctx, s, b, p, keys); err != nil {
			return err
		}
	}
	b.OrderBy(sqlkit.OrderBy(s.Dialect(), keys)).Limit(p.Limit)
	return nil
}

// after adds the condition that rows come after the marker's.
func (r *reader) after(ctx context.Context, s *sqlkit.Session, b *sqlbuilder.SelectBuilder, p page, keys []sqlkit.OrderKey) error {
	columns, values, dest := make([]string, len(keys)), make([]any, len(keys)), make([]any, len(keys))
	for n, k := range keys {
		columns[n], dest[n] = k.Column, &values[n]
	}
	text := `SELECT ` + strings.Join(columns, ", ") + ` FROM ` + p.table + ` ` + p.alias + ` WHERE ` + p.alias + `.id = ?`
	if !p.keepsAll {
		text += ` AND ` + p.alias + `.deleted = FALSE`
	}
	found, err := s.QueryRow(ctx, text, dest, p.Marker)
	if err != nil {
		return err
	}
	if !found {
		return p.notFound
	}
	for n, v := range values {
		if t, ok := v.(time.Time); ok { // as it is stored, not as the driver shows it
			values[n] = r.at(t)
		}
	}
	b.Where(sqlkit.After(keys, values, func(v any) string { return b.Var(v) }))
	return nil
}
