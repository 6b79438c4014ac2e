package rabbit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/messagingtest"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/brokertest"
)

// rabbitmq is the one broker of this package's tests; nil if the machine has none.
var rabbitmq *brokertest.Broker

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	b, err := brokertest.Start()
	switch {
	case errors.Is(err, brokertest.ErrMissing):
		fmt.Fprintln(os.Stderr, err)
	case err != nil:
		fmt.Fprintln(os.Stderr, "the broker cannot be started:", err)
		return 1
	default:
		rabbitmq = b
	}
	code := m.Run()
	if rabbitmq != nil {
		if err := rabbitmq.Close(); err != nil {
			fmt.Fprintln(os.Stderr, "the broker does not end:", err)
			return 1
		}
	}
	if err := goleak.Find(); err != nil && code == 0 {
		fmt.Fprintln(os.Stderr, "what was closed still runs:", err)
		return 1
	}
	return code
}

// need skips a test on a machine without RabbitMQ.
func need(t testing.TB) *brokertest.Broker {
	t.Helper()
	if rabbitmq == nil {
		t.Skip(brokertest.ErrMissing)
	}
	return rabbitmq
}

var exchanges atomic.Int64

// options are for the test's broker, with an exchange of their own, and short times.
func options(t testing.TB) Options {
	t.Helper()
	b := need(t)
	level := slog.LevelError + 1
	if testing.Verbose() && os.Getenv("CLINKER_RABBIT_LOG") != "" {
		level = slog.LevelDebug
	}
	return Options{Options: broker.Options{Hosts: []broker.Host{{Address: b.Address, User: brokertest.User, Password: brokertest.Password}}, Exchange: fmt.Sprintf("exchange%d", exchanges.Add(1)),
		RetryInterval: 100 * time.Millisecond, RetryBackoff: 100 * time.Millisecond, RetryMax: time.Second,
		ReconnectDelay: 10 * time.Millisecond, Heartbeat: 10 * time.Second, TransientTTL: time.Minute,
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: level}))}, CallTimeout: 20 * time.Second}
}

func open(t testing.TB, o Options) *Transport {
	t.Helper()
	tr, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := tr.Close(ctx); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return tr
}

// apart gives each test topics of its own, since queues outlive their servers.
type apart struct {
	*Transport
	prefix string
}

func (a apart) to(t messaging.Target) messaging.Target {
	t.Topic = a.prefix + t.Topic
	return t
}

func (a apart) Cast(ctx context.Context, t messaging.Target, m messaging.Message) error {
	return a.Transport.Cast(ctx, a.to(t), m)
}

func (a apart) Call(ctx context.Context, t messaging.Target, m messaging.Message, reply any) error {
	return a.Transport.Call(ctx, a.to(t), m, reply)
}

func (a apart) Serve(ctx context.Context, s messaging.Server) (messaging.Listener, error) {
	if s.Topic != "" {
		s.Topic = a.prefix + s.Topic
	}
	return a.Transport.Serve(ctx, s)
}

func TestSuite(t *testing.T) {
	need(t)
	messagingtest.Run(t, messagingtest.Harness{Open: func(t *testing.T) messaging.Transport {
		o := options(t)
		return apart{open(t, o), o.Exchange + "."}
	}})
}
