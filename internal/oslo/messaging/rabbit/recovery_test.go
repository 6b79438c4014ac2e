package rabbit

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
)

// note is the message of these tests.
type note struct{ N int }

// counting is a server's handler that counts how often each number came, and answers with it.
type counting struct {
	mu    sync.Mutex
	times map[int]int
}

func (c *counting) handle(_ context.Context, args any) (any, error) {
	n := args.(*note)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.times == nil {
		c.times = make(map[int]int)
	}
	c.times[n.N]++
	return n, nil
}

func (c *counting) count(n int) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.times[n]
}

// topics gives each test topics of its own.
func topic(t *testing.T) string { return fmt.Sprintf("t%d.%s", exchanges.Add(1), t.Name()) }

func serveOn(t *testing.T, tr *Transport, topic, name string, do messaging.Handler) messaging.Listener {
	t.Helper()
	l, err := tr.Serve(t.Context(), messaging.Server{Topic: topic, Server: name, Version: "1.5",
		Methods: map[string]messaging.Method{"m": {New: func() any { return new(note) }, Do: do}}})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func numbered(n int) messaging.Message { return messaging.Message{Method: "m", Args: &note{n}} }

func eventually(t *testing.T, what string, within time.Duration, ok func() bool) time.Duration {
	t.Helper()
	for began := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		if ok() {
			return time.Since(began)
		}
		if time.Since(began) > within {
			t.Fatalf("%s did not happen within %v", what, within)
		}
	}
}

// TestConnectionsAreCut has casts and calls go on while both sides' connections are cut again and again: what was confirmed
// runs exactly once, and every call is answered.
func TestConnectionsAreCut(t *testing.T) {
	o := options(t)
	p := newProxy(t, o.Hosts[0].Address)
	o.Hosts[0].Address = p.address()
	client, server := open(t, o), open(t, o)
	name := topic(t)
	var c counting
	serveOn(t, server, name, "s", c.handle)
	const messages = 400
	var sent, done atomic.Int64
	var wg sync.WaitGroup
	for worker := range 4 {
		wg.Go(func() {
			for i := range messages / 4 {
				n := worker*messages + i
				to := messaging.Target{Topic: name}
				var err error
				if i%2 == 0 {
					err = client.Cast(t.Context(), to, numbered(n))
				} else {
					var reply note
					if err = client.Call(t.Context(), to, numbered(n), &reply); err == nil && reply.N != n {
						err = fmt.Errorf("got the reply of %d", reply.N)
					}
				}
				if err != nil {
					t.Errorf("message %d: %v", n, err)
				}
				sent.Add(1)
				time.Sleep(2 * time.Millisecond)
			}
		})
	}
	wg.Go(func() {
		for last := int64(0); sent.Load() < messages; time.Sleep(5 * time.Millisecond) {
			if n := sent.Load(); n > last+messages/10 { // it went on since the last cut
				p.cut()
				last = n
			}
		}
	})
	wg.Wait()
	eventually(t, "every message", 10*time.Second, func() bool {
		done.Store(0)
		for worker := range 4 {
			for i := range messages / 4 {
				done.Add(int64(min(c.count(worker*messages+i), 1)))
			}
		}
		return done.Load() == messages
	})
	for n, times := range c.times {
		if times != 1 {
			t.Errorf("message %d ran %d times", n, times)
		}
	}
}

func TestRecoveryAfterALoss(t *testing.T) {
	o := options(t)
	p := newProxy(t, o.Hosts[0].Address)
	o.Hosts[0].Address = p.address()
	tr := open(t, o)
	name := topic(t)
	var c counting
	serveOn(t, tr, name, "s", c.handle)
	if _, err := tr.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.refuse(true)
	p.cut()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if _, err := tr.Check(ctx); !fault.Is(err, fault.Unavailable) {
		t.Errorf("check without a broker: %v", err)
	}
	if err := tr.Cast(ctx, messaging.Target{Topic: name}, numbered(1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("cast without a broker: %v", err)
	}
	if err := tr.Call(ctx, messaging.Target{Topic: name}, numbered(1), nil); fault.NameOf(err) != messaging.NameTimeout {
		t.Errorf("call without a broker: %v", err)
	}
	if d := time.Since(began); d > 2*time.Second {
		t.Errorf("they gave up after %v, and had 300 ms", d)
	}
	p.refuse(false)
	began = time.Now()
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(2), &note{}); err != nil {
		t.Fatal(err)
	}
	t.Logf("a call is answered %v after the broker can be reached again", time.Since(began))
	if proven, err := tr.Check(t.Context()); err != nil || time.Since(proven) > time.Minute {
		t.Errorf("check: %v, %v", proven, err)
	}
}

// TestReplyQueueVanishes deletes the queue of answers while a call is at work.
func TestReplyQueueVanishes(t *testing.T) {
	o := options(t)
	client, server := open(t, o), open(t, o)
	name := topic(t)
	begun, release := make(chan struct{}), make(chan struct{})
	serveOn(t, server, name, "s", func(_ context.Context, args any) (any, error) {
		close(begun)
		<-release
		return args, nil
	})
	result := make(chan error, 1)
	go func() { result <- client.Call(t.Context(), messaging.Target{Topic: name}, numbered(1), &note{}) }()
	<-begun
	deleteQueue(t, server, client.replies.queue)
	began := time.Now()
	close(release)
	if err := <-result; err != nil {
		t.Fatal(err)
	}
	t.Logf("answered %v after the queue was deleted", time.Since(began))
}

// deleteQueue deletes a queue behind its owner's back.
func deleteQueue(t *testing.T, by *Transport, name string) {
	t.Helper()
	if err := broker.Delete(t.Context(), by.listening, name); err != nil {
		t.Fatal(err)
	}
}

// TestServersQueueVanishes deletes the queue that a server listens on.
func TestServersQueueVanishes(t *testing.T) {
	tr := open(t, options(t))
	name := topic(t)
	var c counting
	serveOn(t, tr, name, "s", c.handle)
	deleteQueue(t, tr, name)
	for n := range 20 {
		if err := tr.Cast(t.Context(), messaging.Target{Topic: name}, numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "every message", 5*time.Second, func() bool { return c.count(0) == 1 && c.count(19) == 1 })
}

// TestDeafBroker has everything that is sent swallowed: nothing hangs, and the watch makes new connections.
func TestDeafBroker(t *testing.T) {
	o := options(t)
	p := newProxy(t, o.Hosts[0].Address)
	o.Hosts[0].Address = p.address()
	tr := open(t, o)
	name := topic(t)
	var c counting
	serveOn(t, tr, name, "s", c.handle)
	if _, err := tr.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	p.deafen()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := tr.Call(ctx, messaging.Target{Topic: name}, numbered(1), nil); fault.NameOf(err) != messaging.NameTimeout {
		t.Errorf("call to a deaf broker: %v", err)
	}
	failed := 0
	for range patience {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		tr.proof(ctx, &failed)
		cancel()
	}
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(2), &note{}); err != nil {
		t.Errorf("call after the connections were made again: %v", err)
	}
}

// TestCallersOfAClosedTransport are told at once.
func TestCallersOfAClosedTransport(t *testing.T) {
	o := options(t)
	client, server := open(t, o), open(t, o)
	name := topic(t)
	begun, release := make(chan struct{}), make(chan struct{})
	serveOn(t, server, name, "s", func(context.Context, any) (any, error) { close(begun); <-release; return nil, nil })
	result := make(chan error, 1)
	go func() { result <- client.Call(t.Context(), messaging.Target{Topic: name}, numbered(1), nil) }()
	<-begun
	defer close(release)
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-result:
		if !fault.Is(err, fault.Unavailable) {
			t.Errorf("got %v", err)
		}
	case <-time.After(5 * time.Second):
		t.Error("a call still waits on a transport that is closed")
	}
}

// TestBrokerIsKilled kills the broker with messages in a durable queue, and starts it again: what was confirmed is there, both sides
// come back by themselves, and a call that was made while nothing was there is answered.
func TestBrokerIsKilled(t *testing.T) {
	b := need(t)
	o := options(t)
	o.Durable, o.MissingReplyQueue = true, 30*time.Second
	o.CallTimeout = time.Minute
	client, server := open(t, o), open(t, o)
	name, waiting := topic(t), topic(t)
	var c, w counting
	serveOn(t, server, name, "s", c.handle)
	const messages = 50
	for n := range messages {
		if err := client.Cast(t.Context(), messaging.Target{Topic: waiting}, numbered(n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := b.Kill(); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 2)
	go func() { result <- client.Call(t.Context(), messaging.Target{Topic: name}, numbered(1), &note{}) }()
	go func() { result <- client.Cast(t.Context(), messaging.Target{Topic: name}, numbered(2)) }()
	time.Sleep(100 * time.Millisecond)
	began := time.Now()
	if err := b.Run(); err != nil {
		t.Fatal(err)
	}
	t.Logf("the broker took %v to start", time.Since(began))
	began = time.Now()
	for range 2 {
		if err := <-result; err != nil {
			t.Error(err)
		}
	}
	t.Logf("a call that was waiting is answered %v after the broker listens again", time.Since(began))
	eventually(t, "the cast", 10*time.Second, func() bool { return c.count(2) == 1 })
	serveOn(t, server, waiting, "s", w.handle)
	eventually(t, "what was confirmed", 10*time.Second, func() bool {
		for n := range messages {
			if w.count(n) != 1 {
				return false
			}
		}
		return true
	})
	if c.count(1) != 1 {
		t.Errorf("the call ran %d times", c.count(1))
	}
}

// TestServersComeBeforeTheBroker: a program starts without it, and serves when it comes.
func TestServersComeBeforeTheBroker(t *testing.T) {
	o := options(t)
	p := newProxy(t, o.Hosts[0].Address)
	o.Hosts[0].Address = p.address()
	p.refuse(true)
	tr := open(t, o)
	tr.opened = time.Now().Add(-establish) // it has waited long enough
	name := topic(t)
	var c counting
	began := time.Now()
	for _, server := range []string{"a", "b", "c"} {
		serveOn(t, tr, name, server, c.handle)
	}
	if d := time.Since(began); d > time.Second {
		t.Errorf("three servers took %v to start without a broker", d)
	}
	p.refuse(false)
	for _, server := range []string{"a", "b", "c"} {
		if err := tr.Call(t.Context(), messaging.Target{Topic: name, Server: server}, numbered(1), &note{}); err != nil {
			t.Error(err)
		}
	}
}

// TestCastWaits: a cast waits for a broker that is away longer than a call would, as upstream's does, but not for ever.
func TestCastWaits(t *testing.T) {
	o := options(t)
	p := newProxy(t, o.Hosts[0].Address)
	o.Hosts[0].Address = p.address()
	p.refuse(true)
	o.CallTimeout = 50 * time.Millisecond
	tr, name := open(t, o), topic(t)
	result := make(chan error, 1)
	go func() { result <- tr.Cast(t.Context(), messaging.Target{Topic: name}, numbered(1)) }()
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(2), nil); fault.NameOf(err) != messaging.NameTimeout {
		t.Errorf("a call without a broker: %v", err)
	}
	select {
	case err := <-result:
		t.Fatalf("the cast did not wait: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	p.refuse(false)
	if err := <-result; err != nil {
		t.Errorf("after the broker came: %v", err)
	}
	p.refuse(true)
	p.cut()
	o.CastTimeout = 50 * time.Millisecond
	if err := open(t, o).Cast(t.Context(), messaging.Target{Topic: name}, numbered(3)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("one that has waited long enough: %v", err)
	}
}

// TestBlocked has the broker take no messages for a while, as it does when its memory or disk is full.
func TestBlocked(t *testing.T) {
	b := need(t)
	o := options(t)
	o.CallTimeout = 30 * time.Second
	tr := open(t, o)
	name := topic(t)
	var c counting
	serveOn(t, tr, name, "s", c.handle)
	if err := tr.Cast(t.Context(), messaging.Target{Topic: name}, numbered(0)); err != nil {
		t.Fatal(err)
	}
	b.Control(t, "set_vm_memory_high_watermark", "0.00001")
	restore := sync.OnceFunc(func() { b.Control(t, "set_vm_memory_high_watermark", "0.4") })
	defer restore()
	ctx, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := tr.Cast(ctx, messaging.Target{Topic: name}, numbered(1)); !fault.Is(err, fault.Unavailable) {
		t.Errorf("cast to a broker that takes nothing: %v", err)
	}
	eventually(t, "the broker's word", 5*time.Second, func() bool { return !tr.publisher.Usable() })
	ctx, cancel = context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	if err := tr.Call(ctx, messaging.Target{Topic: name}, numbered(2), nil); fault.NameOf(err) != messaging.NameTimeout {
		t.Errorf("call to a broker that takes nothing: %v", err)
	}
	if d := time.Since(began); d > 8*time.Second {
		t.Errorf("they gave up after %v", d)
	}
	result := make(chan error, 1)
	go func() { result <- tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(3), &note{}) }()
	restore()
	if err := <-result; err != nil {
		t.Errorf("the call that waited: %v", err)
	}
	for n := range 4 {
		if c.count(n) > 1 {
			t.Errorf("message %d ran %d times", n, c.count(n))
		}
	}
}

func TestDuplicateRunsOnce(t *testing.T) {
	tr := open(t, options(t))
	name := topic(t)
	var c counting
	serveOn(t, tr, name, "s", c.handle)
	r, err := tr.request(t.Context(), messaging.Target{Topic: name}, numbered(1))
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		out, err := tr.outgoing(r, messaging.Target{Topic: name})
		if err != nil {
			t.Fatal(err)
		}
		if err := tr.publisher.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(2), nil); err != nil {
		t.Fatal(err)
	}
	if n := c.count(1); n != 1 {
		t.Errorf("a message that came three times ran %d times", n)
	}
}

func TestBounds(t *testing.T) {
	o := options(t)
	o.MaxMessageBytes, o.MaxCalls = 100_000, 2
	tr := open(t, o)
	name := topic(t)
	release := make(chan struct{})
	begun := make(chan struct{}, 100)
	long := false
	serveOn(t, tr, name, "s", func(context.Context, any) (any, error) {
		begun <- struct{}{}
		<-release
		if long {
			return make([]byte, 200_000), nil
		}
		return nil, nil
	})
	if err := tr.Cast(t.Context(), messaging.Target{Topic: name}, messaging.Message{Method: "m", Args: map[string]string{"a": string(make([]byte, 100_000))}}); !fault.Is(err, fault.OverLimit) {
		t.Errorf("a message that is too long: %v", err)
	}
	results := make(chan error, 2)
	for n := range 2 {
		go func() { results <- tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(n), nil) }()
		<-begun
	}
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(3), nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("one call more than may wait: %v", err)
	}
	close(release)
	for range 2 {
		if err := <-results; err != nil {
			t.Error(err)
		}
	}
	long = true
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(4), nil); !fault.Is(err, fault.OverLimit) {
		t.Errorf("a reply that is too long: %v", err)
	}
	for range 50 { // nothing is left of what was refused
		if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(5), nil); err == nil {
			t.Fatal("the reply is too long still")
		}
	}
	if n := len(tr.replies.waiting); n != 0 {
		t.Errorf("%d calls are still waited for", n)
	}
}

// TestStrangeMessages: what cannot be read is thrown away, and the server serves on.
func TestStrangeMessages(t *testing.T) {
	tr := open(t, options(t))
	name := topic(t)
	var c counting
	serveOn(t, tr, name, "s", c.handle)
	for _, body := range []string{"", "nonsense", `{"oslo.version":"9.0","oslo.message":"{}"}`, `{"method":7}`, `{"method":"m","args":{"N":"text"}}`} {
		out := &broker.Message{ID: broker.NewID(), Exchange: tr.opts.TopicExchange(), Key: name, Body: []byte(body), Mandatory: true}
		if err := tr.publisher.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		reply := &broker.Message{ID: broker.NewID(), Key: tr.replies.queue, Body: []byte(body), Mandatory: true}
		if err := tr.publisher.Send(t.Context(), reply); err != nil {
			t.Fatal(err)
		}
	}
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, numbered(2), &note{}); err != nil {
		t.Error(err)
	}
	if err := tr.Call(t.Context(), messaging.Target{Topic: name}, messaging.Message{Method: "m", Args: map[string]string{"N": "text"}}, nil); !fault.Is(err, fault.Internal) {
		t.Errorf("arguments that do not fit: %v", err)
	}
}
