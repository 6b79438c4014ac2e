// Package users is the HTTP of users, their passwords, and groups (keystone/api/users.py, groups.py). What a request means is
// in app/users.
package users

import (
	"context"
	"maps"
	"net/http"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	uses "github.com/clinker/clinker/internal/identity/app/users"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// Request schemas (keystone/identity/schema.py).
const (
	optionsSchema = `{"type": "object", "properties": {
		"ignore_change_password_upon_first_use": {"type": ["boolean", "null"]}, "ignore_password_expiry": {"type": ["boolean", "null"]},
		"ignore_lockout_failure_attempts": {"type": ["boolean", "null"]}, "lock_password": {"type": ["boolean", "null"]},
		"ignore_user_inactivity": {"type": ["boolean", "null"]}, "multi_factor_auth_enabled": {"type": ["boolean", "null"]},
		"multi_factor_auth_rules": {"type": ["array", "null"], "items": {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": true},
			"uniqueItems": true}}, "additionalProperties": false}`
	members = `"default_project_id": {"$ref": "identity#/null_id"}, "description": {"$ref": "identity#/null_text"}, "domain_id": {"$ref": "identity#/id"},
		"enabled": {"$ref": "identity#/boolean"}, "name": {"$ref": "identity#/name"}, "password": {"$ref": "identity#/null_text"}, "options": ` + optionsSchema

	createSchema   = `{"type": "object", "properties": {` + members + `}, "required": ["name"], "additionalProperties": true}`
	updateSchema   = `{"type": "object", "properties": {` + members + `}, "minProperties": 1, "additionalProperties": true}`
	passwordSchema = `{"type": "object", "properties": {"original_password": {"type": "string"}, "password": {"type": "string"}},
		"required": ["original_password", "password"], "additionalProperties": false}`
	groupMembers      = `"description": {"$ref": "identity#/null_text"}, "domain_id": {"$ref": "identity#/id"}, "name": {"$ref": "identity#/name"}`
	createGroupSchema = `{"type": "object", "properties": {` + groupMembers + `}, "required": ["name"], "additionalProperties": true}`
	updateGroupSchema = `{"type": "object", "properties": {` + groupMembers + `}, "minProperties": 1, "additionalProperties": true}`
)

// Routes are those of users and groups.
func Routes(u *uses.Users, o app.Options) []rest.Route {
	h := handlers{u, o}
	const users, user, groups, group, member = "/v3/users", "/v3/users/{user_id}", "/v3/groups", "/v3/groups/{group_id}", "/v3/groups/{group_id}/users/{user_id}"
	const made, gone = http.StatusCreated, http.StatusNoContent
	rule := func(name string) []string { return []string{"identity:" + name} }
	return []rest.Route{
		{Method: "GET", Path: users, Policy: rule("list_users"), Handler: h.list},
		{Method: "POST", Path: users, Status: made, Schema: createSchema, Member: "user", Policy: rule("create_user"), Handler: h.create},
		{Method: "GET", Path: user, Policy: rule("get_user"), Handler: h.get},
		{Method: "PATCH", Path: user, Schema: updateSchema, Member: "user", Policy: rule("update_user"), Handler: h.update},
		{Method: "DELETE", Path: user, Status: gone, Policy: rule("delete_user"), Handler: h.remove},
		{Method: "POST", Path: user + "/password", Status: gone, Schema: passwordSchema, Member: "user", Handler: h.changePassword},
		{Method: "GET", Path: user + "/groups", Policy: rule("list_groups_for_user"), Handler: h.groupsOf},

		{Method: "GET", Path: groups, Policy: rule("list_groups"), Handler: h.listGroups},
		{Method: "POST", Path: groups, Status: made, Schema: createGroupSchema, Member: "group", Policy: rule("create_group"), Handler: h.createGroup},
		{Method: "GET", Path: group, Policy: rule("get_group"), Handler: h.getGroup},
		{Method: "PATCH", Path: group, Schema: updateGroupSchema, Member: "group", Policy: rule("update_group"), Handler: h.updateGroup},
		{Method: "DELETE", Path: group, Status: gone, Policy: rule("delete_group"), Handler: h.removeGroup},
		{Method: "GET", Path: group + "/users", Policy: rule("list_users_in_group"), Handler: h.members},
		{Method: "GET", Path: member, Status: gone, Policy: rule("check_user_in_group"), Handler: h.checkMember},
		{Method: "PUT", Path: member, Status: gone, Policy: rule("add_user_to_group"), Handler: h.addMember},
		{Method: "DELETE", Path: member, Status: gone, Policy: rule("remove_user_from_group"), Handler: h.removeMember},
	}
}

type handlers struct {
	uses    *uses.Users
	options app.Options
}

// View is a user.
func View(r *rest.Request, u *identity.User) map[string]any {
	view := r.View(u.Extra, "users/"+u.ID, map[string]any{"id": u.ID, "name": u.Name, "domain_id": u.DomainID, "enabled": u.Enabled,
		"password_expires_at": nil, "options": rest.Settings(u.Options)})
	if !u.PasswordExpiresAt.IsZero() {
		view["password_expires_at"] = u.PasswordExpiresAt.UTC().Format("2006-01-02T15:04:05.000000")
	}
	if u.DefaultProjectID != "" {
		view["default_project_id"] = u.DefaultProjectID
	}
	return view
}

func views(r *rest.Request, list []*identity.User) (out []map[string]any) {
	for _, u := range list {
		out = append(out, View(r, u))
	}
	return out
}

// query reads the filters of users.
func (h handlers) query(r *rest.Request) (q app.UserQuery, err error) {
	q.Name, q.Names, q.DomainID, q.Enabled = r.Query().Get("name"), r.Names(), r.Query().Get("domain_id"), r.Bool("enabled")
	for _, text := range r.Query()["password_expires_at"] {
		op, at, found := strings.Cut(text, ":")
		if !found {
			op, at = "eq", text
		}
		t, err := time.Parse(time.RFC3339, at)
		if err != nil {
			return q, identity.Invalid("Timestamp not in expected format. The server could not comply with the request since it is either malformed or otherwise " +
				"incorrect. The client is assumed to be in error.")
		}
		q.PasswordExpiresAt = append(q.PasswordExpiresAt, app.TimeFilter{Op: op, At: t})
	}
	q.Page, err = r.Page(h.options)
	return q, err
}

func (h handlers) list(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	q, err := h.query(r)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.List(ctx, q)
	if err != nil {
		return nil, err
	}
	return r.List("users", views(r, list), q.Page.Limit), nil
}

// known are the members of bodies that are no extra attributes. What only answers have is taken from nobody.
func known() []string {
	return []string{"name", "domain_id", "default_project_id", "enabled", "password", "options", "password_expires_at", "federated"}
}

func options(body bodyschema.Object) identity.Options {
	o := body.Object("options")
	if o == nil {
		return nil
	}
	return identity.Options(maps.Clone(o))
}

func (h handlers) create(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	u := &identity.User{Name: r.Body.String("name"), DomainID: r.Body.String("domain_id"), DefaultProjectID: r.Body.String("default_project_id"),
		Enabled: !r.Body.Has("enabled") || r.Body.Bool("enabled"), Options: identity.Options(nil).Merge(options(r.Body)), Extra: rest.Others(r.Body, known()...)}
	if err := h.uses.Create(ctx, u, r.Body.StringPointer("password")); err != nil {
		return nil, err
	}
	return rest.One("user", View(r, u)), nil
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	u, err := h.uses.Get(ctx, r.Path("user_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("user", View(r, u)), nil
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("user_id")); err != nil {
		return nil, err
	}
	c := uses.Change{Name: r.Body.StringPointer("name"), DomainID: r.Body.StringPointer("domain_id"), Password: r.Body.StringPointer("password"),
		NoPassword: r.Body.IsNull("password"), Options: options(r.Body), Extra: rest.Others(r.Body, known()...)}
	if r.Body.Has("default_project_id") {
		c.DefaultProjectID = new(r.Body.String("default_project_id"))
	}
	if r.Body.Has("enabled") {
		c.Enabled = new(r.Body.Bool("enabled"))
	}
	u, err := h.uses.Update(ctx, r.Path("user_id"), c)
	if err != nil {
		return nil, err
	}
	return rest.One("user", View(r, u)), nil
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("user_id"))
}

func (h handlers) changePassword(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.ChangePassword(ctx, r.Path("user_id"), r.Body.String("original_password"), r.Body.String("password"))
}
