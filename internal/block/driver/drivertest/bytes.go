package drivertest

import (
	"bytes"
	"errors"
	"io"
	"maps"
	"os"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
)

// pageBytes is the grain of the model of a volume's content.
const pageBytes = 4096

// content is what a volume should hold: its length, and the pages that are not zero.
type content struct {
	sizeGiB int64
	pages   map[int64][]byte // by offset
}

func empty(sizeGiB int64) content { return content{sizeGiB: sizeGiB, pages: map[int64][]byte{}} }

// grown is the content of a copy of this size.
func (c content) grown(sizeGiB int64) content {
	return content{sizeGiB: sizeGiB, pages: maps.Clone(c.pages)}
}

// page is a page full of a pattern that no other seed has.
func page(seed byte) []byte {
	p := make([]byte, pageBytes)
	for i := range p {
		p[i] = seed ^ byte(i) ^ byte(i>>8) | 1
	}
	return p
}

// spread are offsets that matter: both ends, both sides of a boundary, and somewhere in between.
func spread(sizeGiB int64) []int64 {
	size := sizeGiB * block.GiB
	return []int64{0, pageBytes, 1 << 20, 64<<20 - pageBytes, 64 << 20, size / 2, size - pageBytes}
}

// device is the open device of a volume.
func (f *fixture) device(v driver.Volume) *os.File {
	f.tb.Helper()
	path, err := f.b.Device(f.t.Context(), v)
	f.must("Device", err)
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	f.must("open the device", err)
	return file
}

// write puts pages of this seed at the offsets, into the volume and into what it should hold.
func (f *fixture) write(v driver.Volume, c content, seed byte, offsets ...int64) {
	f.tb.Helper()
	if f.NoBytes {
		return
	}
	file := f.device(v)
	defer file.Close()
	for _, offset := range offsets {
		c.pages[offset] = page(seed)
		_, err := file.WriteAt(c.pages[offset], offset)
		f.must("write", err)
	}
}

// check compares a volume's bytes with what it should hold. Holes are believed; every byte outside of them is read.
func (f *fixture) check(what string, v driver.Volume, want content) {
	f.tb.Helper()
	if f.NoBytes {
		return
	}
	file := f.device(v)
	defer file.Close()
	size, err := file.Seek(0, io.SeekEnd)
	f.must("seek", err)
	if size != want.sizeGiB*block.GiB {
		f.tb.Fatalf("%s: the device is %d bytes long, want %d", what, size, want.sizeGiB*block.GiB)
	}
	got := make([]byte, pageBytes)
	for offset, page := range want.pages {
		_, err := file.ReadAt(got, offset)
		f.must("read", err)
		if !bytes.Equal(got, page) {
			f.tb.Fatalf("%s: page at %d begins %x, want %x", what, offset, got[:8], page[:8])
		}
	}
	f.checkZero(what, file, size, want)
}

// checkZero checks that every page that should be zero is.
func (f *fixture) checkZero(what string, file *os.File, size int64, want content) {
	f.tb.Helper()
	zero, got := make([]byte, pageBytes), make([]byte, pageBytes)
	for offset := int64(0); offset < size; {
		data, err := unix.Seek(int(file.Fd()), offset, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return // all that is left is a hole
		}
		f.must("seek to data", err)
		hole, err := unix.Seek(int(file.Fd()), data, unix.SEEK_HOLE)
		f.must("seek to hole", err)
		for offset = data &^ (pageBytes - 1); offset < hole; offset += pageBytes {
			if want.pages[offset] != nil {
				continue
			}
			_, err := file.ReadAt(got, offset)
			f.must("read", err)
			if !bytes.Equal(got, zero) {
				f.tb.Fatalf("%s: page at %d is not zero but begins %x", what, offset, got[:8])
			}
		}
	}
}

// checkSnapshot compares what a volume made from the snapshot holds, and removes that volume again.
func (f *fixture) checkSnapshot(what string, s driver.Snapshot, want content) {
	f.tb.Helper()
	v := newVolume(s.SizeGiB)
	f.fromSnapshot(v, s)
	f.check(what, v, want.grown(s.SizeGiB))
	f.must("DeleteVolume", f.b.DeleteVolume(f.t.Context(), v))
}
