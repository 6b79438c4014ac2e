package lock

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Session is one client of a service that keeps locks: a lease, a connection. What it has locked is free once it is over,
// be it that nobody could close it. All methods are safe for concurrent use, though not with the same name at once.
type Session interface {
	// TryLock takes name unless another session has it, and says whether it did; it does not wait. The session itself may have
	// the name, after an Unlock that failed: then it has it.
	TryLock(ctx context.Context, name string) (bool, error)
	// Unlock gives name back. Giving back what the session does not have is no error.
	Unlock(ctx context.Context, name string) error
	// Renew tells the service that the session lives. An error with ErrLost in it says that it does not any more.
	Renew(ctx context.Context) error
	// Close ends the session and so frees all it has.
	Close(ctx context.Context) error
}

// SharedOptions say what a Shared is made of.
type SharedOptions struct {
	// Open begins a session.
	Open func(ctx context.Context) (Session, error)
	// TTL is how long the service waits for a Renew before it ends a session; 0 means for ever, and then none is sent.
	TTL time.Duration
	// Patience is how long a Lock goes on trying while the service does not answer; 0 means 30 s.
	Patience time.Duration
	// Forget is what package function Forget comes to; nil means nothing.
	Forget func(names ...string)
	Log    *slog.Logger // nil means slog.Default
}

// Bounds of waiting: how often a name is asked for that others have, and how long one answer may take.
const (
	firstPause      = 5 * time.Millisecond
	longestPause    = 500 * time.Millisecond
	answerTimeout   = 10 * time.Second
	defaultPatience = 30 * time.Second
)

// Shared is a Locker between processes. All locks of the process are kept in one session, which is begun by the first. Within
// the process it is fair; between processes whoever asks first after a name was freed has it. Make one with NewShared and
// Close it in the end.
type Shared struct {
	opts  SharedOptions
	local Local // one at a time of this process asks the service for a name

	mu      sync.Mutex
	session *session // nil until it is needed, and when the last one is over
	closed  bool
}

var _ Locker = (*Shared)(nil)

var errClosed = errors.New("the locks have been closed")

// session is a Session and when it ends: ctx, with ErrLost as its cause.
type session struct {
	Session
	ctx context.Context
	end context.CancelCauseFunc
}

// NewShared makes a Shared; nothing is asked of the service yet.
func NewShared(o SharedOptions) *Shared {
	if o.Patience == 0 {
		o.Patience = defaultPatience
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Shared{opts: o}
}

// Lock implements Locker.
func (l *Shared) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	_, free, err := l.local.Lock(ctx, name)
	if err != nil {
		return nil, nil, err
	}
	s, err := l.take(ctx, name, free)
	if err != nil {
		return nil, nil, err
	}
	held, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.ctx, func() { cancel(ErrLost) })
	return held, sync.OnceFunc(func() {
		stop()
		cancel(nil)
		l.giveBack(s, name, free)
	}), nil
}

// take asks for a name until it has it. On an error it calls free, as soon as nothing is under way for the name any more.
func (l *Shared) take(ctx context.Context, name string, free func()) (*session, error) {
	var silent time.Time // since when the service does not answer
	for pause := firstPause; ; pause = min(pause*2, longestPause) {
		answer := make(chan attempt, 1)
		go func() { answer <- l.try(ctx, name) }()
		select {
		case a := <-answer:
			if a.ok {
				return a.session, nil
			}
			if err := l.givenUp(ctx, name, a.err, &silent); err != nil {
				free()
				return nil, err
			}
		case <-ctx.Done(): // nobody hears the answer, which may be that we have it
			go func() {
				if a := <-answer; a.ok {
					l.giveBack(a.session, name, free)
				} else {
					free()
				}
			}()
			return nil, waitError(ctx, name)
		}
		select {
		case <-ctx.Done():
			free()
			return nil, waitError(ctx, name)
		case <-time.After(pause/2 + rand.N(pause)):
		}
	}
}

// givenUp is the error after which a name is not asked for any more; nil: it is. silent is since when there is no answer.
func (l *Shared) givenUp(ctx context.Context, name string, err error, silent *time.Time) error {
	switch {
	case err == nil:
		*silent = time.Time{}
	case fault.Is(err, fault.Invalid), errors.Is(err, errClosed): // no name that the service can keep, or none any more
		return err
	case silent.IsZero():
		*silent = time.Now()
		l.opts.Log.WarnContext(ctx, "the service that keeps the locks does not answer; trying again", "lock", name, "error", err)
	case time.Since(*silent) > l.opts.Patience:
		return fault.Wrap(fmt.Errorf("lock %q: %w", name, err), fault.Unavailable, "", "The service that keeps the locks does not answer.")
	}
	return nil
}

// attempt is what came of asking once.
type attempt struct {
	session *session
	ok      bool
	err     error
}

// try asks once. It does not end with ctx: an answer that nobody hears would leave a lock that nobody gives back.
func (l *Shared) try(ctx context.Context, name string) attempt {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTimeout)
	defer cancel()
	s, err := l.current(ctx)
	if err != nil {
		return attempt{err: err}
	}
	ok, err := s.TryLock(ctx, name)
	if errors.Is(err, ErrLost) {
		l.over(s)
	}
	return attempt{s, ok && err == nil && s.ctx.Err() == nil, err}
}

// giveBack gives a name back, in the background if the service does not answer: as long as the session has it, nobody else in
// this process may ask for it.
func (l *Shared) giveBack(s *session, name string, free func()) {
	once := func() bool {
		if s.ctx.Err() != nil {
			return true
		}
		ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
		defer cancel()
		err := s.Unlock(ctx, name)
		if errors.Is(err, ErrLost) {
			l.over(s)
			return true
		}
		return err == nil
	}
	if once() {
		free()
		return
	}
	go func() {
		defer free()
		for !once() {
			select {
			case <-s.ctx.Done():
			case <-time.After(longestPause):
			}
		}
	}()
}

// current is the session, a new one if need be.
func (l *Shared) current(ctx context.Context) (*session, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return nil, fault.Wrap(errClosed, fault.Unavailable, "", "The service is stopping.")
	}
	if l.session != nil {
		return l.session, nil
	}
	began := time.Now()
	opened, err := l.opts.Open(ctx)
	if err != nil {
		return nil, err
	}
	s := &session{Session: opened}
	s.ctx, s.end = context.WithCancelCause(context.Background())
	l.session = s
	if l.opts.TTL > 0 {
		go l.keep(s, began)
	}
	return s, nil
}

// keep renews a session until it is over. It is over as well, before the service may say so, when no sign of life has
// reached the service for five sixths of the TTL: then the holders have the rest of it to stop.
func (l *Shared) keep(s *session, renewed time.Time) {
	const parts = 6
	part := l.opts.TTL / parts
	for pause := 2 * part; ; {
		select {
		case <-s.ctx.Done():
			return
		case <-time.After(pause):
		}
		pause = part / 2
		asked := time.Now()
		ctx, cancel := context.WithDeadline(s.ctx, renewed.Add((parts-1)*part))
		err := s.Renew(ctx)
		late := ctx.Err() != nil
		cancel()
		switch {
		case err == nil:
			renewed, pause = asked, 2*part
		case errors.Is(err, ErrLost) || late:
			if s.ctx.Err() == nil {
				l.opts.Log.Error("the session with the service that keeps the locks is over; what was done under locks is interrupted", "error", err)
			}
			l.over(s)
			return
		}
	}
}

// over ends a session; the next lock begins another.
func (l *Shared) over(s *session) {
	l.mu.Lock()
	if l.session == s {
		l.session = nil
	}
	l.mu.Unlock()
	if s.ctx.Err() != nil {
		return
	}
	s.end(ErrLost)
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	_ = s.Close(ctx) // it may be over already
}

// Forget is what package function Forget calls.
func (l *Shared) Forget(names ...string) {
	if l.opts.Forget != nil {
		l.opts.Forget(names...)
	}
}

// Close ends the session. Who holds a lock loses it; later Locks are refused.
func (l *Shared) Close() error {
	l.mu.Lock()
	s := l.session
	l.session, l.closed = nil, true
	l.mu.Unlock()
	if s == nil {
		return nil
	}
	s.end(ErrLost)
	ctx, cancel := context.WithTimeout(context.Background(), answerTimeout)
	defer cancel()
	return s.Close(ctx)
}
