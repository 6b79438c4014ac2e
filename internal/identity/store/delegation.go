package store

import (
	"context"

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
