package file

import (
	"errors"
	"fmt"
	"iter"
	"os"
	"sync/atomic"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/nbd"
)

func (f *File) datasync() error { return f.onDescriptor("fdatasync", unix.Fdatasync) }

// punch deallocates a range, which then reads as zero; errors.ErrUnsupported if that cannot be done here.
func (f *File) punch(offset, length int64) error {
	return f.fallocate(&f.noPunch, unix.FALLOC_FL_PUNCH_HOLE|unix.FALLOC_FL_KEEP_SIZE, offset, length)
}

// zeroRange makes a range read as zero and keeps it allocated; errors.ErrUnsupported if that cannot be done here.
func (f *File) zeroRange(offset, length int64) error {
	return f.fallocate(&f.noZeroRange, unix.FALLOC_FL_ZERO_RANGE|unix.FALLOC_FL_KEEP_SIZE, offset, length)
}

func (f *File) fallocate(never *atomic.Bool, mode uint32, offset, length int64) error {
	if length == 0 {
		return nil
	}
	if never.Load() {
		return errors.ErrUnsupported
	}
	err := f.onDescriptor("fallocate", func(fd int) error { return unix.Fallocate(fd, mode, offset, length) })
	switch {
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.ENOSYS):
		never.Store(true)
		return errors.ErrUnsupported
	case errors.Is(err, unix.EINVAL):
		return errors.ErrUnsupported // a block device, and a range that does not fit its sectors: this range only
	}
	return err
}

// onDescriptor runs a system call on the file, again if a signal came in between. The descriptor stays open while it
// runs, whoever calls Close.
func (f *File) onDescriptor(call string, run func(fd int) error) error {
	raw, err := f.file.SyscallConn()
	if err != nil {
		return err
	}
	var result error
	err = raw.Control(func(fd uintptr) {
		for {
			if result = run(int(fd)); !errors.Is(result, unix.EINTR) {
				return
			}
		}
	})
	if err = errors.Join(err, result); err != nil {
		return fmt.Errorf("%s: %w", call, err)
	}
	return nil
}

// BlockStatus tells data from holes by lseek's SEEK_DATA and SEEK_HOLE. Where the file system keeps no such knowledge,
// all is data.
func (f *File) BlockStatus(offset, length int64) iter.Seq2[nbd.Extent, error] {
	return func(yield func(nbd.Extent, error) bool) {
		for end := offset + length; offset < end; {
			extent := nextExtent(f.file, offset, end)
			if !yield(extent, nil) {
				return
			}
			offset += extent.Length
		}
	}
}

// nextExtent is the extent at offset, cut at end; offset < end.
func nextExtent(file *os.File, offset, end int64) nbd.Extent {
	data, err := file.Seek(offset, unix.SEEK_DATA)
	if errors.Is(err, unix.ENXIO) {
		data, err = end, nil // no data from here to the end of the file
	}
	if err == nil && data > offset {
		return nbd.Extent{Length: min(data, end) - offset, Hole: true, Zero: true}
	}
	hole, err := file.Seek(offset, unix.SEEK_HOLE)
	if err != nil || hole <= offset { // the latter if a hole was punched this very moment
		hole = end
	}
	return nbd.Extent{Length: min(hole, end) - offset}
}
