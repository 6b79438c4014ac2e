package main

import (
	"context"
	"net"
	"strconv"

	"github.com/clinker/clinker/cmd/clinker/httpserver"
	"github.com/clinker/clinker/cmd/clinker/identityservice"
	"github.com/clinker/clinker/cmd/clinker/observe"
	"github.com/clinker/clinker/internal/identity/app/bootstrap"
	"github.com/clinker/clinker/internal/oslo/authtoken"
	"github.com/clinker/clinker/internal/oslo/paste"
	"github.com/clinker/clinker/internal/run"
)

// openIdentity makes the identity service of the process, if it is to have one.
func (p *process) openIdentity(ctx context.Context) (err error) {
	if !p.opts.identity.Wanted(p.conf) || p.opts.authStrategy.Get(p.conf) != "keystone" {
		return nil
	}
	p.identity, err = p.opts.identity.Open(ctx, p.conf, identityservice.Config{StateDir: p.statePath, Synchronous: p.opts.database.Synchronous.Get(p.conf),
		Services: p.catalog(), Observe: observe.Route(""), Log: p.log})
	if err == nil {
		p.closers = append(p.closers, p.identity.Close)
	}
	return err
}

// catalog is where the services of this process are reached, for the catalog in tokens. Clients look for either of the two
// names of block storage.
func (p *process) catalog() []bootstrap.Service {
	volumes := "http://" + net.JoinHostPort(p.opts.listen.Get(p.conf), strconv.Itoa(p.opts.listenPort.Get(p.conf))) + "/v3/$(project_id)s"
	services := []bootstrap.Service{
		{Type: "block-storage", Name: "cinder", Description: "Block Storage", URL: volumes},
		{Type: "volumev3", Name: "cinderv3", Description: "Block Storage", URL: volumes},
	}
	if p.opts.image.Wanted(p.conf) {
		services = append(services, bootstrap.Service{Type: "image", Name: "glance", Description: "Image", URL: p.opts.image.URL(p.conf)})
	}
	return services
}

// identityComponent serves the identity API.
func (p *process) identityComponent() run.Component {
	return httpserver.Component("keystone", p.identity.Address, observe.Requests(p.metrics, httpserver.Attended(p.identity.Handler)), nil)
}

// authTokenFilter validates the tokens of requests to the block storage service.
func (p *process) authTokenFilter(local map[string]string) (paste.Filter, error) {
	return p.tokenFilter(p.opts.authToken.Settings(p.conf), local)
}

// tokenFilter validates the tokens of requests.
func (p *process) tokenFilter(settings authtoken.Settings, local map[string]string) (_ paste.Filter, err error) {
	if p.validation == nil {
		if p.validation, err = p.opts.identity.Validation(p.conf, p.identity, settings, p.log); err != nil {
			return nil, err
		}
	}
	return p.validation.Filter(settings, local)
}
