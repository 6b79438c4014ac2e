package api_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/keymanager/keymanagertest"
)

// locked is a cloud with a key manager and two types: "secret", whose volumes are encrypted, and the default one.
func locked(t *testing.T, change ...func(*apitest.Options)) (*apitest.Cloud, *keymanagertest.Memory, apitest.Caller) {
	keys := new(keymanagertest.Memory)
	c := apitest.New(t, nil, append([]func(*apitest.Options){func(o *apitest.Options) { o.Keys = keys }}, change...)...)
	encryptedType(c.As(t, apitest.Admin, "ops"), "secret")
	return c, keys, c.As(t, apitest.Member, "p").At("3.71")
}

func encryptedType(admin apitest.Caller, name string, more ...any) string {
	admin.TB.Helper()
	id := newType(admin, name, more...)
	admin.Post("/types/"+id+"/encryption", object("encryption", object("provider", "luks", "control_location", "front-end",
		"cipher", "aes-xts-plain64", "key_size", 256))).OK(200)
	return id
}

// TestEncryptedVolume: a volume of an encrypted type has a key of its own, and so has a copy of it; whoever uses it is told
// that it is encrypted; and with the volume the key goes.
func TestEncryptedVolume(t *testing.T) {
	t.Parallel()
	c, keys, m := locked(t)
	id := m.Volume("volume_type", "secret")
	key := m.Row(id).EncryptionKeyID
	if d := cmp.Diff(map[string]string{key: "p"}, keys.Owners()); d != "" || key == "" {
		t.Fatalf("keys (-want +got):\n%s", d)
	}
	shown := m.Get("/volumes/" + id).OK(200)
	if shown.At("volume", "encrypted") != true || shown.Text("volume", "encryption_key_id") != key {
		t.Errorf("shown: %s", shown.Body)
	}
	if _, shown := m.At("3.63").Get("/volumes/" + id).OK(200).At("volume").(map[string]any)["encryption_key_id"]; shown {
		t.Error("3.63 shows the key's id")
	}
	m.Get("/volumes/"+id+"/encryption").Is(200, fmt.Sprintf(`{"encryption_key_id": %q, "control_location": "front-end", "cipher": "aes-xts-plain64",
		"key_size": 256, "provider": "luks"}`, key))
	connection := m.Post("/attachments", object("attachment", object("volume_uuid", id, "connector", object("host", "h")))).OK(200)
	if connection.At("attachment", "connection_info", "encrypted") != true {
		t.Errorf("the connection: %s", connection.Body)
	}
	m.Delete("/attachments/" + connection.Text("attachment", "id")).OK(200)

	snapshot := m.Snapshot(id)
	if got := m.SnapshotRow(snapshot).EncryptionKeyID; got != key {
		t.Errorf("the snapshot's key is %s", got)
	}
	for _, source := range [][2]string{{"source_volid", id}, {"snapshot_id", snapshot}} {
		copied := m.Post("/volumes", object("volume", object(source[0], source[1]))).OK(202).Text("volume", "id")
		own := m.Row(copied).EncryptionKeyID
		if own == key || !keys.Same(own, key) {
			t.Errorf("the copy by %s has the key %s", source[0], own)
		}
		m.Delete("/volumes/" + copied).Empty(202)
	}
	if n := len(keys.Owners()); n != 1 {
		t.Errorf("%d keys are left of the copies", n)
	}
	m.Delete("/volumes/" + id + "?cascade=true").Empty(202)
	if v := m.Row(id); v != nil || len(keys.Owners()) != 0 {
		t.Errorf("after the delete: %+v, keys %v", v, keys.Owners())
	}
	if c.As(t, apitest.Member, "p").Volume(); len(keys.Owners()) != 0 {
		t.Errorf("a volume of the default type has a key: %v", keys.Owners())
	}
}

// TestEncryptedRefused: nothing passes for encrypted that is not, and what is refused leaves no key.
func TestEncryptedRefused(t *testing.T) {
	t.Parallel()
	c, keys, m := locked(t, func(o *apitest.Options) { o.Quota.Volumes, o.Quota.UseDefaultQuotaClass = 3, false })
	admin := c.As(t, apitest.Admin, "ops")
	encryptedType(admin, "shared", "extra_specs", object("multiattach", "<is> True"))
	noCipher := newType(admin, "no cipher")
	admin.Post("/types/"+noCipher+"/encryption", object("encryption", object("provider", "luks", "control_location", "front-end"))).OK(200)
	plain, secret := m.Volume(), m.Volume("volume_type", "secret")
	before := keys.Owners()
	refuse := func(status int, text string, members ...any) {
		t.Helper()
		m.Post("/volumes", object("volume", object(members...))).Fault(status, text)
		if d := cmp.Diff(before, keys.Owners()); d != "" {
			t.Errorf("keys (-want +got):\n%s", d)
		}
	}
	refuse(400, "Invalid volume: Multiattach cannot be used with encrypted volumes.", "size", 1, "volume_type", "shared")
	refuse(400, "Invalid encryption spec", "size", 1, "volume_type", "no cipher")
	refuse(400, "a copy would not be either", "source_volid", plain, "volume_type", "secret")
	refuse(400, "a copy could not be read", "source_volid", secret, "volume_type", block.DefaultTypeName)
	keys.Fail(fault.New(fault.Unavailable, "", "the vault at 10.0.0.1 is sealed"))
	m.Post("/volumes", object("volume", object("size", 1, "volume_type", "secret"))).Fault(400, "Key manager error")
	keys.Fail(nil)
	m.Volume()
	refuse(413, "VolumeLimitExceeded", "size", 1, "volume_type", "secret")

	keys.Fail(fault.New(fault.Unavailable, "", "the vault at 10.0.0.1 is sealed"))
	m.Delete("/volumes/" + secret).Empty(202) // its key stays in the vault, which the log says
	if v := m.Row(secret); v != nil {
		t.Errorf("the row is %+v", v)
	}
}

// TestEncryptedVolumeUnscheduled: one that no back end has takes its key along too.
func TestEncryptedVolumeUnscheduled(t *testing.T) {
	t.Parallel()
	c, keys, m := locked(t)
	encryptedType(c.As(t, apitest.Admin, "ops"), "elsewhere", "extra_specs", object("volume_backend_name", "elsewhere"))
	id := m.Post("/volumes", object("volume", object("size", 1, "volume_type", "elsewhere"))).OK(202).Text("volume", "id")
	if v := m.Row(id); v.Status != block.VolumeError || len(keys.Owners()) != 1 {
		t.Fatalf("the row is %+v, the keys %v", v, keys.Owners())
	}
	m.Delete("/volumes/" + id).Empty(202)
	if len(keys.Owners()) != 0 {
		t.Errorf("keys %v", keys.Owners())
	}
}

// TestEncryptedTransfer: while a volume is on offer its key is the service's; it goes to whoever takes it, or back.
func TestEncryptedTransfer(t *testing.T) {
	t.Parallel()
	c, keys, donor := locked(t)
	taker := c.As(t, apitest.Member, "q").At("3.71")
	id := donor.Volume("volume_type", "secret")
	snapshot := donor.Snapshot(id)
	owned := func(when, owner string) {
		t.Helper()
		key := donor.Row(id).EncryptionKeyID
		if d := cmp.Diff(map[string]string{key: owner}, keys.Owners()); d != "" {
			t.Errorf("%s (-want +got):\n%s", when, d)
		}
		if got := donor.SnapshotRow(snapshot).EncryptionKeyID; got != key {
			t.Errorf("%s: the snapshot's key is %s, the volume's %s", when, got, key)
		}
	}
	owned("at first", "p")
	body := object("transfer", object("volume_id", id))
	donor.At("3.69").Post("/volume-transfers", body).Fault(400, "transferring encrypted volume is not supported")
	donor.Post("/volume-transfers", object("transfer", object("volume_id", id, "no_snapshots", true))).Fault(400,
		"transferring an encrypted volume without its snapshots is not supported")
	owned("refused", "p")

	transfer, _ := offered(donor, id)
	owned("offered", keymanagertest.Service)
	donor.Delete("/volume-transfers/" + transfer).Empty(202)
	owned("withdrawn", "p")

	transfer, key := offered(donor, id)
	accept(taker, transfer, "wrong").Fault(400, "Invalid auth key")
	taker.Change(func(tx store.Tx) error {
		return tx.PutQuotaLimits(t.Context(), "q", map[string]int64{"volumes": 0})
	})
	accept(taker, transfer, key).Fault(413, "")
	owned("refused again", keymanagertest.Service)
	taker.Change(func(tx store.Tx) error {
		return tx.PutQuotaLimits(t.Context(), "q", map[string]int64{"volumes": 5})
	})
	keys.Fail(fault.New(fault.Unavailable, "", "the vault at 10.0.0.1 is sealed"))
	accept(taker, transfer, key).Fault(400, "Key manager error")
	keys.Fail(nil)
	owned("without the key manager", keymanagertest.Service)
	accept(taker, transfer, key).OK(202)
	owned("accepted", "q")
	if v := taker.Row(id); v.ProjectID != "q" || v.Status != block.VolumeAvailable {
		t.Errorf("the row is %+v", v)
	}
}

// TestFixedKey: all volumes have the one key there is, which nobody is shown but who asks for the encryption.
func TestFixedKey(t *testing.T) {
	t.Parallel()
	keys, err := keymanager.NewFixed("00ff")
	if err != nil {
		t.Fatal(err)
	}
	c := apitest.New(t, nil, func(o *apitest.Options) { o.Keys = keys })
	encryptedType(c.As(t, apitest.Admin, "ops"), "secret")
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := m.Volume("volume_type", "secret")
	copied := m.Volume("source_volid", id)
	shown := m.Get("/volumes/" + copied).OK(200)
	_, key := shown.At("volume").(map[string]any)["encryption_key_id"]
	if shown.At("volume", "encrypted") != true || key {
		t.Errorf("shown: %s", shown.Body)
	}
	if got := m.Get("/volumes/" + id + "/encryption/encryption_key_id").OK(200); string(got.Body) != keymanager.FixedKeyID {
		t.Errorf("the key is %q", got.Body)
	}
	transfer, auth := offered(m, id)
	accept(c.As(t, apitest.Member, "q").At("3.71"), transfer, auth).OK(202)
	if v := m.Row(id); v.EncryptionKeyID != keymanager.FixedKeyID || v.ProjectID != "q" {
		t.Errorf("the row is %+v", v)
	}
	m.Delete("/volumes/" + copied).Empty(202)
	if v := m.Row(copied); v != nil {
		t.Errorf("the row is %+v", v)
	}
}

// TestEncryptedWithoutKeyManager: a volume whose key nobody could remove is not deleted; one with the fixed key is.
func TestEncryptedWithoutKeyManager(t *testing.T) {
	t.Parallel()
	m := apitest.New(t, nil).As(t, apitest.Member, "p").At("3.71")
	for key, status := range map[string]int{"5b34b9f2-3d6a-4bd6-9a0b-d3a1f5a5a3f1": 400, keymanager.FixedKeyID: 202} {
		id := m.Volume()
		m.Set(id, store.VolumeSet{EncryptionKeyID: &key})
		m.Delete("/volumes/" + id).OK(status)
		if v := m.Row(id); (v == nil) != (status == 202) || v != nil && v.Status != block.VolumeAvailable {
			t.Errorf("the volume with the key %s: %+v", key, v)
		}
		if status == 400 {
			m.Post("/volume-transfers", object("transfer", object("volume_id", id))).Fault(400, "no key manager")
		}
	}
}
