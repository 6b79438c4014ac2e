package filters_test

import (
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide/filters"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/fault"
)

const (
	volumeA  = "a0000000-0000-4000-8000-00000000000a"
	volumeB  = "b0000000-0000-4000-8000-00000000000b"
	instance = "c0000000-0000-4000-8000-00000000000c"
)

// testCase says what a filter makes of one pool and one request. An empty reason means that the pool passes.
type testCase struct {
	name    string
	pool    snapshot.Pool
	request snapshot.Request
	reason  string
}

func run(t *testing.T, filter string, cases []testCase) {
	t.Helper()
	for _, test := range cases {
		t.Run(test.name, func(t *testing.T) {
			if test.pool.Host == "" {
				test.pool.Host = "node@ssd#fast"
			}
			if reason := ask(t, filter, &test.pool, &test.request); reason != test.reason {
				t.Errorf("%s says %q, want %q", filter, reason, test.reason)
			}
		})
	}
}

func ask(t *testing.T, filter string, p *snapshot.Pool, r *snapshot.Request) string {
	t.Helper()
	selected, err := filters.Select([]string{filter})
	if err != nil {
		t.Fatal(err)
	}
	check, err := selected[0].Prepare(r)
	if err != nil {
		t.Fatal(err)
	}
	if check == nil {
		return ""
	}
	return check(p)
}

func TestSelect(t *testing.T) {
	for name, want := range map[string]string{
		"CapacityFilter":             "CapacityFilter",
		" JsonFilter ":               "JsonFilter",
		"RetryFilter":                "RetryFilter",
		"IgnoreAttemptedHostsFilter": "RetryFilter",
		"cinder.scheduler.filters.availability_zone_filter.AvailabilityZoneFilter":          "AvailabilityZoneFilter",
		"cinder.scheduler.filters.capabilities_filter.CapabilitiesFilter":                   "CapabilitiesFilter",
		"cinder.scheduler.filters.capacity_filter.CapacityFilter":                           "CapacityFilter",
		"cinder.scheduler.filters.driver_filter.DriverFilter":                               "DriverFilter",
		"cinder.scheduler.filters.json_filter.JsonFilter":                                   "JsonFilter",
		"cinder.scheduler.filters.affinity_filter.DifferentBackendFilter":                   "DifferentBackendFilter",
		"cinder.scheduler.filters.affinity_filter.SameBackendFilter":                        "SameBackendFilter",
		"cinder.scheduler.filters.instance_locality_filter.InstanceLocalityFilter":          "InstanceLocalityFilter",
		"cinder.scheduler.filters.ignore_attempted_hosts_filter.IgnoreAttemptedHostsFilter": "RetryFilter",
	} {
		selected, err := filters.Select([]string{name})
		if err != nil || len(selected) != 1 || selected[0].Name != want {
			t.Errorf("%q: %v, %v, want %s", name, selected, err, want)
		}
	}
	for _, name := range append(filters.Names(), filters.Defaults()...) {
		if _, err := filters.Select([]string{name}); err != nil {
			t.Error(err)
		}
	}
	_, err := filters.Select([]string{"CapacityFilter", "CapacitiesFilter"})
	const want = `Scheduler Host Filter "CapacitiesFilter" could not be found; there are AvailabilityZoneFilter, CapabilitiesFilter, ` +
		`CapacityFilter, DifferentBackendFilter, DriverFilter, IgnoreAttemptedHostsFilter, InstanceLocalityFilter, JsonFilter, ` +
		`RetryFilter, SameBackendFilter.`
	if fault.KindOf(err) != fault.Invalid || fault.NameOf(err) != "SchedulerHostFilterNotFound" || fault.UserText(err) != want {
		t.Errorf("%v", err)
	}
}

func TestAvailabilityZoneFilter(t *testing.T) {
	pool := snapshot.Pool{Service: snapshot.Service{AvailabilityZone: "north"}}
	run(t, "AvailabilityZoneFilter", []testCase{
		{"nothing asked", pool, snapshot.Request{}, ""},
		{"same", pool, snapshot.Request{AvailabilityZone: "north"}, ""},
		{"other", pool, snapshot.Request{AvailabilityZone: "south"}, "it is in availability zone north, the request asks for south"},
		{"one of several", pool, snapshot.Request{AvailabilityZones: []string{"south", "north"}}, ""},
		{"several go before one", pool, snapshot.Request{AvailabilityZone: "south", AvailabilityZones: []string{"north"}}, ""},
		{
			"none of several", pool, snapshot.Request{AvailabilityZone: "north", AvailabilityZones: []string{"south", "west"}},
			"it is in availability zone north, the request asks for south or west",
		},
	})
}

func TestCapacityFilter(t *testing.T) {
	infinite, unknown := snapshot.Capacity{Kind: snapshot.Infinite}, snapshot.Capacity{Kind: snapshot.Unknown}
	exact := snapshot.GiB
	thin := snapshot.Pool{
		Total: exact(100), Free: exact(5), ProvisionedGiB: 150, ReservedPercentage: 10, ThinProvisioning: true, MaxOverSubscription: 2,
	}
	with := func(p snapshot.Pool, change func(*snapshot.Pool)) snapshot.Pool { change(&p); return p }
	create := func(size int64) snapshot.Request {
		return snapshot.Request{Operation: snapshot.CreateVolume, SizeGiB: size}
	}
	extend := func(from, to int64) snapshot.Request {
		return snapshot.Request{Operation: snapshot.ExtendVolume, SizeGiB: from, NewSizeGiB: to}
	}
	retype := create(50)
	retype.ExistsOn = "node@ssd#fast"
	thickType := create(10)
	thickType.ExtraSpecs = map[string]string{"provisioning:type": "thick"}
	run(t, "CapacityFilter", []testCase{
		{"fits", snapshot.Pool{Total: exact(100), Free: exact(50)}, create(50), ""},
		{"too large", snapshot.Pool{Total: exact(100), Free: exact(50)}, create(51), "51 GiB are needed, 50 GiB are left"},
		{"reserved", snapshot.Pool{Total: exact(100), Free: exact(100), ReservedPercentage: 25}, create(76), "76 GiB are needed, 75 GiB are left"},
		{"provisioned counts for thick", snapshot.Pool{Total: exact(100), Free: exact(100), ProvisionedGiB: 70}, create(31), "31 GiB are needed, 30 GiB are left"},
		{"nothing left", snapshot.Pool{Total: exact(100), Free: exact(-3)}, create(1), "1 GiB are needed, 0 GiB are left"},
		{"a fraction is missing", snapshot.Pool{Total: exact(100), Free: exact(9.996)}, create(10), "10 GiB are needed, 10 GiB are left"},
		{"size 0 is to be managed", snapshot.Pool{}, create(0), ""},
		{"already there", snapshot.Pool{}, retype, ""},
		{"already there, but elsewhere", snapshot.Pool{Host: "node@ssd#slow", Total: exact(100), Free: exact(4)}, retype, "50 GiB are needed, 4 GiB are left"},
		{"already there, by its cluster", snapshot.Pool{Host: "other@ssd#fast", Cluster: "node@ssd#fast"}, retype, ""},
		{"growth fits", snapshot.Pool{Total: exact(100), Free: exact(5)}, extend(40, 45), ""},
		{"growth does not fit", snapshot.Pool{Total: exact(100), Free: exact(5)}, extend(40, 46), "6 GiB more are needed, 5 GiB are left"},
		{"free not reported", snapshot.Pool{Total: exact(100)}, create(1), "it does not report its free capacity"},
		{"total not reported", snapshot.Pool{Free: exact(100)}, create(1), "it does not report its total capacity"},
		{"free infinite", snapshot.Pool{Total: exact(1), Free: infinite}, create(1000), ""},
		{"free unknown", snapshot.Pool{Total: exact(1), Free: unknown, ReservedPercentage: 5}, create(1000), ""},
		{"total infinite", snapshot.Pool{Total: infinite, Free: exact(1)}, create(1000), ""},
		{"total unknown, reserved", snapshot.Pool{Total: unknown, Free: exact(9), ReservedPercentage: 5}, create(1), "it reserves 5% of a capacity it does not know"},
		{"total zero", snapshot.Pool{Total: exact(0), Free: exact(9)}, create(1), "its total capacity is 0 GiB"},
		{"thin fits beyond free space", thin, create(30), ""},
		{"thin over-committed", thin, create(31), "31 GiB are needed, 30 GiB are left of 180 GiB that may be promised (max_over_subscription_ratio 2)"},
		{"thick on a thin pool", thin, thickType, "10 GiB are needed, 0 GiB are left"},
		{"no thin provisioning", with(thin, func(p *snapshot.Pool) { p.ThinProvisioning, p.ProvisionedGiB = false, 0 }), create(6), "6 GiB are needed, 5 GiB are left"},
		{"ratio below 1", with(thin, func(p *snapshot.Pool) { p.MaxOverSubscription = 0.5 }), create(1), "its max_over_subscription_ratio is 0.5, it must be at least 1"},
		{"all is reserved", with(thin, func(p *snapshot.Pool) { p.ReservedPercentage, p.ProvisionedGiB = 100, 0 }), create(1), "1 GiB are needed, 0 GiB are left of 0 GiB that may be promised (max_over_subscription_ratio 2)"},
	})
}

func TestCapabilitiesFilter(t *testing.T) {
	pool := snapshot.Pool{OnlineExtend: true, Capabilities: map[string]any{
		"volume_backend_name": "gold", "multiattach": true, "thin": "True", "disks": 24.0, "share": "0.5", "empty": nil, "blank": "",
		"storage_protocol": []any{"iSCSI", "iscsi"}, "tiers": []string{"a", "b"}, "qos": map[string]any{"levels": map[string]any{"max": 7.0}},
		"long": strings.Repeat("z", 500), "none": []any{},
	}}
	specs := func(pairs ...string) snapshot.Request {
		m := map[string]string{}
		for i := 0; i < len(pairs); i += 2 {
			m[pairs[i]] = pairs[i+1]
		}
		return snapshot.Request{ExtraSpecs: m}
	}
	no := func(spec, reported string) string {
		return "the extra spec " + spec + " does not match what it reports, " + reported
	}
	attached := snapshot.Request{Operation: snapshot.ExtendVolume, AttachStatus: block.AttachAttached}
	detached := snapshot.Request{Operation: snapshot.ExtendVolume, AttachStatus: block.AttachDetached}
	run(t, "CapabilitiesFilter", []testCase{
		{"no specs", pool, specs(), ""},
		{"equal", pool, specs("volume_backend_name", "gold"), ""},
		{"not equal", pool, specs("volume_backend_name", "silver"), no("volume_backend_name=silver", `"gold"`)},
		{"scoped", pool, specs("capabilities:volume_backend_name", "gold"), ""},
		{"other scope", pool, specs("acme:whatever", "1", "provisioning:type", "thick"), ""},
		{"nested", pool, specs("capabilities:qos:levels:max", ">= 7"), ""},
		{"nested too deep", pool, specs("capabilities:disks:more", "1"), "the extra spec capabilities:disks:more=1 asks for a capability it does not report"},
		{"not reported", pool, specs("colour", "red"), "the extra spec colour=red asks for a capability it does not report"},
		{"element of a list", pool, specs("storage_protocol", "iscsi"), ""},
		{"no element of a list", pool, specs("storage_protocol", "FC"), no("storage_protocol=FC", "[iSCSI iscsi]")},
		{"element of a list from this process", pool, specs("tiers", "b"), ""},
		{"empty list", pool, specs("none", "b"), no("none=b", "[]")},
		{"plain string is no boolean", pool, specs("multiattach", "True"), no("multiattach=True", "true")},
		{"is", pool, specs("multiattach", "<is> True", "thin", "<is> yes"), ""},
		{"is not", pool, specs("thin", "<is> False"), no("thin=<is> False", `"True"`)},
		{"is, of a string without meaning", pool, specs("volume_backend_name", "<is> off"), ""},
		{"at least", pool, specs("disks", "= 20"), ""},
		{"at least, fails", pool, specs("disks", "= 25"), no("disks== 25", "24")},
		{"numbers", pool, specs("disks", "== 24", "share", "<= 0.5", "capabilities:disks", "!= 7"), ""},
		{"number of a string", pool, specs("share", ">= 0.6"), no("share=>= 0.6", `"0.5"`)},
		{"no number", pool, specs("volume_backend_name", ">= 1"), no("volume_backend_name=>= 1", `"gold"`)},
		{"no number asked", pool, specs("disks", ">= many"), no("disks=>= many", "24")},
		{"strings", pool, specs("volume_backend_name", "s== gold", "capabilities:volume_backend_name", "s> fool", "share", "s<= 0.5"), ""},
		{"string differs", pool, specs("volume_backend_name", "s!= gold"), no("volume_backend_name=s!= gold", `"gold"`)},
		{"string before", pool, specs("volume_backend_name", "s< gold"), no("volume_backend_name=s< gold", `"gold"`)},
		{"string from", pool, specs("volume_backend_name", "s>= gold"), ""},
		{"string not of a number", pool, specs("disks", "s> 1"), no("disks=s> 1", "24")},
		{"in", pool, specs("volume_backend_name", "<in> ol"), ""},
		{"not in", pool, specs("volume_backend_name", "<in> silver"), no("volume_backend_name=<in> silver", `"gold"`)},
		{"or", pool, specs("volume_backend_name", "<or> silver <or> gold"), ""},
		{"or none", pool, specs("volume_backend_name", "<or> silver <or> bronze"), no("volume_backend_name=<or> silver <or> bronze", `"gold"`)},
		{"or nothing", pool, specs("volume_backend_name", "<or>"), no("volume_backend_name=<or>", `"gold"`)},
		{"operator without operand", pool, specs("disks", ">="), no("disks=>=", "24")},
		{"null", pool, specs("empty", "<is> False"), no("empty=<is> False", "nothing")},
		{"null has no order", pool, specs("empty", "!= 1"), no("empty=!= 1", "nothing")},
		{"null differs from nothing", pool, specs("empty", "s!= 1"), no("empty=s!= 1", "nothing")},
		{"empty", pool, specs("blank", ""), ""},
		{"the whole report", pool, specs("capabilities", "x"), "the extra spec capabilities=x names no capability"},
		{"an object", pool, specs("qos", "x"), no("qos=x", "an object")},
		{"a long value is cut", pool, specs("long", "x"), no("long=x", `"`+strings.Repeat("z", 79)+"...")},
		{"the first by name is told", pool, specs("thin", "no", "disks", "no", "volume_backend_name", "no"), no("disks=no", "24")},
		{"extend attached", pool, attached, ""},
		{"extend attached where that is not possible", snapshot.Pool{}, attached, "it cannot extend a volume that is attached"},
		{"extend detached where that is not possible", snapshot.Pool{}, detached, ""},
		{"create where attached volumes cannot be extended", snapshot.Pool{}, snapshot.Request{Operation: snapshot.CreateVolume}, ""},
	})
}

func TestDriverFilter(t *testing.T) {
	pool := func(function string) snapshot.Pool {
		return snapshot.Pool{FilterFunction: function, StorageProtocols: []string{"FC", "fibre_channel", "fc"}}
	}
	request := snapshot.Request{SizeGiB: 5, ExtraSpecs: map[string]string{"tier": "gold"}}
	run(t, "DriverFilter", []testCase{
		{"none", pool(""), request, ""},
		{"true", pool("volume.size < 10 and extra.tier == gold"), request, ""},
		{"false", pool("volume.size > 10"), request, "its filter_function is false for this request"},
		{"zero is false", pool("volume.size - 5"), request, "its filter_function is false for this request"},
		{"a number is true", pool("volume.size"), request, ""},
		{"any spelling of the protocol", pool("stats.storage_protocol == 'fc'"), request, ""},
		{"no spelling of the protocol", pool("stats.storage_protocol == 'iSCSI'"), request, "its filter_function is false for this request"},
		{"cannot be read", pool("volume.size <"), request, "its filter_function cannot be evaluated: at character 14: a value is missing at the end"},
		{"cannot be evaluated", pool("volume.colour == red"), request, "its filter_function cannot be evaluated: at character 1: volume.colour is not known"},
	})
}

func TestAffinityFilters(t *testing.T) {
	hosts := map[string]block.Host{volumeA: "node@ssd#fast", volumeB: "other@hdd#slow"}
	hint := func(name string, value any) snapshot.Request {
		return snapshot.Request{Hints: map[string]any{name: value}, VolumeHosts: hosts}
	}
	here, clustered := snapshot.Pool{}, snapshot.Pool{Host: "third@ssd#fast", Cluster: "node@ssd#fast"}
	const (
		unreadable = " must be the id of a volume or a list of ids"
		there      = "volume " + volumeA + " of the hint different_host is there"
		notThere   = "none of the volumes of the hint same_host is there"
	)
	run(t, "DifferentBackendFilter", []testCase{
		{"no hint", here, snapshot.Request{}, ""},
		{"there", here, hint("different_host", volumeA), there},
		{"elsewhere", here, hint("different_host", volumeB), ""},
		{"one of them there", here, hint("different_host", []any{volumeB, volumeA}), there},
		{"cluster", clustered, hint("different_host", []string{volumeA}), there},
		{"unknown volume", here, hint("different_host", instance), ""},
		{"empty list", here, hint("different_host", []any{}), ""},
		{"no id", here, hint("different_host", "volume-1"), "the scheduler hint different_host" + unreadable},
		{"one is no id", here, hint("different_host", []any{volumeB, "x"}), "the scheduler hint different_host" + unreadable},
		{"one is no string", here, hint("different_host", []any{volumeB, 1.0}), "the scheduler hint different_host" + unreadable},
		{"object", here, hint("different_host", map[string]any{}), "the scheduler hint different_host" + unreadable},
		{"null", here, hint("different_host", nil), "the scheduler hint different_host" + unreadable},
	})
	run(t, "SameBackendFilter", []testCase{
		{"no hint", here, snapshot.Request{}, ""},
		{"there", here, hint("same_host", volumeA), ""},
		{"elsewhere", here, hint("same_host", volumeB), notThere},
		{"one of them there", here, hint("same_host", []any{volumeB, volumeA}), ""},
		{"cluster", clustered, hint("same_host", []any{volumeA}), ""},
		{"unknown volume", here, hint("same_host", instance), notThere},
		{"empty list", here, hint("same_host", []any{}), ""},
		{"no id", here, hint("same_host", "x"), "the scheduler hint same_host" + unreadable},
	})
}

func TestInstanceLocalityFilter(t *testing.T) {
	hint := func(value any) snapshot.Request {
		return snapshot.Request{Hints: map[string]any{"local_to_instance": value}, InstanceHosts: map[string]string{instance: "node"}}
	}
	run(t, "InstanceLocalityFilter", []testCase{
		{"no hint", snapshot.Pool{}, snapshot.Request{}, ""},
		{"empty", snapshot.Pool{}, hint(""), ""},
		{"same machine", snapshot.Pool{}, hint(instance), ""},
		{"other machine", snapshot.Pool{Host: "node2@ssd#fast"}, hint(instance), "instance " + instance + " of the hint local_to_instance runs elsewhere"},
		{"unknown instance", snapshot.Pool{}, hint(volumeA), "it is not known where instance " + volumeA + " of the hint local_to_instance runs"},
		{"no id", snapshot.Pool{}, hint("web-1"), "the scheduler hint local_to_instance must be the id of an instance"},
		{"no string", snapshot.Pool{}, hint(1.0), "the scheduler hint local_to_instance must be the id of an instance"},
	})
}

func TestRetryFilter(t *testing.T) {
	request := snapshot.Request{Retry: snapshot.Retry{Attempt: 2, Tried: []block.Host{"other@ssd#fast", "node@ssd#fast", ""}}}
	const failed = "an earlier attempt at this request failed there"
	run(t, "RetryFilter", []testCase{
		{"first attempt", snapshot.Pool{}, snapshot.Request{}, ""},
		{"tried", snapshot.Pool{}, request, failed},
		{"tried, by its cluster", snapshot.Pool{Host: "third@ssd#fast", Cluster: "node@ssd#fast"}, request, failed},
		{"another pool of the same back end", snapshot.Pool{Host: "node@ssd#slow"}, request, ""},
	})
	run(t, "IgnoreAttemptedHostsFilter", []testCase{{"by the name of its class", snapshot.Pool{}, request, failed}})
}
