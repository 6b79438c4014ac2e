package backup

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/backupends"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// starting is the state of a backup_create here; in the journal, the message.
type starting struct {
	rpcapi.BackupTask
	backup *block.Backup
	volume *block.Volume
}

// Create serves create_backup: it takes a backup up and asks the volume service for what is to be read.
func (s *Service) Create(ctx context.Context, m *rpcapi.BackupTask) error {
	return journal.Continue(ctx, s.Flows, s.flows.start, s.record(m.FlowID, rpcapi.FlowBackupCreate, m.BackupID), &starting{BackupTask: *m})
}

func (s *Service) startFlow() *flow.Flow[starting, store.Tx] {
	return &flow.Flow[starting, store.Tx]{
		Name: "backup_create",
		Steps: []flow.Step[starting, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *starting, cause error) error {
				return backupends.Fail(ctx, tx, st.BackupTask, cause)
			}},
			{Name: "extract_refs", Do: func(ctx context.Context, st *starting) (err error) {
				if st.backup, st.volume, err = backupends.Held(ctx, s.Store, st.BackupTask); err != nil {
					return err
				}
				s.Events.Backup(ctx, "create.start", st.backup, nil)
				return errors.Join(s.ours(st.backup), s.ready("Create backup"))
			}, Undo: func(ctx context.Context, st *starting, cause error) error {
				detail := block.MessageBackupCreateFailed
				if name := fault.NameOf(cause); name == "InvalidBackup" || name == "InvalidVolume" || name == "InvalidSnapshot" {
					detail = block.MessageBackupInvalidState
				}
				s.tell(ctx, st.backup, block.MessageCreateBackup, detail, cause)
				return nil
			}},
			{Name: "take_up", Tx: s.takeUp},
			{Name: "get_backup_device", Do: func(ctx context.Context, st *starting) error {
				return s.volumes.Cast(ctx, st.volume.Queue(), "3.17", rpcapi.MethodGetBackupDevice, new(st.BackupTask))
			}},
		},
		HandOver: func(st *starting) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowBackupDevice, Owner: st.volume.Queue().Backend(), State: st.BackupTask}
		},
	}
}

// takeUp enters in the row who makes the backup, and where it will lie.
func (s *Service) takeUp(ctx context.Context, tx store.Tx, st *starting) error {
	b, _, err := backupends.Held(ctx, tx, st.BackupTask)
	if err != nil {
		return err
	}
	set := store.BackupSet{Service: new(s.Repository.Name())}
	if b.AvailabilityZone == "" {
		set.AvailabilityZone = &s.AvailabilityZone
	}
	if b.ServiceMetadata == "" {
		place, err := s.Repository.Place(b)
		if err != nil {
			return err
		}
		set.Container, set.ServiceMetadata = new(&place.Container), &place.ServiceMetadata
	}
	_, err = tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupCreating}}, set)
	return err
}

// saving is the state of a backup_continue; in the journal, the message.
type saving struct {
	rpcapi.ContinueBackup
	backup *block.Backup
	volume *block.Volume
	device *block.Volume // what is read: the volume, or a copy of it
	parent *block.Backup // nil for a full backup
	saved  repository.Saved
	// removal is the message that removes the copy, once a transaction has said so.
	removal *rpcapi.DeleteVolume
}

// Continue serves continue_backup: it saves what the volume service has readied.
func (s *Service) Continue(ctx context.Context, m *rpcapi.ContinueBackup) error {
	return journal.Continue(ctx, s.Flows, s.flows.save, s.record(m.FlowID, rpcapi.FlowBackupContinue, m.BackupID), &saving{ContinueBackup: *m})
}

func (s *Service) saveFlow() *flow.Flow[saving, store.Tx] {
	return &flow.Flow[saving, store.Tx]{
		Name: "backup_continue",
		Steps: []flow.Step[saving, store.Tx]{
			{Name: "remove_copy", Undo: s.castRemoval},
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *saving, cause error) error {
				if err := backupends.Fail(ctx, tx, st.BackupTask, cause); err != nil {
					return err
				}
				return s.discardCopy(ctx, tx, st)
			}},
			{Name: "extract_refs", Do: s.extractSaving, Undo: func(ctx context.Context, st *saving, cause error) error {
				s.tell(ctx, st.backup, block.MessageCreateBackup, detailOf(cause, block.MessageBackupCreateFailed), cause)
				return nil
			}},
			{Name: "save", Do: s.save, Undo: s.unsave},
			{Name: "on_finish", Tx: s.finishSaving},
			{Name: "publish", Do: func(ctx context.Context, st *saving) error {
				s.tellNow(ctx, "create.end", st.backup)
				return s.castRemoval(ctx, st, nil)
			}},
		},
	}
}

func (s *Service) extractSaving(ctx context.Context, st *saving) (err error) {
	if st.backup, st.volume, err = backupends.Held(ctx, s.Store, st.BackupTask); err != nil {
		return err
	}
	if err := errors.Join(s.ours(st.backup), s.ready("Create backup")); err != nil {
		return err
	}
	if st.DeviceSnapshotID != "" {
		return fault.New(fault.NotImplemented, "", "The back end offers snapshot %s to be read, and this backup service reads volumes only.", st.DeviceSnapshotID)
	}
	if st.device, err = s.Store.Volume(ctx, st.DeviceID, ""); err != nil {
		return err
	}
	if st.backup.ParentID != "" {
		st.parent, err = s.Store.Backup(ctx, st.backup.ParentID, "")
	}
	return err
}

// save copies the bytes.
func (s *Service) save(ctx context.Context, st *saving) error {
	unlock, err := s.begin(ctx, st.BackupID)
	if err != nil {
		return err
	}
	defer unlock()
	meta, err := describe(st.volume)
	if err != nil {
		return err
	}
	err = s.attached(ctx, st.device, s.consumer(st.BackupID, true), func(ctx context.Context, d initiator.Device) (err error) {
		st.saved, err = s.Repository.Save(ctx, repository.Save{Backup: st.backup, Parent: st.parent, Source: d, SizeBytes: st.device.SizeGiB * block.GiB,
			VolumeMeta: meta, Progress: s.progress(st.backup, block.BackupCreating, "createprogress")})
		return err
	})
	return worded(err, "The volume could not be copied into the backup repository.")
}

// worded gives an error that says nothing to a user the words that tell what failed.
func worded(err error, text string) error {
	if err == nil || fault.UserText(err) != fault.Unexpected {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "", "%s", text)
}

// begin takes a place among the operations that may run at once, and the backup for itself.
func (s *Service) begin(ctx context.Context, backupID string) (end func(), err error) {
	_, unlock, err := s.locks.Lock(ctx, backupID)
	if err != nil {
		return nil, err
	}
	if err := s.busy.Acquire(ctx, 1); err != nil {
		unlock()
		return nil, context.Cause(ctx)
	}
	return func() {
		s.busy.Release(1)
		unlock()
	}, nil
}

// unsave removes what was saved. The row decides, because the journal cannot tell how far a dead process came: a backup
// that is anything but being made or deleted must not be touched.
func (s *Service) unsave(ctx context.Context, st *saving, _ error) error {
	b, err := s.Store.Backup(ctx, st.BackupID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		if b = st.backup; b == nil {
			return nil // whoever removed the row has removed what there was
		}
	case err != nil:
		return err
	case b.Status != block.BackupCreating && b.Status != block.BackupDeleting:
		return nil
	}
	if st.device != nil {
		s.detach(ctx, st.device, s.consumer(st.BackupID, true))
	}
	_, unlock, err := s.locks.Lock(ctx, st.BackupID)
	if err != nil {
		return err
	}
	defer unlock()
	return s.Repository.Delete(ctx, b)
}

// finishSaving makes the backup available and lets go of the volume. If it was deleted while it was made, the flow is
// undone; if somebody has reset its status by hand, that stands.
func (s *Service) finishSaving(ctx context.Context, tx store.Tx, st *saving) error {
	b, err := tx.Backup(ctx, st.BackupID, "")
	if err != nil {
		return err
	}
	if b.Status == block.BackupDeleting {
		return block.InvalidBackup("Backup %s was deleted while it was made.", b.ID)
	}
	set := store.BackupSet{SizeGiB: &st.volume.SizeGiB, ObjectCount: &st.saved.Objects}
	if b.Status == block.BackupCreating {
		set.Status = new(block.BackupAvailable)
	}
	if _, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{}, set); err != nil {
		return err
	}
	if b.ParentID != "" {
		if err := tx.CountBackupDependents(ctx, b.ParentID); err != nil {
			return err
		}
	}
	if err := backupends.Release(ctx, tx, st.BackupTask, block.VolumeBackingUp); err != nil {
		return err
	}
	return s.discardCopy(ctx, tx, st)
}

// discardCopy puts the copy that was read, if there was one, on its way out: its volume service gets the record of a
// delete.
func (s *Service) discardCopy(ctx context.Context, tx store.Tx, st *saving) error {
	st.removal = nil
	if st.DeviceID == st.VolumeID {
		return nil
	}
	if _, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{}, store.BackupSet{TempVolumeID: new("")}); err != nil {
		return err
	}
	v, err := tx.Volume(ctx, st.DeviceID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	}
	if _, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeDeleting)}); err != nil {
		return err
	}
	st.device, st.removal = v, &rpcapi.DeleteVolume{FlowID: uuid.NewString(), VolumeID: v.ID}
	message, err := json.Marshal(st.removal)
	if err != nil {
		return err
	}
	return tx.PutFlow(ctx, flow.Record{ID: st.removal.FlowID, Name: rpcapi.FlowVolumeDelete, Owner: v.Queue().Backend(), ResourceType: "volume",
		ResourceID: v.ID, State: message})
}

// castRemoval tells the volume service to remove the copy. The record in the journal makes up for a message that is lost.
func (s *Service) castRemoval(ctx context.Context, st *saving, _ error) error {
	if st.removal == nil {
		return nil
	}
	return s.volumes.Cast(ctx, st.device.Queue(), "3.0", rpcapi.MethodDeleteVolume, st.removal)
}
