// Package fake is a driver that stores nothing but names, in memory: for tests and benchmarks of everything above a
// driver, and for trying out a cloud without storage. Its volumes have a path that leads nowhere, unless a test wants it to
// lead somewhere.
package fake

import (
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

// Driver is the fake. It is safe for concurrent use; make one with New.
type Driver struct {
	mu        sync.Mutex
	volumes   map[string]int64  // size in GiB by id
	snapshots map[string]string // volume id by id
	strays    map[string]bool
	existing  map[existingKey]int64 // what is not ours, its size in GiB
	stats     driver.Stats
	hook      Hook
	calls     []Call
	reach     map[string]*Driver // where volumes can be moved to, by location
	believing bool               // whatever it is asked about is there
	names     block.Names
	directory string // of files that volumes have for their bytes; empty: they have none
}

// Call is one call of a verb, in upstream's words as driver.Operation has it.
type Call struct {
	Verb string
	ID   string // of the volume or snapshot that is made, changed or removed; empty where there is none
}

// Hook is called before every verb but Close and may do anything that a storage does to a test: fail, wait for ctx, wait
// for the test. An error that it returns is the verb's, and the verb does nothing.
type Hook func(ctx context.Context, call Call) error

var (
	_ driver.Driver      = (*Driver)(nil)
	_ driver.LocalDevice = (*Driver)(nil)
	_ driver.Reverter    = (*Driver)(nil)
	_ driver.Sweeper     = (*Driver)(nil)
	_ driver.Retyper     = (*Driver)(nil)
	_ driver.Renamer     = (*Driver)(nil)
	_ driver.Migrator    = (*Driver)(nil)

	_ driver.VolumeAdopter   = (*Driver)(nil)
	_ driver.SnapshotAdopter = (*Driver)(nil)

	_ driver.GroupSnapshotter = (*Driver)(nil)
	_ driver.GroupReplicator  = (*Driver)(nil)
)

// maxCalls bounds what Calls remembers; a benchmark makes more.
const maxCalls = 10_000

// New makes a driver with one nameless pool of unlimited capacity.
func New() *Driver {
	return &Driver{
		volumes: map[string]int64{}, snapshots: map[string]string{}, strays: map[string]bool{}, existing: map[existingKey]int64{}, names: block.DefaultNames(),
		stats: driver.Stats{VendorName: "Clinker", DriverVersion: "1.0", Pools: []driver.Pool{{
			TotalCapacityGiB: driver.Infinite, FreeCapacityGiB: driver.Infinite, ProvisionedCapacityGiB: driver.Unknown,
			ThinProvisioning: true, Multiattach: true, OnlineExtend: true, ConsistentGroupSnapshots: true,
		}}},
	}
}

// Entry is the driver's place in a registry. The dotted names are those of upstream's own fakes; as these do, a driver made
// so believes that what it is asked about is there: it may have been made before the service was started, or by another.
func Entry() driver.Entry {
	return driver.Entry{
		Names: []string{
			"fake", "cinder.tests.fake_driver.FakeLoggingVolumeDriver", "cinder.tests.fake_driver.FakeGateDriver",
		},
		ActiveActive: true, // it stores nothing that could be spoilt
		Summary:      "nothing: remembers names in memory, for tests and trials",
		New: func(c driver.Config) (driver.Driver, error) {
			d := New()
			d.believing, d.names = true, c.Names.OrDefault()
			return d, nil
		},
	}
}

// SetHook sets what is called before every verb; nil ends it.
func (d *Driver) SetHook(h Hook) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.hook = h
}

// SetDirectory makes the paths of volumes lead to sparse files in this directory, which come into being when they are asked
// for. No verb but Device knows of them.
func (d *Driver) SetDirectory(path string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.directory = path
}

// FailNext makes the next call of the verb fail with err, and only that one. It replaces the hook.
func (d *Driver) FailNext(verb string, err error) {
	var once sync.Once
	d.SetHook(func(_ context.Context, c Call) error {
		var failure error
		if c.Verb == verb {
			once.Do(func() { failure = err })
		}
		return failure
	})
}

// SetStats sets what Stats reports.
func (d *Driver) SetStats(s driver.Stats) {
	d.mu.Lock()
	defer d.mu.Unlock()
	s.Pools = slices.Clone(s.Pools)
	d.stats = s
}

// AddStray makes the inventory list a stray of this name.
func (d *Driver) AddStray(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.strays[name] = true
}

// Calls is the calls that came so far, oldest first; after ten thousand the later ones are not remembered.
func (d *Driver) Calls() []Call {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// VolumeSizeGiB is the size of a volume; ok is false if there is none of this id.
func (d *Driver) VolumeSizeGiB(id string) (sizeGiB int64, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	sizeGiB, ok = d.volumes[id]
	return sizeGiB, ok
}

// do is what all verbs have in common; change runs with the lock held.
func (d *Driver) do(ctx context.Context, verb, id string, change func() error) error {
	call := Call{Verb: verb, ID: id}
	d.mu.Lock()
	hook := d.hook
	if len(d.calls) < maxCalls {
		d.calls = append(d.calls, call)
	}
	d.mu.Unlock()
	if hook != nil {
		if err := hook(ctx, call); err != nil {
			return err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	return change()
}

// Setup implements driver.Driver.
func (d *Driver) Setup(ctx context.Context) error {
	return d.do(ctx, "do_setup", "", func() error { return nil })
}

// Close implements driver.Driver.
func (d *Driver) Close(context.Context) error { return nil }

// Stats implements driver.Driver.
func (d *Driver) Stats(ctx context.Context) (driver.Stats, error) {
	var s driver.Stats
	err := d.do(ctx, "get_volume_stats", "", func() error {
		s = d.stats
		s.Pools = slices.Clone(s.Pools)
		return nil
	})
	return s, err
}

// CreateVolume implements driver.Driver.
func (d *Driver) CreateVolume(ctx context.Context, v driver.Volume) (driver.Update, error) {
	return driver.Update{}, d.do(ctx, "create_volume", v.ID, func() error {
		d.add(v)
		return nil
	})
}

// DeleteVolume implements driver.Driver.
func (d *Driver) DeleteVolume(ctx context.Context, v driver.Volume) error {
	return d.do(ctx, "delete_volume", v.ID, func() error {
		delete(d.volumes, v.ID)
		return nil
	})
}

// ExtendVolume implements driver.Driver.
func (d *Driver) ExtendVolume(ctx context.Context, v driver.Volume, newSizeGiB int64) error {
	return d.do(ctx, "extend_volume", v.ID, func() error {
		if err := d.needVolume(v); err != nil {
			return err
		}
		d.volumes[v.ID] = max(d.volumes[v.ID], newSizeGiB)
		return nil
	})
}

// CreateSnapshot implements driver.Driver.
func (d *Driver) CreateSnapshot(ctx context.Context, s driver.Snapshot) (driver.Update, error) {
	return driver.Update{}, d.do(ctx, "create_snapshot", s.ID, func() error {
		if _, done := d.snapshots[s.ID]; done {
			return nil
		}
		if err := d.needVolume(s.Volume); err != nil {
			return err
		}
		d.snapshots[s.ID] = s.Volume.ID
		return nil
	})
}

// DeleteSnapshot implements driver.Driver.
func (d *Driver) DeleteSnapshot(ctx context.Context, s driver.Snapshot) error {
	return d.do(ctx, "delete_snapshot", s.ID, func() error {
		delete(d.snapshots, s.ID)
		return nil
	})
}

// CreateVolumeFromSnapshot implements driver.Driver.
func (d *Driver) CreateVolumeFromSnapshot(ctx context.Context, v driver.Volume, s driver.Snapshot) (driver.Update, error) {
	return driver.Update{}, d.do(ctx, "create_volume_from_snapshot", v.ID, func() error {
		if _, done := d.volumes[v.ID]; done {
			return nil
		}
		if err := d.needSnapshot(s); err != nil {
			return err
		}
		d.add(v)
		return nil
	})
}

// CloneVolume implements driver.Driver.
func (d *Driver) CloneVolume(ctx context.Context, v, source driver.Volume) (driver.Update, error) {
	return driver.Update{}, d.do(ctx, "create_cloned_volume", v.ID, func() error {
		if _, done := d.volumes[v.ID]; done {
			return nil
		}
		if err := d.needVolume(source); err != nil {
			return err
		}
		d.add(v)
		return nil
	})
}

// RevertToSnapshot implements driver.Reverter.
func (d *Driver) RevertToSnapshot(ctx context.Context, v driver.Volume, s driver.Snapshot) error {
	return d.do(ctx, "revert_to_snapshot", v.ID, func() error {
		if err := d.needVolume(v); err != nil {
			return err
		}
		return d.needSnapshot(s)
	})
}

// Device implements driver.LocalDevice. The path leads nowhere, or where SetDirectory says.
func (d *Driver) Device(ctx context.Context, v driver.Volume) (path string, err error) {
	err = d.do(ctx, "local_path", v.ID, func() error {
		if err := d.needVolume(v); err != nil {
			return err
		}
		if d.directory == "" {
			path = "/nonexistent/clinker-fake/" + d.names.Volumes.Name(v.ID)
			return nil
		}
		path = filepath.Join(d.directory, d.names.Volumes.Name(v.ID))
		f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600)
		if err != nil {
			return err
		}
		return errors.Join(f.Truncate(d.volumes[v.ID]*block.GiB), f.Close())
	})
	if err != nil {
		return "", err
	}
	return path, nil
}

// Inventory implements driver.Driver.
func (d *Driver) Inventory(ctx context.Context) (driver.Inventory, error) {
	var all driver.Inventory
	err := d.do(ctx, "inventory", "", func() error {
		all.VolumeIDs = slices.Collect(maps.Keys(d.volumes))
		all.SnapshotIDs = slices.Collect(maps.Keys(d.snapshots))
		all.Strays = slices.Collect(maps.Keys(d.strays))
		return nil
	})
	return all, err
}

// RemoveStray implements driver.Sweeper.
func (d *Driver) RemoveStray(ctx context.Context, name string) error {
	return d.do(ctx, "remove_stray", "", func() error {
		delete(d.strays, name)
		return nil
	})
}

// add keeps the size that a volume has already.
func (d *Driver) add(v driver.Volume) {
	if _, done := d.volumes[v.ID]; !done {
		d.volumes[v.ID] = min(v.SizeGiB, block.MaxSizeGiB)
	}
}

func (d *Driver) needVolume(v driver.Volume) error {
	if d.believing {
		d.add(v)
	}
	if _, ok := d.volumes[v.ID]; !ok {
		return fault.New(fault.NotFound, "VolumeNotFound", "Volume %s could not be found.", v.ID)
	}
	return nil
}

func (d *Driver) needSnapshot(s driver.Snapshot) error {
	if _, ok := d.snapshots[s.ID]; !ok && d.believing {
		d.snapshots[s.ID] = s.Volume.ID
	}
	if _, ok := d.snapshots[s.ID]; !ok {
		return fault.New(fault.NotFound, "SnapshotNotFound", "Snapshot %s could not be found.", s.ID)
	}
	return nil
}
