// Package driver is the contract between a volume service and storage: a dozen mandatory verbs, and one-verb optional
// interfaces for everything else. Backend, in this package, is the portable type above the verbs: it does the checks,
// locks, tracing, retries and error kinds once for all drivers. drivertest holds the suite every driver passes; one
// package per driver implements the contract.
//
// A driver sees this package, the domain and the ground floor: never another driver, never the store, never
// configuration globals. It is given its options when it is made.
package driver

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// Volume is what a driver is told of a volume. ID is the name under which it keeps it for good.
type Volume struct {
	ID               string
	SizeGiB          int64
	Pool             string
	ProjectID        string
	ExtraSpecs       map[string]string // of the volume's type; may be nil
	Metadata         map[string]string
	Multiattach      bool
	ProviderID       string
	ProviderLocation string
	ProviderAuth     string
}

// Snapshot is what a driver is told of a snapshot. Volume is the volume it was taken of.
type Snapshot struct {
	ID               string
	Volume           Volume
	SizeGiB          int64
	Metadata         map[string]string
	ProviderID       string
	ProviderLocation string
	ProviderAuth     string
}

// Update is what a driver wants kept in the row after a verb; empty fields stay as they are.
type Update struct {
	ProviderID       string
	ProviderLocation string
	ProviderAuth     string
}

// Fields is what is to be kept, nil for what stays as it is: the form in which rows are changed.
func (u Update) Fields() (id, location, auth *string) {
	keep := func(text string) *string {
		if text == "" {
			return nil
		}
		return &text
	}
	return keep(u.ProviderID), keep(u.ProviderLocation), keep(u.ProviderAuth)
}

// Driver is the mandatory part. Every verb is idempotent: repeating a create that was done, or a delete of what is gone,
// succeeds and changes nothing; a verb that was killed half-way succeeds when it is repeated. No verb is called twice at
// once for the same volume; different volumes are called concurrently.
//
// Error kinds: fault.NotFound when the source of a copy is gone; fault.Busy when a delete must wait for a dependant;
// fault.OverLimit when the storage is full; fault.Unavailable when trying again later may help; anything else is Internal.
type Driver interface {
	// Setup checks configuration and storage, before anything else is called. It changes nothing that exists.
	Setup(ctx context.Context) error
	// Stats reports the pools as they are now.
	Stats(ctx context.Context) (Stats, error)

	CreateVolume(ctx context.Context, v Volume) (Update, error)
	DeleteVolume(ctx context.Context, v Volume) error
	// ExtendVolume grows v from v.SizeGiB to newSizeGiB; new bytes read as zero.
	ExtendVolume(ctx context.Context, v Volume, newSizeGiB int64) error
	// CreateSnapshot takes an atomic picture of the volume, which may be in use.
	CreateSnapshot(ctx context.Context, s Snapshot) (Update, error)
	DeleteSnapshot(ctx context.Context, s Snapshot) error
	// CreateVolumeFromSnapshot and CloneVolume make v, which may be larger than its source, with the source's bytes.
	CreateVolumeFromSnapshot(ctx context.Context, v Volume, s Snapshot) (Update, error)
	CloneVolume(ctx context.Context, v, source Volume) (Update, error)

	// Inventory lists what the storage holds, for recovery and for finding strays; order does not matter.
	Inventory(ctx context.Context) (Inventory, error)
	Close(ctx context.Context) error
}

// Inventory is what storage holds, by our ids.
type Inventory struct {
	VolumeIDs   []string
	SnapshotIDs []string
	// Strays are leftovers of verbs that were killed: temporary files and the like, by their local names.
	Strays []string
}

// LocalDevice is implemented by drivers whose volumes have a path on this machine that a target can export.
type LocalDevice interface {
	// Device is the path of the volume's raw bytes; a volume that is not there is a fault.NotFound. Unlike the other
	// verbs it may be called while another one runs for the same volume.
	Device(ctx context.Context, v Volume) (path string, err error)
}

// Connector is implemented by drivers whose storage speaks to consumers itself, without a target.
type Connector interface {
	Connect(ctx context.Context, v Volume, connectionID string, c block.Connector, readOnly bool) (block.ConnectionInfo, error)
	Disconnect(ctx context.Context, v Volume, connectionID string) error
}

// Reverter is implemented by drivers that can put a volume back to its newest snapshot in place.
type Reverter interface {
	// RevertToSnapshot makes v, which nobody uses, hold the bytes of s; what v has beyond them reads as zero. It is
	// atomic towards a kill: afterwards the volume is as it was, or as the snapshot is. A volume or snapshot that is not
	// there is a fault.NotFound.
	RevertToSnapshot(ctx context.Context, v Volume, s Snapshot) error
}

// Sweeper is implemented by drivers that can remove a stray of their Inventory.
type Sweeper interface {
	RemoveStray(ctx context.Context, name string) error
}

// Stats describes a back end. Names in the comments are the keys of Cinder's capabilities dictionary.
type Stats struct {
	VendorName      string // vendor_name
	DriverVersion   string // driver_version
	StorageProtocol string // storage_protocol; empty: the target's
	Pools           []Pool
}

// Pool is one pool of a back end. Capacities are in GiB; Infinite and Unknown say what a number cannot.
type Pool struct {
	Name                   string // pool_name; empty for a back end that has just one
	TotalCapacityGiB       float64
	FreeCapacityGiB        float64
	ProvisionedCapacityGiB float64 // sum of the sizes of what is provisioned, as far as the storage knows
	ThinProvisioning       bool
	ThickProvisioning      bool
	Multiattach            bool
	OnlineExtend           bool
	SparseCopy             bool   // sparse_copy_volume
	QoS                    bool   // QoS_support
	Location               string // location_info: where the storage is, for a Migrator of the same driver
	// ConsistentGroupSnapshots says that snapshots of several volumes can be taken at one instant, and
	// ConsistentGroupReplication that groups are replicated as a whole; a driver that says so has the verbs
	// (consistent_group_snapshot_enabled, consistent_group_replication_enabled).
	ConsistentGroupSnapshots, ConsistentGroupReplication bool

	Extra map[string]string // further capabilities, as they are to appear
}

// Special capacities.
const (
	Infinite = -1.0 // total or free capacity without end
	Unknown  = -2.0 // the storage does not say
)
