package manager

import (
	"context"

	"github.com/clinker/clinker/internal/block"
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
