package messaging

import (
	"context"
	"sync"
)

// Tracker counts the casts of one piece of work that are still under way: those made with its context and, transitively,
// those made by their handlers. It lets the HTTP edge answer a request only once everything it set off has settled, or a
// short while has passed, so that a client's first look finds the finished state.
//
// Only casts inside the process count; a transport that leaves it ignores the Tracker. So does work a handler leaves
// running after it returned. The zero Tracker is ready for use; a nil one counts nothing and has always settled.
type Tracker struct {
	mu          sync.Mutex
	outstanding int
	settled     chan struct{} // made by a Wait that had to wait, closed when outstanding falls to zero
}

type trackerKey struct{}

// WithTracker returns a context whose casts are counted by the Tracker returned. One that ctx had already no longer sees
// the casts made with the new context.
func WithTracker(ctx context.Context) (context.Context, *Tracker) {
	t := new(Tracker)
	return context.WithValue(ctx, trackerKey{}, t), t
}

// TrackerFrom is the Tracker of ctx, nil if it has none. For transports.
func TrackerFrom(ctx context.Context) *Tracker {
	t, _ := ctx.Value(trackerKey{}).(*Tracker)
	return t
}

// Begin counts one cast more; for transports, before the cast can reach a handler.
func (t *Tracker) Begin() {
	if t == nil {
		return
	}
	t.mu.Lock()
	t.outstanding++
	t.mu.Unlock()
}

// End counts one cast less: its handler has returned, or it will never reach one. Every Begin has exactly one End.
func (t *Tracker) End() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outstanding--
	if t.outstanding == 0 && t.settled != nil {
		close(t.settled)
		t.settled = nil
	}
}

// Wait returns nil as soon as nothing is outstanding, or the cause of ctx's end. Any number may wait at once.
func (t *Tracker) Wait(ctx context.Context) error {
	if t == nil {
		return nil
	}
	t.mu.Lock()
	if t.outstanding == 0 {
		t.mu.Unlock()
		return nil
	}
	if t.settled == nil {
		t.settled = make(chan struct{})
	}
	settled := t.settled
	t.mu.Unlock()
	select {
	case <-settled:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
