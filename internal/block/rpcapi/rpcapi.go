// Package rpcapi is the typed messages between the services of Block Storage, and the clients that send them. Method
// names, topics and versions are Cinder's (facts §4.1, §4.4), so that a transport can speak to Python services.
//
// What must not live here: what a service does with a message, or how a transport carries it.
package rpcapi

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Topics of the services.
const (
	SchedulerTopic = "cinder-scheduler"
	VolumeTopic    = "cinder-volume"
)

// Methods of the scheduler and the volume service that exist so far.
const (
	MethodCreateVolume              = "create_volume"
	MethodDeleteVolume              = "delete_volume"
	MethodExtendVolume              = "extend_volume"
	MethodCreateSnapshot            = "create_snapshot"
	MethodDeleteSnapshot            = "delete_snapshot"
	MethodRevertToSnapshot          = "revert_to_snapshot"
	MethodManageExisting            = "manage_existing"
	MethodManageExistingSnapshot    = "manage_existing_snapshot"
	MethodGetManageableVolumes      = "get_manageable_volumes"
	MethodGetManageableSnapshots    = "get_manageable_snapshots"
	MethodGetCapabilities           = "get_capabilities"
	MethodAttachVolume              = "attach_volume"
	MethodDetachVolume              = "detach_volume"
	MethodInitializeConnection      = "initialize_connection"
	MethodTerminateConnection       = "terminate_connection"
	MethodAttachmentUpdate          = "attachment_update"
	MethodAttachmentDelete          = "attachment_delete"
	MethodGetPools                  = "get_pools"
	MethodUpdateServiceCapabilities = "update_service_capabilities"
	MethodNotifyServiceCapabilities = "notify_service_capabilities"
	MethodPublishCapabilities       = "publish_service_capabilities"
)

// AtHand are rows as the sender of a message has just read or written them, for a transport that has to write them into it:
// it reads those that are nil. A receiver may get them too, as old as the message; what it does by them it must check
// against the row when it writes. The journal does not keep them.
type AtHand struct {
	Volume *block.Volume
	Type   *block.VolumeType // Volume's
}

// CreateVolume asks the scheduler to find a place for a volume, and then a volume service to make it. The rows hold the
// rest; a volume service reads the volume afresh.
type CreateVolume struct {
	FlowID   string // the journal record this message belongs to
	VolumeID string
	Request  CreateRequest
	AtHand   AtHand `json:"-"`
}

// CreateRequest is what scheduling and making a volume need beside its row; it is also the state of the journalled flow.
type CreateRequest struct {
	VolumeID         string         `json:"volume_id"`
	SnapshotID       string         `json:"snapshot_id,omitempty"`
	SourceVolumeID   string         `json:"source_volid,omitempty"`
	ImageID          string         `json:"image_id,omitempty"`
	BackupID         string         `json:"backup_id,omitempty"`   // the volume is made empty, and restored to
	BackupHost       string         `json:"backup_host,omitempty"` // by the backup service of this host
	AvailabilityZone string         `json:"availability_zone,omitempty"`
	Zones            []string       `json:"availability_zones,omitempty"` // from RESKEY:availability_zones
	Hints            map[string]any `json:"scheduler_hints,omitempty"`
	PinnedBackend    block.Host     `json:"resource_backend,omitempty"` // where the source lives
	Host             block.Host     `json:"host,omitempty"`             // chosen by the scheduler
	Attempts         int            `json:"num_attempts,omitempty"`
	Tried            []block.Host   `json:"hosts,omitempty"`
	LastError        string         `json:"exc,omitempty"`
}

// DeleteVolume asks a volume service to remove a volume; Cascade takes its snapshots along. With UnmanageOnly its bytes stay.
type DeleteVolume struct {
	FlowID       string
	VolumeID     string
	Cascade      bool
	UnmanageOnly bool
	AtHand       AtHand `json:"-"`
}

// ExtendVolume goes to the scheduler, which checks that the pool has room, and from there to the volume service. The row
// has the new size already, because quota is counted from rows: whoever gives up writes OldSizeGiB back.
type ExtendVolume struct {
	FlowID     string
	VolumeID   string
	OldSizeGiB int64
	NewSizeGiB int64
	// Reservations are quota that a Python API has set aside for the growth, by id: whoever ends the operation takes or
	// returns it. Ours counts rows and has none; such an API also leaves the row its old size.
	Reservations []string `json:",omitempty"`
}

// CreateSnapshot asks a volume service to take a snapshot.
type CreateSnapshot struct {
	FlowID     string
	SnapshotID string
}

// DeleteSnapshot asks a volume service to remove a snapshot. With UnmanageOnly its bytes stay.
type DeleteSnapshot struct {
	FlowID       string
	SnapshotID   string
	UnmanageOnly bool
}

// RevertToSnapshot asks a volume service to put a volume back to its newest snapshot.
type RevertToSnapshot struct {
	FlowID     string
	VolumeID   string
	SnapshotID string
}

// InitializeConnection exports a volume to a connector (the old way, without an attachment of its own).
type InitializeConnection struct {
	VolumeID  string
	Connector block.Connector
}

// TerminateConnection undoes InitializeConnection. A nil Connector means every connection of the volume.
type TerminateConnection struct {
	VolumeID  string
	Connector block.Connector
	Force     bool
}

// AttachVolume records that a consumer uses the volume (the old way).
type AttachVolume struct {
	VolumeID     string
	InstanceUUID string
	HostName     string
	Mountpoint   string
	Mode         string // "rw" or "ro"
}

// DetachVolume is AttachVolume's opposite; an empty AttachmentID means the only attachment there is.
type DetachVolume struct {
	VolumeID     string
	AttachmentID string
}

// AttachmentUpdate gives an attachment its connector and exports the volume to it.
type AttachmentUpdate struct {
	VolumeID     string
	AttachmentID string
	Connector    block.Connector
	AtHand       AtHand `json:"-"`
}

// AttachmentDelete ends an attachment and its export.
type AttachmentDelete struct {
	VolumeID     string
	AttachmentID string
	AtHand       AtHand `json:"-"`
}

// ServiceCapabilities is what a volume service reports to every scheduler. Capabilities has Cinder's keys; under "pools"
// stands one map per pool.
type ServiceCapabilities struct {
	ServiceName  string
	Host         string // "host@backend"
	ClusterName  string
	Capabilities map[string]any
	Timestamp    time.Time
}

// NotifyCapabilities is the same report for the notifications about capacity: every report is told of once.
type NotifyCapabilities struct {
	ServiceName  string
	Backend      string // "host@backend", or its cluster
	Capabilities map[string]any
	Timestamp    time.Time
}

// GetPools asks for the pools that have all of Filters: name, volume_type (an id or a name), or any capability; nil for all.
type GetPools struct{ Filters map[string]string }

// PoolsReply answers get_pools.
type PoolsReply struct{ Pools []PoolInfo }

// PoolInfo is a pool as a scheduler sees it now: its address and all its capabilities.
type PoolInfo struct {
	Name         block.Host
	Capabilities map[string]any
}

// Scheduler sends to the schedulers.
type Scheduler struct{ Client messaging.Client }

func (s Scheduler) cast(ctx context.Context, version, method string, args any) error {
	return s.Client.Cast(ctx, messaging.Target{Topic: SchedulerTopic, Version: version}, messaging.Message{Method: method, Args: args})
}

// CreateVolume casts create_volume.
func (s Scheduler) CreateVolume(ctx context.Context, m *CreateVolume) error {
	return s.cast(ctx, "3.0", MethodCreateVolume, m)
}

// ExtendVolume casts extend_volume.
func (s Scheduler) ExtendVolume(ctx context.Context, m *ExtendVolume) error {
	return s.cast(ctx, "3.2", MethodExtendVolume, m)
}

// CreateSnapshot casts create_snapshot: the scheduler checks that the back end is up and passes it on.
func (s Scheduler) CreateSnapshot(ctx context.Context, m *CreateSnapshot) error {
	return s.cast(ctx, "3.9", MethodCreateSnapshot, m)
}

// UpdateCapabilities tells every scheduler what a back end can do.
func (s Scheduler) UpdateCapabilities(ctx context.Context, m *ServiceCapabilities) error {
	return s.Client.Cast(ctx, messaging.Target{Topic: SchedulerTopic, Fanout: true, Version: "3.3"},
		messaging.Message{Method: MethodUpdateServiceCapabilities, Args: m})
}

// NotifyCapabilities tells one scheduler what a back end holds, so that it can tell those who listen to notifications.
func (s Scheduler) NotifyCapabilities(ctx context.Context, m *NotifyCapabilities) error {
	return s.Client.Cast(ctx, messaging.Target{Topic: SchedulerTopic, Version: "3.5"},
		messaging.Message{Method: MethodNotifyServiceCapabilities, Args: m})
}

// GetPools calls get_pools. NotFound for a volume type there is not.
func (s Scheduler) GetPools(ctx context.Context, filters map[string]string) (PoolsReply, error) {
	var r PoolsReply
	err := s.Client.Call(ctx, messaging.Target{Topic: SchedulerTopic, Version: "3.0"},
		messaging.Message{Method: MethodGetPools, Args: &GetPools{Filters: filters}}, &r)
	return r, err
}

// Volume sends to the volume service of one back end.
type Volume struct{ Client messaging.Client }

// target is how a back end is addressed since RPC 3.6: its own topic, and the node's name as server.
func target(host block.Host, version string) messaging.Target {
	return messaging.Target{Topic: VolumeTopic + "." + host.Backend(), Server: host.Node(), Version: version}
}

// Cast sends one of the messages above, by its method, to the back end that holds host.
func (v Volume) Cast(ctx context.Context, host block.Host, version, method string, args any) error {
	return v.Client.Cast(ctx, target(host, version), messaging.Message{Method: method, Args: args})
}

// Call sends and waits; reply may be nil.
func (v Volume) Call(ctx context.Context, host block.Host, version, method string, args, reply any) error {
	return v.Client.Call(ctx, target(host, version), messaging.Message{Method: method, Args: args}, reply)
}

// RequestCapabilities asks every volume service to report at once.
func (v Volume) RequestCapabilities(ctx context.Context) error {
	return v.Client.Cast(ctx, messaging.Target{Topic: VolumeTopic, Fanout: true, Version: "3.0"},
		messaging.Message{Method: MethodPublishCapabilities, Args: &struct{}{}})
}
