package imageformat

import (
	"bytes"
	"encoding/binary"
	"strings"
)

// Facts of VMDK: Virtual Disk Format 5.0, and the limits QEMU sets (block/vmdk.c).
const (
	vmdkHeaderBytes       = 64 // of the sparse header, as far as it is needed
	vmdkDescriptorOffset  = sector
	vmdkMostDescriptor    = 1<<20 - 1
	vmdkDirectoryAtEnd    = 1<<64 - 1
	vmdkTailBytes         = 3 * sector // footer marker, footer, end-of-stream marker
	vmdkMarkerEndOfStream = 0
	vmdkMarkerFooter      = 3
)

// vmdk recognizes both kinds of VMDK that readers take: a sparse extent with the descriptor in it (KDMV), and a descriptor
// alone, which is text that names other files and therefore never trusted.
type vmdk struct {
	header     window
	descriptor *window // opened when the header is known
	end        *tail   // of an image whose directory is at its end
	kind       vmdkKind
}

type vmdkKind uint8

const (
	vmdkUndecided vmdkKind = iota
	vmdkNone
	vmdkText
	vmdkSparse
)

func newVMDK() *vmdk { return &vmdk{header: window{length: vmdkHeaderBytes}} }

func (v *vmdk) see(at int64, p []byte) (enough bool) {
	if v.kind == vmdkUndecided {
		if !v.header.see(at, p) {
			return false
		}
		v.decide()
	}
	switch v.kind {
	case vmdkText:
		return v.seeText(at, p)
	case vmdkSparse:
		complete := v.descriptor == nil || v.descriptor.see(at, p)
		if v.end != nil {
			v.end.see(p)
			return false
		}
		return complete
	}
	return true
}

// seeText collects a descriptor that is all there is, up to what is no text any more.
func (v *vmdk) seeText(at int64, p []byte) (enough bool) {
	d := v.descriptor
	if len(d.data) == 0 && at > 0 { // the pieces before were so short that they went into the header alone
		d.data = append(d.data, v.header.data[:at]...)
	}
	before := len(d.data)
	complete := d.see(at, p)
	return complete || before+endOfText(d.data[before:]) < len(d.data)
}

// decide says by the first bytes what kind of VMDK it may be.
func (v *vmdk) decide() {
	h := v.header.data
	if !bytes.HasPrefix(h, []byte("KDMV")) {
		v.kind = vmdkNone
		if endOfText(h) == len(h) {
			v.kind = vmdkText
			v.descriptor = &window{length: vmdkMostDescriptor}
		}
		return
	}
	v.kind = vmdkSparse
	sparse := readSparse(h)
	if sparse.problem() == "" {
		size := min(sparse.descriptorSectors, vmdkMostDescriptor/sector+1) * sector
		v.descriptor = &window{offset: vmdkDescriptorOffset, length: int(min(size, vmdkMostDescriptor))}
	}
	if sparse.directory == vmdkDirectoryAtEnd {
		v.end = &tail{length: vmdkTailBytes}
	}
}

// endOfText is the index of the first byte that is no ASCII text.
func endOfText(p []byte) int {
	for i, c := range p {
		if c >= 0x7f || c < ' ' && (c < '\t' || c > '\r') {
			return i
		}
	}
	return len(p)
}

// sparseHeader is what is needed of a "hosted sparse extent" header.
type sparseHeader struct {
	magic                               string
	version                             uint32
	capacitySectors                     uint64
	descriptorSector, descriptorSectors uint64
	directory                           uint64 // sector of the grain directory
}

func readSparse(h []byte) sparseHeader {
	le := binary.LittleEndian
	return sparseHeader{magic: string(h[:4]), version: le.Uint32(h[4:]), capacitySectors: le.Uint64(h[12:]),
		descriptorSector: le.Uint64(h[28:]), descriptorSectors: le.Uint64(h[36:]), directory: le.Uint64(h[56:])}
}

// problem is why the header cannot be followed, empty when it can.
func (s sparseHeader) problem() string {
	switch {
	case s.version < 1 || s.version > 3:
		return "it is of a version of VMDK that is not supported"
	case s.descriptorSector*sector != vmdkDescriptorOffset:
		return "its descriptor is not where it should be"
	}
	return ""
}

func (v *vmdk) conclude(int64) (m Match, ok bool) {
	m.Format = VMDK
	if v.kind == vmdkUndecided && bytes.HasPrefix(v.header.data, []byte("KDMV")) {
		m.add(CheckHeader, "the image ends within its header")
		return m, true
	}
	switch v.kind {
	case vmdkText:
		text := strings.ToLower(string(v.descriptor.data[:endOfText(v.descriptor.data)]))
		if !strings.Contains(text, `createtype="`) {
			return Match{}, false
		}
		m.add(CheckDescriptor, "it is a descriptor whose data is in other files")
		return m, true
	case vmdkSparse:
		v.judge(&m)
		return m, true
	}
	return Match{}, false
}

func (v *vmdk) judge(m *Match) {
	sparse := readSparse(v.header.data)
	if text := sparse.problem(); text != "" {
		m.add(CheckHeader, text)
		return
	}
	if sparse.capacitySectors > (1<<63-1)/sector {
		m.add(CheckHeader, "the disk is larger than a disk can be")
	} else {
		m.VirtualSize = int64(sparse.capacitySectors) * sector
	}
	if !v.descriptor.full() {
		m.add(CheckDescriptor, "the image ends within its descriptor")
		return
	}
	judgeDescriptor(v.descriptor.data, m)
	if v.end != nil {
		if text := footerProblem(sparse, v.end.data); text != "" {
			m.add(CheckFooter, text)
		}
	}
}

// judgeDescriptor allows the descriptors of images that are one file: every line is understood, the type is
// monolithicSparse or streamOptimized, and no line leads to another file. Beyond what oslo.utils asks, every createType in
// the text must be allowed, because readers differ in which they take; the extents must be sparse ones; and no parent may
// be named, because QEMU makes it the backing file.
func judgeDescriptor(data []byte, m *Match) {
	if i := bytes.IndexByte(data, 0); i >= 0 { // padded
		data = data[:i]
	}
	if endOfText(data) < len(data) {
		m.add(CheckDescriptor, "its descriptor is no text")
		return
	}
	text := strings.ToLower(string(data))
	if text == "" {
		m.add(CheckDescriptor, "it has no descriptor")
		return
	}
	if !allowedTypes(text) {
		m.add(CheckDescriptor, "it is neither monolithicSparse nor streamOptimized")
	}
	if strings.Contains(text, "parentfilenamehint") {
		m.add(CheckBackingFile, "its descriptor names a parent")
	}
	if problem := linesProblem(text); problem != "" {
		m.add(CheckDescriptor, problem)
	}
}

// allowedTypes looks at every createType of a descriptor in lower case, wherever in the text it stands.
func allowedTypes(text string) bool {
	const key = "createtype"
	found := false
	for rest := text; ; {
		_, after, ok := strings.Cut(rest, key)
		if !ok {
			return found
		}
		if !strings.HasPrefix(after, `="monolithicsparse"`) && !strings.HasPrefix(after, `="streamoptimized"`) {
			return false
		}
		found, rest = true, after
	}
}

// linesProblem reads a descriptor in lower case line by line.
func linesProblem(text string) string {
	extents := 0
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || strings.HasPrefix(line, "ddb") {
			continue
		}
		if name, _, ok := strings.Cut(line, "="); ok && !strings.Contains(name, " ") {
			continue
		}
		fields := strings.Fields(line)
		switch fields[0] {
		case "rw", "rdonly", "noaccess":
		default:
			return "its descriptor has a line that is not understood"
		}
		extents++
		if len(fields) < 3 || fields[2] != "sparse" || strings.Contains(line, "/") {
			return "its descriptor leads to another file"
		}
	}
	if extents == 0 {
		return "its descriptor has no extent"
	}
	return ""
}

// footerProblem compares the footer with the header it replaces.
func footerProblem(header sparseHeader, end []byte) string {
	if len(end) < vmdkTailBytes {
		return "the image ends within its footer"
	}
	before, footer, after := end[:sector], readSparse(end[sector:]), end[2*sector:]
	switch {
	case footer.magic != header.magic || footer.version != header.version:
		return "header and footer are of different kinds"
	case footer.descriptorSector != header.descriptorSector || footer.descriptorSectors != header.descriptorSectors:
		return "the footer has another descriptor than the header"
	case footer.capacitySectors != header.capacitySectors:
		return "the footer has another size than the header"
	case footer.directory == vmdkDirectoryAtEnd:
		return "the footer leads to a further footer"
	case !isMarker(before, vmdkMarkerFooter):
		return "the marker before the footer is invalid"
	case !isMarker(after, vmdkMarkerEndOfStream) || binary.LittleEndian.Uint64(after) != 0:
		return "the marker at the end of the stream is invalid"
	}
	return ""
}

func isMarker(p []byte, kind uint32) bool {
	le := binary.LittleEndian
	return le.Uint32(p[8:]) == 0 && le.Uint32(p[12:]) == kind && allZero(p[16:sector])
}
