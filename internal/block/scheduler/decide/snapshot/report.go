package snapshot

import (
	"fmt"
	"maps"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// Bounds of a report, which another machine sends.
const (
	MaxPools         = 10_000 // of one back end; the rest is left away
	maxAddressLength = 255    // what the column volumes.host holds
	maxComplaints    = 20
)

// defaultPool is the pool of a back end that names neither pools nor itself (upstream's DEFAULT_POOL_NAME).
const defaultPool = "_pool0"

// Source says whose report is read.
type Source struct {
	Host    string // "host@backend"
	Cluster string // "cluster@backend", empty if there is none
	Service Service
	Updated time.Time
	// DefaultRatio stands in where the report gives no max_over_subscription_ratio.
	DefaultRatio Ratio
}

// Unreported is the pool that stands for a service that has not reported yet, so that a refusal can say so.
func (s Source) Unreported() Pool {
	return Pool{Host: block.Host(s.Host), Cluster: block.Host(s.Cluster), Service: s.Service}
}

// ParseReport reads the capabilities of a back end (update_service_capabilities) into its pools: the entries of "pools",
// or, from a driver that knows none, the back end as one pool. What a pool leaves out of volume_backend_name, vendor_name,
// driver_version, storage_protocol and the two functions it has from the back end. Numbers may come as numbers or
// strings, truth values as truth values or in words.
//
// Whatever cannot be read is taken as not reported, and complaints says so, a sentence each, for the log; a capacity that
// cannot be read is Missing, and CapacityFilter refuses the pool. The report is not changed.
func ParseReport(s Source, report map[string]any) (pools []Pool, complaints []string) {
	r := reader{source: s}
	switch entries := report["pools"].(type) {
	case nil:
		name, _ := report["volume_backend_name"].(string)
		if name == "" {
			name = defaultPool
		}
		r.pool(name, report, report)
	case []any:
		if len(entries) > MaxPools {
			r.complain("%d pools are reported, the first %d are read", len(entries), MaxPools)
			entries = entries[:MaxPools]
		}
		for i, e := range entries {
			entry, ok := e.(map[string]any)
			name, named := entry["pool_name"].(string)
			if !ok || !named || name == "" {
				r.complain("pool %d is no object with a pool_name", i)
				continue
			}
			r.pool(name, entry, report)
		}
	case []map[string]any:
		// As it comes from a service in this process.
		return ParseReport(s, withPools(report, entries))
	default:
		r.complain("\"pools\" is no list")
	}
	return r.pools, r.complaints
}

func withPools(report map[string]any, entries []map[string]any) map[string]any {
	list := make([]any, len(entries))
	for i, e := range entries {
		list[i] = e
	}
	report = maps.Clone(report)
	report["pools"] = list
	return report
}

type reader struct {
	source     Source
	pools      []Pool
	seen       map[string]bool
	complaints []string
}

func (r *reader) complain(format string, args ...any) {
	if len(r.complaints) < maxComplaints {
		r.complaints = append(r.complaints, r.source.Host+": "+fmt.Sprintf(format, args...))
	}
}

// pool reads one pool; entry and backend are the same map where a driver knows no pools.
func (r *reader) pool(name string, entry, backend map[string]any) {
	p := Pool{
		Host:     block.Host(r.source.Host).WithPool(name),
		Service:  r.source.Service,
		Reported: true,
		Updated:  r.source.Updated,
	}
	if r.source.Cluster != "" {
		p.Cluster = block.Host(r.source.Cluster).WithPool(name)
	}
	if len(p.Host) > maxAddressLength || len(p.Cluster) > maxAddressLength {
		r.complain("the address of pool %.40q is longer than %d bytes", name, maxAddressLength)
		return
	}
	if r.seen[name] {
		r.complain("pool %q is reported twice", name)
		return
	}
	if r.seen == nil {
		r.seen = map[string]bool{}
	}
	r.seen[name] = true
	p.Capabilities = inherit(entry, backend)
	f := fields{reader: r, pool: name, from: p.Capabilities}
	f.identity(&p)
	f.capacity(&p)
	r.pools = append(r.pools, p)
}

// inherit is the pool's capabilities with what it has from its back end, and every spelling of its protocol.
func inherit(entry, backend map[string]any) map[string]any {
	c := maps.Clone(entry)
	for _, key := range []string{"volume_backend_name", "vendor_name", "driver_version", "storage_protocol"} {
		if c[key] == nil || c[key] == "" {
			if v, ok := backend[key]; ok {
				c[key] = v
			}
		}
	}
	for _, key := range []string{"filter_function", "goodness_function"} {
		if _, ok := c[key]; !ok {
			if v, ok := backend[key]; ok {
				c[key] = v
			}
		}
	}
	if s, ok := c["storage_protocol"].(string); ok {
		if variants := ProtocolVariants(s); len(variants) > 1 {
			list := make([]any, len(variants))
			for i, v := range variants {
				list[i] = v
			}
			c["storage_protocol"] = list
		}
	}
	return c
}

// ProtocolVariants are all spellings of a storage protocol, the driver's own or others', so that a type that asks for
// one of them finds every pool that means it. Upstream: cinder/common/constants.py.
func ProtocolVariants(protocol string) []string {
	switch protocol {
	case "":
		return nil
	case "iSCSI", "iscsi":
		return []string{"iSCSI", "iscsi"}
	case "FC", "fibre_channel", "fc":
		return []string{"FC", "fibre_channel", "fc"}
	case "NFS", "nfs":
		return []string{"NFS", "nfs"}
	case "NVMe-oF", "NVMeOF", "nvmeof":
		return []string{"NVMe-oF", "NVMeOF", "nvmeof"}
	}
	return []string{protocol}
}
