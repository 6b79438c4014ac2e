package manager

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/reqctx"
)

// reportPause is the least time between two reports that changes set off: many changes make one report.
const reportPause = time.Second

// capacity tells the schedulers what the back end can do and what is allocated in its pools. What is allocated is counted
// from the rows at every poll, and adjusted in between; the storage is asked at a poll only.
type capacity struct {
	m       *Manager
	changed chan struct{} // something was made, deleted or grown
	asked   chan struct{} // a scheduler wants to know everything

	mu        sync.Mutex
	allocated map[string]int64 // GiB by pool name
	adjusted  int              // how often that was adjusted
	polled    map[string]int64 // allocated at the last poll
	last      map[string]any   // the capabilities at the last poll
}

func newCapacity(m *Manager) *capacity {
	return &capacity{m: m, changed: make(chan struct{}, 1), asked: make(chan struct{}, 1), allocated: make(map[string]int64)}
}

// add counts sizeGiB more (less, if negative) in the pool of host, and sees to it that the schedulers hear of it.
func (c *capacity) add(host block.Host, sizeGiB int64) {
	c.mu.Lock()
	c.allocated[host.Pool()] += sizeGiB
	c.adjusted++
	c.mu.Unlock()
	c.touch()
}

// touch sees to it that there is a report soon.
func (c *capacity) touch() { signal(c.changed) }

// poll sees to it that the storage is asked and a report made at once.
func (c *capacity) poll() { signal(c.asked) }

func signal(ch chan struct{}) {
	select {
	case ch <- struct{}{}:
	default: // one is waiting already
	}
}

// run reports until ctx ends.
func (c *capacity) run(ctx context.Context) {
	tick := time.NewTicker(c.m.StatsInterval)
	defer tick.Stop()
	c.report(ctx, true)
	changed, pause := c.changed, (<-chan time.Time)(nil)
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			c.report(ctx, true)
		case <-c.asked:
			c.report(ctx, true)
		case <-changed:
			c.report(ctx, false)
			changed, pause = nil, time.After(reportPause)
		case <-pause:
			changed, pause = c.changed, nil
		}
	}
}

// report sends a report, after asking storage and rows if poll is set. What fails is logged; the next one makes up for it.
func (c *capacity) report(ctx context.Context, poll bool) {
	ctx, cancel := context.WithTimeout(reqctx.Internal(ctx), c.m.VerbTimeout)
	defer cancel()
	if poll {
		if err := c.refresh(ctx); err != nil {
			c.m.Log.WarnContext(ctx, "the back end cannot be reported on", "backend", c.m.Host, "error", err)
			return
		}
	}
	caps := c.current()
	if caps == nil {
		return
	}
	schedulers, now := rpcapi.Scheduler{Client: c.m.Transport}, c.m.Now().UTC()
	err := schedulers.UpdateCapabilities(ctx, &rpcapi.ServiceCapabilities{
		ServiceName: "volume", Host: c.m.Host, ClusterName: c.m.Cluster, Capabilities: caps, Timestamp: now})
	if err == nil && c.m.Notifier != nil {
		err = schedulers.NotifyCapabilities(ctx, &rpcapi.NotifyCapabilities{
			ServiceName: "volume", Backend: c.m.queue, Capabilities: caps, Timestamp: now})
	}
	if err != nil && ctx.Err() == nil {
		c.m.Log.WarnContext(ctx, "the schedulers could not be told of the back end", "backend", c.m.Host, "error", err)
	}
}

// refresh counts the rows and asks the storage; again, a few times, if something changed meanwhile that the count may lack.
func (c *capacity) refresh(ctx context.Context) error {
	const times = 3
	for range times {
		c.mu.Lock()
		before := c.adjusted
		c.mu.Unlock()
		if err := c.count(ctx); err != nil {
			return err
		}
		c.mu.Lock()
		quiet := c.adjusted == before
		c.mu.Unlock()
		if quiet {
			return nil
		}
	}
	return nil
}

func (c *capacity) count(ctx context.Context) error {
	count, of := c.m.Store.BackendVolumes, c.m.Host
	if c.m.Cluster != "" {
		count, of = c.m.Store.ClusterVolumes, c.m.Cluster
	}
	totals, err := count(ctx, of)
	if err != nil {
		return err
	}
	counted := make(map[string]int64, len(totals))
	for host, t := range totals {
		counted[host.Pool()] += t.SizeGiB
	}
	caps, err := c.m.Backend.Capabilities(ctx, maps.Clone(counted))
	if err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.allocated, c.polled, c.last = counted, maps.Clone(counted), caps
	return nil
}

// current is the capabilities of the last poll with what has been allocated since, nil before the first. The maps are the
// receiver's to keep.
func (c *capacity) current() map[string]any {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.last == nil {
		return nil
	}
	caps := maps.Clone(c.last)
	pools, ok := caps["pools"].([]map[string]any)
	if !ok {
		return caps
	}
	pools = slices.Clone(pools)
	for i := range pools {
		name, _ := pools[i]["pool_name"].(string)
		pools[i] = maps.Clone(pools[i])
		pools[i]["allocated_capacity_gb"] = c.allocated[name]
		grown := c.allocated[name] - c.polled[name]
		switch have := pools[i]["provisioned_capacity_gb"].(type) {
		case float64:
			pools[i]["provisioned_capacity_gb"] = max(0, have+float64(grown))
		case int64:
			pools[i]["provisioned_capacity_gb"] = max(0, have+grown)
		}
	}
	caps["pools"] = pools
	return caps
}

// capabilities is what the storage can do, with the extra specs that upstream says every back end knows.
func (c *capacity) capabilities(ctx context.Context) (*rpcapi.Capabilities, error) {
	caps := c.current()
	if caps == nil { // before the first poll
		var err error
		if caps, err = c.m.Backend.Capabilities(ctx, nil); err != nil {
			return nil, err
		}
	}
	property := func(title, description string) map[string]any {
		return map[string]any{"title": title, "description": description, "type": "boolean"}
	}
	caps["properties"] = map[string]any{
		"thin_provisioning":   property("Thin Provisioning", "Sets thin provisioning."),
		"compression":         property("Compression", "Enables compression."),
		"qos":                 property("QoS", "Enables QoS."),
		"replication_enabled": property("Replication", "Enables replication."),
	}
	return &rpcapi.Capabilities{Capabilities: caps}, nil
}
