// Package workers cleans up what Python's services left unfinished, by Cinder's table workers, as they would themselves
// (cinder/manager.py, CleanableManager; the _do_cleanup of cinder/volume/manager.py and cinder/scheduler/manager.py): what was being
// made is in error, what was being deleted is deleted, what was being read is free again.
//
// What must not live here: what our own services leave, which is in the journal.
package workers

import (
	"context"
	"log/slog"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Store is the part of a store.Store that is needed.
type Store interface {
	store.WorkerReader
	Services(ctx context.Context, q store.ServiceQuery) ([]*block.Service, error)
	Update(ctx context.Context, fn func(tx store.Tx) error) error
}

// Cleaner cleans up for one service. Its fields must not change once it is used.
type Cleaner struct {
	Store        Store
	Host, Binary string // the service's
	// Delete goes on deleting a volume, with its snapshots; it has the worker forgotten when the journal has it. nil: what is being
	// deleted is left alone.
	Delete func(ctx context.Context, volumeID string) error
	Log    *slog.Logger
}

// page is how many workers are read at once.
const page = 200

// Own cleans up what the last process in this service's place left, if that was a Python one. What was begun after until is
// left alone.
func (c *Cleaner) Own(ctx context.Context, r rpcapi.CleanupRequest) error {
	id, err := c.serviceID(ctx)
	if err != nil {
		return err
	}
	r.ServiceID = id
	return c.clean(ctx, &r, id)
}

// Clean does what a do_cleanup asks. Invalid, if it names no service. What cannot be cleaned up stays for the next time, and is logged.
func (c *Cleaner) Clean(ctx context.Context, r *rpcapi.CleanupRequest) error {
	if r.ServiceID == 0 {
		return fault.New(fault.Invalid, "", "A request to clean up names no service.")
	}
	id, err := c.serviceID(ctx)
	if err != nil {
		return err
	}
	return c.clean(ctx, r, id)
}

// serviceID is that of this service's row.
func (c *Cleaner) serviceID(ctx context.Context) (int64, error) {
	found, err := c.Store.Services(ctx, store.ServiceQuery{Host: c.Host, Binary: c.Binary})
	if err != nil {
		return 0, err
	}
	for _, s := range found {
		if s.Host == c.Host {
			return s.ID, nil
		}
	}
	return 0, fault.New(fault.NotFound, "ServiceNotFound", "Service %s could not be found on host %s.", c.Binary, c.Host)
}

func (c *Cleaner) clean(ctx context.Context, r *rpcapi.CleanupRequest, claimer int64) error {
	q := store.WorkerQuery{ServiceID: r.ServiceID, ResourceType: r.ResourceType, ResourceID: r.ResourceID, Until: r.Until, Limit: page}
	for {
		found, err := c.Store.Workers(ctx, q)
		if err != nil {
			return err
		}
		for _, w := range found {
			if err := context.Cause(ctx); err != nil {
				return err
			}
			if err := c.one(ctx, w, claimer); err != nil {
				c.Log.WarnContext(ctx, "what a Python service left unfinished could not be cleaned up", "resource_type", w.ResourceType,
					"resource_id", w.ResourceID, "status", w.Status, "error", err)
			}
		}
		if len(found) < page {
			return nil
		}
		q.AfterID = found[len(found)-1].ID
	}
}

// one cleans up one resource. A row that somebody else has changed meanwhile is theirs; one whose resource has another status says
// nothing any more.
func (c *Cleaner) one(ctx context.Context, w store.Worker, claimer int64) error {
	if w.ResourceType == resourceVolume && block.VolumeStatus(w.Status) == block.VolumeDeleting {
		return c.deletion(ctx, w, claimer)
	}
	to := ""
	err := c.Store.Update(ctx, func(tx store.Tx) error {
		to = ""
		mine, err := tx.DropWorker(ctx, w)
		if err != nil || !mine {
			return err
		}
		to, err = settle(ctx, tx, w)
		return err
	})
	if err == nil && to != "" {
		c.Log.InfoContext(ctx, "a Python service left it unfinished", "resource_type", w.ResourceType, "resource_id", w.ResourceID, "was", w.Status, "is", to)
	}
	return err
}

const (
	resourceVolume   = "Volume"
	resourceSnapshot = "Snapshot"
)

// settle writes the status that ends what was under way, and gives it; empty if there is nothing to end.
func settle(ctx context.Context, tx store.Tx, w store.Worker) (string, error) {
	switch w.ResourceType {
	case resourceVolume:
		was := block.VolumeStatus(w.Status)
		to := block.VolumeError
		switch was {
		case block.VolumeCreating, block.VolumeDownloading:
		case block.VolumeUploading:
			v, err := tx.Volume(ctx, w.ResourceID, "")
			if fault.Is(err, fault.NotFound) {
				return "", nil
			}
			if err != nil {
				return "", err
			}
			to, _ = block.DeriveStates(v.Attachments)
		default:
			return "", nil
		}
		ok, err := tx.UpdateVolume(ctx, w.ResourceID, store.VolumeWhen{Status: []block.VolumeStatus{was}}, store.VolumeSet{Status: &to})
		return written(string(to), ok), err
	case resourceSnapshot:
		if w.Status != string(block.SnapshotCreating) {
			return "", nil
		}
		to := block.SnapshotError
		ok, err := tx.UpdateSnapshot(ctx, w.ResourceID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotCreating}}, store.SnapshotSet{Status: &to})
		return written(string(to), ok), err
	}
	return "", nil
}

func written(status string, ok bool) string {
	if !ok {
		return ""
	}
	return status
}

// deletion goes on with a deletion. The row stays, claimed, until the journal has it: whoever dies before leaves it to the next.
func (c *Cleaner) deletion(ctx context.Context, w store.Worker, claimer int64) error {
	if c.Delete == nil {
		return nil
	}
	mine, deleting := false, false
	err := c.Store.Update(ctx, func(tx store.Tx) error {
		mine, deleting = false, false
		v, err := tx.Volume(ctx, w.ResourceID, "")
		switch {
		case fault.Is(err, fault.NotFound):
		case err != nil:
			return err
		default:
			deleting = v.Status == block.VolumeDeleting
		}
		if !deleting {
			_, err = tx.DropWorker(ctx, w)
			return err
		}
		mine, err = tx.ClaimWorker(ctx, w, claimer)
		return err
	})
	if err != nil || !mine || !deleting {
		return err
	}
	c.Log.InfoContext(ctx, "a Python service left a volume half deleted; the deletion goes on", "volume_id", w.ResourceID)
	return c.Delete(ctx, w.ResourceID)
}
