package snapshot_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
)

var source = snapshot.Source{
	Host:         "node1@ssd",
	Service:      snapshot.Service{AvailabilityZone: "nova", Up: true},
	Updated:      time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
	DefaultRatio: snapshot.Ratio{Value: 20},
}

// decode reads a report as it comes from a queue.
func decode(t *testing.T, text string) map[string]any {
	t.Helper()
	var report map[string]any
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	return report
}

func TestParseReportWithPools(t *testing.T) {
	report := decode(t, `{
		"volume_backend_name": "ssd", "vendor_name": "Acme", "driver_version": "2.1", "storage_protocol": "iSCSI",
		"filter_function": "volume.size < 10", "goodness_function": "50",
		"pools": [
			{"pool_name": "fast", "total_capacity_gb": 100.5, "free_capacity_gb": "40", "allocated_capacity_gb": 30,
			 "provisioned_capacity_gb": 60, "reserved_percentage": "10", "thin_provisioning_support": "True",
			 "thick_provisioning_support": false, "max_over_subscription_ratio": "2.5", "multiattach": true,
			 "QoS_support": "False", "online_extend_support": false, "goodness_function": null, "colour": "red"},
			{"pool_name": "slow", "total_capacity_gb": "infinite", "free_capacity_gb": "unknown", "allocated_capacity_gb": 7,
			 "vendor_name": "Emca", "storage_protocol": "ceph", "driver_version": 3}
		]}`)
	pools, complaints := snapshot.ParseReport(source, report)
	if len(complaints) > 0 {
		t.Error(complaints)
	}
	common := snapshot.Pool{
		Service: source.Service, Reported: true, Updated: source.Updated, BackendName: "ssd", FilterFunction: "volume.size < 10",
	}
	fast, slow := common, common
	fast.Host = "node1@ssd#fast"
	fast.VendorName, fast.DriverVersion, fast.StorageProtocols = "Acme", "2.1", []string{"iSCSI", "iscsi"}
	fast.Total, fast.Free = snapshot.GiB(100.5), snapshot.GiB(40)
	fast.AllocatedGiB, fast.ProvisionedGiB, fast.ReservedPercentage = 30, 60, 10
	fast.ThinProvisioning, fast.MaxOverSubscription, fast.Multiattach = true, 2.5, true
	slow.Host = "node1@ssd#slow"
	slow.VendorName, slow.DriverVersion, slow.StorageProtocols = "Emca", "3", []string{"ceph"}
	slow.Total, slow.Free = snapshot.Capacity{Kind: snapshot.Infinite}, snapshot.Capacity{Kind: snapshot.Unknown}
	slow.AllocatedGiB, slow.ProvisionedGiB, slow.MaxOverSubscription = 7, 7, 1
	slow.OnlineExtend, slow.GoodnessFunction = true, "50"
	want := []snapshot.Pool{fast, slow}
	got := make([]snapshot.Pool, len(pools))
	copy(got, pools)
	for i := range got {
		got[i].Capabilities = nil
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	wantCapabilities := map[string]any{
		"pool_name": "fast", "total_capacity_gb": 100.5, "free_capacity_gb": "40", "allocated_capacity_gb": 30.0,
		"provisioned_capacity_gb": 60.0, "reserved_percentage": "10", "thin_provisioning_support": "True",
		"thick_provisioning_support": false, "max_over_subscription_ratio": "2.5", "multiattach": true,
		"QoS_support": "False", "online_extend_support": false, "goodness_function": nil, "colour": "red",
		"volume_backend_name": "ssd", "vendor_name": "Acme", "driver_version": "2.1",
		"storage_protocol": []any{"iSCSI", "iscsi"}, "filter_function": "volume.size < 10",
	}
	if diff := cmp.Diff(wantCapabilities, pools[0].Capabilities); diff != "" {
		t.Error(diff)
	}
	if report["pools"].([]any)[1].(map[string]any)["storage_protocol"] != "ceph" || len(report) != 7 {
		t.Error("the report was changed")
	}
}

// A driver that knows no pools is one pool, named after the back end.
func TestParseReportWithoutPools(t *testing.T) {
	for _, test := range []struct {
		name, report, want string
	}{
		{"named", `{"volume_backend_name": "lvm", "total_capacity_gb": 5, "free_capacity_gb": 5}`, "node1@ssd#lvm"},
		{"not named", `{"total_capacity_gb": 5, "free_capacity_gb": 5, "pools": null}`, "node1@ssd#_pool0"},
	} {
		t.Run(test.name, func(t *testing.T) {
			pools, complaints := snapshot.ParseReport(source, decode(t, test.report))
			if len(pools) != 1 || string(pools[0].Host) != test.want || pools[0].Free != snapshot.GiB(5) || len(complaints) > 0 {
				t.Errorf("%+v %v", pools, complaints)
			}
		})
	}
	pools, complaints := snapshot.ParseReport(source, decode(t, `{"volume_backend_name": "x", "pools": []}`))
	if len(pools) > 0 || len(complaints) > 0 {
		t.Errorf("an empty list of pools gave %+v %v", pools, complaints)
	}
}

func TestParseReportInProcessAndCluster(t *testing.T) {
	s := source
	s.Cluster = "cluster1@ssd"
	pools, _ := snapshot.ParseReport(s, map[string]any{
		"pools": []map[string]any{{"pool_name": "p", "total_capacity_gb": 10, "free_capacity_gb": int64(4)}},
	})
	if len(pools) != 1 || pools[0].ID() != "cluster1@ssd#p" || pools[0].Host != "node1@ssd#p" || pools[0].Free != snapshot.GiB(4) {
		t.Errorf("%+v", pools)
	}
}

// What cannot be read is complained of and taken as not reported.
func TestParseReportOfNonsense(t *testing.T) {
	for _, test := range []struct {
		report    string
		pools     int
		complaint string
	}{
		{`{"pools": 7}`, 0, `node1@ssd: "pools" is no list`},
		{`{"pools": [7]}`, 0, "pool 0 is no object with a pool_name"},
		{`{"pools": [{"pool_name": ""}]}`, 0, "pool 0 is no object with a pool_name"},
		{`{"pools": [{"pool_name": "a"}, {"pool_name": "a"}]}`, 1, `pool "a" is reported twice`},
		{`{"pools": [{"pool_name": "` + strings.Repeat("a", 300) + `"}]}`, 0, "is longer than 255 bytes"},
		{`{"free_capacity_gb": "lots"}`, 1, `free_capacity_gb is "lots", not a number, "infinite" or "unknown"`},
		{`{"free_capacity_gb": null}`, 1, `free_capacity_gb is "<nil>", not a number`},
		{`{"free_capacity_gb": [1]}`, 1, `free_capacity_gb is "[1]"`},
		{`{"free_capacity_gb": "nan"}`, 1, `free_capacity_gb is "nan"`},
		{`{"reserved_percentage": 120}`, 1, `reserved_percentage is "120", not between 0 and 100`},
		{`{"provisioned_capacity_gb": -5}`, 1, `provisioned_capacity_gb is "-5", not between 0`},
		{`{"allocated_capacity_gb": {}}`, 1, `allocated_capacity_gb is "map[]", not a number`},
		{`{"thin_provisioning_support": "maybe"}`, 1, `thin_provisioning_support is "maybe", not true or false`},
		{`{"max_over_subscription_ratio": "much"}`, 1, `max_over_subscription_ratio is "much", not a number or "auto"`},
		{`{"max_over_subscription_ratio": "inf"}`, 1, `not a number or "auto"`},
		{`{"storage_protocol": [1]}`, 1, `storage_protocol is "[1]", not a list of strings`},
		{`{"vendor_name": [1]}`, 1, `vendor_name is "[1]", not a string`},
	} {
		pools, complaints := snapshot.ParseReport(source, decode(t, test.report))
		if len(pools) != test.pools || len(complaints) != 1 || !strings.Contains(complaints[0], test.complaint) {
			t.Errorf("%.60s: %d pools, complaints %q, want %d and %q", test.report, len(pools), complaints, test.pools, test.complaint)
		}
	}
}

func TestParseReportIsBounded(t *testing.T) {
	entries := make([]any, snapshot.MaxPools+5)
	for i := range entries {
		entries[i] = i
	}
	pools, complaints := snapshot.ParseReport(source, map[string]any{"pools": entries})
	if len(pools) > 0 || len(complaints) != 20 || !strings.Contains(complaints[0], "10005 pools are reported, the first 10000 are read") {
		t.Errorf("%d pools, %d complaints, %q", len(pools), len(complaints), complaints[0])
	}
}

func TestNumberOf(t *testing.T) {
	for _, test := range []struct {
		in   any
		want float64
		ok   bool
	}{
		{1.5, 1.5, true}, {3, 3, true}, {int64(4), 4, true}, {json.Number("5.5"), 5.5, true}, {" 6 ", 6, true}, {"1e3", 1000, true},
		{true, 1, true}, {false, 0, true}, {"inf", math.Inf(1), true}, {"1e999", math.Inf(1), true}, {float32(2), 2, true},
		{int32(2), 2, true}, {uint64(9), 9, true},
		{"", 0, false}, {"0x10", 0, false}, {"1_0", 0, false}, {"ten", 0, false}, {nil, 0, false}, {[]any{1}, 0, false},
	} {
		if got, ok := snapshot.NumberOf(test.in); ok != test.ok || ok && got != test.want {
			t.Errorf("%#v: %v, %v, want %v, %v", test.in, got, ok, test.want, test.ok)
		}
	}
}

func FuzzParseReport(f *testing.F) {
	f.Add(`{"pools": [{"pool_name": "a", "total_capacity_gb": "infinite", "free_capacity_gb": 1e300}]}`)
	f.Add(`{"max_over_subscription_ratio": "auto", "provisioned_capacity_gb": "1e308", "thin_provisioning_support": true}`)
	f.Fuzz(func(t *testing.T, text string) {
		var report map[string]any
		if json.Unmarshal([]byte(text), &report) != nil {
			return
		}
		pools, _ := snapshot.ParseReport(source, report)
		for _, p := range pools {
			for _, thin := range []bool{true, false} {
				if room := p.Room(thin); math.IsNaN(room.VirtualGiB) || math.IsInf(room.VirtualGiB, 0) {
					t.Errorf("%s: %+v", text, room)
				}
			}
		}
	})
}
