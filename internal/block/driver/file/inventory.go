package file

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block/driver"
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
	for dir, ids := range map[*directory]*[]string{s.volumes: &all.VolumeIDs, s.snapshots: &all.SnapshotIDs} {
		names, err := dir.names()
		if err != nil {
			return driver.Inventory{}, d.failed("inventory", err)
		}
		for _, name := range names {
			if id, ok := dir.id(name); ok {
				*ids = append(*ids, id)
			} else if dir.isTemporary(name) && !s.copyRuns(dir, name) {
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
	if label != dir.label {
		dir = s.snapshots
	}
	if label != dir.label || !dir.isTemporary(name) {
		return fault.New(fault.Invalid, "", "%.100q is not a leftover of the file driver.", stray)
	}
	s.mu.Lock() // held until it is removed, so that no copy of this name begins in between
	defer s.mu.Unlock()
	if s.copies[stray] {
		return fault.New(fault.Busy, "", "The copy that %.100q belongs to is still running.", stray)
	}
	_, err = dir.remove(name)
	return d.failed("remove_stray", err)
}

// isTemporary says whether a name is that of an incomplete copy of ours.
func (d *directory) isTemporary(name string) bool {
	name, ok := strings.CutSuffix(name, temporary)
	if ok {
		_, ok = d.id(name)
	}
	return ok
}

func strayName(dir *directory, name string) string { return dir.label + "/" + name }

// beginCopy protects a temporary file from being taken for a stray until the returned function is called.
func (s *storage) beginCopy(dir *directory, name string) (end func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copies[strayName(dir, name)] = true
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.copies, strayName(dir, name))
	}
}

func (s *storage) copyRuns(dir *directory, name string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.copies[strayName(dir, name)]
}
