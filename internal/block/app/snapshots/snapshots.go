// Package snapshots is the use cases of snapshots.
package snapshots

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app"
	"github.com/clinker/clinker/internal/block/app/quota"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Snapshots is the use cases of snapshots. It is safe for concurrent use.
type Snapshots struct{ *app.Core }

// New makes the use cases over the shared parts.
func New(core *app.Core) *Snapshots { return &Snapshots{Core: core} }

// CreateRequest is what a caller asks of a new snapshot.
type CreateRequest struct {
	VolumeID          string
	Name, Description *string
	Metadata          map[string]string
	InUse             bool // the volume may be in use: force was said, or the microversion (3.66) needs no saying
}

// Create enters a snapshot and casts its making. It returns it as entered: creating. Invalid if the volume is in no state
// to be copied; OverLimit for quota.
func (u *Snapshots) Create(ctx context.Context, r CreateRequest) (*block.Snapshot, error) {
	return app.Once(ctx, u.Core, func(ctx context.Context, id string) (*block.Snapshot, error) {
		return u.Snapshot(ctx, id, "volume:get_snapshot")
	}, func(ctx context.Context) (*block.Snapshot, error) { return u.take(ctx, r) })
}

func (u *Snapshots) take(ctx context.Context, r CreateRequest) (*block.Snapshot, error) {
	v, err := u.Volume(ctx, r.VolumeID, "volume:create_snapshot")
	if err != nil {
		return nil, err
	}
	if err := u.RefuseFrozen(ctx, v.Host); err != nil {
		return nil, err
	}
	if err := app.CheckMetadata(r.Metadata); err != nil {
		return nil, err
	}
	if err := snapshotable(v, r.InUse); err != nil {
		return nil, err
	}
	caller := reqctx.From(ctx)
	s := &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, UserID: caller.UserID, ProjectID: caller.ProjectID, UseQuota: true,
		Name: r.Name, Description: r.Description, VolumeSizeGiB: v.SizeGiB, VolumeTypeID: v.VolumeTypeID,
		Status: block.SnapshotCreating, Progress: "0%", EncryptionKeyID: v.EncryptionKeyID, Metadata: r.Metadata}
	s.CreatedAt = u.Now()
	msg := &rpcapi.CreateSnapshot{FlowID: app.NewOperationID(), SnapshotID: s.ID}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowSnapshotCreate, Owner: rpcapi.SchedulerOwner,
		ResourceType: "snapshot", ResourceID: s.ID, State: msg}
	err = u.HandOver(ctx, op, func(tx store.Tx) error {
		if err := u.Claim(ctx, tx, s.ID); err != nil {
			return err
		}
		return u.enter(ctx, tx, s, v, r.InUse)
	}, func(ctx context.Context) error { return u.Scheduler.CreateSnapshot(ctx, msg) })
	if err != nil {
		return nil, err
	}
	return s, nil
}

// enter inserts the row and takes quota for it, in this order: whoever has to wait for the row of the volume waits before it
// holds the quota, as an extend does. The volume is read again under the transaction: it may be on its way out.
func (u *Snapshots) enter(ctx context.Context, tx store.Tx, s *block.Snapshot, v *block.Volume, inUse bool) error {
	now, err := tx.Volume(ctx, v.ID, "")
	if err != nil {
		return err
	}
	if err := snapshotable(now, inUse); err != nil {
		return err
	}
	if err := tx.CreateSnapshot(ctx, s); err != nil {
		return err
	}
	delta := quota.Delta{Snapshots: 1, SnapshotGiB: v.SizeGiB, TypeID: v.VolumeTypeID, TypeName: v.VolumeTypeName, Entered: true}
	return u.Quota.Take(ctx, tx, s.ProjectID, delta, 0)
}

// snapshotable refuses a volume in a state that must not be copied.
func snapshotable(v *block.Volume, inUse bool) error {
	if inUse {
		return Snapshotable(v, block.VolumeAvailable, block.VolumeInUse)
	}
	return Snapshotable(v, block.VolumeAvailable)
}

// Snapshotable refuses a volume that is not on a back end, is on its way to another, or is in none of these states.
func Snapshotable(v *block.Volume, allowed ...block.VolumeStatus) error {
	switch {
	case v.Host == "":
		return block.InvalidVolume("The snapshot cannot be created because volume has not been scheduled to any host.")
	case v.Status == block.VolumeMaintenance:
		return block.InvalidVolume("The snapshot cannot be created when the volume is in maintenance mode.")
	case v.Migrating():
		return block.InvalidVolume("Snapshot cannot be created while volume is migrating.")
	case v.Status == block.VolumeError:
		return block.InvalidVolume("The snapshot cannot be created when the volume is in error status.")
	case strings.HasPrefix(string(v.MigrationStatus), "target:"):
		return block.InvalidVolume("The snapshot cannot be created when the volume is the target of a migration.")
	case slices.Contains(allowed, v.Status):
		return nil
	}
	words := make([]string, len(allowed))
	for i, status := range allowed {
		words[i] = string(status)
	}
	return block.InvalidVolume("Volume %s status must be %s, but current status is: %s.", v.ID, strings.Join(words, ", "), v.Status)
}

// Get reads one snapshot.
func (u *Snapshots) Get(ctx context.Context, id string) (*block.Snapshot, error) {
	return u.Snapshot(ctx, id, "volume:get_snapshot")
}

// List reads the snapshots q chooses; allProjects is for administrators.
func (u *Snapshots) List(ctx context.Context, q store.SnapshotQuery, allProjects bool) ([]*block.Snapshot, error) {
	if err := u.Authorize(ctx, "volume:get_all_snapshots"); err != nil {
		return nil, err
	}
	return u.Store.Snapshots(ctx, scoped(ctx, q, allProjects))
}

// Count counts the snapshots q chooses, as List would list them.
func (u *Snapshots) Count(ctx context.Context, q store.SnapshotQuery, allProjects bool) (int64, error) {
	if err := u.Authorize(ctx, "volume:get_all_snapshots"); err != nil {
		return 0, err
	}
	return u.Store.SnapshotCount(ctx, scoped(ctx, q, allProjects))
}

func scoped(ctx context.Context, q store.SnapshotQuery, allProjects bool) store.SnapshotQuery {
	if r := reqctx.From(ctx); !r.IsAdmin || !allProjects {
		q.ProjectID = r.ProjectID
	}
	return q
}

// Update changes name and description; nil fields stay, a pointer to nil writes NULL.
func (u *Snapshots) Update(ctx context.Context, id string, name, description **string) (*block.Snapshot, error) {
	if _, err := u.Snapshot(ctx, id, "volume:update_snapshot"); err != nil {
		return nil, err
	}
	u.TellSnapshot(ctx, "update.start", id)
	if err := u.change(ctx, id, store.SnapshotSet{Name: name, Description: description}); err != nil {
		return nil, err
	}
	u.TellSnapshot(ctx, "update.end", id)
	return u.Store.Snapshot(ctx, id, "")
}

func (u *Snapshots) change(ctx context.Context, id string, set store.SnapshotSet) error {
	return u.Store.Update(ctx, func(tx store.Tx) error {
		ok, err := tx.UpdateSnapshot(ctx, id, store.SnapshotWhen{}, set)
		if err == nil && !ok {
			err = block.SnapshotNotFound(id)
		}
		return err
	})
}

// ResetStatus writes a status by hand, whatever it is.
func (u *Snapshots) ResetStatus(ctx context.Context, id string, status block.SnapshotStatus) error {
	if _, err := u.Snapshot(ctx, id, "volume_extension:snapshot_admin_actions:reset_status"); err != nil {
		return err
	}
	u.TellSnapshot(ctx, "reset_status.start", id)
	if err := u.change(ctx, id, store.SnapshotSet{Status: &status}); err != nil {
		return err
	}
	u.TellSnapshot(ctx, "reset_status.end", id)
	return nil
}

// Delete removes a snapshot, under the policy of rule; force drops the condition on its status.
func (u *Snapshots) Delete(ctx context.Context, id, rule string, force bool) error {
	s, err := u.Snapshot(ctx, id, rule)
	if err != nil {
		return err
	}
	v, err := u.Store.Volume(ctx, s.VolumeID, "")
	if err != nil {
		return err
	}
	if err := u.RefuseFrozen(ctx, v.Host); err != nil {
		return err
	}
	msg := &rpcapi.DeleteSnapshot{FlowID: app.NewOperationID(), SnapshotID: id}
	op := app.Operation{ID: msg.FlowID, Name: rpcapi.FlowSnapshotDelete, Owner: v.Queue().Backend(),
		ResourceType: "snapshot", ResourceID: id, State: msg}
	return u.HandOver(ctx, op, func(tx store.Tx) error { return mark(ctx, tx, id, block.SnapshotDeleting, force) },
		func(ctx context.Context) error {
			return u.VolumeService.Cast(ctx, v.Queue(), "3.0", rpcapi.MethodDeleteSnapshot, msg)
		})
}

// mark puts a snapshot on its way out.
func mark(ctx context.Context, tx store.Tx, id string, to block.SnapshotStatus, force bool) error {
	when, words := store.SnapshotWhen{NoGroupSnapshot: true}, ""
	if !force {
		when.Status = []block.SnapshotStatus{block.SnapshotAvailable, block.SnapshotError}
		words = "status must be available or error and "
	}
	ok, err := tx.UpdateSnapshot(ctx, id, when, store.SnapshotSet{Status: &to})
	if err == nil && !ok {
		err = block.InvalidSnapshot("Snapshot %smust not be part of a group.", words)
	}
	return err
}

// PutMetadata merges pairs into a snapshot's metadata, or with replace makes them the whole, and returns the whole. rule
// and check are as in volumes.PutMetadata.
func (u *Snapshots) PutMetadata(ctx context.Context, id string, md map[string]string, replace bool, rule string,
	check func(map[string]string) error) (map[string]string, error) {
	if _, err := u.Snapshot(ctx, id, rule); err != nil {
		return nil, err
	}
	if err := app.CheckMetadata(md); err != nil {
		return nil, err
	}
	var whole map[string]string
	err := u.Store.Update(ctx, func(tx store.Tx) error {
		s, err := tx.Snapshot(ctx, id, "")
		if err != nil {
			return err
		}
		if check != nil {
			if err := check(s.Metadata); err != nil {
				return err
			}
		}
		whole = maps.Clone(md)
		if !replace {
			whole = maps.Clone(s.Metadata)
			maps.Copy(whole, md)
		}
		return tx.PutSnapshotMetadata(ctx, id, md, replace)
	})
	return whole, err
}

// Metadata reads a snapshot's metadata.
func (u *Snapshots) Metadata(ctx context.Context, id string) (map[string]string, error) {
	s, err := u.Snapshot(ctx, id, "volume:get_snapshot_metadata")
	if err != nil {
		return nil, err
	}
	return s.Metadata, nil
}

// DeleteMetadata removes one pair. NotFound SnapshotMetadataNotFound if there is none with this key.
func (u *Snapshots) DeleteMetadata(ctx context.Context, id, key string) error {
	if _, err := u.Snapshot(ctx, id, "volume:delete_snapshot_metadata"); err != nil {
		return err
	}
	return u.Store.Update(ctx, func(tx store.Tx) error {
		s, err := tx.Snapshot(ctx, id, "")
		if err != nil {
			return err
		}
		if _, there := s.Metadata[key]; !there {
			return MetadataNotFound(id, key)
		}
		return tx.DeleteSnapshotMetadata(ctx, id, key)
	})
}

// MetadataNotFound says that a snapshot has no metadata under this key.
func MetadataNotFound(id, key string) error {
	return fault.New(fault.NotFound, "SnapshotMetadataNotFound", "Snapshot %s has no metadata with key %s.", id, key)
}
