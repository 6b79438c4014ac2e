package managertest

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// groups are the rows of groups. They are replaced, never changed.
type groups struct {
	groups   map[string]block.Group
	pictures map[string]block.GroupSnapshot
	types    map[string]*block.GroupType
}

func newGroups() groups {
	return groups{map[string]block.Group{}, map[string]block.GroupSnapshot{}, map[string]*block.GroupType{}}
}

func (g groups) clone() groups { return groups{maps.Clone(g.groups), maps.Clone(g.pictures), g.types} }

// AddGroup enters a group of the World's pool with this status, of a type with these specs.
func (w *World) AddGroup(t testing.TB, status block.GroupStatus, specs map[string]string) *block.Group {
	t.Helper()
	kind := &block.GroupType{ID: uuid.NewString(), Specs: map[string]*string{}}
	for key, value := range specs {
		kind.Specs[key] = &value
	}
	w.groups.types[kind.ID] = kind
	g := &block.Group{ID: uuid.NewString(), ProjectID: Project, GroupTypeID: kind.ID, Status: status, Host: Pool, ReplicationStatus: block.ReplicationDisabled}
	w.update(t, func(tx store.Tx) error { return tx.CreateGroup(t.Context(), g) })
	return g
}

// AddGroupSnapshot enters a group snapshot with this status, with a snapshot of each of these volumes in the same state; unless
// it is creating, they are taken too.
func (w *World) AddGroupSnapshot(t testing.TB, g *block.Group, status block.GroupSnapshotStatus, of ...*block.Volume) (*block.GroupSnapshot, []*block.Snapshot) {
	t.Helper()
	n := &block.GroupSnapshot{ID: uuid.NewString(), ProjectID: Project, GroupID: g.ID, GroupTypeID: g.GroupTypeID, Status: status}
	w.update(t, func(tx store.Tx) error { return tx.CreateGroupSnapshot(t.Context(), n) })
	var parts []*block.Snapshot
	for _, v := range of {
		s := w.AddSnapshot(t, v, block.SnapshotStatus(status))
		s.GroupSnapshotID = n.ID
		w.update(t, func(tx store.Tx) error { return tx.CreateSnapshot(t.Context(), s) })
		parts = append(parts, s)
	}
	return n, parts
}

// GroupStates is "status/replication status" of a group's row, "gone" without one.
func (w *World) GroupStates(t testing.TB, id string) string {
	g, err := w.Group(t.Context(), id, "")
	if err != nil {
		return "gone"
	}
	return string(g.Status) + "/" + g.ReplicationStatus
}

// GroupSnapshotStatus is the status of a group snapshot's row, "gone" without one.
func (w *World) GroupSnapshotStatus(t testing.TB, id string) string {
	n, err := w.GroupSnapshot(t.Context(), id, "")
	if err != nil {
		return "gone"
	}
	return string(n.Status)
}

func (t *tx) Group(_ context.Context, id, _ string) (*block.Group, error) {
	defer t.reading()()
	if g, ok := t.groups.groups[id]; ok {
		return &g, nil
	}
	return nil, block.GroupNotFound(id)
}

func (t *tx) GroupType(_ context.Context, id, _ string) (*block.GroupType, error) {
	defer t.reading()()
	if kind, ok := t.groups.types[id]; ok {
		return kind, nil
	}
	return nil, block.GroupTypeNotFound(id)
}

func (t *tx) CreateGroup(_ context.Context, g *block.Group) error {
	t.groups.groups[g.ID] = *g
	return nil
}

func (t *tx) UpdateGroup(_ context.Context, id string, when store.GroupWhen, set store.GroupSet) (bool, error) {
	g, ok := t.groups.groups[id]
	if !ok || len(when.Status) != 0 && !slices.Contains(when.Status, g.Status) || when.Unscheduled && g.Host != "" ||
		len(when.ReplicationStatus) != 0 && !slices.Contains(when.ReplicationStatus, g.ReplicationStatus) {
		return false, nil
	}
	put(&g.Status, set.Status)
	put(&g.ReplicationStatus, set.ReplicationStatus)
	put(&g.Host, set.Host)
	put(&g.ClusterName, set.ClusterName)
	t.groups.groups[id] = g
	return true, nil
}

func (t *tx) DestroyGroup(_ context.Context, id string) error {
	delete(t.groups.groups, id)
	return nil
}

func (t *tx) GroupSnapshot(_ context.Context, id, _ string) (*block.GroupSnapshot, error) {
	defer t.reading()()
	if n, ok := t.groups.pictures[id]; ok {
		return &n, nil
	}
	return nil, block.GroupSnapshotNotFound(id)
}

func (t *tx) CreateGroupSnapshot(_ context.Context, n *block.GroupSnapshot) error {
	t.groups.pictures[n.ID] = *n
	return nil
}

func (t *tx) UpdateGroupSnapshot(_ context.Context, id string, from []block.GroupSnapshotStatus, to block.GroupSnapshotStatus) (bool, error) {
	n, ok := t.groups.pictures[id]
	if !ok || len(from) != 0 && !slices.Contains(from, n.Status) {
		return false, nil
	}
	n.Status = to
	t.groups.pictures[id] = n
	return true, nil
}

func (t *tx) DestroyGroupSnapshot(_ context.Context, id string) error {
	delete(t.groups.pictures, id)
	return nil
}

// inGroup are the volumes of a group.
func (t *tx) inGroup(id string) (out []*block.Volume) {
	for _, v := range t.volumes {
		if v.GroupID == id {
			out = append(out, t.filled(v))
		}
	}
	slices.SortFunc(out, func(a, b *block.Volume) int { return strings.Compare(a.ID, b.ID) })
	return out
}

// inPicture are the snapshots of a group snapshot.
func (t *tx) inPicture(id string) (out []*block.Snapshot) {
	for _, s := range t.snapshots {
		if s.GroupSnapshotID == id {
			out = append(out, new(*s))
		}
	}
	slices.SortFunc(out, func(a, b *block.Snapshot) int { return strings.Compare(a.ID, b.ID) })
	return out
}
