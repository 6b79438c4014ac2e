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

func testCatalog(t *testing.T, s store.Store) {
	service := &identity.Service{ID: "s1", Type: "volumev3", Name: "cinder", Enabled: true, Extra: identity.Extra{"description": "blocks"}}
	endpoint := &identity.Endpoint{ID: "e1", ServiceID: "s1", Interface: "public", RegionID: "R", URL: "http://x/$(project_id)s", Enabled: true}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateService(ctx, service), tx.CreateService(ctx, &identity.Service{ID: "s2", Type: "image"}), tx.CreateEndpoint(ctx, endpoint),
			tx.CreateEndpoint(ctx, &identity.Endpoint{ID: "e2", ServiceID: "s2", Interface: "admin"}))
	})
	same(t, service, must(s.Service(t.Context(), "s1"))(t))
	same(t, endpoint, must(s.Endpoint(t.Context(), "e1"))(t))
	same(t, []*identity.Service{service}, must(s.Services(t.Context(), store.ServiceQuery{Type: "volumev3", Name: "cinder"}))(t))
	same(t, []*identity.Endpoint{endpoint}, must(s.Endpoints(t.Context(), store.EndpointQuery{ServiceID: "s1", Interface: "public", RegionID: "R"}))(t))
	if n := len(must(s.Endpoints(t.Context(), store.EndpointQuery{Interface: "internal"}))(t)); n != 0 {
		t.Errorf("%d internal endpoints", n)
	}
	if list := must(s.Services(t.Context(), store.ServiceQuery{Page: store.Page{Limit: 1, Marker: "s1"}}))(t); len(list) != 1 || list[0].ID != "s2" {
		t.Errorf("the second page: %+v", list)
	}
	service.Name, service.Enabled, endpoint.URL, endpoint.RegionID = "changed", false, "http://y", ""
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.UpdateService(ctx, service), tx.UpdateEndpoint(ctx, endpoint))
	})
	same(t, service, must(s.Service(t.Context(), "s1"))(t))
	same(t, endpoint, must(s.Endpoint(t.Context(), "e1"))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.DeleteService(ctx, "s1"), tx.DeleteEndpoint(ctx, "e2"))
	})
	_, err := s.Endpoint(t.Context(), "e1")
	wantFault(t, err, fault.NotFound, "Could not find endpoint: e1.")
	_, err = s.Service(t.Context(), "s1")
	wantFault(t, err, fault.NotFound, "Could not find service: s1.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteEndpoint(ctx, "e2") })
	wantFault(t, err, fault.NotFound, "e2")
}

func testRegions(t *testing.T, s store.Store) {
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateRegion(ctx, &identity.Region{ID: "World", Description: "all", Extra: identity.Extra{"x": "y"}}),
			tx.CreateRegion(ctx, &identity.Region{ID: "Europe", ParentRegionID: "World"}), tx.CreateRegion(ctx, &identity.Region{ID: "Ghent", ParentRegionID: "Europe"}),
			tx.CreateService(ctx, &identity.Service{ID: "s1", Type: "image"}),
			tx.CreateEndpoint(ctx, &identity.Endpoint{ID: "e1", ServiceID: "s1", Interface: "admin", RegionID: "Ghent"}))
	})
	same(t, &identity.Region{ID: "World", Description: "all", Extra: identity.Extra{"x": "y"}}, must(s.Region(t.Context(), "World"))(t))
	if list := must(s.Regions(t.Context(), store.RegionQuery{ParentRegionID: "World"}))(t); len(list) != 1 || list[0].ID != "Europe" {
		t.Errorf("below World: %+v", list)
	}
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		return tx.CreateRegion(ctx, &identity.Region{ID: "Ghent"})
	})
	wantFault(t, err, fault.Conflict, "Conflict occurred attempting to store region - Duplicate ID, Ghent.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteRegion(ctx, "World") })
	wantFault(t, err, fault.Forbidden, "Unable to delete region World")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.UpdateRegion(ctx, &identity.Region{ID: "Europe", Description: "changed", ParentRegionID: "World"}), tx.DeleteEndpoint(ctx, "e1"), tx.DeleteRegion(ctx, "Europe"))
	})
	if list := must(s.Regions(t.Context(), store.RegionQuery{}))(t); len(list) != 1 || list[0].ID != "World" {
		t.Errorf("left: %+v", list)
	}
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteRegion(ctx, "Ghent") })
	wantFault(t, err, fault.NotFound, "Could not find region: Ghent.")
}

func testCredentials(t *testing.T, s store.Store) {
	want := &identity.Credential{ID: "c1", UserID: "u1", ProjectID: "p1", Type: "ec2", Blob: `{"access": "x", "secret": "hush"}`, Extra: identity.Extra{"x": "y"}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateCredential(ctx, want), tx.CreateCredential(ctx, &identity.Credential{ID: "c2", UserID: "u2", Type: "cert", Blob: "x"}))
	})
	same(t, want, must(s.Credential(t.Context(), "c1"))(t))
	same(t, []*identity.Credential{want}, must(s.Credentials(t.Context(), store.CredentialQuery{UserID: "u1", Type: "ec2"}))(t))
	want.Blob, want.Type = "other", "totp"
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.UpdateCredential(ctx, want) })
	same(t, want, must(s.Credential(t.Context(), "c1"))(t))
	err := attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.CreateCredential(ctx, want) })
	wantFault(t, err, fault.Conflict, "Duplicate entry found with ID c1.")
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteCredential(ctx, "c1") })
	_, err = s.Credential(t.Context(), "c1")
	wantFault(t, err, fault.NotFound, "Could not find credential: c1.")
}

func testApplicationCredentials(t *testing.T, s store.Store) {
	populate(t, s)
	rule := identity.AccessRule{ID: "x1", UserID: "u1", Service: "volumev3", Method: "GET", Path: "/v3/volumes/*"}
	want := &identity.ApplicationCredential{ID: "a1", Name: "robot", UserID: "u1", ProjectID: "p1", SecretHash: "$2", ExpiresAt: moment(1), Unrestricted: true,
		RoleIDs: []string{"r1", "r2"}, AccessRules: []identity.AccessRule{rule}}
	strict := &identity.ApplicationCredential{ID: "a2", Name: "strict", Description: new("may nothing"), UserID: "u1", ProjectID: "p2", AccessRules: []identity.AccessRule{}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateApplicationCredential(ctx, want), tx.CreateApplicationCredential(ctx, strict))
	})
	same(t, want, must(s.ApplicationCredential(t.Context(), "a1"))(t))
	same(t, []*identity.ApplicationCredential{want, strict}, must(s.ApplicationCredentials(t.Context(), store.ApplicationCredentialQuery{UserID: "u1"}))(t))
	same(t, []*identity.ApplicationCredential{strict}, must(s.ApplicationCredentials(t.Context(), store.ApplicationCredentialQuery{UserID: "u1", Name: "strict", ProjectID: "p2"}))(t))
	same(t, []identity.AccessRule{rule}, must(s.AccessRules(t.Context(), "u1"))(t))
	_, err := s.AccessRule(t.Context(), "u2", "x1")
	wantFault(t, err, fault.NotFound, "Could not find Access Rule: x1.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error {
		again := *strict
		again.ID = "a3"
		return tx.CreateApplicationCredential(ctx, &again)
	})
	wantFault(t, err, fault.Conflict, "application_credential - Duplicate entry found with name strict.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteAccessRule(ctx, "u1", "x1") })
	wantFault(t, err, fault.Forbidden, "in use")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.DeleteApplicationCredential(ctx, "a1"), tx.DeleteAccessRule(ctx, "u1", "x1"))
	})
	_, err = s.ApplicationCredential(t.Context(), "a1")
	wantFault(t, err, fault.NotFound, "Could not find Application Credential: a1.")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteAccessRule(ctx, "u1", "x1") })
	wantFault(t, err, fault.NotFound, "x1")
}

func testRevocations(t *testing.T, s store.Store) {
	at := func(second int) time.Time { return moment(second).Truncate(time.Second) }
	revoke := func(e identity.RevocationEvent, expired time.Time) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.Revoke(ctx, e, expired) })
	}
	revoke(identity.RevocationEvent{UserID: "u1", IssuedBefore: at(5), RevokedAt: at(5)}, at(0))
	revoke(identity.RevocationEvent{AuditID: "a1", ProjectID: "p1", IssuedBefore: at(7), RevokedAt: at(7)}, at(0))
	found := func(user string, issued int) string {
		var names []string
		for _, e := range must(s.Revocations(t.Context(), user, at(issued)))(t) {
			names = append(names, e.UserID+e.AuditID+e.ProjectID)
		}
		return strings.Join(names, " ")
	}
	same(t, "u1 a1p1", found("u1", 5))
	same(t, "a1p1", found("u1", 6))
	same(t, "a1p1", found("u2", 5))
	same(t, "", found("u1", 8))
	for user, want := range map[string]time.Time{"u1": at(5), "u2": {}, "": at(5)} {
		if got := must(s.RevokedUntil(t.Context(), user))(t); !got.Equal(want) {
			t.Errorf("revoked of %q until %v, want %v", user, got, want)
		}
	}
	if list := must(s.AllRevocations(t.Context(), at(6), 10))(t); len(list) != 1 || list[0].AuditID != "a1" {
		t.Errorf("%+v", list)
	}
	revoke(identity.RevocationEvent{AuditChainID: "c1", IssuedBefore: at(9), RevokedAt: at(9)}, at(6))
	if list := must(s.AllRevocations(t.Context(), time.Time{}, 10))(t); len(list) != 2 {
		t.Errorf("expired events are kept: %+v", list)
	}
}
