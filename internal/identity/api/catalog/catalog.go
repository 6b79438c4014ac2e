// Package catalog is the HTTP of services, endpoints and regions (keystone/api/services.py, endpoints.py, regions.py). What a
// request means is in app/catalog.
package catalog

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/catalog"
)

// Request schemas (keystone/catalog/schema.py).
const (
	serviceMembers = `"enabled": {"type": "boolean"}, "type": {"type": "string", "minLength": 1, "maxLength": 255},
		"name": {"type": "string", "minLength": 1, "maxLength": 255}, "description": {"$ref": "identity#/null_text"}`
	createServiceSchema = `{"type": "object", "properties": {` + serviceMembers + `}, "required": ["type"], "additionalProperties": true}`
	updateServiceSchema = `{"type": "object", "properties": {` + serviceMembers + `}, "minProperties": 1, "additionalProperties": true}`

	endpointMembers = `"enabled": {"type": "boolean"}, "interface": {"type": "string", "enum": ["admin", "internal", "public"]},
		"region_id": {"type": ["string", "null"], "maxLength": 255}, "region": {"type": ["string", "null"], "maxLength": 255}, "service_id": {"type": "string"},
		"url": {"$ref": "identity#/url"}`
	createEndpointSchema = `{"type": "object", "properties": {` + endpointMembers + `}, "required": ["interface", "service_id", "url"], "additionalProperties": true}`
	updateEndpointSchema = `{"type": "object", "properties": {` + endpointMembers + `}, "minProperties": 1, "additionalProperties": true}`

	regionMembers      = `"description": {"$ref": "identity#/null_text"}, "id": {"type": "string", "maxLength": 255}, "parent_region_id": {"type": ["string", "null"], "maxLength": 255}`
	createRegionSchema = `{"type": "object", "properties": {` + regionMembers + `}, "additionalProperties": true}`
	updateRegionSchema = `{"type": "object", "properties": {` + regionMembers + `}, "minProperties": 1, "additionalProperties": true}`
)

// Routes are those of the catalog.
func Routes(u *uses.Catalog, o app.Options) []rest.Route {
	h := handlers{u, o}
	const service, endpoint, region = "/v3/services/{service_id}", "/v3/endpoints/{endpoint_id}", "/v3/regions/{region_id}"
	const made, gone = http.StatusCreated, http.StatusNoContent
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: "/v3/services", Policy: rule("list_services"), Handler: h.listServices},
		{Method: "POST", Path: "/v3/services", Status: made, Schema: createServiceSchema, Member: "service", Policy: rule("create_service"), Handler: h.createService},
		{Method: "GET", Path: service, Policy: rule("get_service"), Handler: h.getService},
		{Method: "PATCH", Path: service, Schema: updateServiceSchema, Member: "service", Policy: rule("update_service"), Handler: h.updateService},
		{Method: "DELETE", Path: service, Status: gone, Policy: rule("delete_service"), Handler: h.removeService},

		{Method: "GET", Path: "/v3/endpoints", Policy: rule("list_endpoints"), Handler: h.listEndpoints},
		{Method: "POST", Path: "/v3/endpoints", Status: made, Schema: createEndpointSchema, Member: "endpoint", Policy: rule("create_endpoint"), Handler: h.createEndpoint},
		{Method: "GET", Path: endpoint, Policy: rule("get_endpoint"), Handler: h.getEndpoint},
		{Method: "PATCH", Path: endpoint, Schema: updateEndpointSchema, Member: "endpoint", Policy: rule("update_endpoint"), Handler: h.updateEndpoint},
		{Method: "DELETE", Path: endpoint, Status: gone, Policy: rule("delete_endpoint"), Handler: h.removeEndpoint},

		{Method: "GET", Path: "/v3/regions", Policy: rule("list_regions"), Handler: h.listRegions},
		{Method: "POST", Path: "/v3/regions", Status: made, Schema: createRegionSchema, Member: "region", Policy: rule("create_region"), Handler: h.createRegion},
		{Method: "GET", Path: region, Policy: rule("get_region"), Handler: h.getRegion},
		{Method: "PUT", Path: region, Status: made, Schema: createRegionSchema, Member: "region", Policy: rule("create_region"), Handler: h.putRegion},
		{Method: "PATCH", Path: region, Schema: updateRegionSchema, Member: "region", Policy: rule("update_region"), Handler: h.updateRegion},
		{Method: "DELETE", Path: region, Status: gone, Policy: rule("delete_region"), Handler: h.removeRegion},
	}
}

type handlers struct {
	uses    *uses.Catalog
	options app.Options
}

func serviceView(r *rest.Request, s *identity.Service) map[string]any {
	return r.View(s.Extra, "services/"+s.ID, map[string]any{"id": s.ID, "type": s.Type, "name": s.Name, "enabled": s.Enabled})
}

// serviceKnown are the members of bodies that are no extra attributes; a description is one.
func serviceKnown() []string { return []string{"type", "name", "enabled"} }

func (h handlers) listServices(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	page, err := r.Page(h.options)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.Services(ctx, app.ServiceQuery{Type: r.Query().Get("type"), Name: r.Query().Get("name"), Page: page})
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, s := range list {
		views = append(views, serviceView(r, s))
	}
	return r.List("services", views, page.Limit), nil
}

func (h handlers) createService(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	s := &identity.Service{Type: r.Body.String("type"), Name: r.Body.String("name"), Enabled: !r.Body.Has("enabled") || r.Body.Bool("enabled"),
		Extra: rest.Others(r.Body, serviceKnown()...)}
	if err := h.uses.CreateService(ctx, s); err != nil {
		return nil, err
	}
	return rest.One("service", serviceView(r, s)), nil
}

func (h handlers) getService(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	s, err := h.uses.Service(ctx, r.Path("service_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("service", serviceView(r, s)), nil
}

func (h handlers) updateService(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("service_id")); err != nil {
		return nil, err
	}
	s, err := h.uses.UpdateService(ctx, r.Path("service_id"), func(s *identity.Service) {
		if r.Body.Has("type") {
			s.Type = r.Body.String("type")
		}
		if r.Body.Has("name") {
			s.Name = r.Body.String("name")
		}
		if r.Body.Has("enabled") {
			s.Enabled = r.Body.Bool("enabled")
		}
		s.Extra = s.Extra.Merge(rest.Others(r.Body, serviceKnown()...))
	})
	if err != nil {
		return nil, err
	}
	return rest.One("service", serviceView(r, s)), nil
}

func (h handlers) removeService(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteService(ctx, r.Path("service_id"))
}
