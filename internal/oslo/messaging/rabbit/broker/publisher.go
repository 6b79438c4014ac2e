package broker

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/clinker/clinker/internal/run"
)

// Message is a message ready to be published.
type Message struct {
	ID        string // the same when it is sent again
	Exchange  Exchange
	Key       string
	Body      []byte
	Mandatory bool      // with no queue for it, it is ErrUnroutable
	Expires   time.Time // when nobody waits for it any more; zero is never
}

// ErrUnroutable is what a mandatory message for which there is no queue meets.
var ErrUnroutable = errors.New("no queue takes the message")

// errRefused is what the broker says of a message that it could not keep.
var errRefused = errors.New("the message broker refused the message")

// stuckAfter is how long a write may go on after its caller has given up, before the connection is cut.
const stuckAfter = time.Second

// Pauses before a message is sent again: on the next channel, and to a queue that is full.
const (
	againAfterLoss    = 20 * time.Millisecond
	againAfterRefusal = 250 * time.Millisecond
)

// Publisher publishes over a link, on one channel of whatever connection there is. It is safe for concurrent use.
type Publisher struct {
	link *Link
	opts *Options

	opening chan struct{} // a token for whoever opens a session
	current atomic.Pointer[session]
}

// NewPublisher makes a publisher over a link that somebody runs.
func NewPublisher(l *Link) *Publisher {
	return &Publisher{link: l, opts: l.opts, opening: make(chan struct{}, 1)}
}

// Usable says whether there is a connection that takes messages.
func (p *Publisher) Usable() bool { return p.link.usable() }

// session is a channel that publishes, as long as it lives.
type session struct {
	conn *amqp.Connection
	ch   *amqp.Channel

	writing chan struct{} // a token for whoever writes to the channel

	mu       sync.Mutex
	pending  map[uint64]*pending // by delivery tag
	returned map[string]bool     // ids of messages that came back and are not confirmed yet

	declaring chan struct{} // a token for whoever declares
	declarer  declarer
	declared  map[string]bool // exchanges that stay; under mu
}

// inTurn runs f when token can be had, and lets it go when f ends. What f asks of the broker may take longer than ctx: then f
// goes on without its caller.
func inTurn(ctx context.Context, token chan struct{}, f func() error) error {
	select {
	case token <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	done := make(chan error, 1)
	go func() {
		defer func() { <-token }()
		done <- f()
	}()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// pending is a message that the broker has not confirmed.
type pending struct {
	id   string
	done chan error // with room for one
}

// session is the session to publish on; it waits for a connection.
func (p *Publisher) session(ctx context.Context) (*session, error) {
	for {
		conn, err := p.link.get(ctx, true)
		if err != nil {
			return nil, err
		}
		if s := p.current.Load(); s != nil && s.conn == conn && !s.ch.IsClosed() {
			return s, nil
		}
		if err := inTurn(ctx, p.opening, func() error { return p.open(conn) }); err != nil {
			return nil, err
		}
	}
}

// open makes a session on a connection, unless somebody has just done so.
func (p *Publisher) open(conn *amqp.Connection) error {
	if s := p.current.Load(); s != nil && s.conn == conn && !s.ch.IsClosed() {
		return nil
	}
	defer p.link.limit(conn, answerTimeout)()
	ch, err := conn.Channel()
	if err != nil {
		return errLost
	}
	if err := ch.Confirm(false); err != nil {
		return errLost
	}
	s := &session{conn: conn, ch: ch, writing: make(chan struct{}, 1), pending: make(map[uint64]*pending), returned: make(map[string]bool),
		declaring: make(chan struct{}, 1), declarer: declarer{conn: conn, link: p.link}, declared: make(map[string]bool)}
	// Without room, so that a message that comes back is noted before its confirmation is: the library hands both over in order.
	returns, confirmations := ch.NotifyReturn(make(chan amqp.Return)), ch.NotifyPublish(make(chan amqp.Confirmation))
	go s.watch(returns, confirmations)
	p.current.Store(s)
	return nil
}

// watch settles what was published, until the channel is closed.
func (s *session) watch(returns chan amqp.Return, confirmations chan amqp.Confirmation) {
	for returns != nil || confirmations != nil {
		select {
		case r, open := <-returns:
			if !open {
				returns = nil
				continue
			}
			s.mu.Lock()
			s.returned[r.MessageId] = true
			s.mu.Unlock()
		case c, open := <-confirmations:
			if !open {
				confirmations = nil
				continue
			}
			s.settle(c)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for tag, p := range s.pending {
		p.done <- errLost
		delete(s.pending, tag)
	}
	s.pending = nil
}

func (s *session) settle(c amqp.Confirmation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pending[c.DeliveryTag]
	if p == nil {
		return
	}
	delete(s.pending, c.DeliveryTag)
	var err error
	switch {
	case !c.Ack:
		err = errRefused
	case s.returned[p.id]:
		err = ErrUnroutable
	}
	delete(s.returned, p.id)
	p.done <- err
}

// Send publishes and waits until the broker has confirmed. What a lost connection leaves unsure is sent again, until ctx
// ends. ErrUnroutable says that there is no queue for it; any other error, that it may or may not have arrived.
func (p *Publisher) Send(ctx context.Context, out *Message) error {
	for {
		s, err := p.session(ctx)
		if err == nil {
			err = s.publish(ctx, p, out)
		}
		if !errors.Is(err, errLost) && !errors.Is(err, errRefused) {
			return err
		}
		wait := againAfterLoss
		if errors.Is(err, errRefused) {
			wait = againAfterRefusal
		}
		if !run.Pause(ctx, wait) {
			return errors.Join(context.Cause(ctx), err)
		}
	}
}

// publish sends once. Whatever ends the channel is errLost.
func (s *session) publish(ctx context.Context, p *Publisher, out *Message) error {
	if err := s.declare(ctx, out.Exchange); err != nil {
		return err
	}
	message := amqp.Publishing{ContentType: contentType, ContentEncoding: contentEncoding, DeliveryMode: amqp.Persistent,
		MessageId: out.ID, Body: out.Body}
	if p.opts.Compression != "" {
		compressed, err := compress(out.Body)
		if err != nil {
			return err
		}
		message.Body, message.Headers = compressed, amqp.Table{compressionHeader: contentZlib}
	}
	if !out.Expires.IsZero() {
		left := time.Until(out.Expires)
		if left <= 0 {
			return context.DeadlineExceeded
		}
		message.Expiration = strconv.FormatInt(max(left.Milliseconds(), 1), 10)
	}
	waiting, err := s.write(ctx, p, out, message)
	if err != nil {
		return err
	}
	select {
	case err := <-waiting.done:
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// write puts a message on the wire, in its turn. A write that its caller cannot end, because the broker reads nothing, ends
// with the connection.
func (s *session) write(ctx context.Context, p *Publisher, out *Message, message amqp.Publishing) (*pending, error) {
	select {
	case s.writing <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-s.writing }()
	waiting := &pending{id: out.ID, done: make(chan error, 1)}
	tag := s.ch.GetNextPublishSeqNo()
	s.mu.Lock()
	if s.pending == nil {
		s.mu.Unlock()
		return nil, errLost
	}
	s.pending[tag] = waiting
	s.mu.Unlock()
	written := make(chan struct{})
	defer close(written)
	defer context.AfterFunc(ctx, func() {
		select {
		case <-written:
		case <-time.After(stuckAfter):
			p.link.Drop()
		}
	})()
	if err := s.ch.PublishWithContext(context.WithoutCancel(ctx), out.Exchange.name, out.Key, out.Mandatory, false, message); err != nil {
		s.mu.Lock()
		delete(s.pending, tag)
		s.mu.Unlock()
		return nil, errLost
	}
	return waiting, nil
}

// declare makes sure that an exchange is there. One that goes with its last queue is declared each time.
func (s *session) declare(ctx context.Context, e Exchange) error {
	if e.name == "" || s.knows(e) {
		return nil
	}
	return s.verdict(inTurn(ctx, s.declaring, func() error {
		declared := e
		if err := s.declarer.exchange(&declared); err != nil || declared.autoDelete {
			return err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.declared[e.name] = true
		return nil
	}))
}

func (s *session) knows(e Exchange) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.declared[e.name]
}

// DeclareQueue makes a queue for messages that are to wait for their server.
func (p *Publisher) DeclareQueue(ctx context.Context, q Queue) error {
	for {
		s, err := p.session(ctx)
		if err == nil {
			err = s.verdict(inTurn(ctx, s.declaring, func() error { return s.declarer.queue(q) }))
		}
		if !errors.Is(err, errLost) || !run.Pause(ctx, againAfterLoss) {
			return err
		}
	}
}

// verdict is errLost for what a lost connection causes, and err for what the broker refuses or ctx ends.
func (s *session) verdict(err error) error {
	if err != nil && codeOf(err) != 0 && (s.conn.IsClosed() || codeOf(err) == amqp.ChannelError) {
		return errLost
	}
	return err
}
