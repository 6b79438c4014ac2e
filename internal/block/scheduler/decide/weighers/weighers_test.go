package weighers_test

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/scheduler/decide/weighers"
	"github.com/clinker/clinker/internal/fault"
)

// sequence is a source of chance whose draws are known.
type sequence struct{ draws []float64 }

func (s *sequence) Float64() float64 {
	draw := s.draws[0]
	s.draws = s.draws[1:]
	return draw
}

type weight struct {
	Host   block.Host
	Weight float64
}

func order(
	t *testing.T, handler string, names []string, m weighers.Multipliers, pools []snapshot.Pool, r snapshot.Request, random weighers.Random,
) (weights []weight, warnings []string) {
	t.Helper()
	selected, err := weighers.Select(names)
	if err != nil {
		t.Fatal(err)
	}
	h, err := weighers.SelectHandler(handler)
	if err != nil {
		t.Fatal(err)
	}
	pointers := make([]*snapshot.Pool, len(pools))
	for i := range pools {
		pointers[i] = &pools[i]
	}
	weighed, warnings := h.Order(selected, m, pointers, &r, random)
	for _, w := range weighed {
		weights = append(weights, weight{w.Pool.Host, w.Weight})
	}
	return weights, warnings
}

func TestSelect(t *testing.T) {
	for name, want := range map[string]string{
		"CapacityWeigher":     "CapacityWeigher",
		" GoodnessWeigher":    "GoodnessWeigher",
		"ChanceWeigher":       "ChanceWeigher",
		"VolumeNumberWeigher": "VolumeNumberWeigher",
		"cinder.scheduler.weights.capacity.CapacityWeigher":          "CapacityWeigher",
		"cinder.scheduler.weights.capacity.AllocatedCapacityWeigher": "AllocatedCapacityWeigher",
		"cinder.scheduler.weights.volume_number.VolumeNumberWeigher": "VolumeNumberWeigher",
		"cinder.scheduler.weights.goodness.GoodnessWeigher":          "GoodnessWeigher",
		"cinder.scheduler.weights.chance.ChanceWeigher":              "ChanceWeigher",
	} {
		if got, err := weighers.Select([]string{name}); err != nil || got[0].Name != want {
			t.Errorf("%q: %v, %v", name, got, err)
		}
	}
	_, err := weighers.Select([]string{"LuckWeigher"})
	const want = `Scheduler Host Weigher "LuckWeigher" could not be found; there are AllocatedCapacityWeigher, CapacityWeigher, ` +
		`ChanceWeigher, GoodnessWeigher, VolumeNumberWeigher.`
	if fault.KindOf(err) != fault.Invalid || fault.NameOf(err) != "SchedulerHostWeigherNotFound" || fault.UserText(err) != want {
		t.Error(err)
	}
	for _, name := range []string{
		"OrderedHostWeightHandler", "cinder.scheduler.weights.OrderedHostWeightHandler",
		"StochasticHostWeightHandler", "cinder.scheduler.weights.stochastic.StochasticHostWeightHandler",
	} {
		if h, err := weighers.SelectHandler(name); err != nil || !strings.HasSuffix(name, h.Name) {
			t.Errorf("%q: %v, %v", name, h.Name, err)
		}
	}
	_, err = weighers.SelectHandler("Dice")
	if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), `"Dice" could not be found; there are OrderedHostWeightHandler, Stochastic`) {
		t.Error(err)
	}
}

func thick(host block.Host, total, free float64) snapshot.Pool {
	return snapshot.Pool{Host: host, Total: snapshot.GiB(total), Free: snapshot.GiB(free)}
}

func TestCapacityWeigher(t *testing.T) {
	infinite := snapshot.Pool{Host: "i", Total: snapshot.GiB(100), Free: snapshot.Capacity{Kind: snapshot.Infinite}}
	unknown := snapshot.Pool{Host: "u", Total: snapshot.Capacity{Kind: snapshot.Unknown}, Free: snapshot.GiB(1)}
	thin := thick("t", 100, 1)
	thin.ThinProvisioning, thin.MaxOverSubscription, thin.ProvisionedGiB = true, 2, 100 // 100 left, or 0 for a thick volume
	a, b, c := thick("a", 100, 20), thick("b", 100, 60), thick("c", 100, 100)
	thickType := snapshot.Request{ExtraSpecs: map[string]string{"provisioning:type": "thick"}}
	spread, pack := weighers.Multipliers{Capacity: 1}, weighers.Multipliers{Capacity: -2}
	for _, test := range []struct {
		name        string
		multipliers weighers.Multipliers
		request     snapshot.Request
		pools       []snapshot.Pool
		want        []weight
	}{
		{"spread", spread, snapshot.Request{}, []snapshot.Pool{a, b, c}, []weight{{"c", 1}, {"b", 0.5}, {"a", 0}}},
		{"pack", pack, snapshot.Request{}, []snapshot.Pool{a, b, c}, []weight{{"a", 0}, {"b", -1}, {"c", -2}}},
		{"all alike", spread, snapshot.Request{}, []snapshot.Pool{thick("z", 9, 9), thick("y", 9, 9)}, []weight{{"y", 0}, {"z", 0}}},
		{"thin", spread, snapshot.Request{}, []snapshot.Pool{a, b, thin}, []weight{{"t", 1}, {"b", 0.5}, {"a", 0}}},
		{"thick on thin", spread, thickType, []snapshot.Pool{a, c, thin}, []weight{{"c", 1}, {"a", 0.2}, {"t", 0}}},
		{"no number comes last", spread, snapshot.Request{}, []snapshot.Pool{infinite, thick("a", 99, 99), unknown}, []weight{{"a", 1}, {"i", 0}, {"u", 0}}},
		{
			"no number comes last in packing too", pack, snapshot.Request{}, []snapshot.Pool{infinite, a, c},
			[]weight{{"a", 0}, {"c", -2.0 / 101}, {"i", -2}},
		},
		{"no number beside one number, packing", pack, snapshot.Request{}, []snapshot.Pool{infinite, a}, []weight{{"a", 0}, {"i", -2}}},
		{"no numbers, packing", pack, snapshot.Request{}, []snapshot.Pool{unknown, infinite}, []weight{{"i", 0}, {"u", 0}}},
		{"no pools", spread, snapshot.Request{}, nil, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			got, _ := order(t, "OrderedHostWeightHandler", []string{"CapacityWeigher"}, test.multipliers, test.pools, test.request, nil)
			if diff := cmp.Diff(test.want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOtherWeighers(t *testing.T) {
	a := snapshot.Pool{Host: "a", AllocatedGiB: 10, VolumeCount: 4}
	b := snapshot.Pool{Host: "b", AllocatedGiB: 30, VolumeCount: 2}
	c := snapshot.Pool{Host: "c", AllocatedGiB: 20, VolumeCount: 0}
	pools := []snapshot.Pool{a, b, c}
	for _, test := range []struct {
		names []string
		want  []weight
	}{
		{[]string{"AllocatedCapacityWeigher"}, []weight{{"a", 0}, {"c", -0.5}, {"b", -1}}},
		{[]string{"VolumeNumberWeigher"}, []weight{{"c", 0}, {"b", -0.5}, {"a", -1}}},
		{[]string{"ChanceWeigher"}, []weight{{"b", 1}, {"c", 0.25}, {"a", 0}}},
		{[]string{"AllocatedCapacityWeigher", "VolumeNumberWeigher"}, []weight{{"c", -0.5}, {"a", -1}, {"b", -1.5}}},
		{[]string{"VolumeNumberWeigher", "ChanceWeigher"}, []weight{{"b", 0.5}, {"c", 0.25}, {"a", -1}}},
		{nil, []weight{{"a", 0}, {"b", 0}, {"c", 0}}},
	} {
		got, _ := order(t, "OrderedHostWeightHandler", test.names, weighers.DefaultMultipliers(), pools, snapshot.Request{}, &sequence{[]float64{0.1, 0.9, 0.3}})
		if diff := cmp.Diff(test.want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
			t.Errorf("%v: %s", test.names, diff)
		}
	}
}

func TestGoodnessWeigher(t *testing.T) {
	pool := func(host block.Host, function string) snapshot.Pool {
		return snapshot.Pool{Host: host, GoodnessFunction: function, StorageProtocols: []string{"NFS", "nfs"}}
	}
	got, warnings := order(t, "OrderedHostWeightHandler", []string{"GoodnessWeigher"}, weighers.DefaultMultipliers(), []snapshot.Pool{
		pool("a", "volume.size * 10"), pool("b", "volume.size == 4"), pool("c", ""), pool("d", "101"), pool("e", "-1"), pool("f", "nonsense +"),
		pool("g", "good"), pool("h", "volume.size != 4"), pool("i", "stats.storage_protocol == nfs ? 70 : 20"), pool("j", "inf"), pool("k", "nan"), pool("l", "0.5"),
	}, snapshot.Request{SizeGiB: 4}, nil)
	want := []weight{
		{"b", 1}, {"i", 0.7}, {"a", 0.4}, {"l", 0.005}, {"c", 0}, {"d", 0}, {"e", 0}, {"f", 0}, {"g", 0}, {"h", 0}, {"j", 0}, {"k", 0},
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateApprox(0, 1e-12)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"the goodness_function of d gives 101, which counts as 0: it must be from 0 to 100",
		"the goodness_function of e gives -1, which counts as 0: it must be from 0 to 100",
		"the goodness_function of f cannot be evaluated, which counts as 0: at character 11: a value is missing at the end",
		`the goodness_function of g gives "good", which counts as 0: it must be from 0 to 100`,
		"the goodness_function of j gives +Inf, which counts as 0: it must be from 0 to 100",
		"the goodness_function of k gives NaN, which counts as 0: it must be from 0 to 100",
	}, warnings); diff != "" {
		t.Error(diff)
	}
	many := make([]snapshot.Pool, 50)
	for i := range many {
		many[i] = pool("a", "101")
	}
	if _, warnings = order(t, "OrderedHostWeightHandler", []string{"GoodnessWeigher"}, weighers.DefaultMultipliers(), many, snapshot.Request{}, nil); len(warnings) != 10 {
		t.Errorf("%d warnings", len(warnings))
	}
}

func hosts(weights []weight) string {
	var b strings.Builder
	for _, w := range weights {
		b.WriteString(string(w.Host))
	}
	return b.String()
}

// A pool wins with a chance in proportion to its weight: here a 0.1, b 0.3, c 0.6.
func TestStochasticHandler(t *testing.T) {
	pools := []snapshot.Pool{thick("c", 100, 60), thick("a", 100, 10), thick("b", 100, 30)}
	for draw, want := range map[float64]string{
		0: "abc", 0.05: "abc", 0.0999: "abc", 0.1: "bca", 0.39: "bca", 0.41: "cab", 0.999999: "cab",
	} {
		got, _ := order(t, "StochasticHostWeightHandler", []string{"CapacityWeigher"}, weighers.DefaultMultipliers(), pools, snapshot.Request{}, &sequence{[]float64{draw}})
		if hosts(got) != want {
			t.Errorf("draw %v: %s, want %s", draw, hosts(got), want)
		}
	}
	got, _ := order(t, "StochasticHostWeightHandler", nil, weighers.DefaultMultipliers(), nil, snapshot.Request{}, nil)
	if len(got) != 0 {
		t.Error(got)
	}
}

// With negative weights all are raised until the least has no chance; with equal ones all have the same.
func TestStochasticHandlerWithNegativeWeights(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	count := func(pools []snapshot.Pool) map[string]int {
		wins := map[string]int{}
		for range 4000 {
			got, _ := order(t, "StochasticHostWeightHandler", []string{"VolumeNumberWeigher"}, weighers.DefaultMultipliers(), pools, snapshot.Request{}, random)
			wins[hosts(got)[:1]]++
		}
		return wins
	}
	between := func(n, least, most int) bool { return least <= n && n <= most }
	wins := count([]snapshot.Pool{{Host: "a", VolumeCount: 30}, {Host: "b", VolumeCount: 20}, {Host: "c", VolumeCount: 0}})
	if wins["a"] != 0 || !between(wins["b"], 850, 1150) || !between(wins["c"], 2850, 3150) {
		t.Error(wins)
	}
	wins = count([]snapshot.Pool{{Host: "a", VolumeCount: 7}, {Host: "b", VolumeCount: 7}})
	if !between(wins["a"], 1850, 2150) || !between(wins["b"], 1850, 2150) {
		t.Error(wins)
	}
}
