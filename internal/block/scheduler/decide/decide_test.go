package decide_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/filters"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/scheduler/decide/weighers"
	"github.com/clinker/clinker/internal/fault"
)

// pool is a healthy thick pool in zone nova with so many GiB free of 100.
func pool(host block.Host, free float64) snapshot.Pool {
	return snapshot.Pool{
		Host: host, Service: snapshot.Service{Up: true, AvailabilityZone: "nova"}, Reported: true, OnlineExtend: true,
		Total: snapshot.GiB(100), Free: snapshot.GiB(free), MaxOverSubscription: 1,
	}
}

func newDecider(t testing.TB, change func(*decide.Options)) *decide.Decider {
	t.Helper()
	o := decide.DefaultOptions()
	if change != nil {
		change(&o)
	}
	d, err := decide.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func chosen(d decide.Decision) []block.Host {
	list := []block.Host{}
	for _, c := range d.Candidates {
		list = append(list, c.Pool.Host)
	}
	return list
}

func TestDefaultOptionsAreCinders(t *testing.T) {
	want := decide.Options{
		Filters:  []string{"AvailabilityZoneFilter", "CapacityFilter", "CapabilitiesFilter"},
		Weighers: []string{"CapacityWeigher"}, Handler: "OrderedHostWeightHandler", MaxAttempts: 3,
		Multipliers: weighers.Multipliers{Capacity: 1, AllocatedCapacity: -1, VolumeNumber: -1},
	}
	if diff := cmp.Diff(want, decide.DefaultOptions()); diff != "" {
		t.Error(diff)
	}
}

func TestNewRefusesBadOptions(t *testing.T) {
	for want, change := range map[string]func(*decide.Options){
		`Filter "X" could not be found`:                               func(o *decide.Options) { o.Filters = []string{"X"} },
		`Weigher "X" could not be found`:                              func(o *decide.Options) { o.Weighers = []string{"X"} },
		`handler "" could not be found`:                               func(o *decide.Options) { o.Handler = "" },
		"Invalid value for 'scheduler_max_attempts', must be >=1":     func(o *decide.Options) { o.MaxAttempts = 0 },
		"Invalid value for a weight multiplier: NaN is no finite":     func(o *decide.Options) { o.Multipliers.VolumeNumber = math.NaN() },
		"Invalid value for a weight multiplier: +Inf is no finite nu": func(o *decide.Options) { o.Multipliers.Capacity = math.Inf(1) },
	} {
		o := decide.DefaultOptions()
		change(&o)
		if _, err := decide.New(o); !fault.Is(err, fault.Invalid) || !strings.Contains(fault.UserText(err), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
}

func TestDecideOrdersAndExplains(t *testing.T) {
	down, disabled, frozen, silent := pool("n5@b#p", 90), pool("n6@b#p", 90), pool("n7@b#p", 90), pool("n8@b", 90)
	down.Service.Up = false
	disabled.Service.Disabled = true
	frozen.Service.Frozen = true
	silent.Reported = false
	south := pool("n4@b#p", 90)
	south.Service.AvailabilityZone = "south"
	pools := []snapshot.Pool{
		silent, frozen, disabled, down, south, pool("n3@b#p", 4), pool("n2@b#p", 50), pool("n1@b#p", 30), pool("n9@b#p", 50),
	}
	request := &snapshot.Request{Operation: snapshot.CreateVolume, SizeGiB: 10, AvailabilityZone: "nova"}
	d, err := newDecider(t, nil).Decide(pools, request, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]block.Host{"n2@b#p", "n9@b#p", "n1@b#p"}, chosen(d)); diff != "" {
		t.Error(diff)
	}
	var refusals []string
	for _, r := range d.Refusals {
		refusals = append(refusals, r.Filter+" refused "+string(r.Pool.Host)+": "+r.Reason)
	}
	if diff := cmp.Diff([]string{
		"ServiceState refused n5@b#p: its volume service is down",
		"ServiceState refused n6@b#p: its volume service is disabled",
		"ServiceState refused n7@b#p: its volume service is frozen",
		"ServiceState refused n8@b: its volume service has not reported its capabilities yet",
		"AvailabilityZoneFilter refused n4@b#p: it is in availability zone south, the request asks for nova",
		"CapacityFilter refused n3@b#p: 10 GiB are needed, 4 GiB are left",
	}, refusals); diff != "" {
		t.Error(diff)
	}
}

// What the user reads when nothing fits.
func TestNoValidBackend(t *testing.T) {
	var crowd []snapshot.Pool
	for i := range 500 {
		crowd = append(crowd, pool(block.Host(fmt.Sprintf("node%03d@%s#p", i, strings.Repeat("b", 200))), 1))
	}
	tried := snapshot.Retry{Attempt: 4, LastError: "the disk is on fire", Tried: []block.Host{"n1@b#p"}}
	for _, test := range []struct {
		name    string
		pools   []snapshot.Pool
		request snapshot.Request
		want    string
	}{
		{"nothing there", nil, snapshot.Request{SizeGiB: 1}, "No volume service has reported to the scheduler."},
		{
			"one pool", []snapshot.Pool{pool("n1@b#p", 4)}, snapshot.Request{SizeGiB: 10},
			"CapacityFilter refused n1@b#p: 10 GiB are needed, 4 GiB are left.",
		},
		{
			"several filters", []snapshot.Pool{pool("n1@b#p", 4), pool("n2@b#p", 40), pool("n3@b#p", 4.127)},
			snapshot.Request{SizeGiB: 10, ExtraSpecs: map[string]string{"volume_backend_name": "gold"}},
			"CapacityFilter refused 2 pools, such as n1@b#p: 10 GiB are needed, 4 GiB are left; " +
				"CapabilitiesFilter refused n2@b#p: the extra spec volume_backend_name=gold asks for a capability it does not report.",
		},
		{
			"a crowd with long names", crowd, snapshot.Request{SizeGiB: 10},
			"CapacityFilter refused 500 pools, such as node000@" + strings.Repeat("b", 69) + "...: 10 GiB are needed, 1 GiB are left.",
		},
		{
			"pinned to what is full", []snapshot.Pool{pool("n1@b#p", 4), pool("n2@b#p", 40)}, snapshot.Request{SizeGiB: 10, Backend: "n1@b"},
			"BackendPin refused n2@b#p: it must be at n1@b; CapacityFilter refused n1@b#p: 10 GiB are needed, 4 GiB are left.",
		},
		{
			"pinned to what is not known", []snapshot.Pool{pool("n1@b#p", 4)}, snapshot.Request{SizeGiB: 10, Backend: "n7@b#p"},
			"The scheduler knows no pool at n7@b#p. BackendPin refused n1@b#p: it must be at n7@b#p.",
		},
		{
			"multiattach", []snapshot.Pool{pool("n1@b#p", 40)}, snapshot.Request{SizeGiB: 10, Multiattach: true},
			"Multiattach refused n1@b#p: it does not support volumes that are attached more than once.",
		},
		{
			"attempts used up", []snapshot.Pool{pool("n1@b#p", 40)}, snapshot.Request{VolumeID: "v1", Retry: tried},
			"Exceeded max scheduling attempts 3 for resource v1; the last attempt failed: the disk is on fire",
		},
		{
			"attempts used up, of what is not said", nil, snapshot.Request{Retry: snapshot.Retry{Attempt: 4}},
			"Exceeded max scheduling attempts 3 for resource of the request",
		},
		{
			"a retype that may not move", []snapshot.Pool{pool("n1@b#p", 4), pool("n2@b#p", 40)},
			snapshot.Request{Operation: snapshot.RetypeVolume, SizeGiB: 10, VolumeID: "v1", TypeName: "gold", ExistsOn: "n3@b#p"},
			"Current backend not valid for volume v1 with type gold, migration not allowed. " +
				"CapacityFilter refused n1@b#p: 10 GiB are needed, 4 GiB are left.",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := newDecider(t, nil).Decide(test.pools, &test.request, nil)
			if !fault.Is(err, fault.Unavailable) || fault.NameOf(err) != "NoValidBackend" {
				t.Fatalf("%v", err)
			}
			if diff := cmp.Diff("No valid backend was found. "+test.want, fault.UserText(err)); diff != "" {
				t.Error(diff)
			}
			if len(d.Candidates) > 0 {
				t.Errorf("candidates in spite of the error: %v", chosen(d))
			}
		})
	}
}

// However much there is to say, the text stays short.
func TestNoValidBackendIsBounded(t *testing.T) {
	long := strings.Repeat("é", 500)
	var pools []snapshot.Pool
	for i, f := range []func(*snapshot.Pool){
		func(p *snapshot.Pool) { p.Service.AvailabilityZone = long },
		func(p *snapshot.Pool) { p.Free = snapshot.GiB(0) },
		func(p *snapshot.Pool) { p.Capabilities = map[string]any{"x": long} },
		func(p *snapshot.Pool) { p.Service.Up = false },
		func(p *snapshot.Pool) { p.Capabilities, p.FilterFunction = map[string]any{"x": "1"}, "1 < '"+long+"'" },
	} {
		p := pool(block.Host(fmt.Sprintf("n%d@%s#p", i, long)), 50)
		f(&p)
		pools = append(pools, p)
	}
	d := newDecider(t, func(o *decide.Options) { o.Filters = append(o.Filters, "DriverFilter") })
	_, err := d.Decide(pools, &snapshot.Request{
		SizeGiB: 10, AvailabilityZone: "nova", ExtraSpecs: map[string]string{"x": "1"}, TypeName: long, VolumeID: long,
	}, nil)
	text := fault.UserText(err)
	if len(text) > 1000 || len(text) < 500 || strings.Count(text, "refused") < 4 || strings.ContainsRune(text, '\uFFFD') {
		t.Errorf("%d bytes: %s", len(text), text)
	}
}

func TestRetry(t *testing.T) {
	pools := []snapshot.Pool{pool("n1@b#p", 90), pool("n2@b#p", 50), pool("n3@b#p", 20)}
	request := &snapshot.Request{SizeGiB: 10, Retry: snapshot.Retry{Attempt: 2, Tried: []block.Host{"n1@b#p"}}}
	d, err := newDecider(t, nil).Decide(pools, request, nil)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]block.Host{"n2@b#p", "n3@b#p", "n1@b#p"}, chosen(d)); diff != "" || !d.Candidates[2].Tried || d.Candidates[0].Tried {
		t.Errorf("what failed should come last: %s", diff)
	}
	withFilter := newDecider(t, func(o *decide.Options) { o.Filters = append(o.Filters, "RetryFilter") })
	if d, err = withFilter.Decide(pools, request, nil); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]block.Host{"n2@b#p", "n3@b#p"}, chosen(d)); diff != "" {
		t.Error(diff)
	}
	if d, err = newDecider(t, nil).Decide(pools[:1], request, nil); err != nil || len(d.Candidates) != 1 {
		t.Errorf("the only pool there is may be tried again: %v, %v", chosen(d), err)
	}
}

func TestRetype(t *testing.T) {
	pools := []snapshot.Pool{pool("n1@b#full", 1), pool("n1@b#roomy", 40), pool("n2@b#p", 90)}
	for _, test := range []struct {
		name, policy string
		on           block.Host
		want         []block.Host
	}{
		{"stays, though it is full", "never", "n1@b#full", []block.Host{"n1@b#full"}},
		{"stays if it can", "on-demand", "n1@b#full", []block.Host{"n1@b#full", "n2@b#p", "n1@b#roomy"}},
		{"from before pools", "", "n1@b", []block.Host{"n1@b#roomy"}},
		{"moves", "on-demand", "n9@b#p", []block.Host{"n2@b#p", "n1@b#roomy"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := newDecider(t, nil).Decide(pools, &snapshot.Request{
				Operation: snapshot.RetypeVolume, SizeGiB: 10, ExistsOn: test.on, MigrationPolicy: test.policy,
			}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, chosen(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestOtherOperations(t *testing.T) {
	pools := []snapshot.Pool{pool("n1@b#p", 10), pool("n1@b#q", 60), pool("n2@b#p", 90)}
	for _, test := range []struct {
		name    string
		request snapshot.Request
		want    []block.Host
	}{
		{"extend in place", snapshot.Request{Operation: snapshot.ExtendVolume, SizeGiB: 50, NewSizeGiB: 60, Backend: "n1@b#p"}, []block.Host{"n1@b#p"}},
		{"extend of a multiattach volume", snapshot.Request{Operation: snapshot.ExtendVolume, SizeGiB: 5, NewSizeGiB: 6, Backend: "n1@b#p", Multiattach: true}, []block.Host{"n1@b#p"}},
		{"migrate to a back end", snapshot.Request{Operation: snapshot.MigrateVolume, SizeGiB: 20, Backend: "n1@b"}, []block.Host{"n1@b#q"}},
		{"manage", snapshot.Request{Operation: snapshot.ManageExisting, Backend: "n1@b#p"}, []block.Host{"n1@b#p"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			d, err := newDecider(t, nil).Decide(pools, &test.request, nil)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, chosen(d)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestUnreadableHintIsTheUsersMistake(t *testing.T) {
	d := newDecider(t, func(o *decide.Options) { o.Filters = filters.Names() })
	_, err := d.Decide([]snapshot.Pool{pool("n1@b#p", 10)}, &snapshot.Request{Hints: map[string]any{"query": "["}}, nil)
	if !fault.Is(err, fault.Invalid) {
		t.Error(err)
	}
}

func TestWarningsReachTheCaller(t *testing.T) {
	d := newDecider(t, func(o *decide.Options) { o.Weighers = []string{"GoodnessWeigher"} })
	p := pool("n1@b#p", 10)
	p.GoodnessFunction = "1 +"
	got, err := d.Decide([]snapshot.Pool{p}, &snapshot.Request{SizeGiB: 1}, nil)
	if err != nil || len(got.Warnings) != 1 || len(got.Candidates) != 1 {
		t.Errorf("%+v, %v", got, err)
	}
	if got.Summary() != "" {
		t.Error(got.Summary())
	}
}

func BenchmarkDecide(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	pools := make([]snapshot.Pool, 1000)
	for i := range pools {
		pools[i] = pool(block.Host(fmt.Sprintf("node%d@ssd#pool%d", i/4, i%4)), random.Float64()*100)
		pools[i].Capabilities = map[string]any{"volume_backend_name": "gold", "thin": true}
		pools[i].GoodnessFunction = "100 - stats.allocated_capacity_gb / stats.total_capacity_gb"
		pools[i].FilterFunction = "volume.size < 100"
	}
	request := &snapshot.Request{
		Operation: snapshot.CreateVolume, SizeGiB: 10, AvailabilityZone: "nova",
		ExtraSpecs: map[string]string{"volume_backend_name": "gold", "thin": "<is> True"},
	}
	for name, change := range map[string]func(*decide.Options){
		"defaults": nil,
		"all": func(o *decide.Options) {
			o.Filters, o.Weighers = filters.Names(), weighers.Names()
		},
	} {
		d := newDecider(b, change)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := d.Decide(pools, request, random); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	d := newDecider(b, nil)
	none := *request
	none.SizeGiB = 1000
	b.Run("nothing fits", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := d.Decide(pools, &none, random); err == nil {
				b.Fatal("something fits")
			}
		}
	})
}
