// Package cleanup is the scheduler's part of cleaning up what services left unfinished: it finds out who has to (work_cleanup,
// which the API asks for), and does it for schedulers (do_cleanup).
//
// What must not live here: how a resource is cleaned up, which is package workers'.
package cleanup

import (
	"context"
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/workers"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// Options of a Service. All must be set.
type Options struct {
	Host       string // the scheduler's
	Store      workers.Store
	Schedulers rpcapi.Scheduler
	Volumes    rpcapi.Volume
	DownTime   time.Duration // service_down_time
	Log        *slog.Logger
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	cleaner *workers.Cleaner
}

// New makes one.
func New(o Options) *Service {
	return &Service{Options: o, cleaner: &workers.Cleaner{Store: o.Store, Host: o.Host, Binary: block.BinaryScheduler, Log: o.Log}}
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodWorkCleanup: messaging.Replying(s.work),
		rpcapi.MethodDoCleanup:   messaging.Silent(s.cleaner.Clean),
	}
}

// Resume is empty: what was not cleaned up is asked for again.
func (*Service) Resume() map[string]journal.Resume { return nil }

// Own cleans up what a Python scheduler in this one's place had in hand until a moment.
func (s *Service) Own(ctx context.Context, until time.Time) {
	if err := s.cleaner.Own(reqctx.Internal(ctx), rpcapi.CleanupRequest{Until: until}); err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "what a Python scheduler left unfinished could not be read", "error", err)
	}
}

// work asks the services that a request chooses to clean up. Any scheduler cleans up after a scheduler; after a volume service
// that is down nobody does, unless others of its cluster are up. A backup service has nothing in workers.
func (s *Service) work(ctx context.Context, r *rpcapi.CleanupRequest) (*rpcapi.WorkCleanup, error) {
	now := time.Now()
	all, err := s.Store.Services(ctx, store.ServiceQuery{})
	if err != nil {
		return nil, err
	}
	living := map[string]bool{}
	for _, one := range all {
		if one.ClusterName != "" && one.Up(now, s.DownTime) {
			living[one.Binary+" "+one.ClusterName] = true
		}
	}
	until := r.Until
	if until.IsZero() {
		until = now
	}
	answer := &rpcapi.WorkCleanup{}
	for _, one := range all {
		up := one.Up(now, s.DownTime)
		if !chosen(one, up, r) {
			continue
		}
		to := *r
		to.ServiceID, to.Host, to.Binary, to.ClusterName, to.Until = one.ID, one.Host, one.Binary, one.ClusterName, until
		switch {
		case one.Binary == block.BinaryScheduler:
			err = s.Schedulers.DoCleanup(ctx, &to)
		case !up && !living[one.Binary+" "+one.ClusterName]:
			answer.Unavailable = append(answer.Unavailable, one)
			continue
		case one.Binary == block.BinaryVolume:
			err = s.Volumes.DoCleanup(ctx, &to)
		}
		if err != nil {
			return nil, err
		}
		answer.Cleaning = append(answer.Cleaning, one)
	}
	return answer, nil
}

// chosen says whether a request is about a service.
func chosen(one *block.Service, up bool, r *rpcapi.CleanupRequest) bool {
	switch {
	case r.ServiceID != 0 && one.ID != r.ServiceID,
		r.Host != "" && one.Host != r.Host && block.Host(one.Host).Node() != r.Host,
		r.Binary != "" && one.Binary != r.Binary,
		r.ClusterName != "" && one.ClusterName != r.ClusterName,
		r.Up != nil && up != *r.Up,
		r.Disabled != nil && one.Disabled != *r.Disabled:
		return false
	}
	return true
}
