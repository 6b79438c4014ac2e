// Package directory is the file driver's way to its files: relative to an open directory, without following a symbolic
// link, so that nobody who can put one there can lead it elsewhere; and copied so that holes stay holes.
//
// What must not live here: what a file is for.
package directory

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
)

// Temporary ends the name of a copy that is not complete.
const Temporary = ".tmp"

// Directory is an open directory and the only way to the files in it. Names are single path elements, files are opened
// relative to the directory, and a symbolic link is never followed, so that nobody who can put one there can lead us
// elsewhere.
type Directory struct {
	path  string // for messages only
	label string
	names block.NameTemplate // of its files
	file  *os.File
	step  func(name string) error
	group groupSync
}

// Open opens a directory that must be ours and nobody else's to write to. Its files are called as names says;
// step is called before every change in it and in its subdirectories, and an error of it is the change's.
func Open(path, label string, names block.NameTemplate, step func(string) error) (*Directory, error) {
	file, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := &Directory{path: path, label: label, names: names, file: file, step: step}
	if err := d.checkOwner(); err != nil {
		d.Close()
		return nil, err
	}
	return d, nil
}

// OpenForeign opens a directory that may be somebody else's, to read from it. Its files' names are their ids.
func OpenForeign(path, label string, step func(string) error) (*Directory, error) {
	file, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return &Directory{path: path, label: label, file: file, step: step}, nil
}

// Label is what it was opened as: "volumes" or "snapshots".
func (d *Directory) Label() string { return d.label }

// Sub opens the directory of this name, and makes it where it is missing. Its files are called as names says.
func (d *Directory) Sub(name string, names block.NameTemplate) (*Directory, error) {
	err := unix.Mkdirat(d.FD(), name, 0o700)
	if err == nil {
		err = d.Flush()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, d.PathError("mkdir", name, err)
	}
	file, err := d.openat(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	sub := &Directory{
		path: d.path + "/" + name, label: name, names: names, file: file, step: d.step,
	}
	if err := sub.checkOwner(); err != nil {
		sub.Close()
		return nil, err
	}
	return sub, nil
}

// checkOwner refuses a directory in which another user could exchange files under us.
func (d *Directory) checkOwner() error {
	var st unix.Stat_t
	if err := unix.Fstat(d.FD(), &st); err != nil {
		return d.PathError("stat", "", err)
	}
	if uid := os.Geteuid(); int(st.Uid) != uid {
		return fmt.Errorf("%s belongs to the user with id %d, not to %d that the service runs as", d.path, st.Uid, uid)
	}
	if st.Mode&0o022 != 0 {
		return fmt.Errorf("%s may be written to by others (mode %04o); chmod 0700 it", d.path, st.Mode&0o7777)
	}
	return nil
}

// Close lets go of the directory.
func (d *Directory) Close() { _ = d.file.Close() } // a directory has nothing to lose

// FD is the directory's descriptor, for system calls of the caller's own.
func (d *Directory) FD() int { return int(d.file.Fd()) }

// PathError is an error of an operation on a name.
func (d *Directory) PathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: d.path + "/" + name, Err: err}
}

// Name is the name of the file of a volume or snapshot.
func (d *Directory) Name(id string) string { return d.names.Name(id) }

// ID is the id of the volume or snapshot that a name stands for; ok is false for every other name.
func (d *Directory) ID(name string) (id string, ok bool) { return d.names.ID(name) }

func (d *Directory) openat(name string, flags int, mode uint32) (*os.File, error) {
	for {
		fd, err := unix.Openat(d.FD(), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, d.PathError("open", name, err)
		}
		return os.NewFile(uintptr(fd), d.path+"/"+name), nil
	}
}

// OpenFile opens a regular file and tells its length. Flags may hold O_CREAT; then it is made where it is missing.
func (d *Directory) OpenFile(name string, flags int) (file *os.File, size int64, err error) {
	if flags&unix.O_CREAT != 0 {
		if err := d.step("create"); err != nil {
			return nil, 0, err
		}
	}
	// O_NONBLOCK: opening a FIFO that somebody put there must not wait for ever. It means nothing to a regular file.
	file, err = d.openat(name, flags|unix.O_NONBLOCK, 0o600)
	if err != nil {
		return nil, 0, err
	}
	info, err := file.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = d.PathError("open", name, errors.New("not a regular file"))
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// Size is the length of a regular file in bytes; fs.ErrNotExist when there is none.
func (d *Directory) Size(name string) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.FD(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, d.PathError("stat", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0, d.PathError("stat", name, errors.New("not a regular file"))
	}
	return st.Size, nil
}

// Rename gives a file its final name.
func (d *Directory) Rename(from, to string) error {
	if err := d.step("rename"); err != nil {
		return err
	}
	if err := unix.Renameat(d.FD(), from, d.FD(), to); err != nil {
		return d.PathError("rename", from, err)
	}
	return nil
}

// Remove removes a file; removed says whether it was there.
func (d *Directory) Remove(name string) (removed bool, err error) {
	if err := d.step("unlink"); err != nil {
		return false, err
	}
	err = unix.Unlinkat(d.FD(), name, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, d.PathError("unlink", name, err)
	}
	return true, nil
}

// Names lists what is in the directory, in no order.
func (d *Directory) Names() ([]string, error) {
	file, err := d.openat(".", unix.O_RDONLY|unix.O_DIRECTORY, 0) // a reading position of our own
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.Readdirnames(-1)
}

// Flush makes the names in the directory survive a power cut. Those who call it at the same time share one fsync.
func (d *Directory) Flush() error {
	return d.group.do(func() error {
		if err := d.step("fsync directory"); err != nil {
			return err
		}
		return d.file.Sync()
	})
}

// Room is the size of the file system and what we may still use of it, in bytes.
func (d *Directory) Room() (total, free float64, err error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(d.FD(), &st); err != nil {
		return 0, 0, d.PathError("statfs", "", err)
	}
	unit := float64(st.Frsize)
	return float64(st.Blocks) * unit, float64(st.Bavail) * unit, nil
}

// RenameNew is Rename for a name that must be free; fs.ErrExist if it is not.
func (d *Directory) RenameNew(from, to string) error {
	if err := d.step("rename"); err != nil {
		return err
	}
	err := unix.Renameat2(d.FD(), from, d.FD(), to, unix.RENAME_NOREPLACE)
	if NotSupported(err) { // NFS; the directory is ours alone, so that nobody can take the name in between
		if _, statErr := d.Identity(to); statErr == nil {
			return d.PathError("rename", to, fs.ErrExist)
		}
		err = unix.Renameat(d.FD(), from, d.FD(), to)
	}
	if err != nil {
		return d.PathError("rename", from, err)
	}
	return nil
}

// Link gives a file one more name, in this or another directory. done is false if that name is somebody else's or the
// file system cannot do it.
func (d *Directory) Link(name string, in *Directory, as string) (done bool, err error) {
	if err := d.step("link"); err != nil {
		return false, err
	}
	err = unix.Linkat(d.FD(), name, in.FD(), as, 0)
	switch {
	case err == nil:
		return true, nil
	case errors.Is(err, fs.ErrExist):
		ours, err := d.Identity(name)
		if err != nil {
			return false, err
		}
		theirs, err := in.Identity(as)
		return err == nil && ours == theirs, err
	case errors.Is(err, fs.ErrPermission), NotSupported(err): // another file system, or one without hard links
		return false, nil
	}
	return false, d.PathError("link", name, err)
}

// Identity is what tells a file from every other on this machine.
type Identity struct{ Device, Inode uint64 }

// Identity is that of a file, or with the name "." of the directory.
func (d *Directory) Identity(name string) (Identity, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.FD(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return Identity{}, d.PathError("stat", name, err)
	}
	return Identity{uint64(st.Dev), st.Ino}, nil
}

// IsTemporary says whether a name is that of an incomplete copy of ours.
func (d *Directory) IsTemporary(name string) bool {
	name, ok := strings.CutSuffix(name, Temporary)
	if ok {
		_, ok = d.ID(name)
	}
	return ok
}
