package groups

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

// copying is the state of a group_create_from_src.
type copying struct {
	rpcapi.CreateGroupFromSource
	group  *block.Group
	copies []*replica
}

// replica is a volume of the new group, and what it is made from.
type replica struct {
	*block.Volume
	source   *block.Volume   // the source, or the one the snapshot is of
	snapshot *block.Snapshot // nil for a clone
	update   driver.Update
}

// fromSourceFlow makes the volumes of a group: all, or none.
func (s *Service) fromSourceFlow() *flow.Flow[copying, store.Tx] {
	return &flow.Flow[copying, store.Tx]{
		Name: rpcapi.FlowGroupFromSource,
		Steps: []flow.Step[copying, store.Tx]{
			{Name: "on_failure", UndoTx: copyingFailed},
			{Name: "extract_group_ref", Do: s.extractCopying, Undo: func(ctx context.Context, st *copying, cause error) error {
				for _, c := range st.copies {
					s.TellVolume(ctx, c.Volume, block.MessageCreateVolume, block.MessageDriverFailedCreate, cause)
				}
				return nil
			}},
			{Name: "create_volumes", Do: func(ctx context.Context, st *copying) error {
				for _, c := range st.copies {
					if err := s.makeCopy(ctx, c); err != nil {
						return err
					}
				}
				return nil
			}, Undo: s.removeHalfCopied},
			{Name: "on_finish", Tx: s.finishCopying},
			{Name: "publish", Do: func(ctx context.Context, st *copying) error {
				for _, c := range st.copies {
					s.Changed(c.Host, c.SizeGiB)
				}
				s.notify(ctx, "create.end", st.group, st.volumes())
				return nil
			}},
		},
	}
}

func (st *copying) volumes() []*block.Volume {
	list := make([]*block.Volume, len(st.copies))
	for i, c := range st.copies {
		list[i] = c.Volume
	}
	return list
}

// extractCopying reads the group, its volumes and what they are to be made from. A group that is gone ends in an undo: an
// earlier run may have made volumes.
func (s *Service) extractCopying(ctx context.Context, st *copying) (err error) {
	st.copies = nil
	st.group, err = s.Store.Group(ctx, st.GroupID, "")
	switch {
	case err != nil:
		return err
	case st.group.Status != block.GroupCreating:
		return flow.ErrObsolete
	case st.group.Queue().Backend() != s.Backend:
		return flow.ErrTaken
	}
	for _, id := range st.VolumeIDs {
		v, err := s.Store.Volume(ctx, id, "")
		if err != nil {
			return err
		}
		c, err := s.readSource(ctx, v)
		if err != nil {
			return err
		}
		st.copies = append(st.copies, c)
	}
	s.notify(ctx, "create.start", st.group, st.volumes())
	return nil
}

// readSource finds out what a volume is to be made from, and that it is still in a state to be copied.
func (s *Service) readSource(ctx context.Context, v *block.Volume) (_ *replica, err error) {
	c := &replica{Volume: v}
	sourceID := v.SourceVolumeID
	if v.SnapshotID != "" {
		if c.snapshot, err = s.Store.Snapshot(ctx, v.SnapshotID, ""); err != nil {
			return nil, err
		}
		if c.snapshot.Status != block.SnapshotAvailable {
			return nil, block.InvalidGroup("Cannot create group %s because snapshot %s is not in a valid state. Valid states are: ('available',).", v.GroupID, v.SnapshotID)
		}
		sourceID = c.snapshot.VolumeID
	}
	if c.source, err = s.Store.Volume(ctx, sourceID, ""); err != nil {
		return nil, err
	}
	if c.snapshot == nil && c.source.Status != block.VolumeAvailable && c.source.Status != block.VolumeInUse {
		return nil, block.InvalidGroup("Cannot create group %s because source volume %s is not in a valid state. Valid states are: ('available',).", v.GroupID, sourceID)
	}
	return c, nil
}

func (s *Service) makeCopy(ctx context.Context, c *replica) error {
	return s.within(ctx, func(ctx context.Context) (err error) {
		if c.snapshot != nil {
			c.update, err = s.Storage.CreateVolumeFromSnapshot(ctx, export.DriverVolume(c.Volume), export.DriverSnapshot(c.snapshot, c.source))
		} else {
			c.update, err = s.Storage.CloneVolume(ctx, export.DriverVolume(c.Volume), export.DriverVolume(c.source))
		}
		return err
	})
}

// removeHalfCopied deletes what create_volumes made, if it came to that. The rows decide: only a volume that has none, or says
// that it is being made or deleted here, may be touched.
func (s *Service) removeHalfCopied(ctx context.Context, st *copying, _ error) error {
	for _, id := range st.VolumeIDs {
		v, err := s.Store.Volume(ctx, id, "")
		switch {
		case fault.Is(err, fault.NotFound):
			v = &block.Volume{ID: id}
		case err != nil:
			return err
		case v.Queue().Backend() != s.Backend, v.Status != block.VolumeCreating && v.Status != block.VolumeDeleting:
			continue
		}
		if err := s.within(ctx, func(ctx context.Context) error { return s.Storage.DeleteVolume(ctx, export.DriverVolume(v)) }); err != nil {
			return err
		}
	}
	return nil
}

// finishCopying makes group and volumes available. If they were deleted while they were made, the flow is undone.
func (s *Service) finishCopying(ctx context.Context, tx store.Tx, st *copying) error {
	for _, c := range st.copies {
		if err := s.finishCopy(ctx, tx, c); err != nil {
			return err
		}
	}
	ok, err := end(ctx, tx, st.GroupID, block.GroupCreating, block.GroupAvailable)
	if err != nil || ok {
		return err
	}
	now, err := tx.Group(ctx, st.GroupID, "")
	if err == nil && now.Status == block.GroupDeleting {
		err = block.InvalidGroup("Group %s was deleted while it was made.", st.GroupID)
	}
	return err // nil: somebody reset its status by hand; the volumes stand
}

func (s *Service) finishCopy(ctx context.Context, tx store.Tx, c *replica) error {
	set := store.VolumeSet{Status: new(block.VolumeAvailable), LaunchedAt: new(s.Now().UTC()), SharedTargets: new(s.SharedTargets())}
	if s.ServiceUUID != "" {
		set.ServiceUUID = &s.ServiceUUID
	}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = c.update.Fields()
	if c.source.Bootable {
		set.Bootable = new(true)
		md := c.source.ImageMetadata
		if c.snapshot != nil {
			var err error
			if md, err = tx.SnapshotImageMetadata(ctx, c.snapshot.ID); err != nil {
				return err
			}
		}
		if err := tx.PutVolumeImageMetadata(ctx, c.ID, md, true); err != nil {
			return err
		}
	}
	ok, err := tx.UpdateVolume(ctx, c.ID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeCreating}, Host: c.Host}, set)
	if err != nil || ok {
		return err
	}
	now, err := tx.Volume(ctx, c.ID, "")
	if err == nil && now.Status == block.VolumeDeleting {
		err = block.InvalidVolume("Volume %s became %s while it was made.", c.ID, now.Status)
	}
	return err
}

func copyingFailed(ctx context.Context, tx store.Tx, st *copying, _ error) error {
	if _, err := end(ctx, tx, st.GroupID, block.GroupCreating, block.GroupError); err != nil {
		return err
	}
	for _, id := range st.VolumeIDs {
		_, err := tx.UpdateVolume(ctx, id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeCreating}}, store.VolumeSet{Status: new(block.VolumeError)})
		if err != nil {
			return err
		}
	}
	return nil
}
