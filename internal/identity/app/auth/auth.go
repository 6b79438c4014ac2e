// Package auth is logging in: proving who one is, by a password, a token, an application credential or an EC2 signature, and
// choosing a scope.
//
// What must not live here: what a token holds and is worth (package tokens).
package auth

import (
	"context"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/access"
	"github.com/clinker/clinker/internal/identity/app/oauth1"
	"github.com/clinker/clinker/internal/identity/app/tokens"
	"github.com/clinker/clinker/internal/identity/store"
)

// The methods that are offered.
const (
	MethodPassword              = "password"
	MethodToken                 = "token"
	MethodApplicationCredential = "application_credential"
	MethodOAuth1                = "oauth1"
)

// Ref names something by id, or by name and domain.
type Ref struct {
	ID, Name string
	Domain   *Ref // nil when none was given
}

// Identity is what somebody shows to prove who they are. The parts of the methods named have to be there.
type Identity struct {
	Methods []string

	User     *Ref // of the password
	Password string

	Token string

	ApplicationCredential *Ref // its name needs a user
	CredentialUser        *Ref
	Secret                string

	OAuth1 *oauth1.Signed // the request itself, which is signed
}

// Scope is what somebody wants a token for. All zero is the user's default project, or no scope if they have none.
type Scope struct {
	Project, Domain  *Ref
	System, Unscoped bool
	TrustID          string
}

func (s Scope) given() bool {
	return s.Project != nil || s.Domain != nil || s.System || s.Unscoped || s.TrustID != ""
}

// Auth is logging in. It is safe for concurrent use.
type Auth struct {
	*app.Core
	tokens *tokens.Tokens
	oauth  *oauth1.OAuth
}

// New makes an Auth that issues tokens by t, and finds out by o who signed a request.
func New(t *tokens.Tokens, o *oauth1.OAuth) *Auth { return &Auth{Core: t.Core, tokens: t, oauth: o} }

// proof is what a method found out.
type proof struct {
	user       *identity.User
	methods    []string // of the token that was shown
	chain      string
	expiresAt  time.Time
	credential *identity.ApplicationCredential
	access     *identity.AccessToken
}

// Login checks what is shown and issues a token. What is wrong with a proof is fault.Unauthorized and never says what; a token
// that is not good is fault.NotFound, as in Keystone, and one that must not be exchanged fault.Forbidden.
func (a *Auth) Login(ctx context.Context, shown Identity, scope Scope) (*app.Token, error) {
	for _, m := range shown.Methods {
		if !slices.Contains([]string{MethodPassword, MethodToken, MethodApplicationCredential, MethodOAuth1}, m) {
			return nil, identity.UnsupportedMethod()
		}
	}
	if slices.Contains(shown.Methods, MethodApplicationCredential) && scope.given() {
		return nil, fault.New(fault.Unauthorized, "", "Error authenticating with application credential: Application credentials cannot request a scope.")
	}
	var found proof
	var methods []string
	for _, m := range shown.Methods {
		if slices.Contains(methods, m) {
			continue
		}
		p, err := a.prove(ctx, m, shown, scope)
		if err != nil {
			return nil, err
		}
		if found.user != nil && found.user.ID != p.user.ID {
			return nil, identity.Unauthorized("the methods prove two users: %s and %s", found.user.ID, p.user.ID)
		}
		methods = append(append(methods, m), p.methods...)
		found = found.and(p)
	}
	if found.user == nil {
		return nil, identity.Unauthorized("no method was used")
	}
	slices.Sort(methods)
	methods = slices.Compact(methods)
	if !sufficient(found.user, methods) {
		return nil, identity.Unauthorized("user %s needs more methods than %v", found.user.ID, methods)
	}
	r := tokens.Request{UserID: found.user.ID, Methods: methods, Chain: found.chain, ExpiresAt: found.expiresAt, ApplicationCredential: found.credential}
	if err := a.scope(ctx, found, scope, &r); err != nil {
		return nil, err
	}
	return a.tokens.Issue(ctx, r)
}

// and joins what two methods found out about the same user.
func (p proof) and(other proof) proof {
	if other.credential == nil {
		other.credential = p.credential
	}
	if other.access == nil {
		other.access = p.access
	}
	if other.chain == "" {
		other.chain, other.expiresAt = p.chain, p.expiresAt
	}
	return other
}

func (a *Auth) prove(ctx context.Context, method string, shown Identity, scope Scope) (proof, error) {
	switch method {
	case MethodPassword:
		return a.byPassword(ctx, shown)
	case MethodToken:
		return a.byToken(ctx, shown, scope)
	case MethodOAuth1:
		return a.byOAuth1(ctx, shown)
	}
	return a.byApplicationCredential(ctx, shown)
}

// lookUpUser finds a user whom somebody claims to be. One who is not there, or disabled, is nil without an error: whoever
// claims it is not told before a password has been compared with nothing.
func (a *Auth) lookUpUser(ctx context.Context, ref *Ref) (*identity.User, error) {
	var user *identity.User
	var domain *identity.Project
	var err error
	if ref.Name != "" {
		if domain, err = app.OrNil(a.lookUpDomain(ctx, ref.Domain)); err != nil || domain == nil {
			return nil, err
		}
		user, err = app.OrNil(a.Store.UserByName(ctx, domain.ID, ref.Name))
	} else if user, err = app.OrNil(a.Store.User(ctx, ref.ID)); err == nil && user != nil {
		domain, err = a.Store.Domain(ctx, user.DomainID)
	}
	if err != nil || user == nil || !user.Enabled || !domain.Enabled {
		return nil, err
	}
	return user, nil
}

func (a *Auth) lookUpDomain(ctx context.Context, ref *Ref) (*identity.Project, error) {
	if ref.Name != "" {
		return a.Store.DomainByName(ctx, ref.Name)
	}
	return a.Store.Domain(ctx, ref.ID)
}

func (a *Auth) byPassword(ctx context.Context, shown Identity) (proof, error) {
	user, err := a.lookUpUser(ctx, shown.User)
	if err != nil {
		return proof{}, err
	}
	if err := a.CheckPassword(ctx, user, shown.Password); err != nil {
		return proof{}, err
	}
	if !user.PasswordExpiresAt.IsZero() && !a.Now().Before(user.PasswordExpiresAt) && !user.Options.True(identity.OptionIgnorePasswordExpiry) {
		return proof{}, fault.New(fault.Unauthorized, "PasswordExpired", "The password is expired and needs to be changed for user: %s.", user.ID)
	}
	return proof{user: user}, nil
}

// CheckPassword compares a user's password, counts failures and refuses who failed too often. A nil user fails as one whose
// password is wrong, in the same time. Any failure is fault.Unauthorized.
func (a *Auth) CheckPassword(ctx context.Context, user *identity.User, password string) error {
	if user == nil {
		if _, err := a.Secrets.Matches(ctx, "", password); err != nil {
			return err
		}
		return identity.Unauthorized("there is no such user, or they are disabled")
	}
	if until, locked := user.LockedUntil(a.Options.LockoutFailureAttempts, a.Options.LockoutDuration); locked {
		if a.Options.LockoutDuration == 0 || a.Now().Before(until) {
			return fault.New(fault.Unauthorized, "AccountLocked", "The account is locked for user: %s.", user.ID)
		}
		if err := a.Store.RecordLogin(ctx, user.ID, true, a.Now()); err != nil {
			return err
		}
	}
	ok, err := a.Secrets.Matches(ctx, user.PasswordHash, password)
	if err != nil {
		return err
	}
	if !ok {
		if err := a.Store.RecordLogin(ctx, user.ID, false, a.Now()); err != nil {
			return err
		}
		return identity.Unauthorized("the password of user %s is another one", user.ID)
	}
	if user.FailedAuthCount > 0 {
		return a.Store.RecordLogin(ctx, user.ID, true, a.Now())
	}
	return nil
}

func (a *Auth) byToken(ctx context.Context, shown Identity, scope Scope) (proof, error) {
	valid, err := a.tokens.Validate(ctx, shown.Token, 0)
	if err != nil {
		return proof{}, err
	}
	switch {
	case valid.Trust != nil:
		return proof{}, identity.ForbiddenAction("Using trust-scoped token to create another token. Create a new trust-scoped token instead")
	case valid.Delegated():
		return proof{}, identity.ForbiddenAction("Using a delegated token to create another token is not allowed.")
	case valid.System && (scope.Project != nil || scope.Domain != nil):
		return proof{}, identity.ForbiddenAction("Using a system-scoped token to create a project-scoped or domain-scoped token is not allowed.")
	case !a.Options.AllowRescopeScopedToken && (valid.Project != nil || valid.Domain != nil):
		return proof{}, identity.ForbiddenAction("rescope a scoped token")
	}
	// The end stays: else a token could be exchanged for ever.
	return proof{user: valid.User, methods: valid.Methods, chain: valid.AuditIDs[len(valid.AuditIDs)-1], expiresAt: valid.ExpiresAt}, nil
}

func (a *Auth) byApplicationCredential(ctx context.Context, shown Identity) (proof, error) {
	found, err := a.lookUpCredential(ctx, shown)
	if err != nil {
		return proof{}, err
	}
	hash := ""
	if found != nil {
		hash = found.SecretHash
	}
	ok, err := a.Secrets.Matches(ctx, hash, shown.Secret)
	switch {
	case err != nil:
		return proof{}, err
	case !ok:
		return proof{}, identity.Unauthorized("there is no such application credential, or its secret is another one")
	case !found.ExpiresAt.IsZero() && !a.Now().Before(found.ExpiresAt):
		return proof{}, identity.Unauthorized("application credential %s has expired", found.ID)
	}
	user, err := a.lookUpUser(ctx, &Ref{ID: found.UserID})
	if err == nil && user == nil {
		err = identity.Unauthorized("the user of application credential %s is disabled", found.ID)
	}
	return proof{user: user, credential: found}, err
}

// byOAuth1 finds the user for whom a consumer has signed the request.
func (a *Auth) byOAuth1(ctx context.Context, shown Identity) (proof, error) {
	if shown.OAuth1 == nil {
		return proof{}, identity.Unauthorized("the request is not signed")
	}
	access, err := a.oauth.Prove(ctx, *shown.OAuth1)
	if err != nil {
		return proof{}, err
	}
	user, err := a.lookUpUser(ctx, &Ref{ID: access.AuthorizingUserID})
	if err == nil && user == nil {
		err = identity.Unauthorized("the user of the access token is disabled")
	}
	return proof{user: user, access: access}, err
}

// lookUpCredential finds an application credential; nil without an error when it is not there.
func (a *Auth) lookUpCredential(ctx context.Context, shown Identity) (*identity.ApplicationCredential, error) {
	if id := shown.ApplicationCredential.ID; id != "" {
		return app.OrNil(a.Store.ApplicationCredential(ctx, id))
	}
	user, err := a.lookUpUser(ctx, shown.CredentialUser)
	if err != nil || user == nil {
		return nil, err
	}
	list, err := a.Store.ApplicationCredentials(ctx, store.ApplicationCredentialQuery{UserID: user.ID, Name: shown.ApplicationCredential.Name})
	if err != nil || len(list) != 1 {
		return nil, err
	}
	return list[0], nil
}

// sufficient reports whether the methods meet one of the user's rules, if there are any.
func sufficient(u *identity.User, methods []string) bool {
	rules, _ := u.Options[identity.OptionMultiFactorRules].([]any)
	if enabled, known := u.Options[identity.OptionMultiFactorEnabled].(bool); len(rules) == 0 || known && !enabled {
		return true
	}
	return slices.ContainsFunc(rules, func(rule any) bool {
		needed, _ := rule.([]any)
		return len(needed) > 0 && !slices.ContainsFunc(needed, func(m any) bool {
			name, _ := m.(string)
			return !slices.Contains(methods, name)
		})
	})
}

// scope looks up the scope that is wanted.
func (a *Auth) scope(ctx context.Context, p proof, wanted Scope, r *tokens.Request) (err error) {
	switch {
	case p.credential != nil && p.access != nil:
		return identity.Unauthorized("an application credential and an access token in one request")
	case p.credential != nil:
		r.ProjectID = p.credential.ProjectID
	case p.access != nil: // whatever scope was asked for
		r.ProjectID, r.AccessTokenID = p.access.ProjectID, p.access.ID
	case wanted.System:
		r.System = true
	case wanted.TrustID != "":
		var t *identity.Trust
		if t, err = a.Store.Trust(ctx, wanted.TrustID); err == nil && !t.Usable(a.Now()) {
			err = identity.NotFound(identity.TheTrust, t.ID)
		}
		if err == nil {
			r.TrustID, r.ProjectID = t.ID, t.ProjectID
		}
	case wanted.Domain != nil:
		var d *identity.Project
		if d, err = a.lookUpDomain(ctx, wanted.Domain); err == nil {
			r.DomainID = d.ID
		}
	case wanted.Project != nil:
		r.ProjectID, err = a.lookUpProject(ctx, wanted.Project)
	case !wanted.Unscoped:
		r.ProjectID, err = a.defaultProject(ctx, p.user)
	}
	if fault.Is(err, fault.NotFound) {
		return identity.Unauthorized("scope: %s", fault.UserText(err))
	}
	return err
}

func (a *Auth) lookUpProject(ctx context.Context, ref *Ref) (string, error) {
	if ref.Name == "" {
		p, err := a.Store.Project(ctx, ref.ID)
		if err == nil && p.IsDomain {
			err = identity.NotFound(identity.TheProject, ref.ID)
		}
		if err != nil {
			return "", err
		}
		return p.ID, nil
	}
	d, err := a.lookUpDomain(ctx, ref.Domain)
	if err != nil {
		return "", err
	}
	p, err := a.Store.ProjectByName(ctx, d.ID, ref.Name)
	if err != nil {
		return "", err
	}
	return p.ID, nil
}

// defaultProject is the user's, if they may use it; without one the token has no scope.
func (a *Auth) defaultProject(ctx context.Context, u *identity.User) (string, error) {
	if u.DefaultProjectID == "" {
		return "", nil
	}
	id := ""
	err := a.Store.Read(ctx, func(s store.Reader) error {
		p, err := app.OrNil(s.Project(ctx, u.DefaultProjectID))
		if err != nil || p == nil || !p.Enabled {
			return err
		}
		domain, err := s.Domain(ctx, p.DomainID)
		if err != nil || !domain.Enabled {
			return err
		}
		actor, err := access.ActorOf(ctx, s, u.ID)
		if err != nil {
			return err
		}
		if roles, err := access.OnProject(ctx, s, actor, p); err != nil || len(roles) == 0 {
			return err
		}
		id = p.ID
		return nil
	})
	return id, err
}

// Projects lists the enabled projects that the caller can have a token for; Domains the domains; OnSystem whether they can
// have one for the system.
func (a *Auth) Projects(ctx context.Context) ([]*identity.Project, error) {
	return a.places(ctx, "identity:get_auth_projects", access.Projects)
}

// Domains lists the enabled domains that the caller can have a token for.
func (a *Auth) Domains(ctx context.Context) ([]*identity.Project, error) {
	return a.places(ctx, "identity:get_auth_domains", access.Domains)
}

func (a *Auth) places(ctx context.Context, rule string, find func(context.Context, store.Reader, access.Actor) ([]*identity.Project, error)) (
	found []*identity.Project, err error) {
	if err := a.Authorize(ctx, rule, app.Target{}); err != nil {
		return nil, err
	}
	err = a.Store.Read(ctx, func(s store.Reader) error {
		actor, err := access.ActorOf(ctx, s, app.Caller(ctx).User.ID)
		if err == nil {
			found, err = find(ctx, s, actor)
		}
		return err
	})
	return slices.DeleteFunc(found, func(p *identity.Project) bool { return !p.Enabled }), err
}

// OnSystem reports whether the caller can have a token for the system.
func (a *Auth) OnSystem(ctx context.Context) (has bool, err error) {
	if err := a.Authorize(ctx, "identity:get_auth_system", app.Target{}); err != nil {
		return false, err
	}
	err = a.Store.Read(ctx, func(s store.Reader) error {
		actor, err := access.ActorOf(ctx, s, app.Caller(ctx).User.ID)
		if err != nil {
			return err
		}
		roles, err := access.OnSystem(ctx, s, actor)
		has = len(roles) > 0
		return err
	})
	return has, err
}

// Catalog lists what the caller's project can use. Only tokens of a project have one.
func (a *Auth) Catalog(ctx context.Context) ([]tokens.Entry, error) {
	if err := a.Authorize(ctx, "identity:get_auth_catalog", app.Target{}); err != nil {
		return nil, err
	}
	caller := app.Caller(ctx)
	if caller.Project == nil {
		return nil, identity.Forbidden("A project-scoped token is required to produce a service catalog.")
	}
	return a.tokens.CatalogOf(ctx, caller)
}
