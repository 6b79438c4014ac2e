package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/clinker/clinker/cmd/clinker/commandline"
	"github.com/clinker/clinker/cmd/clinker/lifecycle"
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/config"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/run"
)

// services says which services a process runs.
type services struct{ api, scheduler, volume, backup bool }

var allServices = services{api: true, scheduler: true, volume: true, backup: true}

// serviceTable is the service commands: a name, what it runs, and what it is for.
func serviceTable() []struct {
	name  string
	run   services
	short string
} {
	return []struct {
		name  string
		run   services
		short string
	}{
		{block.BinaryAPI, services{api: true}, "Serve the Block Storage API"},
		{block.BinaryScheduler, services{scheduler: true}, "Run the scheduler, which chooses a back end for each volume"},
		{block.BinaryVolume, services{volume: true}, "Run the volume services of the enabled back ends"},
		{block.BinaryBackup, services{backup: true}, "Run the backup service, which copies volumes into a repository"},
		{"cinder-all", allServices, "Run all of them in one process"},
	}
}

func serviceNames() []string {
	var names []string
	for _, s := range serviceTable() {
		names = append(names, s.name)
	}
	return names
}

func serviceCommands() []*cobra.Command {
	var list []*cobra.Command
	for _, s := range serviceTable() {
		var src config.Sources
		cmd := &cobra.Command{
			Use: s.name, Short: s.short, Args: noArguments,
			RunE: func(cmd *cobra.Command, _ []string) error { return serve(cmd.Context(), s.name, src, s.run) },
		}
		commandline.Program(cmd, &src)
		list = append(list, cmd)
	}
	return list
}

// serve runs services on an operator's configuration until they are told to stop.
func serve(ctx context.Context, name string, src config.Sources, which services) error {
	p, err := newProcess(ctx, name, commandline.Operators(src), which)
	if err != nil {
		return err
	}
	defer p.close()
	p.warnAlone(name, which)
	components, err := p.components(which)
	if err != nil {
		return err
	}
	ready := func() { p.log.Info("The service has started.", "service", name) }
	return p.service(components, ready).Run(ctx)
}

// service is the process's life, with what signals do to it.
func (p *process) service(components []run.Component, ready func()) run.Service {
	r := lifecycle.Reloader{Sources: p.sources, Options: p.opts.all(), Started: p.conf, Log: p.log,
		Apply: map[string]func(*config.Config) error{},
		Always: []func() error{
			func() error { return log.Reopen(p.logFile) },
			func() error { p.transport.Unpin(); return nil },
		}}
	for _, name := range log.Reloaded() {
		r.Apply[name] = func(next *config.Config) error { return p.opts.log.Apply(next, p.logLevel) }
	}
	if p.certificate != nil {
		r.Always = append(r.Always, p.certificate.Reload)
	}
	return run.Service{Components: components, Logger: p.log, Ready: ready, Reload: r.Reload, Drain: lifecycle.Drain(p.conf)}
}

// warnAlone warns of a service in a process of its own over a transport that does not leave the process: it serves what
// it can by itself (the API reads, a volume service its exports), and what it would give to others waits in the journal.
func (p *process) warnAlone(name string, which services) {
	if which != allServices && p.transport.Local {
		p.log.Warn("Messages do not leave this process: this service hears no other one and is heard by none. Name a RabbitMQ, or run "+
			"cinder-all, which is all services in one process.", "service", name, "option", "[DEFAULT] transport_url")
	}
}

// components are the parts of the process, in the order they start: the schedulers before the volume services that
// report to them, the API when there is somebody to do the work.
func (p *process) components(which services) ([]run.Component, error) {
	var list []run.Component
	add := func(c run.Component, err error) error {
		list = append(list, c)
		return err
	}
	if p.notifier != nil {
		list = append(list, p.notificationComponent())
	}
	if p.image != nil { // before the volume services, which ask it
		list = append(list, p.imageComponents()...)
	}
	if which.scheduler {
		if err := add(p.schedulerComponent()); err != nil {
			return nil, err
		}
	}
	if which.volume {
		for _, b := range p.backends {
			list = append(list, p.volumeComponent(b))
		}
	}
	if which.backup {
		list = append(list, p.backupComponent())
	}
	if which.api {
		if err := add(p.apiComponent()); err != nil {
			return nil, err
		}
		list = append(list, p.neighboursComponent())
		if p.appOptions.IdempotencyWindow > 0 {
			list = append(list, p.forgetComponent())
		}
	}
	if p.identity != nil {
		list = append(list, p.identityComponent())
	}
	if admin, wanted := p.adminComponent(); wanted {
		list = append(list, admin)
	}
	return list, nil
}
