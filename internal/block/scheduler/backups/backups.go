// Package backups is the scheduler's part of making a backup: it chooses the backup service that is to do it, and hands
// the work over, or ends it in error when no backup service is up.
//
// Which one is right is decided by the rows of the services alone: one that is enabled and up in the zone that was asked
// for, or else in the volume's; that of the volume's own host if backup_use_same_host says so. A backup that has a host
// already, because only that one has what it is the difference to, keeps it.
//
// What must not live here: pools and back ends (package scheduler), and anything the backup service does.
package backups

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/backupends"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// Store is the part of a store.Store that is read here.
type Store interface {
	backupends.Reader
	Services(ctx context.Context, q store.ServiceQuery) ([]*block.Service, error)
}

// Options of a Scheduler. All but those with a remark must be set.
type Options struct {
	Store           Store
	Flows           *flow.Engine[store.Tx]
	Services        rpcapi.Backup
	UseSameHost     bool          // backup_use_same_host
	ServiceDownTime time.Duration // service_down_time
	// Tell leaves a message for a user; nil means that users are told nothing.
	Tell func(ctx context.Context, f block.Failure) error
	Now  func() time.Time // nil means time.Now
	Log  *slog.Logger     // nil means slog.Default
}

// Scheduler chooses backup services. It is safe for concurrent use.
type Scheduler struct {
	Options
	flow *flow.Flow[state, store.Tx]
}

// New makes a Scheduler.
func New(o Options) *Scheduler {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, block.Failure) error { return nil }
	}
	s := &Scheduler{Options: o}
	s.flow = s.newFlow()
	return s
}

// Methods is what other services may ask.
func (s *Scheduler) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{rpcapi.MethodCreateBackup: messaging.Silent(s.Create)}
}

// Resume is how the records of this flow in the journal are seen to: they are done again.
func (s *Scheduler) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{rpcapi.FlowBackupCreate: journal.Again(s.Flows, s.flow)}
}

// Create serves create_backup. That no service is there to do it is no failure of the message: the rows and the user are
// told.
func (s *Scheduler) Create(ctx context.Context, m *rpcapi.BackupTask) error {
	err := journal.Continue(ctx, s.Flows, s.flow, flow.Record{ID: m.FlowID, Name: rpcapi.FlowBackupCreate, Owner: rpcapi.SchedulerOwner,
		ResourceType: "backup", ResourceID: m.BackupID}, &state{BackupTask: *m})
	if fault.NameOf(err) == noService {
		return nil
	}
	return err
}

// noService is the name of the fault that says that there is no service.
const noService = "ServiceNotFound"

// state of a backup_create while a scheduler has it; in the journal, the message.
type state struct {
	rpcapi.BackupTask
	backup *block.Backup
	volume *block.Volume
	host   string
}

func (s *Scheduler) newFlow() *flow.Flow[state, store.Tx] {
	return &flow.Flow[state, store.Tx]{
		Name: "backup_create_scheduler",
		Steps: []flow.Step[state, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *state, cause error) error {
				return backupends.Fail(ctx, tx, st.BackupTask, cause)
			}},
			{Name: "extract_refs", Do: func(ctx context.Context, st *state) (err error) {
				st.backup, st.volume, err = backupends.Held(ctx, s.Store, st.BackupTask)
				return err
			}},
			{Name: "get_backup_host", Do: s.choose, Undo: s.tell},
			{Name: "backup_update_db", Tx: func(ctx context.Context, tx store.Tx, st *state) error {
				ok, err := tx.UpdateBackup(ctx, st.BackupID, store.BackupWhen{Status: []block.BackupStatus{block.BackupCreating}},
					store.BackupSet{Host: &st.host})
				if err == nil && !ok {
					err = block.BackupNotFound(st.BackupID)
				}
				return err
			}},
			{Name: "backup_cast", Do: func(ctx context.Context, st *state) error {
				return s.Services.Cast(ctx, st.host, "2.0", rpcapi.MethodCreateBackup, new(st.BackupTask))
			}},
		},
		HandOver: func(st *state) *flow.Next {
			return &flow.Next{Name: rpcapi.FlowBackupCreate, Owner: rpcapi.BackupOwner(st.host), State: st.BackupTask}
		},
	}
}

// choose finds the host.
func (s *Scheduler) choose(ctx context.Context, st *state) error {
	if st.host = st.backup.Host; st.host != "" {
		return nil
	}
	services, err := s.Store.Services(ctx, store.ServiceQuery{Binary: block.BinaryBackup, Disabled: new(false)})
	if err != nil {
		return err
	}
	zone := st.backup.AvailabilityZone
	if zone == "" {
		zone = st.volume.AvailabilityZone
	}
	var hosts []string
	for _, one := range services {
		if one.Up(s.Now(), s.ServiceDownTime) && (zone == "" || one.AvailabilityZone == zone) &&
			(!s.UseSameHost || one.Host == st.volume.Host.Node()) {
			hosts = append(hosts, one.Host)
		}
	}
	if len(hosts) == 0 {
		return fault.New(fault.NotFound, noService, "Service not found for creating backup.")
	}
	st.host = hosts[rand.N(len(hosts))]
	return nil
}

// tell tells the user that nothing came of it.
func (s *Scheduler) tell(ctx context.Context, st *state, cause error) error {
	if st.backup == nil {
		return nil
	}
	detail := block.MessageUnknownError
	if fault.NameOf(cause) == noService {
		detail = block.MessageBackupScheduleFailed
	}
	err := s.Tell(ctx, block.Failure{ProjectID: st.backup.ProjectID, RequestID: reqctx.From(ctx).RequestID, ResourceType: block.MessageBackup,
		ResourceID: st.BackupID, Action: block.MessageCreateBackup, Detail: detail, Text: fault.UserText(cause)})
	if err != nil {
		s.Log.WarnContext(ctx, "a user message could not be kept", "resource_id", st.BackupID, "error", err)
	}
	return nil
}
