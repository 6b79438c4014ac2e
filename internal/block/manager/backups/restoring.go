package backups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// Restoring is a volume that was made to restore a backup to: what the request says of it, and the journal's id of the
// operation, which goes on as a restore.
type Restoring struct {
	Request rpcapi.CreateRequest
	FlowID  string
}

// Wanted says whether the volume is for a backup.
func (r Restoring) Wanted() bool { return r.Request.BackupID != "" }

// Begin takes the backup for the restore and gives the volume's status meanwhile: in the transaction that ends its making.
// Invalid: InvalidBackup, when the backup is not available any more.
func (r Restoring) Begin(ctx context.Context, tx store.Tx) (block.VolumeStatus, error) {
	if !r.Wanted() {
		return block.VolumeAvailable, nil
	}
	ok, err := tx.UpdateBackup(ctx, r.Request.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupAvailable}},
		store.BackupSet{Status: new(block.BackupRestoring), RestoreVolume: &r.Request.VolumeID, Host: &r.Request.BackupHost})
	if err == nil && !ok {
		err = block.InvalidBackup("Backup %s is not available any more.", r.Request.BackupID)
	}
	return block.VolumeRestoringBackup, err
}

func (r Restoring) message() *rpcapi.RestoreBackup {
	return &rpcapi.RestoreBackup{FlowID: r.FlowID, BackupID: r.Request.BackupID, VolumeID: r.Request.VolumeID, VolumeIsNew: true}
}

// Next hands the journal's record over to the backup service; nil if there is nothing to restore.
func (r Restoring) Next() *flow.Next {
	if !r.Wanted() {
		return nil
	}
	return &flow.Next{Name: rpcapi.FlowBackupRestore, Owner: rpcapi.BackupOwner(r.Request.BackupHost), State: r.message()}
}

// Cast tells the backup service.
func (r Restoring) Cast(ctx context.Context, services rpcapi.Backup) error {
	return services.Cast(ctx, r.Request.BackupHost, "2.4", rpcapi.MethodRestoreBackup, r.message())
}
