package rabbit

import (
	"os"
	"path/filepath"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/broker"
	"github.com/clinker/clinker/internal/oslo/optiontype"
)

const group = "oslo_messaging_rabbit"

// Settings are oslo.messaging's options as far as this transport goes, declared; see NewSettings.
type Settings struct {
	callTimeout config.Handle[time.Duration]
	exchange    config.Handle[string]
	concurrency config.Handle[int]
	ping        config.Handle[bool]
	flags       map[string]config.Handle[bool]
	numbers     map[string]config.Handle[int]
	durations   map[string]config.Handle[time.Duration]
	texts       map[string]config.Handle[string]
	all         []config.Option
}

// NewSettings declares them (oslo_messaging/_drivers/impl_rabbit.py, amqp.py, rpc/client.py, server.py, transport.py).
func NewSettings() *Settings {
	s := &Settings{flags: map[string]config.Handle[bool]{}, numbers: map[string]config.Handle[int]{},
		durations: map[string]config.Handle[time.Duration]{}, texts: map[string]config.Handle[string]{}}
	s.callTimeout = config.Seconds(config.DefaultGroup, "rpc_response_timeout", time.Minute, "How long the answer to a message is waited for.", config.Min(1))
	s.exchange = config.String(config.DefaultGroup, "control_exchange", "openstack", "The exchange of the topics. All services of a cloud have the same.")
	s.concurrency = config.Int(config.DefaultGroup, "executor_thread_pool_size", messaging.DefaultConcurrency,
		"How many messages a service works on at once.", config.Min(1), config.Deprecated(config.DefaultGroup, "rpc_thread_pool_size"))
	s.ping = config.Bool(config.DefaultGroup, "rpc_ping_enabled", false, "Answer the message oslo_rpc_server_ping.")
	s.all = []config.Option{s.callTimeout, s.exchange, s.concurrency, s.ping}
	s.declareQueues()
	s.declareConnections()
	s.declareTLS()
	s.all = append(s.all, config.Ignored(group, "one connection publishes and one listens, and both are kept up",
		"rpc_conn_pool_size", "conn_pool_min_size", "conn_pool_ttl")...)
	s.all = append(s.all, config.Ignored(group, "it is always on", "direct_mandatory_flag")...)
	s.all = append(s.all, config.Ignored(group, "heartbeats are always sent beside everything else, as often as they are due", "heartbeat_rate", "heartbeat_in_pthread")...)
	s.all = append(s.all, config.Ignored(group, "it has no effect upstream either", "ssl_enforce_fips_mode")...)
	return s
}

func (s *Settings) flag(name string, fallback bool, help string, m ...config.Modifier) {
	h := config.Bool(group, name, fallback, help, m...)
	s.flags[name], s.all = h, append(s.all, h)
}

func (s *Settings) number(name string, fallback int, help string, m ...config.Modifier) {
	h := config.Int(group, name, fallback, help, append(m, config.Min(0))...)
	s.numbers[name], s.all = h, append(s.all, h)
}

func (s *Settings) seconds(name string, fallback time.Duration, help string, m ...config.Modifier) {
	h := config.Seconds(group, name, fallback, help, append([]config.Modifier{config.Min(0)}, m...)...)
	s.durations[name], s.all = h, append(s.all, h)
}

func (s *Settings) text(name, fallback, help string, m ...config.Modifier) {
	h := config.String(group, name, fallback, help, m...)
	s.texts[name], s.all = h, append(s.all, h)
}

func (s *Settings) declareQueues() {
	s.flag("amqp_durable_queues", false, "Queues and the exchange outlive a restart of the broker.")
	s.flag("amqp_auto_delete", false, "Queues go when their last consumer does.")
	s.flag("rabbit_ha_queues", false, "Ask for mirrored queues (x-ha-policy), which brokers had before 4.0.")
	s.flag("rabbit_quorum_queue", false, "Queues of topics are quorum queues. All services that share them must say the same.")
	s.flag("rabbit_transient_quorum_queue", false, "Queues of replies and fan-outs are quorum queues.")
	s.number("rabbit_quorum_delivery_limit", 0, "How often a quorum queue delivers a message again before it drops it; 0 is without limit.")
	s.number("rabbit_quorum_max_memory_length", 0, "How many messages a quorum queue keeps in memory; 0 is without limit.")
	s.number("rabbit_quorum_max_memory_bytes", 0, "How many bytes a quorum queue keeps in memory; 0 is without limit.")
	s.seconds("rabbit_transient_queues_ttl", 30*time.Minute, "After how long an unused queue of replies or fan-outs is deleted; 0 is never. Of a stream, how long it keeps messages.")
	s.flag("rabbit_stream_fanout", false, "Fan-outs go through one stream per topic; needs rabbit_transient_quorum_queue and rabbit_qos_prefetch_count.")
	s.number("rabbit_qos_prefetch_count", 0, "How many messages of a queue are fetched before they are worked on; 0 is up to the service.")
	s.flag("enable_cancel_on_failover", false, "Have the broker say when a mirrored queue fails over (x-cancel-on-ha-failover).")
	s.flag("use_queue_manager", false, "Give queues of replies and fan-outs names that a restart finds again, of hostname, processname and a number.")
	host, _ := os.Hostname() // without one the option has to be set
	s.text("hostname", host, "The first part of those names.", config.SampleDefault("<the name of this machine>"))
	s.text("processname", filepath.Base(os.Args[0]), "The second part of those names.", config.SampleDefault("<the name of the program>"))
	s.seconds("kombu_missing_consumer_retry_timeout", time.Minute, "How long an answer looks for its queue before it is given up.", config.Deprecated(group, "kombu_reconnect_timeout"))
}

func (s *Settings) declareConnections() {
	s.text("rabbit_login_method", "AMQPLAIN", "How to log in.", config.Choices("PLAIN", "AMQPLAIN", "EXTERNAL"))
	s.seconds("heartbeat_timeout_threshold", time.Minute, "The interval of heartbeats; a broker that is silent for three of them is gone. 0 leaves it to the broker.")
	s.seconds("rabbit_retry_interval", time.Second, "The pause after the first attempt to connect that failed.", config.Min(1))
	s.seconds("rabbit_retry_backoff", 2*time.Second, "How much longer each further pause is, where something answers and lets nobody in; a host that refuses is asked again without.")
	s.seconds("rabbit_interval_max", 30*time.Second, "The longest pause.", config.Min(1))
	s.seconds("kombu_reconnect_delay", time.Second, "The most that is waited before the first attempt after a loss; it is a random part of it.", config.Max(4.5))
	s.seconds("kombu_reconnect_splay", 0, "More of the same, so that not everybody comes back at once.")
	s.text("kombu_failover_strategy", "round-robin", "Which of several hosts is tried next.", config.Choices("round-robin", "shuffle"))
	s.text("kombu_compression", "", "How messages are compressed; those that come in may be compressed by bz2 as well.", config.Choices("", "gzip"), config.NoDefault())
}

// All lists the options for config.Load.
func (s *Settings) All() []config.Option { return s.all }

// reader reads the options, with those of a URL in front.
type reader struct {
	s    *Settings
	c    *config.Config
	url  map[string]string
	used map[string]bool
	err  error
}

// pick is an option's value: the URL's, or else the configuration's.
func pick[T any](r *reader, h config.Handle[T], parse func(string, optiontype.Limits) (T, error)) T {
	text, ok := r.url[h.Name()]
	if !ok {
		return h.Get(r.c)
	}
	r.used[h.Name()] = true
	v, err := parse(text, optiontype.Limits{})
	if err != nil && r.err == nil {
		r.err = fault.Wrap(err, fault.Invalid, "", "the URL gives %s a value that it cannot have", h.Name())
	}
	return v
}

func (r *reader) flag(name string) bool   { return pick(r, r.s.flags[name], optiontype.ParseBool) }
func (r *reader) number(name string) int  { return pick(r, r.s.numbers[name], optiontype.ParseInt) }
func (r *reader) text(name string) string { return pick(r, r.s.texts[name], optiontype.ParseString) }
func (r *reader) seconds(name string) time.Duration {
	return pick(r, r.s.durations[name], optiontype.ParseSeconds)
}

// Options reads the options for a transport_url. What contradicts itself, an option of the URL that there is not, and files that
// cannot be read, are a fault.Invalid that says so.
func (s *Settings) Options(c *config.Config, u URL) (Options, error) {
	r := &reader{s: s, c: c, url: u.Options, used: map[string]bool{}}
	o := Options{CallTimeout: s.callTimeout.Get(c), Concurrency: s.concurrency.Get(c), Ping: s.ping.Get(c), Prefetch: r.number("rabbit_qos_prefetch_count"),
		MissingReplyQueue: r.seconds("kombu_missing_consumer_retry_timeout")}
	o.Options = broker.Options{Hosts: u.Hosts, VirtualHost: u.VirtualHost, Login: r.text("rabbit_login_method"), Exchange: s.exchange.Get(c),
		Durable: r.flag("amqp_durable_queues"), AutoDelete: r.flag("amqp_auto_delete"), MirroredQueues: r.flag("rabbit_ha_queues"),
		Quorum: r.flag("rabbit_quorum_queue"), TransientQuorum: r.flag("rabbit_transient_quorum_queue"), StreamFanout: r.flag("rabbit_stream_fanout"),
		QuorumDeliveryLimit: r.number("rabbit_quorum_delivery_limit"), QuorumMaxMemoryLength: r.number("rabbit_quorum_max_memory_length"),
		QuorumMaxMemoryBytes: r.number("rabbit_quorum_max_memory_bytes"), TransientTTL: r.seconds("rabbit_transient_queues_ttl"),
		CancelOnFailover: r.flag("enable_cancel_on_failover"), Heartbeat: r.seconds("heartbeat_timeout_threshold"),
		RetryInterval: r.seconds("rabbit_retry_interval"), RetryBackoff: r.seconds("rabbit_retry_backoff"), RetryMax: r.seconds("rabbit_interval_max"),
		ReconnectDelay: r.seconds("kombu_reconnect_delay"), ReconnectSplay: r.seconds("kombu_reconnect_splay"),
		Shuffle: r.text("kombu_failover_strategy") == "shuffle", Compression: r.text("kombu_compression")}
	if r.flag("use_queue_manager") {
		o.HostName, o.ProcessName = r.text("hostname"), r.text("processname")
	}
	if r.flag("ssl") {
		config, err := r.tls()
		if err != nil {
			return o, err
		}
		o.TLS = config
	}
	for name := range u.Options {
		if !r.used[name] && !s.known(name) {
			return o, fault.New(fault.Invalid, "", "the URL sets %s, and [%s] has no such option", name, group)
		}
	}
	if r.err != nil {
		return o, r.err
	}
	return o, o.complete()
}

// known says whether an option is there at all, be it without an effect.
func (s *Settings) known(name string) bool {
	for _, d := range config.Describe(s.all) {
		if d.Group == group && d.Name == name {
			return true
		}
	}
	return false
}
