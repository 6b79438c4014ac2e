package sqlstore

import (
	"context"
	"database/sql"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
	"github.com/clinker/clinker/internal/identity/store/sqlstore/rows"
	"github.com/clinker/clinker/internal/sqlkit"
)

const (
	serviceColumns  = "id, type, name, enabled, extra"
	endpointColumns = "id, service_id, interface, region_id, url, enabled, extra"
	regionColumns   = "id, description, parent_region_id, extra"
)

func serviceFields(s *identity.Service) []any {
	return []any{(*sqlkit.Text)(&s.ID), (*sqlkit.Text)(&s.Type), (*sqlkit.Text)(&s.Name), (*sqlkit.Bool)(&s.Enabled), rows.Object[identity.Extra]{To: &s.Extra}}
}

func endpointFields(e *identity.Endpoint) []any {
	return []any{(*sqlkit.Text)(&e.ID), (*sqlkit.Text)(&e.ServiceID), (*sqlkit.Text)(&e.Interface), (*sqlkit.Text)(&e.RegionID), (*sqlkit.Text)(&e.URL),
		(*sqlkit.Bool)(&e.Enabled), rows.Object[identity.Extra]{To: &e.Extra}}
}

func regionFields(r *identity.Region) []any {
	return []any{(*sqlkit.Text)(&r.ID), (*sqlkit.Text)(&r.Description), (*sqlkit.Text)(&r.ParentRegionID), rows.Object[identity.Extra]{To: &r.Extra}}
}

// Service implements store.CatalogReader.
func (c conn) Service(ctx context.Context, id string) (*identity.Service, error) {
	q := rows.From(serviceColumns, "services")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.Conn, q, serviceFields, notFound(identity.TheService, id))
}

// Services implements store.CatalogReader.
func (c conn) Services(ctx context.Context, q store.ServiceQuery) (found []*identity.Service, err error) {
	sel := rows.From(serviceColumns, "services")
	sel.Equal("type", q.Type)
	sel.Equal("name", q.Name)
	sel.Paged(q.Page)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = rows.List(ctx, s, sel, serviceFields, rows.Unnamed)
		return err
	})
	return found, err
}

// Endpoint implements store.CatalogReader.
func (c conn) Endpoint(ctx context.Context, id string) (*identity.Endpoint, error) {
	q := rows.From(endpointColumns, "endpoints")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.Conn, q, endpointFields, notFound(identity.TheEndpoint, id))
}

// Endpoints implements store.CatalogReader.
func (c conn) Endpoints(ctx context.Context, q store.EndpointQuery) (found []*identity.Endpoint, err error) {
	sel := rows.From(endpointColumns, "endpoints")
	sel.Equal("service_id", q.ServiceID)
	sel.Equal("interface", q.Interface)
	sel.Equal("region_id", q.RegionID)
	sel.Paged(q.Page)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = rows.List(ctx, s, sel, endpointFields, rows.Unnamed)
		return err
	})
	return found, err
}

// Region implements store.CatalogReader.
func (c conn) Region(ctx context.Context, id string) (*identity.Region, error) {
	q := rows.From(regionColumns, "regions")
	q.Where("id = ?", id)
	return rows.Get(ctx, c.Conn, q, regionFields, notFound(identity.TheRegion, id))
}

// Regions implements store.CatalogReader.
func (c conn) Regions(ctx context.Context, q store.RegionQuery) (found []*identity.Region, err error) {
	sel := rows.From(regionColumns, "regions")
	sel.Equal("parent_region_id", q.ParentRegionID)
	sel.Paged(q.Page)
	err = c.Read(ctx, func(s *sqlkit.Session) error {
		found, err = rows.List(ctx, s, sel, regionFields, rows.Unnamed)
		return err
	})
	return found, err
}

// taken is the conflict of something whose id is there already.
func taken(kind, id string) func() error {
	return func() error { return identity.Conflict(kind, "Duplicate ID, %s.", id) }
}

// CreateService implements store.CatalogWriter.
func (t tx) CreateService(ctx context.Context, s *identity.Service) error {
	extra, err := rows.JSONText(s.Extra)
	if err != nil {
		return err
	}
	return t.Insert(ctx, taken(identity.TheService, s.ID), rows.InsertInto("services", serviceColumns), s.ID, s.Type, s.Name, s.Enabled, extra)
}

// UpdateService implements store.CatalogWriter.
func (t tx) UpdateService(ctx context.Context, s *identity.Service) error {
	extra, err := rows.JSONText(s.Extra)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheService, s.ID), nil, `UPDATE services SET type = ?, name = ?, enabled = ?, extra = ? WHERE id = ?`,
		s.Type, s.Name, s.Enabled, extra, s.ID)
}

// DeleteService implements store.CatalogWriter.
func (t tx) DeleteService(ctx context.Context, id string) error {
	return t.Change(ctx, notFound(identity.TheService, id), nil, `DELETE FROM services WHERE id = ?`, id)
}

// CreateEndpoint implements store.CatalogWriter.
func (t tx) CreateEndpoint(ctx context.Context, e *identity.Endpoint) error {
	extra, err := rows.JSONText(e.Extra)
	if err != nil {
		return err
	}
	return t.Insert(ctx, taken(identity.TheEndpoint, e.ID), rows.InsertInto("endpoints", endpointColumns), e.ID, e.ServiceID, e.Interface, e.RegionID, e.URL, e.Enabled, extra)
}

// UpdateEndpoint implements store.CatalogWriter.
func (t tx) UpdateEndpoint(ctx context.Context, e *identity.Endpoint) error {
	extra, err := rows.JSONText(e.Extra)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheEndpoint, e.ID), nil,
		`UPDATE endpoints SET service_id = ?, interface = ?, region_id = ?, url = ?, enabled = ?, extra = ? WHERE id = ?`,
		e.ServiceID, e.Interface, e.RegionID, e.URL, e.Enabled, extra, e.ID)
}

// DeleteEndpoint implements store.CatalogWriter.
func (t tx) DeleteEndpoint(ctx context.Context, id string) error {
	return t.Change(ctx, notFound(identity.TheEndpoint, id), nil, `DELETE FROM endpoints WHERE id = ?`, id)
}

// CreateRegion implements store.CatalogWriter.
func (t tx) CreateRegion(ctx context.Context, r *identity.Region) error {
	extra, err := rows.JSONText(r.Extra)
	if err != nil {
		return err
	}
	return t.Insert(ctx, taken(identity.TheRegion, r.ID), rows.InsertInto("regions", regionColumns), r.ID, r.Description, r.ParentRegionID, extra)
}

// UpdateRegion implements store.CatalogWriter.
func (t tx) UpdateRegion(ctx context.Context, r *identity.Region) error {
	extra, err := rows.JSONText(r.Extra)
	if err != nil {
		return err
	}
	return t.Change(ctx, notFound(identity.TheRegion, r.ID), nil, `UPDATE regions SET description = ?, parent_region_id = ?, extra = ? WHERE id = ?`,
		r.Description, r.ParentRegionID, extra, r.ID)
}

// below reads the ids of a region and all below it, the top first.
func (t tx) regionTree(ctx context.Context, id string) ([]string, error) {
	children := map[string][]string{}
	err := t.Session.Query(ctx, `SELECT id, parent_region_id FROM regions WHERE parent_region_id <> ''`, func(row *sql.Rows) error {
		var child, parent string
		if err := row.Scan((*sqlkit.Text)(&child), (*sqlkit.Text)(&parent)); err != nil {
			return err
		}
		children[parent] = append(children[parent], child)
		return nil
	})
	tree, seen := []string{id}, map[string]bool{id: true}
	for i := 0; i < len(tree); i++ {
		for _, child := range children[tree[i]] {
			if !seen[child] {
				seen[child] = true
				tree = append(tree, child)
			}
		}
	}
	return tree, err
}

// DeleteRegion implements store.CatalogWriter.
func (t tx) DeleteRegion(ctx context.Context, id string) error {
	if _, err := t.Region(ctx, id); err != nil {
		return err
	}
	tree, err := t.regionTree(ctx, id)
	if err != nil {
		return err
	}
	set, args := t.Session.Dialect().InSet(tree)
	used, err := t.Session.QueryRow(ctx, `SELECT 1 FROM endpoints WHERE region_id IN `+set, []any{new(sqlkit.Int)}, args...)
	if err != nil {
		return err
	}
	if used {
		return fault.New(fault.Forbidden, "RegionDeletionError", "Unable to delete region %s because it or its child regions have associated endpoints.", id)
	}
	if _, err = t.Exec(ctx, `DELETE FROM registered_limits WHERE region_id IN `+set, args...); err != nil {
		return err
	}
	_, err = t.Exec(ctx, `DELETE FROM regions WHERE id IN `+set, args...)
	return err
}
