package file

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

func TestFreezeErrorFailsTheSnapshot(t *testing.T) {
	refusal := fault.New(fault.Timeout, "", "writes do not stop")
	d := setUp(t, t.TempDir(), func(c *Config) {
		c.Freeze = func(context.Context, string) (func(), error) { return nil, refusal }
	})
	if reflinks(t, d.config.Directory) {
		t.Skip("nothing is frozen on this file system")
	}
	v, _ := withData(t, d, 4096)
	if _, err := d.CreateSnapshot(t.Context(), snapshotOf(v)); !errors.Is(err, refusal) {
		t.Errorf("CreateSnapshot: %v", err)
	}
	all, err := d.Inventory(t.Context())
	if err != nil || len(all.SnapshotIDs)+len(all.Strays) != 0 {
		t.Errorf("Inventory = %v, %v", all, err)
	}
}

// While a writer counts up in a page at the front and then in one at the back, every snapshot must show the two at most
// one apart: a picture of one instant. Here writes are held back during the copy; below, reflinks need no such help.
func TestSnapshotOfAVolumeInUse(t *testing.T) {
	var writes sync.RWMutex
	frozen := 0
	d := setUp(t, t.TempDir(), func(c *Config) {
		c.Freeze = func(context.Context, string) (func(), error) {
			writes.Lock()
			frozen++
			return sync.OnceFunc(writes.Unlock), nil
		}
	})
	snapshotsInUse(t, d, &writes)
	if frozen == 0 && !reflinks(t, d.config.Directory) {
		t.Error("writes were never held back")
	}
}

func TestReflinkSnapshotOfAVolumeInUse(t *testing.T) {
	for _, fs := range []string{"btrfs", "xfs"} {
		t.Run(fs, func(t *testing.T) {
			dir := mount(t, fs)
			var unused sync.RWMutex
			snapshotsInUse(t, setUp(t, dir, func(c *Config) {
				c.Freeze = func(context.Context, string) (func(), error) {
					t.Error("a reflink held writes back")
					return func() {}, nil
				}
			}), &unused)
		})
	}
}

func snapshotsInUse(t *testing.T, d *Driver, writes *sync.RWMutex) {
	t.Helper()
	v, path := withData(t, d, 1<<20)
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	offsets := [2]int64{0, block.GiB - 8}
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	if _, err := f.WriteAt(make([]byte, 8), 0); err != nil {
		t.Fatal(err)
	}
	wg.Go(func() {
		for n := uint64(1); !stop.Load(); n++ {
			for _, offset := range offsets {
				writes.RLock()
				_, err := f.WriteAt(binary.BigEndian.AppendUint64(nil, n), offset)
				writes.RUnlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 20 {
		s := snapshotOf(v)
		if _, err := d.CreateSnapshot(t.Context(), s); err != nil {
			t.Fatal(err)
		}
		picture, err := os.Open(filepath.Join(d.config.Directory, "snapshots", "snapshot-"+s.ID))
		if err != nil {
			t.Fatal(err)
		}
		var at [2]uint64
		for i, offset := range offsets {
			var p [8]byte
			if _, err := picture.ReadAt(p[:], offset); err != nil {
				t.Fatal(err)
			}
			at[i] = binary.BigEndian.Uint64(p[:])
		}
		picture.Close()
		if at[0] != at[1] && at[0] != at[1]+1 {
			t.Errorf("the snapshot shows %d at the front and %d at the back", at[0], at[1])
		}
	}
}

// While a writer counts up in one volume and then in another, every snapshot of the two as a group must show them at most one
// apart. Each volume alone is frozen by a lock of its own.
func TestGroupSnapshotOfVolumesInUse(t *testing.T) {
	var locks sync.Map
	lock := func(id string) *sync.RWMutex {
		l, _ := locks.LoadOrStore(id, &sync.RWMutex{})
		return l.(*sync.RWMutex)
	}
	d := setUp(t, t.TempDir(), func(c *Config) {
		c.Freeze = func(_ context.Context, id string) (func(), error) {
			lock(id).Lock()
			return lock(id).Unlock, nil
		}
	})
	var volumes [2]driver.Volume
	var files [2]*os.File
	for i := range volumes {
		v, path := withData(t, d, 64<<10)
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt(make([]byte, 8), 0); err != nil {
			t.Fatal(err)
		}
		volumes[i], files[i] = v, f
	}
	var stop atomic.Bool
	var wg sync.WaitGroup
	defer wg.Wait()
	defer stop.Store(true)
	wg.Go(func() {
		for n := uint64(1); !stop.Load(); n++ {
			for i, f := range files {
				lock(volumes[i].ID).RLock()
				_, err := f.WriteAt(binary.BigEndian.AppendUint64(nil, n), 0)
				lock(volumes[i].ID).RUnlock()
				if err != nil {
					t.Error(err)
					return
				}
			}
		}
	})
	for range 30 {
		pair := []driver.Snapshot{snapshotOf(volumes[0]), snapshotOf(volumes[1])}
		if _, err := d.CreateGroupSnapshot(t.Context(), pair); err != nil {
			t.Fatal(err)
		}
		var counts [2]uint64
		for i, s := range pair {
			f, err := os.Open(filepath.Join(d.config.Directory, "snapshots", "snapshot-"+s.ID))
			if err != nil {
				t.Fatal(err)
			}
			if err := binary.Read(f, binary.BigEndian, &counts[i]); err != nil {
				t.Fatal(err)
			}
			_ = f.Close()
		}
		if counts[0] != counts[1] && counts[0] != counts[1]+1 {
			t.Fatalf("the pictures are of two instants: %v", counts)
		}
	}
}

// A freeze that fails leaves nothing frozen and nothing behind, and without a Freezer there is no promise.
func TestGroupSnapshotThatCannotFreeze(t *testing.T) {
	refusal := fault.New(fault.Timeout, "", "writes do not stop")
	frozen, calls := 0, 0
	d := setUp(t, t.TempDir(), func(c *Config) {
		c.Freeze = func(context.Context, string) (func(), error) {
			if calls++; calls == 2 {
				return nil, refusal
			}
			frozen++
			return func() { frozen-- }, nil
		}
	})
	v, _ := withData(t, d, 4096)
	w, _ := withData(t, d, 4096)
	if _, err := d.CreateGroupSnapshot(t.Context(), []driver.Snapshot{snapshotOf(v), snapshotOf(w)}); !errors.Is(err, refusal) || frozen != 0 {
		t.Errorf("%v, with %d frozen", err, frozen)
	}
	all, err := d.Inventory(t.Context())
	if err != nil || len(all.SnapshotIDs)+len(all.Strays) != 0 {
		t.Errorf("Inventory = %v, %v", all, err)
	}
	d = setUp(t, t.TempDir())
	stats, err := d.Stats(t.Context())
	if err != nil || stats.Pools[0].ConsistentGroupSnapshots {
		t.Errorf("without a Freezer: %+v, %v", stats.Pools, err)
	}
	if _, err := d.CreateGroupSnapshot(t.Context(), nil); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("without a Freezer: %v", err)
	}
}
