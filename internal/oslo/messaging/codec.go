package messaging

import (
	"context"
	"encoding/json"
)

// Codec turns the values that a wing's services say to each other into what stands on oslo.messaging's wire, and back, for
// transports that leave the process. A transport without a wing's codec uses PlainCodec; the in-process transport needs none.
//
// A transport calls a Codec for what is inside a message only. The envelope, the request's context (_context_*), reply
// queues and failures are the transport's. All methods must be safe for concurrent use, and must bound what they do with
// what they are given: what they decode comes from another process, and is at most the transport's message limit long.
//
// What they return as an error goes to whoever waits for the message: a fault keeps its kind, name and text, any other error
// becomes an Internal one. An error in DecodeArgs answers the call (or drops the cast) without the handler having run.
type Codec interface {
	// EncodeArgs writes the arguments of a message that is about to be sent to t. ctx is the sender's: it says who asks
	// (reqctx.From), and its end ends the encoding, which may read from a database.
	EncodeArgs(ctx context.Context, t Target, m Message) (Encoded, error)
	// DecodeArgs reads the arguments of a message that in describes. into is what the server's method table makes for the
	// method (Method.New): a pointer to a zero struct, which DecodeArgs fills and returns; or it returns another value that
	// the method's handler takes. ctx is the handler's: it carries who asks.
	DecodeArgs(ctx context.Context, in Incoming, into any) (any, error)
	// EncodeReply writes what the handler of the call that in describes returned, as the JSON value that stands under
	// "result". A nil reply is JSON's null. Extra of the result reaches a Clinker that called, and nobody else.
	EncodeReply(ctx context.Context, in Incoming, reply any) (EncodedReply, error)
	// DecodeReply reads the answer to m, which was sent to t, into reply, a pointer to the reply's struct; a nil reply is
	// not decoded, nor is there a call for one. result is never nil, but may be JSON's null.
	DecodeReply(ctx context.Context, t Target, m Message, result EncodedReply, reply any) error
}

// Encoded is a message's arguments on the wire.
type Encoded struct {
	// Method is what the message is called on the wire; empty means as its Message says.
	Method string
	// Args is a JSON object: the named arguments of the Python method, versioned objects in their primitive form.
	Args json.RawMessage
	// Version is the RPC API version the message asks for; empty means the Target's. A codec that writes for an older peer
	// lowers it to the version whose arguments it wrote.
	Version string
	// Extra travels beside the arguments, under a key of the inner message that Python services do not look at
	// (oslo_messaging/rpc/dispatcher.py reads method, args, namespace and version only). It is for small things that
	// Clinker's services need of each other, such as the id of a journal record. At most MaxExtra bytes in all, keys and
	// values; more is an Internal fault. No secrets.
	Extra map[string]string
}

// EncodedReply is a call's answer on the wire.
type EncodedReply struct {
	Result json.RawMessage   // any JSON value
	Extra  map[string]string // as Encoded.Extra; nil from a Python service
}

// Incoming describes a message that has come in, for a Codec.
type Incoming struct {
	Topic   string          // of the server that got it, "cinder-volume.host@backend"
	Server  string          // the server's name, "host"
	Method  string          // as on the wire
	Version string          // the RPC API version asked for; "" if the message names none, which asks for nothing
	Args    json.RawMessage // a JSON object, "{}" if the message has none
	// Extra is what a sending Clinker put beside the arguments; nil from a Python service.
	Extra map[string]string
}

// MaxExtra bounds Encoded.Extra and EncodedReply.Extra, in bytes.
const MaxExtra = 4 << 10

// PlainCodec writes Args and replies as their own JSON, for messages between Clinkers and for tests. Args that are no JSON
// object are refused.
type PlainCodec struct{}

var _ Codec = PlainCodec{}

// EncodeArgs implements Codec.
func (PlainCodec) EncodeArgs(_ context.Context, _ Target, m Message) (Encoded, error) {
	args, err := json.Marshal(m.Args)
	return Encoded{Args: args}, err
}

// DecodeArgs implements Codec.
func (PlainCodec) DecodeArgs(_ context.Context, in Incoming, into any) (any, error) {
	return into, json.Unmarshal(in.Args, into)
}

// EncodeReply implements Codec.
func (PlainCodec) EncodeReply(_ context.Context, _ Incoming, reply any) (EncodedReply, error) {
	result, err := json.Marshal(reply)
	return EncodedReply{Result: result}, err
}

// DecodeReply implements Codec. JSON's null leaves reply as it is.
func (PlainCodec) DecodeReply(_ context.Context, _ Target, _ Message, result EncodedReply, reply any) error {
	if string(result.Result) == "null" {
		return nil
	}
	return json.Unmarshal(result.Result, reply)
}
