package cloudrows

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const groupColumns = "id, name, description, filters"

func groupFields(g *identity.EndpointGroup) []any {
	return []any{(*sqlkit.Text)(&g.ID), (*sqlkit.Text)(&g.Name), sqlkit.OptionalText{To: &g.Description}, rows.Object[map[string]any]{To: &g.Filters}}
}

// EndpointGroup implements store.EndpointFilterReader.
func (c CloudRows) EndpointGroup(ctx context.Context, id string) (*identity.EndpointGroup, error) {
	q := rows.From(groupColumns, "endpoint_groups")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.conn, q, groupFields, missing(identity.TheEndpointGroup, id))
}

// EndpointGroups implements store.EndpointFilterReader.
func (c CloudRows) EndpointGroups(ctx context.Context, q store.EndpointGroupQuery) ([]*identity.EndpointGroup, error) {
	sel := rows.From(groupColumns, "endpoint_groups")
	sel.Named(q.Name, q.Names)
	if q.ProjectID != "" {
		sel.Where("id IN (SELECT endpoint_group_id FROM project_endpoint_groups WHERE project_id = ?)", q.ProjectID)
	}
	sel.Paged(q.Page)
	return rows.All(ctx, c.conn, sel, groupFields, func(g *identity.EndpointGroup) string { return g.Name })
}

func (c CloudRows) ids(ctx context.Context, text, of string) (ids []string, err error) {
	err = c.conn.Read(ctx, func(s *sqlkit.Session) error {
		ids, err = s.Strings(ctx, text, of)
		return err
	})
	return ids, err
}

// EndpointsAreGiven implements store.EndpointFilterReader.
func (c CloudRows) EndpointsAreGiven(ctx context.Context) (bool, error) {
	return c.conn.Is(ctx, `SELECT 1 WHERE EXISTS (SELECT 1 FROM project_endpoints) OR EXISTS (SELECT 1 FROM project_endpoint_groups)`)
}

// ProjectEndpoints implements store.EndpointFilterReader.
func (c CloudRows) ProjectEndpoints(ctx context.Context, projectID string) ([]string, error) {
	return c.ids(ctx, `SELECT endpoint_id FROM project_endpoints WHERE project_id = ? ORDER BY endpoint_id`, projectID)
}

// EndpointProjects implements store.EndpointFilterReader.
func (c CloudRows) EndpointProjects(ctx context.Context, endpointID string) ([]string, error) {
	return c.ids(ctx, `SELECT project_id FROM project_endpoints WHERE endpoint_id = ? ORDER BY project_id`, endpointID)
}

// EndpointGroupProjects implements store.EndpointFilterReader.
func (c CloudRows) EndpointGroupProjects(ctx context.Context, groupID string) ([]string, error) {
	return c.ids(ctx, `SELECT project_id FROM project_endpoint_groups WHERE endpoint_group_id = ? ORDER BY project_id`, groupID)
}

// CreateEndpointGroup implements store.EndpointFilterWriter.
func (c CloudRows) CreateEndpointGroup(ctx context.Context, g *identity.EndpointGroup) error {
	filters, err := rows.JSONText(g.Filters)
	if err != nil {
		return err
	}
	return c.conn.Insert(ctx, duplicate("endpoint_group"), rows.InsertInto("endpoint_groups", groupColumns), g.ID, g.Name, sqlkit.NullIfNil(g.Description), filters)
}

// UpdateEndpointGroup implements store.EndpointFilterWriter.
func (c CloudRows) UpdateEndpointGroup(ctx context.Context, g *identity.EndpointGroup) error {
	filters, err := rows.JSONText(g.Filters)
	if err != nil {
		return err
	}
	return c.conn.Change(ctx, missing(identity.TheEndpointGroup, g.ID), nil, `UPDATE endpoint_groups SET name = ?, description = ?, filters = ? WHERE id = ?`,
		g.Name, sqlkit.NullIfNil(g.Description), filters, g.ID)
}

// DeleteEndpointGroup implements store.EndpointFilterWriter.
func (c CloudRows) DeleteEndpointGroup(ctx context.Context, id string) error {
	return c.conn.Change(ctx, missing(identity.TheEndpointGroup, id), nil, `DELETE FROM endpoint_groups WHERE id = ?`, id)
}

// AddProjectEndpoint implements store.EndpointFilterWriter.
func (c CloudRows) AddProjectEndpoint(ctx context.Context, projectID, endpointID string) error {
	return c.conn.Insert(ctx, duplicate("project_endpoint"), rows.InsertInto("project_endpoints", "project_id, endpoint_id"), projectID, endpointID)
}

// AddProjectGroup implements store.EndpointFilterWriter.
func (c CloudRows) AddProjectGroup(ctx context.Context, projectID, groupID string) error {
	return c.conn.Insert(ctx, duplicate("project_endpoint_group"), rows.InsertInto("project_endpoint_groups", "project_id, endpoint_group_id"), projectID, groupID)
}

// RemoveProjectEndpoint implements store.EndpointFilterWriter.
func (c CloudRows) RemoveProjectEndpoint(ctx context.Context, projectID, endpointID string) (bool, error) {
	n, err := c.conn.Exec(ctx, `DELETE FROM project_endpoints WHERE project_id = ? AND endpoint_id = ?`, projectID, endpointID)
	return n > 0, err
}

// RemoveProjectGroup implements store.EndpointFilterWriter.
func (c CloudRows) RemoveProjectGroup(ctx context.Context, projectID, groupID string) (bool, error) {
	n, err := c.conn.Exec(ctx, `DELETE FROM project_endpoint_groups WHERE project_id = ? AND endpoint_group_id = ?`, projectID, groupID)
	return n > 0, err
}
