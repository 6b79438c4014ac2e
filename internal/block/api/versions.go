package api

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// versionsUpdated is when upstream last changed the newest microversion.
const versionsUpdated = "2023-08-31T00:00:00Z"

// document is the versions document, which is the same at / and at /v3/. base is the URL of the application at /.
func document(base string) map[string]any {
	return map[string]any{"versions": []any{map[string]any{
		"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0", "updated": versionsUpdated,
		"links": []any{
			map[string]string{"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"},
			map[string]string{"rel": "self", "href": strings.TrimSuffix(base, "/") + "/v3/"},
		},
		"media-types": []any{map[string]string{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}},
	}}}
}

// Versions is the application at /: it lists the versions of the API, with status 300, to everyone who asks. Any other
// path is 404. A microversion is negotiated as everywhere and changes nothing. publicEndpoint, when not empty, replaces scheme
// and host of its links (public_endpoint).
func Versions(publicEndpoint string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" && r.URL.Path != "" {
			wsgi.NotFound(w, r)
			return
		}
		version, err := Service.Negotiate(strings.Join(r.Header.Values(microversion.Header), ","))
		if !version.IsZero() {
			w.Header().Set(microversion.Header, Service.HeaderValue(version))
			w.Header().Set("Vary", microversion.Header)
		}
		if err != nil {
			wsgi.WriteFault(w, err)
			return
		}
		body, err := json.Marshal(document(wsgi.ApplicationURL(r, publicEndpoint)))
		if err != nil {
			http.Error(w, "the versions document cannot be written", http.StatusInternalServerError)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusMultipleChoices)
		_, _ = w.Write(body) // a client that went away is no news
	})
}

// root is the extension that answers at /v3/ itself.
func root() wsgi.Extension {
	show := func(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		base := strings.TrimSuffix(wsgi.ApplicationURL(r.HTTP, ""), "/v3")
		return wsgi.Value(document(base))
	}
	return wsgi.Extension{Alias: "versions", Core: true,
		Resources: []wsgi.Resource{{Collection: "", Routes: []wsgi.Route{{Method: "GET", Path: "", Handler: show}}}}}
}
