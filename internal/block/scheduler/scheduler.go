// Package scheduler is the scheduler service of Block Storage: it knows the back ends by their rows and their reports,
// finds a pool for what is to be made, and hands the work over to that pool's volume service.
//
// The road of a volume goes through create.go. Which pool is right is decided in package decide, a pure function of what
// backends.go knows. What must not live here: a rule about pools (decide), SQL, anything a driver does.
//
// An operation is the scheduler's for as long as its journal record says so (rpcapi.SchedulerOwner). Handing it over
// changes the rows and the record in one transaction, and only then the message is sent; what is lost in between, the
// volume service finds in the journal, and what the scheduler itself leaves unfinished, the next scheduler does.
package scheduler

import (
	"context"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/membership"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/scheduler/backups"
	"github.com/clinker/clinker/internal/block/scheduler/cleanup"
	"github.com/clinker/clinker/internal/block/scheduler/decide"
	"github.com/clinker/clinker/internal/block/scheduler/decide/snapshot"
	"github.com/clinker/clinker/internal/block/scheduler/groups"
	"github.com/clinker/clinker/internal/block/scheduler/moves"
	"github.com/clinker/clinker/internal/block/scheduler/usage"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/run"
)

// Store is the part of a store.Store that the scheduler uses.
type Store interface {
	store.FlowReader
	store.WorkerReader
	store.ServiceReader
	groups.Store
	journal.Updater
	Backup(ctx context.Context, id, projectID string) (*block.Backup, error)
	Volume(ctx context.Context, id, projectID string) (*block.Volume, error)
	Volumes(ctx context.Context, q store.VolumeQuery) ([]*block.Volume, error)
	Snapshot(ctx context.Context, id, projectID string) (*block.Snapshot, error)
	TypeByName(ctx context.Context, name, projectID string) (*block.VolumeType, error)
	Clusters(ctx context.Context, aliveSince time.Time) ([]*block.Cluster, error)
}

// Options are the deployment's choices; names are the configuration options'. A zero field means its default.
type Options struct {
	Host             string        // host: this service's name; required
	AvailabilityZone string        // storage_availability_zone: written into the service's row
	ReportInterval   time.Duration // report_interval, 10 s
	StartsDisabled   bool          // not enable_new_services: of a service that has no row yet
	ServiceDownTime  time.Duration // service_down_time, 60 s
	InitWait         time.Duration // scheduler_driver_init_wait_time, 60 s
	// MaxOverSubscription is max_over_subscription_ratio for reports that bring none, 20.
	MaxOverSubscription snapshot.Ratio
	NoSnapshotGigabytes bool          // no_snapshot_gb_quota
	BackupUseSameHost   bool          // backup_use_same_host
	MessageReapInterval time.Duration // message_reap_interval, a day
	// Decide is the filters, weighers and attempts; nil means Cinder's defaults.
	Decide *decide.Options
	// CountsAge is how old the counts of volumes may be that a decision rests on, if a weigher wants them; 200 ms.
	CountsAge time.Duration
	Flow      flow.Options // Observe and Log are used
	// Methods are what it serves besides its own.
	Methods map[string]messaging.Method
	// Events is told of what could not be scheduled, and of the capacity of back ends; nil tells nobody.
	Events *notify.Events
	Log    *slog.Logger // nil means slog.Default
}

func (o Options) withDefaults() Options {
	fill := func(d *time.Duration, fallback time.Duration) {
		if *d <= 0 {
			*d = fallback
		}
	}
	fill(&o.ReportInterval, membership.DefaultReportInterval)
	fill(&o.ServiceDownTime, time.Minute)
	fill(&o.InitWait, time.Minute)
	fill(&o.MessageReapInterval, 24*time.Hour)
	fill(&o.CountsAge, 200*time.Millisecond)
	if o.MaxOverSubscription == (snapshot.Ratio{}) {
		o.MaxOverSubscription = snapshot.Ratio{Value: 20}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Decide == nil {
		o.Decide = new(decide.DefaultOptions())
	}
	o.Flow.Stopping = run.ErrStopping
	if o.Flow.Log == nil {
		o.Flow.Log = o.Log
	}
	return o
}

// Scheduler is the scheduler service. Make it with New, then Start it once and Stop it.
type Scheduler struct {
	opts      Options
	store     Store
	transport messaging.Transport
	volumes   rpcapi.Volume
	messages  Messages
	engine    *flow.Engine[store.Tx]
	backends  *backends
	told      usage.Told
	cleanup   *cleanup.Service
	parts     []part

	ready   chan struct{} // closed when the back ends are known well enough to schedule
	waiting chan struct{} // a place for each message that waits for ready

	background context.Context // of what runs without a message
	cancel     context.CancelCauseFunc
	running    sync.WaitGroup
	listener   messaging.Listener
}

// New makes a scheduler over its parts. It does nothing yet. messages may be nil: then nobody but the log learns why
// something could not be scheduled. A filter or weigher that is not known is a fault.Invalid that names those there are.
func New(o Options, s Store, t messaging.Transport, messages Messages) (*Scheduler, error) {
	if o.Host == "" {
		return nil, fault.New(fault.Invalid, "", "The scheduler needs the name of its host.")
	}
	o = o.withDefaults()
	d, err := decide.New(*o.Decide)
	if err != nil {
		return nil, err
	}
	sch := &Scheduler{
		opts: o, store: s, transport: t, messages: messages,
		volumes:  rpcapi.Volume{Client: t},
		engine:   flow.NewEngine(journal.New(s), o.Flow),
		backends: newBackends(s, d, o),
		ready:    make(chan struct{}),
		waiting:  make(chan struct{}, maxWaiting),
	}
	sch.cleanup = cleanup.New(cleanup.Options{Host: o.Host, Store: s, Schedulers: rpcapi.Scheduler{Client: t}, Volumes: sch.volumes,
		DownTime: o.ServiceDownTime, Log: o.Log})
	sch.parts = []part{
		sch.cleanup,
		moves.New(moves.Options{Store: s, Flows: sch.engine, Volumes: sch.volumes, Pools: sch.backends, Request: sch.request,
			Ready: sch.awaitReady, Failed: sch.moveFailed, CountSnapshots: !o.NoSnapshotGigabytes, Log: o.Log}),
		groups.New(groups.Options{Store: s, Flows: sch.engine, Pools: sch.backends, Volumes: sch.volumes, Ready: sch.awaitReady,
			Tell: sch.tellGroup, Log: o.Log}),
		backups.New(backups.Options{Store: s, Flows: sch.engine, Services: rpcapi.Backup{Client: t}, UseSameHost: o.BackupUseSameHost,
			ServiceDownTime: o.ServiceDownTime, Tell: sch.leave, Log: o.Log}),
	}
	sch.background, sch.cancel = context.WithCancelCause(context.Background())
	return sch, nil
}

// Start registers the service and listens; it returns when both is done. The back ends are asked to report, and until
// they have, what is to be scheduled waits (see awaitBackends). Of ctx only the values and the time for starting count.
func (s *Scheduler) Start(ctx context.Context) error {
	member, err := membership.Join(ctx, s.store, block.Service{
		Host: s.opts.Host, Binary: block.BinaryScheduler, Topic: rpcapi.SchedulerTopic,
		AvailabilityZone: s.opts.AvailabilityZone, RPCCurrentVersion: block.SchedulerRPCVersion,
		ObjectCurrentVersion: block.ObjectVersion, Disabled: s.opts.StartsDisabled,
	}, membership.Options{Interval: s.opts.ReportInterval, Owner: rpcapi.SchedulerOwner, Log: s.opts.Log})
	if err != nil {
		return err
	}
	listening := time.Now()
	s.listener, err = s.transport.Serve(ctx, messaging.Server{
		Topic: rpcapi.SchedulerTopic, Server: s.opts.Host, Version: block.SchedulerRPCVersion,
		Methods: s.methods(), Concurrency: concurrency,
	})
	if err != nil {
		return err
	}
	s.running.Go(func() { member.Run(s.background) })
	s.running.Go(func() { s.reapMessages(s.background) })
	s.running.Go(func() { s.cleanup.Own(s.background, listening) })
	s.running.Go(func() {
		s.awaitBackends(s.background)
		journal.Watch{Store: s.store, Owner: rpcapi.SchedulerOwner, Resume: s.resumptions(), Since: listening}.Run(s.background)
	})
	return nil
}

// Stop takes no new messages and waits for what is under way until ctx ends; what is then left is in the journal. It may
// be called on a scheduler that was not started, and twice.
func (s *Scheduler) Stop(ctx context.Context) error {
	s.cancel(run.ErrStopping)
	var err error
	if s.listener != nil {
		err = s.listener.Stop(ctx)
	}
	done := make(chan struct{})
	go func() {
		s.running.Wait()
		close(done)
	}()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return fault.Wrap(context.Cause(ctx), fault.Timeout, "", "The scheduler did not stop in time.")
	}
}

// part is a family of operations with a package of its own below the scheduler: what it serves, and how its records in the
// journal are seen to.
type part interface {
	Methods() map[string]messaging.Method
	Resume() map[string]journal.Resume
}

// methods is what other services may ask of the scheduler.
func (s *Scheduler) methods() map[string]messaging.Method {
	methods := map[string]messaging.Method{
		rpcapi.MethodCreateVolume:              messaging.Replying(s.createVolume),
		rpcapi.MethodExtendVolume:              messaging.Replying(s.extendVolume),
		rpcapi.MethodCreateSnapshot:            messaging.Replying(s.createSnapshot),
		rpcapi.MethodGetPools:                  messaging.Replying(s.getPools),
		rpcapi.MethodUpdateServiceCapabilities: messaging.Replying(s.updateServiceCapabilities),
		rpcapi.MethodNotifyServiceCapabilities: messaging.Silent(s.notifyServiceCapabilities),
	}
	for _, p := range s.parts {
		maps.Copy(methods, p.Methods())
	}
	maps.Copy(methods, s.opts.Methods)
	return methods
}

// resumptions is how each operation of the journal is taken up again.
func (s *Scheduler) resumptions() map[string]journal.Resume {
	resume := map[string]journal.Resume{
		rpcapi.FlowVolumeCreate:   s.resumeCreateVolume,
		rpcapi.FlowVolumeExtend:   s.resumeExtendVolume,
		rpcapi.FlowSnapshotCreate: s.resumeCreateSnapshot,
	}
	for _, p := range s.parts {
		maps.Copy(resume, p.Resume())
	}
	return resume
}
