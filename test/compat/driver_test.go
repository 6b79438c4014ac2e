package compat

import (
	"context"

	"github.com/clinker/clinker/internal/block/driver"
	fakedriver "github.com/clinker/clinker/internal/block/driver/fake"
)

// recordedDriver is what record/compat_driver.py is to Cinder: a driver that finds whatever it is asked to manage, and lists
// the same volume and the same snapshot to whoever asks. What the API makes of that can then be compared.
type recordedDriver struct{ *fakedriver.Driver }

var (
	_ driver.VolumeAdopter   = recordedDriver{}
	_ driver.SnapshotAdopter = recordedDriver{}
)

// What is there to be managed.
const found, foundSnapshot = "found", "found-snap"

// Stats implements driver.Driver.
func (d recordedDriver) Stats(ctx context.Context) (driver.Stats, error) {
	s, err := d.Driver.Stats(ctx)
	s.VendorName, s.DriverVersion = "Open Source", "3.0.0" // of the driver it stands on
	return s, err
}

// ManageExistingGetSize implements driver.VolumeAdopter.
func (d recordedDriver) ManageExistingGetSize(ctx context.Context, v driver.Volume, ref driver.Reference) (int64, error) {
	if ref.SourceName() != "" {
		d.AddExisting(ref.SourceName(), 1, false)
	}
	return d.Driver.ManageExistingGetSize(ctx, v, ref)
}

// ManageableVolumes implements driver.VolumeAdopter.
func (d recordedDriver) ManageableVolumes(context.Context) ([]driver.Existing, error) {
	return []driver.Existing{{Reference: driver.Reference{"source-name": found}, SizeGiB: 1}}, nil
}

// ManageExistingSnapshotGetSize implements driver.SnapshotAdopter.
func (d recordedDriver) ManageExistingSnapshotGetSize(ctx context.Context, s driver.Snapshot, ref driver.Reference) (int64, error) {
	if ref.SourceName() != "" {
		d.AddExisting(ref.SourceName(), 1, true)
	}
	return d.Driver.ManageExistingSnapshotGetSize(ctx, s, ref)
}

// ManageableSnapshots implements driver.SnapshotAdopter.
func (d recordedDriver) ManageableSnapshots(context.Context) ([]driver.Existing, error) {
	return []driver.Existing{{Reference: driver.Reference{"source-name": foundSnapshot}, SizeGiB: 1,
		Source: driver.Reference{"source-name": found}}}, nil
}
