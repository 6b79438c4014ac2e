// Package snapshot is what a scheduling decision looks at: the pools as they were last reported, less what has been
// placed on them since, and the request. It also holds the arithmetic of capacity, which filters and weighers share.
//
// Everything here is a value that does no I/O and reads no clock. What must not live here: which pool is allowed (package
// filters) or better (package weighers), and where reports come from (the scheduler service).
package snapshot

import (
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// Service is what the scheduler knows of the volume service that holds a pool. The caller decides what is up; a decision
// has no clock.
type Service struct {
	AvailabilityZone string
	Up               bool // its heartbeat is recent
	Disabled         bool // by an operator
	Frozen           bool // after a failover, until an operator thaws it
}

// Pool is one pool of storage: the unit that is chosen. Filters and weighers must not change it.
type Pool struct {
	// Host is "host@backend#pool". A service that has not reported yet is a Pool whose Host lacks the last part and whose
	// Reported is false.
	Host block.Host
	// Cluster is "cluster@backend#pool", empty when the service is in no cluster.
	Cluster  block.Host
	Service  Service
	Reported bool
	Updated  time.Time // when the report was made

	BackendName, VendorName, DriverVersion string // volume_backend_name, vendor_name, driver_version
	// StorageProtocols are all ways to write the protocol the pool speaks ("iSCSI", "iscsi"); often just one.
	StorageProtocols []string
	QoSSupport       bool
	Multiattach      bool
	// OnlineExtend is false only if the back end says that it cannot extend an attached volume.
	OnlineExtend bool

	Total, Free         Capacity
	AllocatedGiB        float64 // sum of the sizes of Cinder's volumes on the pool, >= 0
	ProvisionedGiB      float64 // sum of the sizes of everything on the pool, >= 0
	ReservedPercentage  float64 // 0 to 100
	ThinProvisioning    bool
	ThickProvisioning   bool
	MaxOverSubscription float64 // how often over the space may be promised; 1 where it does not apply
	FilterFunction      string  // empty: none
	GoodnessFunction    string  // empty: none
	VolumeCount         int64   // volumes the database knows on the pool; for VolumeNumberWeigher
	Capabilities        map[string]any
}

// ID is the address by which the scheduler knows the pool: its cluster's if it has one, else its host's.
func (p *Pool) ID() block.Host {
	if p.Cluster != "" {
		return p.Cluster
	}
	return p.Host
}

// ByID orders pools by their ID, and pools of one ID by their Host, for sorting.
func ByID(a, b *Pool) int {
	if order := strings.Compare(string(a.ID()), string(b.ID())); order != 0 {
		return order
	}
	return strings.Compare(string(a.Host), string(b.Host))
}

// Name is the pool's own name, what stands behind the "#".
func (p *Pool) Name() string { return p.Host.Pool() }

// Is says whether an address is this very pool's.
func (p *Pool) Is(address block.Host) bool {
	return address != "" && (address == p.Cluster || address == p.Host)
}

// Queue is whose work the pool's volumes are: the cluster's, or the host's.
func (p *Pool) Queue() block.Host {
	if p.Cluster != "" {
		return p.Cluster
	}
	return p.Host
}

// At says whether an address means this pool: the pool's own address, or that of its back end as a whole. A cluster's
// address counts as well as the host's. No address means no pool.
func (p *Pool) At(address block.Host) bool {
	if address == "" {
		return false
	}
	if strings.Contains(string(address), "#") {
		return p.Is(address)
	}
	return string(address) == p.Host.Backend() || string(address) == p.Cluster.Backend()
}

// Consume is the pool after volumes more volumes of together sizeGiB have been placed on it, before it reports again. With
// negative numbers it gives back what a failed attempt had taken; an extension is sizeGiB of growth and no volume. The
// Capabilities stay as reported, as in Cinder.
func (p Pool) Consume(sizeGiB, volumes int64) Pool {
	size := float64(sizeGiB)
	p.AllocatedGiB = max(0, p.AllocatedGiB+size)
	p.ProvisionedGiB = max(0, p.ProvisionedGiB+size)
	p.VolumeCount = max(0, p.VolumeCount+volumes)
	if p.Free.Kind == Exact {
		p.Free.GiB -= size
	}
	return p
}
