package manager

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// tell passes on to a user why something came to nothing; detail is for causes of which upstream has no more to say. That
// it could not be told must not fail what is being done.
func (m *Manager) tell(ctx context.Context, f block.Failure, detail string, cause error) {
	if m.Messages == nil {
		return
	}
	f.RequestID, f.Text, f.Detail = reqctx.From(ctx).RequestID, fault.UserText(cause), block.MessageDetail(cause, detail)
	if err := m.Messages.Create(ctx, f); err != nil {
		m.Log.WarnContext(ctx, "a user message could not be kept", "resource_id", f.ResourceID, "error", err)
	}
}

// tellVolume is tell about a volume; of one that could not even be read nobody is told.
func (m *Manager) tellVolume(ctx context.Context, v *block.Volume, action, detail string, cause error) {
	if v != nil {
		m.tell(ctx, block.Failure{ProjectID: v.ProjectID, ResourceType: block.MessageVolume, ResourceID: v.ID, Action: action}, detail, cause)
	}
}

// tellSnapshot is tell about a snapshot.
func (m *Manager) tellSnapshot(ctx context.Context, s *block.Snapshot, action, detail string, cause error) {
	if s != nil {
		m.tell(ctx, block.Failure{ProjectID: s.ProjectID, ResourceType: block.MessageSnapshot, ResourceID: s.ID, Action: action}, detail, cause)
	}
}

// notify tells the notifier of an event, if there is one.
func (m *Manager) notify(ctx context.Context, event string, payload map[string]any) {
	if m.Notifier != nil {
		m.Notifier.Notify(ctx, event, payload)
	}
}

// notifyVolume tells the notifier of an event of a volume ("create.start"): of all but a start, with the row as it stands
// then. Of the coming and going of temporary volumes nobody is told.
func (m *Manager) notifyVolume(ctx context.Context, event string, v *block.Volume) {
	if m.Notifier == nil || v == nil || !v.UseQuota && (strings.HasPrefix(event, "delete.") || strings.HasPrefix(event, "unmanage.")) {
		return
	}
	if !strings.HasSuffix(event, ".start") {
		v = m.volumeNow(ctx, v)
	}
	m.Notifier.Notify(ctx, "volume."+event, notify.Volume(v))
}

// volumeNow reads v again. One whose row is gone is deleted, and one that cannot be read as it was.
func (m *Manager) volumeNow(ctx context.Context, v *block.Volume) *block.Volume {
	now, err := m.Store.Volume(ctx, v.ID, "")
	if err == nil {
		return now
	}
	last := *v
	if fault.Is(err, fault.NotFound) {
		last.Status, last.Attachments = block.VolumeDeleted, nil
	}
	return &last
}

// notifySnapshot is notifyVolume for a snapshot of v.
func (m *Manager) notifySnapshot(ctx context.Context, event string, s *block.Snapshot, v *block.Volume) {
	if m.Notifier == nil || s == nil {
		return
	}
	if strings.HasSuffix(event, ".end") {
		now, err := m.Store.Snapshot(ctx, s.ID, "")
		switch {
		case err == nil:
			s = now
		case fault.Is(err, fault.NotFound):
			last := *s
			last.Status = block.SnapshotDeleted
			s = &last
		}
	}
	m.Notifier.Notify(ctx, "snapshot."+event, notify.Snapshot(s, v))
}
