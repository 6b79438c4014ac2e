// Package oauth1 is the HTTP of OAuth 1.0 (keystone/api/os_oauth1.py, users.py). What a request means is in app/oauth1.
package oauth1

import (
	"context"
	"net/http"
	"net/url"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/api/roles"
	uses "github.com/clinker/clinker/internal/identity/app/oauth1"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// Request schemas (keystone/oauth1/schema.py).
const (
	createSchema    = `{"type": "object", "properties": {"description": {"$ref": "identity#/null_text"}}, "additionalProperties": true}`
	updateSchema    = `{"type": "object", "properties": {"description": {"$ref": "identity#/null_text"}}, "not": {"required": ["secret"]}, "minProperties": 1, "additionalProperties": true}`
	authorizeSchema = `{"type": "object", "properties": {"roles": {"type": "array", "minItems": 1, "items": {"type": "object",
		"properties": {"id": {"$ref": "identity#/id"}, "name": {"$ref": "identity#/name"}}, "minProperties": 1, "maxProperties": 1, "additionalProperties": false}}},
		"required": ["roles"]}`
)

// Routes are those of OAuth.
func Routes(u *uses.OAuth) []rest.Route {
	h := handlers{u}
	const all, one = "/v3/OS-OAUTH1/consumers", "/v3/OS-OAUTH1/consumers/{consumer_id}"
	const tokens, token = "/v3/users/{user_id}/OS-OAUTH1/access_tokens", "/v3/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}"
	const made, gone = http.StatusCreated, http.StatusNoContent
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: all, Policy: rule("list_consumers"), Handler: h.list},
		{Method: "POST", Path: all, Status: made, Schema: createSchema, Member: "consumer", Policy: rule("create_consumer"), Handler: h.create},
		{Method: "GET", Path: one, Policy: rule("get_consumer"), Handler: h.get},
		{Method: "PATCH", Path: one, Schema: updateSchema, Member: "consumer", Policy: rule("update_consumer"), Handler: h.update},
		{Method: "DELETE", Path: one, Status: gone, Policy: rule("delete_consumer"), Handler: h.remove},

		{Method: "POST", Path: "/v3/OS-OAUTH1/request_token", Status: made, Handler: h.request},
		{Method: "PUT", Path: "/v3/OS-OAUTH1/authorize/{request_token_id}", Schema: authorizeSchema, Policy: rule("authorize_request_token"), Handler: h.authorize},
		{Method: "POST", Path: "/v3/OS-OAUTH1/access_token", Status: made, Handler: h.exchange},

		{Method: "GET", Path: tokens, Policy: rule("list_access_tokens"), Handler: h.listTokens},
		{Method: "GET", Path: token, Policy: rule("get_access_token"), Handler: h.getToken},
		{Method: "DELETE", Path: token, Status: gone, Policy: rule("delete_access_token"), Handler: h.revoke},
		{Method: "GET", Path: token + "/roles", Policy: rule("list_access_token_roles"), Handler: h.roles},
		{Method: "GET", Path: token + "/roles/{role_id}", Policy: rule("get_access_token_role"), Handler: h.role},
	}
}

type handlers struct{ uses *uses.OAuth }

// SignedRequest is a request as one that is signed; without a signature it is a fault.
func SignedRequest(r *rest.Request) (*uses.Signed, error) {
	parameters, err := uses.ParseHeader(r.HTTP.Header.Get("Authorization"))
	if err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "", "Error while parsing OAuth headers: %v", err)
	}
	return &uses.Signed{Method: r.HTTP.Method, URL: r.Self(), Parameters: parameters}, nil
}

func view(r *rest.Request) func(*identity.Consumer) map[string]any {
	return func(c *identity.Consumer) map[string]any {
		return r.View(c.Extra, "OS-OAUTH1/consumers/"+c.ID, map[string]any{"id": c.ID, "description": rest.OrNull(c.Description)})
	}
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Consumers(ctx)
	if err != nil {
		return nil, err
	}
	return r.List("consumers", rest.Each(list, view(r)), 0), nil
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c := &identity.Consumer{Description: r.Body.StringPointer("description"), Extra: rest.Others(r.Body, "description", "secret")}
	if err := h.uses.CreateConsumer(ctx, c); err != nil {
		return nil, err
	}
	v := view(r)(c)
	v["secret"] = c.Secret
	return rest.One("consumer", v), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c, err := h.uses.Consumer(ctx, r.Path("consumer_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("consumer", view(r)(c)), nil
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("consumer_id")); err != nil {
		return nil, err
	}
	c, err := h.uses.UpdateConsumer(ctx, r.Path("consumer_id"), func(c *identity.Consumer) {
		if r.Body.Has("description") {
			c.Description = r.Body.StringPointer("description")
		}
		c.Extra = c.Extra.Merge(rest.Others(r.Body, "description"))
	})
	if err != nil {
		return nil, err
	}
	return rest.One("consumer", view(r)(c)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteConsumer(ctx, r.Path("consumer_id"))
}

// form answers with a token and its secret, in the form that OAuth has.
func form(id, secret, expires string) *rest.Response {
	body := "oauth_token=" + url.QueryEscape(id) + "&oauth_token_secret=" + url.QueryEscape(secret) + "&oauth_expires_at=" + expires
	return &rest.Response{Body: []byte(body), Type: "application/x-www-form-urlencoded"}
}

// moment is a time as Keystone writes it.
const moment = "2006-01-02T15:04:05.000000Z"

func (h handlers) request(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	signed, err := SignedRequest(r)
	if err != nil {
		return nil, err
	}
	t, err := h.uses.Request(ctx, *signed, r.HTTP.Header.Get("Requested-Project-Id"))
	if err != nil {
		return nil, err
	}
	return form(t.ID, t.Secret, t.ExpiresAt.UTC().Format(moment)), nil
}

func (h handlers) authorize(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	var wanted []uses.RoleRef
	for _, item := range r.Body.List("roles") {
		role := bodyschema.Object(item.(map[string]any)) // the schema says so
		wanted = append(wanted, uses.RoleRef{ID: role.String("id"), Name: role.String("name")})
	}
	verifier, err := h.uses.Grant(ctx, r.Path("request_token_id"), wanted)
	if err != nil {
		return nil, err
	}
	return rest.One("token", map[string]any{"oauth_verifier": verifier}), nil
}

func (h handlers) exchange(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	signed, err := SignedRequest(r)
	if err != nil {
		return nil, err
	}
	t, err := h.uses.Exchange(ctx, *signed)
	if err != nil {
		return nil, err
	}
	return form(t.ID, t.Secret, t.ExpiresAt.UTC().Format(moment)), nil
}

func tokenView(r *rest.Request) func(*identity.AccessToken) map[string]any {
	return func(t *identity.AccessToken) map[string]any {
		path := "users/" + t.AuthorizingUserID + "/OS-OAUTH1/access_tokens/" + t.ID
		return map[string]any{"id": t.ID, "consumer_id": t.ConsumerID, "project_id": t.ProjectID, "authorizing_user_id": t.AuthorizingUserID,
			"expires_at": t.ExpiresAt.UTC().Format(moment), "links": map[string]any{"self": r.Link(path), "roles": r.Link(path + "/roles")}}
	}
}

func (h handlers) listTokens(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.AccessTokens(ctx, r.Path("user_id"))
	if err != nil {
		return nil, err
	}
	return r.List("access_tokens", rest.Each(list, tokenView(r)), 0), nil
}

func (h handlers) getToken(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	t, err := h.uses.AccessToken(ctx, r.Path("user_id"), r.Path("access_token_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("access_token", tokenView(r)(t)), nil
}

func (h handlers) revoke(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Revoke(ctx, r.Path("user_id"), r.Path("access_token_id"))
}

func (h handlers) roles(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Roles(ctx, r.Path("user_id"), r.Path("access_token_id"))
	if err != nil {
		return nil, err
	}
	return r.List("roles", rest.Each(list, func(role *identity.Role) map[string]any { return roles.View(r, role) }), 0), nil
}

func (h handlers) role(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	role, err := h.uses.Role(ctx, r.Path("user_id"), r.Path("access_token_id"), r.Path("role_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("role", roles.View(r, role)), nil
}
