// Package oauth1 is the use cases of OAuth 1.0: programs, called consumers, that users let act for them; how a consumer gets a
// request token, a user authorizes it, and the consumer exchanges it for an access token; and whether a signed request is
// one of such a consumer.
//
// What must not live here: getting a Keystone token with it (package auth), and what such a token is worth (package tokens).
//
// Upstream: keystone/api/os_oauth1.py and keystone/oauth1; RFC 5849.
package oauth1

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// How long tokens are good ([oauth1] request_token_duration, access_token_duration).
const (
	requestTokenLife = 8 * time.Hour
	accessTokenLife  = 24 * time.Hour
)

// OAuth is the use cases. It is safe for concurrent use.
type OAuth struct {
	*app.Core
	seen *nonces
}

// New makes the use cases over the parts of c.
func New(c *app.Core) *OAuth { return &OAuth{Core: c, seen: &nonces{}} }

// Consumer reads a consumer.
func (u *OAuth) Consumer(ctx context.Context, id string) (*identity.Consumer, error) {
	if err := u.Authorize(ctx, "identity:get_consumer", app.Target{}); err != nil {
		return nil, err
	}
	return u.Store.Consumer(ctx, id)
}

// Consumers lists them.
func (u *OAuth) Consumers(ctx context.Context) ([]*identity.Consumer, error) {
	if err := u.Authorize(ctx, "identity:list_consumers", app.Target{}); err != nil {
		return nil, err
	}
	return u.Store.Consumers(ctx)
}

// CreateConsumer makes a consumer of what c says, which needs no id; its secret is made too, and told nowhere else.
func (u *OAuth) CreateConsumer(ctx context.Context, c *identity.Consumer) error {
	if err := u.Authorize(ctx, "identity:create_consumer", app.Target{}); err != nil {
		return err
	}
	c.ID, c.Secret = app.NewID(), app.NewID()
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateConsumer(ctx, c) })
}

// UpdateConsumer changes a consumer by change, but for its secret.
func (u *OAuth) UpdateConsumer(ctx context.Context, id string, change func(*identity.Consumer)) (c *identity.Consumer, err error) {
	if err := u.Authorize(ctx, "identity:update_consumer", app.Target{}); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if c, err = tx.Consumer(ctx, id); err != nil {
			return err
		}
		change(c)
		return tx.UpdateConsumer(ctx, c)
	})
	return c, err
}

// DeleteConsumer removes a consumer: its tokens are worth nothing at once.
func (u *OAuth) DeleteConsumer(ctx context.Context, id string) error {
	if err := u.Authorize(ctx, "identity:delete_consumer", app.Target{}); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteConsumer(ctx, id) })
}

// owned reads an access token that the user has authorized, if the caller may do what rule stands for.
func (u *OAuth) owned(ctx context.Context, rule string, target app.Target, userID, id string) (*identity.AccessToken, error) {
	if err := u.Authorize(ctx, rule, target); err != nil {
		return nil, err
	}
	if err := direct(ctx); err != nil {
		return nil, err
	}
	t, err := u.Store.AccessToken(ctx, id)
	if err != nil {
		return nil, err
	}
	if t.AuthorizingUserID != userID {
		return nil, identity.NotFound("access token", id)
	}
	return t, nil
}

// direct refuses tokens that were got by something the user gave away.
func direct(ctx context.Context) error {
	if app.Caller(ctx).Delegated() {
		return identity.Forbidden("a token issued via delegation is not good for OAuth")
	}
	return nil
}

// AccessToken reads an access token that a user has authorized.
func (u *OAuth) AccessToken(ctx context.Context, userID, id string) (*identity.AccessToken, error) {
	return u.owned(ctx, "identity:get_access_token", app.Target{}, userID, id)
}

// AccessTokens lists the access tokens that a user has authorized.
func (u *OAuth) AccessTokens(ctx context.Context, userID string) ([]*identity.AccessToken, error) {
	if err := u.Authorize(ctx, "identity:list_access_tokens", app.Target{}); err != nil {
		return nil, err
	}
	if err := direct(ctx); err != nil {
		return nil, err
	}
	return u.Store.AccessTokens(ctx, userID)
}

// Roles lists the roles of an access token.
func (u *OAuth) Roles(ctx context.Context, userID, id string) ([]*identity.Role, error) {
	t, err := u.owned(ctx, "identity:list_access_token_roles", app.Target{}, userID, id)
	if err != nil {
		return nil, err
	}
	return u.Store.Roles(ctx, store.RoleQuery{IDs: append([]string{}, t.RoleIDs...)})
}

// Role reads a role of an access token; another is fault.NotFound.
func (u *OAuth) Role(ctx context.Context, userID, id, roleID string) (*identity.Role, error) {
	t, err := u.owned(ctx, "identity:get_access_token_role", app.Target{}, userID, id)
	if err != nil {
		return nil, err
	}
	for _, held := range t.RoleIDs {
		if held == roleID {
			return u.Store.Role(ctx, roleID)
		}
	}
	return nil, identity.NotFound(identity.TheRole, roleID)
}

// Revoke removes an access token: what was got with it is worth nothing at once. Its user may do that too.
func (u *OAuth) Revoke(ctx context.Context, userID, id string) error {
	if _, err := u.owned(ctx, "identity:delete_access_token", app.Owner(userID), userID, id); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteAccessToken(ctx, id) })
}
