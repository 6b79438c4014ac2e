package rest

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// Request is what a Handler gets.
type Request struct {
	HTTP *http.Request
	// Body is the decoded body, or the member of it that the route names; nil when the route has no schema.
	Body bodyschema.Object

	api   *API
	query url.Values
}

// Path is the value of a {wildcard} of the route's path.
func (r *Request) Path(name string) string { return r.HTTP.PathValue(name) }

// Query gives the query parameters.
func (r *Request) Query() url.Values {
	if r.query == nil {
		r.query = r.HTTP.URL.Query()
	}
	return r.query
}

// Flag is a query parameter that is true by being there, unless it is 0, as Keystone reads them.
func (r *Request) Flag(name string) bool {
	values, there := r.Query()[name]
	return there && (len(values) == 0 || values[0] != "0")
}

// Bool is a query parameter that is a boolean: nil when it is not there. As in Keystone, 0 and its like is false and
// everything else, the empty text too, is true.
func (r *Request) Bool(name string) *bool {
	if !r.Query().Has(name) {
		return nil
	}
	switch strings.ToLower(r.Query().Get(name)) {
	case "0", "false", "no", "off", "f", "n":
		return new(false)
	}
	return new(true)
}

// Link is the URL of a path below /v3, such as "users/1".
func (r *Request) Link(path string) string { return r.api.base(r.HTTP) + "/" + path }

// Self is the URL of the request itself.
func (r *Request) Self() string {
	url := strings.TrimSuffix(r.api.base(r.HTTP), "/v3") + r.HTTP.URL.Path
	if query := r.HTTP.URL.RawQuery; query != "" {
		url += "?" + query
	}
	return url
}

// RequireID refuses a body that names another id than the path.
func (r *Request) RequireID(id string) error {
	if r.Body.Has("id") && !r.Body.IsNull("id") && r.Body.String("id") != id {
		return identity.Invalid("Cannot change ID")
	}
	return nil
}

// Others are the members of a body that are not among the known, which are kept with the resource as they are.
func Others(body bodyschema.Object, known ...string) identity.Extra {
	extra := identity.Extra{}
	for name, value := range body {
		if !slices.Contains(known, name) && name != "id" && name != "links" {
			extra[name] = value
		}
	}
	return extra
}

// Page reads limit and marker; the limit is the configured one if none is asked for, and never above the largest.
func (r *Request) Page(o app.Options) (page app.Page, err error) {
	page = app.Page{Limit: o.ListLimit, Marker: r.Query().Get("marker")}
	if text := r.Query().Get("limit"); text != "" {
		if page.Limit, err = strconv.Atoi(text); err != nil || page.Limit < 0 {
			return app.Page{}, identity.Invalid("Invalid input for field 'limit': '%s' is not of type 'integer'", text)
		}
	}
	page.Limit = min(page.Limit, o.MaxListLimit)
	return page, nil
}

// Names reads the filters by parts of the name: name__contains=x and its like. Comparators that do not exist are left out,
// as in Keystone.
func (r *Request) Names() []app.NameFilter { return r.Parts("name") }

// Parts is Names for another attribute.
func (r *Request) Parts(attribute string) (filters []app.NameFilter) {
	comparators := map[string]app.Comparator{"contains": app.Contains, "startswith": app.StartsWith, "endswith": app.EndsWith}
	for _, key := range slices.Sorted(maps.Keys(r.Query())) {
		comparator, ok := strings.CutPrefix(key, attribute+"__")
		if !ok {
			continue
		}
		plain, anyCase := strings.CutPrefix(comparator, "i")
		if how, known := comparators[plain]; known {
			for _, value := range r.Query()[key] {
				filters = append(filters, app.NameFilter{Comparator: how, Value: value, AnyCase: anyCase})
			}
		}
	}
	return filters
}

// Response is what a Handler answers.
type Response struct {
	Status int         // 0: the route's
	Header http.Header // added to the answer; may be nil
	Body   []byte      // nil: none
	Type   string
}

// JSON answers any value.
func JSON(value any) *Response {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // maps, slices and texts of our own always encode
	}
	return &Response{Body: []byte(out.String()), Type: "application/json"}
}

// Empty answers without a body.
func Empty() *Response { return &Response{} }

// With adds a header and gives the response.
func (p *Response) With(name, value string) *Response {
	if p.Header == nil {
		p.Header = http.Header{}
	}
	p.Header.Set(name, value)
	return p
}

// One answers with one resource under its name.
func One(name string, view map[string]any) *Response { return JSON(map[string]any{name: view}) }

// List answers with a list under its name and links to it. limit is that of the page, 0 for none: a page that is full says
// where the next one begins.
func (r *Request) List(name string, views []map[string]any, limit int) *Response {
	if views == nil {
		views = []map[string]any{}
	}
	var next any
	answer := map[string]any{name: views}
	if limit > 0 && len(views) == limit {
		query := maps.Clone(r.Query())
		query.Set("marker", text(views[len(views)-1]["id"]))
		query.Set("limit", strconv.Itoa(limit))
		next = strings.TrimSuffix(r.api.base(r.HTTP), "/v3") + r.HTTP.URL.Path + "?" + query.Encode()
		answer["truncated"] = true
	}
	answer["links"] = map[string]any{"next": next, "self": r.Self(), "previous": nil}
	return JSON(answer)
}

func text(value any) string { s, _ := value.(string); return s }

// answer sends a response.
func (a *API) answer(w http.ResponseWriter, response *Response, status int) {
	if response == nil {
		response = Empty()
	}
	if response.Status != 0 {
		status = response.Status
	}
	if status == 0 {
		status = http.StatusOK
	}
	for name, values := range response.Header {
		w.Header()[name] = values
	}
	write(w, status, response.Type, response.Body)
}

func write(w http.ResponseWriter, status int, contentType string, body []byte) {
	if status != http.StatusNoContent {
		if contentType != "" {
			w.Header().Set("Content-Type", contentType)
		}
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	}
	w.WriteHeader(status)
	if status != http.StatusNoContent {
		_, _ = w.Write(body) // the client went away: nothing is left to do for it
	}
}

// Null is a text as a member of a view: null when it is "".
func Null(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// View begins the view of something: what clients stored with it, under which its own members go, with a link to it.
func (r *Request) View(extra identity.Extra, link string, members map[string]any) map[string]any {
	view := make(map[string]any, len(extra)+len(members)+1)
	maps.Copy(view, extra)
	maps.Copy(view, members)
	view["links"] = map[string]any{"self": r.Link(link)}
	return view
}

// Settings are options as a member of a view.
func Settings(o identity.Options) map[string]any {
	if o == nil {
		return map[string]any{}
	}
	return o
}

// Strings is a list as a member of a view.
func Strings(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

// OrNull is a text as a member of a view: null when there is none.
func OrNull(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// Each makes the views of a list.
func Each[T any](list []T, view func(T) map[string]any) []map[string]any {
	views := []map[string]any{}
	for _, thing := range list {
		views = append(views, view(thing))
	}
	return views
}
