package scheduler

import (
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

// request asks for so many GiB.
func request(_ testing.TB, sizeGiB int64) *snapshot.Request {
	return &snapshot.Request{Operation: snapshot.CreateVolume, VolumeID: "v", SizeGiB: sizeGiB}
}

// known is the state of back ends over a store with one service, "node@a".
func known(t testing.TB, o Options) (*backends, *memory) {
	t.Helper()
	m := newMemory()
	m.rows.services[1] = &block.Service{ID: 1, Host: "node@a", Topic: rpcapi.VolumeTopic, Timestamps: block.Timestamps{UpdatedAt: time.Now()}}
	o.Log = slog.New(slog.DiscardHandler)
	o = o.withDefaults()
	d, err := decide.New(*o.Decide)
	if err != nil {
		t.Fatal(err)
	}
	return newBackends(m, d, o), m
}

func (b *backends) reported(t testing.TB, host string, freeGiB int, at time.Time) {
	b.update(t.Context(), &rpcapi.ServiceCapabilities{ServiceName: "volume", Host: host, Timestamp: at, Capabilities: map[string]any{
		"volume_backend_name": "p", "total_capacity_gb": 100, "free_capacity_gb": freeGiB}})
}

// free is the free capacity of the only pool.
func (b *backends) free(t testing.TB) float64 {
	t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	pools := b.view()
	if len(pools) != 1 {
		t.Fatalf("%d pools: %+v", len(pools), pools)
	}
	return pools[0].Free.GiB
}

func TestRoomIsTakenUntilAReportShowsIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, _ := known(t, Options{})
		wait := func() { time.Sleep(10 * time.Millisecond) }
		expect := func(when string, want float64) {
			t.Helper()
			if got := b.free(t); got != want {
				t.Errorf("%s: %v GiB are free, want %v", when, got, want)
			}
		}
		place := func(operation string, sizeGiB int64) {
			t.Helper()
			if _, err := b.Place(t.Context(), operation, request(t, sizeGiB), 1); err != nil {
				t.Fatal(err)
			}
			wait()
		}
		b.reported(t, "node@a", 50, time.Now())
		wait()
		place("one", 10)
		place("two", 5)
		expect("after two decisions", 35)
		place("one", 20)
		expect("after one was decided again", 25)

		b.reported(t, "node@a", 50, time.Now())
		wait()
		expect("after a report that cannot know of either yet", 25)
		b.HandOver("one")
		handed := time.Now()
		wait()
		b.reported(t, "node@a", 40, handed.Add(-time.Millisecond))
		expect("after a report made before the hand-over", 15)
		wait()
		b.reported(t, "node@a", 30, time.Now())
		expect("after a report made since", 25)
		b.Release("two")
		expect("after the other was given up", 30)
		b.Release("two")
		b.HandOver("two")
		expect("after that was said again", 30)

		b.reported(t, "node@a", 99, time.Now().Add(-time.Hour))
		expect("after a late report", 30)
		b.reported(t, "node@a", 20, time.Now().Add(24*time.Hour))
		wait()
		b.reported(t, "node@a", 10, time.Now())
		expect("after one from the future and one from now", 10)
	})
}

func TestADecisionSeesTheRowsAsTheyAre(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, m := known(t, Options{})
		b.reported(t, "node@a", 50, time.Now())
		if _, err := b.Place(t.Context(), "one", request(t, 1), 1); err != nil {
			t.Fatal(err)
		}
		m.put(func(r rows) {
			s := *r.services[1]
			s.Disabled = true
			r.services[1] = &s
		})
		if _, err := b.Place(t.Context(), "two", request(t, 1), 1); fault.NameOf(err) != "NoValidBackend" {
			t.Errorf("on a disabled back end: %v", err)
		}
		m.put(func(r rows) {
			s := *r.services[1]
			s.Disabled = false
			r.services[1] = &s
		})
		time.Sleep(2 * time.Minute)
		if _, err := b.Place(t.Context(), "three", request(t, 1), 1); fault.NameOf(err) != "NoValidBackend" {
			t.Errorf("on a back end whose heartbeat is old: %v", err)
		}
		m.fail(fault.New(fault.Unavailable, "", "no database"))
		if _, err := b.Place(t.Context(), "four", request(t, 1), 1); fault.NameOf(err) == "NoValidBackend" || !fault.Is(err, fault.Unavailable) {
			t.Errorf("without a database: %v", err)
		}
	})
}

func TestClusterIsOneBackend(t *testing.T) {
	b, m := known(t, Options{})
	m.put(func(r rows) {
		clear(r.services)
		for n, s := range []block.Service{{Host: "n1@a", Disabled: true}, {Host: "n2@a"}, {Host: "n3@a"}} {
			s.ID, s.Topic, s.ClusterName, s.UpdatedAt = int64(n+1), rpcapi.VolumeTopic, "c@a", time.Now()
			r.services[s.ID] = &s
		}
	})
	b.update(t.Context(), &rpcapi.ServiceCapabilities{ServiceName: "volume", Host: "n3@a", ClusterName: "c@a", Timestamp: time.Now(),
		Capabilities: map[string]any{"volume_backend_name": "p", "total_capacity_gb": 100, "free_capacity_gb": 50}})
	p, err := b.Place(t.Context(), "one", request(t, 10), 1)
	if err != nil {
		t.Fatal(err)
	}
	if p.Host != "n2@a#p" || p.Cluster != "c@a#p" {
		t.Errorf("placed at %s, cluster %s", p.Host, p.Cluster)
	}
	if got := b.free(t); got != 40 {
		t.Errorf("%v GiB are free, want 40", got)
	}
}

func TestVolumeNumbersAreCountedOnlyIfWeighed(t *testing.T) {
	o := decide.DefaultOptions()
	count := func(b *backends) int64 {
		if err := b.refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.mu.Lock()
		defer b.mu.Unlock()
		return b.view()[0].VolumeCount
	}
	volumes := func(r rows) {
		r.volumes["x"] = &block.Volume{ID: "x", Host: "node@a#p", SizeGiB: 1}
		r.volumes["y"] = &block.Volume{ID: "y", Host: "node@a#p", SizeGiB: 1}
	}
	b, m := known(t, Options{Decide: &o})
	m.put(volumes)
	b.reported(t, "node@a", 50, time.Now())
	if n := count(b); n != 0 {
		t.Errorf("%d volumes were counted for nobody", n)
	}
	o.Weighers = []string{"cinder.scheduler.weights.volume_number.VolumeNumberWeigher"}
	b, m = known(t, Options{Decide: &o})
	m.put(volumes)
	b.reported(t, "node@a", 50, time.Now())
	if n := count(b); n != 2 {
		t.Errorf("%d volumes were counted, want 2", n)
	}
	if _, err := b.Place(t.Context(), "one", request(t, 1), 1); err != nil {
		t.Fatal(err)
	}
	if n := count(b); n != 3 {
		t.Errorf("%d volumes after a decision, want 3", n)
	}
}

func TestReportsAreBounded(t *testing.T) {
	b, _ := known(t, Options{})
	b.reports = make(map[string]report, maxReports)
	for n := range maxReports {
		b.reports[id(n)] = report{}
	}
	b.reported(t, "node@a", 50, time.Now())
	if len(b.reports) != maxReports {
		t.Errorf("%d reports are kept", len(b.reports))
	}
}

func TestGetPools(t *testing.T) {
	h := up(t, Options{}, pool{name: "b", totalGiB: 10, freeGiB: 4}, pool{name: "a", totalGiB: 20, freeGiB: 20},
		pool{name: "c", totalGiB: 10, freeGiB: 10, disabled: true})
	reply, err := h.api.GetPools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []block.Host
	for _, p := range reply.Pools {
		names = append(names, p.Name)
		if p.Capabilities["storage_protocol"] != "iSCSI" || p.Capabilities["vendor_name"] != "Clinker" || p.Capabilities["timestamp"] == "" {
			t.Errorf("%s: %v", p.Name, p.Capabilities)
		}
	}
	if diff := cmp.Diff([]block.Host{"node@a#a", "node@b#b"}, names); diff != "" {
		t.Errorf("pools (-want +got):\n%s", diff)
	}
	h.store.put(func(r rows) {
		r.types["t"] = &block.VolumeType{ID: "t", Name: "fast", ExtraSpecs: map[string]string{"volume_backend_name": "b"}}
	})
	for _, tc := range []struct {
		nameOrID string
		want     int
	}{{"t", 1}, {"fast", 1}} {
		reply, err := h.api.GetPools(t.Context(), map[string]string{"volume_type": tc.nameOrID})
		if err != nil || len(reply.Pools) != tc.want {
			t.Errorf("%s may be on %v: %v", tc.nameOrID, reply.Pools, err)
		}
	}
	if _, err := h.api.GetPools(t.Context(), map[string]string{"volume_type": "slow"}); !fault.Is(err, fault.NotFound) {
		t.Errorf("a type there is not: %v", err)
	}
}

// TestPinnedToACluster: work on what a cluster has is scheduled whichever member's host the row names.
func TestPinnedToACluster(t *testing.T) {
	p := &snapshot.Pool{Host: "n1@a#p", Cluster: "c@a#p"}
	v := &block.Volume{Host: "n2@a#p", ClusterName: "c@a#p"}
	if !p.At(v.Queue()) || p.At(v.Host) {
		t.Errorf("%s at %s", v.Queue(), p.Host)
	}
}
