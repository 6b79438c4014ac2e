package file

import (
	"context"
	"path/filepath"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
)

// CloneImage implements driver.ImageCloner for images on the same file system: by reflink where it has them, else by copying
// the parts that hold data inside the kernel.
func (d *Driver) CloneImage(ctx context.Context, v driver.Volume, path string, sizeBytes int64) (bool, driver.Update, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return false, driver.Update{}, err
	}
	dir, err := directory.OpenForeign(filepath.Dir(path), "images", d.step)
	if err != nil {
		return false, driver.Update{}, nil // it may lie on another machine
	}
	defer dir.Close()
	name := filepath.Base(path)
	theirs, err := dir.Identity(".")
	ours, oursErr := s.volumes.Identity(".")
	size, sizeErr := dir.Size(name)
	if err != nil || oursErr != nil || sizeErr != nil || theirs.Device != ours.Device || size < sizeBytes {
		return false, driver.Update{}, nil
	}
	err = d.copyFile(ctx, s, copying{
		from: dir, source: name, sourceBytes: sizeBytes,
		to: s.volumes, target: v.ID, targetBytes: v.SizeGiB * block.GiB,
		notFound: volumeNotFound,
	})
	return err == nil, driver.Update{}, d.failed("clone_image", err)
}
