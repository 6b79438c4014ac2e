package block

import "time"

// Snapshot is a point-in-time copy of a volume. The same reading rules as for Volume apply.
type Snapshot struct {
	ID       string
	VolumeID string
	Timestamps

	UserID, ProjectID string
	UseQuota          bool
	Name, Description *string
	VolumeSizeGiB     int64
	VolumeTypeID      string
	Status            SnapshotStatus
	Progress          string // "100%" or empty
	ScheduledAt       time.Time

	CGSnapshotID, GroupSnapshotID              string
	EncryptionKeyID                            string
	ProviderID, ProviderLocation, ProviderAuth string

	Metadata map[string]string
}

// SnapshotStatus is the status column of a snapshot.
type SnapshotStatus string

// The snapshot states Cinder uses.
const (
	SnapshotCreating      SnapshotStatus = "creating"
	SnapshotAvailable     SnapshotStatus = "available"
	SnapshotDeleting      SnapshotStatus = "deleting"
	SnapshotError         SnapshotStatus = "error"
	SnapshotErrorDeleting SnapshotStatus = "error_deleting"
	SnapshotUpdating      SnapshotStatus = "updating"
	SnapshotUnmanaging    SnapshotStatus = "unmanaging"
	SnapshotBackingUp     SnapshotStatus = "backing-up"
	SnapshotRestoring     SnapshotStatus = "restoring"
	SnapshotDeleted       SnapshotStatus = "deleted"
)
