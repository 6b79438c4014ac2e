package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// BackupQuery chooses backups. Zero fields do not restrict.
type BackupQuery struct {
	ProjectID string
	IDs       []string
	Equal     map[string][]string // name, status, volume_id, parent_id, host, ...
	Like      map[string]string
	Metadata  map[string]string
	Times     []TimeFilter
	Page      Page
}

// BackupReader reads backups with their metadata: a fixed number of queries whatever the number of backups.
type BackupReader interface {
	// Backup reads one. A projectID that is not empty hides the backups of other projects. NotFound: BackupNotFound.
	Backup(ctx context.Context, id, projectID string) (*block.Backup, error)
	Backups(ctx context.Context, q BackupQuery) ([]*block.Backup, error)
	BackupCount(ctx context.Context, q BackupQuery) (int64, error)
}

// BackupWriter changes backups; the same rules as VolumeWriter's.
type BackupWriter interface {
	// CreateBackup inserts b with its metadata; CreatedAt is set if zero.
	CreateBackup(ctx context.Context, b *block.Backup) error
	// ReviveBackup is CreateBackup for an imported record, which has its id from elsewhere: a soft-deleted row with that id
	// comes to life again, with its created_at, and whatever b says. Conflict: BackupExists, when there is a live one.
	ReviveBackup(ctx context.Context, b *block.Backup) error
	// UpdateBackup is the compare-and-swap every change of state goes through, as UpdateVolume is.
	UpdateBackup(ctx context.Context, id string, when BackupWhen, set BackupSet) (bool, error)
	// PutBackupMetadata merges the pairs, or with replace makes them the whole. NotFound: BackupNotFound.
	PutBackupMetadata(ctx context.Context, id string, md map[string]string, replace bool) error
	// CountBackupDependents writes into a backup how many others are differences to it: those that are there, have been
	// made, and did not fail. A missing row is no error.
	CountBackupDependents(ctx context.Context, id string) error
	// DestroyBackup soft-deletes the row with its metadata. A missing row is no error.
	DestroyBackup(ctx context.Context, id string) error
}

// BackupWhen is the condition of UpdateBackup. Zero fields do not restrict.
type BackupWhen struct {
	Status       []block.BackupStatus
	Host         string
	NoDependents bool // no backup that is not deleted is a difference to it
}

// BackupSet is what UpdateBackup writes: nil fields stay, a pointer to the zero value writes NULL where the column may be
// NULL.
type BackupSet struct {
	VolumeID          *string
	Status            *block.BackupStatus
	FailReason        *string // cut to 255 characters
	Name, Description **string
	SizeGiB           *int64
	ObjectCount       *int64
	AvailabilityZone  *string
	Host              *string
	Container         **string
	Service           *string
	ServiceMetadata   *string
	ParentID          *string
	SnapshotID        *string
	DataTimestamp     *time.Time
	RestoreVolume     *string
	TempVolumeID      *string
	TempSnapshotID    *string
	EncryptionKeyID   *string
}
