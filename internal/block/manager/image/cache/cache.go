// Package cache is the image-volume cache of a volume service: volumes of the deployment's own project that hold an image, from
// which others are cloned instead of downloading the image again. A pool has an entry for an image at most; when there are too
// many, those that were not used for longest go.
//
// What must not live here: how a volume gets an image's bytes.
package cache

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

// Storage is what the cache needs of a back end; a *driver.Backend.
type Storage interface {
	DeleteVolume(ctx context.Context, v driver.Volume) error
}

// Quota takes quota for one more volume, in the transaction that enters it.
type Quota interface {
	TakeVolume(ctx context.Context, tx store.Tx, v *block.Volume) error
}

// Options of a Cache. Those without a remark must be set.
type Options struct {
	Backend           string      // "host@backend": which volumes are ours, and the journal's owner
	Locks             lock.Locker // between processes, Cinder's; nil: nobody else fills the cache
	Store             store.Store
	Flows             *flow.Engine[store.Tx]
	Storage           Storage
	Quota             Quota            // nil takes none
	Messages          messaging.Client // to whom a volume that has to go is cast
	ProjectID, UserID string           // cinder_internal_tenant_project_id and _user_id: whose the volumes are
	MaxSizeGiB        int64            // image_volume_cache_max_size_gb; 0 means any
	MaxCount          int              // image_volume_cache_max_count; 0 means any
	Now               func() time.Time // nil means time.Now
	// CountSnapshots says that the gigabytes of snapshots count (no_snapshot_gb_quota is off).
	CountSnapshots bool
	// Changed hears of what came to a pool, in GiB; nil means nobody.
	Changed func(host block.Host, sizeGiB int64)
	// Notify is called with upstream's events ("image_volume_cache.hit"); nil means nobody listens.
	Notify func(ctx context.Context, event string, payload map[string]any)
	Log    *slog.Logger // nil means slog.Default
}

// Cache is safe for concurrent use.
type Cache struct {
	Options
	images lock.Local // by image and pool: one volume is made at a time, the others wait for it
}

// New makes a Cache.
func New(o Options) *Cache {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Changed == nil {
		o.Changed = func(block.Host, int64) {}
	}
	if o.Notify == nil {
		o.Notify = func(context.Context, string, map[string]any) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	return &Cache{Options: o}
}

// Fill makes a volume of an image in storage.
type Fill = func(ctx context.Context, v *block.Volume) (driver.Update, error)

// Source is a volume of like's pool that holds the image and is no larger than like: one that is there, or one that is made by
// fill. It is nil where there can be none: the caller then has to do without. An error is fill's, about the image itself; what
// else goes wrong is logged.
func (c *Cache) Source(ctx context.Context, like *block.Volume, i *glance.Image, fill Fill) (*block.Volume, error) {
	_, unlock, err := c.images.Lock(ctx, i.ID+" "+string(like.Host))
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c.Locks != nil {
		held, free, err := c.Locks.Lock(ctx, block.LockCachingImage(i.ID))
		if err != nil {
			return nil, err
		}
		defer free()
		ctx = held
	}
	found, err := c.find(ctx, like, i)
	if err != nil {
		c.Log.WarnContext(ctx, "the image-volume cache cannot be read", "image_id", i.ID, "error", err)
		return nil, nil
	}
	if found != nil {
		c.notify(ctx, "hit", i.ID, like.Host)
		if found.SizeGiB > like.SizeGiB {
			return nil, nil // it was made for a larger one, of an image that did not say how large it is
		}
		return found, nil
	}
	c.notify(ctx, "miss", i.ID, like.Host)
	return c.add(ctx, like, i, fill)
}

func (c *Cache) notify(ctx context.Context, what, imageID string, host block.Host) {
	c.Notify(ctx, "image_volume_cache."+what, map[string]any{"image_id": imageID, "host": string(host)})
}

// within chooses the entries of an image in v's pool, or with no image all of them. Those of a cluster are all its members'.
func within(v *block.Volume, imageID string) store.ImageCacheQuery {
	if v.ClusterName != "" {
		return store.ImageCacheQuery{Cluster: block.Host(v.ClusterName), ImageID: imageID}
	}
	return store.ImageCacheQuery{Host: v.Host, ImageID: imageID}
}

// find is the volume that holds the image as it is now. An entry that is out of date goes.
func (c *Cache) find(ctx context.Context, like *block.Volume, i *glance.Image) (*block.Volume, error) {
	entries, err := c.Store.ImageCacheEntries(ctx, within(like, i.ID))
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		v, err := c.Store.Volume(ctx, e.VolumeID, "")
		if err != nil && !fault.Is(err, fault.NotFound) {
			return nil, err
		}
		// The database may keep no more than seconds.
		usable := err == nil && (v.Status == block.VolumeAvailable || v.Status == block.VolumeInUse)
		if usable && e.ImageUpdatedAt.Truncate(time.Second).Equal(i.UpdatedAt.Truncate(time.Second)) {
			err := c.Store.Update(ctx, func(tx store.Tx) error { return tx.TouchImageCacheEntry(ctx, v.ID, c.Now().UTC()) })
			return v, err
		}
		if _, err := c.evict(ctx, e); err != nil {
			return nil, err
		}
	}
	return nil, nil
}

// filling is the state of the making of a cached volume. It never outlives its process: nobody waits for it then.
type filling struct {
	rpcapi.CopyVolumeToImage // the ids; no message

	volume *block.Volume
	image  *glance.Image
	fill   Fill
	update driver.Update
	failed error // fill's
}

// add makes a volume that holds the image.
func (c *Cache) add(ctx context.Context, like *block.Volume, i *glance.Image, fill Fill) (*block.Volume, error) {
	v := c.volume(like, i)
	room, err := c.makeRoom(ctx, v)
	if err != nil || !room {
		c.Log.WarnContext(ctx, "there is no room for an image in the image-volume cache", "image_id", i.ID, "host", like.Host, "error", err)
		return nil, nil
	}
	st := &filling{CopyVolumeToImage: rpcapi.CopyVolumeToImage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}, volume: v, image: i, fill: fill}
	err = flow.Begin(ctx, c.Flows, c.flow(), flow.Record{ID: st.FlowID, Name: rpcapi.FlowImageCache, Owner: c.Backend,
		ResourceType: "volume", ResourceID: v.ID}, st)
	switch {
	case err == nil:
		c.Changed(v.Host, v.SizeGiB)
		return v, nil
	case st.failed != nil:
		return nil, st.failed
	}
	c.Log.WarnContext(ctx, "an image could not be cached", "image_id", i.ID, "host", like.Host, "error", err)
	return nil, nil
}

// volume is the row of a cached volume: like another one of the pool, but as large as the image, and ours.
func (c *Cache) volume(like *block.Volume, i *glance.Image) *block.Volume {
	size := like.SizeGiB
	if bytes := max(i.VirtualSizeBytes, i.SizeBytes); i.VirtualSizeBytes > 0 || i.DiskFormat == "raw" {
		size = min(size, (bytes+block.GiB-1)/block.GiB)
	}
	return &block.Volume{ID: uuid.NewString(), ProjectID: c.ProjectID, UserID: c.UserID, UseQuota: true, Name: new("image-" + i.ID),
		SizeGiB: max(size, 1), Host: like.Host, ClusterName: like.ClusterName, ServiceUUID: like.ServiceUUID, AvailabilityZone: like.AvailabilityZone,
		VolumeTypeID: like.VolumeTypeID, VolumeTypeName: like.VolumeTypeName, Status: block.VolumeCreating, AttachStatus: block.AttachDetached,
		SharedTargets: new(false), AdminMetadata: map[string]string{"readonly": "True"}, Timestamps: block.Timestamps{CreatedAt: c.Now().UTC()}}
}

func (c *Cache) flow() *flow.Flow[filling, store.Tx] {
	return &flow.Flow[filling, store.Tx]{
		Name: rpcapi.FlowImageCache,
		Steps: []flow.Step[filling, store.Tx]{
			{Name: "enter_volume", Tx: c.enter, UndoTx: c.withdraw},
			{Name: "fill_volume", Do: func(ctx context.Context, st *filling) error {
				st.update, st.failed = st.fill(ctx, st.volume)
				return st.failed
			}, Undo: func(ctx context.Context, st *filling, _ error) error {
				return c.Storage.DeleteVolume(ctx, driver.Volume{ID: st.VolumeID})
			}},
			{Name: "enter_entry", Tx: c.finish},
		},
	}
}

func (c *Cache) enter(ctx context.Context, tx store.Tx, st *filling) error {
	if c.Quota != nil {
		if err := c.Quota.TakeVolume(ctx, tx, st.volume); err != nil {
			return err
		}
	}
	return tx.CreateVolume(ctx, st.volume)
}

// withdraw takes the row back, unless it is a volume that was made.
func (c *Cache) withdraw(ctx context.Context, tx store.Tx, st *filling, _ error) error {
	v, err := tx.Volume(ctx, st.VolumeID, "")
	if fault.Is(err, fault.NotFound) || err == nil && v.Status != block.VolumeCreating {
		return nil
	}
	if err != nil {
		return err
	}
	if err := tx.DestroyVolume(ctx, v.ID); err != nil {
		return err
	}
	return store.RecordUsage(ctx, tx, v.ProjectID, v.VolumeTypeID, v.VolumeTypeName, c.CountSnapshots)
}

func (c *Cache) finish(ctx context.Context, tx store.Tx, st *filling) error {
	now := c.Now().UTC()
	set := store.VolumeSet{Status: new(block.VolumeAvailable), LaunchedAt: &now, Bootable: new(true)}
	set.ProviderID, set.ProviderLocation, set.ProviderAuth = st.update.Fields()
	ok, err := tx.UpdateVolume(ctx, st.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeCreating}}, set)
	if err == nil && !ok {
		err = block.InvalidVolume("Volume %s was taken away while an image was written into it.", st.VolumeID)
	}
	if err != nil {
		return err
	}
	st.volume.ProviderID, st.volume.ProviderLocation, st.volume.ProviderAuth = st.update.ProviderID, st.update.ProviderLocation, st.update.ProviderAuth
	return tx.CreateImageCacheEntry(ctx, &block.ImageCacheEntry{Host: st.volume.Host, ClusterName: st.volume.ClusterName, ImageID: st.image.ID,
		ImageUpdatedAt: st.image.UpdatedAt.UTC(), VolumeID: st.VolumeID, SizeGiB: st.volume.SizeGiB, LastUsed: now})
}

// Resume is how what the journal has is seen to: it is undone.
func (c *Cache) Resume() map[string]journal.Resume {
	return map[string]journal.Resume{rpcapi.FlowImageCache: func(ctx context.Context, r flow.Record) error {
		err := flow.Undo(ctx, c.Flows, c.flow(), r, errAbandoned)
		if fault.NameOf(err) == fault.NameOf(errAbandoned) {
			return nil
		}
		return err
	}}
}

// errAbandoned is why a cached volume that a dead process was making is taken back.
var errAbandoned = fault.New(fault.Unavailable, "Abandoned", "The process that cached the image has ended.")

// Forget removes the entry of a volume that is deleted, in the transaction that deletes it.
func (c *Cache) Forget(ctx context.Context, tx store.Tx, v *block.Volume) error {
	if v.ProjectID != c.ProjectID {
		return nil
	}
	return tx.DeleteImageCacheEntry(ctx, v.ID)
}

// makeRoom has entries go until the cache holds v beside the rest, and says whether it can at all.
func (c *Cache) makeRoom(ctx context.Context, v *block.Volume) (bool, error) {
	if c.MaxSizeGiB == 0 && c.MaxCount == 0 {
		return true, nil
	}
	if c.MaxSizeGiB > 0 && v.SizeGiB > c.MaxSizeGiB {
		return false, nil
	}
	entries, err := c.Store.ImageCacheEntries(ctx, within(v, ""))
	if err != nil {
		return false, err
	}
	size, count := v.SizeGiB, len(entries)+1
	for _, e := range entries {
		size += e.SizeGiB
	}
	for k := len(entries) - 1; k >= 0 && (c.MaxSizeGiB > 0 && size > c.MaxSizeGiB || c.MaxCount > 0 && count > c.MaxCount); k-- {
		gone, err := c.evict(ctx, entries[k])
		if err != nil {
			return false, err
		}
		if gone {
			size, count = size-entries[k].SizeGiB, count-1
		}
	}
	return (c.MaxSizeGiB == 0 || size <= c.MaxSizeGiB) && (c.MaxCount == 0 || count <= c.MaxCount), nil
}

// evict removes an entry and has its volume deleted. One whose volume is in use stays; then it says false.
func (c *Cache) evict(ctx context.Context, e *block.ImageCacheEntry) (gone bool, err error) {
	msg := &rpcapi.DeleteVolume{FlowID: uuid.NewString(), VolumeID: e.VolumeID}
	cast := false
	err = c.Store.Update(ctx, func(tx store.Tx) error {
		gone, cast = false, false
		v, err := tx.Volume(ctx, e.VolumeID, "")
		switch {
		case fault.Is(err, fault.NotFound):
			gone = true
			return tx.DeleteImageCacheEntry(ctx, e.VolumeID)
		case err != nil:
			return err
		case v.ProjectID != c.ProjectID: // it was given away
			gone = true
			return tx.DeleteImageCacheEntry(ctx, e.VolumeID)
		}
		cast, err = tx.UpdateVolume(ctx, e.VolumeID, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeAvailable, block.VolumeError},
			NotAttachStatus: []block.AttachStatus{block.AttachAttached}, NotMigrating: true, NoGroup: true, NoSnapshots: true},
			store.VolumeSet{Status: new(block.VolumeDeleting), StatusToPrevious: true, TerminatedAt: new(c.Now().UTC())})
		if err != nil || !cast {
			return err
		}
		gone = true
		if err := tx.DeleteImageCacheEntry(ctx, e.VolumeID); err != nil {
			return err
		}
		state, err := json.Marshal(msg)
		if err != nil {
			return err
		}
		return tx.PutFlow(ctx, flow.Record{ID: msg.FlowID, Name: rpcapi.FlowVolumeDelete, Owner: c.Backend, ResourceType: "volume",
			ResourceID: e.VolumeID, State: state})
	})
	if err != nil || !gone {
		return false, err
	}
	c.notify(ctx, "evict", e.ImageID, e.Host)
	if cast {
		err := rpcapi.Volume{Client: c.Messages}.Cast(reqctx.Internal(ctx), e.Queue(), "3.0", rpcapi.MethodDeleteVolume, msg)
		if err != nil {
			c.Log.WarnContext(ctx, "the message was not accepted; the journal has the operation", "operation", rpcapi.FlowVolumeDelete,
				"resource_id", e.VolumeID, "error", err)
		}
	}
	return true, nil
}
