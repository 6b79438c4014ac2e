package driver

import (
	"context"
	"slices"
	"sync/atomic"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
)

// Backend is one configured back end: the portable type that the volume service uses, above a Driver. For every verb it
// checks ids and sizes, so that hostile ones never reach a driver; takes the locks of all volumes and snapshots concerned;
// tells the observer; repeats a verb that found the storage unavailable, a bounded number of times; and gives every
// error a kind. All methods are safe for concurrent use.
//
// Beside the kinds that Driver names, every method may answer fault.Invalid (an id or a size that cannot be),
// fault.Unavailable (Setup has not succeeded yet, or ctx was cancelled) and fault.Timeout (ctx's deadline passed).
//
// A Backend sets no time limit of its own: how long a copy may take is the caller's to say, by ctx.
type Backend struct {
	driver   Driver
	options  Options
	features Features
	optional optional
	ready    atomic.Bool
}

// Options are what an operator may say of any back end, whatever its driver.
type Options struct {
	BackendName string // volume_backend_name; not empty
	// StorageProtocol is that of the target that exports the volumes; a driver whose storage has one of its own says so
	// in its Stats and comes first.
	StorageProtocol          string
	ReservedPercentage       int    // reserved_percentage, 0 to 100
	MaxOverSubscriptionRatio string // max_over_subscription_ratio: "auto" or a number of at least 1; empty means "20.0"
	FilterFunction           string // filter_function; empty means none
	GoodnessFunction         string // goodness_function; empty means none
	// ExtraCapabilities (extra_capabilities) are added to every pool and override what the driver says. JSON values.
	ExtraCapabilities map[string]any
	// Locker takes the locks; nil means locks inside this Backend only. Names are "volume-<id>" and "snapshot-<id>".
	Locker lock.Locker
	// Observer is told of every verb; nil means nobody is.
	Observer Observer
	// MaxTries is how often a verb is tried in all when storage is unavailable: 0 means 3, more than 10 means 10.
	MaxTries int
}

// Observer is how metrics and traces learn of a verb. It is called before the verb, locks included, and returns the
// context that the verb runs with and a function that is called with the verb's result.
type Observer func(ctx context.Context, op Operation) (verbCtx context.Context, done func(err error))

// Operation is one call of a verb. VolumeID is the volume that the verb makes, changes or removes, SnapshotID the
// snapshot concerned; empty where there is none.
type Operation struct {
	Verb       string // "create_volume", "delete_snapshot", ...: upstream's name of the driver's method
	Backend    string // the volume_backend_name
	VolumeID   string
	SnapshotID string
}

// Features says which optional verbs the driver has.
type Features struct {
	LocalDevice bool // volumes have a path that a target can export
	Connector   bool // the storage speaks to consumers itself
	Reverter    bool // a volume can be put back to its newest snapshot in place
	Sweeper     bool // strays of the inventory can be removed
	Retyper     bool // a volume can be given another type where it is
	Renamer     bool // a volume can be given another id
	Migrator    bool // a volume can be put into other storage without a copy
	ImageCloner bool // a volume can be made of an image in a file without copying it
	// VolumeAdopter and SnapshotAdopter: what exists in storage can be taken under management and let go of.
	VolumeAdopter, SnapshotAdopter bool
	GroupSnapshotter               bool // snapshots of several volumes can be taken at one instant
	GroupReplicator                bool // groups of volumes can be replicated
}

// optional are the optional interfaces of the driver, nil where it has not got them.
type optional struct {
	device    LocalDevice
	connector Connector
	reverter  Reverter
	sweeper   Sweeper
	retyper   Retyper
	renamer   Renamer
	migrator  Migrator

	imageCloner ImageCloner

	volumeAdopter   VolumeAdopter
	snapshotAdopter SnapshotAdopter

	groupSnapshotter GroupSnapshotter
	groupReplicator  GroupReplicator
}

// NewBackend makes the Backend above d. Options that cannot be are a fault.Invalid that names the option.
func NewBackend(d Driver, o Options) (*Backend, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	b := &Backend{driver: d, options: o}
	b.optional.device, b.features.LocalDevice = d.(LocalDevice)
	b.optional.connector, b.features.Connector = d.(Connector)
	b.optional.reverter, b.features.Reverter = d.(Reverter)
	b.optional.sweeper, b.features.Sweeper = d.(Sweeper)
	b.optional.retyper, b.features.Retyper = d.(Retyper)
	b.optional.renamer, b.features.Renamer = d.(Renamer)
	b.optional.migrator, b.features.Migrator = d.(Migrator)
	b.optional.imageCloner, b.features.ImageCloner = d.(ImageCloner)
	b.optional.volumeAdopter, b.features.VolumeAdopter = d.(VolumeAdopter)
	b.optional.snapshotAdopter, b.features.SnapshotAdopter = d.(SnapshotAdopter)
	b.optional.groupSnapshotter, b.features.GroupSnapshotter = d.(GroupSnapshotter)
	b.optional.groupReplicator, b.features.GroupReplicator = d.(GroupReplicator)
	return b, nil
}

// Features says which optional verbs there are. It never changes.
func (b *Backend) Features() Features { return b.features }

// Setup sets the driver up. Until it has succeeded, every other verb is a fault.Unavailable. It is not repeated by itself;
// calling it again after a failure is how a back end comes back.
func (b *Backend) Setup(ctx context.Context) error {
	err := b.run(ctx, call{op: Operation{Verb: "do_setup"}, early: true, once: true}, b.driver.Setup)
	if err == nil {
		b.ready.Store(true)
	}
	return err
}

// Close lets go of the storage. Verbs that come later are refused; the caller sees to it that none is running.
func (b *Backend) Close(ctx context.Context) error {
	b.ready.Store(false)
	return b.run(ctx, call{op: Operation{Verb: "close"}, early: true, once: true}, b.driver.Close)
}

// CreateVolume makes an empty volume.
func (b *Backend) CreateVolume(ctx context.Context, v Volume) (Update, error) {
	c := b.onVolume("create_volume", v.ID, volumeLock(v.ID))
	c.check = func() error { return checkVolume(v) }
	return update(ctx, b, c, func(ctx context.Context) (Update, error) { return b.driver.CreateVolume(ctx, v) })
}

// DeleteVolume removes a volume; one that is gone is no error. Its size does not matter.
func (b *Backend) DeleteVolume(ctx context.Context, v Volume) error {
	c := b.onVolume("delete_volume", v.ID, volumeLock(v.ID))
	return b.run(ctx, c, func(ctx context.Context) error { return b.driver.DeleteVolume(ctx, v) })
}

// ExtendVolume grows a volume to newSizeGiB, which is at least v.SizeGiB.
func (b *Backend) ExtendVolume(ctx context.Context, v Volume, newSizeGiB int64) error {
	c := b.onVolume("extend_volume", v.ID, volumeLock(v.ID))
	c.check = func() error {
		if err := checkVolume(v); err != nil {
			return err
		}
		return checkGrowth("New size for extend", newSizeGiB, v.SizeGiB)
	}
	return b.run(ctx, c, func(ctx context.Context) error { return b.driver.ExtendVolume(ctx, v, newSizeGiB) })
}

// CreateSnapshot takes an atomic picture of a volume, which may be in use.
func (b *Backend) CreateSnapshot(ctx context.Context, s Snapshot) (Update, error) {
	c := b.onSnapshot("create_snapshot", s.Volume.ID, s.ID, volumeLock(s.Volume.ID), snapshotLock(s.ID))
	c.check = func() error { return checkSnapshot(s) }
	return update(ctx, b, c, func(ctx context.Context) (Update, error) { return b.driver.CreateSnapshot(ctx, s) })
}

// DeleteSnapshot removes a snapshot; one that is gone is no error.
func (b *Backend) DeleteSnapshot(ctx context.Context, s Snapshot) error {
	c := b.onSnapshot("delete_snapshot", s.Volume.ID, s.ID, volumeLock(s.Volume.ID), snapshotLock(s.ID))
	return b.run(ctx, c, func(ctx context.Context) error { return b.driver.DeleteSnapshot(ctx, s) })
}

// CreateVolumeFromSnapshot makes v with the bytes of s; v is at least as large.
func (b *Backend) CreateVolumeFromSnapshot(ctx context.Context, v Volume, s Snapshot) (Update, error) {
	c := b.onSnapshot("create_volume_from_snapshot", v.ID, s.ID, volumeLock(v.ID), snapshotLock(s.ID))
	c.check = func() error {
		if err := checkSnapshot(s); err != nil {
			return err
		}
		return checkCopy(v, s.SizeGiB)
	}
	return update(ctx, b, c, func(ctx context.Context) (Update, error) {
		return b.driver.CreateVolumeFromSnapshot(ctx, v, s)
	})
}

// CloneVolume makes v with the bytes of source, which may be in use; v is at least as large and another volume.
func (b *Backend) CloneVolume(ctx context.Context, v, source Volume) (Update, error) {
	c := b.onVolume("create_cloned_volume", v.ID, volumeLock(v.ID), volumeLock(source.ID))
	c.check = func() error {
		if v.ID == source.ID {
			return fault.New(fault.Invalid, "InvalidVolume", "A volume cannot be a clone of itself.")
		}
		if err := checkID("source volume", source.ID); err != nil {
			return err
		}
		if err := checkVolume(source); err != nil {
			return err
		}
		return checkCopy(v, source.SizeGiB)
	}
	return update(ctx, b, c, func(ctx context.Context) (Update, error) { return b.driver.CloneVolume(ctx, v, source) })
}

// Inventory lists what the storage holds.
func (b *Backend) Inventory(ctx context.Context) (Inventory, error) {
	var all Inventory
	err := b.run(ctx, b.call("inventory"), func(ctx context.Context) (err error) {
		all, err = b.driver.Inventory(ctx)
		return err
	})
	return all, err
}

// Stats reports the pools as the driver sees them; Capabilities is what a scheduler wants instead.
func (b *Backend) Stats(ctx context.Context) (Stats, error) {
	var stats Stats
	err := b.run(ctx, b.call("get_volume_stats"), func(ctx context.Context) (err error) {
		stats, err = b.driver.Stats(ctx)
		return err
	})
	return stats, err
}

// Device is the path of the volume's raw bytes on this machine; fault.NotImplemented where volumes have none. It waits for
// no lock: a volume that is being copied for an hour can be attached meanwhile.
func (b *Backend) Device(ctx context.Context, v Volume) (path string, err error) {
	c := b.onVolume("local_path", v.ID)
	c.lacking = !b.features.LocalDevice
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		path, err = b.optional.device.Device(ctx, v)
		return err
	})
	return path, err
}

// Connect lets a consumer reach the volume by the storage's own protocol; fault.NotImplemented where it has none.
func (b *Backend) Connect(
	ctx context.Context, v Volume, connectionID string, consumer block.Connector, readOnly bool,
) (info block.ConnectionInfo, err error) {
	c := b.onVolume("initialize_connection", v.ID, volumeLock(v.ID))
	c.lacking = !b.features.Connector
	c.check = func() error { return checkID("connection", connectionID) }
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		info, err = b.optional.connector.Connect(ctx, v, connectionID, consumer, readOnly)
		return err
	})
	return info, err
}

// Disconnect ends what Connect began.
func (b *Backend) Disconnect(ctx context.Context, v Volume, connectionID string) error {
	c := b.onVolume("terminate_connection", v.ID, volumeLock(v.ID))
	c.lacking = !b.features.Connector
	c.check = func() error { return checkID("connection", connectionID) }
	return b.run(ctx, c, func(ctx context.Context) error {
		return b.optional.connector.Disconnect(ctx, v, connectionID)
	})
}

// RevertToSnapshot puts a volume back to its newest snapshot in place; fault.NotImplemented where it has to be done by
// copying.
func (b *Backend) RevertToSnapshot(ctx context.Context, v Volume, s Snapshot) error {
	c := b.onSnapshot("revert_to_snapshot", v.ID, s.ID, volumeLock(v.ID), snapshotLock(s.ID))
	c.lacking = !b.features.Reverter
	c.check = func() error {
		if err := checkSnapshot(s); err != nil {
			return err
		}
		if err := checkVolume(v); err != nil {
			return err
		}
		return checkCopy(v, s.SizeGiB)
	}
	return b.run(ctx, c, func(ctx context.Context) error { return b.optional.reverter.RevertToSnapshot(ctx, v, s) })
}

// RemoveStray removes a stray that the inventory lists now; any other name is a fault.NotFound, since what is no
// stray must not be removed this way.
func (b *Backend) RemoveStray(ctx context.Context, name string) error {
	c := b.call("remove_stray")
	c.lacking = !b.features.Sweeper
	return b.run(ctx, c, func(ctx context.Context) error {
		all, err := b.driver.Inventory(ctx)
		if err != nil {
			return err
		}
		if !slices.Contains(all.Strays, name) {
			return fault.New(fault.NotFound, "", "There is no such stray in the back end.")
		}
		return b.optional.sweeper.RemoveStray(ctx, name)
	})
}

func volumeLock(id string) string   { return "volume-" + id }
func snapshotLock(id string) string { return "snapshot-" + id }
