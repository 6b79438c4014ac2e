package groups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// pictureDeletion is the state of a group_snapshot_delete.
type pictureDeletion struct {
	rpcapi.DeleteGroupSnapshot
	whole *block.GroupSnapshot
	parts []*part
}

// snapshotDeleteFlow removes a group snapshot with its snapshots. As in the delete of a group, each row goes with its bytes.
func (s *Service) snapshotDeleteFlow() *flow.Flow[pictureDeletion, store.Tx] {
	return &flow.Flow[pictureDeletion, store.Tx]{
		Name: rpcapi.FlowGroupSnapshotDelete,
		Steps: []flow.Step[pictureDeletion, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *pictureDeletion, cause error) error {
				to, partTo := block.GroupSnapshotError, block.SnapshotError
				if fault.Is(cause, fault.Busy) {
					to, partTo = block.GroupSnapshotAvailable, block.SnapshotAvailable
				}
				ok, err := tx.UpdateGroupSnapshot(ctx, st.GroupSnapshotID, []block.GroupSnapshotStatus{block.GroupSnapshotDeleting}, to)
				if err != nil || !ok {
					return err
				}
				return endSnapshots(ctx, tx, st.GroupSnapshotID, block.SnapshotDeleting, partTo)
			}},
			{Name: "extract_group_snapshot_ref", Do: s.extractPictureDeletion, Undo: func(ctx context.Context, st *pictureDeletion, cause error) error {
				for _, p := range st.parts {
					s.TellSnapshot(ctx, p.Snapshot, block.MessageDeleteSnapshot, block.SnapshotDeletionDetail(cause), cause)
				}
				return nil
			}},
			{Name: "delete_snapshots", Do: func(ctx context.Context, st *pictureDeletion) error {
				var first error
				for _, p := range st.parts {
					if err := s.deletePart(ctx, p); err != nil && (first == nil || fault.Is(first, fault.Busy)) {
						first = err
					}
				}
				return first
			}},
			{Name: "destroy_entry", Tx: func(ctx context.Context, tx store.Tx, st *pictureDeletion) error {
				return tx.DestroyGroupSnapshot(ctx, st.GroupSnapshotID)
			}},
			{Name: "publish", Do: func(ctx context.Context, st *pictureDeletion) error {
				s.Changed(block.Host(s.Backend), 0)
				s.notifySnapshot(ctx, "delete.end", st.whole, nil)
				return nil
			}},
		},
	}
}

func (s *Service) extractPictureDeletion(ctx context.Context, st *pictureDeletion) (err error) {
	st.whole, err = s.Store.GroupSnapshot(ctx, st.GroupSnapshotID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete // the row goes last: nothing is left
	case err != nil:
		return err
	case st.whole.Status != block.GroupSnapshotDeleting:
		return flow.ErrObsolete
	}
	if err := s.own(ctx, st.whole); err != nil {
		return err
	}
	if st.parts, err = s.readParts(ctx, st.GroupSnapshotID); err == nil {
		s.notifySnapshot(ctx, "delete.start", st.whole, st.parts)
	}
	return err
}

// deletePart removes one snapshot, first from the storage, then its row.
func (s *Service) deletePart(ctx context.Context, p *part) error {
	err := s.within(ctx, func(ctx context.Context) error {
		return s.Storage.DeleteSnapshot(ctx, export.DriverSnapshot(p.Snapshot, p.volume))
	})
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		if err := tx.DestroySnapshot(ctx, p.ID); err != nil || !p.UseQuota {
			return err
		}
		return store.RecordUsage(ctx, tx, p.ProjectID, p.volume.VolumeTypeID, p.volume.VolumeTypeName, s.CountSnapshots)
	})
	if err == nil {
		s.NotifySnapshot(ctx, "delete.end", p.Snapshot, p.volume)
	}
	return err
}
