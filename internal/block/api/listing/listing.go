// Package listing reads what a list request asks for: page, order, and the filters its resource allows at the request's
// microversion. It is Cinder's general filtering (cinder/api/common.py) in one place.
//
// What must not live here: which columns exist (the store refuses unknown sort keys) and anything of one resource but
// what its Resource value says.
package listing

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
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
)

// Resource says which filters a resource's lists take.
type Resource struct {
	// Filters are the names everyone may filter by from General on (see Filters.Of); administrators may by any column.
	Filters []string
	// General is the version since which filters nobody may use are refused instead of dropped; zero is 3.31.
	General microversion.Version
	// Older are the names everyone may filter by before General; nil is Filters.
	Older []string
	// AnyOlder lets everyone filter by any column before General; what is none chooses nothing.
	AnyOlder bool
	// Added are filters that are dropped before a version, whoever asks, as long as General does not hold.
	Added map[string]microversion.Version
	// Sortable are sort keys that came at a version; before, they are refused like any unknown one.
	Sortable map[string]microversion.Version
	// Times are filters that take comparisons (created_at=gt:2026-01-01T00:00:00).
	Times []string
	// Maps are filters whose value is a dictionary in Python's or JSON's writing: metadata. Any other value of theirs is left
	// in Equal, where it is no column and chooses nothing.
	Maps []string
	// Literals are filters whose value may be written as Python writes a list or a text: status=['error','available'].
	Literals []string
	// UsesQuota says that rows may be left out of quota: from General on consumes_quota is a filter, use_quota in the store.
	UsesQuota bool
	// Counted says that with_count is a parameter from 3.45 on; otherwise it is a filter like any other.
	Counted bool
	// AnyAllTenants takes an all_tenants that is no boolean for false; other resources refuse it.
	AnyAllTenants bool
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
	q, err := ParsePage(r)
	if err != nil {
		return q, err
	}
	for _, s := range q.Store.Sort {
		if since, later := res.Sortable[s.Key]; later && !r.Version.AtLeast(since) {
			return q, block.InvalidInput("Invalid sort key")
		}
	}
	filters := r.Filters()
	if err := q.allProjects(ctx, r, res, filters); err != nil {
		return q, err
	}
	if res.Counted && r.Version.AtLeast(counted) {
		if q.WithCount, err = Bool(r, "with_count"); err != nil {
			return q, err
		}
		delete(filters, "with_count")
	}
	if err := res.admit(ctx, r.Version, filters); err != nil {
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
	return parseBool(values[len(values)-1], name)
}

func parseBool(value, name string) (bool, error) {
	yes, known := wsgi.ParseBool(value)
	if !known {
		return false, fault.New(fault.Invalid, "InvalidParameterValue", "Value '%s' for '%s' is not a boolean.", value, name)
	}
	return yes, nil
}

// ParseSummary reads the filters of a request for what sums up: it has no pages, and filters that the caller may not use are
// dropped whatever the version.
func ParseSummary(ctx context.Context, r *wsgi.Request, res Resource) (q Query, err error) {
	filters := r.Filters()
	if err := q.allProjects(ctx, r, res, filters); err != nil {
		return q, err
	}
	maps.DeleteFunc(filters, func(name, _ string) bool { return !reqctx.From(ctx).IsAdmin && !allows(res.Filters, name, r.Version) })
	return q, q.fill(res, r.Version, filters)
}

// allProjects takes all_tenants out of the filters and reads it, if it is an administrator's; anybody else's is dropped unread.
func (q *Query) allProjects(ctx context.Context, r *wsgi.Request, res Resource, filters map[string]string) (err error) {
	delete(filters, "all_tenants")
	if !reqctx.From(ctx).IsAdmin {
		return nil
	}
	if q.AllProjects, err = Bool(r, "all_tenants"); res.AnyAllTenants {
		return nil
	}
	return err
}

// general says whether unknown filters are refused at a version.
func (res Resource) general(v microversion.Version) bool {
	if res.General.IsZero() {
		return v.AtLeast(generalFilters)
	}
	return v.AtLeast(res.General)
}

// admit drops or refuses the filters that the caller may not use at the version.
func (res Resource) admit(ctx context.Context, v microversion.Version, filters map[string]string) error {
	if res.general(v) {
		return res.refuse(ctx, v, filters)
	}
	for name, since := range res.Added {
		if !v.AtLeast(since) {
			delete(filters, name)
		}
	}
	if reqctx.From(ctx).IsAdmin || res.AnyOlder {
		return nil
	}
	allowed := res.Older
	if allowed == nil {
		allowed = res.Filters
	}
	maps.DeleteFunc(filters, func(name, _ string) bool { return !slices.Contains(allowed, name) })
	return nil
}

// refuse is Cinder's reject_invalid_filters.
func (res Resource) refuse(ctx context.Context, v microversion.Version, filters map[string]string) error {
	var refused []string
	for _, name := range slices.Sorted(maps.Keys(filters)) {
		if strings.ContainsFunc(name, func(c rune) bool { return c > 127 }) {
			return fault.New(fault.Invalid, "", "Filter keys can only contain ASCII characters.")
		}
		if !allows(res.Filters, name, v) {
			refused = append(refused, name)
		}
	}
	if len(refused) == 0 || reqctx.From(ctx).IsAdmin {
		return nil
	}
	return fault.New(fault.Invalid, "", "Invalid filters %s are found in query options.", strings.Join(refused, ","))
}

// allows says whether a filter is among those of a file: from 3.34 on "name~" there allows both "name~" and "name".
func allows(filters []string, name string, v microversion.Version) bool {
	return slices.Contains(filters, name) || v.AtLeast(likeFilters) && slices.Contains(filters, name+"~")
}

func (q *Query) fill(res Resource, v microversion.Version, filters map[string]string) error {
	q.Equal, q.Like, q.Maps = map[string][]string{}, map[string]string{}, map[string]map[string]string{}
	for name, value := range filters {
		plain, like := strings.CutSuffix(name, "~")
		switch {
		case name == "project_id" || name == "tenant_id":
			q.ProjectID = value
		case slices.Contains(res.Maps, plain):
			if pairs, err := parsePairs(plain, value); err == nil {
				q.Maps[plain] = pairs
			} else {
				q.Equal[plain] = []string{value}
			}
		case slices.Contains(res.Times, name) && res.general(v):
			times, err := parseTimes(plain, value)
			if err != nil {
				return err
			}
			q.Times = append(q.Times, times...)
		case res.UsesQuota && (name == usesQuota || name == "consumes_quota" && res.general(v)):
			truth, err := parseBool(value, usesQuota)
			if err != nil {
				return err
			}
			q.Equal[usesQuota] = []string{strconv.FormatBool(truth)}
		case like:
			q.Like[plain] = value
		case slices.Contains(res.Literals, name):
			q.Equal[name] = literals(value)
		default:
			q.Equal[name] = []string{value}
		}
	}
	return nil
}

// usesQuota is what rows call consumes_quota.
const usesQuota = "use_quota"

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
