package scheduler

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// extension is the state of a volume_extend while the scheduler has it: in the journal, an ExtendVolume.
type extension struct {
	rpcapi.ExtendVolume
	volume *block.Volume
}

// extendVolume serves extend_volume: it sees that the volume's pool has room for the growth.
func (s *Scheduler) extendVolume(ctx context.Context, m *rpcapi.ExtendVolume) (any, error) {
	if !s.awaitReady(ctx) {
		return nil, nil
	}
	state := &extension{ExtendVolume: *m}
	rec := flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeExtend, Owner: rpcapi.SchedulerOwner,
		ResourceType: "volume", ResourceID: m.VolumeID}
	return nil, dealtWith(journal.Continue(ctx, s.engine, s.extendFlow(), rec, state))
}

func (s *Scheduler) resumeExtendVolume(ctx context.Context, rec flow.Record) error {
	return flow.Resume(ctx, s.engine, s.extendFlow(), rec)
}

func (s *Scheduler) extendFlow() *flow.Flow[extension, store.Tx] {
	return &flow.Flow[extension, store.Tx]{
		Name: "volume_extend_scheduler",
		Steps: []flow.Step[extension, store.Tx]{
			{Name: "extract_scheduler_spec", Do: s.extractExtension},
			{
				Name: "schedule_extend_volume",
				Do:   s.scheduleExtendVolume,
				Undo: func(ctx context.Context, e *extension, cause error) error {
					s.backends.Release(e.FlowID)
					s.tellVolume(ctx, e.volume, block.MessageExtendVolume, cause)
					s.notifyFailure(ctx, "extend_volume", e.volume, e.restored(), cause)
					return nil
				},
			},
			{Name: "volume_update_db", Tx: s.confirmExtension, UndoTx: s.revertExtension},
			{Name: "volume_cast", Do: func(ctx context.Context, e *extension) error {
				s.backends.HandOver(e.FlowID)
				return s.volumes.Cast(ctx, e.volume.Queue(), "3.0", rpcapi.MethodExtendVolume, new(e.ExtendVolume))
			}},
		},
		HandOver: func(e *extension) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowVolumeExtend, Owner: e.volume.Queue().Backend(), State: e.ExtendVolume}
		},
	}
}

// extractExtension reads the volume, and ends the flow if it is not, or no longer, being extended to this size.
func (s *Scheduler) extractExtension(ctx context.Context, e *extension) error {
	v, err := s.store.Volume(ctx, e.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case !e.of(v):
		return flow.ErrObsolete
	}
	e.volume = v
	return nil
}

// restored is the state that the volume gets back, for whoever is told.
func (e *extension) restored() map[string]any {
	if e.volume == nil {
		return nil
	}
	return map[string]any{"status": string(e.volume.PreviousStatus), "previous_status": nil}
}

// of says whether the volume is under this very extension; the row has the new size from the beginning, or the old one to
// the end if a Python API asks.
func (e *extension) of(v *block.Volume) bool {
	return v.Status == block.VolumeExtending && (v.SizeGiB == e.NewSizeGiB || v.SizeGiB == e.OldSizeGiB)
}

// scheduleExtendVolume sees that the pool has room for what is to be added.
func (s *Scheduler) scheduleExtendVolume(ctx context.Context, e *extension) error {
	r, err := s.request(ctx, snapshot.ExtendVolume, e.volume)
	if err != nil {
		return err
	}
	r.SizeGiB, r.NewSizeGiB, r.Backend = e.OldSizeGiB, e.NewSizeGiB, e.volume.Queue()
	_, err = s.backends.Place(ctx, e.FlowID, r, 0)
	return err
}

// confirmExtension holds the row while the record changes hands.
func (s *Scheduler) confirmExtension(ctx context.Context, tx store.Tx, e *extension) error {
	v, err := tx.Volume(ctx, e.VolumeID, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if err == nil && e.of(v) {
		ok, err := tx.UpdateVolume(ctx, e.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeExtending}}, store.VolumeSet{})
		if err != nil || ok {
			return err
		}
	}
	s.backends.Release(e.FlowID)
	return flow.ErrObsolete
}

// revertExtension puts the volume back to the size and the status it had.
func (s *Scheduler) revertExtension(ctx context.Context, tx store.Tx, e *extension, _ error) error {
	v, err := tx.Volume(ctx, e.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case !e.of(v):
		return nil
	}
	status := v.PreviousStatus
	if status != block.VolumeAvailable && status != block.VolumeInUse {
		status = block.VolumeAvailable
		if v.AttachStatus == block.AttachAttached {
			status = block.VolumeInUse
		}
	}
	_, err = tx.UpdateVolume(ctx, e.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeExtending}},
		store.VolumeSet{Status: &status, PreviousStatus: new(block.VolumeStatus("")), SizeGiB: &e.OldSizeGiB})
	if err != nil {
		return err
	}
	if err := tx.ReleaseReservations(ctx, e.Reservations); err != nil || !v.UseQuota {
		return err
	}
	return store.RecordUsage(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName, !s.opts.NoSnapshotGigabytes)
}
