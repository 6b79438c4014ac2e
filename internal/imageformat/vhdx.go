package imageformat

import (
	"bytes"
	"encoding/binary"
)

// Facts of VHDX: [MS-VHDX], and its limits.
const (
	vhdxRegionTable      = 192 << 10
	vhdxTableBytes       = 64 << 10 // of the region table, and of the metadata table
	vhdxEntryBytes       = 32
	vhdxMostEntries      = 2047
	vhdxFirstRegion      = 1 << 20 // before it are the headers
	vhdxItemsOffset      = 64 << 10
	vhdxMostMetadata     = 1 << 40 // no region is that far away from the beginning of the metadata
	vhdxParametersParent = 1 << 1
)

// The identifiers of what is looked for, as they are stored.
var (
	vhdxMetadataRegion  = []byte{0x06, 0xa2, 0x7c, 0x8b, 0x90, 0x47, 0x9a, 0x4b, 0xb8, 0xfe, 0x57, 0x5f, 0x05, 0x0f, 0x88, 0x6e}
	vhdxVirtualDiskSize = []byte{0x24, 0x42, 0xa5, 0x2f, 0x1b, 0xcd, 0x76, 0x48, 0xb2, 0x11, 0x5d, 0xbe, 0xd8, 0x3b, 0xf4, 0xb8}
	vhdxFileParameters  = []byte{0x37, 0x67, 0xa1, 0xca, 0x36, 0xfa, 0x43, 0x4d, 0xb3, 0xb6, 0x33, 0xf0, 0xaa, 0x44, 0xe7, 0x6b}
)

// vhdx follows the tables of a VHDX to its size, as far as they lead forwards.
type vhdx struct {
	identity, regions          window
	metadata, size, parameters *window
	problem                    string
}

func newVHDX() *vhdx {
	return &vhdx{identity: window{length: 8}, regions: window{offset: vhdxRegionTable, length: vhdxTableBytes}}
}

func (v *vhdx) isOne() bool { return bytes.Equal(v.identity.data, []byte("vhdxfile")) }

func (v *vhdx) see(at int64, p []byte) (enough bool) {
	if !v.identity.see(at, p) {
		return false
	}
	if !v.isOne() || v.problem != "" {
		return true
	}
	if !v.regions.see(at, p) {
		return false
	}
	if v.metadata == nil && !v.openMetadata() {
		return true
	}
	if !v.metadata.see(at, p) {
		return false
	}
	if v.size == nil && !v.openItems() {
		return true
	}
	sized, parametered := v.size.see(at, p), v.parameters.see(at, p)
	return sized && parametered
}

// openMetadata finds the metadata region in the region table; without it there is a problem.
func (v *vhdx) openMetadata() bool {
	entry := v.entry(v.regions.data, "regi", 16, 8, binary.LittleEndian.Uint32, vhdxMetadataRegion)
	if entry == nil {
		return false
	}
	offset := binary.LittleEndian.Uint64(entry[16:])
	if offset < vhdxFirstRegion || offset > vhdxMostMetadata {
		v.problem = "its metadata is where none can be"
		return false
	}
	v.metadata = &window{offset: int64(offset), length: vhdxTableBytes}
	return true
}

// openItems finds the items in the metadata table.
func (v *vhdx) openItems() bool {
	if v.metadata.missed {
		v.problem = "its metadata is where none can be"
		return false
	}
	count := func(p []byte) uint32 { return uint32(binary.LittleEndian.Uint16(p)) }
	open := func(id []byte) *window {
		entry := v.entry(v.metadata.data, "metadata", vhdxEntryBytes, 10, count, id)
		if entry == nil {
			return nil
		}
		offset, length := binary.LittleEndian.Uint32(entry[16:]), binary.LittleEndian.Uint32(entry[20:])
		if offset < vhdxItemsOffset || length != 8 {
			v.problem = "an item of its metadata is where none can be"
			return nil
		}
		return &window{offset: v.metadata.offset + int64(offset), length: 8}
	}
	v.size, v.parameters = open(vhdxVirtualDiskSize), open(vhdxFileParameters)
	return v.size != nil && v.parameters != nil
}

// entry finds the entry of an identifier in a table that begins with a signature and has its entries' count at
// countAt. nil, and a problem, when it is not there.
func (v *vhdx) entry(table []byte, signature string, first, countAt int, count func([]byte) uint32, id []byte) []byte {
	if !bytes.HasPrefix(table, []byte(signature)) {
		v.problem = "a table of its headers has no signature"
		return nil
	}
	n := count(table[countAt:])
	if n > vhdxMostEntries {
		v.problem = "a table of its headers has too many entries"
		return nil
	}
	for i := range int(n) {
		at := first + i*vhdxEntryBytes
		if at+vhdxEntryBytes > len(table) {
			break
		}
		if e := table[at : at+vhdxEntryBytes]; bytes.Equal(e[:16], id) {
			return e
		}
	}
	v.problem = "its headers lack what says how large the disk is"
	return nil
}

// conclude has one check that oslo.utils has not: an image with a parent is a finding.
func (v *vhdx) conclude(int64) (m Match, ok bool) {
	if !v.isOne() {
		return Match{}, false
	}
	m.Format = VHDX
	switch {
	case v.problem != "":
		m.add(CheckHeader, v.problem)
	case v.size == nil || !v.size.full() || !v.parameters.full():
		m.add(CheckHeader, "the image ends within its headers")
	default:
		clampSize(binary.LittleEndian.Uint64(v.size.data), &m)
		if binary.LittleEndian.Uint32(v.parameters.data[4:])&vhdxParametersParent != 0 {
			m.add(CheckBackingFile, "it is a differencing disk")
		}
	}
	return m, true
}
