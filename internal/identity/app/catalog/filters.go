package catalog

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/store"
)

// EndpointGroup reads an endpoint group.
func (u *Catalog) EndpointGroup(ctx context.Context, id string) (*identity.EndpointGroup, error) {
	if err := u.may(ctx, "get_endpoint_group"); err != nil {
		return nil, err
	}
	return u.Store.EndpointGroup(ctx, id)
}

// EndpointGroups lists the endpoint groups that q chooses.
func (u *Catalog) EndpointGroups(ctx context.Context, q store.EndpointGroupQuery) ([]*identity.EndpointGroup, error) {
	if err := u.may(ctx, "list_endpoint_groups"); err != nil {
		return nil, err
	}
	return u.Store.EndpointGroups(ctx, q)
}

// checkFilters refuses a group that chooses by anything but the attributes one can choose by.
func checkFilters(g *identity.EndpointGroup) error {
	for name := range g.Filters {
		if name != identity.FilterService && name != identity.FilterRegion && name != identity.FilterInterface {
			return identity.Missing("service_id or region_id or interface", "endpoint_group")
		}
	}
	return nil
}

// CreateEndpointGroup makes an endpoint group of what g says, which needs no id.
func (u *Catalog) CreateEndpointGroup(ctx context.Context, g *identity.EndpointGroup) error {
	if err := u.may(ctx, "create_endpoint_group"); err != nil {
		return err
	}
	if len(g.Filters) == 0 {
		return identity.Invalid("filters field is required and cannot be empty")
	}
	if err := checkFilters(g); err != nil {
		return err
	}
	g.ID = app.NewID()
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateEndpointGroup(ctx, g) })
}

// UpdateEndpointGroup changes an endpoint group by change.
func (u *Catalog) UpdateEndpointGroup(ctx context.Context, id string, change func(*identity.EndpointGroup)) (g *identity.EndpointGroup, err error) {
	if err := u.may(ctx, "update_endpoint_group"); err != nil {
		return nil, err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if g, err = tx.EndpointGroup(ctx, id); err != nil {
			return err
		}
		change(g)
		if err := checkFilters(g); err != nil {
			return err
		}
		return tx.UpdateEndpointGroup(ctx, g)
	})
	return g, err
}

// DeleteEndpointGroup removes an endpoint group: projects that were given it see what else they were given, or everything.
func (u *Catalog) DeleteEndpointGroup(ctx context.Context, id string) error {
	if err := u.may(ctx, "delete_endpoint_group"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteEndpointGroup(ctx, id) })
}

// GroupEndpoints lists the endpoints in a group.
func (u *Catalog) GroupEndpoints(ctx context.Context, id string) (in []*identity.Endpoint, err error) {
	if err := u.may(ctx, "list_endpoints_associated_with_endpoint_group"); err != nil {
		return nil, err
	}
	err = u.Store.Read(ctx, func(r store.Reader) error {
		g, err := r.EndpointGroup(ctx, id)
		if err != nil {
			return err
		}
		in, err = r.Endpoints(ctx, store.EndpointQuery{})
		in = slices.DeleteFunc(in, func(e *identity.Endpoint) bool { return !g.Has(e) })
		return err
	})
	return in, err
}

// projects reads the projects that find names.
func (u *Catalog) projects(ctx context.Context, find func(r store.Reader) ([]string, error)) (list []*identity.Project, err error) {
	err = u.Store.Read(ctx, func(r store.Reader) error {
		ids, err := find(r)
		if err != nil || len(ids) == 0 {
			return err
		}
		list, err = r.Projects(ctx, store.ProjectQuery{IDs: ids})
		return err
	})
	return list, err
}

// GroupProjects lists the projects that were given a group.
func (u *Catalog) GroupProjects(ctx context.Context, id string) ([]*identity.Project, error) {
	if err := u.may(ctx, "list_projects_associated_with_endpoint_group"); err != nil {
		return nil, err
	}
	return u.projects(ctx, func(r store.Reader) ([]string, error) { return r.EndpointGroupProjects(ctx, id) })
}

// EndpointProjects lists the projects that were given an endpoint, not counting groups.
func (u *Catalog) EndpointProjects(ctx context.Context, id string) ([]*identity.Project, error) {
	if err := u.may(ctx, "list_projects_for_endpoint"); err != nil {
		return nil, err
	}
	return u.projects(ctx, func(r store.Reader) ([]string, error) {
		if _, err := r.Endpoint(ctx, id); err != nil {
			return nil, err
		}
		return r.EndpointProjects(ctx, id)
	})
}

// ProjectEndpoints lists the endpoints that a project was given, by themselves or in groups.
func (u *Catalog) ProjectEndpoints(ctx context.Context, projectID string) (given []*identity.Endpoint, err error) {
	if err := u.may(ctx, "list_endpoints_for_project"); err != nil {
		return nil, err
	}
	err = u.Store.Read(ctx, func(r store.Reader) error {
		if _, err := r.Project(ctx, projectID); err != nil {
			return err
		}
		given, err = Given(ctx, r, projectID)
		return err
	})
	return given, err
}

// Given are the endpoints that a project was given, by themselves or in groups; none if it was given nothing, and sees
// everything.
func Given(ctx context.Context, r store.Reader, projectID string) (given []*identity.Endpoint, err error) {
	if projectID == "" {
		return nil, nil
	}
	ids, err := r.ProjectEndpoints(ctx, projectID)
	if err != nil {
		return nil, err
	}
	groups, err := r.EndpointGroups(ctx, store.EndpointGroupQuery{ProjectID: projectID})
	if err != nil || len(ids) == 0 && len(groups) == 0 {
		return nil, err
	}
	all, err := r.Endpoints(ctx, store.EndpointQuery{})
	return slices.DeleteFunc(all, func(e *identity.Endpoint) bool {
		return !slices.Contains(ids, e.ID) && !slices.ContainsFunc(groups, func(g *identity.EndpointGroup) bool { return g.Has(e) })
	}), err
}

// ProjectGroups lists the groups that a project was given.
func (u *Catalog) ProjectGroups(ctx context.Context, projectID string) ([]*identity.EndpointGroup, error) {
	if err := u.may(ctx, "list_endpoint_groups_for_project"); err != nil {
		return nil, err
	}
	if _, err := u.Store.Project(ctx, projectID); err != nil {
		return nil, err
	}
	return u.Store.EndpointGroups(ctx, store.EndpointGroupQuery{ProjectID: projectID})
}

// CheckEndpoint makes sure that a project was given an endpoint: else it is fault.NotFound.
func (u *Catalog) CheckEndpoint(ctx context.Context, projectID, endpointID string) error {
	if err := u.may(ctx, "check_endpoint_in_project"); err != nil {
		return err
	}
	return u.Store.Read(ctx, func(r store.Reader) error {
		if err := there(ctx, r, projectID, endpointID); err != nil {
			return err
		}
		ids, err := r.ProjectEndpoints(ctx, projectID)
		if err == nil && !slices.Contains(ids, endpointID) {
			err = notGiven(projectID, endpointID)
		}
		return err
	})
}

func notGiven(projectID, endpointID string) error {
	return fault.New(fault.NotFound, "", "Endpoint %s not found in project %s", endpointID, projectID)
}

// there makes sure that an endpoint and a project exist.
func there(ctx context.Context, r store.Reader, projectID, endpointID string) error {
	if _, err := r.Endpoint(ctx, endpointID); err != nil {
		return err
	}
	_, err := r.Project(ctx, projectID)
	return err
}

// GiveEndpoint gives a project an endpoint; one it was given already is a fault.Conflict.
func (u *Catalog) GiveEndpoint(ctx context.Context, projectID, endpointID string) error {
	if err := u.may(ctx, "add_endpoint_to_project"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if err := there(ctx, tx, projectID, endpointID); err != nil {
			return err
		}
		return tx.AddProjectEndpoint(ctx, projectID, endpointID)
	})
}

// TakeEndpoint takes an endpoint back from a project.
func (u *Catalog) TakeEndpoint(ctx context.Context, projectID, endpointID string) error {
	if err := u.may(ctx, "remove_endpoint_from_project"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		was, err := tx.RemoveProjectEndpoint(ctx, projectID, endpointID)
		if err == nil && !was {
			err = notGiven(projectID, endpointID)
		}
		return err
	})
}

// groupThere makes sure that a project and a group exist.
func groupThere(ctx context.Context, r store.Reader, projectID, groupID string) error {
	if _, err := r.Project(ctx, projectID); err != nil {
		return err
	}
	_, err := r.EndpointGroup(ctx, groupID)
	return err
}

func groupNotGiven() error {
	return fault.New(fault.NotFound, "", "Endpoint Group Project Association not found")
}

// CheckGroup makes sure that a project was given a group: else it is fault.NotFound.
func (u *Catalog) CheckGroup(ctx context.Context, projectID, groupID string) error {
	if err := u.may(ctx, "get_endpoint_group_in_project"); err != nil {
		return err
	}
	return u.Store.Read(ctx, func(r store.Reader) error {
		if err := groupThere(ctx, r, projectID, groupID); err != nil {
			return err
		}
		projects, err := r.EndpointGroupProjects(ctx, groupID)
		if err == nil && !slices.Contains(projects, projectID) {
			err = groupNotGiven()
		}
		return err
	})
}

// GiveGroup gives a project a group; one it was given already is a fault.Conflict.
func (u *Catalog) GiveGroup(ctx context.Context, projectID, groupID string) error {
	if err := u.may(ctx, "add_endpoint_group_to_project"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if err := groupThere(ctx, tx, projectID, groupID); err != nil {
			return err
		}
		return tx.AddProjectGroup(ctx, projectID, groupID)
	})
}

// TakeGroup takes a group back from a project.
func (u *Catalog) TakeGroup(ctx context.Context, projectID, groupID string) error {
	if err := u.may(ctx, "remove_endpoint_group_from_project"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if err := groupThere(ctx, tx, projectID, groupID); err != nil {
			return err
		}
		was, err := tx.RemoveProjectGroup(ctx, projectID, groupID)
		if err == nil && !was {
			err = groupNotGiven()
		}
		return err
	})
}
