// Package recovery is what every owner of records in a journal of flows does at its start and from then on: it finds what a
// dead process left, and runs it again.
//
// What must not live here: any flow, any journal; whose records they are and what runs them is told by the caller.
package recovery

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/reqctx"
)

const (
	recoverBatch = 100    // records read at once
	recoverMost  = 10_000 // records looked at in one pass; the rest waits for the next one
	recoverWidth = 8      // operations resumed side by side
)

// Reader is where a journal's records are read.
type Reader interface {
	// Flows lists the records of an owner that have not changed for minAge, longest first, at most limit.
	Flows(ctx context.Context, owner string, minAge time.Duration, limit int) ([]flow.Record, error)
}

// Resume runs one record of the journal again; flow.Resume with its flow filled in. What it returns is logged.
type Resume = func(ctx context.Context, rec flow.Record) error

// Recover makes one pass: it resumes every record of owner that has not changed for minAge, each once, a few side by
// side, and returns when all are through. Each gets an administrator's context with a request id of its own. A record
// of a flow that resume does not name is left alone and logged. The error says only that the journal could not be
// read, or that ctx ended; how an operation ended is in the log and in its rows.
func Recover(ctx context.Context, s Reader, owner string, minAge time.Duration, resume map[string]Resume) error {
	return recoverUntil(ctx, s, owner, minAge, time.Time{}, resume)
}

// recoverUntil is Recover for the records that changed before a moment; zero means all.
func recoverUntil(ctx context.Context, s Reader, owner string, minAge time.Duration, until time.Time, resume map[string]Resume) error {
	seen := make(map[string]struct{})
	left := 0 // of those seen, how many the last read still brought
	for len(seen) < recoverMost {
		limit := recoverBatch + left
		recs, err := s.Flows(ctx, owner, minAge, limit)
		if err != nil {
			return err
		}
		fresh := recs[:0:0]
		for _, r := range recs {
			if _, ok := seen[r.ID]; !ok {
				seen[r.ID] = struct{}{}
				if until.IsZero() || !r.UpdatedAt.After(until) {
					fresh = append(fresh, r)
				}
			}
		}
		left = len(recs) - len(fresh)
		if err := resumeAll(ctx, fresh, resume); err != nil {
			return err
		}
		if len(recs) < limit {
			return nil
		}
	}
	return nil
}

func resumeAll(ctx context.Context, recs []flow.Record, resume map[string]Resume) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	slots := make(chan struct{}, recoverWidth)
	for _, rec := range recs {
		fn := resume[rec.Name]
		if fn == nil {
			slog.WarnContext(ctx, "the journal has an operation this service does not know; it is left alone",
				"flow", rec.Name, "flow_id", rec.ID, "resource_type", rec.ResourceType, "resource_id", rec.ResourceID)
			continue
		}
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		wg.Go(func() {
			defer func() { <-slots }()
			ctx := reqctx.Internal(ctx)
			err := fn(ctx, rec)
			logResumed(ctx, rec, err)
		})
	}
	return nil
}

func logResumed(ctx context.Context, rec flow.Record, err error) {
	attrs := []any{"flow", rec.Name, "flow_id", rec.ID, "resource_type", rec.ResourceType, "resource_id", rec.ResourceID}
	switch {
	case err == nil:
		slog.DebugContext(ctx, "an operation from the journal was seen to", attrs...)
	case errors.Is(err, flow.ErrInterrupted):
	default:
		slog.WarnContext(ctx, "an operation from the journal failed when it was resumed", append(attrs, "error", err)...)
	}
}

// Watch is recovery as a service runs it.
type Watch struct {
	Store  Reader
	Owner  string
	Resume map[string]Resume
	// Period is the time from one pass to the next, 0 means 10 s.
	Period time.Duration
	// MinAge is how long a record must have been quiet before a later pass touches it, 0 means 30 s: the message that
	// brings the work may still be under way. The first pass takes every record that changed before Since.
	MinAge time.Duration
	// Since is when the service began to listen: of what changed later a message is under way, and a pass that took it up
	// beside that would only have the message find the work in other hands. Zero means that no message brings work.
	Since time.Time
	// Shared says that other processes look for the same records and keep those of what they run up to date (flow.Options.Keep): no
	// pass takes one that is younger than MinAge.
	Shared bool
}

// maxPasses is how many passes of one Watch may be under way: one that resumes an hour's copy must not keep the others
// from being seen to.
const maxPasses = 4

// Run makes a pass at once and one after each period until ctx ends; it returns when the passes under way are through. A
// pass that cannot read the journal is logged and made up for by the next.
func (w Watch) Run(ctx context.Context) {
	if w.Period <= 0 {
		w.Period = 10 * time.Second
	}
	if w.MinAge <= 0 {
		w.MinAge = 30 * time.Second
	}
	tick := time.NewTicker(w.Period)
	defer tick.Stop()
	var passes sync.WaitGroup
	defer passes.Wait()
	slots := make(chan struct{}, maxPasses)
	var everything atomic.Bool // the next pass takes every record
	everything.Store(!w.Shared)
	for {
		select {
		case slots <- struct{}{}:
			passes.Go(func() {
				defer func() { <-slots }()
				first := everything.Swap(false)
				age, until := w.MinAge, time.Time{}
				if first {
					age, until = 0, w.Since
				}
				err := recoverUntil(ctx, w.Store, w.Owner, age, until, w.Resume)
				if err != nil && ctx.Err() == nil {
					slog.WarnContext(ctx, "the journal could not be read; trying again", "owner", w.Owner, "error", err)
					if first {
						everything.Store(true)
					}
				}
			})
		default: // all are busy
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
