// Package defaulttypes is the HTTP of the volume types that projects have as their own default, from 3.62
// (cinder/api/v3/default_types.py). What a request means is in app/defaulttypes.
package defaulttypes

import (
	"context"
	"maps"
	"slices"

	uses "github.com/clinker/clinker/internal/block/app/defaulttypes"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// setSchemas is cinder/api/schemas/default_types.py; that default_type itself is required is ours, for upstream fails
// without it.
var setSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"default_type": {"type": "object", "properties": {
	"volume_type": {"$ref": "parameter_types#/name"}}, "required": ["volume_type"], "additionalProperties": false}}, "required": ["default_type"]}`}}

// Extension is everything under /default-types.
func Extension(u *uses.DefaultTypes) wsgi.Extension {
	h := handlers{u}
	const item, rule = "default-types/{id}", "volume_extension:default_"
	since := microversion.From(3, 62)
	return wsgi.Extension{
		Alias: "default-types",
		Resources: []wsgi.Resource{{Collection: "default-types", Routes: []wsgi.Route{
			{Method: "GET", Path: "default-types", Versions: since, Handler: h.index, Policy: []string{rule + "get_all"}},
			{Method: "GET", Path: item, Versions: since, Handler: h.show, Policy: []string{rule + "get"}},
			{Method: "PUT", Path: item, Versions: since, Handler: h.set, Schemas: setSchemas, Policy: []string{rule + "set_or_update"}},
			{Method: "DELETE", Path: item, Versions: since, Status: 204, Handler: h.unset, Policy: []string{rule + "unset"}},
		}}},
	}
}

type handlers struct{ uses *uses.DefaultTypes }

func view(projectID, typeID string) map[string]string {
	return map[string]string{"project_id": projectID, "volume_type_id": typeID}
}

func (h handlers) index(ctx context.Context, _ *wsgi.Request) (*wsgi.Response, error) {
	ids, err := h.uses.List(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]map[string]string, 0, len(ids))
	for _, project := range slices.Sorted(maps.Keys(ids)) {
		list = append(list, view(project, ids[project]))
	}
	return wsgi.Value(map[string]any{"default_types": list})
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"default_type": view(r.PathValue("id"), id)})
}

func (h handlers) set(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id, err := h.uses.Set(ctx, r.PathValue("id"), r.Body.Object("default_type").String("volume_type"))
	if err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"default_type": view(r.PathValue("id"), id)})
}

func (h handlers) unset(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Unset(ctx, r.PathValue("id"))
}
