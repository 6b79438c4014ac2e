// Package middleware holds the filters that stand before an OpenStack API in its paste pipeline, and the health check
// application: what upstream has in oslo.middleware, and the few that every service has its own copy of.
//
// What must not live here: authentication by Keystone (package keystone), the pipeline itself (oslo/paste), anything
// about one service's resources.
package middleware

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"runtime/debug"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// Filter puts something before an application.
type Filter = func(http.Handler) http.Handler

// Factory makes a filter from the settings of its section in the paste file. A setting that does not parse is an error.
type Factory = func(local map[string]string) (Filter, error)

// Filters makes the filters of one service. The settings of a paste section win over these.
type Filters struct {
	Settings   Settings
	Logger     *slog.Logger // nil discards
	Neighbours *Neighbours  // what the health check tells of; nil: nothing
}

func (f Filters) log() *slog.Logger {
	if f.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return f.Logger
}

// Factories are the filters under the names that paste files give them, as far as they are the same for all services.
// The wings add their own names for the filters upstream keeps in each service.
func (f Filters) Factories() map[string]Factory {
	return map[string]Factory{
		"oslo_middleware.cors:filter_factory":                        f.CORS,
		"oslo_middleware.cors:CORS.factory":                          f.CORS,
		"oslo_middleware:CORS.factory":                               f.CORS,
		"oslo_middleware.http_proxy_to_wsgi:HTTPProxyToWSGI.factory": f.HTTPProxyToWSGI,
		"oslo_middleware:HTTPProxyToWSGI.factory":                    f.HTTPProxyToWSGI,
		"oslo_middleware.sizelimit:RequestBodySizeLimiter.factory":   f.SizeLimit,
		"oslo_middleware:RequestBodySizeLimiter.factory":             f.SizeLimit,
		"oslo_middleware.request_id:RequestId.factory":               f.RequestID,
		"oslo_middleware:RequestId.factory":                          f.RequestID,
		"oslo_middleware.catch_errors:CatchErrors.factory":           f.FaultWrap,
		"osprofiler.web:WsgiMiddleware.factory":                      f.OSProfiler,
	}
}

const requestIDHeader = "X-Openstack-Request-Id"

// requestIDForm is what another service's request id must look like to be taken up.
var requestIDForm = regexp.MustCompile(`^req-[a-f0-9]{8}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{4}-[a-f0-9]{12}$`)

// RequestID gives every request an id and puts it into context and answer; the caller's own id becomes the global one.
// It must be the first filter. Upstream: oslo_middleware/request_id.py.
func (f Filters) RequestID(map[string]string) (Filter, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller := reqctx.Request{RequestID: reqctx.NewRequestID(), RemoteAddress: remoteHost(r)}
			if id := r.Header.Get(requestIDHeader); requestIDForm.MatchString(id) {
				caller.GlobalRequestID = id
			}
			w.Header().Set(requestIDHeader, caller.RequestID)
			next.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), caller)))
		})
	}, nil
}

// remoteHost is the address of the peer without its port.
func remoteHost(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

// FaultWrap turns whatever panics below it into a 500 with a fault body. Upstream: cinder/api/middleware/fault.py.
func (f Filters) FaultWrap(map[string]string) (Filter, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tracked := &trackedWriter{ResponseWriter: w}
			defer func() {
				problem := recover()
				if problem == nil {
					return
				}
				if problem == http.ErrAbortHandler { //nolint:errorlint // panics with this very value mean "hang up"
					panic(problem)
				}
				f.log().ErrorContext(r.Context(), "a filter or application panicked", slog.Any("panic", problem),
					slog.String("method", r.Method), slog.String("path", r.URL.Path), slog.String("stack", string(debug.Stack())))
				if !tracked.written {
					wsgi.WriteFault(w, fault.New(fault.Internal, "", "panic"))
				}
			}()
			next.ServeHTTP(tracked, r)
		})
	}, nil
}

// trackedWriter knows whether an answer has begun.
type trackedWriter struct {
	http.ResponseWriter
	written bool
}

// WriteHeader implements http.ResponseWriter.
func (w *trackedWriter) WriteHeader(status int) {
	w.written = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *trackedWriter) Write(p []byte) (int, error) {
	w.written = true
	return w.ResponseWriter.Write(p)
}

// Unwrap is for http.ResponseController.
func (w *trackedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// SizeLimit refuses bodies larger than max_request_body_size with 413: at once when Content-Length says so, else when
// the reader has met the limit. Upstream: oslo_middleware/sizelimit.py.
func (f Filters) SizeLimit(local map[string]string) (Filter, error) {
	limit := int64(f.Settings.MaxRequestBodyBytes)
	if text, ok := local["max_request_body_size"]; ok {
		n, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("max_request_body_size = %q: a number of bytes above 0 is wanted", text)
		}
		limit = n
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > limit {
				wsgi.ErrorPage(w, r, http.StatusRequestEntityTooLarge, "Request Entity Too Large",
					fmt.Sprintf("Request is too large. Larger than max_request_body_size (%d).", limit))
				return
			}
			if r.ContentLength < 0 && r.Body != nil {
				limited := *r
				limited.Body = http.MaxBytesReader(w, r.Body, limit)
				r = &limited
			}
			next.ServeHTTP(w, r)
		})
	}, nil
}

// OSProfiler accepts the section and the X-Trace headers of osprofiler and does nothing: traces come from OpenTelemetry.
func (f Filters) OSProfiler(map[string]string) (Filter, error) {
	return func(next http.Handler) http.Handler { return next }, nil
}

// HTTPProxyToWSGI believes what a reverse proxy says of scheme, host, client and path prefix, when
// enable_proxy_headers_parsing is on. What makes no sense is not believed. Upstream: oslo_middleware/http_proxy_to_wsgi.py.
func (f Filters) HTTPProxyToWSGI(local map[string]string) (Filter, error) {
	enabled, err := boolSetting(local, "enable_proxy_headers_parsing", f.Settings.EnableProxyHeadersParsing)
	if err != nil {
		return nil, err
	}
	return func(next http.Handler) http.Handler {
		if !enabled {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { next.ServeHTTP(w, proxied(r)) })
	}, nil
}

// proxied is the request as the proxy's client sent it.
func proxied(r *http.Request) *http.Request {
	said := map[string]string{
		"proto": r.Header.Get("X-Forwarded-Proto"), "host": r.Header.Get("X-Forwarded-Host"), "for": r.Header.Get("X-Forwarded-For"),
	}
	if forwarded := r.Header.Get("Forwarded"); forwarded != "" { // RFC 7239; the first proxy counts
		said = map[string]string{}
		first, _, _ := strings.Cut(forwarded, ",")
		for pair := range strings.SplitSeq(first, ";") {
			key, value, _ := strings.Cut(pair, "=")
			said[strings.ToLower(strings.TrimSpace(key))] = strings.Trim(strings.TrimSpace(value), `"`)
		}
	}
	out := *r
	out.URL = new(*r.URL)
	if scheme := strings.ToLower(said["proto"]); scheme == "http" || scheme == "https" {
		out.URL.Scheme = scheme
	}
	if host := said["host"]; plausibleHost(host) {
		out.Host = host
	}
	if client := said["for"]; client != "" {
		out.RemoteAddr = client
		caller := reqctx.From(r.Context())
		caller.RemoteAddress = remoteHost(&out)
		out = *out.WithContext(reqctx.With(r.Context(), caller))
	}
	if prefix := strings.TrimSuffix(r.Header.Get("X-Forwarded-Prefix"), "/"); plausiblePrefix(prefix) {
		out.RequestURI = prefix + r.RequestURI // wsgi.ScriptName finds it there
	}
	return &out
}

func plausibleHost(host string) bool {
	u, err := url.Parse("http://" + host)
	return host != "" && err == nil && u.Host == host
}

func plausiblePrefix(prefix string) bool {
	u, err := url.Parse(prefix)
	return strings.HasPrefix(prefix, "/") && !strings.HasPrefix(prefix, "//") && err == nil && u.EscapedPath() == prefix
}

// boolSetting reads a boolean of a paste section, or gives the fallback.
func boolSetting(local map[string]string, name string, fallback bool) (bool, error) {
	text, ok := local[name]
	if !ok {
		return fallback, nil
	}
	truth, known := wsgi.ParseBool(text)
	if !known {
		return false, fmt.Errorf("%s = %q: true or false is wanted", name, text)
	}
	return truth, nil
}

// listSetting reads a comma separated list of a paste section, or gives the fallback.
func listSetting(local map[string]string, name string, fallback []string) []string {
	text, ok := local[name]
	if !ok {
		return fallback
	}
	var out []string
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			out = append(out, item)
		}
	}
	return out
}
