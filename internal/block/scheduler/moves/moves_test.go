package moves

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/scheduler/decide/weighers"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

var discard = slog.New(slog.DiscardHandler)

// stage is a service over a real database, with pools that a real decision chooses from.
type stage struct {
	*testing.T
	*Service
	store       *sqlstore.Store
	plain, gold *block.VolumeType
	pools       []snapshot.Pool
	taken       map[string]bool // operations that hold room
	casts       []messaging.Message
	told        []string
}

func (s *stage) Cast(_ context.Context, _ messaging.Target, m messaging.Message) error {
	s.casts = append(s.casts, m)
	return nil
}

func (s *stage) Call(context.Context, messaging.Target, messaging.Message, any) error {
	panic("no call")
}

func (s *stage) Place(_ context.Context, operation string, r *snapshot.Request, _ int64) (snapshot.Pool, error) {
	d, err := decide.New(decide.DefaultOptions())
	if err != nil {
		return snapshot.Pool{}, err
	}
	var random weighers.Random
	found, err := d.Decide(s.pools, r, random)
	if err != nil {
		return snapshot.Pool{}, err
	}
	s.taken[operation] = true
	return *found.Candidates[0].Pool, nil
}

func (s *stage) HandOver(operation string) { delete(s.taken, operation) }
func (s *stage) Release(operation string)  { delete(s.taken, operation) }

func (s *stage) request(ctx context.Context, op snapshot.Operation, v *block.Volume) (*snapshot.Request, error) {
	t, err := s.store.VolumeType(ctx, v.VolumeTypeID, "")
	if err != nil {
		return nil, err
	}
	return &snapshot.Request{Operation: op, VolumeID: v.ID, SizeGiB: v.SizeGiB, TypeName: t.Name, ExtraSpecs: t.ExtraSpecs}, nil
}

func pool(name string) snapshot.Pool {
	return snapshot.Pool{Host: block.Host("n@" + name + "#" + name), Service: snapshot.Service{Up: true, AvailabilityZone: "z-" + name},
		Reported: true, Total: snapshot.Capacity{Kind: snapshot.Exact, GiB: 100}, Free: snapshot.Capacity{Kind: snapshot.Exact, GiB: 100},
		MaxOverSubscription: 1, ThickProvisioning: true, Capabilities: map[string]any{"volume_backend_name": name, "tier": name}}
}

func newStage(t *testing.T, pools ...string) *stage {
	db, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	s := &stage{T: t, store: db, taken: map[string]bool{},
		gold: &block.VolumeType{ID: uuid.NewString(), Name: "gold", IsPublic: true, ExtraSpecs: map[string]string{"tier": "b"}}}
	if s.plain, err = db.TypeByName(t.Context(), block.DefaultTypeName, ""); err != nil {
		t.Fatal(err)
	}
	for _, name := range pools {
		s.pools = append(s.pools, pool(name))
	}
	s.update(func(tx store.Tx) error { return tx.CreateVolumeType(t.Context(), s.gold) })
	s.Service = New(Options{Store: db, Flows: flow.NewEngine(journal.New(db), flow.Options{UndoPause: 1, Log: discard}),
		Volumes: rpcapi.Volume{Client: s}, Pools: s, Request: s.request, Ready: func(context.Context) bool { return true },
		Failed: func(_ context.Context, method string, v *block.Volume, state map[string]any, _ error) {
			s.told = append(s.told, fmt.Sprint(v.ID, " ", method, " ", state))
		},
		CountSnapshots: true, Log: discard})
	return s
}

func (s *stage) update(fn func(tx store.Tx) error) {
	s.Helper()
	if err := s.store.Update(s.Context(), fn); err != nil {
		s.Fatal(err)
	}
}

// add enters a volume of 1 GiB on pool a, changed by change, and the record of an operation about it.
func (s *stage) add(flowID, name string, state any, change func(v *block.Volume)) *block.Volume {
	s.Helper()
	v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", UserID: "u", UseQuota: true, SizeGiB: 1, Host: "n@a#a", VolumeTypeID: s.plain.ID,
		Status: block.VolumeAvailable, AttachStatus: block.AttachDetached, PreviousStatus: block.VolumeAvailable}
	change(v)
	switch m := state.(type) {
	case *retyping:
		m.VolumeID = v.ID
	case *migration:
		m.VolumeID = v.ID
	case *adoption:
		m.VolumeID = v.ID
	}
	b, err := json.Marshal(state)
	if err != nil {
		s.Fatal(err)
	}
	s.update(func(tx store.Tx) error {
		if err := tx.CreateVolume(s.Context(), v); err != nil {
			return err
		}
		return tx.PutFlow(s.Context(), flow.Record{ID: flowID, Name: name, Owner: rpcapi.SchedulerOwner, ResourceType: "volume", ResourceID: v.ID, State: b})
	})
	return v
}

func (s *stage) now(v *block.Volume) *block.Volume {
	s.Helper()
	now, err := s.store.Volume(s.Context(), v.ID, "")
	if err != nil {
		s.Fatal(err)
	}
	return now
}

func (s *stage) records(owner string) []flow.Record {
	s.Helper()
	recs, err := s.store.Flows(s.Context(), owner, 0, 100)
	if err != nil {
		s.Fatal(err)
	}
	return recs
}

func want[V comparable](t *testing.T, what string, got, want V) {
	t.Helper()
	if got != want {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

// handedOver is the state with which the back end a has the one operation that there is; the record is removed.
func handedOver[S any](s *stage, name string) *S {
	s.Helper()
	recs := s.records("n@a")
	if len(recs) != 1 || recs[0].Name != name {
		s.Fatalf("the back end has %+v in the journal", recs)
	}
	st := new(S)
	if err := json.Unmarshal(recs[0].State, st); err != nil {
		s.Fatal(err)
	}
	s.update(func(tx store.Tx) error { return tx.DeleteFlow(s.Context(), recs[0].ID) })
	return st
}

func world[S any](s *stage, f *flow.Flow[S, store.Tx], flowID, name string, v *block.Volume, st *S) flowtest.World[S, store.Tx] {
	return flowtest.World[S, store.Tx]{Journal: journal.New(s.store), Flow: f, State: st, Continue: true,
		Record: flow.Record{ID: flowID, Name: name, Owner: rpcapi.SchedulerOwner, ResourceType: "volume", ResourceID: v.ID},
		Records: func(t *testing.T) []flow.Record {
			recs := s.records(rpcapi.SchedulerOwner)
			return slices.DeleteFunc(recs, func(r flow.Record) bool { return r.ID != flowID })
		}}
}

func TestRetypeFlow(t *testing.T) {
	s := newStage(t, "a", "b")
	flowtest.Check(t, flowtest.Case[retyping, store.Tx]{New: func(t *testing.T) flowtest.World[retyping, store.Tx] {
		s.T = t
		st := &retyping{Retype: rpcapi.Retype{FlowID: uuid.NewString(), OldTypeID: s.plain.ID, NewTypeID: s.gold.ID, OldMultiattach: true, OnDemand: true}}
		v := s.add(st.FlowID, rpcapi.FlowVolumeRetype, st, func(v *block.Volume) {
			v.Status, v.VolumeTypeID, v.PreviousStatus, v.AttachStatus = block.VolumeRetyping, s.gold.ID, block.VolumeInUse, block.AttachAttached
		})
		fw := world(s, s.retype, st.FlowID, rpcapi.FlowVolumeRetype, v, st)
		fw.Done = func(t *testing.T) {
			s.T = t
			m := handedOver[rpcapi.Retype](s, rpcapi.FlowVolumeRetype)
			want(t, "destination", m.Destination.Host, "n@b#b")
			want(t, "its zone", m.Destination.AvailabilityZone, "z-b")
			want(t, "its tier", m.Destination.Capabilities["tier"], any("b"))
			want(t, "status", s.now(v).Status, block.VolumeRetyping)
		}
		fw.Undone = func(t *testing.T, _ error) {
			now := s.now(v)
			want(t, "status", now.Status, block.VolumeInUse)
			want(t, "type", now.VolumeTypeID, s.plain.ID)
			want(t, "multiattach", now.Multiattach, true)
		}
		return fw
	}})
}

// TestRetypeFlowAskedByPython: the row has the old type, and keeps it until the volume service is done.
func TestRetypeFlowAskedByPython(t *testing.T) {
	s := newStage(t, "a", "b")
	for _, reachable := range []bool{true, false} {
		st := &retyping{Retype: rpcapi.Retype{FlowID: uuid.NewString(), OldTypeID: s.plain.ID, NewTypeID: s.gold.ID, OnDemand: reachable, Reservations: []string{"x"}}}
		v := s.add(st.FlowID, rpcapi.FlowVolumeRetype, st, func(v *block.Volume) { v.Status = block.VolumeRetyping })
		if err := s.Retype(t.Context(), &st.Retype); err != nil {
			t.Fatal(err)
		}
		now := s.now(v)
		want(t, "type", now.VolumeTypeID, s.plain.ID)
		if !reachable {
			want(t, "status", now.Status, block.VolumeAvailable)
			continue
		}
		want(t, "status", now.Status, block.VolumeRetyping)
		m := handedOver[rpcapi.Retype](s, rpcapi.FlowVolumeRetype)
		want(t, "destination", m.Destination.Host, "n@b#b")
		want(t, "reservations", len(m.Reservations), 1)
	}
}

// TestManageFlow: where a storage has what is to be managed is told by its back end alone, and the pool is found.
func TestManageFlow(t *testing.T) {
	s := newStage(t, "a", "b")
	flowtest.Check(t, flowtest.Case[adoption, store.Tx]{New: func(t *testing.T) flowtest.World[adoption, store.Tx] {
		s.T = t
		st := &adoption{ManageExisting: rpcapi.ManageExisting{FlowID: uuid.NewString(), Reference: map[string]any{"source-name": "lv"}}}
		v := s.add(st.FlowID, rpcapi.FlowVolumeManage, st, func(v *block.Volume) { v.Status, v.Host, v.SizeGiB = block.VolumeManaging, "n@a", 0 })
		fw := world(s, s.adopt, st.FlowID, rpcapi.FlowVolumeManage, v, st)
		fw.Done = func(t *testing.T) {
			s.T = t
			want(t, "reference", handedOver[rpcapi.ManageExisting](s, rpcapi.FlowVolumeManage).Reference["source-name"], any("lv"))
			want(t, "host", s.now(v).Host, "n@a#a")
		}
		fw.Undone = func(t *testing.T, _ error) { want(t, "status", s.now(v).Status, block.VolumeErrorManaging) }
		return fw
	}})
	s.T = t
	n := &block.Snapshot{ID: uuid.NewString(), ProjectID: "p", VolumeSizeGiB: 1, VolumeTypeID: s.plain.ID, Status: block.SnapshotCreating}
	v := s.add(uuid.NewString(), "none", nil, func(*block.Volume) {})
	n.VolumeID = v.ID
	s.update(func(tx store.Tx) error { return tx.CreateSnapshot(t.Context(), n) })
	s.casts = nil
	if err := s.ManageSnapshot(t.Context(), &rpcapi.ManageExistingSnapshot{SnapshotID: n.ID}); err != nil || len(s.casts) != 1 || s.casts[0].Method != "manage_existing_snapshot" {
		t.Errorf("sent %v, %v", s.casts, err)
	}
	if err := s.ManageSnapshot(t.Context(), &rpcapi.ManageExistingSnapshot{SnapshotID: "gone"}); err != nil {
		t.Error(err)
	}
}

func TestMigrateFlow(t *testing.T) {
	s := newStage(t, "a", "b")
	flowtest.Check(t, flowtest.Case[migration, store.Tx]{New: func(t *testing.T) flowtest.World[migration, store.Tx] {
		s.T = t
		st := &migration{MigrateVolume: rpcapi.MigrateVolume{FlowID: uuid.NewString(), Host: "n@b"}}
		v := s.add(st.FlowID, rpcapi.FlowVolumeMigrate, st, func(v *block.Volume) {
			v.Status, v.MigrationStatus = block.VolumeMaintenance, block.MigrationStarting
		})
		fw := world(s, s.migrate, st.FlowID, rpcapi.FlowVolumeMigrate, v, st)
		fw.Done = func(t *testing.T) {
			s.T = t
			want(t, "destination", handedOver[rpcapi.MigrateVolume](s, rpcapi.FlowVolumeMigrate).Destination.Host, "n@b#b")
			want(t, "status", s.now(v).Status, block.VolumeMaintenance)
		}
		fw.Undone = func(t *testing.T, _ error) {
			now := s.now(v)
			want(t, "status", now.Status, block.VolumeAvailable)
			want(t, "migration", now.MigrationStatus, "error")
		}
		return fw
	}})
}

// TestRetypePlaces: a volume stays where it is if that will do, whatever is better, and moves only if it may.
func TestRetypePlaces(t *testing.T) {
	for _, c := range []struct {
		what     string
		specs    map[string]string
		onDemand bool
		want     block.Host // empty: it is refused
	}{
		{"its own back end will do", nil, true, "n@a#a"},
		{"it has to move and may", map[string]string{"tier": "b"}, true, "n@b#b"},
		{"it has to move and may not", map[string]string{"tier": "b"}, false, ""},
		{"nobody will do", map[string]string{"tier": "c"}, true, ""},
		{"another zone", map[string]string{"RESKEY:availability_zones": "z-b"}, true, "n@b#b"},
	} {
		s := newStage(t, "a", "b")
		s.update(func(tx store.Tx) error {
			if err := tx.DeleteExtraSpec(t.Context(), s.gold.ID, "tier"); err != nil {
				return err
			}
			return tx.PutExtraSpecs(t.Context(), s.gold.ID, c.specs)
		})
		st := &retyping{Retype: rpcapi.Retype{FlowID: uuid.NewString(), OldTypeID: s.plain.ID, NewTypeID: s.gold.ID, OnDemand: c.onDemand}}
		v := s.add(st.FlowID, rpcapi.FlowVolumeRetype, st, func(v *block.Volume) { v.Status, v.VolumeTypeID = block.VolumeRetyping, s.gold.ID })
		if err := s.Retype(t.Context(), &st.Retype); err != nil {
			t.Errorf("%s: %v", c.what, err)
		}
		now := s.now(v)
		want(t, c.what+": room held", s.taken[st.FlowID], false)
		if c.want == "" {
			want(t, c.what+": status", now.Status, block.VolumeAvailable)
			want(t, c.what+": type", now.VolumeTypeID, s.plain.ID)
			want(t, c.what+": told", slices.Contains(s.told, v.ID+" retype map[status:available]"), true)
			want(t, c.what+": casts", len(s.casts), 0)
			continue
		}
		want(t, c.what+": destination", handedOver[rpcapi.Retype](s, rpcapi.FlowVolumeRetype).Destination.Host, c.want)
		want(t, c.what+": status", now.Status, block.VolumeRetyping)
		want(t, c.what+": casts", len(s.casts), 1)
	}
}

// TestMigratePlaces: only where it was asked to go, and not where it is.
func TestMigratePlaces(t *testing.T) {
	for _, c := range []struct {
		to, want block.Host
	}{{"n@b#b", "n@b#b"}, {"n@b", "n@b#b"}, {"n@a", ""}, {"n@c", ""}, {"n@b#x", ""}} {
		s := newStage(t, "a", "b")
		st := &migration{MigrateVolume: rpcapi.MigrateVolume{FlowID: uuid.NewString(), Host: c.to}}
		v := s.add(st.FlowID, rpcapi.FlowVolumeMigrate, st, func(v *block.Volume) { v.MigrationStatus = block.MigrationStarting })
		err := s.Migrate(t.Context(), &st.MigrateVolume)
		now := s.now(v)
		want(t, string(c.to)+": status", now.Status, block.VolumeAvailable)
		want(t, string(c.to)+": room held", s.taken[st.FlowID], false)
		if c.want == "" {
			want(t, string(c.to)+": migration", now.MigrationStatus, "error")
			want(t, string(c.to)+": told", slices.Contains(s.told, v.ID+" migrate_volume_to_host map[migration_status:error]"), true)
			want(t, string(c.to)+": is the volume's own place", fault.NameOf(err) == "InvalidVolume", c.to == "n@a")
			continue
		}
		want(t, string(c.to)+": error", err, nil)
		want(t, string(c.to)+": migration", now.MigrationStatus, block.MigrationStarting)
		want(t, string(c.to)+": destination", handedOver[rpcapi.MigrateVolume](s, rpcapi.FlowVolumeMigrate).Destination.Host, c.want)
	}
}

// TestTooLate: what has been seen to, or reset by hand, is left alone.
func TestTooLate(t *testing.T) {
	s := newStage(t, "a", "b")
	v := s.add(uuid.NewString(), rpcapi.FlowVolumeRetype, &retyping{}, func(*block.Volume) {})
	for _, err := range []error{
		s.Retype(t.Context(), &rpcapi.Retype{FlowID: uuid.NewString(), VolumeID: v.ID, OldTypeID: s.gold.ID, NewTypeID: s.plain.ID}),
		s.Retype(t.Context(), &rpcapi.Retype{FlowID: uuid.NewString(), VolumeID: uuid.NewString()}),
		s.Migrate(t.Context(), &rpcapi.MigrateVolume{FlowID: uuid.NewString(), VolumeID: v.ID, Host: "n@b"}),
		s.Migrate(t.Context(), &rpcapi.MigrateVolume{FlowID: uuid.NewString(), VolumeID: uuid.NewString(), Host: "n@b"}),
	} {
		want(t, "error", err, nil)
	}
	now := s.now(v)
	want(t, "status", now.Status, block.VolumeAvailable)
	want(t, "type", now.VolumeTypeID, s.plain.ID)
	want(t, "migration", now.MigrationStatus, "")
	want(t, "casts", len(s.casts), 0)
}
