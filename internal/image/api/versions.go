package api

import (
	"net/http"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// current is the newest version, and versions are all in the order that upstream lists them where there are several stores and
// no cache. Upstream: glance/api/versions.py.
const current = "2.17"

var versions = []string{"2.15", "2.13", "2.12", "2.11", "2.10", "2.9", "2.8", current, "2.7", "2.6", "2.5", "2.4", "2.3", "2.2", "2.1", "2.0"}

// Versioned puts the choice of a version before the API: /v2 and its kin lead to it, /versions and every other path to the list
// of versions. publicEndpoint, if any, is what the list's links begin with.
//
// Upstream: glance/api/middleware/version_negotiation.py.
func Versioned(v2 http.Handler, publicEndpoint string) http.Handler {
	const vendor = "application/vnd.openstack.images-"
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := strings.TrimLeft(r.URL.Path, "/")
		first, rest, _ := strings.Cut(path, "/")
		if first == "versions" {
			writeVersions(w, r, publicEndpoint, http.StatusOK)
			return
		}
		version := first
		if text, ok := strings.CutPrefix(r.Header.Get("Accept"), vendor); ok {
			version, rest = text, path
		}
		if number, ok := strings.CutPrefix(version, "v"); !ok || number != "2" && !slices.Contains(versions, number) {
			writeVersions(w, r, publicEndpoint, http.StatusMultipleChoices)
			return
		}
		v2.ServeHTTP(w, moved(r, rest))
	})
}

// moved is the request for a path below /v2.
func moved(r *http.Request, rest string) *http.Request {
	out := *r
	out.URL = new(*r.URL)
	rest = strings.TrimLeft(rest, "/")
	for strings.Contains(rest, "//") { // which upstream takes for one
		rest = strings.ReplaceAll(rest, "//", "/")
	}
	if out.URL.RawPath != "" { // keeps a slash in a tag apart from those between the parts
		escaped := strings.TrimLeft(out.URL.RawPath, "/")
		if !strings.HasPrefix(r.Header.Get("Accept"), "application/vnd.openstack.images-") {
			_, escaped, _ = strings.Cut(escaped, "/")
		}
		out.URL.RawPath = "/v2/" + escaped
	}
	out.URL.Path = "/v2/" + rest
	return &out
}

func writeVersions(w http.ResponseWriter, r *http.Request, publicEndpoint string, status int) {
	base := publicEndpoint
	if base == "" {
		base = wsgi.ApplicationURL(&http.Request{Host: r.Host, URL: r.URL, TLS: r.TLS, Header: r.Header}, "")
	}
	list := make([]map[string]any, len(versions))
	for n, v := range versions {
		status := "SUPPORTED"
		if v == current {
			status = "CURRENT"
		}
		list[n] = map[string]any{"id": "v" + v, "status": status,
			"links": []map[string]string{{"rel": "self", "href": strings.TrimRight(base, "/") + "/v2/"}}}
	}
	if err := web.WriteValue(w, status, map[string]any{"versions": list}); err != nil {
		web.WriteFault(w, r, err)
	}
}
