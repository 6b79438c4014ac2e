package drivertest

import (
	"context"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

// needGroups skips a test where snapshots of several volumes cannot be taken at one instant.
func (f *fixture) needGroups() {
	f.tb.Helper()
	stats, err := f.b.Stats(f.t.Context())
	f.must("Stats", err)
	for _, p := range stats.Pools {
		if p.ConsistentGroupSnapshots && !f.b.Features().GroupSnapshotter {
			f.tb.Fatalf("the pool %q promises snapshots of groups, and the driver has no verb for them", p.Name)
		}
		if !p.ConsistentGroupSnapshots {
			f.t.Skip("the driver cannot take snapshots of several volumes at one instant")
		}
	}
}

func (f *fixture) groupSnapshot(snapshots ...driver.Snapshot) {
	f.tb.Helper()
	updates, err := f.b.CreateGroupSnapshot(f.t.Context(), snapshots)
	f.must("CreateGroupSnapshot", err)
	if len(updates) != len(snapshots) {
		f.tb.Fatalf("%d updates for %d snapshots", len(updates), len(snapshots))
	}
}

// groupSnapshot: each snapshot of a group is one like any other, and it is all of them or none.
func groupSnapshot(f *fixture) {
	f.needGroups()
	a, b, c := newVolume(1), newVolume(2), newVolume(1)
	inA, inB := empty(1), empty(2)
	f.create(a)
	f.create(b)
	f.write(a, inA, 1, spread(1)...)
	f.write(b, inB, 2, spread(2)...)
	ofA, ofB := newSnapshot(a), newSnapshot(b)
	f.groupSnapshot(ofA, ofB)
	wasA, wasB := inA.grown(1), inB.grown(2)
	f.write(a, inA, 3, spread(1)...)
	f.groupSnapshot(ofB, ofA) // repeated, and in another order
	f.checkSnapshot("the first", ofA, wasA)
	f.checkSnapshot("the second", ofB, wasB)
	f.check("its volume", a, inA)
	copied := newVolume(1)
	f.fromSnapshot(copied, ofA)
	f.check("a volume made from the first", copied, wasA)

	_, err := f.b.CreateGroupSnapshot(f.t.Context(), []driver.Snapshot{newSnapshot(a), newSnapshot(c)})
	f.mustBe("a group with a volume that is gone", err, fault.NotFound)
	_, err = f.b.CreateGroupSnapshot(f.t.Context(), []driver.Snapshot{newSnapshot(a), {ID: "../x", Volume: b, SizeGiB: 2}})
	f.mustBe("a hostile id", err, fault.Invalid)
	ctx, cancel := context.WithCancel(f.t.Context())
	cancel()
	if _, err := f.b.CreateGroupSnapshot(ctx, []driver.Snapshot{newSnapshot(a), newSnapshot(b)}); err == nil {
		f.tb.Fatalf("a snapshot with a cancelled context succeeded")
	}
	f.holds([]string{a.ID, b.ID, copied.ID}, []string{ofA.ID, ofB.ID})
	f.must("DeleteSnapshot", f.b.DeleteSnapshot(f.t.Context(), ofA))
	f.checkSnapshot("the one that is left", ofB, wasB)
}

// groupSnapshotKilled: what is repeated after a kill is of one instant, whatever the kill left and whatever was written since.
func groupSnapshotKilled(f *fixture) {
	f.needGroups()
	var second driver.Snapshot // of the same volume: whether two pictures are of one instant shows best there
	verbs := func(c scene) []verb {
		second = newSnapshot(c.source)
		return []verb{{name: "CreateGroupSnapshot", run: func(ctx context.Context, b *driver.Backend) error {
			_, err := b.CreateGroupSnapshot(ctx, []driver.Snapshot{c.s, second})
			return err
		}}}
	}
	f.everyKill(verbs, func(c scene, v verb) {
		complete := len(f.inventory().SnapshotIDs) == 3
		was := c.want.grown(1)
		f.write(c.source, c.want, 7, spread(1)...)
		if !complete { // else the first run had taken both
			was = c.want.grown(1)
		}
		f.must(v.name+", then repeated", v.run(f.t.Context(), f.b))
		f.checkSnapshot(v.name+", then repeated: the first", c.s, was)
		f.checkSnapshot(v.name+", then repeated: the second", second, was)
		f.holds([]string{c.source.ID}, []string{c.taken.ID, c.s.ID, second.ID})
	})
}
