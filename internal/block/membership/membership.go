// Package membership keeps a service's row in the services table: it registers the service and reports, every
// report_interval, that it lives. Schedulers and volume services do it alike; the API service has no row (facts §5.4).
//
// What must not live here: who may use a service, or when one counts as down (block.Service.Up).
package membership

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// DefaultReportInterval is report_interval's default.
const DefaultReportInterval = 10 * time.Second

// Store is the part of a store.Store that a member writes through.
type Store interface {
	Update(ctx context.Context, fn func(tx store.Tx) error) error
}

// Options are how a member behaves; the zero value works.
type Options struct {
	Interval time.Duration // report_interval; 0 means 10 s
	// Working says whether the service can do its work. While it is false the member sends no heartbeat, so that everyone
	// takes the service for down. Nil means always.
	Working func() bool
	// Owner is under what name the service keeps records of the journal; with it every report also says that the service is
	// ours (store.OwnService). Empty means that it keeps none.
	Owner string
	Log   *slog.Logger // nil means slog.Default
}

// Member is a service's place in the services table. It is safe for concurrent use.
type Member struct {
	store Store
	opts  Options

	mu  sync.Mutex
	row block.Service
	// down is why the last heartbeat did not succeed, for the log to say it once; empty if it did.
	down string
}

// Join registers the service. row needs Host, Binary, Topic, AvailabilityZone and the version fields; Disabled counts
// only where there is no row yet (enable_new_services). The row is there when Join returns, as others' version caps
// look for it. Call Run to keep it alive; nothing needs to be undone, a row outlives its service.
func Join(ctx context.Context, s Store, row block.Service, o Options) (*Member, error) {
	if row.Host == "" || row.Binary == "" {
		return nil, fault.New(fault.Invalid, "", "A service needs a host and a binary to register, and has %q and %q.", row.Host, row.Binary)
	}
	if o.Interval <= 0 {
		o.Interval = DefaultReportInterval
	}
	if o.Working == nil {
		o.Working = func() bool { return true }
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	m := &Member{store: s, opts: o, row: row}
	if err := m.register(ctx); err != nil {
		return nil, err
	}
	return m, nil
}

// Row is the service's row as it was registered last, with what an operator had set then. Its ID and UUID change when an
// operator removed the row meanwhile and the member registered anew.
func (m *Member) Row() block.Service {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.row
}

// Run sends a heartbeat after every interval until ctx ends. One that fails is made up for by the next.
func (m *Member) Run(ctx context.Context) {
	tick := time.NewTicker(m.opts.Interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		m.Beat(ctx)
	}
}

// Beat sends one heartbeat now, within the interval's time. A volume service calls it as well when it has begun to work,
// so as not to look down for up to an interval. It logs when heartbeats begin to fail and when they succeed again.
func (m *Member) Beat(ctx context.Context) {
	reason := ""
	var err error
	if m.opts.Working() {
		beat, cancel := context.WithTimeout(ctx, m.opts.Interval)
		err = m.beat(beat)
		cancel()
		if err != nil {
			reason = "the database does not take it"
		}
	} else {
		reason = "the service is not working"
	}
	if ctx.Err() != nil {
		return
	}
	m.mu.Lock()
	before := m.down
	m.down = reason
	host, binary := m.row.Host, m.row.Binary
	m.mu.Unlock()
	switch {
	case reason != "" && reason != before:
		m.opts.Log.ErrorContext(ctx, "no heartbeat is sent; the service will appear down", "reason", reason,
			"host", host, "binary", binary, "error", err)
	case reason == "" && before != "":
		m.opts.Log.InfoContext(ctx, "heartbeats are sent again", "host", host, "binary", binary)
	}
}

// beat counts one report, or registers anew if an operator removed the row of a service that lives.
func (m *Member) beat(ctx context.Context) error {
	row := m.Row()
	err := m.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Heartbeat(ctx, row.ID); err != nil {
			return err
		}
		return m.mark(ctx, tx)
	})
	if !fault.Is(err, fault.NotFound) {
		return err
	}
	return m.register(ctx)
}

func (m *Member) register(ctx context.Context) error {
	wanted := m.Row()
	var got *block.Service
	err := m.store.Update(ctx, func(tx store.Tx) (err error) {
		before := ""
		if wanted.ClusterName != "" {
			if before, err = clusterOf(ctx, tx, &wanted); err != nil {
				return err
			}
		}
		if got, err = tx.RegisterService(ctx, &wanted); err != nil {
			return err
		}
		if err := m.join(ctx, tx, got, before); err != nil {
			return err
		}
		return m.mark(ctx, tx)
	})
	if err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.row = *got
	return nil
}

// clusterOf is the cluster that a service was in when it registered last.
func clusterOf(ctx context.Context, tx store.Tx, of *block.Service) (string, error) {
	rows, err := tx.Services(ctx, store.ServiceQuery{Host: of.Host, Binary: of.Binary})
	for _, s := range rows {
		if s.Host == of.Host {
			return s.ClusterName, nil
		}
	}
	return "", err
}

// join makes a service a member of its cluster, as upstream does (cinder/service.py): the cluster's row is made of the first
// member's, and who was in none before brings along what its back end has. What was in another cluster stays there until an
// operator renames it.
func (m *Member) join(ctx context.Context, tx store.Tx, s *block.Service, before string) error {
	if s.ClusterName == "" {
		return nil
	}
	c, err := tx.EnsureCluster(ctx, &block.Cluster{Name: s.ClusterName, Binary: s.Binary, Disabled: s.Disabled, DisabledReason: s.DisabledReason,
		ReplicationStatus: s.ReplicationStatus, ActiveBackendID: s.ActiveBackendID, Frozen: s.Frozen})
	if err != nil {
		return err
	}
	if c.Frozen != s.Frozen {
		if err := tx.UpdateService(ctx, s.ID, store.ServiceSet{Frozen: &c.Frozen}); err != nil {
			return err
		}
	}
	if before != "" {
		return nil
	}
	volumes, err := tx.IncludeInCluster(ctx, s.Host, s.ClusterName)
	if err == nil && volumes > 0 {
		m.opts.Log.InfoContext(ctx, "what the host has is its cluster's from now on", "host", s.Host, "cluster", s.ClusterName, "volumes", volumes)
	}
	return err
}

// mark says that the service is ours, in the transaction that reports it.
func (m *Member) mark(ctx context.Context, tx store.Tx) error {
	if m.opts.Owner == "" {
		return nil
	}
	row := m.Row()
	return tx.MarkOwn(ctx, store.OwnService{Host: row.Host, Binary: row.Binary, Owner: m.opts.Owner})
}
