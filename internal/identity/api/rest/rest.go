// Package rest is the HTTP shape of the identity API: routes as data, JSON bodies with schemas, links, filters, pages, and
// faults in Keystone's form. It is a slim thing over net/http.ServeMux; package oslo/wsgi, made for APIs with microversions,
// actions and project ids in their paths, has none of what Keystone's API needs and much that it must not have.
//
// What must not live here: any resource.
package rest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"runtime/debug"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// Handler answers one request. An error becomes a fault body; one that is no fault is a 500 that tells nothing. It is
// called concurrently.
type Handler func(ctx context.Context, r *Request) (*Response, error)

// Route is one method on one path. A GET is also served to HEAD.
type Route struct {
	Method string
	Path   string // "/v3/users/{user_id}"
	// Schema is the JSON schema of the body; "" means that a body does not matter. Member names the one attribute of the
	// body that holds what the schema describes; "" means the schema is of the whole body.
	Schema, Member string
	Status         int      // of a success; 0 is 200
	Policy         []string // the rules checked below, for the inventory
	Handler        Handler
}

// Options is what New makes an API of.
type Options struct {
	Routes []Route
	// PublicEndpoint replaces scheme and host in links; "" takes the request's.
	PublicEndpoint string
	MaxBodyBytes   int64 // 0 is 114688
	// Authenticate gives a context to the bearer of a token, or says that it is none. path is what is asked for.
	Authenticate func(ctx context.Context, token, method, path string) (context.Context, error)
	// Methods are the ways to log in, for the answer to a login by another.
	Methods []string
	// Observe is called when a request is found to be for a route; end when it has been answered. nil means nobody looks.
	Observe func(ctx context.Context, method, route string) (observed context.Context, end func(error))
	Log     *slog.Logger // nil discards
}

// API serves routes. It is immutable and safe for concurrent use.
type API struct {
	options Options
	mux     *http.ServeMux
	methods []string // that any route has
}

const defaultMaxBodyBytes = 114688

// New refuses, with an error that names the route, a schema that does not compile and routes that could both answer a
// request.
func New(o Options) (*API, error) {
	if o.MaxBodyBytes == 0 {
		o.MaxBodyBytes = defaultMaxBodyBytes
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &API{options: o, mux: http.NewServeMux()}
	schemas, err := bodyschema.NewCompiler(definitions(), nil)
	if err != nil {
		return nil, err
	}
	for _, route := range o.Routes {
		if err := a.add(route, schemas); err != nil {
			return nil, fmt.Errorf("%s %s: %w", route.Method, route.Path, err)
		}
	}
	a.mux.HandleFunc("/", a.nowhere)
	return a, nil
}

func (a *API) add(route Route, schemas *bodyschema.Compiler) (err error) {
	var schema *bodyschema.Schema
	if route.Schema != "" {
		text := route.Schema
		if route.Member != "" {
			text = fmt.Sprintf(`{"type": "object", "properties": {%q: %s}, "required": [%q], "additionalProperties": false}`, route.Member, text, route.Member)
		}
		if schema, err = schemas.Compile(text); err != nil {
			return err
		}
	}
	if !slices.Contains(a.methods, route.Method) {
		a.methods = append(a.methods, route.Method)
	}
	defer func() {
		if problem := recover(); problem != nil { // how ServeMux refuses
			err = fmt.Errorf("%v", problem)
		}
	}()
	pattern := route.Path
	if pattern == "/" {
		pattern = "/{$}"
	}
	a.mux.HandleFunc(route.Method+" "+pattern, func(w http.ResponseWriter, r *http.Request) { a.serve(w, r, route, schema) })
	return nil
}

// Routes lists what is served.
func (a *API) Routes() []Route { return slices.Clone(a.options.Routes) }

// ServeHTTP implements http.Handler.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	caller := reqctx.From(r.Context())
	if caller.RequestID == "" {
		caller.RequestID = reqctx.NewRequestID()
		r = r.WithContext(reqctx.With(r.Context(), caller))
	}
	w.Header().Set("Vary", "X-Auth-Token")
	w.Header().Set("X-Openstack-Request-Id", caller.RequestID)
	defer a.survive(w, r)
	path := r.URL.Path
	if !utf8.ValidString(path) || strings.ContainsRune(path, 0) {
		a.fail(w, r, identity.Invalid("The path of the request is no text."))
		return
	}
	if len(path) > 1 && strings.HasSuffix(path, "/") { // Keystone makes no difference
		url := *r.URL
		url.Path, url.RawPath = strings.TrimSuffix(path, "/"), strings.TrimSuffix(url.RawPath, "/")
		inner := *r
		inner.URL = &url
		r = &inner
	}
	a.mux.ServeHTTP(w, r)
}

// survive turns a panic into a 500 that tells the user nothing and the log everything.
func (a *API) survive(w http.ResponseWriter, r *http.Request) {
	problem := recover()
	if problem == nil {
		return
	}
	if err, ok := problem.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(problem)
	}
	a.options.Log.ErrorContext(r.Context(), "a handler panicked", "panic", problem, "method", r.Method, "path", r.URL.Path, "stack", string(debug.Stack()))
	a.fail(w, r, errors.New("panic"))
}

func (a *API) serve(w http.ResponseWriter, r *http.Request, route Route, schema *bodyschema.Schema) {
	var err error
	ctx := r.Context()
	if a.options.Observe != nil {
		observed, end := a.options.Observe(ctx, route.Method, route.Path)
		ctx = observed
		defer func() { end(err) }()
	}
	var response *Response
	request := &Request{HTTP: r, api: a}
	if ctx, err = a.authenticate(ctx, r); err == nil {
		if err = a.readBody(w, request, route, schema); err == nil {
			response, err = route.Handler(ctx, request)
		}
	}
	if err != nil {
		a.fail(w, r.WithContext(ctx), err)
		return
	}
	a.answer(w, response, route.Status)
}

func (a *API) authenticate(ctx context.Context, r *http.Request) (context.Context, error) {
	token := r.Header.Get("X-Auth-Token")
	if token == "" {
		return ctx, nil
	}
	return a.options.Authenticate(ctx, token, r.Method, r.URL.Path)
}

// notJSON is Keystone's answer about a body that cannot be read.
func notJSON() error { return identity.Missing("valid JSON", "request body") }

func (a *API) readBody(w http.ResponseWriter, r *Request, route Route, schema *bodyschema.Schema) error {
	if route.Schema == "" || r.HTTP.Body == nil {
		return nil
	}
	text, err := io.ReadAll(http.MaxBytesReader(w, r.HTTP.Body, a.options.MaxBodyBytes))
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return fault.New(fault.OverLimit, "", "Request is too large.")
	}
	if err != nil {
		return fault.Wrap(err, fault.Invalid, "", "%s", fault.UserText(notJSON()))
	}
	r.Body = bodyschema.Object{}
	if len(text) > 0 {
		if contentType := r.HTTP.Header.Get("Content-Type"); contentType != "" {
			if media, _, err := mime.ParseMediaType(contentType); err != nil || media != "application/json" {
				return identity.Missing("application/json", "Content-Type header")
			}
		}
		value, err := bodyschema.Decode(text)
		body, isObject := value.(map[string]any)
		if err != nil || !isObject {
			return notJSON()
		}
		r.Body = body
	}
	if err := schema.ValidateIn(words(cmp.Or(route.Member, "auth")), map[string]any(r.Body)); err != nil {
		return err
	}
	if route.Member != "" {
		r.Body = r.Body.Object(route.Member)
	}
	return nil
}

// words says what is wrong with a body as Keystone does, without the schema that it adds. Fields are named within the member
// that holds them all.
func words(member string) bodyschema.Words {
	return func(path []string, _ any, message string) string {
		if len(path) > 0 && path[0] == member {
			path = path[1:]
		}
		if len(path) == 0 {
			return message
		}
		return fmt.Sprintf("Invalid input for field '%s': %s", strings.Join(path, "/"), message)
	}
}

// nowhere answers a path that no route has, or not for this method, in HTML as Flask does.
func (a *API) nowhere(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	for _, method := range a.methods {
		probe := *r
		probe.Method = method
		if _, pattern := a.mux.Handler(&probe); pattern != "/" {
			allowed = append(allowed, method)
			if method == http.MethodGet {
				allowed = append(allowed, http.MethodHead)
			}
		}
	}
	if len(allowed) > 0 {
		slices.Sort(allowed)
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		page(w, http.StatusMethodNotAllowed, "The method is not allowed for the requested URL.")
		return
	}
	page(w, http.StatusNotFound, "The requested URL was not found on the server. If you entered the URL manually please check your spelling and try again.")
}

func page(w http.ResponseWriter, status int, text string) {
	title := http.StatusText(status)
	write(w, status, "text/html; charset=utf-8", fmt.Appendf(nil, "<!doctype html>\n<html lang=en>\n<title>%d %s</title>\n<h1>%s</h1>\n<p>%s</p>\n", status, title, title, text))
}

// fail answers with a fault and logs what the user is not told.
func (a *API) fail(w http.ResponseWriter, r *http.Request, err error) {
	status := wsgi.Status(fault.KindOf(err))
	text := fault.UserText(err)
	if status >= http.StatusInternalServerError && status != http.StatusNotImplemented {
		a.options.Log.ErrorContext(r.Context(), "request failed", "error", err, "method", r.Method, "path", r.URL.Path)
		if text == fault.Unexpected {
			text = "An unexpected error prevented the server from fulfilling your request."
		}
	} else {
		a.options.Log.DebugContext(r.Context(), "request refused", "error", err, "method", r.Method, "path", r.URL.Path)
	}
	body := map[string]any{"code": status, "message": text, "title": http.StatusText(status)}
	if status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Keystone uri="`+a.base(r)+`"`)
		if fault.NameOf(err) == identity.NameUnsupportedMethod {
			body["identity"] = map[string]any{"methods": a.options.Methods}
		}
	}
	response := JSON(map[string]any{"error": body})
	write(w, status, response.Type, response.Body)
}

// base is the URL that links begin with.
func (a *API) base(r *http.Request) string {
	return wsgi.ApplicationURL(r, a.options.PublicEndpoint) + "/v3"
}
