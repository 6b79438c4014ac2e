package credentials

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	uses "github.com/clinker/clinker/internal/identity/app/credentials"
)

// Request schemas (keystone/credential/schema.py, application_credential/schema.py).
const (
	members = `"id": {"type": "string"}, "blob": {"type": "string"}, "project_id": {"type": ["string", "null"]}, "type": {"type": "string"}, "user_id": {"$ref": "identity#/id"}`

	createSchema = `{"type": "object", "properties": {` + members + `}, "required": ["blob", "type", "user_id"], "additionalProperties": true}`
	updateSchema = `{"type": "object", "properties": {"blob": {"type": "string"}}, "required": ["blob"], "additionalProperties": false}`
	keySchema    = `{"type": "object", "properties": {"tenant_id": {"type": "string"}}, "required": ["tenant_id"]}`

	ruleSchema = `{"type": "object", "properties": {"id": {"type": "string"}, "service": {"type": "string", "minLength": 1, "maxLength": 255},
		"method": {"type": "string", "pattern": "^(POST|GET|HEAD|PATCH|PUT|DELETE)$"}, "path": {"type": "string", "minLength": 0, "maxLength": 128, "pattern": "^\\/.*"}},
		"additionalProperties": false}`
	applicationSchema = `{"type": "object", "properties": {"name": {"$ref": "identity#/name"}, "description": {"$ref": "identity#/null_text"},
		"secret": {"type": ["string", "null"]}, "expires_at": {"type": ["string", "null"]}, "unrestricted": {"type": ["boolean", "null"]},
		"project_id": {"type": ["string", "null"]},
		"roles": {"type": "array", "items": {"type": "object", "properties": {"id": {"$ref": "identity#/id"}, "name": {"type": "string"}},
			"minProperties": 1, "additionalProperties": true}},
		"access_rules": {"type": "array", "items": ` + ruleSchema + `}}, "required": ["name"], "additionalProperties": false}`
)

// Routes are those of credentials of every kind.
func Routes(u *uses.Credentials) []rest.Route {
	h := handlers{u}
	const one, keys, key = "/v3/credentials/{credential_id}", "/v3/users/{user_id}/credentials/OS-EC2", "/v3/users/{user_id}/credentials/OS-EC2/{credential_id}"
	const applications, rules = "/v3/users/{user_id}/application_credentials", "/v3/users/{user_id}/access_rules"
	const made, gone = http.StatusCreated, http.StatusNoContent
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: "/v3/credentials", Policy: rule("list_credentials"), Handler: h.list},
		{Method: "POST", Path: "/v3/credentials", Status: made, Schema: createSchema, Member: "credential", Policy: rule("create_credential"), Handler: h.create},
		{Method: "GET", Path: one, Policy: rule("get_credential"), Handler: h.get},
		{Method: "PATCH", Path: one, Schema: updateSchema, Member: "credential", Policy: rule("update_credential"), Handler: h.update},
		{Method: "DELETE", Path: one, Status: gone, Policy: rule("delete_credential"), Handler: h.remove},

		{Method: "GET", Path: keys, Policy: rule("ec2_list_credentials"), Handler: h.listKeys},
		{Method: "POST", Path: keys, Status: made, Schema: keySchema, Policy: rule("ec2_create_credential"), Handler: h.createKey},
		{Method: "GET", Path: key, Policy: rule("ec2_get_credential"), Handler: h.getKey},
		{Method: "DELETE", Path: key, Status: gone, Policy: rule("ec2_delete_credential"), Handler: h.removeKey},

		{Method: "GET", Path: applications, Policy: rule("list_application_credentials"), Handler: h.listApplications},
		{Method: "POST", Path: applications, Status: made, Schema: applicationSchema, Member: "application_credential",
			Policy: rule("create_application_credential"), Handler: h.createApplication},
		{Method: "GET", Path: applications + "/{id}", Policy: rule("get_application_credential"), Handler: h.getApplication},
		{Method: "DELETE", Path: applications + "/{id}", Status: gone, Policy: rule("delete_application_credential"), Handler: h.removeApplication},

		{Method: "GET", Path: rules, Policy: rule("list_access_rules"), Handler: h.listRules},
		{Method: "GET", Path: rules + "/{id}", Policy: rule("get_access_rule"), Handler: h.getRule},
		{Method: "DELETE", Path: rules + "/{id}", Status: gone, Policy: rule("delete_access_rule"), Handler: h.removeRule},
	}
}

type handlers struct{ uses *uses.Credentials }

func view(r *rest.Request, c *identity.Credential) map[string]any {
	return r.View(c.Extra, "credentials/"+c.ID, map[string]any{"id": c.ID, "user_id": c.UserID, "project_id": rest.Null(c.ProjectID), "type": c.Type, "blob": c.Blob})
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.List(ctx, r.Query().Get("user_id"), r.Query().Get("type"))
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, c := range list {
		views = append(views, view(r, c))
	}
	return r.List("credentials", views, 0), nil
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c := &identity.Credential{UserID: r.Body.String("user_id"), ProjectID: r.Body.String("project_id"), Type: r.Body.String("type"), Blob: r.Body.String("blob"),
		Extra: rest.Others(r.Body, "user_id", "project_id", "type", "blob")}
	if err := h.uses.Create(ctx, c); err != nil {
		return nil, err
	}
	return rest.One("credential", view(r, c)), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c, err := h.uses.Get(ctx, r.Path("credential_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("credential", view(r, c)), nil
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c, err := h.uses.Update(ctx, r.Path("credential_id"), r.Body.String("blob"))
	if err != nil {
		return nil, err
	}
	return rest.One("credential", view(r, c)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("credential_id"))
}

// keyView is an EC2 key in the words of the first OpenStack.
func keyView(r *rest.Request, c *identity.Credential) (map[string]any, error) {
	key, err := uses.ParseKey(c.Blob)
	if err != nil {
		return nil, err
	}
	return map[string]any{"user_id": c.UserID, "tenant_id": c.ProjectID, "access": key.Access, "secret": key.Secret, "trust_id": nil,
		"links": map[string]any{"self": r.Link("users/" + c.UserID + "/credentials/OS-EC2/" + key.Access)}}, nil
}

func (h handlers) listKeys(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	list, err := h.uses.Keys(ctx, r.Path("user_id"))
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, c := range list {
		if v, err := keyView(r, c); err == nil { // one that holds no key is nobody's use
			views = append(views, v)
		}
	}
	return r.List("credentials", views, 0), nil
}

// oneKey answers with an EC2 key.
func oneKey(r *rest.Request, c *identity.Credential, err error) (*rest.Response, error) {
	if err != nil {
		return nil, err
	}
	v, err := keyView(r, c)
	if err != nil {
		return nil, err
	}
	return rest.One("credential", v), nil
}

func (h handlers) createKey(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c, err := h.uses.CreateKey(ctx, r.Path("user_id"), r.Body.String("tenant_id"))
	return oneKey(r, c, err)
}

func (h handlers) getKey(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c, err := h.uses.Key(ctx, r.Path("user_id"), r.Path("credential_id"))
	return oneKey(r, c, err)
}

func (h handlers) removeKey(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteKey(ctx, r.Path("user_id"), r.Path("credential_id"))
}
