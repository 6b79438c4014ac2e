package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/fault"
)

// TestEncryptedBackup: a backup of an encrypted volume has a key of its own, and what is restored of it gets a copy.
func TestEncryptedBackup(t *testing.T) {
	t.Parallel()
	_, keys, m := locked(t)
	volume := m.Volume("volume_type", "secret")
	id := backup(m, volume)
	volumeKey, key := m.Row(volume).EncryptionKeyID, backupOf(m, id).EncryptionKeyID
	if key == volumeKey || !keys.Same(key, volumeKey) {
		t.Fatalf("the backup's key is %q, the volume's %q", key, volumeKey)
	}
	if got := m.Get("/backups/"+id).OK(200).Text("backup", "encryption_key_id"); got != key {
		t.Errorf("shown is the key %q", got)
	}
	target := m.Volume("volume_type", "secret")
	before := m.Row(target).EncryptionKeyID
	m.Post("/backups/"+id+"/restore", object("restore", object("volume_id", target))).OK(202)
	restored := m.Row(target)
	if k := restored.EncryptionKeyID; k == before || k == key || !keys.Same(k, key) || restored.Status != block.VolumeAvailable {
		t.Errorf("the volume is %s, with the key %q after %q", restored.Status, k, before)
	}
	created := m.Row(m.Post("/volumes", object("volume", object("backup_id", id, "volume_type", "secret"))).OK(202).Text("volume", "id"))
	if k := created.EncryptionKeyID; k == key || !keys.Same(k, key) || created.Status != block.VolumeAvailable {
		t.Errorf("the volume made of it is %s, with the key %q", created.Status, k)
	}
	if n := len(keys.Owners()); n != 4 {
		t.Errorf("there are %d keys", n)
	}
	plain := m.Volume()
	m.Post("/backups/"+id+"/restore", object("restore", object("volume_id", plain))).Fault(400, "one is encrypted and the other is not")
	m.Post("/volumes", object("volume", object("backup_id", id))).Fault(400, "a copy could not be read")
	m.Post("/volumes", object("volume", object("backup_id", backup(m, plain), "volume_type", "secret"))).Fault(400, "a copy would not be either")
	m.Post("/backups", object("backup", object("volume_id", volume, "incremental", true, "snapshot_id", m.Snapshot(volume)))).OK(202)
	m.Delete("/backups/"+id).Fault(400, "Incremental backups exist")
	keys.Fail(fault.New(fault.Unavailable, "", "the vault at 10.0.0.1 is sealed"))
	m.Post("/backups", object("backup", object("volume_id", volume))).Fault(400, "Key manager error")
	m.Post("/backups/"+id+"/restore", object("restore", object("volume_id", target))).Fault(400, "Key manager error")
	keys.Fail(nil)
	if v := m.Row(target); v.Status != block.VolumeAvailable || v.EncryptionKeyID != restored.EncryptionKeyID {
		t.Errorf("the volume is %+v", v)
	}
}

// TestEncryptedBackupOfAnotherType: bytes of one encrypted type are nothing to another one, which shows when they are there.
func TestEncryptedBackupOfAnotherType(t *testing.T) {
	t.Parallel()
	c, keys, m := locked(t)
	encryptedType(c.As(t, apitest.Admin, "ops"), "other secret")
	id := backup(m, m.Volume("volume_type", "secret"))
	target := m.Volume("volume_type", "other secret")
	before := keys.Owners()
	m.Post("/backups/"+id+"/restore", object("restore", object("volume_id", target))).OK(202)
	if v := m.Row(target); v.Status != block.VolumeErrorRestoring {
		t.Errorf("the volume is %s", v.Status)
	}
	if d := cmp.Diff(before, keys.Owners()); d != "" {
		t.Errorf("keys (-before +after):\n%s", d)
	}
	m.Delete("/backups/" + id).Empty(202)
	if n := len(keys.Owners()); n != 2 {
		t.Errorf("%d keys are left of the two volumes", n)
	}
}
