package inproc

import (
	"context"
	"reflect"
	"sync/atomic"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// envelope is a message under way.
type envelope struct {
	target  messaging.Target
	message messaging.Message
	baggage messaging.Baggage
	answer  chan answer // of a call, with room for the one answer; nil for a cast
	givenUp atomic.Bool // nobody waits for the answer any more
	number  uint64      // its place among all that wait in the topic
}

// answer is what a handler returned, or why there will be none.
type answer struct {
	reply any
	err   error
}

func newEnvelope(ctx context.Context, t messaging.Target, m messaging.Message) *envelope {
	return &envelope{target: t, message: m, baggage: messaging.Pack(ctx)}
}

func (e *envelope) isCall() bool { return e.answer != nil }

// done ends the envelope's way: exactly once, whether it was handled or dropped.
func (e *envelope) done(reply any, err error) {
	if e.isCall() {
		e.answer <- answer{reply, err}
		return
	}
	e.baggage.Tracker.End()
}

// assign copies src, a T or a *T, to dst, a *T. A nil dst or src leaves everything as it is.
func assign(dst, src any) error {
	if dst == nil || src == nil {
		return nil
	}
	d, s := reflect.ValueOf(dst), reflect.ValueOf(src)
	if s.Type() == d.Type() && s.Kind() == reflect.Pointer {
		if s.IsNil() {
			return nil
		}
		s = s.Elem()
	}
	if d.Kind() != reflect.Pointer || d.IsNil() || s.Type() != d.Type().Elem() {
		return fault.New(fault.Internal, "", "A reply of type %T does not fit into %T.", src, dst)
	}
	d.Elem().Set(s)
	return nil
}

// queue is a first-in-first-out of envelopes. The zero queue is empty.
type queue struct {
	items []*envelope
	head  int // items before it have been taken
}

func (q *queue) len() int { return len(q.items) - q.head }

func (q *queue) push(e *envelope) { q.items = append(q.items, e) }

// pop takes the oldest; the queue must not be empty.
func (q *queue) pop() *envelope {
	e := q.items[q.head]
	q.items[q.head] = nil
	q.head++
	switch {
	case q.head == len(q.items):
		*q = queue{} // after a burst its memory goes, too
	case q.head > len(q.items)/2 && q.head > 64:
		q.items = append([]*envelope(nil), q.items[q.head:]...)
		q.head = 0
	}
	return e
}

// drop takes out the envelopes that match, tells their senders and says how many they were.
func (q *queue) drop(match func(*envelope) bool) int {
	var kept []*envelope
	dropped := 0
	for _, e := range q.items[q.head:] {
		if !match(e) {
			kept = append(kept, e)
			continue
		}
		dropped++
		e.done(nil, messaging.NobodyServes(e.target, e.message.Method))
	}
	*q = queue{items: kept}
	return dropped
}

// oldest is the queue, not empty, whose first envelope is the oldest; nil if all are empty. A nil queue is an empty one.
func oldest(queues ...*queue) *queue {
	var best *queue
	for _, q := range queues {
		if q == nil || q.len() == 0 {
			continue
		}
		if best == nil || q.items[q.head].number < best.items[best.head].number {
			best = q
		}
	}
	return best
}
