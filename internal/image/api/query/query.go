// Package query reads the query strings of lists: filters with their operators, orders and pages, as Glance has them.
//
// What must not live here: who sees what.
//
// Upstream: RequestDeserializer.index in glance/api/v2/images.py, _make_conditions_from_filters in glance/db/sqlalchemy/api.py.
package query

import (
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
)

// maxFilters bounds how many filters one request has.
const maxFilters = 100

func invalid(format string, args ...any) error { return fault.New(fault.Invalid, "", format, args...) }

// Images reads a query for images. limit gives the length of the page for what was asked, nil for nothing.
func Images(values url.Values, limit func(asked *int) int) (q app.ImageQuery, err error) {
	q = app.ImageQuery{Hidden: new(false), In: map[string][]string{}, Equal: map[string]int64{}, Min: map[string]int64{}, Max: map[string]int64{},
		Properties: map[string]string{}}
	if q.Page, err = Page(values, limit); err != nil {
		return q, err
	}
	if q.Page.Sort, err = imageSort(values); err != nil {
		return q, err
	}
	if q.Viewer.MemberStatus, err = memberStatus(values); err != nil {
		return q, err
	}
	if len(values) > maxFilters {
		return q, invalid("A request has at most %d filters.", maxFilters)
	}
	for name, all := range values {
		if err := filter(&q, name, all); err != nil {
			return q, err
		}
	}
	return q, nil
}

// Page reads limit and marker.
func Page(values url.Values, limit func(asked *int) int) (p app.Page, err error) {
	p.Marker = values.Get("marker")
	if !values.Has("limit") {
		p.Limit = limit(nil)
		return p, nil
	}
	n, err := strconv.Atoi(strings.TrimSpace(values.Get("limit")))
	if err != nil {
		return p, invalid("limit param must be an integer")
	}
	if n < 0 {
		return p, invalid("limit param must be positive")
	}
	p.Limit = limit(&n)
	return p, nil
}

// imageSortKeys are what images can be sorted by.
var imageSortKeys = []string{"name", "status", "container_format", "disk_format", "size", "id", "created_at", "updated_at"}

// imageSort reads sort=key:dir,... or sort_key and sort_dir, each any number of times.
func imageSort(values url.Values) ([]app.Sort, error) {
	keys, directions := values["sort_key"], values["sort_dir"]
	if values.Has("sort") {
		if len(keys) > 0 || len(directions) > 0 {
			return nil, invalid("Old and new sorting syntax cannot be combined")
		}
		for part := range strings.SplitSeq(strings.TrimSpace(values.Get("sort")), ",") {
			key, direction, _ := strings.Cut(part, ":")
			if direction == "" {
				direction = "desc"
			}
			keys, directions = append(keys, key), append(directions, direction)
		}
	}
	if len(directions) > 1 && len(directions) != len(keys) {
		return nil, invalid("Number of sort dirs does not match the number of sort keys")
	}
	if len(keys) == 0 {
		keys = []string{"created_at"}
	}
	if len(directions) == 0 {
		directions = []string{"desc"}
	}
	var list []app.Sort
	for n, key := range keys {
		s, err := sortBy(key, directions[min(n, len(directions)-1)], imageSortKeys)
		if err != nil {
			return nil, err
		}
		list = append(list, s)
	}
	return list, nil
}

func sortBy(key, direction string, known []string) (app.Sort, error) {
	key, direction = strings.TrimSpace(key), strings.TrimSpace(direction)
	if !slices.Contains(known, key) {
		return app.Sort{}, invalid("Invalid sort key: %s. It must be one of the following: %s.", key, strings.Join(known, ", "))
	}
	if direction != "asc" && direction != "desc" {
		return app.Sort{}, invalid("Invalid sort direction: %s", direction)
	}
	return app.Sort{Key: key, Desc: direction == "desc"}, nil
}

func memberStatus(values url.Values) (image.MemberStatus, error) {
	if !values.Has("member_status") {
		return image.MemberAccepted, nil
	}
	text := values.Get("member_status")
	if text == "all" {
		return "", nil
	}
	if !slices.Contains(image.MemberStatuses(), image.MemberStatus(text)) {
		return "", invalid("Invalid status: %s", text)
	}
	return image.MemberStatus(text), nil
}

// filter reads one parameter.
func filter(q *app.ImageQuery, name string, all []string) (err error) {
	value := all[len(all)-1]
	switch name {
	case "limit", "marker", "sort", "sort_key", "sort_dir", "member_status", "deleted":
		return nil
	case "tag":
		for _, t := range all {
			q.Tags = append(q.Tags, strings.TrimSpace(t))
		}
		return nil
	case "visibility":
		return visibility(q, value)
	case "changes-since":
		return invalid(`The "changes-since" filter is no longer available on v2.`)
	case "os_hidden":
		q.Hidden, err = truth("os_hidden", strings.ToLower(value))
	case "protected":
		q.Protected, err = truth("protected", value)
	case "name", "id", "status", "container_format", "disk_format":
		q.In[name], err = oneOf(value)
	case "owner", "checksum", "os_hash_algo", "os_hash_value":
		q.In[name] = []string{value}
	case "created_at", "updated_at":
		var t app.TimeFilter
		t, err = moment(name, value)
		q.Times = append(q.Times, t)
	default:
		return number(q, name, value)
	}
	return err
}

func visibility(q *app.ImageQuery, value string) error {
	if value != "" && value != app.AnyVisibility && !slices.Contains(image.Visibilities(), value) {
		return invalid("Invalid visibility value: %s", value)
	}
	q.Visibility = value
	return nil
}

func truth(name, value string) (*bool, error) {
	if value != "true" && value != "false" {
		return nil, invalid("Invalid value '%s' for '%s' filter. Valid values are 'true' or 'false'.", value, name)
	}
	return new(value == "true"), nil
}

var numberColumns = []string{"size", "virtual_size", "min_disk", "min_ram"}

// number reads a comparison of a number; what is none is a property.
func number(q *app.ImageQuery, name, value string) error {
	column, into := name, q.Equal
	if base, ok := strings.CutSuffix(name, "_min"); ok && slices.Contains(numberColumns, base) {
		column, into = base, q.Min
	} else if base, ok := strings.CutSuffix(name, "_max"); ok && slices.Contains(numberColumns, base) {
		column, into = base, q.Max
	}
	if !slices.Contains(numberColumns, column) {
		q.Properties[name] = value
		return nil
	}
	n, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64)
	if err != nil {
		return invalid("Unable to filter on a range with a non-numeric value.")
	}
	into[column] = n
	return nil
}

// operator splits "gt:2025-01-01" into operator and rest; a time that has colons itself is no operator.
func operator(text string) (op, rest string) {
	left, right, found := strings.Cut(text, ":")
	if !found {
		return "eq", text
	}
	if _, ok := parseTime(text); ok {
		return "eq", text
	}
	return left, right
}

// oneOf reads "in:a,b" or a plain value.
func oneOf(text string) ([]string, error) {
	switch op, rest := operator(text); op {
	case "in":
		return quoted(rest)
	case "eq":
		return []string{rest}, nil
	default:
		return nil, invalid("Unable to filter by unknown operator '%s'.", op)
	}
}

// item is a value of a list: one in quotes, which may hold commas and quotes behind backslashes, or one without.
var item = regexp.MustCompile(`"([^"\\]*(?:\\.[^"\\]*)*)",?|([^,]+),?|,`)

// quoted splits a list at its commas.
func quoted(text string) (list []string, err error) {
	open := true
	for n := range len(text) {
		if text[n] != '"' || n > 0 && text[n-1] == '\\' {
			continue
		}
		switch {
		case open && n > 0 && text[n-1] != ',':
			return nil, invalid("Invalid filter value %s. There is no comma before opening quotation mark.", text)
		case !open && n+1 != len(text) && text[n+1] != ',':
			return nil, invalid("Invalid filter value %s. There is no comma after closing quotation mark.", text)
		}
		open = !open
	}
	if !open {
		return nil, invalid("Invalid filter value %s. The quote is not closed.", text)
	}
	for _, m := range item.FindAllStringSubmatch(text, -1) {
		value := m[1]
		if value == "" {
			value = m[2]
		}
		list = append(list, value)
	}
	return list, nil
}

func moment(name, text string) (app.TimeFilter, error) {
	op, rest := operator(text)
	at, ok := parseTime(rest)
	if !ok {
		return app.TimeFilter{}, invalid(`Bad "%s" query filter format. Use ISO 8601 DateTime notation.`, name)
	}
	if !slices.Contains([]string{"gt", "gte", "lt", "lte", "neq", "eq"}, op) {
		return app.TimeFilter{}, invalid("Unable to filter on a unknown operator.")
	}
	return app.TimeFilter{Key: name, Op: op, At: at}, nil
}

// parseTime reads ISO 8601; without a zone it is UTC. A plus sign in a URL may have become a space.
func parseTime(text string) (time.Time, bool) {
	if n := len(text) - len(" 00:00"); n > 0 && text[n] == ' ' && strings.Contains(text[:n], "T") {
		text = text[:n] + "+" + text[n+1:]
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02 15:04:05.999999999", "2006-01-02T15:04:05-0700",
		"2006-01-02T15:04", "2006-01-02", "20060102T150405Z"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t.UTC(), true
		}
	}
	return time.Time{}, false
}

// taskSortKeys are what tasks can be sorted by.
var taskSortKeys = []string{"id", "type", "status", "owner", "created_at", "updated_at", "expires_at"}

// Tasks reads a query for tasks.
func Tasks(values url.Values, limit func(asked *int) int) (q app.TaskQuery, err error) {
	if q.Page, err = Page(values, limit); err != nil {
		return q, err
	}
	key, direction := "created_at", "desc"
	if values.Has("sort_key") {
		key = values.Get("sort_key")
	}
	if values.Has("sort_dir") {
		direction = values.Get("sort_dir")
	}
	s, err := sortBy(key, direction, taskSortKeys)
	if err != nil {
		return q, err
	}
	q.Page.Sort = []app.Sort{s}
	q.Owner, q.Type, q.Status = values.Get("owner"), values.Get("type"), image.TaskStatus(values.Get("status"))
	if q.Status != "" && !slices.Contains(image.TaskStatuses(), q.Status) {
		return q, invalid("Invalid status value: %s", q.Status)
	}
	if q.Type != "" && q.Type != image.TaskImportNew && q.Type != image.TaskImport {
		return q, invalid("Invalid type value: %s", q.Type)
	}
	return q, nil
}

// Namespaces reads a query for namespaces of definitions.
func Namespaces(values url.Values, limit func(asked *int) int) (q app.NamespaceQuery, err error) {
	if q.Page, err = Page(values, limit); err != nil {
		return q, err
	}
	if q.Page.Sort, err = metadefSort(values, []string{"id", "namespace", "display_name", "description", "visibility", "protected", "owner", "created_at", "updated_at"}); err != nil {
		return q, err
	}
	switch q.Visibility = image.Visibility(values.Get("visibility")); q.Visibility {
	case "", image.Public, image.Private:
	default:
		return q, invalid("Invalid visibility value: %s", q.Visibility)
	}
	if values.Has("resource_types") {
		q.ResourceTypes = strings.Split(values.Get("resource_types"), ",")
	}
	return q, nil
}

// MetadefTags reads a query for the tags of a namespace; nil is all of them.
func MetadefTags(values url.Values, limit func(asked *int) int) (*app.Page, error) {
	if !values.Has("limit") && !values.Has("marker") && !values.Has("sort_key") && !values.Has("sort_dir") {
		return nil, nil
	}
	p, err := Page(values, limit)
	if err != nil {
		return nil, err
	}
	p.Sort, err = metadefSort(values, []string{"id", "name", "created_at", "updated_at"})
	return &p, err
}

func metadefSort(values url.Values, keys []string) ([]app.Sort, error) {
	key, direction := "created_at", "desc"
	if values.Has("sort_key") {
		key = values.Get("sort_key")
	}
	if values.Has("sort_dir") {
		direction = values.Get("sort_dir")
	}
	s, err := sortBy(key, direction, keys)
	return []app.Sort{s}, err
}

// Links are the query strings of the first and, when there is a marker, of the next page, with the parameters in the order they
// came; each begins with a question mark, or is empty.
func Links(raw, marker string) (first, next string) {
	var parts []string
	for pair := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if pair != "" && name != "marker" && nameErr == nil && valueErr == nil {
			parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
	}
	if len(parts) > 0 {
		first = "?" + strings.Join(parts, "&")
	}
	if marker != "" {
		next = "?" + strings.Join(append(parts, "marker="+url.QueryEscape(marker)), "&")
	}
	return first, next
}
