package nbd

import (
	"iter"

	"github.com/clinker/clinker/internal/nbd/wire"
)

// Device is a range of bytes that an Export serves; package file has one over files. All methods but Close are called concurrently, by every connection
// of the export. Offsets and lengths lie within the size last reported and are never negative.
//
// What one connection has written, every other must read at once, and Flush must cover the completed writes of all:
// the server tells clients that they may spread their requests over several connections.
type Device interface {
	// Size is the length in bytes. It may grow while the device is in use, and must not shrink.
	Size() (int64, error)
	// ReadAt fills p or fails, as io.ReaderAt says.
	ReadAt(p []byte, offset int64) (int, error)
	// WriteAt writes all of p or fails, as io.WriterAt says.
	WriteAt(p []byte, offset int64) (int, error)
	// Flush returns when everything whose write, trim or zeroing returned before Flush was called would survive a
	// power cut.
	Flush() error
	// Trim is a hint that the bytes are no longer needed; they may read as anything afterwards. Doing nothing is right.
	Trim(offset, length int64) error
	// WriteZeroes makes the bytes read as zero.
	WriteZeroes(offset, length int64, how Zeroing) error
	// BlockStatus describes the bytes from offset on, one extent after the other without gaps, at least one for a
	// length above zero. It may say less than was asked, and may call everything allocated. The reader may stop early.
	BlockStatus(offset, length int64) iter.Seq2[Extent, error]
	// Close releases the device; it is called once, after everything else has returned.
	Close() error
}

// Zeroing says how WriteZeroes is to go about it.
type Zeroing struct {
	// NoHole asks that the range stays, or becomes, allocated; otherwise a hole will do.
	NoHole bool
	// Fast asks to fail with errors.ErrUnsupported, and to change nothing, where zeroing is no quicker than writing
	// zeroes would be.
	Fast bool
}

// Extent is a run of bytes of one status.
type Extent struct {
	Length int64
	// Hole says that no space is taken, and a later write might find none left. Unknown counts as false.
	Hole bool
	// Zero says that the bytes read as zero. Unknown counts as false.
	Zero bool
}

// status is the extent's flags in the base:allocation context.
func (e Extent) status() uint32 {
	var s uint32
	if e.Hole {
		s |= wire.StateHole
	}
	if e.Zero {
		s |= wire.StateZero
	}
	return s
}
