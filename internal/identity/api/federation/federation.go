// Package federation is the HTTP of mappings (keystone/api/os_federation.py). What a request means is in app/federation.
package federation

import (
	"cmp"
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	uses "github.com/clinker/clinker/internal/identity/app/federation"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// The form of rules (keystone/federation/utils.py). Version 2.0 lets projects say their domain.
const (
	domainSchema = `{"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}, "additionalProperties": false}`
	groupSchema  = `{"type": "object", "oneOf": [
		{"properties": {"id": {"type": "string"}}, "additionalProperties": false, "required": ["id"]},
		{"properties": {"name": {"type": "string"}, "domain": ` + domainSchema + `}, "additionalProperties": false, "required": ["name", "domain"]}]}`
	userSchema = `{"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "email": {"type": "string"}, "domain": ` + domainSchema + `,
		"type": {"type": "string", "enum": ["ephemeral", "local"]}}, "additionalProperties": false}`
	projectsSchema = `{"type": "array", "items": {"type": "object", "required": ["name", "roles"], "additionalProperties": false, "properties": {
		"name": {"type": "string"}, "domain": ` + domainSchema + `,
		"roles": {"type": "array", "items": {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}, "additionalProperties": false}}}}}`
	remoteSchema = `{"type": "object", "required": ["type"], "properties": {"type": {"type": "string"}, "any_one_of": {"type": "array"}, "not_any_of": {"type": "array"},
		"blacklist": {"type": "array"}, "whitelist": {"type": "array"}, "regex": {"type": "boolean"}}, "additionalProperties": false, "oneOf": [
		{"maxProperties": 1}, {"required": ["any_one_of"]}, {"required": ["not_any_of"]}, {"required": ["blacklist"]}, {"required": ["whitelist"]}]}`
	mappingSchema = `{"type": "object", "required": ["rules"], "properties": {"id": {"type": "string"}, "schema_version": {"type": ["string", "null"], "enum": ["1.0", "2.0", "", null]},
		"rules": {"type": "array", "minItems": 1, "items": {"type": "object", "required": ["local", "remote"], "additionalProperties": false, "properties": {
			"local": {"type": "array", "items": {"type": "object", "additionalProperties": false, "properties": {"user": ` + userSchema + `, "projects": ` + projectsSchema + `,
				"group": ` + groupSchema + `, "groups": {"type": "string"}, "group_ids": {"type": "string"}, "domain": ` + domainSchema + `}}},
			"remote": {"type": "array", "minItems": 1, "items": ` + remoteSchema + `}}}}}, "additionalProperties": false}`
)

// Routes are those of mappings.
func Routes(u *uses.Federation) []rest.Route {
	h := handlers{u}
	const all, one = "/v3/OS-FEDERATION/mappings", "/v3/OS-FEDERATION/mappings/{mapping_id}"
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: all, Policy: rule("list_mappings"), Handler: h.list},
		{Method: "GET", Path: one, Policy: rule("get_mapping"), Handler: h.get},
		{Method: "PUT", Path: one, Status: http.StatusCreated, Schema: mappingSchema, Member: "mapping", Policy: rule("create_mapping"), Handler: h.create},
		{Method: "PATCH", Path: one, Schema: mappingSchema, Member: "mapping", Policy: rule("update_mapping"), Handler: h.update},
		{Method: "DELETE", Path: one, Status: http.StatusNoContent, Policy: rule("delete_mapping"), Handler: h.remove},
	}
}

type handlers struct{ uses *uses.Federation }

func view(r *rest.Request) func(*identity.Mapping) map[string]any {
	return func(m *identity.Mapping) map[string]any {
		return r.View(nil, "OS-FEDERATION/mappings/"+m.ID, map[string]any{"id": m.ID, "rules": m.Rules, "schema_version": m.SchemaVersion})
	}
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Mappings(ctx)
	if err != nil {
		return nil, err
	}
	return r.List("mappings", rest.Each(list, view(r)), 0), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	m, err := h.uses.Mapping(ctx, r.Path("mapping_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("mapping", view(r)(m)), nil
}

// maxID is the longest id that a mapping may have.
const maxID = 64

// read makes a mapping of a body.
func read(r *rest.Request) (*identity.Mapping, error) {
	m := &identity.Mapping{ID: r.Path("mapping_id"), Rules: r.Body.List("rules"), SchemaVersion: cmp.Or(r.Body.String("schema_version"), identity.MappingVersion)}
	if len(m.ID) > maxID {
		return nil, identity.Invalid("The id of a mapping has at most %d characters", maxID)
	}
	if err := r.RequireID(m.ID); err != nil {
		return nil, err
	}
	if m.SchemaVersion == identity.MappingVersion && withDomains(m.Rules) {
		return nil, identity.Invalid("Additional properties are not allowed ('domain' was unexpected): projects have a domain from schema_version 2.0 on")
	}
	return m, nil
}

// withDomains reports whether a project in the rules names its domain.
func withDomains(rules []any) bool {
	object := func(v any) bodyschema.Object { o, _ := v.(map[string]any); return o }
	for _, rule := range rules {
		for _, local := range object(rule).List("local") {
			for _, project := range object(local).List("projects") {
				if object(project).Has("domain") {
					return true
				}
			}
		}
	}
	return false
}

// write answers with the mapping that a body describes, once store has kept it.
func (h handlers) write(ctx context.Context, r *rest.Request, store func(context.Context, *identity.Mapping) error) (*rest.Response, error) {
	m, err := read(r)
	if err != nil {
		return nil, err
	}
	if err := store(ctx, m); err != nil {
		return nil, err
	}
	return rest.One("mapping", view(r)(m)), nil
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return h.write(ctx, r, h.uses.CreateMapping)
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return h.write(ctx, r, h.uses.UpdateMapping)
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteMapping(ctx, r.Path("mapping_id"))
}
