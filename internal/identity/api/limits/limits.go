// Package limits is the HTTP of unified limits (keystone/api/limits.py, registered_limits.py). What a request means is in
// app/limits.
package limits

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/limits"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// Request schemas (keystone/limit/schema.py).
const (
	place = `"service_id": {"$ref": "identity#/id"}, "region_id": {"$ref": "identity#/null_region"}, "resource_name": {"$ref": "identity#/name"}`

	registeredMembers = place + `, "default_limit": {"$ref": "identity#/limit"}, "description": {"$ref": "identity#/null_text"}`
	registerSchema    = `{"type": "object", "properties": {"registered_limits": {"type": "array", "minItems": 1, "items": {"type": "object",
		"properties": {` + registeredMembers + `}, "required": ["service_id", "resource_name", "default_limit"], "additionalProperties": false}}},
		"required": ["registered_limits"], "additionalProperties": false}`
	updateRegisteredSchema = `{"type": "object", "properties": {` + registeredMembers + `}, "additionalProperties": false}`

	amount       = `"resource_limit": {"$ref": "identity#/limit"}, "description": {"$ref": "identity#/null_text"}`
	createSchema = `{"type": "object", "properties": {"limits": {"type": "array", "minItems": 1, "items": {"type": "object",
		"properties": {` + place + `, ` + amount + `, "project_id": {"$ref": "identity#/null_id"}, "domain_id": {"$ref": "identity#/null_id"}},
		"required": ["service_id", "resource_name", "resource_limit"], "oneOf": [{"required": ["domain_id"]}, {"required": ["project_id"]}],
		"additionalProperties": false}}}, "required": ["limits"], "additionalProperties": false}`
	updateSchema = `{"type": "object", "properties": {` + amount + `}, "additionalProperties": false}`
)

// Routes are those of limits.
func Routes(u *uses.Limits, o app.Options) []rest.Route {
	h := handlers{u, o}
	const all, one, registered = "/v3/limits", "/v3/limits/{limit_id}", "/v3/registered_limits/{registered_limit_id}"
	const made, gone = http.StatusCreated, http.StatusNoContent
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: "/v3/registered_limits", Policy: rule("list_registered_limits"), Handler: h.listRegistered},
		{Method: "POST", Path: "/v3/registered_limits", Status: made, Schema: registerSchema, Policy: rule("create_registered_limits"), Handler: h.register},
		{Method: "GET", Path: registered, Policy: rule("get_registered_limit"), Handler: h.getRegistered},
		{Method: "PATCH", Path: registered, Schema: updateRegisteredSchema, Member: "registered_limit", Policy: rule("update_registered_limit"), Handler: h.updateRegistered},
		{Method: "DELETE", Path: registered, Status: gone, Policy: rule("delete_registered_limit"), Handler: h.unregister},

		{Method: "GET", Path: all, Policy: rule("list_limits"), Handler: h.list},
		{Method: "POST", Path: all, Status: made, Schema: createSchema, Policy: rule("create_limits"), Handler: h.create},
		{Method: "GET", Path: "/v3/limits/model", Policy: rule("get_limit_model"), Handler: h.model},
		{Method: "GET", Path: one, Policy: rule("get_limit"), Handler: h.get},
		{Method: "PATCH", Path: one, Schema: updateSchema, Member: "limit", Policy: rule("update_limit"), Handler: h.update},
		{Method: "DELETE", Path: one, Status: gone, Policy: rule("delete_limit"), Handler: h.remove},
	}
}

type handlers struct {
	uses    *uses.Limits
	options app.Options
}

func registeredView(r *rest.Request) func(*identity.RegisteredLimit) map[string]any {
	return func(l *identity.RegisteredLimit) map[string]any {
		return r.View(nil, "registered_limits/"+l.ID, map[string]any{"id": l.ID, "service_id": l.ServiceID, "region_id": rest.Null(l.RegionID),
			"resource_name": l.ResourceName, "default_limit": l.DefaultLimit, "description": rest.OrNull(l.Description)})
	}
}

// region is a filter by region: nil when there is none.
func region(r *rest.Request) *string {
	if id := r.Query().Get("region_id"); id != "" {
		return &id
	}
	return nil
}

func (h handlers) listRegistered(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	page, err := r.Page(h.options)
	if err != nil {
		return nil, err
	}
	q := r.Query()
	list, err := h.uses.AllRegistered(ctx, app.RegisteredLimitQuery{ServiceID: q.Get("service_id"), ResourceName: q.Get("resource_name"), RegionID: region(r), Page: page})
	if err != nil {
		return nil, err
	}
	return r.List("registered_limits", rest.Each(list, registeredView(r)), page.Limit), nil
}

// readRegistered puts what a body says over a registered limit.
func readRegistered(body bodyschema.Object, l *identity.RegisteredLimit) {
	for name, to := range map[string]*string{"service_id": &l.ServiceID, "region_id": &l.RegionID, "resource_name": &l.ResourceName} {
		if body.Has(name) {
			*to = body.String(name)
		}
	}
	if n, given := body.Int("default_limit"); given {
		l.DefaultLimit = n
	}
	if body.Has("description") {
		l.Description = body.StringPointer("description")
	}
}

// items are the objects of a list of a body.
func items(body bodyschema.Object, name string) (list []bodyschema.Object) {
	for _, item := range body.List(name) {
		object, _ := item.(map[string]any) // the schema says so
		list = append(list, object)
	}
	return list
}

func (h handlers) register(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	var list []*identity.RegisteredLimit
	for _, item := range items(r.Body, "registered_limits") {
		l := &identity.RegisteredLimit{}
		readRegistered(item, l)
		list = append(list, l)
	}
	if err := h.uses.Register(ctx, list); err != nil {
		return nil, err
	}
	return rest.JSON(map[string]any{"registered_limits": rest.Each(list, registeredView(r))}), nil
}

func (h handlers) getRegistered(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	l, err := h.uses.Registered(ctx, r.Path("registered_limit_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("registered_limit", registeredView(r)(l)), nil
}

func (h handlers) updateRegistered(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	l, err := h.uses.UpdateRegistered(ctx, r.Path("registered_limit_id"), func(l *identity.RegisteredLimit) { readRegistered(r.Body, l) })
	if err != nil {
		return nil, err
	}
	return rest.One("registered_limit", registeredView(r)(l)), nil
}

func (h handlers) unregister(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Unregister(ctx, r.Path("registered_limit_id"))
}

func (h handlers) model(ctx context.Context, _ *rest.Request) (*rest.Response, error) {
	if err := h.uses.Model(ctx); err != nil {
		return nil, err
	}
	return rest.One("model", map[string]any{"name": uses.ModelName, "description": uses.ModelDescription}), nil
}

func view(r *rest.Request) func(*identity.Limit) map[string]any {
	return func(l *identity.Limit) map[string]any {
		return r.View(nil, "limits/"+l.ID, map[string]any{"id": l.ID, "project_id": rest.Null(l.ProjectID), "domain_id": rest.Null(l.DomainID), "service_id": l.ServiceID,
			"region_id": rest.Null(l.RegionID), "resource_name": l.ResourceName, "resource_limit": l.ResourceLimit, "description": rest.OrNull(l.Description)})
	}
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	page, err := r.Page(h.options)
	if err != nil {
		return nil, err
	}
	q := r.Query()
	list, err := h.uses.List(ctx, app.LimitQuery{ServiceID: q.Get("service_id"), RegionID: q.Get("region_id"), ResourceName: q.Get("resource_name"),
		ProjectID: q.Get("project_id"), DomainID: q.Get("domain_id"), Page: page})
	if err != nil {
		return nil, err
	}
	return r.List("limits", rest.Each(list, view(r)), page.Limit), nil
}

// readAmount puts what a body says of how much over a limit.
func readAmount(body bodyschema.Object, l *identity.Limit) {
	if n, given := body.Int("resource_limit"); given {
		l.ResourceLimit = n
	}
	if body.Has("description") {
		l.Description = body.StringPointer("description")
	}
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	var list []*identity.Limit
	for _, item := range items(r.Body, "limits") {
		l := &identity.Limit{ProjectID: item.String("project_id"), DomainID: item.String("domain_id"), ServiceID: item.String("service_id"),
			RegionID: item.String("region_id"), ResourceName: item.String("resource_name")}
		readAmount(item, l)
		if l.ProjectID == "" && l.DomainID == "" {
			return nil, identity.Missing("project_id or domain_id", "limit")
		}
		list = append(list, l)
	}
	if err := h.uses.Create(ctx, list); err != nil {
		return nil, err
	}
	return rest.JSON(map[string]any{"limits": rest.Each(list, view(r))}), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	l, err := h.uses.Get(ctx, r.Path("limit_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("limit", view(r)(l)), nil
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	l, err := h.uses.Update(ctx, r.Path("limit_id"), func(l *identity.Limit) { readAmount(r.Body, l) })
	if err != nil {
		return nil, err
	}
	return rest.One("limit", view(r)(l)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("limit_id"))
}
