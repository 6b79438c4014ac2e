package volumetypes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// userVisibleSpecs are the extra specs everyone may read.
var userVisibleSpecs = [...]string{"RESKEY:availability_zones", "multiattach", "replication_enabled"}

// VisibleSpecs are the extra specs of t the caller may read: all for those who may read sensitive ones, else the few
// that a user needs to know.
func (u *Types) VisibleSpecs(ctx context.Context, t *block.VolumeType) map[string]string {
	if u.Authorize(ctx, "volume_extension:types_extra_specs:read_sensitive") == nil {
		return t.ExtraSpecs
	}
	visible := map[string]string{}
	for _, key := range userVisibleSpecs {
		if value, there := t.ExtraSpecs[key]; there {
			visible[key] = value
		}
	}
	return visible
}

// Specs reads the extra specs of a type that the caller may read; rule is the policy of the operation.
func (u *Types) Specs(ctx context.Context, id, rule string) (map[string]string, error) {
	if err := u.Authorize(ctx, rule); err != nil {
		return nil, err
	}
	t, err := u.Store.VolumeType(ctx, id, app.ProjectScope(ctx))
	if err != nil {
		return nil, err
	}
	return u.VisibleSpecs(ctx, t), nil
}

// PutSpecs merges extra specs into a type's; verb, "create" or "update", is the last part of the policy's name. Invalid while a volume has the type, or if
// the type would be both multiattach and cacheable.
func (u *Types) PutSpecs(ctx context.Context, id string, specs map[string]string, verb string) error {
	if err := u.Authorize(ctx, "volume_extension:types_extra_specs:"+verb); err != nil {
		return err
	}
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		t, err := u.unusedType(ctx, tx, id)
		if err != nil {
			return err
		}
		merged := func(key string) string {
			if value, given := specs[key]; given {
				return value
			}
			return t.ExtraSpecs[key]
		}
		const yes = "<is> True"
		if merged("multiattach") == yes && merged("cacheable") == yes {
			return fault.New(fault.Invalid, "", "cacheable cannot be set with multiattach.")
		}
		return tx.PutExtraSpecs(ctx, id, specs)
	})
	if err != nil {
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
	u.tellSpecs(ctx, verb, told)
	return nil
}

// tellSpecs tells of a change of extra specs; upstream adds when the type itself was made and changed.
func (u *Types) tellSpecs(ctx context.Context, verb string, payload map[string]any) {
	if !u.Events.On() {
		return
	}
	id, _ := payload["type_id"].(string)
	if t, err := u.Store.VolumeType(ctx, id, ""); err == nil {
		payload["created_at"], payload["updated_at"] = notify.Moment(t.CreatedAt), notify.Moment(t.UpdatedAt)
	}
	u.Events.Notify(ctx, "volume_type_extra_specs."+verb, payload)
}

// DeleteSpec removes one extra spec. Invalid while a volume has the type; NotFound if there is none under this key.
func (u *Types) DeleteSpec(ctx context.Context, id, key string) error {
	if err := u.Authorize(ctx, "volume_extension:types_extra_specs:delete"); err != nil {
		return err
	}
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := u.unusedType(ctx, tx, id); err != nil {
			return err
		}
		return tx.DeleteExtraSpec(ctx, id, key)
	})
	if err != nil {
		return err
	}
	u.tellSpecs(ctx, "delete", map[string]any{"type_id": id, "id": key, "deleted_at": nil})
	return nil
}

// unusedType reads a type that no volume has.
func (u *Types) unusedType(ctx context.Context, tx store.Tx, id string) (*block.VolumeType, error) {
	t, err := tx.VolumeType(ctx, id, "")
	if err != nil {
		return nil, err
	}
	used, err := tx.TypeInUse(ctx, id)
	if err == nil && used {
		err = fault.New(fault.Invalid, "", "Volume Type is currently in use.")
	}
	return t, err
}

// SpecNotFound says that a type has no extra spec under this key.
func SpecNotFound(id, key string) error {
	return fault.New(fault.NotFound, "VolumeTypeExtraSpecsNotFound", "Volume Type %s has no extra specs with key %s.", id, key)
}

// Access lists the projects that may use a private type. NotFound for a public one.
func (u *Types) Access(ctx context.Context, id string) ([]string, error) {
	if err := u.Authorize(ctx, "volume_extension:volume_type_access:get_all_for_type"); err != nil {
		return nil, err
	}
	t, err := u.Store.VolumeType(ctx, id, "")
	if err != nil {
		return nil, err
	}
	if t.IsPublic {
		return nil, fault.New(fault.NotFound, "", "Access list not available for public volume types.")
	}
	return t.ProjectIDs, nil
}

// AddAccess lets a project use a private type. Conflict VolumeTypeAccessExists if it may already.
func (u *Types) AddAccess(ctx context.Context, id, projectID string) error {
	return u.changeAccess(ctx, id, projectID, "access.add", "volume_extension:volume_type_access:addProjectAccess",
		func(tx store.Tx) error { return tx.AddTypeAccess(ctx, id, projectID) })
}

// RemoveAccess takes that back. NotFound VolumeTypeAccessNotFound if the project may not use it.
func (u *Types) RemoveAccess(ctx context.Context, id, projectID string) error {
	return u.changeAccess(ctx, id, projectID, "access.remove", "volume_extension:volume_type_access:removeProjectAccess",
		func(tx store.Tx) error { return tx.RemoveTypeAccess(ctx, id, projectID) })
}

func (u *Types) changeAccess(ctx context.Context, id, projectID, event, rule string, change func(tx store.Tx) error) error {
	if err := u.Authorize(ctx, rule); err != nil {
		return err
	}
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		t, err := tx.VolumeType(ctx, id, "")
		if err != nil {
			return err
		}
		if t.IsPublic {
			return fault.New(fault.Invalid, "InvalidVolumeType",
				"Invalid volume type: Type access modification is not applicable to public volume type.")
		}
		return change(tx)
	})
	if err != nil {
		return err
	}
	u.Events.Notify(ctx, "volume_type_project."+event, map[string]any{"volume_type_id": id, "project_id": projectID})
	return nil
}
