package lock

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// keeper is a service that keeps locks in memory, and does not answer while down is set.
type keeper struct {
	mu     sync.Mutex
	down   bool
	opened int
	taken  map[string]*client
}

var errDown = errors.New("no answer")

type client struct {
	*keeper
	closed bool
}

func (k *keeper) open(context.Context) (Session, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.down {
		return nil, errDown
	}
	k.opened++
	return &client{keeper: k}, nil
}

func (k *keeper) set(down bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = down
}

func (c *client) do(fn func()) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.down {
		return errDown
	}
	fn()
	return nil
}

func (c *client) TryLock(_ context.Context, name string) (ok bool, err error) {
	err = c.do(func() {
		if c.taken[name] == nil {
			c.taken[name] = c
		}
		ok = c.taken[name] == c
	})
	return ok, err
}

func (c *client) Unlock(_ context.Context, name string) error {
	return c.do(func() {
		if c.taken[name] == c {
			delete(c.taken, name)
		}
	})
}

func (c *client) Renew(context.Context) error { return c.do(func() {}) }

func (c *client) Close(context.Context) error { return c.do(func() { c.closed = true }) }

func shared(k *keeper) *Shared {
	k.taken = make(map[string]*client)
	return NewShared(SharedOptions{Open: k.open, TTL: 30 * time.Second, Log: slog.New(slog.NewTextHandler(io.Discard, nil))})
}

// TestSharedOutage: who holds a lock is told before the service may give it to others, and not for an outage that ends in time.
func TestSharedOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{}
		l := shared(k)
		held, unlock, err := l.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		k.set(true)
		time.Sleep(14 * time.Second)
		k.set(false)
		time.Sleep(time.Minute)
		if held.Err() != nil {
			t.Fatalf("a short outage cost the lock: %v", context.Cause(held))
		}
		k.set(true)
		began := time.Now()
		<-held.Done()
		if took := time.Since(began); took >= 30*time.Second || !errors.Is(context.Cause(held), ErrLost) {
			t.Errorf("told %v after %v", context.Cause(held), took)
		}
		unlock()
		k.set(false)
		delete(k.taken, "a") // as the service does in the end
		if _, unlock, err = l.Lock(t.Context(), "a"); err != nil || k.opened != 2 {
			t.Fatalf("after the outage: %v, %d sessions", err, k.opened)
		}
		unlock()
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestSharedSilence: a Lock waits a while for a service that does not answer, and what could not be given back is in the end.
func TestSharedSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &keeper{down: true}
		l := shared(k)
		began := time.Now()
		if _, _, err := l.Lock(t.Context(), "a"); !fault.Is(err, fault.Unavailable) || !errors.Is(err, errDown) {
			t.Errorf("without an answer: %v", err)
		}
		if took := time.Since(began); took < 30*time.Second || took > 35*time.Second {
			t.Errorf("gave up after %v", took)
		}
		time.AfterFunc(10*time.Second, func() { k.set(false) })
		_, unlock, err := l.Lock(t.Context(), "a")
		if err != nil {
			t.Fatal(err)
		}
		k.set(true)
		unlock()
		time.AfterFunc(5*time.Second, func() { k.set(false) })
		began = time.Now()
		_, unlock, err = l.Lock(t.Context(), "a")
		if took := time.Since(began); err != nil || took < 5*time.Second || k.opened != 1 {
			t.Errorf("while it was being given back: %v after %v", err, took)
		}
		unlock()
		if len(k.taken) != 0 {
			t.Errorf("left: %v", k.taken)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	})
}
