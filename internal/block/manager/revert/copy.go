package revert

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/sys/unix"
)

// pieceBytes is how much is copied between two looks at ctx.
const pieceBytes = 1 << 20

// nextData is where, from offset on, a file may hold something else than zeros: size if nowhere, offset if it cannot tell.
func nextData(f *os.File, offset, size int64) int64 {
	at, err := unix.Seek(int(f.Fd()), offset, unix.SEEK_DATA)
	switch {
	case err == nil:
		return min(at, size)
	case errors.Is(err, unix.ENXIO):
		return size
	}
	return offset
}

// copyDevice makes the first size bytes of a device those of another. What is the same already is not written, so that
// holes stay holes and thin volumes thin.
func copyDevice(ctx context.Context, to, from string, size int64) (err error) {
	source, err := os.Open(from)
	if err != nil {
		return fmt.Errorf("the source of a revert: %w", err)
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_RDWR, 0)
	if err != nil {
		return fmt.Errorf("the volume to revert: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	wanted, there := make([]byte, pieceBytes), make([]byte, pieceBytes)
	for offset := int64(0); offset < size; offset += pieceBytes {
		// Where both have a hole, both read as zero.
		offset = max(offset, min(nextData(source, offset, size), nextData(target, offset, size))/pieceBytes*pieceBytes)
		if offset >= size {
			break
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		n := min(pieceBytes, size-offset)
		if _, err := io.ReadFull(io.NewSectionReader(source, offset, n), wanted[:n]); err != nil {
			return fmt.Errorf("read at %d: %w", offset, err)
		}
		if _, err := io.ReadFull(io.NewSectionReader(target, offset, n), there[:n]); err != nil {
			return fmt.Errorf("read the volume at %d: %w", offset, err)
		}
		if bytes.Equal(wanted[:n], there[:n]) {
			continue
		}
		if _, err := target.WriteAt(wanted[:n], offset); err != nil {
			return fmt.Errorf("write at %d: %w", offset, err)
		}
	}
	return target.Sync()
}
