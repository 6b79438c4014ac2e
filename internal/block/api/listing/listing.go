// Package listing reads what a list request asks for: page, order, and the filters its resource allows at the request's
// microversion. It is Cinder's general filtering (cinder/api/common.py) in one place.
//
// What must not live here: which columns exist (the store refuses unknown sort keys) and anything of one resource but
// what its Resource value says.
package listing

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// Microversions at which listing changed.
var (
	generalFilters = microversion.V(3, 31) // unknown filters are refused instead of dropped
	likeFilters    = microversion.V(3, 34)
	counted        = microversion.V(3, 45)
	timeFilters    = microversion.V(3, 60)
)

// Resource says which filters a resource's lists take.
type Resource struct {
	Name string // "volume"
	// Filters are the names everyone may filter by (resource_filters.json); administrators may filter by any column.
	Filters []string
	// Since are filters that older requests do not know: they are dropped before that version.
	Since map[string]microversion.Version
	// Times are filters that take comparisons (created_at=gt:2026-01-01T00:00:00), from 3.60.
	Times []string
	// Strict is the version since which filters nobody may use are refused instead of dropped; zero is 3.31.
	Strict microversion.Version
	// AnyAllTenants takes an all_tenants that is no boolean for false; other resources refuse it.
	AnyAllTenants bool
	// Maps are filters whose value is a dictionary in Python's or JSON's writing: metadata.
	Maps []string
}

// Query is what a list request asks for.
type Query struct {
	Page        wsgi.Page // as the client asked, for the next link
	Store       app.Page  // at least one item, for the store takes a limit of 0 for none; see Cut
	AllProjects bool
	WithCount   bool
	ProjectID   string // an administrator's project_id filter
	Equal       map[string][]string
	Like        map[string]string
	Maps        map[string]map[string]string
	Times       []app.TimeFilter
}

// Parse reads the request's query string. Invalid for paging that is none, for filters nobody may use, and for values
// that do not parse.
func Parse(ctx context.Context, r *wsgi.Request, res Resource) (Query, error) {
	var q Query
	var err error
	if q.Page, err = r.Page(); err != nil {
		return q, err
	}
	keys, err := r.Sort()
	if err != nil {
		return q, err
	}
	q.Store = app.Page{Limit: max(1, q.Page.Limit), Offset: q.Page.Offset, Marker: q.Page.Marker}
	for _, k := range keys {
		q.Store.Sort = append(q.Store.Sort, app.Sort{Key: k.Key, Desc: k.Descending})
	}
	filters := r.Filters()
	if reqctx.From(ctx).IsAdmin { // anybody else's is dropped unread
		if q.AllProjects, err = Bool(r, "all_tenants"); err != nil && !res.AnyAllTenants {
			return q, err
		}
	}
	if r.Version.AtLeast(counted) {
		if q.WithCount, err = Bool(r, "with_count"); err != nil {
			return q, err
		}
	}
	delete(filters, "all_tenants")
	delete(filters, "with_count")
	if err := admit(ctx, r.Version, res, filters); err != nil {
		return q, err
	}
	return q, q.fill(res, r.Version, filters)
}

// Cut leaves of what was found what the client asked for: a limit of 0 is a page of nothing, whose request is nevertheless
// checked like any other.
func Cut[T any](q Query, found []T) []T { return found[:min(len(found), q.Page.Limit)] }

// Bool reads a boolean parameter of the query string, false if it is not there. One that is no boolean is a fault.Invalid
// InvalidParameterValue, and false.
func Bool(r *wsgi.Request, name string) (bool, error) {
	values, given := r.Query()[name]
	if !given {
		return false, nil
	}
	value := values[len(values)-1]
	yes, known := wsgi.ParseBool(value)
	if !known {
		return false, fault.New(fault.Invalid, "InvalidParameterValue", "Value '%s' for '%s' is not a boolean.", value, name)
	}
	return yes, nil
}

// admit drops the filters the version does not know, and drops or refuses those the caller may not use.
func admit(ctx context.Context, v microversion.Version, res Resource, filters map[string]string) error {
	for name, since := range res.Since {
		if !v.AtLeast(since) {
			delete(filters, name)
		}
	}
	for name := range filters {
		if strings.ContainsFunc(name, func(c rune) bool { return c > 127 }) {
			return fault.New(fault.Invalid, "", "Filter keys can only contain ASCII characters.")
		}
	}
	if reqctx.From(ctx).IsAdmin {
		return nil
	}
	strict := res.Strict
	if strict.IsZero() {
		strict = generalFilters
	}
	var refused []string
	for name := range filters {
		plain := strings.TrimSuffix(name, "~")
		if slices.Contains(res.Filters, name) || v.AtLeast(likeFilters) && slices.Contains(res.Filters, plain) {
			continue
		}
		if !v.AtLeast(strict) {
			delete(filters, name)
			continue
		}
		refused = append(refused, name)
	}
	if len(refused) > 0 {
		slices.Sort(refused)
		return fault.New(fault.Invalid, "", "Invalid filters %s are found in query options.", strings.Join(refused, ","))
	}
	return nil
}

func (q *Query) fill(res Resource, v microversion.Version, filters map[string]string) error {
	q.Equal, q.Like, q.Maps = map[string][]string{}, map[string]string{}, map[string]map[string]string{}
	for name, value := range filters {
		plain, like := strings.CutSuffix(name, "~")
		switch {
		case name == "project_id" || name == "tenant_id":
			q.ProjectID = value
		case slices.Contains(res.Maps, plain):
			pairs, err := parsePairs(plain, value)
			if err != nil {
				return err
			}
			q.Maps[plain] = pairs
		case slices.Contains(res.Times, plain) && v.AtLeast(timeFilters):
			times, err := parseTimes(plain, value)
			if err != nil {
				return err
			}
			q.Times = append(q.Times, times...)
		case like:
			q.Like[plain] = value
		default:
			q.Equal[name] = []string{value}
		}
	}
	return nil
}

// parseTimes reads "gt:2026-01-01T00:00:00,lte:2026-02-01".
func parseTimes(name, text string) ([]app.TimeFilter, error) {
	var list []app.TimeFilter
	for part := range strings.SplitSeq(text, ",") {
		op, stamp, found := strings.Cut(part, ":")
		if !found || !slices.Contains([]string{"gt", "gte", "eq", "neq", "lt", "lte"}, op) {
			return nil, fault.New(fault.Invalid, "", "Invalid %s operator", op)
		}
		at, err := ParseTime(stamp)
		if err != nil {
			return nil, err
		}
		list = append(list, app.TimeFilter{Key: name, Op: op, At: at})
	}
	return list, nil
}

// timeLayouts are the forms of ISO 8601 clients send.
var timeLayouts = []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04", "2006-01-02 15:04:05.999999999", time.DateOnly}

// ParseTime reads a time as clients write it; one without a zone is UTC.
func ParseTime(text string) (time.Time, error) {
	for _, layout := range timeLayouts {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "", "Invalid %s value", text)
}

// Public reads the is_public parameter: absent means public only, "none" means all, which is nil. Only an
// administrator has the choice. Invalid for a word that is neither.
func Public(ctx context.Context, r *wsgi.Request) (*bool, error) {
	if !reqctx.From(ctx).IsAdmin || !r.Query().Has("is_public") {
		return new(true), nil
	}
	text := r.Query().Get("is_public")
	if strings.EqualFold(text, "none") {
		return nil, nil
	}
	yes, known := wsgi.ParseBool(text)
	if !known {
		return nil, fault.New(fault.Invalid, "", "Invalid is_public filter [%s]", text)
	}
	return &yes, nil
}
