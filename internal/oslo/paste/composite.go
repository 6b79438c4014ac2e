package paste

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Choose makes a composite that is the pipeline under the first of these keys that the section has. It is
// cinder.api.middleware.auth:pipeline_factory, with the keys <auth_strategy>_nolimit, if rates are not limited, and
// <auth_strategy>.
func Choose(keys ...string) CompositeFactory {
	return func(l Loader, settings map[string]string) (http.Handler, error) {
		for _, key := range keys {
			if names, ok := settings[key]; ok {
				return l.Pipeline(names)
			}
		}
		return nil, fmt.Errorf("has no pipeline %s; it has %s", strings.Join(keys, " or "),
			strings.Join(slices.Sorted(maps.Keys(settings)), ", "))
	}
}

// URLMapWithout is URLMap but for paths that have no application any more: each key of gone that a section still has is
// left out, and its text given to warn. It is cinder.api:root_app_factory, with /v1 and /v2.
func URLMapWithout(gone map[string]string, warn func(text string)) CompositeFactory {
	return func(l Loader, settings map[string]string) (http.Handler, error) {
		settings = maps.Clone(settings)
		for _, path := range slices.Sorted(maps.Keys(gone)) {
			if _, has := settings[path]; has {
				warn(gone[path])
				delete(settings, path)
			}
		}
		return URLMap(l, settings)
	}
}

// URLMap is paste.urlmap: the settings' keys are path prefixes, their values names of applications; the longest prefix
// that matches whole path segments wins. Runs of slashes count as one. The application sees the path without the prefix
// (r.URL.Path is "" for a request of the prefix itself), and ScriptName gives what was taken off.
//
// A request that nothing matches goes to the application named by not_found_app, or is answered 404.
func URLMap(l Loader, settings map[string]string) (http.Handler, error) {
	m := &urlMap{missing: http.HandlerFunc(notFound)}
	var problems []error
	for _, path := range slices.Sorted(maps.Keys(settings)) {
		app, err := l.App(settings[path])
		switch {
		case err != nil:
			problems = append(problems, err)
		case path == "not_found_app":
			m.missing = app
		case !strings.HasPrefix(path, "/"):
			problems = append(problems, fmt.Errorf("%q is not a path; it should begin with /", path))
		default:
			m.routes = append(m.routes, route{strings.TrimRight(singleSlashes(path), "/"), app})
		}
	}
	slices.SortStableFunc(m.routes, func(a, b route) int { return len(b.prefix) - len(a.prefix) })
	return m, errors.Join(problems...)
}

type urlMap struct {
	routes  []route // longest prefix first
	missing http.Handler
}

type route struct {
	prefix string // without a slash at the end; "" is everything
	app    http.Handler
}

// ServeHTTP passes the request on to the application its path belongs to.
func (m *urlMap) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := singleSlashes(r.URL.Path)
	for _, to := range m.routes {
		rest, ok := strings.CutPrefix(path, to.prefix)
		if ok && (rest == "" || rest[0] == '/') {
			to.app.ServeHTTP(w, below(r, to.prefix, rest))
			return
		}
	}
	m.missing.ServeHTTP(w, r)
}

func notFound(w http.ResponseWriter, _ *http.Request) {
	http.Error(w, "404 Not Found\n\nThe resource could not be found.\n", http.StatusNotFound)
}

// below is the request as an application under prefix sees it.
func below(r *http.Request, prefix, rest string) *http.Request {
	out := r.WithContext(context.WithValue(r.Context(), scriptKey{}, ScriptName(r.Context())+prefix))
	u := *r.URL
	u.Path = rest
	u.RawPath = ""
	// An escaped path stays as it was sent, if it can be told which part of it is the prefix.
	if raw, ok := strings.CutPrefix(singleSlashes(r.URL.RawPath), prefix); ok && raw != rest {
		if plain, err := url.PathUnescape(raw); err == nil && plain == rest {
			u.RawPath = raw
		}
	}
	out.URL = &u
	return out
}

type scriptKey struct{}

// ScriptName is the part of the path that urlmaps have taken off, without a slash at the end (WSGI's SCRIPT_NAME). The
// path a client asked for is ScriptName followed by the request's path.
func ScriptName(ctx context.Context) string {
	name, _ := ctx.Value(scriptKey{}).(string)
	return name
}

// singleSlashes makes every run of slashes one.
func singleSlashes(path string) string {
	if !strings.Contains(path, "//") {
		return path
	}
	var b strings.Builder
	for i := range len(path) {
		if path[i] != '/' || i == 0 || path[i-1] != '/' {
			b.WriteByte(path[i])
		}
	}
	return b.String()
}
