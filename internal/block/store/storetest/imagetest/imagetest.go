// Package imagetest is the part of the store's suite about what images leave in the database: their properties with volumes
// and snapshots, and the entries of the image-volume cache.
//
// What must not live here: anything that knows an implementation.
package imagetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

// Run runs it; open is as storetest.Run has it.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(t *testing.T, s store.Store){
		"properties of a volume": testVolume, "properties of a snapshot": testSnapshot, "image-volume cache": testCache,
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

type texts = map[string]string

// volume makes a volume, snapshot one of it.
func volume(t *testing.T, s store.Store) *block.Volume {
	t.Helper()
	kind, err := s.TypeByName(t.Context(), block.DefaultTypeName, "")
	if err != nil {
		t.Fatal(err)
	}
	v := &block.Volume{ID: uuid.NewString(), ProjectID: "p", UseQuota: true, SizeGiB: 1, VolumeTypeID: kind.ID, Status: block.VolumeAvailable}
	update(t, s, func(tx store.Tx) error { return tx.CreateVolume(t.Context(), v) })
	return v
}

func snapshot(t *testing.T, s store.Store, v *block.Volume) *block.Snapshot {
	t.Helper()
	n := &block.Snapshot{ID: uuid.NewString(), VolumeID: v.ID, ProjectID: "p", UseQuota: true, VolumeSizeGiB: 1, VolumeTypeID: v.VolumeTypeID}
	update(t, s, func(tx store.Tx) error { return tx.CreateSnapshot(t.Context(), n) })
	return n
}

func testVolume(t *testing.T, s store.Store) {
	v := volume(t, s)
	put := func(md texts, replace bool) {
		t.Helper()
		update(t, s, func(tx store.Tx) error { return tx.PutVolumeImageMetadata(t.Context(), v.ID, md, replace) })
	}
	for _, step := range []struct {
		md      texts
		replace bool
		want    texts
	}{
		{texts{"a": "1", "b": "2"}, false, texts{"a": "1", "b": "2"}},
		{texts{"b": "3"}, false, texts{"a": "1", "b": "3"}},
		{texts{"c": "4"}, true, texts{"c": "4"}},
		{nil, false, texts{"c": "4"}},
		{nil, true, texts{}},
	} {
		put(step.md, step.replace)
		got, err := s.Volume(t.Context(), v.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "the properties", step.want, got.ImageMetadata)
	}
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return tx.PutVolumeImageMetadata(t.Context(), uuid.NewString(), texts{"a": "1"}, true)
	})
	if fault.NameOf(err) != "VolumeNotFound" {
		t.Errorf("of no volume: %v", err)
	}
}

func testSnapshot(t *testing.T, s store.Store) {
	v := volume(t, s)
	one, other := snapshot(t, s, v), snapshot(t, s, v)
	read := func(id string) texts {
		t.Helper()
		md, err := s.SnapshotImageMetadata(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		return md
	}
	update(t, s, func(tx store.Tx) error {
		if err := tx.PutVolumeImageMetadata(t.Context(), v.ID, texts{"of": "the volume"}, false); err != nil {
			return err
		}
		return tx.PutSnapshotImageMetadata(t.Context(), one.ID, texts{"image_id": "i", "image_name": "cirros"})
	})
	update(t, s, func(tx store.Tx) error {
		return tx.PutSnapshotImageMetadata(t.Context(), one.ID, texts{"image_id": "j"})
	})
	equal(t, "one's", texts{"image_id": "j", "image_name": "cirros"}, read(one.ID))
	equal(t, "the other's", texts{}, read(other.ID))
	equal(t, "nobody's", texts{}, read(uuid.NewString()))
	update(t, s, func(tx store.Tx) error { return tx.DestroySnapshot(t.Context(), one.ID) })
	equal(t, "that of the deleted", texts{}, read(one.ID))
	err := s.Update(t.Context(), func(tx store.Tx) error { return tx.PutSnapshotImageMetadata(t.Context(), one.ID, texts{"a": "1"}) })
	if fault.NameOf(err) != "SnapshotNotFound" {
		t.Errorf("of a deleted snapshot: %v", err)
	}
	if got, err := s.Volume(t.Context(), v.ID, ""); err != nil || got.ImageMetadata["of"] != "the volume" {
		t.Errorf("the volume's are %v, %v", got.ImageMetadata, err)
	}
}

func testCache(t *testing.T, s store.Store) {
	noon := time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
	entry := func(host block.Host, image string, used time.Duration) *block.ImageCacheEntry {
		return &block.ImageCacheEntry{Host: host, ImageID: image, ImageUpdatedAt: noon.Add(-time.Hour), VolumeID: uuid.NewString(), SizeGiB: 3,
			LastUsed: noon.Add(used)}
	}
	a, b := entry("n@x#1", "i", 0), entry("n@x#1", "j", time.Minute)
	c, d := entry("n@x#2", "i", 2*time.Minute), entry("n@y#1", "i", 3*time.Minute)
	d.ClusterName = "cluster"
	update(t, s, func(tx store.Tx) error {
		for _, e := range []*block.ImageCacheEntry{a, b, c, d} {
			if err := tx.CreateImageCacheEntry(t.Context(), e); err != nil {
				return err
			}
		}
		return nil
	})
	check := func(what string, q store.ImageCacheQuery, want ...*block.ImageCacheEntry) {
		t.Helper()
		got, err := s.ImageCacheEntries(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, what, want, got)
	}
	check("all", store.ImageCacheQuery{}, d, c, b, a)
	check("a pool's", store.ImageCacheQuery{Host: "n@x#1"}, b, a)
	check("an image's", store.ImageCacheQuery{ImageID: "i"}, d, c, a)
	check("an image's in a pool", store.ImageCacheQuery{Host: "n@x#1", ImageID: "i"}, a)
	check("a volume's", store.ImageCacheQuery{VolumeID: b.VolumeID}, b)
	check("none", store.ImageCacheQuery{Host: "n@x#1", ImageID: "k"})
	a.LastUsed = noon.Add(time.Hour)
	update(t, s, func(tx store.Tx) error {
		if err := tx.TouchImageCacheEntry(t.Context(), uuid.NewString(), noon); err != nil {
			return err
		}
		return tx.TouchImageCacheEntry(t.Context(), a.VolumeID, a.LastUsed)
	})
	check("a pool's, used again", store.ImageCacheQuery{Host: "n@x#1"}, a, b)
	for range 2 {
		update(t, s, func(tx store.Tx) error { return tx.DeleteImageCacheEntry(t.Context(), a.VolumeID) })
	}
	check("those that are left", store.ImageCacheQuery{}, d, c, b)
}
