package wsgi

import "github.com/clinker/clinker/internal/oslo/jsonview"

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
func (r *Request) Page() (Page, error) { return Page{}, nil }

// Sort reads sort=key:dir,key2:dir2 or the older sort_key and sort_dir; with none of them it is created_at, descending.
// Both forms at once, or a direction that is neither asc nor desc, is fault.Invalid.
func (r *Request) Sort() ([]SortKey, error) { return nil, nil }

// Filters are the query parameters that are not about paging and sorting, each with its last value.
func (r *Request) Filters() map[string]string { return nil }

// AppendLinks writes the member "links" of one item: self (with the project id if the request had it) and bookmark
// (without the version).
func (r *Request) AppendLinks(w *jsonview.Writer, collection, id string) {}

// AppendNextLink writes the member "<name>_links" when the page is full: count items were found and the last of them
// is lastID. path is where the list is, such as "volumes" or "volumes/detail". Upstream leaves the member out otherwise.
func (r *Request) AppendNextLink(w *jsonview.Writer, name, path string, page Page, count int, lastID string) {}

type linkPrefixes struct{}
