package manager

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/nova"
)

// extension is the state of a volume_extend. The row has the new size already, or the old one if a Python API asks.
type extension struct {
	rpcapi.ExtendVolume
	volume *block.Volume
}

var extending = []block.VolumeStatus{block.VolumeExtending}

func (m *Manager) extendFlow() *flow.Flow[extension, store.Tx] {
	return &flow.Flow[extension, store.Tx]{
		Name: rpcapi.FlowVolumeExtend,
		Steps: []flow.Step[extension, store.Tx]{
			{Name: "on_failure", UndoTx: m.extendFailed},
			{Name: "extract_volume_ref", Do: m.extractExtending, Undo: func(ctx context.Context, st *extension, cause error) error {
				m.tellVolume(ctx, st.volume, block.MessageExtendVolume, block.MessageDriverFailedExtend, cause)
				return nil
			}},
			{Name: "extend_volume", Do: func(ctx context.Context, st *extension) error {
				v := export.DriverVolume(st.volume)
				v.SizeGiB = st.OldSizeGiB
				return m.within(ctx, m.VerbTimeout, func(ctx context.Context) error {
					return m.Backend.ExtendVolume(ctx, v, st.NewSizeGiB)
				})
			}},
			{Name: "on_finish", Tx: m.extendOnFinish},
			{Name: "publish", Do: func(ctx context.Context, st *extension) error {
				m.capacity.add(st.volume.Host, st.NewSizeGiB-st.OldSizeGiB)
				m.notifyVolume(ctx, "resize.end", st.volume)
				return nil
			}},
			// Last, as upstream has it: a consumer that cannot be told does not make the volume smaller again.
			{Name: "extend_target", Do: func(ctx context.Context, st *extension) error {
				return m.within(ctx, m.VerbTimeout, func(ctx context.Context) error { return m.exports.Resize(ctx, st.volume) })
			}},
			{Name: "notify_nova", Do: func(ctx context.Context, st *extension) error {
				m.tellServers(ctx, st.volume, nova.EventVolumeExtended, block.MessageExtendVolume, block.MessageComputeFailedExtend)
				return nil
			}},
		},
	}
}

func (m *Manager) extractExtending(ctx context.Context, st *extension) error {
	v, err := m.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case v.Status != block.VolumeExtending || v.SizeGiB != st.NewSizeGiB && v.SizeGiB != st.OldSizeGiB:
		return flow.ErrObsolete // done already, perhaps followed by another extend
	case v.Queue().Backend() != m.queue:
		return flow.ErrTaken
	}
	v.SizeGiB = st.NewSizeGiB
	st.volume = v
	m.notifyVolume(ctx, "resize.start", v)
	return nil
}

// extendOnFinish puts the volume back in the state its attachments say it is in, which may have changed meanwhile.
func (m *Manager) extendOnFinish(ctx context.Context, tx store.Tx, st *extension) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	status, _ := block.DeriveStates(v.Attachments)
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: extending}, store.VolumeSet{Status: &status, SizeGiB: &st.NewSizeGiB})
	if err != nil || !ok || v.SizeGiB == st.NewSizeGiB {
		return err
	}
	return m.settleExtension(ctx, tx, st, v)
}

// settleExtension writes the usage after a size has been written.
func (m *Manager) settleExtension(ctx context.Context, tx store.Tx, st *extension, v *block.Volume) error {
	if err := tx.ReleaseReservations(ctx, st.Reservations); err != nil || !v.UseQuota {
		return err
	}
	return m.recordUsage(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName)
}

// extendFailed writes the old size back. The storage may hold more by now; nobody is told, and a later extend uses it.
func (m *Manager) extendFailed(ctx context.Context, tx store.Tx, st *extension, _ error) error {
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: extending},
		store.VolumeSet{Status: new(block.VolumeErrorExtending), SizeGiB: &st.OldSizeGiB})
	if err != nil || !ok {
		return err
	}
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	return m.settleExtension(ctx, tx, st, v)
}

// extended ends an extend whose last part somebody else has done.
func (m *Manager) extended(ctx context.Context, e *rpcapi.ExtendVolume, failed bool) error {
	st := &extension{ExtendVolume: *e}
	return m.Store.Update(ctx, func(tx store.Tx) error {
		if failed {
			return m.extendFailed(ctx, tx, st, nil)
		}
		return m.extendOnFinish(ctx, tx, st)
	})
}
