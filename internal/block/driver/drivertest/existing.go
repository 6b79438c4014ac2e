package drivertest

import (
	"context"
	"slices"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

// needExisting skips where nothing can be managed, or the harness cannot put anything into the storage.
func (f *fixture) needExisting() {
	if f.AddExisting == nil || !f.b.Features().VolumeAdopter || !f.b.Features().SnapshotAdopter {
		f.t.Skip("nothing that exists can be managed")
	}
}

// listed is the entry of a list with this id, or, where that is empty, with this name.
func (f *fixture) listed(snapshots bool, id, name string) (driver.Existing, bool) {
	f.tb.Helper()
	list, err := f.b.ManageableVolumes(f.t.Context())
	if snapshots {
		list, err = f.b.ManageableSnapshots(f.t.Context())
	}
	f.must("the list of what can be managed", err)
	i := slices.IndexFunc(list, func(e driver.Existing) bool {
		return id != "" && e.ID == id || id == "" && e.Reference.SourceName() == name
	})
	if i < 0 {
		return driver.Existing{}, false
	}
	return list[i], true
}

// managed: what exists becomes a volume with its bytes, can be let go of, and managed again under the name it had.
func managed(f *fixture) {
	f.needExisting()
	f.AddExisting("stranger", 1, page(7), false)
	ref := driver.Reference{"source-name": "stranger"}
	if e, there := f.listed(false, "", "stranger"); !there || e.SizeGiB != 1 || e.ID != "" || e.Unfit != "" {
		f.tb.Fatalf("the list shows %+v", e)
	}
	v, want := newVolume(1), empty(1)
	want.pages[0] = page(7)
	for range 2 {
		size, err := f.b.ManageExistingGetSize(f.t.Context(), v, ref)
		f.must("ManageExistingGetSize", err)
		if size != 1 {
			f.tb.Fatalf("it is %d GiB large", size)
		}
		_, err = f.b.ManageExisting(f.t.Context(), v, ref)
		f.must("ManageExisting", err)
		f.check("what was managed", v, want)
		f.holds([]string{v.ID}, nil)
	}
	if e, there := f.listed(false, v.ID, ""); !there || e.SizeGiB != 1 {
		f.tb.Fatalf("the list shows %+v", e)
	}
	if e, there := f.listed(false, "", "stranger"); there {
		f.tb.Fatalf("the list still shows %+v", e)
	}
	s := newSnapshot(v)
	f.snapshot(s)
	f.checkSnapshot("a snapshot of what was managed", s, want)
	f.must("DeleteSnapshot", f.b.DeleteSnapshot(f.t.Context(), s))

	// Back under its name, and once more under one of the driver's choosing.
	for range 2 {
		f.must("Unmanage", f.b.Unmanage(f.t.Context(), v, ref))
	}
	f.holds(nil, nil)
	if _, there := f.listed(false, "", "stranger"); !there {
		f.tb.Fatalf("what was let go of is not there under its name")
	}
	again := newVolume(1)
	_, err := f.b.ManageExisting(f.t.Context(), again, ref)
	f.must("ManageExisting", err)
	f.must("Unmanage", f.b.Unmanage(f.t.Context(), again, nil))
	f.holds(nil, nil)
	f.must("DeleteVolume of what was let go of", f.b.DeleteVolume(f.t.Context(), again))
	list, err := f.b.ManageableVolumes(f.t.Context())
	f.must("ManageableVolumes", err)
	if len(list) != 1 || list[0].ID != "" {
		f.tb.Fatalf("the list shows %+v", list)
	}
	_, err = f.b.ManageExisting(f.t.Context(), v, list[0].Reference)
	f.must("ManageExisting", err)
	f.check("what was managed for the third time", v, want)
}

// managedSnapshot is managed for snapshots.
func managedSnapshot(f *fixture) {
	f.needExisting()
	v := newVolume(1)
	f.create(v)
	f.AddExisting("picture", 1, page(8), true)
	ref := driver.Reference{"source-name": "picture"}
	if e, there := f.listed(true, "", "picture"); !there || e.SizeGiB != 1 || e.Unfit != "" {
		f.tb.Fatalf("the list shows %+v", e)
	}
	s, want := newSnapshot(v), empty(1)
	want.pages[0] = page(8)
	for range 2 {
		size, err := f.b.ManageExistingSnapshotGetSize(f.t.Context(), s, ref)
		f.must("ManageExistingSnapshotGetSize", err)
		if size != 1 {
			f.tb.Fatalf("it is %d GiB large", size)
		}
		_, err = f.b.ManageExistingSnapshot(f.t.Context(), s, ref)
		f.must("ManageExistingSnapshot", err)
	}
	f.holds([]string{v.ID}, []string{s.ID})
	f.checkSnapshot("what was managed", s, want)
	for range 2 {
		f.must("UnmanageSnapshot", f.b.UnmanageSnapshot(f.t.Context(), s, nil))
	}
	f.holds([]string{v.ID}, nil)
}

// notManaged: what is no reference to anything changes nothing.
func notManaged(f *fixture) {
	f.needExisting()
	v := newVolume(1)
	s := newSnapshot(v)
	for _, ref := range []driver.Reference{
		nil, {}, {"source-id": "x"}, {"source-name": 5}, {"source-name": ""}, {"source-name": "missing"}, {"source-name": "."},
		{"source-name": ".."}, {"source-name": "../volumes"}, {"source-name": "/etc/passwd"}, {"source-name": "a\x00b"},
		{"source-name": "volume-" + newVolume(1).ID},
	} {
		_, err := f.b.ManageExistingGetSize(f.t.Context(), v, ref)
		f.mustBe("ManageExistingGetSize", err, fault.Invalid)
		_, err = f.b.ManageExisting(f.t.Context(), v, ref)
		f.mustBe("ManageExisting", err, fault.Invalid)
		_, err = f.b.ManageExistingSnapshotGetSize(f.t.Context(), s, ref)
		f.mustBe("ManageExistingSnapshotGetSize", err, fault.Invalid)
		_, err = f.b.ManageExistingSnapshot(f.t.Context(), s, ref)
		f.mustBe("ManageExistingSnapshot", err, fault.Invalid)
	}
	f.holds(nil, nil)
}

// managedKilled: after a kill at any point the bytes are there under one of the two names, and the verb can be repeated.
func managedKilled(f *fixture) {
	f.needExisting()
	ref := driver.Reference{"source-name": "stranger"}
	want := empty(1)
	want.pages[0] = page(7)
	added := map[string]bool{}
	verbs := func(c scene) []verb {
		manage := func(ctx context.Context, b *driver.Backend) error {
			_, err := b.ManageExisting(ctx, c.v, ref)
			return err
		}
		c.v.SizeGiB = 1
		return []verb{
			{name: "ManageExisting", run: func(ctx context.Context, b *driver.Backend) error {
				if !added[c.v.ID] {
					added[c.v.ID] = true
					f.AddExisting("stranger", 1, page(7), false)
				}
				return manage(ctx, b)
			}},
			{name: "Unmanage", grows: 1, run: func(ctx context.Context, b *driver.Backend) error { return b.Unmanage(ctx, c.source, ref) }},
		}
	}
	f.everyKill(verbs, func(c scene, v verb) {
		f.must(v.name+", then repeated", v.run(f.t.Context(), f.b))
		if c.v.SizeGiB = 1; v.grows == 0 {
			f.check(v.name+", then repeated", c.v, want)
			f.holds([]string{c.source.ID, c.v.ID}, []string{c.taken.ID})
			return
		}
		f.holds(nil, []string{c.taken.ID})
		_, err := f.b.ManageExisting(f.t.Context(), c.v, ref)
		f.must(v.name+", then managed", err)
		f.check(v.name+", then managed", c.v, c.want)
	})
}
