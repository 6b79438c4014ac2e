// Package backup is the backup service, upstream's cinder-backup: it copies volumes into a repository, restores and
// removes backups, exports and takes up their records, each as a flow that survives the death of the process, and reports
// that it lives.
//
// A backup is made in three parts, as upstream has it. This service takes it up (create_backup); the volume's service
// readies what is to be read (get_backup_device, package manager/backups); and this service goes on (continue_backup): it
// has the volume exported to itself like any consumer, reads it over the network, and writes it into the repository. The
// journal's record goes the same way, so whoever dies, the next start of the same service goes on. What was half saved is
// saved anew; what was half restored is restored again.
//
// What must not live here: where backups lie (package repository), how a volume's bytes are reached (package initiator), SQL.
package backup

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backup/repository"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/keymigration"
	"github.com/clinker/clinker/internal/block/membership"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/run"
)

// Messages tells users why what they asked for came to nothing: upstream's user messages.
type Messages interface {
	Create(ctx context.Context, m block.Failure) error
}

// Opener opens the bytes of a volume that is exported to this host, as initiator.Open does.
type Opener func(ctx context.Context, info block.ConnectionInfo) (initiator.Device, error)

// Options of a Service. Those without a remark must be set.
type Options struct {
	Host             string // host: this service's name, and the server of its topic
	AvailabilityZone string // storage_availability_zone
	Store            store.Store
	// Flows must have been made with messaging.ErrStopping as what stops it.
	Flows      *flow.Engine[store.Tx]
	Repository repository.Repository
	Transport  messaging.Transport
	Methods    map[string]messaging.Method // what it serves besides its own
	Open       Opener                      // nil means initiator.Open
	Events     *notify.Events              // nil means nobody listens
	Messages   Messages                    // nil means that users are told nothing
	Keys       keymanager.Manager          // nil: keys that are not needed any more stay
	Log        *slog.Logger                // nil means slog.Default
	Now        func() time.Time            // nil means time.Now

	ReportInterval time.Duration // report_interval; 0 means 10 s
	StartsDisabled bool          // not enable_new_services: of a service that has no row yet
	CheckInterval  time.Duration // backup_driver_stats_polling_interval: between two checks of the repository; 0 means a minute
	MaxOperations  int           // backup_max_operations: backups made or restored at once; 0 means no limit
	ProgressEvery  time.Duration // backup_timer_interval: between two notifications of how far a backup is; 0 means 2 min
	CopyTimeout    time.Duration // bounds one save or restore; 0 means a day
	RecoveryPeriod time.Duration // as journal.Watch has it
	RecoveryMinAge time.Duration
}

func (o Options) withDefaults() Options {
	if o.Open == nil {
		o.Open = initiator.Open
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	fill := func(d *time.Duration, fallback time.Duration) {
		if *d <= 0 {
			*d = fallback
		}
	}
	fill(&o.ReportInterval, membership.DefaultReportInterval)
	fill(&o.CheckInterval, time.Minute)
	fill(&o.ProgressEvery, 2*time.Minute)
	fill(&o.CopyTimeout, 24*time.Hour)
	return o
}

// Service is the backup service of one host. Make one with New, Start it once, Stop it once.
type Service struct {
	Options
	volumes rpcapi.Volume
	peers   rpcapi.Backup
	flows   flows
	busy    *semaphore.Weighted // a place for each backup that is made or restored
	locks   lock.Local          // by backup id: a delete waits for the making that it gives up

	working    atomic.Bool // the repository was found to work
	background context.CancelCauseFunc
	running    sync.WaitGroup
	listener   messaging.Listener
}

// flows are the operations this service runs, made once.
type flows struct {
	start    *flow.Flow[starting, store.Tx]
	save     *flow.Flow[saving, store.Tx]
	restore  *flow.Flow[restoring, store.Tx]
	remove   *flow.Flow[removal, store.Tx]
	importer *flow.Flow[importing, store.Tx]
	reset    *flow.Flow[resetting, store.Tx]
}

// noLimit is how many places there are when nothing limits them.
const noLimit = 1 << 30

// New makes a Service; it does nothing until it is started.
func New(o Options) *Service {
	o = o.withDefaults()
	places := int64(o.MaxOperations)
	if places <= 0 {
		places = noLimit
	}
	s := &Service{Options: o, volumes: rpcapi.Volume{Client: o.Transport}, peers: rpcapi.Backup{Client: o.Transport},
		busy: semaphore.NewWeighted(places), background: func(error) {}}
	s.flows = flows{start: s.startFlow(), save: s.saveFlow(), restore: s.restoreFlow(), remove: s.removeFlow(),
		importer: s.importFlow(), reset: s.resetFlow()}
	return s
}

// Start registers the service, serves its messages and begins to recover what the journal has. It returns when messages
// are served. A repository that does not work is no error: until it does, the service looks down, and what it is asked for
// ends in error.
func (s *Service) Start(ctx context.Context) error {
	s.check(ctx)
	left, err := s.leftovers(ctx)
	if err != nil {
		return err
	}
	member, err := membership.Join(ctx, s.Store, block.Service{Host: s.Host, Binary: block.BinaryBackup, Topic: rpcapi.BackupTopic,
		AvailabilityZone: s.AvailabilityZone, RPCCurrentVersion: block.BackupRPCVersion, ObjectCurrentVersion: block.ObjectVersion, Disabled: s.StartsDisabled},
		membership.Options{Interval: s.ReportInterval, Working: s.Working, Owner: rpcapi.BackupOwner(s.Host), Log: s.Log})
	if err != nil {
		return err
	}
	left = s.endMaking(ctx, left)
	listening := s.Now()
	s.listener, err = s.Transport.Serve(ctx, messaging.Server{Topic: rpcapi.BackupTopic, Server: s.Host, Version: block.BackupRPCVersion,
		Methods: s.methods()})
	if err != nil {
		return err
	}
	member.Beat(ctx)
	s.report(ctx)
	background, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	s.background = cancel
	s.running.Go(func() { member.Run(background) })
	s.running.Go(func() {
		run.Every(background, s.CheckInterval, "check of the backup repository", func(ctx context.Context) error {
			s.check(ctx)
			s.report(ctx)
			return nil
		})
	})
	s.running.Go(func() { s.watch(listening).Run(background) })
	s.running.Go(func() { s.deleteAgain(background, left) })
	s.running.Go(func() {
		keymigration.Migration{Store: s.Store, Keys: s.Keys, Host: s.Host, Log: s.Log}.Backups(background)
	})
	return nil
}

// checkTimeout bounds one check of the repository.
const checkTimeout = 30 * time.Second

// check finds out whether the repository works, and logs when that changes.
func (s *Service) check(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	err := s.Repository.Check(ctx)
	if ctx.Err() != nil && run.IsStopping(ctx) {
		return
	}
	switch before := s.working.Swap(err == nil); {
	case err != nil:
		s.Log.ErrorContext(ctx, "the backup repository does not work; the service looks down until it does", "repository", s.Repository.Name(), "error", err)
	case !before:
		s.Log.InfoContext(ctx, "the backup repository works", "repository", s.Repository.Name())
	}
}

// report tells the schedulers whether the repository works, and which it is. Ours look into the services table; Python's
// choose among those that have reported.
func (s *Service) report(ctx context.Context) {
	err := rpcapi.Scheduler{Client: s.Transport}.UpdateCapabilities(ctx, &rpcapi.ServiceCapabilities{ServiceName: "backup", Host: s.Host,
		Capabilities: map[string]any{"backend_state": s.Working(), "driver_name": s.Repository.Name(), "availability_zone": s.AvailabilityZone},
		Timestamp:    s.Now().UTC()})
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "the schedulers could not be told of the backup service", "error", err)
	}
}

// Working says whether the repository works, as far as is known.
func (s *Service) Working() bool { return s.working.Load() }

// Stop takes no more messages, waits for what is being worked on until ctx ends, and leaves the rest to the journal. It may
// be called on a service that was not started.
func (s *Service) Stop(ctx context.Context) error {
	s.background(messaging.ErrStopping)
	var err error
	if s.listener != nil {
		err = s.listener.Stop(ctx)
	}
	done := make(chan struct{})
	go func() { s.running.Wait(); close(done) }()
	select {
	case <-done:
		return err
	case <-ctx.Done():
		return errors.Join(err, fault.Wrap(ctx.Err(), fault.Timeout, "", "The backup service did not stop in time."))
	}
}

// methods is what other services may ask.
func (s *Service) methods() map[string]messaging.Method {
	methods := map[string]messaging.Method{
		rpcapi.MethodCreateBackup:      messaging.Silent(s.Create),
		rpcapi.MethodContinueBackup:    messaging.Silent(s.Continue),
		rpcapi.MethodRestoreBackup:     messaging.Silent(s.Restore),
		rpcapi.MethodDeleteBackup:      messaging.Silent(s.Delete),
		rpcapi.MethodImportRecord:      messaging.Silent(s.Import),
		rpcapi.MethodResetBackupStatus: messaging.Silent(s.Reset),
		rpcapi.MethodExportRecord:      messaging.Replying(s.Export),
		rpcapi.MethodPublishCapabilities: messaging.Silent(func(ctx context.Context, _ *struct{}) error {
			s.report(ctx)
			return nil
		}),
		rpcapi.MethodCanForceDelete: messaging.Replying(func(context.Context, *struct{}) (*rpcapi.CanForceDelete, error) {
			return &rpcapi.CanForceDelete{Supported: true}, nil // a delete gives up what makes the backup, whatever the repository
		}),
	}
	maps.Copy(methods, s.Methods)
	return methods
}

// watch is the recovery of the operations that the journal says are ours; messages come since listening.
func (s *Service) watch(listening time.Time) journal.Watch {
	return journal.Watch{Store: s.Store, Owner: rpcapi.BackupOwner(s.Host), Period: s.RecoveryPeriod, MinAge: s.RecoveryMinAge, Since: listening,
		Resume: map[string]journal.Resume{
			rpcapi.FlowBackupCreate:   journal.Again(s.Flows, s.flows.start),
			rpcapi.FlowBackupContinue: journal.Again(s.Flows, s.flows.save),
			rpcapi.FlowBackupRestore:  journal.Again(s.Flows, s.flows.restore),
			rpcapi.FlowBackupDelete:   journal.Again(s.Flows, s.flows.remove),
			rpcapi.FlowBackupImport:   journal.Again(s.Flows, s.flows.importer),
			rpcapi.FlowBackupReset:    journal.Again(s.Flows, s.flows.reset),
		}}
}

// record is the journal's of an operation that a message brought.
func (s *Service) record(id, name, backupID string) flow.Record {
	return flow.Record{ID: id, Name: name, Owner: rpcapi.BackupOwner(s.Host), ResourceType: "backup", ResourceID: backupID}
}

// ours refuses what is another service's to do.
func (s *Service) ours(b *block.Backup) error {
	if b.Host != s.Host {
		return flow.ErrTaken
	}
	return nil
}

// ready refuses to touch the repository while it does not work.
func (s *Service) ready(what string) error {
	if !s.Working() {
		return fault.New(fault.Unavailable, serviceDown, "%s aborted due to backup service is down.", what)
	}
	return nil
}

// serviceDown is the name of the fault that says that the repository does not work.
const serviceDown = "BackupServiceDown"

// mismatch refuses a backup that lies in a repository of another kind; upstream's text.
func (s *Service) mismatch(what string, b *block.Backup) error {
	if b.MadeBy(s.Repository.Name()) {
		return nil
	}
	return block.InvalidBackup("%s aborted, the backup service currently configured [%s] is not the backup service that was used to create "+
		"this backup [%s].", what, s.Repository.Name(), b.Service)
}
