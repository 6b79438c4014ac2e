package api_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/driver"
	fakedriver "github.com/clinker/clinker/internal/block/driver/fake"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// grouped is a member of project p, and a group type.
type grouped struct {
	apitest.Caller
	groupType string
	Default   string // the id of the default volume type
}

func newGrouped(t *testing.T, specs map[string]any, change ...func(*apitest.Options)) grouped {
	t.Helper()
	c := cloud(t, change...)
	g := grouped{Caller: c.As(t, apitest.Member, "p").At("3.71"), groupType: newGroupType(c.As(t, apitest.Admin, "ops").At("3.71"), "gt", "group_specs", specs)}
	v, err := c.Store.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	g.Default = v.ID
	return g
}

func (g grouped) admin() apitest.Caller { return g.As(g.TB, apitest.Admin, "ops").At("3.71") }

// group makes a group that is available then, and gives its id.
func (g grouped) group(more ...any) string {
	g.TB.Helper()
	id := g.Post("/groups", object("group", object(append([]any{"group_type", g.groupType, "volume_types", []string{g.Default}}, more...)...))).OK(202).Text("group", "id")
	if row := groupRow(g.Caller, id); row.Status != block.GroupAvailable || row.Host != apitest.Pool {
		g.TB.Fatalf("the group that was made is %+v", row)
	}
	return id
}

// in makes a volume in a group.
func (g grouped) in(group string) string {
	return g.Volume("group_id", group, "volume_type", g.Default)
}

// picture makes a group snapshot of a group, and gives its id.
func (g grouped) picture(group string, more ...any) string {
	g.TB.Helper()
	return g.Post("/group_snapshots", object("group_snapshot", object(append(more, "group_id", group)...))).OK(202).Text("group_snapshot", "id")
}

// groupRow is a group's row; nil if there is none.
func groupRow(c apitest.Caller, id string) *block.Group {
	c.TB.Helper()
	g, err := c.Store.Group(c.TB.Context(), id, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		c.TB.Fatal(err)
	}
	return g
}

func setGroup(c apitest.Caller, id string, set store.GroupSet) {
	c.TB.Helper()
	c.Change(func(tx store.Tx) error {
		_, err := tx.UpdateGroup(c.TB.Context(), id, store.GroupWhen{}, set)
		return err
	})
}

// membersOf are the ids of the volumes in a group, as the API shows them.
func membersOf(c apitest.Caller, group string) []string {
	c.TB.Helper()
	list := []string{}
	for _, id := range c.Get("/groups/"+group+"?list_volume=true").OK(200).At("group", "volumes").([]any) {
		list = append(list, id.(string))
	}
	slices.Sort(list)
	return list
}

func TestGroup(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	a := g.Post("/groups", object("group", object("name", " n ", "description", "d", "group_type", "gt", "volume_types", []string{block.DefaultTypeName})))
	id := a.OK(202).Text("group", "id")
	a.Is(202, fill(`{"group": {"id": "<G>", "name": "n"}}`, "<G>", id))
	whole := fill(`{"id": "<G>", "status": "available", "availability_zone": "nova", "created_at": "<time>", "name": "n", "description": "d",
		"group_type": "<T>", "volume_types": ["<D>"], "group_snapshot_id": null, "source_group_id": null, "replication_status": "disabled"}`,
		"<G>", id, "<T>", g.groupType, "<D>", g.Default)
	g.Get("/groups/"+id).Is(200, `{"group": `+whole+`}`)
	g.Get("/groups").Is(200, fill(`{"groups": [{"id": "<G>", "name": "n"}]}`, "<G>", id))
	g.Get("/groups/detail").Is(200, `{"groups": [`+whole+`]}`)

	volume := g.in(id)
	if d := cmp.Diff([]string{volume}, membersOf(g.Caller, id)); d != "" {
		t.Errorf("volumes (-want +got):\n%s", d)
	}
	if got := g.Get("/volumes/"+volume).OK(200).Text("volume", "group_id"); got != id {
		t.Errorf("group_id of the volume: %s", got)
	}
	g.Volume()
	if d := cmp.Diff([]string{volume}, ids(g.Caller, "/volumes?group_id="+id, "volumes")); d != "" {
		t.Errorf("volumes by group (-want +got):\n%s", d)
	}
	g.Delete("/volumes/"+volume).Fault(400, "group")
	g.Post("/volume-transfers", object("transfer", object("volume_id", volume))).Fault(400, "must not be part of a group.")
	if got := g.Get("/os-quota-sets/p?usage=true").OK(200).At("quota_set", "groups", "in_use"); got != 1.0 {
		t.Errorf("groups in use: %v", got)
	}

	g.Action("/groups/"+id, "delete", object()).Fault(400, "still contains volumes. The delete-volumes flag is required to delete it.")
	g.Action("/groups/"+id, "delete", object("delete-volumes", true)).Empty(202)
	if groupRow(g.Caller, id) != nil || g.Row(volume) != nil {
		t.Errorf("left: %+v, %+v", groupRow(g.Caller, id), g.Row(volume))
	}
	if u, err := g.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Groups != 0 || u.Volumes != 1 {
		t.Errorf("in use: %+v, %v", u, err)
	}
	g.Get("/groups/"+id).Fault(404, "Group "+id+" could not be found.")

	empty := g.group()
	g.Action("/groups/"+empty, "delete", object()).Empty(202)
	if groupRow(g.Caller, empty) != nil {
		t.Error("the empty group is still there")
	}
}

func TestGroupViews(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	id := g.group()
	got := steps(t, func(version string) map[string]any {
		if len(version) == len("3.1") || version < "3.13" {
			version = "3.13" // there are no groups before
		}
		return g.admin().At(version).Get("/groups/" + id + "?list_volume=true").OK(200).At("group").(map[string]any)
	})
	want := map[string]string{"3.14": "+group_snapshot_id +source_group_id", "3.25": "+volumes", "3.38": "+replication_status", "3.58": "+project_id"}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("the steps of the view (-want +got):\n%s", d)
	}
}

func TestGroupList(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, g.group("name", name))
	}
	volume := g.in(all[0])
	newest := []string{all[2], all[1], all[0]}
	q := g.As(t, apitest.Member, "q").At("3.71")
	for name, tc := range map[string]struct {
		c    apitest.Caller
		path string
		want []string
	}{
		"newest first":             {g.Caller, "/groups", newest},
		"by name":                  {g.Caller, "/groups?name=b", all[1:2]},
		"by status, the older way": {g.At("3.30"), "/groups?status=error", []string{}},
		"a page":                   {g.Caller, "/groups?limit=1&marker=" + all[2], all[1:2]},
		"sorted":                   {g.Caller, "/groups?sort=name:asc&limit=2", all[:2]},
		"of another project":       {q, "/groups", []string{}},
		"of all, for whom may not": {q, "/groups?all_tenants=1", []string{}},
		"of all projects":          {g.admin(), "/groups?all_tenants=1", newest},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, ids(tc.c.On(t), tc.path, "groups")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	detail := g.Get("/groups/detail?list_volume=true&name=a").OK(200).At("groups").([]any)
	if d := cmp.Diff([]any{volume}, detail[0].(map[string]any)["volumes"]); len(detail) != 1 || d != "" {
		t.Errorf("in detail (-want +got):\n%s", d)
	}
	links := g.Get("/groups/detail?limit=2").OK(200).At("group_links")
	if d := cmp.Diff([]any{map[string]any{"rel": "next", "href": "http://cloud/p/groups?limit=2&marker=" + all[1]}}, links); d != "" {
		t.Errorf("links (-want +got):\n%s", d)
	}
	g.Get("/groups?sort=x:asc").Fault(400, "Invalid sort key")
	g.Get("/groups?marker="+nowhere).Fault(404, "Group "+nowhere+" could not be found.")
	g.At("3.12").Get("/groups").Fault(404, "could not be found")
}

func TestGroupCreateRefused(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil, func(o *apitest.Options) {
		o.Quota = quota.Options{Volumes: block.Unlimited, Gigabytes: block.Unlimited, Groups: 1, PerVolumeGigabytes: block.Unlimited}
	})
	for name, tc := range map[string]struct {
		more   []any
		status int
		text   string
	}{
		"no volume types":       {[]any{"volume_types", []string{}}, 400, "volume_types"},
		"an absent group type":  {[]any{"group_type", nowhere}, 404, "Group type " + nowhere + " could not be found."},
		"an absent volume type": {[]any{"volume_types", []string{nowhere}}, 404, "Volume type " + nowhere + " could not be found."},
		"a zone that is none":   {[]any{"availability_zone", "x"}, 400, "Availability zone 'x' is invalid."},
		"a consistency group":   {[]any{"group_type", block.ConsistencyGroupTypeName}, 400, "is reserved for migrating CGs to groups."},
	} {
		t.Run(name, func(t *testing.T) {
			body := object(append([]any{"group_type", g.groupType, "volume_types", []string{g.Default}}, tc.more...)...)
			g.On(t).Post("/groups", object("group", body)).Fault(tc.status, tc.text)
		})
	}
	if u, err := g.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Groups != 0 {
		t.Fatalf("in use: %+v, %v", u, err)
	}
	g.group()
	g.Post("/groups", object("group", object("group_type", g.groupType, "volume_types", []string{g.Default}))).
		Fault(413, "GroupLimitExceeded: Maximum number of groups allowed (1) exceeded")
}

// TestGroupNowhere: no back end meets a type, so the group is in error, and the user is told.
func TestGroupNowhere(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, map[string]any{"consistent_group_snapshot_enabled": "<is> False"})
	id := g.Post("/groups", object("group", object("group_type", g.groupType, "volume_types", []string{g.Default}))).OK(202).Text("group", "id")
	if row := groupRow(g.Caller, id); row.Status != block.GroupError || row.Host != "" {
		t.Errorf("the group is %+v", row)
	}
	message := g.Get("/messages").OK(200).At("messages").([]any)
	if len(message) != 1 || message[0].(map[string]any)["resource_uuid"] != id || message[0].(map[string]any)["resource_type"] != block.MessageGroup {
		t.Errorf("messages %v", message)
	}
	g.Post("/volumes", object("volume", object("size", 1, "group_id", id, "volume_type", g.Default))).Fault(400, "Originating group status")
	g.Action("/groups/"+id, "delete", object()).Empty(202)
	if groupRow(g.Caller, id) != nil {
		t.Error("the group is still there")
	}
}

func TestGroupUpdate(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	id, other := g.group(), g.group()
	inside, outside, elsewhere := g.in(id), g.Volume(), g.in(other)
	foreign := g.As(t, apitest.Member, "q").At("3.71").Volume()
	ofType := g.Volume("volume_type", newType(g.admin(), "t"))
	broken := g.Volume()
	g.SetStatus(broken, block.VolumeError)
	put := func(pairs ...any) apitest.Answer { return g.Put("/groups/"+id, object("group", object(pairs...))) }

	put("name", "n", "description", "d").Empty(202)
	if row := groupRow(g.Caller, id); *row.Name != "n" || *row.Description != "d" || row.Status != block.GroupAvailable {
		t.Errorf("the row is %+v", row)
	}
	put("add_volumes", outside+",", "remove_volumes", inside, "name", "m").Empty(202)
	if d := cmp.Diff([]string{outside}, membersOf(g.Caller, id)); d != "" {
		t.Errorf("volumes (-want +got):\n%s", d)
	}
	if row := groupRow(g.Caller, id); *row.Name != "m" || row.Status != block.GroupAvailable {
		t.Errorf("the row is %+v", row)
	}
	for name, tc := range map[string]struct {
		body []any
		text string
	}{
		"nothing":            {nil, "is not valid under any of the given schemas"},
		"what it is":         {[]any{"name", "m"}, "no valid name"},
		"both":               {[]any{"add_volumes", inside, "remove_volumes", inside}, "are in both add and remove volume list."},
		"one not there":      {[]any{"add_volumes", nowhere}, "because volume cannot be found."},
		"one of another":     {[]any{"add_volumes", elsewhere}, "because it is already in group " + other},
		"not its project's":  {[]any{"add_volumes", foreign}, "because volume cannot be found."},
		"not of its types":   {[]any{"add_volumes", ofType}, "is not supported by the group."},
		"a broken one":       {[]any{"add_volumes", broken}, "because volume is in an invalid state: error. Valid states are: ('available', 'in-use')."},
		"one not in it":      {[]any{"remove_volumes", inside}, "because it is not in the group."},
		"one in it already":  {[]any{"add_volumes", outside}, "no valid name"},
		"two, one not there": {[]any{"add_volumes", inside + "," + nowhere}, "because volume cannot be found."},
	} {
		t.Run(name, func(t *testing.T) {
			g.On(t).Put("/groups/"+id, object("group", object(tc.body...))).Fault(400, tc.text)
		})
	}
	g.admin().Put("/groups/"+id, object("group", object("add_volumes", foreign))).Fault(400, "as they belong to different projects.")
	g.SetStatus(outside, block.VolumeExtending)
	put("remove_volumes", outside).Fault(400, "because volume is in an invalid state: extending.")
	g.Set(inside, store.VolumeSet{Host: new(block.Host("other@fake#fake"))})
	put("add_volumes", inside).Fault(400, "Volume is not local to this node.")
	setGroup(g.Caller, id, store.GroupSet{Status: new(block.GroupError)})
	put("add_volumes", g.Volume()).Fault(400, "Group status must be available.")
	put("name", "x").Empty(202)
	if d := cmp.Diff([]string{outside}, membersOf(g.Caller, id)); d != "" {
		t.Errorf("after the refusals (-want +got):\n%s", d)
	}
}

// TestGroupDeleteRefused: a delete that is refused has changed nothing, whichever volume it is refused for.
func TestGroupDeleteRefused(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil, unlimited)
	for name, tc := range map[string]struct {
		spoil func(g grouped, group, last string)
		text  string
	}{
		"attached": {func(g grouped, _, last string) {
			g.Set(last, store.VolumeSet{AttachStatus: new(block.AttachAttached), Status: new(block.VolumeInUse)})
		}, "is attached. Need to detach first."},
		"with a snapshot": {func(g grouped, _, last string) { g.Snapshot(last) }, "Volume in group still has dependent snapshots."},
		"migrating": {func(g grouped, _, last string) {
			g.Set(last, store.VolumeSet{MigrationStatus: new("migrating")})
		}, "is being migrated"},
		"in other hands": {func(g grouped, _, last string) { g.SetStatus(last, block.VolumeUploading) }, "is uploading. Wait until that is done"},
		"a group snapshot": {func(g grouped, group, _ string) {
			g.picture(group)
		}, "Group has existing snapshots."},
		"a group that is made from it": {func(g grouped, group, _ string) {
			copied := &block.Group{ID: nowhere, SourceGroupID: group, Status: block.GroupCreating, ProjectID: "p", GroupTypeID: g.groupType}
			g.Change(func(tx store.Tx) error { return tx.CreateGroup(g.TB.Context(), copied) })
		}, "It is the source for an ongoing group or group snapshot creation."},
	} {
		t.Run(name, func(t *testing.T) {
			g := grouped{g.On(t), g.groupType, g.Default}
			group := g.group()
			first, last := g.in(group), g.in(group)
			tc.spoil(g, group, last)
			before := g.Row(last).Status
			g.Action("/groups/"+group, "delete", object("delete-volumes", true)).Fault(400, tc.text)
			if now := groupRow(g.Caller, group).Status; now != block.GroupAvailable {
				t.Errorf("the group is %s", now)
			}
			if got, want := []block.VolumeStatus{g.Row(first).Status, g.Row(last).Status}, []block.VolumeStatus{block.VolumeAvailable, before}; !slices.Equal(got, want) {
				t.Errorf("the volumes are %v, want %v", got, want)
			}
		})
	}
}

func TestGroupDeleteFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err    error
		group  block.GroupStatus
		volume block.VolumeStatus
	}{
		"broken": {fault.New(fault.Internal, "", "it broke"), block.GroupError, block.VolumeError},
		"busy":   {fault.New(fault.Busy, "VolumeIsBusy", "it is busy"), block.GroupAvailable, block.VolumeAvailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGrouped(t, nil)
			group := g.group()
			first, last := g.in(group), g.in(group)
			g.Driver.FailNext("delete_volume", tc.err)
			g.Action("/groups/"+group, "delete", object("delete-volumes", true)).Empty(202)
			if now := groupRow(g.Caller, group).Status; now != tc.group {
				t.Errorf("the group is %s", now)
			}
			left := g.Row(first)
			if left == nil {
				left = g.Row(last)
			}
			if left == nil || left.Status != tc.volume {
				t.Errorf("the volume that is left is %+v", left)
			}
			g.Action("/groups/"+group, "delete", object("delete-volumes", true)).Empty(202)
			if groupRow(g.Caller, group) != nil || g.Row(first) != nil || g.Row(last) != nil {
				t.Error("the second delete left something")
			}
		})
	}
}

func TestGroupResetStatus(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	id := g.group()
	admin := g.admin()
	admin.Action("/groups/"+id, "reset_status", object("status", "ERROR")).Empty(202)
	if now := groupRow(g.Caller, id).Status; now != block.GroupError {
		t.Errorf("the group is %s", now)
	}
	admin.Action("/groups/"+id, "reset_status", object("status", "x")).Fault(400, "Invalid Group Status: Group status: x is invalid, valid status are: ")
	admin.Action("/groups/"+id, "reset_status", object("status", " ")).Fault(400, "The 'status' can not be empty.")
	admin.Action("/groups/"+nowhere, "reset_status", object("status", "error")).Fault(404, "Group "+nowhere+" could not be found.")
	g.Action("/groups/"+id, "reset_status", object("status", "available")).Fault(403, "group:reset_status")
	admin.At("3.19").Action("/groups/"+id, "reset_status", object("status", "available")).Fault(404, "could not be found")
}

func TestVolumeInGroupRefused(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	id, waiting := g.group(), g.group()
	away := g.Volume()
	g.Set(away, store.VolumeSet{Host: new(block.Host("other@fake#fake"))})
	setGroup(g.Caller, waiting, store.GroupSet{Host: new(block.Host(""))})
	newType(g.admin(), "t")
	for name, tc := range map[string]struct {
		body   []any
		status int
		text   string
	}{
		"no type":                    {[]any{"group_id", id}, 400, "volume_type must be provided when creating a volume in a group."},
		"a type not of the group":    {[]any{"group_id", id, "volume_type", "t"}, 400, "(requested type must be supported by this group)."},
		"an absent group":            {[]any{"group_id", nowhere, "volume_type", g.Default}, 404, "Group " + nowhere + " could not be found."},
		"from another back end":      {[]any{"group_id", id, "volume_type", g.Default, "source_volid", away}, 400, "on different back ends"},
		"a group that is not placed": {[]any{"group_id", waiting, "volume_type", g.Default}, 400, "has not been placed on a back end yet"},
	} {
		t.Run(name, func(t *testing.T) {
			g.On(t).Post("/volumes", object("volume", object(append(tc.body, "size", 1)...))).Fault(tc.status, tc.text)
		})
	}
}

// replicating is a cloud whose back end replicates, and a group of a replicated type with two volumes.
func replicating(t *testing.T) (g grouped, group string) {
	g = newGrouped(t, map[string]any{block.SpecGroupReplication: "<is> True"}, func(o *apitest.Options) {
		o.Driver = func(d *fakedriver.Driver) driver.Driver {
			s, err := d.Stats(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			s.Pools[0].Extra = map[string]string{"replication_enabled": "True", "group_replication_enabled": "True"}
			s.Pools[0].ConsistentGroupReplication = true
			d.SetStats(s)
			return d
		}
	})
	g.Default = newType(g.admin(), "replicated", "extra_specs", object(block.SpecReplication, "<is> True"))
	group = g.group()
	g.in(group)
	g.in(group)
	return g, group
}

func TestGroupReplication(t *testing.T) {
	t.Parallel()
	g, group := replicating(t)
	act := func(name string, pairs ...any) apitest.Answer {
		return g.Action("/groups/"+group, name, object(pairs...))
	}
	expect := func(what string) {
		t.Helper()
		if row := groupRow(g.Caller, group); row.ReplicationStatus != what || row.Status != block.GroupAvailable {
			t.Errorf("the group is %s, its replication %s, want %s", row.Status, row.ReplicationStatus, what)
		}
		for _, id := range membersOf(g.Caller, group) {
			if v := g.Row(id); v.ReplicationStatus != what {
				t.Errorf("the replication of a volume is %q, want %s", v.ReplicationStatus, what)
			}
		}
	}
	act("disable_replication").Fault(400, "replication status must be ['enabled', 'error'], but current status is: disabled. Cannot disable replication.")
	act("failover_replication").Fault(400, "replication status must be ['enabled', 'failed-over']")
	act("enable_replication").Empty(202)
	expect("enabled")
	act("failover_replication", "allow_attached_volume", false, "secondary_backend_id", "b").Empty(202)
	expect("failed-over")
	act("failover_replication", "secondary_backend_id", "default").Empty(202)
	expect("enabled")
	act("disable_replication").Empty(202)
	expect("disabled")
	act("list_replication_targets").Is(200, `{"replication_targets": []}`)

	act("enable_replication").Empty(202)
	used := membersOf(g.Caller, group)[0]
	g.SetStatus(used, block.VolumeInUse)
	act("failover_replication").Fault(400, "is attached but allow_attached_volume flag is False. Cannot failover replication.")
	act("failover_replication", "allow_attached_volume", true).Empty(202)
	expect("failed-over")
	g.SetStatus(used, block.VolumeUploading)
	act("failover_replication").Fault(400, "status must be ['available', 'in-use'], but current status is: uploading.")
	g.At("3.37").Action("/groups/"+group, "enable_replication", object()).Fault(404, "could not be found")
}

func TestGroupReplicationFails(t *testing.T) {
	t.Parallel()
	g, group := replicating(t)
	g.Driver.FailNext("enable_replication", fault.New(fault.Internal, "", "it broke"))
	g.Action("/groups/"+group, "enable_replication", object()).Empty(202)
	if row := groupRow(g.Caller, group); row.ReplicationStatus != block.ReplicationError {
		t.Errorf("the replication is %s", row.ReplicationStatus)
	}
	for _, id := range membersOf(g.Caller, group) {
		if v := g.Row(id); v.ReplicationStatus != block.ReplicationError || v.Status != block.VolumeAvailable {
			t.Errorf("a volume is %s, its replication %s", v.Status, v.ReplicationStatus)
		}
	}
}

// TestGroupNotReplicated: neither a type that is not replicated, nor storage that cannot do it, changes anything.
func TestGroupNotReplicated(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	group := g.group()
	for _, action := range []string{"enable_replication", "disable_replication", "failover_replication", "list_replication_targets"} {
		g.Action("/groups/"+group, action, object()).Fault(400, "Invalid group type: Group "+group+" is not a replication group type.")
	}
	ofType := (&fixture{g.Caller}).newGroup(func(g *block.Group) { g.ReplicationStatus = block.ReplicationDisabled })
	plain := (&fixture{g.Caller}).newGroup(func(row *block.Group) {
		row.ReplicationStatus, row.VolumeTypeIDs = block.ReplicationDisabled, []string{g.Default}
	})
	g.Action("/groups/"+plain, "enable_replication", object()).Fault(400, "does not have 'replication_enabled' spec key set to '<is> True'.")
	volume := membersOf(g.Caller, ofType)[0]
	g.Set(volume, store.VolumeSet{ReplicationStatus: new("disabled")})
	g.Driver.FailNext("enable_replication", fault.New(fault.NotImplemented, "", "no other site"))
	g.Action("/groups/"+ofType, "enable_replication", object()).Empty(202)
	if row := groupRow(g.Caller, ofType); row.ReplicationStatus != block.ReplicationDisabled || row.Status != block.GroupAvailable {
		t.Errorf("the group is %+v", row)
	}
	if v := g.Row(volume); v.ReplicationStatus != block.ReplicationDisabled {
		t.Errorf("the replication of the volume is %q", v.ReplicationStatus)
	}
}

// TestGroupTypeInUse: a type does not go from under a group.
func TestGroupTypeInUse(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	g.group()
	g.admin().Delete("/group_types/"+g.groupType).Fault(400, "Target group type is still in use.")
}
