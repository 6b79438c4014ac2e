package snapshots

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// reported says which statuses a client that takes or removes a snapshot itself (Nova, of volumes it has open) may report,
// by the status the snapshot is in.
func reported(from block.SnapshotStatus) []block.SnapshotStatus {
	switch from {
	case block.SnapshotCreating:
		return []block.SnapshotStatus{block.SnapshotCreating, block.SnapshotAvailable, block.SnapshotError}
	case block.SnapshotDeleting:
		return []block.SnapshotStatus{block.SnapshotDeleting, block.SnapshotErrorDeleting}
	}
	return nil
}

// Report writes how far a client says that a snapshot is (os-update_snapshot_status); an empty progress stays as it is.
// Invalid for a status that does not follow from the one it is in.
func (u *Snapshots) Report(ctx context.Context, id string, status block.SnapshotStatus, progress string) error {
	if _, err := u.Snapshot(ctx, id, "snapshot_extension:snapshot_actions:update_snapshot_status"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		s, err := tx.Snapshot(ctx, id, "")
		if err != nil {
			return err
		}
		allowed := reported(s.Status)
		if allowed == nil {
			return fault.New(fault.Invalid, "", "Snapshot status %s not allowed for update_snapshot_status", s.Status)
		}
		if !slices.Contains(allowed, status) {
			return fault.New(fault.Invalid, "", "Provided snapshot status %s not allowed for snapshot with status %s.", status, s.Status)
		}
		set := store.SnapshotSet{Status: &status}
		if progress != "" {
			set.Progress = &progress
		}
		_, err = tx.UpdateSnapshot(ctx, id, store.SnapshotWhen{}, set)
		return err
	})
}
