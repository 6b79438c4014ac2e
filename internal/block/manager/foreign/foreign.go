// Package foreign is the volume service's part of what only Python services ask: ours do by themselves what these messages are
// for, or have no driver that could.
//
// What must not live here: what services of ours ask of each other.
package foreign

import (
	"context"
	"log/slog"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/workers"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// Options of a Service. All must be set.
type Options struct {
	Host  string // "host@backend"
	Store store.Store
	// Delete deletes a volume, with its snapshots, that a Python service had begun to delete.
	Delete func(ctx context.Context, volumeID string) error
	// Extended ends an extend, whose size and reservations are those of m, with the size m.NewSizeGiB or in error.
	Extended func(ctx context.Context, m *rpcapi.ExtendVolume, failed bool) error
	Log      *slog.Logger
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	cleaner *workers.Cleaner
}

// New makes a Service.
func New(o Options) *Service {
	return &Service{Options: o, cleaner: &workers.Cleaner{Store: o.Store, Host: o.Host, Binary: block.BinaryVolume, Delete: o.Delete, Log: o.Log}}
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		// No storage of ours keeps to whom a volume belongs.
		rpcapi.MethodAcceptTransfer: messaging.Silent(func(ctx context.Context, a *rpcapi.AcceptTransfer) error {
			_, err := s.Store.Volume(ctx, a.VolumeID, "")
			return err
		}),
		// An export goes with its last connection.
		rpcapi.MethodRemoveExport: messaging.Silent(func(context.Context, *rpcapi.RemoveExport) error { return nil }),
		rpcapi.MethodSecureFileOperations: messaging.Replying(func(context.Context, *rpcapi.AskSecureFileOperations) (*rpcapi.SecureFileOperations, error) {
			return &rpcapi.SecureFileOperations{}, nil
		}),
		rpcapi.MethodFreezeHost:             messaging.Replying(s.freezing(true)),
		rpcapi.MethodThawHost:               messaging.Replying(s.freezing(false)),
		rpcapi.MethodFailover:               messaging.Silent(s.failover),
		rpcapi.MethodFailoverCompleted:      messaging.Silent(s.failoverCompleted),
		rpcapi.MethodExtendVolumeCompletion: messaging.Silent(s.extended),
		rpcapi.MethodInitializeSnapshot: messaging.Replying(func(context.Context, *rpcapi.ConnectSnapshot) (*block.ConnectionInfo, error) {
			return nil, notAttached()
		}),
		rpcapi.MethodTerminateSnapshot:    messaging.Silent(func(context.Context, *rpcapi.ConnectSnapshot) error { return notAttached() }),
		rpcapi.MethodRemoveExportSnapshot: messaging.Silent(func(context.Context, *rpcapi.ConnectSnapshot) error { return notAttached() }),
		rpcapi.MethodDoCleanup:            messaging.Silent(s.cleaner.Clean),
	}
}

// Resume is empty: nothing here is journalled but what Delete does.
func (*Service) Resume() map[string]journal.Resume { return nil }

// CleanUp sees to what a Python service in this one's place had in hand when it ended: of what was begun until then.
func (s *Service) CleanUp(ctx context.Context, until time.Time) {
	err := s.cleaner.Own(reqctx.Internal(ctx), rpcapi.CleanupRequest{Until: until})
	if err != nil && ctx.Err() == nil {
		s.Log.WarnContext(ctx, "what a Python service left unfinished could not be read", "backend", s.Host, "error", err)
	}
}

// notAttached is the exception by which Python's services know that a back end did not do something.
func notAttached() error {
	return fault.New(fault.NotImplemented, "VolumeBackendAPIException", "Bad or unexpected response from the storage volume backend API: "+
		"this back end does not let snapshots be attached.")
}

// freezing disables the back end while it is frozen, as upstream's manager does; the API has written that it is. The answer is
// whether the storage agreed.
func (s *Service) freezing(frozen bool) func(context.Context, *struct{}) (*rpcapi.Agreed, error) {
	reason := ""
	if frozen {
		reason = "frozen"
	}
	return func(ctx context.Context, _ *struct{}) (*rpcapi.Agreed, error) {
		return &rpcapi.Agreed{Yes: true}, s.write(ctx, store.ServiceSet{Disabled: &frozen, DisabledReason: &reason})
	}
}

// failover ends as in Cinder where the driver cannot: in failover-error, disabled. The API asks only where replication is enabled, which
// it never is with a driver of ours. Unlike in Cinder the volumes, which are as good as before, are not put in error.
func (s *Service) failover(ctx context.Context, m *rpcapi.Failover) error {
	s.Log.ErrorContext(ctx, "the back end does not replicate, so it cannot fail over", "backend", s.Host, "to", m.SecondaryBackendID)
	return s.write(ctx, store.ServiceSet{Disabled: new(true), ReplicationStatus: new(block.ReplicationFailoverError)})
}

// failoverCompleted is told to all services of a cluster when one has failed over; with a driver that cannot, it is an error.
func (s *Service) failoverCompleted(ctx context.Context, m *rpcapi.FailoverCompleted) error {
	s.Log.ErrorContext(ctx, "the back end does not replicate, and was told of a failover", "backend", s.Host)
	return s.write(ctx, store.ServiceSet{ActiveBackendID: m.ActiveBackendID, Disabled: new(true), ReplicationStatus: new(block.ReplicationError),
		DisabledReason: new("Driver reported error during replication failover completion.")})
}

// extended ends an extend whose last part somebody else has done. No driver of ours leaves one there.
func (s *Service) extended(ctx context.Context, m *rpcapi.ExtendVolumeCompletion) error {
	v, err := s.Store.Volume(ctx, m.VolumeID, "")
	if err != nil {
		return err
	}
	return s.Extended(ctx, &rpcapi.ExtendVolume{VolumeID: v.ID, OldSizeGiB: v.SizeGiB, NewSizeGiB: m.NewSizeGiB, Reservations: m.Reservations}, m.Failed)
}

// write changes the service's row.
func (s *Service) write(ctx context.Context, set store.ServiceSet) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		services, err := tx.Services(ctx, store.ServiceQuery{Host: s.Host, Binary: block.BinaryVolume})
		if err != nil {
			return err
		}
		for _, one := range services {
			if err := tx.UpdateService(ctx, one.ID, set); err != nil {
				return err
			}
		}
		return nil
	})
}
