package migrate

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/nova"
	fakenova "github.com/clinker/clinker/internal/nova/fake"
)

const instance = "11111111-0000-4000-8000-000000000000"

// attaching is a Nova that attaches the new volume before it answers.
type attaching struct {
	*fakenova.Nova
	s *stage
}

func (a attaching) UpdateServerVolume(ctx context.Context, serverID, volumeID, newID string) error {
	err := a.Nova.UpdateServerVolume(ctx, serverID, volumeID, newID)
	if err == nil {
		a.s.attach(newID)
	}
	return err
}

// used is a volume in use that is to move, and what its message says.
func (s *stage) used(n *fakenova.Nova) (*block.Volume, *move) {
	s.Helper()
	s.a.Compute = n
	v := s.volume(func(v *block.Volume) {
		v.Status, v.AttachStatus, v.PreviousStatus, v.MigrationStatus = block.VolumeInUse, block.AttachAttached, block.VolumeInUse, block.MigrationStarting
	})
	s.attach(v.ID)
	n.Attach(instance, v.ID, uuid.NewString())
	return v, &move{MigrateVolume: rpcapi.MigrateVolume{FlowID: uuid.NewString(), VolumeID: v.ID, Host: poolB, Destination: s.toB(false)}}
}

func (s *stage) attach(volumeID string) {
	s.Helper()
	s.update(func(tx store.Tx) error {
		return tx.CreateAttachment(s.Context(), &block.Attachment{ID: uuid.NewString(), VolumeID: volumeID, InstanceUUID: instance, AttachStatus: block.AttachAttached})
	})
}

// TestMoveFlowOfUsed: each step twice, an error at each, each undo twice.
func TestMoveFlowOfUsed(t *testing.T) {
	s := newStage(t)
	flowtest.Check(t, flowtest.Case[move, store.Tx]{New: func(t *testing.T) flowtest.World[move, store.Tx] {
		s.T = t
		n := new(fakenova.Nova)
		v, st := s.used(n)
		s.a.Compute = attaching{n, s}
		fw := handed(s, s.a.move, hostA, st.FlowID, v, st)
		fw.Done = func(t *testing.T) {
			s.T = t
			want(t, "host", s.row(v.ID).Host, poolA)
			want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationMigrating)
			want(t, "what was made", s.row(st.madeID()).MigrationStatus, "target:"+v.ID)
			want(t, "waiting", s.take(hostA, v.ID).Name, rpcapi.FlowVolumeSwap)
		}
		fw.Undone = func(t *testing.T, _ error) {
			s.T = t
			want(t, "host", s.row(v.ID).Host, poolA)
			want(t, "status", s.row(v.ID).Status, block.VolumeInUse)
			want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationError)
			for _, r := range s.records(hostB, st.madeID()) {
				want(t, "deletion of what was made", r.Name, rpcapi.FlowVolumeDelete)
			}
		}
		return fw
	}})
}

// TestSwapResumed: a process that ended between the commit and the question to Nova is made up for, once.
func TestSwapResumed(t *testing.T) {
	setup := func(t *testing.T) (*stage, *fakenova.Nova, *block.Volume, *move, flow.Record) {
		s, n := newStage(t), new(fakenova.Nova)
		v, st := s.used(n)
		if err := s.a.Migrate(t.Context(), &st.MigrateVolume); err != nil {
			t.Fatal(err)
		}
		want(t, "asked", slices.Equal(n.Swaps(), []fakenova.Swap{{ServerID: instance, VolumeID: v.ID, NewID: st.madeID()}}), true)
		recs := s.records(hostA, v.ID)
		if len(recs) != 1 || recs[0].Name != rpcapi.FlowVolumeSwap {
			t.Fatalf("the journal has %+v", recs)
		}
		return s, n, v, st, recs[0]
	}
	resume := func(s *stage, rec flow.Record) error { return s.a.Resume()[rpcapi.FlowVolumeSwap](s.Context(), rec) }

	t.Run("not asked", func(t *testing.T) {
		s, _, v, st, rec := setup(t)
		again := new(fakenova.Nova)
		again.Attach(instance, v.ID, uuid.NewString())
		s.a.Compute = again
		if err := resume(s, rec); err != nil {
			t.Error(err)
		}
		want(t, "asked again", len(again.Swaps()), 1)
		want(t, "what was made", s.row(st.madeID()).MigrationStatus, "target:"+v.ID)
	})
	t.Run("at work", func(t *testing.T) {
		s, n, v, st, rec := setup(t)
		s.attach(st.madeID())
		if err := resume(s, rec); err != nil {
			t.Error(err)
		}
		want(t, "asked", len(n.Swaps()), 1)
		want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationMigrating)
		// Nova is away, and so is not known to have begun: what it uses is kept.
		n.Fail(nova.ConnectionFailed(errors.New("refused"), "it does not answer."))
		if err := s.a.giveSwapUp(t.Context(), st, nil); err != nil {
			t.Error(err)
		}
		want(t, "what was made", s.row(st.madeID()).MigrationStatus, "target:"+v.ID)
	})
	t.Run("given up", func(t *testing.T) {
		s, _, v, st, rec := setup(t)
		s.update(func(tx store.Tx) error { return store.Using(t.Context(), tx, v.ID) })
		if err := resume(s, rec); err != nil {
			t.Error(err)
		}
		want(t, "migration", s.row(v.ID).MigrationStatus, block.MigrationError)
		want(t, "what was made", s.row(st.madeID()).Status, block.VolumeDeleting)
		want(t, "left to do", len(s.records(hostA, v.ID)), 0)
		want(t, "deletion", s.take(hostB, st.madeID()).Name, rpcapi.FlowVolumeDelete)
	})
	t.Run("completed too early", func(t *testing.T) {
		s, _, v, st, _ := setup(t)
		m := &rpcapi.MigrateVolumeCompletion{VolumeID: v.ID, NewVolumeID: st.madeID()}
		if _, err := s.a.Complete(t.Context(), m); fault.NameOf(err) != "InvalidVolume" {
			t.Errorf("of a volume that is still attached: %v", err)
		}
		s.update(func(tx store.Tx) error { return tx.DestroyAttachment(t.Context(), s.row(v.ID).Attachments[0].ID) })
		if _, err := s.a.Complete(t.Context(), m); fault.NameOf(err) != "InvalidVolume" {
			t.Errorf("with a new volume that nobody uses: %v", err)
		}
		want(t, "host", s.row(v.ID).Host, poolA)
	})
}
