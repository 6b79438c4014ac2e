package file

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

func location(t *testing.T, d *Driver) string {
	t.Helper()
	stats, err := d.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats.Pools[0].Location
}

func provisioned(t *testing.T, d *Driver) float64 {
	t.Helper()
	stats, err := d.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return stats.Pools[0].ProvisionedCapacityGiB
}

// TestMigrateVolume: within one file system a volume is in the other directory at once, and whole, whatever becomes of the
// first one.
func TestMigrateVolume(t *testing.T) {
	dir := t.TempDir()
	a, b := setUp(t, filepath.Join(dir, "a")), setUp(t, filepath.Join(dir, "b"))
	v, _ := withData(t, a, 1<<20)
	made := driver.Volume{ID: uuid.NewString(), SizeGiB: v.SizeGiB}
	for range 2 {
		if done, _, err := a.MigrateVolume(t.Context(), v, made.ID, location(t, b)); !done || err != nil {
			t.Fatalf("MigrateVolume: %v, %v", done, err)
		}
	}
	path, err := a.Device(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if done, _, err := b.RenameVolume(t.Context(), made, v.ID); !done || err != nil {
		t.Fatalf("RenameVolume: %v, %v", done, err)
	}
	if err := a.DeleteVolume(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	if path, err = b.Device(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if err != nil || string(got) != string(want) {
		t.Errorf("the volume that was moved differs: %v", err)
	}
	if was, is := provisioned(t, a), provisioned(t, b); was != 0 || is != 1 {
		t.Errorf("%v GiB are provisioned where it was, %v where it is", was, is)
	}
	if _, _, err := a.MigrateVolume(t.Context(), v, made.ID, location(t, b)); !fault.Is(err, fault.NotFound) {
		t.Errorf("moving a volume that is gone: %v", err)
	}
}

// TestMigrateOutOfReach: storage elsewhere, and above all our own under another name, is left to a copy.
func TestMigrateOutOfReach(t *testing.T) {
	dir := t.TempDir()
	a, b := setUp(t, filepath.Join(dir, "a")), setUp(t, filepath.Join(dir, "b"))
	v, _ := withData(t, a, 4096)
	there := location(t, b)
	part := strings.SplitN(there, ":", 5)
	with := func(i int, text string) string {
		changed := append([]string(nil), part...)
		changed[i] = text
		return strings.Join(changed, ":")
	}
	open := filepath.Join(dir, "open")
	if err := errors.Join(os.MkdirAll(filepath.Join(open, "volumes"), 0o700), os.Chmod(filepath.Join(open, "volumes"), 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join(dir, "a", "storage"), filepath.Join(dir, "alias")); err != nil {
		t.Fatal(err)
	}
	own := strings.SplitN(location(t, a), ":", 5)
	for what, location := range map[string]string{
		"nothing": "", "another driver's": "LVMVolumeDriver:host:vg:default:0", "another machine's": with(1, "elsewhere"),
		"another file system's": with(2, "1"), "another directory's": with(3, "1"), "no absolute path": with(4, "storage"),
		"a path that is not there": with(4, "/nonexistent"), "one that others may write to": with(4, open), "its own": location(t, a),
		"its own by another path": strings.Join(append(own[:4:4], filepath.Join(dir, "alias")), ":"),
	} {
		if done, _, err := a.MigrateVolume(t.Context(), v, uuid.NewString(), location); done || err != nil {
			t.Errorf("to %s: %v, %v", what, done, err)
		}
	}
	taken := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
	if _, err := b.CreateVolume(t.Context(), taken); err != nil {
		t.Fatal(err)
	}
	if done, _, err := a.MigrateVolume(t.Context(), v, taken.ID, there); done || err != nil {
		t.Errorf("to an id that is taken: %v, %v", done, err)
	}
	names, err := os.ReadDir(filepath.Join(dir, "a", "storage", "volumes"))
	if err != nil || len(names) != 1 {
		t.Errorf("the storage holds %v, %v", names, err)
	}
	if _, err := os.Lstat(filepath.Join(open, "volumes", "volume-"+v.ID)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something was put where others may write: %v", err)
	}
}

// TestMigrateToAnotherFileSystem: there a copy has to do.
func TestMigrateToAnotherFileSystem(t *testing.T) {
	a, b := setUp(t, t.TempDir()), setUp(t, mount(t, "xfs"))
	v, _ := withData(t, a, 4096)
	if done, _, err := a.MigrateVolume(t.Context(), v, uuid.NewString(), location(t, b)); done || err != nil {
		t.Errorf("MigrateVolume: %v, %v", done, err)
	}
}
