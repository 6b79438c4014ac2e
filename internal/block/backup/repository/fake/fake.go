// Package fake is a repository for tests of what uses repositories. It keeps no bytes: it keeps the contract, remembers
// what was saved, and fails when it is told to. Device is a volume to go with it.
package fake

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"sync"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/fault"
)

// Repository implements repository.Repository. Make one with New.
type Repository struct {
	name string
	mu   sync.Mutex
	held map[string]held
	fail func(verb, backupID string) error
}

// held is a backup that was saved.
type held struct{ parentID, meta string }

var _ repository.Repository = (*Repository)(nil)

// New makes a repository of this name.
func New(name string) *Repository {
	return &Repository{name: name, held: map[string]held{}, fail: func(_, _ string) error { return nil }}
}

// FailWith has every verb ask fail first, and return its error if there is one. verb is the method's name in lower case; the
// id is empty for check. What fails a save does so when the bytes are there already: half a save is to be undone. A nil
// fail ends it.
func (r *Repository) FailWith(fail func(verb, backupID string) error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if fail == nil {
		fail = func(_, _ string) error { return nil }
	}
	r.fail = fail
}

// Held is the ids of the backups that are there, in order.
func (r *Repository) Held() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Sorted(maps.Keys(r.held))
}

// failing asks fail, unlocked, so that it may wait for something or look around.
func (r *Repository) failing(verb, id string) error {
	r.mu.Lock()
	fail := r.fail
	r.mu.Unlock()
	return fail(verb, id)
}

// Name implements repository.Repository.
func (r *Repository) Name() string { return r.name }

// Check implements repository.Repository.
func (r *Repository) Check(context.Context) error { return r.failing("check", "") }

// Place implements repository.Repository.
func (r *Repository) Place(b *block.Backup) (repository.Place, error) {
	p := repository.Place{Container: "container", ServiceMetadata: "backup_" + b.ID}
	if b.Container != nil {
		p.Container = *b.Container
	}
	return p, r.failing("place", b.ID)
}

// Save implements repository.Repository. It reads the first and the last byte of the volume.
func (r *Repository) Save(ctx context.Context, s repository.Save) (repository.Saved, error) {
	one := held{meta: s.VolumeMeta}
	if s.Parent != nil {
		one.parentID = s.Parent.ID
	}
	for _, at := range []int64{0, s.SizeBytes - 1} {
		if _, err := s.Source.ReadAt(make([]byte, 1), at); err != nil && err != io.EOF {
			return repository.Saved{}, err
		}
	}
	r.mu.Lock()
	r.held[s.Backup.ID] = one
	r.mu.Unlock()
	if s.Progress != nil {
		if err := s.Progress(ctx, s.SizeBytes, s.SizeBytes); err != nil {
			return repository.Saved{}, err
		}
	}
	return repository.Saved{Objects: 1}, r.failing("save", s.Backup.ID)
}

// Restore implements repository.Repository. It writes the first byte of the volume.
func (r *Repository) Restore(ctx context.Context, j repository.Restore) (repository.Restored, error) {
	var restored repository.Restored
	for _, b := range j.Chain {
		r.mu.Lock()
		one, there := r.held[b.ID]
		r.mu.Unlock()
		if !there {
			return restored, fault.New(fault.NotFound, "", "The backup repository lacks a part of the backup.")
		}
		if one.parentID != b.ParentID {
			return restored, fmt.Errorf("backup %s is the difference to %q and restored after %q", b.ID, one.parentID, b.ParentID)
		}
		restored.VolumeMeta = one.meta
	}
	if err := r.failing("restore", j.Chain[len(j.Chain)-1].ID); err != nil {
		return restored, err
	}
	_, err := j.Target.WriteAt([]byte{1}, 0)
	return restored, err
}

// Delete implements repository.Repository.
func (r *Repository) Delete(_ context.Context, b *block.Backup) error {
	if err := r.failing("delete", b.ID); err != nil {
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.held, b.ID)
	return nil
}

// Put enters a backup as saved.
func (r *Repository) Put(b *block.Backup, meta string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held[b.ID] = held{b.ParentID, meta}
}

// Device is a volume of a size that holds nothing but zeroes, whatever is written to it.
type Device struct{ SizeBytes int64 }

var _ initiator.Device = Device{}

// ReadAt implements initiator.Device.
func (d Device) ReadAt(p []byte, offset int64) (int, error) {
	clear(p)
	if left := d.SizeBytes - offset; int64(len(p)) > left {
		return int(max(0, left)), io.EOF
	}
	return len(p), nil
}

// WriteAt implements initiator.Device.
func (d Device) WriteAt(p []byte, _ int64) (int, error) { return len(p), nil }

// WriteZeroes implements initiator.Device.
func (Device) WriteZeroes(_, _ int64) error { return nil }

// Flush implements initiator.Device.
func (Device) Flush() error { return nil }

// Size implements initiator.Device.
func (d Device) Size() int64 { return d.SizeBytes }

// Close implements initiator.Device.
func (Device) Close() error { return nil }

// Open opens any volume as a Device of a terabyte.
func Open(context.Context, block.ConnectionInfo) (initiator.Device, error) {
	return Device{1 << 40}, nil
}
