package file

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file/directory"
	"github.com/clinker/clinker/internal/fault"
)

// CreateGroupSnapshot implements driver.GroupSnapshotter. Writes to all the volumes are held back together until each has been
// copied; what follows, flushing the copies and giving them their names, happens beside the writes. It needs a Freezer also
// where there are reflinks: each of these is atomic by itself, several are not.
func (d *Driver) CreateGroupSnapshot(ctx context.Context, snapshots []driver.Snapshot) ([]driver.Update, error) {
	s, err := d.storage(ctx)
	if err != nil {
		return nil, err
	}
	if d.config.Freeze == nil {
		return nil, fault.New(fault.NotImplemented, "", "The back end cannot hold back writes to several volumes at once.")
	}
	pictures := make([]*picture, len(snapshots))
	for i, snap := range snapshots {
		size := snap.SizeGiB * block.GiB
		pictures[i] = &picture{name: s.snapshots.Name(snap.ID), copying: copying{from: s.volumes, source: snap.Volume.ID, sourceBytes: size,
			to: s.snapshots, target: snap.ID, targetBytes: size, notFound: volumeNotFound}}
	}
	complete, err := begin(s, pictures)
	if err == nil && !complete {
		err = d.takeAll(ctx, s, pictures)
	}
	if err == nil {
		err = s.snapshots.Flush()
	}
	if err != nil {
		return nil, d.failed("create_group_snapshot", err)
	}
	return make([]driver.Update, len(snapshots)), nil
}

// picture is one of several copies that belong together.
type picture struct {
	copying
	name         string
	source, file *os.File
	end          func() // of the copy under way
}

// begin says whether an earlier run has given all pictures their names. If not, it removes those that have one: they are of
// another instant than those that are yet to be taken.
func begin(s *storage, pictures []*picture) (complete bool, err error) {
	named := 0
	for _, p := range pictures {
		switch _, err := p.to.Size(p.name); {
		case err == nil:
			named++
		case !errors.Is(err, fs.ErrNotExist):
			return false, err
		}
	}
	if named == len(pictures) {
		return true, nil
	}
	return false, removeAll(s, pictures)
}

func removeAll(s *storage, pictures []*picture) error {
	var errs []error
	for _, p := range pictures {
		errs = append(errs, s.delete(p.to, p.name))
	}
	return errors.Join(errs...)
}

// takeAll takes all pictures, or leaves none.
func (d *Driver) takeAll(ctx context.Context, s *storage, pictures []*picture) (err error) {
	defer func() {
		for _, p := range pictures {
			p.close()
		}
		if err != nil {
			_ = removeAll(s, pictures) // what cannot be removed now, the repetition removes
		}
	}()
	for _, p := range pictures {
		if err := d.openPicture(s, p); err != nil {
			return err
		}
	}
	if err := d.copyAll(ctx, pictures); err != nil {
		return err
	}
	for _, p := range pictures {
		if err := d.finish(ctx, p.file, p.copying); err != nil {
			return err
		}
	}
	for _, p := range pictures {
		if err := p.to.Rename(p.name+directory.Temporary, p.name); err != nil {
			return err
		}
		s.provisioned.Add(p.targetBytes)
	}
	return nil
}

// openPicture opens a picture's source, and a temporary file for it.
func (d *Driver) openPicture(s *storage, p *picture) (err error) {
	if p.source, err = openSource(p.copying); err != nil {
		return err
	}
	p.end = s.beginCopy(p.to, p.name+directory.Temporary)
	p.file, _, err = p.to.OpenFile(p.name+directory.Temporary, unix.O_RDWR|unix.O_CREAT|unix.O_EXCL)
	return err
}

func (p *picture) close() {
	for _, f := range []*os.File{p.source, p.file} {
		if f != nil {
			_ = f.Close() // the copy was flushed before it got its name
		}
	}
	if p.end != nil {
		p.end()
	}
}

// copyAll copies all sources while writes to every one of them are held back.
func (d *Driver) copyAll(ctx context.Context, pictures []*picture) error {
	resume, err := d.freezeAll(ctx, pictures)
	if err != nil {
		return err
	}
	defer resume()
	for _, p := range pictures {
		if err := d.copyContent(ctx, p.file, p.source, p.copying); err != nil {
			return err
		}
	}
	return nil
}

// freezeAll holds back writes to all sources, or to none; in the order of their names, so that two who want the same never wait
// for each other.
func (d *Driver) freezeAll(ctx context.Context, pictures []*picture) (resume func(), err error) {
	var ids []string
	for _, p := range pictures {
		ids = append(ids, p.copying.source)
	}
	slices.Sort(ids)
	var frozen []func()
	resume = func() {
		for _, free := range slices.Backward(frozen) {
			free()
		}
	}
	for _, id := range slices.Compact(ids) {
		free, err := d.config.Freeze(ctx, id)
		if err != nil {
			resume()
			return nil, err
		}
		frozen = append(frozen, free)
	}
	return resume, nil
}
