package wsgi

import (
	"math"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// Page is the part of a list a client asked for.
type Page struct {
	Limit  int    // 0 is a page of nothing, as upstream; never more than the API's MaxLimit
	Marker string // id of the last item the client has seen, "" for none
	Offset int
}

// SortKey is one key a list is ordered by, as the client wrote it; nobody has checked that it exists.
type SortKey struct {
	Key        string
	Descending bool
}

// Page reads limit, marker and offset; values that are no numbers or out of range are fault.Invalid in upstream's words.
func (r *Request) Page() (Page, error) {
	page := Page{Limit: r.api.maxLimit}
	if r.HTTP.URL.RawQuery == "" {
		return page, nil
	}
	query := r.Query()
	page.Marker = query.Get("marker")
	if values, ok := query["limit"]; ok {
		limit, ok := parseInteger(values[0])
		if !ok {
			return Page{}, fault.New(fault.Invalid, "", "limit param must be an integer")
		}
		if limit < 0 {
			return Page{}, fault.New(fault.Invalid, "", "limit param must be positive")
		}
		page.Limit = int(min(limit, int64(r.api.maxLimit)))
	}
	if values, ok := query["offset"]; ok {
		offset, ok := parseInteger(values[0])
		switch {
		case !ok:
			return Page{}, fault.New(fault.Invalid, "", "offset must be an integer")
		case offset < 0:
			return Page{}, fault.New(fault.Invalid, "", "offset must be >= 0")
		case offset > math.MaxInt32:
			return Page{}, fault.New(fault.Invalid, "", "offset must be <= %d", math.MaxInt32)
		}
		page.Offset = int(offset)
	}
	return page, nil
}

// parseInteger reads a whole number; one beyond 64 bits is the nearest that fits, for its range is checked next.
func parseInteger(text string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if err == nil {
		return n, true
	}
	if numErr, ok := err.(*strconv.NumError); ok && numErr.Err == strconv.ErrRange { //nolint:errorlint // ParseInt's own
		return n, true
	}
	return 0, false
}

// Sort reads sort=key:dir,key2:dir2 or the older sort_key and sort_dir; with none of them it is created_at, descending.
// Both forms at once, or a direction that is neither asc nor desc, is fault.Invalid.
func (r *Request) Sort() ([]SortKey, error) {
	const defaultKey, defaultDirection = "created_at", "desc"
	if r.HTTP.URL.RawQuery == "" {
		return []SortKey{{defaultKey, true}}, nil
	}
	query := r.Query()
	if !query.Has("sort") {
		key, direction := defaultKey, defaultDirection
		if query.Has("sort_key") {
			key = query.Get("sort_key")
		}
		if query.Has("sort_dir") {
			direction = query.Get("sort_dir")
		}
		sortKey, err := newSortKey(key, direction)
		return []SortKey{sortKey}, err
	}
	if query.Has("sort_key") || query.Has("sort_dir") {
		return nil, fault.New(fault.Invalid, "",
			"The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.")
	}
	var keys []SortKey
	for part := range strings.SplitSeq(strings.TrimSpace(query.Get("sort")), ",") {
		key, direction, _ := strings.Cut(part, ":")
		if direction == "" {
			direction = defaultDirection
		}
		sortKey, err := newSortKey(key, direction)
		if err != nil {
			return nil, err
		}
		keys = append(keys, sortKey)
	}
	return keys, nil
}

func newSortKey(key, direction string) (SortKey, error) {
	direction = strings.TrimSpace(direction)
	if direction != "asc" && direction != "desc" {
		return SortKey{}, fault.New(fault.Invalid, "InvalidInput",
			"Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.")
	}
	return SortKey{Key: strings.TrimSpace(key), Descending: direction == "desc"}, nil
}

// Filters are the query parameters that are not about paging and sorting, each with its last value. The map is the
// caller's to change.
func (r *Request) Filters() map[string]string {
	filters := map[string]string{}
	if r.HTTP.URL.RawQuery == "" {
		return filters
	}
	for name, values := range r.Query() {
		switch name {
		case "limit", "marker", "offset", "sort", "sort_key", "sort_dir":
		default:
			filters[name] = values[len(values)-1]
		}
	}
	return filters
}
