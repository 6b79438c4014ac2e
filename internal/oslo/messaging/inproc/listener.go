package inproc

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// grace is how long Stop waits for handlers once it has cancelled them.
const grace = time.Second

// listener is one running server. Its fields below ctx are guarded by the topic's mutex.
type listener struct {
	server messaging.Server
	topic  *topic
	ctx    context.Context // of every handler
	cancel context.CancelCauseFunc
	idle   chan struct{} // closed when it is stopping and nothing runs any more

	own      queue // fan-outs that wait for this listener
	running  int   // goroutines at work, each on one message
	stopping bool
}

// start gives e to a new goroutine unless the listener is busy or stopping. The topic's mutex is held.
func (l *listener) start(e *envelope) bool {
	if l.stopping || l.running >= l.server.Concurrency {
		return false
	}
	l.running++
	go l.work(e)
	return true
}

// work handles e and then whatever waits, until nothing does.
func (l *listener) work(e *envelope) {
	for e != nil {
		ctx := e.baggage.Unpack(l.ctx)
		reply, err := l.server.Handle(ctx, e.target.Version, e.message)
		e.done(reply, messaging.Strip(err))
		e = l.next()
	}
}

// next is the worker's next message, nil if it should end.
func (l *listener) next() *envelope {
	l.topic.mu.Lock()
	defer l.topic.mu.Unlock()
	if !l.stopping {
		if e := l.topic.next(l); e != nil {
			return e
		}
	}
	l.running--
	if l.stopping && l.running == 0 {
		close(l.idle)
	}
	return nil
}

// Stop implements messaging.Listener.
func (l *listener) Stop(ctx context.Context) error {
	l.topic.mu.Lock()
	if !l.stopping {
		l.stopping = true
		l.topic.leave(l)
		if l.running == 0 {
			close(l.idle)
		}
	}
	l.topic.mu.Unlock()
	defer l.cancel(messaging.ErrStopping)
	select {
	case <-l.idle:
		return nil
	case <-ctx.Done():
	}
	l.cancel(messaging.ErrStopping)
	late := time.NewTimer(grace)
	defer late.Stop()
	select {
	case <-l.idle:
		return nil
	case <-late.C:
		return fault.New(fault.Timeout, "", "Server %s of %s still works on messages after it was told to stop.", l.server.Server, l.server.Topic)
	}
}
