package rabbit

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/oslo/messaging/rabbit/brokertest"
	"github.com/clinker/clinker/internal/oslo/notification"
	"github.com/clinker/clinker/internal/reqctx"
)

// dial opens a channel as any client of the broker has it.
func dial(t *testing.T) *amqp.Channel {
	t.Helper()
	conn, err := amqp.DialConfig("amqp://"+need(t).Address+"/", amqp.Config{SASL: []amqp.Authentication{&amqp.PlainAuth{Username: brokertest.User, Password: brokertest.Password}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	return ch
}

// declared fails unless declaring this changes nothing, that is, unless it is there exactly so.
func declared(t *testing.T, queue string, durable, autoDelete bool, args amqp.Table) {
	t.Helper()
	if _, err := dial(t).QueueDeclare(queue, durable, autoDelete, false, false, args); err != nil {
		t.Errorf("queue %s: %v", queue, err)
	}
}

func exchangeDeclared(t *testing.T, name, kind string, durable, autoDelete bool) {
	t.Helper()
	if err := dial(t).ExchangeDeclare(name, kind, durable, autoDelete, false, false, nil); err != nil {
		t.Errorf("exchange %s: %v", name, err)
	}
}

// TestQueuesAreUpstreams compares what is declared with oslo.messaging's, for each way to configure it, and has a call, a cast and
// a fan-out go through it.
func TestQueuesAreUpstreams(t *testing.T) {
	for name, tt := range map[string]struct {
		set                 func(o *Options)
		durable, autoDelete bool
		args                amqp.Table
		transientDurable    bool
		transient           amqp.Table
		fanout              func(topic string) string // the queue's name; nil is random
	}{
		"default":     {set: func(*Options) {}, transient: amqp.Table{"x-expires": int64(60_000)}},
		"no ttl":      {set: func(o *Options) { o.TransientTTL = 0 }},
		"durable":     {set: func(o *Options) { o.Durable = true }, durable: true, transient: amqp.Table{"x-expires": int64(60_000)}},
		"auto-delete": {set: func(o *Options) { o.AutoDelete = true }, autoDelete: true, transient: amqp.Table{"x-expires": int64(60_000)}},
		"quorum": {set: func(o *Options) {
			o.Quorum, o.QuorumDeliveryLimit = true, 5
		}, durable: true, args: amqp.Table{"x-queue-type": "quorum", "x-delivery-limit": int64(5)}, transient: amqp.Table{"x-expires": int64(60_000)}},
		"transient quorum": {set: func(o *Options) { o.TransientQuorum = true }, transientDurable: true,
			transient: amqp.Table{"x-queue-type": "quorum", "x-expires": int64(60_000)}},
		"stream": {set: func(o *Options) { o.TransientQuorum, o.StreamFanout, o.Prefetch = true, true, 10 }, transientDurable: true,
			transient: amqp.Table{"x-queue-type": "quorum", "x-expires": int64(60_000)}, fanout: func(topic string) string { return topic + "_fanout" }},
		"named": {set: func(o *Options) { o.HostName, o.ProcessName, o.CounterDirectory = "host", "proc", t.TempDir() }, transient: amqp.Table{"x-expires": int64(60_000)},
			fanout: func(topic string) string { return topic + "_fanout_host:proc:2" }},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(t)
			tt.set(&o)
			tr := open(t, o)
			name := topic(t)
			var c counting
			serveOn(t, tr, name, "s", c.handle)
			if name := tr.replies.queue; o.HostName != "" && name != "reply_host:proc:1" {
				t.Errorf("the reply queue is %s", name)
			}
			if err := tr.Call(t.Context(), messaging.Target{Topic: name, Server: "s"}, numbered(1), &note{}); err != nil {
				t.Fatal(err)
			}
			for n, to := range []messaging.Target{{Topic: name}, {Topic: name, Fanout: true}} {
				if err := tr.Cast(t.Context(), to, numbered(n+2)); err != nil {
					t.Fatal(err)
				}
			}
			eventually(t, "every message", 5*time.Second, func() bool { return c.count(1) == 1 && c.count(2) == 1 && c.count(3) == 1 })
			exchangeDeclared(t, o.Exchange, "topic", tt.durable, tt.autoDelete)
			exchangeDeclared(t, name+"_fanout", "fanout", tt.transientDurable, true)
			declared(t, name, tt.durable, tt.autoDelete, tt.args)
			declared(t, name+".s", tt.durable, tt.autoDelete, tt.args)
			declared(t, tr.replies.queue, tt.transientDurable, false, tt.transient)
			if tt.fanout != nil && o.StreamFanout {
				declared(t, tt.fanout(name), true, false, amqp.Table{"x-queue-type": "stream", "x-max-age": "60s"})
			} else if tt.fanout != nil {
				declared(t, tt.fanout(name), tt.transientDurable, false, tt.transient)
			}
		})
	}
}

// TestDurabilityDiffers: what is there already is used, whichever way it differs.
func TestDurabilityDiffers(t *testing.T) {
	for _, durable := range []bool{true, false} {
		t.Run(fmt.Sprint("there is durable: ", durable), func(t *testing.T) {
			o := options(t)
			o.Durable = !durable
			name := topic(t)
			exchangeDeclared(t, o.Exchange, "topic", durable, false)
			declared(t, name, durable, false, nil)
			tr := open(t, o)
			var c counting
			serveOn(t, tr, name, "s", c.handle)
			for _, to := range []messaging.Target{{Topic: name}, {Topic: name, Server: "s"}} {
				if err := tr.Call(t.Context(), to, numbered(1), &note{}); err != nil {
					t.Error(err)
				}
			}
			if err := tr.Cast(t.Context(), messaging.Target{Topic: name, Server: "later"}, numbered(1)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestOnTheWire looks at messages as any other client sees them.
func TestOnTheWire(t *testing.T) {
	o := options(t)
	tr := open(t, o)
	ch := dial(t)
	name := topic(t)
	get := func(queue string) (amqp.Delivery, map[string]any) {
		t.Helper()
		var d amqp.Delivery
		eventually(t, "a message in "+queue, 5*time.Second, func() bool {
			var ok bool
			var err error
			if d, ok, err = ch.Get(queue, true); err != nil {
				t.Fatal(err)
			}
			return ok
		})
		var envelope struct {
			Version string `json:"oslo.version"`
			Message string `json:"oslo.message"`
		}
		var inner map[string]any
		if err := json.Unmarshal(d.Body, &envelope); err != nil || envelope.Version != "2.0" {
			t.Fatalf("%v: %s", err, d.Body)
		}
		if err := json.Unmarshal([]byte(envelope.Message), &inner); err != nil {
			t.Fatal(err)
		}
		return d, inner
	}
	if err := tr.Cast(t.Context(), messaging.Target{Topic: name, Version: "3.1"}, numbered(7)); err != nil {
		t.Fatal(err)
	}
	d, inner := get(name)
	if d.ContentType != "application/json" || d.ContentEncoding != "utf-8" || d.DeliveryMode != 2 || d.Expiration != "" || d.RoutingKey != name || d.Exchange != o.Exchange {
		t.Errorf("a cast has the properties %+v", d)
	}
	if inner["method"] != "m" || inner["version"] != "3.1" || inner["args"].(map[string]any)["N"] != 7.0 || len(inner["_unique_id"].(string)) != 32 || inner["_msg_id"] != nil {
		t.Errorf("a cast says %v", inner)
	}
	if _, err := ch.QueueDeclare(name+".s", false, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	if err := ch.QueueBind(name+".s", name+".s", o.Exchange, false, nil); err != nil {
		t.Fatal(err)
	}
	result := make(chan error, 1)
	go func() {
		result <- tr.Call(t.Context(), messaging.Target{Topic: name, Server: "s", Version: "3.1"}, numbered(8), &note{})
	}()
	d, inner = get(name + ".s")
	if d.Expiration < "15000" || len(d.Expiration) != 5 || inner["_reply_q"] != tr.replies.queue || len(inner["_msg_id"].(string)) != 32 {
		t.Errorf("a call has the expiration %q and says %v", d.Expiration, inner)
	}
	if timeout, ok := inner["_timeout"]; !ok || timeout != nil {
		t.Errorf("a call's _timeout is %v", timeout)
	}
	// A sign of life, an answer in the old manner (in two messages), and one that nobody waits for.
	for _, reply := range []map[string]any{{"result": nil, "failure": nil, "ending": false, "_msg_id": inner["_msg_id"]},
		{"result": nil, "failure": nil, "ending": true, "_msg_id": "nobody's"}, {"result": map[string]any{"N": 9}, "failure": nil, "_msg_id": inner["_msg_id"]},
		{"result": nil, "failure": nil, "ending": true, "_msg_id": inner["_msg_id"]}} {
		text, _ := json.Marshal(reply)
		body, _ := json.Marshal(map[string]string{"oslo.version": "2.0", "oslo.message": string(text)})
		if err := ch.PublishWithContext(t.Context(), "", tr.replies.queue, false, false, amqp.Publishing{Body: body}); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-result; err != nil {
		t.Error(err)
	}
	m := &notification.Message{ID: "1", PublisherID: "volume.host", EventType: "volume.create.end", Priority: notification.Info, Payload: map[string]any{"a": 1}, Timestamp: "t"}
	ctx := reqctx.With(t.Context(), reqctx.Request{UserID: "u", AuthToken: "secret", ServiceCatalog: `[{"type":"secret"}]`})
	if err := tr.Publish(ctx, name+".info", m, 2); err != nil {
		t.Fatal(err)
	}
	_, inner = get(name + ".info")
	if inner["event_type"] != "volume.create.end" || inner["priority"] != "INFO" || inner["_context_user_id"] != "u" || inner["_context_auth_token"] != nil ||
		len(inner["_context_service_catalog"].([]any)) != 0 || inner["payload"].(map[string]any)["a"] != 1.0 {
		t.Errorf("a notification says %v", inner)
	}
}

func TestCompressed(t *testing.T) {
	o := options(t)
	o.Compression = "gzip"
	tr, plain := open(t, o), open(t, options(t))
	plain.opts.Exchange = o.Exchange
	name := topic(t)
	serveOn(t, tr, name, "s", new(counting).handle)
	for _, client := range []*Transport{tr, plain} {
		if err := client.Call(t.Context(), messaging.Target{Topic: name}, numbered(1), &note{}); err != nil {
			t.Error(err)
		}
	}
}

// settings reads a configuration as a program does.
func settings(t *testing.T, url string, options ...string) (Options, error) {
	t.Helper()
	s := NewSettings()
	values := map[string]string{}
	for i := 0; i+1 < len(options); i += 2 {
		values[options[i]] = options[i+1]
	}
	c, err := config.Load(config.Sources{Defaults: values}, s.All()...)
	if err != nil {
		t.Fatal(err)
	}
	u, err := ParseURL(url)
	if err != nil {
		return Options{}, err
	}
	return s.Options(c, u)
}

// TestTLS connects in all the ways that options allow, and in none that they forbid.
func TestTLS(t *testing.T) {
	b := need(t)
	dir := t.TempDir()
	certs := b.Certificates()
	other, err := brokertest.OtherAuthority()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"ca": certs.CA, "cert": certs.Client, "key": certs.ClientKey, "other": other} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	const g = "oslo_messaging_rabbit."
	localhost := strings.Replace(b.TLSAddress, "127.0.0.1", "localhost.localdomain", 1)
	for name, tt := range map[string]struct {
		address string
		options []string
		works   bool
	}{
		"verified":                       {b.TLSAddress, []string{g + "ssl_ca_file", dir + "/ca"}, true},
		"with a certificate of ours":     {b.TLSAddress, []string{g + "ssl_ca_file", dir + "/ca", g + "ssl_cert_file", dir + "/cert", g + "ssl_key_file", dir + "/key"}, true},
		"without an authority":           {b.TLSAddress, nil, true},
		"of another authority":           {b.TLSAddress, []string{g + "ssl_ca_file", dir + "/other"}, false},
		"of another authority, any host": {b.TLSAddress, []string{g + "ssl_ca_file", dir + "/other", g + "ssl_enforce_hostname_verification", "false"}, false},
		"for another host":               {localhost, []string{g + "ssl_ca_file", dir + "/ca"}, false},
		"for any host":                   {localhost, []string{g + "ssl_ca_file", dir + "/ca", g + "ssl_enforce_hostname_verification", "false"}, true},
		"version 1.3":                    {b.TLSAddress, []string{g + "ssl_version", "TLSv1_3"}, true},
	} {
		t.Run(name, func(t *testing.T) {
			o, err := settings(t, strings.Replace(b.URL("ssl=1"), b.Address, b.TLSAddress, 1), tt.options...)
			if err != nil {
				t.Fatal(err)
			}
			o.Log, o.RetryInterval = options(t).Log, time.Hour
			if tt.address != b.TLSAddress {
				o.TLS.ServerName = "localhost.localdomain"
			}
			tr := open(t, o)
			if tt.works {
				if _, err := tr.Check(t.Context()); err != nil {
					t.Error(err)
				}
				return
			}
			var why error
			eventually(t, "a refusal", 5*time.Second, func() bool { why = tr.sending.Why(); return why != nil })
			if !strings.Contains(why.Error(), "TLS: ") {
				t.Errorf("it does not work because of %v", why)
			}
		})
	}
}

func TestSettings(t *testing.T) {
	const g = "oslo_messaging_rabbit."
	o, err := settings(t, "rabbit://u:p%40%2F@one:1,v:q@[::1]/a%2Fb?rabbit_qos_prefetch_count=7&amqp_durable_queues=yes&rabbit_interval_max=9&kombu_failover_strategy=shuffle",
		"rpc_response_timeout", "5", "control_exchange", "x", "executor_thread_pool_size", "3", g+"rabbit_qos_prefetch_count", "1", g+"use_queue_manager", "true",
		g+"hostname", "h", g+"processname", "p", g+"rabbit_quorum_queue", "true", g+"heartbeat_timeout_threshold", "0")
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Hosts) != 2 || o.Hosts[0].Address != "one:1" || o.Hosts[0].Password != "p@/" || o.Hosts[1].Address != "[::1]:5672" || o.Hosts[1].User != "v" ||
		o.VirtualHost != "a/b" || o.Prefetch != 7 || !o.Durable || o.RetryMax != 9*time.Second || !o.Shuffle || o.CallTimeout != 5*time.Second || o.Exchange != "x" ||
		o.Concurrency != 3 || o.HostName != "h" || o.ProcessName != "p" || !o.Quorum || o.Heartbeat != 0 || o.TLS != nil {
		t.Errorf("read as %+v", o)
	}
	if o, err = settings(t, "rabbit://"); err != nil || o.Hosts[0].Address != "localhost:5672" || o.Hosts[0].User != "guest" || o.VirtualHost != "/" || o.TransientTTL != 30*time.Minute {
		t.Errorf("defaults read as %+v, %v", o, err)
	}
	for url, option := range map[string]string{
		"nothing":                               "",
		"rabbit://h:1:2:3/":                     "",
		"rabbit://u:%zz@h/":                     "",
		"rabbit://h/%zz":                        "",
		"rabbit://h/?no_such_option=1":          "",
		"rabbit://h/?ssl=perhaps":               "",
		"rabbit://h/?rabbit_interval_max=x":     "",
		"rabbit://a/":                           g + "rabbit_stream_fanout",
		"rabbit://a/?rabbit_quorum_queue=1":     g + "rabbit_ha_queues",
		"rabbit://a/?ssl=1&ssl_version=SSLv3":   "",
		"rabbit://a/?ssl=1&ssl_ca_file=/none":   "",
		"rabbit://a/?ssl=1&ssl_cert_file=/none": "",
	} {
		var set []string
		if option != "" {
			set = []string{option, "true"}
		}
		if o, err := settings(t, url, set...); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v, %+v", url, err, o)
		}
	}
}

func FuzzParseURL(f *testing.F) {
	f.Add("rabbit://u:p%40@one:1,v:q@[::1]:5/a%2Fb?a=b&c=d")
	f.Add("rabbit://")
	f.Fuzz(func(t *testing.T, text string) {
		u, err := ParseURL(text)
		if err != nil {
			if text != "" && len(text) > 12 && strings.Contains(err.Error(), text) {
				t.Errorf("the error shows the text: %v", err)
			}
			return
		}
		for _, h := range u.Hosts {
			if !strings.Contains(h.Address, ":") {
				t.Errorf("%q has the host %q", text, h.Address)
			}
		}
	})
}
