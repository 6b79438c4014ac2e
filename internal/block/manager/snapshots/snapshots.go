// Package snapshots is the volume service's part of taking and removing snapshots: two journalled flows, and the removal
// of all snapshots of a volume whose delete cascades.
//
// What must not live here: managing snapshots that exist in storage (adopt has that), and which snapshot may be taken;
// the use cases have decided that before.
package snapshots

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/hold"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Storage is what snapshots need of a back end; a *driver.Backend.
type Storage interface {
	CreateSnapshot(ctx context.Context, s driver.Snapshot) (driver.Update, error)
	DeleteSnapshot(ctx context.Context, s driver.Snapshot) error
}

// Options of a Service. Those without a remark must be set.
type Options struct {
	Backend string // "host@backend": which volumes are ours, and the journal's owner
	Store   store.Store
	Flows   *flow.Engine[store.Tx]
	Storage Storage
	Locks   hold.Locks // Cinder's, between processes
	// Unmanage serves a delete_snapshot that leaves the bytes where they are.
	Unmanage func(ctx context.Context, m *rpcapi.DeleteSnapshot) error
	Timeout  time.Duration // bounds one verb, which may copy bytes; 0 means an hour
	// CountSnapshots says that the gigabytes of snapshots count (no_snapshot_gb_quota is off).
	CountSnapshots bool
	// Changed hears that the storage holds more or less than before; nil means nobody does.
	Changed func()
	// Notify is called with upstream's event names ("create.start"); nil means nobody listens.
	Notify func(ctx context.Context, event string, s *block.Snapshot, of *block.Volume)
	// Tell tells the user that something came to nothing, with the ids of upstream's user messages; nil means nobody does.
	Tell func(ctx context.Context, s *block.Snapshot, action, detail string, cause error)
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	create *flow.Flow[creation, store.Tx]
	del    *flow.Flow[deletion, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Timeout == 0 {
		o.Timeout = time.Hour
	}
	if o.Changed == nil {
		o.Changed = func() {}
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, *block.Snapshot, *block.Volume) {}
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, *block.Snapshot, string, string, error) {}
	}
	s := &Service{Options: o}
	s.create, s.del = s.createFlow(), s.deleteFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodCreateSnapshot: messaging.Silent(s.Create),
		rpcapi.MethodDeleteSnapshot: messaging.Silent(s.Delete),
	}
}

// Resume is how the records of these flows in the journal are seen to: they are done again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{
		rpcapi.FlowSnapshotCreate: journal.Again(s.Flows, s.create),
		rpcapi.FlowSnapshotDelete: journal.Again(s.Flows, s.del),
	}
}

// Create serves create_snapshot.
func (s *Service) Create(ctx context.Context, m *rpcapi.CreateSnapshot) error {
	return journal.Continue(ctx, s.Flows, s.create, s.record(m.FlowID, rpcapi.FlowSnapshotCreate, m.SnapshotID),
		&creation{CreateSnapshot: *m})
}

// Delete serves delete_snapshot.
func (s *Service) Delete(ctx context.Context, m *rpcapi.DeleteSnapshot) error {
	if m.UnmanageOnly {
		return s.Unmanage(ctx, m)
	}
	return journal.Continue(ctx, s.Flows, s.del, s.record(m.FlowID, rpcapi.FlowSnapshotDelete, m.SnapshotID),
		&deletion{DeleteSnapshot: *m})
}

func (s *Service) record(id, name, snapshotID string) flow.Record {
	return flow.Record{ID: id, Name: name, Owner: s.Backend, ResourceType: "snapshot", ResourceID: snapshotID}
}

// DeleteAll takes the snapshots of v along when its delete cascades; all of them must be deleting. Each row goes with its
// snapshot, so that a delete that fails half-way leaves no row without a snapshot.
func (s *Service) DeleteAll(ctx context.Context, v *block.Volume) error {
	all, err := s.Store.Snapshots(ctx, store.SnapshotQuery{VolumeID: v.ID})
	if err != nil {
		return err
	}
	for _, snap := range all {
		if snap.Status != block.SnapshotDeleting {
			return block.InvalidSnapshot("Snapshot %s was found in state %s rather than 'deleting' during cascade delete.", snap.ID, snap.Status)
		}
		if err := s.deleteOne(ctx, snap, v); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) deleteOne(ctx context.Context, snap *block.Snapshot, v *block.Volume) error {
	ctx, release, err := s.Locks.Take(ctx, block.LockDeletingSnapshot(snap.ID))
	if err != nil {
		return err
	}
	defer release()
	s.Notify(ctx, "delete.start", snap, v)
	if err := s.remove(ctx, snap, v); err != nil {
		return err
	}
	if err := s.Store.Update(ctx, func(tx store.Tx) error { return s.destroyRow(ctx, tx, snap, v) }); err != nil {
		return err
	}
	s.Notify(ctx, "delete.end", snap, v)
	s.Locks.Forget(block.LockDeletingSnapshot(snap.ID))
	return nil
}

// remove deletes snap, a snapshot of v, from the storage.
func (s *Service) remove(ctx context.Context, snap *block.Snapshot, v *block.Volume) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return s.Storage.DeleteSnapshot(ctx, export.DriverSnapshot(snap, v))
}

// destroyRow removes the row of snap, a snapshot of v, and writes the usage that is left.
func (s *Service) destroyRow(ctx context.Context, tx store.Tx, snap *block.Snapshot, v *block.Volume) error {
	if err := tx.DestroySnapshot(ctx, snap.ID); err != nil {
		return err
	}
	if !snap.UseQuota {
		return nil
	}
	return store.RecordUsage(ctx, tx, snap.ProjectID, v.VolumeTypeID, v.VolumeTypeName, s.CountSnapshots)
}
