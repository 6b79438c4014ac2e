// Package trusts is the HTTP of trusts (keystone/api/trusts.py). What a request means is in app/trusts.
package trusts

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/api/roles"
	"github.com/clinker/clinker/internal/identity/app/credentials"
	uses "github.com/clinker/clinker/internal/identity/app/trusts"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// createSchema is keystone/trust/schema.py's.
const createSchema = `{"type": "object", "properties": {"trustor_user_id": {"type": "string"}, "trustee_user_id": {"type": "string"},
	"impersonation": {"type": "boolean"}, "project_id": {"$ref": "identity#/null_id"}, "remaining_uses": {"type": ["integer", "null"], "minimum": 1},
	"expires_at": {"type": ["null", "string"]}, "allow_redelegation": {"type": ["boolean", "null"]},
	"redelegation_count": {"type": ["integer", "null"], "minimum": 0}, "redelegated_trust_id": {"type": ["string", "null"]},
	"roles": {"type": "array", "items": {"type": "object", "properties": {"id": {"$ref": "identity#/id"}, "name": {"$ref": "identity#/name"}},
		"minProperties": 1, "maxProperties": 1, "additionalProperties": false}}},
	"required": ["trustee_user_id", "trustor_user_id", "impersonation"], "additionalProperties": false}`

// Routes are those of trusts.
func Routes(u *uses.Trusts) []rest.Route {
	h := handlers{u}
	const all, one = "/v3/OS-TRUST/trusts", "/v3/OS-TRUST/trusts/{trust_id}"
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: all, Policy: []string{"identity:list_trusts", "identity:list_trusts_for_trustor", "identity:list_trusts_for_trustee"}, Handler: h.list},
		{Method: "POST", Path: all, Status: http.StatusCreated, Schema: createSchema, Member: "trust", Policy: rule("create_trust"), Handler: h.create},
		{Method: "GET", Path: one, Policy: rule("get_trust"), Handler: h.get},
		{Method: "DELETE", Path: one, Status: http.StatusNoContent, Policy: rule("delete_trust"), Handler: h.remove},
		{Method: "GET", Path: one + "/roles", Policy: rule("list_roles_for_trust"), Handler: h.roles},
		{Method: "GET", Path: one + "/roles/{role_id}", Policy: rule("get_role_for_trust"), Handler: h.role},
	}
}

type handlers struct{ uses *uses.Trusts }

// brief is a trust without its roles.
func brief(r *rest.Request) func(*identity.Trust) map[string]any {
	return func(t *identity.Trust) map[string]any {
		v := r.View(nil, "OS-TRUST/trusts/"+t.ID, map[string]any{"id": t.ID, "trustor_user_id": t.TrustorUserID, "trustee_user_id": t.TrusteeUserID,
			"project_id": rest.Null(t.ProjectID), "impersonation": t.Impersonation, "remaining_uses": nil, "expires_at": nil, "deleted_at": nil,
			"redelegated_trust_id": rest.Null(t.RedelegatedTrustID), "redelegation_count": t.RedelegationCount})
		if t.RemainingUses != nil {
			v["remaining_uses"] = *t.RemainingUses
		}
		if !t.ExpiresAt.IsZero() {
			v["expires_at"] = t.ExpiresAt.UTC().Format("2006-01-02T15:04:05.000000Z")
		}
		return v
	}
}

func roleViews(r *rest.Request, list []*identity.Role) []map[string]any {
	return rest.Each(list, func(role *identity.Role) map[string]any { return roles.View(r, role) })
}

func roleLinks(r *rest.Request, id string) map[string]any {
	return map[string]any{"self": r.Link("OS-TRUST/trusts/" + id + "/roles"), "next": nil, "previous": nil}
}

func view(r *rest.Request, t uses.Trust) map[string]any {
	v := brief(r)(t.Trust)
	v["roles"], v["roles_links"] = roleViews(r, t.Roles), roleLinks(r, t.ID)
	return v
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.List(ctx, r.Query().Get("trustor_user_id"), r.Query().Get("trustee_user_id"))
	if err != nil {
		return nil, err
	}
	return r.List("trusts", rest.Each(list, brief(r)), 0), nil
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	t := &identity.Trust{TrustorUserID: r.Body.String("trustor_user_id"), TrusteeUserID: r.Body.String("trustee_user_id"), ProjectID: r.Body.String("project_id"),
		Impersonation: r.Body.Bool("impersonation")}
	q := uses.Request{AllowRedelegation: r.Body.Bool("allow_redelegation")}
	for name, to := range map[string]**int64{"remaining_uses": &t.RemainingUses, "redelegation_count": &q.RedelegationCount} {
		if n, given := r.Body.Int(name); given {
			*to = &n
		}
	}
	if text := r.Body.String("expires_at"); text != "" {
		var err error
		if t.ExpiresAt, err = credentials.ParseExpiry(text); err != nil {
			return nil, err
		}
	}
	for _, item := range r.Body.List("roles") {
		role := bodyschema.Object(item.(map[string]any)) // the schema says so
		q.Roles = append(q.Roles, uses.RoleRef{ID: role.String("id"), Name: role.String("name")})
	}
	made, err := h.uses.Create(ctx, t, q)
	if err != nil {
		return nil, err
	}
	return rest.One("trust", view(r, made)), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	t, err := h.uses.Get(ctx, r.Path("trust_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("trust", view(r, t)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("trust_id"))
}

func (h handlers) roles(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	t, err := h.uses.Roles(ctx, r.Path("trust_id"))
	if err != nil {
		return nil, err
	}
	return rest.JSON(map[string]any{"roles": roleViews(r, t.Roles), "links": roleLinks(r, t.ID)}), nil
}

func (h handlers) role(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	role, err := h.uses.Role(ctx, r.Path("trust_id"), r.Path("role_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("role", roles.View(r, role)), nil
}
