package managertest

import (
	"context"
	"maps"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// backups is the rows of backups by id.
type backups map[string]*block.Backup

func (b backups) clone() backups {
	c := make(backups, len(b))
	for id, one := range b {
		copied := *one
		copied.Metadata = maps.Clone(one.Metadata)
		c[id] = &copied
	}
	return c
}

func (t *tx) Backup(_ context.Context, id, _ string) (*block.Backup, error) {
	defer t.reading()()
	b, ok := t.backups[id]
	if !ok {
		return nil, block.BackupNotFound(id)
	}
	return new(*b), nil
}

func (t *tx) CreateBackup(_ context.Context, b *block.Backup) error {
	t.backups[b.ID] = new(*b)
	return nil
}

func (t *tx) UpdateBackup(_ context.Context, id string, when store.BackupWhen, set store.BackupSet) (bool, error) {
	b, ok := t.backups[id]
	if !ok || len(when.Status) != 0 && !slices.Contains(when.Status, b.Status) || when.Host != "" && when.Host != b.Host {
		return false, nil
	}
	put(&b.VolumeID, set.VolumeID)
	put(&b.Status, set.Status)
	put(&b.FailReason, set.FailReason)
	put(&b.Name, set.Name)
	put(&b.Description, set.Description)
	put(&b.SizeGiB, set.SizeGiB)
	put(&b.ObjectCount, set.ObjectCount)
	put(&b.AvailabilityZone, set.AvailabilityZone)
	put(&b.Host, set.Host)
	put(&b.Container, set.Container)
	put(&b.Service, set.Service)
	put(&b.ServiceMetadata, set.ServiceMetadata)
	put(&b.ParentID, set.ParentID)
	put(&b.SnapshotID, set.SnapshotID)
	put(&b.DataTimestamp, set.DataTimestamp)
	put(&b.RestoreVolume, set.RestoreVolume)
	put(&b.TempVolumeID, set.TempVolumeID)
	put(&b.TempSnapshotID, set.TempSnapshotID)
	put(&b.EncryptionKeyID, set.EncryptionKeyID)
	return true, nil
}

func (t *tx) PutBackupMetadata(_ context.Context, id string, md map[string]string, _ bool) error {
	b, ok := t.backups[id]
	if !ok {
		return block.BackupNotFound(id)
	}
	b.Metadata = maps.Clone(md)
	return nil
}

func (t *tx) CountBackupDependents(_ context.Context, id string) error {
	parent, ok := t.backups[id]
	if !ok {
		return nil
	}
	parent.Dependents = 0
	for _, b := range t.backups {
		if b.ParentID == id && b.Status != block.BackupCreating && b.Status != block.BackupError {
			parent.Dependents++
		}
	}
	return nil
}

func (t *tx) DestroyBackup(_ context.Context, id string) error {
	delete(t.backups, id)
	return nil
}

func (t *tx) PutVolumeMetadata(_ context.Context, id string, md map[string]string, replace bool) error {
	v, ok := t.volumes[id]
	if !ok {
		return block.VolumeNotFound(id)
	}
	if replace || v.Metadata == nil {
		v.Metadata = map[string]string{}
	}
	maps.Copy(v.Metadata, md)
	return nil
}

// Services gives the services that AddService has entered.
func (t *tx) Services(_ context.Context, q store.ServiceQuery) (found []*block.Service, err error) {
	defer t.reading()()
	for _, s := range t.services {
		if (q.Binary == "" || s.Binary == q.Binary) && (q.Disabled == nil || s.Disabled == *q.Disabled) {
			found = append(found, new(*s))
		}
	}
	return found, nil
}

// AddService enters a service.
func (s *Store) AddService(one *block.Service) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.services = append(s.services, one)
}

// AddBackup enters the row of a backup of v, changed by change.
func (w *World) AddBackup(t testing.TB, v *block.Volume, change func(b *block.Backup)) *block.Backup {
	t.Helper()
	b := &block.Backup{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: Project, SizeGiB: v.SizeGiB, Status: block.BackupAvailable}
	if change != nil {
		change(b)
	}
	w.update(t, func(tx store.Tx) error { return tx.CreateBackup(t.Context(), b) })
	return b
}

// BackupStatus is the status of a backup's row, "gone" without one.
func (w *World) BackupStatus(t testing.TB, id string) string {
	b, err := w.Backup(t.Context(), id, "")
	if err != nil {
		return "gone"
	}
	return string(b.Status)
}
