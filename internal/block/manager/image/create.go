package image

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/image/content"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// Create makes the volume v, which the driver is to know as d, of an image, and gives what is to be kept of the image with the
// volume. It may be repeated, also after it was killed. The row becomes downloading while bytes are fetched.
//
// The ways, cheapest first, are upstream's: the driver clones the image's file; a volume that holds the image is cloned; the
// image is downloaded. Encrypted volumes are always downloaded: they hold nothing that could be shared. A nil Service refuses.
func (s *Service) Create(ctx context.Context, v *block.Volume, d driver.Volume, imageID string) (driver.Update, map[string]string, error) {
	if s == nil {
		return driver.Update{}, nil, fault.New(fault.NotImplemented, "", "This volume service has no image service.")
	}
	i, err := s.usable(ctx, imageID, v)
	if err != nil {
		return driver.Update{}, nil, err
	}
	u, done, err := driver.Update{}, false, error(nil)
	if v.EncryptionKeyID == "" {
		u, done, err = s.cloneFile(ctx, d, i)
		if !done && err == nil {
			u, done, err = s.cloneCached(ctx, v, d, i)
		}
	}
	md := Metadata(i)
	if !done && err == nil {
		u, err = s.download(ctx, v, d, i)
		md["signature_verified"] = "False"
	}
	if err != nil {
		return driver.Update{}, nil, err
	}
	return u, md, nil
}

// cloneFile lets the driver clone the file that a raw image lies in, if there is one and it can. What the driver clones is not
// read, so its checksum is not compared.
func (s *Service) cloneFile(ctx context.Context, d driver.Volume, i *glance.Image) (u driver.Update, done bool, err error) {
	path := s.content.LocalFile(i)
	if path == "" || i.DiskFormat != "raw" || i.SizeBytes == 0 {
		return u, false, nil
	}
	if err := content.InspectFile(i, path); err != nil {
		if fault.NameOf(err) == "ImageUnacceptable" {
			return u, false, err
		}
		s.Log.WarnContext(ctx, "the file of an image cannot be read; it is downloaded", "image_id", i.ID, "error", err)
		return u, false, nil
	}
	done, u, err = s.Storage.CloneImage(ctx, d, path, i.SizeBytes)
	return u, done, err
}

// cloneCached clones a volume that holds the image. If the clone comes to nothing, the image is downloaded all the same.
func (s *Service) cloneCached(ctx context.Context, v *block.Volume, d driver.Volume, i *glance.Image) (u driver.Update, done bool, err error) {
	if s.cache == nil {
		return u, false, nil
	}
	source, err := s.cache.Source(ctx, v, i, func(ctx context.Context, cached *block.Volume) (driver.Update, error) {
		if err := s.markDownloading(ctx, v); err != nil {
			return driver.Update{}, err
		}
		return s.fill(ctx, export.DriverVolume(cached), i, nil)
	})
	if err != nil || source == nil {
		return u, false, err
	}
	if u, err = s.Storage.CloneVolume(ctx, d, export.DriverVolume(source)); err == nil {
		return u, true, nil
	}
	if ctx.Err() != nil {
		return u, false, err
	}
	s.Log.WarnContext(ctx, "a cached image could not be cloned; it is downloaded", "image_id", i.ID, "volume_id", v.ID, "error", err)
	return driver.Update{}, false, nil
}

func (s *Service) download(ctx context.Context, v *block.Volume, d driver.Volume, i *glance.Image) (driver.Update, error) {
	e, err := s.encryption(ctx, v, i)
	if err != nil {
		return driver.Update{}, err
	}
	if err := s.markDownloading(ctx, v); err != nil {
		return driver.Update{}, err
	}
	return s.fill(ctx, d, i, e)
}

// fill makes a volume and writes an image into it, encrypted unless e is nil.
func (s *Service) fill(ctx context.Context, d driver.Volume, i *glance.Image, e *content.Encryption) (driver.Update, error) {
	u, err := s.Storage.CreateVolume(ctx, d)
	if err != nil {
		return u, err
	}
	// A volume that was there may hold part of what an earlier run wrote: of this image, so nothing has to be cleared.
	device, err := s.device(ctx, d, false)
	if err != nil {
		return u, err
	}
	device.Encryption = e
	return u, s.content.ToDevice(ctx, i, device)
}

// markDownloading shows that the volume's bytes are on their way, if it is still being made.
func (s *Service) markDownloading(ctx context.Context, v *block.Volume) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		_, err := tx.UpdateVolume(ctx, v.ID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeCreating}, Host: v.Host},
			store.VolumeSet{Status: new(block.VolumeDownloading)})
		return err
	})
}
