package catalog

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/projects"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/catalog"
)

// Request schemas (keystone/catalog/schema.py).
const (
	groupMembers = `"name": {"$ref": "identity#/name"}, "description": {"$ref": "identity#/null_text"},
		"filters": {"type": "object", "properties": {"interface": {"type": "string", "enum": ["admin", "internal", "public"]},
			"service_id": {"type": "string"}, "region_id": {"type": "string"}}}`
	createGroupSchema = `{"type": "object", "properties": {` + groupMembers + `}, "required": ["name", "filters"], "additionalProperties": false}`
	updateGroupSchema = `{"type": "object", "properties": {` + groupMembers + `}, "minProperties": 1, "additionalProperties": false}`
)

// FilterRoutes are those of which endpoints are for which projects (keystone/api/os_ep_filter.py).
func FilterRoutes(u *uses.Catalog, o app.Options) []rest.Route {
	h := handlers{u, o}
	const base = "/v3/OS-EP-FILTER"
	const groups, group = base + "/endpoint_groups", base + "/endpoint_groups/{endpoint_group_id}"
	const given, givenGroup = base + "/projects/{project_id}/endpoints/{endpoint_id}", group + "/projects/{project_id}"
	const made, gone = http.StatusCreated, http.StatusNoContent
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: groups, Policy: rule("list_endpoint_groups"), Handler: h.listGroups},
		{Method: "POST", Path: groups, Status: made, Schema: createGroupSchema, Member: "endpoint_group", Policy: rule("create_endpoint_group"), Handler: h.createGroup},
		{Method: "GET", Path: group, Policy: rule("get_endpoint_group"), Handler: h.getGroup},
		{Method: "PATCH", Path: group, Schema: updateGroupSchema, Member: "endpoint_group", Policy: rule("update_endpoint_group"), Handler: h.updateGroup},
		{Method: "DELETE", Path: group, Status: gone, Policy: rule("delete_endpoint_group"), Handler: h.removeGroup},
		{Method: "GET", Path: group + "/endpoints", Policy: rule("list_endpoints_associated_with_endpoint_group"), Handler: h.groupEndpoints},
		{Method: "GET", Path: group + "/projects", Policy: rule("list_projects_associated_with_endpoint_group"), Handler: h.groupProjects},
		{Method: "GET", Path: givenGroup, Policy: rule("get_endpoint_group_in_project"), Handler: h.checkGroup},
		{Method: "PUT", Path: givenGroup, Status: gone, Policy: rule("add_endpoint_group_to_project"), Handler: h.giveGroup},
		{Method: "DELETE", Path: givenGroup, Status: gone, Policy: rule("remove_endpoint_group_from_project"), Handler: h.takeGroup},

		{Method: "GET", Path: base + "/endpoints/{endpoint_id}/projects", Policy: rule("list_projects_for_endpoint"), Handler: h.endpointProjects},
		{Method: "GET", Path: base + "/projects/{project_id}/endpoints", Policy: rule("list_endpoints_for_project"), Handler: h.projectEndpoints},
		{Method: "GET", Path: base + "/projects/{project_id}/endpoint_groups", Policy: rule("list_endpoint_groups_for_project"), Handler: h.projectGroups},
		{Method: "GET", Path: given, Status: gone, Policy: rule("check_endpoint_in_project"), Handler: h.checkEndpoint},
		{Method: "PUT", Path: given, Status: gone, Policy: rule("add_endpoint_to_project"), Handler: h.giveEndpoint},
		{Method: "DELETE", Path: given, Status: gone, Policy: rule("remove_endpoint_from_project"), Handler: h.takeEndpoint},
	}
}

func groupView(r *rest.Request) func(*identity.EndpointGroup) map[string]any {
	return func(g *identity.EndpointGroup) map[string]any {
		return r.View(nil, "OS-EP-FILTER/endpoint_groups/"+g.ID, map[string]any{"id": g.ID, "name": g.Name, "description": rest.OrNull(g.Description), "filters": g.Filters})
	}
}

func (h handlers) listGroups(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	page, err := r.Page(h.options)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.EndpointGroups(ctx, app.EndpointGroupQuery{Name: r.Query().Get("name"), Names: r.Names(), Page: page})
	if err != nil {
		return nil, err
	}
	return r.List("endpoint_groups", rest.Each(list, groupView(r)), page.Limit), nil
}

func (h handlers) createGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	g := &identity.EndpointGroup{Name: r.Body.String("name"), Description: r.Body.StringPointer("description"), Filters: r.Body.Object("filters")}
	if err := h.uses.CreateEndpointGroup(ctx, g); err != nil {
		return nil, err
	}
	return rest.One("endpoint_group", groupView(r)(g)), nil
}

func (h handlers) getGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	g, err := h.uses.EndpointGroup(ctx, r.Path("endpoint_group_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("endpoint_group", groupView(r)(g)), nil
}

func (h handlers) updateGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	g, err := h.uses.UpdateEndpointGroup(ctx, r.Path("endpoint_group_id"), func(g *identity.EndpointGroup) {
		if r.Body.Has("name") {
			g.Name = r.Body.String("name")
		}
		if r.Body.Has("description") {
			g.Description = r.Body.StringPointer("description")
		}
		if r.Body.Has("filters") {
			g.Filters = r.Body.Object("filters")
		}
	})
	if err != nil {
		return nil, err
	}
	return rest.One("endpoint_group", groupView(r)(g)), nil
}

func (h handlers) removeGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteEndpointGroup(ctx, r.Path("endpoint_group_id"))
}

// endpoints answers with a list of endpoints.
func endpoints(r *rest.Request, list []*identity.Endpoint, err error) (*rest.Response, error) {
	if err != nil {
		return nil, err
	}
	return r.List("endpoints", rest.Each(list, func(e *identity.Endpoint) map[string]any { return endpointView(r, e) }), 0), nil
}

// owners answers with a list of projects.
func owners(r *rest.Request, list []*identity.Project, err error) (*rest.Response, error) {
	if err != nil {
		return nil, err
	}
	return r.List("projects", projects.Views(r, list), 0), nil
}

func (h handlers) groupEndpoints(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.GroupEndpoints(ctx, r.Path("endpoint_group_id"))
	return endpoints(r, list, err)
}

func (h handlers) groupProjects(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.GroupProjects(ctx, r.Path("endpoint_group_id"))
	return owners(r, list, err)
}

func (h handlers) checkGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	project, group := r.Path("project_id"), r.Path("endpoint_group_id")
	if err := h.uses.CheckGroup(ctx, project, group); err != nil {
		return nil, err
	}
	return rest.One("project_endpoint_group", r.View(nil, "OS-EP-FILTER/endpoint_groups/"+group+"/projects/"+project,
		map[string]any{"project_id": project, "endpoint_group_id": group})), nil
}

func (h handlers) giveGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.GiveGroup(ctx, r.Path("project_id"), r.Path("endpoint_group_id"))
}

func (h handlers) takeGroup(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.TakeGroup(ctx, r.Path("project_id"), r.Path("endpoint_group_id"))
}

func (h handlers) endpointProjects(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.EndpointProjects(ctx, r.Path("endpoint_id"))
	return owners(r, list, err)
}

func (h handlers) projectEndpoints(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.ProjectEndpoints(ctx, r.Path("project_id"))
	return endpoints(r, list, err)
}

func (h handlers) projectGroups(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.ProjectGroups(ctx, r.Path("project_id"))
	if err != nil {
		return nil, err
	}
	return r.List("endpoint_groups", rest.Each(list, groupView(r)), 0), nil
}

func (h handlers) checkEndpoint(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.CheckEndpoint(ctx, r.Path("project_id"), r.Path("endpoint_id"))
}

func (h handlers) giveEndpoint(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.GiveEndpoint(ctx, r.Path("project_id"), r.Path("endpoint_id"))
}

func (h handlers) takeEndpoint(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.TakeEndpoint(ctx, r.Path("project_id"), r.Path("endpoint_id"))
}
