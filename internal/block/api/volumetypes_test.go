package api_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block/api/apitest"
)

func newType(c apitest.Caller, name string, more ...any) string {
	c.TB.Helper()
	return c.Post("/types", object("volume_type", object(append(more, "name", name)...))).OK(200).Text("volume_type", "id")
}

const isPublic = "os-volume-type-access:is_public"

func TestVolumeTypes(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	a := admin.Post("/types", object("volume_type", object("name", "gold", "description", "d", "extra_specs", object("x:k", "v", "multiattach", "<is> True"))))
	id := a.OK(200).Text("volume_type", "id")
	whole := fill(`{"volume_type": {"id": "<T>", "name": "gold", "is_public": true, "description": "d", "qos_specs_id": null,
		"extra_specs": {"x:k": "v", "multiattach": "<is> True"}, "os-volume-type-access:is_public": true}}`, "<T>", id)
	a.Is(200, strings.Replace(whole, `"qos_specs_id": null,`, "", 1))
	admin.Get("/types/"+id).Is(200, whole)
	m.Get("/types/"+id).Is(200, fill(`{"volume_type": {"id": "<T>", "name": "gold", "is_public": true, "description": "d", "extra_specs": {"multiattach": "<is> True"},
		"os-volume-type-access:is_public": true}}`, "<T>", id))
	if row := admin.TypeRow(id); row.Name != "gold" || *row.Description != "d" || row.ExtraSpecs["x:k"] != "v" || !row.IsPublic {
		t.Errorf("the row is %+v", row)
	}
	if got := m.Get("/types/default").Text("volume_type", "name"); got != "__DEFAULT__" {
		t.Errorf("the default type is %s", got)
	}
	up := admin.Put("/types/"+id, object("volume_type", object("name", "silver", "is_public", false))).OK(200)
	up.Is(200, fill(`{"volume_type": {"id": "<T>", "name": "silver", "is_public": false, "description": "d",
		"extra_specs": {"x:k": "v", "multiattach": "<is> True"}}}`, "<T>", id))
	if row := admin.TypeRow(id); row.Name != "silver" || row.IsPublic || *row.Description != "d" {
		t.Errorf("the row is %+v", row)
	}
	m.Get("/types/"+id).Fault(404, "Volume type "+id+" could not be found.")
	m.Get("/types/"+id+"/extra_specs").Fault(404, "Volume type "+id+" could not be found.")

	create := func(body any) apitest.Answer { return admin.Post("/types", object("volume_type", body)) }
	create(object("name", "silver")).Fault(409, "Volume Type silver already exists.")
	create(object()).Fault(400, "'name' is a required property")
	create(object("name", "")).Fault(400, "name")
	create(object("name", strings.Repeat("x", 256))).Fault(400, "name")
	create(object("name", "x", "extra_specs", object("k", strings.Repeat("v", 256)))).Fault(400, "")
	create(object("name", "x", "unknown", 1)).Fault(400, "Additional properties")
	create(object("name", "x", isPublic, "maybe")).Fault(400, isPublic)
	m.Post("/types", object("volume_type", object("name", "x"))).Fault(403, "Policy doesn't allow volume_extension:type_create to be performed.")
	update := func(body any) apitest.Answer { return admin.Put("/types/"+id, object("volume_type", body)) }
	update(object()).Fault(400, "Specify volume type name, description, is_public or a combination thereof.")
	update(object("name", "__DEFAULT__")).Fault(409, "Volume Type __DEFAULT__ already exists.")
	update(object("name", "  ")).Fault(400, "")
	admin.Put("/types/"+nowhere, object("volume_type", object("name", "y"))).Fault(404, "Volume type "+nowhere+" could not be found.")
	m.Put("/types/"+id, object("volume_type", object("name", "y"))).Fault(403, "volume_extension:type_update")

	admin.Delete("/types/"+nowhere).Fault(404, "Volume type "+nowhere+" could not be found.")
	deflt := m.Get("/types/default").Text("volume_type", "id")
	admin.Delete("/types/"+deflt).Fault(400, "The volume type "+deflt+" is a default volume type and cannot be deleted.")
	m.Delete("/types/"+id).Fault(403, "volume_extension:type_delete")
	update(object("is_public", true)).OK(200)
	volume := m.Volume("volume_type", id)
	admin.Delete("/types/"+id).Fault(400, "Target volume type is still in use.")
	m.Delete("/volumes/" + volume).Empty(202)
	admin.Delete("/types/" + id).Empty(202)
	if admin.TypeRow(id) != nil {
		t.Error("the row is still there")
	}
	admin.Delete("/types/"+id).Fault(404, "could not be found.")
}

func TestVolumeTypeList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m, other := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p"), c.As(t, apitest.Member, "q")
	newType(admin, "gold", "extra_specs", object("tier", "1"))
	newType(admin, "many", "extra_specs", object("multiattach", "<is> True"))
	secret := newType(admin, "secret", isPublic, false)
	own := newType(admin, "own", isPublic, false)
	admin.Action("/types/"+secret, "addProjectAccess", object("project", "p")).Empty(202)
	admin.Action("/types/"+own, "addProjectAccess", object("project", "ops")).Empty(202)
	for _, tc := range []struct {
		as             apitest.Caller
		version, query string
		want           []string
	}{
		{m, "", "", []string{"__DEFAULT__", "gold", "many", "secret"}},
		{other, "", "", []string{"__DEFAULT__", "gold", "many"}},
		{m, "", "is_public=None", []string{"__DEFAULT__", "gold", "many", "secret"}},
		{m, "", "is_public=maybe", []string{"__DEFAULT__", "gold", "many", "secret"}},
		{admin, "", "", []string{"__DEFAULT__", "gold", "many", "own"}},
		{admin, "", "is_public=true", []string{"__DEFAULT__", "gold", "many", "own"}},
		{admin, "", "is_public=None", []string{"__DEFAULT__", "gold", "many", "own", "secret"}},
		{admin, "", "is_public=0", []string{"own", "secret"}},
		{m, "", "limit=0", nil},
		{m, "", "limit=2&sort=name:asc", []string{"__DEFAULT__", "gold"}},
		{m, "3.52", "extra_specs=" + url.QueryEscape("{'multiattach': '<is> True'}"), []string{"many"}},
		{m, "3.52", "extra_specs=" + url.QueryEscape("{'tier': '1'}"), nil}, // not to be found out this way
		{admin, "3.52", "extra_specs=" + url.QueryEscape("{'tier': '1'}"), []string{"gold"}},
		{m, "3.51", "extra_specs=" + url.QueryEscape("{'tier': '1'}"), []string{"__DEFAULT__", "gold", "many", "secret"}},
		{m, "3.51", "unknown=1", []string{"__DEFAULT__", "gold", "many", "secret"}},
	} {
		var got []string
		for _, item := range listed(tc.as.At(tc.version), "/types?"+tc.query, "volume_types") {
			got = append(got, item.(map[string]any)["name"].(string))
		}
		slices.Sort(got)
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s %s: %s", tc.as.Request.ProjectID, tc.query, d)
		}
	}
	admin.Get("/types?is_public=maybe").Fault(400, "Invalid is_public filter [maybe]")
	m.At("3.52").Get("/types?unknown=1").Fault(400, "Invalid filters unknown are found in query options.")
	if a := m.Get("/types?limit=1"); a.OK(200).At("volume_type_links") == nil {
		t.Errorf("no next link: %s", a.Body)
	}
	for as, want := range map[*apitest.Caller]any{&admin: true, &m: true, new(c.As(t, apitest.Reader, "p")): nil} {
		if got := listed(*as, "/types?sort=name:asc", "volume_types")[0].(map[string]any)[isPublic]; got != want {
			t.Errorf("%s sees %s as %v", as.Request.Roles, isPublic, got)
		}
	}
}

func TestExtraSpecs(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	id := newType(admin, "t", "extra_specs", object("k", "v", "RESKEY:availability_zones", "nova"))
	path := "/types/" + id + "/extra_specs"
	admin.Get(path).Is(200, `{"extra_specs": {"k": "v", "RESKEY:availability_zones": "nova"}}`)
	m.Get(path).Is(200, `{"extra_specs": {"RESKEY:availability_zones": "nova"}}`)
	admin.Get(path+"/k").Is(200, `{"k": "v"}`)
	m.Get(path+"/RESKEY:availability_zones").Is(200, `{"RESKEY:availability_zones": "nova"}`)
	m.Get(path+"/k").Fault(404, "Volume Type "+id+" has no extra specs with key k.")
	admin.Post(path, object("extra_specs", object("x:x", "y"))).Is(200, `{"extra_specs": {"x:x": "y"}}`)
	admin.Put(path+"/x:x", object("x:x", "z")).Is(200, `{"x:x": "z"}`)
	admin.Delete(path + "/k").Empty(202)
	if d := cmp.Diff(map[string]string{"x:x": "z", "RESKEY:availability_zones": "nova"}, admin.TypeRow(id).ExtraSpecs); d != "" {
		t.Errorf("the row (-want +got): %s", d)
	}
	admin.Delete(path+"/k").Fault(404, "Volume Type "+id+" has no extra specs with key k.")
	admin.Get("/types/"+nowhere+"/extra_specs").Fault(404, "Volume type "+nowhere+" could not be found.")
	admin.Post("/types/"+nowhere+"/extra_specs", object("extra_specs", object("x", "y"))).Fault(404, "Volume type "+nowhere+" could not be found.")
	admin.Delete("/types/"+nowhere+"/extra_specs/k").Fault(404, "Volume type "+nowhere+" could not be found.")
	admin.Put(path+"/x", object("y", "z")).Fault(400, "Request body and URI mismatch")
	admin.Put(path+"/x", object("x", "z", "y", "z")).Fault(400, "")
	admin.Put(path+"/x", object("x", 1)).Fault(400, "")
	admin.Post(path, object("extra_specs", object("with space", "y"))).Fault(400, "")
	admin.Post(path, object("extra_specs", object("multiattach", "<is> True", "cacheable", "<is> True"))).Fault(400, "cacheable cannot be set with multiattach.")
	m.Post(path, object("extra_specs", object("x", "y"))).Fault(403, "volume_extension:types_extra_specs:create")
	m.Put(path+"/x", object("x", "y")).Fault(403, "volume_extension:types_extra_specs:update")
	m.Delete(path+"/x").Fault(403, "volume_extension:types_extra_specs:delete")
	m.Volume("volume_type", id)
	const used = "Volume Type is currently in use."
	admin.Post(path, object("extra_specs", object("x", "y"))).Fault(400, used)
	admin.Put(path+"/x", object("x", "y")).Fault(400, used)
	admin.Delete(path+"/x").Fault(400, used)
	if got := admin.TypeRow(id).ExtraSpecs["x:x"]; got != "z" {
		t.Errorf("refused writes wrote %q", got)
	}
}

func TestVolumeTypeAccess(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	id, open := newType(admin, "hidden", isPublic, false), newType(admin, "open")
	path := "/types/" + id
	admin.Get(path+"/os-volume-type-access").Is(200, `{"volume_type_access": []}`)
	admin.Action(path, "addProjectAccess", object("project", "p")).Empty(202)
	admin.Get(path+"/os-volume-type-access").Is(200, fill(`{"volume_type_access": [{"volume_type_id": "<T>", "project_id": "p"}]}`, "<T>", id))
	m.Get(path).OK(200)
	m.Volume("volume_type", "hidden")
	admin.Action(path, "addProjectAccess", object("project", "p")).Fault(409, "Volume type access for "+id+" / p combination already exists.")
	admin.Action(path, "removeProjectAccess", object("project", "q")).Fault(404, "Volume type access not found for "+id+" / q combination.")
	admin.Action(path, "removeProjectAccess", object("project", "p")).Empty(202)
	m.Get(path).Fault(404, "Volume type "+id+" could not be found.")
	if row := admin.TypeRow(id); len(row.ProjectIDs) != 0 {
		t.Errorf("the row is %+v", row)
	}
	admin.Get("/types/"+open+"/os-volume-type-access").Fault(404, "Access list not available for public volume types.")
	for _, action := range []string{"addProjectAccess", "removeProjectAccess"} {
		admin.Action("/types/"+open, action, object("project", "p")).Fault(400,
			"Invalid volume type: Type access modification is not applicable to public volume type.")
		admin.Action("/types/"+nowhere, action, object("project", "p")).Fault(404, "Volume type "+nowhere+" could not be found.")
		admin.Action(path, action, object("project", "")).Fault(400, "project")
		admin.Action(path, action, object()).Fault(400, "'project' is a required property")
		m.Action(path, action, object("project", "p")).Fault(403, "volume_extension:volume_type_access:"+action)
	}
}
