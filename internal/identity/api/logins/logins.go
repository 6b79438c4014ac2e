// Package logins is the HTTP of logging in, of tokens, and of what one can log in to (keystone/api/auth.py). What a request
// means is in app/auth and app/tokens.
package logins

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/identity"
	apioauth1 "github.com/clinker/clinker/internal/identity/api/oauth1"
	"github.com/clinker/clinker/internal/identity/api/projects"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/auth"
	"github.com/clinker/clinker/internal/identity/app/tokens"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

const subjectToken = "X-Subject-Token"

// issueSchema is of the whole body (keystone/auth/schema.py).
const issueSchema = `{"type": "object", "properties": {"auth": {"type": "object", "properties": {
	"identity": {"type": "object", "properties": {
		"methods": {"type": "array", "items": {"type": "string"}},
		"password": {"type": "object", "properties": {"user": {"type": "object", "properties": {
			"id": {"type": "string"}, "name": {"type": "string"}, "password": {"type": "string"},
			"domain": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}}}}},
		"token": {"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]},
		"application_credential": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}, "secret": {"type": "string"},
			"user": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"},
				"domain": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}}}}}},
		"required": ["methods"]},
	"scope": {"type": ["object", "string"], "properties": {
		"project": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"},
			"domain": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}}},
		"domain": {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}},
		"OS-TRUST:trust": {"type": "object", "properties": {"id": {"type": "string"}}},
		"system": {"type": "object", "properties": {"all": {"type": "boolean"}}}}}},
	"required": ["identity"]}}}`

// Routes are those under /v3/auth.
func Routes(a *auth.Auth, t *tokens.Tokens) []rest.Route {
	h := handlers{a, t}
	const path = "/v3/auth/tokens"
	return []rest.Route{
		{Method: "POST", Path: path, Status: http.StatusCreated, Schema: issueSchema, Handler: h.login},
		{Method: "GET", Path: path, Policy: []string{"identity:validate_token", "identity:check_token"}, Handler: h.validate},
		{Method: "DELETE", Path: path, Status: http.StatusNoContent, Policy: []string{"identity:revoke_token"}, Handler: h.revoke},
		{Method: "GET", Path: "/v3/auth/catalog", Policy: []string{"identity:get_auth_catalog"}, Handler: h.catalog},
		{Method: "GET", Path: "/v3/auth/projects", Policy: []string{"identity:get_auth_projects"}, Handler: h.projects},
		{Method: "GET", Path: "/v3/auth/domains", Policy: []string{"identity:get_auth_domains"}, Handler: h.domains},
		{Method: "GET", Path: "/v3/auth/system", Policy: []string{"identity:get_auth_system"}, Handler: h.system},
		{Method: "GET", Path: "/v3/OS-REVOKE/events", Policy: []string{"identity:list_revoke_events"}, Handler: h.revocations},
	}
}

type handlers struct {
	auth   *auth.Auth
	tokens *tokens.Tokens
}

func (h handlers) login(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	body := r.Body.Object("auth")
	if body == nil {
		return nil, identity.Missing("auth", "request body")
	}
	shown, err := parseIdentity(body.Object("identity"))
	if err == nil && slices.Contains(shown.Methods, auth.MethodOAuth1) {
		shown.OAuth1, err = apioauth1.SignedRequest(r)
	}
	if err != nil {
		return nil, err
	}
	scope, err := parseScope(body)
	if err != nil {
		return nil, err
	}
	token, err := h.auth.Login(ctx, shown, scope)
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, r, token)
}

// answer shows a token, with the catalog unless it is not wanted or the token has no scope.
func (h handlers) answer(ctx context.Context, r *rest.Request, token *app.Token) (*rest.Response, error) {
	view, err := View(ctx, h.tokens, token, !r.Query().Has("nocatalog"))
	if err != nil {
		return nil, err
	}
	return rest.One("token", view).With(subjectToken, token.Text), nil
}

func (h handlers) validate(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	rule := "identity:validate_token"
	if r.HTTP.Method == http.MethodHead {
		rule = "identity:check_token"
	}
	allowExpired, _ := bodyschema.ParseBool(r.Query().Get("allow_expired"))
	var version float64 // of access rules that who asks understands
	_ = json.Unmarshal([]byte(r.HTTP.Header.Get("OpenStack-Identity-Access-Rules")), &version)
	token, err := h.tokens.Check(ctx, rule, r.HTTP.Header.Get(subjectToken), allowExpired, version >= 1)
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, r, token)
}

func (h handlers) revoke(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.tokens.Delete(ctx, r.HTTP.Header.Get(subjectToken))
}

func (h handlers) catalog(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	entries, err := h.auth.Catalog(ctx)
	if err != nil {
		return nil, err
	}
	return rest.JSON(map[string]any{"catalog": catalogView(entries), "links": map[string]any{"self": r.Self()}}), nil
}

func (h handlers) projects(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	found, err := h.auth.Projects(ctx)
	if err != nil {
		return nil, err
	}
	return r.List("projects", projects.Views(r, found), 0), nil
}

func (h handlers) domains(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	found, err := h.auth.Domains(ctx)
	if err != nil {
		return nil, err
	}
	return r.List("domains", projects.DomainViews(r, found), 0), nil
}

func (h handlers) system(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	has, err := h.auth.OnSystem(ctx)
	if err != nil {
		return nil, err
	}
	list := []any{}
	if has {
		list = append(list, map[string]any{"all": true})
	}
	return rest.JSON(map[string]any{"system": list, "links": map[string]any{"self": r.Self()}}), nil
}

func (h handlers) revocations(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	var since time.Time
	if text := r.Query().Get("since"); text != "" {
		var err error
		if since, err = time.Parse(time.RFC3339, text); err != nil {
			return nil, identity.Invalid("invalidate date format %s", text)
		}
	}
	events, err := h.tokens.Revocations(ctx, since)
	if err != nil {
		return nil, err
	}
	views := []map[string]any{}
	for _, e := range events {
		view := map[string]any{"issued_before": Time(e.IssuedBefore), "revoked_at": Time(e.RevokedAt)}
		for name, value := range map[string]string{"user_id": e.UserID, "project_id": e.ProjectID, "audit_id": e.AuditID, "audit_chain_id": e.AuditChainID} {
			if value != "" {
				view[name] = value
			}
		}
		views = append(views, view)
	}
	return r.List("events", views, 0), nil
}
