// Package policytexts is the HTTP of policies that somebody keeps for services to fetch (keystone/api/policy.py). What a
// request means is in app/policytexts.
package policytexts

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/policytexts"
)

// Request schemas (keystone/policy/schema.py).
const (
	members      = `"blob": {"type": "string"}, "type": {"type": "string", "maxLength": 255}`
	createSchema = `{"type": "object", "properties": {` + members + `}, "required": ["blob", "type"], "additionalProperties": true}`
	updateSchema = `{"type": "object", "properties": {` + members + `}, "minProperties": 1, "additionalProperties": true}`
)

// Routes are those of policies.
func Routes(u *uses.Policies, o app.Options) []rest.Route {
	h := handlers{u, o}
	const all, one = "/v3/policies", "/v3/policies/{policy_id}"
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: all, Policy: rule("list_policies"), Handler: h.list},
		{Method: "POST", Path: all, Status: http.StatusCreated, Schema: createSchema, Member: "policy", Policy: rule("create_policy"), Handler: h.create},
		{Method: "GET", Path: one, Policy: rule("get_policy"), Handler: h.get},
		{Method: "PATCH", Path: one, Schema: updateSchema, Member: "policy", Policy: rule("update_policy"), Handler: h.update},
		{Method: "DELETE", Path: one, Status: http.StatusNoContent, Policy: rule("delete_policy"), Handler: h.remove},
	}
}

type handlers struct {
	uses    *uses.Policies
	options app.Options
}

func view(r *rest.Request) func(*identity.Policy) map[string]any {
	return func(p *identity.Policy) map[string]any {
		return r.View(p.Extra, "policies/"+p.ID, map[string]any{"id": p.ID, "type": p.Type, "blob": p.Blob})
	}
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	page, err := r.Page(h.options)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.List(ctx, app.PolicyQuery{Type: r.Query().Get("type"), Types: r.Parts("type"), Page: page})
	if err != nil {
		return nil, err
	}
	return r.List("policies", rest.Each(list, view(r)), page.Limit), nil
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	p := &identity.Policy{Type: r.Body.String("type"), Blob: r.Body.String("blob"), Extra: rest.Others(r.Body, "type", "blob")}
	if err := h.uses.Create(ctx, p); err != nil {
		return nil, err
	}
	return rest.One("policy", view(r)(p)), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	p, err := h.uses.Get(ctx, r.Path("policy_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("policy", view(r)(p)), nil
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("policy_id")); err != nil {
		return nil, err
	}
	p, err := h.uses.Update(ctx, r.Path("policy_id"), func(p *identity.Policy) {
		for name, to := range map[string]*string{"type": &p.Type, "blob": &p.Blob} {
			if r.Body.Has(name) {
				*to = r.Body.String(name)
			}
		}
		p.Extra = p.Extra.Merge(rest.Others(r.Body, "type", "blob"))
	})
	if err != nil {
		return nil, err
	}
	return rest.One("policy", view(r)(p)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("policy_id"))
}
