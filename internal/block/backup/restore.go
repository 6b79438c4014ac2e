package backup

import (
	"context"
	"errors"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
)

// restoring is the state of a backup_restore; in the journal, the message.
type restoring struct {
	rpcapi.RestoreBackup
	backup   *block.Backup
	chain    []*block.Backup
	volume   *block.Volume
	restored *volumeMeta // nil until the bytes are there, and when the backup says nothing of the volume
	// useless is the key that the volume had before it got the backup's.
	useless string
}

// Restore serves restore_backup.
func (s *Service) Restore(ctx context.Context, m *rpcapi.RestoreBackup) error {
	return journal.Continue(ctx, s.Flows, s.flows.restore, s.record(m.FlowID, rpcapi.FlowBackupRestore, m.BackupID), &restoring{RestoreBackup: *m})
}

func (s *Service) restoreFlow() *flow.Flow[restoring, store.Tx] {
	return &flow.Flow[restoring, store.Tx]{
		Name: rpcapi.FlowBackupRestore,
		Steps: []flow.Step[restoring, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *restoring, _ error) error {
				if err := st.end(ctx, tx); err != nil {
					return err
				}
				_, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeRestoringBackup}},
					store.VolumeSet{Status: new(block.VolumeErrorRestoring)})
				return err
			}},
			{Name: "extract_refs", Do: s.extractRestoring, Undo: func(ctx context.Context, st *restoring, cause error) error {
				s.tell(ctx, st.backup, block.MessageRestoreBackup, st.detail(cause), cause)
				s.dropUnused(ctx, st)
				return nil
			}},
			{Name: "restore", Do: s.restore, Undo: func(ctx context.Context, st *restoring, _ error) error {
				if st.volume != nil {
					s.detach(ctx, st.volume, s.consumer(st.BackupID, false))
				}
				return nil
			}},
			{Name: "on_finish", Tx: s.finishRestoring},
			{Name: "publish", Do: func(ctx context.Context, st *restoring) error {
				s.tellNow(ctx, "restore.end", st.backup)
				s.dropKey(ctx, st.useless)
				return nil
			}},
		},
	}
}

// end gives the backup free, if it is still being restored.
func (st *restoring) end(ctx context.Context, tx store.Tx) error {
	_, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupRestoring}},
		store.BackupSet{Status: new(block.BackupAvailable)})
	return err
}

// detail is what the user is told of a failure.
func (st *restoring) detail(cause error) string {
	switch {
	case st.volume == nil || st.volume.Status != block.VolumeRestoringBackup:
		return block.MessageVolumeInvalidState
	case st.backup.Status != block.BackupRestoring:
		return block.MessageBackupInvalidState
	}
	return detailOf(cause, block.MessageBackupRestoreFailed)
}

func (s *Service) extractRestoring(ctx context.Context, st *restoring) (err error) {
	if st.backup, err = s.Store.Backup(ctx, st.BackupID, ""); err != nil {
		return err
	}
	if err := s.ours(st.backup); err != nil {
		return err
	}
	if st.volume, err = s.Store.Volume(ctx, st.VolumeID, ""); err != nil {
		return err
	}
	s.Events.Backup(ctx, "restore.start", st.backup, nil)
	switch {
	case st.volume.Status != block.VolumeRestoringBackup:
		return block.InvalidVolume("Restore backup aborted, expected volume status restoring-backup but got %s.", st.volume.Status)
	case st.backup.Status != block.BackupRestoring:
		return block.InvalidBackup("Restore backup aborted: expected backup status restoring but got %s.", st.backup.Status)
	}
	if err := errors.Join(s.ready("Restore backup"), s.mismatch("Restore backup", st.backup)); err != nil {
		return err
	}
	st.chain, err = s.chainOf(ctx, st.backup)
	return err
}

// maxChain is how long a chain of differences may be.
const maxChain = 10_000

// chainOf is the backups that make up one: the full one and the differences up to it, in that order.
func (s *Service) chainOf(ctx context.Context, b *block.Backup) ([]*block.Backup, error) {
	chain := []*block.Backup{b}
	for chain[0].ParentID != "" {
		if len(chain) == maxChain {
			return nil, block.InvalidBackup("Backup %s is the last of more than %d differences.", b.ID, maxChain)
		}
		parent, err := s.Store.Backup(ctx, chain[0].ParentID, "")
		if err != nil {
			return nil, err
		}
		chain = append([]*block.Backup{parent}, chain...)
	}
	return chain, nil
}

func (s *Service) restore(ctx context.Context, st *restoring) error {
	unlock, err := s.begin(ctx, st.BackupID)
	if err != nil {
		return err
	}
	defer unlock()
	err = s.attached(ctx, st.volume, s.consumer(st.BackupID, false), func(ctx context.Context, d initiator.Device) error {
		restored, err := s.Repository.Restore(ctx, repository.Restore{Chain: st.chain, Target: d, SizeBytes: st.volume.SizeGiB * block.GiB,
			Fresh: st.VolumeIsNew, Progress: s.progress(st.backup, block.BackupRestoring, "")})
		if err != nil || restored.VolumeMeta == "" {
			return err
		}
		if st.restored, err = readMeta(restored.VolumeMeta); err != nil {
			return err
		}
		return st.restored.readable(st.backup, st.volume)
	})
	return worded(err, "The backup could not be copied into the volume.")
}

// finishRestoring makes the volume available with what the backup knows of it, and gives the backup free.
func (s *Service) finishRestoring(ctx context.Context, tx store.Tx, st *restoring) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	switch {
	case err != nil:
		return err
	case v.Status != block.VolumeRestoringBackup:
		return block.InvalidVolume("Volume %s became %s while it was restored.", v.ID, v.Status)
	}
	set := store.VolumeSet{Status: new(block.VolumeAvailable)}
	if st.VolumeIsNew {
		set.LaunchedAt = new(s.Now().UTC())
	}
	st.useless = ""
	if key := st.EncryptionKeyID; key != "" && key != v.EncryptionKeyID {
		set.EncryptionKeyID, st.useless = &key, v.EncryptionKeyID
	}
	if st.restored != nil {
		if err := st.restored.apply(ctx, tx, v, &set); err != nil {
			return err
		}
	}
	if err := markSource(ctx, tx, v.ID, st.backup); err != nil {
		return err
	}
	ok, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeRestoringBackup}}, set)
	if err == nil && !ok {
		err = block.VolumeNotFound(v.ID)
	}
	if err != nil {
		return err
	}
	return st.end(ctx, tx)
}

// sourceKey is the metadata by which upstream tells what backup a volume's bytes are from.
const sourceKey = "src_backup_id"

// markSource writes it where upstream does: in other volumes than the backup's own, and where another backup was before.
func markSource(ctx context.Context, tx store.Tx, volumeID string, b *block.Backup) error {
	v, err := tx.Volume(ctx, volumeID, "")
	if err != nil {
		return err
	}
	before := v.Metadata[sourceKey]
	if b.VolumeID == volumeID && (before == "" || before == b.ID) {
		return nil
	}
	return tx.PutVolumeMetadata(ctx, volumeID, map[string]string{sourceKey: b.ID}, false)
}
