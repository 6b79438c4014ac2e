package api_test

import (
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/apitest"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/store"
)

var update = flag.Bool("update", false, "write the golden files anew")

// The projects of the matrix beside the one everything belongs to: an operator's, one that images are shared with, and another.
const operators, guests, strangers = "44444444444444444444444444444444", "55555555555555555555555555555555", "66666666666666666666666666666666"

// personas are the columns of the matrix.
var personas = []struct{ name, persona, project string }{
	{"admin", apitest.Admin, operators}, {"member", apitest.Member, mine}, {"reader", apitest.Reader, mine}, {"nobody", apitest.Nobody, mine},
	{"service", apitest.Service, operators}, {"guest", apitest.Member, guests}, {"stranger", apitest.Member, strangers},
}

// fixture makes what requests are about; all of it is project mine's.
type fixture struct {
	apitest.Caller
	admin apitest.Caller
}

// shared is an image with data that the guests have accepted.
func (f fixture) shared() string {
	id := f.Active([]byte("data"))
	f.Post("/v2/images/"+id+"/members", object{"member": guests}).OK(200)
	f.As(f.TB, apitest.Member, guests).Put("/v2/images/"+id+"/members/"+guests, object{"status": "accepted"}).OK(200)
	return id
}

// of is an image with data of a visibility.
func (f fixture) of(v image.Visibility) string {
	id := f.Active([]byte("data"))
	f.admin.Patch(id, apitest.Op("replace", "/visibility", string(v))).OK(200)
	return id
}

// in is an image in a status.
func (f fixture) in(s image.Status) string {
	id := f.shared()
	f.Change(f.TB, func(tx store.Tx) error {
		i, err := tx.ImageForUpdate(f.TB.Context(), id)
		if err != nil {
			return err
		}
		i.Status = s
		return tx.SaveImage(f.TB.Context(), i)
	})
	return id
}

func (f fixture) task() string {
	id := uuid.NewString()
	f.Change(f.TB, func(tx store.Tx) error {
		return tx.CreateTask(f.TB.Context(), &image.Task{ID: id, Type: image.TaskImport, Status: image.TaskPending, Owner: mine, Input: []byte(`{}`)})
	})
	return id
}

// namespace is one of definitions, with everything.
func (f fixture) namespace(visibility string) string {
	name := uuid.NewString()
	body := whole(name)
	body["owner"], body["visibility"] = mine, visibility
	f.admin.Post(namespaces, body).OK(201)
	return namespaces + "/" + name
}

// request is one that is right but for who asks.
type request struct {
	path    string
	body    any
	headers []string
}

// what makes a request, by the operation: a route, and what is special.
type what struct {
	operation string
	make      func(f fixture) request
}

func at(path string, body ...any) request {
	if len(body) == 0 {
		return request{path: path}
	}
	return request{path: path, body: body[0]}
}

func patched(id, path string, value any) request {
	return request{path: "/v2/images/" + id, body: []object{apitest.Op("add", path, value)},
		headers: []string{"Content-Type: application/openstack-images-v2.1-json-patch"}}
}

const one = "/v2/images/"

func imageRequests() []what {
	created := func(v string) func(fixture) request {
		return func(fixture) request {
			return at("/v2/images", object{"disk_format": "raw", "container_format": "bare", "visibility": v})
		}
	}
	visible := func(v string) func(f fixture) request {
		return func(f fixture) request { return patched(f.shared(), "/visibility", v) }
	}
	shown := func(v image.Visibility, more string) func(f fixture) request {
		return func(f fixture) request { return at(one + f.of(v) + more) }
	}
	return []what{
		{"GET /v2/images", func(fixture) request { return at("/v2/images") }},
		{"POST /v2/images", created("private")}, {"POST /v2/images public", created("public")}, {"POST /v2/images community", created("community")},
		{"GET /v2/images/{image_id}", func(f fixture) request { return at(one + f.shared()) }},
		{"GET /v2/images/{image_id} private", shown(image.Private, "")}, {"GET /v2/images/{image_id} public", shown(image.Public, "")},
		{"GET /v2/images/{image_id} community", shown(image.Community, "")},
		{"PATCH /v2/images/{image_id}", func(f fixture) request { return patched(f.shared(), "/name", "new") }},
		{"PATCH /v2/images/{image_id} public", visible("public")}, {"PATCH /v2/images/{image_id} community", visible("community")},
		{"DELETE /v2/images/{image_id}", func(f fixture) request { return at(one + f.shared()) }},
		{"PUT /v2/images/{image_id}/tags/{tag}", func(f fixture) request { return at(one + f.shared() + "/tags/t") }},
		{"DELETE /v2/images/{image_id}/tags/{tag}", func(f fixture) request {
			id := f.shared()
			f.Put(one+id+"/tags/t", nil).OK(204)
			return at(one + id + "/tags/t")
		}},
		{"POST /v2/images/{image_id}/actions/deactivate", func(f fixture) request { return at(one + f.shared() + "/actions/deactivate") }},
		{"POST /v2/images/{image_id}/actions/reactivate", func(f fixture) request { return at(one + f.in(image.Deactivated) + "/actions/reactivate") }},
		{"GET /v2/images/{image_id}/locations", func(f fixture) request { return at(one + f.shared() + "/locations") }},
		{"GET /v2/images/{image_id}/locations public", shown(image.Public, "/locations")},
		{"DELETE /v2/stores/{store_id}/{image_id}", func(f fixture) request {
			id := f.shared()
			f.admin.Post(one+id+"/import", object{"method": object{"name": "copy-image"}, "all_stores": true}).OK(202)
			f.Imports.Wait()
			return at("/v2/stores/second/" + id)
		}},
	}
}

func memberRequests() []what {
	return []what{
		{"GET /v2/images/{image_id}/members", func(f fixture) request { return at(one + f.shared() + "/members") }},
		{"POST /v2/images/{image_id}/members", func(f fixture) request { return at(one+f.shared()+"/members", object{"member": "another"}) }},
		{"GET /v2/images/{image_id}/members/{member_id}", func(f fixture) request { return at(one + f.shared() + "/members/" + guests) }},
		{"PUT /v2/images/{image_id}/members/{member_id}", func(f fixture) request {
			return at(one+f.shared()+"/members/"+guests, object{"status": "rejected"})
		}},
		{"DELETE /v2/images/{image_id}/members/{member_id}", func(f fixture) request { return at(one + f.shared() + "/members/" + guests) }},
	}
}

func dataRequests() []what {
	file := func(v image.Visibility) func(f fixture) request {
		return func(f fixture) request { return at(one + f.of(v) + "/file") }
	}
	imported := func(f fixture, id, method string) request {
		return at(one+id+"/import", object{"method": object{"name": method, "uri": "http://web/image"}})
	}
	return []what{
		{"GET /v2/images/{image_id}/file", func(f fixture) request { return at(one + f.shared() + "/file") }},
		{"GET /v2/images/{image_id}/file private", file(image.Private)}, {"GET /v2/images/{image_id}/file public", file(image.Public)},
		{"GET /v2/images/{image_id}/file community", file(image.Community)},
		{"GET /v2/images/{image_id}/file deactivated", func(f fixture) request { return at(one + f.in(image.Deactivated) + "/file") }},
		{"PUT /v2/images/{image_id}/file", func(f fixture) request { return at(one+f.Image()+"/file", []byte("data")) }},
		{"PUT /v2/images/{image_id}/stage", func(f fixture) request { return at(one+f.Image()+"/stage", []byte("data")) }},
		{"POST /v2/images/{image_id}/import", func(f fixture) request { return imported(f, f.Image(), "web-download") }},
		{"POST /v2/images/{image_id}/import copy-image", func(f fixture) request {
			r := imported(f, f.shared(), "copy-image")
			r.headers = []string{"X-Image-Meta-Store: second"}
			return r
		}},
		{"GET /v2/images/{image_id}/tasks", func(f fixture) request { return at(one + f.shared() + "/tasks") }},
	}
}

func operatorRequests() []what {
	fixed := func(path string, body ...any) func(fixture) request {
		return func(fixture) request { return at(path, body...) }
	}
	return []what{
		{"GET /v2/tasks", fixed("/v2/tasks")},
		{"POST /v2/tasks", fixed("/v2/tasks", object{"type": "import", "input": object{"import_from": "http://web/image", "import_from_format": "raw",
			"image_properties": object{"disk_format": "raw", "container_format": "bare"}}})},
		{"GET /v2/tasks/{task_id}", func(f fixture) request { return at("/v2/tasks/" + f.task()) }},
		{"GET /v2/info/import", fixed("/v2/info/import")}, {"GET /v2/info/stores", fixed("/v2/info/stores")},
		{"GET /v2/info/stores/detail", fixed("/v2/info/stores/detail")}, {"GET /v2/info/usage", fixed("/v2/info/usage")},
		{"GET /v2/schemas/{name}", fixed("/v2/schemas/image")}, {"GET /v2/schemas/metadefs/{name}", fixed("/v2/schemas/metadefs/tag")},
	}
}

func metadefRequests() []what {
	in := func(visibility, more string, body ...any) func(f fixture) request {
		return func(f fixture) request { return at(f.namespace(visibility)+more, body...) }
	}
	list := []what{
		{"GET /v2/metadefs/resource_types", func(fixture) request { return at("/v2/metadefs/resource_types") }},
		{"GET /v2/metadefs/namespaces", func(fixture) request { return at(namespaces) }},
		{"POST /v2/metadefs/namespaces", func(fixture) request { return at(namespaces, object{"namespace": uuid.NewString()}) }},
		{"PUT /v2/metadefs/namespaces/{namespace}", in("public", "", object{"namespace": uuid.NewString()})},
		{"DELETE /v2/metadefs/namespaces/{namespace}", in("public", "")},
		{"POST /v2/metadefs/namespaces/{namespace}/resource_types", in("public", "/resource_types", object{"name": "X::Z"})},
		{"DELETE /v2/metadefs/namespaces/{namespace}/resource_types/{resource_type}", in("public", "/resource_types/X::Y")},
		{"POST /v2/metadefs/namespaces/{namespace}/tags", in("public", "/tags", object{"tags": []object{{"name": "x"}}})},
		{"POST /v2/metadefs/namespaces/{namespace}/tags/{name}", in("public", "/tags/x")},
		{"POST /v2/metadefs/namespaces/{namespace}/objects", in("public", "/objects", object{"name": "x"})},
		{"POST /v2/metadefs/namespaces/{namespace}/properties", in("public", "/properties", object{"name": "x", "title": "x", "type": "string"})},
	}
	const namespace = "/v2/metadefs/namespaces/{namespace}"
	for _, more := range []string{"", "/resource_types", "/objects", "/properties", "/tags"} {
		list = append(list, what{"GET " + namespace + more, in("public", more)}, what{"GET " + namespace + more + " private", in("private", more)})
	}
	for plural, definition := range map[string]struct {
		name string
		body object
	}{"objects": {"o1", object{"name": "x"}}, "properties": {"p1", object{"name": "x", "title": "x", "type": "string"}}, "tags": {"t1", object{"name": "x"}}} {
		path := "/" + plural + "/" + definition.name
		route := namespace + "/" + plural + "/{name}"
		list = append(list, what{"GET " + route, in("public", path)}, what{"PUT " + route, in("public", path, definition.body)}, what{"DELETE " + route, in("public", path)},
			what{"DELETE " + namespace + "/" + plural, in("public", "/"+plural)})
	}
	return list
}

// neverDone says whether an operation is refused whoever asks: locations are not said by anybody, tasks are not deleted, nothing is
// cached.
func neverDone(r web.Route) bool {
	return strings.HasPrefix(r.Path, "/v2/cache") || r.Method+" "+r.Path == "DELETE /v2/tasks/{task_id}" || r.Method+" "+r.Path == "POST /v2/images/{image_id}/locations"
}

// TestAuthorization asks for every operation as every persona and holds the statuses against a golden. Every request is right but for
// who asks. An operation that is missing here fails the test: nothing is added to the API without saying who may use it.
func TestAuthorization(t *testing.T) {
	c := apitest.New(t, func(o *apitest.Options) { o.Fetcher = apitest.Web{"http://web/image": "data"} })
	f := fixture{c.As(t, apitest.Member, mine), c.As(t, apitest.Admin, operators)}
	requests := map[string][]what{}
	for _, list := range [][]what{imageRequests(), memberRequests(), dataRequests(), operatorRequests(), metadefRequests()} {
		for _, w := range list {
			words := strings.SplitN(w.operation, " ", 3)
			route := words[0] + " " + words[1]
			requests[route] = append(requests[route], w)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%-84s", "# status by persona")
	for _, p := range personas {
		b.WriteString(" " + p.name)
	}
	b.WriteByte('\n')
	for _, r := range sorted(c.Routes) {
		name := r.Method + " " + r.Path
		if len(requests[name]) == 0 && !neverDone(r) {
			t.Errorf("%s is not in the authorization matrix: add a request that is right", name)
		}
		for _, w := range requests[name] {
			fmt.Fprintf(&b, "%-84s", w.operation)
			for _, p := range personas {
				q := w.make(f)
				a := c.As(t, p.persona, p.project).Do(r.Method, q.path, q.body, q.headers...)
				c.Imports.Wait()
				if a.Status == 400 || a.Status == 409 || a.Status >= 500 {
					t.Errorf("%s as %s: the request is not right: %d %s", w.operation, p.name, a.Status, a.Body)
				}
				fmt.Fprintf(&b, " %*d", len(p.name), a.Status)
			}
			b.WriteByte('\n')
		}
		delete(requests, name)
	}
	for name := range requests {
		t.Errorf("%s is in the authorization matrix, and the API has no such operation", name)
	}
	golden(t, "testdata/authorization.txt", b.String())
}

// TestInventory is all routes, with the rules they ask for: a golden, so that a change of either is seen.
func TestInventory(t *testing.T) {
	c := apitest.New(t)
	var b bytes.Buffer
	for _, r := range sorted(c.Routes) {
		fmt.Fprintf(&b, "%-6s %-80s %s\n", r.Method, r.Path, strings.Join(r.Policy, " "))
	}
	golden(t, "testdata/inventory.txt", strings.ReplaceAll(b.String(), " \n", "\n"))
}

func golden(t *testing.T, file, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(string(want), text); d != "" {
		t.Errorf("%s differs (-golden +now); run with -update if that is meant:\n%s", file, d)
	}
}

// sorted is routes by path and method.
func sorted(routes []web.Route) []web.Route {
	list := slices.Clone(routes)
	slices.SortFunc(list, func(a, b web.Route) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Method, b.Method))
	})
	return list
}
