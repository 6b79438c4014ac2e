package rpcapi

// Operations as the journal names them. A record keeps its operation's name while it changes hands; each owner runs its
// own part of it under that name, with the state that is written beside each.
const (
	FlowVolumeCreate     = "volume_create"     // CreateRequest
	FlowVolumeDelete     = "volume_delete"     // DeleteVolume
	FlowVolumeExtend     = "volume_extend"     // ExtendVolume
	FlowVolumeRevert     = "volume_revert"     // RevertToSnapshot
	FlowVolumeManage     = "volume_manage"     // ManageExisting
	FlowVolumeUnmanage   = "volume_unmanage"   // ManageExisting without a reference
	FlowVolumeRetype     = "volume_retype"     // Retype
	FlowVolumeMigrate    = "volume_migrate"    // MigrateVolume
	FlowVolumeMigrated   = "volume_migrated"   // UpdateMigratedVolume
	FlowVolumeSwap       = "volume_swap"       // MigrateVolume, while Nova moves the bytes
	FlowSnapshotManage   = "snapshot_manage"   // ManageExistingSnapshot
	FlowSnapshotUnmanage = "snapshot_unmanage" // ManageExistingSnapshot without a reference
	FlowSnapshotCreate   = "snapshot_create"   // CreateSnapshot
	FlowSnapshotDelete   = "snapshot_delete"   // DeleteSnapshot
	FlowAttachmentUpdate = "attachment_update" // AttachmentUpdate
	FlowAttachmentDelete = "attachment_delete" // AttachmentDelete
	FlowBackupCreate     = "backup_create"     // BackupTask, with a scheduler or a backup service
	FlowBackupDevice     = "backup_device"     // BackupTask, with a volume service
	FlowBackupContinue   = "backup_continue"   // ContinueBackup
	FlowBackupRestore    = "backup_restore"    // RestoreBackup
	FlowBackupDelete     = "backup_delete"     // DeleteBackup
	FlowBackupImport     = "backup_import"     // ImportRecord
	FlowBackupReset      = "backup_reset"      // ResetBackupStatus
)

// SchedulerOwner owns the records that are any scheduler's to see to; a volume service owns those under its
// "host@backend", a backup service those under BackupOwner.
const SchedulerOwner = "scheduler"
