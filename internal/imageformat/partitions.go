package imageformat

import "encoding/binary"

// Places in a master boot record.
const (
	mbrEntries   = 446
	mbrEntrySize = 16
	mbrSignature = 510
	protective   = 0xee // the type of the partition that covers a GPT
)

// hasPartitions recognizes a master boot record. The boot sector of a FAT file system has the same signature; it is told
// apart by its count of FATs and its media type.
func hasPartitions(h []byte) bool {
	if len(h) < sector || binary.LittleEndian.Uint16(h[mbrSignature:]) != 0xaa55 {
		return false
	}
	const fats, media = 0x10, 0x15
	isFAT := h[fats] == 2 && h[media] == 0xf8
	return !isFAT
}

func readPartitions(h []byte, size int64, m *Match) {
	m.VirtualSize = size
	if text := partitionProblem(h); text != "" {
		m.add(CheckMBR, text)
	}
}

// partitionProblem is the first rule that the four entries of the table break; UEFI 2.10, chapter 5.2.
func partitionProblem(h []byte) string {
	used, covering := 0, -1
	for i := range 4 {
		e := h[mbrEntries+i*mbrEntrySize:][:mbrEntrySize]
		if e[0] != 0 && e[0] != 0x80 {
			return "an entry of the partition table has an invalid boot flag"
		}
		kind := e[4]
		if kind != 0 {
			used++
		}
		if kind != protective {
			continue
		}
		covering = i
		if e[1] != 0 || e[2] != 2 || e[3] != 0 {
			return "the protective partition begins at a wrong cylinder, head or sector"
		}
		if binary.LittleEndian.Uint32(e[8:]) != 1 {
			return "the protective partition begins at a wrong block"
		}
	}
	switch {
	case used == 0:
		return "the partition table is empty"
	case covering > 0 || covering == 0 && used > 1:
		return "there are partitions beside the protective one"
	}
	return ""
}
