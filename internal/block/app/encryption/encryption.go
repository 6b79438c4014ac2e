// Package encryption is the use cases of how volume types are encrypted, and of what is told about encrypted volumes. The
// keys themselves are a key manager's.
package encryption

import (
	"context"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Encryption is the use cases. It is safe for concurrent use.
type Encryption struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Encryption { return &Encryption{Core: core} }

const rule = "volume_extension:volume_type_encryption:"

// OfType reads how volumes of a type are encrypted; nil if they are not.
func (u *Encryption) OfType(ctx context.Context, typeID string) (*block.TypeEncryption, error) {
	if err := u.Authorize(ctx, rule+"get"); err != nil {
		return nil, err
	}
	if _, err := u.Store.VolumeType(ctx, typeID, app.ProjectScope(ctx)); err != nil {
		return nil, err
	}
	e, err := u.Store.TypeEncryption(ctx, typeID)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return e, err
}

// Create has volumes of a type encrypted. Invalid while a volume has the type, and VolumeTypeEncryptionExists.
func (u *Encryption) Create(ctx context.Context, e block.TypeEncryption) (*block.TypeEncryption, error) {
	if err := u.Authorize(ctx, rule+"create"); err != nil {
		return nil, err
	}
	e.ID, e.CreatedAt = uuid.NewString(), u.Now()
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		if err := refuseUsed(ctx, tx, e.TypeID, "create"); err != nil {
			return err
		}
		if _, err := tx.VolumeType(ctx, e.TypeID, ""); err != nil {
			return err
		}
		switch _, err := tx.TypeEncryption(ctx, e.TypeID); {
		case err == nil:
			return fault.New(fault.Invalid, "VolumeTypeEncryptionExists", "Volume type encryption for type %s already exists.", e.TypeID)
		case !fault.Is(err, fault.NotFound):
			return err
		}
		return tx.CreateTypeEncryption(ctx, &e)
	})
	if err != nil {
		return nil, err
	}
	u.Events.Notify(ctx, "volume_type_encryption.create", map[string]any{"type_id": e.TypeID, "specs": map[string]any{
		"provider": e.Provider, "control_location": e.ControlLocation, "cipher": e.Cipher, "key_size": e.KeySizeBits,
		"encryption_id": e.ID, "volume_type_id": e.TypeID}})
	return &e, nil
}

// Change is what a caller wants changed; nil fields stay, a pointer to nil removes the value.
type Change struct {
	Provider, ControlLocation *string
	Cipher                    **string
	KeySizeBits               **int64
}

// Update changes how volumes of a type are encrypted. Invalid while a volume has the type; NotFound
// VolumeTypeEncryptionNotFound if they are not encrypted.
func (u *Encryption) Update(ctx context.Context, typeID string, c Change) error {
	if err := u.Authorize(ctx, rule+"update"); err != nil {
		return err
	}
	var e *block.TypeEncryption
	err := u.Store.Update(ctx, func(tx store.Tx) (err error) {
		if _, err := tx.VolumeType(ctx, typeID, ""); err != nil {
			return err
		}
		if err := refuseUsed(ctx, tx, typeID, "update"); err != nil {
			return err
		}
		if e, err = tx.TypeEncryption(ctx, typeID); err != nil {
			return err
		}
		set(&e.Provider, c.Provider)
		set(&e.ControlLocation, c.ControlLocation)
		set(&e.Cipher, c.Cipher)
		set(&e.KeySizeBits, c.KeySizeBits)
		return tx.UpdateTypeEncryption(ctx, e)
	})
	if err != nil {
		return err
	}
	u.Events.Notify(ctx, "volume_type_encryption.update", map[string]any{"type_id": typeID, "id": e.ID})
	return nil
}

// set assigns what there is to assign.
func set[V any](to, from *V) {
	if from != nil {
		*to = *from
	}
}

// Delete has volumes of a type no longer encrypted. Invalid while a volume has the type; NotFound
// VolumeTypeEncryptionNotFound.
func (u *Encryption) Delete(ctx context.Context, typeID string) error {
	if err := u.Authorize(ctx, rule+"delete"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		if err := refuseUsed(ctx, tx, typeID, "delete"); err != nil {
			return err
		}
		return tx.DestroyTypeEncryption(ctx, typeID)
	})
}

func refuseUsed(ctx context.Context, tx store.Tx, typeID, verb string) error {
	used, err := tx.TypeInUse(ctx, typeID)
	if err == nil && used {
		err = fault.New(fault.Invalid, "", "Cannot %s encryption specs. Volume type in use.", verb)
	}
	return err
}

// OfVolume reads what a consumer has to know of a volume's encryption: its key, empty if it has none, and how its type is
// encrypted, nil if it is not.
func (u *Encryption) OfVolume(ctx context.Context, id string) (keyID string, e *block.TypeEncryption, err error) {
	v, err := u.VolumeUnread(ctx, id, "volume_extension:volume_encryption_metadata")
	if err != nil {
		return "", nil, err
	}
	e, err = u.Store.TypeEncryption(ctx, v.VolumeTypeID)
	if fault.Is(err, fault.NotFound) {
		return v.EncryptionKeyID, nil, nil
	}
	return v.EncryptionKeyID, e, err
}
