package groups

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/notify"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
)

// part is a snapshot of a group snapshot, and the volume it is of.
type part struct {
	*block.Snapshot
	volume *block.Volume
	update driver.Update
}

// picture is the state of a group_snapshot_create.
type picture struct {
	rpcapi.CreateGroupSnapshot
	whole *block.GroupSnapshot
	parts []*part
}

// snapshotCreateFlow takes the snapshots of a group snapshot: all, or none.
func (s *Service) snapshotCreateFlow() *flow.Flow[picture, store.Tx] {
	return &flow.Flow[picture, store.Tx]{
		Name: rpcapi.FlowGroupSnapshotCreate,
		Steps: []flow.Step[picture, store.Tx]{
			{Name: "on_failure", UndoTx: s.pictureFailed},
			{Name: "extract_group_snapshot_ref", Do: s.extractPicture, Undo: func(ctx context.Context, st *picture, cause error) error {
				for _, p := range st.parts {
					s.TellSnapshot(ctx, p.Snapshot, block.MessageCreateSnapshot, block.MessageSnapshotCreateFailed, cause)
				}
				return nil
			}},
			{Name: "create_snapshots", Do: s.take, Undo: s.removeHalfTaken},
			{Name: "on_finish", Tx: s.finishPicture},
			{Name: "publish", Do: func(ctx context.Context, st *picture) error {
				s.Changed(block.Host(s.Backend), 0)
				s.notifySnapshot(ctx, "create.end", st.whole, st.parts)
				return nil
			}},
		},
	}
}

// extractPicture reads the group snapshot with its parts. One that is gone ends in an undo: an earlier run may have taken
// snapshots.
func (s *Service) extractPicture(ctx context.Context, st *picture) (err error) {
	st.parts = nil
	if st.whole, err = s.Store.GroupSnapshot(ctx, st.GroupSnapshotID, ""); err != nil {
		return err
	}
	if st.whole.Status != block.GroupSnapshotCreating {
		return flow.ErrObsolete
	}
	if err := s.own(ctx, st.whole); err != nil {
		return err
	}
	if st.parts, err = s.readParts(ctx, st.GroupSnapshotID); err == nil {
		s.notifySnapshot(ctx, "create.start", st.whole, st.parts)
	}
	return err
}

// own says flow.ErrTaken for a group snapshot that another back end has.
func (s *Service) own(ctx context.Context, n *block.GroupSnapshot) error {
	g, err := s.Store.Group(ctx, n.GroupID, "")
	if err == nil && g.Queue().Backend() != s.Backend {
		err = flow.ErrTaken
	}
	return err
}

// readParts reads the snapshots of a group snapshot, in the order of their ids.
func (s *Service) readParts(ctx context.Context, groupSnapshotID string) ([]*part, error) {
	list, err := s.Store.Snapshots(ctx, store.SnapshotQuery{Equal: map[string][]string{"group_snapshot_id": {groupSnapshotID}}})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(list, func(a, b *block.Snapshot) int { return strings.Compare(a.ID, b.ID) })
	var parts []*part
	for _, snap := range list {
		v, err := s.Store.Volume(ctx, snap.VolumeID, "")
		if err != nil {
			return nil, err
		}
		parts = append(parts, &part{Snapshot: snap, volume: v})
	}
	return parts, nil
}

// take takes the snapshots: at one instant if the group's type asks for that, which a storage that cannot do it refuses, and
// else one by one.
func (s *Service) take(ctx context.Context, st *picture) error {
	t, err := s.Store.GroupType(ctx, st.whole.GroupTypeID, "")
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	atOnce := err == nil && t.Asks(block.SpecConsistentGroupSnapshot)
	return s.within(ctx, func(ctx context.Context) error {
		if atOnce {
			return s.takeAtOnce(ctx, st.parts)
		}
		for _, p := range st.parts {
			update, err := s.Storage.CreateSnapshot(ctx, export.DriverSnapshot(p.Snapshot, p.volume))
			if err != nil {
				return err
			}
			p.update = update
		}
		return nil
	})
}

func (s *Service) takeAtOnce(ctx context.Context, parts []*part) error {
	list := make([]driver.Snapshot, len(parts))
	for i, p := range parts {
		list[i] = export.DriverSnapshot(p.Snapshot, p.volume)
	}
	updates, err := s.Storage.CreateGroupSnapshot(ctx, list)
	for i, u := range updates {
		parts[i].update = u
	}
	return err
}

// removeHalfTaken deletes what create_snapshots made, if it came to that. The rows decide: a snapshot that says anything but
// creating or deleting must not be touched.
func (s *Service) removeHalfTaken(ctx context.Context, st *picture, _ error) error {
	for _, id := range slices.Sorted(maps.Keys(st.VolumeIDs)) {
		snap, err := s.Store.Snapshot(ctx, id, "")
		switch {
		case fault.Is(err, fault.NotFound):
			snap = &block.Snapshot{ID: id, VolumeID: st.VolumeIDs[id]}
		case err != nil:
			return err
		case snap.Status != block.SnapshotCreating && snap.Status != block.SnapshotDeleting:
			continue
		}
		v, err := s.Store.Volume(ctx, snap.VolumeID, "")
		if fault.Is(err, fault.NotFound) {
			continue // a volume goes after its snapshots
		}
		if err != nil {
			return err
		}
		if v.Queue().Backend() != s.Backend {
			continue
		}
		err = s.within(ctx, func(ctx context.Context) error { return s.Storage.DeleteSnapshot(ctx, export.DriverSnapshot(snap, v)) })
		if err != nil {
			return err
		}
	}
	return nil
}

// finishPicture makes group snapshot and snapshots available. If they were deleted while they were taken, the flow is undone.
func (s *Service) finishPicture(ctx context.Context, tx store.Tx, st *picture) error {
	for _, p := range st.parts {
		set := store.SnapshotSet{Status: new(block.SnapshotAvailable), Progress: new("100%")}
		set.ProviderID, set.ProviderLocation, set.ProviderAuth = p.update.Fields()
		ok, err := tx.UpdateSnapshot(ctx, p.ID, store.SnapshotWhen{Status: []block.SnapshotStatus{block.SnapshotCreating}}, set)
		if err != nil {
			return err
		}
		if ok && p.volume.Bootable {
			err = tx.PutSnapshotImageMetadata(ctx, p.ID, p.volume.ImageMetadata)
		}
		if err == nil && !ok {
			err = snapshotDeleted(ctx, tx, p.ID)
		}
		if err != nil {
			return err
		}
	}
	ok, err := tx.UpdateGroupSnapshot(ctx, st.GroupSnapshotID, []block.GroupSnapshotStatus{block.GroupSnapshotCreating}, block.GroupSnapshotAvailable)
	if err != nil || ok {
		return err
	}
	now, err := tx.GroupSnapshot(ctx, st.GroupSnapshotID, "")
	if err == nil && now.Status == block.GroupSnapshotDeleting {
		err = block.InvalidGroupSnapshot("GroupSnapshot %s was deleted while it was made.", now.ID)
	}
	return err // nil: somebody reset its status by hand; the snapshots stand
}

// snapshotDeleted fails if a snapshot was deleted while it was taken.
func snapshotDeleted(ctx context.Context, tx store.Tx, id string) error {
	now, err := tx.Snapshot(ctx, id, "")
	if err == nil && now.Status == block.SnapshotDeleting {
		err = block.InvalidSnapshot("Snapshot %s was deleted while it was made.", id)
	}
	return err // nil: somebody reset its status by hand
}

func (s *Service) pictureFailed(ctx context.Context, tx store.Tx, st *picture, _ error) error {
	_, err := tx.UpdateGroupSnapshot(ctx, st.GroupSnapshotID, []block.GroupSnapshotStatus{block.GroupSnapshotCreating}, block.GroupSnapshotError)
	if err != nil {
		return err
	}
	return endSnapshots(ctx, tx, st.GroupSnapshotID, block.SnapshotCreating, block.SnapshotError)
}

// endSnapshots takes the snapshots of a group snapshot out of a state, where they are still in it.
func endSnapshots(ctx context.Context, tx store.Tx, groupSnapshotID string, from, to block.SnapshotStatus) error {
	list, err := tx.Snapshots(ctx, store.SnapshotQuery{Equal: map[string][]string{"group_snapshot_id": {groupSnapshotID}}})
	if err != nil {
		return err
	}
	for _, snap := range list {
		_, err := tx.UpdateSnapshot(ctx, snap.ID, store.SnapshotWhen{Status: []block.SnapshotStatus{from}}, store.SnapshotSet{Status: &to})
		if err != nil {
			return err
		}
	}
	return nil
}

// notifySnapshot tells of an event of a group snapshot, and of each of its snapshots.
func (s *Service) notifySnapshot(ctx context.Context, event string, n *block.GroupSnapshot, parts []*part) {
	if strings.HasSuffix(event, ".end") {
		now, err := s.Store.GroupSnapshot(ctx, n.ID, "")
		if fault.Is(err, fault.NotFound) {
			now, err = new(*n), nil
			now.Status = block.GroupSnapshotDeleted
		}
		if err == nil {
			n = now
		}
	}
	s.Notify(ctx, "group_snapshot."+event, notify.GroupSnapshot(n))
	for _, p := range parts {
		s.NotifySnapshot(ctx, event, p.Snapshot, p.volume)
	}
}
