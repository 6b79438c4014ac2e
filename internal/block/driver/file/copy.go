package file

import (
	"context"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block/driver/file/directory"
)

// copyContent makes the first c.sourceBytes of file those of source: by reflink where that is possible, else by copying the
// parts that hold data while writes to a live source are held back.
func (d *Driver) copyContent(ctx context.Context, file, source *os.File, c copying) error {
	if err := d.step("reflink"); err != nil {
		return err
	}
	err := unix.IoctlFileClone(int(file.Fd()), int(source.Fd()))
	if err == nil {
		return d.cutToSource(file, c)
	}
	if !directory.NotSupported(err) {
		return fmt.Errorf("reflink: %w", err)
	}
	if c.live && d.config.Freeze != nil {
		resume, err := d.config.Freeze(ctx, c.source)
		if err != nil {
			return err
		}
		defer resume()
	}
	return directory.CopySparse(ctx, file, source, c.sourceBytes, d.step)
}

// cutToSource takes off what a source has beyond the length we were told, which an extend under way may have added.
func (d *Driver) cutToSource(file *os.File, c copying) error {
	if err := d.step("truncate"); err != nil {
		return err
	}
	return file.Truncate(c.sourceBytes)
}
