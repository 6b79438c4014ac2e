package file

import (
	"context"
	"errors"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
	"github.com/clinker/clinker/internal/fault"
)

// CreateVolume implements driver.Driver.
//
// An empty volume needs no temporary name: its file is right as soon as it has its length, and what a kill between the two
// leaves is put right by the repetition. Both the file and its directory are flushed. The file's own flush makes the name
// durable on every file system we know, but only the directory's is promised to, and where the first did it the second
// costs next to nothing; flushing the directory alone would lose the length on Btrfs.
func (d *Driver) CreateVolume(ctx context.Context, v driver.Volume) (driver.Update, error) {
	s, err := d.storage(ctx)
	if err == nil {
		err = d.createEmpty(s, s.volumes, s.volumes.Name(v.ID), v.SizeGiB*block.GiB)
	}
	return driver.Update{}, d.failed("create_volume", err)
}

func (d *Driver) createEmpty(s *storage, dir *directory.Directory, name string, size int64) error {
	file, before, err := dir.OpenFile(name, unix.O_RDWR|unix.O_CREAT)
	if err != nil {
		return err
	}
	err = d.grow(s, file, before, size)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		if before == 0 { // nobody can have put anything into it
			_, _ = dir.Remove(name)
		}
		return err
	}
	return dir.Flush()
}

// grow gives a file the length size unless it is longer, and flushes it.
func (d *Driver) grow(s *storage, file *os.File, before, size int64) error {
	if before < size {
		if err := d.step("truncate"); err != nil {
			return err
		}
		if err := file.Truncate(size); err != nil {
			return err
		}
	}
	if err := d.step("fsync"); err != nil {
		return err
	}
	if err := file.Sync(); err != nil {
		return err
	}
	s.provisioned.Add(max(0, size-before))
	return nil
}

// DeleteVolume implements driver.Driver. A consumer that still has the file open keeps its bytes until it closes it.
func (d *Driver) DeleteVolume(ctx context.Context, v driver.Volume) error {
	s, err := d.storage(ctx)
	if err == nil {
		err = s.delete(s.volumes, s.volumes.Name(v.ID))
	}
	return d.failed("delete_volume", err)
}

// DeleteSnapshot implements driver.Driver.
func (d *Driver) DeleteSnapshot(ctx context.Context, snap driver.Snapshot) error {
	s, err := d.storage(ctx)
	if err == nil {
		err = s.delete(s.snapshots, s.snapshots.Name(snap.ID))
	}
	return d.failed("delete_snapshot", err)
}

// delete removes a file and what a killed copy to it may have left.
func (s *storage) delete(dir *directory.Directory, name string) error {
	if _, err := dir.Remove(name + directory.Temporary); err != nil {
		return err
	}
	size, err := dir.Size(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	removed, err := dir.Remove(name)
	if removed {
		s.provisioned.Add(-size)
	}
	return err
}

// ExtendVolume implements driver.Driver. The volume may be in use.
func (d *Driver) ExtendVolume(ctx context.Context, v driver.Volume, newSizeGiB int64) error {
	s, err := d.storage(ctx)
	if err != nil {
		return err
	}
	file, before, err := s.volumes.OpenFile(s.volumes.Name(v.ID), unix.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return volumeNotFound(v.ID)
	}
	if err != nil {
		return d.failed("extend_volume", err)
	}
	err = d.grow(s, file, before, newSizeGiB*block.GiB)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	return d.failed("extend_volume", err)
}

// CreateSnapshot implements driver.Driver.
func (d *Driver) CreateSnapshot(ctx context.Context, snap driver.Snapshot) (driver.Update, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return driver.Update{}, err
	}
	err = d.copyFile(ctx, s, copying{
		from: s.volumes, source: snap.Volume.ID, sourceBytes: snap.SizeGiB * block.GiB, live: true,
		to: s.snapshots, target: snap.ID, targetBytes: snap.SizeGiB * block.GiB,
		notFound: volumeNotFound,
	})
	return driver.Update{}, d.failed("create_snapshot", err)
}

// CreateVolumeFromSnapshot implements driver.Driver.
func (d *Driver) CreateVolumeFromSnapshot(ctx context.Context, v driver.Volume, snap driver.Snapshot) (driver.Update, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return driver.Update{}, err
	}
	err = d.copyFile(ctx, s, copying{
		from: s.snapshots, source: snap.ID, sourceBytes: snap.SizeGiB * block.GiB,
		to: s.volumes, target: v.ID, targetBytes: v.SizeGiB * block.GiB,
		notFound: snapshotNotFound,
	})
	return driver.Update{}, d.failed("create_volume_from_snapshot", err)
}

// CloneVolume implements driver.Driver.
func (d *Driver) CloneVolume(ctx context.Context, v, source driver.Volume) (driver.Update, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return driver.Update{}, err
	}
	err = d.copyFile(ctx, s, copying{
		from: s.volumes, source: source.ID, sourceBytes: source.SizeGiB * block.GiB, live: true,
		to: s.volumes, target: v.ID, targetBytes: v.SizeGiB * block.GiB,
		notFound: volumeNotFound,
	})
	return driver.Update{}, d.failed("create_cloned_volume", err)
}

// RevertToSnapshot implements driver.Reverter. The snapshot's bytes are put beside the volume first and then take its name,
// so that at any instant the volume is as it was, or as the snapshot is. A consumer that has the volume open would keep the
// old one: it must not be in use.
func (d *Driver) RevertToSnapshot(ctx context.Context, v driver.Volume, snap driver.Snapshot) error {
	s, err := d.storage(ctx)
	if err != nil {
		return err
	}
	err = d.copyFile(ctx, s, copying{
		from: s.snapshots, source: snap.ID, sourceBytes: snap.SizeGiB * block.GiB,
		to: s.volumes, target: v.ID, targetBytes: v.SizeGiB * block.GiB,
		notFound: snapshotNotFound, replace: true,
	})
	return d.failed("revert_to_snapshot", err)
}

// copying is one copy of a file to a new one, or in place of one.
type copying struct {
	from        *directory.Directory
	source      string // id
	sourceBytes int64  // how much of it there must be, and is copied
	live        bool   // the source is a volume that may be in use
	to          *directory.Directory
	target      string                // id
	targetBytes int64                 // at least sourceBytes; the rest reads as zero
	notFound    func(id string) error // when the source is gone
	// replace says that the target is there, and that the copy takes its place.
	replace bool
}

// copyFile makes the copy under a temporary name and renames it when it is complete and flushed. A target that is there
// already, and is not to be replaced, is complete; then only its durability is seen to again, since the first try may have died before.
func (d *Driver) copyFile(ctx context.Context, s *storage, c copying) (err error) {
	name, replaced := c.to.Name(c.target), int64(0)
	done, there, err := c.to.OpenFile(name, unix.O_RDONLY)
	switch {
	case err == nil && c.replace:
		replaced = there
		_ = done.Close() // it was only looked at
	case err == nil:
		defer done.Close()
		return errors.Join(done.Sync(), c.to.Flush())
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case c.replace:
		return volumeNotFound(c.target)
	}
	source, err := openSource(c)
	if err != nil {
		return err
	}
	defer source.Close()
	defer s.beginCopy(c.to, name+directory.Temporary)()
	if _, err := c.to.Remove(name + directory.Temporary); err != nil {
		return err
	}
	file, _, err := c.to.OpenFile(name+directory.Temporary, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	if err != nil {
		return err
	}
	err = d.fill(ctx, file, source, c)
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = c.to.Rename(name+directory.Temporary, name)
	}
	if err != nil {
		_, _ = c.to.Remove(name + directory.Temporary)
		return err
	}
	s.provisioned.Add(c.targetBytes - replaced)
	return c.to.Flush()
}

// openSource opens the file that is to be copied, which must be there and hold enough.
func openSource(c copying) (*os.File, error) {
	source, size, err := c.from.OpenFile(c.from.Name(c.source), unix.O_RDONLY)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, c.notFound(c.source)
	case err != nil:
		return nil, err
	case size < c.sourceBytes:
		_ = source.Close() // it was only looked at
		return nil, fault.New(fault.Internal, "VolumeBackendAPIException",
			"The source of the copy holds %d bytes in the back end and should hold %d; it is damaged.", size, c.sourceBytes)
	}
	return source, nil
}

// fill gives the new file its content and length, and flushes it.
func (d *Driver) fill(ctx context.Context, file, source *os.File, c copying) error {
	if err := d.copyContent(ctx, file, source, c); err != nil {
		return err
	}
	return d.finish(ctx, file, c)
}

// finish gives the new file its length, and flushes it.
func (d *Driver) finish(ctx context.Context, file *os.File, c copying) error {
	if err := d.step("truncate"); err != nil {
		return err
	}
	if err := file.Truncate(c.targetBytes); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := d.step("fsync"); err != nil {
		return err
	}
	return file.Sync()
}
