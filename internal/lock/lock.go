// Package lock is mutual exclusion by name. Locker is the contract; Local is the lock inside one process. Locks across
// hosts (etcd, a database) implement the same contract elsewhere.
//
// What must not live here: what a name means, or who may take it.
package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/clinker/clinker/internal/fault"
)

// Locker gives out locks by name. A name is any text; equal names exclude each other, different ones never wait for one
// another. Locks are not re-entrant: taking a name twice in one goroutine waits until ctx ends.
type Locker interface {
	// Lock waits until the name is free and takes it. The returned unlock gives it back; it never fails, and calling it
	// again does nothing. When ctx ends first, the lock is not held, unlock is nil, and err is a fault.Timeout (its
	// deadline passed) or a fault.Unavailable (it was cancelled), with ctx's cause inside.
	Lock(ctx context.Context, name string) (unlock func(), err error)
}

// All takes every one of the names, in sorted order and each once, so that two callers who want the same names in
// another order never wait for each other for ever. On an error none is held.
func All(ctx context.Context, l Locker, names ...string) (unlock func(), err error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	held := make([]func(), 0, len(names))
	release := func() {
		for _, free := range slices.Backward(held) {
			free()
		}
	}
	for _, name := range names {
		free, err := l.Lock(ctx, name)
		if err != nil {
			release()
			return nil, err
		}
		held = append(held, free)
	}
	return release, nil
}

// Local is a Locker inside one process. It is fair: waiters get the lock in the order in which they came. It keeps
// nothing of a name that nobody holds. The zero value is ready; a Local must not be copied.
type Local struct {
	mu sync.Mutex
	// queues has an entry for every name that is held: those who wait for it, oldest first.
	queues map[string][]chan struct{}
}

var _ Locker = (*Local)(nil)

// Lock implements Locker. A ctx that has ended already gets no lock, even a free one.
func (l *Local) Lock(ctx context.Context, name string) (unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, waitError(ctx, name)
	}
	turn := l.join(name)
	if turn != nil {
		select {
		case <-turn:
		case <-ctx.Done():
			l.leave(name, turn)
			return nil, waitError(ctx, name)
		}
	}
	return sync.OnceFunc(func() { l.pass(name) }), nil
}

// join takes a free name and returns nil, or queues up and returns the channel that closes when it is our turn.
func (l *Local) join(name string) chan struct{} {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue, held := l.queues[name]
	if !held {
		if l.queues == nil {
			l.queues = map[string][]chan struct{}{}
		}
		l.queues[name] = nil
		return nil
	}
	turn := make(chan struct{})
	l.queues[name] = append(queue, turn)
	return turn
}

// leave gives up waiting. If the lock was handed to us in the very moment we gave up, it goes on to the next.
func (l *Local) leave(name string, turn chan struct{}) {
	l.mu.Lock()
	at := slices.Index(l.queues[name], turn)
	if at >= 0 {
		l.queues[name] = slices.Delete(l.queues[name], at, at+1)
	}
	l.mu.Unlock()
	if at < 0 {
		l.pass(name)
	}
}

// pass hands a held name to who has waited longest, or frees it.
func (l *Local) pass(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	queue := l.queues[name]
	if len(queue) == 0 {
		delete(l.queues, name)
		return
	}
	l.queues[name] = queue[1:]
	close(queue[0])
}

func waitError(ctx context.Context, name string) error {
	kind, text := fault.Unavailable, "Waiting for another operation on the same resource was cancelled."
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		kind, text = fault.Timeout, "Another operation on the same resource did not end in time."
	}
	return fault.Wrap(fmt.Errorf("lock %q: %w", name, context.Cause(ctx)), kind, "", "%s", text)
}
