package inproc

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/messagingtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func open(t *testing.T, o Options) *Transport {
	tr := New(o)
	t.Cleanup(func() {
		if err := tr.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return tr
}

func TestSuite(t *testing.T) {
	messagingtest.Run(t, messagingtest.Harness{
		Open:    func(t *testing.T) messaging.Transport { return open(t, Options{}) },
		Virtual: true,
	})
}

type note struct{ Topic string }

func serve(t testing.TB, tr *Transport, topic string, concurrency int, do messaging.Handler) messaging.Listener {
	t.Helper()
	l, err := tr.Serve(t.Context(), messaging.Server{Topic: topic, Server: "s", Version: "1.0", Concurrency: concurrency,
		Methods: map[string]messaging.Method{"m": {New: func() any { return new(note) }, Do: do}}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

var m = messaging.Message{Method: "m", Args: &note{}}

func TestQueueLimit(t *testing.T) {
	tr := open(t, Options{Waiting: 3, Topics: 2})
	target, named := messaging.Target{Topic: "a"}, messaging.Target{Topic: "a", Server: "s"}
	ctx, tracker := messaging.WithTracker(t.Context())
	for _, to := range []messaging.Target{target, named, target} {
		if err := tr.Cast(ctx, to, m); err != nil {
			t.Fatal(err)
		}
	}
	for _, to := range []messaging.Target{target, named} {
		if err := tr.Cast(ctx, to, m); !fault.Is(err, fault.Unavailable) {
			t.Errorf("cast to %s past the limit: %v, want a fault.Unavailable", to, err)
		}
	}
	if err := tr.Cast(ctx, messaging.Target{Topic: "b"}, m); err != nil {
		t.Errorf("a full topic stands in another's way: %v", err)
	}
	if err := tr.Cast(ctx, messaging.Target{Topic: "c"}, m); !fault.Is(err, fault.Unavailable) {
		t.Errorf("one topic more than allowed: %v, want a fault.Unavailable", err)
	}
	done := make(chan struct{}, 10)
	h := func(context.Context, any) (any, error) { done <- struct{}{}; return nil, nil }
	serve(t, tr, "a", 1, h)
	serve(t, tr, "b", 1, h)
	for range 4 {
		<-done
	}
	if err := tracker.Wait(t.Context()); err != nil {
		t.Error(err)
	}
	if err := tr.Cast(ctx, target, m); err != nil {
		t.Errorf("the queue is empty again, and yet: %v", err)
	}
}

func TestTrackerFollowsCasts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := open(t, Options{})
		var finished atomic.Int32
		chain := func(next string) messaging.Handler {
			return func(ctx context.Context, _ any) (any, error) {
				time.Sleep(time.Millisecond)
				if next != "" {
					if err := tr.Cast(ctx, messaging.Target{Topic: next, Fanout: next == "c"}, m); err != nil {
						t.Error(err)
					}
				}
				finished.Add(1)
				return nil, nil
			}
		}
		serve(t, tr, "a", 0, chain("b"))
		serve(t, tr, "b", 0, chain("c"))
		serve(t, tr, "c", 0, chain(""))
		serve(t, tr, "c", 0, chain(""))
		ctx, tracker := messaging.WithTracker(t.Context())
		if err := tr.Cast(ctx, messaging.Target{Topic: "a"}, m); err != nil {
			t.Fatal(err)
		}
		short, cancel := context.WithTimeout(ctx, time.Microsecond)
		defer cancel()
		if err := tracker.Wait(short); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Wait returned %v while casts were under way", err)
		}
		begin := time.Now()
		if err := tracker.Wait(ctx); err != nil {
			t.Error(err)
		}
		if n, d := finished.Load(), time.Since(begin); n != 4 || d > 4*time.Millisecond {
			t.Errorf("Wait returned after %v with %d of 4 handlers finished", d, n)
		}
		if err := tracker.Wait(short); err != nil {
			t.Errorf("nothing is outstanding, and yet Wait returned %v", err)
		}
	})
}

func TestDroppedMessagesSettle(t *testing.T) {
	tr := New(Options{})
	ctx, tracker := messaging.WithTracker(t.Context())
	for n := range 3 {
		if err := tr.Cast(ctx, messaging.Target{Topic: fmt.Sprint("t", n), Server: "nobody"}, m); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := tracker.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAbandonedCallIsNotBegun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := open(t, Options{CallTimeout: time.Second})
		var begun atomic.Int32
		release := make(chan struct{})
		serve(t, tr, "a", 1, func(context.Context, any) (any, error) { begun.Add(1); <-release; return nil, nil })
		if err := tr.Cast(t.Context(), messaging.Target{Topic: "a"}, m); err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		err := tr.Call(t.Context(), messaging.Target{Topic: "a"}, m, nil)
		if fault.NameOf(err) != messaging.NameTimeout || time.Since(start) != time.Second {
			t.Errorf("call ended after %v with %v, want the transport's timeout of 1 s", time.Since(start), err)
		}
		close(release)
		synctest.Wait()
		if n := begun.Load(); n != 1 {
			t.Errorf("%d handlers began, want only the cast's", n)
		}
	})
}

func TestWaitingCallFailsWhenItsServerLeaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := open(t, Options{})
		release := make(chan struct{})
		l := serve(t, tr, "a", 1, func(context.Context, any) (any, error) { <-release; return nil, nil })
		if err := tr.Cast(t.Context(), messaging.Target{Topic: "a"}, m); err != nil {
			t.Fatal(err)
		}
		result := make(chan error, 2)
		for _, server := range []string{"", "s"} {
			go func() { result <- tr.Call(t.Context(), messaging.Target{Topic: "a", Server: server}, m, nil) }()
		}
		synctest.Wait()
		go func() {
			if err := l.Stop(t.Context()); err != nil {
				t.Error(err)
			}
		}()
		start := time.Now()
		for range 2 {
			if err := <-result; fault.NameOf(err) != messaging.NameTimeout {
				t.Errorf("got %v", err)
			}
		}
		if d := time.Since(start); d != 0 {
			t.Errorf("the calls failed after %v, not at once", d)
		}
		close(release)
	})
}

func TestStopGivesUpOnADeafHandler(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tr := New(Options{})
		release := make(chan struct{})
		l := serve(t, tr, "a", 1, func(context.Context, any) (any, error) { <-release; return nil, nil })
		if err := tr.Cast(t.Context(), messaging.Target{Topic: "a"}, m); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		if err := l.Stop(ctx); !fault.Is(err, fault.Timeout) {
			t.Errorf("stop: %v, want a fault.Timeout", err)
		}
		if d := time.Since(start); d != time.Second+grace {
			t.Errorf("stop took %v", d)
		}
		close(release)
	})
}

func TestAssign(t *testing.T) {
	var n note
	for _, src := range []any{note{"v"}, &note{"v"}} {
		n = note{}
		if err := assign(&n, src); err != nil || n.Topic != "v" {
			t.Errorf("assign from %T: %v, %v", src, n, err)
		}
	}
	if err := assign(&n, (*note)(nil)); err != nil {
		t.Errorf("assign from a nil pointer: %v", err)
	}
	for _, bad := range [][2]any{{&n, "text"}, {n, note{}}, {(*note)(nil), note{}}} {
		if err := assign(bad[0], bad[1]); !fault.Is(err, fault.Internal) {
			t.Errorf("assign %T to %T: %v, want an Internal fault", bad[1], bad[0], err)
		}
	}
}

func TestQueueKeepsOrderAndMemory(t *testing.T) {
	var q queue
	next := uint64(0)
	for n := range uint64(1000) {
		q.push(&envelope{number: n})
		if n%3 == 0 {
			if e := q.pop(); e.number != next {
				t.Fatalf("popped %d, want %d", e.number, next)
			}
			next++
		}
	}
	for q.len() > 0 {
		if e := q.pop(); e.number != next {
			t.Fatalf("popped %d, want %d", e.number, next)
		}
		next++
	}
	if next != 1000 || cap(q.items) != 0 {
		t.Errorf("popped %d of 1000, %d places are kept", next, cap(q.items))
	}
}

func BenchmarkCast(b *testing.B) {
	tr := New(Options{})
	serve(b, tr, "a", 0, func(context.Context, any) (any, error) { return nil, nil })
	ctx, tracker := messaging.WithTracker(b.Context())
	b.ReportAllocs()
	for b.Loop() {
		if err := tr.Cast(ctx, messaging.Target{Topic: "a", Version: "1.0"}, m); err != nil {
			b.Fatal(err)
		}
	}
	if err := tracker.Wait(ctx); err != nil {
		b.Fatal(err)
	}
	if err := tr.Close(ctx); err != nil {
		b.Fatal(err)
	}
}

func BenchmarkCall(b *testing.B) {
	tr := New(Options{})
	serve(b, tr, "a", 0, func(context.Context, any) (any, error) { return &note{"reply"}, nil })
	var reply note
	b.ReportAllocs()
	for b.Loop() {
		if err := tr.Call(b.Context(), messaging.Target{Topic: "a", Version: "1.0"}, m, &reply); err != nil {
			b.Fatal(err)
		}
	}
	if err := tr.Close(b.Context()); err != nil {
		b.Fatal(err)
	}
}
