package wsgi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/oslo/wsgi/wsgitest"
	"github.com/clinker/clinker/internal/reqctx"
)

const createSchema = `{"type": "object", "properties": {"volume": {"type": "object", "properties": {
  "name": {"type": ["string", "null"], "format": "name_non_mandatory_remove_white_spaces"},
  "size": {"$ref": "parameter_types#/volume_size"}}, "additionalProperties": false}},
  "required": ["volume"], "additionalProperties": false}`

// say answers with a text, to see which handler was chosen.
func say(text string) wsgi.Handler {
	return func(context.Context, *wsgi.Request) (*wsgi.Response, error) {
		return wsgi.Value(map[string]string{"said": text})
	}
}

func fail(err error) wsgi.Handler {
	return func(context.Context, *wsgi.Request) (*wsgi.Response, error) { return nil, err }
}

type volume struct{ id, name, host string }

func showVolume(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	v := &volume{id: r.PathValue("id"), name: "disk", host: "h@lvm#pool"}
	views, err := r.Views(ctx, "volumes", []*volume{v})
	if err != nil {
		return nil, err
	}
	w := jsonview.New(1024)
	w.Open()
	w.Key("volume")
	w.Open()
	w.String("id", v.id)
	w.String("name", v.name)
	w.Int("size", 1)
	w.Time("created_at", time.Date(2026, 11, 21, 0, 38, 0, 0, time.UTC))
	w.Strings("attachments", nil)
	w.StringMap("metadata", nil)
	r.AppendLinks(w, "volumes", v.id)
	views.Append(w, v)
	w.Close()
	w.Close()
	return wsgi.JSON(w), nil
}

func listVolumes(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	page, err := r.Page()
	if err != nil {
		return nil, err
	}
	keys, err := r.Sort()
	if err != nil {
		return nil, err
	}
	w := jsonview.New(256)
	w.Open()
	w.Int("limit", int64(page.Limit))
	w.String("marker", page.Marker)
	w.Int("offset", int64(page.Offset))
	w.Key("sort")
	w.OpenList()
	for _, k := range keys {
		w.Value(k.Key)
		if k.Descending {
			w.Value("desc")
		}
	}
	w.CloseList()
	w.StringMap("filters", r.Filters())
	r.AppendNextLink(w, "volumes", "volumes", page, 2, "last")
	w.Close()
	return wsgi.JSON(w), nil
}

func createVolume(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("volume")
	size, _ := body.Int("size")
	return wsgi.Value(map[string]any{"size": size, "name": body.Trimmed("name")})
}

// refuser is an Enforcer that allows only what it names.
type refuser map[string]bool

func (allowed refuser) Check(_ context.Context, rule string, _ func(string) (string, bool)) error {
	if allowed[rule] {
		return nil
	}
	return fault.New(fault.Forbidden, "PolicyNotAuthorized", "Policy doesn't allow %s to be performed.", rule)
}

func volumesExtension() wsgi.Extension {
	routes := []wsgi.Route{
		{Method: "GET", Path: "volumes", Handler: listVolumes, Policy: []string{"volume:get_all"}},
		{Method: "POST", Path: "volumes", Handler: createVolume, Status: 202, Schemas: []wsgi.Schema{{Versions: microversion.From(3, 53), JSON: createSchema}}},
		{Method: "GET", Path: "volumes/detail", Handler: say("detail")},
		{Method: "GET", Path: "volumes/summary", Versions: microversion.From(3, 12), Handler: say("summary")},
		{Method: "GET", Path: "volumes/old", Versions: microversion.Until(3, 3), Handler: say("old")},
		{Method: "GET", Path: "volumes/old", Versions: microversion.From(3, 4), Handler: say("new")},
		{Method: "GET", Path: "volumes/{id}", Handler: showVolume},
		{Method: "DELETE", Path: "volumes/{id}", Status: 202, Handler: func(context.Context, *wsgi.Request) (*wsgi.Response, error) { return nil, nil }},
		{Method: "PUT", Path: "volumes/clear", NoBody: true, Handler: say("cleared")},
		{Method: "GET", Path: "volumes/{id}/metadata/{key}", Handler: func(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
			return wsgi.Value(map[string]string{"key": r.PathValue("key")})
		}},
		{Method: "GET", Path: "volumes/panic", Handler: func(context.Context, *wsgi.Request) (*wsgi.Response, error) { panic("ouch, secret") }},
		{Method: "GET", Path: "volumes/closed", Authorize: "closed", Handler: say("in")},
		{Method: "GET", Path: "volumes/open", Authorize: "open", Handler: say("in")},
	}
	for name, err := range map[string]error{
		"invalid": fault.New(fault.Invalid, "InvalidVolume", "Invalid volume: bad"), "missing": fault.New(fault.NotFound, "VolumeNotFound", "Volume x could not be found."),
		"quota": fault.New(fault.OverLimit, "VolumeLimitExceeded", "too many"), "size": fault.New(fault.OverLimit, "", "too large"),
		"conflict": fault.New(fault.Conflict, "ConflictNovaUsingAttachment", "in use"), "plain": wsgi.Plain(fault.New(fault.Conflict, "X", "in use")),
		"secret": errors.New("password=1"), "internal": fault.New(fault.Internal, "X", "path /etc"), "etag": fault.New(fault.PreconditionFailed, "", "x"),
		"unavailable": fault.New(fault.Unavailable, "", "later"), "todo": fault.New(fault.NotImplemented, "", "not here"), "timeout": fault.New(fault.Timeout, "", "slow"),
		"forbidden": fault.New(fault.Forbidden, "PolicyNotAuthorized", "no"),
	} {
		routes = append(routes, wsgi.Route{Method: "GET", Path: "volumes/fail/" + name, Handler: fail(err)})
	}
	return wsgi.Extension{
		Alias: "volumes", Name: "Volumes", Description: "disks", Updated: "2013-01-01T00:00:00Z", Core: true,
		Resources: []wsgi.Resource{{Collection: "volumes", Routes: routes}},
		Actions: []wsgi.Action{
			{Resource: "volumes", Name: "os-extend", Handler: say("extend"), Schemas: []wsgi.Schema{{JSON: `{"type": "object", "properties": {
				"os-extend": {"type": "object", "properties": {"new_size": {"$ref": "parameter_types#/volume_size"}}, "required": ["new_size"]}}, "additionalProperties": false}`}}},
			{Resource: "volumes", Name: "revert", Versions: microversion.From(3, 40), Handler: say("revert")},
			{Resource: "volumes", OnCollection: true, Name: "create-from", Status: 200, Handler: say("collection")},
		},
	}
}

func hostExtension() wsgi.Extension {
	return wsgi.Extension{
		Alias: "os-host", Name: "Host", Description: "where", Updated: "2013-01-01T00:00:00Z",
		Views: []wsgi.ViewExtension{
			{Resource: "volumes", Open: func(ctx context.Context, r *wsgi.Request, items any) (wsgi.FieldWriter, error) {
				if !reqctx.From(ctx).IsAdmin {
					return nil, nil
				}
				return func(w *jsonview.Writer, item any) { w.String("host", item.(*volume).host) }, nil
			}},
			{Resource: "volumes", Versions: microversion.From(3, 48), Open: func(context.Context, *wsgi.Request, any) (wsgi.FieldWriter, error) {
				return func(w *jsonview.Writer, _ any) { w.Bool("shared", true) }, nil
			}},
		},
	}
}

func options() wsgi.Options {
	return wsgi.Options{
		Service:    microversion.Service{Name: "volume", Min: microversion.V(3, 0), Max: microversion.V(3, 71)},
		Extensions: []wsgi.Extension{volumesExtension(), hostExtension()}, Core: []string{"volumes"}, Enforcer: refuser{"open": true},
	}
}

// mounted is the API as clients reach it, below /v3.
func mounted(t testing.TB, options wsgi.Options) http.Handler {
	t.Helper()
	api, err := wsgi.New(options)
	if err != nil {
		t.Fatal(err)
	}
	return http.StripPrefix("/v3", api)
}

func TestAnswers(t *testing.T) {
	api := mounted(t, options())
	const version = "OpenStack-API-Version: volume "
	notFound := `{"itemNotFound":{"code":404,"message":"The resource could not be found."}}`
	bad := func(text string) string { return `{"badRequest":{"code":400,"message":"` + text + `"}}` }
	noComply := bad("The server could not comply with the request since it is either malformed or otherwise incorrect.")
	for _, test := range []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		want                     string // "" is not compared
	}{
		{"detail wins over id", "GET", "/v3/volumes/detail", "", nil, 200, `{"said":"detail"}`},
		{"with project", "GET", "/v3/abc/volumes/detail", "", nil, 200, `{"said":"detail"}`},
		{"with json suffix", "GET", "/v3/abc/volumes/detail.json", "", nil, 200, `{"said":"detail"}`},
		{"with slash", "GET", "/v3/abc/volumes/detail/", "", nil, 404, ""},
		{"suffix on the collection", "GET", "/v3/volumes.json", "", nil, 200, ""},
		{"another project", "GET", "/v3/abd/volumes/detail", "", nil, 400, bad("Malformed request url")},
		{"no hex project", "GET", "/v3/xyz/volumes/detail", "", nil, 404, ""},
		{"only a project", "GET", "/v3/abc", "", nil, 404, ""},
		{"no route", "GET", "/v3/nothing", "", nil, 404, "404 Not Found\n\nThe resource could not be found.\n\n   "},
		{"no route, json", "GET", "/v3/nothing", "", []string{"Accept: application/json"}, 404,
			`{"message": "The resource could not be found.<br /><br />\n\n\n", "code": "404 Not Found", "title": "Not Found"}`},
		{"wrong method", "PATCH", "/v3/volumes", `{}`, nil, 404, "404 Not Found\n\nThe resource could not be found.\n\n   "},
		{"head", "HEAD", "/v3/volumes", "", nil, 404, ""},
		{"options", "OPTIONS", "/v3/volumes", "", nil, 404, ""},
		{"double slash", "GET", "/v3//volumes", "", nil, 404, ""},
		{"dots", "GET", "/v3/volumes/../volumes", "", nil, 404, ""},
		{"encoded dots are an id", "GET", "/v3/volumes/%2e%2e/metadata/%2e", "", nil, 200, `{"key":"."}`},
		{"encoded slash stays in its piece", "GET", "/v3/volumes/x/metadata/a%2Fb%20c", "", nil, 200, `{"key":"a/b c"}`},
		{"path not text", "GET", "/v3/volumes/%ff", "", nil, 400, ""},
		{"path with NUL", "GET", "/v3/volumes/%00", "", nil, 400, ""},
		{"query not text", "GET", "/v3/volumes?name=%ff", "", nil, 400, ""},

		{"new route at old version", "GET", "/v3/volumes/summary", "", []string{version + "3.11"}, 404, notFound}, // and no id
		{"new route", "GET", "/v3/volumes/summary", "", []string{version + "3.12"}, 200, `{"said":"summary"}`},
		{"variants low", "GET", "/v3/volumes/old", "", []string{version + "3.3"}, 200, `{"said":"old"}`},
		{"variants high", "GET", "/v3/volumes/old", "", []string{version + "latest"}, 200, `{"said":"new"}`},
		{"version out of range", "GET", "/v3/volumes/detail", "", []string{version + "3.72"}, 406,
			`{"computeFault":{"code":406,"message":"Version 3.72 is not supported by the API. Minimum is 3.0 and maximum is 3.71."}}`},
		{"version malformed", "GET", "/v3/volumes/detail", "", []string{version + "3.x"}, 400,
			bad("API Version String 3.x is of invalid format. Must be of format MajorNum.MinorNum.")},
		{"route comes before version", "GET", "/v3/nothing", "", []string{version + "9.x"}, 404, ""},

		{"create", "POST", "/v3/volumes", `{"volume": {"size": "2", "name": " a "}}`, []string{version + "3.53"}, 202, `{"name":"a","size":2}`},
		{"create, unchecked", "POST", "/v3/volumes", `{"volume": {"size": 2, "zzz": 1}}`, nil, 202, `{"name":"","size":2}`},
		{"last duplicate wins", "POST", "/v3/volumes", `{"volume": {"size": 2, "size": 3}}`, nil, 202, `{"name":"","size":3}`},
		{"create, unknown key", "POST", "/v3/volumes", `{"volume": {"size": 2, "zzz": 1}}`, []string{version + "3.53"}, 400,
			bad("Invalid input for field/attribute volume. Value: {'size': 2, 'zzz': 1}. Additional properties are not allowed ('zzz' was unexpected)")},
		{"list without schema", "POST", "/v3/volumes", `[]`, nil, 400, bad("Malformed request body")},
		{"no JSON", "POST", "/v3/volumes", `{"volume"`, nil, 400, bad("Malformed request body")},
		{"more than one", "POST", "/v3/volumes", `{} {}`, nil, 400, bad("Malformed request body")},
		{"not UTF-8", "POST", "/v3/volumes", "{\"volume\": \"\xff\"}", nil, 400, bad("Malformed request body")},
		{"too deep", "POST", "/v3/volumes", strings.Repeat("[", 101) + strings.Repeat("]", 101), nil, 400, bad("Malformed request body")},
		{"absurd number", "POST", "/v3/volumes", `{"volume": {"size": 1e999999999}}`, nil, 400, bad("Malformed request body")},
		{"NaN", "POST", "/v3/volumes", `{"volume": NaN}`, nil, 400, bad("Malformed request body")},
		{"no body", "POST", "/v3/volumes", "", nil, 400, noComply},
		{"no content type", "POST", "/v3/volumes", `{}`, []string{"Content-Type:"}, 400, noComply},
		{"form", "POST", "/v3/volumes", `a=b`, []string{"Content-Type: application/x-www-form-urlencoded"}, 415,
			`{"badMediaType":{"code":415,"message":"Unsupported Content-Type"}}`},
		{"charset", "POST", "/v3/volumes", `{"volume": {"size": 2}}`, []string{"Content-Type: application/json; charset=utf-8"}, 202, ""},
		{"vendor type", "POST", "/v3/volumes", `{"volume": {"size": 2}}`, []string{"Content-Type: application/vnd.openstack.volume+json"}, 202, ""},
		{"too large", "POST", "/v3/volumes", `{"a": "` + strings.Repeat("x", 114688) + `"}`, nil, 413, `{"overLimit":{"code":413,"message":"Request is too large."}}`},
		{"body where none belongs", "DELETE", "/v3/volumes/1", `{}`, nil, 400, noComply},
		{"delete", "DELETE", "/v3/volumes/1", "", nil, 202, ""},
		{"route without body", "PUT", "/v3/volumes/clear", "", nil, 200, `{"said":"cleared"}`},
		{"route ignoring a body", "PUT", "/v3/volumes/clear", `{"x": 1}`, nil, 200, `{"said":"cleared"}`},

		{"action", "POST", "/v3/abc/volumes/1/action", `{"os-extend": {"new_size": 2}}`, nil, 202, `{"said":"extend"}`},
		{"action, bad argument", "POST", "/v3/volumes/1/action", `{"os-extend": {"new_size": 0}}`, nil, 400,
			bad("Invalid input for field/attribute new_size. Value: 0. 0 is less than the minimum of 1")},
		{"action on collection", "POST", "/v3/volumes/action", `{"create-from": {}}`, nil, 200, `{"said":"collection"}`},
		{"action too new", "POST", "/v3/volumes/1/action", `{"revert": {}}`, []string{version + "3.39"}, 404, notFound},
		{"action new", "POST", "/v3/volumes/1/action", `{"revert": {}}`, []string{version + "3.40"}, 202, ""},
		{"unknown action", "POST", "/v3/volumes/1/action", `{"os-fly": {}}`, nil, 400,
			bad("There is no such action: os-fly. Verify the request body and Content-Type header and try again.")},
		{"no action", "POST", "/v3/volumes/1/action", "", nil, 400,
			bad("There is no such action: None. Verify the request body and Content-Type header and try again.")},
		{"two actions", "POST", "/v3/volumes/1/action", `{"revert": {}, "os-extend": {}}`, nil, 400, bad("Malformed request body")},
		{"action list", "POST", "/v3/volumes/1/action", `["revert"]`, nil, 400, bad("Malformed request body")},

		{"invalid", "GET", "/v3/volumes/fail/invalid", "", nil, 400, bad("Invalid volume: bad")},
		{"missing", "GET", "/v3/volumes/fail/missing", "", nil, 404, `{"itemNotFound":{"code":404,"message":"Volume x could not be found."}}`},
		{"quota", "GET", "/v3/volumes/fail/quota", "", nil, 413, `{"overLimit":{"code":413,"message":"VolumeLimitExceeded: too many","retryAfter":"0"}}`},
		{"size", "GET", "/v3/volumes/fail/size", "", nil, 413, `{"overLimit":{"code":413,"message":"too large"}}`},
		{"conflict", "GET", "/v3/volumes/fail/conflict", "", nil, 409, `{"conflictingRequest":{"code":409,"message":"ConflictNovaUsingAttachment: in use"}}`},
		{"plain conflict", "GET", "/v3/volumes/fail/plain", "", nil, 409, `{"conflictingRequest":{"code":409,"message":"in use"}}`},
		{"secret", "GET", "/v3/volumes/fail/secret", "", nil, 500, `{"computeFault":{"code":500,"message":"` + fault.Unexpected + `"}}`},
		{"internal", "GET", "/v3/volumes/fail/internal", "", nil, 500, `{"computeFault":{"code":500,"message":"` + fault.Unexpected + `"}}`},
		{"panic", "GET", "/v3/volumes/panic", "", nil, 500, `{"computeFault":{"code":500,"message":"` + fault.Unexpected + `"}}`},
		{"timeout", "GET", "/v3/volumes/fail/timeout", "", nil, 500, `{"computeFault":{"code":500,"message":"slow"}}`},
		{"etag", "GET", "/v3/volumes/fail/etag", "", nil, 412, ""},
		{"unavailable", "GET", "/v3/volumes/fail/unavailable", "", nil, 503, `{"serviceUnavailable":{"code":503,"message":"later"}}`},
		{"not implemented", "GET", "/v3/volumes/fail/todo", "", nil, 501, `{"notImplemented":{"code":501,"message":"not here"}}`},
		{"forbidden", "GET", "/v3/volumes/fail/forbidden", "", nil, 403, `{"forbidden":{"code":403,"message":"no"}}`},
		{"rule refuses", "GET", "/v3/volumes/closed", "", nil, 403, `{"forbidden":{"code":403,"message":"Policy doesn't allow closed to be performed."}}`},
		{"rule allows", "GET", "/v3/volumes/open", "", nil, 200, `{"said":"in"}`},

		{"paging", "GET", "/v3/abc/volumes?limit=2&marker=m&offset=3&sort=name:asc,size&name=n", "", nil, 200,
			`{"limit":2,"marker":"m","offset":3,"sort":["name","size","desc"],"filters":{"name":"n"},"volumes_links":[{"rel":"next","href":` +
				`"http://example.com/v3/abc/volumes?limit=2&offset=3&sort=name%3Aasc%2Csize&name=n&marker=last"}]}`},
		{"paging by default", "GET", "/v3/volumes", "", nil, 200, `{"limit":1000,"marker":"","offset":0,"sort":["created_at","desc"],"filters":{}}`},
		{"paging too far", "GET", "/v3/volumes?limit=99999999999999999999", "", nil, 200, ""},
		{"bad limit", "GET", "/v3/volumes?limit=x", "", nil, 400, bad("limit param must be an integer")},
		{"empty limit", "GET", "/v3/volumes?limit=", "", nil, 400, bad("limit param must be an integer")},
		{"negative limit", "GET", "/v3/volumes?limit=-1", "", nil, 400, bad("limit param must be positive")},
		{"bad offset", "GET", "/v3/volumes?offset=x", "", nil, 400, bad("offset must be an integer")},
		{"negative offset", "GET", "/v3/volumes?offset=-1", "", nil, 400, bad("offset must be >= 0")},
		{"huge offset", "GET", "/v3/volumes?offset=99999999999", "", nil, 400, bad("offset must be <= 2147483647")},
		{"bad direction", "GET", "/v3/volumes?sort=name:up", "", nil, 400, bad("Invalid input received: Unknown sort direction, must be 'desc' or 'asc'.")},
		{"both sorts", "GET", "/v3/volumes?sort=name&sort_dir=asc", "", nil, 400,
			bad("The 'sort_key' and 'sort_dir' parameters are deprecated and cannot be used with the 'sort' parameter.")},
		{"old sort", "GET", "/v3/volumes?sort_key=name&sort_dir=asc", "", nil, 200, `{"limit":1000,"marker":"","offset":0,"sort":["name"],"filters":{}}`},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := wsgitest.Do(t, api, test.method, test.path, test.body, test.headers...)
			if got.Code != test.status || test.want != "" && got.Body.String() != test.want {
				t.Errorf("%s %s: %d %s\nwant %d %s", test.method, test.path, got.Code, got.Body, test.status, test.want)
			}
			for _, header := range []string{"X-Compute-Request-Id", "X-Openstack-Request-Id"} {
				if got.Header().Get(header) != wsgitest.Caller().RequestID {
					t.Errorf("%s is %q", header, got.Header().Get(header))
				}
			}
		})
	}
}

func TestVersionIsEchoed(t *testing.T) {
	api := mounted(t, options())
	for asked, want := range map[string]string{
		"": "volume 3.0", "volume 3.27": "volume 3.27", "volume latest": "volume 3.71", "volume 3.99": "volume 3.99", "compute 2.1, volume 3.5": "volume 3.5", "volume x": "",
	} {
		got := wsgitest.Do(t, api, "GET", "/v3/volumes/fail/missing", "", "OpenStack-API-Version: "+asked)
		if h := got.Header().Get("OpenStack-API-Version"); h != want {
			t.Errorf("asked %q, answered %q (%s)", asked, h, got.Body)
		}
		if want != "" && got.Header().Get("Vary") != "OpenStack-API-Version" {
			t.Errorf("asked %q: no Vary", asked)
		}
	}
}

func TestShowWithViewsAndLinks(t *testing.T) {
	user := wsgitest.Caller()
	user.IsAdmin = false
	for _, test := range []struct {
		caller         reqctx.Request
		public         string
		path           string
		headers        []string
		self, bookmark string
		host, shared   any
	}{
		{wsgitest.Caller(), "", "/v3/abc/volumes/1", nil, "http://example.com/v3/abc/volumes/1", "http://example.com/abc/volumes/1", "h@lvm#pool", nil},
		{user, "", "/v3/volumes/1", []string{"OpenStack-API-Version: volume 3.48"}, "http://example.com/v3/volumes/1", "http://example.com/volumes/1", nil, true},
		{user, "", "/v3/volumes/1", []string{"X-Forwarded-Host: a, cloud:8776"}, "http://cloud:8776/v3/volumes/1", "http://cloud:8776/volumes/1", nil, nil},
		{user, "https://cloud/volume", "/v3/abc/volumes/1", nil, "https://cloud/volume/v3/abc/volumes/1", "https://cloud/volume/abc/volumes/1", nil, nil},
	} {
		o := options()
		o.PublicEndpoint = test.public
		got := wsgitest.DoAs(t, mounted(t, o), test.caller, "GET", test.path, "", test.headers...)
		var body struct{ Volume map[string]any }
		if err := json.Unmarshal(got.Body.Bytes(), &body); err != nil {
			t.Fatal(err, got.Body)
		}
		links := []any{map[string]any{"rel": "self", "href": test.self}, map[string]any{"rel": "bookmark", "href": test.bookmark}}
		if diff := cmp.Diff(links, body.Volume["links"]); diff != "" {
			t.Error(diff)
		}
		if body.Volume["host"] != test.host || body.Volume["shared"] != test.shared {
			t.Errorf("%v", body.Volume)
		}
		if body.Volume["created_at"] != "2026-11-21T00:38:00.000000" {
			t.Error(body.Volume["created_at"])
		}
	}
}

func TestHandlersSeeTheExtensions(t *testing.T) {
	o := options()
	var aliases []string
	o.Extensions = append(o.Extensions, wsgi.Extension{Alias: "list", Resources: []wsgi.Resource{{Collection: "list", Routes: []wsgi.Route{
		{Method: "GET", Path: "list", Handler: func(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
			for _, e := range r.Extensions() {
				aliases = append(aliases, e.Alias)
			}
			return wsgi.Empty(), nil
		}}}}}})
	if got := wsgitest.Do(t, mounted(t, o), "GET", "/v3/list", ""); got.Code != 200 {
		t.Error(got.Code)
	}
	if diff := cmp.Diff([]string{"list", "os-host", "volumes"}, aliases); diff != "" {
		t.Error(diff)
	}
}

func TestAbsentRoutesAnswerInTheAPIsForm(t *testing.T) {
	o := options()
	o.Absent = []string{"DELETE volumes", "GET volumes/{name}/nothing", "GET volumes/{name}", "GET things"}
	api := mounted(t, o)
	const fault, page = `{"itemNotFound":{"code":404,"message":"The resource could not be found."}}`, "404 Not Found\n\nThe resource could not be found.\n\n   "
	for what, want := range map[string]string{"DELETE /v3/volumes": fault, "GET /v3/abc/volumes/1/nothing": fault, "GET /v3/things": page, "PUT /v3/volumes": page} {
		method, path, _ := strings.Cut(what, " ")
		got := wsgitest.Do(t, api, method, path, "")
		if got.Code != 404 || got.Body.String() != want {
			t.Errorf("%s: %d %q", what, got.Code, got.Body)
		}
		if version := got.Header().Get("OpenStack-API-Version"); (version == "volume 3.0") != (want == fault) {
			t.Errorf("%s: version %q", what, version)
		}
	}
	if got := wsgitest.Do(t, api, "GET", "/v3/volumes/1", ""); got.Code != 200 {
		t.Errorf("a route that is there answers %d", got.Code)
	}
}

func TestWrongDeclarationsAreRefused(t *testing.T) {
	route := func(r wsgi.Route) func(*wsgi.Options) {
		return func(o *wsgi.Options) {
			o.Extensions = append(o.Extensions, wsgi.Extension{Alias: "new", Resources: []wsgi.Resource{{Collection: "volumes", Routes: []wsgi.Route{r}}}})
		}
	}
	action := func(a wsgi.Action) func(*wsgi.Options) {
		return func(o *wsgi.Options) {
			o.Extensions = append(o.Extensions, wsgi.Extension{Alias: "new", Actions: []wsgi.Action{a}})
		}
	}
	for want, change := range map[string]func(*wsgi.Options){
		"core extension backups is missing":               func(o *wsgi.Options) { o.Core = append(o.Core, "backups") },
		"extension volumes is a core part":                func(o *wsgi.Options) { o.Disabled = []string{"volumes"} },
		"there is none of that alias":                     func(o *wsgi.Options) { o.Disabled = []string{"nothing"} },
		"extension volumes is declared twice":             func(o *wsgi.Options) { o.Extensions = append(o.Extensions, volumesExtension()) },
		"no regular expression":                           func(o *wsgi.Options) { o.ProjectIDRegex = "(" },
		"there is no enforcer":                            func(o *wsgi.Options) { o.Enforcer = nil },
		"versions all overlap with 3.9- of extension new": route(wsgi.Route{Method: "GET", Path: "volumes/detail", Versions: microversion.From(3, 9), Handler: say("")}),
		"does not start with the collection":              route(wsgi.Route{Method: "GET", Path: "snapshots", Handler: say("")}),
		"no handler":                                      route(wsgi.Route{Method: "GET", Path: "volumes/x"}),
		"conflicts with pattern":                          route(wsgi.Route{Method: "GET", Path: "volumes/{volume_id}", Versions: microversion.From(9, 0), Handler: say("")}),
		"schemas for all and 3.5- overlap":                route(wsgi.Route{Method: "POST", Path: "volumes/y", Handler: say(""), Schemas: []wsgi.Schema{{Versions: microversion.From(3, 5), JSON: `{}`}, {JSON: `{}`}}}),
		"schema for all":                                  route(wsgi.Route{Method: "POST", Path: "volumes/y", Handler: say(""), Schemas: []wsgi.Schema{{JSON: `{"type": 5}`}}}),
		`of a resource "types" that nobody declares`:      action(wsgi.Action{Resource: "types", Name: "x", Handler: say("")}),
		"action os-extend of volumes: versions all over":  action(wsgi.Action{Resource: "volumes", Name: "os-extend", Handler: say("")}),
	} {
		o := options()
		change(&o)
		if _, err := wsgi.New(o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}

func TestDisabledExtensionsTakeTheirPartsAlong(t *testing.T) {
	o := options()
	o.Extensions = append(o.Extensions,
		wsgi.Extension{Alias: "gone", Resources: []wsgi.Resource{{Collection: "things", Routes: []wsgi.Route{{Method: "GET", Path: "things", Handler: say("x")}}}}},
		wsgi.Extension{Alias: "rest", Actions: []wsgi.Action{{Resource: "things", Name: "do", Handler: say("x")}}})
	o.Disabled = []string{"gone"}
	api := mounted(t, o)
	if got := wsgitest.Do(t, api, "GET", "/v3/things", ""); got.Code != 404 {
		t.Error(got.Code)
	}
	if got := wsgitest.Do(t, api, "POST", "/v3/things/1/action", `{"do": {}}`); got.Code != 404 {
		t.Error(got.Code)
	}
}

func TestWorkSettlesBeforeASuccessIsWritten(t *testing.T) {
	type mark struct{}
	for _, test := range []struct {
		method, path, body string
		prepared, waited   bool
	}{
		{"POST", "/v3/volumes", `{"volume": {"size": 1}}`, true, true}, {"DELETE", "/v3/volumes/1", "", true, true},
		{"GET", "/v3/volumes/1", "", false, false}, {"POST", "/v3/volumes", `[]`, false, false}, {"POST", "/v3/broken", `{}`, true, false},
	} {
		prepared, waited, seen := false, false, false
		o := options()
		o.Extensions = append(o.Extensions, wsgi.Extension{Alias: "broken", Resources: []wsgi.Resource{{Collection: "broken", Routes: []wsgi.Route{
			{Method: "POST", Path: "broken", Handler: func(ctx context.Context, _ *wsgi.Request) (*wsgi.Response, error) {
				seen = ctx.Value(mark{}) == true
				return nil, fault.New(fault.Invalid, "", "no")
			}}}}}})
		recorder := httptest.NewRecorder()
		o.Prepare = func(ctx context.Context) (context.Context, func()) {
			prepared = true
			return context.WithValue(ctx, mark{}, true), func() {
				waited = true
				if recorder.Body.Len() > 0 {
					t.Error("waited after the answer")
				}
			}
		}
		r := httptest.NewRequestWithContext(reqctx.With(t.Context(), wsgitest.Caller()), test.method, test.path, strings.NewReader(test.body))
		r.Header.Set("Content-Type", "application/json")
		mounted(t, o).ServeHTTP(recorder, r)
		if prepared != test.prepared || waited != test.waited {
			t.Errorf("%s %s: prepared %v, waited %v (%d)", test.method, test.path, prepared, waited, recorder.Code)
		}
		if strings.Contains(test.path, "broken") && !seen {
			t.Error("the handler did not get the prepared context")
		}
	}
}

func TestRequestsAreObserved(t *testing.T) {
	var seen []string
	o := options()
	o.Observe = func(ctx context.Context, method, route string) (context.Context, func(error)) {
		return ctx, func(err error) { seen = append(seen, fmt.Sprintf("%s %s %v", method, route, err != nil)) }
	}
	api := mounted(t, o)
	wsgitest.Do(t, api, "GET", "/v3/abc/volumes/detail", "")
	wsgitest.Do(t, api, "POST", "/v3/volumes", "[]")
	wsgitest.Do(t, api, "GET", "/v3/nothing/here", "")
	want := []string{"GET /volumes/detail false", "POST /volumes true"}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestInventory(t *testing.T) {
	api, err := wsgi.New(options())
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]wsgi.RouteInfo{}
	for _, info := range api.Inventory() {
		found[info.Method+" "+info.Path+" "+info.Action+" "+info.Versions.String()] = info
	}
	want := wsgi.RouteInfo{Method: "POST", Path: "/volumes/{id}/action", Action: "revert", Versions: microversion.From(3, 40), Status: 202, Extension: "volumes"}
	if diff := cmp.Diff(want, found["POST /volumes/{id}/action revert 3.40-"]); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{"open"}, found["GET /volumes/open  all"].Policy); diff != "" {
		t.Error(diff)
	}
}

func TestScriptName(t *testing.T) {
	for _, test := range []struct{ uri, path, want string }{
		{"/v3/abc/volumes?x=1", "/abc/volumes", "/v3"}, {"/volumes", "/volumes", ""}, {"/v3/", "/", "/v3"}, {"/volume/v3/a%2Fb", "/a%2Fb", "/volume/v3"},
		{"http://host/v3/x", "/x", "/v3"}, {"//v3///a%20b//c", "/a%20b/c", "/v3"}, {"", "/x", ""}, {"/other", "/x", ""},
	} {
		r := httptest.NewRequest("GET", test.path, nil)
		r.RequestURI = test.uri
		if got := wsgi.ScriptName(r); got != test.want {
			t.Errorf("%s at %s: %q", test.path, test.uri, got)
		}
	}
}

func TestIfMatch(t *testing.T) {
	for header, want := range map[string]bool{"": true, "*": true, `"abc"`: true, `abc`: true, `"x", W/"abc"`: true, `"x"`: false} {
		r := &wsgi.Request{HTTP: httptest.NewRequest("PUT", "/", nil)}
		r.HTTP.Header.Set("If-Match", header)
		if r.IfMatch("abc") != want {
			t.Errorf("%s", header)
		}
	}
}

func FuzzCreate(f *testing.F) {
	wsgitest.FuzzBody(f, mounted(f, options()), "POST", "/v3/volumes", createSchema, "3.0", "3.53")
}

func FuzzPath(f *testing.F) {
	for _, path := range []string{"/v3/volumes/1", "/v3/abc/volumes", "/v3/%2F", "/v3/a/../b", "/v3/volumes.json", "/v3/.json", "/v3/abc/.json", "/v3/..json", "/v3/abc/...json"} {
		f.Add(path)
	}
	api := mounted(f, options())
	f.Fuzz(func(t *testing.T, path string) {
		r, err := http.NewRequestWithContext(reqctx.With(t.Context(), wsgitest.Caller()), "GET", "http://example.com"+path, nil)
		if err != nil || strings.Contains(path, "panic") || strings.Contains(path, "fail") {
			return
		}
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code >= 500 || w.Code >= 300 && w.Code < 400 {
			t.Errorf("%q: %d", path, w.Code)
		}
	})
}

func BenchmarkShow(b *testing.B) {
	api := mounted(b, options())
	r := httptest.NewRequestWithContext(reqctx.With(b.Context(), wsgitest.Caller()), "GET", "/v3/abc/volumes/00000000-0000-0000-0000-000000000001", nil)
	r.Header.Set("OpenStack-API-Version", "volume 3.71")
	b.ReportAllocs()
	for b.Loop() {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		if w.Code != 200 {
			b.Fatal(w.Code)
		}
	}
}
