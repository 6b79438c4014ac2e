package driver

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/cenkalti/backoff/v5"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
)

// Bounds of the repetition of a verb that finds its storage unavailable. They are short: whoever waits for the verb
// holds its locks, and longer outages are for the caller to sit out.
const (
	normalTries     = 3
	mostTries       = 10
	firstRetryDelay = 100 * time.Millisecond
	maxRetryDelay   = 2 * time.Second
)

// call is one call of a verb and the rules it is made under.
type call struct {
	op       Operation
	locks    []string
	check    func() error // of the arguments beyond the ids in op; nil if there is nothing to check
	volume   bool         // op has a volume's id
	snapshot bool         // op has a snapshot's id
	lacking  bool         // the driver has not got this optional verb
	early    bool         // allowed before Setup
	once     bool         // not repeated
}

// call is a call about the whole back end.
func (b *Backend) call(verb string) call { return call{op: Operation{Verb: verb}} }

// onVolume is a call about one volume.
func (b *Backend) onVolume(verb, volumeID string, locks ...string) call {
	return call{op: Operation{Verb: verb, VolumeID: volumeID}, volume: true, locks: locks}
}

// onSnapshot is a call about one volume and a snapshot.
func (b *Backend) onSnapshot(verb, volumeID, snapshotID string, locks ...string) call {
	c := b.onVolume(verb, volumeID, locks...)
	c.op.SnapshotID, c.snapshot = snapshotID, true
	return c
}

// update is run for the verbs that have an Update to give.
func update(ctx context.Context, b *Backend, c call, verb func(context.Context) (Update, error)) (Update, error) {
	var u Update
	err := b.run(ctx, c, func(ctx context.Context) (err error) {
		u, err = verb(ctx)
		return err
	})
	if err != nil {
		return Update{}, err
	}
	return u, nil
}

// run does what every verb has in common: the order is checks, locks, the verb with its repetitions; the observer sees
// all of it.
func (b *Backend) run(ctx context.Context, c call, verb func(context.Context) error) (err error) {
	c.op.Backend = b.options.BackendName
	if b.options.Observer != nil {
		var done func(error)
		ctx, done = b.options.Observer(ctx, c.op)
		defer func() { done(err) }()
	}
	if err := b.admit(c); err != nil {
		return err
	}
	ctx, unlock, err := lock.All(ctx, b.options.Locker, c.locks...)
	if err != nil {
		return err
	}
	defer unlock()
	return b.classified(ctx, c.op, b.repeated(ctx, c, verb))
}

// admit refuses a call that must not reach the driver.
func (b *Backend) admit(c call) error {
	if c.lacking {
		return fault.New(fault.NotImplemented, "", "The back end %s cannot do this (%s).", b.options.BackendName, c.op.Verb)
	}
	if !c.early && !b.ready.Load() {
		return fault.New(fault.Unavailable, "DriverNotInitialized", "Volume driver not ready.")
	}
	if c.volume {
		if err := checkID("volume", c.op.VolumeID); err != nil {
			return err
		}
	}
	if c.snapshot {
		if err := checkID("snapshot", c.op.SnapshotID); err != nil {
			return err
		}
	}
	if c.check != nil {
		return c.check()
	}
	return nil
}

// repeated runs the verb again while the storage is unavailable. Every verb is idempotent, so that this is safe.
func (b *Backend) repeated(ctx context.Context, c call, verb func(context.Context) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.once {
		return verb(ctx)
	}
	delay := backoff.NewExponentialBackOff()
	delay.InitialInterval, delay.MaxInterval = firstRetryDelay, maxRetryDelay
	var last error
	_, err := backoff.Retry(ctx, func() (struct{}, error) {
		last = verb(ctx)
		if last != nil && !fault.Is(last, fault.Unavailable) {
			return struct{}{}, backoff.Permanent(last)
		}
		return struct{}{}, last
	}, backoff.WithBackOff(delay), backoff.WithMaxTries(uint(b.options.MaxTries)))
	if err != nil && last != nil {
		return last // without the wrapping of the library, and not the context's error when the storage's says more
	}
	return err
}

// classified gives an error that is not a fault yet its kind. What a driver made a fault stays as it is.
func (b *Backend) classified(ctx context.Context, op Operation, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := fault.Of(err); ok {
		return err
	}
	cause := fmt.Errorf("%s %s: %w", op.Backend, op.Verb, err)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fault.Wrap(cause, fault.Timeout, "", "The back end did not finish in time.")
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return fault.Wrap(cause, fault.Unavailable, "", "The operation was cancelled.")
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		return fault.Wrap(cause, fault.OverLimit, "", "The back end has no space left.")
	}
	return fault.Wrap(cause, fault.Internal, "VolumeBackendAPIException",
		"Bad or unexpected response from the storage volume backend API: %s failed.", op.Verb)
}

// checkID accepts exactly what uuid writes: 36 lower-case characters. Names in storage are made of ids, so nothing else
// may ever pass: no path, no option, no other spelling of the same id.
func checkID(what, id string) error {
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		return fault.New(fault.Invalid, "InvalidUUID", "Expected the UUID of a %s but received %.40q.", what, id)
	}
	return nil
}

func checkSize(what string, sizeGiB int64) error {
	if sizeGiB < 1 || sizeGiB > block.MaxSizeGiB {
		return fault.New(fault.Invalid, "InvalidInput", "%s must be from 1 to %d GiB, and is %d.", what, block.MaxSizeGiB, sizeGiB)
	}
	return nil
}

func checkGrowth(what string, sizeGiB, fromGiB int64) error {
	if err := checkSize(what, sizeGiB); err != nil {
		return err
	}
	if sizeGiB < fromGiB {
		return fault.New(fault.Invalid, "InvalidInput", "%s must not be less than %d GiB, and is %d.", what, fromGiB, sizeGiB)
	}
	return nil
}

// checkVolume checks what a volume has beside its id, which admit checks for the volume a verb is about.
func checkVolume(v Volume) error { return checkSize("The size of a volume", v.SizeGiB) }

func checkCopy(v Volume, fromGiB int64) error {
	return checkGrowth("The size of a volume made from another", v.SizeGiB, fromGiB)
}

// checkSnapshot checks what a snapshot has beside its id.
func checkSnapshot(s Snapshot) error {
	if err := checkID("volume", s.Volume.ID); err != nil {
		return err
	}
	return checkSize("The size of a snapshot", s.SizeGiB)
}
