package rabbit

import (
	"cmp"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/wire"
)

// Options are how a Transport works. A zero field means the default that is named.
type Options struct {
	broker.Options

	CallTimeout time.Duration // the longest a Call waits, and a notification for the broker; 1 minute
	// CastTimeout is the longest a Cast waits for the broker, if its context does not end before; 10 minutes. Upstream waits for ever
	// (retry=None of oslo_messaging/rpc/client.py).
	CastTimeout time.Duration
	Concurrency int // messages at work at once in a Server that does not say; 64
	// Prefetch is how many messages of a queue are fetched before they are worked on; 0 is the lesser of 16 and the
	// server's concurrency (upstream: without limit).
	Prefetch          int
	MissingReplyQueue time.Duration   // how long an answer looks for its queue; 1 minute
	Ping              bool            // the message oslo_rpc_server_ping is answered
	MaxCalls          int             // that may wait for a reply at once, and answers under way; 10,000
	Codec             messaging.Codec // messaging.PlainCodec
	Exceptions        wire.Exceptions
}

// Defaults of Options.
const (
	defaultMaxCalls = 10_000
	defaultPrefetch = 16
)

// complete fills in the defaults and refuses what contradicts itself.
func (o *Options) complete() error {
	o.CallTimeout, o.MissingReplyQueue = cmp.Or(o.CallTimeout, time.Minute), cmp.Or(o.MissingReplyQueue, time.Minute)
	o.CastTimeout = cmp.Or(o.CastTimeout, 10*time.Minute)
	o.Concurrency, o.MaxCalls = cmp.Or(o.Concurrency, messaging.DefaultConcurrency), cmp.Or(o.MaxCalls, defaultMaxCalls)
	if o.Codec == nil {
		o.Codec = messaging.PlainCodec{}
	}
	if o.StreamFanout && o.Prefetch <= 0 {
		return fault.New(fault.Invalid, "", "[oslo_messaging_rabbit]: rabbit_stream_fanout needs rabbit_qos_prefetch_count above 0.")
	}
	return o.Options.Complete()
}

// seal puts a message into its envelope; one that is too long is refused.
func (o *Options) seal(out *broker.Message, inner []byte) error {
	if out.Body = wire.Seal(inner); len(out.Body) > o.MaxMessageBytes {
		return fault.New(fault.OverLimit, "", "A message of %d bytes is longer than the %d bytes that are allowed.", len(out.Body), o.MaxMessageBytes)
	}
	return nil
}

// read takes a message that came in out of its envelope.
func read(d broker.Delivery) ([]byte, error) {
	body, err := d.Body()
	if err != nil {
		return nil, err
	}
	return wire.Unseal(body)
}
