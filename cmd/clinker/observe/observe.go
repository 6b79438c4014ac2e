// Package observe makes the hooks by which a process counts and traces what it does: requests, flows, and the verbs of
// drivers.
//
// What must not live here: what is counted and how (package telemetry), and who is observed.
package observe

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/run"
	"github.com/clinker/clinker/internal/telemetry"
)

// routeKey is the context key of where a request's route is noted.
type routeKey struct{}

// Requests counts requests by the routes they were for, never by their paths.
func Requests(metrics *telemetry.Metrics, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, status, route := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}, ""
		next.ServeHTTP(status, r.WithContext(context.WithValue(r.Context(), routeKey{}, &route)))
		metrics.HTTPRequest(r.Method, route, status.status, time.Since(began))
	})
}

// Route notes the route of a request for Requests, and traces it. mount is what the API's routes leave out.
func Route(mount string) func(ctx context.Context, method, route string) (context.Context, func(error)) {
	return func(ctx context.Context, method, route string) (context.Context, func(error)) {
		if noted, ok := ctx.Value(routeKey{}).(*string); ok {
			*noted = mount + route
		}
		ctx, end := telemetry.Span(ctx, "http."+method, slog.String("route", mount+route))
		return ctx, func(err error) { end(&err) }
	}
}

// statusWriter remembers the status that was written.
type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

// Unwrap lets http.ResponseController reach the connection.
func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// undoTimeout bounds the undoing of one flow: removing a half-made copy may take storage a while.
const undoTimeout = 10 * time.Minute

// Flows are how every flow of a process runs.
func Flows(metrics *telemetry.Metrics, log *slog.Logger) flow.Options {
	return flow.Options{Stopping: run.ErrStopping, UndoTimeout: undoTimeout, Log: log,
		Observe: func(ctx context.Context, name, step string) (context.Context, func(error)) {
			began := time.Now()
			ctx, end := telemetry.Span(ctx, "flow."+name+"."+step)
			return ctx, func(err error) {
				metrics.Flow(name, time.Since(began), err)
				end(&err)
			}
		}}
}

// Driver counts and traces the verbs of one back end.
func Driver(metrics *telemetry.Metrics, backend string) driver.Observer {
	return func(ctx context.Context, op driver.Operation) (context.Context, func(error)) {
		began := time.Now()
		ctx, end := telemetry.Span(ctx, "driver."+op.Verb)
		return ctx, func(err error) {
			metrics.DriverCall(backend, op.Verb, time.Since(began), err)
			end(&err)
		}
	}
}
