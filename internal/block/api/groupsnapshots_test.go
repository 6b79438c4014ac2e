package api_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

func pictureRow(c apitest.Caller, id string) *block.GroupSnapshot {
	c.TB.Helper()
	n, err := c.Store.GroupSnapshot(c.TB.Context(), id, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		c.TB.Fatal(err)
	}
	return n
}

// partsOf are the snapshots of a group snapshot.
func partsOf(c apitest.Caller, id string) []*block.Snapshot {
	c.TB.Helper()
	list, err := c.Store.Snapshots(c.TB.Context(), store.SnapshotQuery{Equal: map[string][]string{"group_snapshot_id": {id}}})
	if err != nil {
		c.TB.Fatal(err)
	}
	return list
}

// verbs are the driver's verbs since a number of calls, of those named.
func verbs(c *apitest.Cloud, since int, named ...string) (list []string) {
	for _, call := range c.Driver.Calls()[since:] {
		if slices.Contains(named, call.Verb) {
			list = append(list, call.Verb)
		}
	}
	return list
}

// TestGroupSnapshot runs with a group whose snapshots are taken one by one, and one whose are taken at one instant.
func TestGroupSnapshot(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		specs map[string]any
		verbs []string
	}{
		"one by one":     {nil, []string{"create_snapshot", "create_snapshot"}},
		"at one instant": {map[string]any{block.SpecConsistentGroupSnapshot: "<is> True"}, []string{"create_group_snapshot"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGrouped(t, tc.specs)
			group := g.group()
			one, two := g.in(group), g.in(group)
			calls := len(g.Driver.Calls())
			a := g.Post("/group_snapshots", object("group_snapshot", object("group_id", group, "name", "n", "description", "d")))
			id := a.OK(202).Text("group_snapshot", "id")
			a.Is(202, fill(`{"group_snapshot": {"id": "<S>", "name": "n", "group_type_id": "<T>"}}`, "<S>", id, "<T>", g.groupType))
			whole := fill(`{"id": "<S>", "group_id": "<G>", "group_type_id": "<T>", "status": "available", "created_at": "<time>", "name": "n", "description": "d"}`,
				"<S>", id, "<G>", group, "<T>", g.groupType)
			g.Get("/group_snapshots/"+id).Is(200, `{"group_snapshot": `+whole+`}`)
			g.Get("/group_snapshots").Is(200, fill(`{"group_snapshots": [{"id": "<S>", "name": "n"}]}`, "<S>", id))
			g.Get("/group_snapshots/detail").Is(200, `{"group_snapshots": [`+whole+`]}`)
			if got := g.admin().Get("/group_snapshots/"+id).OK(200).Text("group_snapshot", "project_id"); got != "p" {
				t.Errorf("project_id %q", got)
			}
			if d := cmp.Diff(tc.verbs, verbs(g.Cloud, calls, "create_snapshot", "create_group_snapshot")); d != "" {
				t.Errorf("verbs (-want +got):\n%s", d)
			}
			parts := partsOf(g.Caller, id)
			var of []string
			for _, s := range parts {
				of = append(of, s.VolumeID)
				if s.Status != block.SnapshotAvailable || s.Progress != "100%" || s.VolumeSizeGiB != 1 || *s.Name != "n" {
					t.Errorf("a snapshot is %+v", s)
				}
			}
			slices.Sort(of)
			want := []string{one, two}
			slices.Sort(want)
			if d := cmp.Diff(want, of); d != "" {
				t.Fatalf("the volumes of its snapshots (-want +got):\n%s", d)
			}
			if got := g.Get("/snapshots/"+parts[0].ID).OK(200).Text("snapshot", "group_snapshot_id"); got != id {
				t.Errorf("group_snapshot_id %q", got)
			}
			g.Delete("/snapshots/"+parts[0].ID).Fault(400, "group")

			g.Delete("/group_snapshots/" + id).Empty(202)
			if pictureRow(g.Caller, id) != nil || len(partsOf(g.Caller, id)) > 0 {
				t.Errorf("left: %+v, %+v", pictureRow(g.Caller, id), partsOf(g.Caller, id))
			}
			if u, err := g.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Snapshots != 0 || u.SnapshotGigabytes != 0 {
				t.Errorf("in use: %+v, %v", u, err)
			}
			g.Get("/group_snapshots/"+id).Fault(404, "GroupSnapshot "+id+" could not be found.")
		})
	}
}

func TestGroupSnapshotList(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	group := g.group()
	g.in(group)
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, g.picture(group, "name", name))
	}
	newest := []string{all[2], all[1], all[0]}
	q := g.As(t, apitest.Member, "q").At("3.71")
	for name, tc := range map[string]struct {
		c    apitest.Caller
		path string
		want []string
	}{
		"newest first":          {g.Caller, "/group_snapshots", newest},
		"by name":               {g.Caller, "/group_snapshots?name=b", all[1:2]},
		"by group":              {g.Caller, "/group_snapshots?group_id=" + nowhere, []string{}},
		"a page":                {g.Caller, "/group_snapshots?limit=1&marker=" + all[2], all[1:2]},
		"no page before 3.29":   {g.At("3.28"), "/group_snapshots?limit=1&name=x", newest},
		"of another project":    {q, "/group_snapshots", []string{}},
		"of all projects":       {g.admin(), "/group_snapshots?all_tenants=1", newest},
		"of all, as may not":    {q, "/group_snapshots?all_tenants=1", []string{}},
		"sorted":                {g.Caller, "/group_snapshots?sort=name:asc", all},
		"of one, for operators": {g.admin(), "/group_snapshots?all_tenants=1&name=a", all[:1]},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, ids(tc.c.On(t), tc.path, "group_snapshots")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	g.Get("/group_snapshots?sort=x:asc").Fault(400, "Invalid sort key")
	g.Get("/group_snapshots?marker="+nowhere).Fault(404, "GroupSnapshot "+nowhere+" could not be found.")
	g.At("3.13").Get("/group_snapshots").Fault(404, "could not be found")
}

func TestGroupSnapshotRefused(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil, func(o *apitest.Options) {
		o.Quota = quota.Options{Volumes: block.Unlimited, Gigabytes: block.Unlimited, Groups: block.Unlimited, Snapshots: 1, PerVolumeGigabytes: block.Unlimited}
	})
	group, empty, broken := g.group(), g.group(), g.group()
	one := g.in(group)
	g.SetStatus(g.in(broken), block.VolumeError)
	create := func(group string) apitest.Answer {
		return g.Post("/group_snapshots", object("group_snapshot", object("group_id", group)))
	}
	create(nowhere).Fault(404, "Group "+nowhere+" could not be found.")
	create(empty).Fault(400, "Source group cannot be empty or in 'creating' or 'updating' state. No group snapshot will be created.")
	create(broken).Fault(400, "Invalid volume: The snapshot cannot be created when the volume is in error status.")
	setGroup(g.Caller, group, store.GroupSet{Status: new(block.GroupUpdating)})
	create(group).Fault(400, "Source group cannot be empty or in 'creating' or 'updating' state.")
	setGroup(g.Caller, group, store.GroupSet{Status: new(block.GroupDeleting)})
	create(group).Fault(400, "Source group is being deleted.")
	setGroup(g.Caller, group, store.GroupSet{Status: new(block.GroupAvailable)})
	// Of a group of two, not even one snapshot is entered when there is quota for one.
	two := g.in(group)
	create(group).Fault(413, "SnapshotLimitExceeded")
	if u, err := g.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Snapshots != 0 {
		t.Fatalf("in use: %+v, %v", u, err)
	}
	g.Put("/groups/"+group, object("group", object("remove_volumes", two))).Empty(202)
	id := g.picture(group)
	g.Action("/groups/"+group, "delete", object("delete-volumes", true)).Fault(400, "Group has existing snapshots.")
	if v := g.Row(one); v.Status != block.VolumeAvailable {
		t.Errorf("the volume is %s", v.Status)
	}
	g.Change(func(tx store.Tx) error {
		_, err := tx.UpdateSnapshot(t.Context(), partsOf(g.Caller, id)[0].ID, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotBackingUp)})
		return err
	})
	g.Delete("/group_snapshots/"+id).Fault(400, "is backing-up. Wait until that is done")
	if n := pictureRow(g.Caller, id); n.Status != block.GroupSnapshotAvailable {
		t.Errorf("after a delete that was refused it is %s", n.Status)
	}
	g.Delete("/group_snapshots/"+nowhere).Fault(404, "GroupSnapshot "+nowhere+" could not be found.")
}

// TestGroupSnapshotFails: of a group snapshot that fails no snapshot is left in storage, whichever failed.
func TestGroupSnapshotFails(t *testing.T) {
	t.Parallel()
	for name, specs := range map[string]map[string]any{"create_snapshot": nil, "create_group_snapshot": {block.SpecConsistentGroupSnapshot: "<is> True"}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGrouped(t, specs)
			group := g.group()
			g.in(group)
			g.in(group)
			g.Driver.FailNext(name, fault.New(fault.Internal, "", "it broke"))
			id := g.picture(group)
			if n := pictureRow(g.Caller, id); n.Status != block.GroupSnapshotError {
				t.Errorf("it is %s", n.Status)
			}
			for _, s := range partsOf(g.Caller, id) {
				if s.Status != block.SnapshotError {
					t.Errorf("a snapshot is %s", s.Status)
				}
			}
			held, err := g.Driver.Inventory(t.Context())
			if err != nil || len(held.SnapshotIDs) > 0 {
				t.Errorf("the storage holds %v, %v", held.SnapshotIDs, err)
			}
			told := listed(g.Caller, "/messages", "messages")
			for _, m := range told {
				if event := m.(map[string]any)["event_id"]; event != "VOLUME_VOLUME_SNAPSHOT_009_013" {
					t.Errorf("the user is told %v", event)
				}
			}
			if len(told) != 2 {
				t.Errorf("messages %v", told)
			}
			g.Delete("/group_snapshots/" + id).Empty(202)
			if pictureRow(g.Caller, id) != nil {
				t.Error("it cannot be deleted")
			}
		})
	}
}

// TestGroupSnapshotNotAtOnce: storage that cannot take snapshots of several volumes at one instant does not take them one by
// one in its place, where the type of the group asks for it.
func TestGroupSnapshotNotAtOnce(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, map[string]any{block.SpecConsistentGroupSnapshot: "<is> True"})
	group := g.group()
	g.in(group)
	calls := len(g.Driver.Calls())
	g.Driver.FailNext("create_group_snapshot", fault.New(fault.NotImplemented, "", "not at one instant"))
	if n := pictureRow(g.Caller, g.picture(group)); n.Status != block.GroupSnapshotError {
		t.Errorf("it is %s", n.Status)
	}
	if got := verbs(g.Cloud, calls, "create_snapshot"); len(got) > 0 {
		t.Errorf("verbs %v", got)
	}
}

func TestGroupSnapshotDeleteFails(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		err  error
		want block.GroupSnapshotStatus
	}{
		"broken": {fault.New(fault.Internal, "", "it broke"), block.GroupSnapshotError},
		"busy":   {fault.New(fault.Busy, "SnapshotIsBusy", "it is busy"), block.GroupSnapshotAvailable},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGrouped(t, nil)
			group := g.group()
			g.in(group)
			id := g.picture(group)
			g.Driver.FailNext("delete_snapshot", tc.err)
			g.Delete("/group_snapshots/" + id).Empty(202)
			n, parts := pictureRow(g.Caller, id), partsOf(g.Caller, id)
			if n == nil || n.Status != tc.want || len(parts) != 1 || string(parts[0].Status) != string(tc.want) {
				t.Errorf("%+v with %+v", n, parts)
			}
			g.Delete("/group_snapshots/" + id).Empty(202)
			if pictureRow(g.Caller, id) != nil {
				t.Error("the second delete left it")
			}
		})
	}
}

func TestGroupSnapshotResetStatus(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	group := g.group()
	g.in(group)
	id := g.picture(group)
	admin := g.admin()
	admin.Action("/group_snapshots/"+id, "reset_status", object("status", "Error")).Empty(202)
	if n := pictureRow(g.Caller, id); n.Status != block.GroupSnapshotError {
		t.Errorf("it is %s", n.Status)
	}
	admin.Action("/group_snapshots/"+id, "reset_status", object("status", "x")).Fault(400, "Group snapshot status: x is invalid")
	admin.Action("/group_snapshots/"+nowhere, "reset_status", object("status", "error")).Fault(404, "GroupSnapshot "+nowhere+" could not be found.")
	g.Action("/group_snapshots/"+id, "reset_status", object("status", "available")).Fault(403, "group:reset_group_snapshot_status")
}

// TestGroupFromSource makes a group from a group snapshot, and one from the group itself.
func TestGroupFromSource(t *testing.T) {
	t.Parallel()
	for _, from := range []string{"group_snapshot_id", "source_group_id"} {
		t.Run(from, func(t *testing.T) {
			t.Parallel()
			g := newGrouped(t, nil)
			source := g.group()
			boots, plain := g.in(source), g.in(source)
			g.SetBootable(boots)
			g.Change(func(tx store.Tx) error {
				return tx.PutVolumeImageMetadata(t.Context(), boots, map[string]string{"image_name": "cirros"}, true)
			})
			of := source
			if from == "group_snapshot_id" {
				of = g.picture(source)
			}
			a := g.Do("POST", "/groups/action", object("create-from-src", object(from, of, "name", "copy")))
			id := a.OK(202).Text("group", "id")
			a.Is(202, fill(`{"group": {"id": "<G>", "name": "copy"}}`, "<G>", id))
			if got := g.Get("/groups/"+id).OK(200).At("group", from); got != of {
				t.Errorf("%s is %v", from, got)
			}
			row := groupRow(g.Caller, id)
			if row.Status != block.GroupAvailable || row.Host != apitest.Pool || row.GroupTypeID != g.groupType || !slices.Equal(row.VolumeTypeIDs, []string{g.Default}) {
				t.Errorf("the row is %+v", row)
			}
			copies := membersOf(g.Caller, id)
			booting := 0
			for _, copied := range copies {
				v := g.Row(copied)
				origin := v.SourceVolumeID
				if s := g.SnapshotRow(v.SnapshotID); s != nil {
					origin = s.VolumeID
				}
				if v.Status != block.VolumeAvailable || v.Host != apitest.Pool || origin != boots && origin != plain || v.Bootable != (origin == boots) {
					t.Errorf("a copy is %+v", v)
				}
				if v.Bootable {
					booting++
					if v.ImageMetadata["image_name"] != "cirros" {
						t.Errorf("the image's properties are %v", v.ImageMetadata)
					}
				}
			}
			if len(copies) != 2 || booting != 1 {
				t.Errorf("copies %v, of which %d boot", copies, booting)
			}
			if u, err := g.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Groups != 2 || u.Volumes != 4 {
				t.Errorf("in use: %+v, %v", u, err)
			}
			g.Action("/groups/"+id, "delete", object("delete-volumes", true)).Empty(202)
			if groupRow(g.Caller, id) != nil {
				t.Error("it cannot be deleted")
			}
		})
	}
}

func TestGroupFromSourceRefused(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil, func(o *apitest.Options) {
		o.Quota = quota.Options{Volumes: 3, Gigabytes: block.Unlimited, Groups: block.Unlimited, Snapshots: block.Unlimited, PerVolumeGigabytes: block.Unlimited}
	})
	full, empty := g.group(), g.group()
	one, _ := g.in(full), g.in(full)
	picture := g.picture(full)
	create := func(pairs ...any) apitest.Answer {
		return g.Do("POST", "/groups/action", object("create-from-src", object(pairs...)))
	}
	create().Fault(400, "is not valid under any of the given schemas")
	create("group_snapshot_id", picture, "source_group_id", full).Fault(400, "is valid under each of")
	create("group_snapshot_id", nowhere).Fault(404, "GroupSnapshot "+nowhere+" could not be found.")
	create("source_group_id", nowhere).Fault(404, "Group "+nowhere+" could not be found.")
	create("source_group_id", empty).Fault(400, "Source Group is empty. No group will be created.")
	// There is quota for one of the two: nothing is entered.
	create("source_group_id", full).Fault(413, "VolumeLimitExceeded")
	create("group_snapshot_id", picture).Fault(413, "VolumeLimitExceeded")
	g.SetStatus(one, block.VolumeUploading)
	create("source_group_id", full).Fault(400, "because source volume "+one+" is not in a valid state.")
	g.Change(func(tx store.Tx) error {
		_, err := tx.UpdateSnapshot(t.Context(), partsOf(g.Caller, picture)[0].ID, store.SnapshotWhen{}, store.SnapshotSet{Status: new(block.SnapshotError)})
		return err
	})
	create("group_snapshot_id", picture).Fault(400, "is not in a valid state.")
	if u, err := g.Store.QuotaUsage(t.Context(), "p"); err != nil || u.Groups != 2 || u.Volumes != 2 {
		t.Errorf("in use: %+v, %v", u, err)
	}
	g.SetStatus(one, block.VolumeAvailable)
	g.Set(one, store.VolumeSet{SizeGiB: new(int64(1 << 40))})
	g.admin().Put("/os-services/disable", object("host", apitest.Backend, "binary", block.BinaryVolume)).OK(200)
	create("source_group_id", full).Fault(400, "No valid host to create the group.")
	g.At("3.13").Do("POST", "/groups/action", object("create-from-src", object("source_group_id", full))).Fault(404, "could not be found")
}

// TestGroupFromSourceFails: of a copy that fails no volume is left in storage, whichever failed.
func TestGroupFromSourceFails(t *testing.T) {
	t.Parallel()
	g := newGrouped(t, nil)
	source := g.group()
	g.in(source)
	g.in(source)
	g.Driver.FailNext("create_cloned_volume", fault.New(fault.Internal, "", "it broke"))
	id := g.Do("POST", "/groups/action", object("create-from-src", object("source_group_id", source))).OK(202).Text("group", "id")
	if row := groupRow(g.Caller, id); row.Status != block.GroupError {
		t.Errorf("the group is %s", row.Status)
	}
	held, err := g.Driver.Inventory(t.Context())
	if err != nil || len(held.VolumeIDs) != 2 {
		t.Errorf("the storage holds %v, %v", held.VolumeIDs, err)
	}
	for _, v := range membersOf(g.Caller, id) {
		if row := g.Row(v); row.Status != block.VolumeError {
			t.Errorf("a copy is %s", row.Status)
		}
	}
	if told := listed(g.Caller, "/messages", "messages"); len(told) != 2 || told[0].(map[string]any)["event_id"] != "VOLUME_VOLUME_008_012" {
		t.Errorf("the user is told %v", told)
	}
	g.Action("/groups/"+id, "delete", object("delete-volumes", true)).Empty(202)
	if groupRow(g.Caller, id) != nil {
		t.Error("it cannot be deleted")
	}
}

// TestGroupsAskedForAgain: a create that comes a second time makes nothing.
func TestGroupsAskedForAgain(t *testing.T) {
	t.Parallel()
	c := idempotent(t)
	g := grouped{Caller: under(c.As(t, apitest.Member, "p").At("3.71"), 1), groupType: newGroupType(c.As(t, apitest.Admin, "ops").At("3.71"), "gt")}
	g.Default = block.DefaultTypeName
	group := g.group()
	if again := g.group(); again != group {
		t.Errorf("groups %s and %s", group, again)
	}
	g.in(group)
	picture := g.picture(group)
	if again := g.picture(group); again != picture {
		t.Errorf("group snapshots %s and %s", picture, again)
	}
	copied := func() string {
		return g.Do("POST", "/groups/action", object("create-from-src", object("source_group_id", group))).OK(202).Text("group", "id")
	}
	if one, two := copied(), copied(); one != two {
		t.Errorf("copies %s and %s", one, two)
	}
}

// TestGroupOfEncryptedVolumes: each copy has a key of its own, what does not come about leaves none, and with a group the keys
// of its volumes go.
func TestGroupOfEncryptedVolumes(t *testing.T) {
	t.Parallel()
	c, keys, m := locked(t, func(o *apitest.Options) { o.Quota.Volumes, o.Quota.UseDefaultQuotaClass = 5, false })
	secret, err := c.Store.TypeByName(t.Context(), "secret", "")
	if err != nil {
		t.Fatal(err)
	}
	g := grouped{m, newGroupType(c.As(t, apitest.Admin, "ops").At("3.71"), "gt"), secret.ID}
	source := g.group()
	one, two := g.in(source), g.in(source)
	copied := func(pairs ...any) apitest.Answer {
		return g.Do("POST", "/groups/action", object("create-from-src", object(pairs...)))
	}
	group := copied("group_snapshot_id", g.picture(source)).OK(202).Text("group", "id")
	for _, id := range membersOf(g.Caller, group) {
		v := g.Row(id)
		of := g.SnapshotRow(v.SnapshotID)
		if !keys.Same(v.EncryptionKeyID, of.EncryptionKeyID) || v.EncryptionKeyID == of.EncryptionKeyID || v.Status != block.VolumeAvailable {
			t.Errorf("a copy is %+v", v)
		}
	}
	if got := len(keys.Owners()); got != 4 {
		t.Errorf("%d keys", got)
	}
	copied("source_group_id", source).Fault(413, "VolumeLimitExceeded")
	if got := len(keys.Owners()); got != 4 {
		t.Errorf("%d keys after a copy that did not come about", got)
	}
	g.Action("/groups/"+group, "delete", object("delete-volumes", true)).Empty(202)
	owners := keys.Owners()
	for _, id := range []string{one, two} {
		delete(owners, g.Row(id).EncryptionKeyID)
	}
	if groupRow(g.Caller, group) != nil || len(owners) != 0 {
		t.Errorf("keys that are left: %v", owners)
	}
}
