package backup

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// Export serves export_record.
func (s *Service) Export(ctx context.Context, m *rpcapi.ExportRecord) (*rpcapi.BackupRecord, error) {
	b, err := s.Store.Backup(ctx, m.BackupID, "")
	if err != nil {
		return nil, err
	}
	if b.Status != block.BackupAvailable {
		return nil, block.InvalidBackup("Export backup aborted, expected backup status available but got %s.", b.Status)
	}
	if err := s.mismatch("Export record", b); err != nil {
		return nil, err
	}
	text, err := b.EncodeRecord(nil)
	if err != nil {
		return nil, err
	}
	return &rpcapi.BackupRecord{Service: b.Service, Record: text}, nil
}

// importing is the state of a backup_import; in the journal, the message.
type importing struct {
	rpcapi.ImportRecord
	record *block.BackupRecord // nil when the record is passed on
}

// Import serves import_record.
func (s *Service) Import(ctx context.Context, m *rpcapi.ImportRecord) error {
	return journal.Continue(ctx, s.Flows, s.flows.importer, s.record(m.FlowID, rpcapi.FlowBackupImport, m.BackupID), &importing{ImportRecord: *m})
}

func (s *Service) importFlow() *flow.Flow[importing, store.Tx] {
	return &flow.Flow[importing, store.Tx]{
		Name: rpcapi.FlowBackupImport,
		Steps: []flow.Step[importing, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *importing, cause error) error {
				_, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupCreating}},
					store.BackupSet{Status: new(block.BackupError), FailReason: new(fault.UserText(cause))})
				return err
			}},
			{Name: "read_record", Do: s.readRecord},
			{Name: "enter_record", Tx: s.enterRecord},
			{Name: "pass_on", Do: func(ctx context.Context, st *importing) error {
				if st.record != nil {
					return nil
				}
				return s.peers.Cast(ctx, st.Hosts[0], "2.0", rpcapi.MethodImportRecord, st.next())
			}},
		},
		HandOver: func(st *importing) *flow.Next {
			if st.record != nil {
				return nil
			}
			return &flow.Next{Name: rpcapi.FlowBackupImport, Owner: rpcapi.BackupOwner(st.Hosts[0]), State: st.next()}
		},
	}
}

// next is what the next host is told.
func (st *importing) next() *rpcapi.ImportRecord {
	m := st.ImportRecord
	m.Hosts = slices.Clone(m.Hosts[1:])
	return &m
}

// readRecord reads the record, or finds that it is another service's.
func (s *Service) readRecord(_ context.Context, st *importing) (err error) {
	st.record = nil
	if !block.ServiceMatches(st.Service, s.Repository.Name()) {
		if len(st.Hosts) > 0 {
			return nil
		}
		return fault.New(fault.NotFound, "ServiceNotFound", "Import record failed, cannot find backup service to perform the import. Request service %s.", st.Service)
	}
	record, err := block.DecodeBackupRecord(st.Record)
	switch {
	case err != nil:
		return err
	case record.Backup.ID != st.BackupID:
		return block.InvalidBackup("Trying to import backup metadata from id %s into backup %s.", record.Backup.ID, st.BackupID)
	case len(record.Missing) > 0:
		return block.InvalidBackup("Driver successfully decoded imported backup data, but there are missing fields (%s).", strings.Join(record.Missing, ", "))
	}
	st.record = record
	return nil
}

// enterRecord makes the backup what its record says. Whether its bytes are where the record says shows when it is restored,
// as upstream.
func (s *Service) enterRecord(ctx context.Context, tx store.Tx, st *importing) error {
	if st.record == nil {
		return nil
	}
	b := &st.record.Backup
	set := store.BackupSet{VolumeID: &b.VolumeID, Status: new(block.BackupAvailable), Name: &b.Name, Description: &b.Description, SizeGiB: &b.SizeGiB,
		ObjectCount: &b.ObjectCount, AvailabilityZone: &s.AvailabilityZone, Host: &s.Host, Container: &b.Container, Service: new(s.Repository.Name()),
		ServiceMetadata: &b.ServiceMetadata, ParentID: &b.ParentID, SnapshotID: &b.SnapshotID, EncryptionKeyID: &b.EncryptionKeyID}
	if !b.DataTimestamp.IsZero() {
		set.DataTimestamp = &b.DataTimestamp
	}
	if b.VolumeID == "" {
		set.VolumeID = nil
	}
	ok, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupCreating}}, set)
	switch {
	case err != nil:
		return err
	case !ok:
		return flow.ErrObsolete // it was deleted, or its status reset by hand
	}
	if err := tx.PutBackupMetadata(ctx, st.BackupID, b.Metadata, true); err != nil {
		return err
	}
	// Its children and its parent may be here already.
	return errors.Join(tx.CountBackupDependents(ctx, st.BackupID), tx.CountBackupDependents(ctx, b.ParentID))
}

// resetting is the state of a backup_reset; in the journal, the message.
type resetting struct {
	rpcapi.ResetBackupStatus
	backup *block.Backup
}

// Reset serves reset_status.
func (s *Service) Reset(ctx context.Context, m *rpcapi.ResetBackupStatus) error {
	return journal.Continue(ctx, s.Flows, s.flows.reset, s.record(m.FlowID, rpcapi.FlowBackupReset, m.BackupID), &resetting{ResetBackupStatus: *m})
}

func (s *Service) resetFlow() *flow.Flow[resetting, store.Tx] {
	return &flow.Flow[resetting, store.Tx]{
		Name: rpcapi.FlowBackupReset,
		Steps: []flow.Step[resetting, store.Tx]{
			{Name: "extract_refs", Do: func(ctx context.Context, st *resetting) (err error) {
				st.backup, err = s.Store.Backup(ctx, st.BackupID, "")
				if fault.Is(err, fault.NotFound) {
					return flow.ErrObsolete
				}
				if err != nil {
					return err
				}
				s.Events.Backup(ctx, "reset_status.start", st.backup, nil)
				return s.mismatch("Reset backup status", st.backup)
			}},
			{Name: "reset", Tx: func(ctx context.Context, tx store.Tx, st *resetting) error {
				_, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{}, store.BackupSet{Status: &st.Status})
				return err
			}},
			{Name: "publish", Do: func(ctx context.Context, st *resetting) error {
				s.tellNow(ctx, "reset_status.end", st.backup)
				return nil
			}},
		},
	}
}
