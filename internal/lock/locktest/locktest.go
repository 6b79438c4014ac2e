// Package locktest is what every lock between processes passes, and an etcd of a test's own.
//
// What must not live here: what one implementation alone promises.
package locktest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
)

// Service is one service that keeps locks, with what a test does to it.
type Service struct {
	// Open gives one more client, as another process would be.
	Open func(address string) (*lock.Shared, error)
	// Address is what Open gets, here and in a process of its own.
	Address string
	// TTL is how long the service keeps the locks of a process that says nothing any more.
	TTL time.Duration
	// Lose makes the service forget every session, without a word to the clients; nil where it cannot.
	Lose func(t *testing.T)
}

// patience is how long a test waits for what should come at once.
const patience = 20 * time.Second

func (s *Service) open(t *testing.T) *lock.Shared {
	t.Helper()
	l, err := s.Open(s.Address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() }) // a test may have taken the session from it
	return l
}

func take(t *testing.T, l lock.Locker, name string) (context.Context, func()) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	t.Cleanup(cancel)
	held, unlock, err := l.Lock(ctx, name)
	if err != nil {
		t.Fatalf("Lock(%q): %v", name, err)
	}
	return held, unlock
}

// refused proves that somebody else has the name.
func refused(t *testing.T, l lock.Locker, name string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, unlock, err := l.Lock(ctx, name)
	if err == nil {
		unlock()
		t.Fatalf("%q was given to a second one", name)
	}
	if !fault.Is(err, fault.Timeout) {
		t.Fatalf("Lock(%q) of what others have: %v", name, err)
	}
}

// lost waits until a holder's context says that its lock is no longer its own.
func lost(t *testing.T, held context.Context, within time.Duration) {
	t.Helper()
	select {
	case <-held.Done():
	case <-time.After(within):
		t.Fatalf("the holder was not told within %v", within)
	}
	if !errors.Is(context.Cause(held), lock.ErrLost) {
		t.Errorf("the holder was told %v", context.Cause(held))
	}
}

// Run runs the suite. service starts one for a test, or gives one that is running.
func Run(t *testing.T, service func(t *testing.T) *Service) {
	for name, test := range map[string]func(t *testing.T, s *Service){
		"excludes": testExcludes, "names": testNames, "gives up": testGivesUp, "close frees": testCloseFrees,
		"a dead process frees": testDeadProcess, "a lost session": testLostSession, "once given": testOnceGiven,
	} {
		t.Run(name, func(t *testing.T) { test(t, service(t)) })
	}
}

// testExcludes counts without any other protection: the clients are two, the goroutines of each some.
func testExcludes(t *testing.T, s *Service) {
	const rounds = 10
	clients := []*lock.Shared{s.open(t), s.open(t)}
	var inside, done int
	var watch sync.Mutex // for the race detector, which does not see locks outside the process
	var wg sync.WaitGroup
	for i := range 6 {
		wg.Go(func() {
			for range rounds {
				held, unlock := take(t, clients[i%2], "excludes")
				watch.Lock()
				inside++
				if inside != 1 {
					t.Errorf("%d are inside at once", inside)
				}
				watch.Unlock()
				time.Sleep(time.Millisecond)
				watch.Lock()
				inside--
				done++
				watch.Unlock()
				if held.Err() != nil {
					t.Error("a lock that was not given back is lost")
				}
				unlock()
			}
		})
	}
	wg.Wait()
	if done != 6*rounds {
		t.Errorf("%d of %d were inside", done, 6*rounds)
	}
}

// testNames: other names do not wait, whatever is in them.
func testNames(t *testing.T, s *Service) {
	a, b := s.open(t), s.open(t)
	names := []string{"names", "names2", "cinder-3e5bd1a3-3b50-4f35-8e22-bd5c29f40f5b-delete_volume", "with space *?[", "é✓",
		"attachment_update-3e5bd1a3-3b50-4f35-8e22-bd5c29f40f5b-" + strings.Repeat("host.example.", 9) + "org"}
	for _, name := range names {
		_, unlock := take(t, a, name)
		defer unlock()
	}
	for _, name := range names {
		refused(t, b, name)
	}
	_, unlock := take(t, b, "another")
	unlock()
}

func testGivesUp(t *testing.T, s *Service) {
	a, b := s.open(t), s.open(t)
	_, unlock := take(t, a, "gives up")
	began := time.Now()
	refused(t, b, "gives up")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("a deadline of 50 ms took %v", took)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(20*time.Millisecond, cancel)
	if _, _, err := b.Lock(ctx, "gives up"); !fault.Is(err, fault.Unavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("after cancellation: %v", err)
	}
	unlock()
	_, unlock = take(t, b, "gives up") // and who gave up has not got it
	unlock()
}

func testOnceGiven(t *testing.T, s *Service) {
	a, b := s.open(t), s.open(t)
	held, unlock := take(t, a, "once")
	unlock()
	if held.Err() == nil || errors.Is(context.Cause(held), lock.ErrLost) {
		t.Errorf("after unlock the holder's context says %v", context.Cause(held))
	}
	_, again := take(t, b, "once")
	unlock() // must not free what somebody else holds now
	refused(t, a, "once")
	again()
	_, unlock = take(t, a, "once")
	unlock()
}

func testCloseFrees(t *testing.T, s *Service) {
	a, b := s.open(t), s.open(t)
	held, unlock := take(t, a, "close")
	if err := a.Close(); err != nil {
		t.Error(err)
	}
	lost(t, held, time.Second)
	_, free := take(t, b, "close")
	unlock()
	refused(t, s.open(t), "close")
	free()
	if _, _, err := a.Lock(t.Context(), "close"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("of what was closed: %v", err)
	}
}

func testLostSession(t *testing.T, s *Service) {
	if s.Lose == nil {
		t.Skip("the kernel keeps these locks and does not lose them")
	}
	a, b := s.open(t), s.open(t)
	held, unlock := take(t, a, "lost")
	s.Lose(t)
	lost(t, held, s.TTL+time.Second)
	_, free := take(t, b, "lost") // with a new session, since b may have lost its own
	unlock()
	refused(t, a, "lost")
	free()
	_, unlock = take(t, a, "lost")
	unlock()
}
