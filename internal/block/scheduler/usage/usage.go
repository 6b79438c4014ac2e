// Package usage turns the reports of back ends into the notifications capacity.pool and capacity.backend: of the pools whose
// numbers have changed since it was last told of them, and of the back end they belong to (get_usage_and_notify in
// cinder/scheduler/host_manager.py).
//
// What must not live here: what a report means for a decision; decide has that.
package usage

import (
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

// maxBackends bounds how many back ends are remembered: reports come from outside, for any name.
const maxBackends = 10_000

// Told remembers what was told of each back end. It is safe for concurrent use; the zero value is ready.
type Told struct {
	mu       sync.Mutex
	backends map[string]map[string]numbers // by back end and pool
}

// numbers are what is told of a pool, and what a change of which makes it worth telling.
type numbers struct {
	total, free, allocated, provisioned, reserved, ratio float64
	thin, thick                                          bool
}

// Event is one notification: of a "pool" or a "backend".
type Event struct {
	Kind    string
	Payload map[string]any
}

// Changes says what is to be told of a report; nothing if no pool has changed. Pools whose capacity is infinite or not
// known are left out: upstream fails on them.
func (t *Told) Changes(backend string, report map[string]any, at time.Time, ratio snapshot.Ratio) []Event {
	pools, _ := snapshot.ParseReport(snapshot.Source{Host: backend, Updated: at, DefaultRatio: ratio}, report)
	t.mu.Lock()
	defer t.mu.Unlock()
	before, known := t.backends[backend]
	if !known && len(t.backends) >= maxBackends {
		return nil
	}
	now := make(map[string]numbers, len(pools))
	var events []Event
	var sum numbers
	var sumVirtual float64
	for i := range pools {
		p := &pools[i]
		if p.Total.Kind != snapshot.Exact || p.Free.Kind != snapshot.Exact {
			continue
		}
		n := numbers{p.Total.GiB, p.Free.GiB, p.AllocatedGiB, p.ProvisionedGiB, p.ReservedPercentage, p.MaxOverSubscription, p.ThinProvisioning, p.ThickProvisioning}
		virtual := snapshot.Rounded(p.Room(p.ThinProvisioning).VirtualGiB)
		now[p.Name()] = n
		sum.total, sum.free, sum.allocated, sum.provisioned = sum.total+n.total, sum.free+n.free, sum.allocated+n.allocated, sum.provisioned+n.provisioned
		sumVirtual += virtual
		if old, told := before[p.Name()]; !told || old != n {
			events = append(events, Event{"pool", payload(string(p.Host), n, virtual, at)})
		}
	}
	if len(events) == 0 {
		return nil
	}
	if t.backends == nil {
		t.backends = map[string]map[string]numbers{}
	}
	t.backends[backend] = now
	return append(events, Event{"backend", payload(backend, sum, sumVirtual, at)})
}

func payload(name string, n numbers, virtualFree float64, at time.Time) map[string]any {
	return map[string]any{"name_to_id": name, "total": n.total, "free": n.free, "allocated": n.allocated, "provisioned": n.provisioned,
		"virtual_free": virtualFree, "reported_at": notify.Moment(at)}
}
