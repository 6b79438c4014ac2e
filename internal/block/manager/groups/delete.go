package groups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// deletion is the state of a group_delete.
type deletion struct {
	rpcapi.DeleteGroup
	group   *block.Group
	volumes []*block.Volume
}

// deleteFlow removes a group with what is in it. Each volume's row goes with its bytes, so that a delete that fails half-way
// leaves no row without a volume. Upstream removes the rows at the end, also those of volumes that the storage kept.
func (s *Service) deleteFlow() *flow.Flow[deletion, store.Tx] {
	return &flow.Flow[deletion, store.Tx]{
		Name: rpcapi.FlowGroupDelete,
		Steps: []flow.Step[deletion, store.Tx]{
			{Name: "on_failure", UndoTx: s.deleteFailed},
			{Name: "extract_group_ref", Do: s.extractDeleting},
			{Name: "delete_volumes", Do: func(ctx context.Context, st *deletion) error {
				var first error
				for _, v := range st.volumes {
					if err := s.deleteVolume(ctx, v); err != nil && (first == nil || fault.Is(first, fault.Busy)) {
						first = err // what failed counts for more than what is only busy
					}
				}
				return first
			}},
			{Name: "destroy_entry", Tx: func(ctx context.Context, tx store.Tx, st *deletion) error {
				if err := tx.DestroyGroup(ctx, st.GroupID); err != nil {
					return err
				}
				return store.RecordGroupUsage(ctx, tx, st.group.ProjectID)
			}},
			{Name: "publish", Do: func(ctx context.Context, st *deletion) error {
				s.notify(ctx, "delete.end", st.group, nil)
				return nil
			}},
		},
	}
}

func (s *Service) extractDeleting(ctx context.Context, st *deletion) (err error) {
	if st.group, err = s.extract(ctx, st.GroupID, block.GroupDeleting); err != nil {
		return err
	}
	if st.volumes, err = members(ctx, s.Store, st.GroupID); err != nil {
		return err
	}
	for _, v := range st.volumes {
		if v.AttachStatus == block.AttachAttached {
			return fault.New(fault.Busy, "VolumeAttached", "Volume %s is still attached, detach volume first.", v.ID)
		}
	}
	s.notify(ctx, "delete.start", st.group, st.volumes)
	return nil
}

// deleteVolume removes one volume, first from the storage, then its row.
func (s *Service) deleteVolume(ctx context.Context, v *block.Volume) error {
	err := s.within(ctx, func(ctx context.Context) error {
		if err := s.Exports.DisconnectAll(ctx, v); err != nil {
			return err
		}
		return s.Storage.DeleteVolume(ctx, export.DriverVolume(v))
	})
	if err != nil {
		return err
	}
	err = s.Store.Update(ctx, func(tx store.Tx) error {
		if err := s.Forget(ctx, tx, v); err != nil {
			return err
		}
		if err := tx.DestroyVolume(ctx, v.ID); err != nil || !v.UseQuota {
			return err
		}
		return store.RecordUsage(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName, s.CountSnapshots)
	})
	if err == nil {
		s.Changed(v.Host, -v.SizeGiB)
		s.NotifyVolume(ctx, "delete.end", v)
	}
	return err
}

// deleteFailed gives back what is left when the storage says that it is busy, and else shows that the delete failed.
func (s *Service) deleteFailed(ctx context.Context, tx store.Tx, st *deletion, cause error) error {
	groupTo, volumeTo := block.GroupError, block.VolumeError
	busy := fault.Is(cause, fault.Busy)
	if busy {
		groupTo = block.GroupAvailable
	}
	ok, err := end(ctx, tx, st.GroupID, block.GroupDeleting, groupTo)
	if err != nil || !ok {
		return err
	}
	left, err := members(ctx, tx, st.GroupID)
	if err != nil {
		return err
	}
	for _, v := range left {
		if busy {
			volumeTo, _ = block.DeriveStates(v.Attachments)
		}
		when := store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeDeleting}}
		if _, err := tx.UpdateVolume(ctx, v.ID, when, store.VolumeSet{Status: &volumeTo}); err != nil {
			return err
		}
	}
	return nil
}
