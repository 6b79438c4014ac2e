package main

import (
	"context"
	"net"
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/httpserver"
	"github.com/clinker/clinker/cmd/clinker/lifecycle"
	"github.com/clinker/clinker/cmd/clinker/observe"
	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/messages"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/policies"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/policy"
	"github.com/clinker/clinker/internal/run"
)

// policies reads who may do what.
func (p *process) policies() (*policy.Enforcer, error) {
	var directories []string
	for _, dir := range p.opts.policyDirs.Get(p.conf) {
		directories = append(directories, commandline.Find(p.sources, dir))
	}
	return policy.New(policy.Options{Defaults: policies.Defaults(), File: commandline.Find(p.sources, p.opts.policyFile.Get(p.conf)),
		Directories: directories, EnforceNewDefaults: p.opts.newDefaults.Get(p.conf),
		EnforceScope: p.opts.scopes.Get(p.conf), Logger: p.log})
}

// useCases makes what the API stands on.
func (p *process) useCases(enforcer *policy.Enforcer) *app.Core {
	now := func() time.Time { return time.Now().UTC() }
	o := p.appOptions
	o.ServiceTokenRoles = p.opts.authToken.Settings(p.conf).ServiceTokenRoles
	core := &app.Core{
		Store: p.store, Flows: flow.NewEngine(journal.New(p.store), p.flowOptions()),
		Scheduler: rpcapi.Scheduler{Client: p.transport}, VolumeService: rpcapi.Volume{Client: p.transport}, BackupService: rpcapi.Backup{Client: p.transport},
		Events: p.events(p.host), Messages: messages.NewWriter(p.store, messages.TTL(p.conf)), Keys: p.keys, Locks: p.locks.Locker,
		Policy: enforcer, Quota: quota.New(quota.OptionsFrom(p.conf)), Zones: app.NewZones(p.store, now),
		Images: p.images, Compute: p.compute, Options: o, Log: p.log, LogLevel: p.logLevel, Host: p.host, Now: now,
	}
	if p.keepers != nil {
		core.Keepers = p.keepers
	}
	return core
}

// apiHandler makes the whole HTTP pipeline, from the paste file down to the API.
func (p *process) apiHandler() (http.Handler, error) {
	enforcer, err := p.policies()
	if err != nil {
		return nil, err
	}
	o := p.apiOptions
	o.Disabled, o.Observe, o.Log = p.opts.disabledExtensions.Get(p.conf), observe.Route("/v3"), p.log
	settings := p.opts.middleware.Settings(p.conf)
	o.MaxBodyBytes = int64(settings.MaxRequestBodyBytes)
	p.neighbours = middleware.NewNeighbours(middleware.Database(p.store.Ping), middleware.Messages(p.transport.Check))
	filters := middleware.Filters{Settings: settings, Logger: p.log, Neighbours: p.neighbours}
	v3, err := api.New(p.useCases(enforcer), o)
	if err != nil {
		return nil, err
	}
	return p.loadPaste(pasteRegistry(p.opts.authStrategy.Get(p.conf), v3, api.Versions(api.VersionsEndpoint(p.conf)), filters,
		authFilters{token: p.authTokenFilter, context: authtoken.KeystoneContext(enforcer.IsAdmin)}, p.log))
}

// apiComponent serves the API.
func (p *process) apiComponent() (run.Component, error) {
	handler, err := p.apiHandler()
	if err != nil {
		return run.Component{}, err
	}
	address := net.JoinHostPort(p.opts.listen.Get(p.conf), strconv.Itoa(p.opts.listenPort.Get(p.conf)))
	return httpserver.Component("cinder-api", address, observe.Requests(p.metrics, httpserver.Attended(handler)), p.certificate), nil
}

// neighboursComponent proves in the background that the database and the broker answer, for the health check.
func (p *process) neighboursComponent() run.Component {
	return run.Component{Name: "proofs of the health check", Start: func(ctx context.Context, _ func(error)) error {
		go p.neighbours.Run(ctx)
		return nil
	}}
}

// forgetPeriod is how often it is looked for creates that nobody will repeat any more.
const forgetPeriod = time.Minute

// forgetComponent forgets what creates have made once they would be carried out again.
func (p *process) forgetComponent() run.Component {
	core := &app.Core{Store: p.store, Options: p.appOptions, Now: func() time.Time { return time.Now().UTC() }}
	return run.Component{Name: "repeated creates", Start: func(ctx context.Context, _ func(error)) error {
		go run.Every(ctx, forgetPeriod, "forgetting of repeated creates", core.ForgetCreations)
		return nil
	}}
}

// adminComponent serves /metrics and, where only this machine reaches it, Go's profiles, if there is a port for it.
func (p *process) adminComponent() (c run.Component, wanted bool) {
	port, address := p.opts.adminPort.Get(p.conf), p.opts.adminListen.Get(p.conf)
	if port == 0 {
		return c, false
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", p.metrics.Handler())
	// Profiles show what is in memory, and cost time to whoever can ask for them.
	if ip := net.ParseIP(address); ip.IsLoopback() {
		lifecycle.ProfileMemory()
		mux.HandleFunc("GET /debug/pprof/", pprof.Index)
		mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
		mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	}
	return httpserver.Component("admin", net.JoinHostPort(address, strconv.Itoa(port)), mux, nil), true
}
