package adopt

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// snapshotState is the state of a snapshot_manage or a snapshot_unmanage; in the journal, the message.
type snapshotState struct {
	rpcapi.ManageExistingSnapshot
	snapshot *block.Snapshot
	volume   *block.Volume
	size     int64
	update   driver.Update
}

func (st *snapshotState) reference() driver.Reference { return driver.Reference(st.Reference) }

// driven is what the driver is told of the snapshot.
func (st *snapshotState) driven() driver.Snapshot {
	return export.DriverSnapshot(st.snapshot, st.volume)
}

var (
	snapshotCreating   = []block.SnapshotStatus{block.SnapshotCreating}
	snapshotUnmanaging = []block.SnapshotStatus{block.SnapshotUnmanaging}
)

// manageSnapshotFlow is upstream's snapshot_manage_existing_manager, with its task names.
func (s *Service) manageSnapshotFlow() *flow.Flow[snapshotState, store.Tx] {
	return &flow.Flow[snapshotState, store.Tx]{
		Name: rpcapi.FlowSnapshotManage,
		Steps: []flow.Step[snapshotState, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *snapshotState, _ error) error {
				_, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: snapshotCreating},
					store.SnapshotSet{Status: new(block.SnapshotError)})
				return err
			}},
			{Name: "extract_snapshot_ref", Do: func(ctx context.Context, st *snapshotState) error {
				return s.extractSnapshot(ctx, st, block.SnapshotCreating, "manage_existing_snapshot.start")
			}, Undo: func(ctx context.Context, st *snapshotState, cause error) error {
				s.TellSnapshot(ctx, st.snapshot, block.MessageCreateSnapshot, block.MessageSnapshotCreateFailed, cause)
				return nil
			}},
			{Name: "prepare_for_quota_reservation", Do: func(ctx context.Context, st *snapshotState) error {
				if err := s.alreadyManaged(ctx, st.reference(), st.SnapshotID); err != nil {
					return err
				}
				return s.within(ctx, func(ctx context.Context) (err error) {
					st.size, err = s.Storage.ManageExistingSnapshotGetSize(ctx, st.driven(), st.reference())
					return err
				})
			}},
			{Name: "quota_reserve", Tx: s.enterSnapshotSize},
			{Name: "manage_existing", Do: func(ctx context.Context, st *snapshotState) error {
				snap := st.driven()
				snap.SizeGiB = st.size
				return s.within(ctx, func(ctx context.Context) (err error) {
					st.update, err = s.Storage.ManageExistingSnapshot(ctx, snap, st.reference())
					return err
				})
			}, Undo: s.giveSnapshotBack},
			{Name: "on_finish", Tx: func(ctx context.Context, tx store.Tx, st *snapshotState) error {
				set := store.SnapshotSet{Status: new(block.SnapshotAvailable)} // the progress stays at 0%, as upstream's
				set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
				ok, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: snapshotCreating}, set)
				if err == nil && !ok {
					err = block.InvalidSnapshot("Snapshot %s left the status creating while it was managed.", st.SnapshotID)
				}
				return err
			}},
			s.publishSnapshot("manage_existing_snapshot.end"),
		},
	}
}

// extractSnapshot reads the snapshot, which must have this status, and its volume, which must be ours, and tells of the event.
func (s *Service) extractSnapshot(ctx context.Context, st *snapshotState, status block.SnapshotStatus, event string) (err error) {
	st.snapshot, err = s.Store.Snapshot(ctx, st.SnapshotID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case st.snapshot.Status != status:
		return flow.ErrObsolete
	}
	if st.volume, err = s.Store.Volume(ctx, st.snapshot.VolumeID, ""); err != nil {
		return err
	}
	if st.volume.Queue().Backend() != s.Backend {
		return flow.ErrTaken
	}
	s.NotifySnapshot(ctx, event, st.snapshot, st.volume)
	return nil
}

// publishSnapshot tells of the end of what was done to the snapshot.
func (s *Service) publishSnapshot(event string) flow.Step[snapshotState, store.Tx] {
	return flow.Step[snapshotState, store.Tx]{Name: "publish", Do: func(ctx context.Context, st *snapshotState) error {
		s.NotifySnapshot(ctx, event, st.snapshot, st.volume)
		return nil
	}}
}

// enterSnapshotSize writes the size that the snapshot turned out to have; the row was entered, and counted, with the
// volume's.
func (s *Service) enterSnapshotSize(ctx context.Context, tx store.Tx, st *snapshotState) error {
	n, err := tx.Snapshot(ctx, st.SnapshotID, "")
	if err != nil {
		return err
	}
	if n.VolumeSizeGiB != st.size && s.Quota != nil && n.UseQuota {
		if err := s.Quota.TakeGigabytes(ctx, tx, st.volume, n.ProjectID, 0, st.size-n.VolumeSizeGiB); err != nil {
			return err
		}
	}
	if _, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: snapshotCreating}, store.SnapshotSet{VolumeSizeGiB: &st.size}); err != nil {
		return err
	}
	return s.recordUsage(ctx, tx, st.volume, n.ProjectID)
}

// giveSnapshotBack is giveBack for snapshots. A run that never saw the row of one that is gone has managed nothing.
func (s *Service) giveSnapshotBack(ctx context.Context, st *snapshotState, _ error) error {
	n, err := s.Store.Snapshot(ctx, st.SnapshotID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		if n = st.snapshot; n == nil {
			return nil
		}
	case err != nil:
		return err
	case n.Status != block.SnapshotCreating:
		return nil
	}
	v, err := s.Store.Volume(ctx, n.VolumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil || v.Queue().Backend() != s.Backend {
		return err
	}
	return s.within(ctx, func(ctx context.Context) error {
		return s.Storage.UnmanageSnapshot(ctx, driver.Snapshot{ID: n.ID, Volume: export.DriverVolume(v), SizeGiB: n.VolumeSizeGiB}, st.reference())
	})
}

func (s *Service) unmanageSnapshotFlow() *flow.Flow[snapshotState, store.Tx] {
	return &flow.Flow[snapshotState, store.Tx]{
		Name: rpcapi.FlowSnapshotUnmanage,
		Steps: []flow.Step[snapshotState, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *snapshotState, cause error) error {
				status := block.SnapshotErrorDeleting
				if fault.Is(cause, fault.Busy) {
					status = block.SnapshotAvailable
				}
				_, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: snapshotUnmanaging}, store.SnapshotSet{Status: &status})
				return err
			}},
			{Name: "extract_snapshot_ref", Do: func(ctx context.Context, st *snapshotState) error {
				return s.extractSnapshot(ctx, st, block.SnapshotUnmanaging, "delete.start")
			}, Undo: func(ctx context.Context, st *snapshotState, cause error) error {
				s.TellSnapshot(ctx, st.snapshot, block.MessageDeleteSnapshot, block.SnapshotDeletionDetail(cause), cause)
				return nil
			}},
			{Name: "unmanage_snapshot", Do: func(ctx context.Context, st *snapshotState) error {
				return s.within(ctx, func(ctx context.Context) error { return s.Storage.UnmanageSnapshot(ctx, st.driven(), nil) })
			}},
			{Name: "destroy_entry", Tx: func(ctx context.Context, tx store.Tx, st *snapshotState) error {
				if err := tx.DestroySnapshot(ctx, st.SnapshotID); err != nil {
					return err
				}
				return s.recordUsage(ctx, tx, st.volume, st.snapshot.ProjectID)
			}},
			s.publishSnapshot("delete.end"),
		},
	}
}
