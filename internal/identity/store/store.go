// Package store is the persistence contract of the identity wing: what its use cases may ask of a database, in the words of
// the domain. storetest holds the suite that every implementation passes; sqlstore is the implementation.
//
// What must not live here: SQL, policy, and decisions such as whether a domain may be deleted.
//
// A missing row is a fault.NotFound in Keystone's words ("Could not find user: <id>."), one whose name or key is taken a
// fault.Conflict. A failing database is a fault.Unavailable. Lists come in the order of ids.
package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/identity"
)

// Store is the database. Its Reader methods run outside a transaction, each on the newest committed rows.
type Store interface {
	Reader
	// Read runs fn so that all it reads is of one moment.
	Read(ctx context.Context, fn func(r Reader) error) error
	// Update runs fn in one read-write transaction and commits unless fn fails. It may run again after a deadlock or a busy
	// database: fn must have no effect but through tx.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// Epoch changes with every committed Update of this process, and not with RecordLogin: what was worked out from reads
	// that began at the present epoch still holds.
	Epoch() uint64
	// RecordLogin notes that a user proved who they are, which forgets the failures before it, or failed to at the time at.
	// A user who is not there is no error.
	RecordLogin(ctx context.Context, userID string, ok bool, at time.Time) error
	// Ping proves that the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Reader is everything that can be read.
type Reader interface {
	ProjectReader
	UserReader
	GroupReader
	RoleReader
	AssignmentReader
	CatalogReader
	CredentialReader
	ApplicationCredentialReader
	RevocationReader
	LimitReader
	PolicyReader
	EndpointFilterReader
	TrustReader
	OAuthReader
	MappingReader
	DomainConfigReader
}

// Tx is a read-write transaction. It sees its own writes and must not be used after the function it was given to ended.
type Tx interface {
	Reader
	ProjectWriter
	UserWriter
	GroupWriter
	RoleWriter
	AssignmentWriter
	CatalogWriter
	CredentialWriter
	ApplicationCredentialWriter
	RevocationWriter
	LimitWriter
	PolicyWriter
	EndpointFilterWriter
	TrustWriter
	OAuthWriter
	MappingWriter
	DomainConfigWriter
}

// Page is the part of a list that is wanted: at most Limit rows after the one whose id is Marker. Limit 0 is no limit. A
// Marker that is no row is a fault.NotFound.
type Page struct {
	Limit  int
	Marker string
}

// Comparator is how a Filter compares.
type Comparator uint8

// The comparators.
const (
	Contains Comparator = iota + 1
	StartsWith
	EndsWith
)

// NameFilter chooses by a part of the name.
type NameFilter struct {
	Comparator Comparator
	Value      string
	AnyCase    bool
}

// ProjectQuery chooses projects, domains among them. Zero fields do not restrict.
type ProjectQuery struct {
	IDs                []string // nil: all; empty: none
	Name               string
	Names              []NameFilter
	DomainID, ParentID string
	Enabled, IsDomain  *bool
	// Tags have all to be there, of TagsAny one; of NotTags not all may be, of NotTagsAny none.
	Tags, TagsAny, NotTags, NotTagsAny []string
	Page                               Page
}

// ProjectReader reads projects and domains, with their tags.
type ProjectReader interface {
	// Project reads one by id, also a domain.
	Project(ctx context.Context, id string) (*identity.Project, error)
	// ProjectByName reads the one of this name in a domain. NotFound names it by its name.
	ProjectByName(ctx context.Context, domainID, name string) (*identity.Project, error)
	// Domain reads a project that is a domain; DomainByName too.
	Domain(ctx context.Context, id string) (*identity.Project, error)
	DomainByName(ctx context.Context, name string) (*identity.Project, error)
	Projects(ctx context.Context, q ProjectQuery) ([]*identity.Project, error)
}

// ProjectWriter changes projects and domains.
type ProjectWriter interface {
	CreateProject(ctx context.Context, p *identity.Project) error
	// UpdateProject writes everything but id, domain and parent.
	UpdateProject(ctx context.Context, p *identity.Project) error
	// DeleteProject also removes what the project was the place or the owner of: assignments, credentials, application
	// credentials, limits, filters of its catalog, trusts, its options; users whose default it was have none.
	DeleteProject(ctx context.Context, id string) error
}

// TimeFilter compares a time; Op is gt, gte, eq, neq, lt or lte. A row without the time meets none.
type TimeFilter struct {
	Op string
	At time.Time
}

// UserQuery chooses users. Zero fields do not restrict.
type UserQuery struct {
	IDs               []string // nil: all; empty: none
	Name              string
	Names             []NameFilter
	DomainID          string
	GroupID           string // its members
	Enabled           *bool
	PasswordExpiresAt []TimeFilter
	Page              Page
}

// UserReader reads users.
type UserReader interface {
	User(ctx context.Context, id string) (*identity.User, error)
	// UserByName reads the one of this name in a domain. NotFound names it by its name.
	UserByName(ctx context.Context, domainID, name string) (*identity.User, error)
	Users(ctx context.Context, q UserQuery) ([]*identity.User, error)
}

// UserWriter changes users.
type UserWriter interface {
	CreateUser(ctx context.Context, u *identity.User) error
	// UpdateUser writes everything but id and domain.
	UpdateUser(ctx context.Context, u *identity.User) error
	// DeleteUser also removes the user's memberships, assignments, credentials, application credentials, access rules and
	// trusts, of which they are either end.
	DeleteUser(ctx context.Context, id string) error
}

// GroupQuery chooses groups. Zero fields do not restrict.
type GroupQuery struct {
	IDs      []string // nil: all; empty: none
	Name     string
	Names    []NameFilter
	DomainID string
	UserID   string // those the user is in
	Page     Page
}

// GroupReader reads groups.
type GroupReader interface {
	Group(ctx context.Context, id string) (*identity.Group, error)
	Groups(ctx context.Context, q GroupQuery) ([]*identity.Group, error)
	// IsMember reports whether the user is in the group; neither needs to be there.
	IsMember(ctx context.Context, groupID, userID string) (bool, error)
}

// GroupWriter changes groups and who is in them.
type GroupWriter interface {
	CreateGroup(ctx context.Context, g *identity.Group) error
	// UpdateGroup writes everything but id and domain.
	UpdateGroup(ctx context.Context, g *identity.Group) error
	// DeleteGroup also removes the group's memberships and assignments.
	DeleteGroup(ctx context.Context, id string) error
	// AddMember does nothing if the user is in the group already.
	AddMember(ctx context.Context, groupID, userID string) error
	// RemoveMember reports whether the user was in the group.
	RemoveMember(ctx context.Context, groupID, userID string) (bool, error)
}

// RoleQuery chooses roles. Zero fields do not restrict.
type RoleQuery struct {
	IDs      []string // nil: all; empty: none
	Name     string
	Names    []NameFilter
	DomainID *string // "" for those of no domain
	Page     Page
}

// RoleReader reads roles and what they imply.
type RoleReader interface {
	Role(ctx context.Context, id string) (*identity.Role, error)
	Roles(ctx context.Context, q RoleQuery) ([]*identity.Role, error)
	// Implications gives all of them; a cloud has a handful.
	Implications(ctx context.Context) ([]identity.Implication, error)
}

// RoleWriter changes roles and what they imply.
type RoleWriter interface {
	CreateRole(ctx context.Context, r *identity.Role) error
	// UpdateRole writes everything but id and domain.
	UpdateRole(ctx context.Context, r *identity.Role) error
	// DeleteRole also removes the role's assignments and implications.
	DeleteRole(ctx context.Context, id string) error
	// CreateImplication does nothing if it is there.
	CreateImplication(ctx context.Context, i identity.Implication) error
	// DeleteImplication reports whether it was there.
	DeleteImplication(ctx context.Context, i identity.Implication) (bool, error)
}

// AssignmentQuery chooses assignments: those of any of these users or groups, on any of these places, with any of these
// roles. Fields that are nil (or false) do not restrict; if all of a kind do not, every user and group or place counts.
type AssignmentQuery struct {
	UserIDs, GroupIDs     []string
	ProjectIDs, DomainIDs []string
	System                bool
	RoleIDs               []string
	Inherited             *bool
}

// AssignmentReader reads who has which role where.
type AssignmentReader interface {
	// Assignments come in a fixed order, which is no particular one.
	Assignments(ctx context.Context, q AssignmentQuery) ([]identity.Assignment, error)
}

// AssignmentWriter changes who has which role where.
type AssignmentWriter interface {
	// CreateAssignment does nothing if it is there.
	CreateAssignment(ctx context.Context, a identity.Assignment) error
	// DeleteAssignment reports whether it was there.
	DeleteAssignment(ctx context.Context, a identity.Assignment) (bool, error)
}

// ServiceQuery chooses services. Zero fields do not restrict.
type ServiceQuery struct {
	Type, Name string
	Page       Page
}

// EndpointQuery chooses endpoints. Zero fields do not restrict.
type EndpointQuery struct {
	ServiceID, Interface, RegionID string
	Page                           Page
}

// RegionQuery chooses regions. Zero fields do not restrict.
type RegionQuery struct {
	ParentRegionID string
	Page           Page
}

// CatalogReader reads the catalog.
type CatalogReader interface {
	Service(ctx context.Context, id string) (*identity.Service, error)
	Services(ctx context.Context, q ServiceQuery) ([]*identity.Service, error)
	Endpoint(ctx context.Context, id string) (*identity.Endpoint, error)
	Endpoints(ctx context.Context, q EndpointQuery) ([]*identity.Endpoint, error)
	Region(ctx context.Context, id string) (*identity.Region, error)
	Regions(ctx context.Context, q RegionQuery) ([]*identity.Region, error)
}

// CatalogWriter changes the catalog. Updates write everything but the id.
type CatalogWriter interface {
	CreateService(ctx context.Context, s *identity.Service) error
	UpdateService(ctx context.Context, s *identity.Service) error
	// DeleteService also removes the service's endpoints and limits.
	DeleteService(ctx context.Context, id string) error
	CreateEndpoint(ctx context.Context, e *identity.Endpoint) error
	UpdateEndpoint(ctx context.Context, e *identity.Endpoint) error
	DeleteEndpoint(ctx context.Context, id string) error
	CreateRegion(ctx context.Context, r *identity.Region) error
	UpdateRegion(ctx context.Context, r *identity.Region) error
	// DeleteRegion also removes the regions below it, and their limits. Endpoints in one of them make it a fault.Forbidden.
	DeleteRegion(ctx context.Context, id string) error
}

// CredentialQuery chooses credentials. Zero fields do not restrict.
type CredentialQuery struct{ UserID, Type string }

// CredentialReader reads credentials, their blobs in the clear.
type CredentialReader interface {
	Credential(ctx context.Context, id string) (*identity.Credential, error)
	Credentials(ctx context.Context, q CredentialQuery) ([]*identity.Credential, error)
}

// CredentialWriter changes credentials. Blobs are sealed before they are written.
type CredentialWriter interface {
	CreateCredential(ctx context.Context, c *identity.Credential) error
	// UpdateCredential writes everything but the id.
	UpdateCredential(ctx context.Context, c *identity.Credential) error
	DeleteCredential(ctx context.Context, id string) error
}

// ApplicationCredentialQuery chooses application credentials. Zero fields do not restrict.
type ApplicationCredentialQuery struct{ UserID, Name, ProjectID string }

// ApplicationCredentialReader reads application credentials, with their roles and rules, and the rules by themselves.
type ApplicationCredentialReader interface {
	ApplicationCredential(ctx context.Context, id string) (*identity.ApplicationCredential, error)
	ApplicationCredentials(ctx context.Context, q ApplicationCredentialQuery) ([]*identity.ApplicationCredential, error)
	AccessRule(ctx context.Context, userID, id string) (*identity.AccessRule, error)
	AccessRules(ctx context.Context, userID string) ([]identity.AccessRule, error)
}

// ApplicationCredentialWriter changes application credentials and access rules.
type ApplicationCredentialWriter interface {
	// CreateApplicationCredential also makes those of its rules that are not there, by id.
	CreateApplicationCredential(ctx context.Context, c *identity.ApplicationCredential) error
	// DeleteApplicationCredential keeps the rules: others may use them.
	DeleteApplicationCredential(ctx context.Context, id string) error
	// DeleteAccessRule refuses one that is used with a fault.Forbidden.
	DeleteAccessRule(ctx context.Context, userID, id string) error
}

// RevocationReader reads what makes tokens worthless.
type RevocationReader interface {
	// Revocations gives the events that can be about a token of this user, or about no user, issued at that time: those
	// with IssuedBefore not before it.
	Revocations(ctx context.Context, userID string, issuedAt time.Time) ([]identity.RevocationEvent, error)
	// RevokedUntil is the latest IssuedBefore of the events that are about many tokens, of this user or of no user; of any
	// if userID is "". The zero time is none.
	RevokedUntil(ctx context.Context, userID string) (time.Time, error)
	// AllRevocations gives the newest events, revoked since that time, limit at most.
	AllRevocations(ctx context.Context, since time.Time, limit int) ([]identity.RevocationEvent, error)
}

// RevocationWriter changes what makes tokens worthless.
type RevocationWriter interface {
	// Revoke also forgets the events that were revoked before expired: tokens that old have expired.
	Revoke(ctx context.Context, e identity.RevocationEvent, expired time.Time) error
}
