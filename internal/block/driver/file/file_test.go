package file

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/drivertest"
)

// killer stops a driver at a change of storage, and leaves it stopped: what a kill does, seen from the storage.
type killer struct {
	mu    sync.Mutex
	armed bool
	left  int
	dead  bool
}

var errKilled = errors.New("killed")

func (k *killer) step(string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.armed {
		return nil
	}
	if k.left == 0 {
		k.dead = true
	}
	if k.dead {
		return errKilled
	}
	k.left--
	return nil
}

// nobodyWrites is the Freezer of a test in which nobody does.
func nobodyWrites(context.Context, string) (func(), error) { return func() {}, nil }

// harness is for storage below dir, with this seam between (nil for none) every driver and its storage.
func harness(t *testing.T, dir string, seam func(step string) error) drivertest.Harness {
	t.Helper()
	dir = filepath.Join(dir, "storage")
	var d *Driver
	k := &killer{}
	start := func() driver.Driver {
		if d != nil {
			_ = d.Close(context.Background()) // does nothing to storage, but the test must not run out of descriptors
		}
		var err error
		if d, err = New(Config{Directory: dir, Freeze: nobodyWrites}); err != nil {
			t.Fatal(err)
		}
		d.step = func(step string) error {
			if seam != nil {
				if err := seam(step); err != nil {
					return err
				}
			}
			return k.step(step)
		}
		return d
	}
	return drivertest.Harness{
		Driver:  start(),
		Restart: start,
		AddExisting: func(name string, sizeGiB int64, data []byte, snapshot bool) {
			sub := "volumes"
			if snapshot {
				sub = "snapshots"
			}
			path := filepath.Join(dir, sub, name)
			if err := os.WriteFile(path, data, 0o644); err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, sizeGiB*block.GiB); err != nil {
				t.Fatal(err)
			}
		},
		AddImage: func(data []byte) string {
			path := filepath.Join(filepath.Dir(dir), "image")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			return path
		},
		KillAfter: func(changes int) func() (driver.Driver, bool) {
			k.mu.Lock()
			defer k.mu.Unlock()
			k.armed, k.left, k.dead = true, changes, false
			return func() (driver.Driver, bool) {
				k.mu.Lock()
				killed := k.dead
				k.armed, k.dead = false, false
				k.mu.Unlock()
				return start(), killed
			}
		},
	}
}

func TestDriver(t *testing.T) {
	t.Parallel()
	drivertest.Run(t, func(t *testing.T) drivertest.Harness { return harness(t, t.TempDir(), nil) })
}

// On file systems with reflinks everything holds as well.
func TestDriverOnReflinkFileSystems(t *testing.T) {
	t.Parallel()
	for _, fs := range []string{"btrfs", "xfs"} {
		t.Run(fs, func(t *testing.T) {
			t.Parallel()
			dir := mount(t, fs)
			if !reflinks(t, dir) {
				t.Fatalf("no reflinks on %s", fs)
			}
			drivertest.Run(t, func(t *testing.T) drivertest.Harness {
				sub, err := os.MkdirTemp(dir, "test")
				if err != nil {
					t.Fatal(err)
				}
				return harness(t, sub, nil)
			})
		})
	}
}

// mount makes a file system in a file and mounts it, as root where the tools are there; else it skips.
func mount(t testing.TB, fs string) string {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can mount a file system")
	}
	for _, tool := range []string{"mkfs." + fs, "mount", "umount"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("%s is not installed", tool)
		}
	}
	image, dir := filepath.Join(inMemory(t), "image"), t.TempDir()
	if err := os.WriteFile(image, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(image, 1<<30); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.Command("mkfs."+fs, "-q", image).CombinedOutput(); err != nil {
		t.Fatalf("mkfs.%s: %v: %s", fs, err, out)
	}
	if out, err := exec.Command("mount", "-o", "loop", image, dir).CombinedOutput(); err != nil {
		t.Skipf("this machine does not mount %s: %v: %s", fs, err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	return dir
}

// inMemory is a directory whose flushes cost nothing, where there is one with room: a test cannot see what they do.
func inMemory(t testing.TB) string {
	t.Helper()
	var st unix.Statfs_t
	if err := unix.Statfs("/dev/shm", &st); err != nil || st.Bavail*uint64(st.Bsize) < 1<<30 {
		return t.TempDir()
	}
	dir, err := os.MkdirTemp("/dev/shm", "clinker")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// reflinks says whether a file in dir can be cloned.
func reflinks(t testing.TB, dir string) bool {
	t.Helper()
	var files [2]*os.File
	for i := range files {
		f, err := os.CreateTemp(dir, "reflink")
		if err != nil {
			t.Fatal(err)
		}
		defer os.Remove(f.Name())
		defer f.Close()
		if _, err := f.Write(make([]byte, 8192)); err != nil {
			t.Fatal(err)
		}
		files[i] = f
	}
	return unix.IoctlFileClone(int(files[0].Fd()), int(files[1].Fd())) == nil
}
