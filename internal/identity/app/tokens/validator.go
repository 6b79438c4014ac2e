package tokens

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/oslo/authtoken"
)

// Validator validates tokens for the services of this process, without a hop over HTTP and by the same checks. What it
// remembers it forgets as soon as anything in the store changes: nothing revoked is ever good.
func (t *Tokens) Validator() authtoken.Validator { return validator{t} }

type validator struct{ tokens *Tokens }

// Validate implements authtoken.Validator.
func (v validator) Validate(ctx context.Context, text string, allowExpired bool) (*authtoken.Token, error) {
	var window time.Duration
	if allowExpired {
		window = v.tokens.Options.AllowExpiredWindow
	}
	r, err := v.tokens.lookUp(ctx, text, window)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.outward == nil {
		r.outward, err = v.outward(ctx, r.token)
	}
	return r.outward, err
}

func (v validator) outward(ctx context.Context, t *app.Token) (*authtoken.Token, error) {
	out := &authtoken.Token{User: ref(&identity.Project{ID: t.User.ID, Name: t.User.Name}), UserDomain: ref(t.UserDomain), Project: ref(t.Project),
		ProjectDomain: ref(t.ProjectDomain), Domain: ref(t.Domain), System: t.System, Roles: t.RoleNames(), ExpiresAt: t.ExpiresAt}
	if c := t.ApplicationCredential; c != nil && c.AccessRules != nil {
		out.AccessRules = []authtoken.Rule{}
		for _, r := range c.AccessRules {
			out.AccessRules = append(out.AccessRules, authtoken.Rule{Service: r.Service, Method: r.Method, Path: r.Path})
		}
	}
	if !t.Scoped() {
		return out, nil
	}
	entries, err := v.tokens.CatalogOf(ctx, t)
	if err != nil {
		return nil, err
	}
	services := make([]authtoken.Service, len(entries))
	for i, e := range entries {
		services[i] = authtoken.Service{Type: e.Type, Name: e.Name}
		for _, endpoint := range e.Endpoints {
			services[i].Endpoints = append(services[i].Endpoints, authtoken.Endpoint{Interface: endpoint.Interface, Region: endpoint.RegionID, URL: endpoint.URL})
		}
	}
	out.Catalog = authtoken.CatalogHeader(services)
	return out, nil
}

func ref(p *identity.Project) authtoken.Ref {
	if p == nil {
		return authtoken.Ref{}
	}
	return authtoken.Ref{ID: p.ID, Name: p.Name}
}
