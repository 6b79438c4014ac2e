package broker

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"github.com/clinker/clinker/internal/run"
)

// Subscription consumes from a few queues over a link, on one channel of whatever connection there is, and declares them
// again on each.
type Subscription struct {
	link     *Link
	opts     *Options
	name     string
	queues   []Queue
	prefetch int // of each queue
	receive  func(ctx context.Context, m Delivery)

	mu      sync.Mutex
	consume bool          // it consumes now
	changed chan struct{} // closed when that changes
	cut     func()        // ends the session of now
	why     error         // what kept it from consuming
}

// NewSubscription makes one over a link that somebody runs. prefetch is how many messages of each queue may be on their way to
// receive, which gets them one at a time, and may wait: its ctx ends with the channel that a message came by, and then the message
// is the broker's again unless it was acknowledged. name is for the log.
func NewSubscription(l *Link, name string, queues []Queue, prefetch int, receive func(ctx context.Context, m Delivery)) *Subscription {
	return &Subscription{link: l, opts: l.opts, name: name, queues: queues, prefetch: prefetch, receive: receive}
}

// Delivery is a message that came in.
type Delivery struct {
	Queue string // that it came by
	opts  *Options
	amqp  amqp.Delivery
}

// Body is the message's text, decompressed. It fails for what is longer than is allowed, or compressed as nobody knows.
func (d Delivery) Body() ([]byte, error) {
	compression, _ := d.amqp.Headers[compressionHeader].(string)
	return decompress(d.amqp.Body, compression, d.opts.MaxMessageBytes)
}

// Ack tells the broker that the message has been taken; an error means that it will come again.
func (d Delivery) Ack() error { return d.amqp.Ack(false) }

// Reject tells the broker to throw the message away.
func (d Delivery) Reject() { _ = d.amqp.Reject(false) } // one that was not thrown away comes again and meets the same

// Pauses between attempts to consume.
const (
	firstConsumePause = 50 * time.Millisecond
	mostConsumePause  = 5 * time.Second
)

// Run consumes until ctx ends, then gives back what nobody has taken.
func (s *Subscription) Run(ctx context.Context) {
	wait := firstConsumePause
	for ctx.Err() == nil {
		conn, err := s.link.get(ctx, false)
		if err != nil {
			return
		}
		began := time.Now()
		err = s.session(ctx, conn)
		s.state(false, nil, err)
		if ctx.Err() != nil {
			return
		}
		if conn.IsClosed() || time.Since(began) > mostConsumePause {
			wait = firstConsumePause
		}
		if err != nil && !conn.IsClosed() {
			s.opts.Log.Warn("messages cannot be taken from the broker; they are asked for again", "for", s.name, "error", err, "after", wait)
		}
		if !run.Pause(ctx, wait) {
			return
		}
		wait = min(2*wait, mostConsumePause)
	}
}

// session declares and consumes on one connection until the channel, a consumer or ctx ends. A nil error is ctx's end.
func (s *Subscription) session(ctx context.Context, conn *amqp.Connection) error {
	if err := s.declare(conn); err != nil {
		return err
	}
	answered := s.link.limit(conn, answerTimeout)
	defer answered()
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer s.close(conn, ch)
	if err := ch.Qos(s.prefetch, 0, false); err != nil {
		return err
	}
	closed := ch.NotifyClose(make(chan *amqp.Error, 1))
	sctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	merged := make(chan Delivery)
	var forwarding sync.WaitGroup
	defer forwarding.Wait()
	defer cancel(nil) // before the wait
	for i := range s.queues {
		q := &s.queues[i]
		deliveries, err := ch.Consume(q.name, strconv.Itoa(i+1), false, false, false, false, q.consume)
		if err != nil {
			return err
		}
		forwarding.Go(func() {
			forward(sctx, s.opts, q, deliveries, merged)
			cancel(errLost) // the broker has cancelled the consumer: the queue is gone
		})
	}
	answered()
	s.state(true, func() { cancel(errLost) }, nil)
	for {
		select {
		case m := <-merged:
			s.receive(sctx, m)
		case err := <-closed:
			if err == nil {
				return errLost
			}
			return err
		case <-sctx.Done():
			if ctx.Err() != nil {
				s.leave(conn, ch)
				return nil
			}
			return context.Cause(sctx)
		}
	}
}

// declare makes the queues.
func (s *Subscription) declare(conn *amqp.Connection) error {
	d := declarer{conn: conn, link: s.link}
	defer d.close()
	for _, q := range s.queues {
		if err := d.queue(q); err != nil {
			return err
		}
	}
	return nil
}

// close closes the channel, which gives back what was not acknowledged.
func (s *Subscription) close(conn *amqp.Connection, ch *amqp.Channel) {
	defer s.link.limit(conn, leaveTimeout)()
	_ = ch.Close() // it may be closed already
}

// leave deletes the queues that nobody else uses.
func (s *Subscription) leave(conn *amqp.Connection, ch *amqp.Channel) {
	defer s.link.limit(conn, leaveTimeout)()
	for _, q := range s.queues {
		if q.private {
			if _, err := ch.QueueDelete(q.name, false, false, false); err != nil {
				s.opts.Log.Info("a queue is left to the broker to delete", "queue", q.name, "error", err)
				return
			}
		}
	}
}

// forward hands on what a consumer gets, until the consumer or ctx ends. A stream's consumer goes on, another time, behind what
// it has seen.
func forward(ctx context.Context, o *Options, q *Queue, deliveries <-chan amqp.Delivery, merged chan<- Delivery) {
	for {
		select {
		case <-ctx.Done():
			return
		case d, open := <-deliveries:
			if !open {
				return
			}
			if offset, ok := d.Headers[streamOffset].(int64); ok && q.consume[streamOffset] != nil {
				q.consume = amqp.Table{streamOffset: offset + 1}
			}
			select {
			case merged <- Delivery{Queue: q.name, opts: o, amqp: d}:
			case <-ctx.Done():
				return
			}
		}
	}
}

// Delete deletes a queue, whoever uses it.
func Delete(ctx context.Context, l *Link, name string) error {
	conn, err := l.get(ctx, false)
	if err != nil {
		return err
	}
	ch, err := conn.Channel()
	if err != nil {
		return err
	}
	defer ch.Close()
	_, err = ch.QueueDelete(name, false, false, false)
	return err
}

// state notes whether it consumes.
func (s *Subscription) state(consuming bool, cut func(), why error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.consume, s.cut, s.why = consuming, cut, why
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// Restart ends the session of now, if there is one, so that everything is declared again.
func (s *Subscription) Restart() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cut != nil {
		s.cut()
	}
}

// Ready waits until it consumes. The error is ctx's cause, with what was in the way.
func (s *Subscription) Ready(ctx context.Context) error {
	for {
		s.mu.Lock()
		consuming, why := s.consume, s.why
		if s.changed == nil {
			s.changed = make(chan struct{})
		}
		changed := s.changed
		s.mu.Unlock()
		if consuming {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return errors.Join(context.Cause(ctx), why)
		}
	}
}
