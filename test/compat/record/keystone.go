package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/clinker/clinker/test/compat"
	"github.com/clinker/clinker/test/compat/tour"
)

// keystone is as much of Keystone's API as the personas need.
type keystone struct {
	url, password string
	client        *http.Client
}

// account is how a persona is called in Keystone.
type account struct{ user, project, role string }

func accounts() map[tour.Persona]account {
	return map[tour.Persona]account{
		tour.Admin:  {"admin", "admin", ""}, // is there already
		tour.Member: {"compat-member", "compat-demo", "member"},
		tour.Reader: {"compat-reader", "compat-demo", "reader"},
		tour.Other:  {"compat-other", "compat-other", "member"},
	}
}

// identities gives every persona a token, and makes the users, projects and role assignments that are not there.
func (k keystone) identities(ctx context.Context) (map[tour.Persona]compat.Identity, error) {
	admin, err := k.login(ctx, accounts()[tour.Admin])
	if err != nil {
		return nil, err
	}
	all := map[tour.Persona]compat.Identity{tour.Admin: admin}
	for persona, a := range accounts() {
		if persona == tour.Admin {
			continue
		}
		if err := k.ensure(ctx, admin.Token, a); err != nil {
			return nil, fmt.Errorf("making %s: %w", a.user, err)
		}
		if all[persona], err = k.login(ctx, a); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (k keystone) login(ctx context.Context, a account) (compat.Identity, error) {
	domain := map[string]any{"id": "default"}
	request := map[string]any{"auth": map[string]any{
		"identity": map[string]any{"methods": []string{"password"}, "password": map[string]any{
			"user": map[string]any{"name": a.user, "domain": domain, "password": k.password}}},
		"scope": map[string]any{"project": map[string]any{"name": a.project, "domain": domain}},
	}}
	var answer struct {
		Token struct {
			User, Project struct{ ID string }
		}
	}
	header, err := k.do(ctx, "", "POST", "/auth/tokens", request, &answer)
	if err != nil {
		return compat.Identity{}, err
	}
	return compat.Identity{Token: header.Get("X-Subject-Token"), ProjectID: answer.Token.Project.ID, UserID: answer.Token.User.ID}, nil
}

func (k keystone) ensure(ctx context.Context, token string, a account) error {
	project, err := k.findOrMake(ctx, token, "project", map[string]any{"name": a.project, "domain_id": "default"})
	if err != nil {
		return err
	}
	user, err := k.findOrMake(ctx, token, "user", map[string]any{"name": a.user, "domain_id": "default", "password": k.password})
	if err != nil {
		return err
	}
	role, err := k.findOrMake(ctx, token, "role", map[string]any{"name": a.role})
	if err != nil {
		return err
	}
	_, err = k.do(ctx, token, "PUT", "/projects/"+project+"/users/"+user+"/roles/"+role, nil, nil)
	return err
}

// findOrMake gives the id of the item of this kind that has the name in what.
func (k keystone) findOrMake(ctx context.Context, token, kind string, what map[string]any) (string, error) {
	type item struct{ ID string }
	found := map[string]json.RawMessage{}
	if _, err := k.do(ctx, token, "GET", "/"+kind+"s?name="+url.QueryEscape(fmt.Sprint(what["name"])), nil, &found); err != nil {
		return "", err
	}
	var items []item
	if err := json.Unmarshal(found[kind+"s"], &items); err != nil || len(items) > 0 {
		if err != nil {
			return "", err
		}
		return items[0].ID, nil
	}
	made := map[string]item{}
	_, err := k.do(ctx, token, "POST", "/"+kind+"s", map[string]any{kind: what}, &made)
	return made[kind].ID, err
}

func (k keystone) do(ctx context.Context, token, method, path string, body, answer any) (http.Header, error) {
	var text []byte
	var err error
	if body != nil {
		if text, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, k.url+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("X-Auth-Token", token)
	response, err := k.client.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	if text, err = io.ReadAll(io.LimitReader(response.Body, 1<<20)); err != nil {
		return nil, err
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return nil, fmt.Errorf("%s %s: %s: %s", method, path, response.Status, text)
	}
	if answer != nil {
		err = json.Unmarshal(text, answer)
	}
	return response.Header, err
}
