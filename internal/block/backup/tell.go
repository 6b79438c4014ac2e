package backup

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// tell tells the user why nothing came of an operation on a backup: action and detail are those of upstream's messages. Of a
// backup that could not even be read nobody is told.
func (s *Service) tell(ctx context.Context, b *block.Backup, action, detail string, cause error) {
	if s.Messages == nil || b == nil {
		return
	}
	if fault.NameOf(cause) == serviceDown {
		detail = block.MessageBackupServiceDown
	}
	err := s.Messages.Create(ctx, block.Failure{ProjectID: b.ProjectID, RequestID: reqctx.From(ctx).RequestID, ResourceType: block.MessageBackup,
		ResourceID: b.ID, Action: action, Detail: detail, Text: fault.UserText(cause)})
	if err != nil {
		s.Log.WarnContext(ctx, "a user message could not be kept", "resource_id", b.ID, "error", err)
	}
}

// tellNow tells the notifier of an event of a backup with the row as it stands now.
func (s *Service) tellNow(ctx context.Context, event string, b *block.Backup) {
	if !s.Events.On() || b == nil {
		return
	}
	if now, err := s.Store.Backup(ctx, b.ID, ""); err == nil {
		b = now
	}
	s.Events.Backup(ctx, event, b, nil)
}
