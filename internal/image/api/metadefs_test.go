package api_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/image/api/apitest"
)

const namespaces = "/v2/metadefs/namespaces"

// whole is a namespace with everything.
func whole(name string) object {
	return object{"namespace": name, "display_name": "Whole", "visibility": "public",
		"resource_type_associations": []object{{"name": "OS::Glance::Image", "prefix": "hw_"}, {"name": "X::Y"}},
		"properties":                 object{"p1": object{"title": "P", "type": "string", "enum": []string{"a"}, "nobody knows": 1}},
		"objects":                    []object{{"name": "o1", "required": []string{"q"}, "properties": object{"q": object{"title": "Q", "type": "integer"}}}, {"name": "o2"}},
		"tags":                       []object{{"name": "t1"}, {"name": "T2"}}}
}

// without removes what changes from run to run, in place.
func without(v any, names ...string) any {
	switch v := v.(type) {
	case map[string]any:
		for _, n := range names {
			delete(v, n)
		}
		for _, one := range v {
			without(one, names...)
		}
	case []any:
		for _, one := range v {
			without(one, names...)
		}
	}
	return v
}

func TestNamespace(t *testing.T) {
	c := apitest.New(t)
	admin, me := c.As(t, apitest.Admin, theirs), c.As(t, apitest.Reader, mine)
	a := admin.Post(namespaces, whole("n")).OK(201)
	if location := a.Header.Get("Location"); location != namespaces+"/n" {
		t.Errorf("Location %q", location)
	}
	a.Has(object{"namespace": "n", "owner": theirs, "protected": false, "visibility": "public", "self": namespaces + "/n"})
	admin.Post(namespaces, object{"namespace": "n"}).Page(409, "The metadata definition namespace=n already exists.")
	want := map[string]any{"namespace": "n", "display_name": "Whole", "visibility": "public", "protected": false, "owner": theirs,
		"self": namespaces + "/n", "schema": "/v2/schemas/metadefs/namespace",
		"resource_type_associations": []any{object{"name": "OS::Glance::Image", "prefix": "hw_"}, object{"name": "X::Y"}},
		"properties":                 object{"hw_p1": object{"title": "P", "type": "string", "enum": []any{"a"}}},
		"objects": []any{
			object{"name": "o1", "required": []any{"hw_q"}, "properties": object{"hw_q": object{"title": "Q", "type": "integer"}}, "self": namespaces + "/n/objects/o1",
				"schema": "/v2/schemas/metadefs/object"},
			object{"name": "o2", "required": []any{}, "properties": object{}, "self": namespaces + "/n/objects/o2", "schema": "/v2/schemas/metadefs/object"}},
		"tags": []any{object{"name": "T2"}, object{"name": "t1"}}}
	got := without(me.Get(namespaces+"/n?resource_type=OS::Glance::Image").OK(200).JSON(), "created_at", "updated_at")
	if d := cmp.Diff(any(want), got); d != "" {
		t.Errorf("the namespace (-want +got):\n%s", d)
	}
	// What is not said is again what it is at first.
	admin.Put(namespaces+"/n", object{"namespace": "m", "protected": true}).OK(200).Has(object{"namespace": "m", "visibility": "private", "display_name": nil})
	me.Get(namespaces+"/m").Page(404, "namespace=m was not found.")
	admin.Delete(namespaces+"/m").Page(403, "Metadata definition namespace m is protected and cannot be deleted.")
	admin.Delete(namespaces+"/m/objects").Page(403, "namespace m is protected")
	admin.Delete(namespaces+"/m/objects/o1").Page(403, "Metadata definition object o1 is protected")
	admin.Delete(namespaces+"/m/resource_types/X::Y").Page(403, "resource-type-association X::Y is protected")
	admin.Post(namespaces, object{"namespace": "other"}).OK(201)
	admin.Put(namespaces+"/m", object{"namespace": "other"}).Page(409, "with the same name of other")
	admin.Put(namespaces+"/m", object{"namespace": "m"}).OK(200)
	for _, plural := range []string{"objects", "properties", "tags"} {
		admin.Delete(namespaces + "/m/" + plural).Empty(204)
	}
	admin.Get(namespaces + "/m").OK(200).Has(object{"objects": nil, "properties": nil, "tags": nil})
	admin.Delete(namespaces + "/m").Empty(204)
	admin.Delete(namespaces+"/m").Page(404, "Namespace m not found")
}

// TestNamespaceRefusals: nothing of a namespace is made that cannot be made whole.
func TestNamespaceRefusals(t *testing.T) {
	c := apitest.New(t)
	admin := c.As(t, apitest.Admin, mine)
	for name, one := range map[string]struct {
		body   object
		status int
		want   string
	}{
		"no name":       {object{}, 400, "'namespace' is a required property"},
		"unknown":       {object{"namespace": "x", "nope": 1}, 400, "Additional properties are not allowed ('nope' was unexpected)"},
		"read-only":     {object{"namespace": "x", "self": "y"}, 403, "Attribute 'self' is read-only."},
		"twice":         {object{"namespace": "x", "objects": []object{{"name": "a"}, {"name": "a"}}}, 409, "object with name=a already exists in namespace=x."},
		"tags by case":  {object{"namespace": "x", "tags": []object{{"name": "a"}, {"name": "A"}}}, 409, "case insensitive"},
		"types twice":   {object{"namespace": "x", "resource_type_associations": []object{{"name": "a"}, {"name": "a"}}}, 409, "resource-type=a to namespace=x already"},
		"no tag":        {object{"namespace": "x", "tags": []object{{}}}, 400, "names of 1 to 80"},
		"long property": {object{"namespace": "x", "properties": object{strings.Repeat("p", 81): object{"title": "t", "type": "string"}}}, 400, "names of 1 to 80"},
		"no title":      {object{"namespace": "x", "properties": object{"p": object{"type": "string"}}}, 400, "'title' is a required property"},
		"visibility":    {object{"namespace": "x", "visibility": "shared"}, 400, "'shared' is not one of"},
	} {
		if a := admin.Post(namespaces, one.body); a.Status != one.status || !strings.Contains(a.Text("message"), one.want) {
			t.Errorf("%s: %d %s", name, a.Status, a.Body)
		}
		admin.Get(namespaces + "/x").OK(404)
	}
	admin.Post(namespaces, "[]").Page(400, "Expected an object")
	for query, want := range map[string]string{"limit=x": "must be an integer", "sort_key=secret": "Invalid sort key", "sort_dir=up": "Invalid sort direction: up",
		"visibility=shared": "Invalid visibility value: shared"} {
		admin.Get(namespaces+"?"+query).Page(400, want)
	}
	admin.Get(namespaces+"?marker=gone").Page(404, "namespace=gone was not found")
}

func TestNamespaceList(t *testing.T) {
	c := apitest.New(t)
	admin, me := c.As(t, apitest.Admin, theirs), c.As(t, apitest.Reader, mine)
	for name, more := range map[string]object{"a": {"owner": mine}, "b": {"visibility": "public", "resource_type_associations": []object{{"name": "X::Y", "prefix": "p"}}}, "c": {}} {
		body := object{"namespace": name}
		for k, v := range more {
			body[k] = v
		}
		admin.Post(namespaces, body).OK(201)
	}
	names := func(a apitest.Answer) (list []string) {
		for _, one := range a.OK(200).JSON()["namespaces"].([]any) {
			list = append(list, one.(map[string]any)["namespace"].(string))
		}
		return list
	}
	const sorted = "?sort_key=namespace&sort_dir=asc"
	for _, one := range []struct {
		who   apitest.Caller
		query string
		want  []string
	}{
		{admin, sorted, []string{"a", "b", "c"}}, {me, sorted, []string{"a", "b"}}, {me, sorted + "&visibility=private", []string{"a"}},
		{admin, sorted + "&limit=2", []string{"a", "b"}}, {admin, sorted + "&limit=2&marker=b", []string{"c"}}, {admin, "?resource_types=X::Y,Z", []string{"b"}},
		{me, sorted + "&limit=0", nil},
	} {
		if d := cmp.Diff(one.want, names(one.who.Get(namespaces+one.query))); d != "" {
			t.Errorf("%s (-want +got):\n%s", one.query, d)
		}
	}
	admin.Get(namespaces + "?limit=2&sort_key=namespace&sort_dir=asc").OK(200).Has(object{"first": namespaces + "?limit=2&sort_key=namespace&sort_dir=asc",
		"next": namespaces + "?limit=2&sort_key=namespace&sort_dir=asc&marker=b", "schema": "/v2/schemas/metadefs/namespaces"})
	list := me.Get(namespaces + "?visibility=public").OK(200).JSON()["namespaces"].([]any)
	if got := without(list[0].(map[string]any)["resource_type_associations"], "created_at", "updated_at"); !cmp.Equal(got, any([]any{object{"name": "X::Y", "prefix": "p"}})) {
		t.Errorf("associations %v", got)
	}
	me.Get("/v2/metadefs/resource_types").OK(200)
}

func TestDefinitions(t *testing.T) {
	c := apitest.New(t)
	admin, me := c.As(t, apitest.Admin, theirs), c.As(t, apitest.Reader, mine)
	admin.Post(namespaces, whole("n")).OK(201)
	in := namespaces + "/n"
	admin.Post(in+"/objects", object{"name": "o1"}).Page(409, "A metadata definition object with name=o1 already exists in namespace=n.")
	admin.Post(in+"/objects", object{"name": "o3", "properties": object{"a": object{"type": "string"}}}).Page(400, "'title' is a required property")
	admin.Post(in+"/objects", object{"name": "o3", "required": []string{}, "properties": object{"a": object{"type": "string", "title": "A"}}}).OK(201).
		Has(object{"name": "o3", "required": []any{}, "properties": object{"a": object{"type": "string", "title": "A"}}, "self": in + "/objects/o3"})
	admin.Put(in+"/objects/o3", object{"name": "o4", "description": "new"}).OK(200).Has(object{"name": "o4", "description": "new", "properties": nil})
	admin.Put(in+"/objects/o4", object{"name": "o1"}).Page(409, "name=o1 already exists")
	me.Get(in + "/objects/o4").OK(200).Has(object{"properties": object{}, "required": []any{}, "description": "new"})
	me.Get(in+"/objects/o3").Page(404, "Could not find metadata object o3")
	if list := me.Get(in + "/objects").OK(200).JSON()["objects"].([]any); len(list) != 3 {
		t.Errorf("objects are %v", list)
	}

	admin.Post(in+"/properties", object{"type": "number", "title": "n"}).Page(400, "'name' is a required property")
	admin.Post(in+"/properties", object{"name": "p2", "type": "number", "title": "n", "minimum": 1}).OK(201).Has(object{"name": "p2", "minimum": 1.0})
	admin.Put(in+"/properties/p2", object{"name": "p3", "type": "string", "title": "n", "pattern": "^a"}).OK(200).Has(object{"name": "p3", "pattern": "^a", "minimum": nil})
	me.Get(in + "/properties/hw_p1?resource_type=OS::Glance::Image").OK(200).Has(object{"name": "p1"})
	me.Get(in+"/properties/p1?resource_type=OS::Glance::Image").Page(404, "Property p1 does not start with the expected resource type association prefix of 'hw_'.")
	me.Get(in+"/properties/p1?resource_type=nothing").Page(404, "resource-type=nothing to namespace=n, was not found")
	if list := me.Get(in + "/properties").OK(200).JSON()["properties"].(map[string]any); len(list) != 2 || list["p3"] == nil {
		t.Errorf("properties are %v", list)
	}
	admin.Delete(in + "/properties/p3").Empty(204)
	admin.Delete(in+"/properties/p3").Page(404, "Could not find metadata property p3")

	admin.Post(in+"/tags/T1", nil).Page(409, "A metadata tag with name=T1 already exists")
	admin.Post(in+"/tags/"+strings.Repeat("t", 81), nil).Page(400, "is too long")
	admin.Post(in+"/tags/t9", nil).OK(201).Has(object{"name": "t9"})
	admin.Put(in+"/tags/t9", object{"name": "t10"}).OK(200).Has(object{"name": "t10"})
	tags := func(query string) (list []string) {
		for _, one := range me.Get(in + "/tags" + query).OK(200).JSON()["tags"].([]any) {
			list = append(list, one.(map[string]any)["name"].(string))
		}
		return list
	}
	if got := tags("?limit=1&sort_key=name&sort_dir=asc&marker=T2"); !cmp.Equal(got, []string{"t1"}) {
		t.Errorf("tags after T2: %v", got)
	}
	admin.Post(in+"/tags", object{"tags": []object{{"name": "n1"}}}, "X-Openstack-Append: True").OK(201)
	if got := tags(""); len(got) != 4 {
		t.Errorf("after one more: %v", got)
	}
	admin.Post(in+"/tags", object{"tags": []object{{"name": "n1"}, {"name": "n2"}}}).OK(201).Has(object{"tags": []any{object{"name": "n1"}, object{"name": "n2"}}})
	admin.Post(in+"/tags", object{"tags": []object{{"name": "n3"}, {"name": "N3"}}}).Page(409, "already exists")
	if got := tags(""); !cmp.Equal(got, []string{"n2", "n1"}) {
		t.Errorf("in their place: %v", got)
	}

	admin.Post(in+"/resource_types", object{"name": "X::Z", "prefix": "a:", "properties_target": "image"}).OK(201).Has(object{"name": "X::Z", "prefix": "a:", "properties_target": "image"})
	admin.Post(in+"/resource_types", object{"name": "X::Z"}).Page(409, "resource-type association of resource-type=X::Z to namespace=n already exists.")
	admin.Delete(in + "/resource_types/X::Z").Empty(204)
	admin.Delete(in+"/resource_types/X::Z").Page(404, "Failed to find resource type X::Z to delete")
	if list := me.Get(in + "/resource_types").OK(200).JSON()["resource_type_associations"].([]any); len(list) != 2 {
		t.Errorf("associations are %v", list)
	}
	me.Get("/v2/metadefs/namespaces/gone/objects").Page(404, "Namespace gone not found")
}

// TestMetadefSchemas: they are schemas, and say what they are of.
func TestMetadefSchemas(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Reader, mine)
	for name, want := range map[string]string{"namespace": "namespace", "namespaces": "namespaces", "object": "object", "objects": "objects", "property": "property",
		"properties": "properties", "tag": "tag", "tags": "tags", "resource_type": "resource_type_association", "resource_types": "resource_type_associations"} {
		if got := me.Get("/v2/schemas/metadefs/" + name).OK(http.StatusOK); got.Text("name") != want || got.JSON()["properties"] == nil {
			t.Errorf("%s: %s", name, got.Body)
		}
	}
	me.Get("/v2/schemas/metadefs/nothing").Page(404, "could not be found")
}
