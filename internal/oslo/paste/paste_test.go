package paste

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/fault"
)

// named is a filter that writes its name in front of what the inner handler writes.
func named(name string) FilterFactory {
	return func(settings map[string]string) (Filter, error) {
		if why := settings["refuse"]; why != "" {
			return nil, errors.New(why)
		}
		return func(h http.Handler) http.Handler {
			return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				fmt.Fprint(w, name, ">")
				h.ServeHTTP(w, r)
			})
		}, nil
	}
}

// answering is an application that writes its name, its settings, and where it thinks it is.
func answering(name string) AppFactory {
	return func(settings map[string]string) (http.Handler, error) {
		var list []string
		for _, key := range slices.Sorted(maps.Keys(settings)) {
			list = append(list, key+"="+settings[key])
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			fmt.Fprintf(w, "%s(%s) %s|%s", name, strings.Join(list, " "), ScriptName(r.Context()), r.URL.EscapedPath())
		}), nil
	}
}

// registry knows the names in the fixtures, for one auth_strategy. Warnings are appended to *warned.
func registry(strategy string, warned *[]string) Registry {
	return Registry{
		Filters: map[string]FilterFactory{
			"x.middleware:RequestId.factory": named("request_id"), "x.fault:Wrapper": named("fault"),
			"x.auth:NoAuth": named("noauth"), "x.auth:Keystone": named("keystone"), "egg:Osprofiler": named("profiler"),
		},
		Apps: map[string]AppFactory{
			"x.versions:Versions.factory": answering("versions"), "x.router:APIRouter.factory": answering("v3"),
			"egg:oslo.middleware#healthcheck": answering("health"),
		},
		Composites: map[string]CompositeFactory{
			"x.api:root": URLMapWithout(map[string]string{"/v1": "v1 is gone", "/v2": "v2 is gone"},
				func(text string) { *warned = append(*warned, text) }),
			"x.auth:pipelines": Choose(strategy+"_nolimit", strategy),
			"egg:Paste#urlmap": URLMap,
		},
	}
}

const volumes = `
# A file of the shape operators have.
[DEFAULT]
place = %(here)s

[composite:osapi_volume]
use = call:x.api:root
/: versions
/v1: gone
/v2: gone
/healthcheck: health
/v3: api

[composite:api]
use = call:x.auth:pipelines
noauth = request_id fault noauth v3app
keystone = request_id fault
  keystone v3app
keystone_nolimit = request_id keystone v3app

[filter:request_id]
paste.filter_factory = x.middleware:RequestId.factory
[filter:fault]
paste.filter_factory = x.fault:Wrapper
[filter:noauth]
paste.filter_factory = x.auth:NoAuth
[filter:keystone]
paste.filter_factory = x.auth:Keystone
[filter:never]
paste.filter_factory = nobody.knows:this

[app:v3app]
paste.app_factory = x.router:APIRouter.factory
size = 5

[pipeline:versions]
pipeline = request_id fault versionapp

[app:versionapp]
paste.app_factory = x.versions:Versions.factory

[app:health]
use = egg:Oslo_Middleware#healthcheck
percent = 100%%
`

func get(h http.Handler, path string) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
	body, _ := io.ReadAll(w.Body) // of a recorder
	return strings.TrimRight(string(body), "\n")
}

func TestAnOperatorsFile(t *testing.T) {
	var warned []string
	h, err := LoadText("/etc/x/api-paste.ini", []byte(volumes), "osapi_volume", registry("noauth", &warned))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"/":                     "request_id>fault>versions(place=/etc/x) |/",
		"/v1/p/volumes":         "request_id>fault>versions(place=/etc/x) |/v1/p/volumes",
		"/v3x":                  "request_id>fault>versions(place=/etc/x) |/v3x",
		"/v3":                   "request_id>fault>noauth>v3(place=/etc/x size=5) /v3|",
		"/v3/":                  "request_id>fault>noauth>v3(place=/etc/x size=5) /v3|/",
		"//v3//p/volumes/":      "request_id>fault>noauth>v3(place=/etc/x size=5) /v3|/p/volumes/",
		"/v3/p/volumes/a%2Fb":   "request_id>fault>noauth>v3(place=/etc/x size=5) /v3|/p/volumes/a%2Fb",
		"/healthcheck":          "health(percent=100% place=/etc/x) /healthcheck|",
		"/healthcheck/detailed": "health(percent=100% place=/etc/x) /healthcheck|/detailed",
	} {
		if got := get(h, path); got != want {
			t.Errorf("GET %s: got  %s\nwant %s", path, got, want)
		}
	}
	if diff := cmp.Diff([]string{"v1 is gone", "v2 is gone"}, warned); diff != "" {
		t.Error(diff)
	}
	h, err = LoadText("f", []byte(volumes), "osapi_volume", registry("keystone", &warned))
	if err != nil {
		t.Fatal(err)
	}
	if got := get(h, "/v3/x"); !strings.HasPrefix(got, "request_id>keystone>v3(") {
		t.Errorf("the pipeline under keystone_nolimit should win: %s", got)
	}
}

// What sections inherit and set, as paste.deploy 3.1 answers for the same text.
func TestInheritance(t *testing.T) {
	const text = `
[DEFAULT]
shared = default
place = here
[app:base]
use = call:x.router:APIRouter.factory
a = 1
b = base
[app:derived]
use = base
b = derived %(a2)s
a2 = two
set shared = changed
shared = ignored
get copy = shared
[composite:outer]
use = egg:paste#urlmap
set place = outer
/base: base
/inner: inner
not_found_app = derived
[composite:inner]
use = egg:Paste#urlmap
set shared = inner
/: derived
[filter-app:wrapped]
paste.filter_factory = x.fault:Wrapper
next = twice
[app:twice]
use = base
filter-with = around
[filter:around]
use = profiled
filter-with = outermost
[filter:profiled]
use = egg:osprofiler
[filter:outermost]
paste.filter_factory = x.auth:NoAuth
`
	for _, tt := range []struct{ app, path, want string }{
		{"base", "/", "v3(a=1 b=base place=here shared=default) |/"},
		{"derived", "/", "v3(a=1 a2=two b=derived two copy=changed place=here shared=changed) |/"},
		{"outer", "/base/x", "v3(a=1 b=base place=outer shared=default) /base|/x"},
		{"outer", "/inner/x", "v3(a=1 a2=two b=derived two copy=changed place=outer shared=changed) /inner|/x"},
		{"outer", "/elsewhere", "v3(a=1 a2=two b=derived two copy=changed place=outer shared=changed) |/elsewhere"},
		{"wrapped", "/", "fault>noauth>profiler>v3(a=1 b=base place=here shared=default) |/"},
	} {
		h, err := LoadText("f", []byte(text), tt.app, registry("", nil))
		if err != nil {
			t.Errorf("%s: %v", tt.app, err)
			continue
		}
		if got := get(h, tt.path); got != tt.want {
			t.Errorf("%s%s:\ngot  %s\nwant %s", tt.app, tt.path, got, tt.want)
		}
	}
}

func TestNothingMatches(t *testing.T) {
	h, err := LoadText("f", []byte("[composite:a]\nuse = egg:Paste#urlmap\n/v3: b\n[app:b]\npaste.app_factory = x.router:APIRouter.factory\n"),
		"a", registry("", nil))
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/x", nil))
	if w.Code != 404 {
		t.Errorf("status %d, want 404", w.Code)
	}
}

func TestRefusals(t *testing.T) {
	const end = "\n[app:v3]\npaste.app_factory = x.router:APIRouter.factory\n[filter:id]\npaste.filter_factory = x.middleware:RequestId.factory\n"
	for _, tt := range []struct{ name, text, want string }{
		{"no such application", "", `f: there is no section for "main"; it should be one of the types app, application, composite, ` +
			`composit, pipeline, filter-app, as in [app:main]`},
		{"all that is wrong with a pipeline", "[pipeline:main]\npipeline = id nope bad v3\n[filter:bad]\n\npaste.filter_factory = no.such:thing" + end,
			`f: there is no section for "nope"; it should be one of the types filter, as in [filter:nope]
f:5: [filter:bad]: the filter factory no.such:thing is not known; known are egg:osprofiler#main, x.auth:Keystone, x.auth:NoAuth, ` +
				`x.fault:Wrapper, x.middleware:RequestId.factory`},
		{"an unknown application", "[app:main]\nuse = egg:other", `f:2: [app:main]: the application factory egg:other#main is not known; ` +
			`known are egg:oslo-middleware#healthcheck, x.router:APIRouter.factory, x.versions:Versions.factory`},
		{"an application as a composite", "[composite:main]\nuse = call:x.router:APIRouter.factory",
			`f:2: [composite:main]: the composite factory x.router:APIRouter.factory is not known; known are egg:paste#urlmap, ` +
				`x.api:root, x.auth:pipelines`},
		{"a cycle", "[pipeline:main]\npipeline = id other\n[composite:other]\nuse = egg:Paste#urlmap\n/x: main" + end,
			`f:1: [pipeline:main]: contains itself: pipeline:main -> composite:other -> pipeline:main`},
		{"a cycle of use", "[app:main]\nuse = b\n[app:b]\nuse = main", `f:1: [app:main]: contains itself: app:main -> app:b -> app:main`},
		{"no pipeline for the strategy", "[composite:main]\nuse = call:x.auth:pipelines\nother = id v3" + end,
			`f:1: [composite:main]: has no pipeline none_nolimit or none; it has other`},
		{"a factory's own refusal", "[pipeline:main]\npipeline = id2 v3\n[filter:id2]\nuse = id\nrefuse = colour should be red" + end,
			`f:3: [filter:id2]: colour should be red`},
		{"settings of a pipeline", "[pipeline:main]\npipeline = id v3\nsize = 1" + end,
			`f:3: [pipeline:main]: a pipeline has no settings of its own, but this one has size`},
		{"two ways to make it", "[app:main]\npaste.app_factory = a\npaste.composite_factory = b",
			`f:1: [app:main]: has both paste.app_factory and paste.composite_factory; it should have one`},
		{"no way to make it", "[app:main]\nx = 1", `f:1: [app:main]: says not how it is made; it should have use = ... or ` +
			`paste.app_factory = module:name`},
		{"another file", "[app:main]\nuse = config:other.ini", `f:2: [app:main]: use = config:other.ini is not supported; it should be egg:, ` +
			`call: or the name of a section`},
		{"two sections of one name", "[app:main]\nx=1\n[pipeline:main]\ny=1", `f:3: [pipeline:main]: means the same name as [app:main]`},
		{"a reference to nothing", "[app:main]\n\nx = %(y)s", `f:3: [app:main]: x refers to %(y)s, which is set neither here nor in [DEFAULT]`},
		{"a reference to itself", "[app:main]\nx = %(x)s", `f:2: [app:main]: x has references within references more than 10 deep`},
		{"a stray percent sign", "[app:main]\nx = 5%", `f:2: [app:main]: x has a % that begins no reference; write %% for a plain one`},
		{"get of nothing", "[app:main]\nget x = y", `f:2: [app:main]: get x: there is no global setting y`},
		{"a host in a urlmap", "[composite:main]\nuse = egg:Paste#urlmap\ndomain a = v3" + end, `f:1: [composite:main]: "domain a" is not a ` +
			`path; it should begin with /`},
		{"bad lines", "main\n[app:main]\nx", "f:1: a line before the first [section]\nf:3: neither a [section] nor an assignment; it " +
			"should be name = value"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := LoadText("f", []byte(tt.text), "main", registry("none", nil))
			if !fault.Is(err, fault.Invalid) {
				t.Fatalf("got %v, want a fault of kind Invalid", err)
			}
			if diff := cmp.Diff(tt.want, err.Error()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestBounds(t *testing.T) {
	var doubling strings.Builder
	for i := range 40 {
		fmt.Fprintf(&doubling, "[composite:c%d]\nuse = egg:Paste#urlmap\n/a: c%d\n/b: c%d\n", i, i+1, i+1)
	}
	doubling.WriteString("[app:c40]\nuse = call:x.router:APIRouter.factory\n")
	_, err := LoadText("f", []byte(doubling.String()), "c0", registry("", nil))
	if err == nil || !strings.Contains(err.Error(), "more than 1000 filters and applications") || len(err.Error()) > 10_000 {
		t.Errorf("got %.200v", err)
	}
	deep := "[DEFAULT]\nx0 = " + strings.Repeat("y", 100) + "\n"
	for i := range 9 {
		deep += fmt.Sprintf("x%d = %s\n", i+1, strings.Repeat(fmt.Sprintf("%%(x%d)s", i), 10))
	}
	if _, err := LoadText("f", []byte(deep+"[app:a]\nuse = b"), "a", registry("", nil)); err == nil || !strings.Contains(err.Error(), "grows beyond") {
		t.Errorf("got %.200v", err)
	}
}

// The file that Debian's cinder-common brings, or the one in a checkout of Cinder, where there is one: every name in it is
// given a factory, so what is tested is that the file itself is understood.
func TestCindersOwnFile(t *testing.T) {
	found := false
	for _, path := range []string{"/usr/share/cinder-common/api-paste.ini", "/etc/cinder/api-paste.ini",
		os.Getenv("CLINKER_CINDER_SOURCE") + "/etc/cinder/api-paste.ini"} {
		text, err := os.ReadFile(path)
		if err != nil {
			continue
		}
		found = true
		r := Registry{Filters: map[string]FilterFactory{}, Apps: map[string]AppFactory{}, Composites: map[string]CompositeFactory{
			"cinder.api:root_app_factory":                    URLMapWithout(nil, nil),
			"cinder.api.middleware.auth:pipeline_factory":    Choose("keystone"),
			"cinder.api.middleware.auth:pipeline_factory_v3": Choose("keystone"),
		}}
		for _, m := range regexp.MustCompile(`(?m)^paste\.(filter|app)_factory = (.*)$`).FindAllStringSubmatch(string(text), -1) {
			if m[1] == "filter" {
				r.Filters[m[2]] = named(m[2])
			} else {
				r.Apps[m[2]] = answering(m[2])
			}
		}
		h, err := Load(path, "osapi_volume", r)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if got := get(h, "/v3/p/volumes"); !strings.Contains(got, "keystonemiddleware.auth_token:filter_factory>") ||
			!strings.Contains(got, "/v3|/p/volumes") {
			t.Errorf("%s: %s", path, got)
		}
		if got := get(h, "/healthcheck"); !strings.Contains(got, "backends=disable_by_file") {
			t.Errorf("%s: %s", path, got)
		}
	}
	if !found {
		t.Skip("no api-paste.ini of Cinder on this machine; set CLINKER_CINDER_SOURCE to a checkout, or install cinder-common")
	}
}

func FuzzLoad(f *testing.F) {
	f.Add(volumes)
	f.Add("[composite:osapi_volume]\nuse = egg:Paste#urlmap\n/: a\n//: a\n[app:a]\nuse = b\n[app:b]\nuse = egg:oslo.middleware#healthcheck\n")
	f.Fuzz(func(t *testing.T, text string) {
		var warned []string
		h, err := LoadText("f", []byte(text), "osapi_volume", registry("noauth", &warned))
		if (h == nil) == (err == nil) {
			t.Fatalf("handler %v, error %v", h, err)
		}
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		get(h, "/v3/p/volumes")
	})
}
