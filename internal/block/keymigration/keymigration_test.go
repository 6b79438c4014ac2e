package keymigration

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/keymanager/keymanagertest"
	"github.com/clinker/clinker/internal/reqctx"
)

const (
	host  = "node@file"
	other = "node@other"
	user  = "the-user"
)

type world struct {
	*sqlstore.Store
	typeID string
	memory keymanagertest.Memory
	keys   keymanager.Manager
	fixed  *keymanager.Fixed
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	vt, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Store: s, typeID: vt.ID}
	if w.fixed, err = keymanager.NewFixed("00112233445566778899aabbccddeeff"); err != nil {
		t.Fatal(err)
	}
	w.keys = keymanager.WithFixed(&w.memory, w.fixed)
	return w
}

func (w *world) update(t *testing.T, change func(tx store.Tx) error) {
	t.Helper()
	if err := w.Update(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}

// volume enters a volume with a key and a snapshot of it, and gives their ids.
func (w *world) volume(t *testing.T, at, keyID string) (volumeID, snapshotID string) {
	t.Helper()
	v := &block.Volume{ID: uuid.NewString(), UserID: user, ProjectID: "p", Host: block.Host(at + "#pool"), SizeGiB: 1, Status: block.VolumeInUse, VolumeTypeID: w.typeID, EncryptionKeyID: keyID}
	s := &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, UserID: user, ProjectID: "p", VolumeSizeGiB: 1, Status: block.SnapshotAvailable, VolumeTypeID: w.typeID, EncryptionKeyID: keyID}
	w.update(t, func(tx store.Tx) error {
		return errors.Join(tx.CreateVolume(t.Context(), v), tx.CreateSnapshot(t.Context(), s))
	})
	return v.ID, s.ID
}

func (w *world) backup(t *testing.T, at string) string {
	t.Helper()
	b := &block.Backup{ID: uuid.NewString(), UserID: user, ProjectID: "p", VolumeID: uuid.NewString(), Host: at, SizeGiB: 1, Status: block.BackupAvailable, EncryptionKeyID: keymanager.FixedKeyID}
	w.update(t, func(tx store.Tx) error { return tx.CreateBackup(t.Context(), b) })
	return b.ID
}

func (w *world) run(t *testing.T, keys keymanager.Manager) {
	t.Helper()
	Migration{Store: w.Store, Keys: keys, Host: host, Pause: time.Millisecond, Log: slog.New(slog.DiscardHandler)}.Volumes(t.Context())
	Migration{Store: w.Store, Keys: keys, Host: "node", Pause: time.Millisecond, Log: slog.New(slog.DiscardHandler)}.Backups(t.Context())
}

// keysOf are the ids of the keys of a volume and its snapshot.
func (w *world) keysOf(t *testing.T, volumeID, snapshotID string) [2]string {
	t.Helper()
	v, err := w.Volume(t.Context(), volumeID, "")
	if err != nil {
		t.Fatal(err)
	}
	s, err := w.Snapshot(t.Context(), snapshotID, "")
	if err != nil {
		t.Fatal(err)
	}
	return [2]string{v.EncryptionKeyID, s.EncryptionKeyID}
}

// usable says whether the user can fetch the fixed key by an id that is not its own.
func (w *world) usable(t *testing.T, keyID string) error {
	t.Helper()
	if keyID == keymanager.FixedKeyID {
		return errors.New("it is the fixed key's")
	}
	ctx := reqctx.With(t.Context(), reqctx.Request{UserID: user, ProjectID: "p"})
	k, err := w.keys.Get(ctx, keyID)
	if err != nil {
		return err
	}
	if own, err := w.fixed.Get(ctx, keymanager.FixedKeyID); err != nil || !k.Equal(own) {
		return fmt.Errorf("another key, %w", err)
	}
	return nil
}

func TestMigration(t *testing.T) {
	w := newWorld(t)
	volumes := map[string]string{}
	for range pageSize + 5 {
		v, s := w.volume(t, host, keymanager.FixedKeyID)
		volumes[v] = s
	}
	ownVolume, ownSnapshot := w.volume(t, host, "already-its-own")
	elsewhere, elsewheresSnapshot := w.volume(t, other, keymanager.FixedKeyID)
	ours, others := w.backup(t, "node"), w.backup(t, "another")
	for range 2 { // the second start finds nothing to do
		w.run(t, w.keys)
		for v, s := range volumes {
			keys := w.keysOf(t, v, s)
			if err := w.usable(t, keys[0]); err != nil || keys[0] != keys[1] {
				t.Fatalf("the volume's key is %s, the snapshot's %s: %v", keys[0], keys[1], err)
			}
		}
		if keys := w.keysOf(t, ownVolume, ownSnapshot); keys != [2]string{"already-its-own", "already-its-own"} {
			t.Errorf("of one that has a key: %v", keys)
		}
		if keys := w.keysOf(t, elsewhere, elsewheresSnapshot); keys != [2]string{keymanager.FixedKeyID, keymanager.FixedKeyID} {
			t.Errorf("of another back end: %v", keys)
		}
		for id, moved := range map[string]bool{ours: true, others: false} {
			b, err := w.Backup(t.Context(), id, "")
			if err != nil || (w.usable(t, b.EncryptionKeyID) == nil) != moved {
				t.Errorf("a backup's key is %s, %v", b.EncryptionKeyID, err)
			}
		}
		if n := len(w.memory.Owners()); n != len(volumes)+1 {
			t.Errorf("the key manager has %d keys", n)
		}
	}
}

// failing counts how often it is asked to replace the key, and cannot.
type failing struct {
	keymanager.Manager
	asked int
}

func (f *failing) Replace(context.Context, string) (string, error) {
	f.asked++
	return "", errors.New("not today")
}

// TestMigrationFails: a key manager that does not work is not asked for every volume, and where none has replaced the fixed key nothing is
// asked at all.
func TestMigrationFails(t *testing.T) {
	w := newWorld(t)
	v, s := "", ""
	for range 10 {
		v, s = w.volume(t, host, keymanager.FixedKeyID)
	}
	f := &failing{Manager: w.keys}
	for _, keys := range []keymanager.Manager{f, w.fixed, &w.memory, nil} {
		w.run(t, keys)
		if keys := w.keysOf(t, v, s); keys != [2]string{keymanager.FixedKeyID, keymanager.FixedKeyID} {
			t.Errorf("%v", keys)
		}
	}
	if f.asked != tries*maxErrors {
		t.Errorf("it was asked %d times", f.asked)
	}
}

// late works from the second time on.
type late struct {
	keymanager.Manager
	asked int
}

func (l *late) Replace(ctx context.Context, userID string) (string, error) {
	if l.asked++; l.asked <= maxErrors {
		return "", errors.New("not yet")
	}
	return l.Manager.(keymanager.Replacement).Replace(ctx, userID)
}

// TestMigrationIsTriedAgain: a key manager that is not there yet when the service starts.
func TestMigrationIsTriedAgain(t *testing.T) {
	w := newWorld(t)
	v, s := w.volume(t, host, keymanager.FixedKeyID)
	for range 4 {
		w.volume(t, host, keymanager.FixedKeyID)
	}
	w.run(t, &late{Manager: w.keys})
	if keys := w.keysOf(t, v, s); w.usable(t, keys[0]) != nil {
		t.Errorf("%v", keys)
	}
	if n := len(w.memory.Owners()); n != 5 {
		t.Errorf("the key manager has %d keys", n)
	}
}

// goes has its volume deleted while its key is replaced.
type goes struct {
	keymanager.Manager
	meanwhile func()
}

func (g goes) Replace(ctx context.Context, userID string) (string, error) {
	id, err := g.Manager.(keymanager.Replacement).Replace(ctx, userID)
	g.meanwhile()
	return id, err
}

// TestMigrationTooLate: a key for what has gone meanwhile is removed again.
func TestMigrationTooLate(t *testing.T) {
	w := newWorld(t)
	v, s := w.volume(t, host, keymanager.FixedKeyID)
	w.run(t, goes{w.keys, func() {
		w.update(t, func(tx store.Tx) error {
			return errors.Join(tx.DestroySnapshot(t.Context(), s), tx.DestroyVolume(t.Context(), v))
		})
	}})
	if n := len(w.memory.Owners()); n != 0 {
		t.Errorf("%d keys are left", n)
	}
}
