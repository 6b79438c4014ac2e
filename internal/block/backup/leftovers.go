package backup

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backupends"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// leftovers are the backups that a Python service, which was in this one's place before, had in hand when it ended: it keeps no
// journal, and Python's services go by their status when they start (cinder/backup/manager.py, _cleanup_one_backup). There are none if
// the last in this place was ours. It is asked before this service writes itself into the row.
func (s *Service) leftovers(ctx context.Context) ([]*block.Backup, error) {
	rows, err := s.Store.Services(ctx, store.ServiceQuery{Host: s.Host, Binary: block.BinaryBackup})
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	own, err := s.Store.OwnServices(ctx, block.BinaryBackup)
	if err != nil {
		return nil, err
	}
	for _, mark := range own {
		if mark.Host == s.Host && !mark.Replaced(rows[0]) {
			return nil, nil
		}
	}
	return s.Store.Backups(ctx, store.BackupQuery{Equal: map[string][]string{"host": {s.Host},
		"status": {string(block.BackupCreating), string(block.BackupRestoring), string(block.BackupDeleting)}}})
}

// endMaking puts in error what was being made and frees what was being restored, and gives the backups that are to be deleted still.
func (s *Service) endMaking(ctx context.Context, left []*block.Backup) (deleting []*block.Backup) {
	for _, b := range left {
		if b.Status == block.BackupDeleting {
			deleting = append(deleting, b)
			continue
		}
		err := s.Store.Update(ctx, func(tx store.Tx) error {
			if b.Status == block.BackupRestoring {
				return endRestoring(ctx, tx, b)
			}
			cause := fault.New(fault.Internal, "", "incomplete backup reset on manager restart")
			return backupends.Fail(ctx, tx, rpcapi.BackupTask{BackupID: b.ID, VolumeID: b.VolumeID, SnapshotID: b.SnapshotID}, cause)
		})
		if err != nil {
			s.Log.WarnContext(ctx, "what a Python service left of a backup could not be cleaned up", "backup_id", b.ID, "was", b.Status, "error", err)
			continue
		}
		s.Log.InfoContext(ctx, "a Python service left a backup unfinished; it was cleaned up", "backup_id", b.ID, "was", b.Status)
	}
	return deleting
}

// endRestoring shows that a volume was not restored, and that the backup is as it was.
func endRestoring(ctx context.Context, tx store.Tx, b *block.Backup) error {
	_, err := tx.UpdateVolume(ctx, b.RestoreVolume, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeRestoringBackup}},
		store.VolumeSet{Status: new(block.VolumeErrorRestoring)})
	if err != nil {
		return err
	}
	_, err = tx.UpdateBackup(ctx, b.ID, store.BackupWhen{Status: []block.BackupStatus{block.BackupRestoring}}, store.BackupSet{Status: new(block.BackupAvailable)})
	return err
}

// deleteAgain goes on deleting, one after the other, as the journal has it from then on.
func (s *Service) deleteAgain(ctx context.Context, left []*block.Backup) {
	ctx = reqctx.Internal(ctx)
	for _, b := range left {
		if ctx.Err() != nil {
			return
		}
		if err := s.Delete(ctx, &rpcapi.DeleteBackup{BackupID: b.ID}); err != nil && ctx.Err() == nil {
			s.Log.WarnContext(ctx, "a backup that a Python service had begun to delete could not be deleted", "backup_id", b.ID, "error", err)
		}
	}
}
