package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// MessageQuery chooses user messages. Zero fields do not restrict.
type MessageQuery struct {
	ProjectID string
	Equal     map[string][]string // resource_uuid, resource_type, event_id, request_id, message_level, action_id, detail_id, ...
	Like      map[string]string
	Page      Page
}

// MessageReader reads user messages.
type MessageReader interface {
	// Message reads one. A projectID that is not empty hides those to other projects. NotFound: MessageNotFound.
	Message(ctx context.Context, id, projectID string) (*block.Message, error)
	Messages(ctx context.Context, q MessageQuery) ([]*block.Message, error)
}

// MessageWriter changes user messages.
type MessageWriter interface {
	// CreateMessage inserts m; CreatedAt is set if zero.
	CreateMessage(ctx context.Context, m *block.Message) error
	// DestroyMessage soft-deletes it. A missing row is no error.
	DestroyMessage(ctx context.Context, id string) error
	// DeleteExpiredMessages removes the rows, deleted or not, that expired before this moment, at most limit of them, and
	// says how many it were.
	DeleteExpiredMessages(ctx context.Context, before time.Time, limit int) (int64, error)
}
