package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
)

// unmanaged begins the name of a file that was let go of; what follows is the name it had. No volume or snapshot of ours
// has such a name.
const unmanaged = "unmanaged-"

// What can be managed is a raw file that lies in the directory of volumes, or of snapshots, under any name. It is renamed:
// no byte is copied, and what the operator named is gone under its old name.

// ManageExistingGetSize implements driver.VolumeAdopter.
func (d *Driver) ManageExistingGetSize(ctx context.Context, v driver.Volume, ref driver.Reference) (int64, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return 0, err
	}
	size, err := existingSize(s.volumes, v.ID, ref)
	return size, d.failed("manage_existing_get_size", err)
}

// ManageExisting implements driver.VolumeAdopter. A file that is no whole number of GiB long is grown to one.
func (d *Driver) ManageExisting(ctx context.Context, v driver.Volume, ref driver.Reference) (driver.Update, error) {
	s, err := d.storage(ctx)
	if err == nil {
		err = d.adopt(s, s.volumes, v.ID, ref, v.SizeGiB*block.GiB)
	}
	return driver.Update{}, d.failed("manage_existing", err)
}

// Unmanage implements driver.VolumeAdopter.
func (d *Driver) Unmanage(ctx context.Context, v driver.Volume, ref driver.Reference) error {
	s, err := d.storage(ctx)
	if err == nil {
		err = s.letGo(s.volumes, v.ID, ref)
	}
	return d.failed("unmanage", err)
}

// ManageableVolumes implements driver.VolumeAdopter.
func (d *Driver) ManageableVolumes(ctx context.Context) ([]driver.Existing, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return nil, err
	}
	list, err := existing(ctx, s.volumes)
	return list, d.failed("get_manageable_volumes", err)
}

// ManageExistingSnapshotGetSize implements driver.SnapshotAdopter.
func (d *Driver) ManageExistingSnapshotGetSize(ctx context.Context, snap driver.Snapshot, ref driver.Reference) (int64, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return 0, err
	}
	size, err := existingSize(s.snapshots, snap.ID, ref)
	return size, d.failed("manage_existing_snapshot_get_size", err)
}

// ManageExistingSnapshot implements driver.SnapshotAdopter.
func (d *Driver) ManageExistingSnapshot(ctx context.Context, snap driver.Snapshot, ref driver.Reference) (driver.Update, error) {
	s, err := d.storage(ctx)
	if err == nil {
		err = d.adopt(s, s.snapshots, snap.ID, ref, snap.SizeGiB*block.GiB)
	}
	return driver.Update{}, d.failed("manage_existing_snapshot", err)
}

// UnmanageSnapshot implements driver.SnapshotAdopter.
func (d *Driver) UnmanageSnapshot(ctx context.Context, snap driver.Snapshot, ref driver.Reference) error {
	s, err := d.storage(ctx)
	if err == nil {
		err = s.letGo(s.snapshots, snap.ID, ref)
	}
	return d.failed("unmanage_snapshot", err)
}

// ManageableSnapshots implements driver.SnapshotAdopter.
func (d *Driver) ManageableSnapshots(ctx context.Context) ([]driver.Existing, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return nil, err
	}
	list, err := existing(ctx, s.snapshots)
	return list, d.failed("get_manageable_snapshots", err)
}

// inspect looks at a file without following a link. unfit says why it cannot be managed, empty if it can: another user
// who owns the file, or another name for it elsewhere, would let somebody change it under us.
func inspect(d *directory.Directory, name string) (size int64, unfit string, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.FD(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, "", d.PathError("stat", name, err)
	}
	switch {
	case st.Mode&unix.S_IFMT != unix.S_IFREG:
		unfit = "not a regular file"
	case int(st.Uid) != os.Geteuid():
		unfit = "it belongs to another user than the service runs as"
	case st.Nlink != 1:
		unfit = "the file has other names (hard links)"
	case st.Size == 0:
		unfit = "the file is empty"
	case st.Size > block.MaxSizeGiB*block.GiB:
		unfit = "the file is too large"
	}
	return st.Size, unfit, nil
}

// named finds the file a reference names. The name that a file had before it was let go of will do too.
func named(d *directory.Directory, ref driver.Reference) (name string, size int64, err error) {
	name = ref.SourceName()
	switch {
	case name == "":
		return "", 0, driver.InvalidReference(ref, "Reference must contain source-name element.")
	case name == ".", name == "..", strings.ContainsAny(name, "/\x00"), len(name) > unix.NAME_MAX, d.IsTemporary(name):
		return "", 0, driver.InvalidReference(ref, "source-name must be the name of a file in the directory of %s.", d.Label())
	}
	size, unfit, err := inspect(d, name)
	if _, ours := d.ID(name); ours && errors.Is(err, fs.ErrNotExist) {
		name = unmanaged + name
		size, unfit, err = inspect(d, name)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", 0, driver.InvalidReference(ref, "Specified file does not exist.")
	case err != nil:
		return "", 0, err
	case unfit != "":
		return "", 0, driver.InvalidReference(ref, "%s.", unfit)
	}
	return name, size, nil
}

// existingSize is the size of what a reference names in GiB, or of the file it has become in an earlier try.
func existingSize(d *directory.Directory, id string, ref driver.Reference) (int64, error) {
	if size, err := d.Size(d.Name(id)); err == nil {
		return roundedUp(size), nil
	}
	_, size, err := named(d, ref)
	return roundedUp(size), err
}

func roundedUp(bytes int64) int64 { return (bytes + block.GiB - 1) / block.GiB }

// adopt gives the file that a reference names the name of id, and the length size. A file of that name is the work of an
// earlier try; only its durability is seen to again.
func (d *Driver) adopt(s *storage, dir *directory.Directory, id string, ref driver.Reference, size int64) error {
	target := dir.Name(id)
	if _, err := dir.Size(target); err == nil {
		return dir.Flush()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	name, before, err := named(dir, ref)
	if err != nil {
		return err
	}
	if before > size {
		return driver.InvalidReference(ref, "The file has grown to %d bytes.", before)
	}
	if err := d.makeOurs(dir, name, size); err != nil {
		return err
	}
	if err := dir.RenameNew(name, target); err != nil {
		return err
	}
	if _, counted := dir.ID(name); counted {
		s.provisioned.Add(-before)
	}
	s.provisioned.Add(size)
	return dir.Flush()
}

// makeOurs gives a file its length and keeps everybody else from it.
func (d *Driver) makeOurs(dir *directory.Directory, name string, size int64) error {
	file, before, err := dir.OpenFile(name, unix.O_RDWR)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := d.step("chmod"); err != nil {
		return err
	}
	if err := file.Chmod(0o600); err != nil {
		return err
	}
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
	return file.Sync()
}

// letGo gives the file of id the name of the reference, or where there is none or it is taken, one that says where it comes
// from.
func (s *storage) letGo(dir *directory.Directory, id string, ref driver.Reference) error {
	name := dir.Name(id)
	size, err := dir.Size(name)
	if errors.Is(err, fs.ErrNotExist) {
		return dir.Flush()
	}
	if err != nil {
		return err
	}
	to := ref.SourceName()
	if to == "" || strings.ContainsAny(to, "/\x00") {
		to = unmanaged + name
	}
	err = dir.RenameNew(name, to)
	if errors.Is(err, fs.ErrExist) && to != unmanaged+name {
		to = unmanaged + name
		err = dir.RenameNew(name, to)
	}
	if err != nil {
		return err
	}
	if _, counted := dir.ID(to); !counted {
		s.provisioned.Add(-size)
	}
	return dir.Flush()
}

// existing lists the files in the directory, but for copies under way and what is no file at all.
func existing(ctx context.Context, d *directory.Directory) ([]driver.Existing, error) {
	names, err := d.Names()
	if err != nil {
		return nil, err
	}
	list := make([]driver.Existing, 0, len(names))
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		size, unfit, err := inspect(d, name)
		switch {
		case d.IsTemporary(name), errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		e := driver.Existing{Reference: driver.Reference{"source-name": name}, SizeGiB: roundedUp(size), Unfit: unfit}
		if id, ours := d.ID(name); ours {
			e.ID = id
		}
		list = append(list, e)
	}
	return list, nil
}
