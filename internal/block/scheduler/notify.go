package scheduler

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

// notifyFailure tells whoever listens that a volume could not be scheduled, in upstream's event "scheduler.<method>";
// state is what becomes of the volume. A volume that could not even be read is no event.
func (s *Scheduler) notifyFailure(ctx context.Context, method string, v *block.Volume, state any, cause error) {
	if !s.opts.Events.On() || v == nil {
		return
	}
	spec := s.requestSpec(ctx, v)
	s.opts.Events.NotifyError(ctx, "scheduler."+method, map[string]any{"request_spec": spec, "volume_properties": spec["volume_properties"],
		"volume_id": v.ID, "state": state, "method": method, "reason": notify.Exception(cause)})
}

// moveFailed tells of a volume that could not change its type or place.
func (s *Scheduler) moveFailed(ctx context.Context, method string, v *block.Volume, state map[string]any, cause error) {
	s.tellVolume(ctx, v, block.MessageScheduleVolume, cause)
	s.notifyFailure(ctx, method, v, state, cause)
}

// notifySnapshotFailure is notifyFailure for a snapshot of v.
func (s *Scheduler) notifySnapshotFailure(ctx context.Context, snap *block.Snapshot, v *block.Volume, cause error) {
	if !s.opts.Events.On() || snap == nil || v == nil {
		return
	}
	const method = "create_snapshot"
	s.opts.Events.NotifyError(ctx, "scheduler."+method, map[string]any{"request_spec": s.requestSpec(ctx, v), "snapshot_id": snap.ID,
		"state": string(block.SnapshotError), "method": method, "reason": notify.Exception(cause)})
}

// requestSpec is what upstream's RequestSpec says of a volume.
func (s *Scheduler) requestSpec(ctx context.Context, v *block.Volume) map[string]any {
	spec := map[string]any{"volume_id": v.ID, "snapshot_id": notify.OrNull(v.SnapshotID), "source_volid": notify.OrNull(v.SourceVolumeID),
		"image_id": notify.OrNull(v.ImageMetadata["image_id"]), "volume_type": nil, "volume_properties": snapshot.Properties(v), "resource_properties": snapshot.Properties(v)}
	if t, err := s.store.VolumeType(ctx, v.VolumeTypeID, ""); err == nil {
		spec["volume_type"] = notify.VolumeType(t)
	}
	return spec
}

// notifyServiceCapabilities serves notify_service_capabilities: it tells of what has changed in a back end's pools.
func (s *Scheduler) notifyServiceCapabilities(ctx context.Context, m *rpcapi.NotifyCapabilities) error {
	if !s.opts.Events.On() || m.ServiceName != "volume" {
		return nil
	}
	for _, e := range s.told.Changes(m.Backend, m.Capabilities, m.Timestamp, s.opts.MaxOverSubscription) {
		s.opts.Events.Notify(ctx, "capacity."+e.Kind, e.Payload)
	}
	return nil
}
