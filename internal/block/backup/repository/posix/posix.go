// Package posix is the repository in a directory: upstream's PosixBackupDriver, in the layout that package chunked writes.
// A container is a directory below the repository's, by default <first two letters of the id>/<next two>/<id>, and an
// object is a file in it.
//
// Nothing outside the repository's directory is ever touched, whatever a container is called: every path is opened beneath
// it, and a symbolic link that leads out of it is refused. Files and directories are for their owner alone.
//
// A file is flushed when it is complete, and the directory when the backup is: a power cut leaves a whole backup or none
// that counts. What a kill leaves, the next run of the same backup removes.
//
// A container that is empty is removed, also by another service on the same directory, until something lies in it. So who is about
// to put something there makes it again if it has gone meanwhile.
package posix

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/chunked"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/fault"
)

// Name is the class path that rows and records name this repository by.
const Name = "cinder.backup.drivers.posix.PosixBackupDriver"

// Config is the deployment's choices; names are the options'.
type Config struct {
	Path        string // backup_posix_path: an absolute path; made if it is missing
	Container   string // backup_container: where backups go whose user names no container; empty: a directory of their own
	FileBytes   int64  // backup_file_size
	BlockBytes  int64  // backup_sha_block_size_bytes
	Compression string // backup_compression_algorithm
	Now         func() time.Time
}

// New makes the repository. Nothing is touched before Check. A configuration that cannot work is a fault.Invalid.
func New(c Config) (*chunked.Repository, error) {
	if !filepath.IsAbs(c.Path) {
		return nil, fault.New(fault.Invalid, "", "backup_posix_path must be an absolute path, and is %.80q.", c.Path)
	}
	if c.Container != "" && !filepath.IsLocal(c.Container) {
		return nil, fault.New(fault.Invalid, "", "backup_container must be a path below backup_posix_path, and is %.80q.", c.Container)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	return chunked.New(directory{c.Path}, chunked.Options{Name: Name, Place: c.place, ObjectBytes: c.FileBytes, BlockBytes: c.BlockBytes,
		Compression: c.Compression})
}

// place names container and prefix as upstream does.
func (c Config) place(b *block.Backup) (repository.Place, error) {
	if len(b.ID) < 4 || !filepath.IsLocal(b.ID) || strings.ContainsRune(b.ID+b.VolumeID, filepath.Separator) {
		return repository.Place{}, block.InvalidBackup("%.40q is no id of a backup", b.ID)
	}
	p := repository.Place{Container: filepath.Join(b.ID[:2], b.ID[2:4], b.ID),
		ServiceMetadata: fmt.Sprintf("volume_%s_%s_backup_%s", b.VolumeID, c.Now().UTC().Format("20060102150405"), b.ID)}
	switch {
	case b.Container != nil && *b.Container != "":
		p.Container = *b.Container
	case c.Container != "":
		p.Container = c.Container
	}
	if !filepath.IsLocal(p.Container) {
		return repository.Place{}, block.InvalidBackup("the container %.80q is no path below the repository's directory", p.Container)
	}
	return p, nil
}

// directory is the store of objects; its value is the repository's path.
type directory struct{ path string }

// Modes of what is made.
const (
	directoryMode = 0o700
	fileMode      = 0o600
)

// root opens the repository's directory: each time anew, for it may be mounted later, or again.
func (d directory) root() (*os.Root, error) {
	root, err := os.OpenRoot(d.path)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The directory of backups %s cannot be opened.", d.path)
	}
	return root, nil
}

// in runs fn in the repository's directory. Names that lead out of it are refused by the root itself.
func (d directory) in(fn func(root *os.Root) error) (err error) {
	root, err := d.root()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.Close()) }()
	return classified(fn(root))
}

// classified gives an error of the file system its kind.
func classified(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, fs.ErrNotExist):
		return fault.Wrap(err, fault.NotFound, "", "The backup repository lacks a part of the backup.")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(err, fault.OverLimit, "", "The backup repository has no space left.")
	}
	if _, known := fault.Of(err); known {
		return err
	}
	return fault.Wrap(err, fault.Internal, "", "The backup repository failed.")
}

// object is the path of an object. A name is one part of a path; what else is wrong with a container, the root says.
func object(container, name string) (string, error) {
	if name == "" || name != filepath.Base(name) || name == ".." {
		return "", block.InvalidBackup("%.80q is no name of an object of a backup", name)
	}
	return filepath.Join(container, name), nil
}

// tries is how often a container that was removed meanwhile is made again: each time, somebody's last backup in it, or beside it, has gone
// at that very moment.
const tries = 100

// Make implements chunked.Store.
func (d directory) Make(_ context.Context, container string) error {
	return d.in(func(root *os.Root) error { return makeContainer(root, container) })
}

func makeContainer(root *os.Root, container string) (err error) {
	for range tries {
		// It exists if it has gone between being found there and being looked at; and it exists for good if it is no directory.
		if err = root.MkdirAll(container, directoryMode); !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return err
}

// List implements chunked.Store.
func (d directory) List(_ context.Context, container, prefix string) (names []string, err error) {
	err = d.in(func(root *os.Root) error {
		dir, err := root.Open(container)
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil {
			return err
		}
		all, err := dir.Readdirnames(-1)
		if errors.Is(err, fs.ErrNotExist) { // it has gone meanwhile, so that nothing was in it
			err = nil
		}
		for _, name := range all {
			if strings.HasPrefix(name, prefix) {
				names = append(names, name)
			}
		}
		return errors.Join(err, dir.Close())
	})
	return names, err
}

// Create implements chunked.Store.
func (d directory) Create(_ context.Context, container, name string) (io.WriteCloser, error) {
	path, err := object(container, name)
	if err != nil {
		return nil, err
	}
	var f *os.File
	err = d.in(func(root *os.Root) (err error) {
		for range tries {
			if f, err = root.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, fileMode); !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			if err := makeContainer(root, container); err != nil {
				return err
			}
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return flushed{f}, nil
}

// flushed is a file that Close flushes.
type flushed struct{ *os.File }

// Write implements io.Writer.
func (f flushed) Write(p []byte) (int, error) {
	n, err := f.File.Write(p)
	return n, classified(err)
}

// ReadFrom keeps io.Copy from going round Write.
func (f flushed) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

// Close implements io.Closer.
func (f flushed) Close() error { return classified(errors.Join(f.Sync(), f.File.Close())) }

// Open implements chunked.Store.
func (d directory) Open(_ context.Context, container, name string) (io.ReadCloser, error) {
	path, err := object(container, name)
	if err != nil {
		return nil, err
	}
	var f *os.File
	err = d.in(func(root *os.Root) (err error) {
		f, err = root.Open(path)
		return err
	})
	if err != nil {
		return nil, err
	}
	return f, nil
}

// Remove implements chunked.Store.
func (d directory) Remove(_ context.Context, container, name string) error {
	path, err := object(container, name)
	if err != nil {
		return err
	}
	return d.in(func(root *os.Root) error {
		if err := root.Remove(path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	})
}

// Settle implements chunked.Store. It flushes the container and the directories it is in, and removes those that are
// empty.
func (d directory) Settle(_ context.Context, container string) error {
	return d.in(func(root *os.Root) error {
		for dir := filepath.Clean(container); dir != "."; dir = filepath.Dir(dir) {
			if root.Remove(dir) == nil {
				continue
			}
			if err := flush(root, dir); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
		}
		return flush(root, ".")
	})
}

// flush flushes a directory.
func flush(root *os.Root, dir string) error {
	f, err := root.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// Check implements chunked.Store: the directory is made if it is missing, and a file can be written there.
func (d directory) Check(context.Context) error {
	if err := os.MkdirAll(d.path, directoryMode); err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "The directory of backups %s cannot be made.", d.path)
	}
	const probe = ".clinker-probe"
	err := d.in(func(root *os.Root) error {
		err := root.WriteFile(probe, nil, fileMode)
		if gone := root.Remove(probe); !errors.Is(gone, fs.ErrNotExist) { // another service that checks may have removed it
			err = errors.Join(err, gone)
		}
		return err
	})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "", "The directory of backups %s cannot be written.", d.path)
	}
	return nil
}
