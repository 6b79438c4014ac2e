package wsgi

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/jsonview"
)

// linkPrefixes is what the links of one answer begin with, worked out once.
type linkPrefixes struct{ self, bookmark string }

// ScriptName is the path an application is mounted at: what has been cut off the front of the request's path since it
// came in (by a urlmap, by http.StripPrefix). "" at the root, else with a slash in front and none behind.
func ScriptName(r *http.Request) string {
	path, _, _ := strings.Cut(r.RequestURI, "?")
	if !strings.HasPrefix(path, "/") { // the absolute form that proxies send
		if u, err := url.Parse(r.RequestURI); err == nil {
			path = u.EscapedPath()
		}
	}
	for strings.Contains(path, "//") { // a urlmap counts them as one
		path = strings.ReplaceAll(path, "//", "/")
	}
	if plain, err := url.PathUnescape(path); err == nil {
		path = plain
	}
	prefix, found := strings.CutSuffix(path, r.URL.Path)
	if !found {
		return ""
	}
	return strings.TrimSuffix(prefix, "/")
}

// ApplicationURL is where clients reach the application: scheme, host and mount point, without a slash at the end. A
// proxy's X-Forwarded-Host counts as upstream lets it count; scheme and prefix come from the filter
// http_proxy_to_wsgi. A publicEndpoint replaces scheme and host and goes before the mount point.
func ApplicationURL(r *http.Request, publicEndpoint string) string {
	script := ScriptName(r)
	if public, err := url.Parse(publicEndpoint); err == nil && publicEndpoint != "" {
		return strings.TrimSuffix(public.Scheme+"://"+public.Host+public.EscapedPath()+script, "/")
	}
	scheme := r.URL.Scheme
	if scheme == "" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	host := r.Host
	if forwarded := r.Header.Get("X-Forwarded-Host"); forwarded != "" {
		host = strings.TrimSpace(forwarded[strings.LastIndexByte(forwarded, ',')+1:])
	}
	return scheme + "://" + host + script
}

// links gives the prefixes, with the project id when the client's path has it.
func (r *Request) linkPrefixes() *linkPrefixes {
	if r.prefixes == nil {
		base := ApplicationURL(r.original, r.api.options.PublicEndpoint)
		project := ""
		if r.projectPath != "" {
			project = "/" + r.projectPath
		}
		r.prefixes = &linkPrefixes{self: base + project, bookmark: withoutVersion(base) + project}
	}
	return r.prefixes
}

// withoutVersion takes the first path segment of the form v3 or v3.1 out of a URL.
func withoutVersion(base string) string {
	scheme, rest, _ := strings.Cut(base, "://")
	segments := strings.Split(rest, "/")
	for i, segment := range segments[1:] {
		if isVersion(segment) {
			return scheme + "://" + strings.Join(slices.Delete(segments, i+1, i+2), "/")
		}
	}
	return base
}

// nextQuery is a query with another marker: the parameters in the order they came, as upstream has them, and the marker last.
func nextQuery(query, marker string) string {
	var parts []string
	for pair := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(pair, "=")
		name, nameErr := url.QueryUnescape(name)
		value, valueErr := url.QueryUnescape(value)
		if pair != "" && name != "marker" && nameErr == nil && valueErr == nil {
			parts = append(parts, url.QueryEscape(name)+"="+url.QueryEscape(value))
		}
	}
	return strings.Join(append(parts, "marker="+url.QueryEscape(marker)), "&")
}

func isVersion(segment string) bool {
	number, ok := strings.CutPrefix(segment, "v")
	if !ok || number == "" {
		return false
	}
	major, minor, dotted := strings.Cut(number, ".")
	return major != "" && strings.Trim(major, "0123456789") == "" &&
		(!dotted || minor != "" && strings.Trim(minor, "0123456789") == "")
}

// SelfLink is the URL of one item.
func (r *Request) SelfLink(collection, id string) string {
	return r.linkPrefixes().self + "/" + collection + "/" + id
}

// AppendLinks writes the member "links" of one item: self (with the project id if the request had it) and bookmark
// (without the version).
func (r *Request) AppendLinks(w *jsonview.Writer, collection, id string) {
	prefixes := r.linkPrefixes()
	w.Key("links")
	w.OpenList()
	appendLink(w, "self", prefixes.self, collection, id)
	appendLink(w, "bookmark", prefixes.bookmark, collection, id)
	w.CloseList()
}

func appendLink(w *jsonview.Writer, rel, prefix, collection, id string) {
	w.Open()
	w.String("rel", rel)
	w.Joined("href", prefix, "/", collection, "/", id)
	w.Close()
}

// AppendNextLink writes the member "<name>_links" when the page is full: count items were found and the last of them
// is lastID. path is where the list is, such as "volumes" or "volumes/detail". Upstream leaves the member out otherwise.
func (r *Request) AppendNextLink(w *jsonview.Writer, name, path string, page Page, count int, lastID string) {
	if count == 0 || page.Limit > count {
		return
	}
	w.Key(name + "_links")
	w.OpenList()
	w.Open()
	w.String("rel", "next")
	w.String("href", r.linkPrefixes().self+"/"+path+"?"+nextQuery(r.HTTP.URL.RawQuery, lastID))
	w.Close()
	w.CloseList()
}
