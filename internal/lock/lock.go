// Package lock is mutual exclusion by name. Locker is the contract, Local the lock inside one process, and Shared the lock
// between processes, over a Session with whatever keeps it: files of one host (filelock), etcd (etcdlock), a database
// (sqllock). locktest is what all of them pass.
//
// What must not live here: what a name means, or who may take it.
package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Locker gives out locks by name. A name is any text; equal names exclude each other, different ones never wait for one
// another. Locks are not re-entrant: taking a name twice in one goroutine waits until ctx ends.
type Locker interface {
	// Lock waits until the name is free and takes it. The returned unlock gives it back; it never fails, and calling it
	// again does nothing. When ctx ends first, the lock is not held, unlock is nil, and err is a fault.Timeout (its
	// deadline passed) or a fault.Unavailable (it was cancelled), with ctx's cause inside. A service that keeps the locks
	// and does not answer is a fault.Unavailable too.
	//
	// What the lock guards runs under held, which is ctx but that it also ends, with ErrLost as its cause, when others may
	// have the lock before it is given back. It must not be used after unlock.
	Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error)
}

// ErrLost is the cause of a holder's context that ends because the lock is no longer its own: the service that keeps it
// has heard nothing of this process for too long, or was shut down.
var ErrLost = errors.New("the lock was lost")

// All takes every one of the names, in sorted order and each once, so that two callers who want the same names in
// another order never wait for each other for ever. On an error none is held. held ends when any of them is lost; with no
// names it is ctx.
func All(ctx context.Context, l Locker, names ...string) (held context.Context, unlock func(), err error) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	frees := make([]func(), 0, len(names))
	release := func() {
		for _, free := range slices.Backward(frees) {
			free()
		}
	}
	held = ctx
	for _, name := range names {
		next, free, err := l.Lock(held, name)
		if err != nil {
			release()
			return nil, nil, err
		}
		held, frees = next, append(frees, free)
	}
	return held, release, nil
}

// Within is All, but that it waits no longer than limit, after which err is a fault.Timeout. held does not end then.
func Within(ctx context.Context, l Locker, limit time.Duration, names ...string) (held context.Context, unlock func(), err error) {
	waiting, cancel := context.WithCancelCause(ctx)
	late := time.AfterFunc(limit, func() { cancel(context.DeadlineExceeded) })
	held, free, err := All(waiting, l, names...)
	if err == nil && !late.Stop() {
		free()
		err = waitError(waiting, strings.Join(names, ", "))
	}
	if err != nil {
		late.Stop()
		cancel(nil)
		return nil, nil, err
	}
	return held, func() { free(); cancel(nil) }, nil
}

// Forget removes what l keeps of names that nobody will take again: files are all there ever is. A name that ends in "*" stands
// for all that begin like it. It does not wait.
func Forget(l Locker, names ...string) {
	if f, ok := l.(interface{ Forget(names ...string) }); ok {
		f.Forget(names...)
	}
}

// Prefixed is l with names that begin with prefix, so that several applications can share what keeps the locks.
func Prefixed(l Locker, prefix string) Locker { return prefixed{l, prefix} }

type prefixed struct {
	Locker
	prefix string
}

func (p prefixed) Lock(ctx context.Context, name string) (context.Context, func(), error) {
	return p.Locker.Lock(ctx, p.prefix+name)
}

// Forget is what package function Forget calls.
func (p prefixed) Forget(names ...string) {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = p.prefix + name
	}
	Forget(p.Locker, all...)
}

// Local is a Locker inside one process. It is fair: waiters get the lock in the order in which they came. It keeps
// nothing of a name that nobody holds. The zero value is ready; a Local must not be copied.
type Local struct {
	mu sync.Mutex
	// queues has an entry for every name that is held: those who wait for it, oldest first.
	queues map[string][]chan struct{}
}

var _ Locker = (*Local)(nil)

// Lock implements Locker. A ctx that has ended already gets no lock, even a free one. held is ctx: such a lock is never lost.
func (l *Local) Lock(ctx context.Context, name string) (held context.Context, unlock func(), err error) {
	if ctx.Err() != nil {
		return nil, nil, waitError(ctx, name)
	}
	turn := l.join(name)
	if turn != nil {
		select {
		case <-turn:
		case <-ctx.Done():
			l.leave(name, turn)
			return nil, nil, waitError(ctx, name)
		}
	}
	return ctx, sync.OnceFunc(func() { l.pass(name) }), nil
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
	if errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
		kind, text = fault.Timeout, "Another operation on the same resource did not end in time."
	}
	return fault.Wrap(fmt.Errorf("lock %q: %w", name, context.Cause(ctx)), kind, "", "%s", text)
}
