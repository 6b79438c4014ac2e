package scheduler

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// noValidBackend is the name of the fault that says that no pool fits, upstream's exception class.
const noValidBackend = "NoValidBackend"

// Messages tells users why what they asked for came to nothing: upstream's user messages (GET /messages).
type Messages interface {
	Create(ctx context.Context, m Message) error
}

// Message is one such message. Action and Detail are upstream's ids (cinder/message/message_field.py).
type Message struct {
	ProjectID    string
	RequestID    string
	ResourceType string // "VOLUME" or "VOLUME_SNAPSHOT"
	ResourceID   string
	Action       string // "001" schedule allocate volume, "007" extend volume, "009" create snapshot
	Detail       string // "003" no backend available, "001" anything else
	Text         string // the whole reason, safe for the user
}

// Ids of actions and details.
const (
	actionScheduleAllocateVolume = "001"
	actionExtendVolume           = "007"
	actionSnapshotCreate         = "009"
	detailUnknown                = "001"
	detailNoBackendAvailable     = "003"
)

// tell passes a message on. That it could not be told must not fail what is being done.
func (s *Scheduler) tell(ctx context.Context, m Message, cause error) {
	if s.messages == nil {
		return
	}
	m.RequestID, m.Text, m.Detail = reqctx.From(ctx).RequestID, fault.UserText(cause), detailUnknown
	if fault.NameOf(cause) == noValidBackend {
		m.Detail = detailNoBackendAvailable
	}
	if err := s.messages.Create(ctx, m); err != nil {
		s.opts.Log.WarnContext(ctx, "a user message could not be kept", "resource_id", m.ResourceID, "error", err)
	}
}

// tellVolume is tell about a volume. A volume that could not even be read has no one to tell.
func (s *Scheduler) tellVolume(ctx context.Context, v *block.Volume, action string, cause error) {
	if v != nil {
		s.tell(ctx, Message{ProjectID: v.ProjectID, ResourceType: "VOLUME", ResourceID: v.ID, Action: action}, cause)
	}
}

// dealtWith is what a cast's handler returns of a flow's error: that nothing fits has been told, logged and written into
// the rows, so that it is no failure of the message.
func dealtWith(err error) error {
	if fault.NameOf(err) == noValidBackend {
		return nil
	}
	return err
}
