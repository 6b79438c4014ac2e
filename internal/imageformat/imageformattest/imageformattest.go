// Package imageformattest makes disk images for tests, byte by byte: sound ones of every format, and hostile ones that
// lead to other files, contradict themselves or end early.
//
// What must not live here: images taken from elsewhere; what a test is about must be seen in the code that makes it.
package imageformattest

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/clinker/clinker/internal/imageformat"
)

// Image is a disk image and what must be found out about it.
type Image struct {
	Name        string
	Bytes       []byte
	Format      imageformat.Format
	VirtualSize int64
	Checks      []string // the checks with a finding, in the order they are found
	Ambiguous   bool     // it is of several formats; Format is not said
}

const (
	sector = 512
	mib    = 1 << 20
)

var (
	le = binary.LittleEndian
	be = binary.BigEndian
)

// Corpus is all images of this package.
func Corpus() []Image {
	var all []Image
	for _, some := range [][]Image{plain(), qcow2s(), vmdks(), microsofts(), others(), partitioned(), truncated()} {
		all = append(all, some...)
	}
	return all
}

func plain() []Image {
	return []Image{
		{Name: "empty", Format: imageformat.Raw},
		{Name: "raw zeros", Bytes: make([]byte, mib), Format: imageformat.Raw, VirtualSize: mib},
		{Name: "raw text", Bytes: []byte(strings.Repeat("#!/bin/sh\n", 100)), Format: imageformat.Raw, VirtualSize: 1000},
		{Name: "raw with a magic elsewhere", Bytes: append(make([]byte, sector), QCOW2(3, mib)...), Format: imageformat.Raw,
			VirtualSize: sector + int64(len(QCOW2(3, mib)))},
	}
}

// QCOW2 is a qcow2 image of nothing, with 64 KiB clusters, that QEMU reads.
func QCOW2(version uint32, virtualSize uint64) []byte {
	const cluster = 64 << 10
	b := make([]byte, 4*cluster)
	copy(b, "QFI\xfb")
	be.PutUint32(b[4:], version)
	be.PutUint32(b[20:], 16) // cluster_bits
	be.PutUint64(b[24:], virtualSize)
	be.PutUint32(b[36:], uint32((virtualSize+cluster*cluster/8-1)/(cluster*cluster/8))) // l1_size
	be.PutUint64(b[40:], 3*cluster)                                                     // l1_table_offset
	be.PutUint64(b[48:], cluster)                                                       // refcount_table_offset
	be.PutUint32(b[56:], 1)                                                             // refcount_table_clusters
	if version > 2 {
		be.PutUint32(b[96:], 4)    // refcount_order
		be.PutUint32(b[100:], 104) // header_length
	}
	be.PutUint64(b[cluster:], 2*cluster)
	for i := range 4 {
		be.PutUint16(b[2*cluster+2*i:], 1)
	}
	return b
}

// QCOW2WithBackingFile is a qcow2 image that shows another file.
func QCOW2WithBackingFile(name string) []byte {
	b := QCOW2(3, mib)
	be.PutUint64(b[8:], 1024)
	be.PutUint32(b[16:], uint32(len(name)))
	copy(b[1024:], name)
	return b
}

// QCOW2WithFeatures is a qcow2 image with these incompatible features.
func QCOW2WithFeatures(bits uint64) []byte {
	b := QCOW2(3, mib)
	be.PutUint64(b[72:], bits)
	return b
}

func qcow2s() []Image {
	q := func(name string, b []byte, checks ...string) Image {
		return Image{Name: "qcow2 " + name, Bytes: b, Format: imageformat.QCOW2, VirtualSize: mib, Checks: checks}
	}
	endless := q("of an impossible size", QCOW2(3, mib), imageformat.CheckHeader)
	be.PutUint64(endless.Bytes[24:], 1<<63)
	endless.VirtualSize = 0
	return []Image{
		q("version 2", QCOW2(2, mib)), q("version 3", QCOW2(3, mib)),
		q("with extended L2 entries", QCOW2WithFeatures(1<<4)),
		q("version 1", QCOW2(1, mib), imageformat.CheckUnknownFeatures),
		q("version 4", QCOW2(4, mib), imageformat.CheckUnknownFeatures),
		q("with a backing file", QCOW2WithBackingFile("/etc/passwd"), imageformat.CheckBackingFile),
		q("with an external data file", QCOW2WithFeatures(1<<2), imageformat.CheckDataFile),
		q("with a feature of the future", QCOW2WithFeatures(1<<5), imageformat.CheckUnknownFeatures),
		q("with the last feature", QCOW2WithFeatures(1<<63), imageformat.CheckUnknownFeatures),
		endless,
	}
}

// Descriptor is a VMDK descriptor of one sparse extent, of the type given.
func Descriptor(createType string) string {
	return fmt.Sprintf("# Disk DescriptorFile\nversion=1\nCID=fffffffe\nparentCID=ffffffff\ncreateType=\"%s\"\n\n"+
		"# Extent description\nRW 2048 SPARSE \"disk.vmdk\"\n\n# The Disk Data Base\n#DDB\n\nddb.virtualHWVersion = \"4\"\n"+
		"ddb.geometry.cylinders = \"2\"\n", createType)
}

// VMDK is a sparse extent of one MiB with a descriptor in it.
func VMDK(descriptor string) []byte {
	const descriptorSectors = 20
	b := make([]byte, 128*sector)
	copy(b, "KDMV")
	le.PutUint32(b[4:], 1)     // version
	le.PutUint32(b[8:], 3)     // flags
	le.PutUint64(b[12:], 2048) // capacity
	le.PutUint64(b[20:], 128)  // grain size
	le.PutUint64(b[28:], 1)    // descriptor
	le.PutUint64(b[36:], descriptorSectors)
	le.PutUint32(b[44:], 512) // entries of a grain table
	le.PutUint64(b[48:], 21)  // redundant grain directory
	le.PutUint64(b[56:], 26)  // grain directory
	le.PutUint64(b[64:], 128) // overhead
	copy(b[73:], "\n \r\n")
	copy(b[sector:sector*(1+descriptorSectors)], descriptor)
	le.PutUint32(b[21*sector:], 22) // where the grain tables are
	le.PutUint32(b[26*sector:], 27)
	return b
}

// StreamVMDK is a stream-optimized extent with its grain directory at the end, and change may spoil its last three sectors:
// the footer's marker, the footer and the end of the stream.
func StreamVMDK(change func(marker, footer, end []byte)) []byte {
	b := VMDK(Descriptor("streamOptimized"))
	le.PutUint32(b[4:], 3)
	le.PutUint64(b[56:], 1<<64-1)
	last := make([]byte, 3*sector)
	marker, footer, end := last[:sector], last[sector:2*sector], last[2*sector:]
	le.PutUint64(marker, 1)
	le.PutUint32(marker[12:], 3)
	copy(footer, b[:sector])
	le.PutUint64(footer[56:], 26)
	if change != nil {
		change(marker, footer, end)
	}
	return append(b, last...)
}

func vmdks() []Image {
	v := func(name string, b []byte, checks ...string) Image {
		return Image{Name: "vmdk " + name, Bytes: b, Format: imageformat.VMDK, VirtualSize: mib, Checks: checks}
	}
	sparse := Descriptor("monolithicSparse")
	with := func(old, new string) []byte { return VMDK(strings.Replace(sparse, old, new, 1)) }
	const bad = imageformat.CheckDescriptor
	list := []Image{
		v("sparse", VMDK(sparse)), v("stream", StreamVMDK(nil)),
		v("flat", VMDK(Descriptor("monolithicFlat")), bad),
		v("without a type", with("createType", "kind"), bad),
		v("with two types", with("createType=", "createtype=\"monolithicSparse\"\ncreateType=\"monolithicFlat\"\n#"), bad),
		v("with another type in a comment", with("#DDB", `# createType="monolithicFlat"`), bad),
		v("leading to another file", with(`"disk.vmdk"`, `"/etc/passwd"`), bad),
		v("with a flat extent", with("SPARSE", "FLAT"), bad),
		v("without an extent", with("RW 2048", "# RW 2048"), bad),
		v("with a line of its own", with("#DDB", "include secrets"), bad),
		v("with a parent", with("#DDB", `parentFileNameHint="/etc/passwd"`), imageformat.CheckBackingFile),
		v("with a parent in a comment", with("#DDB", `# parentFileNameHint="/etc/passwd"`), imageformat.CheckBackingFile),
		v("that is no text", with("#DDB", "\x01\x02"), bad),
		v("with an empty descriptor", VMDK(""), bad),
	}
	footer := func(name string, change func(marker, footer, end []byte)) {
		list = append(list, v("with a footer "+name, StreamVMDK(change), imageformat.CheckFooter))
	}
	footer("of another descriptor", func(_, footer, _ []byte) { le.PutUint64(footer[36:], 7) })
	footer("of another version", func(_, footer, _ []byte) { le.PutUint32(footer[4:], 1) })
	footer("of another size", func(_, footer, _ []byte) { le.PutUint64(footer[12:], 7) })
	footer("without a magic", func(_, footer, _ []byte) { footer[0] = 0 })
	footer("of a footer", func(_, footer, _ []byte) { le.PutUint64(footer[56:], 1<<64-1) })
	footer("of no marker", func(marker, _, _ []byte) { clear(marker) })
	footer("and more behind", func(_, _, end []byte) { end[100] = 1 })

	elsewhere := v("with its descriptor elsewhere", VMDK(sparse), imageformat.CheckHeader)
	le.PutUint64(elsewhere.Bytes[28:], 2)
	future := v("of version 9", VMDK(sparse), imageformat.CheckHeader)
	le.PutUint32(future.Bytes[4:], 9)
	endless := v("of an impossible size", VMDK(sparse), imageformat.CheckHeader)
	le.PutUint64(endless.Bytes[12:], 1<<62)
	text := v("descriptor alone", []byte(Descriptor("monolithicFlat")), bad)
	disguised := v("descriptor alone, and rubbish behind", append([]byte(sparse), make([]byte, mib)...), bad)
	for _, i := range []*Image{&elsewhere, &future, &endless, &text, &disguised} {
		i.VirtualSize = 0
	}
	return append(list, elsewhere, future, endless, text, disguised)
}

// VHD is the beginning of a dynamic VHD.
func VHD(virtualSize uint64, diskType uint32) []byte {
	b := make([]byte, 3*sector)
	copy(b, "conectix")
	be.PutUint64(b[40:], virtualSize)
	be.PutUint64(b[48:], virtualSize)
	be.PutUint32(b[60:], diskType)
	return b
}

// VHDX is the beginning of a VHDX whose metadata lies at an offset.
func VHDX(virtualSize, metadataOffset uint64, parent bool) []byte {
	b := make([]byte, max(metadataOffset, mib)+mib)
	copy(b, "vhdxfile")
	regions := b[192<<10:]
	copy(regions, "regi")
	le.PutUint32(regions[8:], 2)
	copy(regions[16:], guid("2DC27766-F623-4200-9D64-115E9BFD4A08")) // block allocation table
	le.PutUint64(regions[32:], 3*mib)
	copy(regions[48:], guid("8B7CA206-4790-4B9A-B8FE-575F050F886E")) // metadata
	le.PutUint64(regions[64:], metadataOffset)
	metadata := b[metadataOffset:]
	copy(metadata, "metadata")
	le.PutUint16(metadata[10:], 2)
	item := func(n int, id string, offset uint32) {
		e := metadata[32+32*n:]
		copy(e, guid(id))
		le.PutUint32(e[16:], offset)
		le.PutUint32(e[20:], 8)
	}
	item(0, "CAA16737-FA36-4D43-B3B6-33F0AA44E76B", 64<<10)
	item(1, "2FA54224-CD1B-4876-B211-5DBED83BF4B8", 64<<10+8)
	if parent {
		metadata[64<<10+4] = 2
	}
	le.PutUint64(metadata[64<<10+8:], virtualSize)
	return b
}

// guid is a GUID as Microsoft stores it: the first three groups turned round.
func guid(text string) []byte {
	var a uint32
	var b, c uint16
	var d [8]byte
	text = strings.ReplaceAll(text, "-", "")
	if _, err := fmt.Sscanf(text, "%08x%04x%04x", &a, &b, &c); err != nil {
		panic(err)
	}
	for i := range d {
		if _, err := fmt.Sscanf(text[16+2*i:], "%02x", &d[i]); err != nil {
			panic(err)
		}
	}
	out := le.AppendUint32(nil, a)
	out = le.AppendUint16(le.AppendUint16(out, b), c)
	return append(out, d[:]...)
}

func microsofts() []Image {
	changed := func(b []byte, change func(b []byte)) []byte {
		change(b)
		return b
	}
	x := func(name string, b []byte, size int64, checks ...string) Image {
		return Image{Name: "vhdx " + name, Bytes: b, Format: imageformat.VHDX, VirtualSize: size, Checks: checks}
	}
	const bad = imageformat.CheckHeader
	return []Image{
		{Name: "vhd", Bytes: VHD(mib, 3), Format: imageformat.VHD, VirtualSize: mib},
		{Name: "vhd that is differencing", Bytes: VHD(mib, 4), Format: imageformat.VHD, VirtualSize: mib, Checks: []string{imageformat.CheckBackingFile}},
		{Name: "vhd of an impossible size", Bytes: VHD(1<<63, 3), Format: imageformat.VHD, Checks: []string{bad, bad}},
		x("", VHDX(5*mib, 2*mib, false), 5*mib),
		x("right behind its headers", VHDX(5*mib, mib, false), 5*mib),
		x("that is differencing", VHDX(5*mib, 2*mib, true), 5*mib, imageformat.CheckBackingFile),
		x("of an impossible size", VHDX(1<<63, 2*mib, false), 0, bad),
		x("with metadata in its headers", VHDX(5*mib, 64<<10, false), 0, bad),
		x("with metadata nowhere", changed(VHDX(5*mib, 2*mib, false), func(b []byte) { le.PutUint64(b[192<<10+64:], 1<<63) }), 0, bad),
		x("with metadata behind its end", changed(VHDX(5*mib, 2*mib, false), func(b []byte) { le.PutUint64(b[192<<10+64:], 64*mib) }), 0, bad),
		x("without a region table", changed(VHDX(5*mib, 2*mib, false), func(b []byte) { b[192<<10] = 0 }), 0, bad),
		x("with endless regions", changed(VHDX(5*mib, 2*mib, false), func(b []byte) { le.PutUint32(b[192<<10+8:], 1<<31) }), 0, bad),
		x("with a full table of nothing", changed(VHDX(5*mib, 2*mib, false), func(b []byte) {
			clear(b[192<<10+16 : 192<<10+128])
			le.PutUint32(b[192<<10+8:], 2047)
		}), 0, bad),
		x("without metadata", changed(VHDX(5*mib, 2*mib, false), func(b []byte) { b[2*mib] = 0 }), 0, bad),
		x("whose size is in its table", changed(VHDX(5*mib, 2*mib, false), func(b []byte) { le.PutUint32(b[2*mib+64+16:], 32) }), 0, bad),
		x("whose size is of another length", changed(VHDX(5*mib, 2*mib, false), func(b []byte) { le.PutUint32(b[2*mib+64+20:], 4) }), 0, bad),
	}
}

// VDI is the header of a VDI.
func VDI(virtualSize uint64, imageType uint32) []byte {
	b := make([]byte, 2*sector)
	copy(b, "<<< Oracle VM VirtualBox Disk Image >>>\n")
	le.PutUint32(b[0x40:], 0xbeda107f)
	le.PutUint32(b[0x44:], 0x00010001)
	le.PutUint32(b[0x4c:], imageType)
	le.PutUint64(b[0x170:], virtualSize)
	return b
}

// ISO is the beginning of an ISO 9660 image.
func ISO(blocks uint32) []byte {
	b := make([]byte, 36<<10)
	copy(b[32<<10:], "\x01CD001\x01")
	le.PutUint32(b[32<<10+80:], blocks)
	le.PutUint16(b[32<<10+128:], 2048)
	return b
}

// LUKS is a LUKS header with its payload.
func LUKS(version uint16, payloadSectors uint32, size int) []byte {
	b := make([]byte, size)
	copy(b, "LUKS\xba\xbe")
	be.PutUint16(b[6:], version)
	be.PutUint32(b[104:], payloadSectors)
	return b
}

func others() []Image {
	udf := Image{Name: "udf", Bytes: ISO(0), Format: imageformat.ISO}
	copy(udf.Bytes[32<<10:], "\x00NSR03")
	linked := Image{Name: "vdi with a link", Bytes: VDI(mib, 1), Format: imageformat.VDI, VirtualSize: mib, Checks: []string{imageformat.CheckBackingFile}}
	linked.Bytes[0x1a8] = 1
	bootable := ISO(100)
	copy(bootable, MBR(Partition{Boot: 0x80, Type: 0x17, First: 0, Sectors: 100}))
	polyglot := ISO(100)
	copy(polyglot, QCOW2(3, mib)[:sector])
	return []Image{
		{Name: "qed", Bytes: append([]byte("QED\x00"), make([]byte, 1020)...), Format: imageformat.QED, Checks: []string{imageformat.CheckBanned}},
		{Name: "vdi", Bytes: VDI(mib, 1), Format: imageformat.VDI, VirtualSize: mib},
		{Name: "vdi that is differencing", Bytes: VDI(mib, 4), Format: imageformat.VDI, VirtualSize: mib, Checks: []string{imageformat.CheckBackingFile}},
		linked,
		{Name: "vdi of an impossible size", Bytes: VDI(1<<64-1, 1), Format: imageformat.VDI, Checks: []string{imageformat.CheckHeader}},
		{Name: "iso", Bytes: ISO(100), Format: imageformat.ISO, VirtualSize: 100 * 2048},
		{Name: "iso that boots from a stick", Bytes: bootable, Format: imageformat.ISO, VirtualSize: 100 * 2048},
		udf,
		{Name: "iso and qcow2 in one", Bytes: polyglot, Ambiguous: true},
		{Name: "luks", Bytes: LUKS(1, 2, mib), Format: imageformat.LUKS, VirtualSize: mib - 1024},
		{Name: "luks version 2", Bytes: LUKS(2, 2, mib), Format: imageformat.LUKS, Checks: []string{imageformat.CheckVersion}},
		{Name: "luks without data", Bytes: LUKS(1, 1<<31, mib), Format: imageformat.LUKS, Checks: []string{imageformat.CheckHeader}},
	}
}

// Partition is an entry of a partition table.
type Partition struct {
	Boot, Type     byte
	CHS            [3]byte // of the first sector, as it is stored
	First, Sectors uint32
}

// MBR is a master boot record.
func MBR(partitions ...Partition) []byte {
	b := make([]byte, sector)
	for i, p := range partitions {
		e := b[446+16*i:]
		e[0], e[4] = p.Boot, p.Type
		copy(e[1:], p.CHS[:])
		le.PutUint32(e[8:], p.First)
		le.PutUint32(e[12:], p.Sectors)
	}
	b[510], b[511] = 0x55, 0xaa
	return b
}

func partitioned() []Image {
	disk := func(name string, mbr []byte, checks ...string) Image {
		return Image{Name: name, Bytes: append(mbr, make([]byte, 63*sector)...), Format: imageformat.GPT, VirtualSize: 64 * sector, Checks: checks}
	}
	cover := Partition{Type: 0xee, CHS: [3]byte{0, 2, 0}, First: 1, Sectors: 63}
	late, wrong := cover, cover
	late.First, wrong.CHS = 2, [3]byte{1, 1, 1}
	linux := Partition{Boot: 0x80, Type: 0x83, First: 2, Sectors: 8}
	fat := disk("raw FAT", MBR())
	fat.Bytes[0x10], fat.Bytes[0x15], fat.Format = 2, 0xf8, imageformat.Raw
	const bad = imageformat.CheckMBR
	return []Image{
		disk("mbr", MBR(linux)), disk("gpt", MBR(cover)),
		disk("mbr of nothing", MBR(), bad),
		disk("mbr with a strange flag", MBR(Partition{Boot: 1, Type: 0x83}), bad),
		disk("gpt with a hidden partition", MBR(cover, linux), bad),
		disk("gpt in the second place", MBR(linux, cover), bad),
		disk("gpt that begins late", MBR(late), bad),
		disk("gpt with a wrong cylinder", MBR(wrong), bad),
		fat,
	}
}

// truncated are images that end within their first sector, or right behind what makes them known.
func truncated() []Image {
	short := func(name string, b []byte, n int, f imageformat.Format) Image {
		return Image{Name: name + " cut short", Bytes: bytes.Clone(b[:n]), Format: f, Checks: []string{imageformat.CheckHeader}}
	}
	vmdk := short("vmdk descriptor", VMDK(Descriptor("monolithicSparse")), 1000, imageformat.VMDK)
	vmdk.Checks, vmdk.VirtualSize = []string{imageformat.CheckDescriptor}, mib
	stream := short("vmdk stream", StreamVMDK(nil), 21*sector, imageformat.VMDK)
	stream.Checks, stream.VirtualSize = []string{imageformat.CheckFooter}, mib
	return []Image{
		short("qcow2", QCOW2WithBackingFile("/etc/passwd"), 104, imageformat.QCOW2),
		short("qed", []byte("QED\x00"), 4, imageformat.QED),
		short("vmdk", VMDK(Descriptor("monolithicSparse")), 63, imageformat.VMDK), vmdk, stream,
		short("vhd", VHD(mib, 3), 8, imageformat.VHD),
		short("vhdx", VHDX(mib, 2*mib, false), 8, imageformat.VHDX),
		short("vhdx tables", VHDX(mib, 2*mib, false), 200<<10, imageformat.VHDX),
		short("vhdx size", VHDX(mib, 2*mib, false), 2*mib+64<<10+8, imageformat.VHDX),
		short("vdi", VDI(mib, 1), 0x44, imageformat.VDI),
		short("iso", ISO(100), 32<<10+6, imageformat.ISO),
		short("luks", LUKS(1, 2, mib), 500, imageformat.LUKS),
		{Name: "mbr cut short", Bytes: MBR()[:511], Format: imageformat.Raw, VirtualSize: 511},
	}
}
