package messages

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/oslo/config"
)

var ttl = config.Seconds("DEFAULT", "message_ttl", 30*24*time.Hour, "How many seconds a user message is kept at least.", config.Min(0))

// ConfigOptions are the options of user messages.
func ConfigOptions() []config.Option { return []config.Option{ttl} }

// TTL reads how long messages are kept.
func TTL(c *config.Config) time.Duration { return ttl.Get(c) }

// Writer leaves messages for users. It is safe for concurrent use.
type Writer struct {
	store store.Store
	ttl   time.Duration
	now   func() time.Time
}

// NewWriter makes a Writer whose messages expire after ttl.
func NewWriter(s store.Store, ttl time.Duration) *Writer {
	return &Writer{store: s, ttl: ttl, now: time.Now}
}

// Create leaves a message of the level ERROR. The failure's text is not kept: upstream's messages say no more than their
// ids.
func (w *Writer) Create(ctx context.Context, f block.Failure) error {
	now := w.now().UTC()
	m := &block.Message{ID: uuid.NewString(), Timestamps: block.Timestamps{CreatedAt: now}, ProjectID: f.ProjectID, RequestID: f.RequestID,
		ResourceType: f.ResourceType, ResourceID: f.ResourceID, Action: f.Action, Detail: f.Detail, Level: "ERROR", ExpiresAt: now.Add(w.ttl),
		EventID: "VOLUME_" + f.ResourceType + "_" + f.Action + "_" + f.Detail}
	return w.store.Update(ctx, func(tx store.Tx) error { return tx.CreateMessage(ctx, m) })
}

// expiredAtOnce is how many expired messages go in one transaction, and rounds how many such transactions there are at
// most in one call: what is left waits for the next.
const (
	expiredAtOnce = 1000
	rounds        = 1000
)

// DeleteExpired removes the messages whose time is over.
func (w *Writer) DeleteExpired(ctx context.Context) error {
	now := w.now().UTC()
	for range rounds {
		var n int64
		err := w.store.Update(ctx, func(tx store.Tx) (err error) {
			n, err = tx.DeleteExpiredMessages(ctx, now, expiredAtOnce)
			return err
		})
		if err != nil || n < expiredAtOnce {
			return err
		}
	}
	return nil
}
