package identity

import "time"

// Consumer is a program that users can let act for them by OAuth. Secret is in the clear here and sealed in the store, as
// are those of tokens: signatures are checked with them.
type Consumer struct {
	ID          string
	Description *string
	Secret      string `json:"-"`
	Extra       Extra
}

// RequestToken is a consumer's wish to act in a project. When a user has authorized it, the consumer who shows the Verifier
// gets an AccessToken for it, once.
type RequestToken struct {
	ID, ConsumerID, ProjectID string
	Secret                    string `json:"-"`
	ExpiresAt                 time.Time
	AuthorizingUserID         string // "" until somebody has authorized it
	Verifier                  string `json:"-"`
	RoleIDs                   []string
}

// AccessToken lets a consumer act for a user in a project, with some of the user's roles.
type AccessToken struct {
	ID, ConsumerID, ProjectID, AuthorizingUserID string
	Secret                                       string `json:"-"`
	ExpiresAt                                    time.Time
	RoleIDs                                      []string
}
