package groups

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// creation is the state of a group_create.
type creation struct {
	rpcapi.CreateGroup
	group *block.Group
}

// createFlow makes a group: a row is all it takes, as storage knows nothing of groups.
func (s *Service) createFlow() *flow.Flow[creation, store.Tx] {
	return &flow.Flow[creation, store.Tx]{
		Name: rpcapi.FlowGroupCreate,
		Steps: []flow.Step[creation, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *creation, _ error) error {
				_, err := end(ctx, tx, st.GroupID, block.GroupCreating, block.GroupError)
				return err
			}},
			{Name: "extract_group_ref", Do: func(ctx context.Context, st *creation) (err error) {
				if st.group, err = s.extract(ctx, st.GroupID, block.GroupCreating); err == nil {
					s.notify(ctx, "create.start", st.group, nil)
				}
				return err
			}},
			{Name: "on_finish", Tx: func(ctx context.Context, tx store.Tx, st *creation) error {
				ok, err := end(ctx, tx, st.GroupID, block.GroupCreating, block.GroupAvailable)
				if err == nil && !ok {
					err = flow.ErrObsolete // it is gone, or somebody reset its status by hand
				}
				return err
			}},
			{Name: "publish", Do: func(ctx context.Context, st *creation) error {
				s.notify(ctx, "create.end", st.group, nil)
				return nil
			}},
		},
	}
}

// change is the state of a group_update.
type change struct {
	rpcapi.UpdateGroup
	group   *block.Group
	volumes []*block.Volume // of the group, before
}

// updateFlow takes volumes into a group and lets others go, all of them or none: storage knows nothing of it.
func (s *Service) updateFlow() *flow.Flow[change, store.Tx] {
	return &flow.Flow[change, store.Tx]{
		Name: rpcapi.FlowGroupUpdate,
		Steps: []flow.Step[change, store.Tx]{
			{Name: "on_failure", UndoTx: func(ctx context.Context, tx store.Tx, st *change, _ error) error {
				_, err := end(ctx, tx, st.GroupID, block.GroupUpdating, block.GroupError)
				return err
			}},
			{Name: "extract_group_ref", Do: func(ctx context.Context, st *change) (err error) {
				if st.group, err = s.extract(ctx, st.GroupID, block.GroupUpdating); err != nil {
					return err
				}
				if st.volumes, err = members(ctx, s.Store, st.GroupID); err == nil {
					s.notify(ctx, "update.start", st.group, st.volumes)
				}
				return err
			}},
			{Name: "update_entries", Tx: s.updateEntries},
			{Name: "publish", Do: func(ctx context.Context, st *change) error {
				volumes, err := members(ctx, s.Store, st.GroupID)
				s.notify(ctx, "update.end", st.group, volumes)
				return err
			}},
		},
	}
}

// The states of volumes that may come into a group, and of those that may leave one.
var (
	mayJoin  = []block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse}
	mayLeave = []block.VolumeStatus{block.VolumeAvailable, block.VolumeInUse, block.VolumeError, block.VolumeErrorDeleting}
)

// updateEntries changes the rows. The volumes are looked at again: what has become of them since the request decides.
func (s *Service) updateEntries(ctx context.Context, tx store.Tx, st *change) error {
	ok, err := end(ctx, tx, st.GroupID, block.GroupUpdating, block.GroupAvailable)
	if err == nil && !ok {
		err = flow.ErrObsolete
	}
	if err != nil {
		return err
	}
	for _, id := range st.AddVolumes {
		if err := s.join(ctx, tx, st.GroupID, id); err != nil {
			return err
		}
	}
	for _, id := range st.RemoveVolumes {
		if err := s.leave(ctx, tx, st.GroupID, id); err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) join(ctx context.Context, tx store.Tx, groupID, id string) error {
	v, err := tx.Volume(ctx, id, "")
	switch {
	case err != nil:
		return err
	case v.GroupID != "" || !slices.Contains(mayJoin, v.Status):
		return block.InvalidVolume("Can not add volume %s to group %s: it is %s, and in group %q.", id, groupID, v.Status, v.GroupID)
	case v.Queue().Backend() != s.Backend:
		return block.InvalidVolume("Volume is not local to this node.")
	}
	_, err = tx.UpdateVolume(ctx, id, store.VolumeWhen{}, store.VolumeSet{GroupID: &groupID})
	return err
}

func (s *Service) leave(ctx context.Context, tx store.Tx, groupID, id string) error {
	v, err := tx.Volume(ctx, id, "")
	switch {
	case fault.Is(err, fault.NotFound):
		return nil
	case err != nil:
		return err
	case v.GroupID != groupID:
		return nil
	case !slices.Contains(mayLeave, v.Status):
		return block.InvalidVolume("Can not remove volume %s from group %s: it is %s.", id, groupID, v.Status)
	}
	_, err = tx.UpdateVolume(ctx, id, store.VolumeWhen{}, store.VolumeSet{GroupID: new("")})
	return err
}
