// Package drivertest is the suite that every driver passes: what the contract in package driver promises, checked through
// a driver.Backend and, where volumes have a path, byte by byte.
//
// A driver's test calls Run with a function that makes a Harness. Nothing here knows any one driver.
package drivertest

import (
	"context"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/fault"
)

// Harness is a driver on storage of its own, and what the suite may do to it.
type Harness struct {
	// Driver is not set up yet; its storage is empty.
	Driver driver.Driver
	// NoBytes says that volumes hold nothing that could be looked at: a driver that remembers names only.
	NoBytes bool
	// Restart abandons the driver as a kill of the process would, without Close, and gives another one on the same
	// storage, not set up yet. Nil skips the tests of restarts.
	Restart func() driver.Driver
	// KillAfter lets the driver make so many more changes to its storage; then it stops as if the process had been
	// killed: every further change fails, also those that would clean up. The returned restart is Restart, and says
	// whether that point was reached. Nil skips the tests of verbs killed half-way.
	KillAfter func(changes int) (restart func() (d driver.Driver, killed bool))
	// AddImage puts an image with these bytes where the driver can clone it from. Nil skips the tests of cloning images.
	AddImage func(data []byte) (path string)
	// AddExisting puts something into the storage that is not the driver's and can be managed by source-name, with these
	// bytes at its beginning. Nil skips the tests of managing.
	AddExisting func(name string, sizeGiB int64, data []byte, snapshot bool)
}

// Run runs the suite. make is called for every test anew.
func Run(t *testing.T, make func(t *testing.T) Harness) {
	tests := map[string]func(*fixture){
		"EveryVerbTwice":         everyVerbTwice,
		"DeleteOfMissing":        deleteOfMissing,
		"SourceIsGone":           sourceIsGone,
		"SnapshotIsIndependent":  snapshotIsIndependent,
		"CloneIsIndependent":     cloneIsIndependent,
		"LargerThanSource":       largerThanSource,
		"Extend":                 extend,
		"ConcurrentVolumes":      concurrentVolumes,
		"CancelledLeavesNothing": cancelledLeavesNothing,
		"HostileIDs":             hostileIDs,
		"Stats":                  stats,
		"SurvivesRestart":        survivesRestart,
		"KilledAndRepeated":      killedAndRepeated,
		"KilledAndDeleted":       killedAndDeleted,
		"KilledAndSwept":         killedAndSwept,
		"Revert":                 revert,
		"RevertKilled":           revertKilled,
		"GroupSnapshot":          groupSnapshot,
		"GroupSnapshotKilled":    groupSnapshotKilled,
		"CloneImage":             cloneImage,
		"CloneImageKilled":       cloneImageKilled,
		"Managed":                managed,
		"ManagedSnapshot":        managedSnapshot,
		"NotManaged":             notManaged,
		"ManagedKilled":          managedKilled,
		"Retyped":                retyped,
		"Renamed":                renamed,
		"RenamedKilled":          renamedKilled,
		"AgreesWithModel":        agreesWithModel,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(newFixture(t, make(t))) })
	}
}

// fixture is a set-up back end and shorthands that end the test when they fail.
type fixture struct {
	Harness
	t  *testing.T
	tb failer
	b  *driver.Backend
}

// failer is what *testing.T and *rapid.T have in common for us.
type failer interface {
	Helper()
	Fatalf(format string, args ...any)
}

func newFixture(t *testing.T, h Harness) *fixture {
	t.Helper()
	f := &fixture{Harness: h, t: t, tb: t}
	f.use(h.Driver)
	t.Cleanup(func() {
		if err := f.b.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return f
}

// use puts a back end above d and sets it up, twice.
func (f *fixture) use(d driver.Driver) {
	f.tb.Helper()
	b, err := driver.NewBackend(d, driver.Options{BackendName: "suite", MaxTries: 1})
	f.must("NewBackend", err)
	f.must("Setup", b.Setup(f.t.Context()))
	f.must("second Setup", b.Setup(f.t.Context()))
	f.b = b
}

func (f *fixture) must(what string, err error) {
	f.tb.Helper()
	if err != nil {
		f.tb.Fatalf("%s: %v", what, err)
	}
}

func (f *fixture) mustBe(what string, err error, kind fault.Kind) {
	f.tb.Helper()
	if !fault.Is(err, kind) {
		f.tb.Fatalf("%s: %v, want a fault of kind %v", what, err, kind)
	}
}

func newVolume(sizeGiB int64) driver.Volume {
	return driver.Volume{ID: uuid.NewString(), SizeGiB: sizeGiB, ProjectID: "project"}
}

func newSnapshot(v driver.Volume) driver.Snapshot {
	return driver.Snapshot{ID: uuid.NewString(), Volume: v, SizeGiB: v.SizeGiB}
}

func (f *fixture) create(v driver.Volume) {
	f.tb.Helper()
	_, err := f.b.CreateVolume(f.t.Context(), v)
	f.must("CreateVolume", err)
}

func (f *fixture) snapshot(s driver.Snapshot) {
	f.tb.Helper()
	_, err := f.b.CreateSnapshot(f.t.Context(), s)
	f.must("CreateSnapshot", err)
}

func (f *fixture) fromSnapshot(v driver.Volume, s driver.Snapshot) {
	f.tb.Helper()
	_, err := f.b.CreateVolumeFromSnapshot(f.t.Context(), v, s)
	f.must("CreateVolumeFromSnapshot", err)
}

func (f *fixture) clone(v, source driver.Volume) {
	f.tb.Helper()
	_, err := f.b.CloneVolume(f.t.Context(), v, source)
	f.must("CloneVolume", err)
}

func (f *fixture) inventory() driver.Inventory {
	f.tb.Helper()
	all, err := f.b.Inventory(f.t.Context())
	f.must("Inventory", err)
	slices.Sort(all.VolumeIDs)
	slices.Sort(all.SnapshotIDs)
	return all
}

// holds checks that the storage holds exactly these and no strays.
func (f *fixture) holds(volumeIDs, snapshotIDs []string) {
	f.tb.Helper()
	all := f.inventory()
	if len(all.Strays) != 0 {
		f.tb.Fatalf("strays: %v", all.Strays)
	}
	if want := slices.Sorted(slices.Values(volumeIDs)); !slices.Equal(all.VolumeIDs, want) {
		f.tb.Fatalf("the storage holds the volumes %v, want %v", all.VolumeIDs, want)
	}
	if want := slices.Sorted(slices.Values(snapshotIDs)); !slices.Equal(all.SnapshotIDs, want) {
		f.tb.Fatalf("the storage holds the snapshots %v, want %v", all.SnapshotIDs, want)
	}
}

// clear deletes all there is. What is busy waits for what depends on it.
func (f *fixture) clear() {
	f.tb.Helper()
	for all := f.inventory(); len(all.VolumeIDs)+len(all.SnapshotIDs) > 0; {
		before := len(all.VolumeIDs) + len(all.SnapshotIDs)
		for _, id := range all.SnapshotIDs {
			f.deleted("DeleteSnapshot", f.b.DeleteSnapshot(f.t.Context(), driver.Snapshot{ID: id, Volume: newVolume(1)}))
		}
		for _, id := range all.VolumeIDs {
			f.deleted("DeleteVolume", f.b.DeleteVolume(f.t.Context(), driver.Volume{ID: id}))
		}
		if all = f.inventory(); len(all.VolumeIDs)+len(all.SnapshotIDs) == before {
			f.tb.Fatalf("nothing can be deleted of %v", all)
		}
	}
	f.holds(nil, nil)
}

func (f *fixture) deleted(what string, err error) {
	f.tb.Helper()
	if !fault.Is(err, fault.Busy) {
		f.must(what, err)
	}
}
