package broker

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"os"
	"sync"
	"syscall"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/clinker/clinker/internal/run"
)

// ErrEnded is what a link whose Run has ended has for everybody.
var ErrEnded = errors.New("the connection to the message broker has been closed")

// Login methods.
const (
	loginAMQPlain = "AMQPLAIN"
	loginPlain    = "PLAIN"
	loginExternal = "EXTERNAL"
)

// connectTimeout bounds one attempt to connect, with TLS and login.
const connectTimeout = 10 * time.Second

// errLost is what ends work on a connection that is gone; whoever meets it tries again on the next.
var errLost = errors.New("the connection to the message broker is lost")

// Link keeps one connection to the broker up, whichever host it takes. Make one with NewLink and run it.
type Link struct {
	opts    *Options
	purpose string
	log     *slog.Logger

	mu      sync.Mutex
	conn    *amqp.Connection // nil while there is none
	raw     net.Conn         // what conn runs over
	blocked bool             // the broker takes nothing from publishers for now
	changed chan struct{}    // closed when any of these changes
	ended   bool
	why     error // the last attempt's failure
	host    int   // the next to be tried
}

// NewLink makes a link for a purpose, which is part of the connection's name: "publish", "listen".
func NewLink(purpose string, o *Options) *Link {
	l := &Link{opts: o, purpose: purpose, log: o.Log.With("purpose", purpose), changed: make(chan struct{})}
	l.host = rand.IntN(len(o.Hosts)) // so that not everybody sits on the first, as upstream
	return l
}

// set changes the state and wakes those who wait for a change.
func (l *Link) set(change func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
	close(l.changed)
	l.changed = make(chan struct{})
}

// Run connects, and again whenever the connection is lost, until ctx ends; then it closes.
func (l *Link) Run(ctx context.Context) {
	defer l.set(func() { l.ended = true })
	for lost := false; ctx.Err() == nil; lost = true {
		if lost && !run.Pause(ctx, l.settle()) {
			return
		}
		conn, raw := l.connect(ctx)
		if conn == nil {
			return
		}
		closed := conn.NotifyClose(make(chan *amqp.Error, 1))
		blocking := conn.NotifyBlocked(make(chan amqp.Blocking, 1))
		l.set(func() { l.conn, l.raw, l.blocked, l.why = conn, raw, false, nil })
		l.log.Info("connected to the message broker", "host", raw.RemoteAddr().String())
		err := l.guard(ctx, closed, blocking)
		l.set(func() { l.conn, l.raw, l.blocked = nil, nil, false })
		if ctx.Err() != nil {
			if err := conn.CloseDeadline(time.Now().Add(time.Second)); err != nil {
				raw.Close()
			}
			return
		}
		l.log.Warn("the connection to the message broker is lost", "host", raw.RemoteAddr().String(), "error", err)
		raw.Close()
	}
}

// guard watches over a connection until it or ctx ends.
func (l *Link) guard(ctx context.Context, closed chan *amqp.Error, blocking chan amqp.Blocking) error {
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case err := <-closed:
			if err == nil {
				return errLost
			}
			return err
		case b, open := <-blocking:
			if !open {
				blocking = nil
				continue
			}
			l.set(func() { l.blocked = b.Active })
			if b.Active {
				l.log.Error("the message broker takes no messages for now", "reason", b.Reason)
			} else {
				l.log.Info("the message broker takes messages again")
			}
		}
	}
}

// settle is the pause between a loss and the first attempt: random, so that not all services of a cloud come at once.
func (l *Link) settle() time.Duration {
	d := time.Duration(rand.Int64N(int64(max(l.opts.ReconnectDelay, time.Millisecond))))
	if l.opts.ReconnectSplay > 0 {
		d += time.Duration(rand.Int64N(int64(l.opts.ReconnectSplay)))
	}
	return d
}

// connect tries host after host, with a pause after each round, until one takes it; nil when ctx has ended. The pauses grow as
// long as something answers that lets nobody in. Where nothing listens, asking costs nothing, and a broker that comes back is found
// within the first of them.
func (l *Link) connect(ctx context.Context) (*amqp.Connection, net.Conn) {
	wait := l.opts.RetryInterval
	for round := 1; ; round++ {
		refused := true
		for range l.opts.Hosts {
			host := l.opts.Hosts[l.host%len(l.opts.Hosts)]
			if l.host++; l.opts.Shuffle {
				l.host = rand.IntN(len(l.opts.Hosts))
			}
			conn, raw, err := l.dial(ctx, host)
			if err == nil {
				return conn, raw
			}
			if ctx.Err() != nil {
				return nil, nil
			}
			refused = refused && errors.Is(err, syscall.ECONNREFUSED)
			l.set(func() { l.why = err })
			if round&(round-1) == 0 { // the first, second, fourth, eighth, ...
				l.log.Error("the message broker cannot be reached", "host", host.Address, "error", err, "attempts", round)
			}
		}
		if !run.Pause(ctx, wait*3/4+time.Duration(rand.Int64N(int64(wait/2)+1))) {
			return nil, nil
		}
		if !refused {
			wait = min(wait+l.opts.RetryBackoff, l.opts.RetryMax)
		}
	}
}

// dial makes one attempt. Its errors name no credentials.
func (l *Link) dial(ctx context.Context, host Host) (*amqp.Connection, net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTimeout)
	defer cancel()
	dialer := net.Dialer{KeepAlive: 15 * time.Second}
	raw, err := dialer.DialContext(ctx, "tcp", host.Address)
	if err != nil {
		return nil, nil, err
	}
	defer context.AfterFunc(ctx, func() { raw.Close() })() // an end of ctx ends the handshake
	if err := raw.SetDeadline(time.Now().Add(connectTimeout)); err != nil {
		return nil, nil, err
	}
	stream := raw
	if l.opts.TLS != nil {
		config := l.opts.TLS.Clone()
		if config.ServerName == "" {
			config.ServerName, _, _ = net.SplitHostPort(host.Address)
		}
		encrypted := tls.Client(raw, config)
		if err := encrypted.HandshakeContext(ctx); err != nil {
			raw.Close()
			return nil, nil, fmt.Errorf("TLS: %w", err)
		}
		stream = encrypted
	}
	properties := amqp.NewConnectionProperties()
	properties.SetClientConnectionName(fmt.Sprintf("%s:%d:%s", l.opts.Name, os.Getpid(), l.purpose))
	conn, err := amqp.Open(stream, amqp.Config{SASL: []amqp.Authentication{l.login(host)}, Vhost: l.opts.VirtualHost,
		Heartbeat: l.opts.Heartbeat, Properties: properties, Locale: "en_US", FrameSize: 128 << 10})
	if err != nil {
		raw.Close()
		return nil, nil, err
	}
	return conn, raw, nil
}

func (l *Link) login(host Host) amqp.Authentication {
	switch l.opts.Login {
	case loginPlain:
		return &amqp.PlainAuth{Username: host.User, Password: host.Password}
	case loginExternal:
		return &amqp.ExternalAuth{}
	}
	return &amqp.AMQPlainAuth{Username: host.User, Password: host.Password}
}

// get waits for a connection. With sending it waits as well for a broker that takes messages.
func (l *Link) get(ctx context.Context, sending bool) (*amqp.Connection, error) {
	for {
		l.mu.Lock()
		conn, blocked, ended, changed, why := l.conn, l.blocked, l.ended, l.changed, l.why
		l.mu.Unlock()
		switch {
		case ended:
			return nil, ErrEnded
		case conn != nil && !(sending && blocked):
			return conn, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			if blocked {
				return nil, fmt.Errorf("the message broker takes no messages for now: %w", context.Cause(ctx))
			}
			return nil, errors.Join(context.Cause(ctx), why)
		}
	}
}

// Why is what the last attempt to connect failed for; nil once one has not.
func (l *Link) Why() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.why
}

// Up says whether there is a connection.
func (l *Link) Up() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil
}

// usable says whether there is a connection that takes messages.
func (l *Link) usable() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.conn != nil && !l.blocked
}

// Limits of what the broker is asked and has to answer, before its connection is taken for dead.
const (
	answerTimeout = 5 * time.Second
	leaveTimeout  = 2 * time.Second
)

// limit cuts a connection unless what it returns is called in time. The AMQP library waits for an answer as long as the
// connection lives, which may be minutes with a path that swallows packets.
func (l *Link) limit(conn *amqp.Connection, d time.Duration) (done func()) {
	timer := time.AfterFunc(d, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.conn == conn {
			l.log.Warn("the message broker does not answer", "within", d)
			l.raw.Close()
		}
	})
	return func() { timer.Stop() }
}

// Drop cuts the connection, if there is one, so that it is made again.
func (l *Link) Drop() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.raw != nil {
		l.raw.Close()
	}
}
