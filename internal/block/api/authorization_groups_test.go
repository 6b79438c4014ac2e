package api_test

import (
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

// consistencyType is the id of the group type of consistency groups.
func (f *fixture) consistencyType() string {
	f.TB.Helper()
	t, err := f.Store.GroupTypeByName(f.TB.Context(), block.ConsistencyGroupTypeName, "")
	if err != nil {
		f.TB.Fatal(err)
	}
	return t.ID
}

// newGroup makes a group of a replicated type that has one volume, of a replicated type too.
func (f *fixture) newGroup(change ...func(g *block.Group)) string {
	f.TB.Helper()
	g := &block.Group{ID: uuid.NewString(), ProjectID: "p", UserID: "user-of-p", Status: block.GroupAvailable, Host: apitest.Pool,
		ReplicationStatus: block.ReplicationEnabled, AvailabilityZone: apitest.Zone, GroupTypeID: uuid.NewString(), VolumeTypeIDs: []string{uuid.NewString()}}
	groupType, volumeType := g.GroupTypeID, g.VolumeTypeIDs[0]
	for _, fn := range change {
		fn(g)
	}
	f.Change(func(tx store.Tx) error {
		t := &block.GroupType{ID: groupType, Name: groupType, IsPublic: true, Specs: map[string]*string{block.SpecGroupReplication: new("<is> True")}}
		if err := tx.CreateGroupType(f.TB.Context(), t); err != nil {
			return err
		}
		vt := &block.VolumeType{ID: volumeType, Name: volumeType, IsPublic: true, ExtraSpecs: map[string]string{block.SpecReplication: "<is> True"}}
		if err := tx.CreateVolumeType(f.TB.Context(), vt); err != nil {
			return err
		}
		return tx.CreateGroup(f.TB.Context(), g)
	})
	f.newVolume(func(v *block.Volume) {
		v.GroupID, v.VolumeTypeID, v.ReplicationStatus = g.ID, volumeType, block.ReplicationEnabled
	})
	return g.ID
}

// newGroupSnapshot makes a group snapshot of a group, with one snapshot.
func (f *fixture) newGroupSnapshot(group string) string {
	f.TB.Helper()
	g, err := f.Store.Group(f.TB.Context(), group, "")
	if err != nil {
		f.TB.Fatal(err)
	}
	of := f.newVolume(func(v *block.Volume) { v.GroupID = group })
	n := &block.GroupSnapshot{ID: uuid.NewString(), GroupID: group, GroupTypeID: g.GroupTypeID, ProjectID: "p", UserID: "user-of-p", Status: block.GroupSnapshotAvailable}
	s := &block.Snapshot{ID: uuid.NewString(), VolumeID: of, VolumeTypeID: f.Row(of).VolumeTypeID, GroupSnapshotID: n.ID, ProjectID: "p", UserID: "user-of-p", VolumeSizeGiB: 1, Status: block.SnapshotAvailable}
	f.Change(func(tx store.Tx) error {
		if err := tx.CreateGroupSnapshot(f.TB.Context(), n); err != nil {
			return err
		}
		return tx.CreateSnapshot(f.TB.Context(), s)
	})
	return n.ID
}

func groupRequests() map[string]matrixRequest {
	const c, s, action = "/groups/", "/group_snapshots/", "/action"
	group := func(f *fixture) string { return f.newGroup() }
	picture := func(f *fixture) string { return f.newGroupSnapshot(f.newGroup()) }
	did := func(name string, argument any) matrixRequest { return on(c, group, action, name, argument) }
	return map[string]matrixRequest{
		"GET /groups":        at("/groups"),
		"GET /groups/detail": at("/groups/detail"),
		"POST /groups": func(f *fixture) (string, any) {
			g, err := f.Store.Group(f.TB.Context(), f.newGroup(), "")
			if err != nil {
				f.TB.Fatal(err)
			}
			return "/groups", object("group", object("group_type", g.GroupTypeID, "volume_types", g.VolumeTypeIDs))
		},
		"GET /groups/{id}": on(c, group, ""),
		"PUT /groups/{id}": on(c, group, "", "group", object("name", "x")),
		"POST /groups/action create-from-src": func(f *fixture) (string, any) {
			return "/groups/action", object("create-from-src", object("source_group_id", f.newGroup()))
		},
		"POST /groups/{id}/action delete":                   did("delete", object("delete-volumes", true)),
		"POST /groups/{id}/action reset_status":             did("reset_status", object("status", "error")),
		"POST /groups/{id}/action enable_replication":       did("enable_replication", object()),
		"POST /groups/{id}/action disable_replication":      did("disable_replication", object()),
		"POST /groups/{id}/action failover_replication":     did("failover_replication", object()),
		"POST /groups/{id}/action list_replication_targets": did("list_replication_targets", object()),

		"GET /group_snapshots":        at("/group_snapshots"),
		"GET /group_snapshots/detail": at("/group_snapshots/detail"),
		"POST /group_snapshots": func(f *fixture) (string, any) {
			return "/group_snapshots", object("group_snapshot", object("group_id", f.newGroup()))
		},
		"GET /group_snapshots/{id}":                      on(s, picture, ""),
		"DELETE /group_snapshots/{id}":                   on(s, picture, ""),
		"POST /group_snapshots/{id}/action reset_status": on(s, picture, action, "reset_status", object("status", "error")),
	}
}

func consistencyGroupRequests() map[string]matrixRequest {
	const c, s = "/consistencygroups/", "/cgsnapshots/"
	group := func(f *fixture) string {
		kind := f.consistencyType()
		return f.newGroup(func(g *block.Group) { g.GroupTypeID = kind })
	}
	picture := func(f *fixture) string { return f.newGroupSnapshot(group(f)) }
	renamed := object("name", "x")
	return map[string]matrixRequest{
		"GET /consistencygroups":        at("/consistencygroups"),
		"GET /consistencygroups/detail": at("/consistencygroups/detail"),
		"POST /consistencygroups":       at("/consistencygroups", "consistencygroup", object("volume_types", block.DefaultTypeName)),
		"POST /consistencygroups/create_from_src": func(f *fixture) (string, any) {
			return "/consistencygroups/create_from_src", object("consistencygroup-from-src", object("source_cgid", group(f)))
		},
		"GET /consistencygroups/{id}":         on(c, group, ""),
		"PUT /consistencygroups/{id}":         on(c, group, "", "consistencygroup", renamed),
		"PUT /consistencygroups/{id}/update":  on(c, group, "/update", "consistencygroup", renamed),
		"POST /consistencygroups/{id}/delete": on(c, group, "/delete", "consistencygroup", object("force", true)),

		"GET /cgsnapshots":        at("/cgsnapshots"),
		"GET /cgsnapshots/detail": at("/cgsnapshots/detail"),
		"POST /cgsnapshots": func(f *fixture) (string, any) {
			return "/cgsnapshots", object("cgsnapshot", object("consistencygroup_id", group(f)))
		},
		"GET /cgsnapshots/{id}":    on(s, picture, ""),
		"DELETE /cgsnapshots/{id}": on(s, picture, ""),
	}
}
