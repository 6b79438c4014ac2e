// Package adopt is the volume service's part of managing what exists in storage, and of letting go of it: four journalled
// flows, and the lists of what could be managed.
//
// What must not live here: how a driver finds and renames things, and who may do it; the use cases have decided that
// before.
package adopt

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Storage is what managing needs of a back end; a *driver.Backend.
type Storage interface {
	ManageExistingGetSize(ctx context.Context, v driver.Volume, ref driver.Reference) (sizeGiB int64, err error)
	ManageExisting(ctx context.Context, v driver.Volume, ref driver.Reference) (driver.Update, error)
	Unmanage(ctx context.Context, v driver.Volume, ref driver.Reference) error
	ManageableVolumes(ctx context.Context) ([]driver.Existing, error)
	ManageExistingSnapshotGetSize(ctx context.Context, s driver.Snapshot, ref driver.Reference) (sizeGiB int64, err error)
	ManageExistingSnapshot(ctx context.Context, s driver.Snapshot, ref driver.Reference) (driver.Update, error)
	UnmanageSnapshot(ctx context.Context, s driver.Snapshot, ref driver.Reference) error
	ManageableSnapshots(ctx context.Context) ([]driver.Existing, error)
	Stats(ctx context.Context) (driver.Stats, error)
	PoolName(p driver.Pool) string
}

// Exports is what ends the exports of a volume that is let go of; an *export.Exports.
type Exports interface {
	DisconnectAll(ctx context.Context, v *block.Volume) error
}

// Quota takes quota for the gigabytes of what is managed, whose number has been taken already, in the transaction that
// enters them; nil only writes what is used.
type Quota interface {
	TakeGigabytes(ctx context.Context, tx store.Tx, v *block.Volume, projectID string, volumeGiB, snapshotGiB int64) error
}

// Options of a Service. Those without a remark must be set.
type Options struct {
	Backend string      // "host@backend": which volumes are ours, and the journal's owner
	Names   block.Names // what storage calls what is ours; what is not said is as upstream
	Store   store.Store
	Flows   *flow.Engine[store.Tx]
	Storage Storage
	Exports Exports
	Quota   Quota            // may be nil
	Timeout time.Duration    // bounds one verb; 0 means a minute
	Now     func() time.Time // nil means time.Now
	// CountSnapshots says that the gigabytes of snapshots count (no_snapshot_gb_quota is off).
	CountSnapshots bool
	// Changed hears of what came to a pool (or went, if negative), in GiB; nil means nobody.
	Changed func(host block.Host, sizeGiB int64)
	// Notify is called with upstream's event names ("manage_existing.start"); nil means nobody listens.
	Notify func(ctx context.Context, event string, v *block.Volume)
	// NotifySnapshot is Notify for a snapshot of v ("manage_existing_snapshot.start").
	NotifySnapshot func(ctx context.Context, event string, s *block.Snapshot, v *block.Volume)
	// Tell and TellSnapshot tell the user that something came to nothing, with the ids of upstream's user messages; nil means
	// nobody does.
	Tell         func(ctx context.Context, v *block.Volume, action, detail string, cause error)
	TellSnapshot func(ctx context.Context, s *block.Snapshot, action, detail string, cause error)
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	manageVolume     *flow.Flow[volumeState, store.Tx]
	unmanageVolume   *flow.Flow[volumeState, store.Tx]
	manageSnapshot   *flow.Flow[snapshotState, store.Tx]
	unmanageSnapshot *flow.Flow[snapshotState, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Timeout == 0 {
		o.Timeout = time.Minute
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	o.Names = o.Names.OrDefault()
	if o.Changed == nil {
		o.Changed = func(block.Host, int64) {}
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, *block.Volume) {}
	}
	if o.NotifySnapshot == nil {
		o.NotifySnapshot = func(context.Context, string, *block.Snapshot, *block.Volume) {}
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, *block.Volume, string, string, error) {}
	}
	if o.TellSnapshot == nil {
		o.TellSnapshot = func(context.Context, *block.Snapshot, string, string, error) {}
	}
	s := &Service{Options: o}
	s.manageVolume, s.unmanageVolume = s.manageVolumeFlow(), s.unmanageVolumeFlow()
	s.manageSnapshot, s.unmanageSnapshot = s.manageSnapshotFlow(), s.unmanageSnapshotFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodManageExisting:         messaging.Silent(s.ManageVolume),
		rpcapi.MethodManageExistingSnapshot: messaging.Silent(s.ManageSnapshot),
		rpcapi.MethodGetManageableVolumes:   messaging.Replying(s.Volumes),
		rpcapi.MethodGetManageableSnapshots: messaging.Replying(s.Snapshots),
	}
}

// Resume is how the records of these flows in the journal are seen to: they are done again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{
		rpcapi.FlowVolumeManage:     journal.Again(s.Flows, s.manageVolume),
		rpcapi.FlowVolumeUnmanage:   journal.Again(s.Flows, s.unmanageVolume),
		rpcapi.FlowSnapshotManage:   journal.Again(s.Flows, s.manageSnapshot),
		rpcapi.FlowSnapshotUnmanage: journal.Again(s.Flows, s.unmanageSnapshot),
	}
}

// ManageVolume serves manage_existing.
func (s *Service) ManageVolume(ctx context.Context, m *rpcapi.ManageExisting) error {
	return journal.Continue(ctx, s.Flows, s.manageVolume, s.record(m.FlowID, rpcapi.FlowVolumeManage, "volume", m.VolumeID),
		&volumeState{ManageExisting: *m})
}

// UnmanageVolume serves delete_volume with unmanage_only.
func (s *Service) UnmanageVolume(ctx context.Context, m *rpcapi.DeleteVolume) error {
	return journal.Continue(ctx, s.Flows, s.unmanageVolume, s.record(m.FlowID, rpcapi.FlowVolumeUnmanage, "volume", m.VolumeID),
		&volumeState{ManageExisting: rpcapi.ManageExisting{FlowID: m.FlowID, VolumeID: m.VolumeID}})
}

// ManageSnapshot serves manage_existing_snapshot.
func (s *Service) ManageSnapshot(ctx context.Context, m *rpcapi.ManageExistingSnapshot) error {
	return journal.Continue(ctx, s.Flows, s.manageSnapshot, s.record(m.FlowID, rpcapi.FlowSnapshotManage, "snapshot", m.SnapshotID),
		&snapshotState{ManageExistingSnapshot: *m})
}

// UnmanageSnapshot serves delete_snapshot with unmanage_only.
func (s *Service) UnmanageSnapshot(ctx context.Context, m *rpcapi.DeleteSnapshot) error {
	return journal.Continue(ctx, s.Flows, s.unmanageSnapshot, s.record(m.FlowID, rpcapi.FlowSnapshotUnmanage, "snapshot", m.SnapshotID),
		&snapshotState{ManageExistingSnapshot: rpcapi.ManageExistingSnapshot{FlowID: m.FlowID, SnapshotID: m.SnapshotID}})
}

func (s *Service) record(id, name, kind, resourceID string) flow.Record {
	return flow.Record{ID: id, Name: name, Owner: s.Backend, ResourceType: kind, ResourceID: resourceID}
}

func (s *Service) within(ctx context.Context, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return fn(ctx)
}

// OwnID is the id that a reference to something of ours carries, empty if it is none.
func (s *Service) OwnID(ref driver.Reference) string {
	id, is := s.Names.Volumes.ID(ref.SourceName())
	if !is {
		id, _ = s.Names.Snapshots.ID(ref.SourceName())
	}
	return id
}

// alreadyManaged refuses a reference to what a row other than the one of self stands for.
func (s *Service) alreadyManaged(ctx context.Context, ref driver.Reference, self string) error {
	id := s.OwnID(ref)
	if id == "" || id == self {
		return nil
	}
	for _, read := range []func() error{
		func() error { _, err := s.Store.Volume(ctx, id, ""); return err },
		func() error { _, err := s.Store.Snapshot(ctx, id, ""); return err },
	} {
		err := read()
		switch {
		case err == nil:
			return fault.New(fault.Invalid, "ManageExistingAlreadyManaged",
				"Unable to manage existing volume. Volume %s already managed.", ref.SourceName())
		case !fault.Is(err, fault.NotFound):
			return err
		}
	}
	return nil
}
