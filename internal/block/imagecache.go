package block

import "time"

// ImageCacheEntry says that a volume holds an image, so that others can be cloned from it instead of downloading the image
// again: upstream's image-volume cache.
type ImageCacheEntry struct {
	Host           Host // of the volume, with its pool
	ClusterName    string
	ImageID        string
	ImageUpdatedAt time.Time // of the image as it was downloaded; another one now means that the entry is stale
	VolumeID       string
	SizeGiB        int64
	LastUsed       time.Time
}

// Queue is whose work the volume is; see Volume.Queue.
func (e *ImageCacheEntry) Queue() Host { return queue(e.ClusterName, e.Host) }
