// Package messagingtest is the suite that every message transport passes. It proves the contract of messaging.Transport
// and nothing that only one transport does.
package messagingtest

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Harness tells the suite about a transport.
type Harness struct {
	// Open makes a transport for one test and closes it at the test's end. Two calls need not see each other's topics.
	Open func(t *testing.T) messaging.Transport
	// Virtual says that the transport lives in this process alone, so that every test can run in a synctest bubble: time
	// costs nothing there, and a goroutine left behind fails the test.
	Virtual bool
}

// Echo is the message of the suite, and its reply.
type Echo struct {
	Text string
	N    int
}

// patience is how long a test waits for what must happen. In a bubble it costs nothing.
const patience = 10 * time.Second

type suite struct {
	*testing.T
	h  Harness
	tr messaging.Transport
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	tests := []struct {
		name string
		run  func(s suite)
	}{
		{"call returns the reply", testCall},
		{"call without a reply struct", testCallNoReply},
		{"call to nobody times out", testCallNobody},
		{"call times out with its context", testCallTimeout},
		{"call ends with a cancelled context", testCallCancelled},
		{"a thousand calls at once", testManyCalls},
		{"cast reaches its handler", testCast},
		{"cast waits for a server", testCastWaits},
		{"cast outlives its request", testCastOutlives},
		{"servers of a topic compete", testCompeting},
		{"a named server gets what is its own", testDirect},
		{"a cast waits for a named server", testDirectWaits},
		{"fanout reaches every server", testFanout},
		{"concurrency is bounded", testConcurrency},
		{"faults survive the trip", testFaults},
		{"a panic is an internal fault", testPanic},
		{"versions are refused", testVersions},
		{"an unknown method is refused", testUnknownMethod},
		{"the request context is carried", testRequestContext},
		{"the trace is carried", testTrace},
		{"stop waits for what is under way", testStopDrains},
		{"stop cancels what takes too long", testStopCancels},
		{"a stopped server's messages wait for the next", testStopKeepsWaiting},
		{"a bad server is refused", testBadServer},
		{"check proves the round trip", testCheck},
		{"close ends the service", testClose},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			body := func(t *testing.T) {
				s := suite{T: t, h: h, tr: h.Open(t)}
				tt.run(s)
			}
			if h.Virtual {
				synctest.Test(t, body)
				return
			}
			body(t)
		})
	}
}

// serve starts a server of one method, "echo", and stops it at the test's end.
func (s suite) serve(topic, name string, do messaging.Handler) messaging.Listener {
	s.Helper()
	return s.serveWith(messaging.Server{Topic: topic, Server: name, Version: "3.5", Methods: echoMethods(do)})
}

func (s suite) serveWith(server messaging.Server) messaging.Listener {
	s.Helper()
	l, err := s.tr.Serve(s.Context(), server)
	if err != nil {
		s.Fatalf("serve %s: %v", server.Topic, err)
	}
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := l.Stop(ctx); err != nil {
			s.Errorf("stop %s: %v", server.Topic, err)
		}
	})
	return l
}

func echoMethods(do messaging.Handler) map[string]messaging.Method {
	return map[string]messaging.Method{"echo": {New: func() any { return new(Echo) }, Do: do}}
}

// echo answers with what it was sent.
func echo(_ context.Context, args any) (any, error) { return args.(*Echo), nil }

func message(text string, n int) messaging.Message {
	return messaging.Message{Method: "echo", Args: &Echo{Text: text, N: n}}
}

func (s suite) cast(ctx context.Context, t messaging.Target, m messaging.Message) {
	s.Helper()
	if err := s.tr.Cast(ctx, t, m); err != nil {
		s.Fatalf("cast to %s: %v", t, err)
	}
}

// receive takes one value within the suite's patience.
func receive[T any](s suite, ch <-chan T, what string) T {
	s.Helper()
	select {
	case v := <-ch:
		return v
	case <-time.After(patience):
		s.Fatalf("%s did not happen", what)
		panic("not reached")
	}
}

// settle gives what must not happen the time to happen.
func (s suite) settle() {
	if s.h.Virtual {
		synctest.Wait()
		return
	}
	time.Sleep(200 * time.Millisecond)
}

// none fails if ch has a value after everything has settled.
func none[T any](s suite, ch <-chan T, what string) {
	s.Helper()
	s.settle()
	select {
	case v := <-ch:
		s.Fatalf("%s: %v", what, v)
	default:
	}
}
