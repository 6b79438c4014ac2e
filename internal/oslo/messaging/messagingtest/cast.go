package messagingtest

import (
	"context"

	"github.com/clinker/clinker/internal/oslo/messaging"
)

// into is a handler that puts what it gets into ch, with the server's name before it.
func into(ch chan<- string, server string) messaging.Handler {
	return func(_ context.Context, args any) (any, error) {
		ch <- server + ":" + args.(*Echo).Text
		return nil, nil
	}
}

func testCast(s suite) {
	got := make(chan string, 1)
	s.serve("topic", "one", into(got, "one"))
	s.cast(s.Context(), messaging.Target{Topic: "topic"}, message("hello", 1))
	if v := receive(s, got, "the cast"); v != "one:hello" {
		s.Errorf("got %q", v)
	}
}

func testCastWaits(s suite) {
	const messages = 10
	for n := range messages {
		s.cast(s.Context(), messaging.Target{Topic: "topic"}, message("early", n))
	}
	got := make(chan string, messages)
	s.serve("topic", "one", into(got, "one"))
	for range messages {
		receive(s, got, "a cast that was made before the server came")
	}
}

func testCastOutlives(s suite) {
	release, got := make(chan struct{}), make(chan error, 1)
	s.serve("topic", "one", func(ctx context.Context, _ any) (any, error) {
		<-release
		_, deadline := ctx.Deadline()
		if deadline {
			s.Error("the handler has a deadline that its sender had")
		}
		got <- ctx.Err()
		return nil, nil
	})
	ctx, cancel := context.WithTimeout(s.Context(), patience)
	s.cast(ctx, messaging.Target{Topic: "topic"}, message("x", 1))
	cancel()
	close(release)
	if err := receive(s, got, "the cast"); err != nil {
		s.Errorf("the handler's context ended with the sender's: %v", err)
	}
}

func testCompeting(s suite) {
	const messages = 60
	got := make(chan string, 2*messages)
	release := make(chan struct{})
	for _, name := range []string{"one", "two", "three"} {
		h := into(got, name)
		s.serveWith(messaging.Server{Topic: "topic", Server: name, Version: "3.0", Concurrency: 1,
			Methods: echoMethods(func(ctx context.Context, args any) (any, error) {
				r, err := h(ctx, args)
				<-release
				return r, err
			})})
	}
	for n := range messages {
		s.cast(s.Context(), messaging.Target{Topic: "topic"}, message("x", n))
	}
	first := map[string]bool{}
	for range 3 {
		first[receive(s, got, "a cast")] = true
	}
	if len(first) != 3 {
		s.Errorf("with every server busy after one message, only these worked: %v", first)
	}
	close(release)
	for range messages - 3 {
		receive(s, got, "a cast")
	}
	none(s, got, "a cast was handled twice")
}

func testDirect(s suite) {
	const messages = 20
	got := make(chan string, 4*messages)
	for _, name := range []string{"one", "two", "three"} {
		s.serve("topic", name, into(got, name))
	}
	for n := range messages {
		s.cast(s.Context(), messaging.Target{Topic: "topic", Server: "two"}, message("x", n))
	}
	for range messages {
		if v := receive(s, got, "a cast"); v != "two:x" {
			s.Errorf("a message for server two came to %q", v)
		}
	}
	var reply Echo
	s.serve("calls", "one", echo)
	if err := s.tr.Call(s.Context(), messaging.Target{Topic: "calls", Server: "one"}, message("x", 7), &reply); err != nil || reply.N != 7 {
		s.Errorf("a call to a named server: %v, %v", reply, err)
	}
}

func testDirectWaits(s suite) {
	got := make(chan string, 10)
	s.serve("topic", "one", into(got, "one"))
	s.cast(s.Context(), messaging.Target{Topic: "topic", Server: "two"}, message("x", 1))
	none(s, got, "a message for another server")
	s.serve("topic", "two", into(got, "two"))
	if v := receive(s, got, "the cast"); v != "two:x" {
		s.Errorf("a message for server two came to %q", v)
	}
}

func testFanout(s suite) {
	got := make(chan string, 10)
	names := []string{"one", "two", "three"}
	for _, name := range names {
		s.serve("topic", name, into(got, name))
	}
	s.serve("another", "one", into(got, "another"))
	s.cast(s.Context(), messaging.Target{Topic: "topic", Fanout: true}, message("x", 1))
	s.cast(s.Context(), messaging.Target{Topic: "nobody", Fanout: true}, message("x", 1))
	seen := map[string]int{}
	for range names {
		seen[receive(s, got, "the fanout")]++
	}
	for _, name := range names {
		if seen[name+":x"] != 1 {
			s.Errorf("server %s got it %d times", name, seen[name+":x"])
		}
	}
	none(s, got, "a fanout came twice, or to a wrong topic")
}
