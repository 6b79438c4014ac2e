package scheduler

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

const (
	// concurrency is how many messages the scheduler works on at once. Each but those that wait below is short.
	concurrency = 256
	// maxWaiting is how many of them may wait for the back ends to become known. The others of these must not: a report
	// is a message, too.
	maxWaiting = concurrency / 2
	// lateReports is how long the scheduler waits for further back ends once the first has reported. All were asked at
	// the same time; one that is still silent is likely to be gone, and its row only looks alive.
	lateReports = 3 * time.Second
)

// awaitBackends asks every volume service to report, and lets scheduling begin when all that are up have done so and
// there is at least one. It waits no longer than scheduler_driver_init_wait_time in all, and once there is one, no longer
// than lateReports for the others. A scheduler that began at once would refuse what only looks impossible.
func (s *Scheduler) awaitBackends(ctx context.Context) {
	defer close(s.ready)
	if err := s.volumes.RequestCapabilities(ctx); err != nil {
		s.opts.Log.WarnContext(ctx, "the volume services cannot be asked to report; they do so of their own accord in time", "error", err)
	}
	all := time.NewTimer(s.opts.InitWait)
	defer all.Stop()
	look := time.NewTicker(time.Second)
	defer look.Stop()
	var late <-chan time.Time
	for {
		news := s.backends.news()
		reported, silent, err := s.backends.count(ctx)
		switch {
		case err != nil:
			s.opts.Log.WarnContext(ctx, "the services cannot be read", "error", err)
		case reported > 0 && silent == 0:
			return
		case reported > 0 && late == nil:
			late = time.After(lateReports)
		}
		select {
		case <-news:
		case <-look.C:
		case <-late:
			s.opts.Log.WarnContext(ctx, "scheduling begins without all back ends: some have not reported", "reported", reported, "silent", silent)
			return
		case <-all.C:
			s.opts.Log.WarnContext(ctx, "scheduling begins although no back end has reported")
			return
		case <-ctx.Done():
			return
		}
	}
}

// awaitReady holds a message until scheduling begins. When it says no, the message's operation is to be left to the
// journal, which is gone through as soon as scheduling begins: too many wait already, or the service stops.
func (s *Scheduler) awaitReady(ctx context.Context) bool {
	select {
	case <-s.ready:
		return s.background.Err() == nil
	default:
	}
	select {
	case s.waiting <- struct{}{}:
		defer func() { <-s.waiting }()
	default:
		return false
	}
	select {
	case <-s.ready:
		return s.background.Err() == nil
	case <-ctx.Done():
	case <-s.background.Done():
	}
	return false
}

// notReady is the answer to a call that cannot wait in the journal.
func notReady() error {
	return fault.New(fault.Unavailable, "", "The scheduler does not know the back ends yet.")
}
