package file

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

// Only a file of our own, with one name, that lies in the directory itself, is managed; it is grown to whole GiB.
func TestManageOnlyWhatIsSafe(t *testing.T) {
	dir := t.TempDir()
	d := setUp(t, dir)
	volumes := filepath.Join(dir, "storage", "volumes")
	outside := filepath.Join(dir, "outside")
	for _, name := range []string{outside, filepath.Join(volumes, "good"), filepath.Join(volumes, "twice"), filepath.Join(volumes, "open")} {
		if err := os.WriteFile(name, []byte("precious"), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	v := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
	for name, prepare := range map[string]func(path string) error{
		"link":      func(path string) error { return os.Symlink(outside, path) },
		"twice2":    func(path string) error { return os.Link(filepath.Join(volumes, "twice"), path) },
		"directory": func(path string) error { return os.Mkdir(path, 0o700) },
		"empty":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
	} {
		if err := prepare(filepath.Join(volumes, name)); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ManageExisting(t.Context(), v, driver.Reference{"source-name": name}); fault.NameOf(err) != "ManageExistingInvalidReference" {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := d.ManageExistingGetSize(t.Context(), v, driver.Reference{"source-name": name}); fault.NameOf(err) != "ManageExistingInvalidReference" {
			t.Errorf("the size of %s: %v", name, err)
		}
	}
	list, err := d.ManageableVolumes(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	unfit := map[string]bool{}
	for _, e := range list {
		unfit[e.Reference.SourceName()] = e.Unfit != ""
	}
	for name, want := range map[string]bool{"good": false, "link": true, "twice": true, "twice2": true, "directory": true, "empty": true} {
		if got, there := unfit[name]; !there || got != want {
			t.Errorf("%s: listed %v, unfit %v", name, there, got)
		}
	}

	before, err := d.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.ManageExisting(t.Context(), v, driver.Reference{"source-name": "good"}); err != nil {
		t.Fatal(err)
	}
	path, err := d.Device(t.Context(), v)
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Size() != block.GiB || info.Mode().Perm() != 0o600 {
		t.Errorf("the volume is %d bytes long with mode %v, %v", info.Size(), info.Mode(), err)
	}
	after, err := d.Stats(t.Context())
	if err != nil || after.Pools[0].ProvisionedCapacityGiB != before.Pools[0].ProvisionedCapacityGiB+1 {
		t.Errorf("provisioned: %g GiB before, %g after; %v", before.Pools[0].ProvisionedCapacityGiB, after.Pools[0].ProvisionedCapacityGiB, err)
	}
	if got, err := os.ReadFile(outside); err != nil || string(got) != "precious" {
		t.Errorf("the file outside holds %q, %v", got, err)
	}
	// Let go of, it has another name; the one it had as a volume finds it.
	if err := d.Unmanage(t.Context(), v, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(volumes, "unmanaged-volume-"+v.ID)); err != nil {
		t.Error(err)
	}
	again := driver.Volume{ID: uuid.NewString(), SizeGiB: 1}
	if _, err := d.ManageExisting(t.Context(), again, driver.Reference{"source-name": "volume-" + v.ID}); err != nil {
		t.Error(err)
	}
	// A name that is taken meanwhile is left alone.
	if err := d.Unmanage(t.Context(), again, driver.Reference{"source-name": "open"}); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(volumes, "open")); err != nil || string(got) != "precious" {
		t.Errorf("the file in the way holds %q, %v", got, err)
	}
	if _, err := os.Stat(filepath.Join(volumes, "unmanaged-volume-"+again.ID)); err != nil {
		t.Error(err)
	}
	if _, err := d.ManageExisting(t.Context(), v, driver.Reference{"source-name": strings.Repeat("x", 300)}); !fault.Is(err, fault.Invalid) {
		t.Errorf("a long name: %v", err)
	}
}
