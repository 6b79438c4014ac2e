package block

import (
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
)

// Backup is a copy of a volume's bytes in a backup repository. The same reading rules as for Volume apply.
type Backup struct {
	ID       string
	VolumeID string // what it was made of; ImportedVolumeID for one that came in by its record
	Timestamps

	UserID, ProjectID string
	Name, Description *string
	Status            BackupStatus
	FailReason        string // why it is in error, for the user; kept when the status is reset
	SizeGiB           int64  // of the volume when the backup was made
	ObjectCount       int64  // how many objects of data it has in the repository
	AvailabilityZone  string
	Metadata          map[string]string

	Host string // of the backup service that made it or has it in hand; empty until it is scheduled
	// Container is the part of the repository it lies in; nil until the repository or the user has chosen one.
	Container *string
	// Service is the repository it lies in by upstream's class path; empty until a backup service has taken it up.
	Service         string
	ServiceMetadata string // the repository's own note of where in the container it lies

	ParentID       string    // the backup it is the difference to; empty for a full one
	Dependents     int64     // how many backups are differences to it
	SnapshotID     string    // the snapshot it was made of, if it was
	DataTimestamp  time.Time // when the volume held these bytes
	RestoreVolume  string    // the volume it was last restored to
	TempVolumeID   string    // a copy of the volume that it is made from, to be removed afterwards
	TempSnapshotID string    // likewise a snapshot
	// EncryptionKeyID is the backup's own copy of an encrypted volume's key.
	EncryptionKeyID string
}

// ImportedVolumeID is the volume id of a backup that is being imported.
const ImportedVolumeID = "00000000-0000-0000-0000-000000000000"

// RestoredVolumePrefix begins the name of a volume that was made to restore a backup to, and was given no other.
const RestoredVolumePrefix = "restore_backup_"

// Incremental says whether the backup is the difference to another one.
func (b *Backup) Incremental() bool { return b.ParentID != "" }

// MadeBy says whether the backup lies in a repository of this name: upstream's class path, of which rows of old releases
// have the module alone. What no service has taken up yet is anybody's.
func (b *Backup) MadeBy(service string) bool { return ServiceMatches(b.Service, service) }

// ServiceMatches says whether what a row or a record names is the repository of this name. See Backup.MadeBy.
func ServiceMatches(named, service string) bool {
	return named == "" || named == service || len(named) < len(service) && service[:len(named)] == named && service[len(named)] == '.'
}

// BackupStatus is the status column of a backup.
type BackupStatus string

// The backup states Cinder uses (facts §3.4).
const (
	BackupCreating      BackupStatus = "creating"
	BackupAvailable     BackupStatus = "available"
	BackupDeleting      BackupStatus = "deleting"
	BackupError         BackupStatus = "error"
	BackupErrorDeleting BackupStatus = "error_deleting"
	BackupRestoring     BackupStatus = "restoring"
	BackupDeleted       BackupStatus = "deleted" // only ever together with the soft-delete flag
)

// MayBecome says whether a backup may go from one state to another in the course of operations. Resetting the status by
// hand and deleting by force ask for no state.
func (s BackupStatus) MayBecome(next BackupStatus) bool { return slices.Contains(s.next(), next) }

func (s BackupStatus) next() []BackupStatus {
	switch s {
	case BackupCreating:
		return []BackupStatus{BackupAvailable, BackupError}
	case BackupAvailable:
		return []BackupStatus{BackupRestoring, BackupDeleting}
	case BackupRestoring:
		return []BackupStatus{BackupAvailable}
	case BackupError:
		return []BackupStatus{BackupDeleting}
	case BackupDeleting:
		return []BackupStatus{BackupDeleted, BackupError, BackupErrorDeleting}
	}
	return nil
}

// BackupsThatMayBecome are the states from which a backup may go to another one: the condition of a store's update.
func BackupsThatMayBecome(next BackupStatus) []BackupStatus {
	all := []BackupStatus{BackupCreating, BackupAvailable, BackupDeleting, BackupError, BackupErrorDeleting, BackupRestoring}
	return slices.DeleteFunc(all, func(s BackupStatus) bool { return !s.MayBecome(next) })
}

// InvalidBackup: the backup's state does not allow it.
func InvalidBackup(format string, args ...any) *fault.Error {
	return fault.New(fault.Invalid, "InvalidBackup", "Invalid backup: "+format, args...)
}

// BackupNotFound: there is no such backup, or none the caller may know of.
func BackupNotFound(id string) *fault.Error {
	return fault.New(fault.NotFound, "BackupNotFound", "Backup %s could not be found.", id)
}

// NoBackupService: no backup service is up that could take the work.
func NoBackupService() *fault.Error {
	return fault.New(fault.NotFound, "ServiceNotFound", "Service %s could not be found.", BinaryBackup)
}
