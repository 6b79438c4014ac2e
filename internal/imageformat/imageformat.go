// Package imageformat says what a disk image is by its content: its format, how large a disk it holds, and what about it
// must not be trusted. It reads a stream in pieces of any size, once, and keeps little of it (at most some 1.2 MB, and a
// few kilobytes for all but VMDK), so that an upload can be judged while it passes.
//
// What lives here: the recognition of raw, qcow2, qed, VMDK, VDI, VHD, VHDX, ISO 9660 and UDF, LUKS, and disks with a
// partition table. What must not: opening, converting or repairing images, and anything of OpenStack; whether a
// finding is fatal is for the caller to say.
//
// It recognizes and judges as oslo.utils does (oslo_utils/imageutils/format_inspector.py), with the checks this package's
// functions name as its own.
package imageformat

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// Format is a disk image format; the names are Glance's disk_format where it has one.
type Format string

// The formats that are told apart.
const (
	Raw   Format = "raw" // everything that is nothing else
	QCOW2 Format = "qcow2"
	QED   Format = "qed"
	VMDK  Format = "vmdk"
	VDI   Format = "vdi"
	VHD   Format = "vhd" // dynamic; qemu's vpc
	VHDX  Format = "vhdx"
	ISO   Format = "iso"
	LUKS  Format = "luks"
	GPT   Format = "gpt" // a raw disk with a partition table, GPT or MBR
)

// Known are all formats, in the order of their names. A disk_format that is not among them (ami, ploop) cannot be recognized.
func Known() []Format { return []Format{GPT, ISO, LUKS, QCOW2, QED, Raw, VDI, VHD, VHDX, VMDK} }

// The checks a Finding may name; they are oslo.utils' names where it has the check.
const (
	CheckBackingFile     = "backing_file"     // the image shows parts of another file
	CheckDataFile        = "data_file"        // its data is in another file
	CheckUnknownFeatures = "unknown_features" // it cannot be read right without knowing more
	CheckDescriptor      = "descriptor"       // VMDK: the descriptor is missing, not understood, or leads elsewhere
	CheckFooter          = "footer"           // VMDK: the footer contradicts the header
	CheckMBR             = "mbr"              // the partition table breaks the rules
	CheckVersion         = "version"          // LUKS: not version 1
	CheckBanned          = "banned"           // the format is recognized and never fit for use
	CheckHeader          = "header"           // the headers end early, contradict themselves or promise the impossible
)

// Finding is a reason not to trust an image.
type Finding struct {
	Check string // one of the Check constants
	Text  string // safe for users: nothing of the image's content in it
}

// String is the finding for a log.
func (f Finding) String() string { return f.Check + ": " + f.Text }

// Match is one way to read the content.
type Match struct {
	Format Format
	// VirtualSize is the size of the disk in bytes, 0 when the content does not say. It is what the image claims: never
	// negative, but possibly absurd.
	VirtualSize int64
	Findings    []Finding // nil: nothing speaks against it
}

// Has reports whether there is a finding of this check.
func (m Match) Has(check string) bool {
	return slices.ContainsFunc(m.Findings, func(f Finding) bool { return f.Check == check })
}

// Verdict is what an Inspector has found.
type Verdict struct {
	Size    int64   // bytes of the image
	Matches []Match // every format the content can be read as, never Raw; empty when there is none
}

// ErrAmbiguous says that the content can be read as images of several formats, which happens to those that were made to
// deceive.
var ErrAmbiguous = errors.New("the content can be read as more than one format")

// Match is the one way to read the content: Raw when nothing was recognized. Content that several readers would take for
// theirs is ErrAmbiguous, except for the ISO image with a partition table, which is how bootable ones are made; that is
// an ISO.
func (v Verdict) Match() (Match, error) {
	switch len(v.Matches) {
	case 0:
		return Match{Format: Raw, VirtualSize: v.Size}, nil
	case 1:
		return v.Matches[0], nil
	case 2:
		if i := v.index(ISO); i >= 0 && v.index(GPT) >= 0 {
			return v.Matches[i], nil
		}
	}
	names := make([]string, len(v.Matches))
	for i, m := range v.Matches {
		names[i] = string(m.Format)
	}
	return Match{}, fmt.Errorf("%w: %s", ErrAmbiguous, strings.Join(names, ", "))
}

func (v Verdict) index(f Format) int {
	return slices.IndexFunc(v.Matches, func(m Match) bool { return m.Format == f })
}

// probe looks for one format.
type probe interface {
	// see gets the whole stream piece by piece; p stands at offset at. It reports whether it needs no more of it.
	see(at int64, p []byte) (enough bool)
	// conclude is called once, after the last piece; size is that of the whole image. ok is false when the content is not
	// of the format.
	conclude(size int64) (m Match, ok bool)
}

// Inspector judges one image. It is an io.Writer, so that it can be put beside the destination of a copy; it never
// refuses to go on. Not safe for concurrent use.
type Inspector struct {
	size   int64
	active []probe // those that want more
	all    []probe
}

// NewInspector gives an Inspector that has seen nothing.
func NewInspector() *Inspector {
	all := append(headerProbes(), newVMDK(), newVHDX())
	return &Inspector{all: all, active: slices.Clone(all)}
}

// Write takes the next piece of the image. It keeps nothing of p and always succeeds.
func (i *Inspector) Write(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	i.active = slices.DeleteFunc(i.active, func(one probe) bool { return one.see(i.size, p) })
	i.size += int64(len(p))
	return len(p), nil
}

// Decided reports whether what follows in the stream can change nothing any more but the size.
func (i *Inspector) Decided() bool { return len(i.active) == 0 }

// Verdict judges what was written as a whole image. Call it once, after the last Write.
func (i *Inspector) Verdict() Verdict { return i.conclude(i.size) }

func (i *Inspector) conclude(size int64) Verdict {
	v := Verdict{Size: size}
	for _, one := range i.all {
		if m, ok := one.conclude(size); ok {
			v.Matches = append(v.Matches, m)
		}
	}
	slices.SortFunc(v.Matches, func(a, b Match) int { return strings.Compare(string(a.Format), string(b.Format)) })
	return v
}

// pieceBytes is how much Inspect reads at once; what it mostly needs is the first 34 KiB.
const pieceBytes = 64 << 10

// Inspect judges an image of a known size, reading from its beginning no further than it has to: mostly 64 KiB, and all of
// it only for a VMDK whose directory is at its end.
func Inspect(r io.Reader, size int64) (Verdict, error) {
	i := NewInspector()
	piece := make([]byte, pieceBytes)
	for !i.Decided() {
		n, err := io.ReadFull(r, piece)
		if _, werr := i.Write(piece[:n]); werr != nil {
			return Verdict{}, werr
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			break
		}
		if err != nil {
			return Verdict{}, err
		}
	}
	return i.conclude(max(size, i.size)), nil
}
