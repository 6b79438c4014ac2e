// Package backups is the volume service's part of backups: it readies what a backup is read from (get_backup_device), and
// gives a volume that was made for a backup to the backup service that is to fill it.
//
// An available volume is read as it is. What is in use, and what is a snapshot, is copied to a temporary volume first, as
// upstream's drivers do that have no better way; the backup's row remembers it, and whoever ends the backup removes it.
//
// What must not live here: reading or writing a backup, and how a volume is reached.
package backups

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backupends"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Storage is what backups need of a back end; a *driver.Backend.
type Storage interface {
	CreateVolumeFromSnapshot(ctx context.Context, v driver.Volume, s driver.Snapshot) (driver.Update, error)
	CloneVolume(ctx context.Context, v, source driver.Volume) (driver.Update, error)
	DeleteVolume(ctx context.Context, v driver.Volume) error
}

// Options of a Service. Those without a remark must be set.
type Options struct {
	Backend  string // "host@backend": which volumes are ours, and the journal's owner
	Store    store.Store
	Flows    *flow.Engine[store.Tx]
	Storage  Storage
	Services rpcapi.Backup
	Timeout  time.Duration // bounds one verb, which may copy bytes; 0 means an hour
	// Changed hears that a pool holds so many GiB more, or fewer; nil means nobody does.
	Changed func(pool block.Host, sizeGiB int64)
	// Tell tells the user that something came to nothing, with the ids of upstream's user messages; nil means nobody does.
	Tell func(ctx context.Context, f block.Failure, detail string, cause error)
}

// Service serves the message. It is safe for concurrent use.
type Service struct {
	Options
	flow *flow.Flow[state, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Timeout == 0 {
		o.Timeout = time.Hour
	}
	if o.Changed == nil {
		o.Changed = func(block.Host, int64) {}
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, block.Failure, string, error) {}
	}
	s := &Service{Options: o}
	s.flow = s.newFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{rpcapi.MethodGetBackupDevice: messaging.Silent(s.Ready)}
}

// Resume is how the records of this flow in the journal are seen to: they are done again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{rpcapi.FlowBackupDevice: journal.Again(s.Flows, s.flow)}
}

// Ready serves get_backup_device: it readies what is to be read and tells the backup service to go on.
func (s *Service) Ready(ctx context.Context, m *rpcapi.BackupTask) error {
	return journal.Continue(ctx, s.Flows, s.flow, flow.Record{ID: m.FlowID, Name: rpcapi.FlowBackupDevice, Owner: s.Backend,
		ResourceType: "backup", ResourceID: m.BackupID}, &state{BackupTask: *m})
}

// state of a backup_device; in the journal, the message.
type state struct {
	rpcapi.BackupTask
	backup   *block.Backup
	volume   *block.Volume
	snapshot *block.Snapshot
	update   driver.Update
}

func (s *Service) newFlow() *flow.Flow[state, store.Tx] {
	return &flow.Flow[state, store.Tx]{
		Name: rpcapi.FlowBackupDevice,
		Steps: []flow.Step[state, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *state, cause error) error {
				return backupends.Fail(ctx, tx, st.BackupTask, cause)
			}},
			{Name: "extract_refs", Do: s.extract, Undo: s.tell},
			{Name: "enter_copy", Tx: s.enterCopy, UndoTx: s.removeRow},
			{Name: "copy", Do: s.copy, Undo: s.removeCopy},
			{Name: "hand_over", Tx: s.finishCopy},
			{Name: "continue_backup", Do: func(ctx context.Context, st *state) error {
				if st.copies() {
					s.Changed(st.volume.Host, st.volume.SizeGiB)
				}
				return s.Services.Cast(ctx, st.backup.Host, "2.3", rpcapi.MethodContinueBackup, st.next())
			}},
		},
		HandOver: func(st *state) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowBackupContinue, Owner: rpcapi.BackupOwner(st.backup.Host), State: st.next()}
		},
	}
}

// copies says whether the backup is made of a copy.
func (st *state) copies() bool {
	return st.SnapshotID != "" || st.volume != nil && st.volume.PreviousStatus == block.VolumeInUse
}

// copyID is the id of the copy: always the same for one backup, so that every run finds what an earlier one left.
func (st *state) copyID() string {
	backup, err := uuid.Parse(st.BackupID)
	if err != nil {
		return uuid.Nil.String()
	}
	return uuid.NewSHA1(backup, []byte("backup device")).String()
}

// next is what the backup service is told.
func (st *state) next() *rpcapi.ContinueBackup {
	m := &rpcapi.ContinueBackup{BackupTask: st.BackupTask, DeviceID: st.VolumeID}
	if st.copies() {
		m.DeviceID = st.copyID()
	}
	return m
}

func (s *Service) extract(ctx context.Context, st *state) (err error) {
	if st.backup, st.volume, err = backupends.Held(ctx, s.Store, st.BackupTask); err != nil {
		return err
	}
	if st.volume.Queue().Backend() != s.Backend {
		return flow.ErrTaken
	}
	if st.SnapshotID != "" {
		st.snapshot, err = s.Store.Snapshot(ctx, st.SnapshotID, "")
	}
	return err
}

// enterCopy enters the copy's row, upstream's in name and fields, if there is to be a copy.
func (s *Service) enterCopy(ctx context.Context, tx store.Tx, st *state) error {
	if !st.copies() {
		return nil
	}
	id, v := st.copyID(), st.volume
	switch _, err := tx.Volume(ctx, id, ""); {
	case err == nil:
		return nil // by an earlier run
	case !fault.Is(err, fault.NotFound):
		return err
	}
	_, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{}, store.BackupSet{TempVolumeID: &id})
	if err != nil {
		return err
	}
	return tx.CreateVolume(ctx, &block.Volume{ID: id, UserID: st.backup.UserID, ProjectID: st.backup.ProjectID, Name: new("backup-vol-" + v.ID),
		SizeGiB: v.SizeGiB, Host: v.Host, ClusterName: v.ClusterName, ServiceUUID: v.ServiceUUID, AvailabilityZone: v.AvailabilityZone,
		VolumeTypeID: v.VolumeTypeID, Status: block.VolumeCreating, AttachStatus: block.AttachDetached, EncryptionKeyID: v.EncryptionKeyID})
}

// removeRow takes the copy's row back. That the backup's row remembers it no more is for the eyes only.
func (s *Service) removeRow(ctx context.Context, tx store.Tx, st *state, _ error) error {
	_, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{}, store.BackupSet{TempVolumeID: new("")})
	if err != nil {
		return err
	}
	return tx.DestroyVolume(ctx, st.copyID())
}

// driverCopy is what the driver is told of the copy.
func (st *state) driverCopy() driver.Volume {
	v := driver.Volume{ID: st.copyID()}
	if st.volume != nil {
		v.SizeGiB, v.Pool, v.ProjectID = st.volume.SizeGiB, st.volume.Host.Pool(), st.volume.ProjectID
	}
	return v
}

func (s *Service) copy(ctx context.Context, st *state) (err error) {
	if !st.copies() {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	if st.snapshot != nil {
		st.update, err = s.Storage.CreateVolumeFromSnapshot(ctx, st.driverCopy(), export.DriverSnapshot(st.snapshot, st.volume))
	} else {
		st.update, err = s.Storage.CloneVolume(ctx, st.driverCopy(), export.DriverVolume(st.volume))
	}
	return err
}

// removeCopy deletes the copy, if there was to be one; deleting what is not there is no error.
func (s *Service) removeCopy(ctx context.Context, st *state, _ error) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	err := s.Storage.DeleteVolume(ctx, st.driverCopy())
	if fault.Is(err, fault.Invalid) {
		return nil // the id of a backup that there cannot be
	}
	return err
}

// finishCopy lets the copy be read, and sees that nothing has ended the backup meanwhile.
func (s *Service) finishCopy(ctx context.Context, tx store.Tx, st *state) error {
	if _, _, err := backupends.Held(ctx, tx, st.BackupTask); err != nil || !st.copies() {
		return err
	}
	set := store.VolumeSet{Status: new(block.VolumeBackingUp)}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
	_, err := tx.UpdateVolume(ctx, st.copyID(), store.VolumeWhen{}, set)
	return err
}

// tell tells the user that nothing came of it.
func (s *Service) tell(ctx context.Context, st *state, cause error) error {
	if st.backup != nil {
		s.Tell(ctx, block.Failure{ProjectID: st.backup.ProjectID, ResourceType: block.MessageBackup, ResourceID: st.BackupID,
			Action: block.MessageCreateBackup}, block.MessageBackupDeviceFailed, cause)
	}
	return nil
}
