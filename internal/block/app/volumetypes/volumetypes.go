// Package volumetypes is the use cases of volume types, their extra specs and who may use them.
package volumetypes

import (
	"context"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Types is the use cases of volume types. It is safe for concurrent use.
type Types struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Types { return &Types{Core: core} }

// CreateRequest is what a caller asks of a new type.
type CreateRequest struct {
	Name        string
	Description *string
	Private     bool
	ExtraSpecs  map[string]string
}

// Create makes a type. Conflict VolumeTypeExists if the name is taken.
func (u *Types) Create(ctx context.Context, r CreateRequest) (*block.VolumeType, error) {
	if err := u.Authorize(ctx, "volume_extension:type_create"); err != nil {
		return nil, err
	}
	t := &block.VolumeType{ID: uuid.NewString(), Name: r.Name, Description: r.Description, IsPublic: !r.Private,
		ExtraSpecs: r.ExtraSpecs}
	t.CreatedAt = u.Now()
	err := u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateVolumeType(ctx, t) })
	if err == nil {
		t, err = u.Store.VolumeType(ctx, t.ID, "")
	}
	u.tell(ctx, "volume_type.create", err, t, "")
	if err != nil {
		return nil, err
	}
	return t, nil
}

// tell tells of what became of a change of a type: of t as it is or was to be, or where it is not known of its id.
func (u *Types) tell(ctx context.Context, event string, err error, t *block.VolumeType, id string) {
	if !u.Events.On() {
		return
	}
	failed := map[string]any{"volume_types": nil, "name": nil, "id": notify.OrNull(id)}
	if t == nil {
		u.Events.Outcome(ctx, event, err, nil, failed)
		return
	}
	failed["volume_types"], failed["id"] = notify.VolumeType(t), nil
	u.Events.Outcome(ctx, event, err, map[string]any{"volume_types": notify.VolumeType(t)}, failed)
}

// DefaultID, given to Get for an id, stands for the type that applies to the caller when none is named.
const DefaultID = "default"

// Get reads one type the caller may use.
func (u *Types) Get(ctx context.Context, id string) (*block.VolumeType, error) {
	if err := u.Authorize(ctx, "volume_extension:type_get"); err != nil {
		return nil, err
	}
	if id == DefaultID {
		return u.DefaultType(ctx)
	}
	return u.Store.VolumeType(ctx, id, app.ProjectScope(ctx))
}

// List reads the types q chooses among those the caller may use; only an administrator may choose by IsPublic, where true
// includes the private types its own project may use. Who may not read an extra spec, finds nothing by it.
func (u *Types) List(ctx context.Context, q store.TypeQuery) ([]*block.VolumeType, error) {
	if err := u.Authorize(ctx, "volume_extension:type_get_all"); err != nil {
		return nil, err
	}
	if caller := reqctx.From(ctx); !caller.IsAdmin || q.IsPublic != nil && *q.IsPublic {
		q.ProjectID, q.IsPublic = caller.ProjectID, nil
	}
	if u.Authorize(ctx, "volume_extension:types_extra_specs:read_sensitive") != nil {
		for key := range q.ExtraSpecs {
			if !slices.Contains(userVisibleSpecs[:], key) {
				return nil, nil
			}
		}
	}
	return u.Store.VolumeTypes(ctx, q)
}

// Change is what a caller wants changed of a type; nil fields stay.
type Change struct {
	Name, Description *string
	Public            *bool
}

// Update changes a type and returns it as it stands then.
func (u *Types) Update(ctx context.Context, id string, c Change) (*block.VolumeType, error) {
	if err := u.Authorize(ctx, "volume_extension:type_update"); err != nil {
		return nil, err
	}
	if c.Name != nil && strings.TrimSpace(*c.Name) == "" {
		return nil, fault.New(fault.Invalid, "", "Volume type name can not be empty.")
	}
	if c.Name == nil && c.Description == nil && c.Public == nil {
		return nil, fault.New(fault.Invalid, "", "Specify volume type name, description, is_public or a combination thereof.")
	}
	var t *block.VolumeType
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if t, err = tx.VolumeType(ctx, id, ""); err != nil {
			return err
		}
		if c.Name != nil {
			t.Name = strings.TrimSpace(*c.Name)
		}
		if c.Description != nil {
			t.Description = c.Description
		}
		if c.Public != nil {
			t.IsPublic = *c.Public
		}
		return tx.UpdateVolumeType(ctx, t)
	})
	if err == nil {
		t, err = u.Store.VolumeType(ctx, id, "")
	}
	u.tell(ctx, "volume_type.update", err, t, id)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Delete removes a type. Invalid while a volume has it, and for the deployment's default type.
func (u *Types) Delete(ctx context.Context, id string) error {
	if err := u.Authorize(ctx, "volume_extension:type_delete"); err != nil {
		return err
	}
	var t *block.VolumeType
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if t, err = tx.VolumeType(ctx, id, ""); err != nil {
			return err
		}
		projects, err := tx.ProjectsWithDefaultType(ctx, id)
		if err != nil {
			return err
		}
		if t.Name == u.Options.DefaultVolumeType || len(projects) > 0 {
			return fault.New(fault.Invalid, "VolumeTypeDefaultDeletionError",
				"The volume type %s is a default volume type and cannot be deleted.", id)
		}
		used, err := tx.TypeInUse(ctx, id)
		if err != nil {
			return err
		}
		if used {
			return fault.New(fault.Invalid, "VolumeTypeInUse", "Target volume type is still in use.")
		}
		return tx.DestroyVolumeType(ctx, id)
	})
	u.tell(ctx, "volume_type.delete", err, t, id)
	return err
}
