// Package broker is RabbitMQ as oslo.messaging uses it: a connection that is kept up, exchanges and queues by their names and
// arguments, publishing until the broker has confirmed, and taking messages from queues that are declared again whenever they have
// to be (facts: oslo_messaging/_drivers/impl_rabbit.py, kombu).
//
// What must not live here: what a message says, calls and answers (rabbit has them), or the AMQP library's types in a signature.
package broker

import (
	"cmp"
	"crypto/tls"
	"fmt"
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Properties of every message: kombu's JSON serializer.
const (
	contentType     = "application/json"
	contentEncoding = "utf-8"
)

// Host is a node of the broker.
type Host struct {
	Address        string // "host:port"
	User, Password string
}

// Options are how the broker is reached and what queues are like. A zero field means the default that is named.
type Options struct {
	Hosts       []Host // tried in turn, beginning anywhere; none is localhost:5672 as guest
	VirtualHost string // "" is /
	TLS         *tls.Config
	Login       string // "AMQPLAIN" (the default), "PLAIN" or "EXTERNAL"
	Name        string // of the connections, for who looks into the broker

	Exchange        string // of topics; "openstack"
	Durable         bool   // queues and exchange of topics outlive a restart of the broker
	AutoDelete      bool   // they go when the last consumer does
	MirroredQueues  bool   // x-ha-policy, of brokers before 4.0
	Quorum          bool   // queues of topics are quorum queues
	TransientQuorum bool   // so are those of replies and fan-outs
	StreamFanout    bool   // fan-outs are one stream per topic
	// Limits of quorum queues; 0 is none.
	QuorumDeliveryLimit, QuorumMaxMemoryLength, QuorumMaxMemoryBytes int
	TransientTTL                                                     time.Duration // of unused queues of replies and fan-outs; 0 is for ever
	CancelOnFailover                                                 bool          // x-cancel-on-ha-failover of consumers

	Heartbeat                             time.Duration // below a second is as the broker likes
	RetryInterval, RetryBackoff, RetryMax time.Duration // between attempts to connect: the first, what is added each time, the most; 1 s, 2 s, 30 s
	ReconnectDelay, ReconnectSplay        time.Duration // before the first attempt after a loss: a random part of each
	Shuffle                               bool          // the next host is any one, instead of the next one

	Compression           string // "" or "gzip"
	MaxMessageBytes       int    // of one message, in and out; 16 MiB
	HostName, ProcessName string // with both, reply and fan-out queues have names that a restart finds again
	CounterDirectory      string // where those names are counted; /dev/shm

	Log *slog.Logger // slog.Default
}

const defaultMaxMessageBytes = 16 << 20

// Complete fills in the defaults and refuses what contradicts itself, a fault.Invalid in oslo.messaging's words for the options.
func (o *Options) Complete() error {
	if len(o.Hosts) == 0 {
		o.Hosts = []Host{{"localhost:5672", "guest", "guest"}}
	}
	o.VirtualHost, o.Login = cmp.Or(o.VirtualHost, "/"), cmp.Or(o.Login, loginAMQPlain)
	o.Exchange, o.Name, o.CounterDirectory = cmp.Or(o.Exchange, "openstack"), cmp.Or(o.Name, "clinker"), cmp.Or(o.CounterDirectory, "/dev/shm")
	o.RetryInterval, o.RetryBackoff = cmp.Or(o.RetryInterval, time.Second), cmp.Or(o.RetryBackoff, 2*time.Second)
	o.RetryMax, o.MaxMessageBytes = cmp.Or(o.RetryMax, 30*time.Second), cmp.Or(o.MaxMessageBytes, defaultMaxMessageBytes)
	if o.Log == nil {
		o.Log = slog.Default()
	}
	switch {
	case o.Quorum && o.MirroredQueues:
		return refuse("rabbit_quorum_queue and rabbit_ha_queues are both on, and a queue is either")
	case o.StreamFanout && !o.TransientQuorum:
		return refuse("rabbit_stream_fanout needs rabbit_transient_quorum_queue")
	case o.Compression != "" && o.Compression != compressionGzip:
		return refuse("kombu_compression can be gzip only, and is %q", o.Compression)
	case o.Login != loginAMQPlain && o.Login != loginPlain && o.Login != loginExternal:
		return refuse("rabbit_login_method can be AMQPLAIN, PLAIN or EXTERNAL, and is %q", o.Login)
	}
	return nil
}

func refuse(format string, args ...any) error {
	return fault.New(fault.Invalid, "", "[oslo_messaging_rabbit]: %s.", fmt.Sprintf(format, args...))
}
