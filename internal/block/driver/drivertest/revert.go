package drivertest

import (
	"bytes"
	"context"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

func (f *fixture) needReverter() {
	if !f.b.Features().Reverter {
		f.t.Skip("the driver cannot revert in place")
	}
}

// revert: the volume gets the snapshot's bytes back, and neither depends on the other afterwards.
func revert(f *fixture) {
	f.needReverter()
	v, want := newVolume(1), empty(1)
	f.create(v)
	f.write(v, want, 1, spread(1)...)
	s, atSnapshot := newSnapshot(v), want.grown(1)
	f.snapshot(s)
	for seed := range byte(2) { // the second time after other writes
		f.write(v, want, 2+seed, append(spread(1), 32<<20)...)
		for range 2 {
			f.must("RevertToSnapshot", f.b.RevertToSnapshot(f.t.Context(), v, s))
			f.check("after a revert", v, atSnapshot)
		}
	}
	want = atSnapshot.grown(1)
	f.write(v, want, 5, 0)
	f.check("after a write that came after a revert", v, want)
	f.checkSnapshot("the snapshot reverted to", s, atSnapshot)
	f.must("ExtendVolume", f.b.ExtendVolume(f.t.Context(), v, 2))
	v.SizeGiB = 2
	f.must("RevertToSnapshot of a larger volume", f.b.RevertToSnapshot(f.t.Context(), v, s))
	f.check("a larger volume after a revert", v, atSnapshot.grown(2))
	f.must("DeleteSnapshot", f.b.DeleteSnapshot(f.t.Context(), s))
	f.check("after the snapshot went", v, atSnapshot.grown(2))

	f.mustBe("revert to a snapshot that is gone", f.b.RevertToSnapshot(f.t.Context(), v, s), fault.NotFound)
	f.snapshot(s)
	missing := newVolume(1)
	f.mustBe("revert of a volume that is gone", f.b.RevertToSnapshot(f.t.Context(), missing, s), fault.NotFound)
	f.holds([]string{v.ID}, []string{s.ID})
	ctx, cancel := context.WithCancel(f.t.Context())
	cancel()
	if f.b.RevertToSnapshot(ctx, v, s) == nil {
		f.tb.Fatalf("a revert with a cancelled context succeeded")
	}
	f.check("after a revert that was cancelled", v, atSnapshot.grown(2))
}

// revertKilled: a revert that was killed leaves the volume as it was or as the snapshot is, and its repetition succeeds.
func revertKilled(f *fixture) {
	f.needReverter()
	was := map[string]content{} // what the volumes held when they were reverted, by id
	verbs := func(c scene) []verb {
		return []verb{{name: "RevertToSnapshot", run: func(ctx context.Context, b *driver.Backend) error {
			if _, again := was[c.source.ID]; !again {
				was[c.source.ID] = c.want.grown(1)
				f.write(c.source, was[c.source.ID], 9, spread(1)...)
			}
			return b.RevertToSnapshot(ctx, c.source, c.taken)
		}}}
	}
	f.everyKill(verbs, func(c scene, v verb) {
		now := c.want
		if f.begins(c.source, 9) {
			now = was[c.source.ID]
		}
		f.check(v.name+": the volume, which is neither as it was nor as the snapshot is", c.source, now)
		f.must(v.name+", then repeated", v.run(f.t.Context(), f.b))
		f.check(v.name+", then repeated", c.source, c.want)
		f.checkSnapshot(v.name+": the snapshot", c.taken, c.want)
		f.holds([]string{c.source.ID}, []string{c.taken.ID})
	})
}

// begins says whether the volume's first page is that of the seed.
func (f *fixture) begins(v driver.Volume, seed byte) bool {
	f.tb.Helper()
	if f.NoBytes {
		return false
	}
	file := f.device(v)
	defer file.Close()
	got := make([]byte, pageBytes)
	_, err := file.ReadAt(got, 0)
	f.must("read", err)
	return bytes.Equal(got, page(seed))
}

// revert puts a volume back to its newest snapshot.
func (m *model) revert(rt *rapid.T) {
	if !m.b.Features().Reverter {
		rt.Skip("the driver cannot revert in place")
	}
	s := pick(rt, "snapshot", m.snapshots)
	v := m.volumes[s.Volume.ID]
	if v == nil {
		rt.Skip("its volume is gone")
	}
	for _, other := range m.snapshots {
		if other.Volume.ID == s.Volume.ID && other.taken > s.taken {
			s = other
		}
	}
	m.must("RevertToSnapshot", m.b.RevertToSnapshot(m.t.Context(), v.Volume, s.Snapshot))
	v.content = s.grown(v.Volume.SizeGiB)
}
