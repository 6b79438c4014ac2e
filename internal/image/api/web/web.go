// Package web is HTTP as Glance speaks it, below its resources: routes with the methods each takes, bodies of JSON, and refusals
// as the pages of webob, in the form that the client accepts.
//
// oslo/wsgi is Cinder's: it reads bodies whole, negotiates microversions and answers with faults of JSON, none of which Glance
// does.
//
// What must not live here: any resource.
package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Handler answers a request; an error becomes a page. It must not have begun to answer when it returns one.
type Handler func(w http.ResponseWriter, r *http.Request) error

// Route is one call of the API.
type Route struct {
	Method string
	Path   string // "/v2/images/{image_id}"
	// HasBody lets a body through. Without it a request that has one is refused.
	HasBody bool
	Policy  []string // the rules it asks for, for documents and goldens
	Handle  Handler
}

// Observe is told when a request is found to be for a route; end, when it has been answered, with the error if that was a page.
type Observe func(ctx context.Context, method, route string) (observed context.Context, end func(error))

// New serves routes. A path that no route has is 404, a method that it has not 405.
func New(routes []Route, observe Observe, log *slog.Logger) http.Handler {
	if observe == nil {
		observe = func(ctx context.Context, _, _ string) (context.Context, func(error)) { return ctx, func(error) {} }
	}
	mux := http.NewServeMux()
	byPath := map[string]map[string]Route{}
	for _, r := range routes {
		if byPath[r.Path] == nil {
			byPath[r.Path] = map[string]Route{}
		}
		byPath[r.Path][r.Method] = r
	}
	for path, methods := range byPath {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			route, ok := methods[r.Method]
			if !ok {
				refuseMethod(w, r, methods)
				return
			}
			serve(w, r, route, observe, log)
		})
	}
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { WriteFault(w, r, notFound()) })
	return mux
}

func notFound() error { return fault.New(fault.NotFound, "", notFoundText) }

// serve answers one request.
func serve(w http.ResponseWriter, r *http.Request, route Route, observe Observe, log *slog.Logger) {
	ctx, end := observe(r.Context(), route.Method, route.Path)
	r = r.WithContext(ctx)
	err := func() error {
		if !route.HasBody && hasBody(r) {
			return fault.New(fault.Invalid, "", "A body is not expected with this request.")
		}
		return route.Handle(w, r)
	}()
	end(err)
	if err == nil {
		return
	}
	if fault.KindOf(err) == fault.Internal && !errors.Is(err, context.Canceled) {
		log.ErrorContext(ctx, "a request failed", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	WriteFault(w, r, err)
}

func refuseMethod(w http.ResponseWriter, r *http.Request, methods map[string]Route) {
	var allowed []string
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		if _, ok := methods[m]; ok {
			allowed = append(allowed, m)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	writePage(w, r, http.StatusMethodNotAllowed, "The method "+r.Method+" is not allowed for this resource. ")
}

// hasBody reports whether a request brings a body, as Glance sees it.
func hasBody(r *http.Request) bool {
	return r.ContentLength != 0 && r.Body != nil && r.Body != http.NoBody
}

// maxBodyBytes bounds a body of JSON.
const maxBodyBytes = 1 << 20

// Body decodes the body of a request, an object or a list; see bodyschema.Decode. It also gives the bytes.
func Body(w http.ResponseWriter, r *http.Request) (value any, raw []byte, err error) {
	if !hasBody(r) {
		return nil, nil, fault.New(fault.Invalid, "", "Body expected in request.")
	}
	raw, err = io.ReadAll(http.MaxBytesReader(w, r.Body, maxBodyBytes))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return nil, nil, fault.New(fault.OverLimit, "", "The body of the request is larger than %d bytes.", maxBodyBytes)
	}
	if err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "", "Malformed JSON in request body.")
	}
	if value, err = bodyschema.Decode(raw); err != nil {
		return nil, nil, fault.Wrap(err, fault.Invalid, "", "Malformed JSON in request body.")
	}
	switch value.(type) {
	case map[string]any, []any:
		return value, raw, nil
	}
	return nil, nil, fault.New(fault.Invalid, "", "Unexpected body type. Expected list/dict.")
}

// Object is Body where an object is wanted.
func Object(w http.ResponseWriter, r *http.Request) (bodyschema.Object, []byte, error) {
	value, raw, err := Body(w, r)
	if err != nil {
		return nil, nil, err
	}
	o, ok := value.(map[string]any)
	if !ok {
		return nil, nil, fault.New(fault.Invalid, "", "Expected an object in the body of the request.")
	}
	return o, raw, nil
}

// WriteJSON answers with what a jsonview.Writer holds.
func WriteJSON(w http.ResponseWriter, status int, body []byte) error {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, err := w.Write(body)
	return ignored(err)
}

// WriteValue answers with any value by encoding/json, without HTML escapes: for answers that are not hot.
func WriteValue(w http.ResponseWriter, status int, value any) error {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fault.Wrap(err, fault.Internal, "", "encode the answer")
	}
	return WriteJSON(w, status, []byte(strings.TrimSuffix(out.String(), "\n")))
}

// ignored: the client went away, and nothing is left to do for it.
func ignored(error) error { return nil }

// NoContent answers with nothing.
func NoContent(w http.ResponseWriter) error {
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Status is the HTTP status of an error.
func Status(err error) int {
	switch fault.NameOf(err) {
	case "ImageGone":
		return http.StatusGone
	case "RangeNotSatisfiable":
		return http.StatusRequestedRangeNotSatisfiable
	case "MethodNotAllowed":
		return http.StatusMethodNotAllowed
	}
	return wsgi.Status(fault.KindOf(err))
}

// Policies are all rules that routes ask for.
func Policies(routes []Route) []string {
	var list []string
	for _, r := range routes {
		list = append(list, r.Policy...)
	}
	slices.Sort(list)
	return slices.Compact(list)
}
