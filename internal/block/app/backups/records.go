package backups

import (
	"context"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Record is what lets another deployment take up a backup: the kind of repository it lies in, and all that is known of it.
type Record = rpcapi.BackupRecord

// Export asks a backup service for the record of a backup.
func (u *Backups) Export(ctx context.Context, id string) (Record, error) {
	var r Record
	b, err := u.Backup(ctx, id, "backup:export-import")
	if err != nil {
		return r, err
	}
	if b.Status != block.BackupAvailable {
		return r, block.InvalidBackup("Backup status must be available and not %s.", b.Status)
	}
	host, err := u.BackupHost(ctx, b)
	if err != nil {
		return r, err
	}
	err = u.BackupService.Call(ctx, host, "2.0", rpcapi.MethodExportRecord, &rpcapi.ExportRecord{BackupID: id}, &r)
	return r, err
}

// Import enters the backup that a record speaks of, as the caller's, and casts its taking up to a backup service, which
// passes it on to the next one if its repository is of another kind. It returns it as entered: creating. The record's id is
// kept, for other records may speak of it. Unavailable when no backup service is up; Invalid for what is no record, or
// when there is such a backup; OverLimit for quota.
func (u *Backups) Import(ctx context.Context, r Record) (*block.Backup, error) {
	if err := u.Authorize(ctx, "backup:backup-import"); err != nil {
		return nil, err
	}
	hosts, err := u.BackupHosts(ctx, "")
	if err != nil {
		return nil, err
	}
	if len(hosts) == 0 {
		return nil, fault.New(fault.Unavailable, "ServiceNotFound", "Service %s could not be found.", r.Service)
	}
	record, err := block.DecodeBackupRecord(r.Record)
	if err != nil {
		return nil, err
	}
	id := record.Backup.ID
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		return nil, block.InvalidInput("Provided backup record has the id %.40q, which is no UUID.", id)
	}
	caller := reqctx.From(ctx)
	b := &block.Backup{ID: id, VolumeID: block.ImportedVolumeID, UserID: caller.UserID, ProjectID: caller.ProjectID, Status: block.BackupCreating,
		SizeGiB: record.Backup.SizeGiB}
	msg := &rpcapi.ImportRecord{FlowID: app.NewOperationID(), BackupID: id, Service: r.Service, Record: r.Record, Hosts: hosts[1:]}
	err = u.handOver(ctx, hosts[0], msg.FlowID, rpcapi.FlowBackupImport, id, "2.0", rpcapi.MethodImportRecord, msg, func(tx store.Tx) error {
		if err := u.Quota.TakeBackup(ctx, tx, b.ProjectID, b.SizeGiB); err != nil {
			return err
		}
		if err := tx.ReviveBackup(ctx, b); !fault.Is(err, fault.Conflict) {
			return err
		}
		return block.InvalidBackup("Backup already exists in database.")
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}
