package api_test

import (
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// inGroups is the scene's member with a group type, and a group of it with one volume; nobody has been told.
func (s *scene) inGroups() (g grouped, group string) {
	admin := s.admin.At("3.71")
	g = grouped{s.m.At("3.71"), newGroupType(admin, "gt", "group_specs", object(block.SpecGroupReplication, "<is> True")), newType(admin, "rep", "extra_specs", object(block.SpecReplication, "<is> True"))}
	id := (&fixture{g.Caller}).newGroup(func(row *block.Group) { row.GroupTypeID, row.VolumeTypeIDs = g.groupType, []string{g.Default} })
	for _, volume := range membersOf(g.Caller, id) {
		s.m.Change(func(tx store.Tx) error { return tx.DestroyVolume(s.t.Context(), volume) })
	}
	one := s.m.Volume()
	s.m.Set(one, store.VolumeSet{VolumeTypeID: &g.Default, GroupID: &id, ReplicationStatus: new(block.ReplicationEnabled)})
	s.notified.Take()
	return g, id
}

// groupScenarios are those of groups: of each change it is told of the group and of each volume or snapshot in it.
func groupScenarios() map[string]scenario {
	spans := func(names ...string) (events []string) {
		for _, end := range []string{".start", ".end"} {
			for _, name := range names {
				events = append(events, name+end)
			}
		}
		return events
	}
	fail := fault.New(fault.Internal, "", "no")
	return map[string]scenario{
		"group": {func(s *scene) {
			g := grouped{s.m.At("3.71"), newGroupType(s.admin.At("3.11"), "gt"), block.DefaultTypeName}
			s.notified.Take()
			g.group()
		}, span("group.create")},
		"group nowhere": {func(s *scene) {
			g := grouped{s.m.At("3.71"), newGroupType(s.admin.At("3.11"), "gt", "group_specs", object("x", "y")), block.DefaultTypeName}
			s.notified.Take()
			s.m.At("3.13").Post("/groups", object("group", object("group_type", g.groupType, "volume_types", []string{g.Default}))).OK(202)
		}, nil},
		"group changed": {func(s *scene) {
			g, group := s.inGroups()
			g.Put("/groups/"+group, object("group", object("remove_volumes", membersOf(g.Caller, group)[0]))).Empty(202)
		}, []string{"group.update.start", "volume.update.start", "group.update.end"}},
		"group copied": {func(s *scene) {
			g, group := s.inGroups()
			g.Do("POST", "/groups/action", object("create-from-src", object("source_group_id", group))).OK(202)
		}, spans("group.create", "volume.create")},
		"group deleted": {func(s *scene) {
			g, group := s.inGroups()
			g.Action("/groups/"+group, "delete", object("delete-volumes", true)).Empty(202)
		}, []string{"group.delete.start", "volume.delete.start", "volume.delete.end", "group.delete.end"}},
		"group snapshot": {func(s *scene) {
			g, group := s.inGroups()
			g.Delete("/group_snapshots/" + g.picture(group)).Empty(202)
		}, append(spans("group_snapshot.create", "snapshot.create"), "group_snapshot.delete.start", "snapshot.delete.start", "snapshot.delete.end", "group_snapshot.delete.end")},
		"group snapshot fails": {func(s *scene) {
			g, group := s.inGroups()
			g.Driver.FailNext("create_snapshot", fail)
			g.picture(group)
		}, []string{"group_snapshot.create.start", "snapshot.create.start"}},
		"group replicated": {func(s *scene) {
			g, group := s.inGroups()
			for _, action := range []string{"enable_replication", "failover_replication"} {
				g.Action("/groups/"+group, action, object()).Empty(202)
			}
			g.Action("/groups/"+group, "failover_replication", object("secondary_backend_id", "default")).Empty(202)
			g.Action("/groups/"+group, "disable_replication", object()).Empty(202)
		}, append(append(append(spans("group.enable_replication", "volume.enable_replication"), spans("group.failover_replication", "volume.failover_replication")...),
			spans("group.failover_replication", "volume.failover_replication")...), spans("group.disable_replication", "volume.disable_replication")...)},
		"group reset": {func(s *scene) {
			g, group := s.inGroups()
			admin := s.admin.At("3.71")
			admin.Action("/groups/"+group, "reset_status", object("status", "available")).Empty(202)
			admin.Action("/groups/"+nowhere, "reset_status", object("status", "available")).OK(404)
			id := g.picture(group)
			s.notified.Take()
			admin.Action("/groups/"+group, "reset_status", object("status", "available")).Empty(202)
			admin.Action("/groups/"+nowhere, "reset_status", object("status", "available")).OK(404)
			admin.Action("/group_snapshots/"+id, "reset_status", object("status", "error")).Empty(202)
			admin.Action("/group_snapshots/"+nowhere, "reset_status", object("status", "error")).OK(404)
		}, append(append(span("groups.reset_status"), "groups.reset_status.start", "groups.reset_status!"),
			append(span("groupsnapshots.reset_status"), "groupsnapshots.reset_status.start", "groupsnapshots.reset_status!")...)},
	}
}
