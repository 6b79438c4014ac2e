package api_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// bytesOf is the beginning of what a volume holds.
func bytesOf(t *testing.T, c *apitest.Cloud, id string, n int) string {
	t.Helper()
	path, err := c.Driver.Device(t.Context(), driver.Volume{ID: id})
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	b := make([]byte, n)
	if _, err := f.ReadAt(b, 0); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

const system = "an operating system"

func TestCreateFromImage(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.70")
	i := c.Images.Add(glance.Image{Name: "cirros", MinRAMMiB: 64, Properties: map[string]string{"os_distro": "debian", "block_device_mapping": "[]"}}, []byte(system))
	for _, ref := range []string{i.ID, "http://glance.example.com/v2/images/" + i.ID, "cirros"} {
		for _, member := range []string{"imageRef", "image_id"} {
			asked := m.Post("/volumes", object("volume", object("size", 1, member, ref))).OK(202)
			if asked.Text("volume", "status") != "creating" || asked.Text("volume", "bootable") != "false" {
				t.Errorf("%s", asked.Body)
			}
			id := asked.Text("volume", "id")
			v := m.Get("/volumes/" + id).OK(200)
			want := object("image_id", i.ID, "image_name", "cirros", "os_distro", "debian", "checksum", i.Checksum, "container_format", "bare", "disk_format", "raw",
				"min_disk", "0", "min_ram", "64", "size", fmt.Sprint(len(system)), "signature_verified", "False", "block_device_mapping", "[]")
			if d := cmp.Diff(map[string]any(want), v.At("volume", "volume_image_metadata")); d != "" {
				t.Errorf("metadata (-want +got):\n%s", d)
			}
			if v.Text("volume", "status") != "available" || v.Text("volume", "bootable") != "true" || bytesOf(t, c, id, len(system)) != system {
				t.Errorf("%s", v.Body)
			}
			m.Delete("/volumes/" + id).Empty(202)
		}
	}
}

func TestCreateFromImageRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.70")
	add := func(i glance.Image) string { return c.Images.Add(i, []byte(system)).ID }
	queued, small, wide, large, hidden := add(glance.Image{Status: glance.StatusQueued}), add(glance.Image{MinDiskGiB: 5}), add(glance.Image{VirtualSizeBytes: 2 << 30}),
		add(glance.Image{SizeBytes: 3 << 30}), add(glance.Image{Visibility: "private", Owner: "q", Name: "hidden"})
	add(glance.Image{Name: "twice"})
	add(glance.Image{Name: "twice"})
	const invalid = "Invalid image identifier or unable to access requested image."
	for what, tc := range map[string]struct {
		volume any
		status int
		text   string
	}{
		"not active":        {object("size", 1, "imageRef", queued), 400, "Invalid input received: Image " + queued + " is not active."},
		"min_disk":          {object("size", 1, "imageRef", small), 400, "Invalid input received: Volume size 1GB cannot be smaller than the image minDisk size 5GB."},
		"virtual size":      {object("size", 1, "imageRef", wide), 400, "Image " + wide + " is unacceptable: Image virtual size is 2GB and doesn't fit in a volume of size 1GB."},
		"size":              {object("size", 1, "imageRef", large), 400, "Invalid input received: Size of specified image 3GB is larger than volume size 1GB."},
		"another project's": {object("size", 1, "imageRef", hidden), 400, invalid},
		"hidden name":       {object("size", 1, "imageRef", "hidden"), 400, invalid},
		"absent":            {object("size", 1, "imageRef", nowhere), 400, invalid},
		"no name":           {object("size", 1, "imageRef", "nosuch"), 400, invalid},
		"ambiguous":         {object("size", 1, "imageRef", "twice"), 409, "Multiple matches found for 'twice', use an ID to be more specific."},
		"without a size":    {object("imageRef", small), 400, "must be an integer and greater than 0"},
		"and a volume":      {object("size", 1, "imageRef", small, "source_volid", m.Volume()), 400, "May specify only one of snapshot, imageRef, source_volume or backup"},
	} {
		if a := m.Post("/volumes", object("volume", tc.volume)); a.Status != tc.status || !strings.Contains(string(a.Body), tc.text) {
			t.Errorf("%s: %d %s, want %d %s", what, a.Status, a.Body, tc.status, tc.text)
		}
	}
	c.As(t, apitest.Reader, "p").Post("/volumes", object("volume", object("size", 1, "imageRef", small))).Fault(403, "volume:create_from_image")
	c.Images.FailNext("Image", glance.ConnectionFailed(nil, "it is away."))
	m.Post("/volumes", object("volume", object("size", 1, "imageRef", small))).Fault(400, invalid+" Connection to glance failed: it is away.")
}

// What goes wrong after the answer puts the volume in error and tells why.
func TestCreateFromImageFails(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.70")
	for what, tc := range map[string]struct {
		image glance.Image
		event string
	}{
		"a checksum":  {glance.Image{HashAlgorithm: "md5", HashValue: "0"}, "VOLUME_VOLUME_005_001"},
		"a format":    {glance.Image{DiskFormat: "qcow2"}, "VOLUME_VOLUME_005_001"},
		"a signature": {glance.Image{Properties: map[string]string{"img_signature": "x"}}, "VOLUME_VOLUME_005_011"},
	} {
		i := c.Images.Add(tc.image, []byte(system))
		id := m.Post("/volumes", object("volume", object("size", 1, "imageRef", i.ID))).OK(202).Text("volume", "id")
		if v := m.Row(id); v.Status != block.VolumeError || v.Bootable || len(v.ImageMetadata) != 0 {
			t.Errorf("%s: %+v", what, v)
		}
		if _, there := c.Driver.VolumeSizeGiB(id); there {
			t.Errorf("%s: half a volume is left", what)
		}
		messages := m.Get("/messages?resource_uuid=" + id).OK(200).At("messages").([]any)
		if len(messages) != 1 || messages[0].(map[string]any)["event_id"] != tc.event {
			t.Errorf("%s: messages %v, want %s", what, messages, tc.event)
		}
	}
}

// An image may say which type its volumes are to have, and stand for a snapshot of a volume.
func TestCreateFromImageOfNova(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.70")
	c.As(t, apitest.Admin, "p").Post("/types", object("volume_type", object("name", "gold"))).OK(200)
	i := c.Images.Add(glance.Image{Properties: map[string]string{"cinder_img_volume_type": "gold"}}, []byte(system))
	m.Post("/volumes", object("volume", object("size", 1, "imageRef", i.ID))).OK(202)
	if got := m.Get("/volumes/detail").OK(200).At("volumes").([]any)[0].(map[string]any)["volume_type"]; got != "gold" {
		t.Errorf("the type is %v", got)
	}
	source := m.Volume()
	snapshot := m.Snapshot(source)
	mapping := func(id string) string {
		return c.Images.Add(glance.Image{Properties: map[string]string{"block_device_mapping": `[{"source_type": "image", "boot_index": 1}, {"source_type": "snapshot", "boot_index": 0, "snapshot_id": "` + id + `"}]`}}, nil).ID
	}
	of := mapping(snapshot)
	id := m.Post("/volumes", object("volume", object("size", 1, "imageRef", of))).OK(202).Text("volume", "id")
	if v := m.Row(id); v.SnapshotID != snapshot || v.Status != block.VolumeAvailable {
		t.Errorf("%+v", v)
	}
	// Before 3.46 it is an image like any other.
	id = m.At("3.45").Post("/volumes", object("volume", object("size", 1, "imageRef", of))).OK(202).Text("volume", "id")
	if v := m.Row(id); v.SnapshotID != "" {
		t.Errorf("%+v", v)
	}
	m.Post("/volumes", object("volume", object("size", 1, "imageRef", mapping(nowhere)))).Fault(404, "Nova specific image is found, but boot volume snapshot id:"+nowhere+" not found.")
	m.At("3.68").Action("/volumes/"+source, "os-reimage", object("image_id", of)).Fault(501, "stands for a snapshot")
}

// Snapshots keep the properties of their volume's image, and hand them on.
func TestImageMetadataOfSnapshots(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.70")
	i := c.Images.Add(glance.Image{Name: "cirros"}, []byte(system))
	id := m.Post("/volumes", object("volume", object("size", 1, "imageRef", i.ID))).OK(202).Text("volume", "id")
	snapshot := m.Snapshot(id)
	m.Action("/volumes/"+id, "os-set_image_metadata", object("metadata", object("image_name", "changed since"))).OK(200)
	for source, want := range map[string]string{"snapshot_id": "cirros", "source_volid": "changed since"} {
		from := map[string]string{"snapshot_id": snapshot, "source_volid": id}[source]
		v := m.Row(m.Volume(source, from))
		if v.ImageMetadata["image_name"] != want || v.ImageMetadata["image_id"] != i.ID || !v.Bootable {
			t.Errorf("by %s: bootable %v, %v", source, v.Bootable, v.ImageMetadata)
		}
	}
	// Upstream lets administrators alone filter by it, from 3.4 on until filters became configuration.
	for version, want := range map[string]int{"3.3": 3, "3.4": 1, "3.27": 1} {
		found := c.As(t, apitest.Admin, "p").At(version).Get("/volumes?glance_metadata=" + `%7B%22image_name%22%3A%22cirros%22%7D`).OK(200).At("volumes").([]any)
		if len(found) != want {
			t.Errorf("at %s: %d volumes, want %d", version, len(found), want)
		}
	}
	m.Delete("/snapshots/" + snapshot).Empty(202)
	if md, err := c.Store.SnapshotImageMetadata(t.Context(), snapshot); err != nil || len(md) != 0 {
		t.Errorf("%v, %v", md, err)
	}
}

func TestUploadImage(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.70")
	i := c.Images.Add(glance.Image{Name: "cirros", Properties: map[string]string{"os_distro": "debian", "os_glance_x": "y", "img_signature_y": "z"}}, []byte(system))
	id := m.Post("/volumes", object("volume", object("size", 1, "imageRef", i.ID))).OK(202).Text("volume", "id")
	kind := m.Row(id).VolumeTypeID
	a := m.Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "mine"))
	image := a.OK(202).Text("os-volume_upload_image", "image_id")
	a.Is(202, `{"os-volume_upload_image": {"id": "`+id+`", "updated_at": "<time>", "status": "uploading", "display_description": null, "size": 1,
		"volume_type": {"id": "`+kind+`", "name": "__DEFAULT__", "description": "Default Volume Type", "is_public": true, "extra_specs": {}, "qos_specs_id": null,
		"created_at": "<time>", "updated_at": "<time>", "deleted_at": null, "deleted": false}, "image_id": "`+image+`", "container_format": "bare",
		"disk_format": "raw", "image_name": "mine", "protected": false, "visibility": "private"}}`)
	if v := m.Row(id); v.Status != block.VolumeAvailable {
		t.Errorf("the volume is %s", v.Status)
	}
	got := c.Images.All()[image]
	if got.Status != glance.StatusActive || got.Name != "mine" || got.Owner != "p" || got.MinRAMMiB != 0 {
		t.Errorf("the image is %+v", got)
	}
	if d := cmp.Diff(map[string]string{"os_distro": "debian"}, got.Properties); d != "" {
		t.Errorf("properties (-want +got):\n%s", d)
	}
	if content, _ := c.Images.Bytes(image); string(content[:len(system)]) != system || len(content) != 1<<20 {
		t.Errorf("the image holds %d bytes", len(content))
	}
	// 3.0 knows neither visibility nor protection, and leaves both to the image service.
	old := m.At("3.0").Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "old", "disk_format", "raw", "container_format", nil, "force", "true")).OK(202)
	if old.Text("os-volume_upload_image", "visibility") != "shared" {
		t.Errorf("%s", old.Body)
	}
	m.At("3.0").Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "old", "visibility", "private")).Fault(400, "visibility")
	kept := m.At("3.1").Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "kept", "protected", true, "visibility", "community")).OK(202)
	if kept.At("os-volume_upload_image", "protected") != true || kept.Text("os-volume_upload_image", "visibility") != "community" {
		t.Errorf("%s", kept.Body)
	}
	m.Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "x", "visibility", "public")).Fault(403, "volume_extension:volume_actions:upload_public")
	public := c.As(t, apitest.Admin, "p").At("3.70").Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "x", "visibility", "public"))
	public.OK(202)
}

func TestUploadImageRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.70")
	id := m.Volume()
	upload := func(c apitest.Caller, more ...any) apitest.Answer {
		return c.Action("/volumes/"+id, "os-volume_upload_image", object(append([]any{"image_name", "i"}, more...)...))
	}
	upload(c.As(t, apitest.Reader, "p").At("3.70")).Fault(403, "volume_extension:volume_actions:upload_image")
	upload(c.As(t, apitest.Member, "q").At("3.70")).Fault(404, "Volume "+id+" could not be found.")
	upload(m, "container_format", "nosuch").Fault(400, "nosuch")
	m.SetStatus(id, block.VolumeInUse)
	upload(m).Fault(400, "Invalid volume: Volume "+id+" status must be available")
	upload(m, "force", true).Fault(400, "Invalid volume: Volume "+id+" status must be available")
	m.SetStatus(id, block.VolumeAvailable)
	for _, err := range []error{glance.ConnectionFailed(nil, "away."), glance.LimitExceeded(nil), glance.NotAuthorized(nil, "x"), fault.New(fault.Internal, "", "odd")} {
		c.Images.FailNext("Create", err)
		if a := upload(m); a.Status != 400 || !strings.Contains(string(a.Body), fault.UserText(err)) {
			t.Errorf("%v: %d %s", err, a.Status, a.Body)
		}
		if v := m.Row(id); v.Status != block.VolumeAvailable || v.PreviousStatus != "" {
			t.Errorf("%v: the volume is %s after %s", err, v.Status, v.PreviousStatus)
		}
	}
	if len(c.Images.All()) != 0 {
		t.Errorf("images are left: %v", c.Images.All())
	}
	c.Images.FailNext("Upload", glance.LimitExceeded(nil))
	upload(m).OK(202)
	if v := m.Row(id); v.Status != block.VolumeAvailable || len(c.Images.All()) != 0 {
		t.Errorf("after an upload that failed, the volume is %s, the images %v", v.Status, c.Images.All())
	}
	messages := m.Get("/messages?resource_uuid=" + id).OK(200).At("messages").([]any)
	if len(messages) != 1 || messages[0].(map[string]any)["event_id"] != "VOLUME_VOLUME_003_006" {
		t.Errorf("messages %v", messages)
	}
}

// By force a volume in use is uploaded too, where the deployment allows it.
func TestUploadImageByForce(t *testing.T) {
	t.Parallel()
	c := apitest.New(t, nil, func(o *apitest.Options) { o.App.ForceUpload = true })
	m := c.As(t, apitest.Member, "p").At("3.70")
	id := m.Volume()
	m.SetStatus(id, block.VolumeInUse)
	m.Change(func(tx store.Tx) error {
		return tx.CreateAttachment(t.Context(), &block.Attachment{ID: uuid.NewString(), VolumeID: id, AttachStatus: block.AttachAttached})
	})
	m.Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "i")).Fault(400, "status must be available")
	m.Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "i", "force", true)).OK(202)
	if v := m.Row(id); v.Status != block.VolumeInUse || len(c.Images.All()) != 1 {
		t.Errorf("the volume is %s", v.Status)
	}
	m.SetStatus(id, block.VolumeMaintenance)
	m.Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "i", "force", true)).Fault(400, "Volume "+id+" status must be available or in-use")
}

func TestReimage(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.68")
	first, second := c.Images.Add(glance.Image{Name: "one"}, []byte("the first system, a long one")), c.Images.Add(glance.Image{Name: "two"}, []byte(system))
	id := m.Post("/volumes", object("volume", object("size", 1, "imageRef", first.ID))).OK(202).Text("volume", "id")
	reimage := func(c apitest.Caller, image string, more ...any) apitest.Answer {
		return c.Action("/volumes/"+id, "os-reimage", object(append([]any{"image_id", image}, more...)...))
	}
	reimage(m, second.ID).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeAvailable || v.ImageMetadata["image_id"] != second.ID || v.ImageMetadata["image_name"] != "two" {
		t.Errorf("%s, %v", v.Status, v.ImageMetadata)
	}
	if got := bytesOf(t, c, id, 40); got != system+strings.Repeat("\x00", 40-len(system)) {
		t.Errorf("the volume holds %q", got)
	}
	reimage(m, nowhere).Fault(404, "Image "+nowhere+" could not be found.")
	reimage(m.At("3.67"), second.ID).Fault(404, "")
	reimage(c.As(t, apitest.Reader, "p").At("3.68"), second.ID).Fault(403, "volume:reimage")
	queued, small := c.Images.Add(glance.Image{Status: glance.StatusQueued}, nil), c.Images.Add(glance.Image{MinDiskGiB: 5}, []byte(system))
	reimage(m, queued.ID).Fault(400, "Invalid input received: Image "+queued.ID+" is not active.")
	reimage(m, small.ID).Fault(400, "Invalid input received: Volume size 1GB cannot be smaller than the image minDisk size 5GB.")
	m.SetStatus(id, block.VolumeMaintenance)
	reimage(m, first.ID).Fault(400, "Invalid volume: Volume "+id+" status must be available or error, but current status is maintenance.")
	reimage(m, first.ID, "reimage_reserved", true).Fault(400, "Invalid volume: Volume "+id+" status must be available or error or reserved, but current status is maintenance.")
	m.SetStatus(id, block.VolumeReserved)
	reimage(m, first.ID).Fault(400, "status must be available or error, but")
	reimage(c.As(t, apitest.Reader, "p").At("3.68"), first.ID, "reimage_reserved", true).Fault(403, "volume:reimage_reserved")
	reimage(m, first.ID, "reimage_reserved", true).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeReserved || v.ImageMetadata["image_name"] != "one" {
		t.Errorf("%s, %v", v.Status, v.ImageMetadata)
	}
	m.SetStatus(id, block.VolumeError)
	c.Images.FailNext("Download", glance.ConnectionFailed(nil, "away."))
	reimage(m, first.ID).Empty(202)
	messages := m.Get("/messages?resource_uuid=" + id).OK(200).At("messages").([]any)
	if v := m.Row(id); v.Status != block.VolumeError || len(messages) != 1 || messages[0].(map[string]any)["event_id"] != "VOLUME_VOLUME_016_001" {
		t.Errorf("%s, messages %v", v.Status, messages)
	}
	reimage(m, first.ID).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeAvailable {
		t.Errorf("a volume in error that was overwritten is %s", v.Status)
	}
	m.Change(func(tx store.Tx) error {
		for range 2 {
			if err := tx.CreateAttachment(t.Context(), &block.Attachment{ID: uuid.NewString(), VolumeID: id, AttachStatus: block.AttachReserved}); err != nil {
				return err
			}
		}
		return nil
	})
	reimage(m, first.ID).Fault(409, "Cannot re-image a volume which is attached to more than one server.")
}

// A deployment without an image service says so, as one whose image service does not answer.
func TestWithoutImageService(t *testing.T) {
	t.Parallel()
	c := apitest.New(t, nil)
	c.Core.Images = nil
	m := c.As(t, apitest.Member, "p").At("3.70")
	m.Post("/volumes", object("volume", object("size", 1, "imageRef", nowhere))).Fault(400, "no image service is configured")
	id := m.Volume()
	m.Action("/volumes/"+id, "os-volume_upload_image", object("image_name", "i")).Fault(400, "Connection to glance failed: no image service is configured.")
	m.Action("/volumes/"+id, "os-reimage", object("image_id", nowhere)).Fault(503, "no image service is configured")
}
