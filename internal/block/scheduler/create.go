package scheduler

import (
	"cmp"
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// creation is the state of a volume_create while the scheduler has it: in the journal, a CreateRequest.
type creation struct {
	rpcapi.CreateRequest
	volume      *block.Volume
	volType     *block.VolumeType // nil if it has none
	pool        snapshot.Pool     // the one chosen
	scheduledAt time.Time
}

// assigned are the rows as assignVolume leaves them.
func (c *creation) assigned() rpcapi.AtHand {
	v := *c.volume
	v.Host, v.ClusterName, v.ScheduledAt = c.Host, string(c.pool.Cluster), c.scheduledAt
	v.AvailabilityZone = cmp.Or(c.pool.Service.AvailabilityZone, v.AvailabilityZone)
	return rpcapi.AtHand{Volume: &v, Type: c.volType}
}

// createVolume serves create_volume: from the API, or from a volume service that gives the volume back.
func (s *Scheduler) createVolume(ctx context.Context, m *rpcapi.CreateVolume) (any, error) {
	if !s.awaitReady(ctx) {
		return nil, nil
	}
	state := &creation{CreateRequest: m.Request, volume: m.AtHand.Volume, volType: m.AtHand.Type}
	state.VolumeID = m.VolumeID
	rec := flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeCreate, Owner: rpcapi.SchedulerOwner, ResourceType: "volume", ResourceID: m.VolumeID}
	return nil, dealtWith(journal.ContinueWith(ctx, s.engine, s.createFlow, rec, state))
}

func (s *Scheduler) resumeCreateVolume(ctx context.Context, rec flow.Record) error {
	return flow.Resume(ctx, s.engine, s.createFlow(rec.ID), rec)
}

// createFlow is upstream's volume_create_scheduler.
func (s *Scheduler) createFlow(flowID string) *flow.Flow[creation, store.Tx] {
	return &flow.Flow[creation, store.Tx]{
		Name: "volume_create_scheduler",
		Steps: []flow.Step[creation, store.Tx]{
			{Name: "extract_scheduler_spec", Do: s.extractSchedulerSpec},
			{
				Name: "schedule_create_volume",
				Do:   func(ctx context.Context, c *creation) error { return s.scheduleCreateVolume(ctx, flowID, c) },
				Undo: func(ctx context.Context, c *creation, cause error) error {
					s.backends.Release(flowID)
					s.tellVolume(ctx, c.volume, block.MessageScheduleVolume, cause)
					s.notifyFailure(ctx, "create_volume", c.volume, string(block.VolumeError), cause)
					return nil
				},
			},
			{
				Name:   "volume_update_db",
				Tx:     func(ctx context.Context, tx store.Tx, c *creation) error { return s.assignVolume(ctx, tx, flowID, c) },
				UndoTx: failVolume,
			},
			{Name: "volume_cast", Do: func(ctx context.Context, c *creation) error {
				s.backends.HandOver(flowID)
				return s.volumes.Cast(ctx, c.pool.Queue(), "3.0", rpcapi.MethodCreateVolume,
					&rpcapi.CreateVolume{FlowID: flowID, VolumeID: c.VolumeID, Request: c.CreateRequest, AtHand: c.assigned()})
			}},
		},
		Together: func(*creation) string { return rpcapi.FlowVolumeCreate },
		HandOver: func(c *creation) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowVolumeCreate, Owner: c.pool.Queue().Backend(), State: c.CreateRequest}
		},
	}
}

// extractSchedulerSpec reads the volume, unless it came with the message, and ends the flow if there is nothing left to
// schedule. Whether that is still so is for assignVolume to see.
func (s *Scheduler) extractSchedulerSpec(ctx context.Context, c *creation) error {
	if c.volume != nil && unscheduled(c.volume) == nil {
		return nil
	}
	v, err := s.store.Volume(ctx, c.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	}
	c.volume = v
	return unscheduled(v)
}

// unscheduled says nil for a volume that waits to be scheduled, and otherwise how the flow is to end.
func unscheduled(v *block.Volume) error {
	switch {
	case v.Host != "":
		return flow.ErrTaken
	case v.Status != block.VolumeCreating:
		return flow.ErrObsolete
	}
	return nil
}

// scheduleCreateVolume chooses the pool.
func (s *Scheduler) scheduleCreateVolume(ctx context.Context, flowID string, c *creation) (err error) {
	var r *snapshot.Request
	if r, c.volType, err = s.requestAndType(ctx, snapshot.CreateVolume, c.volume, c.volType); err != nil {
		return err
	}
	if r.VolumeHosts, err = s.volumeHosts(ctx, c.Hints, c.volume.ProjectID); err != nil {
		return err
	}
	c.Attempts++
	if c.LastError != "" && len(c.Tried) > 0 {
		s.opts.Log.WarnContext(ctx, "a volume is scheduled again", "volume_id", c.VolumeID, "attempt", c.Attempts,
			"last_backend", c.Tried[len(c.Tried)-1], "error", c.LastError)
	}
	r.AvailabilityZone, r.AvailabilityZones, r.Hints = c.AvailabilityZone, c.Zones, c.Hints
	r.Backend = c.PinnedBackend
	r.Retry = snapshot.Retry{Attempt: c.Attempts, Tried: c.Tried, LastError: c.LastError}
	if c.pool, err = s.backends.Place(ctx, flowID, r, 1); err != nil {
		return err
	}
	c.Host = c.pool.Host
	c.Tried = append(c.Tried[:len(c.Tried):len(c.Tried)], c.pool.ID())
	c.LastError = ""
	s.opts.Log.InfoContext(ctx, "a volume is scheduled", "volume_id", c.VolumeID, "host", c.Host)
	return nil
}

// assignVolume writes the choice into the row, unless another scheduler was quicker or the volume is gone.
func (s *Scheduler) assignVolume(ctx context.Context, tx store.Tx, flowID string, c *creation) error {
	c.scheduledAt = time.Now().UTC()
	set := store.VolumeSet{Host: &c.Host, ScheduledAt: &c.scheduledAt}
	if zone := c.pool.Service.AvailabilityZone; zone != "" {
		set.AvailabilityZone = &zone
	}
	if cluster := string(c.pool.Cluster); cluster != c.volume.ClusterName { // an earlier attempt may have left one
		set.ClusterName = &cluster
	}
	ok, err := tx.UpdateVolume(ctx, c.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeCreating}, Unscheduled: true}, set)
	if err != nil || ok {
		return err
	}
	s.backends.Release(flowID)
	v, err := tx.Volume(ctx, c.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	}
	if err := unscheduled(v); err != nil {
		return err
	}
	return fault.New(fault.Internal, "", "Volume %s could not be assigned although nothing stands against it.", c.VolumeID)
}

// failVolume marks a volume that could not be scheduled, unless something else has become of it.
func failVolume(ctx context.Context, tx store.Tx, c *creation, _ error) error {
	_, err := tx.UpdateVolume(ctx, c.VolumeID,
		store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeCreating}, Unscheduled: true},
		store.VolumeSet{Status: new(block.VolumeError)})
	return err
}
