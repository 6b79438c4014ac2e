// Package inproc is the message transport inside one process: typed values handed over, no copy, no broker. A message to
// a server with a free hand starts (or keeps) a goroutine at once; otherwise it waits in a bounded queue.
//
// What must not live here: anything a transport that leaves the process would need as well (that is in messaging).
//
// Order is not promised, though each queue is first in, first out. Calls that nobody waits for any more are dropped
// before they begin. A fan-out reaches the servers there are; it does not wait for those to come.
package inproc

import (
	"context"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// The defaults of Options.
const (
	DefaultWaiting     = 100_000
	DefaultTopics      = 10_000
	DefaultCallTimeout = time.Minute // upstream's rpc_response_timeout
)

// Options are the limits of a Transport; a zero field means its default.
type Options struct {
	Waiting     int           // messages that may wait in one topic, all its servers together
	Topics      int           // topics that may exist, served or only sent to
	CallTimeout time.Duration // the longest a Call waits, whatever its context allows
}

// Transport is the in-process transport. It is safe for concurrent use.
type Transport struct {
	opts Options

	mu     sync.RWMutex
	topics map[string]*topic // never removed: their number is bounded
	closed bool
}

var _ messaging.Transport = (*Transport)(nil)

// New makes a transport. It holds nothing but memory; Close lets go of the messages that still wait.
func New(o Options) *Transport {
	if o.Waiting <= 0 {
		o.Waiting = DefaultWaiting
	}
	if o.Topics <= 0 {
		o.Topics = DefaultTopics
	}
	if o.CallTimeout <= 0 {
		o.CallTimeout = DefaultCallTimeout
	}
	return &Transport{opts: o, topics: make(map[string]*topic)}
}

// Cast implements messaging.Client. It costs about a microsecond and never waits.
func (tr *Transport) Cast(ctx context.Context, t messaging.Target, m messaging.Message) error {
	tp, err := tr.topic(t.Topic, true)
	if err != nil {
		return err
	}
	if t.Fanout {
		return tp.fanout(newEnvelope(ctx, t, m))
	}
	e := newEnvelope(ctx, t, m)
	e.baggage.Tracker.Begin()
	if err := tp.post(e); err != nil {
		e.baggage.Tracker.End()
		return err
	}
	return nil
}

// Call implements messaging.Client. reply, if not nil, must be a pointer to the type the handler returns, or returns a
// pointer to; it gets a shallow copy.
func (tr *Transport) Call(ctx context.Context, t messaging.Target, m messaging.Message, reply any) error {
	if t.Fanout {
		return fault.New(fault.Invalid, "", "A call of %s cannot go to every server of %s: nobody could tell whose reply counts.", m.Method, t.Topic)
	}
	tp, err := tr.topic(t.Topic, false)
	if err != nil {
		return err
	}
	if tp == nil {
		return messaging.NobodyServes(t, m.Method)
	}
	ctx, cancel := context.WithTimeout(ctx, tr.opts.CallTimeout)
	defer cancel()
	if ctx.Err() != nil {
		return messaging.Timeout(context.Cause(ctx), t, m.Method)
	}
	e := newEnvelope(ctx, t, m)
	e.answer = make(chan answer, 1)
	if err := tp.post(e); err != nil {
		return err
	}
	select {
	case a := <-e.answer:
		if a.err != nil {
			return a.err
		}
		return assign(reply, a.reply)
	case <-ctx.Done():
		e.givenUp.Store(true)
		return messaging.Timeout(context.Cause(ctx), t, m.Method)
	}
}

// Serve implements messaging.Transport.
func (tr *Transport) Serve(ctx context.Context, s messaging.Server) (messaging.Listener, error) {
	if err := s.Check(); err != nil {
		return nil, err
	}
	if s.Concurrency == 0 {
		s.Concurrency = messaging.DefaultConcurrency
	}
	tp, err := tr.topic(s.Topic, true)
	if err != nil {
		return nil, err
	}
	l := &listener{server: s, topic: tp, idle: make(chan struct{})}
	l.ctx, l.cancel = context.WithCancelCause(context.WithoutCancel(ctx))
	if err := tp.join(l); err != nil {
		return nil, err
	}
	return l, nil
}

// Check implements messaging.Transport. Inside one process nothing can be lost between sender and receiver, so that the
// round trip is proven now.
func (tr *Transport) Check(context.Context) (time.Time, error) {
	tr.mu.RLock()
	defer tr.mu.RUnlock()
	if tr.closed {
		return time.Time{}, errClosed()
	}
	return time.Now(), nil
}

// Close stops every listener that still runs, as its Stop does, and drops the messages that wait. Whatever is sent
// afterwards is a fault.Unavailable.
func (tr *Transport) Close(ctx context.Context) error {
	tr.mu.Lock()
	tr.closed = true
	topics := tr.topics
	tr.topics = nil
	tr.mu.Unlock()

	var wg sync.WaitGroup
	var mu sync.Mutex
	var first error
	for _, tp := range topics {
		for _, l := range tp.close() {
			wg.Go(func() {
				if err := l.Stop(ctx); err != nil {
					mu.Lock()
					defer mu.Unlock()
					first = err
				}
			})
		}
	}
	wg.Wait()
	return first
}

// topic finds a topic, or makes it if create is set; without create a missing one is nil.
func (tr *Transport) topic(name string, create bool) (*topic, error) {
	tr.mu.RLock()
	tp, closed := tr.topics[name], tr.closed
	tr.mu.RUnlock()
	switch {
	case closed:
		return nil, errClosed()
	case tp != nil || !create:
		return tp, nil
	}
	tr.mu.Lock()
	defer tr.mu.Unlock()
	if tr.closed {
		return nil, errClosed()
	}
	if tp = tr.topics[name]; tp != nil {
		return tp, nil
	}
	if len(tr.topics) >= tr.opts.Topics {
		return nil, fault.New(fault.Unavailable, "", "There are already %d message topics, as many as are allowed; %s would be one more.", len(tr.topics), name)
	}
	tp = &topic{name: name, limit: tr.opts.Waiting, direct: make(map[string]*queue)}
	tr.topics[name] = tp
	return tp, nil
}

func errClosed() error {
	return fault.New(fault.Unavailable, "", "The service is stopping and takes no more messages.")
}
