// Package domainconfig is the HTTP of options of single domains (keystone/api/domains.py). What a request means is in
// app/domainconfig.
package domainconfig

import (
	"context"
	"net/http"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	uses "github.com/clinker/clinker/internal/identity/app/domainconfig"
)

// schema leaves it to the use cases what may be in there.
const schema = `{"type": "object"}`

// Routes are those of options of domains.
func Routes(u *uses.DomainConfig) []rest.Route {
	h := handlers{u}
	const base = "/v3/domains/{domain_id}/config"
	list := []rest.Route{{Method: "PUT", Path: base, Status: http.StatusCreated, Schema: schema, Member: "config", Policy: []string{"identity:create_domain_config"}, Handler: h.put}}
	for _, path := range []string{base, base + "/{group}", base + "/{group}/{option}"} {
		list = append(list,
			rest.Route{Method: "GET", Path: path, Policy: []string{"identity:get_domain_config"}, Handler: h.get},
			rest.Route{Method: "PATCH", Path: path, Schema: schema, Member: "config", Policy: []string{"identity:update_domain_config"}, Handler: h.update},
			rest.Route{Method: "DELETE", Path: path, Status: http.StatusNoContent, Policy: []string{"identity:delete_domain_config"}, Handler: h.remove})
	}
	const passwords = base + "/" + uses.PasswordRules
	for _, path := range []string{passwords, passwords + "/{option}"} {
		list = append(list, rest.Route{Method: "GET", Path: path, Policy: []string{"identity:get_security_compliance_domain_config"}, Handler: h.passwords})
	}
	byDefault := func(path, group string) {
		list = append(list, rest.Route{Method: "GET", Path: path, Policy: []string{"identity:get_domain_config_default"},
			Handler: func(ctx context.Context, r *rest.Request) (*rest.Response, error) {
				c, err := h.uses.Default(ctx, group, r.Path("option"))
				return part(c, group, r.Path("option"), err)
			}})
	}
	byDefault("/v3/domains/config/default", "")
	for _, group := range uses.Groups() { // by name: a wildcard there would fit a domain called config too
		byDefault("/v3/domains/config/"+group+"/default", group)
		byDefault("/v3/domains/config/"+group+"/{option}/default", group)
	}
	return list
}

type handlers struct{ uses *uses.DomainConfig }

// part answers with the options that were asked for: a single one without its group.
func part(c identity.DomainConfig, group, name string, err error) (*rest.Response, error) {
	if err != nil {
		return nil, err
	}
	shown := map[string]any{}
	for g, options := range c {
		if group == "" || g == group {
			shown[g] = options
		}
	}
	if name != "" {
		shown = map[string]any{name: c[group][name]}
	}
	return rest.One("config", shown), nil
}

// read makes options of a body; for a single one that is {"name": value}. What is no group of options has none.
func read(r *rest.Request, group, name string) identity.DomainConfig {
	if name != "" {
		return identity.DomainConfig{group: r.Body}
	}
	c := identity.DomainConfig{}
	for g := range r.Body {
		c[g] = r.Body.Object(g)
	}
	return c
}

func (h handlers) put(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c, isNew, err := h.uses.Put(ctx, r.Path("domain_id"), read(r, "", ""))
	answer, err := part(c, "", "", err)
	if err == nil && !isNew {
		answer.Status = http.StatusOK
	}
	return answer, err
}

func (h handlers) get(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	group, name := r.Path("group"), r.Path("option")
	c, err := h.uses.Get(ctx, r.Path("domain_id"), group, name)
	return part(c, group, name, err)
}

func (h handlers) update(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	group, name := r.Path("group"), r.Path("option")
	c, err := h.uses.Update(ctx, r.Path("domain_id"), group, name, read(r, group, name))
	return part(c, "", "", err)
}

func (h handlers) remove(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.Delete(ctx, r.Path("domain_id"), r.Path("group"), r.Path("option"))
}

func (h handlers) passwords(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	c, err := h.uses.Passwords(ctx, r.Path("domain_id"), r.Path("option"))
	return part(c, uses.PasswordRules, r.Path("option"), err)
}
