// Package decide chooses the pool for a volume: a pure function from a snapshot of the pools and a request to the pools
// that may hold it, the best first, with a reason for each pool that may not.
//
//	decider, err := decide.New(decide.DefaultOptions())      // at start: names are checked here
//	decision, err := decider.Decide(pools, &request, random) // err says which filter refused which pool and why
//	chosen := decision.Candidates[0].Pool
//	pools[i] = chosen.Consume(request.SizeGiB, 1)            // until the pool reports again
//
// Below it are packages snapshot (what is looked at), filters (who may), weighers (who should) and evaluator (the formulas
// of operators). What must not live here: a clock, configuration, the map of pools between decisions, and messages; all
// that is the scheduler service's.
package decide

import (
	"math"
	"slices"

	"github.com/clinker/clinker/internal/block/scheduler/decide/filters"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/scheduler/decide/weighers"
	"github.com/clinker/clinker/internal/fault"
)

// Options are the scheduler's options that a decision depends on.
type Options struct {
	Filters     []string // scheduler_default_filters, in the order in which they are asked
	Weighers    []string // scheduler_default_weighers
	Handler     string   // scheduler_weight_handler
	Multipliers weighers.Multipliers
	MaxAttempts int // scheduler_max_attempts, at least 1
}

// DefaultOptions are Cinder's defaults.
func DefaultOptions() Options {
	return Options{
		Filters:     filters.Defaults(),
		Weighers:    weighers.Defaults(),
		Handler:     weighers.DefaultHandler,
		Multipliers: weighers.DefaultMultipliers(),
		MaxAttempts: 3,
	}
}

// Decider decides. It does not change, so that many goroutines may use it.
type Decider struct {
	filters     []filters.Filter
	weighers    []weighers.Weigher
	handler     weighers.Handler
	multipliers weighers.Multipliers
	maxAttempts int
	retryFilter bool
}

// New checks the options. An error is fault.Invalid, and names what is not known together with what would be.
func New(o Options) (*Decider, error) {
	d := &Decider{multipliers: o.Multipliers, maxAttempts: o.MaxAttempts}
	var err error
	if d.filters, err = filters.Select(o.Filters); err != nil {
		return nil, err
	}
	if d.weighers, err = weighers.Select(o.Weighers); err != nil {
		return nil, err
	}
	if d.handler, err = weighers.SelectHandler(o.Handler); err != nil {
		return nil, err
	}
	if o.MaxAttempts < 1 {
		return nil, fault.New(fault.Invalid, "InvalidParameterValue", "Invalid value for 'scheduler_max_attempts', must be >=1")
	}
	for _, m := range []float64{o.Multipliers.Capacity, o.Multipliers.AllocatedCapacity, o.Multipliers.VolumeNumber} {
		if math.IsNaN(m) || math.IsInf(m, 0) {
			return nil, fault.New(fault.Invalid, "InvalidParameterValue", "Invalid value for a weight multiplier: %v is no finite number", m)
		}
	}
	d.retryFilter = slices.ContainsFunc(d.filters, func(f filters.Filter) bool { return f.Name == filters.Retry })
	return d, nil
}

// Candidate is a pool that may hold what was asked for. Weights of different decisions cannot be compared.
type Candidate struct {
	Pool   *snapshot.Pool
	Weight float64
	// Tried says that an earlier attempt failed there. Such candidates come last, whatever their weight.
	Tried bool
}

// Refusal says why a pool may not hold what was asked for.
type Refusal struct {
	Filter string // the filter's name, or one of the checks below
	Pool   *snapshot.Pool
	Reason string // part of a sentence, for users
}

// Checks that every request meets before the filters.
const (
	CheckService     = "ServiceState" // up, enabled, not frozen, has reported
	CheckBackend     = "BackendPin"   // Request.Backend
	CheckMultiattach = "Multiattach"  // Request.Multiattach
)

// Decision is what was found out. It refers to the pools it was made from.
type Decision struct {
	Candidates []Candidate // the best first; never empty unless there is an error
	Refusals   []Refusal   // by check and filter in the order they were asked, then by pool
	Warnings   []string    // a few sentences for the log, such as a goodness_function that fails
}

// Decide finds the pools for a request. Neither pools nor r are changed, and the order of pools does not matter: it
// depends on the state of the pools, the request and random alone. Random is used by ChanceWeigher and
// StochasticHostWeightHandler only.
//
// Pools of services that are down, disabled, frozen or have not reported are refused first; then those that are not
// r.Backend; then the filters are asked in their order; then the pools that are left are weighed. A pool that failed an
// earlier attempt at the request comes last: RetryFilter refuses it altogether, but Cinder's default filters do not
// include RetryFilter, and would choose the same pool again. A retype stays where the volume is if it can, and unless the
// migration policy is on-demand it cannot go anywhere else.
//
// If no pool is left the error is fault.Unavailable, NoValidBackend, and its text sums up the refusals for the user; the
// same when the attempts are used up. A hint that cannot be read is fault.Invalid.
//
// It takes time in proportion to the number of pools, under a microsecond for each with the default filters.
func (d *Decider) Decide(pools []snapshot.Pool, r *snapshot.Request, random weighers.Random) (Decision, error) {
	if r.Retry.Attempt > d.maxAttempts {
		return Decision{}, attemptsExceeded(d.maxAttempts, r)
	}
	var decision Decision
	left := make([]*snapshot.Pool, len(pools))
	for i := range pools {
		left[i] = &pools[i]
	}
	slices.SortFunc(left, snapshot.ByID)
	for _, c := range checks(r) {
		left = decision.keep(left, c.name, c.check)
	}
	for i := range d.filters {
		check, err := d.filters[i].Prepare(r)
		if err != nil {
			return decision, err
		}
		if check != nil {
			left = decision.keep(left, d.filters[i].Name, check)
		}
	}
	if len(left) == 0 {
		return decision, decision.noValidBackend("", pools, r)
	}
	order, warnings := d.handler.Order(d.weighers, d.multipliers, left, r, random)
	decision.Warnings = warnings
	decision.Candidates = candidates(order, r)
	if r.Operation == snapshot.RetypeVolume {
		return decision.stay(pools, r)
	}
	return decision, nil
}

// keep leaves the pools that pass, and records why the others do not.
func (d *Decision) keep(pools []*snapshot.Pool, name string, check filters.Check) []*snapshot.Pool {
	kept := pools[:0]
	for _, p := range pools {
		if reason := check(p); reason != "" {
			d.Refusals = append(d.Refusals, Refusal{Filter: name, Pool: p, Reason: reason})
		} else {
			kept = append(kept, p)
		}
	}
	return kept
}

type namedCheck struct {
	name  string
	check filters.Check
}

func checks(r *snapshot.Request) []namedCheck {
	list := []namedCheck{{CheckService, service}}
	if r.Backend != "" {
		reason := "it must be at " + string(r.Backend)
		list = append(list, namedCheck{CheckBackend, func(p *snapshot.Pool) string {
			if p.At(r.Backend) {
				return ""
			}
			return reason
		}})
	}
	if r.Multiattach && r.Operation != snapshot.ExtendVolume {
		list = append(list, namedCheck{CheckMultiattach, func(p *snapshot.Pool) string {
			if p.Multiattach {
				return ""
			}
			return "it does not support volumes that are attached more than once"
		}})
	}
	return list
}

func service(p *snapshot.Pool) string {
	switch {
	case p.Service.Disabled:
		return "its volume service is disabled"
	case p.Service.Frozen:
		return "its volume service is frozen"
	case !p.Service.Up:
		return "its volume service is down"
	case !p.Reported:
		return "its volume service has not reported its capabilities yet"
	}
	return ""
}

// candidates puts the pools that were tried before behind all others, and keeps the order otherwise.
func candidates(order []weighers.Weighed, r *snapshot.Request) []Candidate {
	list := make([]Candidate, 0, len(order))
	var tried []Candidate
	for _, w := range order {
		if r.Tried(w.Pool) {
			tried = append(tried, Candidate{Pool: w.Pool, Weight: w.Weight, Tried: true})
		} else {
			list = append(list, Candidate{Pool: w.Pool, Weight: w.Weight})
		}
	}
	return append(list, tried...)
}

// stay puts the pool a volume is on first among the candidates of a retype. A volume from before pools has an address
// without one; any pool of its back end will do for it, as upstream.
func (d Decision) stay(pools []snapshot.Pool, r *snapshot.Request) (Decision, error) {
	i := slices.IndexFunc(d.Candidates, func(c Candidate) bool { return c.Pool.Is(r.ExistsOn) })
	if i < 0 && r.ExistsOn.Pool() == "" {
		i = slices.IndexFunc(d.Candidates, func(c Candidate) bool { return c.Pool.At(r.ExistsOn) })
	}
	if i >= 0 {
		current := d.Candidates[i]
		d.Candidates = slices.Insert(slices.Delete(d.Candidates, i, i+1), 0, current)
	}
	if r.MigrationPolicy == snapshot.MigrateOnDemand {
		return d, nil
	}
	if i < 0 {
		d.Candidates = nil
		return d, d.noValidBackend("Current backend not valid for volume "+shorten(r.VolumeID, maxName)+" with type "+
			shorten(r.TypeName, maxName)+", migration not allowed. ", pools, r)
	}
	d.Candidates = d.Candidates[:1]
	return d, nil
}
