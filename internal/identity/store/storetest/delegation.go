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

func testTrusts(t *testing.T, s store.Store) {
	populate(t, s)
	first := &identity.Trust{ID: "t1", TrustorUserID: "u1", TrusteeUserID: "u2", ProjectID: "p1", Impersonation: true, RoleIDs: []string{"r1", "r2"}, ExpiresAt: moment(5),
		RemainingUses: new(int64(2)), RedelegationCount: 3}
	second := &identity.Trust{ID: "t2", TrustorUserID: "u2", TrusteeUserID: "u3", ProjectID: "p2", RedelegatedTrustID: "t1", RoleIDs: []string{"r1"}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateTrust(ctx, first), tx.CreateTrust(ctx, second), tx.CreateTrust(ctx, &identity.Trust{ID: "t3", TrustorUserID: "u3", TrusteeUserID: "u1"}))
	})
	same(t, first, must(s.Trust(t.Context(), "t1"))(t))
	same(t, []*identity.Trust{first}, must(s.Trusts(t.Context(), store.TrustQuery{TrustorUserID: "u1"}))(t))
	same(t, []*identity.Trust{second}, must(s.Trusts(t.Context(), store.TrustQuery{TrusteeUserID: "u3"}))(t))
	same(t, []*identity.Trust{second}, must(s.Trusts(t.Context(), store.TrustQuery{RedelegatedTrustID: "t1"}))(t))
	use := func(id string) (used bool) {
		t.Helper()
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			used, err = tx.UseTrust(ctx, id)
			return err
		})
		return used
	}
	if got := []bool{use("t1"), use("t1"), use("t1")}; !slices.Equal(got, []bool{true, true, false}) {
		t.Errorf("a trust that can be used twice: %v", got)
	}
	if !use("t2") || use("none") {
		t.Error("a trust without a limit cannot be used, or one that is not there can")
	}
	if got := must(s.Trust(t.Context(), "t1"))(t); *got.RemainingUses != 0 {
		t.Errorf("%d uses remain", *got.RemainingUses)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.DeleteRole(ctx, "r1"), tx.DeleteProject(ctx, "p1"))
	})
	_, err := s.Trust(t.Context(), "t1")
	wantFault(t, err, fault.NotFound, "Could not find trust: t1.")
	if got := must(s.Trust(t.Context(), "t2"))(t); len(got.RoleIDs) != 0 {
		t.Errorf("a trust with a role that is gone: %v", got.RoleIDs)
	}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.DeleteUser(ctx, "u1"), tx.DeleteTrust(ctx, "t2"))
	})
	if left := must(s.Trusts(t.Context(), store.TrustQuery{}))(t); len(left) != 0 {
		t.Errorf("left: %d", len(left))
	}
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteTrust(ctx, "t2") })
	wantFault(t, err, fault.NotFound, "Could not find trust: t2.")
}

func testOAuth(t *testing.T, s store.Store) {
	populate(t, s)
	consumer := &identity.Consumer{ID: "c1", Description: new("a program"), Secret: "hush", Extra: identity.Extra{"x": "y"}}
	request := &identity.RequestToken{ID: "q1", ConsumerID: "c1", ProjectID: "p1", Secret: "quiet", ExpiresAt: moment(5)}
	access := &identity.AccessToken{ID: "a1", ConsumerID: "c1", ProjectID: "p1", AuthorizingUserID: "u1", Secret: "still", ExpiresAt: moment(9), RoleIDs: []string{"r1", "r2"}}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateConsumer(ctx, consumer), tx.CreateConsumer(ctx, &identity.Consumer{ID: "c2"}), tx.CreateRequestToken(ctx, request, moment(0)),
			tx.CreateAccessToken(ctx, access, moment(0)))
	})
	same(t, consumer, must(s.Consumer(t.Context(), "c1"))(t))
	same(t, []*identity.Consumer{consumer, {ID: "c2"}}, must(s.Consumers(t.Context()))(t))
	same(t, access, must(s.AccessToken(t.Context(), "a1"))(t))
	same(t, []*identity.AccessToken{access}, must(s.AccessTokens(t.Context(), "u1"))(t))
	if list := must(s.AccessTokens(t.Context(), "u2"))(t); len(list) != 0 {
		t.Errorf("of another user: %d", len(list))
	}
	consumer.Description, consumer.Extra = nil, nil
	request.AuthorizingUserID, request.Verifier, request.RoleIDs = "u1", "abc", []string{"r1", "r3"}
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.UpdateConsumer(ctx, consumer), tx.AuthorizeRequestToken(ctx, request))
	})
	same(t, consumer, must(s.Consumer(t.Context(), "c1"))(t))
	same(t, request, must(s.RequestToken(t.Context(), "q1"))(t))

	// What has expired goes when something new comes.
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.CreateRequestToken(ctx, &identity.RequestToken{ID: "q2", ConsumerID: "c2", ProjectID: "p2", ExpiresAt: moment(20)}, moment(6)),
			tx.CreateAccessToken(ctx, &identity.AccessToken{ID: "a2", ConsumerID: "c2", ProjectID: "p2", AuthorizingUserID: "u2", ExpiresAt: moment(20)}, moment(6)))
	})
	_, err := s.RequestToken(t.Context(), "q1")
	wantFault(t, err, fault.NotFound, "Request token not found")
	same(t, access, must(s.AccessToken(t.Context(), "a1"))(t))
	update(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteRequestToken(ctx, "q2") })
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteRequestToken(ctx, "q2") })
	wantFault(t, err, fault.NotFound, "Request token not found")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		return errors.Join(tx.DeleteConsumer(ctx, "c1"), tx.DeleteUser(ctx, "u2"))
	})
	for _, id := range []string{"a1", "a2"} {
		_, err = s.AccessToken(t.Context(), id)
		wantFault(t, err, fault.NotFound, "Access token not found")
	}
	_, err = s.Consumer(t.Context(), "c1")
	wantFault(t, err, fault.NotFound, "Consumer not found")
	err = attempt(t, s, func(ctx context.Context, tx store.Tx) error { return tx.DeleteAccessToken(ctx, "a1") })
	wantFault(t, err, fault.NotFound, "Access token not found")
}
