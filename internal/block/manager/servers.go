package manager

import (
	"context"
	"errors"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/nova"
)

// tellServers tells the compute service of an event of a volume, for each server that the volume is attached to. What was done
// stays done if it cannot be told: the user is told that, with the ids of upstream's user messages. Upstream:
// cinder/compute/nova.py _send_events.
func (m *Manager) tellServers(ctx context.Context, v *block.Volume, event, action, detail string) {
	if m.Compute == nil {
		return
	}
	var events []nova.Event
	for _, a := range m.volumeNow(ctx, v).Attachments {
		e := nova.Event{Name: event, ServerID: a.InstanceUUID, Tag: v.ID}
		if a.InstanceUUID != "" && !slices.Contains(events, e) { // without one, it is the image service's or a host's
			events = append(events, e)
		}
	}
	if len(events) == 0 {
		return
	}
	err := m.within(ctx, m.VerbTimeout, func(ctx context.Context) error { return m.Compute.Tell(ctx, events...) })
	switch {
	case errors.Is(err, nova.ErrAbsent):
		m.Log.DebugContext(ctx, "there is no compute service to tell of an event", "event", event, "volume_id", v.ID)
	case err != nil:
		m.Log.WarnContext(ctx, "the compute service could not be told of an event", "event", event, "volume_id", v.ID, "error", err)
		m.tellVolume(ctx, v, action, detail, err)
	}
}
