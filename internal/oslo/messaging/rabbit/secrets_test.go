package rabbit

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/reqctx"
)

// safeBuffer is a log that several goroutines write.
type safeBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *safeBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *safeBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

// TestSecretsStaySecret looks for passwords and tokens in the log and in errors, after all that is out of the ordinary.
func TestSecretsStaySecret(t *testing.T) {
	var log safeBuffer
	o := options(t)
	o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	wrong := o
	wrong.Hosts = []broker.Host{{Address: o.Hosts[0].Address, User: o.Hosts[0].User, Password: "hush-password"}}
	refused := open(t, wrong)
	ctx, cancel := context.WithTimeout(t.Context(), 500*time.Millisecond)
	defer cancel()
	_, err := refused.Check(ctx)
	if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "hush") {
		t.Errorf("a wrong password: %v", err)
	}
	tr := open(t, o)
	name := topic(t)
	serveOn(t, tr, name, "s", func(context.Context, any) (any, error) { panic("hush") })
	ctx = reqctx.With(t.Context(), reqctx.Request{AuthToken: "hush-token", UserID: "u"})
	for _, m := range []messaging.Message{numbered(1), {Method: "m", Args: map[string]string{"N": "hush-argument"}}, {Method: "none", Args: map[string]string{"password": "hush"}}} {
		if err := tr.Call(ctx, messaging.Target{Topic: name}, m, nil); err == nil || strings.Contains(err.Error(), "hush") {
			t.Errorf("%s: %v", m.Method, err)
		}
	}
	body := []byte(`{"oslo.version":"2.0","oslo.message":"{\"method\":\"m\",\"args\":[],\"_context_auth_token\":\"hush-token\"}"}`)
	for _, out := range []*broker.Message{{ID: broker.NewID(), Exchange: tr.opts.TopicExchange(), Key: name, Body: body, Mandatory: true},
		{ID: broker.NewID(), Key: tr.replies.queue, Body: body, Mandatory: true}} {
		if err := tr.publisher.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := tr.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the log of what cannot be read", 5*time.Second, func() bool { return strings.Count(log.String(), "cannot be read") >= 2 })
	if text := log.String(); strings.Contains(text, "hush") || strings.Contains(text, o.Hosts[0].Password) {
		t.Errorf("the log has a secret:\n%s", text)
	}
}

// TestNextHost has the first hosts of a URL out of order.
func TestNextHost(t *testing.T) {
	for _, shuffle := range []bool{false, true} {
		o := options(t)
		good := o.Hosts[0]
		dead := newProxy(t, good.Address)
		dead.refuse(true)
		o.Hosts, o.Shuffle = []broker.Host{{Address: dead.address(), User: good.User, Password: good.Password}, {Address: "127.0.0.1:1"}, good}, shuffle
		tr := open(t, o)
		if _, err := tr.Check(t.Context()); err != nil {
			t.Errorf("shuffle %v: %v", shuffle, err)
		}
	}
}
