package content

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/clinker/clinker/internal/nbd"
	"github.com/clinker/clinker/internal/nbd/file"
)

const (
	pieceBytes = 1 << 20
	// flushBytes is how much is written between two flushes, so that the last one, which nothing can interrupt, is short.
	flushBytes = 128 << 20
)

// device is a volume being filled from its beginning. Zeroes are not written but made, so that sparse volumes stay sparse.
type device struct {
	Device
	file      *file.File
	at        int64 // where the next bytes belong
	zeroFrom  int64 // from here to at there are to be zeroes that have not been made yet
	unflushed int64
}

func openDevice(d Device) (*device, error) {
	f, err := file.Open(d.Path, false)
	if err != nil {
		return nil, err
	}
	return &device{Device: d, file: f}, nil
}

// zeroes is what a piece without anything in it looks like.
var zeroes [pieceBytes]byte

// copy writes all of r.
func (d *device) copy(ctx context.Context, r io.Reader) error {
	piece := make([]byte, pieceBytes)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.ReadFull(r, piece)
		if n > 0 {
			if err := d.write(piece[:n]); err != nil {
				return err
			}
		}
		switch {
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil
		case err != nil:
			return err
		}
	}
}

func (d *device) write(p []byte) error {
	if bytes.Equal(p, zeroes[:len(p)]) {
		d.at += int64(len(p))
		return nil
	}
	if err := d.makeZeroes(); err != nil {
		return err
	}
	if _, err := d.file.WriteAt(p, d.at); err != nil {
		return err
	}
	d.at += int64(len(p))
	d.zeroFrom = d.at
	if d.unflushed += int64(len(p)); d.unflushed >= flushBytes {
		d.unflushed = 0
		return d.file.Flush()
	}
	return nil
}

// makeZeroes makes the zeroes that are still owed.
func (d *device) makeZeroes() error {
	// In pieces, since a device that cannot do it at once has them written.
	for d.zeroFrom < d.at {
		n := min(d.at-d.zeroFrom, flushBytes)
		if err := d.file.WriteZeroes(d.zeroFrom, n, nbd.Zeroing{}); err != nil {
			return err
		}
		d.zeroFrom += n
	}
	return nil
}

// end makes the zeroes at the end, up to the device's if it is to be cleared, and brings everything to disk.
func (d *device) end(ctx context.Context) error {
	if d.Clear && d.at < d.SizeBytes {
		d.at = d.SizeBytes
	}
	if err := d.makeZeroes(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.file.Flush()
}

func (d *device) close() error { return d.file.Close() }

// finish does for a device that somebody else has filled up to an offset what is left to do: clearing, and bringing to disk.
func finish(ctx context.Context, d Device, filled int64) error {
	w, err := openDevice(d)
	if err != nil {
		return copyFailure(err)
	}
	w.at, w.zeroFrom = filled, filled
	return copyFailure(errors.Join(w.end(ctx), w.close()))
}
