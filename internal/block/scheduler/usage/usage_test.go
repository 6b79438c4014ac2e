package usage

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

// TestChanges: what a running Cinder 26 told of the same report, and then nothing until a number changes.
func TestChanges(t *testing.T) {
	pool := func(name string, free any) map[string]any {
		return map[string]any{"pool_name": name, "total_capacity_gb": 100, "free_capacity_gb": free, "allocated_capacity_gb": 3,
			"provisioned_capacity_gb": 4, "reserved_percentage": 0, "thin_provisioning_support": true,
			"thick_provisioning_support": false, "max_over_subscription_ratio": "20.0"}
	}
	report := func(pools ...any) map[string]any { return map[string]any{"pools": pools} }
	at := time.Date(2026, 11, 26, 11, 29, 42, 688939000, time.UTC)
	var told Told
	changes := func(report map[string]any) []Event {
		return told.Changes("h@b", report, at, snapshot.Ratio{Value: 20})
	}
	event := func(kind, name string, total, free, allocated, provisioned, virtual float64) Event {
		return Event{kind, map[string]any{"name_to_id": name, "total": total, "free": free, "allocated": allocated,
			"provisioned": provisioned, "virtual_free": virtual, "reported_at": "2026-11-26T11:29:42.688939"}}
	}
	for i, step := range []struct {
		report map[string]any
		want   []Event
	}{
		{report(), nil},
		{report(pool("p", 50.5)), []Event{event("pool", "h@b#p", 100, 50.5, 3, 4, 1996), event("backend", "h@b", 100, 50.5, 3, 4, 1996)}},
		{report(pool("p", 50.5)), nil},
		{report(pool("p", 50.5), pool("q", 10)), []Event{event("pool", "h@b#q", 100, 10, 3, 4, 1996), event("backend", "h@b", 200, 60.5, 6, 8, 3992)}},
		{report(pool("p", 49), pool("q", "infinite")), []Event{event("pool", "h@b#p", 100, 49, 3, 4, 1996), event("backend", "h@b", 100, 49, 3, 4, 1996)}},
		{report(pool("p", "unknown")), nil},
		{map[string]any{"pools": "nonsense"}, nil},
	} {
		if d := cmp.Diff(step.want, changes(step.report)); d != "" {
			t.Errorf("report %d (-want +got):\n%s", i, d)
		}
	}
}

func TestBackendsAreBounded(t *testing.T) {
	var told Told
	report := map[string]any{"pools": []any{map[string]any{"pool_name": "p", "total_capacity_gb": 1, "free_capacity_gb": 1}}}
	for i := range maxBackends + 1 {
		if got := told.Changes(fmt.Sprintf("h@%d", i), report, time.Now(), snapshot.Ratio{Value: 1}); (len(got) == 0) != (i == maxBackends) {
			t.Fatalf("back end %d: %d events", i, len(got))
		}
	}
}
