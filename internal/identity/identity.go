// Package identity is the domain of the identity wing: users, projects, domains, groups, roles and who has which where; the
// catalog of services; credentials. They are values and rules; nothing here reads or writes anything.
//
// What must not live here: I/O, HTTP, policy, passwords in the clear.
//
// Upstream: Keystone. Names are its API's.
package identity

import (
	"maps"
	"slices"
	"time"
)

// DefaultDomainID is the id of the domain that is there from the beginning; the only id that no uuid is made for.
const DefaultDomainID = "default"

// Extra is what a client has stored with something beside its known attributes, as decoded JSON. It is shown as it came.
type Extra map[string]any

// Options are attributes that change how Keystone treats something, such as "immutable", as decoded JSON.
type Options map[string]any

// The options that are known.
const (
	OptionImmutable            = "immutable"                             // projects, domains, roles: true: neither changed nor deleted
	OptionIgnoreChangePassword = "ignore_change_password_upon_first_use" // users
	OptionIgnorePasswordExpiry = "ignore_password_expiry"                // users
	OptionIgnoreLockout        = "ignore_lockout_failure_attempts"       // users: true: never locked out
	OptionLockPassword         = "lock_password"                         // users: true: the user cannot change it
	OptionIgnoreInactivity     = "ignore_user_inactivity"                // users
	OptionMultiFactorEnabled   = "multi_factor_auth_enabled"             // users
	OptionMultiFactorRules     = "multi_factor_auth_rules"               // users: lists of methods
)

// True reports whether the option is there and true.
func (o Options) True(name string) bool { v, _ := o[name].(bool); return v }

// Merge is o with the changes of other: null takes an option away.
func (o Options) Merge(other Options) Options {
	merged := maps.Clone(o)
	if merged == nil {
		merged = Options{}
	}
	for name, value := range other {
		if value == nil {
			delete(merged, name)
		} else {
			merged[name] = value
		}
	}
	return merged
}

// Merge is e with the attributes of other over it; null stays, as Keystone keeps it.
func (e Extra) Merge(other Extra) Extra {
	merged := maps.Clone(e)
	if merged == nil {
		merged = Extra{}
	}
	maps.Copy(merged, other)
	return merged
}

// Project is what owns resources. A domain is one too, with IsDomain: the top of a tree of projects, and the name space of
// users and groups.
type Project struct {
	ID, Name    string
	DomainID    string // "" of a domain
	ParentID    string // "" of a domain; that of the domain at the top of a tree
	Description string
	Enabled     bool
	IsDomain    bool
	Tags        []string // sorted
	Options     Options
	Extra       Extra
}

// Immutable reports whether the project may neither be changed nor deleted.
func (p *Project) Immutable() bool { return p.Options.True(OptionImmutable) }

// User is somebody, or something, that can prove who they are.
type User struct {
	ID, Name         string
	DomainID         string
	DefaultProjectID string // scope of a login that names none; "" for none
	Enabled          bool
	Options          Options
	Extra            Extra // description, email and whatever else

	PasswordHash      string `json:"-"` // "" when there is no password
	PasswordCreatedAt time.Time
	PasswordExpiresAt time.Time // zero: never

	FailedAuthCount int // since the last success
	FailedAuthAt    time.Time
}

// LockedUntil is when a user who failed too often may try again; zero when they may now. A zero attempts means nobody is ever
// locked out; a zero duration, until an administrator resets them.
func (u *User) LockedUntil(attempts int, duration time.Duration) (until time.Time, locked bool) {
	if attempts <= 0 || u.FailedAuthCount < attempts || u.Options.True(OptionIgnoreLockout) {
		return time.Time{}, false
	}
	return u.FailedAuthAt.Add(duration), true
}

// Group is users who have roles together.
type Group struct {
	ID, Name    string
	DomainID    string
	Description string
	Extra       Extra
}

// Role is a name that policies refer to. One with a domain is only good for implying others there.
type Role struct {
	ID, Name    string
	DomainID    string  // "" for a role of the whole cloud
	Description *string // nil when none was given
	Options     Options
	Extra       Extra
}

// Immutable reports whether the role may neither be changed nor deleted.
func (r *Role) Immutable() bool { return r.Options.True(OptionImmutable) }

// The roles that every cloud has, each implying the next of the first four.
const (
	RoleAdmin   = "admin"
	RoleManager = "manager"
	RoleMember  = "member"
	RoleReader  = "reader"
	RoleService = "service"
)

// Implication says that who has the role Prior has Implied as well.
type Implication struct{ Prior, Implied string }

// Implied gives the ids and all that they imply, directly or through others, each once, in the order found.
func Implied(roleIDs []string, rules []Implication) []string {
	found := slices.Clone(roleIDs)
	for i := 0; i < len(found); i++ {
		for _, rule := range rules {
			if rule.Prior == found[i] && !slices.Contains(found, rule.Implied) {
				found = append(found, rule.Implied)
			}
		}
	}
	return found
}

// Assignment gives somebody a role somewhere: one of UserID and GroupID on one of ProjectID, DomainID and System.
type Assignment struct {
	UserID, GroupID     string
	ProjectID, DomainID string
	System              bool
	RoleID              string
	// Inherited means that the role is had not there, but on all projects below.
	Inherited bool
}

// Service is an entry of the catalog.
type Service struct {
	ID, Type string
	Name     string
	Enabled  bool
	Extra    Extra // description and whatever else
}

// Endpoint is where a service is reached. Its URL may hold $(project_id)s and the like; see ExpandURL.
type Endpoint struct {
	ID, ServiceID string
	Interface     string // public, internal or admin
	RegionID      string // "" for none
	URL           string
	Enabled       bool
	Extra         Extra
}

// Region is a place that endpoints are in.
type Region struct {
	ID, Description string
	ParentRegionID  string // "" for none
	Extra           Extra
}

// Credential is a secret of a user that is no password, such as an EC2 key pair. Blob is in the clear here and sealed in the
// store.
type Credential struct {
	ID, UserID, ProjectID string
	Type                  string // "ec2", "cert", "totp", ...
	Blob                  string `json:"-"`
	Extra                 Extra
}

// CredentialEC2 is the type of credentials that sign requests in the manner of EC2.
const CredentialEC2 = "ec2"

// ApplicationCredential lets a program act for its user in one project, with some of the user's roles.
type ApplicationCredential struct {
	ID, Name          string
	Description       *string
	UserID, ProjectID string
	SecretHash        string    `json:"-"`
	ExpiresAt         time.Time // zero: never
	Unrestricted      bool      // may manage application credentials itself
	RoleIDs           []string
	AccessRules       []AccessRule // nil: every request; empty: none
}

// AccessRule allows one kind of request.
type AccessRule struct {
	ID, UserID            string
	Service, Method, Path string // Path may hold *, ** and {names}
}

// RevocationEvent makes tokens worthless that were issued no later than IssuedBefore and agree with every field that is
// not empty.
type RevocationEvent struct {
	UserID, ProjectID, AuditID, AuditChainID string
	IssuedBefore, RevokedAt                  time.Time // whole seconds
}

// Revokes reports whether the event is about a token of this user, for this project ("" for none) and with these audit
// ids: its own, and the one of the first token of its chain.
func (e RevocationEvent) Revokes(userID, projectID string, auditIDs []string, issuedAt time.Time) bool {
	if len(auditIDs) == 0 || issuedAt.After(e.IssuedBefore) {
		return false
	}
	return (e.UserID == "" || e.UserID == userID) && (e.ProjectID == "" || e.ProjectID == projectID) && (e.AuditID == "" || e.AuditID == auditIDs[0]) &&
		(e.AuditChainID == "" || e.AuditChainID == auditIDs[len(auditIDs)-1])
}
