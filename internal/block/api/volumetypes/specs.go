package volumetypes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	uses "github.com/clinker/clinker/internal/block/app/volumetypes"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Request schemas (cinder/api/schemas/types_extra_specs.py, volume_type_access.py).
var (
	specsSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"extra_specs": {"$ref": "parameter_types#/extra_specs_with_no_spaces_key"}},
		"required": ["extra_specs"], "additionalProperties": false}`}}
	specSchemas = []wsgi.Schema{{JSON: `{"allOf": [{"$ref": "parameter_types#/extra_specs_with_no_spaces_key"}, {"minProperties": 1, "maxProperties": 1}]}`}}
)

func accessSchemas(action string) []wsgi.Schema {
	return []wsgi.Schema{{JSON: `{"type": "object", "properties": {"` + action + `": {"type": "object", "properties": {
		"project": {"type": "string", "minLength": 1, "maxLength": 255}}, "required": ["project"], "additionalProperties": false}},
		"required": ["` + action + `"], "additionalProperties": false}`}}
}

const specsRule = "volume_extension:types_extra_specs:"

func (h handlers) specRoutes() []wsgi.Route {
	const whole, item = "types/{id}/extra_specs", "types/{id}/extra_specs/{key}"
	return []wsgi.Route{
		{Method: "GET", Path: whole, Handler: h.specs, Policy: []string{specsRule + "index", specsRule + "read_sensitive"}},
		{Method: "POST", Path: whole, Handler: h.putSpecs, Schemas: specsSchemas, Policy: []string{specsRule + "create"}},
		{Method: "GET", Path: item, Handler: h.spec, Policy: []string{specsRule + "show", specsRule + "read_sensitive"}},
		{Method: "PUT", Path: item, Handler: h.putSpec, Schemas: specSchemas, Policy: []string{specsRule + "update"}},
		{Method: "DELETE", Path: item, Status: 202, Handler: h.deleteSpec, Policy: []string{specsRule + "delete"}},
	}
}

func (h handlers) specs(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	specs, err := h.uses.Specs(ctx, r.PathValue("id"), specsRule+"index")
	if err != nil {
		return nil, err
	}
	w := jsonview.New(256)
	w.Open()
	w.StringMap("extra_specs", specs)
	w.Close()
	return wsgi.JSON(w), nil
}

// putSpecs answers with what it was sent, as upstream.
func (h handlers) putSpecs(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	if err := h.uses.PutSpecs(ctx, r.PathValue("id"), r.Body.StringMap("extra_specs"), "create"); err != nil {
		return nil, err
	}
	return wsgi.Value(r.Body)
}

func (h handlers) spec(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id, key := r.PathValue("id"), r.PathValue("key")
	specs, err := h.uses.Specs(ctx, id, specsRule+"show")
	if err != nil {
		return nil, err
	}
	value, there := specs[key]
	if !there {
		return nil, uses.SpecNotFound(id, key)
	}
	return wsgi.Value(map[string]string{key: value})
}

func (h handlers) putSpec(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	key := r.PathValue("key")
	if !r.Body.Has(key) {
		return nil, fault.New(fault.Invalid, "", "Request body and URI mismatch")
	}
	if err := h.uses.PutSpecs(ctx, r.PathValue("id"), map[string]string{key: r.Body.String(key)}, "update"); err != nil {
		return nil, err
	}
	return wsgi.Value(r.Body)
}

func (h handlers) deleteSpec(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DeleteSpec(ctx, r.PathValue("id"), r.PathValue("key"))
}

// accessExtension is the extension that says and changes which projects may use a private type
// (cinder/api/contrib/volume_type_access.py).
func (h handlers) accessExtension() wsgi.Extension {
	const rule = "volume_extension:volume_type_access"
	open := func(ctx context.Context, _ *wsgi.Request, _ any) (wsgi.FieldWriter, error) {
		if h.uses.Authorize(ctx, rule) != nil {
			return nil, nil
		}
		return func(w *jsonview.Writer, item any) { w.Bool(isPublic, item.(*block.VolumeType).IsPublic) }, nil
	}
	return wsgi.Extension{Alias: "os-volume-type-access", Name: "VolumeTypeAccess", Description: "Volume type access support.",
		Updated: "2014-06-26T00:00:00Z",
		Resources: []wsgi.Resource{{Collection: collection, Routes: []wsgi.Route{
			{Method: "GET", Path: "types/{id}/os-volume-type-access", Handler: h.access, Policy: []string{rule + ":get_all_for_type"}}}}},
		Actions: []wsgi.Action{
			{Resource: collection, Name: "addProjectAccess", Schemas: accessSchemas("addProjectAccess"), Policy: []string{rule + ":addProjectAccess"}, Handler: h.addAccess},
			{Resource: collection, Name: "removeProjectAccess", Schemas: accessSchemas("removeProjectAccess"), Policy: []string{rule + ":removeProjectAccess"}, Handler: h.removeAccess},
		},
		Views: []wsgi.ViewExtension{{Resource: collection, Open: open}}}
}

func (h handlers) access(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id := r.PathValue("id")
	projects, err := h.uses.Access(ctx, id)
	if err != nil {
		return nil, err
	}
	list := make([]map[string]string, 0, len(projects))
	for _, p := range projects {
		list = append(list, map[string]string{"volume_type_id": id, "project_id": p})
	}
	return wsgi.Value(map[string]any{"volume_type_access": list})
}

func (h handlers) addAccess(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), wsgi.Plain(h.uses.AddAccess(ctx, r.PathValue("id"), r.Body.Object("addProjectAccess").String("project")))
}

func (h handlers) removeAccess(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), wsgi.Plain(h.uses.RemoveAccess(ctx, r.PathValue("id"), r.Body.Object("removeProjectAccess").String("project")))
}
