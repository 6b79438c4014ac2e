// Package messaging is how services meet: call, cast and fan-out to a topic, over a transport. Services meet only here,
// also inside one process. messagingtest holds the suite that every transport passes; inproc is the transport that hands
// typed values over a channel; a rabbit:// transport speaks oslo.messaging's wire.
//
// What a message carries beside its arguments, whatever the transport: who asks (reqctx.Request), the trace it belongs to
// and, inside one process, the Tracker that waits for its end. Deadline and cancellation stay behind: a cast outlives the
// request that sent it.
//
// What must not live here: any method or message of any service (a wing's rpcapi has them), any broker's types.
package messaging

import (
	"context"
	"time"
)

// Target says where a message goes, in oslo.messaging's words.
type Target struct {
	Topic string // "cinder-scheduler", "cinder-volume.host@backend"
	// Server is one server of the topic; empty means any one of them.
	Server string
	// Fanout sends to every server of the topic; casts only.
	Fanout bool
	// Version is the lowest RPC API version that knows the method, "3.0".
	Version string
}

// Message is a method and its arguments. Args is a pointer to a struct of the wing's rpcapi. Whoever sends it must not
// change it afterwards, whoever receives it must treat it as read-only: the in-process transport hands over the value
// itself. It must survive a JSON round trip, for the transports that make one.
type Message struct {
	Method string
	Args   any
}

// Client sends.
type Client interface {
	// Cast sends and does not wait for anything to be done. A nil error means the message was accepted for delivery. A
	// topic nobody serves is no error: the message waits, within the transport's limits, for a server to come; past the
	// limits it is a fault.Unavailable.
	Cast(ctx context.Context, t Target, m Message) error
	// Call sends and waits for the reply, at most until ctx ends or the transport's own call timeout. reply is a pointer
	// to the reply struct, or nil. A fault of the server keeps its kind, name and text. No answer in time is a
	// fault.Timeout with upstream's name MessagingTimeout; no server at all is the same, at once where that is known. When
	// ctx ended, its cause is in the fault's chain, for errors.Is. A call given up before its handler began is not begun
	// where the transport can help it; one that has begun runs to its end.
	Call(ctx context.Context, t Target, m Message, reply any) error
}

// Handler serves one method of a server. args is what the sender sent (in-process) or a fresh value of the type Method
// registered, decoded. The result goes back for a call and is dropped for a cast.
type Handler func(ctx context.Context, args any) (reply any, err error)

// Method is one entry of a server's method table.
type Method struct {
	// New makes an empty args struct to decode into; the in-process transport does not use it.
	New func() any
	Do  Handler
}

// Server is what listens: one topic, one server name.
type Server struct {
	Topic   string
	Server  string // "host@backend"
	Version string // the RPC API version it implements; a message that asks for a newer minor is refused
	Methods map[string]Method
	// Concurrency is how many messages are worked on at once; 0 means the transport's default (64). Messages beyond
	// that wait.
	Concurrency int
}

// Transport is a Client that can also serve.
type Transport interface {
	Client
	// Serve starts listening and returns at once. The returned Listener must be stopped: of ctx only the values count,
	// its end stops nothing. A Server that Check refuses is a fault.Invalid.
	Serve(ctx context.Context, s Server) (Listener, error)
	// Check proves a round trip and says when the last one was proven.
	Check(ctx context.Context) (lastProven time.Time, err error)
	Close(ctx context.Context) error
}

// Listener is a running server.
type Listener interface {
	// Stop takes no new messages, waits for those being worked on until ctx ends and then cancels their contexts with
	// the cause ErrStopping. A handler that has not returned a moment later (at most a second) makes it a fault.Timeout.
	// Stopping twice is no error. Messages that wait for any server of the topic stay for the next one.
	Stop(ctx context.Context) error
}
