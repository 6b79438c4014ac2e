package api_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/keymanager/keymanagertest"
	"github.com/clinker/clinker/internal/reqctx"
)

// contained is the beginning of what an encrypted volume contains for whoever has its key.
func contained(t *testing.T, c *apitest.Cloud, keys *keymanagertest.Memory, v *block.Volume) string {
	t.Helper()
	path, err := c.Driver.Device(t.Context(), driver.Volume{ID: v.ID})
	if err != nil {
		t.Fatal(err)
	}
	key, err := keys.Get(reqctx.With(t.Context(), reqctx.Request{ProjectID: v.ProjectID}), v.EncryptionKeyID)
	if err != nil {
		t.Fatal(err)
	}
	plain := filepath.Join(t.TempDir(), "plain")
	cmd := exec.Command("qemu-img", "dd", "--object", "secret,id=p,file=/dev/stdin", "--image-opts", "-O", "raw", "bs=512", "count=1",
		"if=driver=luks,key-secret=p,file.filename="+path, "of="+plain)
	cmd.Stdin = strings.NewReader(string(key.Passphrase()))
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	sector, err := os.ReadFile(plain)
	if err != nil {
		t.Fatal(err)
	}
	return string(sector)
}

// TestEncryptedImages: an image that goes into an encrypted volume is encrypted with the volume's key; an image that is made
// of one stays as it is, and takes a key of its own along, from which further volumes get theirs.
func TestEncryptedImages(t *testing.T) {
	t.Parallel()
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed (Debian: qemu-utils)")
	}
	c, keys, m := locked(t)
	image := c.Images.Add(glance.Image{Name: "cirros"}, []byte(system)).ID
	id := m.Post("/volumes", object("volume", object("size", 1, "imageRef", image, "volume_type", "secret"))).OK(202).Text("volume", "id")
	v := m.Row(id)
	if v.Status != block.VolumeAvailable || !v.Bootable || v.EncryptionKeyID == "" || v.ImageMetadata["image_id"] != image {
		t.Fatalf("%s with the key %q, of %v", v.Status, v.EncryptionKeyID, v.ImageMetadata)
	}
	if got := bytesOf(t, c, id, 6); got != "LUKS\xba\xbe" {
		t.Errorf("the volume begins with %q", got)
	}
	if got := contained(t, c, keys, v); !strings.HasPrefix(got, system) {
		t.Errorf("it contains %q", got[:len(system)])
	}

	upload := func(c apitest.Caller, more ...any) apitest.Answer {
		return c.Action("/volumes/"+id, "os-volume_upload_image", object(append([]any{"image_name", "mine"}, more...)...))
	}
	const format = "must use 'raw' disk_format and 'bare' container_format"
	upload(m, "disk_format", "qcow2").Fault(400, format)
	upload(m, "container_format", "ovf").Fault(400, format)
	c.Images.FailNext("Create", glance.LimitExceeded(nil))
	upload(m).OK(400)
	if n := len(keys.Owners()); n != 1 {
		t.Errorf("after an upload that was refused there are %d keys", n)
	}
	mine := upload(m).OK(202).Text("os-volume_upload_image", "image_id")
	properties := c.Images.All()[mine].Properties
	key := properties["cinder_encryption_key_id"]
	if key == v.EncryptionKeyID || !keys.Same(key, v.EncryptionKeyID) || properties["cinder_encryption_key_deletion_policy"] != "on_image_deletion" {
		t.Errorf("the image has %v", properties)
	}

	second := m.Post("/volumes", object("volume", object("size", 1, "imageRef", mine, "volume_type", "secret"))).OK(202).Text("volume", "id")
	w := m.Row(second)
	if w.Status != block.VolumeAvailable || w.EncryptionKeyID == key || !keys.Same(w.EncryptionKeyID, key) || bytesOf(t, c, second, 4096) != bytesOf(t, c, id, 4096) {
		t.Errorf("a volume of that image is %s, with the key %s", w.Status, w.EncryptionKeyID)
	}
	m.Post("/volumes", object("volume", object("size", 1, "imageRef", mine))).Fault(400, "a copy could not be read")
	m.Action("/volumes/"+second, "os-reimage", object("image_id", mine)).Fault(400, "Make a new volume of it instead.")
	m.Action("/volumes/"+m.Volume(), "os-reimage", object("image_id", mine)).Fault(400, "Make a new volume of it instead.")
	other := c.Images.Add(glance.Image{}, []byte("another system")).ID
	m.Action("/volumes/"+second, "os-reimage", object("image_id", other)).Empty(202)
	w = m.Row(second)
	if got := contained(t, c, keys, w); w.Status != block.VolumeAvailable || !strings.HasPrefix(got, "another system") {
		t.Errorf("after it was overwritten the volume is %s and contains %q", w.Status, got[:len(system)])
	}
}

// TestEncryptedImagesRefused: what cannot be encrypted on its way is refused before anything is made.
func TestEncryptedImagesRefused(t *testing.T) {
	t.Parallel()
	c, keys, m := locked(t)
	admin := c.As(t, apitest.Admin, "ops")
	plain := newType(admin, "without header")
	admin.Post("/types/"+plain+"/encryption", object("encryption", object("provider", "plain", "control_location", "front-end", "cipher", "aes-xts-plain64", "key_size", 256))).OK(200)
	image, full := c.Images.Add(glance.Image{}, []byte(system)).ID, c.Images.Add(glance.Image{VirtualSizeBytes: 1 << 30}, []byte(system)).ID
	m.Post("/volumes", object("volume", object("size", 1, "imageRef", image, "volume_type", "without header"))).Fault(501, "encrypted with LUKS, not with plain")
	m.Post("/volumes", object("volume", object("size", 1, "imageRef", full, "volume_type", "secret"))).Fault(400, "the header of the encryption takes 2 MiB")
	id := m.Volume("volume_type", "secret")
	m.Action("/volumes/"+id, "os-reimage", object("image_id", full)).Fault(400, "the header of the encryption takes 2 MiB")
	if n := len(keys.Owners()); n != 1 {
		t.Errorf("there are %d keys", n)
	}
}
