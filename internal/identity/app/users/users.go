// Package users is the use cases of users, their passwords, and groups.
//
// What must not live here: logging in (package auth), and who has roles where (package roles).
package users

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/auth"
	"github.com/clinker/clinker/internal/identity/store"
)

// Users is the use cases. It is safe for concurrent use.
type Users struct {
	*app.Core
	auth *auth.Auth
}

// New makes the use cases over the parts of a.
func New(a *auth.Auth) *Users { return &Users{Core: a.Core, auth: a} }

// MaxPasswordBytes bounds a password.
const MaxPasswordBytes = 4096

// authorized reads a user the caller may do to what rule stands for.
func (u *Users) authorized(ctx context.Context, rule, id string) (*identity.User, error) {
	user, err := app.OrNil(u.Store.User(ctx, id))
	if err != nil {
		return nil, err
	}
	if err := u.Authorize(ctx, rule, app.Owner(id).User(user)); err != nil {
		return nil, err
	}
	if user == nil {
		return nil, identity.NotFound(identity.TheUser, id)
	}
	return user, nil
}

// Get reads a user.
func (u *Users) Get(ctx context.Context, id string) (*identity.User, error) {
	return u.authorized(ctx, "identity:get_user", id)
}

// List lists the users that q chooses. A caller whose token is for a domain sees that domain's only.
func (u *Users) List(ctx context.Context, q store.UserQuery) ([]*identity.User, error) {
	if err := u.Authorize(ctx, "identity:list_users", app.ListDomain(ctx)); err != nil {
		return nil, err
	}
	if !narrow(ctx, &q.DomainID) {
		return nil, nil
	}
	return u.Store.Users(ctx, q)
}

// narrow keeps a list to the domain of the caller's token, if it is for one; false says that nothing is left.
func narrow(ctx context.Context, domainID *string) bool {
	caller := app.Caller(ctx)
	if caller.Domain == nil {
		return true
	}
	if *domainID != "" && *domainID != caller.Domain.ID {
		return false
	}
	*domainID = caller.Domain.ID
	return true
}

// Create makes a user of what new says, which needs no id; password is nil for one who cannot log in by it.
func (u *Users) Create(ctx context.Context, made *identity.User, password *string) error {
	made.ID, made.Name, made.DomainID = app.NewID(), strings.TrimSpace(made.Name), app.DomainFor(ctx, made.DomainID)
	if err := u.Authorize(ctx, "identity:create_user", app.Target{}.User(made)); err != nil {
		return err
	}
	if err := u.setPassword(ctx, made, password); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.Domain(ctx, made.DomainID); err != nil {
			return err
		}
		if err := checkDefaultProject(ctx, tx, made.DefaultProjectID); err != nil {
			return err
		}
		return tx.CreateUser(ctx, made)
	})
}

// setPassword hashes a password outside of any transaction: it takes a while.
func (u *Users) setPassword(ctx context.Context, user *identity.User, password *string) (err error) {
	if password == nil {
		user.PasswordHash = ""
		return nil
	}
	if len(*password) > MaxPasswordBytes {
		return fault.New(fault.Forbidden, "", "The password length must be less than or equal to %d. The server could not comply with the request because the password is invalid.",
			MaxPasswordBytes)
	}
	user.PasswordHash, err = u.Secrets.Hash(ctx, *password)
	user.PasswordCreatedAt = u.Now()
	return err
}

// checkDefaultProject refuses a domain; a project that is not there does no harm, as in Keystone.
func checkDefaultProject(ctx context.Context, r store.ProjectReader, id string) error {
	if id == "" {
		return nil
	}
	p, err := app.OrNil(r.Project(ctx, id))
	if err == nil && p != nil && p.IsDomain {
		err = identity.Invalid("User's default project ID cannot be a domain ID: %s", id)
	}
	return err
}

// Change is what an update changes; nil fields stay.
type Change struct {
	Name, DomainID, DefaultProjectID *string
	Enabled                          *bool
	Password                         *string
	NoPassword                       bool             // takes the password away
	Options                          identity.Options // those that are there; null takes one away
	Extra                            identity.Extra
}

// Update changes a user. A new password, and switching the user off, makes all their tokens worthless; a new password, and
// switching on, lets in who was locked out.
func (u *Users) Update(ctx context.Context, id string, c Change) (*identity.User, error) {
	user, err := u.authorized(ctx, "identity:update_user", id)
	if err != nil {
		return nil, err
	}
	if c.DomainID != nil && *c.DomainID != user.DomainID {
		return nil, identity.Invalid("Cannot change Domain ID")
	}
	changed := &identity.User{}
	if c.Password != nil {
		if err := u.setPassword(ctx, changed, c.Password); err != nil {
			return nil, err
		}
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if user, err = tx.User(ctx, id); err != nil {
			return err
		}
		wasEnabled := user.Enabled
		if err := apply(ctx, tx, user, c); err != nil {
			return err
		}
		if c.Password != nil || c.NoPassword {
			user.PasswordHash, user.PasswordCreatedAt = changed.PasswordHash, changed.PasswordCreatedAt
		}
		if c.Password != nil || c.Enabled != nil && *c.Enabled {
			user.FailedAuthCount = 0
		}
		if err := tx.UpdateUser(ctx, user); err != nil {
			return err
		}
		if c.Password != nil || c.NoPassword || wasEnabled && !user.Enabled {
			return u.Revoke(ctx, tx, identity.RevocationEvent{UserID: id})
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return user, nil
}

// apply changes what is no password.
func apply(ctx context.Context, tx store.Tx, user *identity.User, c Change) error {
	if c.Name != nil {
		user.Name = strings.TrimSpace(*c.Name)
	}
	if c.DefaultProjectID != nil {
		if err := checkDefaultProject(ctx, tx, *c.DefaultProjectID); err != nil {
			return err
		}
		user.DefaultProjectID = *c.DefaultProjectID
	}
	if c.Enabled != nil {
		user.Enabled = *c.Enabled
	}
	user.Options, user.Extra = user.Options.Merge(c.Options), user.Extra.Merge(c.Extra)
	return nil
}

// Delete removes a user, with all that belongs to them here.
func (u *Users) Delete(ctx context.Context, id string) error {
	if _, err := u.authorized(ctx, "identity:delete_user", id); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.DeleteUser(ctx, id) })
}

// ChangePassword gives a user a new password if they know the old one, and makes all their tokens worthless. It needs no
// token: a password that has expired lets nobody have one. Who fails is counted as at a login.
func (u *Users) ChangePassword(ctx context.Context, id, original, password string) error {
	user, err := app.OrNil(u.Store.User(ctx, id))
	if err != nil {
		return err
	}
	if user != nil && !user.Enabled {
		user = nil
	}
	if err := u.auth.CheckPassword(ctx, user, original); err != nil {
		return err
	}
	if user.Options.True(identity.OptionLockPassword) {
		return identity.Invalid("You cannot change your password at this time due to password policy disallowing password changes. " +
			"Please contact your administrator to reset your password.")
	}
	changed := &identity.User{}
	if err := u.setPassword(ctx, changed, &password); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if user, err = tx.User(ctx, id); err != nil {
			return err
		}
		user.PasswordHash, user.PasswordCreatedAt, user.FailedAuthCount = changed.PasswordHash, changed.PasswordCreatedAt, 0
		if err := tx.UpdateUser(ctx, user); err != nil {
			return err
		}
		return u.Revoke(ctx, tx, identity.RevocationEvent{UserID: id})
	})
}
