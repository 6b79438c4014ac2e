package manager

import (
	"context"
	"errors"
	"maps"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// serve listens where callers since RPC 3.6 and before look for a back end (facts §4.1).
func (m *Manager) serve(ctx context.Context) error {
	methods := m.methods()
	maps.Copy(methods, m.manageMethods())
	for _, s := range []messaging.Server{
		{Topic: rpcapi.VolumeTopic, Server: m.Host},
		{Topic: rpcapi.VolumeTopic + "." + m.Host, Server: block.Host(m.Host).Node()},
	} {
		s.Version, s.Methods, s.Concurrency = block.VolumeRPCVersion, methods, m.ListenerThreads
		l, err := m.Transport.Serve(ctx, s)
		if err != nil {
			return err
		}
		m.listeners = append(m.listeners, l)
	}
	return nil
}

func (m *Manager) methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodCreateVolume: method(func(ctx context.Context, a *rpcapi.CreateVolume) (any, error) {
			st := &creation{CreateRequest: a.Request, FlowID: orNew(a.FlowID)}
			st.VolumeID = a.VolumeID
			return nil, run(ctx, m, m.flows.create, st.FlowID, rpcapi.FlowVolumeCreate, "volume", a.VolumeID, st)
		}),
		rpcapi.MethodDeleteVolume: method(func(ctx context.Context, a *rpcapi.DeleteVolume) (any, error) {
			if a.UnmanageOnly {
				return nil, uninterrupted(m.adopt.UnmanageVolume(ctx, a))
			}
			st := &deletion{DeleteVolume: *a}
			return nil, run(ctx, m, m.flows.del, a.FlowID, rpcapi.FlowVolumeDelete, "volume", a.VolumeID, st)
		}),
		rpcapi.MethodExtendVolume: method(func(ctx context.Context, a *rpcapi.ExtendVolume) (any, error) {
			st := &extension{ExtendVolume: *a}
			return nil, run(ctx, m, m.flows.extend, a.FlowID, rpcapi.FlowVolumeExtend, "volume", a.VolumeID, st)
		}),
		rpcapi.MethodCreateSnapshot: method(func(ctx context.Context, a *rpcapi.CreateSnapshot) (any, error) {
			st := &snapshotCreation{CreateSnapshot: *a}
			return nil, run(ctx, m, m.flows.snapshotCreate, a.FlowID, rpcapi.FlowSnapshotCreate, "snapshot", a.SnapshotID, st)
		}),
		rpcapi.MethodDeleteSnapshot: method(func(ctx context.Context, a *rpcapi.DeleteSnapshot) (any, error) {
			if a.UnmanageOnly {
				return nil, uninterrupted(m.adopt.UnmanageSnapshot(ctx, a))
			}
			st := &snapshotDeletion{DeleteSnapshot: *a}
			return nil, run(ctx, m, m.flows.snapshotDelete, a.FlowID, rpcapi.FlowSnapshotDelete, "snapshot", a.SnapshotID, st)
		}),
		rpcapi.MethodRevertToSnapshot: method(func(ctx context.Context, a *rpcapi.RevertToSnapshot) (any, error) {
			return nil, uninterrupted(m.revert.Revert(ctx, a))
		}),
		rpcapi.MethodAttachmentUpdate: method(func(ctx context.Context, a *rpcapi.AttachmentUpdate) (any, error) {
			return orNothing(m.attach.Update(ctx, a))
		}),
		rpcapi.MethodAttachmentDelete: method(func(ctx context.Context, a *rpcapi.AttachmentDelete) (any, error) {
			return nil, m.attach.Delete(ctx, a)
		}),
		rpcapi.MethodInitializeConnection: method(func(ctx context.Context, a *rpcapi.InitializeConnection) (any, error) {
			return orNothing(m.attach.Initialize(ctx, a))
		}),
		rpcapi.MethodTerminateConnection: method(func(ctx context.Context, a *rpcapi.TerminateConnection) (any, error) {
			return nil, m.attach.Terminate(ctx, a)
		}),
		rpcapi.MethodAttachVolume: method(func(ctx context.Context, a *rpcapi.AttachVolume) (any, error) {
			return orNothing(m.attach.Attach(ctx, a))
		}),
		rpcapi.MethodDetachVolume: method(func(ctx context.Context, a *rpcapi.DetachVolume) (any, error) {
			return nil, m.attach.Detach(ctx, a)
		}),
		rpcapi.MethodGetCapabilities: method(func(ctx context.Context, _ *rpcapi.GetCapabilities) (any, error) {
			return orNothing(m.capacity.capabilities(ctx))
		}),
		rpcapi.MethodPublishCapabilities: method(func(context.Context, *struct{}) (any, error) {
			m.capacity.poll()
			return nil, nil
		}),
	}
}

// manageMethods is the part of the table about managing what exists in storage.
func (m *Manager) manageMethods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodManageExisting: method(func(ctx context.Context, a *rpcapi.ManageExisting) (any, error) {
			return nil, uninterrupted(m.adopt.ManageVolume(ctx, a))
		}),
		rpcapi.MethodManageExistingSnapshot: method(func(ctx context.Context, a *rpcapi.ManageExistingSnapshot) (any, error) {
			return nil, uninterrupted(m.adopt.ManageSnapshot(ctx, a))
		}),
		rpcapi.MethodGetManageableVolumes: method(func(ctx context.Context, a *rpcapi.GetManageable) (any, error) {
			return orNothing(m.adopt.Volumes(ctx, a))
		}),
		rpcapi.MethodGetManageableSnapshots: method(func(ctx context.Context, a *rpcapi.GetManageable) (any, error) {
			return orNothing(m.adopt.Snapshots(ctx, a))
		}),
	}
}

// method is an entry of the table for a handler of one message type.
func method[A any](do func(ctx context.Context, args *A) (any, error)) messaging.Method {
	return messaging.Method{
		New: func() any { return new(A) },
		Do: func(ctx context.Context, args any) (any, error) {
			a, ok := args.(*A)
			if !ok {
				return nil, fault.New(fault.Internal, "", "a message came with %T as its arguments", args)
			}
			return do(ctx, a)
		},
	}
}

// orNothing keeps a half-made reply from being sent with an error.
func orNothing[R any](reply R, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return reply, nil
}

// orNew is the id of an operation; a sender that keeps no journal gives none.
func orNew(flowID string) string {
	if flowID == "" {
		return uuid.NewString()
	}
	return flowID
}

// run runs a flow that was handed over by a message. A run that is cut short because the service stops is not reported:
// the journal has it.
func run[S any](ctx context.Context, m *Manager, f *flow.Flow[S, store.Tx], flowID, name, kind, id string, st *S) error {
	err := flow.Continue(ctx, m.Flows, f,
		flow.Record{ID: orNew(flowID), Name: name, Owner: m.Host, ResourceType: kind, ResourceID: id}, st)
	return uninterrupted(err)
}

// uninterrupted is nil for a run that was cut short because the service stops.
func uninterrupted(err error) error {
	if errors.Is(err, flow.ErrInterrupted) {
		return nil
	}
	return err
}
