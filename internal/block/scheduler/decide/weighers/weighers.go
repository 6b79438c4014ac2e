// Package weighers holds Cinder's five weighers and two weight handlers: which of the pools that the filters have left is
// the better one.
//
// Everything is a function of a snapshot and a source of chance that the caller passes in. What must not live here:
// whether a pool may be chosen at all (package filters).
package weighers

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

// Multipliers says how much weighers count; a negative number turns a weigher's order round. GoodnessWeigher and
// ChanceWeigher always count once, as upstream.
type Multipliers struct {
	Capacity          float64 // capacity_weight_multiplier: positive spreads volumes, negative packs them
	AllocatedCapacity float64 // allocated_capacity_weight_multiplier: negative spreads
	VolumeNumber      float64 // volume_number_multiplier: negative spreads
}

// DefaultMultipliers are Cinder's: everything spreads.
func DefaultMultipliers() Multipliers {
	return Multipliers{Capacity: 1, AllocatedCapacity: -1, VolumeNumber: -1}
}

// Random is a source of chance; *math/rand/v2.Rand is one. Float64 is at least 0 and less than 1.
type Random interface{ Float64() float64 }

// Weigher is one of the weighers.
type Weigher struct {
	// Name is the one to show and to configure.
	Name       string
	path       string // of the class, upstream
	multiplier func(m Multipliers) float64
	weigh      func(s *scale) []float64
}

// scale is what a weigher sees: one weight is wanted for each pool, in their order.
type scale struct {
	request     *snapshot.Request
	pools       []*snapshot.Pool
	random      Random
	multipliers Multipliers
	warnings    []string
}

// maxWarnings bounds what one decision writes into the log.
const maxWarnings = 10

func (s *scale) warn(format string, args ...any) {
	if len(s.warnings) < maxWarnings {
		s.warnings = append(s.warnings, fmt.Sprintf(format, args...))
	}
}

func (s *scale) each(weight func(p *snapshot.Pool) float64) []float64 {
	weights := make([]float64, len(s.pools))
	for i, p := range s.pools {
		weights[i] = weight(p)
	}
	return weights
}

// all is the table of weighers, made afresh so that nobody can change it.
func all() []Weigher {
	const path = "cinder.scheduler.weights."
	once := func(Multipliers) float64 { return 1 }
	return []Weigher{
		{
			"AllocatedCapacityWeigher", path + "capacity.AllocatedCapacityWeigher",
			func(m Multipliers) float64 { return m.AllocatedCapacity },
			func(s *scale) []float64 {
				return s.each(func(p *snapshot.Pool) float64 { return p.AllocatedGiB })
			},
		},
		{
			"CapacityWeigher", path + "capacity.CapacityWeigher",
			func(m Multipliers) float64 { return m.Capacity }, capacity,
		},
		{
			"ChanceWeigher", path + "chance.ChanceWeigher", once,
			func(s *scale) []float64 {
				return s.each(func(*snapshot.Pool) float64 { return s.random.Float64() })
			},
		},
		{"GoodnessWeigher", path + "goodness.GoodnessWeigher", once, goodness},
		{
			"VolumeNumberWeigher", path + "volume_number.VolumeNumberWeigher",
			func(m Multipliers) float64 { return m.VolumeNumber },
			func(s *scale) []float64 {
				return s.each(func(p *snapshot.Pool) float64 { return float64(p.VolumeCount) })
			},
		},
	}
}

// Defaults are the weighers of Cinder's scheduler_default_weighers.
func Defaults() []string { return []string{"CapacityWeigher"} }

// Names are the names that Select accepts beside full class paths, sorted.
func Names() []string {
	var names []string
	for _, w := range all() {
		names = append(names, w.Name)
	}
	return names
}

// Select gives the weighers of these names, in their order: class names or full class paths as upstream writes them. A
// name that is not known is fault.Invalid, SchedulerHostWeigherNotFound.
func Select(names []string) ([]Weigher, error) {
	table := all()
	selected := make([]Weigher, 0, len(names))
	for _, name := range names {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(table, func(w Weigher) bool { return w.Name == name || w.path == name })
		if i < 0 {
			return nil, fault.New(fault.Invalid, "SchedulerHostWeigherNotFound",
				"Scheduler Host Weigher %.100q could not be found; there are %s.", name, strings.Join(Names(), ", "))
		}
		selected = append(selected, table[i])
	}
	return selected, nil
}

// How far above all others a pool without a number counts when volumes are packed (upstream's OFFSET_MIN, OFFSET_MULT).
const (
	openOffset = 10_000
	openFactor = 100
)

// capacity weighs by the room that is left for the request. A pool that gives no number comes last: when volumes are
// spread it weighs less than nothing, when they are packed more than every other.
func capacity(s *scale) []float64 {
	packing := s.multipliers.Capacity <= 0
	thin := s.request.Thin()
	weights := s.each(func(p *snapshot.Pool) float64 {
		if p.Free.Kind != snapshot.Exact || p.Total.Kind != snapshot.Exact {
			if packing {
				return math.Inf(1)
			}
			return -1
		}
		return snapshot.Rounded(p.Room(thin).VirtualGiB)
	})
	least, most := math.Inf(1), math.Inf(-1)
	for _, w := range weights {
		if !math.IsInf(w, 1) {
			least, most = min(least, w), max(most, w)
		}
	}
	above := 0.0 // if no pool gives a number they are all alike
	if most > least {
		above = most + (most-least)*openFactor
	} else if most == least {
		above = most + openOffset
	}
	for i, w := range weights {
		if math.IsInf(w, 1) {
			weights[i] = above
		}
	}
	return weights
}

// goodness weighs by the pool's own goodness_function, from 0 to 100. A truth value is 100 or 0; no function, one that
// fails or one that leaves the range is 0.
func goodness(s *scale) []float64 {
	formulas := snapshot.NewFormulas(s.request)
	return s.each(func(p *snapshot.Pool) float64 {
		if p.GoodnessFunction == "" {
			return 0
		}
		best := 0.0
		for _, result := range formulas.Evaluate(p.GoodnessFunction, p) {
			if result.Err != nil {
				s.warn("the goodness_function of %s cannot be evaluated, which counts as 0: %s", p.ID(), fault.UserText(result.Err))
				continue
			}
			n, ok := result.Value.Number()
			switch {
			case !ok || !(n >= 0 && n <= 100):
				s.warn("the goodness_function of %s gives %v, which counts as 0: it must be from 0 to 100", p.ID(), result.Value)
			case result.Value.IsTruth():
				best = max(best, n*100)
			default:
				best = max(best, n)
			}
		}
		return best
	})
}

// better orders by weight, the greatest first, and equal weights by name.
func better(a, b Weighed) int {
	if order := cmp.Compare(b.Weight, a.Weight); order != 0 {
		return order
	}
	return snapshot.ByID(a.Pool, b.Pool)
}
