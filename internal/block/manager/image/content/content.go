// Package content moves bytes between images and the devices of volumes on this machine. On their way into a volume they are
// measured, hashed and looked into, and refused when they are not what the image service says of them. Raw images are streamed;
// others take the way over a temporary file and qemu-img, which is always told the format and never asked for it.
//
// What must not live here: states of volumes, flows, and where a volume's device comes from.
package content

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/imageformat"
)

// Images is what is asked of the image service; glance.Service says more.
type Images interface {
	Download(ctx context.Context, id string) (io.ReadCloser, error)
	Upload(ctx context.Context, id string, u glance.Upload, body io.Reader) error
}

// Options of a Mover. Those without a remark must be set.
type Options struct {
	Images Images
	Run    execx.Runner
	// Directory is where temporary files lie; it is made when it is needed, for us alone, and nothing else may be in it.
	Directory    string
	NoConversion bool // image_conversion_disable: only images that need no conversion
	Compress     bool // image_compress_on_upload, where the format can
	LocalFiles   bool // allowed_direct_url_schemes has "file": images with such a location are read from there
}

// Mover moves. It is safe for concurrent use.
type Mover struct{ Options }

// New makes a Mover; nothing is touched.
func New(o Options) *Mover { return &Mover{o} }

// Device is where a volume's bytes are.
type Device struct {
	Path      string
	SizeBytes int64
	Clear     bool // that it may hold something else, which must not shine through where the image ends
	// Encryption is how what is written must lie there; nil: as it comes.
	Encryption *Encryption
}

// rawLike are the disk formats whose images are a disk's bytes as they are.
var rawLike = []string{"raw", "iso", "ami", "aki", "ari"}

// IsRaw says whether an image's bytes are the disk's as they are.
func IsRaw(i *glance.Image) bool { return slices.Contains(rawLike, i.DiskFormat) }

// qemuFormat is what qemu-img calls a disk format; ok is false for those that cannot be converted from.
func qemuFormat(diskFormat string) (name string, ok bool) {
	switch diskFormat {
	case "qcow2", "vmdk", "vdi", "vhdx":
		return diskFormat, true
	case "vhd":
		return "vpc", true
	}
	return "", false
}

// Check refuses an image that cannot fill a volume of this size, as far as the image service's own words tell.
func (m *Mover) Check(i *glance.Image, sizeBytes int64) error {
	_, convertible := qemuFormat(i.DiskFormat)
	switch {
	case i.ContainerFormat == "compressed":
		return glance.Unacceptable(i.ID, "Image compression disallowed, but container_format is %s.", i.ContainerFormat)
	case i.DiskFormat == "vhd" && i.ContainerFormat == "ovf":
		return glance.Unacceptable(i.ID, "images of XenServer are not supported.")
	case IsRaw(i):
		return CheckFits(i.ID, max(i.SizeBytes, i.VirtualSizeBytes), sizeBytes)
	case !convertible:
		return glance.Unacceptable(i.ID, "images in the format %q cannot be converted to raw.", i.DiskFormat)
	case m.NoConversion:
		return fault.New(fault.Invalid, "ImageConversionNotAllowed", "Image Conversion disallowed for image %s: Image conversion is disabled. The "+
			"volume type you have requested requires that the image it is being created from be in 'raw' format, but the image you are using has the "+
			"disk_format property '%s'.", i.ID, i.DiskFormat)
	}
	return CheckFits(i.ID, i.VirtualSizeBytes, sizeBytes)
}

// CheckFits refuses a disk that is larger than the volume, in upstream's words.
func CheckFits(id string, virtualBytes, sizeBytes int64) error {
	if virtualBytes <= sizeBytes {
		return nil
	}
	gib := (virtualBytes-1)/block.GiB + 1
	return glance.Unacceptable(id, "Image virtual size is %dGB and doesn't fit in a volume of size %dGB.", gib, sizeBytes/block.GiB)
}

// ToDevice makes a device hold an image; what is beyond the image's end reads as zero if it did before, or with d.Clear. When it
// fails, the device may hold anything. The bytes are on disk when it returns.
//
// Faults: Invalid ImageUnacceptable, ImageTooBig, ImageConversionNotAllowed and ImageCopyFailure for what is wrong with the
// image; OverLimit when the volume's storage is full; those of a download.
func (m *Mover) ToDevice(ctx context.Context, i *glance.Image, d Device) error {
	if err := m.Check(i, d.SizeBytes); err != nil {
		return err
	}
	switch {
	case d.Encryption != nil:
		return m.encrypt(ctx, i, d)
	case IsRaw(i):
		return m.stream(ctx, i, d)
	}
	path, match, err := m.fetch(ctx, i)
	if err != nil {
		return err
	}
	defer os.Remove(path)
	if err := CheckFits(i.ID, match.VirtualSize, d.SizeBytes); err != nil {
		return err
	}
	format, _ := qemuFormat(i.DiskFormat)
	// -n writes into the device that is there, zeroes too, and leaves its length alone.
	if err := m.convert(ctx, "-n", "-f", format, "-O", "raw", path, d.Path); err != nil {
		return copyFailure(err)
	}
	return finish(ctx, d, match.VirtualSize)
}

// stream writes a raw image into a device as it comes.
func (m *Mover) stream(ctx context.Context, i *glance.Image, d Device) error {
	body, err := m.open(ctx, i, d.SizeBytes)
	if err != nil {
		return err
	}
	defer body.Close()
	w, err := openDevice(d)
	if err != nil {
		return copyFailure(err)
	}
	err = w.copy(ctx, body)
	if err == nil {
		_, err = body.finish()
	}
	if err == nil {
		err = w.end(ctx)
	}
	return copyFailure(errors.Join(err, w.close()))
}

// fetch downloads an image into a temporary file, which is the caller's to remove.
func (m *Mover) fetch(ctx context.Context, i *glance.Image) (path string, match imageformat.Match, err error) {
	f, err := m.temporary("fetch")
	if err != nil {
		return "", match, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = os.Remove(f.Name()) // Clean removes it otherwise
		}
	}()
	free, err := m.free()
	if err != nil {
		return "", match, err
	}
	if free <= i.SizeBytes {
		return "", match, glance.TooBig(i.ID, "There is no space to convert the image. Requested: %d, available: %d.", i.SizeBytes, free)
	}
	body, err := m.open(ctx, i, free)
	if err != nil {
		return "", match, err
	}
	defer body.Close()
	if _, err := io.Copy(f, body); err != nil {
		if errors.Is(err, unix.ENOSPC) {
			err = glance.TooBig(i.ID, "No space left while fetching the image.")
		}
		return "", match, copyFailure(err)
	}
	match, err = body.finish()
	return f.Name(), match, err
}

// FromDevice sends what a device holds into an image that is queued, in the image's format.
//
// Faults: Invalid ImageTooBig when there is no room for the conversion, ImageConversionNotAllowed; those of an upload.
func (m *Mover) FromDevice(ctx context.Context, i *glance.Image, d Device, u glance.Upload) error {
	if i.DiskFormat == "raw" {
		return m.send(ctx, i.ID, d.Path, d.SizeBytes, u)
	}
	if m.NoConversion {
		return fault.New(fault.Invalid, "ImageConversionNotAllowed", "Image Conversion disallowed for image %s: Image conversion is disabled. The image "+
			"disk_format you have requested is '%s', but your volume can only be uploaded in the format 'raw'.", i.ID, i.DiskFormat)
	}
	f, err := m.temporary("send")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	if err := f.Close(); err != nil {
		return copyFailure(err)
	}
	args, err := outputArguments(i, m.Compress)
	if err != nil {
		return err
	}
	if err := m.convert(ctx, append(args, "-f", "raw", d.Path, f.Name())...); err != nil {
		if strings.Contains(execx.Stderr(err), "No space left") {
			return glance.TooBig(i.ID, "Insufficient free space for image conversion.")
		}
		return err
	}
	info, err := os.Stat(f.Name())
	if err != nil {
		return copyFailure(err)
	}
	return m.send(ctx, i.ID, f.Name(), info.Size(), u)
}

// outputArguments are qemu-img's for the format of an image to be made.
func outputArguments(i *glance.Image, compress bool) ([]string, error) {
	switch i.DiskFormat {
	case "qcow2":
		if compress {
			return []string{"-O", "qcow2", "-c"}, nil
		}
		return []string{"-O", "qcow2"}, nil
	case "vhd":
		// Without it the size is rounded to whole cylinders.
		return []string{"-O", "vpc", "-o", "force_size=on"}, nil
	case "vmdk", "vdi", "vhdx":
		return []string{"-O", i.DiskFormat}, nil
	case "ploop":
		return []string{"-O", "parallels"}, nil
	}
	return nil, glance.Unacceptable(i.ID, "volumes cannot be converted to the format %q.", i.DiskFormat)
}

// send uploads the first size bytes of a file.
func (m *Mover) send(ctx context.Context, id, path string, size int64, u glance.Upload) error {
	f, err := os.Open(path)
	if err != nil {
		return copyFailure(err)
	}
	defer f.Close()
	u.SizeBytes = size
	return m.Images.Upload(ctx, id, u, io.NewSectionReader(f, 0, size))
}

// convert runs qemu-img convert, for as long as ctx allows. Only local paths of ours and formats of our own choice are among args.
func (m *Mover) convert(ctx context.Context, args ...string) error {
	limit := execx.MaxTimeout
	if deadline, ok := ctx.Deadline(); ok {
		limit = max(time.Until(deadline), time.Millisecond)
	}
	_, err := m.Run.Run(ctx, execx.Command{Tool: "qemu-img", Args: append([]string{"convert"}, args...), Timeout: limit})
	return err
}

// temporary makes a file in our directory.
func (m *Mover) temporary(what string) (*os.File, error) {
	if err := os.MkdirAll(m.Directory, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The directory for the conversion of images cannot be made.")
	}
	f, err := os.CreateTemp(m.Directory, what+"-*")
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "There can be no temporary file for the conversion of an image.")
	}
	return f, nil
}

// free is how many bytes our directory has room for.
func (m *Mover) free() (int64, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(m.Directory, &st); err != nil {
		return 0, fault.Wrap(err, fault.Unavailable, "", "The room for the conversion of images is not known.")
	}
	return int64(st.Bavail) * st.Frsize, nil
}

// Clean removes the temporary files of a process that was killed. Nothing may be moving.
func (m *Mover) Clean() error {
	entries, err := os.ReadDir(m.Directory)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	for _, e := range entries {
		if e.Type().IsRegular() {
			err = errors.Join(err, os.Remove(filepath.Join(m.Directory, e.Name())))
		}
	}
	return err
}

// LocalFile is the path of a file that the image service says an image lies in, empty if there is none or none may be used.
func (m *Mover) LocalFile(i *glance.Image) string {
	if !m.LocalFiles {
		return ""
	}
	for _, location := range i.Locations {
		u, err := url.Parse(location)
		if err == nil && u.Scheme == "file" && (u.Host == "" || u.Host == "localhost") && filepath.IsAbs(u.Path) {
			return filepath.Clean(u.Path)
		}
	}
	return ""
}

// copyFailure makes what is no fault yet upstream's fault for an image that could not be copied.
func copyFailure(err error) error {
	if err == nil {
		return nil
	}
	if errors.Is(err, unix.ENOSPC) || strings.Contains(execx.Stderr(err), "No space left") {
		return fault.Wrap(err, fault.OverLimit, "", "The back end has no space left.")
	}
	_, isFault := fault.Of(err)
	if _, exited := execx.ExitCode(err); isFault && !exited || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return fault.Wrap(err, fault.Invalid, "ImageCopyFailure", "Failed to copy image to volume: the image could not be read or the volume not be written.")
}
