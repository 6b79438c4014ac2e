package backup

import (
	"context"
	"errors"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/initiator"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// attachTimeout bounds one message to a volume service about a connection.
const attachTimeout = 2 * time.Minute

// consumer is this service as a consumer of a volume: what the volume service is told as the connector, always the same
// for one backup, so that a connection that an earlier run has made is found again, and ended.
func (s *Service) consumer(backupID string, readOnly bool) block.Connector {
	mode := "rw"
	if readOnly {
		mode = "ro"
	}
	return block.Connector{"host": s.Host, "initiator": block.BinaryBackup + ":" + backupID, "mode": mode, "multipath": false, "os_type": "linux"}
}

// attach has a volume exported to this host and opens it. ctx bounds the life of the device. What was exported has to be
// ended with detach, also after an error: it may come after the export.
func (s *Service) attach(ctx context.Context, v *block.Volume, c block.Connector) (initiator.Device, error) {
	var info block.ConnectionInfo
	call, cancel := context.WithTimeout(ctx, attachTimeout)
	defer cancel()
	err := s.volumes.Call(call, v.Queue(), "3.0", rpcapi.MethodInitializeConnection, &rpcapi.InitializeConnection{VolumeID: v.ID, Connector: c}, &info)
	if err != nil {
		return nil, err
	}
	d, err := s.Open(ctx, info)
	if err != nil {
		return nil, err
	}
	if want := v.SizeGiB * block.GiB; d.Size() < want {
		err := fault.New(fault.Internal, "", "The volume is said to have %d bytes, and its device has %d.", want, d.Size())
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

// detach ends the export of a volume to this host. It is tried even when ctx has ended, but not when the service stops:
// whoever resumes the operation wants it again. That it fails is logged and no error: what had to be done with the bytes is
// done, and the next detach of the volume, or its delete, ends the export.
func (s *Service) detach(ctx context.Context, v *block.Volume, c block.Connector) {
	if errors.Is(context.Cause(ctx), messaging.ErrStopping) {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), attachTimeout)
	defer cancel()
	err := s.volumes.Call(ctx, v.Queue(), "3.0", rpcapi.MethodTerminateConnection,
		&rpcapi.TerminateConnection{VolumeID: v.ID, Connector: c, Force: true}, nil)
	if err != nil && !fault.Is(err, fault.NotFound) {
		s.Log.WarnContext(ctx, "a volume could not be detached from the backup service", "volume_id", v.ID, "error", err)
	}
}

// attached runs fn with a volume that is attached for it.
func (s *Service) attached(ctx context.Context, v *block.Volume, c block.Connector, fn func(ctx context.Context, d initiator.Device) error) (err error) {
	ctx, cancel := context.WithTimeout(ctx, s.CopyTimeout)
	defer cancel()
	defer s.detach(ctx, v, c)
	d, err := s.attach(ctx, v, c)
	if err != nil {
		return &attachError{err}
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	return fn(ctx, d)
}

// attachError says that it was the attaching that failed, for the message to the user.
type attachError struct{ error }

// Unwrap gives the cause.
func (e *attachError) Unwrap() error { return e.error }

// detailOf is the detail of the message to the user: that attaching failed, or the other one.
func detailOf(cause error, other string) string {
	if errors.As(cause, new(*attachError)) {
		return block.MessageAttachFailed
	}
	return other
}

// progress is what a repository tells how far it is: every now and then it looks whether the backup is still to be worked
// on, and tells the notifier.
func (s *Service) progress(b *block.Backup, during block.BackupStatus, event string) func(ctx context.Context, done, total int64) error {
	looked, told := time.Now(), time.Now()
	return func(ctx context.Context, done, total int64) error {
		if time.Since(looked) < lookEvery {
			return nil
		}
		looked = time.Now()
		now, err := s.Store.Backup(ctx, b.ID, "")
		switch {
		case err != nil && !fault.Is(err, fault.NotFound):
			return nil // a database that is away for a moment is no reason to begin anew
		case err != nil || now.Status != during:
			return block.InvalidBackup("Backup %s is not %s any more.", b.ID, during)
		}
		if event != "" && time.Since(told) >= s.ProgressEvery {
			told = time.Now()
			s.Events.Backup(ctx, event, now, map[string]any{"backup_percent": float64(done) * 100 / float64(max(total, 1))})
		}
		return nil
	}
}

// lookEvery is how often it is looked whether a backup has been given up.
const lookEvery = time.Second
