package imageformat

import (
	"bytes"
	"encoding/binary"
)

// headed is a format that one header at a fixed place tells everything about.
type headed struct {
	window

	format Format
	// isOne recognizes the format by the header, which may be shorter than wanted when the image ends in it.
	isOne func(header []byte) bool
	// read fills in size and findings from a header that is complete.
	read func(header []byte, size int64, m *Match)
}

func (h *headed) see(at int64, p []byte) bool { return h.window.see(at, p) }

func (h *headed) conclude(size int64) (m Match, ok bool) {
	if !h.isOne(h.data) {
		return Match{}, false
	}
	m.Format = h.format
	if !h.full() {
		m.add(CheckHeader, "the image ends within its header")
		return m, true
	}
	h.read(h.data, size, &m)
	return m, true
}

func begins(magic string) func([]byte) bool {
	return func(header []byte) bool { return bytes.HasPrefix(header, []byte(magic)) }
}

const sector = 512

func headerProbes() []probe {
	at := func(offset int64, length int, f Format, isOne func([]byte) bool, read func([]byte, int64, *Match)) probe {
		return &headed{window{offset: offset, length: length}, f, isOne, read}
	}
	return []probe{
		at(0, sector, QCOW2, begins("QFI\xfb"), readQCOW2),
		at(0, sector, QED, begins("QED\x00"), readQED),
		at(0, sector, VHD, begins("conectix"), readVHD),
		at(0, sector, VDI, isVDI, readVDI),
		at(isoSystemArea, isoDescriptor, ISO, isISO, readISO),
		at(0, luksHeader, LUKS, begins("LUKS\xba\xbe"), readLUKS),
		at(0, sector, GPT, hasPartitions, readPartitions),
	}
}

// Incompatible features of qcow2 version 3 (docs/interop/qcow2.rst of QEMU). oslo.utils counts extended L2 entries among the
// unknown ones; QEMU has written them since 5.2.
const (
	qcow2DataFile      = 1 << 2
	qcow2KnownFeatures = 1<<5 - 1 // dirty, corrupt, external data file, compression type, extended L2 entries
)

func readQCOW2(h []byte, _ int64, m *Match) {
	be := binary.BigEndian
	clampSize(be.Uint64(h[24:]), m)
	if be.Uint64(h[8:]) != 0 {
		m.add(CheckBackingFile, "it has a backing file")
	}
	switch version := be.Uint32(h[4:]); version {
	case 2: // has no features
	case 3:
		features := be.Uint64(h[72:])
		if features&qcow2DataFile != 0 {
			m.add(CheckDataFile, "its data is in another file")
		}
		if features&^qcow2KnownFeatures != 0 {
			m.add(CheckUnknownFeatures, "it uses features that are not known")
		}
	default:
		m.add(CheckUnknownFeatures, "it is of a version of qcow that is not supported")
	}
}

func readQED(_ []byte, _ int64, m *Match) {
	m.add(CheckBanned, "the format qed is not allowed")
}

// vhdDifferencing is the disk type of an image that shows another one beneath.
const vhdDifferencing = 4

// readVHD reads the copy of the footer that a dynamic VHD begins with (Virtual Hard Disk Image Format Specification 1.0).
// That a differencing disk has a parent is a check of this package's own.
func readVHD(h []byte, _ int64, m *Match) {
	clampSize(binary.BigEndian.Uint64(h[48:]), m) // current size
	if size := binary.BigEndian.Uint64(h[40:]); m.VirtualSize == 0 {
		clampSize(size, m) // original size, for those who leave the other empty
	}
	if binary.BigEndian.Uint32(h[60:]) == vhdDifferencing {
		m.add(CheckBackingFile, "it is a differencing disk")
	}
}

func isVDI(h []byte) bool {
	return len(h) >= 0x44 && binary.LittleEndian.Uint32(h[0x40:]) == 0xbeda107f
}

// readVDI reads version 1.1 of the header. That a differencing image has a parent is a check of this package's own.
func readVDI(h []byte, _ int64, m *Match) {
	clampSize(binary.LittleEndian.Uint64(h[0x170:]), m)
	const differencing, link = 4, 0x1a8
	if binary.LittleEndian.Uint32(h[0x4c:]) == differencing || !allZero(h[link:link+16]) {
		m.add(CheckBackingFile, "it is a differencing image")
	}
}

const (
	isoSystemArea = 32 << 10
	isoDescriptor = 2 << 10
)

// isISO recognizes the first volume descriptor of ISO 9660, and those of UDF.
func isISO(h []byte) bool {
	if len(h) < 6 {
		return false
	}
	switch string(h[1:6]) {
	case "CD001", "NSR02", "NSR03":
		return true
	}
	return false
}

func readISO(h []byte, _ int64, m *Match) {
	const primary = 1
	if h[0] != primary {
		return
	}
	blocks, blockSize := binary.LittleEndian.Uint32(h[80:]), binary.LittleEndian.Uint16(h[128:])
	m.VirtualSize = int64(blocks) * int64(blockSize)
}

const luksHeader = 592

func readLUKS(h []byte, size int64, m *Match) {
	if binary.BigEndian.Uint16(h[6:]) != 1 {
		m.add(CheckVersion, "it is of a version of LUKS that is not supported")
		return
	}
	payload := int64(binary.BigEndian.Uint32(h[104:])) * sector
	if payload > size {
		m.add(CheckHeader, "the image ends before its data")
		return
	}
	m.VirtualSize = size - payload
}

func allZero(p []byte) bool { return len(bytes.TrimLeft(p, "\x00")) == 0 }
