// Package hold has the flows of the volume service hold the locks between processes that Cinder's volume service holds for the
// same work, where a Python service, or another of ours, could do it at once.
//
// What must not live here: which locks a flow needs.
package hold

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/lock"
)

// Locks are the locks of a process.
type Locks struct {
	Locker lock.Locker   // nil: there is nobody to exclude, and nothing is held
	Limit  time.Duration // of waiting for them: what the longest work under such a lock may take
}

// While is the Hold of a flow that needs the locks that names gives for its state; empty names count as none.
func While[S any](l Locks, names func(s *S) []string) func(ctx context.Context, s *S) (context.Context, func(), error) {
	if l.Locker == nil {
		return nil
	}
	return func(ctx context.Context, s *S) (context.Context, func(), error) { return l.Take(ctx, names(s)...) }
}

// Take takes locks for work that is no flow. The work runs under held; release ends it. Empty names count as none.
func (l Locks) Take(ctx context.Context, names ...string) (held context.Context, release func(), err error) {
	wanted := make([]string, 0, len(names))
	for _, name := range names {
		if name != "" {
			wanted = append(wanted, name)
		}
	}
	if l.Locker == nil || len(wanted) == 0 {
		return ctx, func() {}, nil
	}
	return lock.Within(ctx, l.Locker, l.Limit, wanted...)
}

// Forget is lock.Forget.
func (l Locks) Forget(names ...string) {
	if l.Locker != nil {
		lock.Forget(l.Locker, names...)
	}
}
