package file

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
	"github.com/clinker/clinker/internal/fault"
)

// Inventory implements driver.Driver. Strays are the temporary files that no running copy needs, as "volumes/<name>" or
// "snapshots/<name>". Files that the driver did not make are not listed, and never touched.
func (d *Driver) Inventory(ctx context.Context) (driver.Inventory, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return driver.Inventory{}, err
	}
	var all driver.Inventory
	for dir, ids := range map[*directory.Directory]*[]string{s.volumes: &all.VolumeIDs, s.snapshots: &all.SnapshotIDs} {
		names, err := dir.Names()
		if err != nil {
			return driver.Inventory{}, d.failed("inventory", err)
		}
		for _, name := range names {
			if id, ok := dir.ID(name); ok {
				*ids = append(*ids, id)
			} else if dir.IsTemporary(name) && !s.copyRuns(dir, name) {
				all.Strays = append(all.Strays, strayName(dir, name))
			}
		}
	}
	return all, nil
}

// RemoveStray implements driver.Sweeper. The temporary file of a copy under way is a fault.Busy, what is no temporary
// file of ours a fault.Invalid; one that is gone is no error.
func (d *Driver) RemoveStray(ctx context.Context, stray string) error {
	s, err := d.storage(ctx)
	if err != nil {
		return err
	}
	label, name, _ := strings.Cut(stray, "/")
	dir := s.volumes
	if label != dir.Label() {
		dir = s.snapshots
	}
	if label != dir.Label() || !dir.IsTemporary(name) {
		return fault.New(fault.Invalid, "", "%.100q is not a leftover of the file driver.", stray)
	}
	s.mu.Lock() // held until it is removed, so that no copy of this name begins in between
	defer s.mu.Unlock()
	if s.copies[stray] {
		return fault.New(fault.Busy, "", "The copy that %.100q belongs to is still running.", stray)
	}
	_, err = dir.Remove(name)
	return d.failed("remove_stray", err)
}

func strayName(dir *directory.Directory, name string) string { return dir.Label() + "/" + name }

// beginCopy protects a temporary file from being taken for a stray until the returned function is called.
func (s *storage) beginCopy(dir *directory.Directory, name string) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies[strayName(dir, name)] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.copies, strayName(dir, name))
	}
}

func (s *storage) copyRuns(dir *directory.Directory, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copies[strayName(dir, name)]
}
