package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// ImageCacheQuery chooses entries of the image-volume cache. Zero fields do not restrict.
type ImageCacheQuery struct {
	Host     block.Host // with its pool: that pool alone
	Cluster  block.Host // likewise, by the cluster
	ImageID  string
	VolumeID string
}

// ImageReader reads what images leave beside the rows of volumes.
type ImageReader interface {
	// SnapshotImageMetadata is the properties of the image that a snapshot's volume was made from when it was taken; empty if
	// there are none, or no snapshot.
	SnapshotImageMetadata(ctx context.Context, snapshotID string) (map[string]string, error)
	// ImageCacheEntries are the entries chosen, those used last first.
	ImageCacheEntries(ctx context.Context, q ImageCacheQuery) ([]*block.ImageCacheEntry, error)
}

// ImageWriter changes it.
type ImageWriter interface {
	// PutSnapshotImageMetadata merges the pairs. They go with the snapshot. NotFound: the snapshot's.
	PutSnapshotImageMetadata(ctx context.Context, snapshotID string, md map[string]string) error
	// CreateImageCacheEntry inserts e.
	CreateImageCacheEntry(ctx context.Context, e *block.ImageCacheEntry) error
	// TouchImageCacheEntry says when the entry of a volume was used last. A missing one is no error.
	TouchImageCacheEntry(ctx context.Context, volumeID string, at time.Time) error
	// DeleteImageCacheEntry removes the entry of a volume, if it has one.
	DeleteImageCacheEntry(ctx context.Context, volumeID string) error
}
