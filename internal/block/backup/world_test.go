package backup

import (
	"context"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository/fake"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// volumeService is a messaging.Transport that answers as a volume service would, as far as connections go, and keeps what
// is cast.
type volumeService struct {
	messaging.Transport
	mu        sync.Mutex
	connected map[string]string // mode by volume id
	casts     []messaging.Message
	fail      error
}

func (s *volumeService) Cast(_ context.Context, _ messaging.Target, m messaging.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.casts = append(s.casts, m)
	return nil
}

func (s *volumeService) Call(_ context.Context, _ messaging.Target, m messaging.Message, reply any) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch a := m.Args.(type) {
	case *rpcapi.InitializeConnection:
		if s.fail != nil {
			return s.fail
		}
		s.connected[a.VolumeID] = a.Connector.Text("mode")
		*reply.(*block.ConnectionInfo) = block.ConnectionInfo{DriverVolumeType: "fake"}
	case *rpcapi.TerminateConnection:
		delete(s.connected, a.VolumeID)
	}
	return nil
}

func (s *volumeService) open() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Sorted(maps.Keys(s.connected))
}

// world is a backup service with all it acts on.
type world struct {
	*managertest.World
	*Service
	repository *fake.Repository
	volumes    *volumeService
	told       []block.Failure
}

// Create implements Messages.
func (w *world) leave(_ context.Context, f block.Failure) error {
	w.told = append(w.told, f)
	return nil
}

type messages struct{ w *world }

func (m messages) Create(ctx context.Context, f block.Failure) error { return m.w.leave(ctx, f) }

const repositoryName = "cinder.backup.drivers.posix.PosixBackupDriver"

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{World: managertest.NewWorld(t), repository: fake.New(repositoryName), volumes: &volumeService{connected: map[string]string{}}}
	w.Service = New(Options{Host: "b1", AvailabilityZone: "nova", Store: w.World, Flows: flow.NewEngine(journal.New(w.World), flow.Options{UndoPause: 1,
		Log: slog.New(slog.DiscardHandler)}), Repository: w.repository, Open: fake.Open, Transport: w.volumes,
		Messages: messages{w}, Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return time.Unix(1_700_000_000, 0) }})
	w.check(t.Context())
	return w
}

// records are what the journal has for an owner.
func (w *world) records(t *testing.T, owner string) []flow.Record {
	t.Helper()
	recs, err := w.World.Flows(t.Context(), owner, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

// flowWorld puts an operation into the journal and makes the world in which flowtest runs it.
func flowWorld[S any](t *testing.T, w *world, f *flow.Flow[S, store.Tx], name, id, backupID string, st *S) flowtest.World[S, store.Tx] {
	t.Helper()
	data, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	rec := w.record(id, name, backupID)
	rec.State = data
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), rec) }); err != nil {
		t.Fatal(err)
	}
	return flowtest.World[S, store.Tx]{Journal: journal.New(w.World), Flow: f, Record: rec, State: st, Continue: true,
		Records: func(t *testing.T) []flow.Record { return w.records(t, rec.Owner) }}
}

// backingUp is a volume that is being backed up.
func (w *world) backingUp(t *testing.T) *block.Volume {
	t.Helper()
	return w.AddVolume(t, func(v *block.Volume) {
		v.Status, v.PreviousStatus, v.Name, v.Metadata = block.VolumeBackingUp, block.VolumeAvailable, new("v"), map[string]string{"a": "b"}
	})
}

// being is a backup of v that is being made here.
func (w *world) being(t *testing.T, v *block.Volume, change func(b *block.Backup)) *block.Backup {
	t.Helper()
	return w.AddBackup(t, v, func(b *block.Backup) {
		b.Status, b.Host, b.Service, b.Container, b.ServiceMetadata = block.BackupCreating, "b1", repositoryName, new("c"), "m"
		if change != nil {
			change(b)
		}
	})
}

// made is a backup of v that has been made, with what it says of its volume.
func (w *world) made(t *testing.T, v *block.Volume, meta string, change func(b *block.Backup)) *block.Backup {
	t.Helper()
	b := w.being(t, v, func(b *block.Backup) {
		b.Status = block.BackupAvailable
		if change != nil {
			change(b)
		}
	})
	w.repository.Put(b, meta)
	return b
}

func (w *world) row(t *testing.T, id string) *block.Backup {
	t.Helper()
	b, err := w.Backup(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// quiet checks that nothing is left exported.
func (w *world) quiet(t *testing.T) {
	t.Helper()
	if open := w.volumes.open(); len(open) != 0 {
		t.Errorf("still exported: %v", open)
	}
}

func (w *world) states(t *testing.T, v *block.Volume, volume string, b *block.Backup, backup string) {
	t.Helper()
	if got := w.VolumeStates(t, v.ID); got != volume+"/detached" {
		t.Errorf("the volume is %s, want %s", got, volume)
	}
	if got := w.BackupStatus(t, b.ID); got != backup {
		t.Errorf("the backup is %s, want %s", got, backup)
	}
}

func newID() string { return uuid.NewString() }
