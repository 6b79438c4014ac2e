package driver

import (
	"context"
	"maps"
	"math"
	"regexp"
	"strconv"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
)

const defaultOverSubscription = "20.0"

// overSubscriptionForm is what upstream accepts as max_over_subscription_ratio (cinder/volume/driver.py).
var overSubscriptionForm = regexp.MustCompile(`^(auto|\d*\.\d+|\d+)$`)

// checked is the options with their defaults, or a fault.Invalid that names the option.
func (o Options) checked() (Options, error) {
	if o.BackendName == "" {
		return o, fault.New(fault.Invalid, "", "volume_backend_name must not be empty.")
	}
	if o.ReservedPercentage < 0 || o.ReservedPercentage > 100 {
		return o, fault.New(fault.Invalid, "", "reserved_percentage must be from 0 to 100, and is %d.", o.ReservedPercentage)
	}
	if o.MaxOverSubscriptionRatio == "" {
		o.MaxOverSubscriptionRatio = defaultOverSubscription
	}
	if !overSubscriptionForm.MatchString(o.MaxOverSubscriptionRatio) {
		return o, fault.New(fault.Invalid, "",
			"max_over_subscription_ratio must be \"auto\" or a number of at least 1, and is %.40q.", o.MaxOverSubscriptionRatio)
	}
	if ratio, err := strconv.ParseFloat(o.MaxOverSubscriptionRatio, 64); err == nil && ratio < 1 {
		return o, fault.New(fault.Invalid, "",
			"max_over_subscription_ratio must be \"auto\" or a number of at least 1, and is %s.", o.MaxOverSubscriptionRatio)
	}
	if o.MaxTries <= 0 {
		o.MaxTries = normalTries
	}
	o.MaxTries = min(o.MaxTries, mostTries)
	if o.Locker == nil {
		o.Locker = &lock.Local{}
	}
	return o, nil
}

// Capabilities is what the volume service reports to the schedulers: Cinder's dictionary (facts §8.1, §6.3) with one map
// per pool under "pools", as []map[string]any. Values are JSON values; numbers are int64 or float64.
//
// allocatedGiB is the sum of the sizes of the volumes in each pool by the rows, by the pool's name as it is reported; the
// volume service keeps it. A pool that it lacks has nothing allocated.
//
// An operator's extra capabilities override the driver's, as upstream has it, but never what is counted from the rows.
// A pool of which the storage does not know what is provisioned is reported with what is allocated.
func (b *Backend) Capabilities(ctx context.Context, allocatedGiB map[string]int64) (map[string]any, error) {
	stats, err := b.Stats(ctx)
	if err != nil {
		return nil, err
	}
	protocol := stats.StorageProtocol
	if protocol == "" {
		protocol = b.options.StorageProtocol
	}
	pools := make([]map[string]any, 0, len(stats.Pools))
	for _, p := range stats.Pools {
		pools = append(pools, b.poolCapabilities(p, protocol, allocatedGiB))
	}
	return map[string]any{
		"volume_backend_name": b.options.BackendName,
		"vendor_name":         stats.VendorName,
		"driver_version":      stats.DriverVersion,
		"storage_protocol":    protocol,
		"filter_function":     textOrNull(b.options.FilterFunction),
		"goodness_function":   textOrNull(b.options.GoodnessFunction),
		"pools":               pools,
	}, nil
}

// PoolName is the name under which a pool of this back end is reported and addressed: a nameless pool bears the back
// end's name.
func (b *Backend) PoolName(p Pool) string {
	if p.Name == "" {
		return b.options.BackendName
	}
	return p.Name
}

func (b *Backend) poolCapabilities(p Pool, protocol string, allocatedGiB map[string]int64) map[string]any {
	pool := map[string]any{
		"total_capacity_gb":           capacity(p.TotalCapacityGiB),
		"free_capacity_gb":            capacity(p.FreeCapacityGiB),
		"reserved_percentage":         int64(b.options.ReservedPercentage),
		"max_over_subscription_ratio": b.options.MaxOverSubscriptionRatio,
		"thin_provisioning_support":   p.ThinProvisioning,
		"thick_provisioning_support":  p.ThickProvisioning,
		"multiattach":                 p.Multiattach,
		"online_extend_support":       p.OnlineExtend,
		"sparse_copy_volume":          p.SparseCopy,
		"QoS_support":                 p.QoS,

		"consistent_group_snapshot_enabled": p.ConsistentGroupSnapshots,
		"filter_function":                   textOrNull(b.options.FilterFunction),
		"goodness_function":                 textOrNull(b.options.GoodnessFunction),
		"backend_state":                     "up",
	}
	if p.Location != "" {
		pool["location_info"] = p.Location
	}
	if cacheable(protocol) {
		pool["cacheable"] = true
	}
	if p.ConsistentGroupReplication {
		pool["group_replication_enabled"], pool["consistent_group_replication_enabled"], pool["replication_enabled"] = true, true, true
	}
	for key, value := range p.Extra {
		pool[key] = value
	}
	maps.Copy(pool, b.options.ExtraCapabilities)

	// What follows is ours to count and no one's to override.
	name := b.PoolName(p)
	pool["pool_name"] = name
	pool["allocated_capacity_gb"] = allocatedGiB[name]
	if p.ProvisionedCapacityGiB >= 0 {
		pool["provisioned_capacity_gb"] = capacity(p.ProvisionedCapacityGiB)
	} else {
		pool["provisioned_capacity_gb"] = allocatedGiB[name]
	}
	return pool
}

// capacity is a number of GiB rounded to two decimals, as upstream does, or upstream's word for what a number cannot say.
func capacity(gib float64) any {
	switch gib {
	case Infinite:
		return "infinite"
	case Unknown:
		return "unknown"
	}
	return math.Round(gib*100) / 100
}

// cacheable says whether consumers may cache volumes reached by this protocol; upstream's CACHEABLE_PROTOCOLS.
func cacheable(protocol string) bool {
	switch protocol {
	case "iSCSI", "iscsi", "FC", "fibre_channel", "fc",
		"NVMe-oF", "NVMeOF", "nvmeof", "NVMe-RoCE", "NVMe-FC", "NVMe-TCP":
		return true
	}
	return false
}

// textOrNull is None in Python where there is no text.
func textOrNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
