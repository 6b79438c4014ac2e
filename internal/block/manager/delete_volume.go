package manager

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/hold"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// deletion is the state of a volume_delete.
type deletion struct {
	rpcapi.DeleteVolume
	volume *block.Volume
}

// deleting are the states of a volume that is to be deleted.
var deleting = []block.VolumeStatus{block.VolumeDeleting, block.VolumeErrorManagingDeleting}

func (m *Manager) deleteFlow() *flow.Flow[deletion, store.Tx] {
	return &flow.Flow[deletion, store.Tx]{
		Name: rpcapi.FlowVolumeDelete,
		Hold: hold.While(m.locks, func(st *deletion) []string { return []string{block.LockDeletingVolume(st.VolumeID)} }),
		Steps: []flow.Step[deletion, store.Tx]{
			{Name: "on_failure", UndoTx: m.deleteFailed},
			{Name: "extract_volume_ref", Do: m.extractDeleting},
			{Name: "remove_export", Do: func(ctx context.Context, st *deletion) error {
				return m.within(ctx, m.VerbTimeout, func(ctx context.Context) error { return m.exports.DisconnectAll(ctx, st.volume) })
			}},
			{Name: "delete_snapshots", Do: func(ctx context.Context, st *deletion) error {
				if !st.Cascade {
					return nil
				}
				return m.snapshots.DeleteAll(ctx, st.volume)
			}},
			{Name: "delete_volume", Do: func(ctx context.Context, st *deletion) error {
				return m.within(ctx, m.CopyTimeout, func(ctx context.Context) error {
					return m.Backend.DeleteVolume(ctx, export.DriverVolume(st.volume))
				})
			}},
			{Name: "destroy_entry", Tx: m.destroyVolume},
			{Name: "publish", Do: func(ctx context.Context, st *deletion) error {
				m.capacity.add(st.volume.Host, -st.volume.SizeGiB)
				m.notifyVolume(ctx, "delete.end", st.volume)
				m.locks.Forget(block.LockDeletingVolume(st.VolumeID), block.LockAttaching(st.VolumeID), block.LockDetaching(st.VolumeID))
				return nil
			}},
		},
		// Who destroys volumes of one project would wait for the others to have counted.
		Together: func(st *deletion) string { return store.QuotaLane(st.volume.ProjectID) },
	}
}

// deleteAgain deletes a volume that a Python service had begun to delete, and its snapshots with it.
func (m *Manager) deleteAgain(ctx context.Context, volumeID string) error {
	return run(ctx, m, m.flows.del, "", rpcapi.FlowVolumeDelete, volumeID, &deletion{DeleteVolume: rpcapi.DeleteVolume{VolumeID: volumeID, Cascade: true}})
}

func (m *Manager) extractDeleting(ctx context.Context, st *deletion) error {
	v, err := m.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete // the row goes last: nothing is left
	case err != nil:
		return err
	case v.Status != block.VolumeDeleting && v.Status != block.VolumeErrorManagingDeleting:
		return flow.ErrObsolete
	case v.Queue().Backend() != m.queue:
		return flow.ErrTaken
	case v.AttachStatus == block.AttachAttached:
		return fault.New(fault.Busy, "VolumeAttached", "Volume %s is still attached, detach volume first.", v.ID)
	}
	st.volume = v
	m.notifyVolume(ctx, "delete.start", v)
	return nil
}

func (m *Manager) destroyVolume(ctx context.Context, tx store.Tx, st *deletion) error {
	if err := m.images.Forget(ctx, tx, st.volume); err != nil {
		return err
	}
	if err := tx.DestroyVolume(ctx, st.VolumeID); err != nil {
		return err
	}
	if !st.volume.UseQuota {
		return nil
	}
	return m.recordUsage(ctx, tx, st.volume.ProjectID, st.volume.VolumeTypeID, st.volume.VolumeTypeName)
}

// recordUsage writes the usage of a project, counted afresh, for those who read Cinder's quota tables.
func (m *Manager) recordUsage(ctx context.Context, tx store.Tx, projectID, typeID, typeName string) error {
	return store.RecordUsage(ctx, tx, projectID, typeID, typeName, !m.NoSnapshotGigabytes)
}

// deleteFailed gives the volume back when the back end says it is busy, and else shows that the delete failed. So it does
// with the snapshots that were to go along and are still there.
func (m *Manager) deleteFailed(ctx context.Context, tx store.Tx, st *deletion, cause error) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	volumeTo, snapshotTo := block.VolumeErrorDeleting, block.SnapshotErrorDeleting
	if fault.Is(cause, fault.Busy) {
		volumeTo, _ = block.DeriveStates(v.Attachments)
		snapshotTo = block.SnapshotAvailable
	}
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: deleting}, store.VolumeSet{Status: &volumeTo})
	if err != nil || !ok || !st.Cascade {
		return err
	}
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: st.VolumeID})
	if err != nil {
		return err
	}
	for _, s := range snapshots {
		_, err := tx.UpdateSnapshot(ctx, s.ID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotDeleting}},
			store.SnapshotSet{Status: &snapshotTo})
		if err != nil {
			return err
		}
	}
	return nil
}
