package main

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

// counted counts requests by the routes they were for, never by their paths.
func (p *process) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, status, route := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}, ""
		next.ServeHTTP(status, r.WithContext(context.WithValue(r.Context(), routeKey{}, &route)))
		p.metrics.HTTPRequest(r.Method, route, status.status, time.Since(began))
	})
}

// observeRoute notes the route of a request for counted, and traces it. mount is what the API's routes leave out.
func observeRoute(mount string) func(ctx context.Context, method, route string) (context.Context, func(error)) {
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

// flowOptions are how every flow of the process runs.
func (p *process) flowOptions() flow.Options {
	return flow.Options{Stopping: run.ErrStopping, UndoTimeout: undoTimeout, Log: p.log,
		Observe: func(ctx context.Context, name, step string) (context.Context, func(error)) {
			began := time.Now()
			ctx, end := telemetry.Span(ctx, "flow."+name+"."+step)
			return ctx, func(err error) {
				p.metrics.Flow(name, time.Since(began), err)
				end(&err)
			}
		}}
}

// observeDriver counts and traces the verbs of one back end.
func (p *process) observeDriver(backend string) driver.Observer {
	return func(ctx context.Context, op driver.Operation) (context.Context, func(error)) {
		began := time.Now()
		ctx, end := telemetry.Span(ctx, "driver."+op.Verb)
		return ctx, func(err error) {
			p.metrics.DriverCall(backend, op.Verb, time.Since(began), err)
			end(&err)
		}
	}
}
