package app

import (
	"context"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// TypeByNameOrID reads the volume type the caller named: by id if it looks like one and there is one, else by name. What
// looks like an id is said not to be found as one.
func (c *Core) TypeByNameOrID(ctx context.Context, nameOrID string) (*block.VolumeType, error) {
	return c.typeWithin(ctx, nameOrID, ProjectScope(ctx))
}

// AnyTypeByNameOrID is TypeByNameOrID whether or not the caller may use the type.
func (c *Core) AnyTypeByNameOrID(ctx context.Context, nameOrID string) (*block.VolumeType, error) {
	return c.typeWithin(ctx, nameOrID, "")
}

func (c *Core) typeWithin(ctx context.Context, nameOrID, scope string) (*block.VolumeType, error) {
	if uuid.Validate(nameOrID) == nil {
		t, err := c.Store.VolumeType(ctx, nameOrID, scope)
		if !fault.Is(err, fault.NotFound) {
			return t, err
		}
		if named, namedErr := c.Store.TypeByName(ctx, nameOrID, scope); !fault.Is(namedErr, fault.NotFound) {
			return named, namedErr
		}
		return nil, err
	}
	return c.Store.TypeByName(ctx, nameOrID, scope)
}

// GroupTypeByNameOrID is TypeByNameOrID for group types.
func (c *Core) GroupTypeByNameOrID(ctx context.Context, nameOrID string) (*block.GroupType, error) {
	scope := ProjectScope(ctx)
	if uuid.Validate(nameOrID) == nil {
		t, err := c.Store.GroupType(ctx, nameOrID, scope)
		if !fault.Is(err, fault.NotFound) {
			return t, err
		}
		if named, namedErr := c.Store.GroupTypeByName(ctx, nameOrID, scope); !fault.Is(namedErr, fault.NotFound) {
			return named, namedErr
		}
		return nil, err
	}
	return c.Store.GroupTypeByName(ctx, nameOrID, scope)
}

// DefaultType is the type of a volume for which none was asked: the project's own default, or the deployment's.
func (c *Core) DefaultType(ctx context.Context) (*block.VolumeType, error) {
	projectID := reqctx.From(ctx).ProjectID
	t, err := c.defaultTypes.Get(ctx, projectID, func(ctx context.Context) (*block.VolumeType, error) {
		return c.Store.DefaultType(ctx, projectID, c.Options.DefaultVolumeType)
	})
	if fault.Is(err, fault.NotFound) {
		return nil, fault.Wrap(err, fault.Internal, "VolumeTypeDefaultMisconfiguredError",
			"The request cannot be fulfilled as the default volume type %s cannot be found.", c.Options.DefaultVolumeType)
	}
	return t, err
}
