package tokens

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/access"
	"github.com/clinker/clinker/internal/identity/app/trusts"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/token"
)

// resolveTrust looks up what a token got with a trust stands for; valid has its trustee as user and the trust's project. The
// trust has to be good, and whoever began it has to have all the roles that it gives.
func (t *Tokens) resolveTrust(ctx context.Context, s store.Reader, p token.Payload, valid *app.Token) error {
	trust, err := s.Trust(ctx, p.TrustID)
	if err != nil {
		return err
	}
	switch {
	case trust.Expired(t.Now()):
		return identity.NotFound(identity.TheTrust, trust.ID)
	case trust.TrusteeUserID != p.UserID:
		return identity.Forbidden("User is not a trustee.")
	case trust.ProjectID == "" || trust.ProjectID != p.ProjectID:
		return identity.Unauthorized("trust %s is not for project %q", trust.ID, p.ProjectID)
	}
	trustor, err := s.User(ctx, trust.TrustorUserID)
	if err != nil {
		return err
	}
	domain, err := s.Domain(ctx, trustor.DomainID)
	if err != nil {
		return err
	}
	if !trustor.Enabled || !domain.Enabled {
		return identity.Forbidden("Trustor is disabled.")
	}
	chain, err := trusts.Pedigree(ctx, s, trust, t.Now())
	if err != nil {
		return err
	}
	origin := trust.TrustorUserID
	if len(chain) > 0 {
		origin = chain[len(chain)-1].TrustorUserID
	}
	if valid.Roles, err = t.given(ctx, s, trust, origin, valid.Project); err != nil {
		return err
	}
	valid.Trust = trust
	if trust.Impersonation {
		valid.User, valid.UserDomain = trustor, domain
	}
	return nil
}

// given are the roles that a trust gives, with what they imply, if the one who began it has them all.
func (t *Tokens) given(ctx context.Context, s store.Reader, trust *identity.Trust, originID string, project *identity.Project) ([]*identity.Role, error) {
	actor, err := access.ActorOf(ctx, s, originID)
	if err != nil {
		return nil, err
	}
	held, err := access.OnProject(ctx, s, actor, project)
	if err != nil {
		return nil, err
	}
	rules, err := s.Implications(ctx)
	if err != nil {
		return nil, err
	}
	roles, err := s.Roles(ctx, store.RoleQuery{IDs: identity.Implied(append([]string{}, trust.RoleIDs...), rules), DomainID: new("")})
	if err != nil {
		return nil, err
	}
	for _, role := range roles {
		if !slices.ContainsFunc(held, func(h *identity.Role) bool { return h.ID == role.ID }) {
			return nil, identity.Forbidden("Trustee has no delegated roles.")
		}
	}
	return roles, nil
}

// resolveAccessToken looks up the access token of OAuth that a token was got with, and leaves those of the user's roles that it
// gives.
func (t *Tokens) resolveAccessToken(ctx context.Context, s store.Reader, p token.Payload, valid *app.Token) error {
	access, err := s.AccessToken(ctx, p.AccessTokenID)
	if err != nil {
		return err
	}
	if access.AuthorizingUserID != p.UserID || access.ProjectID != p.ProjectID {
		return identity.Unauthorized("the access token is of another user, or for another project")
	}
	rules, err := s.Implications(ctx)
	if err != nil {
		return err
	}
	given := identity.Implied(append([]string{}, access.RoleIDs...), rules)
	valid.AccessToken = access
	valid.Roles = slices.DeleteFunc(valid.Roles, func(r *identity.Role) bool { return !slices.Contains(given, r.ID) })
	if credentialExpired(valid, t.Now()) {
		return identity.Unauthorized("the access token has expired")
	}
	return nil
}

// use takes one of the remaining uses of the trust that a token is issued with.
func (t *Tokens) use(ctx context.Context, trust *identity.Trust) error {
	if trust == nil || trust.RemainingUses == nil {
		return nil
	}
	return t.Store.Update(ctx, func(tx store.Tx) error {
		used, err := tx.UseTrust(ctx, trust.ID)
		if err == nil && !used {
			err = identity.Forbidden("No remaining uses for trust: %s.", trust.ID)
		}
		return err
	})
}
