package store

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
)

// RegisteredLimitQuery chooses registered limits. Zero fields do not restrict.
type RegisteredLimitQuery struct {
	ServiceID, ResourceName string
	RegionID                *string // "" for those of no region
	Page                    Page
}

// LimitQuery chooses limits. Zero fields do not restrict.
type LimitQuery struct {
	RegisteredLimitID, ServiceID, RegionID, ResourceName string
	ProjectID, DomainID                                  string
	ProjectsOf                                           string // the limits of a domain and of its projects
	Page                                                 Page
}

// LimitReader reads limits of both kinds.
type LimitReader interface {
	RegisteredLimit(ctx context.Context, id string) (*identity.RegisteredLimit, error)
	RegisteredLimits(ctx context.Context, q RegisteredLimitQuery) ([]*identity.RegisteredLimit, error)
	Limit(ctx context.Context, id string) (*identity.Limit, error)
	Limits(ctx context.Context, q LimitQuery) ([]*identity.Limit, error)
}

// LimitWriter changes limits of both kinds.
type LimitWriter interface {
	CreateRegisteredLimit(ctx context.Context, l *identity.RegisteredLimit) error
	// UpdateRegisteredLimit writes everything but the id.
	UpdateRegisteredLimit(ctx context.Context, l *identity.RegisteredLimit) error
	// DeleteRegisteredLimit also removes the limits that stand on it.
	DeleteRegisteredLimit(ctx context.Context, id string) error
	CreateLimit(ctx context.Context, l *identity.Limit) error
	// UpdateLimit writes how much, and the description.
	UpdateLimit(ctx context.Context, l *identity.Limit) error
	DeleteLimit(ctx context.Context, id string) error
}

// PolicyQuery chooses policies. Zero fields do not restrict.
type PolicyQuery struct {
	Type  string
	Types []NameFilter // parts of the type
	Page  Page
}

// PolicyReader reads policies.
type PolicyReader interface {
	Policy(ctx context.Context, id string) (*identity.Policy, error)
	Policies(ctx context.Context, q PolicyQuery) ([]*identity.Policy, error)
}

// PolicyWriter changes policies.
type PolicyWriter interface {
	CreatePolicy(ctx context.Context, p *identity.Policy) error
	// UpdatePolicy writes everything but the id.
	UpdatePolicy(ctx context.Context, p *identity.Policy) error
	DeletePolicy(ctx context.Context, id string) error
}

// EndpointGroupQuery chooses endpoint groups. Zero fields do not restrict.
type EndpointGroupQuery struct {
	Name      string
	Names     []NameFilter
	ProjectID string // those the project was given
	Page      Page
}

// EndpointFilterReader reads which endpoints are for which projects.
type EndpointFilterReader interface {
	EndpointGroup(ctx context.Context, id string) (*identity.EndpointGroup, error)
	EndpointGroups(ctx context.Context, q EndpointGroupQuery) ([]*identity.EndpointGroup, error)
	// EndpointsAreGiven reports whether any project was given endpoints, by themselves or in groups.
	EndpointsAreGiven(ctx context.Context) (bool, error)
	// ProjectEndpoints gives the ids of the endpoints that a project was given, not counting groups; EndpointProjects those
	// of the projects an endpoint was given to, EndpointGroupProjects a group. Each comes in order.
	ProjectEndpoints(ctx context.Context, projectID string) ([]string, error)
	EndpointProjects(ctx context.Context, endpointID string) ([]string, error)
	EndpointGroupProjects(ctx context.Context, groupID string) ([]string, error)
}

// EndpointFilterWriter changes which endpoints are for which projects.
type EndpointFilterWriter interface {
	CreateEndpointGroup(ctx context.Context, g *identity.EndpointGroup) error
	// UpdateEndpointGroup writes everything but the id.
	UpdateEndpointGroup(ctx context.Context, g *identity.EndpointGroup) error
	DeleteEndpointGroup(ctx context.Context, id string) error
	// AddProjectEndpoint, and AddProjectGroup, of what is there already is a fault.Conflict.
	AddProjectEndpoint(ctx context.Context, projectID, endpointID string) error
	AddProjectGroup(ctx context.Context, projectID, groupID string) error
	// RemoveProjectEndpoint, and RemoveProjectGroup, report whether it was there.
	RemoveProjectEndpoint(ctx context.Context, projectID, endpointID string) (bool, error)
	RemoveProjectGroup(ctx context.Context, projectID, groupID string) (bool, error)
}

// MappingReader reads mappings of federation.
type MappingReader interface {
	Mapping(ctx context.Context, id string) (*identity.Mapping, error)
	Mappings(ctx context.Context) ([]*identity.Mapping, error)
}

// MappingWriter changes mappings of federation.
type MappingWriter interface {
	CreateMapping(ctx context.Context, m *identity.Mapping) error
	// UpdateMapping writes everything but the id.
	UpdateMapping(ctx context.Context, m *identity.Mapping) error
	DeleteMapping(ctx context.Context, id string) error
}

// DomainConfigReader reads what is kept for single domains.
type DomainConfigReader interface {
	// DomainConfig gives all options of a domain; none is an empty map.
	DomainConfig(ctx context.Context, domainID string) (identity.DomainConfig, error)
}

// DomainConfigWriter changes what is kept for single domains. Values are sealed before they are written.
type DomainConfigWriter interface {
	// SetDomainOptions writes the options of c over those that are there.
	SetDomainOptions(ctx context.Context, domainID string, c identity.DomainConfig) error
	// DeleteDomainOptions removes one option, all of a group if name is "", or all if group is "" too.
	DeleteDomainOptions(ctx context.Context, domainID, group, name string) error
}
