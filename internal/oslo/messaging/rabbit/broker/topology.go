package broker

import (
	"errors"
	"fmt"
	"strings"

	amqp "github.com/rabbitmq/amqp091-go"
)

// Kinds of exchanges.
const (
	kindTopic  = "topic"
	kindFanout = "fanout"
)

// Exchange is what a message is published to. The default exchange, which has no name, is never declared.
type Exchange struct {
	name, kind          string
	durable, autoDelete bool
}

// Queue is what a message waits in, bound to its exchange by key.
type Queue struct {
	name, key           string
	exchange            Exchange
	durable, autoDelete bool
	arguments           amqp.Table
	consume             amqp.Table // arguments of a consumer
	private             bool       // it goes with its only consumer
}

// TopicExchange is the exchange of every topic.
func (o *Options) TopicExchange() Exchange {
	return Exchange{name: o.Exchange, kind: kindTopic, durable: o.Durable || o.Quorum, autoDelete: o.AutoDelete}
}

// FanoutExchange is the exchange of what goes to every server of a topic. It is always deleted with its last queue.
func (o *Options) FanoutExchange(topic string) Exchange {
	return Exchange{name: topic + "_fanout", kind: kindFanout, durable: o.TransientQuorum || o.StreamFanout, autoDelete: true}
}

// TopicQueue is a queue named as its key: of a topic, or of one server of it.
func (o *Options) TopicQueue(key string) Queue {
	e := o.TopicExchange()
	return Queue{name: key, key: key, exchange: e, durable: e.durable, autoDelete: o.AutoDelete, arguments: o.arguments(o.Quorum, false), consume: o.consumer()}
}

// FanoutQueue is where one server gets what goes to every server; unique is part of the name.
func (o *Options) FanoutQueue(topic, unique string) Queue {
	e := o.FanoutExchange(topic)
	q := Queue{name: topic + "_fanout_" + unique, key: topic, exchange: e, durable: e.durable, arguments: o.arguments(o.TransientQuorum, true), consume: o.consumer(),
		private: !o.named()}
	if o.StreamFanout {
		q.name, q.private = topic+"_fanout", false
		q.arguments = amqp.Table{amqp.QueueTypeArg: amqp.QueueTypeStream}
		if o.TransientTTL > 0 {
			q.arguments[amqp.StreamMaxAgeArg] = fmt.Sprintf("%ds", int64(o.TransientTTL.Seconds()))
		}
		q.consume = amqp.Table{streamOffset: "last"}
	}
	return q
}

// streamOffset is where a consumer of a stream begins, and what each of its messages says where it stands.
const streamOffset = "x-stream-offset"

// ReplyQueue is where replies come to, by the default exchange.
func (o *Options) ReplyQueue(name string) Queue {
	return Queue{name: name, durable: o.TransientQuorum, arguments: o.arguments(o.TransientQuorum, true), consume: o.consumer(), private: !o.named()}
}

// arguments are a queue's.
func (o *Options) arguments(quorum, transient bool) amqp.Table {
	args := amqp.Table{}
	if o.MirroredQueues {
		args["x-ha-policy"] = "all"
	}
	if quorum {
		args[amqp.QueueTypeArg] = amqp.QueueTypeQuorum
		for name, limit := range map[string]int{"x-delivery-limit": o.QuorumDeliveryLimit, "x-max-in-memory-length": o.QuorumMaxMemoryLength,
			"x-max-in-memory-bytes": o.QuorumMaxMemoryBytes} {
			if limit > 0 {
				args[name] = int64(limit)
			}
		}
	}
	if transient && o.TransientTTL > 0 {
		args[amqp.QueueTTLArg] = o.TransientTTL.Milliseconds()
	}
	return args
}

func (o *Options) consumer() amqp.Table {
	if o.CancelOnFailover {
		return amqp.Table{"x-cancel-on-ha-failover": true}
	}
	return nil
}

// declarer declares on a channel of its own, since a refusal closes the channel. It is not safe for concurrent use.
type declarer struct {
	link *Link
	conn *amqp.Connection
	ch   *amqp.Channel
}

func (d *declarer) close() {
	if d.ch != nil {
		defer d.link.limit(d.conn, leaveTimeout)()
		d.ch.Close()
	}
}

// do runs one declaration on an open channel.
func (d *declarer) do(f func(ch *amqp.Channel) error) error {
	defer d.link.limit(d.conn, answerTimeout)()
	if d.ch == nil || d.ch.IsClosed() {
		ch, err := d.conn.Channel()
		if err != nil {
			return err
		}
		d.ch = ch
	}
	return f(d.ch)
}

// mismatches bounds how often a declaration is changed to what is there already.
const mismatches = 3

// exchange declares e. If it is there with another durability or another life, it is taken as it is: services that share it are
// not always configured alike (upstream falls back to not durable only).
func (d *declarer) exchange(e *Exchange) error {
	if e.name == "" {
		return nil
	}
	for attempt := 0; ; attempt++ {
		err := d.do(func(ch *amqp.Channel) error {
			return ch.ExchangeDeclare(e.name, e.kind, e.durable, e.autoDelete, false, false, nil)
		})
		if err == nil || attempt == mismatches || !adapt(err, &e.durable, &e.autoDelete) {
			return err
		}
		d.link.log.Warn("the exchange is there already and is otherwise than configured; it is used as it is", "exchange", e.name, "durable", e.durable)
	}
}

// queue declares q with its exchange and binds it. With an exchange that turned out not durable the queue is not either, unless
// its type has to be.
func (d *declarer) queue(q Queue) error {
	durable := q.exchange.durable
	if err := d.exchange(&q.exchange); err != nil {
		return err
	}
	if durable && !q.exchange.durable && q.arguments[amqp.QueueTypeArg] == nil {
		q.durable = false
	}
	removed := false
	for attempt := 0; ; attempt++ {
		err := d.do(func(ch *amqp.Channel) error {
			_, err := ch.QueueDeclare(q.name, q.durable, q.autoDelete, false, false, q.arguments)
			return err
		})
		switch {
		case err == nil && q.exchange.name == "":
			return nil
		case err == nil:
			return d.do(func(ch *amqp.Channel) error { return ch.QueueBind(q.name, q.key, q.exchange.name, false, nil) })
		case codeOf(err) == amqp.NotFound && !removed: // it lives on a node that is down; see bug 2068630
			removed = true
			d.link.log.Warn("the queue is on a node that is down; it is made anew", "queue", q.name)
			_ = d.do(func(ch *amqp.Channel) error { _, err := ch.QueueDelete(q.name, false, false, false); return err })
		case attempt == mismatches || !adapt(err, &q.durable, &q.autoDelete):
			return err
		default:
			d.link.log.Warn("the queue is there already and is otherwise than configured; it is used as it is", "queue", q.name, "durable", q.durable)
		}
	}
}

// adapt changes a declaration to what the broker says is there; false if that is not what is in the way.
func adapt(err error, durable, autoDelete *bool) bool {
	var e *amqp.Error
	if !errors.As(err, &e) || e.Code != amqp.PreconditionFailed {
		return false
	}
	switch {
	case strings.Contains(e.Reason, "inequivalent arg 'durable'"):
		*durable = !*durable
	case strings.Contains(e.Reason, "inequivalent arg 'auto_delete'"):
		*autoDelete = !*autoDelete
	default:
		return false
	}
	return true
}

// codeOf is the AMQP code of err, 0 for any other error.
func codeOf(err error) int {
	var e *amqp.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return 0
}
