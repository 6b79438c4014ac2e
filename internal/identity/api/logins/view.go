package logins

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/credentials"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/tokens"
)

// Time is a time as Keystone writes it in tokens: UTC with microseconds and a Z.
func Time(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// View is a token as the API shows it. The catalog is left out if it is not wanted, and always of a token without a scope.
func View(ctx context.Context, t *tokens.Tokens, token *app.Token, withCatalog bool) (map[string]any, error) {
	view := map[string]any{
		"methods": token.Methods, "audit_ids": token.AuditIDs, "expires_at": Time(token.ExpiresAt), "issued_at": Time(token.IssuedAt),
		"user": map[string]any{"id": token.User.ID, "name": token.User.Name, "domain": brief(token.UserDomain), "password_expires_at": nil},
	}
	if at := token.User.PasswordExpiresAt; !at.IsZero() {
		view["user"].(map[string]any)["password_expires_at"] = Time(at)
	}
	switch {
	case token.System:
		view["system"] = map[string]any{"all": true}
	case token.Domain != nil:
		view["domain"] = brief(token.Domain)
	case token.Project != nil:
		project := brief(token.Project)
		project["domain"] = brief(token.ProjectDomain)
		view["project"], view["is_domain"] = project, token.Project.IsDomain
	}
	if trust := token.Trust; trust != nil {
		view["OS-TRUST:trust"] = map[string]any{"id": trust.ID, "impersonation": trust.Impersonation, "trustor_user": map[string]any{"id": trust.TrustorUserID},
			"trustee_user": map[string]any{"id": trust.TrusteeUserID}}
		delete(view, "is_domain")
	}
	if access := token.AccessToken; access != nil {
		view["OS-OAUTH1"] = map[string]any{"access_token_id": access.ID, "consumer_id": access.ConsumerID}
	}
	if c := token.ApplicationCredential; c != nil {
		shown := map[string]any{"id": c.ID, "name": c.Name, "restricted": !c.Unrestricted}
		if len(c.AccessRules) > 0 {
			shown["access_rules"] = credentials.RuleViews(c.AccessRules)
		}
		view["application_credential"] = shown
	}
	if !token.Scoped() {
		return view, nil
	}
	roles := []map[string]any{}
	for _, r := range token.Roles {
		roles = append(roles, map[string]any{"id": r.ID, "name": r.Name})
	}
	view["roles"] = roles
	if withCatalog {
		entries, err := t.CatalogOf(ctx, token)
		if err != nil {
			return nil, err
		}
		view["catalog"] = catalogView(entries)
	}
	return view, nil
}

func brief(p *identity.Project) map[string]any { return map[string]any{"id": p.ID, "name": p.Name} }

func catalogView(entries []tokens.Entry) []map[string]any {
	views := []map[string]any{}
	for _, e := range entries {
		endpoints := []map[string]any{}
		for _, endpoint := range e.Endpoints {
			region := rest.Null(endpoint.RegionID)
			endpoints = append(endpoints, map[string]any{"id": endpoint.ID, "interface": endpoint.Interface, "region": region, "region_id": region, "url": endpoint.URL})
		}
		views = append(views, map[string]any{"id": e.ID, "type": e.Type, "name": e.Name, "endpoints": endpoints})
	}
	return views
}
