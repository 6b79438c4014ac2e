package drivertest

import (
	"maps"
	"slices"

	"pgregory.net/rapid"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

// Bounds of the model, so that a run is quick.
const (
	maxModelVolumes = 6
	maxModelSizeGiB = 4
)

// model is what storage should hold, after any sequence of verbs.
type model struct {
	*fixture
	volumes   map[string]*modelVolume
	snapshots map[string]modelSnapshot
	seed      byte
	pictures  int // taken so far
}

type modelVolume struct {
	driver.Volume
	content
}

type modelSnapshot struct {
	driver.Snapshot
	content
	taken int // the later the larger
}

// agreesWithModel runs random sequences of verbs and writes, and compares bytes and inventory with the model.
func agreesWithModel(f *fixture) {
	rapid.Check(f.t, func(rt *rapid.T) {
		inner := *f
		inner.tb = rt
		defer func() { f.b = inner.b }() // after a restart it is another one
		inner.clear()                    // what a failed run before this one left
		m := &model{fixture: &inner, volumes: map[string]*modelVolume{}, snapshots: map[string]modelSnapshot{}}
		rt.Repeat(map[string]func(*rapid.T){
			"create":         m.create,
			"write":          m.write,
			"extend":         m.extend,
			"snapshot":       m.snapshot,
			"fromSnapshot":   m.fromSnapshot,
			"clone":          m.clone,
			"deleteVolume":   m.deleteVolume,
			"deleteSnapshot": m.deleteSnapshot,
			"restart":        m.restart,
			"revert":         m.revert,
		})
		m.compare()
		inner.clear()
	})
}

// compare checks all that there is.
func (m *model) compare() {
	m.holds(slices.Collect(maps.Keys(m.volumes)), slices.Collect(maps.Keys(m.snapshots)))
	for _, v := range m.volumes {
		m.check("volume", v.Volume, v.content)
	}
	for _, s := range m.snapshots {
		m.checkSnapshot("snapshot", s.Snapshot, s.content)
	}
}

// pick is one of the ids of a map, in an order that does not depend on the ids.
func pick[V any](rt *rapid.T, what string, all map[string]V) V {
	if len(all) == 0 {
		rt.Skip("there is none")
	}
	ids := slices.Sorted(maps.Keys(all))
	return all[ids[rapid.IntRange(0, len(ids)-1).Draw(rt, what)]]
}

func (m *model) newVolume(rt *rapid.T, least int64) driver.Volume {
	if len(m.volumes) == maxModelVolumes {
		rt.Skip("there are enough")
	}
	return newVolume(rapid.Int64Range(least, maxModelSizeGiB).Draw(rt, "size"))
}

func (m *model) create(rt *rapid.T) {
	v := m.newVolume(rt, 1)
	m.fixture.create(v)
	m.volumes[v.ID] = &modelVolume{v, empty(v.SizeGiB)}
}

func (m *model) write(rt *rapid.T) {
	v := pick(rt, "volume", m.volumes)
	last := v.SizeGiB<<30/pageBytes - 1
	offsets := rapid.SliceOfN(rapid.OneOf(rapid.Int64Range(0, 64), rapid.Int64Range(0, last)), 1, 5).Draw(rt, "pages")
	for i := range offsets {
		offsets[i] *= pageBytes
	}
	m.seed++
	m.fixture.write(v.Volume, v.content, m.seed, offsets...)
}

func (m *model) extend(rt *rapid.T) {
	v := pick(rt, "volume", m.volumes)
	size := rapid.Int64Range(v.SizeGiB, maxModelSizeGiB).Draw(rt, "size")
	m.must("ExtendVolume", m.b.ExtendVolume(m.t.Context(), v.Volume, size))
	v.Volume.SizeGiB, v.sizeGiB = size, size
}

func (m *model) snapshot(rt *rapid.T) {
	v := pick(rt, "volume", m.volumes)
	s := newSnapshot(v.Volume)
	m.fixture.snapshot(s)
	m.pictures++
	m.snapshots[s.ID] = modelSnapshot{s, v.grown(v.SizeGiB), m.pictures}
}

func (m *model) fromSnapshot(rt *rapid.T) {
	s := pick(rt, "snapshot", m.snapshots)
	v := m.newVolume(rt, s.SizeGiB)
	m.fixture.fromSnapshot(v, s.Snapshot)
	m.volumes[v.ID] = &modelVolume{v, s.grown(v.SizeGiB)}
}

func (m *model) clone(rt *rapid.T) {
	source := pick(rt, "source", m.volumes)
	v := m.newVolume(rt, source.SizeGiB)
	m.fixture.clone(v, source.Volume)
	m.volumes[v.ID] = &modelVolume{v, source.grown(v.SizeGiB)}
}

// deleteVolume leaves alone what the storage cannot let go of yet.
func (m *model) deleteVolume(rt *rapid.T) {
	v := pick(rt, "volume", m.volumes)
	switch err := m.b.DeleteVolume(m.t.Context(), v.Volume); {
	case err == nil:
		delete(m.volumes, v.ID)
	case !fault.Is(err, fault.Busy):
		rt.Fatalf("DeleteVolume: %v", err)
	}
}

func (m *model) deleteSnapshot(rt *rapid.T) {
	s := pick(rt, "snapshot", m.snapshots)
	switch err := m.b.DeleteSnapshot(m.t.Context(), s.Snapshot); {
	case err == nil:
		delete(m.snapshots, s.ID)
	case !fault.Is(err, fault.Busy):
		rt.Fatalf("DeleteSnapshot: %v", err)
	}
}

func (m *model) restart(rt *rapid.T) {
	if m.Restart == nil {
		rt.Skip("the harness cannot restart the driver")
	}
	m.use(m.Restart())
}
