// Package roles is the HTTP of roles, what they imply, and who has which where (keystone/api/roles.py, role_inferences.py,
// role_assignments.py, system.py, os_inherit.py and the grants of projects.py and domains.py). What a request means is in
// app/roles.
package roles

import (
	"context"
	"maps"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/roles"
)

// Request schemas (keystone/assignment/schema.py).
const (
	members      = `"name": {"$ref": "identity#/name"}, "description": {"$ref": "identity#/null_text"}, "domain_id": {"$ref": "identity#/null_id"}, "options": {"$ref": "identity#/immutable"}`
	createSchema = `{"type": "object", "properties": {` + members + `}, "required": ["name"], "additionalProperties": true}`
	updateSchema = `{"type": "object", "properties": {` + members + `}, "minProperties": 1, "additionalProperties": true}`
)

// Routes are those of roles and assignments.
func Routes(u *uses.Roles, o app.Options) []rest.Route {
	h := handlers{u, o}
	const roles, role, implies, implied = "/v3/roles", "/v3/roles/{role_id}", "/v3/roles/{prior_role_id}/implies", "/v3/roles/{prior_role_id}/implies/{implied_role_id}"
	const made, gone = http.StatusCreated, http.StatusNoContent
	rule := func(names ...string) (rules []string) {
		for _, n := range names {
			rules = append(rules, "identity:"+n)
		}
		return rules
	}
	return append([]rest.Route{
		{Method: "GET", Path: roles, Policy: rule("list_roles", "list_domain_roles"), Handler: h.list},
		{Method: "POST", Path: roles, Status: made, Schema: createSchema, Member: "role", Policy: rule("create_role", "create_domain_role"), Handler: h.create},
		{Method: "GET", Path: role, Policy: rule("get_role", "get_domain_role"), Handler: h.get},
		{Method: "PATCH", Path: role, Schema: updateSchema, Member: "role", Policy: rule("update_role", "update_domain_role"), Handler: h.update},
		{Method: "DELETE", Path: role, Status: gone, Policy: rule("delete_role", "delete_domain_role"), Handler: h.remove},
		{Method: "GET", Path: implies, Policy: rule("list_implied_roles"), Handler: h.implied},
		{Method: "GET", Path: implied, Policy: rule("get_implied_role", "check_implied_role"), Handler: h.doesImply},
		{Method: "PUT", Path: implied, Status: made, Policy: rule("create_implied_role"), Handler: h.imply},
		{Method: "DELETE", Path: implied, Status: gone, Policy: rule("delete_implied_role"), Handler: h.unimply},
		{Method: "GET", Path: "/v3/role_inferences", Policy: rule("list_role_inference_rules"), Handler: h.inferences},
		{Method: "GET", Path: "/v3/role_assignments", Policy: rule("list_role_assignments", "list_role_assignments_for_tree"), Handler: h.assignments},
	}, h.grants()...)
}

type handlers struct {
	uses    *uses.Roles
	options app.Options
}

// View is a role.
func View(r *rest.Request, role *identity.Role) map[string]any {
	view := r.View(role.Extra, "roles/"+role.ID, map[string]any{"id": role.ID, "name": role.Name, "domain_id": rest.Null(role.DomainID), "description": nil,
		"options": rest.Settings(role.Options)})
	if role.Description != nil {
		view["description"] = *role.Description
	}
	return view
}

func views(r *rest.Request, list []*identity.Role) (out []map[string]any) {
	for _, role := range list {
		out = append(out, View(r, role))
	}
	return out
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	q := app.RoleQuery{Name: r.Query().Get("name"), Names: r.Names()}
	if r.Query().Get("domain_id") != "" {
		q.DomainID = new(r.Query().Get("domain_id"))
	}
	var err error
	if q.Page, err = r.Page(h.options); err != nil {
		return nil, err
	}
	list, err := h.uses.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return r.List("roles", views(r, list), q.Page.Limit), nil
}

// known are the members of bodies that are no extra attributes.
func known() []string { return []string{"name", "description", "domain_id", "options"} }

func options(r *rest.Request) identity.Options {
	o := r.Body.Object("options")
	if o == nil {
		return nil
	}
	return identity.Options(maps.Clone(o))
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	role := &identity.Role{Name: r.Body.String("name"), DomainID: r.Body.String("domain_id"), Description: r.Body.StringPointer("description"),
		Options: identity.Options(nil).Merge(options(r)), Extra: rest.Others(r.Body, known()...)}
	if err := h.uses.Create(ctx, role); err != nil {
		return nil, err
	}
	return rest.One("role", View(r, role)), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	role, err := h.uses.Get(ctx, r.Path("role_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("role", View(r, role)), nil
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("role_id")); err != nil {
		return nil, err
	}
	c := uses.Change{Name: r.Body.StringPointer("name"), Options: options(r), Extra: rest.Others(r.Body, known()...)}
	if r.Body.Has("domain_id") {
		c.DomainID = new(r.Body.String("domain_id"))
	}
	if r.Body.Has("description") {
		c.Description = new(r.Body.StringPointer("description"))
	}
	role, err := h.uses.Update(ctx, r.Path("role_id"), c)
	if err != nil {
		return nil, err
	}
	return rest.One("role", View(r, role)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("role_id"))
}

// brief is a role as part of an inference.
func brief(r *rest.Request, role *identity.Role) map[string]any {
	return map[string]any{"id": role.ID, "name": role.Name, "links": map[string]any{"self": r.Link("roles/" + role.ID)}}
}

func (h handlers) inferences(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Inferences(ctx)
	if err != nil {
		return nil, err
	}
	views := []any{}
	for _, i := range list {
		views = append(views, map[string]any{"prior_role": brief(r, i.Prior), "implies": briefs(r, i.Implies)})
	}
	return rest.JSON(map[string]any{"role_inferences": views}), nil
}

func briefs(r *rest.Request, list []*identity.Role) []any {
	views := []any{}
	for _, role := range list {
		views = append(views, brief(r, role))
	}
	return views
}

func (h handlers) implied(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	i, err := h.uses.Implied(ctx, r.Path("prior_role_id"))
	if err != nil {
		return nil, err
	}
	return rest.JSON(map[string]any{"role_inference": map[string]any{"prior_role": brief(r, i.Prior), "implies": briefs(r, i.Implies)},
		"links": map[string]any{"self": r.Link("roles/" + i.Prior.ID + "/implies")}}), nil
}

// one answers with one implication.
func one(r *rest.Request, i uses.Inference) *rest.Response {
	return rest.JSON(map[string]any{"role_inference": map[string]any{"prior_role": brief(r, i.Prior), "implies": brief(r, i.Implies[0])},
		"links": map[string]any{"self": r.Link("roles/" + i.Prior.ID + "/implies/" + i.Implies[0].ID)}})
}

func (h handlers) doesImply(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	rule, head := "identity:get_implied_role", r.HTTP.Method == http.MethodHead
	if head {
		rule = "identity:check_implied_role"
	}
	i, err := h.uses.DoesImply(ctx, rule, r.Path("prior_role_id"), r.Path("implied_role_id"))
	if err != nil {
		return nil, err
	}
	if head {
		return &rest.Response{Status: http.StatusNoContent}, nil
	}
	return one(r, i), nil
}

func (h handlers) imply(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	i, err := h.uses.Imply(ctx, r.Path("prior_role_id"), r.Path("implied_role_id"))
	if err != nil {
		return nil, err
	}
	return one(r, i), nil
}

func (h handlers) unimply(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Unimply(ctx, r.Path("prior_role_id"), r.Path("implied_role_id"))
}
