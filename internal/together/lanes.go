package together

import (
	"context"
	"math"
	"sync"
)

// Lanes is a Group for each lane that has callers. It is safe for concurrent use.
type Lanes[K comparable, V any] struct {
	fetch Fetch[K, V]
	most  int

	mu    sync.Mutex
	lanes map[string]*lane[K, V]
}

// lane is a group and how many are in it.
type lane[K comparable, V any] struct {
	group   *Group[K, V]
	callers int
}

// NewLanes makes groups whose fetches are for at most so many keys each.
func NewLanes[K comparable, V any](most int, fetch Fetch[K, V]) *Lanes[K, V] {
	return &Lanes[K, V]{fetch: fetch, most: most, lanes: make(map[string]*lane[K, V])}
}

// Get is Group.Get in the lane of that name.
func (l *Lanes[K, V]) Get(ctx context.Context, name string, key K) (V, error) {
	defer l.leave(name)
	return l.enter(name).Get(ctx, key)
}

func (l *Lanes[K, V]) enter(name string) *Group[K, V] {
	l.mu.Lock()
	defer l.mu.Unlock()
	one := l.lanes[name]
	if one == nil {
		one = &lane[K, V]{group: NewGroup(l.most, l.fetch)}
		l.lanes[name] = one
	}
	one.callers++
	return one.group
}

func (l *Lanes[K, V]) leave(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lanes[name].callers--; l.lanes[name].callers == 0 {
		delete(l.lanes, name)
	}
}

// Alike answers calls that ask for the very same: one of them fetches it for all. It is safe for concurrent use; the zero value is
// ready.
type Alike[V any] struct {
	once  sync.Once
	lanes *Lanes[*alike[V], V]
}

// alike is one of those who ask the same.
type alike[V any] struct {
	fetch func(ctx context.Context) (V, error)
}

// fetchOne has the first of the callers fetch for all.
func fetchOne[V any](ctx context.Context, callers []*alike[V]) map[*alike[V]]Answer[V] {
	v, err := callers[0].fetch(ctx)
	answers := make(map[*alike[V]]Answer[V], len(callers))
	for _, c := range callers {
		answers[c] = Answer[V]{v, err}
	}
	return answers
}

// Get gives what fetch gives, or what the fetch of another caller with the same question gave who had come meanwhile; see Group.Get. All
// fetches of a question must fetch the same.
func (a *Alike[V]) Get(ctx context.Context, question string, fetch func(ctx context.Context) (V, error)) (V, error) {
	a.once.Do(func() { a.lanes = NewLanes(math.MaxInt, fetchOne[V]) })
	return a.lanes.Get(ctx, question, &alike[V]{fetch})
}
