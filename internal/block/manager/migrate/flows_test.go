package migrate

import (
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

// toB is a destination: pool b.
func (s *stage) toB(carried bool) rpcapi.Destination {
	d := rpcapi.Destination{Host: poolB, AvailabilityZone: "z-b", Capabilities: s.capabilities()}
	if !carried {
		delete(d.Capabilities, "location_info")
	}
	return d
}

func TestMoveFlow(t *testing.T) {
	for name, carried := range map[string]bool{"copied": false, "carried by the driver": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			flowtest.Check(t, flowtest.Case[move, store.Tx]{New: func(t *testing.T) flowtest.World[move, store.Tx] {
				s.T = t
				return s.moveWorld(carried, false)
			}})
		})
	}
	t.Run("because of its type", func(t *testing.T) {
		s := newStage(t)
		flowtest.Check(t, flowtest.Case[move, store.Tx]{New: func(t *testing.T) flowtest.World[move, store.Tx] {
			s.T = t
			return s.moveWorld(true, true)
		}})
	})
}

func (s *stage) moveWorld(carried, retype bool) flowtest.World[move, store.Tx] {
	st := &move{MigrateVolume: rpcapi.MigrateVolume{FlowID: uuid.NewString(), Host: poolB, Destination: s.toB(carried)}}
	status := block.VolumeMaintenance
	v := s.volume(func(v *block.Volume) {
		if v.MigrationStatus = block.MigrationStarting; retype {
			status, v.VolumeTypeID = block.VolumeRetyping, s.gold.ID
		}
		v.Status = status
	})
	if st.VolumeID = v.ID; retype {
		st.Retype = &rpcapi.Retype{FlowID: st.FlowID, VolumeID: v.ID, OldTypeID: s.plain.ID, NewTypeID: s.gold.ID, OldMultiattach: true, OnDemand: true}
	}
	made := st.madeID()
	fw := handed(s, s.a.move, hostA, st.FlowID, v, st)
	fw.Done = func(t *testing.T) {
		s.T = t
		now, left := s.row(v.ID), s.row(made)
		want(t, "host", now.Host, poolB)
		want(t, "zone", now.AvailabilityZone, "z-b")
		want(t, "name", now.NameID, made)
		want(t, "status", now.Status, status)
		want(t, "migration", now.MigrationStatus, block.MigrationCompleting)
		want(t, "metadata", now.Metadata["k"], "v")
		want(t, "what was left: host", left.Host, poolA)
		want(t, "what was left: name", left.BackendID(), v.ID)
		want(t, "what was left: status", left.Status, block.VolumeDeleting)
		want(t, "what was left: quota", left.UseQuota, false)
		s.holds(s.b, made)
		s.holds(s.a, v.ID)
		want(t, "handed over", s.take(hostB, v.ID).Name, rpcapi.FlowVolumeMigrated)
	}
	fw.Undone = func(t *testing.T, _ error) {
		s.T = t
		now := s.row(v.ID)
		want(t, "host", now.Host, poolA)
		want(t, "name", now.NameID, "")
		want(t, "status", now.Status, block.VolumeAvailable)
		want(t, "migration", now.MigrationStatus, block.MigrationError)
		want(t, "type", now.VolumeTypeID, s.plain.ID)
		want(t, "multiattach", now.Multiattach, retype)
		s.holds(s.a, v.ID)
		if left := s.row(made); left != nil {
			want(t, "what was made: status", left.Status, block.VolumeDeleting)
			want(t, "what was made: host", left.Host, poolB)
			want(t, "its deletion", s.take(hostB, made).Name, rpcapi.FlowVolumeDelete)
			return
		}
		want(t, "storage without a row", s.has(s.b, made), false)
	}
	return fw
}

func TestArriveFlow(t *testing.T) {
	for name, taken := range map[string]bool{"its name is free": false, "its name is taken": true} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			flowtest.Check(t, flowtest.Case[arrival, store.Tx]{New: func(t *testing.T) flowtest.World[arrival, store.Tx] {
				s.T = t
				return s.arriveWorld(taken)
			}})
		})
	}
}

func (s *stage) arriveWorld(taken bool) flowtest.World[arrival, store.Tx] {
	st := &arrival{UpdateMigratedVolume: rpcapi.UpdateMigratedVolume{FlowID: uuid.NewString(), LeftoverID: uuid.NewString(), SourceHost: poolA, Retyped: true}}
	v := s.volume(func(v *block.Volume) {
		v.Host, v.NameID, v.MigrationStatus, v.Status = poolB, st.LeftoverID, block.MigrationCompleting, block.VolumeMaintenance
	})
	st.VolumeID = v.ID
	// It was made at a; this is what a migration that the driver carries out does.
	location := s.capabilities()["location_info"].(string)
	temporary := uuid.NewString()
	if done, _, err := s.a.backend.MigrateVolume(s.Context(), driver.Volume{ID: st.LeftoverID, SizeGiB: 1}, temporary, location); !done || err != nil {
		s.Fatal(done, err)
	}
	if done, _, err := s.b.backend.RenameVolume(s.Context(), driver.Volume{ID: temporary}, st.LeftoverID); !done || err != nil {
		s.Fatal(done, err)
	}
	if taken {
		if _, err := s.b.backend.CreateVolume(s.Context(), driver.Volume{ID: v.ID, SizeGiB: 2}); err != nil {
			s.Fatal(err)
		}
	}
	arrived := func(t *testing.T) {
		s.T = t
		now := s.row(v.ID)
		want(t, "status", now.Status, block.VolumeAvailable)
		want(t, "migration", now.MigrationStatus, block.MigrationSuccess)
		want(t, "service", now.ServiceUUID, s.b.ServiceUUID)
		s.holds(s.b, now.BackendID())
		r := s.take(hostA, v.ID)
		want(t, "next", r.Name, rpcapi.FlowVolumeDelete)
	}
	fw := handed(s, s.b.arrive, hostB, st.FlowID, v, st)
	fw.Done = func(t *testing.T) {
		arrived(t)
		name := ""
		if taken {
			name = st.LeftoverID
		}
		want(t, "name", s.row(v.ID).NameID, name)
		want(t, "the other name", s.has(s.b, st.LeftoverID), taken)
	}
	fw.Undone = func(t *testing.T, _ error) { arrived(t) }
	return fw
}

func TestRetypeFlow(t *testing.T) {
	for name, inPlace := range map[string]bool{"in place": true, "by a migration": false} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			flowtest.Check(t, flowtest.Case[retyping, store.Tx]{New: func(t *testing.T) flowtest.World[retyping, store.Tx] {
				s.T = t
				return s.retypeWorld(inPlace)
			}})
		})
	}
}

func (s *stage) retypeWorld(inPlace bool) flowtest.World[retyping, store.Tx] {
	storage := &counting{Storage: s.a.backend, retypes: inPlace}
	s.a.Storage = storage
	st := &retyping{Retype: rpcapi.Retype{FlowID: uuid.NewString(), OldTypeID: s.plain.ID, NewTypeID: s.gold.ID, OldMultiattach: true, OnDemand: true,
		Destination: rpcapi.Destination{Host: poolA}}}
	v := s.volume(func(v *block.Volume) { v.Status, v.VolumeTypeID = block.VolumeRetyping, s.gold.ID })
	st.VolumeID = v.ID
	fw := handed(s, s.a.retype, hostA, st.FlowID, v, st)
	// The last step goes on with the migration that is in the journal; that is TestMoveFlow's.
	fw.Flow = &flow.Flow[retyping, store.Tx]{Name: s.a.retype.Name, Steps: s.a.retype.Steps[:4], HandOver: s.a.retype.HandOver}
	fw.Done = func(t *testing.T) {
		s.T = t
		now := s.row(v.ID)
		want(t, "type", now.VolumeTypeID, s.gold.ID)
		want(t, "host", now.Host, poolA)
		if inPlace {
			want(t, "status", now.Status, block.VolumeAvailable)
			want(t, "what the driver wants kept", now.ProviderID, "retyped")
			want(t, "migration", now.MigrationStatus, "")
			return
		}
		want(t, "status", now.Status, block.VolumeRetyping)
		want(t, "migration", now.MigrationStatus, block.MigrationStarting)
		want(t, "next", s.take(hostA, v.ID).Name, rpcapi.FlowVolumeMigrate)
	}
	fw.Undone = func(t *testing.T, _ error) {
		s.T = t
		now := s.row(v.ID)
		want(t, "status", now.Status, block.VolumeAvailable)
		want(t, "type", now.VolumeTypeID, s.plain.ID)
		want(t, "multiattach", now.Multiattach, true)
		if n := len(storage.changes); n > 0 { // whatever was done last was back to the old type
			want(t, "last change of the driver's", storage.changes[n-1].To.ExtraSpecs["tier"], "")
		}
	}
	return fw
}

// TestRetypeRefused: what cannot be had in place and must not be moved stays as it was.
func TestRetypeRefused(t *testing.T) {
	s := newStage(t)
	s.a.Storage = &counting{Storage: s.a.backend}
	for what, c := range map[string]struct {
		onDemand, snapshot bool
		change             func(v *block.Volume)
		want               string
	}{
		"it may not move":      {false, false, func(*block.Volume) {}, "VolumeMigrationFailed"},
		"it has snapshots":     {true, true, func(*block.Volume) {}, "InvalidVolume"},
		"it is replicated":     {true, false, func(v *block.Volume) { v.ReplicationStatus = "enabled" }, "InvalidVolume"},
		"it is somewhere else": {true, false, func(v *block.Volume) { v.Host = poolB }, ""},
	} {
		v := s.volume(func(v *block.Volume) {
			v.Status, v.VolumeTypeID = block.VolumeRetyping, s.gold.ID
			c.change(v)
		})
		if c.snapshot {
			s.update(func(tx store.Tx) error {
				return tx.CreateSnapshot(t.Context(), &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: "p", VolumeSizeGiB: 1,
					VolumeTypeID: s.gold.ID, UseQuota: true, Status: block.SnapshotAvailable})
			})
		}
		err := s.a.Retype(t.Context(), &rpcapi.Retype{FlowID: uuid.NewString(), VolumeID: v.ID, OldTypeID: s.plain.ID, NewTypeID: s.gold.ID,
			OnDemand: c.onDemand, Destination: rpcapi.Destination{Host: v.Host}})
		want(t, what+": error", fault.NameOf(err), c.want)
		now, status, kind := s.row(v.ID), block.VolumeAvailable, s.plain.ID
		if c.want == "" {
			status, kind = block.VolumeRetyping, s.gold.ID
		}
		want(t, what+": status", now.Status, status)
		want(t, what+": type", now.VolumeTypeID, kind)
	}
	usage, err := s.db.QuotaUsage(t.Context(), "p")
	if err != nil || usage.ByType[s.gold.ID].Snapshots != 0 || usage.ByType[s.plain.ID].Snapshots != 1 {
		t.Errorf("usage %+v, %v", usage, err)
	}
}

// TestEqualTypes: types that say the same need no driver.
func TestEqualTypes(t *testing.T) {
	s := newStage(t)
	storage := &counting{Storage: s.a.backend}
	s.a.Storage = storage
	s.update(func(tx store.Tx) error { return tx.DeleteExtraSpec(t.Context(), s.gold.ID, "tier") })
	v := s.volume(func(v *block.Volume) { v.Status, v.VolumeTypeID = block.VolumeRetyping, s.gold.ID })
	err := s.a.Retype(t.Context(), &rpcapi.Retype{FlowID: uuid.NewString(), VolumeID: v.ID, OldTypeID: s.plain.ID, NewTypeID: s.gold.ID,
		Destination: rpcapi.Destination{Host: poolA}})
	want(t, "error", err, nil)
	want(t, "status", s.row(v.ID).Status, block.VolumeAvailable)
	want(t, "changes of the driver's", len(storage.changes), 0)
}
