// Package storetest is the suite that every implementation of the identity wing's store passes.
//
// What must not live here: anything that knows an implementation.
package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
)

// Run runs the suite. open gives an empty store and closes it when the test ends; it is called once for each part.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, part := range map[string]func(t *testing.T, s store.Store){
		"transactions": testTransactions, "projects": testProjects, "project filters": testProjectFilters, "tags": testTags,
		"project removal": testProjectRemoval, "users": testUsers, "user filters": testUserFilters, "logins": testLogins,
		"groups": testGroups, "roles": testRoles, "assignments": testAssignments, "catalog": testCatalog, "regions": testRegions,
		"credentials": testCredentials, "application credentials": testApplicationCredentials, "revocations": testRevocations,
		"limits": testLimits, "limit refusals": testLimitRefusals, "policies": testPolicies, "endpoint filters": testEndpointFilters, "trusts": testTrusts, "oauth": testOAuth, "mappings": testMappings, "domain options": testDomainConfig,
	} {
		t.Run(name, func(t *testing.T) { part(t, open(t)) })
	}
}

// update runs one transaction that must succeed.
func update(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) {
	t.Helper()
	if err := attempt(t, s, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func attempt(t testing.TB, s store.Store, fn func(ctx context.Context, tx store.Tx) error) error {
	return s.Update(t.Context(), func(tx store.Tx) error { return fn(t.Context(), tx) })
}

// wantFault checks kind and text of an error.
func wantFault(t testing.TB, err error, kind fault.Kind, text string) {
	t.Helper()
	if err == nil || fault.KindOf(err) != kind || !strings.Contains(fault.UserText(err), text) {
		t.Errorf("got %v %q (%v); want %v with %q", fault.KindOf(err), fault.UserText(err), err, kind, text)
	}
}

// same fails the test where two values differ.
func same(t testing.TB, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
}

// must gives the value of a call that must succeed.
func must[V any](v V, err error) func(t testing.TB) V {
	return func(t testing.TB) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func domain(id string) *identity.Project {
	return &identity.Project{ID: id, Name: "the " + id, Enabled: true, IsDomain: true}
}

func project(id, parent string) *identity.Project {
	return &identity.Project{ID: id, Name: "the " + id, DomainID: "d1", ParentID: parent, Enabled: true}
}

func user(id string) *identity.User {
	return &identity.User{ID: id, Name: "the " + id, DomainID: "d1", Enabled: true}
}

func role(id string) *identity.Role { return &identity.Role{ID: id, Name: "the " + id} }

// populate makes two domains, projects p1 to p3 of which p3 is below p2, users u1 to u3, groups g1 with u1 and g2, and roles
// r1 to r3.
func populate(t testing.TB, s store.Store) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		errs := []error{tx.CreateProject(ctx, domain("d1")), tx.CreateProject(ctx, domain("d2")), tx.CreateProject(ctx, project("p1", "d1")),
			tx.CreateProject(ctx, project("p2", "d1")), tx.CreateProject(ctx, project("p3", "p2"))}
		for _, id := range []string{"1", "2", "3"} {
			errs = append(errs, tx.CreateUser(ctx, user("u"+id)), tx.CreateRole(ctx, role("r"+id)))
		}
		errs = append(errs, tx.CreateGroup(ctx, &identity.Group{ID: "g1", Name: "the g1", DomainID: "d1"}),
			tx.CreateGroup(ctx, &identity.Group{ID: "g2", Name: "the g2", DomainID: "d2"}), tx.AddMember(ctx, "g1", "u1"))
		return errors.Join(errs...)
	})
}

func testTransactions(t *testing.T, s store.Store) {
	broken := errors.New("changed my mind")
	before := s.Epoch()
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.CreateProject(ctx, domain("d1")); err != nil {
			return err
		}
		if _, err := tx.Domain(ctx, "d1"); err != nil {
			t.Errorf("a transaction does not see its own write: %v", err)
		}
		return broken
	})
	if !errors.Is(err, broken) {
		t.Errorf("Update gave %v", err)
	}
	_, err = s.Domain(t.Context(), "d1")
	wantFault(t, err, fault.NotFound, "Could not find domain: d1.")
	populate(t, s)
	if s.Epoch() == before {
		t.Error("the epoch is the same after a change")
	}
	err = s.Read(t.Context(), func(r store.Reader) error {
		_, err := r.Domain(t.Context(), "d1")
		return err
	})
	if err != nil || s.Ping(t.Context()) != nil {
		t.Error(err)
	}
}

func testProjects(t *testing.T, s store.Store) {
	want := &identity.Project{ID: "p9", Name: "Ninth", DomainID: "d1", ParentID: "p1", Description: "of many", Tags: []string{"a", "b"},
		Options: identity.Options{"immutable": true}, Extra: identity.Extra{"color": "blue", "nested": map[string]any{"x": nil}}}
	populate(t, s)
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateProject(ctx, want) })
	same(t, want, must(s.Project(t.Context(), "p9"))(t))
	same(t, want, must(s.ProjectByName(t.Context(), "d1", "Ninth"))(t))
	_, err := s.ProjectByName(t.Context(), "d2", "Ninth")
	wantFault(t, err, fault.NotFound, "Could not find project: Ninth.")
	_, err = s.Domain(t.Context(), "p9")
	wantFault(t, err, fault.NotFound, "Could not find domain: p9.")
	same(t, domain("d2"), must(s.DomainByName(t.Context(), "the d2"))(t))

	want.Name, want.Tags, want.Options, want.Enabled = "Changed", []string{"c"}, nil, true
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateProject(ctx, want) })
	same(t, want, must(s.Project(t.Context(), "p9"))(t))

	again := project("p10", "d1")
	again.Name = "Changed"
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateProject(ctx, again) })
	wantFault(t, err, fault.Conflict, "name is Changed, project id p10")
	again.Name, again.ID = "the p1", "p9"
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateProject(ctx, again) })
	wantFault(t, err, fault.Conflict, "the p1")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		d := domain("d3")
		d.Name = "the d1"
		return tx.CreateProject(ctx, d)
	})
	wantFault(t, err, fault.Conflict, "two projects acting as domains with the same name: the d1.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateProject(ctx, project("none", "d1")) })
	wantFault(t, err, fault.NotFound, "Could not find project: none.")
}

func projectIDs(list []*identity.Project) string {
	ids := make([]string, len(list))
	for i, p := range list {
		ids[i] = p.ID
	}
	return strings.Join(ids, " ")
}

func testProjectFilters(t *testing.T, s store.Store) {
	populate(t, s)
	off := project("p4", "d1")
	off.Enabled, off.Name = false, "THE p4_%"
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateProject(ctx, off) })
	part := func(how store.Comparator, value string, anyCase bool) store.ProjectQuery {
		return store.ProjectQuery{Names: []store.NameFilter{{Comparator: how, Value: value, AnyCase: anyCase}}}
	}
	for name, c := range map[string]struct {
		query store.ProjectQuery
		want  string
	}{
		"all":              {store.ProjectQuery{}, "d1 d2 p1 p2 p3 p4"},
		"ids":              {store.ProjectQuery{IDs: []string{"p3", "p1", "none"}}, "p1 p3"},
		"no ids":           {store.ProjectQuery{IDs: []string{}}, ""},
		"name":             {store.ProjectQuery{Name: "the p2"}, "p2"},
		"contains":         {part(store.Contains, "he p", false), "p1 p2 p3"},
		"contains anycase": {part(store.Contains, "he P", true), "p1 p2 p3 p4"},
		"starts":           {part(store.StartsWith, "THE", false), "p4"},
		"ends":             {part(store.EndsWith, "_%", false), "p4"},
		"a wildcard":       {part(store.Contains, "p_", false), ""},
		"no wildcard":      {part(store.Contains, "4_%", false), "p4"},
		"domain":           {store.ProjectQuery{DomainID: "d1"}, "p1 p2 p3 p4"},
		"parent":           {store.ProjectQuery{ParentID: "p2"}, "p3"},
		"disabled":         {store.ProjectQuery{Enabled: new(false)}, "p4"},
		"domains":          {store.ProjectQuery{IsDomain: new(true)}, "d1 d2"},
		"page":             {store.ProjectQuery{Page: store.Page{Limit: 2}}, "d1 d2"},
		"next page":        {store.ProjectQuery{Page: store.Page{Limit: 2, Marker: "d2"}}, "p1 p2"},
		"page of a filter": {store.ProjectQuery{Names: []store.NameFilter{{Comparator: store.Contains, Value: "p"}}, Page: store.Page{Limit: 2, Marker: "p1"}}, "p2 p3"},
	} {
		if got := projectIDs(must(s.Projects(t.Context(), c.query))(t)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	_, err := s.Projects(t.Context(), store.ProjectQuery{Page: store.Page{Marker: "none"}})
	wantFault(t, err, fault.NotFound, "Marker none could not be found.")
}

func testTags(t *testing.T, s store.Store) {
	populate(t, s)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for id, tags := range map[string][]string{"p1": {"blue", "red", "red"}, "p2": {"blue"}} {
			p := project(id, "d1")
			p.Tags = tags
			if err := tx.UpdateProject(ctx, p); err != nil {
				return err
			}
		}
		return nil
	})
	for _, c := range []struct {
		query store.ProjectQuery
		want  string
	}{
		{store.ProjectQuery{Tags: []string{"blue"}}, "p1 p2"}, {store.ProjectQuery{Tags: []string{"red", "blue"}}, "p1"},
		{store.ProjectQuery{TagsAny: []string{"red", "green"}}, "p1"}, {store.ProjectQuery{NotTags: []string{"red", "blue"}}, "p2 p3"},
		{store.ProjectQuery{NotTagsAny: []string{"red"}}, "p2 p3"}, {store.ProjectQuery{Tags: []string{"blue"}, NotTagsAny: []string{"red"}}, "p2"},
	} {
		c.query.DomainID = "d1"
		found := must(s.Projects(t.Context(), c.query))(t)
		if got := projectIDs(found); got != c.want {
			t.Errorf("%+v: %q, want %q", c.query, got, c.want)
		}
		for _, p := range found {
			if p.ID == "p1" {
				same(t, []string{"blue", "red"}, p.Tags)
			}
		}
	}
}

func testProjectRemoval(t *testing.T, s store.Store) {
	populate(t, s)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		u := user("u1")
		u.DefaultProjectID = "p1"
		return errors.Join(tx.UpdateUser(ctx, u), tx.CreateAssignment(ctx, identity.Assignment{UserID: "u1", ProjectID: "p1", RoleID: "r1"}),
			tx.CreateAssignment(ctx, identity.Assignment{UserID: "u1", ProjectID: "p2", RoleID: "r1"}),
			tx.CreateCredential(ctx, &identity.Credential{ID: "c1", UserID: "u1", ProjectID: "p1", Type: "ec2"}),
			tx.CreateApplicationCredential(ctx, &identity.ApplicationCredential{ID: "a1", Name: "a", UserID: "u1", ProjectID: "p1"}))
	})
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteProject(ctx, "p1") })
	_, err := s.Project(t.Context(), "p1")
	wantFault(t, err, fault.NotFound, "Could not find project: p1.")
	same(t, []identity.Assignment{{UserID: "u1", ProjectID: "p2", RoleID: "r1"}}, must(s.Assignments(t.Context(), store.AssignmentQuery{}))(t))
	same(t, "", must(s.User(t.Context(), "u1"))(t).DefaultProjectID)
	_, err = s.Credential(t.Context(), "c1")
	wantFault(t, err, fault.NotFound, "c1")
	_, err = s.ApplicationCredential(t.Context(), "a1")
	wantFault(t, err, fault.NotFound, "a1")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteProject(ctx, "p1") })
	wantFault(t, err, fault.NotFound, "p1")
}

// moment is a time that every database keeps exactly.
func moment(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 123456000, time.UTC) }
