package main

import (
	"context"

	"github.com/clinker/clinker/cmd/clinker/httpserver"
	"github.com/clinker/clinker/cmd/clinker/imageservice"
	"github.com/clinker/clinker/cmd/clinker/observe"
	"github.com/clinker/clinker/internal/oslo/middleware"
	"github.com/clinker/clinker/internal/oslo/paste"
	"github.com/clinker/clinker/internal/run"
)

// openImage makes the image service of the process, if it is to have one.
func (p *process) openImage(ctx context.Context) (err error) {
	if !p.opts.image.Wanted(p.conf) {
		return nil
	}
	c := imageservice.Config{StateDir: p.statePath, Synchronous: p.opts.database.Synchronous.Get(p.conf), Flow: p.flowOptions(),
		Filters: middleware.Filters{Settings: p.opts.middleware.Settings(p.conf), Logger: p.log}, Observe: observe.Route(""), Log: p.log}
	if p.opts.authStrategy.Get(p.conf) == "keystone" {
		settings := p.opts.authToken.Settings(p.conf)
		settings.ServiceTypes = []string{"image"}
		c.AuthToken = func(local map[string]string) (paste.Filter, error) { return p.tokenFilter(settings, local) }
	}
	p.image, err = p.opts.image.Open(ctx, p.conf, c)
	if err == nil {
		p.closers = append(p.closers, p.image.Close)
	}
	return err
}

// imageComponents serve the image API, and do what it has begun.
func (p *process) imageComponents() []run.Component {
	return []run.Component{p.image.Component(), httpserver.Component("glance-api", p.image.Address, observe.Requests(p.metrics, p.image.Handler), nil)}
}
