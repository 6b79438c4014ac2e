package scheduler

import (
	"cmp"
	"context"
	"log/slog"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/telemetry"
	"github.com/clinker/clinker/internal/together"
)

// maxReports bounds how many back ends are kept: reports come from outside, for any name.
const maxReports = 10_000

// backends is what the scheduler knows of the back ends: the rows of their services, their newest reports, and what has
// been placed on them since. It is safe for concurrent use.
type backends struct {
	store   Store
	decider *decide.Decider
	counted bool // a weigher wants to know how many volumes each pool has
	opts    Options
	log     *slog.Logger

	refreshes together.Alike[struct{}]

	reading sync.Mutex // held while volumes are counted, so that one counts at a time

	mu        sync.Mutex
	changed   chan struct{} // closed and made anew with every report
	services  []*block.Service
	counts    map[block.Host]store.PoolTotals
	readAt    time.Time         // when services were read
	countedAt time.Time         // when counts were read
	reports   map[string]report // by cluster or host, "host@backend"
	placement map[string]placed // by operation
	random    *rand.Rand        // for weighers that leave it to chance
}

// report is what a back end said last.
type report struct {
	at           time.Time
	pools        []snapshot.Pool // without the service, which is not the report's to tell
	capabilities map[string]any  // as they came, read-only
}

// placed is room that a decision has taken and no report has shown yet.
type placed struct {
	pool    block.Host // its ID
	sizeGiB int64
	volumes int64
	// handedOver is when the volume service was told; zero while that has not happened. A report made later shows it.
	handedOver time.Time
}

func newBackends(s Store, d *decide.Decider, o Options) *backends {
	counted := slices.ContainsFunc(o.Decide.Weighers, func(name string) bool {
		return strings.HasSuffix(strings.TrimSpace(name), "VolumeNumberWeigher")
	})
	return &backends{store: s, decider: d, counted: counted, opts: o, log: o.Log, changed: make(chan struct{}),
		reports: make(map[string]report), placement: make(map[string]placed),
		random: rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))}
}

// news is a channel that is closed by the next report.
func (b *backends) news() <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.changed
}

// update takes in a report (update_service_capabilities). One older than that held is left aside; one from the future
// counts as made now, so that a wrong clock cannot shut out those that follow.
func (b *backends) update(ctx context.Context, c *rpcapi.ServiceCapabilities) {
	name := cmp.Or(c.ClusterName, c.Host)
	now := time.Now()
	at := c.Timestamp
	if at.IsZero() || at.After(now) {
		at = now
	}
	pools, complaints := snapshot.ParseReport(snapshot.Source{Host: c.Host, Cluster: c.ClusterName, Updated: at,
		DefaultRatio: b.opts.MaxOverSubscription}, c.Capabilities)
	for _, text := range complaints {
		b.log.WarnContext(ctx, "a report of a back end is not as it should be", "complaint", text)
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	old, known := b.reports[name]
	switch {
	case known && at.Before(old.at):
		return
	case !known && len(b.reports) >= maxReports:
		b.log.WarnContext(ctx, "a report is dropped: too many back ends have reported already", "host", c.Host, "most", maxReports)
		return
	}
	b.reports[name] = report{at: at, pools: pools, capabilities: c.Capabilities}
	for id, p := range b.placement {
		if p.pool.Backend() == name && !p.handedOver.IsZero() && p.handedOver.Before(at) {
			delete(b.placement, id)
		}
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// count says how many back ends that are up have reported, and how many have not.
func (b *backends) count(ctx context.Context) (reported, silent int, err error) {
	if err := b.refresh(ctx); err != nil {
		return 0, 0, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range block.Distinct(b.services, time.Now(), b.opts.ServiceDownTime) {
		switch {
		case s.Disabled || s.Frozen || !s.Up(time.Now(), b.opts.ServiceDownTime):
		case b.reportOf(s) != nil:
			reported++
		default:
			silent++
		}
	}
	return reported, silent, nil
}

// Place decides where what r asks for goes, and takes its room at once, so that the next decision sees it taken. An
// operation that is decided again first gives back what it had taken. The room is kept until hand-over and a report after
// that, or until release. volumes is how many volumes more the pool will have: one, or none for an extension.
func (b *backends) Place(ctx context.Context, operation string, r *snapshot.Request, volumes int64) (snapshot.Pool, error) {
	if err := b.refresh(ctx); err != nil {
		return snapshot.Pool{}, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.placement, operation)
	candidates, err := b.decide(ctx, r)
	if err != nil {
		return snapshot.Pool{}, err
	}
	chosen := *candidates[0].Pool
	b.placement[operation] = placed{pool: chosen.ID(), sizeGiB: r.NeededGiB(), volumes: volumes}
	return chosen, nil
}

// Candidates decides where what r asks for could go, the best pool first, and takes no room.
func (b *backends) Candidates(ctx context.Context, r *snapshot.Request) ([]decide.Candidate, error) {
	if err := b.refresh(ctx); err != nil {
		return nil, err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.decide(ctx, r)
}

// decide asks the decider. mu is held.
func (b *backends) decide(ctx context.Context, r *snapshot.Request) ([]decide.Candidate, error) {
	_, end := telemetry.Span(ctx, "decide")
	decision, err := b.decider.Decide(b.view(), r, b.random)
	end(&err)
	for _, text := range decision.Warnings {
		b.log.WarnContext(ctx, "a decision was not all it should be", "warning", text)
	}
	return decision.Candidates, err
}

// HandOver notes that an operation's volume service has it now.
func (b *backends) HandOver(operation string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if p, ok := b.placement[operation]; ok {
		p.handedOver = time.Now()
		b.placement[operation] = p
	}
}

// Release gives back what an operation had taken, if anything.
func (b *backends) Release(operation string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.placement, operation)
}

// view is every pool as it stands: service, report, and what has been placed since. A back end that has not reported is
// one pool that says so. mu is held.
func (b *backends) view() []snapshot.Pool {
	now := time.Now()
	var pools []snapshot.Pool
	index := make(map[block.Host]int)
	for _, s := range block.Distinct(b.services, now, b.opts.ServiceDownTime) {
		service := snapshot.Service{AvailabilityZone: s.AvailabilityZone, Up: s.Up(now, b.opts.ServiceDownTime),
			Disabled: s.Disabled, Frozen: s.Frozen}
		r := b.reportOf(s)
		if r == nil {
			pools = append(pools, snapshot.Source{Host: s.Host, Cluster: s.ClusterName, Service: service}.Unreported())
			continue
		}
		for _, p := range r.pools {
			p.Service = service
			name := p.Name()
			p.Host, p.Cluster = block.Host(s.Host).WithPool(name), ""
			if s.ClusterName != "" {
				p.Cluster = block.Host(s.ClusterName).WithPool(name)
			}
			p.VolumeCount = b.counts[p.ID()].Volumes
			index[p.ID()] = len(pools)
			pools = append(pools, p)
		}
	}
	for _, t := range b.placement {
		i, ok := index[t.pool]
		if !ok {
			continue
		}
		volumes := t.volumes
		if !t.handedOver.IsZero() && t.handedOver.Before(b.countedAt) {
			volumes = 0 // its row was counted
		}
		pools[i] = pools[i].Consume(t.sizeGiB, volumes)
	}
	return pools
}

// reportOf is the newest report for a service, nil if there is none. A service that has just joined a cluster may have
// reported under its own name. mu is held.
func (b *backends) reportOf(s *block.Service) *report {
	for _, name := range []string{s.ClusterName, s.Host} {
		if r, ok := b.reports[name]; ok && name != "" {
			return &r
		}
	}
	return nil
}

// refresh reads the services' rows, so that an operator's word counts from the next decision on, and the counts of
// volumes if they are older than CountsAge.
func (b *backends) refresh(ctx context.Context) error {
	_, err := b.refreshes.Get(ctx, "", func(ctx context.Context) (struct{}, error) { return struct{}{}, b.read(ctx) })
	return err
}

// read is refresh, for all who need it at the same time.
func (b *backends) read(ctx context.Context) error {
	begun := time.Now()
	services, err := b.store.Services(ctx, store.ServiceQuery{Topic: rpcapi.VolumeTopic})
	if err != nil {
		return err
	}
	if block.Clustered(services) {
		clusters, err := b.store.Clusters(ctx, time.Time{})
		if err != nil {
			return err
		}
		block.HeedClusters(services, clusters)
	}
	slices.SortFunc(services, func(x, y *block.Service) int { return cmp.Compare(x.ID, y.ID) })
	b.mu.Lock()
	if !begun.Before(b.readAt) { // else another decision has newer ones
		b.services, b.readAt = services, begun
	}
	stale := b.counted && (b.countedAt.IsZero() || begun.Sub(b.countedAt) >= b.opts.CountsAge)
	b.mu.Unlock()
	if !stale {
		return nil
	}
	return b.recount(ctx, services)
}

// recount reads the counts of volumes, one reader at a time.
func (b *backends) recount(ctx context.Context, services []*block.Service) error {
	b.reading.Lock()
	defer b.reading.Unlock()
	begun := time.Now()
	counts, err := b.countVolumes(ctx, services)
	if err != nil {
		return err
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.counts, b.countedAt = counts, begun
	return nil
}

// countVolumes asks the rows how many volumes each pool has.
func (b *backends) countVolumes(ctx context.Context, services []*block.Service) (map[block.Host]store.PoolTotals, error) {
	counts := make(map[block.Host]store.PoolTotals)
	for _, s := range services {
		totals, err := b.store.BackendVolumes(ctx, s.Host)
		if err != nil {
			return nil, err
		}
		for host, t := range totals {
			id := host
			if s.ClusterName != "" {
				id = block.Host(s.ClusterName).WithPool(host.Pool())
			}
			sum := counts[id]
			counts[id] = store.PoolTotals{Volumes: sum.Volumes + t.Volumes, SizeGiB: sum.SizeGiB + t.SizeGiB}
		}
	}
	return counts, nil
}
