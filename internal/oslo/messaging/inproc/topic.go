package inproc

import (
	"slices"
	"sync"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// topic is the servers of one topic and the messages that wait for them.
//
// What holds while mu is free: a message waits only if every listener that may take it is at its concurrency limit (or
// there is none). So a new message goes to a free listener past all queues, and a listener looks into the queues that
// concern it each time it has finished one.
type topic struct {
	name  string
	limit int

	mu        sync.Mutex
	closed    bool
	listeners []*listener
	turn      int               // where the search for a free listener begins, so that they take turns
	shared    queue             // for any server
	direct    map[string]*queue // for the server of that name; never empty ones
	waiting   int               // in shared, direct and every listener's own queue
	posted    uint64            // numbers the messages
}

// post hands e to a free listener or lets it wait. A call to a server that is not there fails.
func (tp *topic) post(e *envelope) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if tp.closed {
		return errClosed()
	}
	served := false
	for i := range tp.listeners {
		l := tp.listeners[(tp.turn+i)%len(tp.listeners)]
		if e.target.Server != "" && e.target.Server != l.server.Server {
			continue
		}
		served = true
		if l.start(e) {
			tp.turn = (tp.turn + i + 1) % len(tp.listeners)
			return nil
		}
	}
	if !served && e.answer != nil {
		return messaging.NobodyServes(e.target, e.message.Method)
	}
	if e.target.Server == "" {
		return tp.wait(&tp.shared, e)
	}
	q := tp.direct[e.target.Server]
	if q == nil {
		q = new(queue)
	}
	if err := tp.wait(q, e); err != nil {
		return err
	}
	tp.direct[e.target.Server] = q
	return nil
}

// fanout hands a copy of e to every listener; those whose queue has no room miss it, and the sender is told.
func (tp *topic) fanout(e *envelope) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if tp.closed {
		return errClosed()
	}
	var failed error
	for _, l := range tp.listeners {
		one := &envelope{target: e.target, message: e.message, baggage: e.baggage}
		one.baggage.Tracker.Begin()
		if l.start(one) {
			continue
		}
		if err := tp.wait(&l.own, one); err != nil {
			one.baggage.Tracker.End()
			failed = err
		}
	}
	return failed
}

// wait puts e into q, one of the topic's queues. mu is held.
func (tp *topic) wait(q *queue, e *envelope) error {
	if tp.waiting >= tp.limit {
		return fault.New(fault.Unavailable, "", "%d messages already wait for %s, as many as are allowed. Its services are down or overloaded.", tp.waiting, tp.name)
	}
	tp.waiting++
	tp.posted++
	e.number = tp.posted
	q.push(e)
	return nil
}

// next takes the oldest message that waits and that l may work on; nil if there is none. mu is held.
func (tp *topic) next(l *listener) *envelope {
	for tp.waiting > 0 {
		name := l.server.Server
		q := oldest(&tp.shared, &l.own, tp.direct[name])
		if q == nil {
			return nil
		}
		e := q.pop()
		tp.waiting--
		if d := tp.direct[name]; d != nil && d.len() == 0 {
			delete(tp.direct, name)
		}
		if !e.givenUp.Load() {
			return e
		}
	}
	return nil
}

// join adds a listener and gives it what has waited for it.
func (tp *topic) join(l *listener) error {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	if tp.closed {
		return errClosed()
	}
	tp.listeners = append(tp.listeners, l)
	for l.running < l.server.Concurrency {
		e := tp.next(l)
		if e == nil {
			break
		}
		l.start(e)
	}
	return nil
}

// leave takes a listener out. Fan-outs that waited for it alone are dropped, and calls that now have nobody to answer
// them fail; other messages wait on. mu is held.
func (tp *topic) leave(l *listener) {
	tp.listeners = slices.DeleteFunc(tp.listeners, func(o *listener) bool { return o == l })
	tp.turn = 0
	tp.waiting -= l.own.drop(func(*envelope) bool { return true })
	if len(tp.listeners) == 0 {
		tp.waiting -= tp.shared.drop((*envelope).isCall)
	}
	name := l.server.Server
	q := tp.direct[name]
	if q == nil || slices.ContainsFunc(tp.listeners, func(o *listener) bool { return o.server.Server == name }) {
		return
	}
	tp.waiting -= q.drop((*envelope).isCall)
	if q.len() == 0 {
		delete(tp.direct, name)
	}
}

// close takes no more messages, drops those that wait and returns the listeners, for the caller to stop.
func (tp *topic) close() []*listener {
	tp.mu.Lock()
	defer tp.mu.Unlock()
	tp.closed = true
	all := func(*envelope) bool { return true }
	tp.shared.drop(all)
	for _, q := range tp.direct {
		q.drop(all)
	}
	clear(tp.direct)
	for _, l := range tp.listeners {
		l.own.drop(all)
	}
	tp.waiting = 0
	return slices.Clone(tp.listeners)
}
