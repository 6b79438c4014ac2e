// Package migrate is the volume service's part of changing a volume's type and its place: three journalled flows.
//
// A retype (retype.go) is done where the volume is if the driver can, and becomes a migration if not. A migration (move.go)
// makes a second volume on the other back end, whose row says target:<id>, puts the bytes there, by the driver or by a
// copy (copy.go) or, of a volume that an instance uses, by Nova (swap.go), and then exchanges in one transaction which storage each of the two rows stands for. Until that commits,
// the volume is where it was and what was made is deleted if anything fails; from then on it is where it goes to, and what
// was left behind is deleted. The other back end's service ends it (arrive.go): it gives the volume in storage the name
// that its id stands for.
//
// What must not live here: which pool is right (the scheduler has chosen), who may ask, and how storage moves bytes.
package migrate

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Storage is what this needs of a back end; a *driver.Backend.
type Storage interface {
	Features() driver.Features
	Device(ctx context.Context, v driver.Volume) (path string, err error)
	Retype(ctx context.Context, v driver.Volume, change driver.TypeChange) (done bool, u driver.Update, err error)
	RenameVolume(ctx context.Context, v driver.Volume, as string) (done bool, u driver.Update, err error)
	MigrateVolume(ctx context.Context, v driver.Volume, as, location string) (done bool, u driver.Update, err error)
}

// Exports is the exports of this back end; an *export.Exports.
type Exports interface {
	Connect(ctx context.Context, v *block.Volume, id string, c block.Connector, readOnly bool) (block.ConnectionInfo, error)
	Disconnect(ctx context.Context, v *block.Volume, id string) error
	DisconnectAll(ctx context.Context, v *block.Volume) error
}

// Bytes is a volume that can be read and written.
type Bytes interface {
	io.ReaderAt
	io.WriterAt
	// WriteZeroes makes a range read as zero.
	WriteZeroes(offset, length int64) error
	// Flush returns when all that was written would survive a power cut.
	Flush() error
	Close() error
}

// Opener opens the bytes behind a connection, until ctx ends or they are closed.
type Opener = func(ctx context.Context, info block.ConnectionInfo) (Bytes, error)

// Options of a Service. Those without a remark must be set.
type Options struct {
	Backend     string // "host@backend": which volumes are ours, and the journal's owner
	ServiceUUID string // of the row in the services table; empty: volumes do not say who has them
	Store       store.Store
	Flows       *flow.Engine[store.Tx]
	Storage     Storage
	Exports     Exports
	// Volumes reaches the volume services, for the other end of a migration.
	Volumes rpcapi.Volume
	Open    Opener  // nil: nothing can be copied
	Compute Compute // moves the bytes of volumes in use; nil: nobody does

	SharedTargets func() *bool  // what the rows of volumes here say; nil means that targets are not shared
	CreateTimeout time.Duration // migration_create_volume_timeout_secs; 0 means 5 minutes
	VerbTimeout   time.Duration // bounds one verb or message; 0 means a minute
	CopyTimeout   time.Duration // bounds a copy together with what its size adds (copySecondsPerGiB); 0 means an hour
	// CountSnapshots says that the gigabytes of snapshots count (no_snapshot_gb_quota is off).
	CountSnapshots bool
	// Refresh sees to it that the schedulers soon hear what the storage holds; nil means nobody does.
	Refresh func()
	// Notify is called with upstream's event names ("retype"); nil means nobody listens.
	Notify func(ctx context.Context, event string, v *block.Volume)
	// Tell tells the user that something came to nothing, with the ids of upstream's user messages; nil means nobody does.
	Tell func(ctx context.Context, v *block.Volume, action, detail string, cause error)
	Log  *slog.Logger     // nil means slog.Default
	Now  func() time.Time // nil means time.Now
}

func (o Options) withDefaults() Options {
	fill := func(d *time.Duration, fallback time.Duration) {
		if *d == 0 {
			*d = fallback
		}
	}
	fill(&o.CreateTimeout, 5*time.Minute)
	fill(&o.VerbTimeout, time.Minute)
	fill(&o.CopyTimeout, time.Hour)
	if o.SharedTargets == nil {
		o.SharedTargets = func() *bool { return new(false) }
	}
	if o.Refresh == nil {
		o.Refresh = func() {}
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, *block.Volume) {}
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, *block.Volume, string, string, error) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return o
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	retype *flow.Flow[retyping, store.Tx]
	move   *flow.Flow[move, store.Tx]
	arrive *flow.Flow[arrival, store.Tx]

	watchPeriod time.Duration // between two looks whether a copy under way is still wanted
	interrupted chan struct{} // closed when the process stops
	interrupt   sync.Once
}

// New makes a Service.
func New(o Options) *Service {
	s := &Service{Options: o.withDefaults(), watchPeriod: 2 * time.Second, interrupted: make(chan struct{})}
	s.retype, s.move, s.arrive = s.retypeFlow(), s.moveFlow(), s.arriveFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodRetype:                  messaging.Silent(s.Retype),
		rpcapi.MethodMigrateVolume:           messaging.Silent(s.Migrate),
		rpcapi.MethodMigrateVolumeCompletion: messaging.Replying(s.Complete),
		rpcapi.MethodUpdateMigratedVolume:    messaging.Silent(s.Arrive),
	}
}

// Resume is how the records of these flows in the journal are seen to: they are done again.
func (s *Service) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{
		rpcapi.FlowVolumeRetype:   journal.Again(s.Flows, s.retype),
		rpcapi.FlowVolumeMigrate:  journal.Again(s.Flows, s.move),
		rpcapi.FlowVolumeMigrated: journal.Again(s.Flows, s.arrive),
		rpcapi.FlowVolumeSwap:     s.resumeSwap,
	}
}

// Retype serves retype.
func (s *Service) Retype(ctx context.Context, m *rpcapi.Retype) error {
	return journal.Continue(ctx, s.Flows, s.retype, s.record(m.FlowID, rpcapi.FlowVolumeRetype, m.VolumeID), &retyping{Retype: *m})
}

// Interrupt ends all migrations from here because the process stops: they take long, and wait for services that may have
// stopped already. The journal has them, and the next start does them again.
func (s *Service) Interrupt() { s.interrupt.Do(func() { close(s.interrupted) }) }

// Migrate serves migrate_volume.
func (s *Service) Migrate(ctx context.Context, m *rpcapi.MigrateVolume) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	go func() {
		select {
		case <-s.interrupted:
			cancel(messaging.ErrStopping)
		case <-ctx.Done():
		}
	}()
	return journal.Continue(ctx, s.Flows, s.move, s.record(m.FlowID, rpcapi.FlowVolumeMigrate, m.VolumeID), &move{MigrateVolume: *m})
}

// Arrive serves update_migrated_volume.
func (s *Service) Arrive(ctx context.Context, m *rpcapi.UpdateMigratedVolume) error {
	return journal.Continue(ctx, s.Flows, s.arrive, s.record(m.FlowID, rpcapi.FlowVolumeMigrated, m.VolumeID), &arrival{UpdateMigratedVolume: *m})
}

// Complete serves migrate_volume_completion, with which the compute service ends a migration whose bytes it has moved. Any other one
// of ours needs nobody to end it, so that it can only be given up: its copy is stopped, and what it made is removed. It gives the
// id of the volume, which stays.
func (s *Service) Complete(ctx context.Context, m *rpcapi.MigrateVolumeCompletion) (string, error) {
	if st, err := s.swapOf(ctx, m.VolumeID); err != nil || st != nil && st.madeID() == m.NewVolumeID {
		if err != nil {
			return "", err
		}
		return s.completeSwap(ctx, st, m.Failed)
	}
	if !m.Failed {
		return "", block.InvalidVolume("Volume %s is being moved by its volume service, which ends the migration itself.", m.VolumeID)
	}
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		ok, err := tx.UpdateVolume(ctx, m.VolumeID, store.VolumeWhen{MigrationStatus: underWay}, store.VolumeSet{MigrationStatus: new(block.MigrationError)})
		if err == nil && !ok {
			err = block.InvalidVolume("The migration of volume %s cannot be given up any more.", m.VolumeID)
		}
		return err
	})
	return m.VolumeID, err
}

func (s *Service) record(id, name, volumeID string) flow.Record {
	return flow.Record{ID: id, Name: name, Owner: s.Backend, ResourceType: "volume", ResourceID: volumeID}
}

// targetOf begins the migration status of a volume that is being made; the id of the volume that is moved follows.
const targetOf = "target:"

// underWay are those of a migration that has not come to its end yet, and can be given up.
var underWay = []string{block.MigrationStarting, block.MigrationMigrating}

// previous is the status to go back to: the one the volume had before, or if that is not known, what its attachments say.
func previous(v *block.Volume) block.VolumeStatus {
	if slices.Contains([]block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse}, v.PreviousStatus) {
		return v.PreviousStatus
	}
	status, _ := block.DeriveStates(v.Attachments)
	return status
}

// held are the states in which an operation of ours, and nobody else, has a volume in hand.
var held = []block.VolumeStatus{block.VolumeRetyping, block.VolumeMaintenance}

// within runs fn under a time limit.
func within(ctx context.Context, limit time.Duration, fn func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	return fn(ctx)
}

// found turns the absence of a row into the end of the operation.
func found(v *block.Volume, err error) (*block.Volume, error) {
	if fault.Is(err, fault.NotFound) {
		return nil, flow.ErrObsolete
	}
	return v, err
}

// failure is upstream's fault of a migration that came to nothing.
func failure(format string, args ...any) error {
	return fault.New(fault.Invalid, "VolumeMigrationFailed", "Volume migration failed: "+format, args...)
}
