package wire

import (
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
)

// groupMethods are those of the volume service about groups.
func groupMethods() map[string]method {
	methods := map[string]method{
		rpcapi.MethodCreateGroup: takes("3.0", encodeGroup, decodeGroup),
		rpcapi.MethodDeleteGroup: takes("3.0", func(e *arguments.Encoder, m *rpcapi.DeleteGroup) {
			e.Flow(m.FlowID)
			e.SetGroup("group", m.GroupID)
		}, func(d *arguments.Decoder, m *rpcapi.DeleteGroup) {
			m.FlowID, m.GroupID = d.Flow(), d.ID("group", "Group")
		}),
		rpcapi.MethodUpdateGroup: takes("3.0", func(e *arguments.Encoder, m *rpcapi.UpdateGroup) {
			e.Flow(m.FlowID)
			e.SetGroup("group", m.GroupID)
			e.SetAll(map[string]any{"add_volumes": arguments.OrNull(strings.Join(m.AddVolumes, ",")), "remove_volumes": arguments.OrNull(strings.Join(m.RemoveVolumes, ","))})
		}, func(d *arguments.Decoder, m *rpcapi.UpdateGroup) {
			*m = rpcapi.UpdateGroup{FlowID: d.Flow(), GroupID: d.ID("group", "Group"), AddVolumes: ids(d.Text("add_volumes")), RemoveVolumes: ids(d.Text("remove_volumes"))}
		}),
		rpcapi.MethodCreateGroupFromSource: takes("3.0", func(e *arguments.Encoder, m *rpcapi.CreateGroupFromSource) {
			e.Flow(m.FlowID)
			g := e.SetGroup("group", m.GroupID)
			e.SetAll(map[string]any{"group_snapshot": nil, "source_group": nil})
			switch {
			case g.GroupSnapshotID != "":
				e.SetGroupSnapshot("group_snapshot", g.GroupSnapshotID)
			case g.SourceGroupID != "":
				e.SetGroup("source_group", g.SourceGroupID)
			}
		}, func(d *arguments.Decoder, m *rpcapi.CreateGroupFromSource) {
			m.FlowID, m.GroupID = d.Flow(), d.ID("group", "Group")
			m.VolumeIDs = d.Members(m.GroupID)
		}),
		rpcapi.MethodCreateGroupSnapshot: takes("3.0", func(e *arguments.Encoder, m *rpcapi.CreateGroupSnapshot) {
			e.Flow(m.FlowID)
			e.SetGroupSnapshot("group_snapshot", m.GroupSnapshotID)
		}, func(d *arguments.Decoder, m *rpcapi.CreateGroupSnapshot) {
			m.FlowID, m.GroupSnapshotID = d.Flow(), d.ID("group_snapshot", "GroupSnapshot")
			m.VolumeIDs = map[string]string{}
			for _, s := range d.Pictures(m.GroupSnapshotID) {
				m.VolumeIDs[s.ID] = s.VolumeID
			}
		}),
		rpcapi.MethodDeleteGroupSnapshot: takes("3.0", func(e *arguments.Encoder, m *rpcapi.DeleteGroupSnapshot) {
			e.Flow(m.FlowID)
			e.SetGroupSnapshot("group_snapshot", m.GroupSnapshotID)
		}, func(d *arguments.Decoder, m *rpcapi.DeleteGroupSnapshot) {
			m.FlowID, m.GroupSnapshotID = d.Flow(), d.ID("group_snapshot", "GroupSnapshot")
		}),
		rpcapi.MethodListReplicationTargets: answering(takes("3.14",
			func(e *arguments.Encoder, m *rpcapi.ListReplicationTargets) { e.SetGroup("group", m.GroupID) },
			func(d *arguments.Decoder, m *rpcapi.ListReplicationTargets) { m.GroupID = d.ID("group", "Group") }),
			func(_ *arguments.Encoder, r *rpcapi.ReplicationTargets) any {
				return map[string]any{"replication_targets": append([]map[string]string{}, r.Targets...)}
			}, decodeTargets),
	}
	for _, name := range []string{rpcapi.MethodEnableReplication, rpcapi.MethodDisableReplication, rpcapi.MethodFailoverReplication} {
		methods[name] = replication(name)
	}
	return methods
}

func encodeGroup(e *arguments.Encoder, m *rpcapi.CreateGroup) {
	e.Flow(m.FlowID)
	e.SetGroup("group", m.GroupID)
}

func decodeGroup(d *arguments.Decoder, m *rpcapi.CreateGroup) {
	m.FlowID, m.GroupID = d.Flow(), d.ID("group", "Group")
}

// encodeGroupScheduling writes create_group to a scheduler: beside the group, what is asked of its type and of each of its
// volumes' types.
func encodeGroupScheduling(e *arguments.Encoder, m *rpcapi.CreateGroup) {
	e.Flow(m.FlowID)
	g := e.SetGroup("group", m.GroupID)
	properties := func() map[string]any {
		return map[string]any{"size": 0, "user_id": arguments.OrNull(g.UserID), "project_id": arguments.OrNull(g.ProjectID), "status": string(block.VolumeCreating), "group_type_id": arguments.OrNull(g.GroupTypeID)}
	}
	spec := map[string]any{"group_id": g.ID, "group_type": e.GroupType(g.GroupTypeID), "volume_properties": properties(), "qos_specs": nil}
	specs, filters := []any{}, []any{}
	for _, id := range g.VolumeTypeIDs {
		t := e.VolumeType(id)
		if t == nil {
			continue
		}
		p := properties()
		p["attach_status"], p["volume_type_id"], p["availability_zone"] = string(block.AttachDetached), id, arguments.OrNull(g.AvailabilityZone)
		p["encryption_key_id"], p["display_description"], p["display_name"] = nil, nil, nil
		one := map[string]any{"volume_type": typeDict(t), "group_id": g.ID, "volume_properties": p, "qos_specs": nil}
		if qos := e.QoS(t); len(qos) > 0 {
			one["qos_specs"] = map[string]any{"specs": qos}
		}
		specs, filters = append(specs, one), append(filters, map[string]any{})
	}
	e.SetAll(map[string]any{"group_spec": spec, "request_spec_list": specs, "group_filter_properties": map[string]any{}, "filter_properties_list": filters})
}

// replication is one of the methods that change how a group is replicated; the message says again which.
func replication(name string) method {
	return takes("3.14", func(e *arguments.Encoder, m *rpcapi.SetReplication) {
		e.Flow(m.FlowID)
		e.SetGroup("group", m.GroupID)
		if name == rpcapi.MethodFailoverReplication {
			e.SetAll(map[string]any{"allow_attached_volume": true, "secondary_backend_id": arguments.OrNull(m.SecondaryBackendID)})
		}
		e.More(replicationMore{m.Before})
	}, func(d *arguments.Decoder, m *rpcapi.SetReplication) {
		*m = rpcapi.SetReplication{FlowID: d.Flow(), GroupID: d.ID("group", "Group"), Method: name, SecondaryBackendID: d.Text("secondary_backend_id")}
		var more replicationMore
		if d.More(&more) || d.Err != nil {
			m.Before = more.Before
			return
		}
		// A Python API has written the state on the way into the rows. What there was before follows from where it leads.
		was := map[string]string{rpcapi.MethodEnableReplication: block.ReplicationDisabled, rpcapi.MethodDisableReplication: block.ReplicationEnabled,
			rpcapi.MethodFailoverReplication: block.ReplicationEnabled}[name]
		m.Before = map[string]string{m.GroupID: was}
		for _, id := range d.Members(m.GroupID) {
			m.Before[id] = was
		}
	})
}

// replicationMore is what a change of replication says to a Clinker beside the arguments, if it is not too much.
type replicationMore struct {
	Before map[string]string `json:"before"`
}

func decodeTargets(d *arguments.Decoder, r *rpcapi.ReplicationTargets) {
	d.Args[arguments.Answer] = d.Dict(arguments.Answer)["replication_targets"]
	for _, site := range d.Dicts(arguments.Answer) {
		texts := make(map[string]string, len(site))
		for name, v := range site {
			texts[name] = textOf(v)
		}
		r.Targets = append(r.Targets, texts)
	}
}

// ids are those in a list that upstream joins with commas.
func ids(text string) []string {
	var out []string
	for id := range strings.SplitSeq(text, ",") {
		if id = strings.TrimSpace(id); id != "" {
			out = append(out, id)
		}
	}
	return out
}
