package api_test

import (
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

func TestTypeEncryption(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	id := newType(admin, "secret")
	path := "/types/" + id + "/encryption"
	admin.Get(path).Is(200, `{}`)
	admin.Get(path+"/cipher").Fault(404, "Volume type encryption for type "+id+" does not exist.")
	admin.Delete(path+"/x").Fault(404, "Volume type encryption for type "+id+" does not exist.")

	a := admin.Post(path, object("encryption", object("provider", "luks", "control_location", "front-end", "key_size", "256", "more", 1)))
	eid := a.OK(200).Text("encryption", "encryption_id")
	a.Is(200, fill(`{"encryption": {"provider": "luks", "control_location": "front-end", "key_size": 256, "more": 1, "encryption_id": "<E>", "volume_type_id": "<T>"}}`,
		"<E>", eid, "<T>", id))
	row := fill(`{"encryption_id": "<E>", "volume_type_id": "<T>", "provider": "luks", "control_location": "front-end", "cipher": null, "key_size": 256,
		"created_at": "<time>", "updated_at": null, "deleted_at": null, "deleted": false}`, "<E>", eid, "<T>", id)
	admin.Get(path).Is(200, row)
	admin.Get(path+"/key_size").Is(200, `{"key_size": 256}`)
	admin.Get(path+"/cipher").Is(200, `{"cipher": null}`)
	admin.Get(path+"/nothing").Fault(404, "Volume type encryption for type "+id+" does not exist.")
	if e, err := c.Store.TypeEncryption(t.Context(), id); err != nil || e.ID != eid || e.Provider != "luks" || *e.KeySizeBits != 256 || e.Cipher != nil {
		t.Errorf("the row is %+v, %v", e, err)
	}
	admin.Post(path, object("encryption", object("provider", "luks", "control_location", "front-end"))).Fault(400,
		"Volume type encryption for type "+id+" already exists.")

	admin.Put(path+"/"+eid, object("encryption", object("cipher", "aes-xts-plain64", "key_size", nil))).Is(200, `{"encryption": {"cipher": "aes-xts-plain64", "key_size": null}}`)
	if e, err := c.Store.TypeEncryption(t.Context(), id); err != nil || e.Provider != "luks" || e.KeySizeBits != nil || *e.Cipher != "aes-xts-plain64" {
		t.Errorf("the row is %+v, %v", e, err)
	}
	for body, text := range map[string]string{
		`{"encryption": {"provider": "luks"}}`:                                                            "'control_location' is a required property",
		`{"encryption": {"provider": "luks", "control_location": "nowhere"}}`:                             "control_location",
		`{"encryption": {"provider": "luks", "control_location": "back-end", "key_size": "large"}}`:       "key_size",
		`{"encryption": {"provider": "luks", "control_location": "back-end", "key_size": -1}}`:            "key_size",
		`{"encryption": {"provider": 5, "control_location": "back-end"}}`:                                 "provider",
		`{"encryption": {"provider": "luks", "control_location": "back-end", "cipher": ["x"]}, "x": "y"}`: "",
		`{}`: "'encryption' is a required property",
	} {
		admin.Post(path, body).Fault(400, text)
	}
	m.Post("/volumes", object("volume", object("size", 1, "volume_type", "secret"))).Fault(400, "Key manager error: this service has no key manager")
	admin.Get("/types/"+nowhere+"/encryption").Fault(404, "Volume type "+nowhere+" could not be found.")
	admin.Post("/types/"+nowhere+"/encryption", object("encryption", object("provider", "luks", "control_location", "front-end"))).Fault(404, "Volume type "+nowhere)
	admin.Put("/types/"+nowhere+"/encryption/x", object("encryption", object())).Fault(404, "Volume type "+nowhere)
	const refusal = "Policy doesn't allow volume_extension:volume_type_encryption:"
	m.Get(path).Fault(403, refusal+"get")
	m.Post(path, object("encryption", object("provider", "luks", "control_location", "front-end"))).Fault(403, refusal+"create")
	m.Put(path+"/x", object("encryption", object())).Fault(403, refusal+"update")
	m.Delete(path+"/x").Fault(403, refusal+"delete")
	admin.Delete(path + "/" + eid).Empty(202)
	admin.Get(path).Is(200, `{}`)
	admin.Put(path+"/"+eid, object("encryption", object("cipher", "x"))).Fault(404, "Volume type encryption for type "+id+" does not exist.")
}

func TestEncryptionOfUsedType(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	id := newType(admin, "secret")
	volume := m.Volume("volume_type", "secret")
	path := "/types/" + id + "/encryption"
	body := object("encryption", object("provider", "luks", "control_location", "front-end"))
	admin.Post(path, body).Fault(400, "Cannot create encryption specs. Volume type in use.")
	admin.Put(path+"/x", body).Fault(400, "Cannot update encryption specs. Volume type in use.")
	admin.Delete(path+"/x").Fault(400, "Cannot delete encryption specs. Volume type in use.")

	mine := "/volumes/" + volume + "/encryption"
	m.Get(mine).Is(200, `{"encryption_key_id": null}`)
	m.Get(mine + "/encryption_key_id").Empty(200)
	m.Get(mine+"/cipher").Fault(404, "")
	admin.Change(func(tx store.Tx) error {
		return tx.CreateTypeEncryption(t.Context(), &block.TypeEncryption{ID: "e", TypeID: id, Provider: "luks", ControlLocation: "front-end",
			Cipher: new("aes"), KeySizeBits: new(int64(128))})
	})
	m.Get(mine).Is(200, `{"encryption_key_id": null, "control_location": "front-end", "cipher": "aes", "key_size": 128, "provider": "luks"}`)
	for key, want := range map[string]string{"cipher": "aes", "key_size": "128"} {
		if got := m.Get(mine + "/" + key).OK(200); string(got.Body) != want {
			t.Errorf("%s is %q", key, got.Body)
		}
	}
	c.As(t, apitest.Reader, "p").Get(mine).OK(200)
	c.As(t, apitest.Nobody, "p").Get(mine).Fault(403, "Policy doesn't allow volume_extension:volume_encryption_metadata to be performed.")
	c.As(t, apitest.Member, "q").Get(mine).Fault(404, "Volume "+volume+" could not be found.")
}
