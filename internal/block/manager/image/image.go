// Package image is the volume service's part in what images are about: volumes made of images, images made of volumes, and
// volumes overwritten with images. Uploading and overwriting are journalled flows of its own; making a volume is a step in the
// manager's flow, which calls Create. How bytes are moved is in package content, the image-volume cache in package cache.
//
// What must not live here: whether the caller may, and whether image and volume fit; the use cases have decided that before.
package image

import (
	"context"
	"log/slog"
	"maps"
	"path/filepath"
	"strconv"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/image/cache"
	"github.com/clinker/clinker/internal/block/manager/image/content"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/keymanager"
	"github.com/clinker/clinker/internal/lock"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

// Images is what is asked of the image service; glance.Service says more.
type Images interface {
	content.Images
	Image(ctx context.Context, id string) (*glance.Image, error)
	Delete(ctx context.Context, id string) error
}

// Storage is what images need of a back end; a *driver.Backend.
type Storage interface {
	Features() driver.Features
	CreateVolume(ctx context.Context, v driver.Volume) (driver.Update, error)
	CloneVolume(ctx context.Context, v, source driver.Volume) (driver.Update, error)
	CloneImage(ctx context.Context, v driver.Volume, path string, sizeBytes int64) (done bool, u driver.Update, err error)
	DeleteVolume(ctx context.Context, v driver.Volume) error
	Device(ctx context.Context, v driver.Volume) (path string, err error)
}

// Quota takes quota for one more volume; a *quota.Quota.
type Quota = cache.Quota

// Settings are the deployment's choices about images; names are the configuration options'.
type Settings struct {
	Images           Images // the image service
	Run              execx.Runner
	Keys             keymanager.Manager // whose keys encrypted volumes have; nil: no image can be written into one
	ConversionDir    string             // image_conversion_dir, absolute; each back end uses a directory of its own below it
	NoConversion     bool               // image_conversion_disable
	Compress         bool               // image_compress_on_upload
	LocalFiles       bool               // allowed_direct_url_schemes has "file"
	VerifySignatures bool               // verify_glance_signatures: an image with a signature must not be used unless that was verified
	Caching          bool               // image_volume_cache_enabled
	CacheMaxSizeGiB  int64              // image_volume_cache_max_size_gb; 0 means any
	CacheMaxCount    int                // image_volume_cache_max_count; 0 means any
	// UnlockTimeMS is how long it is to take to get from an encrypted volume's passphrase to its bytes; 0 means qemu-img's two
	// seconds. Tests need not wait.
	UnlockTimeMS int
	// InternalProjectID and InternalUserID (cinder_internal_tenant_project_id and _user_id) are whose cached volumes are; without
	// both nothing is cached.
	InternalProjectID, InternalUserID string
}

// Options of a Service. Those without a remark must be set.
type Options struct {
	Settings
	Backend  string      // "host@backend": which volumes are ours, and the journal's owner
	Locks    lock.Locker // between processes, Cinder's; nil: nobody else fills the cache
	Store    store.Store
	Flows    *flow.Engine[store.Tx]
	Storage  Storage
	Messages messaging.Client // to whom cached volumes that have to go are cast
	Quota    Quota            // of cached volumes; nil takes none
	Timeout  time.Duration    // bounds what moves bytes; 0 means an hour
	Now      func() time.Time // nil means time.Now
	// CountSnapshots says that the gigabytes of snapshots count (no_snapshot_gb_quota is off).
	CountSnapshots bool
	// Changed hears of what came to a pool, in GiB; nil means nobody.
	Changed func(host block.Host, sizeGiB int64)
	// Notify is called with upstream's events that are about no volume ("image_volume_cache.hit"); nil means nobody listens.
	Notify func(ctx context.Context, event string, payload map[string]any)
	// Tell tells the user that something came to nothing, with the ids of upstream's user messages; nil means nobody does.
	Tell func(ctx context.Context, v *block.Volume, action, detail string, cause error)
	// TellServers tells the compute service of an event, for each server that the volume is attached to, and the user, with these ids
	// of messages, that it could not; nil means that nobody does.
	TellServers func(ctx context.Context, v *block.Volume, event, action, detail string)
	Log         *slog.Logger // nil means slog.Default
}

// Service serves the messages. It is safe for concurrent use.
type Service struct {
	Options
	content         *content.Mover
	cache           *cache.Cache // nil: images are not cached
	upload, discard *flow.Flow[uploadState, store.Tx]
	reimage         *flow.Flow[reimageState, store.Tx]
}

// New makes a Service.
func New(o Options) *Service {
	if o.Timeout == 0 {
		o.Timeout = time.Hour
	}
	if o.Tell == nil {
		o.Tell = func(context.Context, *block.Volume, string, string, error) {}
	}
	if o.TellServers == nil {
		o.TellServers = func(context.Context, *block.Volume, string, string, string) {}
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &Service{Options: o, content: content.New(content.Options{Images: o.Images, Run: o.Run,
		Directory: filepath.Join(o.ConversionDir, o.Backend), NoConversion: o.NoConversion, Compress: o.Compress, LocalFiles: o.LocalFiles})}
	switch {
	case o.Caching && (o.InternalProjectID == "" || o.InternalUserID == ""):
		o.Log.Warn("Images are not cached: cached volumes need an owner.", "backend", o.Backend, "options",
			"cinder_internal_tenant_project_id, cinder_internal_tenant_user_id")
	case o.Caching:
		s.cache = cache.New(cache.Options{Backend: o.Backend, Locks: o.Locks, Store: o.Store, Flows: o.Flows, Storage: o.Storage, Quota: o.Quota,
			Messages: o.Messages, ProjectID: o.InternalProjectID, UserID: o.InternalUserID, MaxSizeGiB: o.CacheMaxSizeGiB,
			MaxCount: o.CacheMaxCount, Now: o.Now, CountSnapshots: o.CountSnapshots, Changed: o.Changed, Notify: o.Notify, Log: o.Log})
	}
	s.upload, s.discard, s.reimage = s.uploadFlow(), s.discardFlow(), s.reimageFlow()
	return s
}

// Methods is what other services may ask.
func (s *Service) Methods() map[string]messaging.Method {
	return map[string]messaging.Method{
		rpcapi.MethodCopyVolumeToImage: messaging.Silent(s.Upload), rpcapi.MethodReimage: messaging.Silent(s.Reimage),
	}
}

// Resume is how the operations in the journal are seen to: they are done again, but for the caching of an image, for which
// nobody waits any more.
func (s *Service) Resume() map[string]journal.Resume {
	resume := map[string]journal.Resume{
		rpcapi.FlowVolumeUpload: journal.Again(s.Flows, s.upload), rpcapi.FlowVolumeReimage: journal.Again(s.Flows, s.reimage),
		rpcapi.FlowImageDiscard: journal.Again(s.Flows, s.discard),
	}
	if s.cache != nil {
		maps.Copy(resume, s.cache.Resume())
	}
	return resume
}

// Clean removes what a process that was killed left of moving bytes. Nothing may be moving.
func (s *Service) Clean() error { return s.content.Clean() }

// Forget removes what is kept about a volume that is deleted, in the transaction that deletes it. A nil Service keeps nothing.
func (s *Service) Forget(ctx context.Context, tx store.Tx, v *block.Volume) error {
	if s == nil || s.cache == nil {
		return nil
	}
	return s.cache.Forget(ctx, tx, v)
}

// Metadata is what a volume keeps of the image it was made from (cinder/volume/volume_utils.py, get_volume_image_metadata).
func Metadata(i *glance.Image) map[string]string {
	md := map[string]string{}
	for name, value := range i.Properties {
		md[name] = value
	}
	put := func(name, value string) {
		if value != "" {
			md[name] = value
		}
	}
	put("image_id", i.ID)
	put("image_name", i.Name)
	put("checksum", i.Checksum)
	put("container_format", i.ContainerFormat)
	put("disk_format", i.DiskFormat)
	put("min_disk", strconv.FormatInt(i.MinDiskGiB, 10))
	put("min_ram", strconv.FormatInt(i.MinRAMMiB, 10))
	put("size", strconv.FormatInt(i.SizeBytes, 10))
	return md
}

// usable reads an image that is to be written into a volume.
func (s *Service) usable(ctx context.Context, id string, v *block.Volume) (*glance.Image, error) {
	i, err := s.Images.Image(ctx, id)
	if err != nil {
		return nil, err
	}
	if i.Status != glance.StatusActive {
		return nil, glance.Unacceptable(id, "it is not active any more.")
	}
	if s.VerifySignatures && i.Properties["img_signature"] != "" {
		return nil, fault.New(fault.Invalid, "ImageSignatureVerificationException",
			"Failed to verify image signature, reason: there is no key manager to get the certificate of image %s from.", id)
	}
	return i, s.content.Check(i, v.SizeGiB*block.GiB)
}

// device is where the bytes of a volume are; what has to be cleared is what an image does not reach.
func (s *Service) device(ctx context.Context, v driver.Volume, toBeCleared bool) (content.Device, error) {
	if !s.Storage.Features().LocalDevice {
		return content.Device{}, fault.New(fault.NotImplemented, "", "The back end has no way to the bytes of its volumes.")
	}
	path, err := s.Storage.Device(ctx, v)
	return content.Device{Path: path, SizeBytes: v.SizeGiB * block.GiB, Clear: toBeCleared}, err
}
