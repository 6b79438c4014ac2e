// Package rabbit is the message transport over RabbitMQ that speaks oslo.messaging's wire as client and server, so that
// Python's services and Clinker's call each other (facts: oslo_messaging/_drivers/impl_rabbit.py and amqpdriver.py). What a
// message looks like inside is wire's affair, what its arguments mean a messaging.Codec's.
//
// What lives here: connections that are kept up, the names and arguments of queues and exchanges, publishing with
// confirmation, listening, and waiting for replies. What must not: any message of any service, and the AMQP library's types
// in a signature.
//
// # What it promises
//
// Beyond messaging.Transport: a Cast that returned nil has been confirmed by the broker and lies in a queue; if there is no
// queue yet, it is made. Whether it outlives a restart of the broker is the queue's affair (amqp_durable_queues,
// rabbit_quorum_queue). A message is acknowledged as its handler begins, as upstream: what a crash cuts short is not sent
// again. A message that came twice runs once. A connection that is lost is made again, everything declared again, and what
// was not confirmed sent again, under the same _unique_id. A Call waits for its time and no longer, whatever happens.
package rabbit

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/wire"
)

// nobodyAfter is how long a Call looks for a queue that is not there, in case its server is about to come back.
const nobodyAfter = 5 * time.Second

// lookAgain is the pause between two looks for a queue that is not there, as upstream.
const lookAgain = 250 * time.Millisecond

// Transport is the RabbitMQ transport. It is safe for concurrent use. It holds two connections, one to publish and one to
// listen, so that a broker that holds publishers back still hands out messages.
type Transport struct {
	opts      Options
	opened    time.Time
	publisher *broker.Publisher
	sending   *broker.Link
	listening *broker.Link
	replies   *replies
	recent    *recent       // messages that came in lately
	answers   chan struct{} // a token for each answer under way
	gone      *goneQueues

	ctx      context.Context // of everything that runs over the connections; ends with Close
	cancel   context.CancelFunc
	wg       sync.WaitGroup
	endLinks context.CancelFunc // of the connections, which end last
	links    sync.WaitGroup

	mu        sync.Mutex
	listeners map[*listener]struct{}
	closed    bool
}

var _ messaging.Transport = (*Transport)(nil)

// New makes a transport and begins to connect; it does not wait for that. Options that contradict each other are a
// fault.Invalid. Close frees what it holds.
func New(o Options) (*Transport, error) {
	if err := o.complete(); err != nil {
		return nil, err
	}
	unique, err := o.Unique()
	if err != nil {
		return nil, err
	}
	t := &Transport{opts: o, opened: time.Now(), listeners: make(map[*listener]struct{}), recent: newRecent(), gone: newGoneQueues(), answers: make(chan struct{}, o.MaxCalls)}
	t.ctx, t.cancel = context.WithCancel(context.Background())
	t.sending, t.listening = broker.NewLink("publish", &t.opts.Options), broker.NewLink("listen", &t.opts.Options)
	t.publisher = broker.NewPublisher(t.sending)
	t.replies = newReplies(t, "reply_"+unique)
	var connected context.Context
	connected, t.endLinks = context.WithCancel(context.Background())
	for _, l := range []*broker.Link{t.sending, t.listening} {
		t.links.Go(func() { l.Run(connected) })
	}
	t.wg.Go(func() { t.replies.sub.Run(t.ctx) })
	t.wg.Go(func() { t.watch(t.ctx) })
	return t, nil
}

// request encodes a message.
func (t *Transport) request(ctx context.Context, to messaging.Target, m messaging.Message) (*wire.Request, error) {
	if t.isClosed() {
		return nil, errClosed()
	}
	e, err := t.opts.Codec.EncodeArgs(ctx, to, m)
	if err != nil {
		return nil, asFault(err, "The arguments of %s cannot be written.", m.Method)
	}
	if err := checkExtra(e.Extra, m.Method); err != nil {
		return nil, err
	}
	b := messaging.Pack(ctx)
	r := &wire.Request{Method: m.Method, Args: e.Args, Version: to.Version, UniqueID: broker.NewID(), Extra: e.Extra, Trace: b.Trace.Headers()}
	r.Context.Request = b.Request
	if e.Method != "" {
		r.Method = e.Method
	}
	if e.Version != "" {
		r.Version = e.Version
	}
	return r, nil
}

// outgoing makes a request ready for the broker.
func (t *Transport) outgoing(r *wire.Request, to messaging.Target) (*broker.Message, error) {
	inner, err := r.Encode()
	if err != nil {
		return nil, asFault(err, "The message %s cannot be written.", r.Method)
	}
	out := &broker.Message{ID: r.UniqueID, Exchange: t.opts.TopicExchange(), Key: routingKey(to), Mandatory: true}
	if to.Fanout {
		out.Exchange, out.Key, out.Mandatory = t.opts.FanoutExchange(to.Topic), "", false
	}
	return out, t.opts.seal(out, inner)
}

// routingKey is upstream's: the topic, and the server behind it.
func routingKey(to messaging.Target) string {
	if to.Server != "" {
		return to.Topic + "." + to.Server
	}
	return to.Topic
}

// Cast implements messaging.Client. It waits for the broker's confirmation, at most until ctx ends or CastTimeout is
// over.
func (t *Transport) Cast(ctx context.Context, to messaging.Target, m messaging.Message) error {
	r, err := t.request(ctx, to, m)
	if err != nil {
		return err
	}
	out, err := t.outgoing(r, to)
	if err != nil {
		return err
	}
	ctx, cancel := t.bounded(ctx, t.opts.CastTimeout)
	defer cancel()
	return t.deliver(ctx, out, t.opts.TopicQueue(out.Key), r.Method)
}

// deliver publishes a message that nobody answers, and makes the queue it is for if there is none.
func (t *Transport) deliver(ctx context.Context, out *broker.Message, queue broker.Queue, what string) error {
	err := t.publisher.Send(ctx, out)
	for attempt := 0; err == broker.ErrUnroutable && attempt < 3; attempt++ { // a queue may be deleted as soon as it is made
		if err = t.publisher.DeclareQueue(ctx, queue); err == nil {
			err = t.publisher.Send(ctx, out)
		}
	}
	if err != nil {
		return t.undelivered(err, out.Key, what)
	}
	return nil
}

// undelivered is the fault of a message that did not reach a queue.
func (t *Transport) undelivered(err error, key, what string) error {
	if t.isClosed() {
		return errClosed()
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "", "The message %s could not be handed to the message broker.", what)
}

// bounded is ctx with a time limit, and with the end of the transport.
func (t *Transport) bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	stop := context.AfterFunc(t.ctx, cancel)
	return ctx, func() { stop(); cancel() }
}

// Call implements messaging.Client.
func (t *Transport) Call(ctx context.Context, to messaging.Target, m messaging.Message, reply any) error {
	if to.Fanout {
		return fault.New(fault.Invalid, "", "A call of %s cannot go to every server of %s: nobody could tell whose reply counts.", m.Method, to.Topic)
	}
	bounded, cancel := t.bounded(ctx, t.opts.CallTimeout)
	defer cancel()
	r, err := t.request(bounded, to, m)
	if err != nil {
		return err
	}
	w, err := t.replies.wait()
	if err != nil {
		return err
	}
	defer t.replies.forget(w)
	answer, err := t.ask(bounded, w, r, to)
	switch {
	case err == broker.ErrUnroutable:
		return messaging.NobodyServes(to, m.Method)
	case err != nil && (bounded.Err() != nil || errors.Is(err, context.DeadlineExceeded)) && !t.isClosed():
		return messaging.Timeout(cmp.Or(context.Cause(bounded), err), to, m.Method)
	case err != nil:
		return t.undelivered(err, to.Topic, m.Method)
	case answer.Failure != nil:
		return t.opts.Exceptions.Fault(answer.Failure)
	case reply == nil:
		return nil
	}
	err = t.opts.Codec.DecodeReply(bounded, to, m, messaging.EncodedReply{Result: answer.Result, Extra: answer.Extra}, reply)
	return asFault(err, "The reply to %s cannot be read.", m.Method)
}

// ask publishes a call and waits for its reply.
func (t *Transport) ask(ctx context.Context, w *waiter, r *wire.Request, to messaging.Target) (*wire.Reply, error) {
	if err := t.replies.sub.Ready(ctx); err != nil {
		return nil, err
	}
	r.MsgID, r.ReplyQueue = w.id, t.replies.queue
	out, err := t.outgoing(r, to)
	if err != nil {
		return nil, err
	}
	out.Expires, _ = ctx.Deadline()
	sending, sent := context.WithCancel(ctx) // an answer ends it: what was not confirmed has arrived nevertheless
	defer sent()
	defer context.AfterFunc(w.answered, sent)()
	err = t.publisher.Send(sending, out)
	for since := time.Now(); err == broker.ErrUnroutable && time.Since(since) < nobodyAfter; {
		select {
		case <-sending.Done():
			err = sending.Err()
		case <-time.After(lookAgain):
			err = t.publisher.Send(sending, out)
		}
	}
	if err != nil && w.answered.Err() == nil {
		return nil, err
	}
	select {
	case <-w.answered.Done():
		return w.reply, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Check implements messaging.Transport: a message goes through the broker to the reply queue of this transport and comes
// back, which proves both connections. A fault.Unavailable says what is in the way.
func (t *Transport) Check(ctx context.Context) (time.Time, error) {
	if t.isClosed() {
		return t.replies.lastProven(), errClosed()
	}
	err := t.prove(ctx)
	if err != nil {
		err = t.undelivered(err, "", "that proves the connection")
	}
	return t.replies.lastProven(), err
}

// proofTimeout bounds one proof of the round trip.
const proofTimeout = 5 * time.Second

// prove sends a message to itself.
func (t *Transport) prove(ctx context.Context) error {
	ctx, cancel := t.bounded(ctx, proofTimeout)
	defer cancel()
	w, err := t.replies.wait()
	if err != nil {
		return err
	}
	defer t.replies.forget(w)
	if err := t.replies.sub.Ready(ctx); err != nil {
		return err
	}
	out, err := t.replyTo(t.replies.queue, &wire.Reply{MsgID: w.id, Ending: true, UniqueID: broker.NewID()})
	if err != nil {
		return err
	}
	out.Expires, _ = ctx.Deadline()
	if err := t.publisher.Send(ctx, out); err != nil {
		return err
	}
	select {
	case <-w.answered.Done():
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Times of the watch over connections that look well and are not.
const (
	watchEvery = 20 * time.Second
	// patience is how many proofs in a row may fail before both connections are made again.
	patience = 2
)

// watch proves the round trip now and then. One that fails makes the reply queue anew, further ones the connections: a
// consumer that the broker has forgotten, and a path that swallows packets, say nothing by themselves.
func (t *Transport) watch(ctx context.Context) {
	failed := 0
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchEvery):
		}
		if time.Since(t.replies.lastProven()) >= watchEvery && t.listening.Up() && t.publisher.Usable() {
			t.proof(ctx, &failed)
		}
	}
}

// proof is one look of the watch; failed counts those in a row that failed.
func (t *Transport) proof(ctx context.Context, failed *int) {
	if err := t.prove(ctx); err == nil || t.ctx.Err() != nil {
		*failed = 0
		return
	}
	*failed++
	t.opts.Log.Warn("no message comes back through the broker", "times", *failed)
	t.replies.sub.Restart()
	if *failed >= patience {
		t.listening.Drop()
		t.sending.Drop()
		*failed = 0
	}
}

// Close implements messaging.Transport: it stops the listeners that still run, fails the calls that wait, and closes the
// connections.
func (t *Transport) Close(ctx context.Context) error {
	t.mu.Lock()
	t.closed = true
	listeners := make([]*listener, 0, len(t.listeners))
	for l := range t.listeners {
		listeners = append(listeners, l)
	}
	t.mu.Unlock()
	var stopping sync.WaitGroup
	errs := make([]error, len(listeners))
	for i, l := range listeners {
		stopping.Go(func() { errs[i] = l.Stop(ctx) })
	}
	stopping.Wait()
	t.cancel()
	t.wg.Wait()
	t.endLinks()
	t.links.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func (t *Transport) isClosed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closed
}

func errClosed() error {
	return fault.New(fault.Unavailable, "", "The service is stopping and takes no more messages.")
}

// asFault is err, or a fault of its own around one that is none.
func asFault(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	return fault.Wrap(err, fault.Internal, "", format, args...)
}

// checkExtra holds what goes beside a message to its limit.
func checkExtra(extra map[string]string, what string) error {
	n := 0
	for k, v := range extra {
		n += len(k) + len(v)
	}
	if n > messaging.MaxExtra {
		return fault.New(fault.Internal, "", "The message %s has %d bytes beside its arguments, and %d are allowed.", what, n, messaging.MaxExtra)
	}
	return nil
}
