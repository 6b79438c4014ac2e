package rabbit

import (
	"context"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
)

// grace is how long Stop waits for handlers once it has cancelled them.
const grace = time.Second

// establish is how long Serve waits for its queues; beyond that they come when the broker does.
const establish = 5 * time.Second

// listener is one running server: the queue of its topic, its own, and that of the fan-outs.
type listener struct {
	transport *Transport
	server    messaging.Server
	name      string // in logs
	id        string // of this listener alone
	sub       *broker.Subscription

	ctx       context.Context // of every handler
	cancel    context.CancelCauseFunc
	consuming context.Context // of the consumers
	stop      context.CancelFunc
	ended     chan struct{} // closed when nothing comes any more
	slots     chan struct{} // a token for each message at work

	working sync.WaitGroup // messages at work, and their answers
}

// Serve implements messaging.Transport. It waits a few seconds for the broker, and if that is not there the server begins when it
// comes; what is against the configuration (a queue of another type) is in the log.
func (t *Transport) Serve(ctx context.Context, s messaging.Server) (messaging.Listener, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if s.Concurrency == 0 {
		s.Concurrency = t.opts.Concurrency
	}
	unique, err := t.opts.Unique()
	if err != nil {
		return nil, err
	}
	l := &listener{transport: t, server: s, id: broker.NewID(), name: s.Topic + "." + s.Server, ended: make(chan struct{}), slots: make(chan struct{}, s.Concurrency)}
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	prefetch := t.opts.Prefetch
	if prefetch == 0 {
		prefetch = min(s.Concurrency, defaultPrefetch)
	}
	queues := []broker.Queue{t.opts.TopicQueue(s.Topic), t.opts.TopicQueue(routingKey(messaging.Target{Topic: s.Topic, Server: s.Server})),
		t.opts.FanoutQueue(s.Topic, unique)}
	l.sub = broker.NewSubscription(t.listening, l.name, queues, prefetch, l.receive)
	if err := t.start(l); err != nil {
		l.cancel(messaging.ErrStopping)
		return nil, err
	}
	patience := establish
	if !t.listening.Up() { // a program with several servers waits for a broker that is not there once
		patience = time.Until(t.opened.Add(establish))
	}
	waiting, done := context.WithTimeout(ctx, patience)
	defer done()
	if err := l.sub.Ready(waiting); err != nil {
		t.opts.Log.Warn("the server begins when the message broker lets it", "server", l.name, "error", err)
	}
	return l, nil
}

// start enters a listener and lets it consume.
func (t *Transport) start(l *listener) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return errClosed()
	}
	l.consuming, l.stop = context.WithCancel(t.ctx)
	t.listeners[l] = struct{}{}
	t.wg.Go(func() {
		defer close(l.ended)
		l.sub.Run(l.consuming)
	})
	return nil
}

// Stop implements messaging.Listener.
func (l *listener) Stop(ctx context.Context) error {
	l.transport.mu.Lock()
	delete(l.transport.listeners, l)
	l.transport.mu.Unlock()
	l.stop()
	defer l.cancel(messaging.ErrStopping)
	idle := make(chan struct{})
	go func() {
		<-l.ended
		l.working.Wait()
		close(idle)
	}()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
	}
	l.cancel(messaging.ErrStopping)
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-idle:
		return nil
	case <-late.C:
		return fault.New(fault.Timeout, "", "Server %s of %s still works on messages after it was told to stop.", l.server.Server, l.server.Topic)
	}
}
