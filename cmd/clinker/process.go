package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"

	"github.com/clinker/clinker/cmd/clinker/computeclient"
	"github.com/clinker/clinker/cmd/clinker/coordination"
	"github.com/clinker/clinker/cmd/clinker/httpserver"
	"github.com/clinker/clinker/cmd/clinker/identityservice"
	"github.com/clinker/clinker/cmd/clinker/imageclient"
	"github.com/clinker/clinker/cmd/clinker/imageservice"
	"github.com/clinker/clinker/cmd/clinker/messagebus"
	"github.com/clinker/clinker/cmd/clinker/observe"
	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/scheduler"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/keymanager"
	novaclient "github.com/clinker/clinker/internal/nova/client"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/notification"
	"github.com/clinker/clinker/internal/telemetry"
)

// process is what the services of one process share.
type process struct {
	opts       options
	conf       *config.Config
	sources    config.Sources
	appOptions app.Options
	host       string
	statePath  string

	// What the configuration makes of the parts that this process is to run; read before anything is opened.
	apiOptions api.Options
	scheduling scheduler.Options
	backends   []*backend
	keys       keymanager.Manager
	backups    repository.Repository

	log         *slog.Logger
	logLevel    *log.Threshold
	logFile     io.Closer
	metrics     *telemetry.Metrics
	neighbours  *middleware.Neighbours // what the API's health check tells of
	store       store.Store
	keepers     *journal.Keepers            // nil: all services are in this process
	identity    *identityservice.Service    // nil: there is none in this process
	validation  *identityservice.Validation // of tokens; made when it is needed
	certificate *httpserver.Certificate     // of the API; nil: it speaks plain HTTP
	image       *imageservice.Service       // nil: likewise
	transport   *messagebus.Bus
	locks       coordination.Locks
	images      *imageclient.Images
	compute     *novaclient.Client
	notifier    *notification.Notifier // nil: nobody is told of anything
	notified    notification.Recorder  // what the driver "test" keeps
	closers     []func() error
}

// newProcess reads the configuration and opens what the services stand on. Whatever is wrong with the configuration is
// said before anything has been touched.
func newProcess(ctx context.Context, program string, sources config.Sources, which services) (*process, error) {
	opts := newOptions()
	conf, err := config.Load(sources, opts.all()...)
	if err != nil {
		return nil, err
	}
	p := &process{opts: opts, conf: conf, sources: sources, appOptions: app.OptionsFrom(conf), host: opts.host.Get(conf),
		statePath: opts.statePath.Get(conf), metrics: telemetry.NewMetrics()}
	if p.log, p.logLevel, p.logFile, err = opts.log.Open(conf, program); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.logFile.Close)
	slog.SetDefault(p.log)
	for _, w := range conf.Warnings() {
		p.log.Warn(w)
	}
	if err := p.readParts(which); err != nil {
		return nil, err
	}
	loggedIn := opts.authStrategy.Get(conf) == "keystone"
	if p.keys, err = opts.keys.Open(conf, opts.identity.Elsewhere(conf), !loggedIn, p.log); err != nil {
		return nil, err
	}
	if p.compute, err = computeclient.Open(conf, loggedIn, p.log); err != nil {
		return nil, err
	}
	if _, err := opts.messages.Check(conf, which == allServices); err != nil {
		return nil, err
	}
	if p.locks, err = opts.locks.Open(conf, which == allServices, p.log); err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.locks.Close)
	if err := p.openStore(ctx); err != nil {
		p.close()
		return nil, err
	}
	if err := p.openTransport(which); err != nil {
		p.close()
		return nil, err
	}
	if err := errors.Join(p.openNotifier(), p.openImages()); err != nil {
		p.close()
		return nil, err
	}
	if which.api {
		if err := errors.Join(p.openIdentity(ctx), p.openImage(ctx)); err != nil {
			p.close()
			return nil, err
		}
	}
	return p, nil
}

// flowOptions are how every flow of the process runs.
func (p *process) flowOptions() flow.Options { return observe.Flows(p.metrics, p.log) }

// close frees what newProcess opened, last first.
func (p *process) close() {
	for i := len(p.closers) - 1; i >= 0; i-- {
		if err := p.closers[i](); err != nil {
			p.log.Error("closing failed", "error", err)
		}
	}
}

// openTransport makes the transport that transport_url names.
func (p *process) openTransport(which services) (err error) {
	p.transport, err = p.opts.messages.Open(p.conf, messagebus.Process{Alone: which == allServices, Store: p.store, Log: p.log})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.transport.Release)
	if !p.transport.Local { // then other processes may be Python's
		p.keepers = journal.NewKeepers(p.appOptions.ServiceDownTime, nil)
		p.store = journal.Keeping(p.store, p.keepers)
	}
	return nil
}

func (p *process) openStore(ctx context.Context) error {
	s, err := p.opts.database.Open(ctx, p.conf, quota.OptionsFrom(p.conf).Limits(), p.log)
	if err != nil {
		return err
	}
	p.store = s
	p.closers = append(p.closers, s.Close)
	return nil
}

// parseObject reads a JSON object.
func parseObject(text string) (map[string]any, error) {
	var m map[string]any
	err := json.Unmarshal([]byte(text), &m)
	return m, err
}
