package apitest

import (
	"context"
	"sync"

	"github.com/clinker/clinker/internal/oslo/notification"
)

// Notified keeps what a Cloud tells whoever listens to its notifications. It is safe for concurrent use.
type Notified struct {
	mu       sync.Mutex
	messages []*notification.Message
}

// Send implements notify.Sender.
func (n *Notified) Send(_ context.Context, publisherID, eventType string, priority notification.Priority, payload map[string]any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.messages = append(n.messages, &notification.Message{PublisherID: publisherID, EventType: eventType, Priority: priority, Payload: payload})
}

// Take gives what was told since it was last asked, in order.
func (n *Notified) Take() []*notification.Message {
	n.mu.Lock()
	defer n.mu.Unlock()
	taken := n.messages
	n.messages = nil
	return taken
}
