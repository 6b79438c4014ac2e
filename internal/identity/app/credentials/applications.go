package credentials

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/secrets"
	"github.com/clinker/clinker/internal/identity/store"
)

// ownDelegation refuses tokens that were got by something given away, but for application credentials: those are managed with
// their own kind, if they are unrestricted.
func ownDelegation(ctx context.Context) error {
	caller := app.Caller(ctx)
	if caller.Trust != nil || caller.ApplicationCredential == nil && caller.Delegated() {
		return identity.Forbidden("application credentials cannot be managed with a token issued via delegation")
	}
	return nil
}

// unrestricted refuses application credentials that must not manage others.
func unrestricted(ctx context.Context) error {
	if c := app.Caller(ctx).ApplicationCredential; c != nil && !c.Unrestricted {
		return identity.ForbiddenAction("Using method 'application_credential' is not allowed for managing additional application credentials.")
	}
	return ownDelegation(ctx)
}

// Application is an application credential with its roles by name.
type Application struct {
	*identity.ApplicationCredential
	Roles []*identity.Role
}

// withRoles reads the roles of many at once.
func (u *Credentials) withRoles(ctx context.Context, list ...*identity.ApplicationCredential) (out []Application, err error) {
	ids := []string{}
	for _, a := range list {
		ids = append(ids, a.RoleIDs...)
	}
	roles, err := u.Store.Roles(ctx, store.RoleQuery{IDs: ids})
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		each := Application{ApplicationCredential: a}
		for _, r := range roles {
			if slices.Contains(a.RoleIDs, r.ID) {
				each.Roles = append(each.Roles, r)
			}
		}
		out = append(out, each)
	}
	return out, nil
}

// Applications lists the application credentials of a user, all or those of a name.
func (u *Credentials) Applications(ctx context.Context, userID, name string) ([]Application, error) {
	if err := u.Authorize(ctx, "identity:list_application_credentials", app.Owner(userID)); err != nil {
		return nil, err
	}
	if err := ownDelegation(ctx); err != nil {
		return nil, err
	}
	list, err := u.Store.ApplicationCredentials(ctx, store.ApplicationCredentialQuery{UserID: userID, Name: name})
	if err != nil {
		return nil, err
	}
	return u.withRoles(ctx, list...)
}

// application reads one that the caller may do to what rule stands for: whose it is counts, not whose the path says.
func (u *Credentials) application(ctx context.Context, rule, userID, id string) (*identity.ApplicationCredential, error) {
	a, err := app.OrNil(u.Store.ApplicationCredential(ctx, id))
	if err != nil {
		return nil, err
	}
	owner := userID
	if a != nil {
		owner = a.UserID
	}
	if err := u.Authorize(ctx, rule, app.Owner(owner)); err != nil {
		return nil, err
	}
	if a == nil {
		return nil, identity.NotFound(identity.TheApplicationCredential, id)
	}
	return a, ownDelegation(ctx)
}

// Application reads an application credential.
func (u *Credentials) Application(ctx context.Context, userID, id string) (Application, error) {
	a, err := u.application(ctx, "identity:get_application_credential", userID, id)
	if err != nil {
		return Application{}, err
	}
	list, err := u.withRoles(ctx, a)
	if err != nil {
		return Application{}, err
	}
	return list[0], nil
}

// RoleRef names a role by id or by name.
type RoleRef struct{ ID, Name string }

func invalidApplication(format string, args ...any) error {
	f := identity.Invalid(format, args...)
	f.Text = "Invalid application credential: " + f.Text
	return f
}

// secretBytes is how much chance is in a secret that we make.
const secretBytes = 64

// CreateApplication makes an application credential of the caller for the project of their token, with roles of theirs; all of
// them if none are named. secret is "" to have one made; what it is in the end is given back, and nowhere else to be found.
func (u *Credentials) CreateApplication(ctx context.Context, userID string, a *identity.ApplicationCredential, roles []RoleRef, secret string) (Application, string, error) {
	if err := u.Authorize(ctx, "identity:create_application_credential", app.Owner(userID)); err != nil {
		return Application{}, "", err
	}
	if err := unrestricted(ctx); err != nil {
		return Application{}, "", err
	}
	caller := app.Caller(ctx)
	switch {
	case caller.User.ID != userID:
		return Application{}, "", identity.ForbiddenAction("Cannot create an application credential for another user.")
	case caller.Project == nil:
		return Application{}, "", invalidApplication("a token of a project is needed")
	case !a.ExpiresAt.IsZero() && !u.Now().Before(a.ExpiresAt):
		return Application{}, "", identity.Invalid("The 'expires_at' must not be before now. The server could not comply with the request since it is either malformed or " +
			"otherwise incorrect. The client is assumed to be in error.")
	}
	a.ID, a.Name, a.UserID, a.ProjectID = app.NewID(), strings.TrimSpace(a.Name), userID, caller.Project.ID
	if err := u.chooseRoles(ctx, a, roles); err != nil {
		return Application{}, "", err
	}
	var err error
	if secret == "" {
		secret = secrets.Random(secretBytes)
		a.SecretHash, err = u.Secrets.HashRandom(secret)
	} else {
		a.SecretHash, err = u.Secrets.Hash(ctx, secret)
	}
	if err != nil {
		return Application{}, "", err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if err := u.chooseRules(ctx, tx, a); err != nil {
			return err
		}
		return tx.CreateApplicationCredential(ctx, a)
	})
	if err != nil {
		return Application{}, "", err
	}
	list, err := u.withRoles(ctx, a)
	if err != nil {
		return Application{}, "", err
	}
	return list[0], secret, nil
}

// chooseRoles finds the roles that are wanted, with what they imply, among those of the caller's token.
func (u *Credentials) chooseRoles(ctx context.Context, a *identity.ApplicationCredential, wanted []RoleRef) error {
	held := app.Caller(ctx).Roles
	if len(wanted) == 0 {
		for _, r := range held {
			a.RoleIDs = append(a.RoleIDs, r.ID)
		}
		return nil
	}
	for _, ref := range wanted {
		i := slices.IndexFunc(held, func(r *identity.Role) bool {
			return ref.ID != "" && r.ID == ref.ID || ref.ID == "" && r.Name == ref.Name
		})
		if i < 0 && ref.ID == "" {
			if known, err := u.Store.Roles(ctx, store.RoleQuery{Name: ref.Name, DomainID: new("")}); err != nil || len(known) == 0 {
				return cmp.Or(err, error(fault.New(fault.NotFound, "RoleNotFound", "Role %s is not defined", ref.Name)))
			}
		}
		if i < 0 {
			return invalidApplication("Cannot create an application credential with unassigned role")
		}
		a.RoleIDs = append(a.RoleIDs, held[i].ID)
	}
	rules, err := u.Store.Implications(ctx)
	if err != nil {
		return err
	}
	a.RoleIDs = slices.DeleteFunc(identity.Implied(a.RoleIDs, rules), func(id string) bool {
		return !slices.ContainsFunc(held, func(r *identity.Role) bool { return r.ID == id })
	})
	slices.Sort(a.RoleIDs)
	a.RoleIDs = slices.Compact(a.RoleIDs)
	return nil
}

// chooseRules finds the access rules that are named by id, takes those that are there already for those that say the same,
// and gives the others ids. They are read in the order of ids, and clients expect those they have just made in the order they
// were named: new ids go up.
func (u *Credentials) chooseRules(ctx context.Context, tx store.Tx, a *identity.ApplicationCredential) error {
	known, err := tx.AccessRules(ctx, a.UserID)
	if err != nil {
		return err
	}
	fresh := make([]string, len(a.AccessRules))
	for i := range fresh {
		fresh[i] = app.NewID()
	}
	slices.Sort(fresh)
	for i, rule := range a.AccessRules {
		j := slices.IndexFunc(known, func(k identity.AccessRule) bool {
			return rule.ID != "" && k.ID == rule.ID || rule.ID == "" && k.Service == rule.Service && k.Method == rule.Method && k.Path == rule.Path
		})
		switch {
		case j >= 0:
			a.AccessRules[i] = known[j]
		case rule.ID != "" && rule.Path == "":
			return identity.NotFound(identity.TheAccessRule, rule.ID)
		default:
			a.AccessRules[i].ID, a.AccessRules[i].UserID = fresh[i], a.UserID
			known = append(known, a.AccessRules[i])
		}
	}
	slices.SortFunc(a.AccessRules, func(x, y identity.AccessRule) int { return strings.Compare(x.ID, y.ID) })
	a.AccessRules = slices.CompactFunc(a.AccessRules, func(x, y identity.AccessRule) bool { return x.ID == y.ID })
	return nil
}

// DeleteApplication removes an application credential: tokens got with it are worthless at once.
func (u *Credentials) DeleteApplication(ctx context.Context, userID, id string) error {
	if _, err := u.application(ctx, "identity:delete_application_credential", userID, id); err != nil {
		return err
	}
	if err := unrestricted(ctx); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteApplicationCredential(ctx, id) })
}

// mayRules checks that the caller may do to the access rules of a user what rule stands for.
func (u *Credentials) mayRules(ctx context.Context, rule, userID string) error {
	user, err := app.OrNil(u.Store.User(ctx, userID))
	if err != nil {
		return err
	}
	if err := u.Authorize(ctx, rule, app.Owner(userID).User(user)); err != nil {
		return err
	}
	return ownDelegation(ctx)
}

// Rules lists the access rules of a user.
func (u *Credentials) Rules(ctx context.Context, userID string) ([]identity.AccessRule, error) {
	if err := u.mayRules(ctx, "identity:list_access_rules", userID); err != nil {
		return nil, err
	}
	return u.Store.AccessRules(ctx, userID)
}

// Rule reads an access rule of a user.
func (u *Credentials) Rule(ctx context.Context, userID, id string) (*identity.AccessRule, error) {
	if err := u.mayRules(ctx, "identity:get_access_rule", userID); err != nil {
		return nil, err
	}
	return u.Store.AccessRule(ctx, userID, id)
}

// DeleteRule removes an access rule of a user that no application credential has.
func (u *Credentials) DeleteRule(ctx context.Context, userID, id string) error {
	if err := u.mayRules(ctx, "identity:delete_access_rule", userID); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteAccessRule(ctx, userID, id) })
}

// ParseExpiry reads the expires_at of an application credential: ISO 8601, UTC if it names no zone.
func ParseExpiry(text string) (time.Time, error) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04:05.999999999", "2006-01-02T15:04:05-0700"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UTC().Truncate(time.Microsecond), nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "", "Timestamp not in expected format. The server could not comply with the request since it is either malformed or otherwise "+
		"incorrect. The client is assumed to be in error.")
}
