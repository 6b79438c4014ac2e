package messagingtest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

func testCall(s suite) {
	s.serve("topic", "one", func(_ context.Context, args any) (any, error) {
		e := args.(*Echo)
		return Echo{Text: e.Text + "!", N: e.N + 1}, nil
	})
	var got Echo
	err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic", Version: "3.0"}, message("hello", 1), &got)
	if err != nil {
		s.Fatal(err)
	}
	if diff := cmp.Diff(Echo{Text: "hello!", N: 2}, got); diff != "" {
		s.Errorf("reply (-want +got):\n%s", diff)
	}
}

func testCallNoReply(s suite) {
	s.serve("topic", "one", echo)
	if err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic"}, message("x", 1), nil); err != nil {
		s.Errorf("a reply nobody wants: %v", err)
	}
	s.serve("empty", "one", func(context.Context, any) (any, error) { return nil, nil })
	got := Echo{Text: "as before"}
	if err := s.tr.Call(s.Context(), messaging.Target{Topic: "empty"}, message("x", 1), &got); err != nil {
		s.Errorf("a reply that is nil: %v", err)
	}
}

func testCallNobody(s suite) {
	s.serve("topic", "one", echo)
	for _, target := range []messaging.Target{{Topic: "nobody"}, {Topic: "topic", Server: "two"}} {
		ctx, cancel := context.WithTimeout(s.Context(), time.Second)
		err := s.tr.Call(ctx, target, message("x", 1), &Echo{})
		cancel()
		wantFault(s, err, fault.Timeout, messaging.NameTimeout)
	}
}

func testCallTimeout(s suite) {
	release := make(chan struct{})
	defer close(release)
	s.serve("topic", "one", func(context.Context, any) (any, error) { <-release; return nil, nil })
	ctx, cancel := context.WithTimeout(s.Context(), 100*time.Millisecond)
	defer cancel()
	err := s.tr.Call(ctx, messaging.Target{Topic: "topic"}, message("x", 1), &Echo{})
	wantFault(s, err, fault.Timeout, messaging.NameTimeout)
	if !errors.Is(err, context.DeadlineExceeded) {
		s.Errorf("the context's end is not in the chain of %v", err)
	}
}

func testCallCancelled(s suite) {
	begun, release := make(chan struct{}), make(chan struct{})
	defer close(release)
	s.serve("topic", "one", func(ctx context.Context, _ any) (any, error) {
		close(begun)
		<-release
		return nil, nil
	})
	ctx, cancel := context.WithCancel(s.Context())
	result := make(chan error, 1)
	go func() { result <- s.tr.Call(ctx, messaging.Target{Topic: "topic"}, message("x", 1), &Echo{}) }()
	receive(s, begun, "the handler's begin")
	cancel()
	err := receive(s, result, "the call's end")
	wantFault(s, err, fault.Timeout, messaging.NameTimeout)
	if !errors.Is(err, context.Canceled) {
		s.Errorf("the context's end is not in the chain of %v", err)
	}
}

func testManyCalls(s suite) {
	const calls = 1000
	s.serve("topic", "one", echo)
	var wg sync.WaitGroup
	errs := make(chan error, calls)
	for n := range calls {
		wg.Go(func() {
			var got Echo
			err := s.tr.Call(s.Context(), messaging.Target{Topic: "topic"}, message("x", n), &got)
			if err == nil && got.N != n {
				err = fmt.Errorf("call %d got the reply of %d", n, got.N)
			}
			errs <- err
		})
	}
	wg.Wait()
	for range calls {
		if err := <-errs; err != nil {
			s.Fatal(err)
		}
	}
}

func testConcurrency(s suite) {
	const limit, messages = 3, 20
	var now, most atomic.Int32
	entered, release, done := make(chan struct{}, messages), make(chan struct{}), make(chan struct{}, messages)
	s.serveWith(messaging.Server{Topic: "topic", Server: "one", Version: "3.0", Concurrency: limit,
		Methods: echoMethods(func(context.Context, any) (any, error) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			entered <- struct{}{}
			<-release
			now.Add(-1)
			done <- struct{}{}
			return nil, nil
		})})
	for n := range messages {
		s.cast(s.Context(), messaging.Target{Topic: "topic"}, message("x", n))
	}
	for range limit {
		receive(s, entered, "a handler's begin")
	}
	none(s, entered, "more handlers at once than allowed")
	close(release)
	for range messages {
		receive(s, done, "a handler's end")
	}
	if got := most.Load(); got > limit {
		s.Errorf("%d handlers ran at once, the limit is %d", got, limit)
	}
}
