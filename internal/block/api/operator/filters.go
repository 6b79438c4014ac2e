package operator

import (
	"context"

	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// resourceFilter is what lists of a resource can be filtered by.
type resourceFilter struct {
	Resource string   `json:"resource"`
	Filters  []string `json:"filters"`
}

// resourceFilters are upstream's etc/cinder/resource_filters.json, in its order. What each list really takes is declared
// with the list; a test holds the two together.
var resourceFilters = []resourceFilter{
	{"volume", []string{"name", "status", "metadata", "bootable", "migration_status", "availability_zone", "group_id", "size", "created_at",
		"updated_at", "consumes_quota"}},
	{"backup", []string{"name", "status", "volume_id"}},
	{"snapshot", []string{"name", "status", "volume_id", "metadata", "availability_zone", "consumes_quota"}},
	{"group", []string{"name"}},
	{"group_snapshot", []string{"name", "status", "group_id"}},
	{"attachment", []string{"volume_id", "status", "instance_id", "attach_status"}},
	{"message", []string{"resource_uuid", "resource_type", "event_id", "request_id", "message_level"}},
	{"pool", []string{"name", "volume_type"}},
	{"volume_type", []string{"is_public", "extra_specs"}},
}

// ResourceFilters is the extension under /resource_filters, from 3.33 (cinder/api/v3/resource_filters.py). Everybody may
// read it.
func ResourceFilters() wsgi.Extension {
	index := func(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		list, only := []resourceFilter{}, r.Query().Get("resource")
		for _, f := range resourceFilters {
			if only == "" || f.Resource == only {
				list = append(list, f)
			}
		}
		return wsgi.Value(map[string]any{"resource_filters": list})
	}
	return wsgi.Extension{Alias: "resource_filters", Name: "ResourceFilters", Description: "What lists can be filtered by.", Updated: "2026-11-21T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "resource_filters", Routes: []wsgi.Route{
			{Method: "GET", Path: "resource_filters", Versions: microversion.From(3, 33), Handler: index}}}}}
}
