package storetest

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
)

// populateLimits makes, beside what populate does, services s1 and s2, a region, registered limits l1 to l3, and limits.
func populateLimits(t testing.TB, s store.Store) {
	t.Helper()
	populate(t, s)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateService(ctx, &identity.Service{ID: "s1", Type: "volumev3"}), tx.CreateService(ctx, &identity.Service{ID: "s2", Type: "image"}),
			tx.CreateRegion(ctx, &identity.Region{ID: "R"}),
			tx.CreateRegisteredLimit(ctx, &identity.RegisteredLimit{ID: "l1", ServiceID: "s1", ResourceName: "volumes", DefaultLimit: 10, Description: new("disks")}),
			tx.CreateRegisteredLimit(ctx, &identity.RegisteredLimit{ID: "l2", ServiceID: "s1", RegionID: "R", ResourceName: "volumes", DefaultLimit: -1}),
			tx.CreateRegisteredLimit(ctx, &identity.RegisteredLimit{ID: "l3", ServiceID: "s2", ResourceName: "images"}),
			tx.CreateLimit(ctx, &identity.Limit{ID: "o1", RegisteredLimitID: "l1", ProjectID: "p1", ResourceLimit: 5, Description: new("small")}),
			tx.CreateLimit(ctx, &identity.Limit{ID: "o2", RegisteredLimitID: "l2", DomainID: "d1", ResourceLimit: 500}),
			tx.CreateLimit(ctx, &identity.Limit{ID: "o3", RegisteredLimitID: "l3", DomainID: "d2", ResourceLimit: 1}))
	})
}

func testLimits(t *testing.T, s store.Store) {
	populateLimits(t, s)
	registered := &identity.RegisteredLimit{ID: "l1", ServiceID: "s1", ResourceName: "volumes", DefaultLimit: 10, Description: new("disks")}
	same(t, registered, must(s.RegisteredLimit(t.Context(), "l1"))(t))
	ids := func(q store.RegisteredLimitQuery) (found []string) {
		for _, l := range must(s.RegisteredLimits(t.Context(), q))(t) {
			found = append(found, l.ID)
		}
		return found
	}
	same(t, []string{"l1", "l2", "l3"}, ids(store.RegisteredLimitQuery{}))
	same(t, []string{"l1"}, ids(store.RegisteredLimitQuery{ServiceID: "s1", ResourceName: "volumes", RegionID: new("")}))
	same(t, []string{"l2"}, ids(store.RegisteredLimitQuery{RegionID: new("R")}))
	same(t, []string{"l2", "l3"}, ids(store.RegisteredLimitQuery{Page: store.Page{Limit: 2, Marker: "l1"}}))

	limit := &identity.Limit{ID: "o2", RegisteredLimitID: "l2", DomainID: "d1", ResourceLimit: 500, ServiceID: "s1", RegionID: "R", ResourceName: "volumes"}
	same(t, limit, must(s.Limit(t.Context(), "o2"))(t))
	limits := func(q store.LimitQuery) (found []string) {
		for _, l := range must(s.Limits(t.Context(), q))(t) {
			found = append(found, l.ID)
		}
		return found
	}
	same(t, []string{"o1", "o2", "o3"}, limits(store.LimitQuery{}))
	same(t, []string{"o1", "o2"}, limits(store.LimitQuery{ProjectsOf: "d1"}))
	same(t, []string{"o1"}, limits(store.LimitQuery{ProjectID: "p1", ServiceID: "s1", ResourceName: "volumes", RegisteredLimitID: "l1"}))
	same(t, []string{"o2"}, limits(store.LimitQuery{DomainID: "d1", RegionID: "R"}))
	same(t, []string{"o2"}, limits(store.LimitQuery{Page: store.Page{Limit: 1, Marker: "o1"}}))

	registered.DefaultLimit, registered.ResourceName, registered.Description = 7, "disks", nil
	limit.ResourceLimit, limit.Description = 0, new("none")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.UpdateRegisteredLimit(ctx, registered), tx.UpdateLimit(ctx, limit))
	})
	same(t, registered, must(s.RegisteredLimit(t.Context(), "l1"))(t))
	same(t, limit, must(s.Limit(t.Context(), "o2"))(t))
	if got := must(s.Limit(t.Context(), "o1"))(t); got.ResourceName != "disks" {
		t.Errorf("a limit does not follow what is registered: %+v", got)
	}
}

func testLimitRefusals(t *testing.T, s store.Store) {
	populateLimits(t, s)
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateRegisteredLimit(ctx, &identity.RegisteredLimit{ID: "l9", ServiceID: "s1", ResourceName: "volumes"})
	})
	wantFault(t, err, fault.Conflict, "Conflict occurred attempting to store registered_limit - Duplicate entry.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateLimit(ctx, &identity.Limit{ID: "o9", RegisteredLimitID: "l1", ProjectID: "p1"})
	})
	wantFault(t, err, fault.Conflict, "Conflict occurred attempting to store limit - Duplicate entry.")
	_, err = s.RegisteredLimit(t.Context(), "none")
	wantFault(t, err, fault.NotFound, "Could not find registered limit for none.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteLimit(ctx, "none") })
	wantFault(t, err, fault.NotFound, "Could not find limit for none.")
	left := func() (found []string) {
		for _, l := range must(s.Limits(t.Context(), store.LimitQuery{}))(t) {
			found = append(found, l.ID)
		}
		return found
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteRegisteredLimit(ctx, "l2") })
	same(t, []string{"o1", "o3"}, left())
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteProject(ctx, "p1") })
	same(t, []string{"o3"}, left())
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteService(ctx, "s2") })
	if list := left(); list != nil {
		t.Errorf("limits of a service that is gone: %v", list)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateRegisteredLimit(ctx, &identity.RegisteredLimit{ID: "l4", ServiceID: "s1", RegionID: "R", ResourceName: "x"}), tx.DeleteRegion(ctx, "R"))
	})
	if list := must(s.RegisteredLimits(t.Context(), store.RegisteredLimitQuery{RegionID: new("R")}))(t); len(list) != 0 {
		t.Errorf("registered limits of a region that is gone: %d", len(list))
	}
}

func testPolicies(t *testing.T, s store.Store) {
	want := &identity.Policy{ID: "y1", Type: "application/json", Blob: "{}", Extra: identity.Extra{"x": "y"}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreatePolicy(ctx, want), tx.CreatePolicy(ctx, &identity.Policy{ID: "y2", Type: "text/plain"}))
	})
	same(t, want, must(s.Policy(t.Context(), "y1"))(t))
	same(t, []*identity.Policy{want}, must(s.Policies(t.Context(), store.PolicyQuery{Type: "application/json"}))(t))
	same(t, []*identity.Policy{want}, must(s.Policies(t.Context(), store.PolicyQuery{Types: []store.NameFilter{{Comparator: store.Contains, Value: "json"}}}))(t))
	want.Type, want.Blob, want.Extra = "text/html", "<p>", nil
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdatePolicy(ctx, want) })
	same(t, want, must(s.Policy(t.Context(), "y1"))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeletePolicy(ctx, "y1") })
	_, err := s.Policy(t.Context(), "y1")
	wantFault(t, err, fault.NotFound, "Could not find policy: y1.")
}

func testEndpointFilters(t *testing.T, s store.Store) {
	populate(t, s)
	given := func() bool { return must(s.EndpointsAreGiven(t.Context()))(t) }
	if given() {
		t.Error("endpoints are given in an empty store")
	}
	want := &identity.EndpointGroup{ID: "x1", Name: "near", Description: new("here"), Filters: map[string]any{"region_id": "R"}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateService(ctx, &identity.Service{ID: "s1", Type: "image"}), tx.CreateEndpoint(ctx, &identity.Endpoint{ID: "e1", ServiceID: "s1"}),
			tx.CreateEndpoint(ctx, &identity.Endpoint{ID: "e2", ServiceID: "s1"}), tx.CreateEndpointGroup(ctx, want),
			tx.CreateEndpointGroup(ctx, &identity.EndpointGroup{ID: "x2", Name: "far", Filters: map[string]any{"interface": "admin"}}),
			tx.AddProjectEndpoint(ctx, "p1", "e1"), tx.AddProjectEndpoint(ctx, "p1", "e2"), tx.AddProjectEndpoint(ctx, "p2", "e1"),
			tx.AddProjectGroup(ctx, "p1", "x1"), tx.AddProjectGroup(ctx, "p2", "x1"))
	})
	if !given() {
		t.Error("no endpoints are given")
	}
	same(t, want, must(s.EndpointGroup(t.Context(), "x1"))(t))
	same(t, []*identity.EndpointGroup{want}, must(s.EndpointGroups(t.Context(), store.EndpointGroupQuery{ProjectID: "p1"}))(t))
	same(t, []*identity.EndpointGroup{want}, must(s.EndpointGroups(t.Context(), store.EndpointGroupQuery{Name: "near"}))(t))
	same(t, []string{"e1", "e2"}, must(s.ProjectEndpoints(t.Context(), "p1"))(t))
	same(t, []string{"p1", "p2"}, must(s.EndpointProjects(t.Context(), "e1"))(t))
	same(t, []string{"p1", "p2"}, must(s.EndpointGroupProjects(t.Context(), "x1"))(t))
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.AddProjectEndpoint(ctx, "p1", "e1") })
	wantFault(t, err, fault.Conflict, "project_endpoint - Duplicate entry.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.AddProjectGroup(ctx, "p1", "x1") })
	wantFault(t, err, fault.Conflict, "project_endpoint_group - Duplicate entry.")

	want.Name, want.Description, want.Filters = "changed", nil, map[string]any{"service_id": "s1"}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		was, err := tx.RemoveProjectEndpoint(ctx, "p1", "e2")
		wasNot, other := tx.RemoveProjectEndpoint(ctx, "p2", "e2")
		wasGroup, third := tx.RemoveProjectGroup(ctx, "p2", "x1")
		wasNotGroup, fourth := tx.RemoveProjectGroup(ctx, "p2", "x2")
		if got := []bool{was, wasNot, wasGroup, wasNotGroup}; !slices.Equal(got, []bool{true, false, true, false}) {
			t.Errorf("removed: %v", got)
		}
		return errors.Join(err, other, third, fourth, tx.UpdateEndpointGroup(ctx, want))
	})
	same(t, want, must(s.EndpointGroup(t.Context(), "x1"))(t))
	same(t, []string{"p1"}, must(s.EndpointGroupProjects(t.Context(), "x1"))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.DeleteEndpoint(ctx, "e1"), tx.DeleteEndpointGroup(ctx, "x2"), tx.DeleteProject(ctx, "p1"))
	})
	if left := must(s.EndpointGroupProjects(t.Context(), "x1"))(t); len(left) != 0 {
		t.Errorf("projects that are gone have a group: %v", left)
	}
	if left := must(s.ProjectEndpoints(t.Context(), "p2"))(t); len(left) != 0 {
		t.Errorf("an endpoint that is gone is given: %v", left)
	}
	_, err = s.EndpointGroup(t.Context(), "x2")
	wantFault(t, err, fault.NotFound, "Could not find Endpoint Group: x2.")
}

func testMappings(t *testing.T, s store.Store) {
	want := &identity.Mapping{ID: "m1", SchemaVersion: "1.0", Rules: []any{map[string]any{"local": []any{}, "remote": []any{map[string]any{"type": "x"}}}}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateMapping(ctx, want), tx.CreateMapping(ctx, &identity.Mapping{ID: "m2", Rules: []any{}}))
	})
	same(t, want, must(s.Mapping(t.Context(), "m1"))(t))
	same(t, []*identity.Mapping{want, {ID: "m2", Rules: []any{}}}, must(s.Mappings(t.Context()))(t))
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateMapping(ctx, want) })
	wantFault(t, err, fault.Conflict, "mapping - Duplicate entry.")
	want.SchemaVersion, want.Rules = "2.0", []any{"other"}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateMapping(ctx, want) })
	same(t, want, must(s.Mapping(t.Context(), "m1"))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteMapping(ctx, "m1") })
	_, err = s.Mapping(t.Context(), "m1")
	wantFault(t, err, fault.NotFound, "Could not find mapping: m1.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateMapping(ctx, want) })
	wantFault(t, err, fault.NotFound, "Could not find mapping: m1.")
}

func testDomainConfig(t *testing.T, s store.Store) {
	populate(t, s)
	config := func(domain string) identity.DomainConfig { return must(s.DomainConfig(t.Context(), domain))(t) }
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.SetDomainOptions(ctx, "d1", identity.DomainConfig{"identity": {"driver": "ldap"}, "ldap": {"url": "x", "password": "hush"}}),
			tx.SetDomainOptions(ctx, "d2", identity.DomainConfig{"identity": {"list_limit": nil}}))
	})
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.SetDomainOptions(ctx, "d1", identity.DomainConfig{"ldap": {"url": []any{"y"}}})
	})
	same(t, identity.DomainConfig{"identity": {"driver": "ldap"}, "ldap": {"url": []any{"y"}, "password": "hush"}}, config("d1"))
	same(t, identity.DomainConfig{"identity": {"list_limit": nil}}, config("d2"))
	same(t, identity.DomainConfig{}, config("none"))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteDomainOptions(ctx, "d1", "ldap", "url") })
	same(t, identity.DomainConfig{"identity": {"driver": "ldap"}, "ldap": {"password": "hush"}}, config("d1"))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteDomainOptions(ctx, "d1", "ldap", "") })
	same(t, identity.DomainConfig{"identity": {"driver": "ldap"}}, config("d1"))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.DeleteDomainOptions(ctx, "d1", "", ""), tx.DeleteProject(ctx, "d2"))
	})
	same(t, identity.DomainConfig{}, config("d1"))
	same(t, identity.DomainConfig{}, config("d2"))
}
