package wsgi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"strings"
	"unicode/utf8"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/reqctx"
)

// exchange is the ResponseWriter of one request; it carries through the mux what was found out before it.
type exchange struct {
	http.ResponseWriter
	original *http.Request // before the project id was taken out of its path
	project  string        // in the path, "" if none
	written  bool
}

// WriteHeader implements http.ResponseWriter and notes that it is too late for another answer.
func (x *exchange) WriteHeader(status int) {
	x.written = true
	x.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

// ServeHTTP implements http.Handler. See New for what it expects.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	caller := reqctx.Look(ctx)
	if caller.RequestID == "" {
		known := *caller
		known.RequestID = reqctx.NewRequestID()
		caller, ctx = &known, reqctx.With(ctx, known)
	}
	id := []string{caller.RequestID}
	w.Header()["X-Compute-Request-Id"], w.Header()["X-Openstack-Request-Id"] = id, id
	x := &exchange{ResponseWriter: w, original: r}
	defer a.survive(ctx, x)

	if !decodable(r.URL) {
		WriteFault(x, fault.New(fault.Invalid, "",
			"Error decoding your request. Either the URL or the request body contained characters that could not be decoded."))
		return
	}
	rest, project, ok := a.splitPath(r.URL)
	if !ok || r.Method == http.MethodHead || r.Method == http.MethodConnect {
		// The mux answers HEAD wherever there is a GET; upstream's routes name their methods and HEAD is none of them.
		NotFound(x, r)
		return
	}
	x.project = project
	inner := r.WithContext(ctx)
	inner.URL = rest
	a.mux.ServeHTTP(x, inner)
}

// survive turns a panic of a handler into a 500 that tells the user nothing and the log everything.
func (a *API) survive(ctx context.Context, x *exchange) {
	problem := recover()
	if problem == nil {
		return
	}
	if err, ok := problem.(error); ok && errors.Is(err, http.ErrAbortHandler) {
		panic(problem)
	}
	a.log.ErrorContext(ctx, "a handler panicked", slog.Any("panic", problem), slog.String("method", x.original.Method),
		slog.String("path", x.original.URL.Path), slog.String("stack", string(debug.Stack())))
	if !x.written {
		WriteFault(x, fault.New(fault.Internal, "", "panic"))
	}
}

// decodable reports whether path and query are text once their percent signs are resolved.
func decodable(u *url.URL) bool {
	if !utf8.ValidString(u.Path) || strings.IndexByte(u.Path, 0) >= 0 {
		return false
	}
	if u.RawQuery == "" {
		return true
	}
	query, err := url.QueryUnescape(u.RawQuery)
	return err != nil || utf8.ValidString(query) // what does not unescape is left out when parameters are read
}

// splitPath takes the optional project id and the suffix .json off the path. A first segment that is a collection is one,
// whatever project_id_regex says. ok is false for a path that no route can have, such as one with a slash at its end.
func (a *API) splitPath(u *url.URL) (rest *url.URL, project string, ok bool) {
	escaped := u.EscapedPath()
	if escaped == "" {
		escaped = "/"
	}
	// The mux would redirect what is not clean; upstream has no route for it.
	if escaped[0] != '/' || path.Clean(escaped) != escaped {
		return nil, "", false
	}
	first, tail, _ := strings.Cut(escaped[1:], "/")
	if !a.collections[strings.TrimSuffix(first, ".json")] && a.projectID.MatchString(first) {
		if tail == "" {
			return nil, "", false
		}
		project, escaped = first, "/"+tail
	}
	if last := strings.LastIndexByte(escaped, '/'); len(escaped) > last+1+len(".json") {
		escaped = strings.TrimSuffix(escaped, ".json")
	}
	plain, err := url.PathUnescape(escaped)
	if err != nil || path.Clean(escaped) != escaped { // again: "..json" without its suffix is a dot
		return nil, "", false
	}
	return &url.URL{Path: plain, RawPath: escaped, RawQuery: u.RawQuery}, project, true
}

// serve runs one operation. The order of the checks is upstream's: version, content type, action, body, project.
func (a *API) serve(x *exchange, r *http.Request, op *operation) {
	var err error
	ctx := r.Context()
	if a.options.Observe != nil {
		var end func(error)
		ctx, end = a.options.Observe(ctx, op.method, op.path)
		defer func() { end(err) }()
	}
	request := &Request{HTTP: r, api: a, original: x.original, projectPath: x.project}
	response, status, err := a.run(ctx, x, request, op)
	if err != nil {
		a.report(ctx, r, err)
		WriteFault(x, err)
		return
	}
	for name, values := range response.Header {
		x.Header()[name] = values
	}
	contentType := response.Type
	if contentType == "" {
		contentType = a.responseType(r.Header.Get("Accept"))
	}
	write(x, status, contentType, response.Body)
	if response.writer != nil {
		a.recycle(response.writer)
	}
}

// report logs what the user is not told.
func (a *API) report(ctx context.Context, r *http.Request, err error) {
	switch {
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		a.log.DebugContext(ctx, "the client went away", slog.String("method", r.Method), slog.String("path", r.URL.Path))
	case Status(fault.KindOf(err)) >= http.StatusInternalServerError:
		a.log.ErrorContext(ctx, "request failed", slog.Any("error", err),
			slog.String("method", r.Method), slog.String("path", r.URL.Path))
	}
}

// run finds out what is asked and has the handler answer it. ctx becomes the request's, with the version in it: for a request
// that is served often, copies of it are what costs.
func (a *API) run(ctx context.Context, x *exchange, r *Request, op *operation) (*Response, int, error) {
	version, err := a.negotiate(x, r.HTTP)
	if err != nil {
		return nil, 0, err
	}
	r.Version = version
	v, err := a.prepareBody(x, r, op)
	if err != nil {
		return nil, 0, err
	}
	ctx = microversion.With(ctx, version)
	if x.project != "" && x.project != reqctx.Look(ctx).ProjectID {
		return nil, 0, fault.New(fault.Invalid, "", "Malformed request url")
	}
	if err := v.validate(r); err != nil {
		return nil, 0, err
	}
	if v.authorize != "" {
		if err := a.options.Enforcer.Check(ctx, v.authorize, nil); err != nil {
			return nil, 0, err
		}
	}
	wait := func() {}
	if a.options.Prepare != nil && op.method != http.MethodGet {
		ctx, wait = a.options.Prepare(ctx)
	}
	r.HTTP = r.HTTP.WithContext(ctx)
	response, err := v.handler(ctx, r)
	if err != nil {
		return nil, 0, err
	}
	if response == nil {
		response = &Response{}
	}
	status := v.status
	if response.Status != 0 {
		status = response.Status
	}
	if wait != nil && status >= 200 && status < 300 {
		wait()
	}
	return response, status, nil
}

// versionHeader is microversion.Header as Go's maps of headers have it.
var versionHeader = http.CanonicalHeaderKey(microversion.Header)

// negotiate chooses the version and says so in the answer, also in one that refuses it.
func (a *API) negotiate(x *exchange, r *http.Request) (microversion.Version, error) {
	header := ""
	if lines := r.Header[versionHeader]; len(lines) > 0 {
		header = strings.Join(lines, ",")
	}
	version, err := a.options.Service.Negotiate(header)
	if !version.IsZero() {
		said := []string{a.options.Service.HeaderValue(version), microversion.Header}
		x.Header()[versionHeader], x.Header()["Vary"] = said[:1:1], said[1:]
	}
	return version, err
}

// prepareBody reads and decodes the body and finds the variant that serves the request.
func (a *API) prepareBody(x *exchange, r *Request, op *operation) (*variant, error) {
	body, hasBody, err := a.readBody(x, r.HTTP)
	if err != nil {
		return nil, err
	}
	r.rawBody = body
	if op.isAction {
		return a.prepareAction(r, op, hasBody)
	}
	v := choose(op.variants, r.Version)
	if v == nil {
		return nil, fault.New(fault.NotFound, "", notFoundText)
	}
	wants := false
	switch op.method {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
		wants = !v.noBody
		if v.noBody {
			return v, nil
		}
	}
	if hasBody {
		if r.raw, err = bodyschema.Decode(body); err != nil {
			return nil, err
		}
	}
	if wants != hasBody {
		// Upstream calls the handler with or without a body it does not expect, and Python refuses.
		return nil, fault.New(fault.Invalid, "", NotComplied)
	}
	return v, nil
}

func (a *API) prepareAction(r *Request, op *operation, hasBody bool) (*variant, error) {
	if !hasBody {
		return nil, noSuchAction("None")
	}
	var err error
	if r.raw, err = bodyschema.Decode(r.rawBody); err != nil {
		return nil, err
	}
	name, err := actionOf(r.raw)
	if err != nil {
		return nil, err
	}
	variants, known := op.actions[name]
	if !known {
		return nil, noSuchAction(name)
	}
	v := choose(variants, r.Version)
	if v == nil {
		return nil, fault.New(fault.NotFound, "", notFoundText)
	}
	return v, nil
}

func choose(variants []variant, version microversion.Version) *variant {
	for i := range variants {
		if variants[i].versions.Contains(version) {
			return &variants[i]
		}
	}
	return nil
}

// validate checks the body against the schema of the version and makes it the request's Body.
func (v *variant) validate(r *Request) error {
	if r.raw == nil && len(r.rawBody) == 0 || v.noBody {
		return nil
	}
	for _, s := range v.schemas {
		if s.versions.Contains(r.Version) {
			if err := s.schema.Validate(r.raw); err != nil {
				return err
			}
		}
	}
	object, ok := r.raw.(map[string]any)
	if !ok {
		return fault.New(fault.Invalid, "MalformedRequestBody", bodyschema.Malformed)
	}
	r.Body = object
	return nil
}
