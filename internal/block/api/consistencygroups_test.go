package api_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/fault"
)

// consistencyGroup makes a consistency group that is available then, and gives its id.
func consistencyGroup(c apitest.Caller, more ...any) string {
	c.TB.Helper()
	body := object(append([]any{"volume_types", block.DefaultTypeName + ","}, more...)...)
	id := c.Post("/consistencygroups", object("consistencygroup", body)).OK(202).Text("consistencygroup", "id")
	if g := groupRow(c, id); g.Status != block.GroupAvailable {
		c.TB.Fatalf("the consistency group that was made is %+v", g)
	}
	return id
}

func consistent(t *testing.T, change ...func(*apitest.Options)) grouped {
	g := grouped{Caller: cloud(t, change...).As(t, apitest.Member, "p")}
	v, err := g.Store.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	g.Default, g.groupType = v.ID, (&fixture{g.Caller}).consistencyType()
	return g
}

func TestConsistencyGroup(t *testing.T) {
	t.Parallel()
	g := consistent(t)
	a := g.Post("/consistencygroups", object("consistencygroup", object("name", " n ", "description", "d", "volume_types", g.Default)))
	id := a.OK(202).Text("consistencygroup", "id")
	a.Is(202, fill(`{"consistencygroup": {"id": "<G>", "name": "n"}}`, "<G>", id))
	whole := fill(`{"id": "<G>", "status": "available", "availability_zone": "nova", "created_at": "<time>", "name": "n", "description": "d", "volume_types": ["<D>"]}`,
		"<G>", id, "<D>", g.Default)
	g.Get("/consistencygroups/"+id).Is(200, `{"consistencygroup": `+whole+`}`)
	g.Get("/consistencygroups").Is(200, fill(`{"consistencygroups": [{"id": "<G>", "name": "n"}]}`, "<G>", id))
	g.Get("/consistencygroups/detail").Is(200, `{"consistencygroups": [`+whole+`]}`)
	if row := groupRow(g.Caller, id); row.GroupTypeID != g.groupType {
		t.Errorf("the row is %+v", row)
	}
	// The API of groups leaves it alone.
	g.At("3.71").Get("/groups/"+id).Fault(400, "is reserved for migrating CGs to groups. Migrated group can only be operated by CG APIs.")
	g.At("3.71").Get("/groups").Is(200, `{"groups": []}`)

	volume := g.Volume("consistencygroup_id", id, "volume_type", g.Default)
	if got := g.Get("/volumes/"+volume).OK(200).Text("volume", "consistencygroup_id"); got != id {
		t.Errorf("consistencygroup_id %q", got)
	}
	other := g.Volume()
	g.Put("/consistencygroups/"+id+"/update", object("consistencygroup", object("name", "m", "add_volumes", other, "remove_volumes", volume))).Empty(202)
	if v, w := g.Row(volume), g.Row(other); v.GroupID != "" || w.GroupID != id {
		t.Errorf("in groups %q and %q", v.GroupID, w.GroupID)
	}
	g.Put("/consistencygroups/"+id, object("consistencygroup", object("description", "e"))).Empty(202)
	if row := groupRow(g.Caller, id); *row.Name != "m" || *row.Description != "e" || row.Status != block.GroupAvailable {
		t.Errorf("the row is %+v", row)
	}
	g.Delete("/consistencygroups/"+id).Fault(400, "malformed")
	g.Post("/consistencygroups/"+id+"/delete", object("consistencygroup", object("force", false))).Fault(400, "still contains volumes.")
	g.Post("/consistencygroups/"+id+"/delete", object("consistencygroup", object("force", "maybe"))).Fault(400, "Invalid value 'maybe' for force.")
	g.Post("/consistencygroups/"+id+"/delete", object("consistencygroup", object("force", true))).Empty(202)
	if groupRow(g.Caller, id) != nil || g.Row(other) != nil || g.Row(volume) == nil {
		t.Error("not what was to go has gone")
	}
	empty := consistencyGroup(g.Caller)
	g.Post("/consistencygroups/"+empty+"/delete", "{}").Empty(202)
	if groupRow(g.Caller, empty) != nil {
		t.Error("the empty one is still there")
	}
}

func TestConsistencyGroupList(t *testing.T) {
	t.Parallel()
	g := consistent(t)
	var all []string
	for _, name := range []string{"a", "b", "c"} {
		all = append(all, consistencyGroup(g.Caller, "name", name))
	}
	newest := []string{all[2], all[1], all[0]}
	admin, q := g.As(t, apitest.Admin, "ops"), g.As(t, apitest.Member, "q")
	for name, tc := range map[string]struct {
		c    apitest.Caller
		path string
		want []string
	}{
		"newest first":       {g.Caller, "", newest},
		"by name":            {g.Caller, "?name=b", all[1:2]},
		"by status":          {g.Caller, "?status=available", newest},
		"by no column":       {g.Caller, "?x=b", []string{}},
		"a page":             {g.Caller, "?limit=1&marker=" + all[2], all[1:2]},
		"sorted":             {g.Caller, "?sort=name:asc&limit=2", all[:2]},
		"of another project": {q, "?all_tenants=1", []string{}},
		"of all projects":    {admin, "?all_tenants=1", newest},
		"of all, misspelt":   {admin, "?all_tenants=maybe", []string{}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, ids(tc.c.On(t), "/consistencygroups"+tc.path, "consistencygroups")); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
		})
	}
	g.Get("/consistencygroups?limit=-1").Fault(400, "limit param must be positive")
}

func TestConsistencyGroupRefused(t *testing.T) {
	t.Parallel()
	g := consistent(t)
	id := consistencyGroup(g.Caller)
	long := strings.Repeat("x", 256)
	for name, tc := range map[string]struct {
		path string
		body map[string]any
		text string
	}{
		"no element":        {"/consistencygroups", object("x", nil), "Missing required element 'consistencygroup' in request body."},
		"no types":          {"/consistencygroups", object("consistencygroup", object("name", "n")), "volume_types must be provided to create consistency group n."},
		"a long name":       {"/consistencygroups", object("consistencygroup", object("name", long)), "name has 256 characters, more than 255."},
		"a name no text":    {"/consistencygroups", object("consistencygroup", object("name", 5)), "name is not a string or unicode"},
		"from nothing":      {"/consistencygroups/create_from_src", object("consistencygroup-from-src", object("name", "n")), "Either 'cgsnapshot_id' or 'source_cgid' must be provided"},
		"from both":         {"/consistencygroups/create_from_src", object("consistencygroup-from-src", object("source_cgid", id, "cgsnapshot_id", id)), "Cannot provide both"},
		"a snapshot of no":  {"/cgsnapshots", object("cgsnapshot", object("name", "n")), "'consistencygroup_id' must be specified"},
		"an empty snapshot": {"/cgsnapshots", object("cgsnapshot", object("consistencygroup_id", id)), "Source group cannot be empty"},
	} {
		t.Run(name, func(t *testing.T) {
			g.On(t).Post(tc.path, tc.body).Fault(400, tc.text)
		})
	}
	change := func(version string, body map[string]any) apitest.Answer {
		return g.At(version).Put("/consistencygroups/"+id, object("consistencygroup", body))
	}
	change("3.5", object("name", "")).Fault(400, "Name, description, add_volumes, and remove_volumes can not be all empty in the request body.")
	change("3.6", object("name", "")).Empty(202)
	change("3.6", object()).Fault(400, "Must specify one or more of the following keys to update: name, description, add_volumes, remove_volumes.")
	g.Put("/consistencygroups/"+id, "{}").Fault(400, "Missing request body.")
	g.Get("/consistencygroups/"+nowhere).Fault(404, "Group "+nowhere+" could not be found.")
}

func TestCGSnapshot(t *testing.T) {
	t.Parallel()
	g := consistent(t)
	group := consistencyGroup(g.Caller)
	g.Volume("consistencygroup_id", group, "volume_type", g.Default)
	calls := len(g.Driver.Calls())
	a := g.Post("/cgsnapshots", object("cgsnapshot", object("consistencygroup_id", group, "name", "n", "description", "d")))
	id := a.OK(202).Text("cgsnapshot", "id")
	a.Is(202, fill(`{"cgsnapshot": {"id": "<S>", "name": "n"}}`, "<S>", id))
	whole := fill(`{"id": "<S>", "consistencygroup_id": "<G>", "status": "available", "created_at": "<time>", "name": "n", "description": "d"}`, "<S>", id, "<G>", group)
	g.Get("/cgsnapshots/"+id).Is(200, `{"cgsnapshot": `+whole+`}`)
	g.Get("/cgsnapshots").Is(200, fill(`{"cgsnapshots": [{"id": "<S>", "name": "n"}]}`, "<S>", id))
	g.Get("/cgsnapshots/detail").Is(200, `{"cgsnapshots": [`+whole+`]}`)
	g.Get("/cgsnapshots?limit=0").Is(200, `{"cgsnapshots": []}`)
	if got := verbs(g.Cloud, calls, "create_snapshot", "create_group_snapshot"); len(got) != 1 || got[0] != "create_group_snapshot" {
		t.Errorf("verbs %v", got)
	}
	g.At("3.71").Get("/group_snapshots/"+id).Fault(400, "Migrated group snapshots can only be operated by CG snapshot APIs.")
	g.At("3.71").Get("/group_snapshots").Is(200, `{"group_snapshots": []}`)

	for member, of := range map[string]string{"cgsnapshot_id": id, "source_cgid": group} {
		copied := g.Post("/consistencygroups/create_from_src", object("consistencygroup-from-src", object(member, of, "name", "c"))).OK(202).Text("consistencygroup", "id")
		if row := groupRow(g.Caller, copied); row.Status != block.GroupAvailable || row.GroupTypeID != g.groupType {
			t.Errorf("the copy is %+v", row)
		}
		if n := len(ids(g.At("3.10"), "/volumes?group_id="+copied, "volumes")); n != 1 {
			t.Errorf("%d volumes in the copy", n)
		}
	}
	g.Delete("/cgsnapshots/" + id).Empty(202)
	if pictureRow(g.Caller, id) != nil || len(partsOf(g.Caller, id)) > 0 {
		t.Error("something is left of it")
	}
	g.Get("/cgsnapshots/"+id).Fault(404, "GroupSnapshot "+id+" could not be found.")
	g.Driver.FailNext("create_group_snapshot", fault.New(fault.Internal, "", "it broke"))
	id = g.Post("/cgsnapshots", object("cgsnapshot", object("consistencygroup_id", group))).OK(202).Text("cgsnapshot", "id")
	if n := pictureRow(g.Caller, id); n.Status != block.GroupSnapshotError {
		t.Errorf("it is %s", n.Status)
	}
}
