package rabbit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/wire"
	"github.com/clinker/clinker/internal/run"
	"github.com/clinker/clinker/internal/telemetry"
)

// receive takes a message when a hand is free, and acknowledges it as its work begins.
func (l *listener) receive(ctx context.Context, m broker.Delivery) {
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		return // the message is the broker's again
	}
	if ctx.Err() != nil {
		<-l.slots
		return
	}
	r := l.take(m)
	if r == nil {
		<-l.slots
		return
	}
	l.working.Go(func() { l.work(r) })
}

// take reads and acknowledges a message; nil if there is nothing to do for it.
func (l *listener) take(m broker.Delivery) *wire.Request {
	t := l.transport
	inner, err := read(m)
	var r *wire.Request
	if err == nil {
		r, err = wire.DecodeRequest(inner)
	}
	if err != nil {
		t.opts.Log.Error("a message cannot be read and is thrown away", "server", l.name, "error", err)
		m.Reject()
		return nil
	}
	key := m.Queue
	if t.opts.StreamFanout { // a stream's queue is every server's, and each gets all of it
		key += "\x00" + l.id
	}
	if t.recent.seen(key, r.UniqueID) {
		t.opts.Log.Warn("a message came twice", "server", l.name, "method", r.Method, "unique_id", r.UniqueID)
		_ = m.Ack()
		return nil
	}
	if err := m.Ack(); err != nil { // it comes again, here or elsewhere
		t.opts.Log.Warn("a message is left to the broker: it could not be acknowledged", "server", l.name, "method", r.Method, "error", err)
		return nil
	}
	t.recent.add(key, r.UniqueID)
	return r
}

// work runs a message's handler and answers.
func (l *listener) work(r *wire.Request) {
	ctx := messaging.Baggage{Request: r.Context.Request, Trace: telemetry.TraceOfHeaders(r.Trace)}.Unpack(l.ctx)
	in := messaging.Incoming{Topic: l.server.Topic, Server: l.server.Server, Method: r.Method, Version: r.Version, Args: r.Args, Extra: r.Extra}
	if !r.IsCall() {
		defer func() { <-l.slots }()
		_, _ = l.handle(ctx, in) // who sent a cast is told of nothing; Handle has written it into the log
		return
	}
	done := l.signs(r)
	answer := l.answer(ctx, in, r)
	done()
	l.transport.answers <- struct{}{} // bounded by the answers under way, with the hand still taken
	<-l.slots
	defer func() { <-l.transport.answers }()
	l.send(r.ReplyQueue, answer)
}

// pingMethod is answered by every server that is told to (rpc/dispatcher.py, PingEndpoint).
const pingMethod = "oslo_rpc_server_ping"

// handle decodes the arguments and runs the handler.
func (l *listener) handle(ctx context.Context, in messaging.Incoming) (any, error) {
	m := messaging.Message{Method: in.Method}
	if l.transport.opts.Ping && in.Method == pingMethod {
		return "pong", nil
	}
	if method, ok := l.server.Methods[in.Method]; ok && messaging.Serves(l.server.Version, in.Version) {
		args, err := l.decode(ctx, in, method)
		if err != nil {
			l.transport.opts.Log.ErrorContext(ctx, "the arguments of a message cannot be read", "server", l.name, "method", in.Method, "error", err)
			return nil, err
		}
		m.Args = args
	}
	return l.server.Handle(ctx, in.Version, m)
}

// decode reads a message's arguments. A codec that panics is met with the Internal fault that a handler would be.
func (l *listener) decode(ctx context.Context, in messaging.Incoming, method messaging.Method) (args any, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.New(fault.Internal, "", "%s", fault.Unexpected)
			l.transport.opts.Log.ErrorContext(ctx, "reading the arguments of a message panicked", "method", in.Method, "panic", p)
		}
	}()
	args, err = l.transport.opts.Codec.DecodeArgs(ctx, in, method.New())
	return args, asFault(err, "The arguments of %s are not what it takes.", in.Method)
}

// answer runs a call's handler and makes its reply.
func (l *listener) answer(ctx context.Context, in messaging.Incoming, r *wire.Request) *wire.Reply {
	reply := &wire.Reply{MsgID: r.MsgID, Ending: true, UniqueID: broker.NewID()}
	value, err := l.handle(ctx, in)
	if err == nil {
		var e messaging.EncodedReply
		if e, err = l.transport.opts.Codec.EncodeReply(ctx, in, value); err == nil {
			err = checkExtra(e.Extra, in.Method)
		}
		if err == nil && len(e.Result) > 0 && !json.Valid(e.Result) {
			err = fault.New(fault.Internal, "", "The reply to %s is no JSON.", in.Method)
		}
		reply.Result, reply.Extra = e.Result, e.Extra
	}
	if err != nil {
		reply.Result, reply.Extra, reply.Failure = nil, nil, l.transport.opts.Exceptions.Of(err)
	}
	return reply
}

// signs sends signs of life to a client that asked for them, until what it returns is called (rpc/dispatcher.py, _watchdog).
func (l *listener) signs(r *wire.Request) func() {
	every := time.Duration(r.MonitorSeconds) * time.Second / 2
	if every < time.Second {
		return func() {}
	}
	ctx, cancel := context.WithCancel(l.transport.ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for run.Pause(ctx, every) {
			if out, err := l.transport.replyTo(r.ReplyQueue, &wire.Reply{MsgID: r.MsgID, UniqueID: broker.NewID()}); err == nil {
				_ = l.transport.publisher.Send(ctx, out) // without it the client gives up, which is its right
			}
		}
	}()
	return func() { cancel(); <-ended }
}

// lookWhileStopping is how long an answer looks for a queue that is not there once its server stops.
const lookWhileStopping = 2 * time.Second

// replyTo makes a reply ready for the broker.
func (t *Transport) replyTo(queue string, r *wire.Reply) (*broker.Message, error) {
	inner, err := r.Encode()
	if err != nil {
		return nil, err
	}
	out := &broker.Message{ID: r.UniqueID, Key: queue, Mandatory: true}
	return out, t.opts.seal(out, inner)
}

// send sends a reply. A queue that is not there is looked for as long as its owner may take to come back; who is gone for
// good is remembered for a minute, so that not each answer takes as long.
func (l *listener) send(queue string, r *wire.Reply) {
	t, ctx := l.transport, l.ctx
	if t.gone.has(queue) {
		return
	}
	out, err := t.replyTo(queue, r)
	if err != nil { // the answer is too long, most likely; the caller is told that instead
		t.opts.Log.Error("a reply cannot be sent", "error", err)
		if out, err = t.replyTo(queue, &wire.Reply{MsgID: r.MsgID, Ending: true, UniqueID: broker.NewID(), Failure: t.opts.Exceptions.Of(err)}); err != nil {
			return
		}
	}
	looking, cancel := t.bounded(ctx, t.opts.MissingReplyQueue)
	defer cancel()
	for began := time.Now(); ; {
		err := t.publisher.Send(looking, out)
		if err == nil {
			return
		}
		leaving := l.consuming.Err() != nil && time.Since(began) > lookWhileStopping
		if err != broker.ErrUnroutable || leaving || !run.Pause(looking, lookAgain) {
			if err == broker.ErrUnroutable && ctx.Err() == nil {
				t.gone.add(queue)
			}
			t.opts.Log.Error("a reply could not be handed to its caller", "message_id", r.MsgID, "queue", queue, "error", err)
			return
		}
		if t.gone.has(queue) {
			return
		}
	}
}
