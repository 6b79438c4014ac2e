package driver

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/fault"
)

// Reference is what an operator says to name something that storage holds: JSON values, of which every driver of ours
// reads "source-name".
type Reference map[string]any

// SourceName is the reference's source-name, empty if it has none.
func (r Reference) SourceName() string {
	name, _ := r["source-name"].(string)
	return name
}

// Existing is something in storage that is a volume or snapshot under management, or could be one.
type Existing struct {
	Reference Reference
	SizeGiB   int64     // rounded up
	ID        string    // the id that its name carries, if that is a name of ours; whether it is in use, only rows tell
	Unfit     string    // why it cannot be managed; empty if it can
	Source    Reference // of a snapshot: what it was taken of, nil if the storage does not know
}

// VolumeAdopter is implemented by drivers that take volumes which exist in storage under management, and let go of them.
// A reference that names nothing fit is a fault.Invalid ManageExistingInvalidReference. The verbs belong together: what
// manages must be able to undo it.
type VolumeAdopter interface {
	// ManageExistingGetSize is the size that what the reference names will have as a volume; it changes nothing.
	ManageExistingGetSize(ctx context.Context, v Volume, ref Reference) (sizeGiB int64, err error)
	// ManageExisting makes what the reference names the volume v, of v.SizeGiB. Its bytes stay; what it lacks reads as zero.
	ManageExisting(ctx context.Context, v Volume, ref Reference) (Update, error)
	// Unmanage lets go of v and keeps its bytes, under the name of ref, or where ref is nil or its name is taken, under one
	// that no volume of ours can have. A volume that is gone is no error.
	Unmanage(ctx context.Context, v Volume, ref Reference) error
	// ManageableVolumes lists what the storage holds, managed or not, in no order.
	ManageableVolumes(ctx context.Context) ([]Existing, error)
}

// SnapshotAdopter is VolumeAdopter for snapshots.
type SnapshotAdopter interface {
	ManageExistingSnapshotGetSize(ctx context.Context, s Snapshot, ref Reference) (sizeGiB int64, err error)
	ManageExistingSnapshot(ctx context.Context, s Snapshot, ref Reference) (Update, error)
	UnmanageSnapshot(ctx context.Context, s Snapshot, ref Reference) error
	ManageableSnapshots(ctx context.Context) ([]Existing, error)
}

// InvalidReference refuses a reference, in upstream's words.
func InvalidReference(ref Reference, format string, args ...any) *fault.Error {
	reason := fault.New(fault.Invalid, "", format, args...).Text
	return fault.New(fault.Invalid, "ManageExistingInvalidReference",
		"Manage existing volume failed due to invalid backend reference %.255s: %s", ref.SourceName(), reason)
}

// ManageExistingGetSize is the size that what ref names will have as the volume v; fault.NotImplemented where nothing can be
// managed.
func (b *Backend) ManageExistingGetSize(ctx context.Context, v Volume, ref Reference) (sizeGiB int64, err error) {
	c := b.onVolume("manage_existing_get_size", v.ID, volumeLock(v.ID))
	c.lacking = !b.features.VolumeAdopter
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		sizeGiB, err = b.optional.volumeAdopter.ManageExistingGetSize(ctx, v, ref)
		return err
	})
	return sizeGiB, err
}

// ManageExisting makes what ref names the volume v.
func (b *Backend) ManageExisting(ctx context.Context, v Volume, ref Reference) (Update, error) {
	c := b.onVolume("manage_existing", v.ID, volumeLock(v.ID))
	c.lacking = !b.features.VolumeAdopter
	c.check = func() error { return checkVolume(v) }
	return update(ctx, b, c, func(ctx context.Context) (Update, error) { return b.optional.volumeAdopter.ManageExisting(ctx, v, ref) })
}

// Unmanage lets go of a volume and keeps its bytes. Where the driver knows no management, there is nothing to do, as upstream
// has it: the volume stays under its name.
func (b *Backend) Unmanage(ctx context.Context, v Volume, ref Reference) error {
	return b.run(ctx, b.onVolume("unmanage", v.ID, volumeLock(v.ID)), func(ctx context.Context) error {
		if !b.features.VolumeAdopter {
			return nil
		}
		return b.optional.volumeAdopter.Unmanage(ctx, v, ref)
	})
}

// ManageableVolumes lists what the storage holds; nothing where the driver knows no management.
func (b *Backend) ManageableVolumes(ctx context.Context) (list []Existing, err error) {
	err = b.run(ctx, b.call("get_manageable_volumes"), func(ctx context.Context) (err error) {
		if b.features.VolumeAdopter {
			list, err = b.optional.volumeAdopter.ManageableVolumes(ctx)
		}
		return err
	})
	return slices.Clip(list), err
}

// ManageExistingSnapshotGetSize is ManageExistingGetSize for snapshots.
func (b *Backend) ManageExistingSnapshotGetSize(ctx context.Context, s Snapshot, ref Reference) (sizeGiB int64, err error) {
	c := b.onSnapshot("manage_existing_snapshot_get_size", s.Volume.ID, s.ID, snapshotLock(s.ID))
	c.lacking = !b.features.SnapshotAdopter
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		sizeGiB, err = b.optional.snapshotAdopter.ManageExistingSnapshotGetSize(ctx, s, ref)
		return err
	})
	return sizeGiB, err
}

// ManageExistingSnapshot makes what ref names the snapshot s.
func (b *Backend) ManageExistingSnapshot(ctx context.Context, s Snapshot, ref Reference) (Update, error) {
	c := b.onSnapshot("manage_existing_snapshot", s.Volume.ID, s.ID, snapshotLock(s.ID))
	c.lacking = !b.features.SnapshotAdopter
	c.check = func() error { return checkSnapshot(s) }
	return update(ctx, b, c, func(ctx context.Context) (Update, error) {
		return b.optional.snapshotAdopter.ManageExistingSnapshot(ctx, s, ref)
	})
}

// UnmanageSnapshot is Unmanage for snapshots.
func (b *Backend) UnmanageSnapshot(ctx context.Context, s Snapshot, ref Reference) error {
	return b.run(ctx, b.onSnapshot("unmanage_snapshot", s.Volume.ID, s.ID, snapshotLock(s.ID)), func(ctx context.Context) error {
		if !b.features.SnapshotAdopter {
			return nil
		}
		return b.optional.snapshotAdopter.UnmanageSnapshot(ctx, s, ref)
	})
}

// ManageableSnapshots is ManageableVolumes for snapshots.
func (b *Backend) ManageableSnapshots(ctx context.Context) (list []Existing, err error) {
	err = b.run(ctx, b.call("get_manageable_snapshots"), func(ctx context.Context) (err error) {
		if b.features.SnapshotAdopter {
			list, err = b.optional.snapshotAdopter.ManageableSnapshots(ctx)
		}
		return err
	})
	return slices.Clip(list), err
}
