package e2e

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gophercloud/gophercloud/v2"
	"github.com/gophercloud/gophercloud/v2/openstack"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/imagedata"
	"github.com/gophercloud/gophercloud/v2/openstack/image/v2/images"

	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/glance/glancetest"
	"github.com/clinker/clinker/test/harness"
)

// imagePatience is how long what moves the bytes of an image may take on a machine that does much else.
const imagePatience = 90 * time.Second

// disk makes a raw file of that length in a directory: noise at its beginning, in its middle and at its end.
func disk(t *testing.T, dir string, sizeBytes int64) string {
	t.Helper()
	f, err := os.CreateTemp(dir, "disk")
	must(t, err)
	defer f.Close()
	must(t, f.Truncate(sizeBytes))
	random := rand.New(rand.NewPCG(uint64(sizeBytes), 2))
	const length = 100_000
	for _, offset := range []int64{0, sizeBytes/2 + 512, sizeBytes - length} {
		noise := make([]byte, length)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		_, err := f.WriteAt(noise, offset)
		must(t, err)
	}
	return f.Name()
}

// qemuImg runs qemu-img.
func qemuImg(t *testing.T, args ...string) {
	t.Helper()
	if out, err := exec.CommandContext(t.Context(), "qemu-img", args...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-img %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// converted is a raw file in another format; options are qemu-img's -o.
func converted(t *testing.T, path, format, options string) []byte {
	t.Helper()
	args := []string{"convert", "-f", "raw", "-O", format}
	if options != "" {
		args = append(args, "-o", options)
	}
	out := filepath.Join(t.TempDir(), "image")
	qemuImg(t, append(args, path, out)...)
	content, err := os.ReadFile(out)
	must(t, err)
	return content
}

// holds checks that a volume holds a raw file and zeros after that.
func holds(t *testing.T, c *client, what, volumeID, path string) {
	t.Helper()
	withDevice(t, c, volumeID, func(uri string) {
		// Without -s what one of the two has more must be zeros.
		if out, err := exec.CommandContext(t.Context(), "qemu-img", "compare", "-f", "raw", "-F", "raw", path, uri).CombinedOutput(); err != nil {
			t.Errorf("%s does not hold the image: %v %s", what, err, out)
		}
	})
}

// settles waits until an operation with images is over and checks how it ended.
func settles(t *testing.T, c *client, what, volumeID, status string) *volumes.Volume {
	t.Helper()
	var v *volumes.Volume
	harness.Within(t, imagePatience, what, func() (bool, string) {
		v = get(t, c, volumeID)
		return v.Status == status || strings.HasPrefix(v.Status, "error"), v.Status
	})
	if v.Status != status {
		t.Fatalf("%s: the volume is %s, want %s", what, v.Status, status)
	}
	return v
}

// ofImage asks for a volume of a GiB made of an image.
func ofImage(t *testing.T, c *client, imageID string) *volumes.Volume {
	t.Helper()
	v, err := volumes.Create(t.Context(), c, volumes.CreateOpts{Size: 1, ImageID: imageID}, nil).Extract()
	must(t, err)
	return v
}

// becomes waits until an image of a fake has a status, and gives it.
func becomes(t *testing.T, service *fake.Images, id, status string) (i *glance.Image) {
	t.Helper()
	harness.Within(t, imagePatience, "image "+id+" becoming "+status, func() (bool, string) {
		if i = service.All()[id]; i == nil {
			return false, "not there"
		}
		return i.Status == status, i.Status
	})
	return i
}

// noTraces checks that nothing is left of moving bytes.
func noTraces(t *testing.T, cloud *harness.Cloud) {
	t.Helper()
	var found []string
	_ = filepath.WalkDir(filepath.Join(cloud.StateDir, "conversion"), func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			found = append(found, path)
		}
		return nil
	})
	if len(found) > 0 {
		t.Errorf("left of moving bytes: %v", found)
	}
}

// TestImages: the bytes of a volume are those of its image, whatever the image's format, and the other way round.
func TestImages(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-img", "qemu-io")
	service := fake.New()
	cloud := harness.Start(t, "[DEFAULT]\nglance_api_servers = "+glancetest.Serve(t, service).URL+"\nallowed_direct_url_schemes = file\nenable_force_upload = true\n")
	c := cloud.Client(t, "1a6e5", latest)
	whole, part := disk(t, t.TempDir(), 1<<30), disk(t, cloud.StateDir, 3<<20+512*3)
	partBytes, err := os.ReadFile(part)
	must(t, err)

	for what, image := range map[string]struct {
		glance.Image
		content []byte
		path    string
	}{
		"raw":                  {glance.Image{}, partBytes, part},
		"called an ami":        {glance.Image{DiskFormat: "ami", ContainerFormat: "ami"}, partBytes, part},
		"a file of the node's": {glance.Image{Locations: []string{"file://" + part}}, partBytes, part},
		"qcow2":                {glance.Image{DiskFormat: "qcow2", MinDiskGiB: 1}, converted(t, whole, "qcow2", ""), whole},
		"vmdk":                 {glance.Image{DiskFormat: "vmdk"}, converted(t, whole, "vmdk", "subformat=streamOptimized"), whole},
		"vdi":                  {glance.Image{DiskFormat: "vdi"}, converted(t, whole, "vdi", ""), whole},
		"vhd":                  {glance.Image{DiskFormat: "vhd"}, converted(t, part, "vpc", "subformat=dynamic,force_size=on"), part},
		"vhdx":                 {glance.Image{DiskFormat: "vhdx"}, converted(t, whole, "vhdx", ""), whole},
	} {
		image.Image.Name, image.Image.Properties = what, map[string]string{"hw_disk_bus": "scsi"}
		before := service.Count("Download")
		i := service.Add(image.Image, image.content)
		v := settles(t, c, what, ofImage(t, c, i.ID).ID, "available")
		if v.Bootable != "true" || v.VolumeImageMetadata["image_id"] != i.ID || v.VolumeImageMetadata["hw_disk_bus"] != "scsi" {
			t.Errorf("%s: bootable %s, %v", what, v.Bootable, v.VolumeImageMetadata)
		}
		holds(t, c, what, v.ID, image.path)
		if n := service.Count("Download") - before; n != 1 && !strings.HasPrefix(what, "a file") || n != 0 && strings.HasPrefix(what, "a file") {
			t.Errorf("%s: %d downloads", what, n)
		}
		noTraces(t, cloud)
		must(t, volumes.Delete(t.Context(), c, v.ID, volumes.DeleteOpts{}).ExtractErr())
		awaitGone(t, c, v.ID)
	}

	// And back.
	v := settles(t, c, "a source", ofImage(t, c, service.Add(glance.Image{DiskFormat: "qcow2", Properties: map[string]string{"os_type": "linux"}},
		converted(t, whole, "qcow2", "")).ID).ID, "available")
	for _, format := range []string{"qcow2", "vmdk"} {
		answer, err := volumes.UploadImage(t.Context(), c, v.ID, volumes.UploadImageOpts{ImageName: "of a volume", DiskFormat: format,
			ContainerFormat: "bare", Visibility: "private", Protected: true}).Extract()
		must(t, err)
		i := becomes(t, service, answer.ImageID, glance.StatusActive)
		settles(t, c, "uploading "+format, v.ID, "available")
		if i.Properties["os_type"] != "linux" || !i.Protected || i.Visibility != "private" || i.DiskFormat != format {
			t.Errorf("the image in %s: %+v", format, i)
		}
		content, _ := service.Bytes(answer.ImageID)
		path := filepath.Join(t.TempDir(), "uploaded")
		must(t, os.WriteFile(path, content, 0o600))
		if out, err := exec.CommandContext(t.Context(), "qemu-img", "compare", "-f", "raw", "-F", format, whole, path).CombinedOutput(); err != nil {
			t.Errorf("the image in %s is not the volume: %v %s", format, err, out)
		}
		noTraces(t, cloud)
	}

	// By force, where that is allowed.
	attachment, _ := attach(t, c, v.ID, instance)
	inUse := volumes.UploadImageOpts{ImageName: "of a volume in use", DiskFormat: "qcow2", ContainerFormat: "bare"}
	_, err = volumes.UploadImage(t.Context(), c, v.ID, inUse).Extract()
	refused(t, "uploading what is in use", err, 400, "status must be available")
	inUse.Force = true
	answer, err := volumes.UploadImage(t.Context(), c, v.ID, inUse).Extract()
	must(t, err)
	becomes(t, service, answer.ImageID, glance.StatusActive)
	settles(t, c, "uploading what is in use", v.ID, "in-use")
	detach(t, c, attachment)

	// And once more, of another image: what that does not reach is zeros.
	other := service.Add(glance.Image{Name: "other"}, partBytes)
	must(t, volumes.ReImage(t.Context(), c, v.ID, volumes.ReImageOpts{ImageID: other.ID}).ExtractErr())
	v = settles(t, c, "reimaging", v.ID, "available")
	if v.VolumeImageMetadata["image_id"] != other.ID || v.VolumeImageMetadata["os_type"] != "" {
		t.Errorf("after the reimage: %v", v.VolumeImageMetadata)
	}
	holds(t, c, "the reimaged volume", v.ID, part)
}

// TestImageRefused: images that are not what they are said to be, or lead elsewhere, come into no volume.
func TestImageRefused(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-img")
	service := fake.New()
	cloud := harness.Start(t, "[DEFAULT]\nglance_api_servers = "+glancetest.Serve(t, service).URL+"\n")
	c := cloud.Client(t, "1a6ebad", latest)
	dir := t.TempDir()
	secret := disk(t, dir, 2<<20)
	overlay := filepath.Join(dir, "overlay")
	qemuImg(t, "create", "-f", "qcow2", "-b", secret, "-F", "raw", overlay)
	withBacking, err := os.ReadFile(overlay)
	must(t, err)
	large := filepath.Join(dir, "large")
	qemuImg(t, "create", "-f", "qcow2", large, "2G")
	tooLarge, err := os.ReadFile(large)
	must(t, err)
	plain := converted(t, secret, "qcow2", "")
	for what, image := range map[string]*glance.Image{
		"a backing file":       service.Add(glance.Image{DiskFormat: "qcow2"}, withBacking),
		"larger than it seems": service.Add(glance.Image{DiskFormat: "qcow2"}, tooLarge),
		"no qcow2":             service.Add(glance.Image{DiskFormat: "qcow2"}, bytes.Repeat([]byte("MBR?"), 1<<10)),
		"qcow2 as vmdk":        service.Add(glance.Image{DiskFormat: "vmdk"}, plain),
		"a wrong checksum":     service.Add(glance.Image{HashAlgorithm: "sha256", HashValue: strings.Repeat("0", 64)}, plain[:1<<16]),
		"cut short":            service.Add(glance.Image{SizeBytes: 1 << 20}, plain[:1<<16]),
	} {
		v := ofImage(t, c, image.ID)
		harness.Within(t, imagePatience, what, func() (bool, string) {
			status := get(t, c, v.ID).Status
			return status == "error", status
		})
		harness.Eventually(t, what+": the user being told", func() (bool, string) {
			answer := cloud.Do(t, harness.Request{Path: "/v3/messages?resource_uuid=" + v.ID, Version: latest, Project: "1a6ebad"})
			return strings.Contains(string(answer.Body), "copy image to volume"), string(answer.Body)
		})
		noTraces(t, cloud)
		must(t, volumes.Delete(t.Context(), c, v.ID, volumes.DeleteOpts{}).ExtractErr())
		awaitGone(t, c, v.ID)
	}

	away := harness.Start(t, "[DEFAULT]\nglance_api_servers = http://127.0.0.1:9\nglance_num_retries = 0\n")
	_, err = volumes.Create(t.Context(), away.Client(t, "1a6ebad", latest), volumes.CreateOpts{Size: 1, ImageID: nobody}, nil).Extract()
	refused(t, "an image of a Glance that is away", err, 400, "Invalid image identifier or unable to access requested image", "does not answer")
}

// TestImageVolumeCache: an image is downloaded once; what does not fit into the cache has to go.
func TestImageVolumeCache(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-img", "qemu-io")
	service := fake.New()
	cloud := harness.Start(t, "[DEFAULT]\nglance_api_servers = "+glancetest.Serve(t, service).URL+`
cinder_internal_tenant_project_id = caches
cinder_internal_tenant_user_id = cacher
[backend_defaults]
image_volume_cache_enabled = true
image_volume_cache_max_count = 1
`)
	c := cloud.Client(t, "1a6ecac4e", latest)
	path := disk(t, t.TempDir(), 1<<30)
	one, two := service.Add(glance.Image{DiskFormat: "qcow2"}, converted(t, path, "qcow2", "")), service.Add(glance.Image{}, []byte("an operating system"))
	cached := func() (names []string) {
		for _, v := range list(t, cloud.Client(t, "caches", latest), volumes.ListOpts{}) {
			names = append(names, v.Name)
		}
		return names
	}
	for range 3 {
		holds(t, c, "a volume of a cached image", settles(t, c, "a volume of a cached image", ofImage(t, c, one.ID).ID, "available").ID, path)
	}
	if n := service.Count("Download"); n != 1 {
		t.Errorf("%d downloads for three volumes", n)
	}
	if names := cached(); len(names) != 1 || names[0] != "image-"+one.ID {
		t.Errorf("cached: %v", names)
	}
	for range 2 {
		settles(t, c, "a volume of another", ofImage(t, c, two.ID).ID, "available")
	}
	harness.Eventually(t, "the cache keeping one volume", func() (bool, string) {
		names := cached()
		return len(names) == 1 && names[0] == "image-"+two.ID, strings.Join(names, " ")
	})
	if n := service.Count("Download"); n != 2 {
		t.Errorf("%d downloads of two images", n)
	}
	noTraces(t, cloud)
}

// gate stops requests to an image service in the middle of their data, until it is opened.
type gate struct {
	method string
	held   chan struct{} // closed once a request is held
	opened chan struct{}
	once   sync.Once
}

func newGate(method string) *gate {
	return &gate{method: method, held: make(chan struct{}), opened: make(chan struct{})}
}

// before is a glancetest.Server's Before.
func (g *gate) before(w http.ResponseWriter, r *http.Request) bool {
	if !strings.HasSuffix(r.URL.Path, "/file") || r.Method != g.method {
		return false
	}
	select {
	case <-g.opened:
		return false
	default:
	}
	if r.Method == http.MethodGet {
		w.Header().Set("Content-Length", strconv.Itoa(1<<20))
		_, _ = w.Write(make([]byte, 1<<18))
		_ = http.NewResponseController(w).Flush()
	} else {
		_, _ = io.CopyN(io.Discard, r.Body, 1<<16)
	}
	g.once.Do(func() { close(g.held) })
	select {
	case <-g.opened:
	case <-r.Context().Done():
	}
	panic(http.ErrAbortHandler)
}

func (g *gate) wait(t *testing.T) {
	t.Helper()
	select {
	case <-g.held:
	case <-time.After(imagePatience):
		t.Fatal("nobody asks for data")
	}
}

// TestImagesKilled: the process is killed while bytes flow; the next start finishes what was under way and leaves nothing else.
func TestImagesKilled(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-img", "qemu-io")
	path := disk(t, t.TempDir(), 1<<30)
	qcow2 := converted(t, path, "qcow2", "")
	small := disk(t, t.TempDir(), 1<<20)
	raw, err := os.ReadFile(small)
	must(t, err)
	for what, test := range map[string]struct {
		image   glance.Image
		content []byte
		method  string
		begin   func(t *testing.T, c *client, i *glance.Image) (volumeID string)
		during  string
		holds   string
	}{
		"create of raw": {glance.Image{}, raw, http.MethodGet, func(t *testing.T, c *client, i *glance.Image) string {
			return ofImage(t, c, i.ID).ID
		}, "downloading", small},
		"create of qcow2": {glance.Image{DiskFormat: "qcow2"}, qcow2, http.MethodGet, func(t *testing.T, c *client, i *glance.Image) string {
			return ofImage(t, c, i.ID).ID
		}, "downloading", path},
		"reimage": {glance.Image{DiskFormat: "qcow2"}, qcow2, http.MethodGet, func(t *testing.T, c *client, i *glance.Image) string {
			v := create(t, c, volumes.CreateOpts{Size: 1})
			must(t, volumes.ReImage(t.Context(), c, v.ID, volumes.ReImageOpts{ImageID: i.ID}).ExtractErr())
			return v.ID
		}, "downloading", path},
		"upload": {glance.Image{DiskFormat: "qcow2"}, qcow2, http.MethodPut, func(t *testing.T, c *client, i *glance.Image) string {
			v := settles(t, c, "the source", ofImage(t, c, i.ID).ID, "available")
			_, err := volumes.UploadImage(t.Context(), c, v.ID, volumes.UploadImageOpts{ImageName: "uploaded", DiskFormat: "qcow2", ContainerFormat: "bare"}).Extract()
			must(t, err)
			return v.ID
		}, "uploading", path},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			service, g := fake.New(), newGate(test.method)
			server := glancetest.Serve(t, service)
			server.Before = g.before
			cloud := harness.Start(t, "[DEFAULT]\nglance_api_servers = "+server.URL+"\n")
			c := cloud.Client(t, "1a6edead", latest)
			id := test.begin(t, c, service.Add(test.image, test.content))
			g.wait(t)
			wantStatus(t, c, "while bytes flow", id, test.during)
			cloud.Kill(t)
			close(g.opened)
			cloud.Run(t)
			settles(t, c, "after the restart", id, "available")
			noTraces(t, cloud)
			holds(t, c, what, id, test.holds)
			if test.method == http.MethodPut {
				var all []*glance.Image
				for _, i := range service.All() {
					if i.Name == "uploaded" {
						all = append(all, i)
					}
				}
				if len(all) != 1 || all[0].Status != glance.StatusActive {
					t.Errorf("uploaded: %+v", all)
				}
			}
			if strays, _ := filepath.Glob(filepath.Join(cloud.StateDir, "volumes", "*", "*", "*.tmp*")); len(strays) > 0 {
				t.Errorf("left in storage: %v", strays)
			}
		})
	}
}

// TestImagesOfOurs: the image service of the same cloud, with the caller's own token.
func TestImagesOfOurs(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-img", "qemu-io")
	cloud := harness.Start(t, withKeystone)
	provider := login(t, cloud, "demo")
	c := blockStorage(t, provider)
	g, err := openstack.NewImageV2(provider, gophercloud.EndpointOpts{Region: "RegionOne"})
	must(t, err)
	path := disk(t, t.TempDir(), 1<<30)
	enter := func(name string) *images.Image {
		t.Helper()
		i, err := images.Create(t.Context(), g, images.CreateOpts{Name: name, DiskFormat: "qcow2", ContainerFormat: "bare"}).Extract()
		must(t, err)
		must(t, imagedata.Upload(t.Context(), g, i.ID, bytes.NewReader(converted(t, path, "qcow2", ""))).ExtractErr())
		return i
	}
	v := settles(t, c, "a volume of our image", ofImage(t, c, enter("ours").ID).ID, "available")
	holds(t, c, "a volume of our image", v.ID, path)

	back := volumes.UploadImageOpts{ImageName: "back", DiskFormat: "qcow2", ContainerFormat: "bare"}
	answer, err := volumes.UploadImage(t.Context(), c, v.ID, back).Extract()
	must(t, err)
	harness.Within(t, imagePatience, "the image becoming active", func() (bool, string) {
		i, err := images.Get(t.Context(), g, answer.ImageID).Extract()
		must(t, err)
		return i.Status == images.ImageStatusActive, string(i.Status)
	})
	settles(t, c, "uploading", v.ID, "available")
	again := settles(t, c, "a volume of what was uploaded", ofImage(t, c, answer.ImageID).ID, "available")
	holds(t, c, "a volume of what was uploaded", again.ID, path)
	noTraces(t, cloud)

	// Killed in the middle of an upload, both services together bring it to an end, as themselves.
	back.DiskFormat = "raw"
	answer, err = volumes.UploadImage(t.Context(), c, v.ID, back).Extract()
	must(t, err)
	harness.Within(t, imagePatience, "bytes on their way", func() (bool, string) {
		i, err := images.Get(t.Context(), g, answer.ImageID).Extract()
		must(t, err)
		return i.Status != images.ImageStatusQueued, string(i.Status)
	})
	cloud.Kill(t)
	cloud.Run(t)
	settles(t, c, "after the restart", v.ID, "available")
	i, err := images.Get(t.Context(), g, answer.ImageID).Extract()
	must(t, err)
	if i.Status != images.ImageStatusActive || i.SizeBytes != 1<<30 {
		t.Errorf("after the restart the image is %s with %d bytes", i.Status, i.SizeBytes)
	}
	// A raw image lies in a file of ours, which is cloned: by reflink, where the file system can.
	holds(t, c, "a volume of a raw image", settles(t, c, "a volume of a raw image", ofImage(t, c, i.ID).ID, "available").ID, path)
	noTraces(t, cloud)
}
