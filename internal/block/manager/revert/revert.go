// Package revert is the volume service's part of putting a volume back to its newest snapshot: a journalled flow that uses
// the driver's own way where it has one, and else makes a temporary volume of the snapshot and copies its bytes.
//
// What must not live here: which snapshot may be reverted to; the use case has decided that before.
package revert

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Storage is what a revert needs of a back end; a *driver.Backend.
type Storage interface {
	Features() driver.Features
	RevertToSnapshot(ctx context.Context, v driver.Volume, s driver.Snapshot) error
	CreateVolumeFromSnapshot(ctx context.Context, v driver.Volume, s driver.Snapshot) (driver.Update, error)
	DeleteVolume(ctx context.Context, v driver.Volume) error
	Device(ctx context.Context, v driver.Volume) (path string, err error)
}

// Options of a Service. All but those with a remark must be set.
type Options struct {
	Backend string // "host@backend": which volumes are ours, and the journal's owner
	Store   store.Store
	Flows   *flow.Engine[store.Tx]
	Storage Storage
	Timeout time.Duration // bounds what copies bytes; 0 means an hour
	// Notify is called with upstream's event names ("revert.start"); nil means nobody listens.
	Notify func(ctx context.Context, event string, v *block.Volume)
	// NotifySnapshot is Notify for the snapshot of v that it is reverted to.
	NotifySnapshot func(ctx context.Context, event string, s *block.Snapshot, v *block.Volume)
}

// Service serves the message. It is safe for concurrent use.
type Service struct {
	Options
	flow *flow.Flow[state, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Timeout == 0 {
		o.Timeout = time.Hour
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, *block.Volume) {}
	}
	if o.NotifySnapshot == nil {
		o.NotifySnapshot = func(context.Context, string, *block.Snapshot, *block.Volume) {}
	}
	s := &Service{Options: o}
	s.flow = s.newFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{rpcapi.MethodRevertToSnapshot: messaging.Silent(s.Revert)}
}

// Resume is how reverts in the journal are seen to: they are done again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{rpcapi.FlowVolumeRevert: journal.Again(s.Flows, s.flow)}
}

// Revert serves revert_to_snapshot.
func (s *Service) Revert(ctx context.Context, m *rpcapi.RevertToSnapshot) error {
	return journal.Continue(ctx, s.Flows, s.flow, flow.Record{ID: m.FlowID, Name: rpcapi.FlowVolumeRevert, Owner: s.Backend,
		ResourceType: "volume", ResourceID: m.VolumeID}, &state{RevertToSnapshot: *m})
}

// state of a revert; in the journal, the message.
type state struct {
	rpcapi.RevertToSnapshot
	volume   *block.Volume
	snapshot *block.Snapshot
}

func (s *Service) newFlow() *flow.Flow[state, store.Tx] {
	return &flow.Flow[state, store.Tx]{
		Name: rpcapi.FlowVolumeRevert,
		Steps: []flow.Step[state, store.Tx]{
			{Name: "notify_failure", Undo: func(ctx context.Context, st *state, _ error) error {
				s.notify(ctx, "revert.end", st)
				return nil
			}},
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *state, _ error) error {
				return st.end(ctx, tx, block.VolumeError)
			}},
			{Name: "extract_refs", Do: s.extract},
			{Name: "revert_to_snapshot", Do: s.revert, Undo: func(ctx context.Context, st *state, _ error) error {
				return s.removeTemporary(ctx, st)
			}},
			{Name: "on_finish", Tx: func(ctx context.Context, tx store.Tx, st *state) error {
				return st.end(ctx, tx, block.VolumeAvailable)
			}},
			{Name: "publish", Do: func(ctx context.Context, st *state) error {
				s.notify(ctx, "revert.end", st)
				return nil
			}},
		},
	}
}

// notify tells of an event of both, if it came as far as that they are known.
func (s *Service) notify(ctx context.Context, event string, st *state) {
	if st.volume != nil {
		s.Notify(ctx, event, st.volume)
		s.NotifySnapshot(ctx, event, st.snapshot, st.volume)
	}
}

// end takes volume and snapshot out of their states, if they are still in them.
func (st *state) end(ctx context.Context, tx store.Tx, to block.VolumeStatus) error {
	_, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeReverting}}, store.VolumeSet{Status: &to})
	if err != nil {
		return err
	}
	_, err = tx.UpdateSnapshot(ctx, st.SnapshotID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotRestoring}},
		store.SnapshotSet{Status: new(block.SnapshotAvailable)})
	return err
}

func (s *Service) extract(ctx context.Context, st *state) error {
	v, err := s.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case v.Status != block.VolumeReverting:
		return flow.ErrObsolete
	case v.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	}
	if st.snapshot, err = s.Store.Snapshot(ctx, st.SnapshotID, ""); err != nil {
		return err
	}
	st.volume = v
	s.notify(ctx, "revert.start", st)
	return nil
}

func (s *Service) revert(ctx context.Context, st *state) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	v := export.DriverVolume(st.volume)
	snap := export.DriverSnapshot(st.snapshot, st.volume)
	if s.Storage.Features().Reverter {
		return s.Storage.RevertToSnapshot(ctx, v, snap)
	}
	return s.copyBack(ctx, st, v, snap)
}

// copyBack is the generic way: a temporary volume is made of the snapshot and copied over the volume. What a kill leaves
// half-copied, the journal has copied again from the beginning; the volume is in no other hands meanwhile.
func (s *Service) copyBack(ctx context.Context, st *state, v driver.Volume, snap driver.Snapshot) error {
	if !s.Storage.Features().LocalDevice {
		return fault.New(fault.NotImplemented, "", "The back end can neither revert volumes nor have their bytes copied.")
	}
	temporary := v
	temporary.ID, temporary.SizeGiB = st.temporaryID(), snap.SizeGiB
	temporary.ProviderID, temporary.ProviderLocation, temporary.ProviderAuth = "", "", ""
	if _, err := s.Storage.CreateVolumeFromSnapshot(ctx, temporary, snap); err != nil {
		return err
	}
	from, err := s.Storage.Device(ctx, temporary)
	if err != nil {
		return err
	}
	to, err := s.Storage.Device(ctx, v)
	if err != nil {
		return err
	}
	if err := copyDevice(ctx, to, from, snap.SizeGiB*block.GiB); err != nil {
		return err
	}
	return s.Storage.DeleteVolume(ctx, temporary)
}

// temporaryID is the id of the temporary volume: always the same for one revert, so that every run finds what an earlier
// one left.
func (st *state) temporaryID() string {
	volume, err := uuid.Parse(st.VolumeID)
	if err != nil {
		return uuid.Nil.String()
	}
	return uuid.NewSHA1(volume, []byte("revert "+st.SnapshotID)).String()
}

// removeTemporary deletes the temporary volume, if the generic way was taken.
func (s *Service) removeTemporary(ctx context.Context, st *state) error {
	if f := s.Storage.Features(); f.Reverter || !f.LocalDevice {
		return nil
	}
	return s.Storage.DeleteVolume(ctx, driver.Volume{ID: st.temporaryID()})
}
