package rabbit

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/wire"
)

// replyPrefetch is how many replies are fetched before they are handed out, which takes no time.
const replyPrefetch = 256

// replies is the queue that answers to this process come to, and who waits for which.
type replies struct {
	opts   *Options
	queue  string // its name
	sub    *broker.Subscription
	proven atomic.Int64 // when the last message came back, in Unix nanoseconds

	mu      sync.Mutex
	waiting map[string]*waiter
}

// waiter is a call that waits for its answer.
type waiter struct {
	id       string
	reply    *wire.Reply     // once answered has ended
	answered context.Context // ends with the answer
	answer   context.CancelFunc
}

func newReplies(t *Transport, name string) *replies {
	r := &replies{opts: &t.opts, queue: name, waiting: make(map[string]*waiter)}
	r.sub = broker.NewSubscription(t.listening, name, []broker.Queue{t.opts.ReplyQueue(name)}, replyPrefetch, r.receive)
	return r
}

// wait enters a call; forget ends that. More than may wait at once are a fault.Unavailable.
func (r *replies) wait() (*waiter, error) {
	w := &waiter{id: broker.NewID()}
	w.answered, w.answer = context.WithCancel(context.Background())
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.waiting) >= r.opts.MaxCalls {
		w.answer()
		return nil, fault.New(fault.Unavailable, "", "%d calls wait for answers already, as many as may.", len(r.waiting))
	}
	r.waiting[w.id] = w
	return w, nil
}

func (r *replies) forget(w *waiter) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.waiting, w.id)
	w.answer()
}

// receive hands an answer to who waits for it. One that came twice finds nobody.
func (r *replies) receive(_ context.Context, m broker.Delivery) {
	if m.Ack() != nil {
		return
	}
	r.proven.Store(time.Now().UnixNano())
	inner, err := read(m)
	var reply *wire.Reply
	if err == nil {
		reply, err = wire.DecodeReply(inner)
	}
	if err != nil {
		r.opts.Log.Error("a reply cannot be read", "error", err)
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	w := r.waiting[reply.MsgID]
	switch {
	case w == nil:
		r.opts.Log.Debug("nobody waits for a reply any more", "message_id", reply.MsgID)
	case !reply.Ending && reply.Failure == nil && string(reply.Result) == "null": // a sign of life
	case !reply.Ending: // an old peer sends the answer first and its end in a message of its own
		w.reply = reply
	default:
		if w.reply == nil || reply.Failure != nil || string(reply.Result) != "null" {
			w.reply = reply
		}
		delete(r.waiting, w.id)
		w.answer()
	}
}

// lastProven is when the last message came back, the zero time if none has.
func (r *replies) lastProven() time.Time {
	n := r.proven.Load()
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n)
}
