// Package intake is what happens to data on its way into a store, whoever brings it: it is counted, hashed, limited, and judged
// by what its bytes say it is.
//
// What must not live here: rows, and where the data comes from.
package intake

import (
	"context"
	"crypto/md5"  //nolint:gosec // the checksum of images, upstream's choice; os_hash_value is the one that proves anything
	"crypto/sha1" //nolint:gosec // an operator may choose it
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"fmt"
	"hash"
	"io"
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/imageformat"
)

// HashAlgorithms are the ones that can be chosen, by the names of Python's hashlib.
func HashAlgorithms() []string {
	return []string{"md5", "sha1", "sha224", "sha256", "sha384", "sha512"}
}

func newHash(algorithm string) hash.Hash {
	switch algorithm {
	case "md5":
		return md5.New() //nolint:gosec // see above
	case "sha1":
		return sha1.New() //nolint:gosec // see above
	case "sha224":
		return sha256.New224()
	case "sha256":
		return sha256.New()
	case "sha384":
		return sha512.New384()
	}
	return sha512.New()
}

// Result is what is known of data that has been taken in.
type Result struct {
	SizeBytes, VirtualSizeBytes        int64 // the latter 0 when the data does not say
	Checksum, HashAlgorithm, HashValue string
}

// Fill writes the result into an image.
func (r *Result) Fill(i *image.Image) {
	i.SizeBytes, i.Checksum, i.HashAlgorithm, i.HashValue = new(r.SizeBytes), r.Checksum, r.HashAlgorithm, r.HashValue
	if r.VirtualSizeBytes > 0 {
		i.VirtualSizeBytes = new(r.VirtualSizeBytes)
	}
}

// Into puts data into a store as that of the image. quota is how many bytes of it there is room for, negative for no limit.
// What is refused is not kept.
func Into(ctx context.Context, c *app.Core, target app.NamedStore, i *image.Image, data io.Reader, quota int64) (*Result, string, error) {
	data = Capped(data, c.Options.SizeCapBytes, TooLarge())
	if quota >= 0 {
		data = Capped(data, quota, QuotaFull(quota+1, quota))
	}
	sum, proof := md5.New(), newHash(c.Options.HashAlgorithm) //nolint:gosec // see above
	observers := []io.Writer{sum, proof}
	var inspector *imageformat.Inspector
	if i.ContainerFormat == "bare" { // what is in another container cannot be looked at
		inspector = imageformat.NewInspector()
		observers = append(observers, inspector)
	}
	url, size, err := target.Put(ctx, i.ID, io.TeeReader(data, io.MultiWriter(observers...)))
	if err != nil {
		return nil, "", err
	}
	r := &Result{SizeBytes: size, Checksum: hex.EncodeToString(sum.Sum(nil)), HashAlgorithm: c.Options.HashAlgorithm,
		HashValue: hex.EncodeToString(proof.Sum(nil))}
	if inspector != nil {
		if r.VirtualSizeBytes, err = Judge(c.Options, i.DiskFormat, inspector.Verdict()); err != nil {
			c.Log.WarnContext(ctx, "an image's data was refused", "image_id", i.ID, "error", err)
			return nil, "", err
		}
	}
	return r, url, nil
}

// Judge decides whether data that was found to be what v says may be the data of an image of this disk format, and gives the
// size of the disk, 0 if it is not known. Upstream: ImageProxy.set_data in glance/location.py.
func Judge(o app.Options, diskFormat string, v imageformat.Verdict) (virtualSizeBytes int64, err error) {
	m, err := v.Match()
	if err != nil {
		return 0, mismatch(o, "Multiple formats detected: %s", formats(v))
	}
	declared := imageformat.Format(diskFormat)
	known := slices.Contains(imageformat.Known(), declared)
	switch {
	case m.Format == declared:
		virtualSizeBytes = m.VirtualSize
	case m.Format == imageformat.Raw && !known: // a format such as ami, which cannot be recognized
	case declared == imageformat.Raw:
		virtualSizeBytes = v.Size
	default:
		return 0, mismatch(o, "Image disk_format %s does not match stream data %s", diskFormat, m.Format)
	}
	for _, f := range m.Findings {
		if m.Format == imageformat.GPT && slices.Contains(o.NonfatalGPTChecks, f.Check) {
			continue
		}
		return 0, invalid("Image failed safety checks: %s", f.Text)
	}
	return virtualSizeBytes, nil
}

// mismatch refuses data of the wrong format, unless the operator lets it in.
func mismatch(o app.Options, format string, args ...any) error {
	if !o.RequireFormatMatch {
		return nil
	}
	return invalid(format, args...)
}

func invalid(format string, args ...any) error {
	return fault.New(fault.UnsupportedMedia, "InvalidImageData", format, args...)
}

func formats(v imageformat.Verdict) string {
	text := ""
	for n, m := range v.Matches {
		if n > 0 {
			text += ","
		}
		text += string(m.Format)
	}
	return text
}

// Capped fails with over when r has more than limit bytes.
func Capped(r io.Reader, limit int64, over error) io.Reader { return &capped{r, limit, over} }

type capped struct {
	r    io.Reader
	left int64
	over error
}

// Read implements io.Reader.
func (c *capped) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	if c.left -= int64(n); c.left < 0 {
		return 0, c.over
	}
	return n, err
}

// TooLarge: the data is larger than any image may be.
func TooLarge() error {
	return fault.New(fault.OverLimit, "ImageSizeLimitExceeded", "The provided image is too large.")
}

// QuotaFull: the data is larger than what the project may still keep.
func QuotaFull(sizeBytes, leftBytes int64) error {
	return fault.New(fault.OverLimit, "StorageQuotaFull", "The size of the data %d will exceed the limit. %d bytes remaining.", sizeBytes, leftBytes)
}

// Explain puts what upstream says in front of the faults of this package and of stores; other errors stay as they are.
func Explain(err error) error {
	intro := map[string]string{
		"StorageFull":            "Image storage media is full",
		"StorageQuotaFull":       "Image exceeds the storage quota",
		"ImageSizeLimitExceeded": "The incoming image is too large",
		"StorageWriteDenied":     "Insufficient permissions on image storage media",
	}[fault.NameOf(err)]
	if intro == "" {
		return err
	}
	return fault.Wrap(err, fault.KindOf(err), fault.NameOf(err), "%s", fmt.Sprintf("%s: %s", intro, fault.UserText(err)))
}
