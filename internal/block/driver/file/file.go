// Package file keeps volumes as sparse raw files in a directory of this machine: a driver that needs nothing but a file
// system, for laptops, tests and small sites.
//
// # Layout
//
//	<directory>/volumes/volume-<id>        a volume (volume_name_template), exactly as long as it is large
//	<directory>/snapshots/snapshot-<id>    a snapshot (snapshot_name_template), a file of its own
//	…/<name>.tmp                           a copy under way, or the leftover of one that was killed
//	…/unmanaged-<name>                     what was let go of; other names are other people's, which may be managed
//
// # Why raw files and no qcow2 chains
//
// A target serves the file as it is, by plain reads and writes. Every volume and every snapshot is whole by itself, so that
// any of them can be deleted, extended or copied at any time without looking at another, and a damaged file harms nothing
// else. A qcow2 chain would make snapshots quick on every file system, but each delete would have to merge files that may be
// in use, every read would go down the chain, and serving it would need an implementation of the format. Where quick
// snapshots matter, put the directory on XFS or Btrfs: there they are a reflink.
//
// # Pictures of volumes in use
//
// Where the file system can, a snapshot or clone is one FICLONE call. The kernel lets no write(2) in between, so the
// picture is atomic: it holds every write that was acknowledged before the call and no later one without all earlier ones.
// Elsewhere the data is copied, holes left out, and whoever serves the volume is asked to hold writes back meanwhile, by the
// driver.Freezer of the configuration. How long that takes depends on how much data the volume holds. Of several volumes at one
// instant, pictures are taken while writes to all of them are held back.
//
// # What survives what
//
// A verb that was killed leaves at most a temporary file, which a repetition of the verb, a delete, or RemoveStray removes;
// a copy gets its name only when it is complete. A verb that succeeded survives a power cut: the file is flushed, and then
// its directory, once for all verbs that are waiting for it. Only a delete may come undone in a power cut; the file is then
// found by Inventory.
//
// What must not live here: anything about serving a file to a consumer.
package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
	"github.com/clinker/clinker/internal/fault"
)

// Config is what the driver is made from.
type Config struct {
	// Directory is where everything is kept, an absolute path. Setup makes it where it is missing, for us alone. It may
	// be reached through symbolic links; below it none is followed.
	Directory string
	// Names is what the files are called; what is not said is as upstream.
	Names block.Names
	// Freeze holds back writes to a volume while its file is copied; nil where volumes in use are written to by nobody,
	// or where the file system has reflinks.
	Freeze driver.Freezer
	// Log is where the driver says what an operator should know; nil means slog.Default.
	Log *slog.Logger
}

// Driver keeps volumes as files. It is safe for concurrent use; make one with New.
type Driver struct {
	config Config
	open   atomic.Pointer[storage]
	// step is a seam for tests: it is called before every change to storage, and an error stops the driver there.
	step func(name string) error
}

var (
	_ driver.Driver      = (*Driver)(nil)
	_ driver.LocalDevice = (*Driver)(nil)
	_ driver.Reverter    = (*Driver)(nil)
	_ driver.ImageCloner = (*Driver)(nil)

	_ driver.VolumeAdopter   = (*Driver)(nil)
	_ driver.SnapshotAdopter = (*Driver)(nil)

	_ driver.GroupSnapshotter = (*Driver)(nil)

	_ driver.Sweeper = (*Driver)(nil)

	_ driver.Retyper  = (*Driver)(nil)
	_ driver.Renamer  = (*Driver)(nil)
	_ driver.Migrator = (*Driver)(nil)
)

// storage is what Setup opens.
type storage struct {
	volumes, snapshots *directory.Directory
	provisioned        atomic.Int64 // bytes, the sum of the lengths of all volumes and snapshots

	mu sync.Mutex
	// copies are the temporary files of copies under way, by stray name: they are no strays.
	copies map[string]bool
}

// Entry is the driver's place in a registry.
func Entry() driver.Entry {
	return driver.Entry{
		Names:   []string{"file"},
		Summary: "sparse files in a local directory; snapshots by reflink on XFS and Btrfs",
		Options: []driver.Option{{
			Name: "file_volume_directory",
			Help: "The directory in which the file driver keeps volumes and snapshots, an absolute path. It is made where it is " +
				"missing, and must belong to the user that the service runs as. Empty means a directory named after the back end, " +
				"below the service's state directory.",
		}},
		New: func(c driver.Config) (driver.Driver, error) {
			dir := c.Options["file_volume_directory"]
			if dir == "" {
				dir = filepath.Join(c.StateDir, "volumes", filepath.Base("/"+c.Backend))
			}
			return New(Config{Directory: dir, Names: c.Names, Freeze: c.Freeze, Log: c.Log})
		},
	}
}

// New makes the driver. A directory that is no absolute path is a fault.Invalid.
func New(c Config) (*Driver, error) {
	if !filepath.IsAbs(c.Directory) {
		return nil, fault.New(fault.Invalid, "", "file_volume_directory must be an absolute path, and is %q.", c.Directory)
	}
	if c.Log == nil {
		c.Log = slog.Default()
	}
	c.Directory, c.Names = filepath.Clean(c.Directory), c.Names.OrDefault()
	return &Driver{config: c, step: func(string) error { return nil }}, nil
}

// Setup implements driver.Driver: it makes the directories where they are missing, refuses those that others could
// tamper with, and adds up what is there. It costs one look at every file.
func (d *Driver) Setup(ctx context.Context) error {
	if d.open.Load() != nil {
		return nil
	}
	if err := makeRoot(d.config.Directory); err != nil {
		return setupFault(err)
	}
	root, err := directory.Open(d.config.Directory, d.config.Directory, "", d.step)
	if err != nil {
		return setupFault(err)
	}
	defer root.Close()
	s := &storage{copies: map[string]bool{}}
	if s.volumes, err = root.Sub("volumes", d.config.Names.Volumes); err != nil {
		return setupFault(err)
	}
	if s.snapshots, err = root.Sub("snapshots", d.config.Names.Snapshots); err == nil {
		err = s.count(ctx)
	}
	if err != nil {
		s.close()
		return setupFault(err)
	}
	if !d.open.CompareAndSwap(nil, s) {
		s.close()
	}
	return nil
}

// makeRoot makes the directory where it is missing, so that it survives a power cut.
func makeRoot(path string) error {
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	parent := filepath.Dir(path)
	if err := makeRoot(parent); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	f, err := os.Open(parent)
	if err != nil {
		return err
	}
	defer f.Close()
	return f.Sync()
}

// setupFault is for an operator who is starting a service: what the log adds is the path and the reason.
func setupFault(err error) error {
	if _, ok := fault.Of(err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Invalid, "", "The directory of the file driver (file_volume_directory) cannot be used.")
}

// count adds up the lengths of all files.
func (s *storage) count(ctx context.Context) error {
	sum, err := s.sum(ctx)
	s.provisioned.Store(sum)
	return err
}

func (s *storage) sum(ctx context.Context) (bytes int64, err error) {
	for _, dir := range []*directory.Directory{s.volumes, s.snapshots} {
		names, err := dir.Names()
		if err != nil {
			return 0, err
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				return 0, err
			}
			if _, ok := dir.ID(name); !ok {
				continue
			}
			size, err := dir.Size(name)
			if err != nil && !errors.Is(err, fs.ErrNotExist) { // one that has just gone counts for nothing
				return 0, err
			}
			bytes += size
		}
	}
	return bytes, nil
}

func (s *storage) close() {
	for _, dir := range []*directory.Directory{s.volumes, s.snapshots} {
		if dir != nil {
			dir.Close()
		}
	}
}

// Close implements driver.Driver. Setup opens the storage again.
func (d *Driver) Close(context.Context) error {
	if s := d.open.Swap(nil); s != nil {
		s.close()
	}
	return nil
}

// storage is what Setup opened, or a fault.
func (d *Driver) storage(ctx context.Context) (*storage, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := d.open.Load()
	if s == nil {
		return nil, fault.New(fault.Unavailable, "DriverNotInitialized", "Volume driver not ready.")
	}
	return s, nil
}

// Stats implements driver.Driver. It asks the file system for its room and looks at no file. Snapshots count as
// provisioned with their whole length, since they come to need it as their volume is overwritten.
func (d *Driver) Stats(ctx context.Context) (driver.Stats, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return driver.Stats{}, err
	}
	total, free, err := s.volumes.Room()
	if err != nil {
		return driver.Stats{}, d.failed("statfs", err)
	}
	// vendor_name is what upstream's drivers without a vendor say, and what volume types (and Tempest) ask for.
	return driver.Stats{VendorName: "Open Source", DriverVersion: "1.0.0", Pools: []driver.Pool{{
		TotalCapacityGiB:       gib(total),
		FreeCapacityGiB:        gib(free),
		ProvisionedCapacityGiB: gib(float64(s.provisioned.Load())),
		ThinProvisioning:       true,
		Multiattach:            true,
		OnlineExtend:           true,
		SparseCopy:             true,
		Location:               d.location(s),

		ConsistentGroupSnapshots: d.config.Freeze != nil,
	}}}, nil
}

func gib(bytes float64) float64 { return bytes / float64(block.GiB) }

// Device implements driver.LocalDevice.
func (d *Driver) Device(ctx context.Context, v driver.Volume) (path string, err error) {
	s, err := d.storage(ctx)
	if err != nil {
		return "", err
	}
	name := s.volumes.Name(v.ID)
	if _, err := s.volumes.Size(name); errors.Is(err, fs.ErrNotExist) {
		return "", volumeNotFound(v.ID)
	} else if err != nil {
		return "", d.failed("stat", err)
	}
	return filepath.Join(d.config.Directory, "volumes", name), nil
}

// failed turns what the system said into a fault, unless it is one or says that ctx has ended.
func (d *Driver) failed(what string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.Of(err); ok || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	err = fmt.Errorf("%s in %s: %w", what, d.config.Directory, err)
	switch {
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT):
		return fault.Wrap(err, fault.OverLimit, "", "The back end has no space left.")
	case errors.Is(err, unix.EFBIG):
		return fault.Wrap(err, fault.OverLimit, "", "The back end's file system cannot hold a volume this large.")
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, unix.EROFS):
		return fault.Wrap(err, fault.Unavailable, "", "The back end cannot be written to at the moment.")
	}
	return fault.Wrap(err, fault.Internal, "VolumeBackendAPIException", "The back end could not do it (%s).", what)
}

func volumeNotFound(id string) error {
	return fault.New(fault.NotFound, "VolumeNotFound", "Volume %s could not be found.", id)
}

func snapshotNotFound(id string) error {
	return fault.New(fault.NotFound, "SnapshotNotFound", "Snapshot %s could not be found.", id)
}
