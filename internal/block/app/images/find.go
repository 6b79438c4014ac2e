// Package images is the use cases about images: finding the one a volume is to be made of, making one of a volume, and
// overwriting a volume with one.
//
// What must not live here: how bytes come from one to the other; that is the volume service's.
package images

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// Images is the use cases. Make one with New.
type Images struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Images { return &Images{core} }

// service is the image service; where there is none, one that says so.
func service(c *app.Core) app.Images {
	if c.Images == nil {
		return none{}
	}
	return c.Images
}

// Find is the image that a caller means by imageRef: an id, with whatever path before it, or a name. Faults: Invalid, in
// upstream's words, for an image that is not there and, with the reason, when the image service does not answer; Conflict for
// a name that several images have.
func Find(ctx context.Context, c *app.Core, ref string) (*glance.Image, error) {
	const text = "Invalid image identifier or unable to access requested image."
	id := ref[strings.LastIndexByte(ref, '/')+1:]
	var err error
	if uuid.Validate(id) == nil {
		var i *glance.Image
		if i, err = service(c).Image(ctx, id); err == nil {
			return i, nil
		}
	}
	var named []*glance.Image
	if !fault.Is(err, fault.Unavailable) {
		named, err = service(c).ImagesByName(ctx, ref)
	}
	switch {
	case fault.Is(err, fault.Unavailable):
		return nil, fault.Wrap(err, fault.Invalid, "", "%s %s", text, fault.UserText(err))
	case err != nil || len(named) == 0:
		return nil, fault.Wrap(err, fault.Invalid, "", "%s", text)
	case len(named) > 1:
		return nil, fault.New(fault.Conflict, "", "Multiple matches found for '%s', use an ID to be more specific.", ref)
	}
	return named[0], nil
}

// BootSnapshot is the snapshot that an image stands for which Nova made of a server that boots from a volume: such an image has
// no bytes. ok is false for every other image.
func BootSnapshot(i *glance.Image) (id string, ok bool) {
	var devices []struct {
		SourceType string `json:"source_type"`
		SnapshotID string `json:"snapshot_id"`
		BootIndex  *int   `json:"boot_index"`
	}
	if json.Unmarshal([]byte(i.Properties["block_device_mapping"]), &devices) != nil {
		return "", false
	}
	for _, d := range devices {
		if d.SourceType == "snapshot" && d.BootIndex != nil && *d.BootIndex == 0 && d.SnapshotID != "" {
			return d.SnapshotID, true
		}
	}
	return "", false
}

// VolumeType is the name or id of the volume type that an image wants for its volumes, empty if it does not say.
func VolumeType(i *glance.Image) string { return i.Properties["cinder_img_volume_type"] }

// Check refuses an image that is not active or does not fit into a volume of this size, in upstream's words.
func Check(i *glance.Image, sizeGiB int64) error {
	imageGiB, virtualGiB := (i.SizeBytes+block.GiB-1)/block.GiB, (i.VirtualSizeBytes-1)/block.GiB+1
	switch {
	case i.Status != glance.StatusActive:
		return block.InvalidInput("Image %s is not active.", i.ID)
	case imageGiB > sizeGiB:
		return block.InvalidInput("Size of specified image %dGB is larger than volume size %dGB.", imageGiB, sizeGiB)
	case sizeGiB < i.MinDiskGiB:
		return block.InvalidInput("Volume size %dGB cannot be smaller than the image minDisk size %dGB.", sizeGiB, i.MinDiskGiB)
	case i.VirtualSizeBytes > 0 && virtualGiB > sizeGiB:
		return glance.Unacceptable(i.ID, "Image virtual size is %dGB and doesn't fit in a volume of size %dGB.", virtualGiB, sizeGiB)
	}
	return nil
}

// CheckEncryption refuses an image that cannot be encrypted on its way into a volume of this size.
func CheckEncryption(i *glance.Image, sizeGiB int64, e *block.TypeEncryption) error {
	if !e.LUKS() {
		return fault.New(fault.NotImplemented, "", "An image can only be written into volumes that are encrypted with LUKS, not with %s.", e.Provider)
	}
	disk := i.VirtualSizeBytes
	if i.DiskFormat == "raw" {
		disk = max(disk, i.SizeBytes)
	}
	if disk > sizeGiB*block.GiB-block.EncryptionHeaderBytes {
		return block.InvalidInput("Image %s does not fit in a volume of %dGB that is encrypted: the header of the encryption takes %d MiB.", i.ID,
			sizeGiB, block.EncryptionHeaderBytes>>20)
	}
	return nil
}

// none is the image service of a deployment that has none.
type none struct{}

var errNone = glance.ConnectionFailed(nil, "no image service is configured.")

func (none) Image(context.Context, string) (*glance.Image, error) { return nil, errNone }

func (none) ImagesByName(context.Context, string) ([]*glance.Image, error) { return nil, errNone }

func (none) Create(context.Context, glance.NewImage) (*glance.Image, error) { return nil, errNone }

func (none) Delete(context.Context, string) error { return errNone }
