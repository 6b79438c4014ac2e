package block

import (
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// Group is volumes that are kept together: a generic volume group, or one of the consistency groups that came before.
// A volume says by its GroupID to which it belongs. The same reading rules as for Volume apply.
type Group struct {
	ID string
	Timestamps

	UserID, ProjectID string
	Name, Description *string
	AvailabilityZone  string
	GroupTypeID       string
	VolumeTypeIDs     []string // of volumes that may be in it, in the order in which they were named
	Status            GroupStatus
	ReplicationStatus string

	Host        Host // whose back end has the group; the pool is that of the scheduler's choice and binds no volume
	ClusterName string

	GroupSnapshotID string // what it was made from, if anything
	SourceGroupID   string
}

// Queue is whose work the group is; see Volume.Queue.
func (g *Group) Queue() Host { return queue(g.ClusterName, g.Host) }

// GroupStatus is the status column of a group.
type GroupStatus string

// The group states Cinder uses (cinder/objects/fields.py).
const (
	GroupCreating      GroupStatus = "creating"
	GroupAvailable     GroupStatus = "available"
	GroupUpdating      GroupStatus = "updating"
	GroupInUse         GroupStatus = "in-use"
	GroupDeleting      GroupStatus = "deleting"
	GroupError         GroupStatus = "error"
	GroupErrorDeleting GroupStatus = "error_deleting"
	GroupDeleted       GroupStatus = "deleted" // only ever together with the soft-delete flag
)

// The values of the column replication_status of groups, volumes and services.
const (
	ReplicationError         = "error"
	ReplicationFailoverError = "failover-error"
	ReplicationEnabled       = "enabled"
	ReplicationEnabling      = "enabling"
	ReplicationDisabled      = "disabled"
	ReplicationDisabling     = "disabling"
	ReplicationFailingOver   = "failing-over"
	ReplicationFailedOver    = "failed-over"
)

// GroupSnapshot is snapshots of all the volumes of a group that belong together. A snapshot says by its GroupSnapshotID to
// which it belongs.
type GroupSnapshot struct {
	ID      string
	GroupID string
	Timestamps

	UserID, ProjectID string
	Name, Description *string
	GroupTypeID       string // that of the group when it was taken
	Status            GroupSnapshotStatus
}

// GroupSnapshotStatus is the status column of a group snapshot.
type GroupSnapshotStatus string

// The states of group snapshots Cinder uses.
const (
	GroupSnapshotCreating      GroupSnapshotStatus = "creating"
	GroupSnapshotAvailable     GroupSnapshotStatus = "available"
	GroupSnapshotUpdating      GroupSnapshotStatus = "updating"
	GroupSnapshotDeleting      GroupSnapshotStatus = "deleting"
	GroupSnapshotError         GroupSnapshotStatus = "error"
	GroupSnapshotErrorDeleting GroupSnapshotStatus = "error_deleting"
	GroupSnapshotDeleted       GroupSnapshotStatus = "deleted" // only ever together with the soft-delete flag
)

// ConsistencyGroupTypeName is the group type whose groups are the consistency groups of old. Cinder's first migration makes
// it; the API of groups leaves them alone, that of consistency groups makes them.
const ConsistencyGroupTypeName = "default_cgsnapshot_type"

// Specs of group types that say what a back end has to do with a group (cinder/volume/group_types.py). They ask for it by
// "<is> True".
const (
	SpecConsistentGroupSnapshot    = "consistent_group_snapshot_enabled"
	SpecGroupReplication           = "group_replication_enabled"
	SpecConsistentGroupReplication = "consistent_group_replication_enabled"
)

// SpecReplication is the extra spec of volume types whose volumes are replicated, by "<is> True".
const SpecReplication = "replication_enabled"

// Asks says whether the specs have "<is> True" under a key.
func (t *GroupType) Asks(spec string) bool {
	value := t.Specs[spec]
	return value != nil && isTrue(*value)
}

// Replicated says whether the type's volumes are to be replicated.
func (t *VolumeType) Replicated() bool { return isTrue(t.ExtraSpecs[SpecReplication]) }

// isTrue says whether a spec asks for something to be so.
func isTrue(spec string) bool { return strings.EqualFold(strings.TrimSpace(spec), "<is> true") }

// InvalidGroup: the group's state, or that of what is in it, does not allow it.
func InvalidGroup(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidGroup", "Invalid Group: "+format, args...)
}

// InvalidGroupSnapshot: the group snapshot's state does not allow it.
func InvalidGroupSnapshot(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidGroupSnapshot", "Invalid GroupSnapshot: "+format, args...)
}

// GroupNotFound: there is no such group, or none the caller may know of.
func GroupNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "GroupNotFound", "Group %s could not be found.", id)
}

// GroupSnapshotNotFound: there is no such group snapshot, or none the caller may know of.
func GroupSnapshotNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "GroupSnapshotNotFound", "GroupSnapshot %s could not be found.", id)
}
