package tokens

import (
	"context"
	"encoding/json"
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
	entries, err := v.tokens.Catalog(ctx, t.User.ID, t.ProjectID())
	if err != nil {
		return nil, err
	}
	out.Catalog, err = catalogHeader(entries)
	return out, err
}

func ref(p *identity.Project) authtoken.Ref {
	if p == nil {
		return authtoken.Ref{}
	}
	return authtoken.Ref{ID: p.ID, Name: p.Name}
}

// catalogHeader is the catalog in the form of Identity v2, which X-Service-Catalog has kept: per service, the endpoints of a
// region together.
func catalogHeader(entries []Entry) (string, error) {
	services := []map[string]any{}
	for _, e := range entries {
		var regions []map[string]string
		byRegion := map[string]map[string]string{}
		for _, endpoint := range e.Endpoints {
			region := byRegion[endpoint.RegionID]
			if region == nil {
				region = map[string]string{}
				if endpoint.RegionID != "" {
					region["region"] = endpoint.RegionID
				}
				byRegion[endpoint.RegionID] = region
				regions = append(regions, region)
			}
			region[endpoint.Interface+"URL"] = endpoint.URL
		}
		services = append(services, map[string]any{"type": e.Type, "name": e.Name, "endpoints": regions})
	}
	text, err := json.Marshal(services)
	return string(text), err
}
