package notification

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/telemetry"
)

// outcomes counts what Observe is told; only the goroutines of one synctest bubble tell it.
type outcomes struct{ said []string }

func (o *outcomes) observe(outcome string) { o.said = append(o.said, outcome) }

// driver is a Driver made of a function.
type driver func(ctx context.Context, m *Message) error

func (d driver) Notify(ctx context.Context, m *Message) error { return d(ctx, m) }

func TestDelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []*Message
		var asked reqctx.Request
		keep := driver(func(ctx context.Context, m *Message) error {
			got, asked = append(got, m), reqctx.From(ctx)
			return nil
		})
		broken := driver(func(context.Context, *Message) error { return errors.New("no") })
		var o outcomes
		n := New([]Driver{broken, keep}, Options{Observe: o.observe, Log: slog.New(slog.DiscardHandler)})
		ctx, cancel := context.WithCancel(reqctx.With(t.Context(), reqctx.Request{RequestID: "req-1", UserID: "u", AuthToken: "secret"}))
		n.Send(ctx, "volume.node", "volume.create.start", Info, map[string]any{"size": 1})
		cancel() // the end of the request must not matter
		n.Start()
		n.Send(ctx, "volume.node", "volume.create.end", Error, nil)
		if err := n.Stop(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(got) != 2 || got[0].EventType != "volume.create.start" || got[1].EventType != "volume.create.end" || got[1].Priority != Error {
			t.Fatalf("delivered %+v", got)
		}
		if got[0].ID == got[1].ID || got[0].Timestamp != time.Now().UTC().Format("2006-01-02 15:04:05.000000") || got[0].PublisherID != "volume.node" {
			t.Errorf("%+v, %+v", got[0], got[1])
		}
		if d := cmp.Diff(reqctx.Request{RequestID: "req-1", UserID: "u"}, asked); d != "" {
			t.Errorf("who asked (-want +got):\n%s", d)
		}
		if d := cmp.Diff([]string{Failed, Sent, Failed, Sent}, o.said); d != "" {
			t.Errorf("outcomes (-want +got):\n%s", d)
		}
		n.Deliver(t.Context(), "volume.node", "volume.exists", Info, nil) // without a Start, and after a Stop
		if len(got) != 3 || got[2].EventType != "volume.exists" {
			t.Errorf("delivered %+v", got)
		}
		var none *Notifier
		none.Send(ctx, "p", "e", Info, nil)
		none.Deliver(ctx, "p", "e", Info, nil)
	})
}

// TestDropping: a driver that is stuck holds nobody up; what there is no room for is counted, and said once for each time it lasts.
func TestDropping(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		stuck := make(chan struct{})
		var o outcomes
		n := New([]Driver{driver(func(context.Context, *Message) error { <-stuck; return nil })},
			Options{QueueLength: 2, Observe: o.observe, Log: slog.New(slog.NewTextHandler(&log, nil))})
		n.Start()
		send := func() { n.Send(t.Context(), "p", "e", Info, nil) }
		send()
		synctest.Wait() // it is being delivered
		for range 5 {
			send()
		}
		if d := cmp.Diff([]string{Dropped, Dropped, Dropped}, o.said); d != "" {
			t.Errorf("outcomes (-want +got):\n%s", d)
		}
		if said := strings.Count(log.String(), "notifications are dropped"); said != 1 {
			t.Errorf("said %d times: %s", said, log.String())
		}
		close(stuck)
		synctest.Wait()
		stuck = make(chan struct{})
		for range 4 {
			send()
		}
		synctest.Wait()
		for range 4 {
			send()
		}
		if said := strings.Count(log.String(), "notifications are dropped"); said != 2 {
			t.Errorf("said %d times after it was well in between", said)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := n.Stop(ctx); !fault.Is(err, fault.Timeout) || !strings.Contains(err.Error(), "2 notifications") {
			t.Errorf("stopped with %v", err)
		}
		close(stuck)
	})
}

// publisher is a transport that fails as often as told.
type publisher struct {
	failures int
	tried    int
	sent     []string
}

func (p *publisher) Publish(_ context.Context, topic string, m *Message, version int) error {
	if p.tried++; p.tried <= p.failures {
		return errors.New("the broker is away")
	}
	p.sent = append(p.sent, topic+" "+m.EventType+" "+string(rune('0'+version)))
	return nil
}

func TestMessagingRetries(t *testing.T) {
	for name, tc := range map[string]struct {
		failures, retry, tried int
		fails                  bool
	}{
		"at once":                {0, 0, 1, false},
		"no retry":               {1, 0, 1, true},
		"retried":                {2, 2, 3, false},
		"retried too often":      {3, 2, 3, true},
		"retried until it works": {40, -1, 41, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := &publisher{failures: tc.failures}
				err := (&Messaging{Publisher: p, Topics: []string{"a"}, Version: 2, Retry: tc.retry}).Notify(t.Context(), &Message{EventType: "e", Priority: Info})
				if (err != nil) != tc.fails || p.tried != tc.tried {
					t.Errorf("%d attempts, %v", p.tried, err)
				}
			})
		})
	}
	p := &publisher{failures: 1}
	err := (&Messaging{Publisher: p, Topics: []string{"a", "b"}, Version: 1}).Notify(t.Context(), &Message{EventType: "e", Priority: Error})
	if err == nil || !slices.Equal(p.sent, []string{"b.error e 1"}) {
		t.Errorf("sent %v, %v", p.sent, err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		p := &publisher{failures: 1 << 30}
		if err := (&Messaging{Publisher: p, Topics: []string{"a"}, Retry: -1}).Notify(ctx, &Message{Priority: Info}); err == nil || p.tried < 100 || p.tried > 200 {
			t.Errorf("within an hour %d attempts, %v", p.tried, err)
		}
	})
}

// TestInProcess: every listener of a topic and priority hears; what nobody listens to is nobody's burden.
func TestInProcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		transport := inproc.New(inproc.Options{Waiting: 1})
		d := &Messaging{Publisher: InProcess{transport}, Topics: []string{"notifications"}, Version: 2}
		for range 10 {
			if err := d.Notify(t.Context(), &Message{EventType: "unheard", Priority: Info}); err != nil {
				t.Fatal(err)
			}
		}
		var mu sync.Mutex
		var heard []string
		for _, name := range []string{"a", "b"} {
			l, err := Listen(t.Context(), transport, "notifications", Info, name, func(ctx context.Context, m *Message) {
				mu.Lock()
				defer mu.Unlock()
				heard = append(heard, name+" "+m.EventType+" "+reqctx.From(ctx).ProjectID)
			})
			if err != nil {
				t.Fatal(err)
			}
			defer func(l messaging.Listener) { _ = l.Stop(context.Background()) }(l)
		}
		ctx := reqctx.With(t.Context(), reqctx.Request{ProjectID: "p"})
		for _, m := range []*Message{{EventType: "good", Priority: Info}, {EventType: "bad", Priority: Error}} {
			if err := d.Notify(ctx, m); err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
		}
		mu.Lock()
		defer mu.Unlock()
		slices.Sort(heard)
		if d := cmp.Diff([]string{"a good p", "b good p"}, heard); d != "" {
			t.Errorf("heard (-want +got):\n%s", d)
		}
	})
}

func TestLog(t *testing.T) {
	var out bytes.Buffer
	h, err := telemetry.NewLineHandler(&out, telemetry.LogOptions{})
	if err != nil {
		t.Fatal(err)
	}
	m := &Message{ID: "1", PublisherID: "volume.node", EventType: "volume.create.end", Priority: Info, Payload: map[string]any{"size": 1, "auth_key": "hush"}, Timestamp: "now"}
	if err := (Log{slog.New(h)}).Notify(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	line := out.String()
	if !strings.Contains(line, " INFO oslo.messaging.notification.volume.create.end [-] {") {
		t.Errorf("the line is %q", line)
	}
	var got map[string]any
	if err := json.Unmarshal([]byte(line[strings.IndexByte(line, '{'):]), &got); err != nil {
		t.Fatalf("%q is no JSON: %v", line, err)
	}
	want := map[string]any{"message_id": "1", "publisher_id": "volume.node", "event_type": "volume.create.end", "priority": "INFO", "timestamp": "now",
		"payload": map[string]any{"size": 1.0, "auth_key": "***"}}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("logged (-want +got):\n%s", d)
	}
	m.Priority = Error
	out.Reset()
	if err := (Log{slog.New(h)}).Notify(t.Context(), m); err != nil || !strings.Contains(out.String(), " ERROR oslo.") {
		t.Errorf("%q, %v", out.String(), err)
	}
	m.Payload = map[string]any{"x": func() {}}
	if err := (Log{slog.New(h)}).Notify(t.Context(), m); err == nil {
		t.Error("what is no JSON was logged")
	}
}

func TestSettings(t *testing.T) {
	for name, tc := range map[string]struct {
		conf    map[string]string
		want    []Driver
		refused string
	}{
		"none":    {},
		"noop":    {conf: map[string]string{"driver": "noop"}},
		"log":     {conf: map[string]string{"driver": "log"}, want: []Driver{Log{}}},
		"test":    {conf: map[string]string{"driver": "test"}, want: []Driver{new(Recorder)}},
		"unknown": {conf: map[string]string{"driver": "carrier-pigeon"}, refused: "there is no driver carrier-pigeon"},
		"routing": {conf: map[string]string{"driver": "routing"}, refused: "messagingv2, messaging, log, noop or test"},
		"v1": {conf: map[string]string{"driver": "messaging", "topics": "a,b", "retry": "2"},
			want: []Driver{&Messaging{Publisher: InProcess{}, Topics: []string{"a", "b"}, Version: 1, Retry: 2}}},
		"v2":           {conf: map[string]string{"driver": "messagingv2"}, want: []Driver{&Messaging{Publisher: InProcess{}, Topics: []string{"notifications"}, Version: 2, Retry: -1}}},
		"no transport": {conf: map[string]string{"driver": "messagingv2", "transport_url": "rabbit://u:hush@b"}, refused: "no such transport"},
	} {
		t.Run(name, func(t *testing.T) {
			s, overrides := NewSettings(), map[string]string{}
			for key, value := range tc.conf {
				overrides[group+"."+key] = value
			}
			c, err := config.Load(config.Sources{Overrides: overrides}, s.All()...)
			if err != nil {
				t.Fatal(err)
			}
			got, err := s.Drivers(c, nil, new(Recorder), func(url string) (Publisher, error) {
				if url != "" {
					return nil, errors.New("no such transport")
				}
				return InProcess{}, nil
			})
			if tc.refused != "" {
				if err == nil || !strings.Contains(err.Error(), tc.refused) || strings.Contains(err.Error(), "hush") {
					t.Errorf("error %v, want %q in it", err, tc.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got, cmp.AllowUnexported(Recorder{}), cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".mu" }, cmp.Ignore())); d != "" {
				t.Errorf("drivers (-want +got):\n%s", d)
			}
		})
	}
}

func TestRecorder(t *testing.T) {
	var r Recorder
	for range recorded + 5 {
		if err := r.Notify(t.Context(), &Message{}); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(r.Take()); n != recorded {
		t.Errorf("%d are kept", n)
	}
	if n := len(r.Take()); n != 0 {
		t.Errorf("%d are kept after they were taken", n)
	}
}
