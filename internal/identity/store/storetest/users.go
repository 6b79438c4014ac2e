package storetest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/store"
)

func testUsers(t *testing.T, s store.Store) {
	populate(t, s)
	want := &identity.User{ID: "u9", Name: "Ninth", DomainID: "d2", DefaultProjectID: "p1", Enabled: true, Options: identity.Options{"lock_password": true},
		Extra: identity.Extra{"email": "nine@example.org"}, PasswordHash: "$2a$04$x", PasswordCreatedAt: moment(1), PasswordExpiresAt: moment(2),
		FailedAuthCount: 3, FailedAuthAt: moment(3)}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateUser(ctx, want) })
	same(t, want, must(s.User(t.Context(), "u9"))(t))
	same(t, want, must(s.UserByName(t.Context(), "d2", "Ninth"))(t))
	_, err := s.UserByName(t.Context(), "d1", "Ninth")
	wantFault(t, err, fault.NotFound, "Could not find user: Ninth.")

	want.Name, want.Extra, want.PasswordHash, want.PasswordExpiresAt, want.Enabled = "Changed", nil, "", time.Time{}, false
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateUser(ctx, want) })
	same(t, want, must(s.User(t.Context(), "u9"))(t))

	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		u := user("u10")
		u.Name = "the u1"
		return tx.CreateUser(ctx, u)
	})
	wantFault(t, err, fault.Conflict, "Conflict occurred attempting to store user - Duplicate entry found with name the u1 at domain ID d1.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateUser(ctx, user("none")) })
	wantFault(t, err, fault.NotFound, "Could not find user: none.")

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateAssignment(ctx, identity.Assignment{UserID: "u1", System: true, RoleID: "r1"}),
			tx.CreateCredential(ctx, &identity.Credential{ID: "c1", UserID: "u1", Type: "ec2"}),
			tx.CreateApplicationCredential(ctx, &identity.ApplicationCredential{ID: "a1", Name: "a", UserID: "u1", ProjectID: "p1",
				AccessRules: []identity.AccessRule{{ID: "x1", UserID: "u1", Service: "volume", Method: "GET", Path: "/v3/**"}}}))
	})
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteUser(ctx, "u1") })
	_, err = s.User(t.Context(), "u1")
	wantFault(t, err, fault.NotFound, "u1")
	_, err = s.ApplicationCredential(t.Context(), "a1")
	wantFault(t, err, fault.NotFound, "a1")
	_, err = s.AccessRule(t.Context(), "u1", "x1")
	wantFault(t, err, fault.NotFound, "x1")
	if left := must(s.Assignments(t.Context(), store.AssignmentQuery{}))(t); len(left) != 0 {
		t.Errorf("assignments of a user who is gone: %+v", left)
	}
	if left := must(s.Credentials(t.Context(), store.CredentialQuery{}))(t); len(left) != 0 {
		t.Errorf("credentials of a user who is gone: %d", len(left))
	}
	if in := must(s.IsMember(t.Context(), "g1", "u1"))(t); in {
		t.Error("a user who is gone is in a group")
	}
}

func testUserFilters(t *testing.T, s store.Store) {
	populate(t, s)
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		u := user("u4")
		u.Enabled, u.PasswordExpiresAt, u.DomainID = false, moment(10), "d2"
		return tx.CreateUser(ctx, u)
	})
	expires := func(op string, second int) store.UserQuery {
		return store.UserQuery{PasswordExpiresAt: []store.TimeFilter{{Op: op, At: moment(second)}}}
	}
	for name, c := range map[string]struct {
		query store.UserQuery
		want  string
	}{
		"all":       {store.UserQuery{}, "u1 u2 u3 u4"},
		"ids":       {store.UserQuery{IDs: []string{"u2"}}, "u2"},
		"name":      {store.UserQuery{Name: "the u3"}, "u3"},
		"part":      {store.UserQuery{Names: []store.NameFilter{{Comparator: store.EndsWith, Value: "U2", AnyCase: true}}}, "u2"},
		"domain":    {store.UserQuery{DomainID: "d2"}, "u4"},
		"group":     {store.UserQuery{GroupID: "g1"}, "u1"},
		"enabled":   {store.UserQuery{Enabled: new(true)}, "u1 u2 u3"},
		"before":    {expires("lt", 11), "u4"},
		"not after": {expires("gt", 10), ""},
		"at":        {expires("eq", 10), "u4"},
		"not at":    {expires("neq", 10), ""},
		"page":      {store.UserQuery{Page: store.Page{Limit: 2, Marker: "u1"}}, "u2 u3"},
	} {
		var ids []string
		for _, u := range must(s.Users(t.Context(), c.query))(t) {
			ids = append(ids, u.ID)
		}
		if got := strings.Join(ids, " "); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
	_, err := s.Users(t.Context(), expires("about", 1))
	wantFault(t, err, fault.Invalid, "The given operator about is not valid.")
}

func testLogins(t *testing.T, s store.Store) {
	populate(t, s)
	epoch := s.Epoch()
	record := func(user string, ok bool, second int) {
		t.Helper()
		if err := s.RecordLogin(t.Context(), user, ok, moment(second)); err != nil {
			t.Error(err)
		}
	}
	record("u1", false, 1)
	record("u1", false, 2)
	record("none", false, 2)
	u := must(s.User(t.Context(), "u1"))(t)
	if u.FailedAuthCount != 2 || !u.FailedAuthAt.Equal(moment(2)) {
		t.Errorf("%d failures, the last at %v", u.FailedAuthCount, u.FailedAuthAt)
	}
	record("u1", true, 3)
	if u = must(s.User(t.Context(), "u1"))(t); u.FailedAuthCount != 0 || !u.FailedAuthAt.IsZero() {
		t.Errorf("after a success: %d failures, the last at %v", u.FailedAuthCount, u.FailedAuthAt)
	}
	if s.Epoch() != epoch {
		t.Error("logins change the epoch")
	}
}

func testGroups(t *testing.T, s store.Store) {
	populate(t, s)
	want := &identity.Group{ID: "g9", Name: "Ninth", DomainID: "d1", Description: "of many", Extra: identity.Extra{"color": "blue"}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateGroup(ctx, want), tx.AddMember(ctx, "g9", "u1"), tx.AddMember(ctx, "g9", "u1"), tx.AddMember(ctx, "g9", "u2"))
	})
	same(t, want, must(s.Group(t.Context(), "g9"))(t))
	want.Name, want.Description, want.Extra = "Changed", "", nil
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateGroup(ctx, want) })
	same(t, []*identity.Group{want}, must(s.Groups(t.Context(), store.GroupQuery{Name: "Changed", DomainID: "d1"}))(t))
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateGroup(ctx, &identity.Group{ID: "g10", Name: "Changed", DomainID: "d1"})
	})
	wantFault(t, err, fault.Conflict, "Duplicate entry found with name Changed at domain ID d1.")

	of := func(user string) string {
		var ids []string
		for _, g := range must(s.Groups(t.Context(), store.GroupQuery{UserID: user}))(t) {
			ids = append(ids, g.ID)
		}
		return strings.Join(ids, " ")
	}
	same(t, "g1 g9", of("u1"))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		was, err := tx.RemoveMember(ctx, "g9", "u1")
		wasNot, other := tx.RemoveMember(ctx, "g9", "u3")
		if !was || wasNot {
			t.Errorf("removed: %v, %v", was, wasNot)
		}
		return errors.Join(err, other, tx.CreateAssignment(ctx, identity.Assignment{GroupID: "g9", DomainID: "d1", RoleID: "r1"}))
	})
	same(t, "g1", of("u1"))
	if !must(s.IsMember(t.Context(), "g9", "u2"))(t) {
		t.Error("u2 is not in g9")
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteGroup(ctx, "g9") })
	_, err = s.Group(t.Context(), "g9")
	wantFault(t, err, fault.NotFound, "Could not find group: g9.")
	if left := must(s.Assignments(t.Context(), store.AssignmentQuery{}))(t); len(left) != 0 || of("u2") != "" {
		t.Errorf("left of a group: %+v, %q", left, of("u2"))
	}
}

func testRoles(t *testing.T, s store.Store) {
	populate(t, s)
	want := &identity.Role{ID: "r9", Name: "Ninth", DomainID: "d1", Description: new("of many"), Options: identity.Options{"immutable": true}}
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateRole(ctx, want) })
	same(t, want, must(s.Role(t.Context(), "r9"))(t))
	want.Name, want.Description, want.Options = "Changed", nil, nil
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateRole(ctx, want) })
	same(t, []*identity.Role{want}, must(s.Roles(t.Context(), store.RoleQuery{DomainID: new("d1")}))(t))
	if n := len(must(s.Roles(t.Context(), store.RoleQuery{DomainID: new("")}))(t)); n != 3 {
		t.Errorf("%d roles of no domain", n)
	}
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateRole(ctx, &identity.Role{ID: "r10", Name: "the r1"})
	})
	wantFault(t, err, fault.Conflict, "Conflict occurred attempting to store role - Duplicate entry found with name the r1.")

	update(t, s, func(ctx context.Context, tx store.Tx) error {
		i := identity.Implication{Prior: "r1", Implied: "r2"}
		return errors.Join(tx.CreateImplication(ctx, i), tx.CreateImplication(ctx, i), tx.CreateImplication(ctx, identity.Implication{Prior: "r2", Implied: "r3"}),
			tx.CreateAssignment(ctx, identity.Assignment{UserID: "u1", ProjectID: "p1", RoleID: "r2"}))
	})
	same(t, []identity.Implication{{Prior: "r1", Implied: "r2"}, {Prior: "r2", Implied: "r3"}}, must(s.Implications(t.Context()))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		was, err := tx.DeleteImplication(ctx, identity.Implication{Prior: "r1", Implied: "r2"})
		wasNot, other := tx.DeleteImplication(ctx, identity.Implication{Prior: "r1", Implied: "r3"})
		if !was || wasNot {
			t.Errorf("removed: %v, %v", was, wasNot)
		}
		return errors.Join(err, other)
	})
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteRole(ctx, "r2") })
	_, err = s.Role(t.Context(), "r2")
	wantFault(t, err, fault.NotFound, "Could not find role: r2.")
	if left := must(s.Implications(t.Context()))(t); len(left) != 0 {
		t.Errorf("implications of a role that is gone: %v", left)
	}
	if left := must(s.Assignments(t.Context(), store.AssignmentQuery{}))(t); len(left) != 0 {
		t.Errorf("assignments of a role that is gone: %v", left)
	}
}

func testAssignments(t *testing.T, s store.Store) {
	populate(t, s)
	all := []identity.Assignment{
		{GroupID: "g1", DomainID: "d1", RoleID: "r1"},
		{GroupID: "g1", ProjectID: "p1", RoleID: "r2"},
		{UserID: "u1", DomainID: "d1", RoleID: "r1", Inherited: true},
		{UserID: "u1", ProjectID: "p1", RoleID: "r1"},
		{UserID: "u1", ProjectID: "p2", RoleID: "r2"},
		{UserID: "u1", System: true, RoleID: "r3"},
		{UserID: "u2", ProjectID: "p1", RoleID: "r1", Inherited: true},
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, a := range append(all, all[0]) {
			if err := tx.CreateAssignment(ctx, a); err != nil {
				return err
			}
		}
		return nil
	})
	at := func(i ...int) (list []identity.Assignment) {
		for _, n := range i {
			list = append(list, all[n])
		}
		return list
	}
	for name, c := range map[string]struct {
		query store.AssignmentQuery
		want  []identity.Assignment
	}{
		"all":             {store.AssignmentQuery{}, all},
		"user":            {store.AssignmentQuery{UserIDs: []string{"u1"}}, at(2, 3, 4, 5)},
		"user and group":  {store.AssignmentQuery{UserIDs: []string{"u2"}, GroupIDs: []string{"g1"}}, at(0, 1, 6)},
		"nobody":          {store.AssignmentQuery{UserIDs: []string{}}, nil},
		"id of the other": {store.AssignmentQuery{UserIDs: []string{"g1"}}, nil},
		"project":         {store.AssignmentQuery{ProjectIDs: []string{"p1"}}, at(1, 3, 6)},
		"places":          {store.AssignmentQuery{ProjectIDs: []string{"p2"}, DomainIDs: []string{"d1"}}, at(0, 2, 4)},
		"system":          {store.AssignmentQuery{System: true}, at(5)},
		"inherited":       {store.AssignmentQuery{Inherited: new(true)}, at(2, 6)},
		"role":            {store.AssignmentQuery{RoleIDs: []string{"r2"}, UserIDs: []string{"u1"}}, at(4)},
	} {
		t.Run(name, func(t *testing.T) { same(t, c.want, must(s.Assignments(t.Context(), c.query))(t)) })
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		was, err := tx.DeleteAssignment(ctx, all[2])
		wasNot, other := tx.DeleteAssignment(ctx, identity.Assignment{UserID: "u1", DomainID: "d1", RoleID: "r1"})
		if !was || wasNot {
			t.Errorf("removed: %v, %v", was, wasNot)
		}
		return errors.Join(err, other)
	})
	same(t, at(6), must(s.Assignments(t.Context(), store.AssignmentQuery{Inherited: new(true)}))(t))
}
