// Package file serves files and block devices over NBD: it implements nbd.Device on a path of this machine.
//
// What must not live here: the protocol, and file formats. The bytes of the file are the bytes of the device.
package file

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"
	"syscall"

	"github.com/clinker/clinker/internal/nbd"
)

// zeroPieceBytes is how much WriteZeroes writes at a time where the file system has no better way.
const zeroPieceBytes = 256 << 10

// File is an nbd.Device over a regular file, whose bytes are the device's (a "raw" image, sparse or not), or over a block
// device. It works through the operating system's page cache, which all openers of a file share.
//
// Holes, fast zeroing and discarding need Linux; elsewhere, and on file systems that lack them, trims are ignored,
// zeroes are written, and everything counts as allocated.
type File struct {
	file *os.File
	// block says that it is a block device, whose zeroing of allocated space may be as slow as writing.
	block bool
	// noPunch and noZeroRange are set when the file system has said once that it cannot.
	noPunch, noZeroRange atomic.Bool
	// flushFailed is set by a failed flush. The kernel reports lost writes once and forgets them, so a later flush
	// that succeeds proves nothing: whoever opened this File is not told again that all is well.
	flushFailed atomic.Bool
}

var _ nbd.Device = (*File)(nil)

// Open opens a regular file or block device. The error is os.Open's, or says that the path is something else.
func Open(path string, readOnly bool) (*File, error) {
	mode := os.O_RDWR
	if readOnly {
		mode = os.O_RDONLY
	}
	// Without O_NONBLOCK, opening a FIFO by mistake would wait for ever for its other end.
	file, err := os.OpenFile(path, mode|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && !IsServable(info.Mode()) {
		err = fmt.Errorf("%s is neither a regular file nor a block device", path)
	}
	if err != nil {
		_ = file.Close() // nothing was written; the first error is the one that tells
		return nil, err
	}
	return &File{file: file, block: !info.Mode().IsRegular()}, nil
}

// IsServable says whether a file of this mode can be served: a regular file or a block device.
func IsServable(mode fs.FileMode) bool {
	return mode.IsRegular() || mode&(fs.ModeDevice|fs.ModeCharDevice) == fs.ModeDevice
}

// Size is the file's length as it is now. (Seeking works for block devices too, whose Stat says 0, and nothing else here
// uses the file's position.)
func (f *File) Size() (int64, error) { return f.file.Seek(0, io.SeekEnd) }

// ReadAt reads as nbd.Device says.
func (f *File) ReadAt(p []byte, offset int64) (int, error) { return f.file.ReadAt(p, offset) }

// WriteAt writes as nbd.Device says.
func (f *File) WriteAt(p []byte, offset int64) (int, error) { return f.file.WriteAt(p, offset) }

// Flush is fdatasync. Once it has failed it fails for good, until the file is opened anew.
func (f *File) Flush() error {
	if f.flushFailed.Load() {
		return errors.New("an earlier flush failed, writes may have been lost")
	}
	err := f.datasync()
	if err != nil {
		f.flushFailed.Store(true)
	}
	return err
}

// Trim punches a hole where the file system can.
func (f *File) Trim(offset, length int64) error {
	if err := f.punch(offset, length); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	return nil
}

// WriteZeroes punches a hole or zeroes allocated space without writing it where the file system can; otherwise it
// writes zeroes, unless that would not be fast enough.
func (f *File) WriteZeroes(offset, length int64, how nbd.Zeroing) error {
	if !how.NoHole {
		if err := f.punch(offset, length); !errors.Is(err, errors.ErrUnsupported) {
			return err
		}
	}
	if how.Fast && f.block {
		return errors.ErrUnsupported
	}
	if err := f.zeroRange(offset, length); !errors.Is(err, errors.ErrUnsupported) {
		return err
	}
	if how.Fast {
		return errors.ErrUnsupported
	}
	zeroes := make([]byte, min(length, zeroPieceBytes))
	for length > 0 {
		n, err := f.file.WriteAt(zeroes[:min(length, zeroPieceBytes)], offset)
		if err != nil {
			return err
		}
		offset += int64(n)
		length -= int64(n)
	}
	return nil
}

// Close closes the file. It does not flush: what was not flushed was not promised.
func (f *File) Close() error { return f.file.Close() }
