// Package app is what the use cases of the identity wing share: what they are made of, who asks, and whether they may. The
// use cases themselves are in the packages below it, one per family: tokens, auth, projects, users, roles, catalog,
// credentials.
//
// A use case checks policy, validates, and changes rows in one transaction. It knows the store's contract, never SQL or HTTP.
package app

import (
	"context"
	"log/slog"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app/secrets"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/token"
)

// Policy decides whether the caller in ctx may do what rule stands for. It returns nil or a fault.Forbidden.
type Policy interface {
	Check(ctx context.Context, rule string, target func(name string) (value string, known bool)) error
}

// Options are the deployment's choices; names are keystone.conf's.
type Options struct {
	TokenExpiration         time.Duration // [token] expiration
	AllowExpiredWindow      time.Duration // [token] allow_expired_window
	AllowRescopeScopedToken bool          // [token] allow_rescope_scoped_token
	LockoutFailureAttempts  int           // [security_compliance] lockout_failure_attempts; 0: nobody is locked out
	LockoutDuration         time.Duration // [security_compliance] lockout_duration; 0: until an administrator helps
	MaxProjectTreeDepth     int           // [DEFAULT] max_project_tree_depth
	ListLimit               int           // [DEFAULT] list_limit; 0: lists are whole unless asked otherwise
	MaxListLimit            int           // [DEFAULT] max_db_limit
}

// DefaultOptions are Keystone's, but for the lockout, which Keystone leaves out and we do not.
func DefaultOptions() Options {
	return Options{TokenExpiration: time.Hour, AllowExpiredWindow: 48 * time.Hour, AllowRescopeScopedToken: true, LockoutFailureAttempts: 10,
		LockoutDuration: time.Minute, MaxProjectTreeDepth: 5, MaxListLimit: 1000}
}

// Core is what every use case is made of. It is filled once, by cmd, and shared; its fields must not change afterwards.
type Core struct {
	Store   store.Store
	Policy  Policy
	Secrets *secrets.Hasher
	Codec   token.Codec
	Options Options
	Log     *slog.Logger
	Now     func() time.Time // UTC
}

// NewID makes an id as Keystone makes them: a UUID without hyphens.
func NewID() string {
	id := uuid.New()
	return strings.ReplaceAll(id.String(), "-", "")
}

// Token is a token that was found good: what it says, and what that stands for now. It must not be changed: requests that
// bear it at the same time share it.
type Token struct {
	Text                string
	Methods, AuditIDs   []string
	IssuedAt, ExpiresAt time.Time
	User                *identity.User
	UserDomain          *identity.Project
	// The scope: Project with its domain, or Domain, or System, or none of them.
	Project, ProjectDomain *identity.Project
	Domain                 *identity.Project
	System                 bool
	Roles                  []*identity.Role                // effective in that scope
	ApplicationCredential  *identity.ApplicationCredential // what the token was got with; nil for none
	AccessToken            *identity.AccessToken           // likewise, of OAuth
	Trust                  *identity.Trust                 // likewise; User is then the trustor, if it says impersonation
}

// Scoped reports whether the token is good for something beyond its user.
func (t *Token) Scoped() bool { return t.Project != nil || t.Domain != nil || t.System }

// ProjectID is the id of the token's project, "" if it has none.
func (t *Token) ProjectID() string {
	if t.Project == nil {
		return ""
	}
	return t.Project.ID
}

// RoleNames are the names of the roles.
func (t *Token) RoleNames() []string {
	names := make([]string, len(t.Roles))
	for i, r := range t.Roles {
		names[i] = r.Name
	}
	return names
}

// Delegated reports whether the token was not got by proving who the user is but by something the user gave away, a trust
// too. It must not be good for getting more.
func (t *Token) Delegated() bool { return t.Trust != nil || t.DelegatedMethod() }

// DelegatedMethod is Delegated but for trusts, which are a scope and no method. Methods that nobody has thought about count as
// delegated, and so do none at all.
//
// Upstream: keystone/api/_shared/delegation.py.
func (t *Token) DelegatedMethod() bool {
	for _, m := range t.Methods {
		switch m {
		case "external", "kerberos", "mapped", "openid", "password", "saml2", "token", "totp", "x509":
		default:
			return true
		}
	}
	return len(t.Methods) == 0
}

type tokenKey struct{}

// With returns a context of the bearer of t.
func With(ctx context.Context, t *Token) context.Context {
	return context.WithValue(ctx, tokenKey{}, t)
}

// Caller is the token of whoever asks, nil if nobody has shown one.
func Caller(ctx context.Context) *Token {
	t, _ := ctx.Value(tokenKey{}).(*Token)
	return t
}

// Authorize checks that the caller has shown a token and may do what rule stands for. The target gives the attributes that
// the rule compares with; see Target.
func (c *Core) Authorize(ctx context.Context, rule string, target Target) error {
	if Caller(ctx) == nil {
		return identity.Unauthorized("%s needs a token", rule)
	}
	err := c.Policy.Check(ctx, rule, target.attribute)
	if fault.Is(err, fault.Forbidden) {
		return fault.Wrap(err, fault.Forbidden, "", "%s", identity.ForbiddenAction(rule).Text)
	}
	return err
}

// Target is what a rule is asked about: attributes by their names in policies, such as "target.user.domain_id". One that is
// not there fails every check that needs it.
type Target map[string]string

// null is how an attribute without a value compares: as Python's None.
const null = "None"

func (t Target) attribute(name string) (string, bool) {
	value, known := t[name]
	if known && value == "" {
		value = null
	}
	return value, known
}

// Owner is the target of what is below a user's path.
func Owner(userID string) Target { return Target{"user_id": userID} }

// User adds a user.
func (t Target) User(u *identity.User) Target {
	if u != nil {
		t["target.user.id"], t["target.user.domain_id"] = u.ID, u.DomainID
	}
	return t
}

// Group adds a group.
func (t Target) Group(g *identity.Group) Target {
	if g != nil {
		t["target.group.id"], t["target.group.domain_id"] = g.ID, g.DomainID
	}
	return t
}

// Project adds a project.
func (t Target) Project(p *identity.Project) Target {
	if p != nil {
		t["target.project.id"], t["target.project.domain_id"] = p.ID, p.DomainID
	}
	return t
}

// Domain adds a domain.
func (t Target) Domain(d *identity.Project) Target {
	if d != nil {
		t["target.domain.id"] = d.ID
	}
	return t
}

// Role adds a role.
func (t Target) Role(r *identity.Role) Target {
	if r != nil {
		t["target.role.name"], t["target.role.domain_id"] = r.Name, r.DomainID
	}
	return t
}

// Credential adds a credential.
func (t Target) Credential(userID string) Target {
	t["target.credential.user_id"] = userID
	return t
}

// ListDomain is the target of listings that a domain's own people may make: the domain of their token.
func ListDomain(ctx context.Context) Target {
	t := Target{}
	if caller := Caller(ctx); caller != nil && caller.Domain != nil {
		t["target.domain_id"], t["target.domain.id"] = caller.Domain.ID, caller.Domain.ID
	}
	return t
}

// Revoke makes tokens worthless that were issued until now and fit e, in the transaction that changes what they were good for.
// An event about one token by its audit id has in IssuedBefore when that was issued.
//
// Tokens say in whole seconds when they were issued, and one that is issued after a revocation within the same second is dated
// after it (see tokens.Issue). So an event reaches beyond those before it, else it would miss such tokens.
func (c *Core) Revoke(ctx context.Context, tx store.Tx, e identity.RevocationEvent) error {
	now := c.Now().Truncate(time.Second)
	e.RevokedAt = now
	if e.IssuedBefore.Before(now) {
		e.IssuedBefore = now
	}
	if e.AuditID == "" {
		until, err := tx.RevokedUntil(ctx, e.UserID)
		if err != nil {
			return err
		}
		if !until.Before(now) {
			e.IssuedBefore = until.Add(time.Second)
		}
	}
	// Once every token of that time has expired beyond the last use of it, the event says nothing any more.
	return tx.Revoke(ctx, e, now.Add(-c.Options.TokenExpiration-c.Options.AllowExpiredWindow-time.Hour))
}

// OrNil is v, or the zero value when it is not there: for targets whose absence is somebody else's to tell.
func OrNil[V any](v V, err error) (V, error) {
	if fault.Is(err, fault.NotFound) {
		return *new(V), nil
	}
	return v, err
}

// DomainFor is the domain that something new belongs to when the request names none: that of the caller's token, else the
// default domain.
func DomainFor(ctx context.Context, asked string) string {
	if asked != "" {
		return asked
	}
	if caller := Caller(ctx); caller != nil && caller.Domain != nil {
		return caller.Domain.ID
	}
	return identity.DefaultDomainID
}
