package main

import (
	"bytes"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/paste"
)

// olderPaste has the shape of the files of older releases: v1 and v2 keys, and filters under Cinder's own names.
const olderPaste = `
[composite:osapi_volume]
use = call:cinder.api:root_app_factory
/: apiversions
/v1: gone
/v2: gone
/v3: v3
[composite:v3]
use = call:cinder.api.middleware.auth:pipeline_factory
noauth = request_id faultwrap sizelimit noauth apiv3
keystone = request_id faultwrap sizelimit authtoken keystonecontext apiv3
[filter:request_id]
paste.filter_factory = cinder.api.middleware.request_id:RequestId.factory
[filter:faultwrap]
paste.filter_factory = cinder.api.middleware.fault:FaultWrapper.factory
[filter:sizelimit]
paste.filter_factory = cinder.api.middleware.sizelimit:RequestBodySizeLimiter.factory
[filter:noauth]
paste.filter_factory = cinder.api.middleware.auth:NoAuthMiddleware.factory
[filter:keystonecontext]
paste.filter_factory = cinder.api.middleware.auth:CinderKeystoneContext.factory
[filter:authtoken]
paste.filter_factory = keystonemiddleware.auth_token:filter_factory
[app:apiv3]
paste.app_factory = cinder.api.v3.router:APIRouter.factory
[pipeline:apiversions]
pipeline = request_id faultwrap osvolumeversionapp
[app:osvolumeversionapp]
paste.app_factory = cinder.api.versions:Versions.factory
`

// TestPaste loads paste files as operators have them, and asks what answers where.
func TestPaste(t *testing.T) {
	texts := map[string][]byte{"embedded": embeddedPaste, "older": []byte(olderPaste)}
	const debian = "/usr/share/cinder-common/api-paste.ini"
	if text, err := os.ReadFile(debian); err == nil {
		texts["Debian's"] = text
	} else {
		t.Logf("not tried: %s (install cinder-common)", debian)
	}
	for name, text := range texts {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			says := func(text string) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) })
			}
			r := pasteRegistry("noauth", says("v3"), says("versions"), middleware.Filters{}, authFilters{nobody, nobody}, slog.New(slog.NewTextHandler(&log, nil)))
			h, err := paste.LoadText(name, text, "osapi_volume", r)
			if err != nil {
				t.Fatal(err)
			}
			for path, want := range map[string]string{"/": "versions", "/v3/volumes": "v3"} {
				req := httptest.NewRequest("GET", path, nil)
				req.Header.Set("X-Auth-Token", "user:project")
				w := httptest.NewRecorder()
				h.ServeHTTP(w, req)
				if w.Code != 200 || w.Body.String() != want {
					t.Errorf("GET %s: %d %q, want %q", path, w.Code, w.Body, want)
				}
				if w.Header().Get("X-Openstack-Request-Id") == "" {
					t.Errorf("GET %s has no request id", path)
				}
			}
			if name == "older" && strings.Count(log.String(), "this version of the API is gone") != 2 {
				t.Errorf("/v1 and /v2 are warned of, once each; the log: %s", &log)
			}
		})
	}
}

// nobody is a filter that lets nobody through.
func nobody(map[string]string) (paste.Filter, error) {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusUnauthorized) })
	}, nil
}

// TestPasteKeystone: with auth_strategy = keystone the API is behind the filter, and what says which versions there are is not.
func TestPasteKeystone(t *testing.T) {
	app := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	h, err := paste.LoadText("embedded", embeddedPaste, "osapi_volume",
		pasteRegistry("keystone", app, app, middleware.Filters{}, authFilters{nobody, nobody}, slog.Default()))
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]int{"/": 200, "/v3/volumes": 401, "/v3/": 401} {
		w := httptest.NewRecorder()
		if h.ServeHTTP(w, httptest.NewRequest("GET", path, nil)); w.Code != want {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
}
