package rpcapi

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// BackupTopic is the topic of the backup services.
const BackupTopic = "cinder-backup"

// Methods of the backup service, and of others about backups.
const (
	MethodCreateBackup      = "create_backup" // of the scheduler too
	MethodContinueBackup    = "continue_backup"
	MethodRestoreBackup     = "restore_backup"
	MethodDeleteBackup      = "delete_backup"
	MethodExportRecord      = "export_record"
	MethodImportRecord      = "import_record"
	MethodResetBackupStatus = "reset_status"
	MethodCanForceDelete    = "check_support_to_force_delete"
	MethodGetBackupDevice   = "get_backup_device" // of the volume service
)

// BackupOwner is under what name a backup service owns its records in the journal.
// No "host@backend" of a volume service is like it.
func BackupOwner(host string) string { return block.BinaryBackup + " " + host }

// BackupTask is a backup that is to be made, on its way from the scheduler (create_backup) through its backup service
// (create_backup) to the volume service (get_backup_device). What it is made of is named beside it, for whoever has to let
// go of that when the backup's row is gone.
type BackupTask struct {
	FlowID     string
	BackupID   string
	VolumeID   string
	SnapshotID string // empty unless the backup is made of a snapshot
}

// ContinueBackup goes back to the backup service: DeviceID is the volume to read, the volume itself or a copy of it that
// was made for this and is to be removed afterwards.
type ContinueBackup struct {
	BackupTask
	DeviceID string
	// DeviceSnapshotID is set instead of DeviceID by a Python volume service whose driver lets a snapshot be read.
	DeviceSnapshotID string `json:",omitempty"`
}

// RestoreBackup asks a backup service to write a backup into a volume. VolumeIsNew says that the volume was made for this.
// EncryptionKeyID is a key that the volume gets in the place of its own; empty leaves it that.
type RestoreBackup struct {
	FlowID          string
	BackupID        string
	VolumeID        string
	VolumeIsNew     bool
	EncryptionKeyID string
}

// DeleteBackup asks a backup service to remove a backup.
type DeleteBackup struct {
	FlowID   string
	BackupID string
}

// ImportRecord asks a backup service to take up a backup by its record, or to pass that on to the first of Hosts if the
// backup lies in a repository of another kind than its own.
type ImportRecord struct {
	FlowID   string
	BackupID string
	Service  string
	Record   string // backup_url
	Hosts    []string
}

// ResetBackupStatus asks a backup service to write a status by hand.
type ResetBackupStatus struct {
	FlowID   string
	BackupID string
	Status   block.BackupStatus
}

// ExportRecord asks for the record of a backup.
type ExportRecord struct{ BackupID string }

// BackupRecord is the answer to it.
type BackupRecord struct {
	Service string // backup_service
	Record  string // backup_url
}

// CanForceDelete is the answer to check_support_to_force_delete.
type CanForceDelete struct{ Supported bool }

// CreateBackup casts create_backup to the schedulers.
func (s Scheduler) CreateBackup(ctx context.Context, m *BackupTask) error {
	return s.cast(ctx, "3.12", MethodCreateBackup, m)
}

// Backup sends to the backup service of one host.
type Backup struct{ Client messaging.Client }

// Cast sends one of the messages above, by its method.
func (b Backup) Cast(ctx context.Context, host, version, method string, args any) error {
	return b.Client.Cast(ctx, messaging.Target{Topic: BackupTopic, Server: host, Version: version}, messaging.Message{Method: method, Args: args})
}

// Call sends and waits; reply may be nil.
func (b Backup) Call(ctx context.Context, host, version, method string, args, reply any) error {
	return b.Client.Call(ctx, messaging.Target{Topic: BackupTopic, Server: host, Version: version}, messaging.Message{Method: method, Args: args}, reply)
}
