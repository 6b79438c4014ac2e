// Package grouptest is the part of the store's suite about groups and group snapshots.
//
// What must not live here: anything that knows an implementation.
package grouptest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

const mine, theirs = "mine", "theirs"

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(t *testing.T, s store.Store){
		"group": testGroup, "group update": testGroupUpdate, "group lists": testGroupLists, "volumes of groups": testVolumes,
		"group snapshot": testGroupSnapshot, "group snapshot lists": testGroupSnapshotLists,
		"children at once": testChildrenAtOnce,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

func update(t *testing.T, s store.Store, fn func(tx store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func equal(t *testing.T, what string, want, got any) {
	t.Helper()
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("%s (-want +got):\n%s", what, d)
	}
}

// second is one of a row of times; a database may keep no fractions.
func second(i int) time.Time { return time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC) }

func notFound(t *testing.T, err error, name, text string) {
	t.Helper()
	if !fault.Is(err, fault.NotFound) || fault.NameOf(err) != name || fault.UserText(err) != text {
		t.Errorf("%s %q, want %s %q", fault.NameOf(err), fault.UserText(err), name, text)
	}
}

func defaultType(t *testing.T, s store.Store) string {
	t.Helper()
	kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	return kind.ID
}

// group makes a group of mine.
func group(t *testing.T, s store.Store, change func(g *block.Group)) *block.Group {
	t.Helper()
	g := &block.Group{ID: uuid.NewString(), ProjectID: mine, UserID: "user", AvailabilityZone: "nova", GroupTypeID: "gold",
		VolumeTypeIDs: []string{}, Status: block.GroupAvailable, ReplicationStatus: block.ReplicationDisabled}
	if change != nil {
		change(g)
	}
	update(t, s, func(tx store.Tx) error { return tx.CreateGroup(t.Context(), g) })
	return g
}

func read(t *testing.T, s store.Store, id string) *block.Group {
	t.Helper()
	g, err := s.Group(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return g
}

func testGroup(t *testing.T, s store.Store) {
	one, two := defaultType(t, s), uuid.NewString()
	update(t, s, func(tx store.Tx) error {
		return tx.CreateVolumeType(t.Context(), &block.VolumeType{ID: two, Name: "two"})
	})
	g := group(t, s, func(g *block.Group) {
		g.Name, g.Description, g.Host, g.ClusterName = new("n"), new(""), "node@lvm#pool", "c@lvm"
		g.GroupSnapshotID, g.SourceGroupID, g.VolumeTypeIDs = uuid.NewString(), uuid.NewString(), []string{two, one}
	})
	if g.CreatedAt.IsZero() {
		t.Error("created_at was not set")
	}
	for _, project := range []string{"", mine} {
		got, err := s.Group(t.Context(), g.ID, project)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the group", g, got)
	}
	bare := group(t, s, nil)
	equal(t, "a group without names and types", bare, read(t, s, bare.ID))
	_, err := s.Group(t.Context(), g.ID, theirs)
	notFound(t, err, "GroupNotFound", "Group "+g.ID+" could not be found.")
	usage, err := s.QuotaUsage(t.Context(), mine)
	if err != nil || usage.Groups != 2 {
		t.Errorf("the project uses %+v, %v", usage, err)
	}

	update(t, s, func(tx store.Tx) error { return tx.DestroyGroup(t.Context(), g.ID) })
	_, err = s.Group(t.Context(), g.ID, "")
	notFound(t, err, "GroupNotFound", "Group "+g.ID+" could not be found.")
	update(t, s, func(tx store.Tx) error { return tx.DestroyGroup(t.Context(), g.ID) })
}

func testGroupUpdate(t *testing.T, s store.Store) {
	g := group(t, s, func(g *block.Group) { g.Name = new("n") })
	change := func(when store.GroupWhen, set store.GroupSet) (done bool) {
		t.Helper()
		update(t, s, func(tx store.Tx) (err error) {
			done, err = tx.UpdateGroup(t.Context(), g.ID, when, set)
			return err
		})
		return done
	}
	for name, when := range map[string]store.GroupWhen{
		"another status":             {Status: []block.GroupStatus{block.GroupError, block.GroupCreating}},
		"another replication status": {Status: []block.GroupStatus{block.GroupAvailable}, ReplicationStatus: []string{block.ReplicationEnabled}},
	} {
		if change(when, store.GroupSet{Status: new(block.GroupDeleting)}) {
			t.Errorf("%s: it was changed", name)
		}
	}
	equal(t, "what was not changed", g, read(t, s, g.ID))
	when := store.GroupWhen{Status: []block.GroupStatus{block.GroupAvailable}, ReplicationStatus: []string{block.ReplicationDisabled}, Unscheduled: true}
	set := store.GroupSet{Status: new(block.GroupUpdating), ReplicationStatus: new(block.ReplicationEnabling), Name: new(""), Description: new("d"),
		Host: new(block.Host("n@b#p")), ClusterName: new("c")}
	if !change(when, set) || change(store.GroupWhen{Unscheduled: true}, set) {
		t.Error("it is to be changed once")
	}
	want := *g
	want.Status, want.ReplicationStatus, want.Name, want.Description = block.GroupUpdating, block.ReplicationEnabling, new(""), new("d")
	want.Host, want.ClusterName = "n@b#p", "c"
	got := read(t, s, g.ID)
	if d := cmp.Diff(&want, got, cmpopts.IgnoreFields(block.Group{}, "UpdatedAt")); d != "" || got.UpdatedAt.IsZero() {
		t.Errorf("at %v (-want +got):\n%s", got.UpdatedAt, d)
	}
	update(t, s, func(tx store.Tx) error { return tx.DestroyGroup(t.Context(), g.ID) })
	if change(store.GroupWhen{}, set) {
		t.Error("a group that is gone was changed")
	}
}

func testGroupLists(t *testing.T, s store.Store) {
	var ids []string
	for i := range 5 {
		g := group(t, s, func(g *block.Group) {
			g.CreatedAt = second(i)
			g.Name, g.Host = new(fmt.Sprint(i%2)), block.Host(fmt.Sprintf("n@b%d#p", i%2))
			if i == 4 {
				g.GroupTypeID = "old"
			}
		})
		ids = append(ids, g.ID)
	}
	other := group(t, s, func(g *block.Group) { g.ProjectID, g.Name, g.CreatedAt = theirs, new("10"), second(9) })
	rising := []store.Sort{{Key: "created_at"}, {Key: "id"}}
	for name, tc := range map[string]struct {
		q    store.GroupQuery
		want []string
	}{
		"of a project":     {store.GroupQuery{ProjectID: mine, Page: store.Page{Sort: rising}}, ids},
		"of all":           {store.GroupQuery{Page: store.Page{Sort: rising}}, append(ids[:5:5], other.ID)},
		"a page":           {store.GroupQuery{ProjectID: mine, Page: store.Page{Sort: rising, Limit: 2, Marker: ids[1]}}, ids[2:4]},
		"by name":          {store.GroupQuery{ProjectID: mine, Equal: map[string][]string{"name": {"1"}}, Page: store.Page{Sort: rising}}, []string{ids[1], ids[3]}},
		"by a part of one": {store.GroupQuery{Like: map[string]string{"name": "1"}, Page: store.Page{Sort: rising}}, []string{ids[1], ids[3], other.ID}},
		"by back end":      {store.GroupQuery{Equal: map[string][]string{"host": {"n@b1"}}, Page: store.Page{Sort: rising}}, []string{ids[1], ids[3]}},
		"without a type":   {store.GroupQuery{ProjectID: mine, WithoutTypeID: "old", Page: store.Page{Sort: rising}}, ids[:4]},
		"by no column":     {store.GroupQuery{Equal: map[string][]string{"x": {"1"}}}, []string{}},
	} {
		list, err := s.Groups(t.Context(), tc.q)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, g := range list {
			got = append(got, g.ID)
		}
		equal(t, name, tc.want, got)
	}
	_, err := s.Groups(t.Context(), store.GroupQuery{ProjectID: mine, Page: store.Page{Marker: other.ID}})
	notFound(t, err, "GroupNotFound", "Group "+other.ID+" could not be found.")
}

func testVolumes(t *testing.T, s store.Store) {
	consistency, err := s.GroupTypeByName(t.Context(), block.ConsistencyGroupTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	typeID := defaultType(t, s)
	generic := group(t, s, nil)
	old := group(t, s, func(g *block.Group) { g.GroupTypeID = consistency.ID })
	empty := group(t, s, nil)
	made := 0
	add := func(groupID string) *block.Volume {
		made++
		v := &block.Volume{ID: uuid.NewString(), Timestamps: block.Timestamps{CreatedAt: second(made)}, ProjectID: mine, SizeGiB: 1, VolumeTypeID: typeID, GroupID: groupID}
		update(t, s, func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) })
		return v
	}
	first, second, alone, inOld := add(generic.ID), add(generic.ID), add(""), add(old.ID)
	members := func() map[string][]string {
		t.Helper()
		all, err := s.GroupVolumeIDs(t.Context(), []string{generic.ID, old.ID, empty.ID})
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	equal(t, "members", map[string][]string{generic.ID: {first.ID, second.ID}, old.ID: {inOld.ID}}, members())
	for _, v := range []*block.Volume{first, alone, inOld} {
		got, err := s.Volume(t.Context(), v.ID, "")
		if err != nil || got.GroupID != v.GroupID || got.InConsistencyGroup != (v == inOld) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	update(t, s, func(tx store.Tx) error {
		if _, err := tx.UpdateVolume(t.Context(), first.ID, store.VolumeWhen{}, store.VolumeSet{GroupID: new("")}); err != nil {
			return err
		}
		return tx.DestroyVolume(t.Context(), second.ID)
	})
	equal(t, "what is left", map[string][]string{old.ID: {inOld.ID}}, members())
}

func groupSnapshot(t *testing.T, s store.Store, g *block.Group, change func(n *block.GroupSnapshot)) *block.GroupSnapshot {
	t.Helper()
	n := &block.GroupSnapshot{ID: uuid.NewString(), GroupID: g.ID, ProjectID: g.ProjectID, UserID: "user", GroupTypeID: g.GroupTypeID,
		Status: block.GroupSnapshotCreating}
	if change != nil {
		change(n)
	}
	update(t, s, func(tx store.Tx) error { return tx.CreateGroupSnapshot(t.Context(), n) })
	return n
}

func testGroupSnapshot(t *testing.T, s store.Store) {
	n := groupSnapshot(t, s, group(t, s, nil), func(n *block.GroupSnapshot) { n.Name, n.Description = new("n"), new("d") })
	if n.CreatedAt.IsZero() {
		t.Error("created_at was not set")
	}
	for _, project := range []string{"", mine} {
		got, err := s.GroupSnapshot(t.Context(), n.ID, project)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the group snapshot", n, got)
	}
	missing := func(project string) {
		t.Helper()
		_, err := s.GroupSnapshot(t.Context(), n.ID, project)
		notFound(t, err, "GroupSnapshotNotFound", "GroupSnapshot "+n.ID+" could not be found.")
	}
	missing(theirs)

	change := func(from []block.GroupSnapshotStatus) (done bool) {
		update(t, s, func(tx store.Tx) (err error) {
			done, err = tx.UpdateGroupSnapshot(t.Context(), n.ID, from, block.GroupSnapshotAvailable)
			return err
		})
		return done
	}
	creating := []block.GroupSnapshotStatus{block.GroupSnapshotCreating, block.GroupSnapshotError}
	if !change(creating) || change(creating) || !change(nil) {
		t.Error("a status is written where the old one is among those named")
	}
	if got, err := s.GroupSnapshot(t.Context(), n.ID, ""); err != nil || got.Status != block.GroupSnapshotAvailable || got.UpdatedAt.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	for range 2 {
		update(t, s, func(tx store.Tx) error { return tx.DestroyGroupSnapshot(t.Context(), n.ID) })
		missing("")
	}
	if change(nil) {
		t.Error("what is gone was changed")
	}
}

func testGroupSnapshotLists(t *testing.T, s store.Store) {
	one, two := group(t, s, nil), group(t, s, func(g *block.Group) { g.GroupTypeID = "old" })
	a := groupSnapshot(t, s, one, func(n *block.GroupSnapshot) { n.CreatedAt = second(1) })
	b := groupSnapshot(t, s, two, func(n *block.GroupSnapshot) { n.Name, n.CreatedAt = new("b"), second(2) })
	c := groupSnapshot(t, s, one, func(n *block.GroupSnapshot) { n.ProjectID, n.CreatedAt = theirs, second(3) })
	rising := []store.Sort{{Key: "created_at"}, {Key: "id"}}
	for name, tc := range map[string]struct {
		q    store.GroupSnapshotQuery
		want []string
	}{
		"of a project":   {store.GroupSnapshotQuery{ProjectID: mine, Page: store.Page{Sort: rising}}, []string{a.ID, b.ID}},
		"of a group":     {store.GroupSnapshotQuery{Equal: map[string][]string{"group_id": {one.ID}}, Page: store.Page{Sort: rising}}, []string{a.ID, c.ID}},
		"by name":        {store.GroupSnapshotQuery{Like: map[string]string{"name": "B"}}, []string{b.ID}},
		"a page":         {store.GroupSnapshotQuery{Page: store.Page{Sort: rising, Limit: 1, Marker: a.ID}}, []string{b.ID}},
		"without a type": {store.GroupSnapshotQuery{WithoutTypeID: "old", Page: store.Page{Sort: rising}}, []string{a.ID, c.ID}},
		"by no column":   {store.GroupSnapshotQuery{Equal: map[string][]string{"x": {"1"}}}, []string{}},
	} {
		list, err := s.GroupSnapshots(t.Context(), tc.q)
		if err != nil {
			t.Fatal(err)
		}
		got := []string{}
		for _, n := range list {
			got = append(got, n.ID)
		}
		equal(t, name, tc.want, got)
	}
	_, err := s.GroupSnapshots(t.Context(), store.GroupSnapshotQuery{ProjectID: mine, Page: store.Page{Marker: c.ID}})
	notFound(t, err, "GroupSnapshotNotFound", "GroupSnapshot "+c.ID+" could not be found.")
}

// testChildrenAtOnce: a group that is marked because it has no group snapshots and no volumes has none; one that gets one at the
// same time is not marked.
func testChildrenAtOnce(t *testing.T, s store.Store) {
	ty := defaultType(t, s)
	update := func(fn func(tx store.Tx) error) {
		if err := s.Update(t.Context(), fn); err != nil {
			t.Error(err)
		}
	}
	children := map[string]func(tx store.Tx, g *block.Group) error{
		"snapshot": func(tx store.Tx, g *block.Group) error {
			return tx.CreateGroupSnapshot(t.Context(), &block.GroupSnapshot{ID: uuid.NewString(), GroupID: g.ID, Status: block.GroupSnapshotCreating})
		},
		"volume": func(tx store.Tx, g *block.Group) error {
			return tx.CreateVolume(t.Context(), &block.Volume{ID: uuid.NewString(), GroupID: g.ID, SizeGiB: 1, VolumeTypeID: ty, Status: block.VolumeCreating})
		},
	}
	for what, child := range children {
		for range 6 {
			g := group(t, s, func(g *block.Group) { g.Status = block.GroupAvailable })
			var wg sync.WaitGroup
			added, marked := false, false
			wg.Go(func() {
				update(func(tx store.Tx) error {
					now, err := tx.Group(t.Context(), g.ID, "")
					added = err == nil && now.Status == block.GroupAvailable
					if !added {
						return err
					}
					return child(tx, g)
				})
			})
			wg.Go(func() {
				update(func(tx store.Tx) error {
					marked = false
					if _, err := tx.Group(t.Context(), g.ID, ""); err != nil { // locks it
						return err
					}
					snapshots, err := tx.GroupSnapshots(t.Context(), store.GroupSnapshotQuery{Equal: map[string][]string{"group_id": {g.ID}}})
					if err != nil || len(snapshots) > 0 {
						return err
					}
					volumes, err := tx.Volumes(t.Context(), store.VolumeQuery{Equal: map[string][]string{"group_id": {g.ID}}})
					if err != nil || len(volumes) > 0 {
						return err
					}
					marked, err = tx.UpdateGroup(t.Context(), g.ID, store.GroupWhen{Status: []block.GroupStatus{block.GroupAvailable}},
						store.GroupSet{Status: new(block.GroupDeleting)})
					return err
				})
			})
			wg.Wait()
			if added == marked {
				t.Errorf("the %s was added: %v, the group marked: %v", what, added, marked)
			}
		}
	}
}
