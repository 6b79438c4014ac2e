package driver_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/fault"
)

func TestOptions(t *testing.T) {
	tests := []struct {
		name string
		o    driver.Options
		ok   bool
	}{
		{"defaults", driver.Options{BackendName: "b"}, true},
		{"no name", driver.Options{}, false},
		{"reserved 100", driver.Options{BackendName: "b", ReservedPercentage: 100}, true},
		{"reserved 101", driver.Options{BackendName: "b", ReservedPercentage: 101}, false},
		{"reserved -1", driver.Options{BackendName: "b", ReservedPercentage: -1}, false},
		{"auto", driver.Options{BackendName: "b", MaxOverSubscriptionRatio: "auto"}, true},
		{"one", driver.Options{BackendName: "b", MaxOverSubscriptionRatio: "1"}, true},
		{"less than one", driver.Options{BackendName: "b", MaxOverSubscriptionRatio: ".9"}, false},
		{"a word", driver.Options{BackendName: "b", MaxOverSubscriptionRatio: "lots"}, false},
		{"an exponent", driver.Options{BackendName: "b", MaxOverSubscriptionRatio: "1e3"}, false},
		{"not a number", driver.Options{BackendName: "b", MaxOverSubscriptionRatio: "NaN"}, false},
	}
	for _, tt := range tests {
		_, err := driver.NewBackend(fake.New(), tt.o)
		if (err == nil) != tt.ok || (err != nil && !fault.Is(err, fault.Invalid)) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
}

func TestCapabilities(t *testing.T) {
	f := fake.New()
	f.SetStats(driver.Stats{VendorName: "Open Source", DriverVersion: "3.0", Pools: []driver.Pool{
		{
			TotalCapacityGiB: 100.128, FreeCapacityGiB: 33.333333, ProvisionedCapacityGiB: 250,
			ThinProvisioning: true, Multiattach: true, OnlineExtend: true, SparseCopy: true, ConsistentGroupSnapshots: true,
			Extra: map[string]string{"location_info": "FileDriver:here", "backend_state": "down"},
		},
		{
			Name: "slow", TotalCapacityGiB: driver.Infinite, FreeCapacityGiB: driver.Unknown,
			ProvisionedCapacityGiB: driver.Unknown, ThickProvisioning: true, QoS: true,
		},
	}})
	b := newBackend(t, f, func(o *driver.Options) {
		o.StorageProtocol = "iSCSI"
		o.ReservedPercentage = 5
		o.FilterFunction = "stats.total_capacity_gb < 500"
		o.ExtraCapabilities = map[string]any{"tier": "gold", "multiattach": false, "allocated_capacity_gb": 0, "pool_name": "mine"}
	})
	got, err := b.Capabilities(t.Context(), map[string]int64{"files": 12, "slow": 7, "gone": 1})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"volume_backend_name": "files", "vendor_name": "Open Source", "driver_version": "3.0", "storage_protocol": "iSCSI",
		"filter_function": "stats.total_capacity_gb < 500", "goodness_function": nil,
		"pools": []map[string]any{
			{
				"pool_name": "files", "total_capacity_gb": 100.13, "free_capacity_gb": 33.33,
				"allocated_capacity_gb": int64(12), "provisioned_capacity_gb": 250.0,
				"max_over_subscription_ratio": "20.0", "reserved_percentage": int64(5),
				"thin_provisioning_support": true, "thick_provisioning_support": false, "multiattach": false,
				"online_extend_support": true, "sparse_copy_volume": true, "QoS_support": false, "consistent_group_snapshot_enabled": true,
				"filter_function": "stats.total_capacity_gb < 500", "goodness_function": nil,
				"backend_state": "down", "location_info": "FileDriver:here", "cacheable": true, "tier": "gold",
			},
			{
				"pool_name": "slow", "total_capacity_gb": "infinite", "free_capacity_gb": "unknown",
				"allocated_capacity_gb": int64(7), "provisioned_capacity_gb": int64(7),
				"max_over_subscription_ratio": "20.0", "reserved_percentage": int64(5),
				"thin_provisioning_support": false, "thick_provisioning_support": true, "multiattach": false,
				"online_extend_support": false, "sparse_copy_volume": false, "QoS_support": true, "consistent_group_snapshot_enabled": false,
				"filter_function": "stats.total_capacity_gb < 500", "goodness_function": nil,
				"backend_state": "up", "cacheable": true, "tier": "gold",
			},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCapabilitiesProtocol(t *testing.T) {
	f := fake.New()
	f.SetStats(driver.Stats{StorageProtocol: "ceph", Pools: []driver.Pool{{}}})
	b := newBackend(t, f)
	got, err := b.Capabilities(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got["storage_protocol"] != "ceph" {
		t.Errorf("storage_protocol = %v: the storage's own must come first", got["storage_protocol"])
	}
	if pool := got["pools"].([]map[string]any)[0]; pool["cacheable"] != nil || pool["allocated_capacity_gb"] != int64(0) {
		t.Errorf("pool = %v", pool)
	}
}
