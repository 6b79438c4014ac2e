// Package cloudrows is the part of sqlstore for what operators keep about the cloud as a whole: limits, policies, which
// endpoints are for which projects, mappings of federation, and options of single domains.
//
// What must not live here: decisions. It is a part of sqlstore and imported by nothing else.
package cloudrows

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
	"github.com/clinker/clinker/internal/sqlkit/migrate"
)

// CloudRows reads, and within a transaction writes.
type CloudRows struct{ conn rows.Conn }

// On makes CloudRows of a connection.
func On(c rows.Conn) CloudRows { return CloudRows{c} }

var (
	_ store.LimitReader          = CloudRows{}
	_ store.LimitWriter          = CloudRows{}
	_ store.PolicyReader         = CloudRows{}
	_ store.PolicyWriter         = CloudRows{}
	_ store.EndpointFilterReader = CloudRows{}
	_ store.EndpointFilterWriter = CloudRows{}
)

const (
	idLength   = 64
	nameLength = 255
)

// Tables are those of this package.
func Tables() []migrate.Table {
	id := func(name string) migrate.Column { return migrate.Text(name, idLength) }
	description := migrate.Long("description").Nullable()
	return []migrate.Table{
		{Name: "registered_limits", Columns: []migrate.Column{id("id"), id("service_id").Of("services"), migrate.Text("region_id", nameLength),
			migrate.Text("resource_name", nameLength), migrate.Number("default_limit"), description}, Key: []string{"id"},
			Unique: [][]string{{"service_id", "region_id", "resource_name"}}},
		{Name: "limits", Columns: []migrate.Column{id("id"), id("registered_limit_id").Of("registered_limits"), id("project_id"), id("domain_id"),
			migrate.Number("resource_limit"), description}, Key: []string{"id"}, Unique: [][]string{{"registered_limit_id", "project_id", "domain_id"}},
			Indexes: [][]string{{"project_id"}, {"domain_id"}}},
		{Name: "policies", Columns: []migrate.Column{id("id"), migrate.Text("type", nameLength), migrate.Long("blob"), migrate.Long("extra")}, Key: []string{"id"}},
		{Name: "endpoint_groups", Columns: []migrate.Column{id("id"), migrate.Text("name", nameLength), description, migrate.Long("filters")}, Key: []string{"id"}},
		{Name: "project_endpoints", Columns: []migrate.Column{id("project_id").Of("projects"), id("endpoint_id").Of("endpoints")},
			Key: []string{"project_id", "endpoint_id"}, Indexes: [][]string{{"endpoint_id"}}},
		{Name: "project_endpoint_groups", Columns: []migrate.Column{id("project_id").Of("projects"), id("endpoint_group_id").Of("endpoint_groups")},
			Key: []string{"project_id", "endpoint_group_id"}, Indexes: [][]string{{"endpoint_group_id"}}},
	}
}

func missing(what, id string) func() error {
	return func() error { return identity.NotFound(what, id) }
}

func duplicate(kind string) func() error {
	return func() error { return identity.Conflict(kind, "Duplicate entry.") }
}

const registeredColumns = "id, service_id, region_id, resource_name, default_limit, description"

func registeredFields(l *identity.RegisteredLimit) []any {
	return []any{(*sqlkit.Text)(&l.ID), (*sqlkit.Text)(&l.ServiceID), (*sqlkit.Text)(&l.RegionID), (*sqlkit.Text)(&l.ResourceName), (*sqlkit.Int)(&l.DefaultLimit),
		sqlkit.OptionalText{To: &l.Description}}
}

// RegisteredLimit implements store.LimitReader.
func (c CloudRows) RegisteredLimit(ctx context.Context, id string) (*identity.RegisteredLimit, error) {
	q := rows.From(registeredColumns, "registered_limits")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.conn, q, registeredFields, missing(identity.TheRegisteredLimit, id))
}

// RegisteredLimits implements store.LimitReader.
func (c CloudRows) RegisteredLimits(ctx context.Context, q store.RegisteredLimitQuery) ([]*identity.RegisteredLimit, error) {
	sel := rows.From(registeredColumns, "registered_limits")
	sel.Equal("service_id", q.ServiceID)
	sel.Equal("resource_name", q.ResourceName)
	if q.RegionID != nil {
		sel.Where("region_id = ?", *q.RegionID)
	}
	sel.Paged(q.Page)
	return rows.All(ctx, c.conn, sel, registeredFields, rows.Unnamed)
}

// CreateRegisteredLimit implements store.LimitWriter.
func (c CloudRows) CreateRegisteredLimit(ctx context.Context, l *identity.RegisteredLimit) error {
	return c.conn.Insert(ctx, duplicate("registered_limit"), rows.InsertInto("registered_limits", registeredColumns), l.ID, l.ServiceID, l.RegionID, l.ResourceName,
		l.DefaultLimit, sqlkit.NullIfNil(l.Description))
}

// UpdateRegisteredLimit implements store.LimitWriter.
func (c CloudRows) UpdateRegisteredLimit(ctx context.Context, l *identity.RegisteredLimit) error {
	return c.conn.Change(ctx, missing(identity.TheRegisteredLimit, l.ID), duplicate("registered_limit"),
		`UPDATE registered_limits SET service_id = ?, region_id = ?, resource_name = ?, default_limit = ?, description = ? WHERE id = ?`,
		l.ServiceID, l.RegionID, l.ResourceName, l.DefaultLimit, sqlkit.NullIfNil(l.Description), l.ID)
}

// DeleteRegisteredLimit implements store.LimitWriter.
func (c CloudRows) DeleteRegisteredLimit(ctx context.Context, id string) error {
	return c.conn.Change(ctx, missing(identity.TheRegisteredLimit, id), nil, `DELETE FROM registered_limits WHERE id = ?`, id)
}

// limitColumns are of limits with what their registered limits say, which limitTable joins.
const (
	limitColumns = "id, registered_limit_id, project_id, domain_id, resource_limit, description"
	limitTable   = "(SELECT l.id, l.registered_limit_id, l.project_id, l.domain_id, l.resource_limit, l.description, r.service_id, r.region_id, r.resource_name " +
		"FROM limits l JOIN registered_limits r ON r.id = l.registered_limit_id) all_limits"
)

func limitFields(l *identity.Limit) []any {
	return []any{(*sqlkit.Text)(&l.ID), (*sqlkit.Text)(&l.RegisteredLimitID), (*sqlkit.Text)(&l.ProjectID), (*sqlkit.Text)(&l.DomainID), (*sqlkit.Int)(&l.ResourceLimit),
		sqlkit.OptionalText{To: &l.Description}, (*sqlkit.Text)(&l.ServiceID), (*sqlkit.Text)(&l.RegionID), (*sqlkit.Text)(&l.ResourceName)}
}

func limits() *rows.Selection {
	return rows.From(limitColumns+", service_id, region_id, resource_name", limitTable)
}

// Limit implements store.LimitReader.
func (c CloudRows) Limit(ctx context.Context, id string) (*identity.Limit, error) {
	q := limits()
	q.Where("id = ?", id)
	return rows.Get(ctx, c.conn, q, limitFields, missing(identity.TheLimit, id))
}

// Limits implements store.LimitReader.
func (c CloudRows) Limits(ctx context.Context, q store.LimitQuery) ([]*identity.Limit, error) {
	sel := limits()
	sel.Equal("registered_limit_id", q.RegisteredLimitID)
	sel.Equal("service_id", q.ServiceID)
	sel.Equal("region_id", q.RegionID)
	sel.Equal("resource_name", q.ResourceName)
	sel.Equal("project_id", q.ProjectID)
	sel.Equal("domain_id", q.DomainID)
	if q.ProjectsOf != "" {
		sel.Where("(domain_id = ? OR project_id IN (SELECT id FROM projects WHERE domain_id = ?))", q.ProjectsOf, q.ProjectsOf)
	}
	sel.Paged(q.Page)
	return rows.All(ctx, c.conn, sel, limitFields, rows.Unnamed)
}

// CreateLimit implements store.LimitWriter.
func (c CloudRows) CreateLimit(ctx context.Context, l *identity.Limit) error {
	return c.conn.Insert(ctx, duplicate("limit"), rows.InsertInto("limits", limitColumns), l.ID, l.RegisteredLimitID, l.ProjectID, l.DomainID, l.ResourceLimit,
		sqlkit.NullIfNil(l.Description))
}

// UpdateLimit implements store.LimitWriter.
func (c CloudRows) UpdateLimit(ctx context.Context, l *identity.Limit) error {
	return c.conn.Change(ctx, missing(identity.TheLimit, l.ID), nil, `UPDATE limits SET resource_limit = ?, description = ? WHERE id = ?`,
		l.ResourceLimit, sqlkit.NullIfNil(l.Description), l.ID)
}

// DeleteLimit implements store.LimitWriter.
func (c CloudRows) DeleteLimit(ctx context.Context, id string) error {
	return c.conn.Change(ctx, missing(identity.TheLimit, id), nil, `DELETE FROM limits WHERE id = ?`, id)
}
