package notification

import (
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/telemetry"
)

// loggerBase is the name of the log driver's loggers, before the event.
const loggerBase = "oslo.messaging.notification."

// Log is the driver that writes each message into the log, as JSON, by a logger that is named after the event.
type Log struct{ Logger *slog.Logger }

// Notify writes at the level of the message's priority.
func (d Log) Notify(ctx context.Context, m *Message) error {
	text, err := json.Marshal(m)
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if m.Priority == Error {
		level = slog.LevelError
	}
	d.Logger.Log(ctx, level, string(text), telemetry.NameKey, loggerBase+m.EventType)
	return nil
}

// Publisher is a transport as far as notifications go.
type Publisher interface {
	// Publish sends m to a topic ("notifications.info"). Version 1 sends it as it stands, 2 in oslo.messaging's envelope;
	// transports inside the process make no difference. An error means that it was not taken and may be sent again.
	Publish(ctx context.Context, topic string, m *Message, version int) error
}

// Messaging is the driver that sends over a transport, to the topic "<topic>.<priority>" for each of its Topics.
type Messaging struct {
	Publisher Publisher
	Topics    []string
	Version   int // of the format: 1 or 2
	// Retry is how often a message that was not taken is sent again; below 0 that ends with the service only, so that
	// notifications pile up in the Notifier's queue, and past its length are dropped.
	Retry int
}

// Bounds of the Messaging driver.
const (
	attemptTime = 30 * time.Second
	firstPause  = time.Second // between two attempts; it doubles up to
	longestWait = 30 * time.Second
)

// Notify sends to each topic. A topic that does not take the message keeps none of the others from it.
func (d *Messaging) Notify(ctx context.Context, m *Message) error {
	var failed error
	for _, topic := range d.Topics {
		if err := d.publish(ctx, topic+"."+lower(m.Priority), m); err != nil {
			failed = err
		}
	}
	return failed
}

func (d *Messaging) publish(ctx context.Context, topic string, m *Message) error {
	pause := firstPause
	for attempt := 0; ; attempt++ {
		err := func() error {
			ctx, cancel := context.WithTimeout(ctx, attemptTime)
			defer cancel()
			return d.Publisher.Publish(ctx, topic, m, d.Version)
		}()
		if err == nil || d.Retry >= 0 && attempt >= d.Retry {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(pause):
		}
		pause = min(2*pause, longestWait)
	}
}

// Noop is the driver that delivers to nobody.
type Noop struct{}

// Notify does nothing.
func (Noop) Notify(context.Context, *Message) error { return nil }

// recorded bounds what a Recorder keeps.
const recorded = 10_000

// Recorder is the driver "test": it keeps the newest messages for whoever asks. It is safe for concurrent use.
type Recorder struct {
	mu       sync.Mutex
	messages []*Message
}

// Notify keeps m.
func (r *Recorder) Notify(_ context.Context, m *Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.messages) >= recorded {
		r.messages = r.messages[1:]
	}
	r.messages = append(r.messages, m)
	return nil
}

// Take gives the messages there are, oldest first, and forgets them.
func (r *Recorder) Take() []*Message {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.messages
	r.messages = nil
	return taken
}

// method is what a notification's message is called inside the process.
const method = "notify"

// InProcess publishes to the listeners there are in the process, to each of them. Unlike a broker, nothing waits for one to come.
type InProcess struct{ Client messaging.Client }

// Publish hands m over.
func (p InProcess) Publish(ctx context.Context, topic string, m *Message, _ int) error {
	return p.Client.Cast(ctx, messaging.Target{Topic: topic, Fanout: true, Version: version}, messaging.Message{Method: method, Args: m})
}

const version = "1.0"

// Listen has handle called with the notifications of a topic and priority that InProcess publishes, until the listener is
// stopped. name tells listeners apart.
func Listen(ctx context.Context, t messaging.Transport, topic string, p Priority, name string, handle func(ctx context.Context, m *Message)) (messaging.Listener, error) {
	return t.Serve(ctx, messaging.Server{Topic: topic + "." + lower(p), Server: name, Version: version, Concurrency: 1,
		Methods: map[string]messaging.Method{method: {
			New: func() any { return new(Message) },
			Do: func(ctx context.Context, args any) (any, error) {
				if m, ok := args.(*Message); ok {
					handle(ctx, m)
				}
				return nil, nil
			},
		}}})
}
