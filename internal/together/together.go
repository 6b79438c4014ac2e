// Package together answers calls that wait at the same time all at once. While one answer is being fetched, those who come
// ask for nothing: they wait, and the next fetch is for all of them. A lone caller never waits for another; the more there
// are, the more of them a fetch is for. It is what databases call group commit.
//
// Nobody is given what was fetched before he asked: a fetch is for those who had come when it began. So a caller sees
// everything that was done before he called, as if he had asked alone.
//
// What must not live here: what is fetched, and a cache.
package together

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/clinker/clinker/internal/fault"
)

// Answer is what a fetch came to for one key.
type Answer[V any] struct {
	Value V
	Err   error
}

// Fetch answers several keys at once, each of which is different; a key that it leaves out has the zero Answer. What it says
// of one key must not depend on the others. Its context has the values of the first caller's, and ends when the last of
// the callers has gone.
type Fetch[K comparable, V any] func(ctx context.Context, keys []K) map[K]Answer[V]

// Group is callers who may be answered together. It is safe for concurrent use.
type Group[K comparable, V any] struct {
	fetch Fetch[K, V]
	most  int

	mu      sync.Mutex
	busy    bool
	waiting []*batch[K, V] // those of the first begin next; no batch but the last has room
}

// NewGroup makes a group whose fetches are for at most so many keys each.
func NewGroup[K comparable, V any](most int, fetch Fetch[K, V]) *Group[K, V] {
	return &Group[K, V]{fetch: fetch, most: most}
}

// batch is one fetch and those it is for.
type batch[K comparable, V any] struct {
	ctx  context.Context
	stop context.CancelFunc
	done chan struct{}

	keys    []K
	callers int // who have not gone; guarded by the group's mu

	// What came of it, there once done is closed:
	answers  map[K]Answer[V]
	panicked any
}

// Get gives the answer for a key, which others who asked for it may be given too: it is to be read only. When ctx ends it
// gives up with ctx.Err(), a deadline's as a fault.Timeout, unless it is Get that runs the fetch and others wait for it. A fetch that panics does so in every
// caller.
func (g *Group[K, V]) Get(ctx context.Context, key K) (V, error) {
	if ctx.Err() != nil {
		var none V
		return none, gaveUp(ctx)
	}
	b, first := g.join(ctx, key)
	gone := context.AfterFunc(ctx, func() { g.leave(b) })
	defer gone()
	if first {
		g.run(b)
	} else {
		select {
		case <-b.done:
		case <-ctx.Done():
			var none V
			return none, gaveUp(ctx)
		}
	}
	if b.panicked != nil {
		panic(b.panicked)
	}
	a := b.answers[key]
	if a.Err != nil && ctx.Err() != nil { // the fetch was given up because of it
		a.Err = gaveUp(ctx)
	}
	return a.Value, a.Err
}

func gaveUp(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fault.Wrap(ctx.Err(), fault.Timeout, "", "There was no answer in time.")
	}
	return ctx.Err()
}

// join adds a caller to the batch that begins next. First says that the caller has to run it, there being nobody else.
func (g *Group[K, V]) join(ctx context.Context, key K) (b *batch[K, V], first bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if n := len(g.waiting); n > 0 {
		b = g.waiting[n-1]
		if known := slices.Contains(b.keys, key); known || len(b.keys) < g.most {
			if !known {
				b.keys = append(b.keys, key)
			}
			b.callers++
			return b, false
		}
	}
	b = &batch[K, V]{done: make(chan struct{}), keys: []K{key}, callers: 1}
	b.ctx, b.stop = context.WithCancel(context.WithoutCancel(ctx))
	if !g.busy {
		g.busy = true
		return b, true
	}
	g.waiting = append(g.waiting, b)
	return b, false
}

// leave is of a caller whose context has ended. A batch that nobody waits for any more is given up.
func (g *Group[K, V]) leave(b *batch[K, V]) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if b.callers--; b.callers > 0 {
		return
	}
	b.stop()
	if i := slices.Index(g.waiting, b); i >= 0 {
		g.waiting = slices.Delete(g.waiting, i, i+1)
	}
}

// run fetches, and has the next batch begin.
func (g *Group[K, V]) run(b *batch[K, V]) {
	defer func() {
		b.panicked = recover()
		b.stop()
		close(b.done)
		g.mu.Lock()
		defer g.mu.Unlock()
		if len(g.waiting) == 0 {
			g.busy = false
			return
		}
		next := g.waiting[0]
		g.waiting = slices.Delete(g.waiting, 0, 1)
		go g.run(next)
	}()
	b.answers = g.fetch(b.ctx, b.keys)
}
