package api_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/apitest"
	"github.com/clinker/clinker/internal/image/store"
)

const mine, theirs = "project-of-mine", "project-of-theirs"

type object = map[string]any

func TestCreateImage(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	a := me.Post("/v2/images", object{"name": "debian", "disk_format": "qcow2", "container_format": "bare", "min_disk": 2, "min_ram": 512,
		"protected": true, "os_hidden": true, "tags": []string{"b", "a", "b"}, "os_distro": "debian", "weird ~/key": "x"}).OK(201)
	id := a.Text("id")
	a.Has(object{"name": "debian", "status": "queued", "visibility": "shared", "owner": mine, "disk_format": "qcow2", "container_format": "bare",
		"min_disk": 2.0, "min_ram": 512.0, "protected": true, "os_hidden": true, "tags": []any{"a", "b"}, "os_distro": "debian", "weird ~/key": "x",
		"size": nil, "virtual_size": nil, "checksum": nil, "os_hash_algo": nil, "os_hash_value": nil,
		"self": "/v2/images/" + id, "file": "/v2/images/" + id + "/file", "schema": "/v2/schemas/image"})
	for name, want := range map[string]string{"Location": "/v2/images/" + id, "Openstack-Image-Store-Ids": "first,second",
		"Openstack-Image-Import-Methods": "glance-direct,web-download,copy-image"} {
		if got := a.Header.Get(name); got != want {
			t.Errorf("header %s is %q, want %q", name, got, want)
		}
	}
	for _, name := range []string{"locations", "direct_url", "stores"} {
		if _, there := a.JSON()[name]; there {
			t.Errorf("the answer shows %s", name)
		}
	}
	row := c.Row(t, id)
	want := &image.Image{ID: id, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Name: new("debian"), Owner: mine, Status: image.Queued,
		Visibility: image.Shared, ContainerFormat: "bare", DiskFormat: "qcow2", Protected: true, Hidden: true, MinDiskGiB: 2, MinRAMMiB: 512,
		Properties: map[string]string{"os_distro": "debian", "weird ~/key": "x"}, Tags: []string{"a", "b"}}
	if diff := cmp.Diff(want, row); diff != "" {
		t.Errorf("the row (-want +got):\n%s", diff)
	}
	if shown := me.Get("/v2/images/" + id).OK(200); string(shown.Body) != string(a.Body) {
		t.Errorf("shown is %s, created was %s", shown.Body, a.Body)
	}
	own := uuid.NewString()
	me.Post("/v2/images", object{"id": own}).OK(201).Has(object{"id": own, "name": nil, "disk_format": nil})
	me.Post("/v2/images", object{"id": own}).Page(409, "Image ID "+own+" already exists!")
	me.Post("/v2/images", object{"id": strings.ToUpper(own)}).Page(409, "already exists")
}

func TestCreateImageRefusals(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.App.PropertyQuota, o.App.TagQuota = 2, 2 })
	me := c.As(t, apitest.Member, mine)
	for _, r := range []struct {
		body   any
		status int
		text   string
	}{
		{nil, 400, "Body expected in request."}, {"{", 400, "Malformed JSON in request body."}, {`"x"`, 400, "Unexpected body type. Expected list/dict."},
		{"[]", 400, ""}, {object{"disk_format": "wrong"}, 400, "'wrong' is not one of [None, 'ami', 'ari', 'aki', 'vhd'"},
		{object{"container_format": "wrong"}, 400, "Provided object does not match schema 'image': 'wrong' is not one of [None, 'ami'"},
		{object{"name": 1}, 400, "1 is not of type 'null', 'string'"}, {object{"name": strings.Repeat("x", 256)}, 400, "is too long"},
		{object{"id": "not a uuid"}, 400, "does not match"}, {object{"min_disk": -1}, 400, "Invalid value '-1' for parameter 'min_disk': Cannot be a negative value"},
		{object{"min_ram": 1 << 31}, 400, "'min_ram' value out of range, must not exceed 2147483647."}, {object{"x": 1}, 400, "1 is not of type 'string'"},
		{object{"min_ram": 1.5}, 400, "is not of type 'integer'"},
		{object{"visibility": "secret"}, 400, "'secret' is not one of"}, {object{"kernel_id": "x"}, 400, "does not match"}, {object{"tags": []int{1}}, 400, "1 is not of type 'string'"},
		{object{strings.Repeat("k", 256): "x"}, 400, "Custom property should not be greater than 255 characters."},
		{object{"status": "active"}, 403, "Attribute 'status' is read-only."}, {object{"self": "x"}, 403, "Attribute 'self' is read-only."},
		{object{"size": 1}, 403, "Attribute 'size' is read-only."}, {object{"deleted": "x"}, 403, "Attribute 'deleted' is reserved."},
		{object{"os_glance_import_task": "x"}, 403, "Attribute 'os_glance_import_task' is reserved."},
		{object{"locations": []any{}}, 403, "Attribute 'locations' is reserved."}, {object{"os_hash_value": "x"}, 403, "is reserved"},
		{object{"owner": theirs}, 403, "You are not permitted to create images owned by 'project-of-theirs'"},
		{object{"visibility": "public"}, 403, "You are not authorized to complete publicize_image action."},
		{object{"a": "", "b": "", "c": ""}, 413, "The limit has been exceeded on the number of allowed image properties. Attempted: 3, Maximum: 2"},
		{object{"tags": []string{"a", "b", "c"}}, 413, "number of allowed image tags. Attempted: 3, Maximum: 2"},
	} {
		me.Post("/v2/images", r.body).Page(r.status, r.text)
	}
	if all := c.As(t, apitest.Admin, mine).Get("/v2/images?os_hidden=true").IDs(); len(all) != 0 {
		t.Errorf("images were made: %v", all)
	}
	c.As(t, apitest.Reader, mine).Post("/v2/images", object{}).Page(403, "You are not authorized to complete add_image action.")
	c.As(t, apitest.Admin, mine).Post("/v2/images", object{"owner": nil, "visibility": "public"}).OK(201).Has(object{"owner": nil})
	me.Post("/v2/images", strings.Repeat(" ", 2<<20)+"{}").Page(413, "larger than")
}

func TestPatch(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Image("a", "1", "b", "2", "tags", []string{"x"})
	op := apitest.Op
	me.Patch(id, op("replace", "/name", "new"), op("add", "/c~1d", "3"), op("remove", "/a"), op("replace", "/b", "4"), op("add", "/b", "5"),
		op("replace", "/tags", []string{"y", "z"}), op("add", "/min_ram", 7), op("replace", "/protected", true), op("replace", "/disk_format", "qcow2")).
		OK(200).Has(object{"name": "new", "c/d": "3", "a": nil, "b": "5", "tags": []any{"y", "z"}, "min_ram": 7.0, "protected": true, "disk_format": "qcow2"})
	if row := c.Row(t, id); *row.Name != "new" || !cmp.Equal(row.Properties, map[string]string{"b": "5", "c/d": "3"}) || !row.Protected {
		t.Errorf("the row is %+v", row)
	}
	me.Patch(id).OK(200) // nothing to do
	me.Patch(id, op("replace", "/name", nil), op("replace", "/disk_format", nil)).OK(200).Has(object{"name": nil, "disk_format": nil})

	before := c.Row(t, id)
	for _, r := range []struct {
		operation any
		status    int
		text      string
	}{
		{op("move", "/name", "x"), 400, "Invalid operation: `move`. It must be one of the following: add, remove, replace."}, {object{"path": "/name"}, 400, "Unable to find `op`"},
		{object{"op": "add", "value": "x"}, 400, "Unable to find 'path' in JSON Schema change"}, {op("add", "/name"), 400, `Operation "add" requires a member named "value".`},
		{"x", 400, "Operations must be JSON objects."}, {op("add", "name", "x"), 400, `does not start with "/".`}, {op("add", "/", "x"), 400, "does not contains valid token"},
		{op("add", "/a//b", "x"), 400, `contains adjacent "/"`}, {op("add", "/a/", "x"), 400, `end with "/"`}, {op("add", "/a~2", "x"), 400, "not part of a recognized escape sequence"},
		{op("add", "/a~", "x"), 400, "not part of"}, {op("add", "/a/b", "x"), 400, "Invalid JSON pointer for this resource: '/a/b'"}, {op("replace", "/tags/-", "x"), 400, "Invalid JSON pointer"},
		{op("add", "/name", 1), 400, "1 is not of type"}, {op("add", "/x", 1), 400, "1 is not of type 'string'"}, {op("replace", "/disk_format", "wrong"), 400, "is not one of"},
		{op("add", "/"+strings.Repeat("k", 256), "x"), 400, "255 characters"}, {op("replace", "/min_disk", -1), 400, "Cannot be a negative value"},
		{op("replace", "/status", "active"), 403, "Attribute 'status' is read-only."}, {op("remove", "/id"), 403, "read-only"}, {op("add", "/os_glance_x", "y"), 403, "is reserved"},
		{op("add", "/deleted", "y"), 403, "Attribute 'deleted' is reserved."}, {op("remove", "/name"), 403, "Property name may not be removed."},
		{op("replace", "/owner", theirs), 403, "Owner can't be updated by non admin."}, {op("replace", "/visibility", "public"), 403, "publicize_image"},
		{op("replace", "/missing", "x"), 409, "Property missing does not exist."}, {op("remove", "/missing"), 409, "Property missing does not exist."},
		{op("replace", "/locations", []any{}), 403, "Cannot set locations to empty list."},
		{op("add", "/locations/-", object{"url": "file:///etc/passwd", "metadata": object{}}), 403, "It's not allowed to add locations if locations are invisible."},
		{op("remove", "/locations/0"), 403, "You are not authorized to complete delete_image_location action."},
	} {
		body := []any{op("add", "/applied", "x"), r.operation}
		me.Do("PATCH", "/v2/images/"+id, body, "Content-Type: application/openstack-images-v2.1-json-patch").Page(r.status, r.text)
	}
	if diff := cmp.Diff(before, c.Row(t, id)); diff != "" {
		t.Errorf("a refused patch changed the row (-before +after):\n%s", diff)
	}
	a := me.Do("PATCH", "/v2/images/"+id, []any{}, "Content-Type: application/json")
	if a.Page(415, ""); !strings.Contains(a.Header.Get("Accept-Patch"), "v2.1-json-patch") {
		t.Errorf("Accept-Patch is %q", a.Header.Get("Accept-Patch"))
	}
	me.Do("PATCH", "/v2/images/"+id, object{}, "Content-Type: application/openstack-images-v2.1-json-patch").Page(400, "must be a JSON array")
	me.Patch(uuid.NewString(), op("add", "/a", "b")).Page(404, "No image found with ID")
	c.As(t, apitest.Admin, theirs).Patch(id, op("replace", "/owner", theirs), op("replace", "/visibility", "public")).OK(200).Has(object{"owner": theirs, "visibility": "public"})
	me.Patch(id, op("add", "/a", "b")).Page(403, "You are not authorized to complete modify_image action.")
}

// TestDraftPatch: the oldest form of patches, which Tempest still sends.
func TestDraftPatch(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Image("a", "1")
	send := func(operations ...any) apitest.Answer {
		return me.Do("PATCH", "/v2/images/"+id, operations, "Content-Type: application/openstack-images-v2.0-json-patch")
	}
	send(object{"replace": "/name", "value": "new"}, object{"add": "/b", "value": "2"}, object{"remove": "/a"}).OK(200).Has(object{"name": "new", "b": "2", "a": nil})
	send(object{"add": "/b", "value": "3"}).Page(409, "Property b already present.")
	send(object{"add": "/name", "value": "3"}).Page(409, "Property name already present.")
	send(object{"value": "3"}).Page(400, "exactly one member")
	send(object{"add": "/b", "remove": "/b", "value": "3"}).Page(400, "only one member")
	send(object{"add": 1, "value": "3"}).Page(400, "must be a string")
}

func TestFormatsAreFixedWithData(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Active([]byte("data"))
	me.Patch(id, apitest.Op("replace", "/disk_format", "iso")).Page(403, "Attribute disk_format can be only replaced for a queued image.")
	me.Patch(id, apitest.Op("replace", "/container_format", "ovf")).Page(403, "Attribute container_format can be only replaced for a queued image.")
}

func TestDeleteImage(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Active([]byte("data"), "protected", true)
	me.Delete("/v2/images/"+id).Page(403, "Image "+id+" is protected and cannot be deleted.")
	me.Patch(id, apitest.Op("replace", "/protected", false)).OK(200)
	c.As(t, apitest.Member, theirs).Delete("/v2/images/"+id).Page(404, "Failed to find image "+id+" to delete")
	me.Delete("/v2/images/" + id).Empty(204)
	me.Delete("/v2/images/"+id).Page(404, "Failed to find image "+id+" to delete")
	me.Get("/v2/images/"+id).Page(404, "No image found with ID "+id)
	if files := dataFiles(t, c); len(files) != 0 {
		t.Errorf("data is left: %v", files)
	}
	if left := c.Journal(t); len(left) != 0 {
		t.Errorf("the journal has %+v", left)
	}
	me.Do("DELETE", "/v2/images/"+id, "{}").Page(400, "A body is not expected with this request.")
}

func TestTags(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.App.TagQuota = 2 })
	me := c.As(t, apitest.Member, mine)
	id := me.Image()
	for _, tag := range []string{"a", "a", "with%2Fslash"} {
		me.Put("/v2/images/"+id+"/tags/"+tag, nil).Empty(204)
	}
	if tags := c.Row(t, id).Tags; !slices.Equal(tags, []string{"a", "with/slash"}) {
		t.Errorf("tags %v", tags)
	}
	me.Put("/v2/images/"+id+"/tags/c", nil).Page(413, "Image tag limit exceeded for image "+id)
	me.Put("/v2/images/"+id+"/tags/"+strings.Repeat("x", 256), nil).Page(400, "is too long")
	me.Put("/v2/images/"+uuid.NewString()+"/tags/a", nil).Page(404, "not found.")
	c.As(t, apitest.Reader, mine).Put("/v2/images/"+id+"/tags/a", nil).Page(403, "Not allowed to update tags for image "+id)
	me.Delete("/v2/images/" + id + "/tags/with%2Fslash").Empty(204)
	me.Delete("/v2/images/"+id+"/tags/with%2Fslash").Page(404, "The resource could not be found.")
	if tags := c.Row(t, id).Tags; !slices.Equal(tags, []string{"a"}) {
		t.Errorf("tags %v", tags)
	}
}

func TestDeactivate(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Active([]byte("data"))
	me.Post("/v2/images/"+me.Image()+"/actions/deactivate", nil).Page(403, "Not allowed to deactivate image in status 'queued'")
	for range 2 {
		me.Post("/v2/images/"+id+"/actions/deactivate", nil).Empty(204)
	}
	me.Get("/v2/images/" + id).OK(200).Has(object{"status": "deactivated"})
	me.Get("/v2/images/"+id+"/file").Page(403, "The requested image has been deactivated. Image data download is forbidden.")
	c.As(t, apitest.Admin, mine).Get("/v2/images/" + id + "/file").OK(200)
	for range 2 {
		me.Post("/v2/images/"+id+"/actions/reactivate", nil).Empty(204)
	}
	me.Get("/v2/images/" + id + "/file").OK(200)
}

func TestListImages(t *testing.T) {
	c := apitest.New(t)
	me, you := c.As(t, apitest.Member, mine), c.As(t, apitest.Member, theirs)
	a := me.Active([]byte("12345"), "name", "a", "tags", []string{"red"}, "x", "1")
	b := me.Image("name", "b,c", "tags", []string{"red", "blue"}, "x", "2", "min_ram", 64)
	hidden := me.Image("name", "hidden", "os_hidden", true)
	foreign := you.Image("name", "foreign")
	for query, want := range map[string][]string{
		"": {b, a}, "?sort=name:asc": {a, b}, "?sort_key=name&sort_dir=asc": {a, b}, "?sort=size": {a, b}, "?sort=name:asc,size:desc": {a, b},
		"?sort_key=status&sort_key=name&sort_dir=asc": {a, b}, "?os_hidden=true": {hidden}, "?os_hidden=TRUE": {hidden}, "?name=a": {a}, "?name=in:a,x": {a},
		`?name=in:a,"b,c"`: {b, a}, "?status=queued": {b}, "?tag=red": {b, a}, "?tag=red&tag=blue": {b}, "?x=2": {b}, "?x=2&tag=none": nil,
		"?size_min=5": {a}, "?size_max=4": nil, "?size=5": {a}, "?min_ram_min=1": {b}, "?owner=" + mine: {b, a}, "?owner=nobody": nil,
		"?visibility=shared": {b, a}, "?visibility=public": nil, "?protected=true": nil, "?protected=false": {b, a}, "?id=in:" + a + "," + foreign: {a},
		"?created_at=gt:2020-01-01T00:00:00Z": {b, a}, "?created_at=lt:2020-01-01": nil, "?updated_at=gte:2020-01-01T00:00:00%2B02:00": {b, a},
		"?disk_format=raw": {b, a}, "?disk_format=in:iso,vdi": nil, "?limit=0": nil, "?limit=1": {b}, "?marker=" + b: {a}, "?limit=5&marker=" + a: nil,
		"?member_status=all": {b, a}, "?container_format=bare&status=active": {a},
	} {
		query = strings.ReplaceAll(query, `"`, "%22")
		if got := me.Get("/v2/images" + query).IDs(); !slices.Equal(got, want) {
			t.Errorf("%s lists %v, want %v", query, got, want)
		}
	}
	for query, text := range map[string]string{
		"?limit=x": "limit param must be an integer", "?limit=-1": "limit param must be positive", "?sort=x": "Invalid sort key: x.", "?sort=name:up": "Invalid sort direction: up",
		"?sort=name&sort_key=id": "Old and new sorting syntax cannot be combined", "?sort_key=name&sort_dir=asc&sort_dir=desc": "Number of sort dirs does not match",
		"?os_hidden=maybe": "Invalid value 'maybe' for 'os_hidden' filter.", "?protected=1": "'protected' filter", "?visibility=x": "Invalid visibility value: x",
		"?member_status=x": "Invalid status: x", "?changes-since=2020": "no longer available on v2", "?name=gt:a": "Unable to filter by unknown operator 'gt'.",
		"?created_at=yesterday": `Bad "created_at" query filter format.`, "?created_at=is:2020-01-01": "Unable to filter on a unknown operator.",
		"?size_min=x": "Unable to filter on a range with a non-numeric value.", "?marker=" + uuid.NewString(): "No image found with ID",
		`?name=in:"a`: "The quote is not closed.", `?name=in:a"b"`: "no comma before opening", `?name=in:"a"b`: "no comma after closing",
	} {
		me.Get("/v2/images"+strings.ReplaceAll(query, `"`, "%22")).Page(400, text)
	}
	c.As(t, apitest.Nobody, mine).Get("/v2/images").Page(403, "You are not authorized to complete get_images action.")
	if got := c.As(t, apitest.Admin, mine).Get("/v2/images?visibility=all").IDs(); len(got) != 3 {
		t.Errorf("the administrator sees %v", got)
	}
}

// TestPages: following the links gives the whole list, and they keep the filters.
func TestPages(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.App.LimitDefault, o.App.LimitMax = 2, 3 })
	me := c.As(t, apitest.Member, mine)
	var want []string
	for range 5 {
		want = append(want, me.Image("name", "a b", "x", "ä&ö"))
	}
	me.Image("name", "other")
	slices.Reverse(want)
	var got []string
	path := "/v2/images?name=a+b&x=" + url.QueryEscape("ä&ö") + "&marker="
	for pages := 0; path != "" && pages < 5; pages++ {
		a := me.Get(path).OK(200)
		a.Has(object{"first": "/v2/images?name=a+b&x=%C3%A4%26%C3%B6", "schema": "/v2/schemas/images"})
		got = append(got, a.IDs()...)
		path, _ = a.JSON()["next"].(string)
	}
	if !slices.Equal(got, want) {
		t.Errorf("pages %v, want %v", got, want)
	}
	if n := len(me.Get("/v2/images?limit=100").IDs()); n != 3 {
		t.Errorf("a page has %d", n)
	}
}

func TestCommunityImages(t *testing.T) {
	c := apitest.New(t)
	me, you := c.As(t, apitest.Member, mine), c.As(t, apitest.Member, theirs)
	id := me.Active([]byte("data"), "visibility", "community")
	if got := you.Get("/v2/images").IDs(); len(got) != 0 {
		t.Errorf("a community image of others is listed: %v", got)
	}
	if got := you.Get("/v2/images?visibility=community").IDs(); !slices.Equal(got, []string{id}) {
		t.Errorf("community images are %v", got)
	}
	you.Get("/v2/images/" + id).OK(200)
	you.Get("/v2/images/" + id + "/file").OK(200)
	you.Delete("/v2/images/"+id).Page(403, "You are not authorized to complete delete_image action.")
	if got := me.Get("/v2/images").IDs(); !slices.Equal(got, []string{id}) {
		t.Errorf("the owner sees %v", got)
	}
}

func TestMembers(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.App.MemberQuota = 2 })
	me, you := c.As(t, apitest.Member, mine), c.As(t, apitest.Member, theirs)
	id := me.Active([]byte("data"))
	members := "/v2/images/" + id + "/members"
	you.Get("/v2/images/" + id).OK(404)
	me.Post(members, object{"member": theirs}).OK(200).Has(object{"member_id": theirs, "image_id": id, "status": "pending", "schema": "/v2/schemas/member"})
	me.Post(members, object{"member": theirs}).Page(409, "Member "+theirs+" is duplicated for image "+id)
	me.Post(members, object{}).Page(400, "Member to be added not specified")
	me.Post(members, object{"member": ""}).Page(400, "Member can't be empty")
	you.Get("/v2/images/" + id).OK(200)
	if got := you.Get("/v2/images").IDs(); len(got) != 0 {
		t.Errorf("before accepting, the list has %v", got)
	}
	if got := you.Get("/v2/images?member_status=pending&visibility=shared").IDs(); !slices.Equal(got, []string{id}) {
		t.Errorf("pending are %v", got)
	}
	me.Put(members+"/"+theirs, object{"status": "accepted"}).Page(403, "Not allowed to update members for image "+id)
	you.Put(members+"/"+theirs, object{"status": "perhaps"}).Page(400, `Incorrect request: Status must be "pending", "accepted" or "rejected".`)
	you.Put(members+"/"+theirs, object{}).Page(400, "Status not specified")
	you.Put(members+"/"+theirs, object{"status": "accepted"}).OK(200).Has(object{"status": "accepted"})
	if got := you.Get("/v2/images").IDs(); !slices.Equal(got, []string{id}) {
		t.Errorf("after accepting, the list has %v", got)
	}
	you.Get("/v2/images/" + id + "/file").OK(200)
	for _, who := range []apitest.Caller{me, you} {
		if list := who.Get(members).OK(200).JSON()["members"].([]any); len(list) != 1 {
			t.Errorf("members are %v", list)
		}
		who.Get(members + "/" + theirs).OK(200).Has(object{"status": "accepted"})
	}
	me.Get(members+"/nobody").Page(404, "nobody not found in the member list of the image "+id)
	me.Post(members, object{"member": "third"}).OK(200)
	me.Post(members, object{"member": "fourth"}).Page(413, "Image member limit exceeded for image "+id)
	you.Post(members, object{"member": "fifth"}).Page(403, "Not allowed to create members for image "+id)
	you.Delete(members+"/third").Page(403, "Not allowed to delete members for image "+id)
	me.Delete(members + "/" + theirs).Empty(204)
	me.Delete(members+"/"+theirs).Page(404, "not found in the member list")
	you.Get("/v2/images/" + id).OK(404)

	private := me.Image("visibility", "private")
	me.Post("/v2/images/"+private+"/members", object{"member": theirs}).Page(403, "Not allowed to create members for image "+private)
	me.Get("/v2/images/"+private+"/members").Page(403, "Only shared images have members.")
	me.Get("/v2/images/"+private+"/members/x").Page(404, "Only shared images have members.")
	me.Get("/v2/images/"+uuid.NewString()+"/members").Page(404, "not found.")
}

// TestLocationsAreForServices: where data is is shown to services alone, unless the operator wishes otherwise.
func TestLocationsAreForServices(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	id := me.Active([]byte("data"))
	where := "file://" + c.Dir + "/first/" + id
	path := "/v2/images/" + id
	locations := []any{object{"url": where, "metadata": object{"store": "first"}}}
	me.Get(path).OK(200).Has(object{"direct_url": nil, "locations": nil, "stores": "first"})
	me.Get(path+"/locations").Page(403, "You are not authorized to complete fetch_image_location action.")
	service := c.As(t, apitest.Member, mine)
	service.Request.Roles = append(service.Request.Roles, "service")
	service.Get(path).OK(200).Has(object{"direct_url": where, "locations": locations})
	if a := service.Get(path + "/locations").OK(200); !strings.Contains(string(a.Body), where) {
		t.Errorf("locations are %s", a.Body)
	}
	onBehalf := c.As(t, apitest.Member, mine)
	onBehalf.Request.ServiceRoles = []string{"service"}
	onBehalf.Get(path).OK(200).Has(object{"direct_url": where, "locations": locations})

	open := apitest.New(t, func(o *apitest.Options) { o.App.ShowDirectURL, o.App.ShowMultipleLocations = true, true })
	me = open.As(t, apitest.Member, mine)
	me.Get("/v2/images/" + me.Image()).OK(200).Has(object{"locations": []any{}, "direct_url": nil})
	id = me.Active([]byte("data"))
	where = "file://" + open.Dir + "/first/" + id
	me.Get("/v2/images/" + id).OK(200).Has(object{"direct_url": where})
	me.Patch(id, apitest.Op("add", "/locations/-", object{"url": "file:///etc/passwd", "metadata": object{}})).Page(400, "Invalid location")
	admin := open.As(t, apitest.Admin, mine)
	admin.Patch(id, apitest.Op("remove", "/locations/0")).Page(403, "Cannot remove last location in the image.")
	me.Post("/v2/images/"+me.Image()+"/locations", object{"url": "file:///etc/passwd"}).Page(403, "http store must be enabled")
}

func TestRouting(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	for _, path := range []string{"/v2/images/", "/v2/nothing", "/v2/images/x/y/z", "/v2"} {
		me.Get(path).Page(404, "The resource could not be found.")
	}
	a := me.Do("PUT", "/v2/images", nil)
	if a.Page(405, "The method PUT is not allowed for this resource."); a.Header.Get("Allow") != "GET, POST" {
		t.Errorf("Allow is %q", a.Header.Get("Allow"))
	}
	if got := me.Get("//v2//images").IDs(); len(got) != 0 {
		t.Errorf("got %v", got)
	}
	html := me.Get("/v2/nothing", "Accept: text/html,application/json;q=0.9")
	if want := "<h1>404 Not Found</h1>\n  The resource could not be found.<br /><br />"; !strings.Contains(string(html.Body), want) {
		t.Errorf("the page is %s", html.Body)
	}
	for accept, kind := range map[string]string{"*/*": "text/html", "application/json": "application/json", "image/png": "text/plain", "application/json, */*;q=0.1": "application/json"} {
		if got := me.Get("/v2/nothing", "Accept: "+accept).Header.Get("Content-Type"); !strings.HasPrefix(got, kind) {
			t.Errorf("who accepts %s gets %s", accept, got)
		}
	}
	if page := me.Get("/v2/images/%3Cscript%3E", "Accept: text/html"); strings.Contains(string(page.Body), "<script>") {
		t.Errorf("a page repeats markup: %s", page.Body)
	}
}

func TestVersions(t *testing.T) {
	me := apitest.New(t).As(t, apitest.Nobody, mine)
	for path, status := range map[string]int{"/": 300, "/versions": 200, "/v1/images": 300, "/nothing": 300} {
		list := me.Get(path).OK(status).JSON()["versions"].([]any)
		var currents []string
		for _, one := range list {
			v := one.(object)
			if v["status"] == "CURRENT" {
				currents = append(currents, v["id"].(string))
			}
			if link := v["links"].([]any)[0].(object); link["href"] != "http://cloud/v2/" || link["rel"] != "self" {
				t.Errorf("a link is %v", link)
			}
		}
		if len(list) != 16 || !slices.Equal(currents, []string{"v2.17"}) {
			t.Errorf("%s lists %d versions, current %v", path, len(list), currents)
		}
	}
	me = apitest.New(t).As(t, apitest.Member, mine)
	for _, version := range []string{"v2", "v2.0", "v2.17"} {
		me.Get("/" + version + "/images").OK(200)
	}
	me.Get("/images", "Accept: application/vnd.openstack.images-v2.9").OK(200)
}

func TestInfoAndSchemas(t *testing.T) {
	c := apitest.New(t)
	me := c.As(t, apitest.Member, mine)
	me.Get("/v2/info/import").OK(200).Has(object{"import-methods": object{"description": "Import methods available.", "type": "array",
		"value": []any{"glance-direct", "web-download", "copy-image"}}})
	me.Get("/v2/info/stores").OK(200).Has(object{"stores": []any{object{"id": "first", "description": "where images go", "default": "true"}, object{"id": "second"}}})
	me.Get("/v2/info/stores/detail").Page(403, "You are not authorized to complete stores_info_detail action.")
	detail := c.As(t, apitest.Admin, mine).Get("/v2/info/stores/detail").OK(200).JSON()["stores"].([]any)[1].(object)
	if detail["type"] != "file" || detail["weight"] != 5.0 || detail["properties"].(object)["data_dir"] != c.Dir+"/second" {
		t.Errorf("the second store is %v", detail)
	}
	me.Get("/v2/info/usage").OK(200).Has(object{"usage": object{}})
	for _, name := range []string{"image", "images", "member", "members", "task", "tasks"} {
		me.Get("/v2/schemas/" + name).OK(200).Has(object{"name": name})
	}
	properties := me.Get("/v2/schemas/image").JSON()["properties"].(object)
	if formats := properties["disk_format"].(object)["enum"].([]any); formats[0] != nil || !slices.Contains(formats, any("qcow2")) {
		t.Errorf("disk formats are %v", formats)
	}
	me.Get("/v2/schemas/nothing").Page(404, "could not be found")
	for _, method := range []string{"GET", "DELETE"} {
		me.Do(method, "/v2/cache", nil).Page(403, "You are not authorized to complete")
		c.As(t, apitest.Admin, mine).Do(method, "/v2/cache", nil).Page(404, "Caching via API is not supported at this site.")
	}
}

// TestTasksAreForOperators, but those of an image.
func TestTasksAreForOperators(t *testing.T) {
	c := apitest.New(t)
	me, admin := c.As(t, apitest.Member, mine), c.As(t, apitest.Admin, mine)
	for _, path := range []string{"/v2/tasks", "/v2/tasks/" + uuid.NewString()} {
		me.Get(path).Page(403, "You are not authorized to complete tasks_api_access action.")
	}
	admin.Get("/v2/tasks").OK(200).Has(object{"tasks": []any{}, "first": "/v2/tasks", "schema": "/v2/schemas/tasks"})
	id := uuid.NewString()
	admin.Get("/v2/tasks/"+id).Page(404, "Task with the given id "+id+" was not found")
	admin.Delete("/v2/tasks/"+id).Page(405, "This operation is currently not permitted on Glance Tasks.")
	admin.Get("/v2/tasks?status=x").Page(400, "Invalid status value: x")
	admin.Get("/v2/tasks?sort_key=x").Page(400, "Invalid sort key")
	c.Change(t, func(tx store.Tx) error {
		return tx.CreateTask(t.Context(), &image.Task{ID: id, Type: image.TaskImport, Status: image.TaskPending, Owner: theirs, Input: []byte(`{}`)})
	})
	admin.Get("/v2/tasks/" + id).OK(200).Has(object{"id": id, "owner": theirs, "input": object{}, "result": nil, "self": "/v2/tasks/" + id})
}
