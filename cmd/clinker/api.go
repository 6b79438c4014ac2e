package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/policies"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/paste"
	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/run"
)

//go:embed embedded/api-paste.ini
var embeddedPaste []byte

// limits of the HTTP server: a client that is slower than these is not served.
const (
	headerTimeout  = 10 * time.Second
	requestTimeout = 60 * time.Second
	idleTimeout    = 120 * time.Second
	maxHeaderBytes = 64 << 10
)

// useCases makes what the API stands on.
func (p *process) useCases() (*app.Core, error) {
	enforcer, err := policy.New(policy.Options{Defaults: policies.Defaults(), File: p.opts.policyFile.Get(p.conf),
		Directories: p.opts.policyDirs.Get(p.conf), EnforceNewDefaults: true, Logger: p.log})
	if err != nil {
		return nil, err
	}
	now := func() time.Time { return time.Now().UTC() }
	return &app.Core{
		Store: p.store, Flows: flow.NewEngine(journal.New(p.store), p.flowOptions()),
		Scheduler: rpcapi.Scheduler{Client: p.transport}, VolumeService: rpcapi.Volume{Client: p.transport},
		Policy: enforcer, Quota: quota.New(quota.OptionsFrom(p.conf)), Zones: app.NewZones(p.store, now),
		Options: p.appOptions, Log: p.log, Now: now,
	}, nil
}

// apiHandler makes the whole HTTP pipeline, from the paste file down to the API.
func (p *process) apiHandler() (http.Handler, error) {
	core, err := p.useCases()
	if err != nil {
		return nil, err
	}
	o := api.OptionsFrom(p.conf)
	o.Disabled, o.Log = p.opts.disabledExtensions.Get(p.conf), p.log
	settings := p.opts.middleware.Settings(p.conf)
	o.MaxBodyBytes = int64(settings.MaxRequestBodyBytes)
	filters := middleware.Filters{Settings: settings, Logger: p.log}
	v3, err := api.New(core, o)
	if err != nil {
		return nil, err
	}
	strategy := p.opts.authStrategy.Get(p.conf)
	gone := "this version of the API is gone; the section's entry has no effect"
	registry := paste.Registry{
		Filters: map[string]paste.FilterFactory{},
		Apps: map[string]paste.AppFactory{
			"cinder.api.v3.router:APIRouter.factory":              func(map[string]string) (http.Handler, error) { return v3, nil },
			"cinder.api.versions:Versions.factory":                func(map[string]string) (http.Handler, error) { return api.Versions(api.VersionsEndpoint(p.conf)), nil },
			"oslo_middleware:Healthcheck.app_factory":             filters.Healthcheck,
			"oslo_middleware.healthcheck:Healthcheck.app_factory": filters.Healthcheck,
		},
		Composites: map[string]paste.CompositeFactory{
			"egg:Paste#urlmap":                               paste.URLMap,
			"cinder.api:root_app_factory":                    paste.URLMapWithout(map[string]string{"/v1": gone, "/v2": gone}, func(text string) { p.log.Warn(text) }),
			"cinder.api.middleware.auth:pipeline_factory":    paste.Choose(strategy),
			"cinder.api.middleware.auth:pipeline_factory_v3": paste.Choose(strategy),
		},
	}
	for name, factory := range filters.Factories() {
		registry.Filters[name] = factory
	}
	for name, factory := range map[string]middleware.Factory{
		"cinder.api.middleware.fault:FaultWrapper.factory":                    filters.FaultWrap,
		"cinder.api.middleware.sizelimit:RequestBodySizeLimiter.factory":      filters.SizeLimit,
		"cinder.api.middleware.auth:NoAuthMiddleware.factory":                 filters.NoAuth,
		"cinder.api.middleware.auth:NoAuthMiddlewareIncludeProjectID.factory": filters.NoAuthIncludeProjectID,
		"keystonemiddleware.auth_token:filter_factory":                        noKeystone,
		"cinder.api.middleware.auth:CinderKeystoneContext.factory":            noKeystone,
	} {
		registry.Filters[name] = factory
	}
	return p.loadPaste(registry)
}

// noKeystone refuses to start with auth_strategy = keystone, which is not built yet.
func noKeystone(map[string]string) (paste.Filter, error) {
	return nil, fault.New(fault.Invalid, "", "auth_strategy = keystone is not supported yet; set [DEFAULT] auth_strategy = noauth")
}

// loadPaste finds the paste file: the one configured, in /etc/cinder if it is named without a directory, or the embedded.
func (p *process) loadPaste(r paste.Registry) (http.Handler, error) {
	const name = "osapi_volume"
	path := p.opts.pasteConfig.Get(p.conf)
	if filepath.Base(path) == path {
		found := filepath.Join("/etc/cinder", path)
		if _, err := os.Stat(found); err != nil {
			return paste.LoadText("embedded api-paste.ini", embeddedPaste, name, r)
		}
		path = found
	}
	return paste.Load(path, name, r)
}

// apiComponent serves the API.
func (p *process) apiComponent() (run.Component, error) {
	handler, err := p.apiHandler()
	if err != nil {
		return run.Component{}, err
	}
	address := net.JoinHostPort(p.opts.listen.Get(p.conf), strconv.Itoa(p.opts.listenPort.Get(p.conf)))
	return p.httpComponent("cinder-api", address, p.counted(handler)), nil
}

// adminComponent serves /metrics, if there is a port for it.
func (p *process) adminComponent() (c run.Component, wanted bool) {
	port := p.opts.adminPort.Get(p.conf)
	if port == 0 {
		return c, false
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics.Handler())
	return p.httpComponent("admin", net.JoinHostPort(p.opts.adminListen.Get(p.conf), strconv.Itoa(port)), mux), true
}

// httpComponent serves a handler on an address until it is stopped; requests under way are then finished.
func (p *process) httpComponent(name, address string, handler http.Handler) run.Component {
	server := &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: requestTimeout, IdleTimeout: idleTimeout,
		MaxHeaderBytes: maxHeaderBytes}
	return run.Component{Name: name,
		Start: func(ctx context.Context, fail func(error)) error {
			l, err := new(net.ListenConfig).Listen(ctx, "tcp", address)
			if err != nil {
				return fault.Wrap(err, fault.Unavailable, "", "%s cannot listen on %s", name, address)
			}
			go func() {
				if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
					fail(fmt.Errorf("%s stopped serving: %w", name, err))
				}
			}()
			return nil
		},
		Stop: server.Shutdown,
	}
}

// counted counts requests by what ServeMux made of their paths, never by the paths themselves.
func (p *process) counted(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began, status := time.Now(), &statusWriter{ResponseWriter: w, status: http.StatusOK}
		next.ServeHTTP(status, r)
		p.metrics.HTTPRequest(r.Method, r.Pattern, status.status, time.Since(began))
	})
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
