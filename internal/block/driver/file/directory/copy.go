package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

const (
	// ChunkBytes is how much is copied between two looks at the context.
	ChunkBytes = 8 << 20
	// flushBytes is how much is copied between two flushes, so that the last one, which nothing can interrupt, is short.
	flushBytes = 128 << 20
	// bufferBytes is what a copy through our own memory takes.
	bufferBytes = 1 << 20
)

// NotSupported says whether an error of a clever system call means that this file system, or this pair of files, has to
// be copied the plain way.
func NotSupported(err error) bool {
	for _, no := range []error{unix.EOPNOTSUPP, unix.ENOTTY, unix.EXDEV, unix.EINVAL, unix.ENOSYS} {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// CopySparse copies the first size bytes of source to the same places of an empty file and leaves its holes out. step is called
// with "copy" before every change, and an error of it ends the copy. Nothing is flushed at the end.
func CopySparse(ctx context.Context, file, source *os.File, size int64, step func(name string) error) error {
	w := &copier{step: step, file: file, source: source}
	for offset := int64(0); offset < size; {
		begin, end, err := nextData(source, offset, size)
		if err != nil {
			return err
		}
		if err := w.copyRange(ctx, begin, end); err != nil {
			return err
		}
		offset = end
	}
	return nil
}

// nextData finds the next part of a file, from offset on and before size, that may hold data. When there is none, it is
// an empty part at size. A file system that knows no holes has one part.
func nextData(f *os.File, offset, size int64) (begin, end int64, err error) {
	begin, err = unix.Seek(int(f.Fd()), offset, unix.SEEK_DATA)
	switch {
	case errors.Is(err, unix.ENXIO):
		return size, size, nil
	case err != nil && NotSupported(err):
		return offset, size, nil
	case err != nil:
		return 0, 0, fmt.Errorf("seek to data: %w", err)
	}
	end, err = unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE)
	if err != nil {
		return 0, 0, fmt.Errorf("seek to hole: %w", err)
	}
	return min(begin, size), min(end, size), nil
}

// copier copies parts of one file to the same places of another.
type copier struct {
	step         func(name string) error
	file, source *os.File
	unflushed    int64
	buffer       []byte // not nil once copy_file_range has turned out not to work here
}

func (w *copier) copyRange(ctx context.Context, begin, end int64) error {
	for begin < end {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := w.step("copy"); err != nil {
			return err
		}
		n, err := w.copyChunk(begin, min(end-begin, ChunkBytes))
		if err != nil {
			return err
		}
		begin += n
		if w.unflushed += n; w.unflushed >= flushBytes {
			if err := unix.Fdatasync(int(w.file.Fd())); err != nil {
				return fmt.Errorf("fdatasync: %w", err)
			}
			w.unflushed = 0
		}
	}
	return nil
}

// copyChunk copies at most size bytes, and at least one.
func (w *copier) copyChunk(offset, size int64) (int64, error) {
	if w.buffer == nil {
		from, to := offset, offset
		n, err := unix.CopyFileRange(int(w.source.Fd()), &from, int(w.file.Fd()), &to, int(size), 0)
		switch {
		case errors.Is(err, unix.EINTR):
			return w.copyChunk(offset, size)
		case err == nil && n > 0:
			return int64(n), nil
		case err == nil:
			return 0, fmt.Errorf("copy at %d: %w", offset, io.ErrUnexpectedEOF)
		case !NotSupported(err):
			return 0, fmt.Errorf("copy at %d: %w", offset, err)
		}
		w.buffer = make([]byte, bufferBytes)
	}
	part := w.buffer[:min(size, bufferBytes)]
	n, err := w.source.ReadAt(part, offset)
	if err != nil && (n == 0 || !errors.Is(err, io.EOF)) {
		return 0, fmt.Errorf("read at %d: %w", offset, err)
	}
	if _, err := w.file.WriteAt(part[:n], offset); err != nil {
		return 0, err
	}
	return int64(n), nil
}
