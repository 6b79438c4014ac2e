package weighers

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

// Weighed is a pool with what the weighers together make of it.
type Weighed struct {
	Pool   *snapshot.Pool
	Weight float64
}

// Handler puts pools in the order in which they are to be taken.
type Handler struct {
	// Name is the one to show and to configure.
	Name  string
	path  string // of the class, upstream
	order func(s *scale, weighers []Weigher) []Weighed
}

// DefaultHandler is the one of Cinder's scheduler_weight_handler.
const DefaultHandler = "OrderedHostWeightHandler"

func handlers() []Handler {
	const path = "cinder.scheduler.weights."
	return []Handler{
		{DefaultHandler, path + DefaultHandler, ordered},
		{"StochasticHostWeightHandler", path + "stochastic.StochasticHostWeightHandler", stochastic},
	}
}

// HandlerNames are the names that SelectHandler accepts beside full class paths.
func HandlerNames() []string {
	var names []string
	for _, h := range handlers() {
		names = append(names, h.Name)
	}
	return names
}

// SelectHandler gives the handler of a name: a class name, or the full class path, as upstream's option has it. A name
// that is not known is fault.Invalid.
func SelectHandler(name string) (Handler, error) {
	name = strings.TrimSpace(name)
	for _, h := range handlers() {
		if h.Name == name || h.path == name {
			return h, nil
		}
	}
	return Handler{}, fault.New(fault.Invalid, "", "The weight handler %.100q could not be found; there are %s.",
		name, strings.Join(HandlerNames(), ", "))
}

// Order weighs the pools for a request and puts the one to be taken first. Pools of one weight stand in the order of
// their names; the order of the argument does not matter, if it is the same for the same source of chance. Warnings are a
// few sentences for the log.
func (h Handler) Order(
	weighers []Weigher, m Multipliers, pools []*snapshot.Pool, r *snapshot.Request, random Random,
) (order []Weighed, warnings []string) {
	s := &scale{request: r, pools: pools, random: random, multipliers: m}
	order = h.order(s, weighers)
	return order, s.warnings
}

func (s *scale) unweighed() []Weighed {
	order := make([]Weighed, len(s.pools))
	for i, p := range s.pools {
		order[i].Pool = p
	}
	return order
}

// ordered adds up what the weighers say, each brought to the range from 0 to 1, and takes the greatest first.
func ordered(s *scale, weighers []Weigher) []Weighed {
	order := s.unweighed()
	for _, w := range weighers {
		weights := w.weigh(s)
		normalize(weights)
		multiplier := w.multiplier(s.multipliers)
		for i := range order {
			order[i].Weight += multiplier * weights[i]
		}
	}
	slices.SortFunc(order, better)
	return order
}

// normalize brings weights to the range from 0 to 1; weights that are all alike become 0.
func normalize(weights []float64) {
	if len(weights) == 0 {
		return
	}
	least, most := slices.Min(weights), slices.Max(weights)
	for i, w := range weights {
		if most == least {
			weights[i] = 0
		} else {
			weights[i] = (w - least) / (most - least)
		}
	}
}

// stochastic draws a winner, each pool with a chance in proportion to its weight, as the weighers give it: normalizing
// would take every chance from the last one. After the winner come the others in the order of their names, from the one
// behind it and round to the one before it.
//
// Where weights are negative, as from a weigher with a negative multiplier, upstream's draw always falls on the same
// pool. Here all weights are raised until the least of them is nothing; if all are alike, all have the same chance.
func stochastic(s *scale, weighers []Weigher) []Weighed {
	order := s.unweighed()
	for _, w := range weighers {
		multiplier := w.multiplier(s.multipliers)
		for i, weight := range w.weigh(s) {
			order[i].Weight += multiplier * weight
		}
	}
	if len(order) == 0 {
		return order
	}
	slices.SortFunc(order, func(a, b Weighed) int { return snapshot.ByID(a.Pool, b.Pool) })
	raise, total := 0.0, 0.0
	for _, w := range order {
		raise = max(raise, -w.Weight)
	}
	for _, w := range order {
		total += w.Weight + raise
	}
	if total == 0 {
		raise, total = raise+1, float64(len(order))
	}
	draw := s.random.Float64() * total
	winner := len(order) - 1 // should rounding keep the sum below the draw
	sum := 0.0
	for i, w := range order {
		if sum += w.Weight + raise; sum > draw {
			winner = i
			break
		}
	}
	return append(order[winner:len(order):len(order)], order[:winner]...)
}
