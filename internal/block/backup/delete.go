package backup

import (
	"context"
	"errors"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// removal is the state of a backup_delete; in the journal, the message.
type removal struct {
	rpcapi.DeleteBackup
	backup *block.Backup
}

// Delete serves delete_backup.
func (s *Service) Delete(ctx context.Context, m *rpcapi.DeleteBackup) error {
	return journal.Continue(ctx, s.Flows, s.flows.remove, s.record(m.FlowID, rpcapi.FlowBackupDelete, m.BackupID), &removal{DeleteBackup: *m})
}

func (s *Service) removeFlow() *flow.Flow[removal, store.Tx] {
	return &flow.Flow[removal, store.Tx]{
		Name: rpcapi.FlowBackupDelete,
		Steps: []flow.Step[removal, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *removal, cause error) error {
				status := block.BackupError
				if fault.NameOf(cause) == serviceDown {
					status = block.BackupErrorDeleting
				}
				_, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupDeleting}},
					store.BackupSet{Status: &status, FailReason: new(fault.UserText(cause))})
				return err
			}},
			{Name: "extract_refs", Do: s.extractRemoval, Undo: func(ctx context.Context, st *removal, cause error) error {
				s.tell(ctx, st.backup, block.MessageDeleteBackup, block.MessageBackupDeleteFailed, cause)
				return nil
			}},
			{Name: "delete_backup", Do: s.remove},
			{Name: "destroy_entry", Tx: func(ctx context.Context, tx store.Tx, st *removal) error {
				if err := tx.DestroyBackup(ctx, st.BackupID); err != nil {
					return err
				}
				if st.backup.ParentID != "" {
					if err := tx.CountBackupDependents(ctx, st.backup.ParentID); err != nil {
						return err
					}
				}
				return store.RecordBackups(ctx, tx, st.backup.ProjectID)
			}},
			{Name: "publish", Do: func(ctx context.Context, st *removal) error {
				st.backup.Status = block.BackupDeleted
				s.Events.Backup(ctx, "delete.end", st.backup, nil)
				return nil
			}},
		},
	}
}

func (s *Service) extractRemoval(ctx context.Context, st *removal) (err error) {
	st.backup, err = s.Store.Backup(ctx, st.BackupID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case st.backup.Status != block.BackupDeleting:
		return flow.ErrObsolete // somebody has reset its status by hand
	}
	if err := s.ours(st.backup); err != nil {
		return err
	}
	s.Events.Backup(ctx, "delete.start", st.backup, nil)
	if st.backup.Service == "" {
		return nil
	}
	return errors.Join(s.ready("Delete backup is"), s.mismatch("Delete backup", st.backup))
}

// remove removes the bytes. A making or restoring of the same backup that is under way gives up when it sees that the
// backup is on its way out; until then this waits.
func (s *Service) remove(ctx context.Context, st *removal) error {
	if st.backup.Service == "" { // no service has ever taken it up
		s.dropKey(ctx, st.backup.EncryptionKeyID)
		return nil
	}
	_, unlock, err := s.locks.Lock(ctx, st.BackupID)
	if err != nil {
		return err
	}
	defer unlock()
	ctx, cancel := context.WithTimeout(ctx, s.CopyTimeout)
	defer cancel()
	if err := s.Repository.Delete(ctx, st.backup); err != nil {
		return worded(err, "The backup could not be removed from the backup repository.")
	}
	s.dropKey(ctx, st.backup.EncryptionKeyID)
	return nil
}
