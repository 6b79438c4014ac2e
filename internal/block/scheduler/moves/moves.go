// Package moves is the scheduler's part of volumes that are there already and change their type or their place, or come to be
// managed: it finds a pool that suits, or sees that the one asked for does, and hands the work to the volume service that
// holds the volume.
//
// What must not live here: a rule about pools (decide has them), and what is done to a volume.
package moves

import (
	"context"
	"log/slog"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Pools is how room is taken for an operation until its volume service has reported it.
type Pools interface {
	// Place decides where what r asks for goes and takes its room; volumes is how many volumes more the pool will have.
	Place(ctx context.Context, operation string, r *snapshot.Request, volumes int64) (snapshot.Pool, error)
	// HandOver notes that the volume service has the operation now; Release gives its room back.
	HandOver(operation string)
	Release(operation string)
}

// Options of a Service. All must be set.
type Options struct {
	Store interface {
		Volume(ctx context.Context, id, projectID string) (*block.Volume, error)
		Snapshot(ctx context.Context, id, projectID string) (*block.Snapshot, error)
	}
	Flows   *flow.Engine[store.Tx]
	Volumes rpcapi.Volume
	Pools   Pools
	// Request is what a decision needs to know of a volume and its type.
	Request func(ctx context.Context, op snapshot.Operation, v *block.Volume) (*snapshot.Request, error)
	// Ready waits until scheduling may begin; false leaves the operation to the journal.
	Ready func(ctx context.Context) bool
	// Failed tells whoever is to know that an operation came to nothing; method and state are those of upstream's
	// notification "scheduler.<method>".
	Failed         func(ctx context.Context, method string, v *block.Volume, state map[string]any, cause error)
	CountSnapshots bool // no_snapshot_gb_quota is off
	Log            *slog.Logger
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	retype  *flow.Flow[retyping, store.Tx]
	migrate *flow.Flow[migration, store.Tx]
	adopt   *flow.Flow[adoption, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{Options: o}
	s.retype, s.migrate, s.adopt = s.retypeFlow(), s.migrateFlow(), s.adoptFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodRetype:                 messaging.Silent(s.Retype),
		rpcapi.MethodMigrateVolume:          messaging.Silent(s.Migrate),
		rpcapi.MethodManageExisting:         messaging.Silent(s.ManageVolume),
		rpcapi.MethodManageExistingSnapshot: messaging.Silent(s.ManageSnapshot),
	}
}

// Resume is how the records of these flows in the journal are seen to: they are done again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{
		rpcapi.FlowVolumeRetype:  journal.Again(s.Flows, s.retype),
		rpcapi.FlowVolumeMigrate: journal.Again(s.Flows, s.migrate),
		rpcapi.FlowVolumeManage:  journal.Again(s.Flows, s.adopt),
	}
}

// Retype serves retype.
func (s *Service) Retype(ctx context.Context, m *rpcapi.Retype) error {
	if !s.Ready(ctx) {
		return nil
	}
	return serve(ctx, s.Flows, s.retype, rpcapi.FlowVolumeRetype, m.FlowID, m.VolumeID, &retyping{Retype: *m})
}

// Migrate serves migrate_volume.
func (s *Service) Migrate(ctx context.Context, m *rpcapi.MigrateVolume) error {
	if !s.Ready(ctx) {
		return nil
	}
	return serve(ctx, s.Flows, s.migrate, rpcapi.FlowVolumeMigrate, m.FlowID, m.VolumeID, &migration{MigrateVolume: *m})
}

// serve runs a flow that a message brought. That nothing fits has been told and written into the rows: it is no failure of
// the message.
func serve[S any](ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[S, store.Tx], name, flowID, volumeID string, st *S) error {
	err := journal.Continue(ctx, e, f, flow.Record{ID: flowID, Name: name, Owner: rpcapi.SchedulerOwner,
		ResourceType: "volume", ResourceID: volumeID}, st)
	if decide.NoneValid(err) {
		return nil
	}
	return err
}

// destination is what the volume service is told of the chosen pool.
func destination(p snapshot.Pool) rpcapi.Destination {
	return rpcapi.Destination{Host: p.Host, ClusterName: string(p.Cluster), AvailabilityZone: p.Service.AvailabilityZone,
		Capabilities: p.Capabilities}
}

// place is where a volume is: the address of its cluster if it is in one, else of its host.
func place(v *block.Volume) block.Host {
	if v.ClusterName != "" {
		return block.Host(v.ClusterName)
	}
	return v.Host
}

// previous is the status to go back to: the one the volume had before, or if that is not known, what its attach status says.
func previous(v *block.Volume) block.VolumeStatus {
	if slices.Contains([]block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse}, v.PreviousStatus) {
		return v.PreviousStatus
	}
	if v.AttachStatus == block.AttachAttached {
		return block.VolumeInUse
	}
	return block.VolumeAvailable
}

// found turns the absence of a row into the end of the operation.
func found(v *block.Volume, err error) (*block.Volume, error) {
	if fault.Is(err, fault.NotFound) {
		return nil, flow.ErrObsolete
	}
	return v, err
}
