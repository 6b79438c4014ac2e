package operator

import (
	"context"

	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// ResourceFilters is the extension under /resource_filters, from 3.33 (cinder/api/v3/resource_filters.py). Everybody may
// read it.
func ResourceFilters(allowed listing.Filters) wsgi.Extension {
	index := func(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		list, only := listing.Filters{}, r.Query().Get("resource")
		for _, f := range allowed {
			if only == "" || f.Resource == only {
				list = append(list, f)
			}
		}
		return wsgi.Value(map[string]any{"resource_filters": list})
	}
	return wsgi.Extension{Alias: "resource_filters",
		Resources: []wsgi.Resource{{Collection: "resource_filters", Routes: []wsgi.Route{
			{Method: "GET", Path: "resource_filters", Versions: microversion.From(3, 33), Handler: index}}}}}
}
