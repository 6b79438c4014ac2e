package imageservice

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/clinker/clinker/cmd/clinker/database"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/recovery"
	"github.com/clinker/clinker/internal/image/api"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/data"
	"github.com/clinker/clinker/internal/image/app/imports"
	"github.com/clinker/clinker/internal/image/fetch"
	"github.com/clinker/clinker/internal/image/policies"
	"github.com/clinker/clinker/internal/image/store/sqlstore"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/reqctx"
	"github.com/clinker/clinker/internal/run"
)

// Database is the name of the database's file in the state directory.
const Database = "glance.sqlite"

// Config is what Open needs beside the configuration.
type Config struct {
	StateDir    string
	Synchronous string // of SQLite
	// Filters are those of oslo.middleware.
	Filters middleware.Filters
	// AuthToken finds out who asks by the tokens of requests; nil believes everybody: auth_strategy = noauth.
	AuthToken middleware.Factory
	Flow      flow.Options
	// Observe is told of each request that is for a route; may be nil.
	Observe func(ctx context.Context, method, route string) (context.Context, func(error))
	Log     *slog.Logger
}

// Service is the image service at work.
type Service struct {
	// Handler is the API with all filters.
	Handler http.Handler
	// Address is where it is to listen; URL is where clients find it.
	Address, URL string

	core    *app.Core
	imports *imports.Service
	data    *data.Service
	store   *sqlstore.Store
}

// Open makes the service. Nothing runs before Component is started. Close it.
func (o *Options) Open(ctx context.Context, c *config.Config, cfg Config) (*Service, error) {
	s := &Service{Address: o.address(c), URL: o.URL(c)}
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The state directory %s cannot be made.", cfg.StateDir)
	}
	stores, err := o.openStores(c, cfg.StateDir)
	if err != nil {
		return nil, err
	}
	enforcer, err := policy.New(policy.Options{Defaults: policies.Defaults(), File: or(o.policyFile, c, cfg.StateDir, "glance-policy.yaml"),
		EnforceNewDefaults: true, EnforceScope: true, Logger: cfg.Log})
	if err != nil {
		return nil, err
	}
	address, err := database.Address(c, o.connection)
	if err != nil {
		return nil, err
	}
	if s.store, err = sqlstore.Open(ctx, sqlstore.Config{URL: address, Path: filepath.Join(cfg.StateDir, Database), Synchronous: cfg.Synchronous}); err != nil {
		return nil, err
	}
	s.core = &app.Core{Store: s.store, Flows: flow.NewEngine(app.NewJournal(s.store), cfg.Flow), Policy: enforcer, Stores: stores, Options: o.app(c),
		Log: cfg.Log, Now: func() time.Time { return time.Now().UTC() }}
	s.imports, s.data = imports.New(s.core, fetch.New(o.fetch(c))), &data.Service{Core: s.core}
	_, v2, err := api.New(s.core, s.imports, api.Options{Observe: cfg.Observe, Log: cfg.Log})
	if err == nil {
		s.Handler, err = pipeline(v2, o.endpoint.Get(c), cfg, enforcer)
	}
	if err != nil {
		return nil, errors.Join(err, s.store.Close())
	}
	return s, nil
}

// pipeline puts the filters before the API that Glance's own paste file has: the list of versions is for everybody.
func pipeline(v2 http.Handler, publicEndpoint string, cfg Config, enforcer *policy.Enforcer) (http.Handler, error) {
	auth := []middleware.Factory{cfg.AuthToken, authtoken.KeystoneContext(enforcer.IsAdmin)}
	if cfg.AuthToken == nil {
		auth = []middleware.Factory{cfg.Filters.NoAuth, everybodyIsAService}
	}
	authenticated, err := filtered(v2, auth...)
	if err != nil {
		return nil, err
	}
	cors := &cfg.Filters.Settings.CORS // Glance's, beside those of block storage
	cors.AllowHeaders = slices.Concat(cors.AllowHeaders, []string{"Content-MD5", "X-Image-Meta-Checksum", "X-Storage-Token", "Accept-Encoding"})
	cors.ExposeHeaders = slices.Concat(cors.ExposeHeaders, []string{"X-Image-Meta-Checksum"})
	all, err := filtered(api.Versioned(authenticated, publicEndpoint), cfg.Filters.RequestID, cfg.Filters.FaultWrap, cfg.Filters.CORS, cfg.Filters.HTTPProxyToWSGI)
	if err != nil {
		return nil, err
	}
	health, err := cfg.Filters.Healthcheck(nil)
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/healthcheck" {
			health.ServeHTTP(w, r)
			return
		}
		all.ServeHTTP(w, r)
	}), nil
}

// filtered puts filters before a handler, the first outermost.
func filtered(h http.Handler, factories ...middleware.Factory) (http.Handler, error) {
	for n := len(factories) - 1; n >= 0; n-- {
		filter, err := factories[n](map[string]string{"oslo_config_project": "glance"}) // as in Glance's paste file
		if err != nil {
			return nil, err
		}
		h = filter(h)
	}
	return h, nil
}

// everybodyIsAService lets callers without authentication see what services see, as they may do everything else.
func everybodyIsAService(map[string]string) (middleware.Filter, error) {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller := reqctx.From(r.Context())
			caller.ServiceRoles = []string{"service"}
			next.ServeHTTP(w, r.WithContext(reqctx.With(r.Context(), caller)))
		})
	}, nil
}

// Close closes the database.
func (s *Service) Close() error { return s.store.Close() }

// How long cleaning at the start may take, and how often old tasks are looked for.
const (
	tidyTimeout  = 10 * time.Second
	expirePeriod = time.Hour
)

// Component is what runs beside requests: it cleans up what a dead process left, resumes what it had begun, and imports. It has
// to start before Handler serves, and to stop after that.
func (s *Service) Component() run.Component {
	var end context.CancelCauseFunc
	ended := make(chan struct{})
	return run.Component{Name: "glance",
		Start: func(ctx context.Context, _ func(error)) error {
			ctx, end = context.WithCancelCause(ctx)
			s.tidy(ctx)
			s.imports.Start(ctx)
			go func() {
				defer close(ended)
				s.work(ctx)
			}()
			return nil
		},
		Stop: func(ctx context.Context) error {
			end(run.ErrStopping)
			select {
			case <-ended:
				return nil
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		},
	}
}

// tidy removes files that belong to no image. That it cannot keeps nobody from serving.
func (s *Service) tidy(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, tidyTimeout)
	defer cancel()
	if err := s.data.Tidy(ctx); err != nil {
		s.core.Log.WarnContext(ctx, "what a dead process left could not be cleaned up; the next start tries again", "error", err)
	}
}

// work resumes flows and forgets old tasks until ctx ends, and waits for imports then.
func (s *Service) work(ctx context.Context) {
	resume := s.core.Resumptions()
	maps.Copy(resume, s.data.Resumptions())
	maps.Copy(resume, s.imports.Resumptions())
	expiring := run.Go(ctx, "expiry of image tasks", func(ctx context.Context) error {
		run.Every(ctx, expirePeriod, "expiry of image tasks", s.imports.Expire)
		return nil
	})
	recovery.Watch{Store: s.store, Owner: app.FlowOwner, Resume: resume}.Run(ctx)
	<-expiring
	s.imports.Wait()
}
