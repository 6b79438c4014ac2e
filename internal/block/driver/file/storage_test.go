package file

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
	"github.com/clinker/clinker/internal/fault"
)

func setUp(t testing.TB, dir string, change ...func(*Config)) *Driver {
	t.Helper()
	c := Config{Directory: filepath.Join(dir, "storage")}
	for _, f := range change {
		f(&c)
	}
	d, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = d.Close(context.Background()) })
	return d
}

// withData makes a volume of 1 GiB that holds this much data at its beginning.
func withData(t testing.TB, d *Driver, size int) (v driver.Volume, path string) {
	t.Helper()
	v = driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
	if _, err := d.CreateVolume(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	path, err := d.Device(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.Write(bytes.Repeat([]byte("clinker!"), size/8)); err != nil {
		t.Fatal(err)
	}
	return v, path
}

func snapshotOf(v driver.Volume) driver.Snapshot {
	return driver.Snapshot{ID: uuid.NewString(), Volume: v, SizeGiB: v.SizeGiB}
}

func allocated(t *testing.T, path string) int64 {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

func TestNewRefusesARelativeDirectory(t *testing.T) {
	for _, dir := range []string{"", "volumes", "./volumes"} {
		if _, err := New(Config{Directory: dir}); !fault.Is(err, fault.Invalid) {
			t.Errorf("New(%q): %v", dir, err)
		}
	}
}

func TestEntry(t *testing.T) {
	r := driver.NewRegistry()
	if err := r.Register(Entry()); err != nil {
		t.Fatal(err)
	}
	given := filepath.Join(t.TempDir(), "given")
	tests := []struct {
		config driver.Config
		want   string
	}{
		{driver.Config{StateDir: "/var/lib/clinker", Backend: "fast"}, "/var/lib/clinker/volumes/fast"},
		{driver.Config{StateDir: "/var/lib/clinker", Backend: "../../etc"}, "/var/lib/clinker/volumes/etc"},
		{driver.Config{Options: map[string]string{"file_volume_directory": given}}, given},
	}
	for _, tt := range tests {
		d, err := r.New("file", tt.config)
		if err != nil {
			t.Fatal(err)
		}
		if got := d.(*Driver).config.Directory; got != tt.want {
			t.Errorf("directory %q, want %q", got, tt.want)
		}
	}
}

func TestSetupRefusesWhatOthersCanTamperWith(t *testing.T) {
	tests := map[string]func(t *testing.T, dir string){
		"root writable by others": func(t *testing.T, dir string) { mkdir(t, dir, 0o777) },
		"volumes writable by the group": func(t *testing.T, dir string) {
			mkdir(t, dir, 0o700)
			mkdir(t, filepath.Join(dir, "volumes"), 0o770)
		},
		"volumes is a symbolic link": func(t *testing.T, dir string) {
			mkdir(t, dir, 0o700)
			if err := os.Symlink(t.TempDir(), filepath.Join(dir, "volumes")); err != nil {
				t.Fatal(err)
			}
		},
		"snapshots is a file": func(t *testing.T, dir string) {
			mkdir(t, dir, 0o700)
			if err := os.WriteFile(filepath.Join(dir, "snapshots"), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		},
		"belongs to somebody else": func(t *testing.T, dir string) {
			if os.Geteuid() != 0 {
				t.Skip("only root can give a directory away")
			}
			mkdir(t, dir, 0o700)
			if err := os.Chown(dir, 12345, -1); err != nil {
				t.Fatal(err)
			}
		},
	}
	for name, prepare := range tests {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "storage")
			prepare(t, dir)
			d, err := New(Config{Directory: dir})
			if err != nil {
				t.Fatal(err)
			}
			err = d.Setup(t.Context())
			if !fault.Is(err, fault.Invalid) || strings.Contains(fault.UserText(err), dir) || !strings.Contains(err.Error(), dir) {
				t.Errorf("Setup: %v", err)
			}
			if _, err := d.Stats(t.Context()); !fault.Is(err, fault.Unavailable) {
				t.Errorf("Stats after a Setup that failed: %v", err)
			}
		})
	}
}

func mkdir(t *testing.T, dir string, mode os.FileMode) {
	t.Helper()
	if err := os.Mkdir(dir, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, mode); err != nil { // whatever the umask is
		t.Fatal(err)
	}
}

func TestModes(t *testing.T) {
	dir := t.TempDir()
	d := setUp(t, dir)
	v, path := withData(t, d, 8)
	if _, err := d.CreateSnapshot(t.Context(), snapshotOf(v)); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(filepath.Join(dir, "storage"), func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
	if !strings.HasSuffix(path, "/volumes/volume-"+v.ID) {
		t.Errorf("Device = %q", path)
	}
}

// A link in place of a file is an error for every verb and is followed by none.
func TestLinksAreNotFollowed(t *testing.T) {
	d := setUp(t, t.TempDir())
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	v := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
	s := snapshotOf(v)
	for _, link := range []string{"volumes/volume-" + v.ID, "snapshots/snapshot-" + s.ID + ".tmp"} {
		if err := os.Symlink(victim, filepath.Join(d.config.Directory, link)); err != nil {
			t.Fatal(err)
		}
	}
	whole, _ := withData(t, d, 4096)
	_, err := d.CreateVolume(t.Context(), v)
	verbs := map[string]error{"CreateVolume": err, "ExtendVolume": d.ExtendVolume(t.Context(), v, 2)}
	_, verbs["Device"] = d.Device(t.Context(), v)
	_, verbs["CreateSnapshot"] = d.CreateSnapshot(t.Context(), s)
	_, verbs["CloneVolume"] = d.CloneVolume(t.Context(), driver.Volume{ID: uuid.NewString(), SizeGiB: 1}, v)
	_, verbs["CloneVolume to it"] = d.CloneVolume(t.Context(), v, whole)
	for verb, err := range verbs {
		if !fault.Is(err, fault.Internal) {
			t.Errorf("%s: %v", verb, err)
		}
	}
	s.Volume = whole // this one replaces the link that stands where its temporary file has to be
	if _, err := d.CreateSnapshot(t.Context(), s); err != nil {
		t.Errorf("CreateSnapshot over a link: %v", err)
	}
	if got, err := os.ReadFile(victim); err != nil || string(got) != "precious" {
		t.Errorf("the file behind the link holds %q, %v", got, err)
	}
}

func TestForeignFilesAreLeftAlone(t *testing.T) {
	d := setUp(t, t.TempDir())
	foreign := []string{
		"volumes/README", "volumes/volume-x", "volumes/volume-" + strings.ToUpper(uuid.NewString()), "volumes/other.tmp",
		"snapshots/volume-" + uuid.NewString() + ".tmp",
	}
	for _, name := range foreign {
		if err := os.WriteFile(filepath.Join(d.config.Directory, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	all, err := d.Inventory(t.Context())
	if err != nil || len(all.VolumeIDs)+len(all.SnapshotIDs)+len(all.Strays) != 0 {
		t.Errorf("Inventory = %v, %v", all, err)
	}
	for _, name := range append(foreign, "", "volumes", "volumes/", "volumes/../volumes/other.tmp", "/etc/passwd") {
		if err := d.RemoveStray(t.Context(), name); !fault.Is(err, fault.Invalid) {
			t.Errorf("RemoveStray(%q): %v", name, err)
		}
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := d.Setup(t.Context()); err != nil {
		t.Errorf("Setup beside foreign files: %v", err)
	}
}

func TestCopyKeepsHoles(t *testing.T) {
	d := setUp(t, t.TempDir())
	v, path := withData(t, d, 1<<20)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte("end"), block.GiB-3); err != nil {
		t.Fatal(err)
	}
	c := driver.Volume{ID: uuid.NewString(), SizeGiB: 5}
	if _, err := d.CloneVolume(t.Context(), c, v); err != nil {
		t.Fatal(err)
	}
	copied, err := d.Device(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	if was, is := allocated(t, path), allocated(t, copied); is > was+1<<20 {
		t.Errorf("the source takes %d bytes, its copy %d", was, is)
	}
}

// A copy that is cancelled half-way stops soon and leaves nothing, and while it runs its file is no stray.
func TestCancelHalfWay(t *testing.T) {
	d := setUp(t, t.TempDir())
	if reflinks(t, d.config.Directory) {
		t.Skip("nothing is copied on this file system")
	}
	v, _ := withData(t, d, 4*directory.ChunkBytes)
	ctx, cancel := context.WithCancel(t.Context())
	chunks, s := 0, snapshotOf(v)
	d.step = func(step string) error {
		if step != "copy" {
			return nil
		}
		if chunks++; chunks == 2 {
			all, err := d.Inventory(t.Context())
			if err != nil || len(all.Strays) != 0 {
				t.Errorf("Inventory during a copy: %v, %v", all, err)
			}
			if err := d.RemoveStray(t.Context(), "snapshots/snapshot-"+s.ID+".tmp"); !fault.Is(err, fault.Busy) {
				t.Errorf("RemoveStray during a copy: %v", err)
			}
			cancel()
		}
		return nil
	}
	_, err := d.CreateSnapshot(ctx, s)
	if !errors.Is(err, context.Canceled) || chunks > 2 {
		t.Errorf("err = %v after %d chunks", err, chunks)
	}
	all, err := d.Inventory(t.Context())
	if err != nil || len(all.SnapshotIDs)+len(all.Strays) != 0 {
		t.Errorf("Inventory = %v, %v", all, err)
	}
}

// A source that is shorter than it should be has lost data; a copy must not hide that behind zeros.
func TestDamagedSourceIsNotCopied(t *testing.T) {
	d := setUp(t, t.TempDir())
	v, path := withData(t, d, 4096)
	if err := os.Truncate(path, 4096); err != nil {
		t.Fatal(err)
	}
	if _, err := d.CreateSnapshot(t.Context(), snapshotOf(v)); !fault.Is(err, fault.Internal) {
		t.Errorf("CreateSnapshot: %v", err)
	}
}

func TestFullStorage(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a small file system")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", dir).CombinedOutput(); err != nil {
		t.Skipf("this machine does not mount tmpfs: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	d := setUp(t, dir)
	v, path := withData(t, d, 2<<20)
	before := allocated(t, path)
	for _, copies := range []func() error{
		func() error { _, err := d.CreateSnapshot(t.Context(), snapshotOf(v)); return err },
		func() error {
			_, err := d.CloneVolume(t.Context(), driver.Volume{ID: uuid.NewString(), SizeGiB: 1}, v)
			return err
		},
	} {
		if err := copies(); !fault.Is(err, fault.OverLimit) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("a copy to full storage: %v", err)
		}
	}
	all, err := d.Inventory(t.Context())
	if err != nil || len(all.VolumeIDs) != 1 || len(all.SnapshotIDs)+len(all.Strays) != 0 || allocated(t, path) != before {
		t.Errorf("Inventory = %v, %v", all, err)
	}
	stats, err := d.Stats(t.Context())
	if err != nil || stats.Pools[0].ProvisionedCapacityGiB != 1 || stats.Pools[0].FreeCapacityGiB > 1.0/1024 {
		t.Errorf("Stats = %+v, %v", stats, err)
	}
}

// A volume that no file system can hold is refused and leaves nothing.
func TestAbsurdlyLargeVolume(t *testing.T) {
	d := setUp(t, t.TempDir())
	v := driver.Volume{ID: uuid.NewString(), SizeGiB: block.MaxSizeGiB}
	_, err := d.CreateVolume(t.Context(), v)
	if err == nil {
		t.Skip("this file system takes it")
	}
	if !fault.Is(err, fault.OverLimit) {
		t.Errorf("CreateVolume: %v", err)
	}
	if all, err := d.Inventory(t.Context()); err != nil || len(all.VolumeIDs) != 0 {
		t.Errorf("Inventory = %v, %v", all, err)
	}
}

// An extend that was done in storage and not yet in the rows must not show up in a copy: what the rows do not know of
// the source reads as zero in a larger copy.
func TestCopyStopsAtTheSizeInTheRows(t *testing.T) {
	check := func(t *testing.T, dir string) {
		d := setUp(t, dir)
		v, path := withData(t, d, 4096)
		if err := d.ExtendVolume(t.Context(), v, 2); err != nil {
			t.Fatal(err)
		}
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte("beyond"), block.GiB); err != nil {
			t.Fatal(err)
		}
		c := driver.Volume{ID: uuid.NewString(), SizeGiB: 3}
		if _, err := d.CloneVolume(t.Context(), c, v); err != nil {
			t.Fatal(err)
		}
		copied, err := os.Open(filepath.Join(d.config.Directory, "volumes", "volume-"+c.ID))
		if err != nil {
			t.Fatal(err)
		}
		defer copied.Close()
		got := make([]byte, 6)
		if _, err := copied.ReadAt(got, block.GiB); err != nil || string(got) != "\x00\x00\x00\x00\x00\x00" {
			t.Errorf("beyond the source's size the copy holds %q, %v", got, err)
		}
	}
	t.Run("copied", func(t *testing.T) { check(t, t.TempDir()) })
	t.Run("reflink", func(t *testing.T) { check(t, mount(t, "xfs")) })
}

// TestNames: what a deployment calls its volumes and snapshots is what the files are called, and what they are found by.
func TestNames(t *testing.T) {
	dir := t.TempDir()
	named := func(c *Config) { c.Names = block.Names{Volumes: "cinder_%s.raw", Snapshots: "%s"} }
	d := setUp(t, dir, named)
	v, path := withData(t, d, 4096)
	s := driver.Snapshot{ID: uuid.NewString(), Volume: v, SizeGiB: 1}
	if _, err := d.CreateSnapshot(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	if want := filepath.Join(dir, "storage", "volumes", "cinder_"+v.ID+".raw"); path != want {
		t.Errorf("the volume is %s, want %s", path, want)
	}
	if _, err := os.Stat(filepath.Join(dir, "storage", "snapshots", s.ID)); err != nil {
		t.Error(err)
	}
	if err := d.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	d = setUp(t, dir, named)
	all, err := d.Inventory(t.Context())
	if err != nil || len(all.VolumeIDs) != 1 || all.VolumeIDs[0] != v.ID || len(all.SnapshotIDs) != 1 || all.SnapshotIDs[0] != s.ID || len(all.Strays) != 0 {
		t.Errorf("%+v, %v", all, err)
	}
	list, err := d.ManageableVolumes(t.Context())
	if err != nil || len(list) != 1 || list[0].ID != v.ID || list[0].Reference.SourceName() != "cinder_"+v.ID+".raw" {
		t.Errorf("%+v, %v", list, err)
	}
	if err := d.Unmanage(t.Context(), v, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := d.ManageExisting(t.Context(), v, driver.Reference{"source-name": "cinder_" + v.ID + ".raw"}); err != nil {
		t.Errorf("its old name is no longer good: %v", err)
	}
	if err := d.DeleteVolume(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the file of a deleted volume: %v", err)
	}
}
