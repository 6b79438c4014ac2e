package moves

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// What an operator wants managed that is in a storage already. Our API knows where that is and asks the volume service
// itself; a Python API asks the scheduler, which sees that the back end is there and finds the pool.

// adoption is the state of a volume_manage while the scheduler has it: in the journal, a ManageExisting.
type adoption struct {
	rpcapi.ManageExisting
	volume *block.Volume
	pool   snapshot.Pool // where it is
}

// ManageVolume serves manage_existing.
func (s *Service) ManageVolume(ctx context.Context, m *rpcapi.ManageExisting) error {
	if !s.Ready(ctx) {
		return nil
	}
	return serve(ctx, s.Flows, s.adopt, rpcapi.FlowVolumeManage, m.FlowID, m.VolumeID, &adoption{ManageExisting: *m})
}

// managing is a volume that is to be managed.
var managing = store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeManaging}}

func (s *Service) adoptFlow() *flow.Flow[adoption, store.Tx] {
	return &flow.Flow[adoption, store.Tx]{
		Name: "volume_manage_scheduler",
		Steps: []flow.Step[adoption, store.Tx]{
			{Name: "extract_scheduler_spec", Do: func(ctx context.Context, a *adoption) (err error) {
				if a.volume, err = found(s.Store.Volume(ctx, a.VolumeID, "")); err == nil && a.volume.Status != block.VolumeManaging {
					err = flow.ErrObsolete
				}
				return err
			}},
			{Name: "schedule_manage_existing", Do: s.findAdopted, Undo: func(ctx context.Context, a *adoption, cause error) error {
				s.Pools.Release(a.FlowID)
				if a.volume != nil {
					s.Failed(ctx, "manage_existing", a.volume, map[string]any{"status": string(block.VolumeError)}, cause)
				}
				return nil
			}},
			{Name: "volume_update_db", Tx: func(ctx context.Context, tx store.Tx, a *adoption) error {
				ok, err := tx.UpdateVolume(ctx, a.VolumeID, managing, store.VolumeSet{Host: &a.pool.Host, ClusterName: new(string(a.pool.Cluster))})
				if err == nil && !ok {
					s.Pools.Release(a.FlowID)
					err = flow.ErrObsolete
				}
				return err
			}, UndoTx: func(ctx context.Context, tx store.Tx, a *adoption, _ error) error {
				_, err := tx.UpdateVolume(ctx, a.VolumeID, managing, store.VolumeSet{Status: new(block.VolumeErrorManaging)})
				return err
			}},
			{Name: "volume_cast", Do: func(ctx context.Context, a *adoption) error {
				s.Pools.HandOver(a.FlowID)
				return s.Volumes.Cast(ctx, a.pool.Queue(), "3.0", rpcapi.MethodManageExisting, new(a.ManageExisting))
			}},
		},
		HandOver: func(a *adoption) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowVolumeManage, Owner: a.pool.Queue().Backend(), State: a.ManageExisting}
		},
	}
}

// findAdopted finds a pool of the back end that the volume is said to be on. How big it is nobody knows yet.
func (s *Service) findAdopted(ctx context.Context, a *adoption) error {
	request, err := s.Request(ctx, snapshot.ManageExisting, a.volume)
	if err != nil {
		return err
	}
	request.Backend = place(a.volume)
	a.pool, err = s.Pools.Place(ctx, a.FlowID, request, 1)
	return err
}

// ManageSnapshot serves manage_existing_snapshot: its volume's back end has the snapshot. There is nothing to choose, so
// that nothing is kept: the volume service makes the operation.
func (s *Service) ManageSnapshot(ctx context.Context, m *rpcapi.ManageExistingSnapshot) error {
	n, err := s.Store.Snapshot(ctx, m.SnapshotID, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	v, err := s.Store.Volume(ctx, n.VolumeID, "")
	if err != nil {
		return err
	}
	return s.Volumes.Cast(ctx, v.Queue(), "3.0", rpcapi.MethodManageExistingSnapshot, m)
}
