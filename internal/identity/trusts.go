package identity

import "time"

// Trust lets one user, the trustee, act in a project with some of the roles of another, the trustor: as the trustor if it
// says impersonation.
type Trust struct {
	ID                           string
	TrustorUserID, TrusteeUserID string
	ProjectID                    string // "" for a trust that gives nothing but a name
	Impersonation                bool
	RoleIDs                      []string
	ExpiresAt                    time.Time // zero: never
	RemainingUses                *int64    // tokens that can still be got; nil: as many as one likes
	RedelegatedTrustID           string    // of the trust that this one passes on; "" for none
	RedelegationCount            int64     // how often it can be passed on
}

// Usable reports whether a token can be got with the trust.
func (t *Trust) Usable(now time.Time) bool {
	return !t.Expired(now) && (t.RemainingUses == nil || *t.RemainingUses > 0)
}

// Expired reports whether the trust, and every token got with it, is worth nothing any more.
func (t *Trust) Expired(now time.Time) bool { return !t.ExpiresAt.IsZero() && !now.Before(t.ExpiresAt) }
