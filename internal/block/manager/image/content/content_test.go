package content

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/glance/glancetest"
	"github.com/clinker/clinker/internal/imageformat/imageformattest"
	"github.com/clinker/clinker/internal/reqctx"
)

const mib = 1 << 20

// newMover makes a mover over a fake; without a runner, qemu-img must not be run.
func newMover(t *testing.T, run execx.Runner, change func(o *Options)) (*Mover, *fake.Images) {
	t.Helper()
	f := fake.New()
	if run == nil {
		run = execx.NewScript(t)
	}
	o := Options{Images: f, Run: run, Directory: filepath.Join(t.TempDir(), "conversion")}
	if change != nil {
		change(&o)
	}
	return New(o), f
}

// newDevice makes a device of this size that holds noise, or nothing.
func newDevice(t *testing.T, size int64, noise bool) Device {
	t.Helper()
	d := Device{Path: filepath.Join(t.TempDir(), "volume"), SizeBytes: size}
	f, err := os.Create(d.Path)
	if err == nil && noise {
		_, err = f.Write(bytes.Repeat([]byte{0xee}, int(size)))
	}
	if err = errors.Join(err, f.Truncate(size), f.Close()); err != nil {
		t.Fatal(err)
	}
	return d
}

func holds(t *testing.T, d Device, want []byte) {
	t.Helper()
	got, err := os.ReadFile(d.Path)
	if err != nil {
		t.Fatal(err)
	}
	if int64(len(got)) != d.SizeBytes {
		t.Fatalf("the device has become %d bytes long, it was %d", len(got), d.SizeBytes)
	}
	if want = append(bytes.Clone(want), make([]byte, len(got)-len(want))...); !bytes.Equal(got, want) {
		for i := range got {
			if got[i] != want[i] {
				t.Fatalf("at %d stands %#x, want %#x", i, got[i], want[i])
			}
		}
	}
}

// nothingLeft fails the test if there are temporary files.
func nothingLeft(t *testing.T, m *Mover) {
	t.Helper()
	entries, err := os.ReadDir(m.Directory)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	for _, e := range entries {
		t.Errorf("%s is left", e.Name())
	}
}

// disk is a disk of 4 MiB with holes: noise in its second and at the end of its last MiB.
func disk() []byte {
	b := make([]byte, 4*mib)
	copy(b[mib:], glancetest.Noise(mib))
	copy(b[4*mib-1000:], glancetest.Noise(1000))
	return b
}

func TestRaw(t *testing.T) {
	for name, noise := range map[string]bool{"into zeroes": false, "into noise": true} {
		t.Run(name, func(t *testing.T) {
			m, f := newMover(t, nil, nil)
			i := f.Add(glance.Image{}, disk()[:4*mib-700]) // of no round length
			d := newDevice(t, 6*mib, noise)
			d.Clear = noise
			if err := m.ToDevice(t.Context(), i, d); err != nil {
				t.Fatal(err)
			}
			holds(t, d, disk()[:4*mib-700])
			var st unix.Stat_t
			if err := unix.Stat(d.Path, &st); err != nil || !noise && st.Blocks*512 > 2*mib {
				t.Errorf("%d bytes are allocated, %v", st.Blocks*512, err)
			}
			nothingLeft(t, m)
		})
	}
}

// Without Clear, what the image does not reach stays.
func TestRawLeavesTheRest(t *testing.T) {
	m, f := newMover(t, nil, nil)
	d := newDevice(t, 2*mib, true)
	if err := m.ToDevice(t.Context(), f.Add(glance.Image{}, make([]byte, mib)), d); err != nil {
		t.Fatal(err)
	}
	holds(t, d, append(make([]byte, mib), bytes.Repeat([]byte{0xee}, mib)...))
}

// qemu makes what an image in a format is, from a raw disk.
func qemu(t *testing.T, format string, options ...string) []byte {
	t.Helper()
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed (Debian: qemu-utils)")
	}
	raw, path := filepath.Join(t.TempDir(), "raw"), filepath.Join(t.TempDir(), "image")
	if err := os.WriteFile(raw, disk(), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append([]string{"convert", "-f", "raw", "-O", format}, options...)
	if out, err := exec.Command("qemu-img", append(args, raw, path)...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestConverted(t *testing.T) {
	for format, content := range map[string]func() []byte{
		"qcow2": func() []byte { return qemu(t, "qcow2") }, "vmdk": func() []byte { return qemu(t, "vmdk", "-o", "subformat=streamOptimized") },
		"vdi": func() []byte { return qemu(t, "vdi") }, "vhd": func() []byte { return qemu(t, "vpc", "-o", "force_size=on") },
		"vhdx": func() []byte { return qemu(t, "vhdx") },
	} {
		t.Run(format, func(t *testing.T) {
			m, f := newMover(t, execx.System{}, nil)
			i := f.Add(glance.Image{DiskFormat: format}, content())
			for _, noise := range []bool{false, true} {
				d := newDevice(t, 6*mib, noise)
				d.Clear = noise
				if err := m.ToDevice(t.Context(), i, d); err != nil {
					t.Fatal(err)
				}
				holds(t, d, disk())
			}
			nothingLeft(t, m)
		})
	}
}

// caller may enter images.
func caller(t *testing.T) context.Context {
	return reqctx.With(t.Context(), reqctx.Request{ProjectID: "p"})
}

// What is sent in a format can be fetched again, and is the same.
func TestThereAndBack(t *testing.T) {
	if _, err := exec.LookPath("qemu-img"); err != nil {
		t.Skip("qemu-img is not installed (Debian: qemu-utils)")
	}
	for _, format := range []string{"raw", "qcow2", "vmdk", "vdi", "vhd", "vhdx"} {
		t.Run(format, func(t *testing.T) {
			m, f := newMover(t, execx.System{}, func(o *Options) { o.Compress = true })
			source := newDevice(t, 4*mib, false)
			if err := os.WriteFile(source.Path, disk(), 0o600); err != nil {
				t.Fatal(err)
			}
			i, err := f.Create(caller(t), glance.NewImage{ID: uuid.NewString(), ContainerFormat: "bare", DiskFormat: format})
			if err != nil {
				t.Fatal(err)
			}
			if err := m.FromDevice(caller(t), i, source, glance.Upload{}); err != nil {
				t.Fatal(err)
			}
			back := newDevice(t, 5*mib, false)
			if err := m.ToDevice(caller(t), f.All()[i.ID], back); err != nil {
				t.Fatal(err)
			}
			holds(t, back, disk())
			nothingLeft(t, m)
		})
	}
}

// The format is always said; the image is in a file of ours and the volume keeps its length.
func TestArguments(t *testing.T) {
	content := imageformattest.QCOW2(3, mib)
	d := newDevice(t, mib, false)
	var image string
	m, f := newMover(t, execx.NewScript(t,
		execx.Step{Want: []string{"qemu-img", "convert", "-n", "-f", "qcow2", "-O", "raw", "*", d.Path}, Check: func(c execx.Command) {
			image = c.Args[6]
		}},
		execx.Step{Want: []string{"qemu-img", "convert", "-O", "qcow2", "-c", "-f", "raw", d.Path, "*"}},
		execx.Step{Want: []string{"qemu-img", "convert", "-O", "vpc", "-o", "force_size=on", "-f", "raw", d.Path, "*"}},
		execx.Step{Want: []string{"qemu-img", "convert", "-O", "parallels", "-f", "raw", d.Path, "*"}},
	), func(o *Options) { o.Compress = true })
	if err := m.ToDevice(t.Context(), f.Add(glance.Image{DiskFormat: "qcow2"}, content), d); err != nil {
		t.Fatal(err)
	}
	if filepath.Dir(image) != m.Directory {
		t.Errorf("the image was in %s", image)
	}
	for _, format := range []string{"qcow2", "vhd", "ploop"} {
		i := f.Add(glance.Image{DiskFormat: format, Status: glance.StatusQueued}, nil)
		if err := m.FromDevice(t.Context(), i, d, glance.Upload{}); err != nil {
			t.Errorf("%s: %v", format, err)
		}
	}
	nothingLeft(t, m)
}

// What is not what it is said to be is refused before qemu-img sees it, and leaves nothing behind.
func TestRefused(t *testing.T) {
	qcow2 := imageformattest.QCOW2(3, mib)
	backed, elsewhere := imageformattest.QCOW2WithBackingFile("/etc/passwd"), imageformattest.QCOW2WithFeatures(1<<2)
	digest := sha256.Sum256([]byte("something else"))
	for name, c := range map[string]struct {
		image   glance.Image
		content []byte
		fault   string
		text    string
	}{
		"qcow2 said to be raw":        {glance.Image{}, qcow2, "ImageUnacceptable", "claimed to be 'raw'"},
		"qcow2 said to be iso":        {glance.Image{DiskFormat: "iso"}, qcow2, "ImageUnacceptable", "claimed to be 'iso'"},
		"raw said to be qcow2":        {glance.Image{DiskFormat: "qcow2"}, make([]byte, mib), "ImageUnacceptable", "claimed to be 'qcow2'"},
		"qcow2 said to be vmdk":       {glance.Image{DiskFormat: "vmdk"}, qcow2, "ImageUnacceptable", "claimed to be 'vmdk'"},
		"a backing file":              {glance.Image{DiskFormat: "qcow2"}, backed, "ImageUnacceptable", "backing file"},
		"a data file":                 {glance.Image{DiskFormat: "qcow2"}, elsewhere, "ImageUnacceptable", "another file"},
		"a wrong checksum":            {glance.Image{HashAlgorithm: "sha256", HashValue: hex.EncodeToString(digest[:])}, make([]byte, 100), "ImageCopyFailure", "checksum"},
		"a wrong MD5":                 {glance.Image{HashAlgorithm: "nosuch", HashValue: "x", Checksum: strings.Repeat("0", 32)}, make([]byte, 100), "ImageCopyFailure", "checksum"},
		"a wrong checksum of a qcow2": {glance.Image{DiskFormat: "qcow2", HashAlgorithm: "sha256", HashValue: hex.EncodeToString(digest[:])}, qcow2, "ImageCopyFailure", "checksum"},
		"more than was said":          {glance.Image{SizeBytes: 50}, make([]byte, 100), "ImageUnacceptable", "more bytes"},
		"less than was said":          {glance.Image{SizeBytes: 150}, make([]byte, 100), "ImageCopyFailure", "100 of 150 bytes"},
		"a disk too large":            {glance.Image{DiskFormat: "qcow2"}, imageformattest.QCOW2(3, 5<<30), "ImageUnacceptable", "Image virtual size is 5GB and doesn't fit in a volume of size 0GB."},
		"a disk said to be too large": {glance.Image{DiskFormat: "qcow2", VirtualSizeBytes: 1<<30 + 1}, qcow2, "ImageUnacceptable", "Image virtual size is 2GB"},
		"a raw image too large":       {glance.Image{}, make([]byte, 3*mib), "ImageUnacceptable", "Image virtual size is 1GB"},
		"compressed":                  {glance.Image{ContainerFormat: "compressed"}, make([]byte, 100), "ImageUnacceptable", "container_format is compressed"},
		"ploop":                       {glance.Image{DiskFormat: "ploop"}, make([]byte, 100), "ImageUnacceptable", "ploop"},
		"no format":                   {glance.Image{DiskFormat: "nosuch"}, make([]byte, 100), "ImageUnacceptable", "nosuch"},
		"more than there is room for": {glance.Image{DiskFormat: "qcow2", SizeBytes: 1 << 60}, qcow2, "ImageTooBig", "available"},
	} {
		t.Run(name, func(t *testing.T) {
			m, f := newMover(t, nil, nil)
			err := m.ToDevice(t.Context(), f.Add(c.image, c.content), newDevice(t, 2*mib, false))
			if !fault.Is(err, fault.Invalid) || fault.NameOf(err) != c.fault || !strings.Contains(fault.UserText(err), c.text) {
				t.Errorf("%v (%s), want %s with %q", err, fault.NameOf(err), c.fault, c.text)
			}
			nothingLeft(t, m)
		})
	}
}

func TestConversionDisabled(t *testing.T) {
	m, f := newMover(t, nil, func(o *Options) { o.NoConversion = true })
	d := newDevice(t, mib, false)
	err := m.ToDevice(t.Context(), f.Add(glance.Image{DiskFormat: "qcow2"}, imageformattest.QCOW2(3, mib)), d)
	if fault.NameOf(err) != "ImageConversionNotAllowed" {
		t.Errorf("to a volume: %v", err)
	}
	err = m.FromDevice(t.Context(), f.Add(glance.Image{DiskFormat: "qcow2", Status: glance.StatusQueued}, nil), d, glance.Upload{})
	if fault.NameOf(err) != "ImageConversionNotAllowed" {
		t.Errorf("to an image: %v", err)
	}
	if err := m.ToDevice(t.Context(), f.Add(glance.Image{}, make([]byte, mib)), d); err != nil {
		t.Errorf("a raw image: %v", err)
	}
}

func TestFailures(t *testing.T) {
	qcow2 := imageformattest.QCOW2(3, mib)
	boom := glance.ConnectionFailed(nil, "boom")
	for name, c := range map[string]struct {
		step  execx.Step
		kind  fault.Kind
		fault string
	}{
		"qemu-img fails":     {execx.Step{Want: []string{"qemu-img", "..."}, Exit: 1, Stderr: "qemu-img: bad"}, fault.Invalid, "ImageCopyFailure"},
		"the volume is full": {execx.Step{Want: []string{"qemu-img", "..."}, Exit: 1, Stderr: "error while writing: No space left on device"}, fault.OverLimit, ""},
		"there is none":      {execx.Step{Want: []string{"qemu-img", "..."}, Err: fault.New(fault.Unavailable, "", "not installed")}, fault.Unavailable, ""},
	} {
		m, f := newMover(t, execx.NewScript(t, c.step), nil)
		err := m.ToDevice(t.Context(), f.Add(glance.Image{DiskFormat: "qcow2"}, qcow2), newDevice(t, mib, false))
		if !fault.Is(err, c.kind) || fault.NameOf(err) != c.fault {
			t.Errorf("%s: %v", name, err)
		}
		nothingLeft(t, m)
	}
	m, f := newMover(t, nil, nil)
	f.FailNext("Download", boom)
	if err := m.ToDevice(t.Context(), f.Add(glance.Image{}, qcow2), newDevice(t, mib, false)); !errors.Is(err, boom) {
		t.Errorf("no download: %v", err)
	}
	if err := m.ToDevice(t.Context(), f.Add(glance.Image{}, make([]byte, mib)), Device{Path: "/nonexistent/volume", SizeBytes: mib}); fault.NameOf(err) != "ImageCopyFailure" {
		t.Errorf("no volume: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := m.ToDevice(gone, f.Add(glance.Image{}, make([]byte, mib)), newDevice(t, mib, false)); err == nil {
		t.Error("it went on for a caller that had gone")
	}
	nothingLeft(t, m)
}

// An image whose file is at hand is read from there, if that is allowed.
func TestLocalFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "an image")
	if err := os.WriteFile(path, disk(), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, allowed := range []bool{false, true} {
		m, f := newMover(t, nil, func(o *Options) { o.LocalFiles = allowed })
		i := f.Add(glance.Image{Locations: []string{"rbd://x", "file://" + strings.ReplaceAll(path, " ", "%20")}}, disk())
		d := newDevice(t, 4*mib, false)
		if err := m.ToDevice(t.Context(), i, d); err != nil {
			t.Fatal(err)
		}
		holds(t, d, disk())
		if downloads := f.Count("Download"); allowed != (downloads == 0) || allowed != (m.LocalFile(i) == path) {
			t.Errorf("allowed %v: %d downloads, file %q", allowed, downloads, m.LocalFile(i))
		}
	}
	m, _ := newMover(t, nil, func(o *Options) { o.LocalFiles = true })
	for _, location := range []string{"file://elsewhere/x", "file:relative", "http://x/y", "%", ""} {
		if got := m.LocalFile(&glance.Image{Locations: []string{location}}); got != "" {
			t.Errorf("%q is taken for the file %q", location, got)
		}
	}
	if err := InspectFile(&glance.Image{DiskFormat: "raw"}, path); err != nil {
		t.Error(err)
	}
	if err := InspectFile(&glance.Image{DiskFormat: "qcow2"}, path); fault.NameOf(err) != "ImageUnacceptable" {
		t.Errorf("raw said to be qcow2: %v", err)
	}
}

func TestClean(t *testing.T) {
	m, _ := newMover(t, nil, nil)
	if err := m.Clean(); err != nil {
		t.Errorf("without a directory: %v", err)
	}
	f, err := m.temporary("fetch")
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(f.Close(), os.Mkdir(filepath.Join(m.Directory, "sub"), 0o700)); err != nil {
		t.Fatal(err)
	}
	if err := m.Clean(); err != nil {
		t.Error(err)
	}
	if entries, err := os.ReadDir(m.Directory); err != nil || len(entries) != 1 || entries[0].Name() != "sub" {
		t.Errorf("%v, %v", entries, err)
	}
}
