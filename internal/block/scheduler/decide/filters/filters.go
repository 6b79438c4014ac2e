// Package filters holds Cinder's nine filters: each says of one pool whether a request may go there, and if not, why.
//
// Every filter is a pure function of a snapshot. What must not live here: the order of the pools that are left (package
// weighers), and filters every request meets whatever is configured (package decide).
package filters

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

// Check looks at one pool for the request it was prepared for. The empty reason lets the pool pass; any other is a
// sentence without full stop for whoever asked, that follows "<filter> refused <pool>: ". It is for one goroutine.
type Check func(p *snapshot.Pool) (reason string)

// Filter is one of the filters.
type Filter struct {
	// Name is the one to show and to configure.
	Name    string
	names   []string // all others that are accepted
	prepare func(r *snapshot.Request) (Check, error)
}

// Prepare makes the check for a request. A nil Check lets every pool pass: the request asks nothing of this filter. The
// error is fault.Invalid: the request asks in a way that no pool can answer, such as a hint that cannot be read.
func (f *Filter) Prepare(r *snapshot.Request) (Check, error) { return f.prepare(r) }

// all is the table of filters, made afresh so that nobody can change it.
func all() []Filter {
	const path = "cinder.scheduler.filters."
	return []Filter{
		{"AvailabilityZoneFilter", []string{path + "availability_zone_filter.AvailabilityZoneFilter"}, availabilityZone},
		{"CapabilitiesFilter", []string{path + "capabilities_filter.CapabilitiesFilter"}, capabilities},
		{"CapacityFilter", []string{path + "capacity_filter.CapacityFilter"}, capacity},
		{"DifferentBackendFilter", []string{path + "affinity_filter.DifferentBackendFilter"}, differentBackend},
		{"DriverFilter", []string{path + "driver_filter.DriverFilter"}, driver},
		{"InstanceLocalityFilter", []string{path + "instance_locality_filter.InstanceLocalityFilter"}, instanceLocality},
		{"JsonFilter", []string{path + "json_filter.JsonFilter"}, jsonQuery},
		{
			"RetryFilter",
			[]string{"IgnoreAttemptedHostsFilter", path + "ignore_attempted_hosts_filter.IgnoreAttemptedHostsFilter"},
			retry,
		},
		{"SameBackendFilter", []string{path + "affinity_filter.SameBackendFilter"}, sameBackend},
	}
}

// Retry is the name of the filter that refuses pools that were tried before.
const Retry = "RetryFilter"

// Defaults are the filters of Cinder's scheduler_default_filters, in their order.
func Defaults() []string {
	return []string{"AvailabilityZoneFilter", "CapacityFilter", "CapabilitiesFilter"}
}

// Names are the names that Select accepts beside full class paths, sorted.
func Names() []string {
	var names []string
	for _, f := range all() {
		names = append(names, f.Name)
		for _, n := range f.names {
			if !strings.Contains(n, ".") {
				names = append(names, n)
			}
		}
	}
	slices.Sort(names)
	return names
}

// Select gives the filters of these names, in their order: the names of the classes, of the entry points, or full class
// paths as upstream writes them. A name that is not known is fault.Invalid, SchedulerHostFilterNotFound.
func Select(names []string) ([]Filter, error) {
	table := all()
	selected := make([]Filter, 0, len(names))
	for _, name := range names {
		name = strings.TrimSpace(name)
		i := slices.IndexFunc(table, func(f Filter) bool { return f.Name == name || slices.Contains(f.names, name) })
		if i < 0 {
			return nil, fault.New(fault.Invalid, "SchedulerHostFilterNotFound",
				"Scheduler Host Filter %.100q could not be found; there are %s.", name, strings.Join(Names(), ", "))
		}
		selected = append(selected, table[i])
	}
	return selected, nil
}

// availabilityZone wants the service's zone to be one of those asked for.
func availabilityZone(r *snapshot.Request) (Check, error) {
	zones := r.AvailabilityZones
	if len(zones) == 0 && r.AvailabilityZone != "" {
		zones = []string{r.AvailabilityZone}
	}
	if len(zones) == 0 {
		return nil, nil
	}
	asked := "the request asks for " + strings.Join(zones, " or ")
	return func(p *snapshot.Pool) string {
		zone := p.Service.AvailabilityZone
		if slices.Contains(zones, zone) {
			return ""
		}
		return "it is in availability zone " + zone + ", " + asked
	}, nil
}

// retry refuses the pools of earlier attempts.
func retry(r *snapshot.Request) (Check, error) {
	if len(r.Retry.Tried) == 0 {
		return nil, nil
	}
	return func(p *snapshot.Pool) string {
		if r.Tried(p) {
			return "an earlier attempt at this request failed there"
		}
		return ""
	}, nil
}

// driver wants the pool's own filter_function to be true, for at least one spelling of its protocol.
func driver(r *snapshot.Request) (Check, error) {
	formulas := snapshot.NewFormulas(r)
	return func(p *snapshot.Pool) string {
		if p.FilterFunction == "" {
			return ""
		}
		var failure error
		for _, result := range formulas.Evaluate(p.FilterFunction, p) {
			if result.Err != nil {
				failure = result.Err
			} else if result.Value.Truth() {
				return ""
			}
		}
		if failure != nil {
			return "its filter_function cannot be evaluated: " + fault.UserText(failure)
		}
		return "its filter_function is false for this request"
	}, nil
}
