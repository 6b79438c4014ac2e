package credentials

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/api/roles"
	uses "github.com/clinker/clinker/internal/identity/app/credentials"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

func applicationView(r *rest.Request, a uses.Application) map[string]any {
	list := []map[string]any{}
	for _, role := range a.Roles {
		v := roles.View(r, role)
		delete(v, "links")
		list = append(list, v)
	}
	v := map[string]any{"id": a.ID, "name": a.Name, "description": nil, "project_id": a.ProjectID, "user_id": a.UserID, "expires_at": nil, "system": nil,
		"unrestricted": a.Unrestricted, "roles": list, "links": map[string]any{"self": r.Link("users/" + a.UserID + "/application_credentials/" + a.ID)}}
	if a.Description != nil {
		v["description"] = *a.Description
	}
	if !a.ExpiresAt.IsZero() {
		v["expires_at"] = a.ExpiresAt.UTC().Format("2006-01-02T15:04:05.000000")
	}
	if a.AccessRules != nil {
		v["access_rules"] = RuleViews(a.AccessRules)
	}
	return v
}

func (h handlers) listApplications(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Applications(ctx, r.Path("user_id"), r.Query().Get("name"))
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, a := range list {
		views = append(views, applicationView(r, a))
	}
	return r.List("application_credentials", views, 0), nil
}

func (h handlers) createApplication(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	a := &identity.ApplicationCredential{Name: r.Body.String("name"), Description: r.Body.StringPointer("description"), Unrestricted: r.Body.Bool("unrestricted")}
	var err error
	if text := r.Body.String("expires_at"); text != "" {
		if a.ExpiresAt, err = uses.ParseExpiry(text); err != nil {
			return nil, err
		}
	}
	var wanted []uses.RoleRef
	for _, item := range r.Body.List("roles") {
		role := bodyschema.Object(item.(map[string]any)) // the schema says so
		wanted = append(wanted, uses.RoleRef{ID: role.String("id"), Name: role.String("name")})
	}
	if r.Body.Has("access_rules") {
		a.AccessRules = []identity.AccessRule{}
		for _, item := range r.Body.List("access_rules") {
			rule := bodyschema.Object(item.(map[string]any)) // as above
			a.AccessRules = append(a.AccessRules, identity.AccessRule{ID: rule.String("id"), Service: rule.String("service"), Method: rule.String("method"), Path: rule.String("path")})
		}
	}
	made, secret, err := h.uses.CreateApplication(ctx, r.Path("user_id"), a, wanted, r.Body.String("secret"))
	if err != nil {
		return nil, err
	}
	v := applicationView(r, made)
	v["secret"] = secret
	return rest.One("application_credential", v), nil
}

func (h handlers) getApplication(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	a, err := h.uses.Application(ctx, r.Path("user_id"), r.Path("id"))
	if err != nil {
		return nil, err
	}
	return rest.One("application_credential", applicationView(r, a)), nil
}

func (h handlers) removeApplication(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteApplication(ctx, r.Path("user_id"), r.Path("id"))
}

func ruleView(r *rest.Request, rule identity.AccessRule) map[string]any {
	v := RuleViews([]identity.AccessRule{rule})[0]
	v["links"] = map[string]any{"self": r.Link("users/" + rule.UserID + "/access_rules/" + rule.ID)}
	return v
}

func (h handlers) listRules(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Rules(ctx, r.Path("user_id"))
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	q := r.Query()
	for _, rule := range list {
		if (!q.Has("service") || q.Get("service") == rule.Service) && (!q.Has("method") || q.Get("method") == rule.Method) && (!q.Has("path") || q.Get("path") == rule.Path) {
			views = append(views, ruleView(r, rule))
		}
	}
	return r.List("access_rules", views, 0), nil
}

func (h handlers) getRule(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	rule, err := h.uses.Rule(ctx, r.Path("user_id"), r.Path("id"))
	if err != nil {
		return nil, err
	}
	return rest.One("access_rule", ruleView(r, *rule)), nil
}

func (h handlers) removeRule(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteRule(ctx, r.Path("user_id"), r.Path("id"))
}
