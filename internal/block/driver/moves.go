package driver

import (
	"context"

	"github.com/clinker/clinker/internal/fault"
)

// Type is what a driver is told of a volume type. Both maps may be nil.
type Type struct {
	ExtraSpecs map[string]string
	QoS        map[string]string // the QoS specs that storage is to enforce
}

// TypeChange is what a volume's type was and what it is to be.
type TypeChange struct{ From, To Type }

// Retyper is implemented by drivers that can give a volume another type where it is.
type Retyper interface {
	// Retype makes v, which may be in use, what its new type asks for. done is false if that cannot be had in place; then
	// nothing has changed.
	Retype(ctx context.Context, v Volume, c TypeChange) (done bool, u Update, err error)
}

// Renamer is implemented by drivers that can give a volume in storage another id: a volume that was moved gets back the
// name that its id stands for.
type Renamer interface {
	// RenameVolume makes v, which nobody uses, the volume with the id as. done is false if there is something of that id
	// already, or storage cannot rename; then v stays as it is.
	RenameVolume(ctx context.Context, v Volume, as string) (done bool, u Update, err error)
}

// Migrator is implemented by drivers that can put a volume into the storage of another back end by themselves, so that its
// bytes need not be copied through this machine.
type Migrator interface {
	// MigrateVolume puts the bytes of v, which nobody uses, into the storage that location (Pool.Location of the other back
	// end) describes, as the volume with the id as; v stays. done is false if that storage is not within reach; then
	// nothing has changed. What was put there is removed by the other back end's DeleteVolume.
	MigrateVolume(ctx context.Context, v Volume, as, location string) (done bool, u Update, err error)
}

// Retype gives a volume another type in place, if the driver can; done is false if not.
func (b *Backend) Retype(ctx context.Context, v Volume, change TypeChange) (done bool, u Update, err error) {
	c := b.onVolume("retype", v.ID, volumeLock(v.ID))
	c.check = func() error { return checkVolume(v) }
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		if b.features.Retyper {
			done, u, err = b.optional.retyper.Retype(ctx, v, change)
		}
		return err
	})
	return done && err == nil, u, err
}

// RenameVolume gives a volume another id in storage, if the driver can; done is false if not.
func (b *Backend) RenameVolume(ctx context.Context, v Volume, as string) (done bool, u Update, err error) {
	c := b.onVolume("update_migrated_volume", v.ID, volumeLock(v.ID), volumeLock(as))
	c.check = func() error { return checkOther(v.ID, as) }
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		if b.features.Renamer {
			done, u, err = b.optional.renamer.RenameVolume(ctx, v, as)
		}
		return err
	})
	return done && err == nil, u, err
}

// MigrateVolume puts a volume into the storage of another back end, if the driver can; done is false if not. location is
// that back end's word: a driver must not trust it.
func (b *Backend) MigrateVolume(ctx context.Context, v Volume, as, location string) (done bool, u Update, err error) {
	c := b.onVolume("migrate_volume", v.ID, volumeLock(v.ID))
	c.check = func() error {
		if err := checkOther(v.ID, as); err != nil {
			return err
		}
		return checkVolume(v)
	}
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		if b.features.Migrator && location != "" {
			done, u, err = b.optional.migrator.MigrateVolume(ctx, v, as, location)
		}
		return err
	})
	return done && err == nil, u, err
}

// checkOther checks the second id of a verb about two volumes.
func checkOther(id, other string) error {
	if id == other {
		return fault.New(fault.Invalid, "InvalidVolume", "Volume %s cannot become itself.", id)
	}
	return checkID("volume", other)
}
