package api_test

import (
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block/api/apitest"
)

func newGroupType(c apitest.Caller, name string, more ...any) string {
	c.TB.Helper()
	return c.Post("/group_types", object("group_type", object(append(more, "name", name)...))).OK(202).Text("group_type", "id")
}

func TestGroupTypes(t *testing.T) {
	t.Parallel()
	c := cloud(t, func(o *apitest.Options) { o.App.DefaultGroupType = "gold" })
	admin, m := c.As(t, apitest.Admin, "ops").At("3.11"), c.As(t, apitest.Member, "p").At("3.11")
	admin.Get("/group_types/default").Fault(404, "Default group type can not be found.")
	a := admin.Post("/group_types", object("group_type", object("name", "gold", "description", "d", "group_specs", object("k", "v"))))
	id := a.OK(202).Text("group_type", "id")
	whole := fill(`{"group_type": {"id": "<T>", "name": "gold", "description": "d", "is_public": true, "group_specs": {"k": "v"}}}`, "<T>", id)
	a.Is(202, whole)
	admin.Get("/group_types/"+id).Is(200, whole)
	admin.Get("/group_types/default").Is(200, whole)
	m.Get("/group_types/"+id).Is(200, fill(`{"group_type": {"id": "<T>", "name": "gold", "description": "d", "is_public": true}}`, "<T>", id))
	admin.Put("/group_types/"+id, object("group_type", object("name", "silver", "is_public", false))).Is(200,
		fill(`{"group_type": {"id": "<T>", "name": "silver", "description": "d", "is_public": false, "group_specs": {"k": "v"}}}`, "<T>", id))
	if row, err := c.Store.GroupType(t.Context(), id, ""); err != nil || row.Name != "silver" || row.IsPublic || *row.Description != "d" || *row.Specs["k"] != "v" {
		t.Errorf("the row is %+v, %v", row, err)
	}
	m.Get("/group_types/"+id).Fault(404, "Group type "+id+" could not be found.")

	create := func(pairs ...any) apitest.Answer {
		return admin.Post("/group_types", object("group_type", object(pairs...)))
	}
	create("name", "silver").Fault(409, "Group Type silver already exists.")
	create("name", "").Fault(400, "name")
	create().Fault(400, "'name' is a required property")
	create("name", "x", "is_public", "maybe").Fault(400, "is_public")
	create("name", "x", "group_specs", object("k", strings.Repeat("v", 256))).Fault(400, "")
	update := func(pairs ...any) apitest.Answer {
		return admin.Put("/group_types/"+id, object("group_type", object(pairs...)))
	}
	update().Fault(400, "Specify group type name, description or a combination thereof.")
	update("name", "  ").Fault(400, "")
	update("name", "default_cgsnapshot_type").Fault(409, "Group Type default_cgsnapshot_type already exists.")
	admin.Put("/group_types/"+nowhere, object("group_type", object("name", "x"))).Fault(404, "Group type "+nowhere+" could not be found.")
	admin.Get("/group_types/"+nowhere).Fault(404, "Group type "+nowhere+" could not be found.")

	const refusal = "Policy doesn't allow group:group_types:"
	m.Post("/group_types", object("group_type", object("name", "x"))).Fault(403, refusal+"create")
	m.Put("/group_types/"+id, object("group_type", object("name", "x"))).Fault(403, refusal+"update")
	m.Delete("/group_types/"+id).Fault(403, refusal+"delete")
	admin.Delete("/group_types/" + id).Empty(202)
	admin.Delete("/group_types/"+id).Fault(404, "Group type "+id+" could not be found.")
	admin.At("3.10").Get("/group_types").Fault(404, "")
}

func TestGroupTypeList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	open := newGroupType(admin, "open")
	newGroupType(admin, "closed", "is_public", false)
	names := func(who apitest.Caller, query string) (got []string) {
		for _, v := range who.Get("/group_types?sort=name:asc" + query).OK(200).At("group_types").([]any) {
			got = append(got, v.(map[string]any)["name"].(string))
		}
		return got
	}
	for query, want := range map[string]string{
		"": "default_cgsnapshot_type open", "&is_public=none": "closed default_cgsnapshot_type open", "&is_public=false": "closed", "&unknown=x": "default_cgsnapshot_type open",
	} {
		if got := strings.Join(names(admin, query), " "); got != want {
			t.Errorf("%q lists %s", query, got)
		}
	}
	if got := strings.Join(names(m, "&is_public=none"), " "); got != "default_cgsnapshot_type open" {
		t.Errorf("a member lists %s", got)
	}
	m.Get("/group_types?limit=1&sort=name:desc").Is(200, fill(`{"group_types": [{"id": "<T>", "name": "open", "description": null, "is_public": true}],
		"group_type_links": [{"rel": "next", "href": "http://cloud/p/group_types?limit=1&sort=name%3Adesc&marker=<T>"}]}`, "<T>", open))
	admin.Get("/group_types?is_public=maybe").Fault(400, "Invalid is_public filter [maybe]")
	admin.Get("/group_types?marker="+nowhere).Fault(404, "Group type "+nowhere+" could not be found.")
}

func TestGroupSpecs(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops").At("3.71"), c.As(t, apitest.Member, "p").At("3.71")
	id := newGroupType(admin, "gold")
	path := "/group_types/" + id + "/group_specs"
	admin.Get(path).Is(200, `{"group_specs": {}}`)
	admin.Post(path, object("group_specs", object("a", "b", "n", nil))).Is(202, `{"group_specs": {"a": "b", "n": null}}`)
	admin.Put(path+"/a", object("a", "c")).Is(200, `{"a": "c"}`)
	admin.Get(path+"/a").Is(200, `{"a": "c"}`)
	admin.Get(path+"/n").Is(200, `{"n": null}`)
	if row, err := c.Store.GroupType(t.Context(), id, ""); err != nil || *row.Specs["a"] != "c" || len(row.Specs) != 2 {
		t.Errorf("the row is %+v, %v", row, err)
	}
	admin.Get(path).Is(200, `{"group_specs": {"a": "c", "n": null}}`)
	admin.Put(path+"/a", object("b", "c")).Fault(400, "Request body and URI mismatch")
	admin.Put(path+"/a", object("a", "c", "b", "c")).Fault(400, "")
	admin.Post(path, object("group_specs", object("a b", "c"))).Fault(400, "a b")
	admin.Post(path, object("group_specs", object("a", 1))).Fault(400, "")
	admin.Get(path+"/x").Fault(404, "Group Type "+id+" has no extra spec with key x.")
	admin.Delete(path+"/x").Fault(404, "Group Type "+id+" has no specs with key x.")
	admin.Delete(path + "/a").Empty(202)
	admin.Get(path).Is(200, `{"group_specs": {"n": null}}`)
	none := "/group_types/" + nowhere + "/group_specs"
	admin.Get(none).Fault(404, "Group type "+nowhere+" could not be found.")
	admin.Post(none, object("group_specs", object("a", "b"))).Fault(404, "Group type "+nowhere)
	admin.Delete(none+"/a").Fault(404, "Group type "+nowhere)
	const refusal = "Policy doesn't allow group:group_types_specs:"
	m.Get(path).Fault(403, refusal+"get_all")
	m.Get(path+"/n").Fault(403, refusal+"get ")
	m.Post(path, object("group_specs", object("a", "b"))).Fault(403, refusal+"create")
	m.Put(path+"/a", object("a", "b")).Fault(403, refusal+"update")
	m.Delete(path+"/a").Fault(403, refusal+"delete")
}
