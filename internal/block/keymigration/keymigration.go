// Package keymigration gives volumes and backups that have the one key of the configuration keys of their own in the key manager that
// a cloud has gone over to, as upstream's services do when they start (cinder/keymgr/migration.py).
//
// What must not live here: what a key manager is, and when a service starts.
package keymigration

import (
	"cmp"
	"context"
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/run"
)

// Migration is what is to be done for one service. All but Host must be set; Keys may be nil.
type Migration struct {
	Store store.Store
	Keys  keymanager.Manager
	Host  string // "host@backend" of a volume service, the host of a backup service
	Log   *slog.Logger
	// Pause is the time before the second try, and doubles with each; 0 means 10 seconds.
	Pause time.Duration
}

const (
	// maxErrors is after how many failures the rest is left for the next try: likely all fail for the same reason.
	maxErrors = 3
	// tries is how often it is tried before it is left for the next start: at this one the key manager may not be there yet.
	tries        = 5
	defaultPause = 10 * time.Second
	pageSize     = 100
)

// item is a volume or a backup whose key is to be replaced.
type item struct{ id, userID string }

// Volumes replaces the keys of the volumes of a back end, and of their snapshots, which have their volume's. It does nothing where the
// key manager has not replaced that of the configuration. What fails is logged; ctx bounds it.
func (m Migration) Volumes(ctx context.Context) {
	m.each(ctx, "volume", func(ctx context.Context, after string) (page []item, err error) {
		list, err := m.Store.Volumes(ctx, store.VolumeQuery{Backend: m.Host, Equal: fixedKey(), Page: store.Page{Limit: pageSize, Marker: after}})
		for _, v := range list {
			page = append(page, item{v.ID, v.UserID})
		}
		return page, err
	}, giveVolume)
}

// Backups is Volumes for the backups of a backup service.
func (m Migration) Backups(ctx context.Context) {
	m.each(ctx, "backup", func(ctx context.Context, after string) (page []item, err error) {
		equal := fixedKey()
		equal["host"] = []string{m.Host}
		list, err := m.Store.Backups(ctx, store.BackupQuery{Equal: equal, Page: store.Page{Limit: pageSize, Marker: after}})
		for _, b := range list {
			page = append(page, item{b.ID, b.UserID})
		}
		return page, err
	}, giveBackup)
}

func fixedKey() map[string][]string {
	return map[string][]string{"encryption_key_id": {keymanager.FixedKeyID}}
}

// reader reads the page of items behind one; giver writes a new key for one, and says whether it was still wanted.
type (
	reader func(ctx context.Context, after string) ([]item, error)
	giver  func(ctx context.Context, tx store.Tx, id, keyID string) (bool, error)
)

// each replaces the keys of all pages of items.
func (m Migration) each(ctx context.Context, kind string, read reader, give giver) {
	keys, replaced := m.Keys.(keymanager.Replacement)
	if !replaced {
		return
	}
	ctx = reqctx.Internal(ctx)
	pause := cmp.Or(m.Pause, defaultPause)
	for range tries - 1 {
		if m.pass(ctx, keys, kind, read, give) || !run.Pause(ctx, pause) {
			return
		}
		pause *= 2
	}
	if !m.pass(ctx, keys, kind, read, give) {
		m.Log.ErrorContext(ctx, "keys of the configuration are left for the next start", "kind", kind)
	}
}

// pass is one try; it says whether there is nothing left to do.
func (m Migration) pass(ctx context.Context, keys keymanager.Replacement, kind string, read reader, give giver) bool {
	done, failed, after := 0, 0, ""
	for {
		page, err := read(ctx, after)
		if err != nil {
			m.Log.ErrorContext(ctx, "what has the key of the configuration could not be read", "kind", kind, "error", err)
			return false
		}
		for _, i := range page {
			if err := m.replace(ctx, keys, i, give); err != nil {
				m.Log.ErrorContext(ctx, "the key of the configuration could not be replaced", "kind", kind, "id", i.id, "error", err)
				if failed++; failed >= maxErrors {
					return false
				}
				continue
			}
			done++
		}
		if len(page) < pageSize {
			break
		}
		after = page[len(page)-1].id
	}
	if done > 0 {
		m.Log.InfoContext(ctx, "what had the key of the configuration has keys of its own", "kind", kind, "replaced", done)
	}
	return failed == 0
}

// replace makes a key for one of them. One that is not wanted any more is removed again.
func (m Migration) replace(ctx context.Context, keys keymanager.Replacement, i item, give giver) error {
	keyID, err := keys.Replace(ctx, i.userID)
	if err != nil {
		return err
	}
	var wanted bool
	err = m.Store.Update(ctx, func(tx store.Tx) (err error) {
		wanted, err = give(ctx, tx, i.id, keyID)
		return err
	})
	if err != nil || !wanted {
		if gone := keymanager.Drop(ctx, m.Keys, keyID); gone != nil {
			m.Log.ErrorContext(ctx, "a key that nothing needs could not be removed; remove it from the key manager by hand", "key_id", keyID, "error", gone)
		}
	}
	return err
}

func giveVolume(ctx context.Context, tx store.Tx, id, keyID string) (bool, error) {
	v, err := tx.Volume(ctx, id, "")
	if err != nil || v.EncryptionKeyID != keymanager.FixedKeyID {
		return false, unlessGone(err)
	}
	if ok, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{}, store.VolumeSet{EncryptionKeyID: &keyID}); err != nil || !ok {
		return false, err
	}
	snapshots, err := tx.Snapshots(ctx, store.SnapshotQuery{VolumeID: id})
	if err != nil {
		return false, err
	}
	for _, s := range snapshots {
		if s.EncryptionKeyID != keymanager.FixedKeyID {
			continue
		}
		if _, err := tx.UpdateSnapshot(ctx, s.ID, store.SnapshotWhen{}, store.SnapshotSet{EncryptionKeyID: &keyID}); err != nil {
			return false, err
		}
	}
	return true, nil
}

func giveBackup(ctx context.Context, tx store.Tx, id, keyID string) (bool, error) {
	b, err := tx.Backup(ctx, id, "")
	if err != nil || b.EncryptionKeyID != keymanager.FixedKeyID {
		return false, unlessGone(err)
	}
	return tx.UpdateBackup(ctx, id, store.BackupWhen{}, store.BackupSet{EncryptionKeyID: &keyID})
}

func unlessGone(err error) error {
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}
