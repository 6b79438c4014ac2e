package wire

import (
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// backupMethods are those of cinder/backup/rpcapi.py that there are messages for.
func backupMethods() map[string]method {
	export := takes("2.0", func(e *arguments.Encoder, m *rpcapi.ExportRecord) { e.SetBackup("backup", m.BackupID) },
		func(d *arguments.Decoder, m *rpcapi.ExportRecord) { m.BackupID = d.ID("backup", "Backup") })
	return map[string]method{
		rpcapi.MethodCreateBackup:   takes("2.0", encodeBackupTask, decodeBackupTask),
		rpcapi.MethodContinueBackup: takes("2.0", encodeContinue, decodeContinue),
		rpcapi.MethodRestoreBackup: takes("2.0", func(e *arguments.Encoder, m *rpcapi.RestoreBackup) {
			e.Flow(m.FlowID)
			e.SetBackup("backup", m.BackupID)
			e.SetAll(map[string]any{"volume_id": m.VolumeID, "volume_is_new": m.VolumeIsNew})
			if m.EncryptionKeyID != "" {
				e.More(restoreMore{m.EncryptionKeyID})
			}
		}, func(d *arguments.Decoder, m *rpcapi.RestoreBackup) {
			*m = rpcapi.RestoreBackup{FlowID: d.Flow(), BackupID: d.ID("backup", "Backup"), VolumeID: d.Required("volume_id"), VolumeIsNew: d.Flag("volume_is_new")}
			var more restoreMore
			d.More(&more)
			m.EncryptionKeyID = more.EncryptionKeyID
		}),
		rpcapi.MethodDeleteBackup: takes("2.0", func(e *arguments.Encoder, m *rpcapi.DeleteBackup) {
			e.Flow(m.FlowID)
			e.SetBackup("backup", m.BackupID)
		}, func(d *arguments.Decoder, m *rpcapi.DeleteBackup) {
			m.FlowID, m.BackupID = d.Flow(), d.ID("backup", "Backup")
		}),
		rpcapi.MethodExportRecord: answering(export,
			func(_ *arguments.Encoder, r *rpcapi.BackupRecord) any {
				return map[string]any{"backup_service": r.Service, "backup_url": r.Record}
			},
			func(d *arguments.Decoder, r *rpcapi.BackupRecord) {
				record := d.Dict(arguments.Answer)
				*r = rpcapi.BackupRecord{Service: record.Text("backup_service"), Record: record.Text("backup_url")}
			}),
		rpcapi.MethodImportRecord: takes("2.0", func(e *arguments.Encoder, m *rpcapi.ImportRecord) {
			e.Flow(m.FlowID)
			if b := arguments.Read(e, func() (*block.Backup, error) { return e.Store.Backup(e.Context, m.BackupID, "") }); b != nil {
				e.SetObject("backup", objects.BackupImport(b))
			}
			e.SetAll(map[string]any{"backup_service": m.Service, "backup_url": m.Record, "backup_hosts": arguments.NotNull(m.Hosts)})
		}, func(d *arguments.Decoder, m *rpcapi.ImportRecord) {
			*m = rpcapi.ImportRecord{FlowID: d.Flow(), BackupID: d.ID("backup", "BackupImport", "Backup"), Service: d.Text("backup_service"),
				Record: d.Required("backup_url"), Hosts: d.Texts("backup_hosts")}
		}),
		rpcapi.MethodResetBackupStatus: takes("2.0", func(e *arguments.Encoder, m *rpcapi.ResetBackupStatus) {
			e.Flow(m.FlowID)
			e.SetBackup("backup", m.BackupID)
			e.Set("status", string(m.Status))
		}, func(d *arguments.Decoder, m *rpcapi.ResetBackupStatus) {
			*m = rpcapi.ResetBackupStatus{FlowID: d.Flow(), BackupID: d.ID("backup", "Backup"), Status: block.BackupStatus(d.Required("status"))}
		}),
		rpcapi.MethodPublishCapabilities: bare("2.2"),
		rpcapi.MethodCanForceDelete: answering(bare("2.0"),
			func(_ *arguments.Encoder, r *rpcapi.CanForceDelete) any { return r.Supported },
			func(d *arguments.Decoder, r *rpcapi.CanForceDelete) { r.Supported = d.Flag(arguments.Answer) }),
	}
}

// restoreMore is what a restore_backup says to a Clinker beside the arguments.
type restoreMore struct {
	EncryptionKeyID string `json:"encryption_key_id"`
}

func encodeBackupTask(e *arguments.Encoder, m *rpcapi.BackupTask) {
	e.Flow(m.FlowID)
	e.SetBackup("backup", m.BackupID)
}

func decodeBackupTask(d *arguments.Decoder, m *rpcapi.BackupTask) {
	b := d.Object("backup", "Backup")
	*m = rpcapi.BackupTask{FlowID: d.Flow(), BackupID: b.Text("id"), VolumeID: b.Text("volume_id"), SnapshotID: b.Text("snapshot_id")}
}

func encodeContinue(e *arguments.Encoder, m *rpcapi.ContinueBackup) {
	encodeBackupTask(e, &m.BackupTask)
	device := vo.New("BackupDeviceInfo")
	device.Set("secure_enabled", false)
	if m.DeviceID != "" {
		device.Set("volume", objects.Volume(e.Volume(m.DeviceID)))
	} else if s := arguments.Read(e, func() (*block.Snapshot, error) { return e.Store.Snapshot(e.Context, m.DeviceSnapshotID, "") }); s != nil {
		device.Set("snapshot", objects.Snapshot(s))
	}
	e.SetObject("backup_device", device)
}

func decodeContinue(d *arguments.Decoder, m *rpcapi.ContinueBackup) {
	decodeBackupTask(d, &m.BackupTask)
	device := d.Object("backup_device", "BackupDeviceInfo")
	m.DeviceID, m.DeviceSnapshotID = device.Object("volume").Text("id"), device.Object("snapshot").Text("id")
	if m.DeviceID == "" && m.DeviceSnapshotID == "" {
		d.Refuse("backup_device", "names neither a volume nor a snapshot")
	}
}
