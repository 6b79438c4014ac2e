package grouptypes

import (
	"context"

	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Request schemas (cinder/api/schemas/group_specs.py).
var (
	specsSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"group_specs": {"type": "object",
		"patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": {"type": ["string", "null"], "maxLength": 255}}, "additionalProperties": false}},
		"required": ["group_specs"], "additionalProperties": false}`}}
	specSchemas = []wsgi.Schema{{JSON: `{"type": "object",
		"patternProperties": {"^[a-zA-Z0-9-_:.]{1,255}$": {"type": ["string", "null"], "maxLength": 255}}, "additionalProperties": false,
		"minProperties": 1, "maxProperties": 1}`}}
)

func (h handlers) specRoutes(since microversion.Range) []wsgi.Route {
	const whole, item, rule = "group_types/{id}/group_specs", "group_types/{id}/group_specs/{key}", "group:group_types_specs:"
	return []wsgi.Route{
		{Method: "GET", Path: whole, Versions: since, Handler: h.specs, Policy: []string{rule + "get_all"}},
		{Method: "POST", Path: whole, Versions: since, Status: 202, Handler: h.putSpecs, Schemas: specsSchemas, Policy: []string{rule + "create"}},
		{Method: "GET", Path: item, Versions: since, Handler: h.spec, Policy: []string{rule + "get"}},
		{Method: "PUT", Path: item, Versions: since, Handler: h.putSpec, Schemas: specSchemas, Policy: []string{rule + "update"}},
		{Method: "DELETE", Path: item, Versions: since, Status: 202, Handler: h.deleteSpec, Policy: []string{rule + "delete"}},
	}
}

func (h handlers) specs(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	specs, err := h.uses.Specs(ctx, r.PathValue("id"), "get_all")
	if err != nil {
		return nil, err
	}
	w := jsonview.New(256)
	w.Open()
	member.AppendTexts(w, "group_specs", specs)
	w.Close()
	return wsgi.JSON(w), nil
}

// putSpecs answers with what it was sent, as upstream.
func (h handlers) putSpecs(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	specs, err := member.Texts(r.Body.Object("group_specs"))
	if err != nil {
		return nil, err
	}
	if err := h.uses.PutSpecs(ctx, r.PathValue("id"), specs, "create"); err != nil {
		return nil, err
	}
	return wsgi.Value(r.Body)
}

func (h handlers) spec(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id, key := r.PathValue("id"), r.PathValue("key")
	specs, err := h.uses.Specs(ctx, id, "get")
	if err != nil {
		return nil, err
	}
	value, there := specs[key]
	if !there {
		return nil, fault.New(fault.NotFound, "", "Group Type %s has no extra spec with key %s.", id, key)
	}
	return wsgi.Value(map[string]*string{key: value})
}

func (h handlers) putSpec(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	if !r.Body.Has(r.PathValue("key")) {
		return nil, fault.New(fault.Invalid, "", "Request body and URI mismatch")
	}
	specs, err := member.Texts(r.Body)
	if err != nil {
		return nil, err
	}
	if err := h.uses.PutSpecs(ctx, r.PathValue("id"), specs, "update"); err != nil {
		return nil, err
	}
	return wsgi.Value(r.Body)
}

func (h handlers) deleteSpec(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DeleteSpec(ctx, r.PathValue("id"), r.PathValue("key"))
}
