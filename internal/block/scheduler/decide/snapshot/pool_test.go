package snapshot_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

func TestRoom(t *testing.T) {
	pool := snapshot.Pool{
		Total: snapshot.GiB(500), Free: snapshot.GiB(200), ProvisionedGiB: 400, ReservedPercentage: 5, MaxOverSubscription: 2,
		ThinProvisioning: true,
	}
	thickOnly, full, odd := pool, pool, pool
	thickOnly.ThinProvisioning = false
	full.ProvisionedGiB = 2000
	odd.Total, odd.ReservedPercentage = snapshot.GiB(10.9), 15 // 1.635 GiB reserved, of which whole ones count
	for _, test := range []struct {
		name string
		pool snapshot.Pool
		thin bool
		want snapshot.Room
	}{
		{"thin", pool, true, snapshot.Room{Thin: true, AvailableGiB: 950, VirtualGiB: 550}},
		{"thick on a thin pool", pool, false, snapshot.Room{AvailableGiB: 475, VirtualGiB: 75}},
		{"thin on a thick pool", thickOnly, true, snapshot.Room{AvailableGiB: 475, VirtualGiB: 75}},
		{"over-committed", full, true, snapshot.Room{Thin: true, AvailableGiB: 950, VirtualGiB: -1050}},
		{"fraction", odd, true, snapshot.Room{Thin: true, AvailableGiB: 19.8, VirtualGiB: -380.2}},
	} {
		if diff := cmp.Diff(test.want, test.pool.Room(test.thin)); diff != "" {
			t.Errorf("%s: %s", test.name, diff)
		}
	}
	pool.Free = snapshot.GiB(12)
	if room := pool.Room(false); room.VirtualGiB != 12 || !room.Holds(12) || room.Holds(13) {
		t.Errorf("free space is not looked at for a thick volume: %+v", room)
	}
}

// The ratio "auto" is 1 + provisioned / (used + 1), and 20 for an empty pool.
func TestRatio(t *testing.T) {
	for _, test := range []struct {
		name   string
		report map[string]any
		want   float64
	}{
		{"not given", map[string]any{}, 20},
		{"zero is not given", map[string]any{"max_over_subscription_ratio": 0}, 20},
		{"number", map[string]any{"max_over_subscription_ratio": 1.5}, 1.5},
		{"string", map[string]any{"max_over_subscription_ratio": "7"}, 7},
		{"too small is kept", map[string]any{"max_over_subscription_ratio": 0.5}, 0.5},
		{"absurd", map[string]any{"max_over_subscription_ratio": 1e300}, 1e6},
		{"auto, empty", map[string]any{"max_over_subscription_ratio": "auto"}, 20},
		{"auto", map[string]any{"max_over_subscription_ratio": "auto", "provisioned_capacity_gb": 300}, 1 + 300.0/61},
		{"auto, more free than total", map[string]any{"max_over_subscription_ratio": "auto", "provisioned_capacity_gb": 300, "free_capacity_gb": 900}, 301},
		{"no thin provisioning", map[string]any{"max_over_subscription_ratio": 3, "thin_provisioning_support": false}, 1},
		{"infinite", map[string]any{"max_over_subscription_ratio": 3, "free_capacity_gb": "infinite"}, 1},
	} {
		report := map[string]any{"total_capacity_gb": 100, "free_capacity_gb": 40, "thin_provisioning_support": true}
		for k, v := range test.report {
			report[k] = v
		}
		pools, _ := snapshot.ParseReport(source, report)
		if got := pools[0].MaxOverSubscription; got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
	if r, ok := snapshot.RatioOf("Auto"); !ok || !r.Auto {
		t.Errorf("%v, %v", r, ok)
	}
}

func TestAddresses(t *testing.T) {
	p := snapshot.Pool{Host: "node@ssd#fast", Cluster: "cluster@ssd#fast"}
	for address, want := range map[block.Host]struct{ is, at bool }{
		"node@ssd#fast":    {true, true},
		"cluster@ssd#fast": {true, true},
		"node@ssd":         {false, true},
		"cluster@ssd":      {false, true},
		"node@ssd#slow":    {},
		"node":             {},
		"node@hdd":         {},
		"":                 {},
	} {
		if p.Is(address) != want.is || p.At(address) != want.at {
			t.Errorf("%q: Is %v, At %v, want %v", address, p.Is(address), p.At(address), want)
		}
	}
	if p.Cluster = ""; p.At("") || p.Is("") || p.ID() != "node@ssd#fast" || p.Name() != "fast" {
		t.Errorf("without a cluster: %+v", p)
	}
}

func TestConsume(t *testing.T) {
	p := snapshot.Pool{Free: snapshot.GiB(10), AllocatedGiB: 5, ProvisionedGiB: 7, VolumeCount: 1}
	if diff := cmp.Diff(snapshot.Pool{Free: snapshot.GiB(6), AllocatedGiB: 9, ProvisionedGiB: 11, VolumeCount: 2}, p.Consume(4, 1)); diff != "" {
		t.Error(diff)
	}
	p.Free = snapshot.Capacity{Kind: snapshot.Infinite}
	if got := p.Consume(4, 1); got.Free != p.Free || got.ProvisionedGiB != 11 {
		t.Errorf("%+v", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		p := snapshot.Pool{
			Free: snapshot.GiB(float64(rapid.IntRange(-10, 1e6).Draw(t, "free"))), AllocatedGiB: float64(rapid.IntRange(0, 1e6).Draw(t, "allocated")),
			ProvisionedGiB: float64(rapid.IntRange(0, 1e6).Draw(t, "provisioned")), VolumeCount: int64(rapid.IntRange(0, 100).Draw(t, "volumes")),
		}
		size := int64(rapid.IntRange(0, block.MaxSizeGiB).Draw(t, "size"))
		if diff := cmp.Diff(p, p.Consume(size, 1).Consume(-size, -1)); diff != "" {
			t.Error("giving back does not undo: ", diff)
		}
	})
}

func TestRequest(t *testing.T) {
	create := snapshot.Request{Operation: snapshot.CreateVolume, SizeGiB: 5, NewSizeGiB: 9}
	extend := snapshot.Request{Operation: snapshot.ExtendVolume, SizeGiB: 5, NewSizeGiB: 9}
	if create.NeededGiB() != 5 || extend.NeededGiB() != 4 {
		t.Errorf("create needs %d, extend %d", create.NeededGiB(), extend.NeededGiB())
	}
	if !create.Thin() {
		t.Error("thin is not the default")
	}
	create.ExtraSpecs = map[string]string{"provisioning:type": "thick"}
	if create.Thin() {
		t.Error("provisioning:type=thick is not seen")
	}
}

func TestFormulas(t *testing.T) {
	p := snapshot.Pool{
		Host: "n@b#p", BackendName: "gold", StorageProtocols: []string{"iSCSI", "iscsi"}, Total: snapshot.GiB(100), Free: snapshot.GiB(40),
		AllocatedGiB: 60, ReservedPercentage: 10, Capabilities: map[string]any{"disks": "24", "free_capacity_gb": 70.0, "storage_protocol": []any{"iSCSI", "iscsi"}},
	}
	f := snapshot.NewFormulas(&snapshot.Request{
		SizeGiB: 8, ProjectID: "p", UserID: "u", ExtraSpecs: map[string]string{"tier": "gold"}, QoSSpecs: map[string]any{"iops": 500.0},
		VolumeProperties: map[string]any{"status": "creating"},
	})
	for text, want := range map[string][]string{
		"stats.free_capacity_gb":                      {"40"}, // as it is now
		"capabilities.free_capacity_gb":               {"70"}, // as it was reported
		"capabilities.disks / 2":                      {"12"},
		"extra.tier == stats.volume_backend_name":     {"true"},
		"qos.iops > 100":                              {"true"},
		"volume.size + 1":                             {"9"},
		"volume.user_id == u and volume.project_id":   {`"p"`},
		"volume.status == creating":                   {"true"},
		"stats.host == 'n@b#p'":                       {"true"},
		"stats.backend_id == 'n@b#p'":                 {"true"},
		"stats.reserved_percentage + 1":               {"11"},
		"stats.total_capacity_gb":                     {"100"},
		"stats.allocated_capacity_gb":                 {"60"},
		"stats.QoS_support":                           {"0"},
		"stats.storage_protocol == iSCSI":             {"true", "false"},
		"capabilities.storage_protocol == iscsi":      {"false", "true"},
		"stats.cluster_name == a":                     {"error"},
		"stats.vendor_name == a":                      {"error"},
		"stats.driver_version == a":                   {"error"},
		"capabilities.nothing":                        {"error"},
		"nothing.size":                                {"error"},
		"volume.nothing":                              {"error"},
		"1 +":                                         {"error"},
		"stats.provisioned_capacity_gb":               {"0"},
		"stats.thin_provisioning_support":             {"0"},
		"stats.max_over_subscription_ratio":           {"0"},
		"stats.multiattach, stats.pool_name":          {"a list of 2"},
		"stats.thick_provisioning_support + volume.x": {"error"},
	} {
		for range 2 { // the second time from what was read before
			var got []string
			for _, r := range f.Evaluate(text, &p) {
				if r.Err != nil {
					got = append(got, "error")
				} else {
					got = append(got, r.Value.String())
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s: %s", text, diff)
			}
		}
	}
}
