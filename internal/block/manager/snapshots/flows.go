package snapshots

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/hold"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// creation is the state of a snapshot_create.
type creation struct {
	rpcapi.CreateSnapshot
	snapshot *block.Snapshot
	volume   *block.Volume
	update   driver.Update
}

// deletion is the state of a snapshot_delete.
type deletion struct {
	rpcapi.DeleteSnapshot
	snapshot *block.Snapshot
	volume   *block.Volume
}

var (
	creating = []block.SnapshotStatus{block.SnapshotCreating}
	deleting = []block.SnapshotStatus{block.SnapshotDeleting}
)

func (s *Service) createFlow() *flow.Flow[creation, store.Tx] {
	return &flow.Flow[creation, store.Tx]{
		Name: rpcapi.FlowSnapshotCreate,
		Steps: []flow.Step[creation, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *creation, _ error) error {
				_, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: creating},
					store.SnapshotSet{Status: new(block.SnapshotError)})
				return err
			}},
			{Name: "extract_snapshot_ref", Do: func(ctx context.Context, st *creation) (err error) {
				st.snapshot, st.volume, err = s.extract(ctx, st.SnapshotID, block.SnapshotCreating)
				if err == nil {
					s.Notify(ctx, "create.start", st.snapshot, st.volume)
				}
				return err
			}, Undo: func(ctx context.Context, st *creation, cause error) error {
				s.Tell(ctx, st.snapshot, block.MessageCreateSnapshot, block.MessageSnapshotCreateFailed, cause)
				return nil
			}},
			{Name: "create_snapshot", Do: s.take, Undo: s.removeHalfMade},
			{Name: "on_finish", Tx: s.createOnFinish},
			{Name: "publish", Do: func(ctx context.Context, st *creation) error {
				s.Changed()
				s.Notify(ctx, "create.end", st.snapshot, st.volume)
				return nil
			}},
		},
	}
}

// extract reads a snapshot that must have this status, and its volume, which must be ours.
func (s *Service) extract(ctx context.Context, id string, status block.SnapshotStatus) (*block.Snapshot, *block.Volume, error) {
	snap, err := s.Store.Snapshot(ctx, id, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil, flow.ErrObsolete
	case err != nil:
		return nil, nil, err
	case snap.Status != status:
		return nil, nil, flow.ErrObsolete
	}
	v, err := s.Store.Volume(ctx, snap.VolumeID, "")
	if err != nil {
		return nil, nil, err
	}
	if v.Queue().Backend() != s.Backend {
		return nil, nil, flow.ErrTaken
	}
	return snap, v, nil
}

func (s *Service) take(ctx context.Context, st *creation) (err error) {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	st.update, err = s.Storage.CreateSnapshot(ctx, export.DriverSnapshot(st.snapshot, st.volume))
	return err
}

// removeHalfMade deletes what create_snapshot made, if it came to that. The row decides, as for volumes: one that says
// anything but creating or deleting must not be touched. Where the row is gone, a run that never saw it knows of no
// volume to look in, and has made nothing.
func (s *Service) removeHalfMade(ctx context.Context, st *creation, _ error) error {
	snap, err := s.Store.Snapshot(ctx, st.SnapshotID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		if snap = st.snapshot; snap == nil {
			return nil
		}
	case err != nil:
		return err
	case snap.Status != block.SnapshotCreating && snap.Status != block.SnapshotDeleting:
		return nil
	}
	v, err := s.Store.Volume(ctx, snap.VolumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil // a volume goes after its snapshots
	}
	if err != nil || v.Queue().Backend() != s.Backend {
		return err
	}
	return s.remove(ctx, snap, v)
}

// createOnFinish makes the snapshot available. If it was deleted while it was made, the flow is undone.
func (s *Service) createOnFinish(ctx context.Context, tx store.Tx, st *creation) error {
	set := store.SnapshotSet{Status: new(block.SnapshotAvailable), Progress: new("100%")}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
	ok, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: creating}, set)
	switch {
	case err != nil:
		return err
	case ok && st.volume.Bootable && len(st.volume.ImageMetadata) != 0:
		return tx.PutSnapshotImageMetadata(ctx, st.SnapshotID, st.volume.ImageMetadata)
	case ok:
		return nil
	}
	snap, err := tx.Snapshot(ctx, st.SnapshotID, "")
	if err != nil {
		return err
	}
	if snap.Status == block.SnapshotDeleting {
		return block.InvalidSnapshot("Snapshot %s was deleted while it was made.", snap.ID)
	}
	return flow.ErrObsolete // somebody reset its status by hand; the snapshot stands
}

func (s *Service) deleteFlow() *flow.Flow[deletion, store.Tx] {
	return &flow.Flow[deletion, store.Tx]{
		Name: rpcapi.FlowSnapshotDelete,
		Hold: hold.While(s.Locks, func(st *deletion) []string { return []string{block.LockDeletingSnapshot(st.SnapshotID)} }),
		Steps: []flow.Step[deletion, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *deletion, cause error) error {
				status := block.SnapshotErrorDeleting
				if fault.Is(cause, fault.Busy) {
					status = block.SnapshotAvailable
				}
				_, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: deleting},
					store.SnapshotSet{Status: &status})
				return err
			}},
			{Name: "extract_snapshot_ref", Do: func(ctx context.Context, st *deletion) (err error) {
				st.snapshot, st.volume, err = s.extract(ctx, st.SnapshotID, block.SnapshotDeleting)
				if err == nil {
					s.Notify(ctx, "delete.start", st.snapshot, st.volume)
				}
				return err
			}, Undo: func(ctx context.Context, st *deletion, cause error) error {
				s.Tell(ctx, st.snapshot, block.MessageDeleteSnapshot, block.SnapshotDeletionDetail(cause), cause)
				return nil
			}},
			{Name: "delete_snapshot", Do: func(ctx context.Context, st *deletion) error {
				return s.remove(ctx, st.snapshot, st.volume)
			}},
			{Name: "destroy_entry", Tx: func(ctx context.Context, tx store.Tx, st *deletion) error {
				return s.destroyRow(ctx, tx, st.snapshot, st.volume)
			}},
			{Name: "publish", Do: func(ctx context.Context, st *deletion) error {
				s.Changed()
				s.Notify(ctx, "delete.end", st.snapshot, st.volume)
				s.Locks.Forget(block.LockDeletingSnapshot(st.SnapshotID))
				return nil
			}},
		},
	}
}
