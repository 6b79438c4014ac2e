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

// picture is the state of a snapshot_create while the scheduler has it: in the journal, a CreateSnapshot.
type picture struct {
	rpcapi.CreateSnapshot
	snapshot *block.Snapshot
	volume   *block.Volume
}

// createSnapshot serves create_snapshot: it sees that the volume's back end is there and has room.
func (s *Scheduler) createSnapshot(ctx context.Context, m *rpcapi.CreateSnapshot) (any, error) {
	if !s.awaitReady(ctx) {
		return nil, nil
	}
	state := &picture{CreateSnapshot: *m}
	rec := flow.Record{ID: m.FlowID, Name: rpcapi.FlowSnapshotCreate, Owner: rpcapi.SchedulerOwner,
		ResourceType: "snapshot", ResourceID: m.SnapshotID}
	return nil, dealtWith(journal.Continue(ctx, s.engine, s.snapshotFlow(), rec, state))
}

func (s *Scheduler) resumeCreateSnapshot(ctx context.Context, rec flow.Record) error {
	return flow.Resume(ctx, s.engine, s.snapshotFlow(), rec)
}

func (s *Scheduler) snapshotFlow() *flow.Flow[picture, store.Tx] {
	return &flow.Flow[picture, store.Tx]{
		Name: "snapshot_create_scheduler",
		Steps: []flow.Step[picture, store.Tx]{
			{Name: "extract_scheduler_spec", Do: s.extractPicture},
			{
				Name: "schedule_create_snapshot",
				Do:   s.scheduleCreateSnapshot,
				Undo: func(ctx context.Context, p *picture, cause error) error {
					s.backends.Release(p.FlowID)
					if p.snapshot != nil {
						s.tell(ctx, Message{ProjectID: p.snapshot.ProjectID, ResourceType: block.MessageSnapshot,
							ResourceID: p.SnapshotID, Action: block.MessageCreateSnapshot}, cause)
					}
					s.notifySnapshotFailure(ctx, p.snapshot, p.volume, cause)
					return nil
				},
			},
			{Name: "snapshot_update_db", Tx: s.confirmSnapshot, UndoTx: failSnapshot},
			{Name: "snapshot_cast", Do: func(ctx context.Context, p *picture) error {
				s.backends.HandOver(p.FlowID)
				return s.volumes.Cast(ctx, p.volume.Queue(), "3.0", rpcapi.MethodCreateSnapshot, new(p.CreateSnapshot))
			}},
		},
		HandOver: func(p *picture) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowSnapshotCreate, Owner: p.volume.Queue().Backend(), State: p.CreateSnapshot}
		},
	}
}

// extractPicture reads the snapshot and its volume, and ends the flow if it is no longer to be taken.
func (s *Scheduler) extractPicture(ctx context.Context, p *picture) (err error) {
	p.snapshot, err = s.store.Snapshot(ctx, p.SnapshotID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case p.snapshot.Status != block.SnapshotCreating:
		return flow.ErrObsolete
	}
	p.volume, err = s.store.Volume(ctx, p.snapshot.VolumeID, "")
	return err
}

// scheduleCreateSnapshot asks for room of the volume's size on its pool. As in Cinder the type is not looked at: the
// volume is there already.
func (s *Scheduler) scheduleCreateSnapshot(ctx context.Context, p *picture) error {
	r := &snapshot.Request{Operation: snapshot.CreateSnapshot, VolumeID: p.volume.ID, SizeGiB: p.snapshot.VolumeSizeGiB,
		Backend: p.volume.Queue(), UserID: p.volume.UserID, ProjectID: p.volume.ProjectID, VolumeProperties: snapshot.Properties(p.volume)}
	_, err := s.backends.Place(ctx, p.FlowID, r, 0)
	return err
}

// confirmSnapshot holds the row while the record changes hands.
func (s *Scheduler) confirmSnapshot(ctx context.Context, tx store.Tx, p *picture) error {
	ok, err := tx.UpdateSnapshot(ctx, p.SnapshotID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotCreating}}, store.SnapshotSet{})
	if err != nil || ok {
		return err
	}
	s.backends.Release(p.FlowID)
	return flow.ErrObsolete
}

// failSnapshot marks a snapshot that could not be scheduled, unless something else has become of it.
func failSnapshot(ctx context.Context, tx store.Tx, p *picture, _ error) error {
	_, err := tx.UpdateSnapshot(ctx, p.SnapshotID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotCreating}},
		store.SnapshotSet{Status: new(block.SnapshotError)})
	return err
}
