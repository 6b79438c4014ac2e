package moves

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// retyping is the state of a volume_retype while the scheduler has it: in the journal, a Retype.
type retyping struct {
	rpcapi.Retype
	volume *block.Volume
}

// of says whether the volume is under this very retype; the row has the new type from the beginning, or the old one to the
// end if a Python API asks.
func (r *retyping) of(v *block.Volume) bool {
	return v.Status == block.VolumeRetyping && (v.VolumeTypeID == r.NewTypeID || v.VolumeTypeID == r.OldTypeID)
}

func (s *Service) retypeFlow() *flow.Flow[retyping, store.Tx] {
	return &flow.Flow[retyping, store.Tx]{
		Name: "volume_retype_scheduler",
		Steps: []flow.Step[retyping, store.Tx]{
			{Name: "extract_scheduler_spec", Do: func(ctx context.Context, r *retyping) (err error) {
				if r.volume, err = found(s.Store.Volume(ctx, r.VolumeID, "")); err == nil && !r.of(r.volume) {
					err = flow.ErrObsolete
				}
				if err == nil {
					r.volume.VolumeTypeID = r.NewTypeID // it is this that a place is wanted for
				}
				return err
			}},
			{Name: "schedule_retype", Do: s.findRetypeBackend, Undo: func(ctx context.Context, r *retyping, cause error) error {
				s.Pools.Release(r.FlowID)
				if r.volume != nil {
					s.Failed(ctx, "retype", r.volume, map[string]any{"status": string(previous(r.volume))}, cause)
				}
				return nil
			}},
			{Name: "volume_update_db", Tx: s.confirmRetype, UndoTx: s.revertRetype},
			{Name: "volume_cast", Do: func(ctx context.Context, r *retyping) error {
				s.Pools.HandOver(r.FlowID)
				return s.Volumes.Cast(ctx, r.volume.Queue(), "3.5", rpcapi.MethodRetype, new(r.Retype))
			}},
		},
		HandOver: func(r *retyping) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowVolumeRetype, Owner: r.volume.Queue().Backend(), State: r.Retype}
		},
	}
}

// findRetypeBackend keeps the volume where it is if its pool suits the new type, and else, if it may be moved, finds another.
func (s *Service) findRetypeBackend(ctx context.Context, r *retyping) error {
	request, err := s.Request(ctx, snapshot.RetypeVolume, r.volume)
	if err != nil {
		return err
	}
	request.ExistsOn = place(r.volume)
	if r.OnDemand {
		request.MigrationPolicy = snapshot.MigrateOnDemand
	}
	if zones, limited := (&block.VolumeType{ExtraSpecs: request.ExtraSpecs}).Zones(); limited {
		request.AvailabilityZones = zones
	}
	pool, err := s.Pools.Place(ctx, r.FlowID, request, 1)
	if err != nil {
		return err
	}
	if pool.At(request.ExistsOn) {
		s.Pools.Release(r.FlowID) // it has its room there
	}
	r.Destination = destination(pool)
	s.Log.InfoContext(ctx, "a retype is scheduled", "volume_id", r.VolumeID, "host", pool.Host)
	return nil
}

// confirmRetype holds the row while the record changes hands.
func (s *Service) confirmRetype(ctx context.Context, tx store.Tx, r *retyping) error {
	v, err := found(tx.Volume(ctx, r.VolumeID, ""))
	if err != nil {
		return err
	}
	if r.of(v) {
		ok, err := tx.UpdateVolume(ctx, r.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeRetyping}}, store.VolumeSet{})
		if err != nil || ok {
			return err
		}
	}
	s.Pools.Release(r.FlowID)
	return flow.ErrObsolete
}

// revertRetype gives the volume its old type and the status it had.
func (s *Service) revertRetype(ctx context.Context, tx store.Tx, r *retyping, _ error) error {
	v, err := found(tx.Volume(ctx, r.VolumeID, ""))
	if err != nil || !r.of(v) {
		return ignoreObsolete(err)
	}
	if err := tx.ReleaseReservations(ctx, append(r.Reservations[:len(r.Reservations):len(r.Reservations)], r.OldReservations...)); err != nil {
		return err
	}
	_, err = store.ChangeType(ctx, tx, v, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeRetyping}}, store.VolumeSet{
		Status: new(previous(v)), PreviousStatus: new(block.VolumeStatus("")), VolumeTypeID: &r.OldTypeID, Multiattach: &r.OldMultiattach},
		s.CountSnapshots)
	return err
}
