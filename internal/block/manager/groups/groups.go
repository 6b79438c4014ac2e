// Package groups is the volume service's part of groups: journalled flows that make, change, copy, replicate and delete
// groups, and that take and remove group snapshots. Where the storage has no verb of its own for a group, it is done volume by
// volume.
//
// What must not live here: which group may be changed how; the use cases have decided that before.
package groups

import (
	"context"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Storage is what groups need of a back end; a *driver.Backend.
type Storage interface {
	CreateSnapshot(ctx context.Context, s driver.Snapshot) (driver.Update, error)
	CreateGroupSnapshot(ctx context.Context, snapshots []driver.Snapshot) ([]driver.Update, error)
	DeleteSnapshot(ctx context.Context, s driver.Snapshot) error
	CreateVolumeFromSnapshot(ctx context.Context, v driver.Volume, s driver.Snapshot) (driver.Update, error)
	CloneVolume(ctx context.Context, v, source driver.Volume) (driver.Update, error)
	DeleteVolume(ctx context.Context, v driver.Volume) error
	EnableReplication(ctx context.Context, volumes []driver.Volume) error
	DisableReplication(ctx context.Context, volumes []driver.Volume) error
	FailoverReplication(ctx context.Context, volumes []driver.Volume, target string) error
}

// Exports is what ends the exports of a volume that is deleted; an *export.Exports.
type Exports interface {
	DisconnectAll(ctx context.Context, v *block.Volume) error
}

// Options of a Service. Those without a remark must be set.
type Options struct {
	Backend     string // "host@backend": which groups are ours, and the journal's owner
	ServiceUUID string // of the row in the services table; empty: volumes do not say who has them
	Store       store.Store
	Flows       *flow.Engine[store.Tx]
	Storage     Storage
	Exports     Exports
	Timeout     time.Duration    // bounds one verb, which may copy bytes; 0 means an hour
	Now         func() time.Time // nil means time.Now
	// CountSnapshots says that the gigabytes of snapshots count (no_snapshot_gb_quota is off).
	CountSnapshots bool
	// SharedTargets is what volumes say of shared_targets; nil says nothing.
	SharedTargets func() *bool
	// Targets are the other sites, as the configuration has them.
	Targets []map[string]string
	// Changed hears of what came to a pool (or went, if negative), in GiB; 0 says that only snapshots did. nil means nobody.
	Changed func(host block.Host, sizeGiB int64)
	// Forget removes what else is kept about a volume, in the transaction that removes its row. nil means nothing is.
	Forget func(ctx context.Context, tx store.Tx, v *block.Volume) error
	// Notify is called with upstream's event names ("group.create.start"); nil means nobody listens.
	Notify func(ctx context.Context, event string, payload map[string]any)
	// NotifyVolume and NotifySnapshot are it for what is in groups, with events such as "create.start".
	NotifyVolume   func(ctx context.Context, event string, v *block.Volume)
	NotifySnapshot func(ctx context.Context, event string, s *block.Snapshot, of *block.Volume)
	// TellVolume and TellSnapshot tell the user that something came to nothing, with the ids of upstream's user messages.
	TellVolume   func(ctx context.Context, v *block.Volume, action, detail string, cause error)
	TellSnapshot func(ctx context.Context, s *block.Snapshot, action, detail string, cause error)
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	create         *flow.Flow[creation, store.Tx]
	update         *flow.Flow[change, store.Tx]
	del            *flow.Flow[deletion, store.Tx]
	fromSource     *flow.Flow[copying, store.Tx]
	snapshotCreate *flow.Flow[picture, store.Tx]
	snapshotDelete *flow.Flow[pictureDeletion, store.Tx]
	replicate      *flow.Flow[replication, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Timeout == 0 {
		o.Timeout = time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.SharedTargets == nil {
		o.SharedTargets = func() *bool { return nil }
	}
	if o.Changed == nil {
		o.Changed = func(block.Host, int64) {}
	}
	if o.Forget == nil {
		o.Forget = func(context.Context, store.Tx, *block.Volume) error { return nil }
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, map[string]any) {}
	}
	s := &Service{Options: o}
	s.create, s.update, s.del, s.fromSource = s.createFlow(), s.updateFlow(), s.deleteFlow(), s.fromSourceFlow()
	s.snapshotCreate, s.snapshotDelete, s.replicate = s.snapshotCreateFlow(), s.snapshotDeleteFlow(), s.replicateFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	methods := map[string]messaging.Method{
		rpcapi.MethodCreateGroup: messaging.Silent(func(ctx context.Context, m *rpcapi.CreateGroup) error {
			return journal.Continue(ctx, s.Flows, s.create, s.record(m.FlowID, rpcapi.FlowGroupCreate, m.GroupID), &creation{CreateGroup: *m})
		}),
		rpcapi.MethodUpdateGroup: messaging.Silent(func(ctx context.Context, m *rpcapi.UpdateGroup) error {
			return journal.Continue(ctx, s.Flows, s.update, s.record(m.FlowID, rpcapi.FlowGroupUpdate, m.GroupID), &change{UpdateGroup: *m})
		}),
		rpcapi.MethodDeleteGroup: messaging.Silent(func(ctx context.Context, m *rpcapi.DeleteGroup) error {
			return journal.Continue(ctx, s.Flows, s.del, s.record(m.FlowID, rpcapi.FlowGroupDelete, m.GroupID), &deletion{DeleteGroup: *m})
		}),
		rpcapi.MethodCreateGroupFromSource: messaging.Silent(func(ctx context.Context, m *rpcapi.CreateGroupFromSource) error {
			return journal.Continue(ctx, s.Flows, s.fromSource, s.record(m.FlowID, rpcapi.FlowGroupFromSource, m.GroupID), &copying{CreateGroupFromSource: *m})
		}),
		rpcapi.MethodCreateGroupSnapshot: messaging.Silent(func(ctx context.Context, m *rpcapi.CreateGroupSnapshot) error {
			return journal.Continue(ctx, s.Flows, s.snapshotCreate, s.record(m.FlowID, rpcapi.FlowGroupSnapshotCreate, m.GroupSnapshotID), &picture{CreateGroupSnapshot: *m})
		}),
		rpcapi.MethodDeleteGroupSnapshot: messaging.Silent(func(ctx context.Context, m *rpcapi.DeleteGroupSnapshot) error {
			return journal.Continue(ctx, s.Flows, s.snapshotDelete, s.record(m.FlowID, rpcapi.FlowGroupSnapshotDelete, m.GroupSnapshotID), &pictureDeletion{DeleteGroupSnapshot: *m})
		}),
		rpcapi.MethodListReplicationTargets: messaging.Replying(func(context.Context, *rpcapi.ListReplicationTargets) (*rpcapi.ReplicationTargets, error) {
			return &rpcapi.ReplicationTargets{Targets: s.Targets}, nil
		}),
	}
	for _, name := range []string{rpcapi.MethodEnableReplication, rpcapi.MethodDisableReplication, rpcapi.MethodFailoverReplication} {
		methods[name] = messaging.Silent(func(ctx context.Context, m *rpcapi.SetReplication) error {
			return journal.Continue(ctx, s.Flows, s.replicate, s.record(m.FlowID, rpcapi.FlowGroupReplication, m.GroupID), &replication{SetReplication: *m})
		})
	}
	return methods
}

// record is the journal's of an operation on a group or a group snapshot.
func (s *Service) record(id, name, resourceID string) flow.Record {
	kind := "group"
	if strings.HasPrefix(name, "group_snapshot_") {
		kind = "group_snapshot"
	}
	return flow.Record{ID: id, Name: name, Owner: s.Backend, ResourceType: kind, ResourceID: resourceID}
}

// Resume is how the records of these flows in the journal are seen to: they are done again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{
		rpcapi.FlowGroupCreate:         journal.Again(s.Flows, s.create),
		rpcapi.FlowGroupUpdate:         journal.Again(s.Flows, s.update),
		rpcapi.FlowGroupDelete:         journal.Again(s.Flows, s.del),
		rpcapi.FlowGroupFromSource:     journal.Again(s.Flows, s.fromSource),
		rpcapi.FlowGroupSnapshotCreate: journal.Again(s.Flows, s.snapshotCreate),
		rpcapi.FlowGroupSnapshotDelete: journal.Again(s.Flows, s.snapshotDelete),
		rpcapi.FlowGroupReplication:    journal.Again(s.Flows, s.replicate),
	}
}

// within runs a verb under the time limit.
func (s *Service) within(ctx context.Context, verb func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, s.Timeout)
	defer cancel()
	return verb(ctx)
}

// extract reads a group that must be ours and have this status; otherwise it says how the flow is to end.
func (s *Service) extract(ctx context.Context, id string, status block.GroupStatus) (*block.Group, error) {
	g, err := s.Store.Group(ctx, id, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, flow.ErrObsolete
	case err != nil:
		return nil, err
	case g.Status != status:
		return nil, flow.ErrObsolete
	case g.Queue().Backend() != s.Backend:
		return nil, flow.ErrTaken
	}
	return g, nil
}

// members are the volumes of a group, oldest first.
func members(ctx context.Context, r store.VolumeReader, groupID string) ([]*block.Volume, error) {
	return r.Volumes(ctx, store.VolumeQuery{Equal: map[string][]string{"group_id": {groupID}},
		Page: store.Page{Sort: []store.Sort{{Key: "created_at"}}}})
}

// notify tells of an event of a group and, as upstream does, of each of these volumes: of an end, with the rows as they stand
// then.
func (s *Service) notify(ctx context.Context, event string, g *block.Group, volumes []*block.Volume) {
	if g == nil {
		return
	}
	if strings.HasSuffix(event, ".end") {
		g = s.groupNow(ctx, g)
	}
	s.Notify(ctx, "group."+event, notify.Group(g))
	for _, v := range volumes {
		s.NotifyVolume(ctx, event, v)
	}
}

// groupNow reads g again. One whose row is gone is deleted, and one that cannot be read as it was.
func (s *Service) groupNow(ctx context.Context, g *block.Group) *block.Group {
	now, err := s.Store.Group(ctx, g.ID, "")
	if err == nil {
		return now
	}
	last := *g
	if fault.Is(err, fault.NotFound) {
		last.Status = block.GroupDeleted
	}
	return &last
}

// end takes a group out of a state, if it is still in it, and says whether it was.
func end(ctx context.Context, tx store.Tx, groupID string, from, to block.GroupStatus) (bool, error) {
	return tx.UpdateGroup(ctx, groupID, store.GroupWhen{Status: []block.GroupStatus{from}}, store.GroupSet{Status: &to})
}
