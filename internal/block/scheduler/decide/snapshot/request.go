package snapshot

import (
	"slices"

	"github.com/clinker/clinker/internal/block"
)

// Operation is what a pool is looked for; the values are those of request_spec's "operation".
type Operation string

// The operations.
const (
	CreateVolume   Operation = "create_volume"
	CreateSnapshot Operation = "create_snapshot"
	ExtendVolume   Operation = "extend_volume"
	RetypeVolume   Operation = "retype_volume"
	MigrateVolume  Operation = "migrate_volume_to_host"
	ManageExisting Operation = "manage_existing"
	CreateGroup    Operation = "create_group"
)

// MigrateOnDemand is the migration_policy that lets a retype move the volume; every other value means "never".
const MigrateOnDemand = "on-demand"

// Request is what is to be placed. The zero value of a field means that nothing is asked in that respect. A decision does
// not change it. Everything a hint refers to has been looked up by the caller: a decision asks nobody.
type Request struct {
	Operation Operation
	VolumeID  string // for texts only

	SizeGiB    int64 // of the volume as it is to be, or as it is for ExtendVolume; 0 for ManageExisting: not known yet
	NewSizeGiB int64 // for ExtendVolume alone

	TypeName   string // for texts only
	ExtraSpecs map[string]string
	QoSSpecs   map[string]any // the dictionary qos of formulas

	AvailabilityZone  string
	AvailabilityZones []string // any of these; goes before AvailabilityZone

	// Hints are the scheduler hints, JSON values.
	Hints map[string]any
	// VolumeHosts says where the volumes of the hints same_host and different_host live: the address of a cluster if the
	// volume is in one, else of a host. A volume that is not in it is on no pool.
	VolumeHosts map[string]block.Host
	// InstanceHosts says on which hypervisor the instance of the hint local_to_instance runs.
	InstanceHosts map[string]string

	// Backend is the only place that may be chosen, with or without a pool: where the source lives (resource_backend),
	// where the volume is (ExtendVolume) or goes to (MigrateVolume, ManageExisting).
	Backend block.Host
	// ExistsOn is where the volume is already, for RetypeVolume: there it needs no more room.
	ExistsOn        block.Host
	MigrationPolicy string // for RetypeVolume

	// Multiattach asks for a pool that reports multiattach; ExtendVolume does not look at it.
	Multiattach  bool
	AttachStatus block.AttachStatus // for ExtendVolume; empty means detached

	UserID, ProjectID string
	// VolumeProperties is the dictionary volume of formulas (request_spec's volume_properties). The keys size, user_id and
	// project_id are filled from the fields above when they are missing.
	VolumeProperties map[string]any

	Retry Retry
}

// Retry is the history of a request that failed before.
type Retry struct {
	Attempt   int          // which attempt this is, from 1; 0 counts as 1
	Tried     []block.Host // the pools that were chosen before, oldest first
	LastError string       // why the last attempt failed, safe for the user
}

// NeededGiB is how much room the request takes: the size, or the growth of an extension.
func (r *Request) NeededGiB() int64 {
	if r.Operation == ExtendVolume {
		return r.NewSizeGiB - r.SizeGiB
	}
	return r.SizeGiB
}

// Thin says whether the request may count on thin provisioning: unless its type asks for provisioning:type=thick.
func (r *Request) Thin() bool { return r.ExtraSpecs["provisioning:type"] != "thick" }

// Tried says whether an earlier attempt chose this pool.
func (r *Request) Tried(p *Pool) bool {
	return slices.ContainsFunc(r.Retry.Tried, p.Is)
}
