package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"
)

// temporary ends the name of a copy that is not complete.
const temporary = ".tmp"

// directory is an open directory and the only way to the files in it. Names are single path elements, files are opened
// relative to the directory, and a symbolic link is never followed, so that nobody who can put one there can lead us
// elsewhere.
type directory struct {
	path   string // for messages only
	label  string // "volumes" or "snapshots": the first half of a stray's name
	prefix string // of the names of its files
	file   *os.File
	step   func(name string) error
	group  groupSync
}

// openDirectory opens a directory that must be ours and nobody else's to write to.
func openDirectory(path, label string, step func(string) error) (*directory, error) {
	file, err := os.OpenFile(path, unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	d := &directory{path: path, label: label, file: file, step: step}
	if err := d.checkOwner(); err != nil {
		d.close()
		return nil, err
	}
	return d, nil
}

// subdirectory opens the directory of this name, and makes it where it is missing. Its files are named after it, in the
// singular.
func (d *directory) subdirectory(name string) (*directory, error) {
	err := unix.Mkdirat(d.fd(), name, 0o700)
	if err == nil {
		err = d.flush()
	}
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, d.pathError("mkdir", name, err)
	}
	file, err := d.openat(name, unix.O_RDONLY|unix.O_DIRECTORY, 0)
	if err != nil {
		return nil, err
	}
	sub := &directory{
		path: d.path + "/" + name, label: name, prefix: strings.TrimSuffix(name, "s") + "-", file: file, step: d.step,
	}
	if err := sub.checkOwner(); err != nil {
		sub.close()
		return nil, err
	}
	return sub, nil
}

// checkOwner refuses a directory in which another user could exchange files under us.
func (d *directory) checkOwner() error {
	var st unix.Stat_t
	if err := unix.Fstat(d.fd(), &st); err != nil {
		return d.pathError("stat", "", err)
	}
	if uid := os.Geteuid(); int(st.Uid) != uid {
		return fmt.Errorf("%s belongs to the user with id %d, not to %d that the service runs as", d.path, st.Uid, uid)
	}
	if st.Mode&0o022 != 0 {
		return fmt.Errorf("%s may be written to by others (mode %04o); chmod 0700 it", d.path, st.Mode&0o7777)
	}
	return nil
}

func (d *directory) close() { _ = d.file.Close() } // a directory has nothing to lose

func (d *directory) fd() int { return int(d.file.Fd()) }

func (d *directory) pathError(op, name string, err error) error {
	return &fs.PathError{Op: op, Path: d.path + "/" + name, Err: err}
}

// name is the name of the file of a volume or snapshot.
func (d *directory) name(id string) string { return d.prefix + id }

// id is the id of the volume or snapshot that a name stands for; ok is false for every other name.
func (d *directory) id(name string) (id string, ok bool) {
	id, ok = strings.CutPrefix(name, d.prefix)
	if !ok {
		return "", false
	}
	parsed, err := uuid.Parse(id)
	return id, err == nil && parsed.String() == id
}

func (d *directory) openat(name string, flags int, mode uint32) (*os.File, error) {
	for {
		fd, err := unix.Openat(d.fd(), name, flags|unix.O_NOFOLLOW|unix.O_CLOEXEC, mode)
		if errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return nil, d.pathError("open", name, err)
		}
		return os.NewFile(uintptr(fd), d.path+"/"+name), nil
	}
}

// openFile opens a regular file and tells its length. Flags may hold O_CREAT; then it is made where it is missing.
func (d *directory) openFile(name string, flags int) (file *os.File, size int64, err error) {
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
		err = d.pathError("open", name, errors.New("not a regular file"))
	}
	if err != nil {
		_ = file.Close()
		return nil, 0, err
	}
	return file, info.Size(), nil
}

// size is the length of a regular file in bytes; fs.ErrNotExist when there is none.
func (d *directory) size(name string) (int64, error) {
	var st unix.Stat_t
	if err := unix.Fstatat(d.fd(), name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return 0, d.pathError("stat", name, err)
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0, d.pathError("stat", name, errors.New("not a regular file"))
	}
	return st.Size, nil
}

// rename gives a file its final name.
func (d *directory) rename(from, to string) error {
	if err := d.step("rename"); err != nil {
		return err
	}
	if err := unix.Renameat(d.fd(), from, d.fd(), to); err != nil {
		return d.pathError("rename", from, err)
	}
	return nil
}

// remove removes a file; removed says whether it was there.
func (d *directory) remove(name string) (removed bool, err error) {
	if err := d.step("unlink"); err != nil {
		return false, err
	}
	err = unix.Unlinkat(d.fd(), name, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, d.pathError("unlink", name, err)
	}
	return true, nil
}

// names lists what is in the directory, in no order.
func (d *directory) names() ([]string, error) {
	file, err := d.openat(".", unix.O_RDONLY|unix.O_DIRECTORY, 0) // a reading position of our own
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return file.Readdirnames(-1)
}

// flush makes the names in the directory survive a power cut. Those who call it at the same time share one fsync.
func (d *directory) flush() error {
	return d.group.do(func() error {
		if err := d.step("fsync directory"); err != nil {
			return err
		}
		return d.file.Sync()
	})
}

// room is the size of the file system and what we may still use of it, in bytes.
func (d *directory) room() (total, free float64, err error) {
	var st unix.Statfs_t
	if err := unix.Fstatfs(d.fd(), &st); err != nil {
		return 0, 0, d.pathError("statfs", "", err)
	}
	unit := float64(st.Frsize)
	return float64(st.Blocks) * unit, float64(st.Bavail) * unit, nil
}

// groupSync lets callers share a flush: whoever comes while one runs waits for the next, together with all others who
// come until that one begins. A flush that a caller waits for thus always began after the call.
type groupSync struct {
	mu        sync.Mutex
	gathering *round // whom newcomers may join; nil if the next one has to begin a round
	last      *round // the round begun last
}

type round struct {
	done chan struct{}
	err  error // of the flush; set before done closes
}

func (g *groupSync) do(flush func() error) error {
	g.mu.Lock()
	if r := g.gathering; r != nil {
		g.mu.Unlock()
		<-r.done
		return r.err
	}
	r, previous := &round{done: make(chan struct{})}, g.last
	g.gathering, g.last = r, r
	g.mu.Unlock()

	if previous != nil {
		<-previous.done
	}
	g.mu.Lock()
	g.gathering = nil
	g.mu.Unlock()
	r.err = flush()
	close(r.done)
	return r.err
}
