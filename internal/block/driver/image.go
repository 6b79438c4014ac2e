package driver

import (
	"context"
	"path/filepath"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
)

// ImageCloner is implemented by drivers that can make a volume of a raw image which lies in a file of this machine, in less
// time than copying its bytes takes.
type ImageCloner interface {
	// CloneImage makes v of the file at path, an absolute path, whose first sizeBytes are the image; the rest of v reads as
	// zero. done is false for a file that cannot be cloned, be it that it lies elsewhere or holds less; then nothing was
	// made, and the image's bytes have to go the long way.
	CloneImage(ctx context.Context, v Volume, path string, sizeBytes int64) (done bool, u Update, err error)
}

// CloneImage makes v of a raw image in a file, if the driver can; done is false if not.
func (b *Backend) CloneImage(ctx context.Context, v Volume, path string, sizeBytes int64) (done bool, u Update, err error) {
	c := b.onVolume("clone_image", v.ID, volumeLock(v.ID))
	c.check = func() error {
		if err := checkVolume(v); err != nil {
			return err
		}
		if !filepath.IsAbs(path) || sizeBytes < 1 || sizeBytes > v.SizeGiB*block.GiB {
			return fault.New(fault.Invalid, "InvalidInput", "An image of %d bytes cannot become a volume of %d GiB.", sizeBytes, v.SizeGiB)
		}
		return nil
	}
	err = b.run(ctx, c, func(ctx context.Context) (err error) {
		if b.features.ImageCloner {
			done, u, err = b.optional.imageCloner.CloneImage(ctx, v, path, sizeBytes)
		}
		return err
	})
	return done && err == nil, u, err
}
