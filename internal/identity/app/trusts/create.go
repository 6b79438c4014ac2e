package trusts

import (
	"context"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/access"
	"github.com/clinker/clinker/internal/identity/store"
)

// MaxRedelegation is how often a trust can be passed on ([trust] max_redelegation_count).
const MaxRedelegation = 3

// Request is what a trust is made of beside what the trust itself says.
type Request struct {
	Roles             []RoleRef
	AllowRedelegation bool
	RedelegationCount *int64
}

// Create makes a trust of what t says, which needs no id. The caller is the trustor, by a token of their own or by one got
// with a trust that this one passes on.
func (u *Trusts) Create(ctx context.Context, t *identity.Trust, q Request) (made Trust, err error) {
	if err := u.Authorize(ctx, "identity:create_trust", app.Target{"target.trust.trustor_user_id": t.TrustorUserID}); err != nil {
		return Trust{}, err
	}
	caller := app.Caller(ctx)
	switch err := direct(ctx); {
	case err != nil:
		return Trust{}, err
	case t.ProjectID != "" && len(q.Roles) == 0:
		return Trust{}, identity.ForbiddenAction("At least one role should be specified")
	case caller.User.ID != t.TrustorUserID:
		return Trust{}, identity.ForbiddenAction("The authenticated user should match the trustor")
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		c := *t // the transaction may run again
		if _, err := tx.User(ctx, c.TrusteeUserID); err != nil {
			return err
		}
		if err := chooseRoles(ctx, tx, &c, q.Roles); err != nil {
			return err
		}
		if !c.ExpiresAt.IsZero() && !u.Now().Before(c.ExpiresAt) {
			return identity.Invalid("The 'expires_at' must not be before now. The server could not comply with the request since it is either malformed or " +
				"otherwise incorrect. The client is assumed to be in error.")
		}
		if err := u.passOn(ctx, tx, &c, q); err != nil {
			return err
		}
		c.ID = app.NewID()
		if err := tx.CreateTrust(ctx, &c); err != nil {
			return err
		}
		made, err = withRoles(ctx, tx, &c)
		return err
	})
	return made, err
}

// passOn settles how often the trust may be passed on, that the trustor has what it gives, and what it passes on itself.
func (u *Trusts) passOn(ctx context.Context, tx store.Tx, t *identity.Trust, q Request) error {
	asked := q.RedelegationCount
	redelegatable := q.AllowRedelegation && (asked == nil || *asked != 0)
	switch {
	case !redelegatable:
		asked = new(int64(0))
	case asked != nil && *asked > MaxRedelegation:
		return identity.Forbidden("Requested redelegation depth of %d is greater than allowed %d", *asked, MaxRedelegation)
	case t.RemainingUses != nil:
		return identity.Invalid("remaining_uses must not be set if redelegation is allowed")
	}
	t.RedelegationCount = MaxRedelegation
	if asked != nil {
		t.RedelegationCount = *asked
	}
	origin := t.TrustorUserID
	if passed := app.Caller(ctx).Trust; passed != nil {
		parent, err := tx.Trust(ctx, passed.ID)
		if err != nil {
			return err
		}
		t.RedelegatedTrustID = parent.ID
		rest := parent.RedelegationCount - 1
		if redelegatable && asked != nil && *asked != rest {
			return identity.Forbidden("Modifying \"redelegation_count\" upon redelegation is forbidden. Omitting this parameter is advised.")
		}
		if asked == nil {
			t.RedelegationCount = rest
		}
		if t.ExpiresAt.IsZero() {
			t.ExpiresAt = parent.ExpiresAt
		}
		chain, err := Pedigree(ctx, tx, t, u.Now())
		if err != nil {
			return err
		}
		origin = chain[len(chain)-1].TrustorUserID
	}
	return u.has(ctx, tx, origin, t)
}

// has makes sure that the user at the beginning has the roles which a trust gives.
func (u *Trusts) has(ctx context.Context, tx store.Tx, userID string, t *identity.Trust) error {
	if t.ProjectID == "" {
		return nil
	}
	project, err := tx.Project(ctx, t.ProjectID)
	if err != nil {
		return err
	}
	actor, err := access.ActorOf(ctx, tx, userID)
	if err != nil {
		return err
	}
	roles, err := access.OnProject(ctx, tx, actor, project)
	if err != nil {
		return err
	}
	for _, id := range t.RoleIDs {
		if !slices.ContainsFunc(roles, func(r *identity.Role) bool { return r.ID == id }) {
			return identity.NotFound(identity.TheRole, id)
		}
	}
	return nil
}

// Pedigree are the trusts that t passes on, the nearest first and the one that began it last, when the whole chain is in
// order: each link passes on no more than it was given, is still good, and its agents are there. Else it is a
// fault.Forbidden, or fault.NotFound.
func Pedigree(ctx context.Context, r store.Reader, t *identity.Trust, now time.Time) (chain []*identity.Trust, err error) {
	for at := t; at.RedelegatedTrustID != ""; at = chain[len(chain)-1] {
		if len(chain) > MaxRedelegation {
			return nil, identity.Forbidden("trust %s is too far from its beginning", t.ID)
		}
		parent, err := r.Trust(ctx, at.RedelegatedTrustID)
		if err != nil {
			return nil, err
		}
		if parent.Expired(now) {
			return nil, identity.NotFound(identity.TheTrust, parent.ID)
		}
		if err := passes(parent, at); err != nil {
			return nil, err
		}
		agent, err := app.OrNil(r.User(ctx, parent.TrusteeUserID))
		if err != nil {
			return nil, err
		}
		if agent == nil || !agent.Enabled {
			return nil, identity.Forbidden("One of the trust agents is disabled or deleted")
		}
		chain = append(chain, parent)
	}
	return chain, nil
}

// passes refuses a trust that gives more than the one it passes on.
func passes(parent, child *identity.Trust) error {
	refuse := func(format string, args ...any) *fault.Error { return identity.Forbidden(format, args...) }
	switch {
	case parent.RedelegationCount <= 0 || parent.RedelegationCount > MaxRedelegation:
		return refuse("Remaining redelegation depth of %d out of allowed range of [0..%d]", parent.RedelegationCount, MaxRedelegation)
	case child.RemainingUses != nil:
		return refuse("Field \"remaining_uses\" is set to %d while it must not be set in order to redelegate a trust", *child.RemainingUses)
	case !parent.ExpiresAt.IsZero() && (child.ExpiresAt.IsZero() || child.ExpiresAt.After(parent.ExpiresAt)):
		return refuse("Requested expiration time is more than redelegated trust can provide")
	case slices.ContainsFunc(child.RoleIDs, func(id string) bool { return !slices.Contains(parent.RoleIDs, id) }):
		return refuse("Some of requested roles are not in redelegated trust")
	case child.ProjectID != parent.ProjectID:
		return refuse("the redelegated trust is for another project")
	case child.Impersonation && !parent.Impersonation:
		return refuse("Impersonation is not allowed because redelegated trust does not specify impersonation. Redelegated trust id: %s", parent.ID)
	}
	return nil
}
