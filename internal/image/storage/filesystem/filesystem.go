// Package filesystem keeps images as files in one directory, each under the image's id: glance_store's filesystem store.
//
// What must not live here: anything about images but their ids and bytes.
package filesystem

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image/storage"
)

// Options say where and how files are kept.
type Options struct {
	Directory string // absolute; made if it is not there
	// FileMode is the mode of the files; 0 is 0640.
	FileMode os.FileMode
	// Thin leaves holes where the data is zero.
	Thin bool
	// ChunkBytes is how much is written at once; 0 is 64 KiB.
	ChunkBytes int
}

const (
	defaultChunkBytes = 64 << 10
	defaultFileMode   = 0o640
	directoryMode     = 0o750
	// incoming begins the names of files that are being written.
	incoming = ".incoming-"
)

// Store is a storage.Store of files.
type Store struct{ options Options }

var _ storage.Staging = (*Store)(nil)

// New makes the directory. One that cannot be used is a fault.Unavailable.
func New(o Options) (*Store, error) {
	if !filepath.IsAbs(o.Directory) {
		return nil, fault.New(fault.Invalid, "BadStoreConfiguration", "The directory of a filesystem store must be absolute, and %q is not.", o.Directory)
	}
	o.Directory = filepath.Clean(o.Directory)
	if o.FileMode == 0 {
		o.FileMode = defaultFileMode
	}
	if o.ChunkBytes <= 0 {
		o.ChunkBytes = defaultChunkBytes
	}
	if err := os.MkdirAll(o.Directory, directoryMode); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "BadStoreConfiguration", "The directory %s of a filesystem store cannot be made.", o.Directory)
	}
	return &Store{o}, nil
}

// Type implements storage.Store.
func (s *Store) Type() string { return "file" }

// Properties implements storage.Store.
func (s *Store) Properties() map[string]any {
	return map[string]any{"data_dir": s.options.Directory, "chunk_size": s.options.ChunkBytes, "thin_provisioning": s.options.Thin}
}

// URL implements storage.Store.
func (s *Store) URL(id string) string {
	return (&url.URL{Scheme: "file", Path: s.path(id)}).String()
}

// Path is the file that holds the data of an image, whether it is there or not.
func (s *Store) path(id string) string { return filepath.Join(s.options.Directory, id) }

// file is the path that a URL of this store means.
func (s *Store) file(location string) (string, bool) {
	u, err := url.Parse(location)
	if err != nil || u.Scheme != "file" || u.Host != "" {
		return "", false
	}
	name := filepath.Base(u.Path)
	path := s.path(name)
	return path, path == u.Path && !strings.HasPrefix(name, ".")
}

// Put implements storage.Store: the data goes into a file of another name, which is given its own when all is on the disk.
func (s *Store) Put(ctx context.Context, id string, r io.Reader) (location string, size int64, err error) {
	if id != filepath.Base(id) || strings.HasPrefix(id, ".") {
		return "", 0, fault.New(fault.Invalid, "", "%q is no name of an image's file.", id)
	}
	f, err := os.CreateTemp(s.options.Directory, incoming+id+"-*")
	if err != nil {
		return "", 0, classify(err)
	}
	kept := false
	defer func() {
		if !kept {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	if size, err = s.write(ctx, f, r); err != nil {
		return "", 0, err
	}
	if err := errors.Join(f.Chmod(s.options.FileMode), f.Sync()); err != nil {
		return "", 0, classify(err)
	}
	if err := os.Rename(f.Name(), s.path(id)); err != nil {
		return "", 0, classify(err)
	}
	kept = true
	if err := errors.Join(f.Close(), s.syncDirectory()); err != nil {
		return "", 0, classify(err)
	}
	return s.URL(id), size, nil
}

// write copies r, and says how much it was.
func (s *Store) write(ctx context.Context, f *os.File, r io.Reader) (size int64, err error) {
	chunk := make([]byte, s.options.ChunkBytes)
	zeros := make([]byte, s.options.ChunkBytes)
	for {
		if err := context.Cause(ctx); err != nil {
			return 0, err
		}
		n, err := storage.Fill(r, chunk)
		if n > 0 && !(s.options.Thin && bytes.Equal(chunk[:n], zeros[:n])) {
			if _, err := f.WriteAt(chunk[:n], size); err != nil {
				return 0, classify(err)
			}
		}
		size += int64(n)
		if err == io.EOF {
			return size, classify(f.Truncate(size)) // a hole at the end counts as well
		}
		if err != nil {
			return 0, err
		}
	}
}

func (s *Store) syncDirectory() error {
	d, err := os.Open(s.options.Directory)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Open implements storage.Store. What it gives is an *os.File when all is asked for.
func (s *Store) Open(_ context.Context, location string, offset, length int64) (io.ReadCloser, error) {
	path, ours := s.file(location)
	if !ours {
		return nil, storage.NotFound(nil)
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, classify(err)
	}
	if _, err := f.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(classify(err), f.Close())
	}
	if length < 0 {
		return f, nil
	}
	return struct {
		io.Reader
		io.Closer
	}{io.LimitReader(f, length), f}, nil
}

// Delete implements storage.Store.
func (s *Store) Delete(_ context.Context, location string) error {
	path, ours := s.file(location)
	if !ours {
		return nil
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return classify(err)
	}
	return nil
}

// IDs implements storage.Staging.
func (s *Store) IDs(context.Context) (ids []string, err error) {
	entries, err := os.ReadDir(s.options.Directory)
	if err != nil {
		return nil, classify(err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && !strings.HasPrefix(e.Name(), ".") {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// Tidy implements storage.Store.
func (s *Store) Tidy(context.Context) error {
	names, err := filepath.Glob(filepath.Join(escapeGlob(s.options.Directory), incoming+"*"))
	if err != nil {
		return classify(err)
	}
	for _, name := range names {
		if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return classify(err)
		}
	}
	return nil
}

func escapeGlob(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// classify gives an error of the operating system its meaning; nil stays nil.
func classify(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, unix.ENOSPC), errors.Is(err, unix.EDQUOT), errors.Is(err, unix.EFBIG):
		return storage.Full(err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, unix.EROFS):
		return storage.WriteDenied(err)
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ELOOP):
		return storage.NotFound(err)
	}
	return storage.Unavailable(err)
}
