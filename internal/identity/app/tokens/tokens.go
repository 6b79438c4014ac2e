// Package tokens issues tokens, finds out what a token is worth now, and revokes them.
//
// A token holds ids only. Whatever they stand for is looked up whenever a token is validated, so that a role that was taken
// away, or a project that was disabled, counts at once; the answer is remembered until anything in the store changes.
//
// What must not live here: how a user proves who they are (package auth), and who may ask about which token (the API's use
// cases in this package's service.go do check that).
package tokens

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/access"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/token"
	"github.com/clinker/clinker/internal/oslo/authtoken"
)

// Tokens issues, validates and revokes. It is safe for concurrent use.
type Tokens struct {
	*app.Core
	known   *lru.Cache[[sha256.Size]byte, *remembered]
	catalog atomic.Pointer[whole] // nil until somebody asks
}

// maxKnown bounds what is remembered; an entry is about 2 KiB.
const maxKnown = 4096

// remembered is what a token was worth at an epoch of the store.
type remembered struct {
	token *app.Token
	epoch uint64

	mu      sync.Mutex
	outward *authtoken.Token // for other services; made when one asks first
}

// New makes Tokens over the parts of c.
func New(c *app.Core) *Tokens {
	known, err := lru.New[[sha256.Size]byte, *remembered](maxKnown)
	if err != nil {
		panic(err) // a size that is no size
	}
	return &Tokens{Core: c, known: known}
}

// Request is what a token is issued for. Whoever makes one has checked that the user is who they say.
type Request struct {
	UserID  string
	Methods []string
	// The scope, as ids; none of them is an unscoped token.
	ProjectID, DomainID string
	System              bool
	TrustID             string // with the trust's project
	AccessTokenID       string // with the access token's project
	// Chain is the audit id of the first token of the chain that this one continues; "" begins one.
	Chain string
	// ExpiresAt is the end of a chain or of a credential; zero is as long as tokens live.
	ExpiresAt             time.Time
	ApplicationCredential *identity.ApplicationCredential
}

// Issue makes a token. A scope the user has no role in, and anything disabled, is fault.Unauthorized.
func (t *Tokens) Issue(ctx context.Context, r Request) (*app.Token, error) {
	now := t.Now()
	p := token.Payload{UserID: r.UserID, Methods: r.Methods, ProjectID: r.ProjectID, DomainID: r.DomainID, TrustID: r.TrustID, AccessTokenID: r.AccessTokenID, AuditIDs: []string{newAuditID()},
		IssuedAt: now.Truncate(time.Second), ExpiresAt: now.Add(t.Options.TokenExpiration).Truncate(time.Second)}
	if r.System {
		p.System = "all"
	}
	if r.Chain != "" {
		p.AuditIDs = append(p.AuditIDs, r.Chain)
	}
	if !r.ExpiresAt.IsZero() {
		p.ExpiresAt = r.ExpiresAt
	}
	if c := r.ApplicationCredential; c != nil {
		p.ApplicationCredentialID = c.ID
		if !c.ExpiresAt.IsZero() && c.ExpiresAt.Before(p.ExpiresAt) {
			p.ExpiresAt = c.ExpiresAt
		}
	}
	epoch := t.Store.Epoch()
	var issued *app.Token
	var err error
	err = t.Store.Read(ctx, func(s store.Reader) error {
		// A token says in whole seconds when it was issued. One that follows a revocation within the same second is dated after
		// it, or it would be revoked with those before.
		if issued, err = t.resolve(ctx, s, p); err != nil {
			return err
		}
		until, err := revokedUntil(ctx, s, p, issued)
		if !until.IsZero() {
			p.IssuedAt = until.Add(time.Second)
			issued.IssuedAt = p.IssuedAt
		}
		return err
	})
	if err == nil {
		err = t.use(ctx, issued.Trust)
	}
	if fault.Is(err, fault.NotFound) {
		err = identity.Unauthorized("%s", fault.UserText(err))
	}
	if err != nil {
		return nil, err
	}
	if end := givenUntil(issued); !end.IsZero() && end.Before(p.ExpiresAt) {
		p.ExpiresAt, issued.ExpiresAt = end, end
	}
	if issued.Text, err = t.Codec.Pack(p); err != nil {
		return nil, err
	}
	t.remember(issued, epoch)
	return issued, nil
}

// newAuditID makes a name for a token that does not give it away.
func newAuditID() string {
	id := uuid.New()
	return base64.RawURLEncoding.EncodeToString(id[:])
}

// revokedUntil finds what has made a token worthless: what was done to whoever got it, and to the trustor of the trust it was
// got with. It gives the time up to which such tokens are worthless, zero if nothing has.
func revokedUntil(ctx context.Context, s store.RevocationReader, p token.Payload, valid *app.Token) (until time.Time, err error) {
	users := []string{p.UserID}
	if valid.Trust != nil {
		users = append(users, valid.Trust.TrustorUserID)
	}
	for _, user := range users {
		events, err := s.Revocations(ctx, user, p.IssuedAt)
		if err != nil {
			return time.Time{}, err
		}
		for _, e := range events {
			if e.Revokes(user, p.ProjectID, p.AuditIDs, p.IssuedAt) && e.IssuedBefore.After(until) {
				until = e.IssuedBefore
			}
		}
	}
	return until, nil
}

// notValid is the answer about a token that was good once, or might be one.
func notValid() error { return fault.New(fault.NotFound, "TokenNotFound", "Failed to validate token") }

// Validate gives what a token is worth now. One that is none, has expired more than window ago, was revoked, or whose user,
// scope or credential is gone or disabled, is fault.NotFound. Remembered tokens cost microseconds, others about ten queries.
func (t *Tokens) Validate(ctx context.Context, text string, window time.Duration) (*app.Token, error) {
	r, err := t.lookUp(ctx, text, window)
	if err != nil {
		return nil, err
	}
	return r.token, nil
}

func (t *Tokens) lookUp(ctx context.Context, text string, window time.Duration) (*remembered, error) {
	if text == "" {
		return nil, fault.New(fault.NotFound, "TokenNotFound", "No token in the request")
	}
	epoch := t.Store.Epoch()
	if r, ok := t.known.Get(sha256.Sum256([]byte(text))); ok && r.epoch == epoch {
		if t.expired(r.token.ExpiresAt, window) || credentialExpired(r.token, t.Now()) {
			return nil, notValid()
		}
		return r, nil
	}
	p, err := t.Codec.Unpack(text)
	if err != nil {
		return nil, fault.Wrap(err, fault.NotFound, "TokenNotFound", "Could not recognize Fernet token")
	}
	if t.expired(p.ExpiresAt, window) {
		return nil, notValid()
	}
	var valid *app.Token
	err = t.Store.Read(ctx, func(s store.Reader) error {
		if valid, err = t.resolve(ctx, s, p); err != nil {
			return err
		}
		until, err := revokedUntil(ctx, s, p, valid)
		if err == nil && !until.IsZero() {
			err = notValid()
		}
		return err
	})
	if fault.Is(err, fault.Unauthorized) || fault.Is(err, fault.Forbidden) {
		return nil, fault.Wrap(err, fault.NotFound, "TokenNotFound", "Failed to validate token")
	}
	if err != nil {
		return nil, err
	}
	valid.Text = text
	return t.remember(valid, epoch), nil
}

func (t *Tokens) expired(at time.Time, window time.Duration) bool {
	return !t.Now().Before(at.Add(window))
}

// credentialExpired reports whether what the token was got with has come to its end, which matters beside the token's own
// only within the window after it.
func credentialExpired(valid *app.Token, now time.Time) bool {
	end := givenUntil(valid)
	return !end.IsZero() && !now.Before(end)
}

// givenUntil is the end of what a token was got with; zero for none.
func givenUntil(valid *app.Token) time.Time {
	switch {
	case valid.Trust != nil:
		return valid.Trust.ExpiresAt
	case valid.AccessToken != nil:
		return valid.AccessToken.ExpiresAt
	case valid.ApplicationCredential != nil:
		return valid.ApplicationCredential.ExpiresAt
	}
	return time.Time{}
}

func (t *Tokens) remember(valid *app.Token, epoch uint64) *remembered {
	r := &remembered{token: valid, epoch: epoch}
	t.known.Add(sha256.Sum256([]byte(valid.Text)), r)
	return r
}

// resolve looks up what a payload stands for, and refuses what must not be used.
func (t *Tokens) resolve(ctx context.Context, s store.Reader, p token.Payload) (*app.Token, error) {
	valid := &app.Token{Methods: p.Methods, AuditIDs: p.AuditIDs, IssuedAt: p.IssuedAt, ExpiresAt: p.ExpiresAt, System: p.System != ""}
	var err error
	if valid.User, err = s.User(ctx, p.UserID); err != nil {
		return nil, err
	}
	if valid.UserDomain, err = s.Domain(ctx, valid.User.DomainID); err != nil {
		return nil, err
	}
	if !valid.User.Enabled || !valid.UserDomain.Enabled {
		return nil, identity.Unauthorized("user %s or their domain is disabled", p.UserID)
	}
	if p.ApplicationCredentialID != "" {
		if valid.ApplicationCredential, err = s.ApplicationCredential(ctx, p.ApplicationCredentialID); err != nil {
			return nil, err
		}
		if credentialExpired(valid, t.Now()) {
			return nil, identity.Unauthorized("application credential %s has expired", p.ApplicationCredentialID)
		}
	}
	if p.ProjectID == "" && p.DomainID == "" && p.System == "" {
		return valid, nil
	}
	if err := t.resolveScope(ctx, s, p, valid); err != nil {
		return nil, err
	}
	if len(valid.Roles) == 0 {
		return nil, identity.Unauthorized("user %s has no role on project %q, domain %q, system %q", p.UserID, p.ProjectID, p.DomainID, p.System)
	}
	return valid, nil
}

func (t *Tokens) resolveScope(ctx context.Context, s store.Reader, p token.Payload, valid *app.Token) error {
	actor, err := access.ActorOf(ctx, s, p.UserID)
	if err != nil {
		return err
	}
	switch {
	case p.System != "":
		valid.Roles, err = access.OnSystem(ctx, s, actor)
		return err
	case p.DomainID != "":
		if valid.Domain, err = s.Domain(ctx, p.DomainID); err != nil {
			return err
		}
		if !valid.Domain.Enabled {
			return identity.NotFound(identity.TheDomain, p.DomainID)
		}
		valid.Roles, err = access.OnDomain(ctx, s, actor, p.DomainID)
		return err
	}
	if valid.Project, err = s.Project(ctx, p.ProjectID); err != nil {
		return err
	}
	valid.ProjectDomain = valid.Project
	if !valid.Project.IsDomain {
		if valid.ProjectDomain, err = s.Domain(ctx, valid.Project.DomainID); err != nil {
			return err
		}
	}
	if !valid.Project.Enabled || !valid.ProjectDomain.Enabled {
		return identity.NotFound(identity.TheProject, p.ProjectID)
	}
	if p.TrustID != "" {
		return t.resolveTrust(ctx, s, p, valid)
	}
	if valid.Roles, err = access.OnProject(ctx, s, actor, valid.Project); err != nil {
		return err
	}
	if p.AccessTokenID != "" {
		return t.resolveAccessToken(ctx, s, p, valid)
	}
	if c := valid.ApplicationCredential; c != nil {
		valid.Roles = slices.DeleteFunc(valid.Roles, func(r *identity.Role) bool { return !slices.Contains(c.RoleIDs, r.ID) })
	}
	return nil
}
