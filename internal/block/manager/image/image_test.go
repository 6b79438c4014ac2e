package image

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/export"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/fake"
	"github.com/clinker/clinker/internal/glance/glancetest"
	"github.com/clinker/clinker/internal/oslo/messaging"
	"github.com/clinker/clinker/internal/reqctx"
)

const mib = 1 << 20

var discard = slog.New(slog.DiscardHandler)

// briefly is all that the fake takes of a volume, which is a whole GiB.
const briefly = mib

// caster keeps what is cast.
type caster struct {
	messaging.Client
	mu    sync.Mutex
	casts []messaging.Message
}

func (c *caster) Cast(_ context.Context, _ messaging.Target, m messaging.Message) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.casts = append(c.casts, m)
	return nil
}

// quotas takes quota until it is told not to.
type quotas struct{ err error }

func (q *quotas) TakeVolume(context.Context, store.Tx, *block.Volume) error { return q.err }

// world is a service with all it stands on.
type world struct {
	*managertest.World
	*Service
	images    *fake.Images
	casts     *caster
	quotas    *quotas
	told      []string
	events    []string
	directory string
	clock     time.Time
}

func newWorld(t *testing.T, change func(s *Settings)) *world {
	t.Helper()
	w := &world{images: fake.New(), casts: &caster{}, quotas: &quotas{}, clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	w.World, w.directory = managertest.NewFileWorld(t)
	w.images.SetUploadLimit(briefly)
	settings := Settings{Images: w.images, Run: execx.System{}, ConversionDir: filepath.Join(t.TempDir(), "conversion"), VerifySignatures: true}
	if change != nil {
		change(&settings)
	}
	w.Service = New(Options{Settings: settings, Backend: managertest.Host, Store: w.World, Storage: w.World.Backend, Messages: w.casts,
		Flows: flow.NewEngine(journal.New(w.World), flow.Options{UndoPause: 1, Log: discard}), Quota: w.quotas, Log: discard,
		Now: func() time.Time { w.clock = w.clock.Add(time.Second); return w.clock },
		Notify: func(_ context.Context, event string, _ map[string]any) {
			w.events = append(w.events, event)
		},
		Tell: func(_ context.Context, v *block.Volume, action, detail string, cause error) {
			if v != nil {
				w.told = append(w.told, action+"_"+block.MessageDetail(cause, detail))
			}
		}})
	return w
}

// caller is who asks for all of it.
func caller(t *testing.T) context.Context {
	return reqctx.With(t.Context(), reqctx.Request{ProjectID: managertest.Project, RequestID: "req-1"})
}

// holds compares the beginning of a volume with what it should hold; the rest must be zero, as far as a few MiB show.
func (w *world) holds(t *testing.T, v *block.Volume, want []byte) {
	t.Helper()
	f, err := os.Open(filepath.Join(w.directory, "volumes", "volume-"+v.ID))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	got := make([]byte, len(want)+2*mib)
	if _, err := f.ReadAt(got, 0); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, append(bytes.Clone(want), make([]byte, 2*mib)...)) {
		t.Error("the volume holds something else")
	}
	if info, err := f.Stat(); err != nil || info.Size() != v.SizeGiB*block.GiB {
		t.Errorf("the volume is %d bytes long, %v", info.Size(), err)
	}
}

// row is a volume as it stands.
func (w *world) row(t *testing.T, id string) *block.Volume {
	t.Helper()
	v, err := w.Volume(t.Context(), id, "")
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// nothingLeft fails the test if there are temporary files, or strays in the storage.
func (w *world) nothingLeft(t *testing.T) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(w.ConversionDir, "*", "*"))
	if err != nil || len(files) != 0 {
		t.Errorf("temporary files: %v, %v", files, err)
	}
	if all, err := w.World.Backend.Inventory(t.Context()); err != nil || len(all.Strays) != 0 {
		t.Errorf("strays: %v, %v", all.Strays, err)
	}
}

func (w *world) creating(t *testing.T, change func(v *block.Volume)) *block.Volume {
	return w.AddVolume(t, func(v *block.Volume) {
		v.Status, v.VolumeTypeID, v.VolumeTypeName = block.VolumeCreating, "t", "type"
		if change != nil {
			change(v)
		}
	})
}

func (w *world) create(t *testing.T, v *block.Volume, imageID string) (map[string]string, error) {
	_, md, err := w.Create(caller(t), v, export.DriverVolume(v), imageID)
	return md, err
}

func TestMetadata(t *testing.T) {
	i := &glance.Image{ID: "i", Name: "cirros", Checksum: "c", ContainerFormat: "bare", DiskFormat: "raw", MinRAMMiB: 64, SizeBytes: 1000,
		Properties: map[string]string{"os_distro": "debian", "size": "a lie"}}
	want := map[string]string{"image_id": "i", "image_name": "cirros", "checksum": "c", "container_format": "bare", "disk_format": "raw",
		"min_disk": "0", "min_ram": "64", "size": "1000", "os_distro": "debian"}
	if d := cmp.Diff(want, Metadata(i)); d != "" {
		t.Error(d)
	}
}

func TestDownload(t *testing.T) {
	w := newWorld(t, nil)
	content := glancetest.Noise(3*mib + 100)
	i := w.images.Add(glance.Image{Name: "cirros", Properties: map[string]string{"os_distro": "debian"}}, content)
	v := w.creating(t, nil)
	w.images.SetHook(func(_ context.Context, c fake.Call) error {
		if now := w.row(t, v.ID).Status; c.Method == "Download" && now != block.VolumeDownloading {
			t.Errorf("while it is downloaded, the volume is %s", now)
		}
		return nil
	})
	for range 2 { // the second time as after a kill
		md, err := w.create(t, v, i.ID)
		if err != nil {
			t.Fatal(err)
		}
		w.holds(t, v, content)
		if md["image_id"] != i.ID || md["os_distro"] != "debian" || md["signature_verified"] != "False" {
			t.Errorf("metadata %v", md)
		}
	}
	w.nothingLeft(t)
}

func TestRefused(t *testing.T) {
	for name, c := range map[string]struct {
		image  glance.Image
		volume func(v *block.Volume)
		fault  string
	}{
		"not active": {image: glance.Image{Status: "deactivated"}, fault: "ImageUnacceptable"},
		"signed":     {image: glance.Image{Properties: map[string]string{"img_signature": "x"}}, fault: "ImageSignatureVerificationException"},
		"too large":  {image: glance.Image{VirtualSizeBytes: 5 << 30}, fault: "ImageUnacceptable"},
		"lying":      {image: glance.Image{Checksum: "0", HashAlgorithm: "md5", HashValue: "0"}, fault: "ImageCopyFailure"},
		"encrypted":  {volume: func(v *block.Volume) { v.EncryptionKeyID = "k" }, fault: ""},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, nil)
			_, err := w.create(t, w.creating(t, c.volume), w.images.Add(c.image, make([]byte, 1000)).ID)
			if err == nil || fault.NameOf(err) != c.fault {
				t.Errorf("%v", err)
			}
			w.nothingLeft(t)
		})
	}
	w := newWorld(t, func(s *Settings) { s.VerifySignatures = false })
	i := w.images.Add(glance.Image{Properties: map[string]string{"img_signature": "x"}}, make([]byte, 1000))
	if _, err := w.create(t, w.creating(t, nil), i.ID); err != nil {
		t.Errorf("signed, and signatures do not matter: %v", err)
	}
	if _, _, err := (*Service)(nil).Create(caller(t), &block.Volume{}, driver.Volume{}, i.ID); !fault.Is(err, fault.NotImplemented) {
		t.Errorf("without an image service: %v", err)
	}
}

// An image that lies in a file beside the volumes is cloned from there.
func TestCloneFile(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.LocalFiles = true })
	content := glancetest.Noise(mib)
	path := filepath.Join(w.directory, "image")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
	i := w.images.Add(glance.Image{Locations: []string{"file://" + path}}, content)
	v := w.creating(t, nil)
	md, err := w.create(t, v, i.ID)
	if err != nil {
		t.Fatal(err)
	}
	w.holds(t, v, content)
	if md["image_id"] != i.ID || w.images.Count("Download") != 0 || w.row(t, v.ID).Status != block.VolumeCreating {
		t.Errorf("%v, %v", md, w.images.Calls())
	}
	// What is no raw image is refused, wherever it lies.
	if err := os.WriteFile(path, append([]byte("QFI\xfb\x00\x00\x00\x03"), make([]byte, 1000)...), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := w.create(t, w.creating(t, nil), i.ID); fault.NameOf(err) != "ImageUnacceptable" {
		t.Errorf("%v", err)
	}
	// A file that is not there is no reason to fail: the service has the bytes.
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	v = w.creating(t, nil)
	if _, err := w.create(t, v, i.ID); err != nil || w.images.Count("Download") != 1 {
		t.Errorf("%v, %d downloads", err, w.images.Count("Download"))
	}
	w.holds(t, v, content)
}

// handed is a flow that a message brought: its record is in the journal.
func handed[S any](t *testing.T, w *world, f *flow.Flow[S, store.Tx], flowID, name, volumeID string, st *S) flowtest.World[S, store.Tx] {
	t.Helper()
	state, err := json.Marshal(st)
	if err != nil {
		t.Fatal(err)
	}
	r := flow.Record{ID: flowID, Name: name, Owner: managertest.Host, ResourceType: "volume", ResourceID: volumeID, State: state}
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), r) }); err != nil {
		t.Fatal(err)
	}
	return flowtest.World[S, store.Tx]{Journal: journal.New(w.World), Flow: f, Record: r, State: st, Continue: true,
		Records: func(t *testing.T) []flow.Record { return w.records(t) }}
}

func (w *world) records(t *testing.T) []flow.Record {
	t.Helper()
	recs, err := w.World.Flows(t.Context(), managertest.Host, 0, 10)
	if err != nil {
		t.Fatal(err)
	}
	return recs
}

func TestUploadFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[uploadState, store.Tx]{New: func(t *testing.T) flowtest.World[uploadState, store.Tx] {
		w := newWorld(t, nil)
		v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeUploading })
		w.AddAttachment(t, v, block.AttachAttached, nil)
		i := w.images.Add(glance.Image{Owner: managertest.Project, Status: glance.StatusQueued}, nil)
		st := &uploadState{CopyVolumeToImage: rpcapi.CopyVolumeToImage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}}
		fw := handed(t, w, w.upload, st.FlowID, rpcapi.FlowVolumeUpload, v.ID, st)
		fw.Resume = func(ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[uploadState, store.Tx], r flow.Record) error {
			if r.Name == rpcapi.FlowImageDiscard {
				f = w.discard
			}
			return flow.Resume(reqctx.Internal(ctx), e, f, r)
		}
		w.images.Set(i.ID, func(i *glance.Image) { i.Owner = "" }) // the test's contexts ask for nobody
		fw.Done = func(t *testing.T) {
			if got := w.VolumeStates(t, v.ID); got != "in-use/detached" {
				t.Errorf("the volume is %s", got)
			}
			if content, ok := w.images.Bytes(i.ID); !ok || len(content) != briefly {
				t.Errorf("the image has %d bytes, %v", len(content), ok)
			}
		}
		fw.Undone = func(t *testing.T, _ error) {
			if got := w.VolumeStates(t, v.ID); got != "in-use/detached" {
				t.Errorf("the volume is %s", got)
			}
			// What was sent whole before the failure is an image like any other.
			if image := w.images.All()[i.ID]; image != nil && image.Status != glance.StatusActive {
				t.Errorf("the image is left: %+v", image)
			}
		}
		return fw
	}})
}

func TestReimageFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[reimageState, store.Tx]{New: func(t *testing.T) flowtest.World[reimageState, store.Tx] {
		return reimageWorld(t, block.VolumeReserved, block.VolumeReserved)
	}})
}

// A volume gets the status back that it had, unless that was an error: it holds something sound now.
func TestReimage(t *testing.T) {
	for from, to := range map[block.VolumeStatus]block.VolumeStatus{block.VolumeAvailable: block.VolumeAvailable, block.VolumeError: block.VolumeAvailable} {
		fw := reimageWorld(t, from, to)
		engine := flow.NewEngine(fw.Journal, flow.Options{Log: discard})
		if err := flow.Continue(t.Context(), engine, fw.Flow, fw.Record, fw.State); err != nil {
			t.Error(err)
		}
		fw.Done(t)
	}
}

func reimageWorld(t *testing.T, from, to block.VolumeStatus) flowtest.World[reimageState, store.Tx] {
	w := newWorld(t, nil)
	v := w.AddVolume(t, func(v *block.Volume) {
		v.Status, v.PreviousStatus, v.ImageMetadata = block.VolumeDownloading, from, map[string]string{"image_id": "old", "old": "property"}
	})
	noise := bytes.Repeat([]byte{0xee}, 3*mib)
	if err := os.WriteFile(filepath.Join(w.directory, "volumes", "volume-"+v.ID), noise, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(filepath.Join(w.directory, "volumes", "volume-"+v.ID), block.GiB); err != nil {
		t.Fatal(err)
	}
	content := glancetest.Noise(mib)
	i := w.images.Add(glance.Image{Name: "new"}, content)
	st := &reimageState{Reimage: rpcapi.Reimage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}}
	fw := handed(t, w, w.reimage, st.FlowID, rpcapi.FlowVolumeReimage, v.ID, st)
	fw.Done = func(t *testing.T) {
		now := w.row(t, v.ID)
		if now.Status != to || !now.Bootable || now.ImageMetadata["image_id"] != i.ID || now.ImageMetadata["old"] != "" {
			t.Errorf("%s, bootable %v, %v", now.Status, now.Bootable, now.ImageMetadata)
		}
		w.holds(t, v, content) // and nothing of the noise beyond it
		w.nothingLeft(t)
	}
	fw.Undone = func(t *testing.T, _ error) {
		now := w.row(t, v.ID)
		if now.Status != block.VolumeError || now.PreviousStatus != block.VolumeDownloading || now.ImageMetadata["image_id"] != "old" {
			t.Errorf("%s after %s, %v", now.Status, now.PreviousStatus, now.ImageMetadata)
		}
	}
	return fw
}

// What fails tells the user, and leaves neither a volume that nobody can use nor an image without bytes.
func TestUploadFails(t *testing.T) {
	w := newWorld(t, nil)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeUploading })
	i := w.images.Add(glance.Image{Owner: managertest.Project, Status: glance.StatusQueued}, nil)
	w.images.FailNext("Upload", glance.LimitExceeded(nil))
	if err := w.Service.Upload(caller(t), &rpcapi.CopyVolumeToImage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}); fault.NameOf(err) != "ImageLimitExceeded" {
		t.Errorf("%v", err)
	}
	if got := w.VolumeStates(t, v.ID); got != "available/detached" {
		t.Errorf("the volume is %s", got)
	}
	if len(w.images.All()) != 0 || len(w.records(t)) != 0 {
		t.Errorf("images %v, records %v", w.images.All(), w.records(t))
	}
	if d := cmp.Diff([]string{"003_006"}, w.told); d != "" {
		t.Error(d)
	}
}

// While the image service is away, the volume is free at once, and the image goes when the service is back.
func TestDiscardWaits(t *testing.T) {
	w := newWorld(t, nil)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeUploading })
	i := w.images.Add(glance.Image{Owner: managertest.Project, Status: glance.StatusQueued}, nil)
	away := true
	w.images.SetHook(func(context.Context, fake.Call) error {
		if away {
			return glance.ConnectionFailed(nil, "away")
		}
		return nil
	})
	if err := w.Service.Upload(caller(t), &rpcapi.CopyVolumeToImage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}); err == nil {
		t.Error("an upload without an image service succeeded")
	}
	recs := w.records(t)
	if got := w.VolumeStates(t, v.ID); got != "available/detached" || len(recs) != 1 || recs[0].Name != rpcapi.FlowImageDiscard {
		t.Fatalf("the volume is %s, the journal has %+v", got, recs)
	}
	// The same volume may be uploaded again meanwhile; what is left of the first upload must not touch it.
	if err := w.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.UpdateVolume(t.Context(), v.ID, store.VolumeWhen{}, store.VolumeSet{Status: new(block.VolumeUploading)})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	away = false
	_ = w.Resume()[recs[0].Name](caller(t), recs[0])
	if len(w.images.All()) != 0 || len(w.records(t)) != 0 || w.VolumeStates(t, v.ID) != "uploading/detached" {
		t.Errorf("images %v, records %v, the volume is %s", w.images.All(), w.records(t), w.VolumeStates(t, v.ID))
	}
}

// An upload whose first run was killed after the last byte is done; one whose image is still saving waits.
func TestUploadAgain(t *testing.T) {
	w := newWorld(t, nil)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeUploading })
	i := w.images.Add(glance.Image{Owner: managertest.Project}, []byte("all of it"))
	if err := w.Service.Upload(caller(t), &rpcapi.CopyVolumeToImage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}); err != nil {
		t.Fatal(err)
	}
	if content, _ := w.images.Bytes(i.ID); string(content) != "all of it" || w.VolumeStates(t, v.ID) != "available/detached" {
		t.Errorf("%q, %s", content, w.VolumeStates(t, v.ID))
	}
	// A message that comes twice finds the volume free, and leaves the image alone.
	if err := w.Service.Upload(caller(t), &rpcapi.CopyVolumeToImage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}); err == nil {
		t.Error("a volume that is not being uploaded was uploaded")
	}
	if _, ok := w.images.Bytes(i.ID); !ok {
		t.Error("an image with its bytes was deleted")
	}
}

func TestReimageFails(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.NoConversion = true })
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeDownloading })
	i := w.images.Add(glance.Image{DiskFormat: "qcow2"}, nil)
	if err := w.Service.Reimage(caller(t), &rpcapi.Reimage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}); fault.NameOf(err) != "ImageConversionNotAllowed" {
		t.Errorf("%v", err)
	}
	if d := cmp.Diff([]string{"016_029"}, w.told); d != "" || w.row(t, v.ID).Status != block.VolumeError {
		t.Error(d, w.row(t, v.ID).Status)
	}
}

// The image-volume cache, seen from the volumes that are made.
func TestCached(t *testing.T) {
	w := newWorld(t, func(s *Settings) { s.Caching, s.InternalProjectID, s.InternalUserID = true, "internal", "cinder" })
	content := glancetest.Noise(2 * mib)
	i := w.images.Add(glance.Image{}, content)
	var all []*block.Volume
	for n := range 3 {
		v := w.creating(t, func(v *block.Volume) { v.SizeGiB = int64(n + 1) })
		md, err := w.create(t, v, i.ID)
		if err != nil || md["image_id"] != i.ID {
			t.Fatalf("%v, %v", md, err)
		}
		all = append(all, v)
	}
	if n := w.images.Count("Download"); n != 1 {
		t.Errorf("%d downloads", n)
	}
	for _, v := range all {
		w.holds(t, v, content)
	}
	entries, err := w.ImageCacheEntries(t.Context(), store.ImageCacheQuery{})
	if err != nil || len(entries) != 1 {
		t.Fatalf("%v, %v", entries, err)
	}
	cached := w.row(t, entries[0].VolumeID)
	if cached.ProjectID != "internal" || *cached.Name != "image-"+i.ID || cached.SizeGiB != 1 || cached.Status != block.VolumeAvailable || !cached.ReadOnly() {
		t.Errorf("the cached volume is %+v", cached)
	}
	if d := cmp.Diff([]string{"image_volume_cache.miss", "image_volume_cache.hit", "image_volume_cache.hit"}, w.events); d != "" {
		t.Error(d)
	}
	w.nothingLeft(t)
	// An image that cannot be used fails the volume at once, and is not fetched twice.
	bad := w.images.Add(glance.Image{DiskFormat: "qcow2"}, make([]byte, mib))
	if _, err := w.create(t, w.creating(t, nil), bad.ID); fault.NameOf(err) != "ImageUnacceptable" || w.images.Count("Download") != 2 {
		t.Errorf("%v, %d downloads", err, w.images.Count("Download"))
	}
	// The cache is a help, never a need.
	w.quotas.err = fault.New(fault.OverLimit, "VolumeLimitExceeded", "no more")
	other := w.images.Add(glance.Image{}, content)
	v := w.creating(t, nil)
	if _, err := w.create(t, v, other.ID); err != nil {
		t.Error(err)
	}
	w.holds(t, v, content)
	if err := w.Update(t.Context(), func(tx store.Tx) error { return w.Forget(t.Context(), tx, cached) }); err != nil {
		t.Fatal(err)
	}
	if entries, err := w.ImageCacheEntries(t.Context(), store.ImageCacheQuery{}); err != nil || len(entries) != 0 {
		t.Errorf("after it was forgotten: %v, %v", entries, err)
	}
}

// Without an owner there is no cache.
func TestCacheWithoutOwner(t *testing.T) {
	if w := newWorld(t, func(s *Settings) { s.Caching, s.InternalProjectID = true, "internal" }); w.cache != nil {
		t.Error("images are cached for nobody")
	}
}
