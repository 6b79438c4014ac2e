package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/identity"
)

// TrustQuery chooses trusts. Zero fields do not restrict.
type TrustQuery struct {
	TrustorUserID, TrusteeUserID, RedelegatedTrustID string
}

// TrustReader reads trusts with their roles, also those that are of no use any more.
type TrustReader interface {
	Trust(ctx context.Context, id string) (*identity.Trust, error)
	Trusts(ctx context.Context, q TrustQuery) ([]*identity.Trust, error)
}

// TrustWriter changes trusts.
type TrustWriter interface {
	CreateTrust(ctx context.Context, t *identity.Trust) error
	// UseTrust takes one of the remaining uses, and reports whether there was one. One without a limit has always one.
	UseTrust(ctx context.Context, id string) (bool, error)
	DeleteTrust(ctx context.Context, id string) error
}

// OAuthReader reads consumers of OAuth and their tokens, with secrets in the clear, also of tokens that have expired.
type OAuthReader interface {
	Consumer(ctx context.Context, id string) (*identity.Consumer, error)
	Consumers(ctx context.Context) ([]*identity.Consumer, error)
	RequestToken(ctx context.Context, id string) (*identity.RequestToken, error)
	AccessToken(ctx context.Context, id string) (*identity.AccessToken, error)
	// AccessTokens gives those that a user has authorized.
	AccessTokens(ctx context.Context, userID string) ([]*identity.AccessToken, error)
}

// OAuthWriter changes consumers of OAuth and their tokens. Secrets are sealed before they are written.
type OAuthWriter interface {
	CreateConsumer(ctx context.Context, c *identity.Consumer) error
	// UpdateConsumer writes description and extra.
	UpdateConsumer(ctx context.Context, c *identity.Consumer) error
	// DeleteConsumer also removes the consumer's tokens.
	DeleteConsumer(ctx context.Context, id string) error
	// CreateRequestToken also forgets the request tokens that had expired before the time.
	CreateRequestToken(ctx context.Context, t *identity.RequestToken, expired time.Time) error
	// AuthorizeRequestToken writes by whom, with which verifier and which roles.
	AuthorizeRequestToken(ctx context.Context, t *identity.RequestToken) error
	DeleteRequestToken(ctx context.Context, id string) error
	// CreateAccessToken also forgets the access tokens that had expired before the time.
	CreateAccessToken(ctx context.Context, t *identity.AccessToken, expired time.Time) error
	DeleteAccessToken(ctx context.Context, id string) error
}
