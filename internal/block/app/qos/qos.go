// Package qos is the use cases of QoS specs and of which volume types have them.
package qos

import (
	"context"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// QoS is the use cases of QoS specs. It is safe for concurrent use.
type QoS struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *QoS { return &QoS{Core: core} }

const rule = "volume_extension:qos_specs_manage:"

// Query is which QoS specs are asked for.
type Query = store.QoSQuery

// Get reads one.
func (u *QoS) Get(ctx context.Context, id string) (*block.QoSSpecs, error) {
	if err := u.Authorize(ctx, rule+"get"); err != nil {
		return nil, err
	}
	return u.Store.QoSSpecs(ctx, id)
}

// List reads those that q chooses.
func (u *QoS) List(ctx context.Context, q Query) ([]*block.QoSSpecs, error) {
	if err := u.Authorize(ctx, rule+"get_all"); err != nil {
		return nil, err
	}
	return u.Store.QoSSpecsList(ctx, q)
}

// Create makes QoS specs. Invalid for a consumer that is none; Conflict QoSSpecsExists if the name is taken.
func (u *QoS) Create(ctx context.Context, name, consumer string, specs map[string]*string) (*block.QoSSpecs, error) {
	if err := u.Authorize(ctx, rule+"create"); err != nil {
		return nil, err
	}
	if err := block.CheckQoSConsumer(consumer); err != nil {
		return nil, err
	}
	q := &block.QoSSpecs{ID: uuid.NewString(), Name: name, Consumer: consumer, Specs: specs}
	q.CreatedAt = u.Now()
	if err := u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateQoSSpecs(ctx, q) }); err != nil {
		return nil, err
	}
	return q, nil
}

// Update merges specs; a nil consumer stays as it is.
func (u *QoS) Update(ctx context.Context, id string, consumer *string, specs map[string]*string) error {
	if err := u.Authorize(ctx, rule+"update"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.QoSSpecs(ctx, id); err != nil {
			return err
		}
		if consumer == nil {
			return tx.PutQoSSpecs(ctx, id, "", specs)
		}
		if err := block.CheckQoSConsumer(*consumer); err != nil {
			return err
		}
		return tx.PutQoSSpecs(ctx, id, *consumer, specs)
	})
}

// Delete removes QoS specs. While volume types have them it is Invalid, unless force takes them from the types.
func (u *QoS) Delete(ctx context.Context, id string, force bool) error {
	if err := u.Authorize(ctx, rule+"delete"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.QoSSpecs(ctx, id); err != nil {
			return err
		}
		types, err := tx.TypesWithQoS(ctx, id)
		if err != nil {
			return err
		}
		if len(types) > 0 && !force {
			return fault.New(fault.Invalid, "", "Qos specs still in use.")
		}
		if err := tx.ClearTypeQoS(ctx, "", id); err != nil {
			return err
		}
		return tx.DestroyQoSSpecs(ctx, id)
	})
}

// DeleteKeys removes keys one after another until one is not there: that is NotFound QoSSpecsKeyNotFound, and those before
// it stay removed, as upstream has it.
func (u *QoS) DeleteKeys(ctx context.Context, id string, keys []string) error {
	if err := u.Authorize(ctx, rule+"delete"); err != nil {
		return err
	}
	var missing error
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		missing = nil
		if _, err := tx.QoSSpecs(ctx, id); err != nil {
			return err
		}
		for _, key := range keys {
			there, err := tx.DeleteQoSKey(ctx, id, key)
			if err != nil {
				return err
			}
			if !there {
				missing = fault.New(fault.NotFound, "QoSSpecsKeyNotFound", "QoS spec %s has no spec with key %s.", id, key)
				return nil
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return missing
}

// Associations are the volume types that have these specs.
func (u *QoS) Associations(ctx context.Context, id string) ([]*block.VolumeType, error) {
	if err := u.Authorize(ctx, rule+"get_all"); err != nil {
		return nil, err
	}
	if _, err := u.Store.QoSSpecs(ctx, id); err != nil {
		return nil, err
	}
	return u.Store.TypesWithQoS(ctx, id)
}

// Associate gives these specs to a volume type. Invalid InvalidVolumeType if it has others.
func (u *QoS) Associate(ctx context.Context, id, typeID string) error {
	return u.change(ctx, id, typeID, func(tx store.Tx, t *block.VolumeType) error {
		switch t.QoSSpecsID {
		case id:
			return nil
		case "":
			return tx.SetTypeQoS(ctx, typeID, id)
		}
		return fault.New(fault.Invalid, "InvalidVolumeType", "Invalid volume type: Type %s is already associated with another qos specs: %s",
			typeID, t.QoSSpecsID)
	})
}

// Disassociate takes these specs from a volume type; that it does not have them is no error.
func (u *QoS) Disassociate(ctx context.Context, id, typeID string) error {
	return u.change(ctx, id, typeID, func(tx store.Tx, _ *block.VolumeType) error { return tx.ClearTypeQoS(ctx, typeID, id) })
}

func (u *QoS) change(ctx context.Context, id, typeID string, apply func(tx store.Tx, t *block.VolumeType) error) error {
	if err := u.Authorize(ctx, rule+"update"); err != nil {
		return err
	}
	if typeID == "" {
		return fault.New(fault.Invalid, "", "Volume Type id must not be None.")
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.QoSSpecs(ctx, id); err != nil {
			return err
		}
		t, err := tx.VolumeType(ctx, typeID, "")
		if err != nil {
			return err
		}
		return apply(tx, t)
	})
}

// DisassociateAll takes these specs from every volume type.
func (u *QoS) DisassociateAll(ctx context.Context, id string) error {
	if err := u.Authorize(ctx, rule+"update"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if _, err := tx.QoSSpecs(ctx, id); err != nil {
			return err
		}
		return tx.ClearTypeQoS(ctx, "", id)
	})
}
