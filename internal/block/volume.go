package block

import "time"

// Volume is one volume with all that a show needs. The store fills the maps and slices on every read; they are never
// nil after a read, and must be treated as read-only by whoever did not make the Volume.
type Volume struct {
	ID     string
	NameID string // the back end's name for it when that differs from ID (after a migration); empty otherwise
	Timestamps

	UserID, ProjectID string
	UseQuota          bool // false for temporary volumes that Cinder does not count

	Name, Description *string
	SizeGiB           int64
	AvailabilityZone  string
	VolumeTypeID      string
	VolumeTypeName    string // joined from the type, read only

	Status                    VolumeStatus
	AttachStatus              AttachStatus
	MigrationStatus           string
	PreviousStatus            VolumeStatus
	ReplicationStatus         string
	ReplicationExtendedStatus string
	ReplicationDriverData     string

	Host        Host // empty until scheduled
	ClusterName string
	ServiceUUID string

	SnapshotID         string
	SourceVolumeID     string
	GroupID            string
	ConsistencyGroupID string
	InConsistencyGroup bool // the group is one of the consistency groups of old; joined from its type, read only
	EncryptionKeyID    string

	Bootable      bool
	Multiattach   bool
	SharedTargets *bool // nil: the back end does not say

	ProviderID, ProviderLocation, ProviderAuth, ProviderGeometry string

	ScheduledAt, LaunchedAt, TerminatedAt time.Time

	Metadata      map[string]string
	AdminMetadata map[string]string // "readonly", "attached_mode"
	ImageMetadata map[string]string // volume_glance_metadata
	Attachments   []Attachment      // those not deleted, oldest first
}

// BackendID is the id under which the back end knows the volume: NameID if set, else ID.
func (v *Volume) BackendID() string {
	if v.NameID != "" {
		return v.NameID
	}
	return v.ID
}

// Queue is whose work the volume is, upstream's service_topic_queue: its cluster's, each service of which may do it, or its
// host's. It is empty until the volume is scheduled, and has the pool.
func (v *Volume) Queue() Host { return queue(v.ClusterName, v.Host) }

func queue(cluster string, host Host) Host {
	if cluster != "" {
		return Host(cluster)
	}
	return host
}

// ReadOnly says whether every attachment of the volume must be read-only (os-update_readonly_flag).
func (v *Volume) ReadOnly() bool { return v.AdminMetadata["readonly"] == "True" }

// DeletingStatus is the status that v has while it is deleted.
func (v *Volume) DeletingStatus() VolumeStatus {
	if v.Status == VolumeErrorManaging {
		return VolumeErrorManagingDeleting
	}
	return VolumeDeleting
}

// Migrating says whether a migration of the volume is under way. Some values of the column tell of one that is over.
func (v *Volume) Migrating() bool {
	switch v.MigrationStatus {
	case "", "none", "deleting", "error", "success":
		return false
	}
	return true
}

// Values of a volume's migration_status. Beside them there is "target:" and an id, for a volume that is being made to take
// the place of that one.
const (
	MigrationStarting   = "starting"   // it is to be moved
	MigrationMigrating  = "migrating"  // its bytes are being put elsewhere
	MigrationCompleting = "completing" // it has moved, and is being made ready
	MigrationSuccess    = "success"
	MigrationError      = "error"
	MigrationDeleting   = "deleting" // it is what was left behind by one that moved
)

// VolumeStatus is the status column of a volume, in Cinder's words.
type VolumeStatus string

// The volume states Cinder uses.
const (
	VolumeCreating              VolumeStatus = "creating"
	VolumeAvailable             VolumeStatus = "available"
	VolumeReserved              VolumeStatus = "reserved"
	VolumeAttaching             VolumeStatus = "attaching"
	VolumeInUse                 VolumeStatus = "in-use"
	VolumeDetaching             VolumeStatus = "detaching"
	VolumeMaintenance           VolumeStatus = "maintenance"
	VolumeDeleting              VolumeStatus = "deleting"
	VolumeError                 VolumeStatus = "error"
	VolumeErrorDeleting         VolumeStatus = "error_deleting"
	VolumeErrorManaging         VolumeStatus = "error_managing"
	VolumeErrorManagingDeleting VolumeStatus = "error_managing_deleting"
	VolumeManaging              VolumeStatus = "managing"
	VolumeUnmanaging            VolumeStatus = "unmanaging"
	VolumeErrorUnmanaging       VolumeStatus = "error_unmanaging"
	VolumeExtending             VolumeStatus = "extending"
	VolumeErrorExtending        VolumeStatus = "error_extending"
	VolumeDownloading           VolumeStatus = "downloading"
	VolumeUploading             VolumeStatus = "uploading"
	VolumeRetyping              VolumeStatus = "retyping"
	VolumeReverting             VolumeStatus = "reverting"
	VolumeBackingUp             VolumeStatus = "backing-up"
	VolumeErrorBackingUp        VolumeStatus = "error_backing-up"
	VolumeRestoringBackup       VolumeStatus = "restoring-backup"
	VolumeErrorRestoring        VolumeStatus = "error_restoring"
	VolumeAwaitingTransfer      VolumeStatus = "awaiting-transfer"
	VolumeDeleted               VolumeStatus = "deleted" // only ever together with the soft-delete flag
)

// AttachStatus is the attach_status column of volumes and attachments.
type AttachStatus string

// The attach states Cinder uses.
const (
	AttachDetached       AttachStatus = "detached"
	AttachReserved       AttachStatus = "reserved"
	AttachAttaching      AttachStatus = "attaching"
	AttachAttached       AttachStatus = "attached"
	AttachDetaching      AttachStatus = "detaching"
	AttachErrorAttaching AttachStatus = "error_attaching"
	AttachErrorDetaching AttachStatus = "error_detaching"
	AttachDeleted        AttachStatus = "deleted"
)

// Attachment is one use of a volume by one consumer. ConnectionInfo and Connector are secret to ordinary listings.
type Attachment struct {
	ID       string
	VolumeID string
	Timestamps

	ProjectID    string // of the volume, joined, read only
	InstanceUUID string
	AttachedHost string
	Mountpoint   string
	AttachTime   time.Time
	DetachTime   time.Time
	AttachStatus AttachStatus
	AttachMode   string         // "rw", "ro" or empty
	Connection   map[string]any // connection_info as stored: the data with driver_volume_type among it; nil if NULL
	Connector    Connector      // nil if NULL
}

// Connector is what a consumer says of itself: initiator, host, ip, multipath, mountpoint, mode, ... (os-brick's words).
// Values are JSON values.
type Connector map[string]any

// Text is the named entry if it is a string, else empty.
func (c Connector) Text(name string) string {
	s, _ := c[name].(string)
	return s
}

// ConnectionInfo is how a consumer reaches a volume's bytes.
type ConnectionInfo struct {
	DriverVolumeType string // "nbd", "iscsi", "rbd", ...
	Data             map[string]any
}
