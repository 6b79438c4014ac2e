// Package migrationtest is the part of the store's suite about volumes that change their place or their type.
//
// What must not live here: anything that knows an implementation.
package migrationtest

import (
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(t *testing.T, s store.Store){
		"migration status": testStatus, "migration targets in lists": testTargets, "change of place": testPlace,
		"type of snapshots": testSnapshots,
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

// plainType is the id of the type that every database has.
func plainType(t *testing.T, s store.Store) string {
	t.Helper()
	kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	return kind.ID
}

func volume(t *testing.T, s store.Store, migration string) *block.Volume {
	t.Helper()
	v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", UserID: "u", UseQuota: true, SizeGiB: 1, Host: "n@a#p", VolumeTypeID: plainType(t, s),
		Status: block.VolumeAvailable, MigrationStatus: migration}
	update(t, s, func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) })
	return v
}

// change applies set if when is met, and says whether it was.
func change(t *testing.T, s store.Store, id string, when store.VolumeWhen, set store.VolumeSet) (done bool) {
	t.Helper()
	update(t, s, func(tx store.Tx) (err error) {
		done, err = tx.UpdateVolume(t.Context(), id, when, set)
		return err
	})
	return done
}

func testStatus(t *testing.T, s store.Store) {
	v := volume(t, s, "")
	migrating := store.VolumeWhen{MigrationStatus: []string{"starting", "migrating"}}
	set := store.VolumeSet{MigrationStatus: new("migrating")}
	if change(t, s, v.ID, migrating, set) {
		t.Error("NULL was taken for one of the values")
	}
	change(t, s, v.ID, store.VolumeWhen{NotMigrating: true}, store.VolumeSet{MigrationStatus: new("starting")})
	if !change(t, s, v.ID, migrating, set) {
		t.Error("one of the values was not found")
	}
	if change(t, s, v.ID, store.VolumeWhen{NotMigrating: true}, store.VolumeSet{}) {
		t.Error("a volume that migrates was taken for one that does not")
	}
}

func testTargets(t *testing.T, s store.Store) {
	plain, done := volume(t, s, ""), volume(t, s, "success")
	made := volume(t, s, "target:"+plain.ID)
	for _, c := range []struct {
		hidden bool
		want   map[string]bool
	}{{false, map[string]bool{plain.ID: true, done.ID: true, made.ID: true}}, {true, map[string]bool{plain.ID: true, done.ID: true}}} {
		q := store.VolumeQuery{ProjectID: "p", NoMigrationTargets: c.hidden}
		list, err := s.Volumes(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range list {
			if !c.want[v.ID] {
				t.Errorf("hidden %v: %s is listed", c.hidden, v.MigrationStatus)
			}
		}
		n, size, err := s.VolumeTotals(t.Context(), q)
		if want := int64(len(c.want)); err != nil || len(list) != len(c.want) || n != want || size != want {
			t.Errorf("hidden %v: %d listed, totals %d and %d GiB, %v; want %d", c.hidden, len(list), n, size, err, want)
		}
	}
}

func testPlace(t *testing.T, s store.Store) {
	v, other := volume(t, s, ""), uuid.NewString()
	read := func() *block.Volume {
		now, err := s.Volume(t.Context(), v.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		return now
	}
	change(t, s, v.ID, store.VolumeWhen{}, store.VolumeSet{NameID: &other, Host: new(block.Host("n@b#q")), ProviderGeometry: new("512 512")})
	if now := read(); now.NameID != other || now.BackendID() != other || now.Host != "n@b#q" || now.ProviderGeometry != "512 512" {
		t.Errorf("after the move: %+v", now)
	}
	change(t, s, v.ID, store.VolumeWhen{}, store.VolumeSet{NameID: new(""), ProviderGeometry: new("")})
	if now := read(); now.BackendID() != v.ID || now.ProviderGeometry != "" || now.Host != "n@b#q" {
		t.Errorf("under its own name again: %+v", now)
	}
}

func testSnapshots(t *testing.T, s store.Store) {
	gold := &block.VolumeType{ID: uuid.NewString(), Name: "gold", IsPublic: true}
	v, other := volume(t, s, ""), volume(t, s, "")
	of := map[string]*block.Snapshot{}
	for _, volumeID := range []string{v.ID, v.ID, other.ID} {
		n := &block.Snapshot{ID: uuid.NewString(), VolumeID: volumeID, ProjectID: "p", UseQuota: true, VolumeSizeGiB: 1,
			VolumeTypeID: plainType(t, s), Status: block.SnapshotAvailable}
		of[n.ID] = n
	}
	update(t, s, func(tx store.Tx) error {
		if err := tx.CreateVolumeType(t.Context(), gold); err != nil {
			return err
		}
		for _, n := range of {
			if err := tx.CreateSnapshot(t.Context(), n); err != nil {
				return err
			}
		}
		return tx.RetypeSnapshots(t.Context(), v.ID, gold.ID)
	})
	for id, n := range of {
		now, err := s.Snapshot(t.Context(), id, "")
		if err != nil {
			t.Fatal(err)
		}
		want := n.VolumeTypeID
		if n.VolumeID == v.ID {
			want = gold.ID
		}
		if now.VolumeTypeID != want {
			t.Errorf("type %q, want %q", now.VolumeTypeID, want)
		}
	}
	usage, err := s.QuotaUsage(t.Context(), "p")
	if err != nil || usage.ByType[gold.ID].Snapshots != 2 {
		t.Errorf("usage %+v, %v", usage, err)
	}
}
