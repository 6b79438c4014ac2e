package identityservice

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"github.com/clinker/clinker/cmd/clinker/database"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/fernet"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/bootstrap"
	"github.com/clinker/clinker/internal/identity/app/secrets"
	"github.com/clinker/clinker/internal/identity/app/tokens"
	"github.com/clinker/clinker/internal/identity/policies"
	"github.com/clinker/clinker/internal/identity/store/sqlstore"
	"github.com/clinker/clinker/internal/identity/token"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/policy"
)

// Region is the one region of the catalog.
const Region = "RegionOne"

// Config is what Open needs beside the configuration.
type Config struct {
	StateDir    string
	Synchronous string // of SQLite
	// Services go into the catalog, beside the identity service itself.
	Services []bootstrap.Service
	// Observe is told of each request that is for a route; may be nil.
	Observe func(ctx context.Context, method, route string) (context.Context, func(error))
	Log     *slog.Logger
}

// Service is the identity service at work. It is safe for concurrent use.
type Service struct {
	// Validator validates tokens for the other services of the process.
	Validator authtoken.Validator
	// Handler is the API.
	Handler http.Handler
	// Address is where it is to listen; URL is where clients find it.
	Address, URL string
	// Passwords are those the cloud was made with, by user.
	Passwords map[string]string
	store     *sqlstore.Store
}

// Open makes the service, and at the first start what it begins with: keys, passwords, users and the catalog. Close it.
func (o *Options) Open(ctx context.Context, c *config.Config, cfg Config) (*Service, error) {
	port := strconv.Itoa(o.port.Get(c))
	s := &Service{Address: net.JoinHostPort(o.listen.Get(c), port)}
	s.URL = "http://" + s.Address
	if public := o.endpoint.Get(c); public != "" {
		s.URL = public
	}
	core, err := o.core(ctx, c, cfg, s)
	if err != nil {
		return nil, err
	}
	if err := o.fill(ctx, core, cfg, s); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	t := tokens.New(core)
	s.Validator = t.Validator()
	handler, err := api.New(t, api.Options{PublicEndpoint: o.endpoint.Get(c), Observe: cfg.Observe, Log: cfg.Log})
	if err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.Handler = handler
	return s, nil
}

// Close closes the database.
func (s *Service) Close() error { return s.store.Close() }

// core opens keys and store, and makes the parts of the use cases.
func (o *Options) core(ctx context.Context, c *config.Config, cfg Config, s *Service) (*app.Core, error) {
	if err := os.MkdirAll(cfg.StateDir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "The state directory %s cannot be made.", cfg.StateDir)
	}
	keys, err := fernet.OpenRepository(or(o.keys, c, cfg.StateDir, "fernet-keys"))
	if err != nil {
		return nil, o.keys.Refuse(c, "", err.Error(), "a directory of Fernet keys, or one that can be made")
	}
	credentialKeys, err := fernet.OpenRepository(or(o.credentialKeys, c, cfg.StateDir, "credential-keys"))
	if err != nil {
		return nil, o.credentialKeys.Refuse(c, "", err.Error(), "a directory of Fernet keys, or one that can be made")
	}
	hasher, err := secrets.New(o.rounds.Get(c))
	if err != nil {
		return nil, err
	}
	enforcer, err := policy.New(policy.Options{Defaults: policies.Defaults(), File: or(o.policyFile, c, cfg.StateDir, "keystone-policy.yaml"),
		EnforceNewDefaults: true, EnforceScope: true, Logger: cfg.Log})
	if err != nil {
		return nil, err
	}
	address, err := database.Address(c, o.connection)
	if err != nil {
		return nil, err
	}
	s.store, err = sqlstore.Open(ctx, sqlstore.Config{URL: address, Path: filepath.Join(cfg.StateDir, "keystone.sqlite"), Synchronous: cfg.Synchronous, Keys: credentialKeys.Keys})
	if err != nil {
		return nil, err
	}
	return &app.Core{Store: s.store, Policy: enforcer, Secrets: hasher, Options: o.app(c), Log: cfg.Log, Now: func() time.Time { return time.Now().UTC() },
		Codec: token.Codec{Keys: keys.Keys, Methods: token.DefaultMethods(), DefaultDomainID: identity.DefaultDomainID}}, nil
}

// fill makes what a new service begins with, and writes down how to log in.
func (o *Options) fill(ctx context.Context, core *app.Core, cfg Config, s *Service) (err error) {
	// The passwords are on the disk before anybody has them: else a crash in between would leave users nobody can be.
	_, err = s.store.Domain(ctx, identity.DefaultDomainID)
	isNew := fault.Is(err, fault.NotFound)
	if err != nil && !isNew {
		return err
	}
	if s.Passwords, err = passwords(cfg.StateDir, isNew); err != nil {
		return err
	}
	services := append([]bootstrap.Service{{Type: "identity", Name: "keystone", Description: "Identity", URL: s.URL + "/v3"}}, cfg.Services...)
	if err := bootstrap.Run(ctx, core, bootstrap.Options{Region: Region, Services: services, Passwords: s.Passwords}); err != nil {
		return err
	}
	return writeClouds(cfg.StateDir, s.URL+"/v3", s.Passwords)
}
