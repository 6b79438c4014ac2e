package main

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/clinker/clinker/cmd/clinker/coordination"
	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api"
	"github.com/clinker/clinker/internal/block/app/messages"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/backup"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/loglevels"
	"github.com/clinker/clinker/internal/block/manager"
	"github.com/clinker/clinker/internal/block/manager/migrate"
	"github.com/clinker/clinker/internal/block/membership"
	"github.com/clinker/clinker/internal/block/scheduler"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/log"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/run"
)

// readParts reads what the configuration says of the API, the scheduler and each back end, and refuses what cannot be.
func (p *process) readParts(which services) (err error) {
	if which.api {
		if p.apiOptions, err = api.OptionsFrom(p.conf); err != nil {
			return err
		}
		if p.certificate, err = p.opts.tls.Certificate(p.conf); err != nil {
			return err
		}
	}
	if which.backup {
		if p.backups, err = p.opts.backup.Repository(p.conf); err != nil {
			return err
		}
	}
	if p.scheduling, err = p.schedulerOptions(); err != nil || !which.volume {
		return err
	}
	names := p.conf.Backends()
	if len(names) == 0 {
		return p.opts.backends.enabled.Refuse(p.conf, "", "no back end is enabled",
			"the names of sections, each with volume_driver and the driver's options")
	}
	for _, name := range names {
		b, err := p.opts.backends.open(p, name)
		if err != nil {
			return err
		}
		p.backends = append(p.backends, b)
	}
	return nil
}

func (p *process) schedulerOptions() (scheduler.Options, error) {
	o := scheduler.Options{Host: p.host, AvailabilityZone: p.appOptions.StorageAvailabilityZone,
		ReportInterval: p.opts.reportInterval.Get(p.conf), StartsDisabled: !p.opts.newServices.Get(p.conf), ServiceDownTime: p.appOptions.ServiceDownTime,
		NoSnapshotGigabytes: quota.OptionsFrom(p.conf).NoSnapshotGigabytes, BackupUseSameHost: p.appOptions.BackupUseSameHost,
		Flow: p.flowOptions(), Log: p.log}
	ratio, ok := snapshot.RatioOf(p.opts.backends.overSubscription.Get(p.conf))
	if !ok {
		return o, p.opts.backends.overSubscription.Refuse(p.conf, "", "it is neither a number nor auto", "a number of at least 1, or auto")
	}
	o.MaxOverSubscription = ratio
	return o, p.opts.scheduler.Read(p.conf, &o)
}

// schedulerComponent is the scheduler service.
func (p *process) schedulerComponent() (run.Component, error) {
	p.scheduling.Events, p.scheduling.Methods = p.events(p.host), p.logMethods()
	s, err := scheduler.New(p.scheduling, p.store, p.transport, messages.NewWriter(p.store, messages.TTL(p.conf)))
	if err != nil {
		return run.Component{}, err
	}
	return run.Component{Name: block.BinaryScheduler,
		Start: func(ctx context.Context, _ func(error)) error { return s.Start(ctx) }, Stop: s.Stop}, nil
}

// volumeComponent is the volume service of one back end.
func (p *process) volumeComponent(b *backend) run.Component {
	var m *manager.Manager
	return run.Component{Name: fmt.Sprintf("%s %s", block.BinaryVolume, b.name),
		Start: func(ctx context.Context, _ func(error)) error {
			working := func() bool { return m != nil && m.Working() }
			member, err := membership.Join(ctx, p.store, block.Service{Host: string(b.host), Binary: block.BinaryVolume,
				Topic: block.BinaryVolume, ClusterName: b.cluster, AvailabilityZone: b.zone, RPCCurrentVersion: block.VolumeRPCVersion,
				ObjectCurrentVersion: block.ObjectVersion, ReplicationStatus: "disabled", Disabled: !p.opts.newServices.Get(p.conf)},
				membership.Options{Interval: p.opts.reportInterval.Get(p.conf), Working: working, Owner: cmp.Or(b.cluster, string(b.host)), Log: p.log})
			if err != nil {
				return err
			}
			m = p.manager(b, member.Row().UUID)
			if err := m.Start(ctx); err != nil {
				return err
			}
			member.Beat(ctx)
			go member.Run(ctx)
			return nil
		},
		Stop: func(ctx context.Context) error { return m.Stop(ctx) },
	}
}

func (p *process) manager(b *backend, serviceUUID string) *manager.Manager {
	o := manager.Options{Host: string(b.host), Cluster: b.cluster, Names: p.appOptions.Names, ServiceUUID: serviceUUID, Store: p.store,
		Flows: flow.NewEngine(journal.New(p.store), coordination.Flows(p.flowOptions(), b.cluster)), Backend: b.storage, Target: b.target, Locks: p.locks.Locker, Compute: p.compute, Transport: p.transport,
		Messages: messages.NewWriter(p.store, messages.TTL(p.conf)), Log: p.log.With("backend", b.name), Now: func() time.Time { return time.Now().UTC() },
		MaxAttempts: p.scheduling.Decide.MaxAttempts, Images: p.images.Settings(p.conf, b.name),
		Quota: quota.New(quota.OptionsFrom(p.conf)), NoSnapshotGigabytes: quota.OptionsFrom(p.conf).NoSnapshotGigabytes, StatsInterval: p.opts.backends.pollingInterval.Get(p.conf)}
	o.MigrationTimeout, o.Methods = migrate.CreateTimeout(p.conf), p.logMethods()
	o.Open = func(ctx context.Context, info block.ConnectionInfo) (migrate.Bytes, error) {
		return initiator.Open(ctx, info)
	}
	o.Images.Keys = p.keys
	if e := p.events(string(b.host)); e.On() {
		o.Notifier = e
	}
	return manager.New(o)
}

// backupComponent is the backup service.
func (p *process) backupComponent() run.Component {
	return p.opts.backup.Component(p.conf, backup.Options{Host: p.host, AvailabilityZone: p.appOptions.StorageAvailabilityZone, Store: p.store,
		Flows: flow.NewEngine(journal.New(p.store), p.flowOptions()), Repository: p.backups, Transport: p.transport, Events: p.events(p.host),
		Messages: messages.NewWriter(p.store, messages.TTL(p.conf)), Keys: p.keys, Methods: p.logMethods(),
		ReportInterval: p.opts.reportInterval.Get(p.conf), StartsDisabled: !p.opts.newServices.Get(p.conf), Log: p.log})
}

// logMethods are what every service serves about its log.
func (p *process) logMethods() map[string]messaging.Method {
	return loglevels.Methods(log.Levels{Level: p.logLevel, Log: p.log})
}

var _ manager.Backend = (*driver.Backend)(nil)
