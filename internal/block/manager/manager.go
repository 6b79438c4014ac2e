// Package manager is the volume service of one back end, upstream's cinder-volume: it makes, deletes and extends volumes
// when it is told to, each as a flow that survives the death of the process; reports to the schedulers what
// the back end can do; and at start puts right what the last process left.
//
// Every other family of operations is a service of its own in a package below (snapshots, attach, revert, adopt), which
// brings its methods and how its records in the journal are resumed: a line in New adds one. What must not live here: a
// driver, SQL, or a decision that the use cases in app or the scheduler make.
package manager

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/keymigration"
	"github.com/clinker/clinker/internal/block/manager/adopt"
	"github.com/clinker/clinker/internal/block/manager/attach"
	"github.com/clinker/clinker/internal/block/manager/backups"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/foreign"
	"github.com/clinker/clinker/internal/block/manager/groups"
	"github.com/clinker/clinker/internal/block/manager/hold"
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/block/manager/migrate"
	"github.com/clinker/clinker/internal/block/manager/revert"
	"github.com/clinker/clinker/internal/block/manager/snapshots"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/target"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/nova"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Backend is the storage this service is for; a *driver.Backend. Its verbs are those of driver.Driver.
type Backend interface {
	export.Storage
	revert.Storage
	migrate.Storage
	adopt.Storage
	snapshots.Storage
	groups.Storage
	image.Storage
	Setup(ctx context.Context) error
	CreateVolume(ctx context.Context, v driver.Volume) (driver.Update, error)
	DeleteVolume(ctx context.Context, v driver.Volume) error
	ExtendVolume(ctx context.Context, v driver.Volume, newSizeGiB int64) error
	CreateVolumeFromSnapshot(ctx context.Context, v driver.Volume, s driver.Snapshot) (driver.Update, error)
	CloneVolume(ctx context.Context, v, source driver.Volume) (driver.Update, error)
	Inventory(ctx context.Context) (driver.Inventory, error)
	RemoveStray(ctx context.Context, name string) error
	// Capabilities is Cinder's dictionary, given what is allocated in each pool, in GiB by the pool's name.
	Capabilities(ctx context.Context, allocatedGiB map[string]int64) (map[string]any, error)
	Close(ctx context.Context) error
}

var _ Backend = (*driver.Backend)(nil)

// Notifier hears of what happens to volumes and snapshots, in upstream's events ("volume.create.start"); a *notify.Events.
// The payload is a map of JSON values. Notify must not block for long; what becomes of a notification is its own affair.
type Notifier interface {
	Notify(ctx context.Context, event string, payload map[string]any)
}

// Messages tells users why what they asked for came to nothing: upstream's user messages.
type Messages interface {
	Create(ctx context.Context, m block.Failure) error
}

// Compute is the compute service that servers are at; nova.Service has the contract, and more.
type Compute interface {
	migrate.Compute
	Tell(ctx context.Context, events ...nova.Event) error
}

// Quota takes quota for what the service enters by itself; a *quota.Quota.
type Quota interface {
	adopt.Quota
	image.Quota
}

// Options of a Manager. Those without a remark must be set.
type Options struct {
	Host string // "host@backend"
	// Cluster is "cluster@backend" if the service is one of several on the same storage, which do each other's work. Flows must keep
	// their records then (flow.Options.Keep). Empty: the back end is this service's alone.
	Cluster     string
	ServiceUUID string // of the row in the services table; empty: volumes do not say who has them
	Store       store.Store
	// Flows must have been made with messaging.ErrStopping as what stops it.
	Flows     *flow.Engine[store.Tx]
	Backend   Backend
	Locks     lock.Locker   // between processes, Cinder's; nil: nobody else works on the storage
	Compute   Compute       // nil: there is no compute service
	Target    target.Target // nil for a back end with a protocol of its own
	Transport messaging.Transport
	Methods   map[string]messaging.Method // what it serves besides its own
	Notifier  Notifier                    // nil means nobody listens
	Messages  Messages                    // nil means that users are told nothing
	Log       *slog.Logger                // nil means slog.Default
	Now       func() time.Time            // nil means time.Now

	Names               block.Names    // volume_name_template, snapshot_name_template; what is not said is as upstream
	Images              image.Settings // with nil Images, everything about images is refused
	Quota               Quota          // of what is managed, and of cached images; nil takes none
	MaxAttempts         int            // scheduler_max_attempts; 0 means 3
	NoSnapshotGigabytes bool           // no_snapshot_gb_quota
	// Open reaches volumes of other back ends, which migrations copy to; nil: they cannot.
	Open migrate.Opener
	// ReadExtraSpecs says that the driver heeds extra specs of types; it costs one more read per volume made.
	ReadExtraSpecs bool

	StatsInterval time.Duration // backend_stats_polling_interval; 0 means a minute
	CopyTimeout   time.Duration // bounds the verbs that may copy or wipe bytes; 0 means an hour
	VerbTimeout   time.Duration // bounds the other verbs; 0 means a minute
	// MigrationTimeout bounds the making of a volume on another back end (migration_create_volume_timeout_secs); 0 means 5 minutes.
	MigrationTimeout time.Duration
	SetupTries       int           // reinit_driver_count, and one; 0 means 4
	RecoveryPeriod   time.Duration // as journal.Watch has it
	RecoveryMinAge   time.Duration
	ListenerThreads  int // messages worked on at once; 0 means the transport's default
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.MaxAttempts == 0 {
		o.MaxAttempts = 3
	}
	if o.StatsInterval == 0 {
		o.StatsInterval = time.Minute
	}
	if o.CopyTimeout == 0 {
		o.CopyTimeout = time.Hour
	}
	if o.VerbTimeout == 0 {
		o.VerbTimeout = time.Minute
	}
	if o.SetupTries == 0 {
		o.SetupTries = 4
	}
	return o
}

// Manager is the volume service of one back end. Make one with New, Start it once, Stop it once.
type Manager struct {
	Options
	queue     string // whose work it does: the cluster's, or the host's
	exports   *export.Exports
	adopt     *adopt.Service
	snapshots *snapshots.Service
	migrate   *migrate.Service
	images    *image.Service // nil: everything about images is refused
	parts     []part
	capacity  *capacity
	flows     flows
	foreign   *foreign.Service
	locks     hold.Locks

	working    atomic.Bool
	listening  time.Time // since when messages come
	background context.CancelCauseFunc
	running    sync.WaitGroup
	listeners  []messaging.Listener
}

// flows are the operations this service runs, made once.
type flows struct {
	create *flow.Flow[creation, store.Tx]
	del    *flow.Flow[deletion, store.Tx]
	extend *flow.Flow[extension, store.Tx]
}

// New makes a Manager; it does nothing until it is started.
func New(o Options) *Manager {
	o = o.withDefaults()
	m := &Manager{Options: o, queue: cmp.Or(o.Cluster, o.Host), exports: export.New(o.Backend, o.Target), background: func(error) {},
		locks: hold.Locks{Locker: o.Locks, Limit: o.CopyTimeout}}
	m.capacity = newCapacity(m)
	m.adopt = adopt.New(adopt.Options{Backend: m.queue, Names: o.Names, Store: o.Store, Flows: o.Flows, Storage: o.Backend,
		Exports: m.exports, Quota: o.Quota, Timeout: o.VerbTimeout, Now: o.Now,
		CountSnapshots: !o.NoSnapshotGigabytes, Changed: m.capacity.add, Notify: m.notifyVolume, NotifySnapshot: m.notifySnapshot, Tell: m.tellVolume, TellSnapshot: m.tellSnapshot})
	m.snapshots = snapshots.New(snapshots.Options{Backend: m.queue, Store: o.Store, Flows: o.Flows, Storage: o.Backend,
		Unmanage: m.adopt.UnmanageSnapshot, Locks: m.locks, Timeout: o.CopyTimeout, CountSnapshots: !o.NoSnapshotGigabytes,
		Changed: m.capacity.touch, Notify: m.notifySnapshot, Tell: m.tellSnapshot})
	m.migrate = migrate.New(migrate.Options{Compute: o.Compute, Backend: m.queue, ServiceUUID: o.ServiceUUID, Store: o.Store, Flows: o.Flows, Storage: o.Backend,
		Exports: m.exports, Volumes: rpcapi.Volume{Client: o.Transport}, Open: o.Open, SharedTargets: m.sharedTargets,
		CreateTimeout: o.MigrationTimeout, VerbTimeout: o.VerbTimeout, CopyTimeout: o.CopyTimeout, Refresh: m.capacity.poll,
		CountSnapshots: !o.NoSnapshotGigabytes, Notify: m.notifyVolume, Tell: m.tellVolume, Log: o.Log, Now: o.Now})
	m.parts = []part{
		m.adopt,
		m.snapshots,
		attach.New(attach.Options{Backend: m.queue, Store: o.Store, Flows: o.Flows, Exports: m.exports, Locks: m.locks,
			Timeout: o.VerbTimeout, Notify: m.notifyVolume, Tell: m.tellVolume, Now: o.Now}),
		m.migrate,
		backups.New(backups.Options{Backend: m.queue, Store: o.Store, Flows: o.Flows, Storage: o.Backend,
			Services: rpcapi.Backup{Client: o.Transport}, Timeout: o.CopyTimeout, Changed: m.capacity.add, Tell: m.tell}),
		revert.New(revert.Options{Backend: m.queue, Store: o.Store, Flows: o.Flows, Storage: o.Backend,
			Timeout: o.CopyTimeout, Notify: m.notifyVolume, NotifySnapshot: m.notifySnapshot}),
		groups.New(groups.Options{Backend: m.queue, ServiceUUID: o.ServiceUUID, Store: o.Store, Flows: o.Flows, Storage: o.Backend,
			Exports: m.exports, Timeout: o.CopyTimeout, Now: o.Now, CountSnapshots: !o.NoSnapshotGigabytes, SharedTargets: m.sharedTargets,
			Changed: m.capacity.add, Notify: m.notify, NotifyVolume: m.notifyVolume, NotifySnapshot: m.notifySnapshot,
			TellVolume: m.tellVolume, TellSnapshot: m.tellSnapshot,
			Forget: func(ctx context.Context, tx store.Tx, v *block.Volume) error { return m.images.Forget(ctx, tx, v) }}),
	}
	if o.Images.Images != nil {
		m.images = image.New(image.Options{Settings: o.Images, Locks: o.Locks, Backend: m.queue, Store: o.Store, Flows: o.Flows, Storage: o.Backend,
			Messages: o.Transport, Quota: o.Quota, Timeout: o.CopyTimeout, Now: o.Now, CountSnapshots: !o.NoSnapshotGigabytes,
			Changed: m.capacity.add, Notify: m.notify, Tell: m.tellVolume, TellServers: m.tellServers, Log: o.Log})
		m.parts = append(m.parts, m.images)
	}
	m.flows = flows{create: m.createFlow(), del: m.deleteFlow(), extend: m.extendFlow()}
	m.foreign = foreign.New(foreign.Options{Host: o.Host, Store: o.Store, Delete: m.deleteAgain, Extended: m.extended, Log: o.Log})
	m.parts = append(m.parts, m.foreign)
	return m
}

// Start sets the back end and the target up, exports what was exported before, and begins to serve, to report and to
// recover what the journal has. It returns when messages are served. A back end that cannot be set up in the tries it is
// allowed is an error; such a service must not send heartbeats, and only a restart helps.
func (m *Manager) Start(ctx context.Context) error {
	if err := m.setup(ctx); err != nil {
		return err
	}
	if m.Target != nil {
		if err := m.Target.Start(ctx); err != nil {
			return errors.Join(err, m.Backend.Close(ctx))
		}
	}
	m.restore(ctx)
	m.listening = m.Now()
	if err := m.serve(ctx); err != nil {
		return errors.Join(err, m.Stop(ctx))
	}
	m.working.Store(true)
	background, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	m.background = cancel
	m.running.Go(func() { m.capacity.run(background) })
	for _, w := range m.watches() {
		m.running.Go(func() { w.Run(background) })
	}
	m.running.Go(func() { m.Flows.Keep(background) })
	m.running.Go(func() { m.foreign.CleanUp(background, m.listening) })
	m.running.Go(func() {
		keymigration.Migration{Store: m.Store, Keys: m.Images.Keys, Host: m.Host, Log: m.Log}.Volumes(background)
	})
	return nil
}

// Working says whether the service can do its work: it has started and was not stopped. While it is false, no heartbeat
// may be sent.
func (m *Manager) Working() bool { return m.working.Load() }

// setup sets the back end up, with growing pauses between the tries.
func (m *Manager) setup(ctx context.Context) error {
	for try := 1; ; try++ {
		err := m.within(ctx, m.VerbTimeout, m.Backend.Setup)
		if err == nil || try >= m.SetupTries || fault.Is(err, fault.Invalid) {
			return err
		}
		pause := time.Second << min(try-1, 5)
		m.Log.WarnContext(ctx, "the back end could not be set up; trying again", "backend", m.Host, "try", try, "after", pause, "error", err)
		select {
		case <-ctx.Done():
			return errors.Join(err, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
}

// watches are the recovery of the operations that the journal says are ours: the host's, and the cluster's, which are those of its
// other members too.
func (m *Manager) watches() []journal.Watch {
	resume := map[string]journal.Resume{
		rpcapi.FlowVolumeCreate: m.resumeCreate,
		rpcapi.FlowVolumeDelete: journal.Again(m.Flows, m.flows.del),
		rpcapi.FlowVolumeExtend: journal.Again(m.Flows, m.flows.extend),
	}
	for _, p := range m.parts {
		maps.Copy(resume, p.Resume())
	}
	own := journal.Watch{Store: m.Store, Owner: m.Host, Resume: resume, Period: m.RecoveryPeriod, MinAge: m.RecoveryMinAge, Since: m.listening}
	if m.Cluster == "" {
		return []journal.Watch{own}
	}
	shared := own
	shared.Owner, shared.Shared = m.Cluster, true
	return []journal.Watch{own, shared}
}

// Stop takes no more messages, waits for what is being worked on until ctx ends, and leaves the rest to the journal. Then
// it lets go of target and back end.
func (m *Manager) Stop(ctx context.Context) error {
	m.working.Store(false)
	m.migrate.Interrupt()
	var wg sync.WaitGroup
	errs := make([]error, len(m.listeners))
	for i, l := range m.listeners {
		wg.Go(func() { errs[i] = l.Stop(ctx) })
	}
	m.background(messaging.ErrStopping)
	wg.Wait()
	done := make(chan struct{})
	go func() { m.running.Wait(); close(done) }()
	select {
	case <-done:
	case <-ctx.Done():
		errs = append(errs, fault.Wrap(ctx.Err(), fault.Timeout, "", "the volume service %s did not stop in time", m.Host))
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
	defer cancel()
	if m.Target != nil {
		errs = append(errs, m.Target.Close(closing))
	}
	return errors.Join(append(errs, m.Backend.Close(closing))...)
}

const closeTimeout = 5 * time.Second

// within runs fn under a time limit.
func (m *Manager) within(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return fn(ctx)
}
