// Package wire is what the messages of rpcapi look like to Python Cinder: for each method the named arguments of the Python
// manager that serves it, with Cinder's versioned objects in them, and its answer (facts §4.4, §4.5). A transport that leaves
// the process asks its Codec for them.
//
// Our messages name what they are about by id, and a receiver reads the row. A Python manager wants the row in the message.
// So encoding reads rows, and decoding takes the ids out and lets the rest go. What only another Clinker understands, above
// all the journal's id of an operation, travels beside the arguments.
//
// What must not live here: AMQP, what a service does with a message, and the classes of the objects (wire/objects).
package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"strings"

	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/operators"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/pins"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// Options of a Codec.
type Options struct {
	Store store.Reader // where the rows are that a message needs
	// Pins says how old the services are that messages are sent to; nil means that all are as new as this one.
	Pins *pins.Pins
}

// Codec is Cinder's. It is safe for concurrent use.
type Codec struct {
	Options
	registry *vo.Registry
	methods  map[service]map[string]method
}

var _ messaging.Codec = (*Codec)(nil)

// New makes a Codec.
func New(o Options) (*Codec, error) {
	r, err := objects.New()
	if err != nil {
		return nil, err
	}
	return &Codec{Options: o, registry: r, methods: allMethods()}, nil
}

// service is which of Cinder's services a topic belongs to.
type service string

const (
	scheduler service = "scheduler"
	volume    service = "volume"
	backup    service = "backup"
)

// serviceOf finds a topic's service; a volume service also has a topic of its own for each back end.
func serviceOf(topic string) service {
	switch {
	case topic == rpcapi.SchedulerTopic:
		return scheduler
	case topic == rpcapi.BackupTopic:
		return backup
	case topic == rpcapi.VolumeTopic, strings.HasPrefix(topic, rpcapi.VolumeTopic+"."):
		return volume
	}
	return ""
}

func (c *Codec) method(topic, name string) (method, error) {
	m, ok := c.methods[serviceOf(topic)][name]
	if !ok {
		return method{}, fault.New(fault.NotImplemented, messaging.NameNoSuchMethod, "No endpoint of %.100s serves method %.100s.", topic, name)
	}
	return m, nil
}

// EncodeArgs implements messaging.Codec. NotFound if a row that the message is about is gone; ServiceTooOld if one of those that
// may get the message would not understand it.
func (c *Codec) EncodeArgs(ctx context.Context, t messaging.Target, m messaging.Message) (messaging.Encoded, error) {
	how, err := c.method(t.Topic, m.Method)
	if err != nil {
		return messaging.Encoded{}, err
	}
	form, known, err := c.pinned(ctx, t.Topic, how, m.Method)
	if err != nil {
		return messaging.Encoded{}, err
	}
	e := c.encoder(ctx, known)
	if !how.Encode(e, m.Args) {
		e.Fail(fault.New(fault.Internal, "", "%s cannot be sent with %T as its arguments", m.Method, m.Args))
	}
	for _, name := range form.Without {
		delete(e.Args, name)
	}
	args, err := e.JSON(e.Args)
	return messaging.Encoded{Method: how.Name, Args: args, Version: form.Version, Extra: e.Extra}, err
}

// DecodeArgs implements messaging.Codec.
func (c *Codec) DecodeArgs(ctx context.Context, in messaging.Incoming, _ any) (any, error) {
	how, err := c.method(in.Topic, in.Method)
	if err != nil {
		return nil, err
	}
	d := c.decoder(ctx, in.Extra)
	if err := json.Unmarshal(in.Args, &d.Args); err != nil || d.Args == nil {
		return nil, fault.Wrap(err, fault.Invalid, "", "The arguments of %s are no JSON object.", in.Method)
	}
	args := how.Decode(d)
	if d.Err != nil {
		return nil, d.Err
	}
	return args, nil
}

// EncodeReply implements messaging.Codec. Whoever asked may be any service, so an answer is as old as the oldest of all takes it.
func (c *Codec) EncodeReply(ctx context.Context, in messaging.Incoming, reply any) (messaging.EncodedReply, error) {
	how, err := c.method(in.Topic, in.Method)
	if err != nil {
		return messaging.EncodedReply{}, err
	}
	if how.EncodeReply == nil || reply == nil {
		return messaging.EncodedReply{Result: json.RawMessage("null")}, nil
	}
	pin, err := c.Pins.Of(ctx, "")
	if err != nil {
		return messaging.EncodedReply{}, err
	}
	known, err := manifest(pin)
	if err != nil {
		return messaging.EncodedReply{}, err
	}
	e := c.encoder(ctx, known)
	result, ok := how.EncodeReply(e, reply)
	if !ok {
		e.Fail(fault.New(fault.Internal, "", "%s cannot be answered with a %T", in.Method, reply))
	}
	raw, err := e.JSON(result)
	return messaging.EncodedReply{Result: raw, Extra: e.Extra}, err
}

// DecodeReply implements messaging.Codec.
func (c *Codec) DecodeReply(ctx context.Context, t messaging.Target, m messaging.Message, result messaging.EncodedReply, reply any) error {
	how, err := c.method(t.Topic, m.Method)
	if err != nil {
		return err
	}
	if how.DecodeReply == nil || bytes.Equal(result.Result, []byte("null")) {
		return nil
	}
	var v any
	if err := json.Unmarshal(result.Result, &v); err != nil {
		return fault.Wrap(err, fault.Internal, "", "The answer to %s is no JSON.", m.Method)
	}
	d := c.decoder(ctx, result.Extra)
	d.Args = map[string]any{arguments.Answer: v}
	if !how.DecodeReply(d, reply) {
		return fault.New(fault.Internal, "", "the answer to %s does not fit a %T", m.Method, reply)
	}
	return d.Err
}

func (c *Codec) encoder(ctx context.Context, known vo.Manifest) *arguments.Encoder {
	return &arguments.Encoder{Context: ctx, Store: c.Store, Registry: c.registry, Manifest: known, Args: map[string]any{}}
}

func (c *Codec) decoder(ctx context.Context, extra map[string]string) *arguments.Decoder {
	return &arguments.Decoder{Context: ctx, Store: c.Store, Registry: c.registry, Extra: extra}
}

// method is how one is written and read.
type method = arguments.Method

func takes[A any](version string, encode func(e *arguments.Encoder, a *A), decode func(d *arguments.Decoder, a *A)) method {
	return arguments.Takes(version, encode, decode)
}

func bare(version string) method { return arguments.Bare(version) }

func answering[R any](m method, encode func(e *arguments.Encoder, r *R) any, decode func(d *arguments.Decoder, r *R)) method {
	return arguments.Answering(m, encode, decode)
}

// allMethods is every method of every service.
func allMethods() map[service]map[string]method {
	methods := map[service]map[string]method{scheduler: schedulerMethods(), volume: volumeMethods(), backup: backupMethods()}
	for s, more := range map[service]map[string]method{scheduler: operators.Scheduler(), volume: operators.Volume(), backup: operators.Backup()} {
		maps.Copy(methods[s], more)
	}
	return methods
}
