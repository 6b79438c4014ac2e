package migrate

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/block/target/nbd"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// The two back ends of a stage, and the pool that each has.
const (
	hostA, poolA = "n@a", block.Host("n@a#a")
	hostB, poolB = "n@b", block.Host("n@b#b")
)

var discard = slog.New(slog.DiscardHandler)

// stage is two back ends of files over one real database, each with a target, and as much of the other services as
// migrations ask for.
type stage struct {
	*testing.T
	db          *sqlstore.Store
	a, b        *end
	plain, gold *block.VolumeType
}

// end is one back end.
type end struct {
	*Service
	backend *driver.Backend
	exports *export.Exports
}

func newStage(t *testing.T) *stage {
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &stage{T: t, db: db, gold: &block.VolumeType{ID: uuid.NewString(), Name: "gold", IsPublic: true, ExtraSpecs: map[string]string{"tier": "gold"}}}
	if s.plain, err = db.TypeByName(t.Context(), block.DefaultTypeName, ""); err != nil {
		t.Fatal(err)
	}
	s.update(func(tx store.Tx) error { return tx.CreateVolumeType(t.Context(), s.gold) })
	dir := inMemory(t)
	s.a, s.b = s.end(dir, hostA), s.end(dir, hostB)
	return s
}

// inMemory is a directory for volumes, in memory where there is one: the tests make many and flush each.
func inMemory(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "clinker")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (s *stage) end(dir, host string) *end {
	name := block.Host(host).BackendName()
	d, err := file.New(file.Config{Directory: filepath.Join(dir, name)})
	if err != nil {
		s.Fatal(err)
	}
	e := &end{}
	if e.backend, err = driver.NewBackend(d, driver.Options{BackendName: name, MaxTries: 1}); err != nil {
		s.Fatal(err)
	}
	if err := e.backend.Setup(s.Context()); err != nil {
		s.Fatal(err)
	}
	socket, err := os.MkdirTemp("", "nbd") // short enough for a socket's address
	if err != nil {
		s.Fatal(err)
	}
	target, err := nbd.New(nbd.Config{StateDir: socket})
	if err != nil {
		s.Fatal(err)
	}
	if err := target.Start(s.Context()); err != nil {
		s.Fatal(err)
	}
	s.Cleanup(func() {
		_ = target.Close(context.Background())
		_ = e.backend.Close(context.Background())
		_ = os.RemoveAll(socket)
	})
	e.exports = export.New(e.backend, target)
	row := &block.Service{Host: host, Binary: block.BinaryVolume, Topic: block.BinaryVolume, UUID: uuid.NewString()}
	s.update(func(tx store.Tx) (err error) {
		row, err = tx.RegisterService(s.Context(), row)
		return err
	})
	e.Service = New(Options{Backend: host, ServiceUUID: row.UUID, Store: s.db, Storage: e.backend, Exports: e.exports,
		Flows: flow.NewEngine(journal.New(s.db), flow.Options{Stopping: messaging.ErrStopping, UndoPause: 1, Log: discard}), Volumes: rpcapi.Volume{Client: s},
		Open:           func(ctx context.Context, info block.ConnectionInfo) (Bytes, error) { return initiator.Open(ctx, info) },
		CountSnapshots: true, Log: discard})
	return e
}

func (s *stage) at(t messaging.Target) *end {
	if t.Topic == rpcapi.VolumeTopic+"."+hostA {
		return s.a
	}
	return s.b
}

// Cast makes volumes like a volume service. What else is cast is in the journal, and left to the test.
func (s *stage) Cast(ctx context.Context, to messaging.Target, m messaging.Message) error {
	if m.Method != rpcapi.MethodCreateVolume {
		return nil
	}
	id := m.Args.(*rpcapi.CreateVolume).VolumeID
	v, err := s.db.Volume(ctx, id, "")
	if err != nil {
		return err
	}
	if _, err := s.at(to).backend.CreateVolume(ctx, export.DriverVolume(v)); err != nil {
		return err
	}
	return s.db.Update(ctx, func(tx store.Tx) error {
		_, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeCreating}},
			store.VolumeSet{Status: new(block.VolumeAvailable)})
		return err
	})
}

// Call connects and disconnects like a volume service.
func (s *stage) Call(ctx context.Context, to messaging.Target, m messaging.Message, reply any) error {
	switch a := m.Args.(type) {
	case *rpcapi.InitializeConnection:
		v, id, err := s.connection(ctx, a.VolumeID, a.Connector)
		if err != nil {
			return err
		}
		info, err := s.at(to).exports.Connect(ctx, v, id, a.Connector, false)
		*reply.(*block.ConnectionInfo) = info
		return err
	case *rpcapi.TerminateConnection:
		v, id, err := s.connection(ctx, a.VolumeID, a.Connector)
		if err != nil {
			return err
		}
		return s.at(to).exports.Disconnect(ctx, v, id)
	}
	return fault.New(fault.NotImplemented, "", "no %s here", m.Method)
}

func (s *stage) connection(ctx context.Context, volumeID string, c block.Connector) (*block.Volume, string, error) {
	v, err := s.db.Volume(ctx, volumeID, "")
	if err != nil {
		return nil, "", err
	}
	id, err := export.LegacyID(volumeID, c)
	return v, id, err
}

func (s *stage) update(fn func(tx store.Tx) error) {
	s.Helper()
	if err := s.db.Update(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

// volume enters a volume of 1 GiB at a, changed by change, and makes it there.
func (s *stage) volume(change func(v *block.Volume)) *block.Volume {
	s.Helper()
	v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", UserID: "u", UseQuota: true, SizeGiB: 1, Host: poolA, VolumeTypeID: s.plain.ID,
		AvailabilityZone: "z-a", Status: block.VolumeAvailable, AttachStatus: block.AttachDetached, PreviousStatus: block.VolumeAvailable,
		Metadata: map[string]string{"k": "v"}}
	change(v)
	s.update(func(tx store.Tx) error { return tx.CreateVolume(s.Context(), v) })
	if _, err := s.a.backend.CreateVolume(s.Context(), export.DriverVolume(v)); err != nil {
		s.Fatal(err)
	}
	s.write(s.a, v.BackendID(), "first", 0)
	s.write(s.a, v.BackendID(), "last", block.GiB-4)
	return v
}

func (s *stage) write(e *end, id, text string, at int64) {
	s.Helper()
	path, err := e.backend.Device(s.Context(), driver.Volume{ID: id})
	if err != nil {
		s.Fatal(err)
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteAt([]byte(text), at); err != nil {
		s.Fatal(err)
	}
}

// holds checks that a back end has the volume under this id, with the bytes that volume wrote.
func (s *stage) holds(e *end, id string) {
	s.Helper()
	path, err := e.backend.Device(s.Context(), driver.Volume{ID: id})
	if err != nil {
		s.Errorf("%s: %v", e.Backend, err)
		return
	}
	f, err := os.Open(path)
	if err != nil {
		s.Fatal(err)
	}
	defer f.Close()
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size != block.GiB {
		s.Errorf("%s: %d bytes, %v", e.Backend, size, err)
	}
	for at, want := range map[int64]string{0: "first", block.GiB - 4: "last", 1 << 20: "\x00\x00"} {
		got := make([]byte, len(want))
		if _, err := f.ReadAt(got, at); err != nil || !bytes.Equal(got, []byte(want)) {
			s.Errorf("%s: at %d stands %q, %v", e.Backend, at, got, err)
		}
	}
}

// has says whether a back end's storage has a volume of this id.
func (s *stage) has(e *end, id string) bool {
	s.Helper()
	all, err := e.backend.Inventory(s.Context())
	if err != nil {
		s.Fatal(err)
	}
	return slices.Contains(all.VolumeIDs, id)
}

// row is a volume's row, nil if there is none.
func (s *stage) row(id string) *block.Volume {
	s.Helper()
	v, err := s.db.Volume(s.Context(), id, "")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		s.Fatal(err)
	}
	return v
}

// take removes the one record that an owner has about a volume from the journal, and gives it.
func (s *stage) take(owner, resourceID string) flow.Record {
	s.Helper()
	recs := s.records(owner, resourceID)
	if len(recs) != 1 {
		s.Fatalf("%s has %+v in the journal", owner, recs)
	}
	s.update(func(tx store.Tx) error { return tx.DeleteFlow(s.Context(), recs[0].ID) })
	return recs[0]
}

func (s *stage) records(owner, resourceID string) []flow.Record {
	s.Helper()
	recs, err := s.db.Flows(s.Context(), owner, 0, 100)
	if err != nil {
		s.Fatal(err)
	}
	return slices.DeleteFunc(recs, func(r flow.Record) bool { return r.ResourceID != resourceID })
}

// handed is a flow about v that a message brought to owner: its record is in the journal.
func handed[S any](s *stage, f *flow.Flow[S, store.Tx], owner, flowID string, v *block.Volume, st *S) flowtest.World[S, store.Tx] {
	s.Helper()
	state, err := json.Marshal(st)
	if err != nil {
		s.Fatal(err)
	}
	r := flow.Record{ID: flowID, Name: f.Name, Owner: owner, ResourceType: "volume", ResourceID: v.ID, State: state}
	s.update(func(tx store.Tx) error { return tx.PutFlow(s.Context(), r) })
	return flowtest.World[S, store.Tx]{Journal: journal.New(s.db), Flow: f, Record: r, State: st, Continue: true,
		Records: func(t *testing.T) []flow.Record {
			return slices.DeleteFunc(s.records(owner, v.ID), func(r flow.Record) bool { return r.Name != f.Name })
		}}
}

func want[V comparable](t *testing.T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// capabilities are what back end b says of itself.
func (s *stage) capabilities() map[string]any {
	s.Helper()
	all, err := s.b.backend.Capabilities(s.Context(), nil)
	if err != nil {
		s.Fatal(err)
	}
	return all["pools"].([]map[string]any)[0]
}

// counting is storage that remembers what it was asked, and retypes only if it is told to.
type counting struct {
	Storage
	mu      sync.Mutex
	retypes bool
	changes []driver.TypeChange
}

func (c *counting) Retype(ctx context.Context, v driver.Volume, change driver.TypeChange) (bool, driver.Update, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes = append(c.changes, change)
	return c.retypes, driver.Update{ProviderID: "retyped"}, nil
}
