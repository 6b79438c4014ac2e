package messagingtest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.opentelemetry.io/otel/trace"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// wantFault fails unless err is a fault of this kind and name.
func wantFault(s suite, err error, kind fault.Kind, name string) {
	s.Helper()
	if f, ok := fault.Of(err); !ok || f.Kind != kind || f.Name != name {
		s.Errorf("got %v (kind %v, name %q), want kind %v, name %q", err, fault.KindOf(err), fault.NameOf(err), kind, name)
	}
}

func testFaults(s suite) {
	secret := errors.New("password of the database")
	tests := []struct {
		name string
		err  error
		want fault.Error
	}{
		{"a fault", fault.New(fault.NotFound, "VolumeNotFound", "Volume 7 could not be found."),
			fault.Error{Kind: fault.NotFound, Name: "VolumeNotFound", Text: "Volume 7 could not be found."}},
		{"its cause stays behind", fault.Wrap(secret, fault.Busy, "VolumeIsBusy", "Busy."),
			fault.Error{Kind: fault.Busy, Name: "VolumeIsBusy", Text: "Busy."}},
		{"within another error", fmt.Errorf("while at it: %w", fault.New(fault.OverLimit, "", "Too much.")),
			fault.Error{Kind: fault.OverLimit, Text: "Too much."}},
		{"no fault at all", secret, fault.Error{Kind: fault.Internal, Text: fault.Unexpected}},
	}
	var answer error
	s.serve("topic", "one", func(context.Context, any) (any, error) { return &Echo{Text: "never seen"}, answer })
	for _, tt := range tests {
		answer = tt.err
		var reply Echo
		err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic"}, message("x", 1), &reply)
		f, ok := fault.Of(err)
		if !ok {
			s.Errorf("%s: got %v, want a fault", tt.name, err)
			continue
		}
		if diff := cmp.Diff(&tt.want, f, cmpopts.IgnoreUnexported(fault.Error{})); diff != "" {
			s.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
		if strings.Contains(err.Error(), secret.Error()) || errors.Is(err, secret) {
			s.Errorf("%s: the cause came along: %v", tt.name, err)
		}
		if reply != (Echo{}) {
			s.Errorf("%s: a failed call has a reply: %v", tt.name, reply)
		}
	}
}

func testPanic(s suite) {
	s.serve("topic", "one", func(_ context.Context, args any) (any, error) {
		if args.(*Echo).N == 1 {
			panic("a bug")
		}
		return args, nil
	})
	err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic"}, message("x", 1), &Echo{})
	wantFault(s, err, fault.Internal, "")
	if err != nil && strings.Contains(err.Error(), "a bug") {
		s.Errorf("the panic's text came along: %v", err)
	}
	if err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic"}, message("x", 2), &Echo{}); err != nil {
		s.Errorf("the server does not serve on after a panic: %v", err)
	}
}

func testVersions(s suite) {
	s.serve("topic", "one", echo) // version 3.5
	for version, served := range map[string]bool{
		"3.0": true, "3.5": true, "": true, "3.6": false, "3.10": false, "4.0": false, "2.9": false, "nonsense": false,
	} {
		err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic", Version: version}, message("x", 1), &Echo{})
		if served && err != nil {
			s.Errorf("version %q: %v", version, err)
		}
		if !served {
			wantFault(s, err, fault.NotImplemented, messaging.NameUnsupportedVersion)
		}
	}
}

func testUnknownMethod(s suite) {
	s.serve("topic", "one", echo)
	err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic"}, messaging.Message{Method: "no_such", Args: &Echo{}}, nil)
	wantFault(s, err, fault.NotImplemented, messaging.NameNoSuchMethod)
}

func testRequestContext(s suite) {
	want := reqctx.Request{RequestID: "req-1", GlobalRequestID: "req-2", UserID: "u", UserName: "user", ProjectID: "p",
		ProjectName: "project", DomainID: "d", UserDomainID: "ud", ProjectDomainID: "pd", SystemScope: "all",
		Roles: []string{"member", "reader"}, ServiceRoles: []string{"service"}, IsAdmin: true, RemoteAddress: "192.0.2.1"}
	got := make(chan reqctx.Request, 3)
	h := func(ctx context.Context, _ any) (any, error) { got <- reqctx.From(ctx); return nil, nil }
	s.serve("topic", "one", h)
	ctx := reqctx.With(s.Context(), want)
	s.cast(ctx, messaging.Target{Topic: "topic"}, message("x", 1))
	s.cast(ctx, messaging.Target{Topic: "topic", Fanout: true}, message("x", 1))
	if err := s.tr.Call(ctx, messaging.Target{Topic: "topic"}, message("x", 1), nil); err != nil {
		s.Fatal(err)
	}
	for range 3 {
		if diff := cmp.Diff(want, receive(s, got, "a message")); diff != "" {
			s.Errorf("the handler's request (-want +got):\n%s", diff)
		}
	}
}

func testTrace(s suite) {
	want := trace.NewSpanContext(trace.SpanContextConfig{
		TraceID: trace.TraceID{1, 2, 3}, SpanID: trace.SpanID{4, 5}, TraceFlags: trace.FlagsSampled})
	got := make(chan trace.SpanContext, 1)
	s.serve("topic", "one", func(ctx context.Context, _ any) (any, error) {
		got <- trace.SpanContextFromContext(ctx)
		return nil, nil
	})
	s.cast(trace.ContextWithSpanContext(s.Context(), want), messaging.Target{Topic: "topic"}, message("x", 1))
	sc := receive(s, got, "the cast")
	if sc.TraceID() != want.TraceID() || sc.SpanID() != want.SpanID() || !sc.IsSampled() {
		s.Errorf("the handler's trace is %v, the sender's %v", sc, want)
	}
}

func testStopDrains(s suite) {
	begun, release := make(chan struct{}), make(chan struct{})
	l := s.serve("topic", "one", func(ctx context.Context, args any) (any, error) {
		close(begun)
		<-release
		if ctx.Err() != nil {
			s.Error("the handler was cancelled although there was time")
		}
		return args, nil
	})
	called := make(chan error, 1)
	go func() { called <- s.tr.Call(s.Context(), messaging.Target{Topic: "topic"}, message("x", 1), &Echo{}) }()
	receive(s, begun, "the handler's begin")
	stopped := make(chan error, 1)
	go func() { stopped <- l.Stop(s.Context()) }()
	none(s, stopped, "Stop returned while a handler was at work")
	close(release)
	if err := receive(s, stopped, "Stop"); err != nil {
		s.Errorf("stop: %v", err)
	}
	if err := receive(s, called, "the call's end"); err != nil {
		s.Errorf("a call that was under way: %v", err)
	}
}

func testStopCancels(s suite) {
	begun, cause := make(chan struct{}), make(chan error, 1)
	l := s.serve("topic", "one", func(ctx context.Context, _ any) (any, error) {
		close(begun)
		<-ctx.Done()
		cause <- context.Cause(ctx)
		return nil, ctx.Err()
	})
	s.cast(s.Context(), messaging.Target{Topic: "topic"}, message("x", 1))
	receive(s, begun, "the handler's begin")
	ctx, cancel := context.WithTimeout(s.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Stop(ctx); err != nil {
		s.Errorf("stop of a handler that heeds its context: %v", err)
	}
	if err := receive(s, cause, "the handler's end"); !errors.Is(err, messaging.ErrStopping) {
		s.Errorf("the handler was cancelled with %v, want ErrStopping", err)
	}
	if err := l.Stop(s.Context()); err != nil {
		s.Errorf("stopping twice: %v", err)
	}
}

func testStopKeepsWaiting(s suite) {
	const messages = 5
	got, release := make(chan string, messages), make(chan struct{})
	h := into(got, "one")
	l := s.serveWith(messaging.Server{Topic: "topic", Server: "one", Version: "3.0", Concurrency: 1,
		Methods: echoMethods(func(ctx context.Context, args any) (any, error) {
			r, err := h(ctx, args)
			<-release
			return r, err
		})})
	for n := range messages {
		s.cast(s.Context(), messaging.Target{Topic: "topic"}, message("x", n))
	}
	receive(s, got, "the first cast")
	stopped := make(chan error, 1)
	go func() { stopped <- l.Stop(s.Context()) }()
	s.settle()
	close(release)
	if err := receive(s, stopped, "Stop"); err != nil {
		s.Errorf("stop: %v", err)
	}
	none(s, got, "a stopped server took another message")
	s.serve("topic", "two", into(got, "two"))
	for range messages - 1 {
		if v := receive(s, got, "a cast that waited"); v != "two:x" {
			s.Errorf("got %q", v)
		}
	}
}

func testBadServer(s suite) {
	methods := echoMethods(echo)
	for what, server := range map[string]messaging.Server{
		"no topic":   {Server: "one", Version: "1.0", Methods: methods},
		"no name":    {Topic: "topic", Version: "1.0", Methods: methods},
		"no version": {Topic: "topic", Server: "one", Methods: methods},
		"no New":     {Topic: "topic", Server: "one", Version: "1.0", Methods: map[string]messaging.Method{"m": {Do: echo}}},
	} {
		if _, err := s.tr.Serve(s.Context(), server); !fault.Is(err, fault.Invalid) {
			s.Errorf("%s: got %v, want a fault.Invalid", what, err)
		}
	}
}

func testCheck(s suite) {
	before := time.Now()
	proven, err := s.tr.Check(s.Context())
	if err != nil || proven.Before(before.Add(-time.Minute)) {
		s.Errorf("check: last proven %v, %v", proven, err)
	}
}

func testClose(s suite) {
	s.serve("topic", "one", echo)
	if err := s.tr.Close(s.Context()); err != nil {
		s.Fatalf("close: %v", err)
	}
	target := messaging.Target{Topic: "topic"}
	wantFault(s, s.tr.Cast(s.Context(), target, message("x", 1)), fault.Unavailable, "")
	wantFault(s, s.tr.Call(s.Context(), target, message("x", 1), nil), fault.Unavailable, "")
	if _, err := s.tr.Check(s.Context()); !fault.Is(err, fault.Unavailable) {
		s.Errorf("check after close: %v", err)
	}
	if err := s.tr.Close(s.Context()); err != nil {
		s.Errorf("closing twice: %v", err)
	}
}
