// Package defaulttypes is the use cases of the volume types that projects have as their own default. What applies to a
// create is app.Core's DefaultType.
package defaulttypes

import (
	"context"

	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// DefaultTypes is the use cases. It is safe for concurrent use.
type DefaultTypes struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *DefaultTypes { return &DefaultTypes{Core: core} }

const rule = "volume_extension:default_"

// refused puts upstream's words in the place of the policy's.
func refused(err error) error {
	if fault.Is(err, fault.Forbidden) {
		return fault.Wrap(err, fault.Forbidden, "", "You are not authorized to perform this operation.")
	}
	return err
}

// check asks whether the caller may do what the rule stands for to a project.
func (u *DefaultTypes) check(ctx context.Context, rule, projectID string) error {
	return refused(u.Policy.Check(ctx, rule, app.Target(projectID, "")))
}

// Set makes the volume type, named by id or name, the project's default and gives its id. Invalid for a type that there is
// not. Whether the project exists is not asked: projects are Keystone's.
func (u *DefaultTypes) Set(ctx context.Context, projectID, nameOrID string) (typeID string, err error) {
	if err := u.check(ctx, rule+"set_or_update", projectID); err != nil {
		return "", err
	}
	t, err := u.TypeByNameOrID(ctx, nameOrID)
	if fault.Is(err, fault.NotFound) {
		return "", fault.Wrap(err, fault.Invalid, "", "%s", fault.UserText(err))
	}
	if err != nil {
		return "", err
	}
	return t.ID, u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.VolumeType(ctx, t.ID, ""); err != nil {
			return err
		}
		return tx.SetDefaultType(ctx, projectID, t.ID)
	})
}

// Get is the id of a project's default type. NotFound VolumeTypeProjectDefaultNotFound if it has none of its own.
func (u *DefaultTypes) Get(ctx context.Context, projectID string) (string, error) {
	if err := u.check(ctx, rule+"get", projectID); err != nil {
		return "", err
	}
	id, err := u.Store.DefaultTypeID(ctx, projectID)
	if err == nil && id == "" {
		err = fault.New(fault.NotFound, "VolumeTypeProjectDefaultNotFound", "Default type for project %s not found.", projectID)
	}
	return id, err
}

// List is the ids of all projects' default types, by project.
func (u *DefaultTypes) List(ctx context.Context) (map[string]string, error) {
	if err := refused(u.Authorize(ctx, rule+"get_all")); err != nil {
		return nil, err
	}
	return u.Store.DefaultTypeIDs(ctx)
}

// Unset removes a project's default type; that it has none is no error.
func (u *DefaultTypes) Unset(ctx context.Context, projectID string) error {
	if err := u.check(ctx, rule+"unset", projectID); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error { return tx.UnsetDefaultType(ctx, projectID) })
}
