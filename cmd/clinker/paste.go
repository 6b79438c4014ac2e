package main

import (
	_ "embed"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"

	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/paste"
)

// authFilters find out who asks: the first by the tokens of a request, the second for the API.
type authFilters struct{ token, context middleware.Factory }

//go:embed embedded/api-paste.ini
var embeddedPaste []byte

// pasteRegistry is the Python names of api-paste.ini, in Go: what Cinder's own files of any supported release name.
func pasteRegistry(authStrategy string, v3, versions http.Handler, f middleware.Filters, auth authFilters, log *slog.Logger) paste.Registry {
	app := func(h http.Handler) paste.AppFactory {
		return func(map[string]string) (http.Handler, error) { return h, nil }
	}
	const gone = "this version of the API is gone; the entry has no effect"
	filters := f.Factories()
	maps.Copy(filters, map[string]middleware.Factory{
		"cinder.api.middleware.request_id:RequestId.factory":                  f.RequestID,
		"cinder.api.middleware.fault:FaultWrapper.factory":                    f.FaultWrap,
		"cinder.api.middleware.sizelimit:RequestBodySizeLimiter.factory":      f.SizeLimit,
		"cinder.api.middleware.auth:NoAuthMiddleware.factory":                 f.NoAuth,
		"cinder.api.middleware.auth:NoAuthMiddlewareIncludeProjectID.factory": f.NoAuthIncludeProjectID,
		"cinder.api.middleware.auth:CinderKeystoneContext.factory":            auth.context,
		"keystonemiddleware.auth_token:filter_factory":                        auth.token,
	})
	r := paste.Registry{
		Filters: map[string]paste.FilterFactory{},
		Apps: map[string]paste.AppFactory{
			"cinder.api.v3.router:APIRouter.factory":              app(v3),
			"cinder.api.versions:Versions.factory":                app(versions),
			"oslo_middleware:Healthcheck.app_factory":             f.Healthcheck,
			"oslo_middleware.healthcheck:Healthcheck.app_factory": f.Healthcheck,
		},
		Composites: map[string]paste.CompositeFactory{
			"egg:Paste#urlmap":                               paste.URLMap,
			"cinder.api:root_app_factory":                    paste.URLMapWithout(map[string]string{"/v1": gone, "/v2": gone}, func(text string) { log.Warn(text) }),
			"cinder.api.middleware.auth:pipeline_factory":    paste.Choose(authStrategy),
			"cinder.api.middleware.auth:pipeline_factory_v3": paste.Choose(authStrategy),
		},
	}
	for name, factory := range filters {
		r.Filters[name] = factory
	}
	return r
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
