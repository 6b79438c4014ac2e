// Package grouptypes is the use cases of group types and their specs.
package grouptypes

import (
	"context"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// GroupTypes is the use cases of group types. It is safe for concurrent use.
type GroupTypes struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *GroupTypes { return &GroupTypes{Core: core} }

const rule = "group:group_types:"

// CreateRequest is what a caller asks of a new group type.
type CreateRequest struct {
	Name        string
	Description *string
	Private     bool
	Specs       map[string]*string
}

// Create makes a group type. Conflict GroupTypeExists if the name is taken.
func (u *GroupTypes) Create(ctx context.Context, r CreateRequest) (*block.GroupType, error) {
	if err := u.Authorize(ctx, rule+"create"); err != nil {
		return nil, err
	}
	t := &block.GroupType{ID: uuid.NewString(), Name: r.Name, Description: r.Description, IsPublic: !r.Private, Specs: r.Specs}
	t.CreatedAt = u.Now()
	err := u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateGroupType(ctx, t) })
	u.tell(ctx, "group_type.create", err, t, "")
	if err != nil {
		return nil, err
	}
	return t, nil
}

// tell tells of what became of a change of a group type: of t as it is or was to be, or where it is not known of its id.
func (u *GroupTypes) tell(ctx context.Context, event string, err error, t *block.GroupType, id string) {
	if !u.Events.On() {
		return
	}
	failed := map[string]any{"group_types": nil, "name": nil, "id": notify.OrNull(id)}
	if t == nil {
		u.Events.Outcome(ctx, event, err, nil, failed)
		return
	}
	failed["group_types"], failed["id"] = notify.GroupType(t), nil
	u.Events.Outcome(ctx, event, err, map[string]any{"group_types": notify.GroupType(t)}, failed)
}

// DefaultID, given to Get for an id, stands for the deployment's default_group_type.
const DefaultID = "default"

// Get reads one group type the caller may use. There is no rule for it, as upstream has none.
func (u *GroupTypes) Get(ctx context.Context, id string) (*block.GroupType, error) {
	if id != DefaultID {
		return u.Store.GroupType(ctx, id, app.ProjectScope(ctx))
	}
	if name := u.Options.DefaultGroupType; name != "" {
		if t, err := u.Store.GroupTypeByName(ctx, name, ""); !fault.Is(err, fault.NotFound) {
			return t, err
		}
	}
	return nil, fault.New(fault.NotFound, "", "Default group type can not be found.")
}

// List reads a page of the group types the caller may use. Only an administrator may choose by public, where true includes
// the private types its own project may use and nil means all.
func (u *GroupTypes) List(ctx context.Context, public *bool, page store.Page) ([]*block.GroupType, error) {
	q := store.GroupTypeQuery{IsPublic: public, Page: page}
	if caller := reqctx.From(ctx); !caller.IsAdmin || public != nil && *public {
		q.ProjectID, q.IsPublic = caller.ProjectID, nil
	}
	return u.Store.GroupTypes(ctx, q)
}

// MaySeeSpecs says whether the caller may see the specs of group types with the types.
func (u *GroupTypes) MaySeeSpecs(ctx context.Context) bool {
	return u.Authorize(ctx, "group:access_group_types_specs") == nil
}

// Change is what a caller wants changed of a group type; nil fields stay.
type Change struct {
	Name, Description *string
	Public            *bool
}

// Update changes a group type and returns it as it stands then.
func (u *GroupTypes) Update(ctx context.Context, id string, c Change) (*block.GroupType, error) {
	if err := u.Authorize(ctx, rule+"update"); err != nil {
		return nil, err
	}
	if c.Name != nil && *c.Name != "" && strings.TrimSpace(*c.Name) == "" {
		return nil, fault.New(fault.Invalid, "", "Group type name can not be empty.")
	}
	if c.Name == nil && c.Description == nil && c.Public == nil {
		return nil, fault.New(fault.Invalid, "", "Specify group type name, description or a combination thereof.")
	}
	var t *block.GroupType
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if t, err = tx.GroupType(ctx, id, ""); err != nil {
			return err
		}
		if c.Name != nil {
			t.Name = *c.Name
		}
		if c.Description != nil {
			t.Description = c.Description
		}
		if c.Public != nil {
			t.IsPublic = *c.Public
		}
		return tx.UpdateGroupType(ctx, t)
	})
	if err == nil {
		t, err = u.Store.GroupType(ctx, id, "")
	}
	u.tell(ctx, "group_type.update", err, t, id)
	if err != nil {
		return nil, err
	}
	return t, nil
}

// Delete removes a group type. Invalid while a group has it.
func (u *GroupTypes) Delete(ctx context.Context, id string) error {
	if err := u.Authorize(ctx, rule+"delete"); err != nil {
		return err
	}
	var t *block.GroupType
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if t, err = tx.GroupType(ctx, id, ""); err != nil {
			return err
		}
		used, err := tx.GroupTypeInUse(ctx, id)
		if err != nil {
			return err
		}
		if used {
			return fault.New(fault.Invalid, "", "Target group type is still in use. Group Type %s deletion is not allowed with groups present with the type.", id)
		}
		return tx.DestroyGroupType(ctx, id)
	})
	u.tell(ctx, "group_type.delete", err, t, id)
	return err
}

const specsRule = "group:group_types_specs:"

// Specs reads the specs of a group type; verb, "get" or "get_all", is the last part of the policy's name.
func (u *GroupTypes) Specs(ctx context.Context, id, verb string) (map[string]*string, error) {
	if err := u.Authorize(ctx, specsRule+verb); err != nil {
		return nil, err
	}
	t, err := u.Store.GroupType(ctx, id, app.ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	return t.Specs, nil
}

// PutSpecs merges specs into a group type's; verb, "create" or "update", is the last part of the policy's name.
func (u *GroupTypes) PutSpecs(ctx context.Context, id string, specs map[string]*string, verb string) error {
	if err := u.Authorize(ctx, specsRule+verb); err != nil {
		return err
	}
	if err := u.Store.Update(ctx, func(tx store.Tx) error { return tx.PutGroupSpecs(ctx, id, specs) }); err != nil {
		return err
	}
	told := map[string]any{"type_id": id}
	if verb == "create" {
		told["specs"] = specs
	} else {
		for key := range specs { // there is one
			told["id"] = key
		}
	}
	u.Events.Notify(ctx, "group_type_specs."+verb, told)
	return nil
}

// DeleteSpec removes one spec. NotFound GroupTypeSpecsNotFound if there is none under this key.
func (u *GroupTypes) DeleteSpec(ctx context.Context, id, key string) error {
	if err := u.Authorize(ctx, specsRule+"delete"); err != nil {
		return err
	}
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.GroupType(ctx, id, ""); err != nil {
			return err
		}
		return tx.DeleteGroupSpec(ctx, id, key)
	})
	if err != nil {
		return err
	}
	u.Events.Notify(ctx, "group_type_specs.delete", map[string]any{"type_id": id, "id": key})
	return nil
}
