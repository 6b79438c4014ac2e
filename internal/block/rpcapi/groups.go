package rpcapi

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Methods about groups. create_group is the scheduler's and the volume service's.
const (
	MethodCreateGroup            = "create_group"
	MethodUpdateGroup            = "update_group"
	MethodDeleteGroup            = "delete_group"
	MethodCreateGroupFromSource  = "create_group_from_src"
	MethodCreateGroupSnapshot    = "create_group_snapshot"
	MethodDeleteGroupSnapshot    = "delete_group_snapshot"
	MethodEnableReplication      = "enable_replication"
	MethodDisableReplication     = "disable_replication"
	MethodFailoverReplication    = "failover_replication"
	MethodListReplicationTargets = "list_replication_targets"
	MethodValidateHostCapacity   = "validate_host_capacity"
)

// Operations on groups as the journal names them.
const (
	FlowGroupCreate         = "group_create"          // CreateGroup
	FlowGroupUpdate         = "group_update"          // UpdateGroup
	FlowGroupDelete         = "group_delete"          // DeleteGroup
	FlowGroupFromSource     = "group_create_from_src" // CreateGroupFromSource
	FlowGroupSnapshotCreate = "group_snapshot_create" // CreateGroupSnapshot
	FlowGroupSnapshotDelete = "group_snapshot_delete" // DeleteGroupSnapshot
	FlowGroupReplication    = "group_set_replication" // SetReplication
)

// CreateGroup asks the scheduler to find a back end for a group, and then a volume service to make it.
type CreateGroup struct {
	FlowID  string
	GroupID string
}

// UpdateGroup asks a volume service to take volumes into a group and let others go.
type UpdateGroup struct {
	FlowID        string
	GroupID       string
	AddVolumes    []string // ids
	RemoveVolumes []string
}

// DeleteGroup asks a volume service to remove a group with the volumes that are in it.
type DeleteGroup struct {
	FlowID  string
	GroupID string
}

// CreateGroupFromSource asks a volume service to make the volumes of a group, each from its source; the rows say from which.
// The ids are here too, so that what was made is found again if the rows go meanwhile.
type CreateGroupFromSource struct {
	FlowID    string
	GroupID   string
	VolumeIDs []string
}

// CreateGroupSnapshot asks a volume service to take the snapshots of a group snapshot. VolumeIDs says of what each
// snapshot is, by its id: the same is in the rows as long as these are there.
type CreateGroupSnapshot struct {
	FlowID          string
	GroupSnapshotID string
	VolumeIDs       map[string]string
}

// DeleteGroupSnapshot asks a volume service to remove a group snapshot with its snapshots.
type DeleteGroupSnapshot struct {
	FlowID          string
	GroupSnapshotID string
}

// SetReplication asks a volume service to replicate a group, to stop that, or to move it to its other site.
type SetReplication struct {
	FlowID             string
	GroupID            string
	Method             string // MethodEnableReplication, MethodDisableReplication or MethodFailoverReplication
	SecondaryBackendID string // of a failover: where to; "default" is back to where it came from, empty is the driver's choice
	// Before is what replication_status was, of the group and of its volumes, by id: a back end that cannot do it leaves
	// everything as it was.
	Before map[string]string
}

// ListReplicationTargets asks a volume service where a group could be replicated to.
type ListReplicationTargets struct{ GroupID string }

// ReplicationTargets is the answer: what the configuration says of each site, of which backend_id is one entry.
type ReplicationTargets struct{ Targets []map[string]string }

// ValidateHostCapacity asks a scheduler whether a pool has room.
type ValidateHostCapacity struct {
	Host    block.Host
	SizeGiB int64
}

// HostCapacity is the answer; Reason says why there is no room, for the user.
type HostCapacity struct {
	Enough bool
	Reason string
}

// CreateGroup casts create_group.
func (s Scheduler) CreateGroup(ctx context.Context, m *CreateGroup) error {
	return s.cast(ctx, "3.0", MethodCreateGroup, m)
}

// ValidateHostCapacity calls validate_host_capacity.
func (s Scheduler) ValidateHostCapacity(ctx context.Context, m *ValidateHostCapacity) (HostCapacity, error) {
	var r HostCapacity
	err := s.Client.Call(ctx, messaging.Target{Topic: SchedulerTopic, Version: "3.0"},
		messaging.Message{Method: MethodValidateHostCapacity, Args: m}, &r)
	return r, err
}
