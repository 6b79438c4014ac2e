package fake

import (
	"context"

	"github.com/clinker/clinker/internal/block/driver"
)

// AddExisting puts something into the storage that can be managed as a volume, or with snapshot as a snapshot.
func (d *Driver) AddExisting(name string, sizeGiB int64, snapshot bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.existing[existingKey{name, snapshot}] = sizeGiB
}

type existingKey struct {
	name     string
	snapshot bool
}

// find is the size of what a reference names.
func (d *Driver) find(ref driver.Reference, snapshot bool) (int64, error) {
	if ref.SourceName() == "" {
		return 0, driver.InvalidReference(ref, "Reference must contain source-name element.")
	}
	size, ok := d.existing[existingKey{ref.SourceName(), snapshot}]
	if !ok {
		return 0, driver.InvalidReference(ref, "It does not exist.")
	}
	return size, nil
}

// ManageExistingGetSize implements driver.VolumeAdopter.
func (d *Driver) ManageExistingGetSize(ctx context.Context, v driver.Volume, ref driver.Reference) (size int64, err error) {
	err = d.do(ctx, "manage_existing_get_size", v.ID, func() (err error) {
		if have, done := d.volumes[v.ID]; done {
			size = have
			return nil
		}
		size, err = d.find(ref, false)
		return err
	})
	return size, err
}

// ManageExisting implements driver.VolumeAdopter.
func (d *Driver) ManageExisting(ctx context.Context, v driver.Volume, ref driver.Reference) (driver.Update, error) {
	return driver.Update{}, d.do(ctx, "manage_existing", v.ID, func() error {
		if _, done := d.volumes[v.ID]; done {
			return nil
		}
		if _, err := d.find(ref, false); err != nil {
			return err
		}
		delete(d.existing, existingKey{ref.SourceName(), false})
		d.add(v)
		return nil
	})
}

// Unmanage implements driver.VolumeAdopter.
func (d *Driver) Unmanage(ctx context.Context, v driver.Volume, ref driver.Reference) error {
	return d.do(ctx, "unmanage", v.ID, func() error {
		if size, there := d.volumes[v.ID]; there {
			d.existing[existingKey{nameOr(ref, d.names.Volumes.Name(v.ID)), false}] = size
			delete(d.volumes, v.ID)
		}
		return nil
	})
}

func nameOr(ref driver.Reference, name string) string {
	if given := ref.SourceName(); given != "" {
		return given
	}
	return "unmanaged-" + name
}

// ManageableVolumes implements driver.VolumeAdopter.
func (d *Driver) ManageableVolumes(ctx context.Context) (list []driver.Existing, err error) {
	err = d.do(ctx, "get_manageable_volumes", "", func() error {
		for id, size := range d.volumes {
			list = append(list, driver.Existing{Reference: driver.Reference{"source-name": d.names.Volumes.Name(id)}, SizeGiB: size, ID: id})
		}
		list = append(list, d.strangers(false)...)
		return nil
	})
	return list, err
}

func (d *Driver) strangers(snapshot bool) (list []driver.Existing) {
	for key, size := range d.existing {
		if key.snapshot == snapshot {
			list = append(list, driver.Existing{Reference: driver.Reference{"source-name": key.name}, SizeGiB: size})
		}
	}
	return list
}

// ManageExistingSnapshotGetSize implements driver.SnapshotAdopter.
func (d *Driver) ManageExistingSnapshotGetSize(ctx context.Context, s driver.Snapshot, ref driver.Reference) (size int64, err error) {
	err = d.do(ctx, "manage_existing_snapshot_get_size", s.ID, func() (err error) {
		if _, done := d.snapshots[s.ID]; done {
			size = s.SizeGiB
			return nil
		}
		size, err = d.find(ref, true)
		return err
	})
	return size, err
}

// ManageExistingSnapshot implements driver.SnapshotAdopter.
func (d *Driver) ManageExistingSnapshot(ctx context.Context, s driver.Snapshot, ref driver.Reference) (driver.Update, error) {
	return driver.Update{}, d.do(ctx, "manage_existing_snapshot", s.ID, func() error {
		if _, done := d.snapshots[s.ID]; done {
			return nil
		}
		if _, err := d.find(ref, true); err != nil {
			return err
		}
		delete(d.existing, existingKey{ref.SourceName(), true})
		d.snapshots[s.ID] = s.Volume.ID
		return nil
	})
}

// UnmanageSnapshot implements driver.SnapshotAdopter.
func (d *Driver) UnmanageSnapshot(ctx context.Context, s driver.Snapshot, ref driver.Reference) error {
	return d.do(ctx, "unmanage_snapshot", s.ID, func() error {
		if _, there := d.snapshots[s.ID]; there {
			d.existing[existingKey{nameOr(ref, d.names.Snapshots.Name(s.ID)), true}] = s.SizeGiB
			delete(d.snapshots, s.ID)
		}
		return nil
	})
}

// ManageableSnapshots implements driver.SnapshotAdopter.
func (d *Driver) ManageableSnapshots(ctx context.Context) (list []driver.Existing, err error) {
	err = d.do(ctx, "get_manageable_snapshots", "", func() error {
		for id, volume := range d.snapshots {
			list = append(list, driver.Existing{Reference: driver.Reference{"source-name": d.names.Snapshots.Name(id)}, SizeGiB: d.volumes[volume], ID: id,
				Source: driver.Reference{"source-name": d.names.Volumes.Name(volume)}})
		}
		list = append(list, d.strangers(true)...)
		return nil
	})
	return list, err
}
