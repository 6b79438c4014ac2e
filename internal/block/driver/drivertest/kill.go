package drivertest

import (
	"context"
	"fmt"
	"slices"

	"github.com/clinker/clinker/internal/block/driver"
)

// maxKillPoints bounds the search for points at which a verb can be killed; no verb makes nearly as many changes.
const maxKillPoints = 200

// verb is one call that changes storage.
type verb struct {
	name   string
	copies bool  // it makes v, if it makes v, with the bytes of source
	grows  int64 // the size it gives to source, if it does
	run    func(ctx context.Context, b *driver.Backend) error
}

// changing are the calls of all verbs that make v (from source, or from taken), or make s.
func changing(v, source driver.Volume, s, taken driver.Snapshot) []verb {
	forget := func(_ driver.Update, err error) error { return err }
	return []verb{
		{name: "CreateVolume", run: func(ctx context.Context, b *driver.Backend) error { return forget(b.CreateVolume(ctx, v)) }},
		{name: "CreateSnapshot", run: func(ctx context.Context, b *driver.Backend) error { return forget(b.CreateSnapshot(ctx, s)) }},
		{name: "CreateVolumeFromSnapshot", copies: true, run: func(ctx context.Context, b *driver.Backend) error {
			return forget(b.CreateVolumeFromSnapshot(ctx, v, taken))
		}},
		{name: "CloneVolume", copies: true, run: func(ctx context.Context, b *driver.Backend) error {
			return forget(b.CloneVolume(ctx, v, source))
		}},
	}
}

func survivesRestart(f *fixture) {
	if f.Restart == nil {
		f.t.Skip("the harness cannot restart the driver")
	}
	v, want := newVolume(1), empty(1)
	f.create(v)
	f.write(v, want, 1, spread(1)...)
	s := newSnapshot(v)
	f.snapshot(s)
	before, err := f.b.Stats(f.t.Context())
	f.must("Stats", err)

	f.use(f.Restart())
	f.holds([]string{v.ID}, []string{s.ID})
	f.check("after a restart", v, want)
	f.checkSnapshot("after a restart", s, want)
	after, err := f.b.Stats(f.t.Context())
	f.must("Stats", err)
	for i, p := range after.Pools {
		if p.ProvisionedCapacityGiB != before.Pools[i].ProvisionedCapacityGiB {
			f.tb.Fatalf("pool %q: %g GiB provisioned before the restart, %g after it", p.Name,
				before.Pools[i].ProvisionedCapacityGiB, p.ProvisionedCapacityGiB)
		}
	}
}

// scene is what a killed verb works on.
type scene struct {
	source driver.Volume
	taken  driver.Snapshot // of source, as it is
	want   content         // of source
	v      driver.Volume   // to be made
	s      driver.Snapshot // to be made
}

func (f *fixture) scene() scene {
	c := scene{source: newVolume(1), want: empty(1), v: newVolume(2)}
	f.create(c.source)
	f.write(c.source, c.want, 1, spread(1)...)
	c.taken, c.s = newSnapshot(c.source), newSnapshot(c.source)
	f.snapshot(c.taken)
	return c
}

// everyKill lets each of the verbs run and be killed at every change it makes to storage, each time in a scene of its
// own, restarts, and calls after with the verb.
func (f *fixture) everyKill(verbs func(c scene) []verb, after func(c scene, v verb)) {
	if f.KillAfter == nil {
		f.t.Skip("the harness cannot kill the driver")
	}
	count := len(verbs(scene{source: newVolume(1), v: newVolume(1)}))
	for i := range count {
		killed := true
		for point := 0; killed; point++ {
			if point == maxKillPoints {
				f.tb.Fatalf("a verb that makes more than %d changes", maxKillPoints)
			}
			c := f.scene()
			v := verbs(c)[i]
			v.name = fmt.Sprintf("%s killed after %d changes", v.name, point)
			restart := f.KillAfter(point)
			err := v.run(f.t.Context(), f.b)
			var d driver.Driver
			d, killed = restart()
			if !killed {
				f.must(v.name+", which it did not come to", err)
			}
			f.use(d)
			after(c, v)
			f.clear()
		}
	}
}

// killedAndRepeated: the repetition of a killed verb does what the verb was to do, and cleans up after it.
func killedAndRepeated(f *fixture) {
	verbs := func(c scene) []verb {
		return append(changing(c.v, c.source, c.s, c.taken),
			verb{name: "ExtendVolume", grows: 3, run: func(ctx context.Context, b *driver.Backend) error {
				return b.ExtendVolume(ctx, c.source, 3)
			}},
			verb{name: "DeleteVolume", run: func(ctx context.Context, b *driver.Backend) error {
				return b.DeleteVolume(ctx, c.source)
			}},
			verb{name: "DeleteSnapshot", run: func(ctx context.Context, b *driver.Backend) error {
				return b.DeleteSnapshot(ctx, c.taken)
			}})
	}
	f.everyKill(verbs, func(c scene, v verb) {
		f.must(v.name+", then repeated", v.run(f.t.Context(), f.b))
		all := f.inventory()
		f.holds(all.VolumeIDs, all.SnapshotIDs) // no strays
		if slices.Contains(all.VolumeIDs, c.source.ID) {
			f.check(v.name+": the source", c.source, c.want.grown(max(1, v.grows)))
		}
		if slices.Contains(all.VolumeIDs, c.v.ID) {
			result := empty(2)
			if v.copies {
				result = c.want.grown(2)
			}
			f.check(v.name+": the result", c.v, result)
		}
		for _, s := range []driver.Snapshot{c.taken, c.s} {
			if slices.Contains(all.SnapshotIDs, s.ID) {
				f.checkSnapshot(v.name+": a snapshot", s, c.want)
			}
		}
	})
}

// killedAndDeleted: deleting what a killed verb was to make leaves nothing of it.
func killedAndDeleted(f *fixture) {
	verbs := func(c scene) []verb { return changing(c.v, c.source, c.s, c.taken) }
	f.everyKill(verbs, func(c scene, v verb) {
		f.must(v.name+", then deleted", f.b.DeleteVolume(f.t.Context(), c.v))
		f.must(v.name+", then deleted", f.b.DeleteSnapshot(f.t.Context(), c.s))
		f.holds([]string{c.source.ID}, []string{c.taken.ID})
		f.check(v.name+": the source", c.source, c.want)
	})
}

// killedAndSwept: whatever a killed verb leaves that is neither volume nor snapshot is listed as a stray and can be
// removed as one.
func killedAndSwept(f *fixture) {
	if !f.b.Features().Sweeper {
		f.t.Skip("the driver cannot remove strays")
	}
	verbs := func(c scene) []verb { return changing(c.v, c.source, c.s, c.taken) }
	f.everyKill(verbs, func(c scene, v verb) {
		all := f.inventory()
		for _, name := range all.Strays {
			f.must(v.name+": RemoveStray", f.b.RemoveStray(f.t.Context(), name))
		}
		f.holds(all.VolumeIDs, all.SnapshotIDs)
		f.must(v.name+", then swept and repeated", v.run(f.t.Context(), f.b))
		f.check(v.name+": the source", c.source, c.want)
	})
}
