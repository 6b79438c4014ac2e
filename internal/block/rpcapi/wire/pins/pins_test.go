package pins

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// table is the rows of services, and how often they were asked for.
type table struct {
	rows    []*block.Service
	queries int
	failing error
}

func (t *table) Services(_ context.Context, q store.ServiceQuery) (found []*block.Service, _ error) {
	t.queries++
	for _, s := range t.rows {
		if q.Binary == "" || s.Binary == q.Binary {
			found = append(found, s)
		}
	}
	return found, t.failing
}

func volumeService(rpc, object string) *block.Service {
	return &block.Service{Host: "n@" + rpc, Binary: block.BinaryVolume, RPCCurrentVersion: rpc, ObjectCurrentVersion: object}
}

func TestTheOldestCounts(t *testing.T) {
	scheduler := &block.Service{Binary: block.BinaryScheduler, RPCCurrentVersion: "3.12", ObjectCurrentVersion: "1.40"}
	for name, c := range map[string]struct {
		rows []*block.Service
		of   string
		want Pin
	}{
		"no row":             {nil, block.BinaryVolume, Pin{}},
		"one":                {[]*block.Service{volumeService("3.20", "1.39")}, block.BinaryVolume, Pin{"3.20", "1.39"}},
		"numbers, not texts": {[]*block.Service{volumeService("3.9", "1.39"), volumeService("3.20", "1.38")}, block.BinaryVolume, Pin{"3.9", "1.38"}},
		"the older major":    {[]*block.Service{volumeService("4.0", "2.0"), volumeService("3.20", "1.39")}, block.BinaryVolume, Pin{"3.20", "1.39"}},
		"of its kind":        {[]*block.Service{volumeService("3.16", "1.38"), scheduler}, block.BinaryScheduler, Pin{"3.12", "1.40"}},
		"of all":             {[]*block.Service{volumeService("3.16", "1.38"), scheduler}, "", Pin{"", "1.38"}},
		"nonsense":           {[]*block.Service{volumeService("new", "1.39"), volumeService("3.20", "1.39")}, block.BinaryVolume, Pin{"3.20", "1.39"}},
	} {
		got, err := New(&table{rows: c.rows}, slog.New(slog.DiscardHandler), nil).Of(t.Context(), c.of)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v, %v, want %+v", name, got, err, c.want)
		}
	}
	_, err := New(&table{rows: []*block.Service{volumeService("", "")}}, slog.New(slog.DiscardHandler), nil).Of(t.Context(), block.BinaryVolume)
	if fault.NameOf(err) != "ServiceTooOld" || !strings.Contains(err.Error(), "service remove") {
		t.Errorf("a service without versions: %v", err)
	}
	if got, err := (*Pins)(nil).Of(t.Context(), block.BinaryVolume); got != (Pin{}) || err != nil {
		t.Errorf("nobody asks: %+v, %v", got, err)
	}
	(*Pins)(nil).Reset()
}

func TestItIsReadOnceAMinute(t *testing.T) {
	tab, now := &table{rows: []*block.Service{volumeService("3.18", "1.39")}}, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	p := New(tab, slog.New(slog.DiscardHandler), func() time.Time { return now })
	expect := func(when, rpc string, queries int) {
		t.Helper()
		for range 100 {
			got, err := p.Of(t.Context(), block.BinaryVolume)
			if err != nil || got.RPC != rpc {
				t.Fatalf("%s: %+v, %v, want %s", when, got, err, rpc)
			}
		}
		if tab.queries != queries {
			t.Errorf("%s: %d queries, want %d", when, tab.queries, queries)
		}
	}
	expect("at first", "3.18", 1)
	tab.rows[0].RPCCurrentVersion = "3.20"
	now = now.Add(kept - time.Second)
	expect("within the minute", "3.18", 1)
	now = now.Add(time.Second)
	expect("after a minute", "3.20", 2)
	tab.rows[0].RPCCurrentVersion = "3.19"
	p.Reset()
	expect("after SIGHUP", "3.19", 3)
	now, tab.failing = now.Add(kept), fault.New(fault.Unavailable, "", "no database")
	expect("without a database", "3.19", 4)
	now = now.Add(retry)
	expect("still without one", "3.19", 5)
	p.Reset()
	if _, err := p.Of(t.Context(), block.BinaryVolume); !fault.Is(err, fault.Unavailable) {
		t.Errorf("it never answered: %v", err)
	}
	tab.failing = nil
	expect("with one again", "3.19", 7)
}

func TestTakes(t *testing.T) {
	for _, c := range []struct {
		pin, version string
		want         bool
	}{{"", "3.20", true}, {"3.20", "3.20", true}, {"3.20", "3.9", true}, {"3.9", "3.20", false}, {"4.0", "3.0", false}, {"3.20.1", "3.20", true}, {"3", "3.0", false}} {
		if got := (Pin{RPC: c.pin}).Takes(c.version); got != c.want {
			t.Errorf("a service at %q takes %q: %v", c.pin, c.version, got)
		}
	}
}

func TestNewer(t *testing.T) {
	for version, want := range map[string]bool{"1.39": false, "1.40": true, "1.38": false, "2.0": false, "": false, "new": false} {
		if got := Newer(version); got != want {
			t.Errorf("%q is newer than ours: %v", version, got)
		}
	}
}

// TestFormsAskForVersions: every older form asks for no more than the newest.
func TestFormsAskForVersions(t *testing.T) {
	for binary, methods := range olderForms() {
		for method, o := range methods {
			f, err := (Pin{RPC: o.needs}).Fit(binary, method, o.needs)
			if err != nil || f.Version != o.needs || f.Without != nil {
				t.Errorf("%s to a %s that knows it: %+v, %v", method, binary, f, err)
			}
		}
	}
}
