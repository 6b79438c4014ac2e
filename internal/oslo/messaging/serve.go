package messaging

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/telemetry"
)

// DefaultConcurrency is how many messages a Server works on at once that does not say.
const DefaultConcurrency = 64

// Baggage is what a message carries beside its arguments inside one process. For transports.
type Baggage struct {
	Request reqctx.Request
	Trace   telemetry.Trace
	Tracker *Tracker
}

// Pack takes what a message carries from its sender's context.
func Pack(ctx context.Context) Baggage {
	return Baggage{Request: reqctx.From(ctx), Trace: telemetry.TraceOf(ctx), Tracker: TrackerFrom(ctx)}
}

// Unpack is the context of a handler: the server's own, with what the message carried.
func (b Baggage) Unpack(server context.Context) context.Context {
	ctx := b.Trace.Continue(reqctx.With(server, b.Request))
	if b.Tracker != nil {
		ctx = context.WithValue(ctx, trackerKey{}, b.Tracker)
	}
	return ctx
}

// String is the address for logs and errors.
func (t Target) String() string {
	switch {
	case t.Fanout:
		return t.Topic + " (all servers)"
	case t.Server != "":
		return t.Topic + " (server " + t.Server + ")"
	}
	return t.Topic
}

// Check says what is wrong with a Server: a fault.Invalid, which is a mistake of the program.
func (s *Server) Check() error {
	refuse := func(format string, args ...any) error {
		return fault.New(fault.Invalid, "", "A server of topic %q cannot be started: %s.", s.Topic, fmt.Sprintf(format, args...))
	}
	switch _, _, ok := parseVersion(s.Version); {
	case s.Topic == "" || s.Server == "":
		return refuse("it needs a topic and a server name, and has %q and %q", s.Topic, s.Server)
	case !ok:
		return refuse("its version must be major.minor, and is %q", s.Version)
	case s.Concurrency < 0:
		return refuse("its concurrency must not be negative, and is %d", s.Concurrency)
	}
	for name, m := range s.Methods {
		if m.New == nil || m.Do == nil {
			return refuse("its method %q needs both New and Do", name)
		}
	}
	return nil
}

// Handle runs the method that a message asks for, for every transport alike: it refuses a version the server does not
// have and a method it does not know, turns a panic into an Internal fault, and logs what the sender will not be told.
// The error still has its cause; a transport sends on what Strip leaves of it.
func (s *Server) Handle(ctx context.Context, version string, m Message) (reply any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Wrap(fmt.Errorf("panic: %v\n%s", p, debug.Stack()), fault.Internal, "", "%s", fault.Unexpected)
			reply = nil
		}
		if err != nil {
			s.log(ctx, m.Method, err)
		}
	}()
	if !Serves(s.Version, version) {
		return nil, unsupportedVersion(s, version)
	}
	method, ok := s.Methods[m.Method]
	if !ok {
		return nil, fault.New(fault.NotImplemented, NameNoSuchMethod, "%s has no method %s.", s.Topic, m.Method)
	}
	ctx, end := telemetry.Span(ctx, "rpc."+m.Method, slog.String("topic", s.Topic))
	defer end(&err)
	return method.Do(ctx, m.Args)
}

// log notes a failed message. Faults that are the sender's own affair are told to it, so they are no alarm here.
func (s *Server) log(ctx context.Context, method string, err error) {
	level := slog.LevelInfo
	switch kind := fault.KindOf(err); {
	case errors.Is(context.Cause(ctx), ErrStopping): // it was told to end
	case kind == fault.Internal:
		level = slog.LevelError
	case kind == fault.Unavailable, kind == fault.Timeout, kind == fault.NotImplemented:
		level = slog.LevelWarn
	}
	slog.Log(ctx, level, "a message failed", "topic", s.Topic, "server", s.Server, "method", method, "error", err)
}
