package listing

import (
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// ParsePage is Parse for lists that have page and order alone, or filters of their own ways.
func ParsePage(r *wsgi.Request) (Query, error) {
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
	return q, nil
}
