package manager

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// snapshotCreation is the state of a snapshot_create.
type snapshotCreation struct {
	rpcapi.CreateSnapshot
	snapshot *block.Snapshot
	volume   *block.Volume
	update   driver.Update
}

// snapshotDeletion is the state of a snapshot_delete.
type snapshotDeletion struct {
	rpcapi.DeleteSnapshot
	snapshot *block.Snapshot
	volume   *block.Volume
}

var (
	snapshotCreating = []block.SnapshotStatus{block.SnapshotCreating}
	snapshotDeleting = []block.SnapshotStatus{block.SnapshotDeleting}
)

func (m *Manager) snapshotCreateFlow() *flow.Flow[snapshotCreation, store.Tx] {
	return &flow.Flow[snapshotCreation, store.Tx]{
		Name: rpcapi.FlowSnapshotCreate,
		Steps: []flow.Step[snapshotCreation, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *snapshotCreation, _ error) error {
				_, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: snapshotCreating},
					store.SnapshotSet{Status: new(block.SnapshotError)})
				return err
			}},
			{Name: "extract_snapshot_ref", Do: func(ctx context.Context, st *snapshotCreation) (err error) {
				st.snapshot, st.volume, err = m.extractSnapshot(ctx, st.SnapshotID, block.SnapshotCreating)
				if err == nil {
					m.notifySnapshot(ctx, "create.start", st.snapshot)
				}
				return err
			}, Undo: func(ctx context.Context, st *snapshotCreation, cause error) error {
				m.tellSnapshot(ctx, st.snapshot, block.MessageCreateSnapshot, block.MessageSnapshotCreateFailed, cause)
				return nil
			}},
			{Name: "create_snapshot", Do: m.createSnapshot, Undo: m.removeHalfMadeSnapshot},
			{Name: "on_finish", Tx: m.snapshotOnFinish},
			{Name: "publish", Do: func(ctx context.Context, st *snapshotCreation) error {
				m.capacity.touch()
				m.notifySnapshot(ctx, "create.end", st.snapshot)
				return nil
			}},
		},
	}
}

// extractSnapshot reads a snapshot that must have this status, and its volume, which must be ours.
func (m *Manager) extractSnapshot(ctx context.Context, id string, status block.SnapshotStatus) (*block.Snapshot, *block.Volume, error) {
	s, err := m.Store.Snapshot(ctx, id, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, nil, flow.ErrObsolete
	case err != nil:
		return nil, nil, err
	case s.Status != status:
		return nil, nil, flow.ErrObsolete
	}
	v, err := m.Store.Volume(ctx, s.VolumeID, "")
	if err != nil {
		return nil, nil, err
	}
	if v.Host.Backend() != m.Host {
		return nil, nil, flow.ErrTaken
	}
	return s, v, nil
}

func (m *Manager) createSnapshot(ctx context.Context, st *snapshotCreation) error {
	return m.within(ctx, m.CopyTimeout, func(ctx context.Context) (err error) {
		st.update, err = m.Backend.CreateSnapshot(ctx, driverSnapshot(st.snapshot, st.volume))
		return err
	})
}

// removeHalfMadeSnapshot deletes what create_snapshot made, if it came to that. The row decides, as for volumes: one that
// says anything but creating or deleting must not be touched. Where the row is gone, a run that never saw it knows of no
// volume to look in, and has made nothing.
func (m *Manager) removeHalfMadeSnapshot(ctx context.Context, st *snapshotCreation, _ error) error {
	s, err := m.Store.Snapshot(ctx, st.SnapshotID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		if s = st.snapshot; s == nil {
			return nil
		}
	case err != nil:
		return err
	case s.Status != block.SnapshotCreating && s.Status != block.SnapshotDeleting:
		return nil
	}
	v, err := m.Store.Volume(ctx, s.VolumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil // a volume goes after its snapshots
	}
	if err != nil || v.Host.Backend() != m.Host {
		return err
	}
	return m.within(ctx, m.CopyTimeout, func(ctx context.Context) error {
		return m.Backend.DeleteSnapshot(ctx, driverSnapshot(s, v))
	})
}

// snapshotOnFinish makes the snapshot available. If it was deleted while it was made, the flow is undone.
func (m *Manager) snapshotOnFinish(ctx context.Context, tx store.Tx, st *snapshotCreation) error {
	set := store.SnapshotSet{Status: new(block.SnapshotAvailable), Progress: new("100%")}
	setUpdate(st.update, &set.ProviderID, &set.ProviderLocation, &set.ProviderAuth)
	ok, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: snapshotCreating}, set)
	if err != nil || ok {
		return err
	}
	s, err := tx.Snapshot(ctx, st.SnapshotID, "")
	if err != nil {
		return err
	}
	if s.Status == block.SnapshotDeleting {
		return block.InvalidSnapshot("Snapshot %s was deleted while it was made.", s.ID)
	}
	return flow.ErrObsolete // somebody reset its status by hand; the snapshot stands
}

func (m *Manager) snapshotDeleteFlow() *flow.Flow[snapshotDeletion, store.Tx] {
	return &flow.Flow[snapshotDeletion, store.Tx]{
		Name: rpcapi.FlowSnapshotDelete,
		Steps: []flow.Step[snapshotDeletion, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *snapshotDeletion, cause error) error {
				status := block.SnapshotErrorDeleting
				if fault.Is(cause, fault.Busy) {
					status = block.SnapshotAvailable
				}
				_, err := tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: snapshotDeleting},
					store.SnapshotSet{Status: &status})
				return err
			}},
			{Name: "extract_snapshot_ref", Do: func(ctx context.Context, st *snapshotDeletion) (err error) {
				st.snapshot, st.volume, err = m.extractSnapshot(ctx, st.SnapshotID, block.SnapshotDeleting)
				if err == nil {
					m.notifySnapshot(ctx, "delete.start", st.snapshot)
				}
				return err
			}, Undo: func(ctx context.Context, st *snapshotDeletion, cause error) error {
				detail := block.MessageSnapshotDeleteFailed
				if fault.Is(cause, fault.Busy) {
					detail = block.MessageSnapshotBusy
				}
				m.tellSnapshot(ctx, st.snapshot, block.MessageDeleteSnapshot, detail, cause)
				return nil
			}},
			{Name: "delete_snapshot", Do: func(ctx context.Context, st *snapshotDeletion) error {
				return m.within(ctx, m.CopyTimeout, func(ctx context.Context) error {
					return m.Backend.DeleteSnapshot(ctx, driverSnapshot(st.snapshot, st.volume))
				})
			}},
			{Name: "destroy_entry", Tx: func(ctx context.Context, tx store.Tx, st *snapshotDeletion) error {
				return m.destroySnapshotRow(ctx, tx, st.snapshot, st.volume)
			}},
			{Name: "publish", Do: func(ctx context.Context, st *snapshotDeletion) error {
				m.capacity.touch()
				m.notifySnapshot(ctx, "delete.end", st.snapshot)
				return nil
			}},
		},
	}
}

// destroySnapshotRow removes the row of s, a snapshot of v, and writes the usage that is left.
func (m *Manager) destroySnapshotRow(ctx context.Context, tx store.Tx, s *block.Snapshot, v *block.Volume) error {
	if err := tx.DestroySnapshot(ctx, s.ID); err != nil {
		return err
	}
	if !s.UseQuota {
		return nil
	}
	return m.recordUsage(ctx, tx, s.ProjectID, v.VolumeTypeID, v.VolumeTypeName)
}
