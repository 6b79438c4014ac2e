package decide_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/filters"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/scheduler/decide/weighers"
)

// drawPools makes pools of every kind by way of reports, so that what is read is what back ends send.
func drawPools(t *rapid.T) []snapshot.Pool {
	var pools []snapshot.Pool
	for i := range rapid.IntRange(1, 8).Draw(t, "back ends") {
		source := snapshot.Source{
			Host: fmt.Sprintf("node%d@b", i), DefaultRatio: snapshot.Ratio{Value: 20},
			Service: snapshot.Service{
				Up: rapid.IntRange(0, 5).Draw(t, "down") > 0, Disabled: rapid.IntRange(0, 5).Draw(t, "disabled") == 0,
				Frozen: rapid.IntRange(0, 5).Draw(t, "frozen") == 0, AvailabilityZone: rapid.SampledFrom([]string{"a", "b"}).Draw(t, "zone"),
			},
		}
		if rapid.IntRange(0, 5).Draw(t, "silent") == 0 {
			pools = append(pools, source.Unreported())
			continue
		}
		var list []any
		for j := range rapid.IntRange(1, 3).Draw(t, "pools") {
			list = append(list, drawReport(t, fmt.Sprint(j)))
		}
		read, complaints := snapshot.ParseReport(source, map[string]any{"pools": list})
		if len(complaints) > 0 {
			t.Fatal(complaints)
		}
		for k := range read {
			read[k].VolumeCount = int64(rapid.IntRange(0, 9).Draw(t, "volumes"))
		}
		pools = append(pools, read...)
	}
	return pools
}

func drawReport(t *rapid.T, name string) map[string]any {
	total := rapid.Float64Range(1, 500).Draw(t, "total")
	return map[string]any{
		"pool_name":                   name,
		"total_capacity_gb":           total,
		"free_capacity_gb":            rapid.Float64Range(0, total).Draw(t, "free"),
		"allocated_capacity_gb":       rapid.IntRange(0, 100).Draw(t, "allocated"),
		"provisioned_capacity_gb":     rapid.IntRange(0, 300).Draw(t, "provisioned"),
		"reserved_percentage":         rapid.IntRange(0, 100).Draw(t, "reserved"),
		"thin_provisioning_support":   rapid.Bool().Draw(t, "thin"),
		"max_over_subscription_ratio": rapid.SampledFrom([]any{"auto", 1, 1.1, "2.5", 20, 0.5, nil}).Draw(t, "ratio"),
		"multiattach":                 rapid.Bool().Draw(t, "multiattach"),
		"goodness_function":           rapid.SampledFrom([]any{nil, "50", "stats.free_capacity_gb", "no +"}).Draw(t, "goodness"),
		"filter_function":             rapid.SampledFrom([]any{nil, "volume.size < 50", "stats.free_capacity_gb > 10"}).Draw(t, "filter"),
	}
}

func drawOptions(t *rapid.T) decide.Options {
	o := decide.DefaultOptions()
	o.Filters = append(o.Filters, rapid.SliceOfDistinct(rapid.SampledFrom(filters.Names()), rapid.ID).Draw(t, "filters")...)
	o.Weighers = rapid.SliceOfDistinct(rapid.SampledFrom(weighers.Names()), rapid.ID).Draw(t, "weighers")
	o.Handler = rapid.SampledFrom(weighers.HandlerNames()).Draw(t, "handler")
	o.Multipliers.Capacity = rapid.SampledFrom([]float64{1, -1, 0}).Draw(t, "multiplier")
	return o
}

func drawRequest(t *rapid.T, pools []snapshot.Pool) *snapshot.Request {
	r := &snapshot.Request{
		Operation: snapshot.CreateVolume, SizeGiB: int64(rapid.IntRange(1, 120).Draw(t, "size")),
		AvailabilityZone: rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "zone"), Multiattach: rapid.IntRange(0, 3).Draw(t, "multiattach") == 0,
	}
	if rapid.IntRange(0, 3).Draw(t, "thick") == 0 {
		r.ExtraSpecs = map[string]string{"provisioning:type": "thick"}
	}
	if rapid.Bool().Draw(t, "retry") {
		r.Retry.Attempt = rapid.IntRange(2, 3).Draw(t, "attempt")
		for range r.Retry.Attempt - 1 {
			r.Retry.Tried = append(r.Retry.Tried, rapid.SampledFrom(pools).Draw(t, "tried").Host)
		}
	}
	return r
}

// drawCase is a decider and what it is to decide about. Every call of chance gives the same numbers.
func drawCase(t *rapid.T) (o decide.Options, d *decide.Decider, pools []snapshot.Pool, r *snapshot.Request, chance func() *rand.Rand) {
	o = drawOptions(t)
	d, err := decide.New(o)
	if err != nil {
		t.Fatal(err)
	}
	pools = drawPools(t)
	seed := rapid.Uint64().Draw(t, "seed")
	return o, d, pools, drawRequest(t, pools), func() *rand.Rand { return rand.New(rand.NewPCG(seed, 0)) }
}

// However often we decide and place: no pool is promised more than its ratio allows, and no thick volume goes where there
// is no space for it.
func TestNeverOverCommits(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, d, pools, _, chance := drawCase(t)
		random := chance()
		for range rapid.IntRange(1, 40).Draw(t, "requests") {
			r := drawRequest(t, pools)
			decision, err := d.Decide(pools, r, random)
			if err != nil {
				continue
			}
			host := decision.Candidates[0].Pool.Host
			i := slices.IndexFunc(pools, func(p snapshot.Pool) bool { return p.Host == host })
			pools[i] = pools[i].Consume(r.SizeGiB, 1)
			p := pools[i]
			limit := p.Total.GiB - math.Floor(p.Total.GiB*p.ReservedPercentage/100)
			if r.ExtraSpecs == nil && p.ThinProvisioning {
				limit *= p.MaxOverSubscription
			} else if p.Free.GiB < 0 {
				t.Fatalf("%d GiB on %s leave %v GiB of space", r.SizeGiB, host, p.Free.GiB)
			}
			if p.ProvisionedGiB > limit+1e-9 {
				t.Fatalf("%d GiB on %s: %v GiB are promised, %v may be", r.SizeGiB, host, p.ProvisionedGiB, limit)
			}
		}
	})
}

// What may not be chosen never is, and every pool is either a candidate or refused, not both.
func TestChoosesOnlyWhatMayBeChosen(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, d, pools, r, chance := drawCase(t)
		decision, err := d.Decide(pools, r, chance())
		if (err == nil) != (len(decision.Candidates) > 0) {
			t.Fatalf("%d candidates, error %v", len(decision.Candidates), err)
		}
		retryFilter := slices.Contains(o.Filters, "RetryFilter") || slices.Contains(o.Filters, "IgnoreAttemptedHostsFilter")
		triedSeen := false
		seen := map[block.Host]bool{}
		for _, c := range decision.Candidates {
			p := c.Pool
			tried := slices.Contains(r.Retry.Tried, p.Host)
			switch {
			case !p.Service.Up || p.Service.Disabled || p.Service.Frozen || !p.Reported:
				t.Fatalf("%s is out of service: %+v", p.Host, p.Service)
			case r.AvailabilityZone != "" && p.Service.AvailabilityZone != r.AvailabilityZone:
				t.Fatalf("%s is in zone %s", p.Host, p.Service.AvailabilityZone)
			case r.Multiattach && !p.Multiattach:
				t.Fatalf("%s does not do multiattach", p.Host)
			case tried && retryFilter:
				t.Fatalf("%s has just failed", p.Host)
			case tried != c.Tried || triedSeen && !tried:
				t.Fatalf("%s stands in the wrong place: %v", p.Host, chosen(decision))
			}
			triedSeen = tried
			seen[p.Host] = true
		}
		for _, refusal := range decision.Refusals {
			if seen[refusal.Pool.Host] || refusal.Reason == "" || refusal.Filter == "" {
				t.Fatalf("%+v", refusal)
			}
			seen[refusal.Pool.Host] = true
		}
		if len(seen) != len(pools) {
			t.Fatalf("%d pools, %d are spoken of", len(pools), len(seen))
		}
	})
}

func TestOrderOfPoolsDoesNotMatter(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		_, d, pools, r, chance := drawCase(t)
		before := slices.Clone(pools)
		first, firstErr := d.Decide(pools, r, chance())
		if diff := cmp.Diff(before, pools); diff != "" {
			t.Fatal("the pools were changed: ", diff)
		}
		second, secondErr := d.Decide(rapid.Permutation(pools).Draw(t, "other order"), r, chance())
		if diff := cmp.Diff(first, second); diff != "" {
			t.Fatal(diff)
		}
		if fmt.Sprint(firstErr) != fmt.Sprint(secondErr) {
			t.Fatalf("%v, then %v", firstErr, secondErr)
		}
	})
}

// Where a request does not fit, no larger one does; formulas of operators are free to say otherwise.
func TestLargerNeverFitsWhereSmallerDoesNot(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := decide.New(decide.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		pools := drawPools(t)
		r := drawRequest(t, pools)
		small, _ := d.Decide(pools, r, nil)
		larger := *r
		larger.SizeGiB += int64(rapid.IntRange(1, 50).Draw(t, "more"))
		large, _ := d.Decide(pools, &larger, nil)
		for _, host := range chosen(large) {
			if !slices.Contains(chosen(small), host) {
				t.Fatalf("%d GiB fit on %s, %d do not", larger.SizeGiB, host, r.SizeGiB)
			}
		}
	})
}

// One more filter never lets in what was refused without it.
func TestFiltersOnlyTakeAway(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		o, d, pools, r, chance := drawCase(t)
		o.Filters = append(o.Filters, rapid.SampledFrom(filters.Names()).Draw(t, "one more"))
		stricter, err := decide.New(o)
		if err != nil {
			t.Fatal(err)
		}
		more, _ := d.Decide(pools, r, chance())
		fewer, _ := stricter.Decide(pools, r, chance())
		for _, host := range chosen(fewer) {
			if !slices.Contains(chosen(more), host) {
				t.Fatalf("%s came in by %s", host, o.Filters[len(o.Filters)-1])
			}
		}
	})
}

// With the default options the first candidate is the one with the most room.
func TestDefaultSpreads(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d, err := decide.New(decide.DefaultOptions())
		if err != nil {
			t.Fatal(err)
		}
		pools := drawPools(t)
		r := drawRequest(t, pools)
		r.Retry = snapshot.Retry{}
		decision, err := d.Decide(pools, r, nil)
		if err != nil {
			return
		}
		best := snapshot.Rounded(decision.Candidates[0].Pool.Room(r.Thin()).VirtualGiB)
		for _, c := range decision.Candidates {
			if room := snapshot.Rounded(c.Pool.Room(r.Thin()).VirtualGiB); room > best {
				t.Fatalf("%s has %v GiB of room, the first candidate %v", c.Pool.Host, room, best)
			}
		}
	})
}
