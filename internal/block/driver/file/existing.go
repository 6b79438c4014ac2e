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
	size, err := s.volumes.existingSize(v.ID, ref)
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
	list, err := s.volumes.existing(ctx)
	return list, d.failed("get_manageable_volumes", err)
}

// ManageExistingSnapshotGetSize implements driver.SnapshotAdopter.
func (d *Driver) ManageExistingSnapshotGetSize(ctx context.Context, snap driver.Snapshot, ref driver.Reference) (int64, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return 0, err
	}
	size, err := s.snapshots.existingSize(snap.ID, ref)
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
	list, err := s.snapshots.existing(ctx)
	return list, d.failed("get_manageable_snapshots", err)
}

// inspect looks at a file without following a link. unfit says why it cannot be managed, empty if it can: another user
// who owns the file, or another name for it elsewhere, would let somebody change it under us.
func (d *directory) inspect(name string) (size int64, unfit string, err error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, "", d.pathError("stat", name, err)
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
func (d *directory) named(ref driver.Reference) (name string, size int64, err error) {
	name = ref.SourceName()
	switch {
	case name == "":
		return "", 0, driver.InvalidReference(ref, "Reference must contain source-name element.")
	case name == ".", name == "..", strings.ContainsAny(name, "/\x00"), len(name) > unix.NAME_MAX, d.isTemporary(name):
		return "", 0, driver.InvalidReference(ref, "source-name must be the name of a file in the directory of %s.", d.label)
	}
	size, unfit, err := d.inspect(name)
	if _, ours := d.id(name); ours && errors.Is(err, fs.ErrNotExist) {
		name = unmanaged + name
		size, unfit, err = d.inspect(name)
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
func (d *directory) existingSize(id string, ref driver.Reference) (int64, error) {
	if size, err := d.size(d.name(id)); err == nil {
		return roundedUp(size), nil
	}
	_, size, err := d.named(ref)
	return roundedUp(size), err
}

func roundedUp(bytes int64) int64 { return (bytes + block.GiB - 1) / block.GiB }

// adopt gives the file that a reference names the name of id, and the length size. A file of that name is the work of an
// earlier try; only its durability is seen to again.
func (d *Driver) adopt(s *storage, dir *directory, id string, ref driver.Reference, size int64) error {
	target := dir.name(id)
	if _, err := dir.size(target); err == nil {
		return dir.flush()
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	name, before, err := dir.named(ref)
	if err != nil {
		return err
	}
	if before > size {
		return driver.InvalidReference(ref, "The file has grown to %d bytes.", before)
	}
	if err := d.makeOurs(dir, name, size); err != nil {
		return err
	}
	if err := dir.renameToNew(name, target); err != nil {
		return err
	}
	if _, counted := dir.id(name); counted {
		s.provisioned.Add(-before)
	}
	s.provisioned.Add(size)
	return dir.flush()
}

// makeOurs gives a file its length and keeps everybody else from it.
func (d *Driver) makeOurs(dir *directory, name string, size int64) error {
	file, before, err := dir.openFile(name, unix.O_RDWR)
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
func (s *storage) letGo(dir *directory, id string, ref driver.Reference) error {
	name := dir.name(id)
	size, err := dir.size(name)
	if errors.Is(err, fs.ErrNotExist) {
		return dir.flush()
	}
	if err != nil {
		return err
	}
	to := ref.SourceName()
	if to == "" || strings.ContainsAny(to, "/\x00") {
		to = unmanaged + name
	}
	err = dir.renameToNew(name, to)
	if errors.Is(err, fs.ErrExist) && to != unmanaged+name {
		to = unmanaged + name
		err = dir.renameToNew(name, to)
	}
	if err != nil {
		return err
	}
	if _, counted := dir.id(to); !counted {
		s.provisioned.Add(-size)
	}
	return dir.flush()
}

// renameToNew is rename for a name that must be free; fs.ErrExist if it is not.
func (d *directory) renameToNew(from, to string) error {
	if err := d.step("rename"); err != nil {
		return err
	}
	err := unix.Renameat2(d.fd(), from, d.fd(), to, unix.RENAME_NOREPLACE)
	if notSupported(err) { // NFS; the directory is ours alone, so that nobody can take the name in between
		if _, _, statErr := d.inspect(to); statErr == nil {
			return d.pathError("rename", to, fs.ErrExist)
		}
		err = unix.Renameat(d.fd(), from, d.fd(), to)
	}
	if err != nil {
		return d.pathError("rename", from, err)
	}
	return nil
}

// existing lists the files in the directory, but for copies under way and what is no file at all.
func (d *directory) existing(ctx context.Context) ([]driver.Existing, error) {
	names, err := d.names()
	if err != nil {
		return nil, err
	}
	list := make([]driver.Existing, 0, len(names))
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		size, unfit, err := d.inspect(name)
		switch {
		case d.isTemporary(name), errors.Is(err, fs.ErrNotExist):
			continue
		case err != nil:
			return nil, err
		}
		e := driver.Existing{Reference: driver.Reference{"source-name": name}, SizeGiB: roundedUp(size), Unfit: unfit}
		if id, ours := d.id(name); ours {
			e.ID = id
		}
		list = append(list, e)
	}
	return list, nil
}
