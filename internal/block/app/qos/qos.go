// Package qos is the use cases of QoS specs and of which volume types have them.
package qos

import (
	"context"
	"maps"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/notify"
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
	q := &block.QoSSpecs{ID: uuid.NewString(), Name: name, Consumer: consumer, Specs: specs}
	q.CreatedAt = u.Now()
	err := block.CheckQoSConsumer(consumer)
	if err == nil {
		err = u.Store.Update(ctx, func(tx store.Tx) error { return tx.CreateQoSSpecs(ctx, q) })
	}
	u.Events.Outcome(ctx, "qos_specs.create", err,
		map[string]any{"name": name, "created_at": notify.Moment(q.CreatedAt), "specs": sent(&consumer, specs)}, map[string]any{"name": name})
	if err != nil {
		return nil, err
	}
	return q, nil
}

// sent is specs as a caller sends them, with the consumer among them.
func sent(consumer *string, specs map[string]*string) map[string]any {
	all := make(map[string]any, len(specs)+1)
	for key, value := range specs {
		all[key] = value
	}
	if consumer != nil {
		all["consumer"] = *consumer
	}
	return all
}

// change changes QoS specs that must be there in one transaction, and tells of what became of it in the event
// "qos_specs.<verb>", with what more says.
func (u *QoS) change(ctx context.Context, verb, id string, more map[string]any, apply func(tx store.Tx) error) error {
	var q *block.QoSSpecs
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if q, err = tx.QoSSpecs(ctx, id); err != nil {
			return err
		}
		return apply(tx)
	})
	u.tell(ctx, verb, id, q, err, more)
	return err
}

func (u *QoS) tell(ctx context.Context, verb, id string, q *block.QoSSpecs, err error, more map[string]any) {
	done := map[string]any{"id": id}
	if q != nil {
		done["created_at"] = notify.Moment(q.CreatedAt)
	}
	maps.Copy(done, more)
	u.Events.Outcome(ctx, "qos_specs."+verb, err, done, map[string]any{"id": id})
}

// Update merges specs; a nil consumer stays as it is.
func (u *QoS) Update(ctx context.Context, id string, consumer *string, specs map[string]*string) error {
	if err := u.Authorize(ctx, rule+"update"); err != nil {
		return err
	}
	told := map[string]any{"updated_at": notify.Moment(u.Now()), "specs": sent(consumer, specs)}
	return u.change(ctx, "update", id, told, func(tx store.Tx) error {
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
	return u.change(ctx, "delete", id, map[string]any{"deleted_at": notify.Moment(u.Now())}, func(tx store.Tx) error {
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
	var q *block.QoSSpecs
	var missing error
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		missing = nil
		if q, err = tx.QoSSpecs(ctx, id); err != nil {
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
	if err == nil {
		err = missing
	}
	u.tell(ctx, "delete_keys", id, q, err, map[string]any{"updated_at": notify.Moment(u.Now())})
	return err
}

// Associations are the volume types that have these specs.
func (u *QoS) Associations(ctx context.Context, id string) (types []*block.VolumeType, err error) {
	if err := u.Authorize(ctx, rule+"get_all"); err != nil {
		return nil, err
	}
	q, err := u.Store.QoSSpecs(ctx, id)
	if err == nil {
		types, err = u.Store.TypesWithQoS(ctx, id)
	}
	u.tell(ctx, "associations", id, q, err, nil) // upstream tells even of looking
	return types, err
}

// Associate gives these specs to a volume type. Invalid InvalidVolumeType if it has others.
func (u *QoS) Associate(ctx context.Context, id, typeID string) error {
	return u.changeType(ctx, "associate", id, typeID, func(tx store.Tx, t *block.VolumeType) error {
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
	return u.changeType(ctx, "disassociate", id, typeID, func(tx store.Tx, _ *block.VolumeType) error { return tx.ClearTypeQoS(ctx, typeID, id) })
}

func (u *QoS) changeType(ctx context.Context, verb, id, typeID string, apply func(tx store.Tx, t *block.VolumeType) error) error {
	if err := u.Authorize(ctx, rule+"update"); err != nil {
		return err
	}
	if typeID == "" {
		return fault.New(fault.Invalid, "", "Volume Type id must not be None.")
	}
	return u.change(ctx, verb, id, map[string]any{"type_id": typeID}, func(tx store.Tx) error {
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
	return u.change(ctx, "disassociate_all", id, nil, func(tx store.Tx) error { return tx.ClearTypeQoS(ctx, "", id) })
}
