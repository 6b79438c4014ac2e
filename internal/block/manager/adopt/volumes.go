package adopt

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// volumeState is the state of a volume_manage or a volume_unmanage; in the journal, the message.
type volumeState struct {
	rpcapi.ManageExisting
	volume *block.Volume
	size   int64
	update driver.Update
}

func (st *volumeState) reference() driver.Reference { return driver.Reference(st.Reference) }

var (
	managing   = []block.VolumeStatus{block.VolumeManaging}
	unmanaging = []block.VolumeStatus{block.VolumeUnmanaging}
)

// manageVolumeFlow is upstream's volume_manage_existing_manager, with its task names. Quota is taken before anything is
// renamed, so that what has no room is not touched.
func (s *Service) manageVolumeFlow() *flow.Flow[volumeState, store.Tx] {
	return &flow.Flow[volumeState, store.Tx]{
		Name: rpcapi.FlowVolumeManage,
		Steps: []flow.Step[volumeState, store.Tx]{
			{Name: "on_failure", UndoTx: s.manageFailed},
			{Name: "extract_volume_ref", Do: func(ctx context.Context, st *volumeState) error {
				return s.extractVolume(ctx, st, block.VolumeManaging, "manage_existing.start")
			}, Undo: func(ctx context.Context, st *volumeState, cause error) error {
				s.Tell(ctx, st.volume, block.MessageCreateVolume, block.MessageUnknownError, cause)
				return nil
			}},
			{Name: "prepare_for_quota_reservation", Do: func(ctx context.Context, st *volumeState) error {
				if err := s.alreadyManaged(ctx, st.reference(), st.VolumeID); err != nil {
					return err
				}
				return s.within(ctx, func(ctx context.Context) (err error) {
					st.size, err = s.Storage.ManageExistingGetSize(ctx, export.DriverVolume(st.volume), st.reference())
					return err
				})
			}},
			{Name: "quota_reserve", Tx: s.enterSize},
			{Name: "manage_existing", Do: func(ctx context.Context, st *volumeState) error {
				v := export.DriverVolume(st.volume)
				v.SizeGiB = st.size
				return s.within(ctx, func(ctx context.Context) (err error) {
					st.update, err = s.Storage.ManageExisting(ctx, v, st.reference())
					return err
				})
			}, Undo: s.giveBack},
			{Name: "on_finish", Tx: s.manageOnFinish},
			{Name: "publish", Do: func(ctx context.Context, st *volumeState) error {
				s.Changed(st.volume.Host, st.size)
				s.Notify(ctx, "manage_existing.end", st.volume)
				return nil
			}},
		},
	}
}

// extractVolume reads the volume, which must be ours and in this status.
func (s *Service) extractVolume(ctx context.Context, st *volumeState, status block.VolumeStatus, event string) error {
	v, err := s.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return flow.ErrObsolete
	case err != nil:
		return err
	case v.Status != status:
		return flow.ErrObsolete
	case v.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	}
	st.volume = v
	s.Notify(ctx, event, v)
	return nil
}

// enterSize takes quota for the gigabytes, which nobody knew before, and writes them and the pool into the row. A run that
// finds them there has taken them before.
func (s *Service) enterSize(ctx context.Context, tx store.Tx, st *volumeState) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	if v.SizeGiB != st.size && s.Quota != nil && v.UseQuota {
		if err := s.Quota.TakeGigabytes(ctx, tx, v, v.ProjectID, st.size-v.SizeGiB, 0); err != nil {
			return err
		}
	}
	set := store.VolumeSet{SizeGiB: &st.size}
	if v.Host.Pool() == "" {
		if host, ok := s.onlyPool(ctx, v.Host); ok {
			set.Host = &host
			st.volume.Host = host
		}
	}
	if _, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: managing}, set); err != nil {
		return err
	}
	return s.recordUsage(ctx, tx, v, v.ProjectID)
}

// onlyPool is the address of the one pool there is; what exists in one of several is where its driver says.
func (s *Service) onlyPool(ctx context.Context, host block.Host) (block.Host, bool) {
	stats, err := s.Storage.Stats(ctx)
	if err != nil || len(stats.Pools) != 1 {
		return host, false
	}
	return host.WithPool(s.Storage.PoolName(stats.Pools[0])), true
}

func (s *Service) recordUsage(ctx context.Context, tx store.Tx, v *block.Volume, projectID string) error {
	return store.RecordUsage(ctx, tx, projectID, v.VolumeTypeID, v.VolumeTypeName, s.CountSnapshots)
}

// giveBack puts what was managed back under the name it had, unless its volume stands.
func (s *Service) giveBack(ctx context.Context, st *volumeState, _ error) error {
	v, err := s.Store.Volume(ctx, st.VolumeID, "")
	switch {
	case fault.Is(err, fault.NotFound):
		v = &block.Volume{ID: st.VolumeID}
	case err != nil:
		return err
	case v.Status != block.VolumeManaging || v.Queue().Backend() != s.Backend:
		return nil
	}
	return s.within(ctx, func(ctx context.Context) error {
		return s.Storage.Unmanage(ctx, export.DriverVolume(v), st.reference())
	})
}

func (s *Service) manageOnFinish(ctx context.Context, tx store.Tx, st *volumeState) error {
	set := store.VolumeSet{Status: new(block.VolumeAvailable), LaunchedAt: new(s.Now().UTC())}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: managing}, set)
	if err == nil && !ok {
		err = block.InvalidVolume("Volume %s left the status managing while it was managed.", st.VolumeID)
	}
	return err
}

// manageFailed shows the failure. The volume has no size then, as upstream has it, and uses none of the gigabytes.
func (s *Service) manageFailed(ctx context.Context, tx store.Tx, st *volumeState, _ error) error {
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: managing},
		store.VolumeSet{Status: new(block.VolumeErrorManaging), SizeGiB: new(int64(0))})
	if err != nil || !ok {
		return err
	}
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if err != nil {
		return err
	}
	return s.recordUsage(ctx, tx, v, v.ProjectID)
}

func (s *Service) unmanageVolumeFlow() *flow.Flow[volumeState, store.Tx] {
	return &flow.Flow[volumeState, store.Tx]{
		Name: rpcapi.FlowVolumeUnmanage,
		Steps: []flow.Step[volumeState, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *volumeState, _ error) error {
				_, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: unmanaging},
					store.VolumeSet{Status: new(block.VolumeErrorUnmanaging)})
				return err
			}},
			{Name: "extract_volume_ref", Do: func(ctx context.Context, st *volumeState) error {
				return s.extractVolume(ctx, st, block.VolumeUnmanaging, "unmanage.start")
			}, Undo: func(ctx context.Context, st *volumeState, cause error) error {
				s.Tell(ctx, st.volume, block.MessageUnmanageVolume, block.MessageUnknownError, cause)
				return nil
			}},
			{Name: "remove_export", Do: func(ctx context.Context, st *volumeState) error {
				return s.within(ctx, func(ctx context.Context) error { return s.Exports.DisconnectAll(ctx, st.volume) })
			}},
			{Name: "unmanage", Do: func(ctx context.Context, st *volumeState) error {
				return s.within(ctx, func(ctx context.Context) error {
					return s.Storage.Unmanage(ctx, export.DriverVolume(st.volume), nil)
				})
			}},
			{Name: "destroy_entry", Tx: func(ctx context.Context, tx store.Tx, st *volumeState) error {
				if err := tx.DestroyVolume(ctx, st.VolumeID); err != nil {
					return err
				}
				return s.recordUsage(ctx, tx, st.volume, st.volume.ProjectID)
			}},
			{Name: "publish", Do: func(ctx context.Context, st *volumeState) error {
				s.Changed(st.volume.Host, -st.volume.SizeGiB)
				s.Notify(ctx, "unmanage.end", st.volume)
				return nil
			}},
		},
	}
}
