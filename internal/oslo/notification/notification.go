// Package notification is oslo.messaging's notifications: what a service tells whoever listens about what it did, as
// messages that nobody answers. A Notifier takes them without ever holding up the work they tell of, and hands them one
// after another to the drivers that [oslo_messaging_notifications] names: into the log, or over the messages.
//
// What must not live here: any event of any service (a wing's notify has them), any broker's types.
package notification

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Priority says how much a notification matters, in oslo.messaging's words. Its lower case form is part of the topic.
type Priority string

// The priorities that are used.
const (
	Info  Priority = "INFO"
	Error Priority = "ERROR"
)

// Message is a notification as its consumers get it (oslo_messaging/notify/notifier.py). It must not be changed once it
// is sent: in one process, consumers are handed the sender's own.
type Message struct {
	ID          string         `json:"message_id"`
	PublisherID string         `json:"publisher_id"` // "volume.node@backend"
	EventType   string         `json:"event_type"`   // "volume.create.start"
	Priority    Priority       `json:"priority"`
	Payload     map[string]any `json:"payload"`   // JSON values
	Timestamp   string         `json:"timestamp"` // UTC, "2026-11-26 11:24:34.784897"
}

// timestampFormat is Python's str of a datetime.
const timestampFormat = "2006-01-02 15:04:05.000000"

// Driver delivers messages. It must be safe for concurrent use.
type Driver interface {
	// Notify delivers m within a time of the driver's own, or gives up when ctx ends. The context says who asked for what m
	// tells of, without a token.
	Notify(ctx context.Context, m *Message) error
}

// What becomes of a notification, as Options.Observe is told.
const (
	Sent    = "sent"
	Failed  = "failed"  // a driver could not deliver it
	Dropped = "dropped" // there was no room for it
)

// DefaultQueueLength is how many notifications may wait if Options do not say.
const DefaultQueueLength = 10_000

// Options of a Notifier; a zero field means its default.
type Options struct {
	// QueueLength is how many notifications may wait for the drivers. What comes when they are that many is dropped.
	QueueLength int
	// Observe is told what became of each notification; nil means nobody is.
	Observe func(outcome string)
	Log     *slog.Logger     // nil means slog.Default
	Now     func() time.Time // nil means time.Now
}

// Notifier takes notifications and has them delivered in the order in which they came. It is safe for concurrent use. A
// nil Notifier takes nothing. Make one with New, Start it once, Stop it once; what comes before Start waits.
type Notifier struct {
	Options
	drivers []Driver
	queue   chan queued
	full    atomic.Bool // it was said that there is no room
	stop    func()      // no more than what waits is to be delivered
	stopped chan struct{}
	done    chan struct{}
	life    context.Context // of deliveries
	abandon context.CancelFunc
}

// queued is a message that waits, with who asked for what it tells of.
type queued struct {
	message *Message
	request reqctx.Request
}

// New makes a Notifier over drivers.
func New(drivers []Driver, o Options) *Notifier {
	if o.QueueLength <= 0 {
		o.QueueLength = DefaultQueueLength
	}
	if o.Observe == nil {
		o.Observe = func(string) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	n := &Notifier{Options: o, drivers: drivers, queue: make(chan queued, o.QueueLength), stopped: make(chan struct{}), done: make(chan struct{})}
	n.stop = sync.OnceFunc(func() { close(n.stopped) })
	n.life, n.abandon = context.WithCancel(context.Background())
	return n
}

// Send takes a notification. It never waits: without room the notification is dropped, which is counted, and said once
// for as long as it lasts. payload is the Notifier's from now on.
func (n *Notifier) Send(ctx context.Context, publisherID, eventType string, priority Priority, payload map[string]any) {
	if n == nil {
		return
	}
	select {
	case n.queue <- n.message(ctx, publisherID, eventType, priority, payload):
	default:
		n.Observe(Dropped)
		if n.full.CompareAndSwap(false, true) {
			n.Log.WarnContext(ctx, "notifications are dropped: more wait for their drivers than may; the metric clinker_notifications_total counts them",
				"waiting", n.QueueLength, "event_type", eventType)
		}
	}
}

// Deliver is Send for whoever would rather wait than have a notification dropped: it is delivered when it returns, before
// those that Send has taken. It needs no Start.
func (n *Notifier) Deliver(ctx context.Context, publisherID, eventType string, priority Priority, payload map[string]any) {
	if n != nil {
		n.deliver(ctx, n.message(ctx, publisherID, eventType, priority, payload))
	}
}

func (n *Notifier) message(ctx context.Context, publisherID, eventType string, priority Priority, payload map[string]any) queued {
	request := reqctx.From(ctx)
	request.AuthToken = ""
	return queued{&Message{ID: uuid.NewString(), PublisherID: publisherID, EventType: eventType, Priority: priority, Payload: payload,
		Timestamp: n.Now().UTC().Format(timestampFormat)}, request}
}

// Start begins to deliver.
func (n *Notifier) Start() {
	go func() {
		defer close(n.done)
		for {
			select {
			case q := <-n.queue:
				n.deliver(n.life, q)
			case <-n.stopped:
				n.drain()
				return
			}
		}
	}()
}

// drain delivers what waits, until nobody waits for that any more.
func (n *Notifier) drain() {
	for n.life.Err() == nil {
		select {
		case q := <-n.queue:
			n.deliver(n.life, q)
		default:
			return
		}
	}
}

// deliver hands a message to each driver. That one fails keeps none of the others from it.
func (n *Notifier) deliver(ctx context.Context, q queued) {
	ctx = reqctx.With(ctx, q.request)
	for _, d := range n.drivers {
		if err := d.Notify(ctx, q.message); err != nil {
			n.Observe(Failed)
			n.Log.ErrorContext(ctx, "a notification could not be delivered", "event_type", q.message.EventType, "message_id", q.message.ID, "error", err)
			continue
		}
		n.Observe(Sent)
	}
	if len(n.queue) == 0 {
		n.full.Store(false)
	}
}

// Stop delivers what waits and returns, or gives up when ctx ends: what is left then is lost, and the error, a
// fault.Timeout, says how much that is. It must have been started.
func (n *Notifier) Stop(ctx context.Context) error {
	n.stop()
	defer n.abandon()
	select {
	case <-n.done:
		return nil
	case <-ctx.Done():
		return fault.Wrap(context.Cause(ctx), fault.Timeout, "", "%d notifications were not delivered before the service stopped.", len(n.queue))
	}
}
