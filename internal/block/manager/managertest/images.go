package managertest

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
)

// images are the rows that images leave beside those of volumes.
type images struct {
	snapshots map[string]map[string]string
	cache     []block.ImageCacheEntry
}

func newImages() images { return images{snapshots: map[string]map[string]string{}} }

func (i images) clone() images {
	c := images{snapshots: map[string]map[string]string{}, cache: slices.Clone(i.cache)}
	for id, md := range i.snapshots {
		c.snapshots[id] = maps.Clone(md)
	}
	return c
}

func (t *tx) PutVolumeImageMetadata(_ context.Context, id string, md map[string]string, replace bool) error {
	v, ok := t.volumes[id]
	if !ok {
		return block.VolumeNotFound(id)
	}
	if replace || v.ImageMetadata == nil {
		v.ImageMetadata = map[string]string{}
	}
	maps.Copy(v.ImageMetadata, md)
	return nil
}

func (t *tx) PutSnapshotImageMetadata(_ context.Context, id string, md map[string]string) error {
	if _, ok := t.snapshots[id]; !ok {
		return block.SnapshotNotFound(id)
	}
	if t.images.snapshots[id] == nil {
		t.images.snapshots[id] = map[string]string{}
	}
	maps.Copy(t.images.snapshots[id], md)
	return nil
}

func (t *tx) SnapshotImageMetadata(_ context.Context, id string) (map[string]string, error) {
	defer t.reading()()
	return maps.Clone(t.images.snapshots[id]), nil
}

func (t *tx) ImageCacheEntries(_ context.Context, q store.ImageCacheQuery) ([]*block.ImageCacheEntry, error) {
	defer t.reading()()
	var list []*block.ImageCacheEntry
	for _, e := range t.images.cache {
		if (q.Host == "" || q.Host == e.Host) && (q.ImageID == "" || q.ImageID == e.ImageID) && (q.VolumeID == "" || q.VolumeID == e.VolumeID) {
			list = append(list, new(e))
		}
	}
	slices.SortFunc(list, func(a, b *block.ImageCacheEntry) int { return b.LastUsed.Compare(a.LastUsed) })
	return list, nil
}

func (t *tx) CreateImageCacheEntry(_ context.Context, e *block.ImageCacheEntry) error {
	t.images.cache = append(t.images.cache, *e)
	return nil
}

func (t *tx) TouchImageCacheEntry(_ context.Context, volumeID string, at time.Time) error {
	for i := range t.images.cache {
		if t.images.cache[i].VolumeID == volumeID {
			t.images.cache[i].LastUsed = at
		}
	}
	return nil
}

func (t *tx) DeleteImageCacheEntry(_ context.Context, volumeID string) error {
	t.images.cache = slices.DeleteFunc(t.images.cache, func(e block.ImageCacheEntry) bool { return e.VolumeID == volumeID })
	return nil
}
