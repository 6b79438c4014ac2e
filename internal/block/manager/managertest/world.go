package managertest

import (
	"context"
	"fmt"
	"maps"
	"path/filepath"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/driver/file"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/target"
)

// Host is the back end of every World, Pool its one pool.
const (
	Host = "node@fake"
	Pool = block.Host(Host + "#fake")
)

// Project is the owner of everything in a World.
const Project = "p1"

// World is a store, a back end that is set up, and a target.
type World struct {
	*Store
	Driver  *fake.Driver // nil in one whose volumes hold bytes
	Backend *driver.Backend
	Target  *Target
}

// NewWorld makes an empty one.
func NewWorld(t testing.TB) *World {
	t.Helper()
	d := fake.New()
	return &World{Store: NewStore(), Driver: d, Backend: setUp(t, d), Target: &Target{connections: map[string]target.Connection{}}}
}

// NewFileWorld makes an empty one whose volumes are files, so that they hold bytes. directory is where the files are.
func NewFileWorld(t testing.TB) (w *World, directory string) {
	t.Helper()
	directory = filepath.Join(t.TempDir(), "storage")
	d, err := file.New(file.Config{Directory: directory})
	if err != nil {
		t.Fatal(err)
	}
	return &World{Store: NewStore(), Backend: setUp(t, d), Target: &Target{connections: map[string]target.Connection{}}}, directory
}

func setUp(t testing.TB, d driver.Driver) *driver.Backend {
	t.Helper()
	b, err := driver.NewBackend(d, driver.Options{BackendName: "fake", MaxTries: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	return b
}

// AddVolume enters a row of 1 GiB, changed by change, and makes its volume in storage unless it is creating.
func (w *World) AddVolume(t testing.TB, change func(v *block.Volume)) *block.Volume {
	t.Helper()
	v := &block.Volume{ID: uuid.NewString(), ProjectID: Project, UseQuota: true, SizeGiB: 1, Host: Pool,
		Status: block.VolumeAvailable, AttachStatus: block.AttachDetached, AdminMetadata: map[string]string{}}
	if change != nil {
		change(v)
	}
	w.update(t, func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) })
	if v.Status != block.VolumeCreating {
		if _, err := w.Backend.CreateVolume(t.Context(), driver.Volume{ID: v.ID, SizeGiB: v.SizeGiB}); err != nil {
			t.Fatal(err)
		}
	}
	return v
}

// AddSnapshot enters a snapshot of v with this status, and takes it unless it is creating.
func (w *World) AddSnapshot(t testing.TB, v *block.Volume, status block.SnapshotStatus) *block.Snapshot {
	t.Helper()
	s := &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: Project, UseQuota: true, VolumeSizeGiB: v.SizeGiB, Status: status}
	w.update(t, func(tx store.Tx) error { return tx.CreateSnapshot(t.Context(), s) })
	if status != block.SnapshotCreating {
		_, err := w.Backend.CreateSnapshot(t.Context(), driver.Snapshot{ID: s.ID, SizeGiB: s.VolumeSizeGiB,
			Volume: driver.Volume{ID: v.ID, SizeGiB: v.SizeGiB}})
		if err != nil {
			t.Fatal(err)
		}
	}
	return s
}

// AddAttachment enters an attachment of v with this status.
func (w *World) AddAttachment(t testing.TB, v *block.Volume, status block.AttachStatus, change func(a *block.Attachment)) *block.Attachment {
	t.Helper()
	a := &block.Attachment{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: Project, AttachStatus: status, AttachMode: "null"}
	if change != nil {
		change(a)
	}
	w.update(t, func(tx store.Tx) error { return tx.CreateAttachment(t.Context(), a) })
	return a
}

func (w *World) update(t testing.TB, fn func(tx store.Tx) error) {
	t.Helper()
	if err := w.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// VolumeStates is "status/attach status" of a volume's row, "gone" without one.
func (w *World) VolumeStates(t testing.TB, id string) string {
	v, err := w.Volume(t.Context(), id, "")
	if err != nil {
		return "gone"
	}
	return fmt.Sprintf("%s/%s", v.Status, v.AttachStatus)
}

// SnapshotStatus is the status of a snapshot's row, "gone" without one.
func (w *World) SnapshotStatus(t testing.TB, id string) string {
	s, err := w.Snapshot(t.Context(), id, "")
	if err != nil {
		return "gone"
	}
	return string(s.Status)
}

// Held says whether the storage holds a volume or snapshot of this id.
func (w *World) Held(t testing.TB, id string) bool {
	all, err := w.Backend.Inventory(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, have := range append(all.VolumeIDs, all.SnapshotIDs...) {
		if have == id {
			return true
		}
	}
	return false
}

// Target is a target.Target that remembers its connections.
type Target struct {
	mu          sync.Mutex
	connections map[string]target.Connection
	resized     map[string]int64
	fail        error
}

// Fail makes Connect and Disconnect fail with err from now on; nil ends it.
func (t *Target) Fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fail = err
}

// Connections are those that are open, by id.
func (t *Target) Connections() map[string]target.Connection {
	t.mu.Lock()
	defer t.mu.Unlock()
	return maps.Clone(t.connections)
}

// SizeBytes is what Resize said last of a volume, 0 for nothing.
func (t *Target) SizeBytes(volumeID string) int64 {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.resized[volumeID]
}

// Protocol implements target.Target.
func (t *Target) Protocol() string { return "nbd" }

// Start implements target.Target.
func (t *Target) Start(context.Context) error { return nil }

// Connect implements target.Target.
func (t *Target) Connect(_ context.Context, c target.Connection) (block.ConnectionInfo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fail != nil {
		return block.ConnectionInfo{}, t.fail
	}
	t.connections[c.ID] = c
	return block.ConnectionInfo{DriverVolumeType: "nbd", Data: map[string]any{"export": c.ID}}, nil
}

// Disconnect implements target.Target.
func (t *Target) Disconnect(_ context.Context, id string) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.fail != nil {
		return t.fail
	}
	delete(t.connections, id)
	return nil
}

// Resize implements target.Target.
func (t *Target) Resize(_ context.Context, volumeID string, sizeBytes int64) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.resized == nil {
		t.resized = map[string]int64{}
	}
	t.resized[volumeID] = sizeBytes
	return nil
}

// Close implements target.Target.
func (t *Target) Close(context.Context) error { return nil }
