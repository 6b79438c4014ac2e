package manager

import (
	"context"
	"maps"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// serve listens where callers since RPC 3.6 and before look for a back end (facts §4.1).
func (m *Manager) serve(ctx context.Context) error {
	methods := m.methods()
	servers := []messaging.Server{
		{Topic: rpcapi.VolumeTopic, Server: m.Host},
		{Topic: rpcapi.VolumeTopic + "." + m.Host, Server: block.Host(m.Host).Node()},
	}
	if m.Cluster != "" { // whichever member is free takes a message (cinder/service.py)
		servers = append(servers, messaging.Server{Topic: rpcapi.VolumeTopic + "." + m.Cluster, Server: block.Host(m.Cluster).Node()})
	}
	for _, s := range servers {
		s.Version, s.Methods, s.Concurrency = block.VolumeRPCVersion, methods, m.ListenerThreads
		l, err := m.Transport.Serve(ctx, s)
		if err != nil {
			return err
		}
		m.listeners = append(m.listeners, l)
	}
	return nil
}

// part is a service of its own below the manager: what it serves, and how its records in the journal are seen to.
type part interface {
	Methods() map[string]messaging.Method
	Resume() map[string]journal.Resume
}

// methods is what other services may ask: what the manager does itself, and what its parts do.
func (m *Manager) methods() map[string]messaging.Method {
	methods := map[string]messaging.Method{
		rpcapi.MethodCreateVolume: messaging.Silent(func(ctx context.Context, a *rpcapi.CreateVolume) error {
			st := &creation{CreateRequest: a.Request, FlowID: a.FlowID}
			st.VolumeID = a.VolumeID
			return run(ctx, m, m.flows.create, st.FlowID, rpcapi.FlowVolumeCreate, a.VolumeID, st)
		}),
		rpcapi.MethodDeleteVolume: messaging.Silent(func(ctx context.Context, a *rpcapi.DeleteVolume) error {
			if a.UnmanageOnly {
				return m.adopt.UnmanageVolume(ctx, a)
			}
			return run(ctx, m, m.flows.del, a.FlowID, rpcapi.FlowVolumeDelete, a.VolumeID, &deletion{DeleteVolume: *a})
		}),
		rpcapi.MethodExtendVolume: messaging.Silent(func(ctx context.Context, a *rpcapi.ExtendVolume) error {
			return run(ctx, m, m.flows.extend, a.FlowID, rpcapi.FlowVolumeExtend, a.VolumeID, &extension{ExtendVolume: *a})
		}),
		rpcapi.MethodGetCapabilities: messaging.Replying(func(ctx context.Context, _ *rpcapi.GetCapabilities) (*rpcapi.Capabilities, error) {
			return m.capacity.capabilities(ctx)
		}),
		rpcapi.MethodPublishCapabilities: messaging.Silent(func(context.Context, *struct{}) error {
			m.capacity.poll()
			return nil
		}),
	}
	for _, p := range m.parts {
		maps.Copy(methods, p.Methods())
	}
	maps.Copy(methods, m.Methods)
	return methods
}

// run runs a flow about a volume that was handed over by a message.
func run[S any](ctx context.Context, m *Manager, f *flow.Flow[S, store.Tx], flowID, name, volumeID string, st *S) error {
	return journal.Continue(ctx, m.Flows, f,
		flow.Record{ID: flowID, Name: name, Owner: m.queue, ResourceType: "volume", ResourceID: volumeID}, st)
}
