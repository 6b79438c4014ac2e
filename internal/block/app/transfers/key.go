package transfers

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// owner says whose a key is.
type owner bool

// A volume on offer is nobody's: its key is the service's until somebody takes it, or its owner takes it back.
const (
	caller  owner = false
	service owner = true
)

// update runs change in one transaction. The key of an encrypted volume, which is its snapshots' too, passes from one
// owner to the other with it: as a copy that goes if the transaction fails, while the one before goes if it does not.
func (u *Transfers) update(ctx context.Context, v *block.Volume, from, to owner, change func(tx store.Tx) error) error {
	if v.EncryptionKeyID == "" {
		return u.Store.Update(ctx, change)
	}
	key, err := u.MoveKey(ctx, v.EncryptionKeyID, from == service, to == service)
	if err != nil {
		return err
	}
	err = u.Store.Update(ctx, func(tx store.Tx) error {
		if err := change(tx); err != nil {
			return err
		}
		return putKey(ctx, tx, v.ID, key)
	})
	useless := v.EncryptionKeyID
	if err != nil {
		useless = key
	}
	if key != v.EncryptionKeyID { // a key manager with one key gives that again
		u.DropKey(ctx, useless)
	}
	return err
}

func putKey(ctx context.Context, tx store.Tx, volumeID, key string) error {
	if _, err := tx.UpdateVolume(ctx, volumeID, store.VolumeWhen{}, store.VolumeSet{EncryptionKeyID: &key}); err != nil {
		return err
	}
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: volumeID})
	if err != nil {
		return err
	}
	for _, s := range snapshots {
		if _, err := tx.UpdateSnapshot(ctx, s.ID, store.SnapshotWhen{}, store.SnapshotSet{EncryptionKeyID: &key}); err != nil {
			return err
		}
	}
	return nil
}
