package store

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
)

// Using is called in the transaction in which somebody begins to use a volume: if it is just being moved, the migration is
// given up, because what is written from now on would be lost.
func Using(ctx context.Context, tx VolumeWriter, id string) error {
	_, err := tx.UpdateVolume(ctx, id, VolumeWhen{MigrationStatus: []string{block.MigrationStarting, block.MigrationMigrating}},
		VolumeSet{MigrationStatus: new(block.MigrationError)})
	return err
}

// Settle derives a volume's states afresh from the attachments it has now. A volume that is gone needs none.
func Settle(ctx context.Context, tx Tx, volumeID string) error {
	v, err := tx.Volume(ctx, volumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	status, attach := block.DeriveStates(v.Attachments)
	set := VolumeSet{AttachStatus: &attach}
	if v.StatusFollowsAttachments() {
		set.Status = &status
	}
	_, err = tx.UpdateVolume(ctx, volumeID, VolumeWhen{}, set)
	return err
}

// ChangeType gives v the type *set.VolumeTypeID, with whatever else set says, if its row meets when; it says whether it did.
// Its snapshots change with it, and the usage under both types is written as RecordUsage does. A type that is gone is
// no error: then nobody can read its usage.
func ChangeType(ctx context.Context, tx Tx, v *block.Volume, when VolumeWhen, set VolumeSet, countSnapshots bool) (bool, error) {
	to := *set.VolumeTypeID
	ok, err := tx.UpdateVolume(ctx, v.ID, when, set)
	if err != nil || !ok {
		return false, err
	}
	if err := tx.RetypeSnapshots(ctx, v.ID, to); err != nil {
		return false, err
	}
	if !v.UseQuota {
		return true, nil
	}
	for _, id := range []string{v.VolumeTypeID, to} {
		t, err := tx.VolumeType(ctx, id, "")
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return false, err
		}
		if err := RecordUsage(ctx, tx, v.ProjectID, t.ID, t.Name, countSnapshots); err != nil {
			return false, err
		}
	}
	return true, nil
}
