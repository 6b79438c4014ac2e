package scheduler

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/run"
)

// Messages tells users why what they asked for came to nothing: upstream's user messages (GET /messages).
type Messages interface {
	Create(ctx context.Context, m Message) error
	// DeleteExpired removes the messages whose time is over.
	DeleteExpired(ctx context.Context) error
}

// Message is one such message.
type Message = block.Failure

// reapMessages removes expired messages from time to time, as upstream's scheduler does.
func (s *Scheduler) reapMessages(ctx context.Context) {
	if s.messages != nil {
		run.Every(ctx, s.opts.MessageReapInterval, "expired user messages", s.messages.DeleteExpired)
	}
}

// tell passes a message on. That it could not be told must not fail what is being done.
func (s *Scheduler) tell(ctx context.Context, m Message, cause error) {
	m.RequestID, m.Text = reqctx.From(ctx).RequestID, fault.UserText(cause)
	m.Detail = block.MessageDetail(cause, block.MessageUnknownError)
	if err := s.leave(ctx, m); err != nil {
		s.opts.Log.WarnContext(ctx, "a user message could not be kept", "resource_id", m.ResourceID, "error", err)
	}
}

// leave keeps a message, if there is somewhere to keep it.
func (s *Scheduler) leave(ctx context.Context, m Message) error {
	if s.messages == nil {
		return nil
	}
	return s.messages.Create(ctx, m)
}

// tellVolume is tell about a volume. A volume that could not even be read has no one to tell.
func (s *Scheduler) tellVolume(ctx context.Context, v *block.Volume, action string, cause error) {
	if v != nil {
		s.tell(ctx, Message{ProjectID: v.ProjectID, ResourceType: block.MessageVolume, ResourceID: v.ID, Action: action}, cause)
	}
}

// tellGroup is tell about a group that could not be placed.
func (s *Scheduler) tellGroup(ctx context.Context, g *block.Group, cause error) {
	s.tell(ctx, Message{ProjectID: g.ProjectID, ResourceType: block.MessageGroup, ResourceID: g.ID, Action: block.MessageScheduleVolume}, cause)
}

// dealtWith is what a cast's handler returns of a flow's error: that nothing fits has been told, logged and written into
// the rows, so that it is no failure of the message.
func dealtWith(err error) error {
	if decide.NoneValid(err) {
		return nil
	}
	return err
}
