package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
)

// Retype implements driver.Retyper: a file is a file, whatever its volume's type asks for.
func (d *Driver) Retype(ctx context.Context, v driver.Volume, _ driver.TypeChange) (bool, driver.Update, error) {
	_, err := d.Device(ctx, v)
	return err == nil, driver.Update{}, err
}

// RenameVolume implements driver.Renamer.
func (d *Driver) RenameVolume(ctx context.Context, v driver.Volume, as string) (bool, driver.Update, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return false, driver.Update{}, err
	}
	done, err := rename(s.volumes, v.ID, as)
	if err == nil && done {
		if err := s.recount(ctx); err != nil {
			d.config.Log.WarnContext(ctx, "what is provisioned could not be counted anew", "directory", d.config.Directory, "error", err)
		}
	}
	return done, driver.Update{}, d.failed("update_migrated_volume", err)
}

// rename gives the file of a volume the name of another; done is false if that is taken. A file that is gone while its new
// name is there has been renamed before.
func rename(dir *directory.Directory, id, as string) (done bool, err error) {
	err = dir.RenameNew(dir.Name(id), dir.Name(as))
	switch {
	case errors.Is(err, fs.ErrExist):
		return false, nil
	case errors.Is(err, fs.ErrNotExist):
		if _, there := dir.Size(dir.Name(as)); there != nil {
			return false, volumeNotFound(id)
		}
	case err != nil:
		return false, err
	}
	return true, dir.Flush()
}

// locationPrefix begins the location of a directory of ours; what follows is the machine, the directory's identity, and
// its path.
const locationPrefix = "ClinkerFile"

// location is where the volumes are, for the driver of another back end: its reader believes it only as far as it finds
// the very same directory there.
func (d *Driver) location(s *storage) string {
	id, err := s.volumes.Identity(".")
	if err != nil {
		return "" // then volumes are copied
	}
	host, err := os.Hostname()
	if err != nil {
		return ""
	}
	return fmt.Sprintf("%s:%s:%d:%d:%s", locationPrefix, host, id.Device, id.Inode, d.config.Directory)
}

// neighbour opens the directory of volumes that a location describes, nil if it is not another one of this machine. Our own
// is refused: the two names of a file in it would be taken for two volumes.
func (d *Driver) neighbour(s *storage, location string) *directory.Directory {
	part := strings.SplitN(location, ":", 5)
	host, err := os.Hostname()
	if err != nil || len(part) != 5 || part[0] != locationPrefix || part[1] != host || !filepath.IsAbs(part[4]) {
		return nil
	}
	dir, err := directory.Open(filepath.Join(part[4], "volumes"), "volumes", d.config.Names.Volumes, d.step)
	if err != nil {
		return nil
	}
	own, ownErr := s.volumes.Identity(".")
	is, err := dir.Identity(".")
	if ownErr != nil || err != nil || is == own || strconv.FormatUint(is.Device, 10) != part[2] || strconv.FormatUint(is.Inode, 10) != part[3] {
		dir.Close()
		return nil
	}
	return dir
}

// MigrateVolume implements driver.Migrator: between two back ends in one file system, the file gets a second name in the
// other's directory, which costs nothing whatever its size.
func (d *Driver) MigrateVolume(ctx context.Context, v driver.Volume, as, location string) (bool, driver.Update, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return false, driver.Update{}, err
	}
	to := d.neighbour(s, location)
	if to == nil {
		return false, driver.Update{}, nil
	}
	defer to.Close()
	done, err := s.volumes.Link(s.volumes.Name(v.ID), to, to.Name(as))
	if errors.Is(err, fs.ErrNotExist) {
		err = volumeNotFound(v.ID)
	}
	if err == nil && done {
		err = to.Flush()
	}
	return done, driver.Update{}, d.failed("migrate_volume", err)
}

// recount adds up anew what is provisioned: another back end's driver may have put a volume here. A verb that ends at this
// very moment makes it look again.
func (s *storage) recount(ctx context.Context) error {
	for range 3 {
		before := s.provisioned.Load()
		sum, err := s.sum(ctx)
		if err != nil || s.provisioned.CompareAndSwap(before, sum) {
			return err
		}
	}
	return nil // the next start counts again
}
