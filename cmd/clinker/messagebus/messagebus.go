// Package messagebus makes what carries the messages of a process: RabbitMQ where transport_url names it, or memory inside the
// process.
//
// What must not live here: how messages are carried (internal/oslo/messaging), or what they say (internal/block/rpcapi).
package messagebus

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block/rpcapi"
	blockwire "github.com/clinker/clinker/internal/block/rpcapi/wire"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/pins"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/inproc"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/wire"
	"github.com/clinker/clinker/internal/oslo/notification"
)

// Options are the configuration of the messages.
type Options struct {
	url    config.Handle[string]
	rabbit *rabbit.Settings
}

// NewOptions declares them.
func NewOptions() *Options {
	return &Options{
		url: config.String(config.DefaultGroup, "transport_url", "rabbit://", "Where messages go: rabbit://user:password@host:5672,user:password@host2:5672/vhost "+
			"is RabbitMQ, inproc:// is inside this process, for cinder-all and clinker up.", config.Secret()),
		rabbit: rabbit.NewSettings(),
	}
}

// All lists the options for config.Load.
func (o *Options) All() []config.Option { return append([]config.Option{o.url}, o.rabbit.All()...) }

// Bus is what carries the messages of a process.
type Bus struct {
	messaging.Transport
	// Local says that the messages stay inside the process.
	Local bool

	pins   *pins.Pins
	open   func(url string) (*rabbit.Transport, error)
	own    *rabbit.Transport // nil if Local
	others []*rabbit.Transport
}

// Process is what a Bus needs to know of its process.
type Process struct {
	Alone bool         // all services of the cloud run in it
	Store store.Reader // where the codec finds the rows that Python's services want in a message
	Log   *slog.Logger
}

// Open makes the bus that transport_url names. Where it is not set, a process with all services keeps its messages to itself, and
// any other finds RabbitMQ on this machine, as upstream. It does not wait for the broker.
func (o *Options) Open(c *config.Config, p Process) (*Bus, error) {
	url, err := o.Check(c, p.Alone)
	if err != nil {
		return nil, err
	}
	versions := pins.New(p.Store, p.Log, nil)
	codec, err := blockwire.New(blockwire.Options{Store: p.Store, Pins: versions})
	if err != nil {
		return nil, err
	}
	b := &Bus{pins: versions, open: func(url string) (*rabbit.Transport, error) {
		opts, err := o.read(c, url)
		if err != nil {
			return nil, err
		}
		opts.Name, opts.Log, opts.Codec = filepath.Base(os.Args[0]), p.Log, codec
		opts.Exceptions = wire.Exceptions{Module: rpcapi.ExceptionModule, Kinds: rpcapi.ExceptionKinds(), Classes: rpcapi.ExceptionClasses()}
		return rabbit.New(opts)
	}}
	if isLocal(url) {
		b.Transport, b.Local = inproc.New(inproc.Options{}), true
		return b, nil
	}
	if b.own, err = b.open(url); err != nil {
		return nil, err
	}
	b.Transport = b.own
	return b, nil
}

// Check says what is wrong with transport_url and the options of RabbitMQ, without touching anything, and gives the URL that counts.
func (o *Options) Check(c *config.Config, alone bool) (url string, err error) {
	url = o.url.Get(c)
	if alone && !o.url.IsSet(c) {
		url = "inproc://"
	}
	if !isLocal(url) {
		if _, err := o.read(c, url); err != nil {
			return "", o.url.Refuse(c, "", fault.UserText(err), "rabbit://user:password@host:5672/vhost, or inproc:// with all services in one process (cinder-all)")
		}
	}
	return url, nil
}

// read reads the options for a URL of RabbitMQ.
func (o *Options) read(c *config.Config, url string) (rabbit.Options, error) {
	u, err := rabbit.ParseURL(url)
	if err != nil {
		return rabbit.Options{}, err
	}
	switch u.Scheme {
	case "rabbit", "kombu", "amqp":
		return o.rabbit.Options(c, u)
	}
	return rabbit.Options{}, fault.New(fault.Invalid, "", "there is no transport of this name")
}

// Out is a bus for a command, whose messages have to reach services of other processes. The caller releases it.
func (o *Options) Out(c *config.Config, rows store.Reader, log *slog.Logger) (*Bus, error) {
	b, err := o.Open(c, Process{Store: rows, Log: log})
	if err != nil {
		return nil, err
	}
	if b.Local {
		return nil, o.url.Refuse(c, "", "messages do not leave a process, so no service would hear of this; ask the API instead", "rabbit://user:password@host:5672/vhost")
	}
	return b, nil
}

// isLocal says whether a URL names the memory of this process.
func isLocal(url string) bool {
	switch scheme, _, _ := strings.Cut(url, ":"); scheme {
	case "inproc", "fake", "memory", "kombu+memory":
		return true
	}
	return false
}

// Publisher is what sends notifications to a URL; "" is where the messages go.
func (b *Bus) Publisher(url string) (notification.Publisher, error) {
	if url == "" {
		if b.Local {
			return notification.InProcess{Client: b.Transport}, nil
		}
		return b.own, nil
	}
	if isLocal(url) {
		return notification.InProcess{Client: b.Transport}, nil
	}
	t, err := b.open(url)
	if err != nil {
		return nil, err
	}
	b.others = append(b.others, t)
	return t, nil
}

// Unpin forgets how old the services are that messages are sent to, so that the next message is as new as they are now. It is what
// an operator asks for by SIGHUP when all services of a cloud are upgraded.
func (b *Bus) Unpin() { b.pins.Reset() }

// closeTimeout bounds Release.
const closeTimeout = 5 * time.Second

// Release lets go of what the bus holds. Its listeners have been stopped before.
func (b *Bus) Release() error {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	err := b.Transport.Close(ctx)
	for _, t := range b.others {
		if e := t.Close(ctx); e != nil {
			err = e
		}
	}
	return err
}
