package cache

import (
	"context"
	"log/slog"
	"slices"
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
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/oslo/messaging"
)

var discard = slog.New(slog.DiscardHandler)

// world is a cache with all it stands on, and a count of what it had filled.
type world struct {
	*managertest.World
	*Cache
	mu      sync.Mutex
	fills   int
	failure error
	cast    []string // ids of volumes whose deletion was asked for
	events  []string
	clock   time.Time
}

type client struct {
	messaging.Client
	w *world
}

func (c client) Cast(_ context.Context, _ messaging.Target, m messaging.Message) error {
	c.w.cast = append(c.w.cast, m.Args.(*rpcapi.DeleteVolume).VolumeID)
	return nil
}

func newWorld(t *testing.T, change func(o *Options)) *world {
	t.Helper()
	w := &world{World: managertest.NewWorld(t), clock: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}
	o := Options{Backend: managertest.Host, Store: w.World, Storage: w.World.Backend, Messages: client{w: w}, ProjectID: "internal", UserID: "cinder",
		Flows: flow.NewEngine(journal.New(w.World), flow.Options{UndoPause: 1, Log: discard}), Log: discard,
		Now:    func() time.Time { w.clock = w.clock.Add(time.Second); return w.clock },
		Notify: func(_ context.Context, event string, _ map[string]any) { w.events = append(w.events, event) }}
	if change != nil {
		change(&o)
	}
	w.Cache = New(o)
	return w
}

func (w *world) fill(ctx context.Context, v *block.Volume) (driver.Update, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.fills++
	if w.failure != nil {
		return driver.Update{}, w.failure
	}
	return w.World.Backend.CreateVolume(ctx, export.DriverVolume(v))
}

var (
	like  = &block.Volume{ID: "00000000-0000-4000-8000-000000000001", SizeGiB: 10, Host: managertest.Pool, VolumeTypeID: "t"}
	since = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
)

// image is a raw one of so many GiB.
func image(gib int64) *glance.Image {
	return &glance.Image{ID: uuid.NewString(), DiskFormat: "raw", SizeBytes: gib * block.GiB, UpdatedAt: since}
}

func (w *world) source(t *testing.T, i *glance.Image) *block.Volume {
	t.Helper()
	v, err := w.Source(t.Context(), like, i, w.fill)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// cached are the images in the cache, those used last first.
func (w *world) cached(t *testing.T) []string {
	t.Helper()
	entries, err := w.ImageCacheEntries(t.Context(), store.ImageCacheQuery{})
	if err != nil {
		t.Fatal(err)
	}
	ids := []string{}
	for _, e := range entries {
		ids = append(ids, e.ImageID)
	}
	return ids
}

func (w *world) has(t *testing.T, want ...*glance.Image) {
	t.Helper()
	ids := []string{}
	for _, i := range want {
		ids = append(ids, i.ID)
	}
	if d := cmp.Diff(ids, w.cached(t)); d != "" {
		t.Errorf("the cache (-want +got):\n%s", d)
	}
}

func TestSize(t *testing.T) {
	for what, c := range map[string]struct {
		image *glance.Image
		want  int64
	}{
		"raw":                        {image(3), 3},
		"a little more":              {&glance.Image{DiskFormat: "raw", SizeBytes: 3*block.GiB + 1}, 4},
		"tiny":                       {&glance.Image{DiskFormat: "raw", SizeBytes: 1}, 1},
		"converted":                  {&glance.Image{DiskFormat: "qcow2", SizeBytes: 1000, VirtualSizeBytes: 5 * block.GiB}, 5},
		"converted, size not known":  {&glance.Image{DiskFormat: "qcow2", SizeBytes: 1000}, 10},
		"larger than what was asked": {&glance.Image{DiskFormat: "raw", SizeBytes: 50 * block.GiB}, 10},
	} {
		c.image.ID = "i"
		if got := newWorld(t, nil).volume(like, c.image).SizeGiB; got != c.want {
			t.Errorf("%s: %d GiB, want %d", what, got, c.want)
		}
	}
}

func TestHit(t *testing.T) {
	w := newWorld(t, nil)
	i := image(3)
	first := w.source(t, i)
	if again := w.source(t, i); again.ID != first.ID || w.fills != 1 {
		t.Errorf("%s and %s, filled %d times", first.ID, again.ID, w.fills)
	}
	v, err := w.Volume(t.Context(), first.ID, "")
	if err != nil || v.Status != block.VolumeAvailable || v.ProjectID != "internal" || v.SizeGiB != 3 || !v.Bootable || v.LaunchedAt.IsZero() {
		t.Errorf("%+v, %v", v, err)
	}
	// A volume that is smaller than the cached one cannot be its clone.
	small := *like
	small.SizeGiB = 2
	if got, err := w.Source(t.Context(), &small, i, w.fill); got != nil || err != nil || w.fills != 1 {
		t.Errorf("%v, %v", got, err)
	}
	// Another pool has a cache of its own.
	there := *like
	there.Host = managertest.Host + "#other"
	if got, err := w.Source(t.Context(), &there, i, w.fill); err != nil || got.ID == first.ID || got.Host != there.Host {
		t.Errorf("%v, %v", got, err)
	}
}

// Many who want the same image at once have it fetched once.
func TestOnce(t *testing.T) {
	w := newWorld(t, func(o *Options) { o.Notify, o.Now = nil, nil })
	i := image(1)
	var wg sync.WaitGroup
	var mu sync.Mutex
	got := map[string]bool{}
	for range 8 {
		wg.Go(func() {
			v, err := w.Source(t.Context(), like, i, w.fill)
			if err != nil || v == nil {
				t.Errorf("%v, %v", v, err)
				return
			}
			mu.Lock()
			defer mu.Unlock()
			got[v.ID] = true
		})
	}
	wg.Wait()
	if len(got) != 1 || w.fills != 1 {
		t.Errorf("%d volumes, filled %d times", len(got), w.fills)
	}
}

// An image that changed, a volume that went or is no longer sound: the entry goes, and another is made.
func TestOutOfDate(t *testing.T) {
	for what, c := range map[string]struct {
		change  func(t *testing.T, w *world, i *glance.Image, v *block.Volume)
		deleted bool // the old volume is deleted
	}{
		"another image": {func(_ *testing.T, _ *world, i *glance.Image, _ *block.Volume) { i.UpdatedAt = since.Add(time.Hour) }, true},
		"a volume in error": {func(t *testing.T, w *world, _ *glance.Image, v *block.Volume) {
			w.set(t, v.ID, store.VolumeSet{Status: new(block.VolumeError)})
		}, true},
		"no volume": {func(t *testing.T, w *world, _ *glance.Image, v *block.Volume) {
			if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.DestroyVolume(t.Context(), v.ID) }); err != nil {
				t.Fatal(err)
			}
		}, false},
	} {
		t.Run(what, func(t *testing.T) {
			w := newWorld(t, nil)
			i := image(1)
			old := w.source(t, i)
			c.change(t, w, i, old)
			if v := w.source(t, i); v == nil || v.ID == old.ID || w.fills != 2 {
				t.Errorf("%v, filled %d times", v, w.fills)
			}
			w.has(t, i)
			if c.deleted != slices.Contains(w.cast, old.ID) {
				t.Errorf("asked to delete %v", w.cast)
			}
			if recs, err := w.World.Flows(t.Context(), managertest.Host, 0, 10); err != nil || c.deleted != (len(recs) == 1) {
				t.Errorf("the journal has %+v, %v", recs, err)
			}
		})
	}
}

func (w *world) set(t *testing.T, id string, set store.VolumeSet) {
	t.Helper()
	err := w.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.UpdateVolume(t.Context(), id, store.VolumeWhen{}, set)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Those that were not used for longest go, as many as have to.
func TestLimits(t *testing.T) {
	a, b, c, d, e := image(2), image(3), image(2), image(4), image(7)
	t.Run("count", func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.MaxCount = 2 })
		w.source(t, a)
		w.source(t, b)
		w.source(t, a) // b is the older one now
		w.source(t, c)
		w.has(t, c, a)
	})
	t.Run("size", func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.MaxSizeGiB = 6 })
		for _, i := range []*glance.Image{a, b, d} {
			w.source(t, i)
		}
		w.has(t, d)
		if v := w.source(t, e); v != nil {
			t.Error("an image larger than the whole cache was cached")
		}
		w.has(t, d) // and nothing had to go for it
		w.source(t, a)
		w.has(t, a, d)
	})
	t.Run("what is in use stays", func(t *testing.T) {
		w := newWorld(t, func(o *Options) { o.MaxCount = 1 })
		used := w.source(t, a)
		w.set(t, used.ID, store.VolumeSet{Status: new(block.VolumeInUse), AttachStatus: new(block.AttachAttached)})
		if v := w.source(t, b); v != nil {
			t.Error("there is no room, and an image was cached")
		}
		if v := w.source(t, a); v == nil || v.ID != used.ID {
			t.Error("a cached volume that is in use cannot be cloned")
		}
		w.has(t, a)
	})
}

func TestFailures(t *testing.T) {
	w := newWorld(t, nil)
	w.failure = glance.Unacceptable("i", "it is bad.")
	if v, err := w.Source(t.Context(), like, image(1), w.fill); v != nil || fault.NameOf(err) != "ImageUnacceptable" {
		t.Errorf("%v, %v", v, err)
	}
	w.has(t)
	all, err := w.Volumes(t.Context(), store.VolumeQuery{Backend: managertest.Host, Page: store.Page{Limit: 10}})
	if err != nil || len(all) != 0 {
		t.Errorf("volumes are left: %v, %v", all, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.Source(cancelled, like, image(1), w.fill); err == nil {
		t.Error("it went on for a caller that had gone")
	}
}

func TestForget(t *testing.T) {
	w := newWorld(t, nil)
	i, j := image(1), image(1)
	v := w.source(t, i)
	w.source(t, j)
	theirs := *v
	theirs.ProjectID = "somebody"
	for _, v := range []*block.Volume{&theirs, v} {
		if err := w.Update(t.Context(), func(tx store.Tx) error { return w.Cache.Forget(t.Context(), tx, v) }); err != nil {
			t.Fatal(err)
		}
	}
	w.has(t, j)
}

// Whatever happens while an image is cached, there is a volume with an entry, or neither.
func TestFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[filling, store.Tx]{UndoneOnResume: true, New: func(t *testing.T) flowtest.World[filling, store.Tx] {
		w := newWorld(t, nil)
		i := image(1)
		v := w.Cache.volume(like, i)
		st := &filling{CopyVolumeToImage: rpcapi.CopyVolumeToImage{FlowID: uuid.NewString(), VolumeID: v.ID, ImageID: i.ID}, volume: v, image: i, fill: w.fill}
		return flowtest.World[filling, store.Tx]{Journal: journal.New(w.World), Flow: w.Cache.flow(), State: st,
			Record: flow.Record{ID: st.FlowID, Name: rpcapi.FlowImageCache, Owner: managertest.Host, ResourceType: "volume", ResourceID: v.ID},
			Records: func(t *testing.T) []flow.Record {
				recs, err := w.World.Flows(t.Context(), managertest.Host, 0, 10)
				if err != nil {
					t.Fatal(err)
				}
				return recs
			},
			Resume: func(ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[filling, store.Tx], r flow.Record) error {
				return flow.Undo(ctx, e, f, r, errAbandoned)
			},
			Done: func(t *testing.T) {
				if w.has(t, i); w.VolumeStates(t, v.ID) != "available/detached" || !w.Held(t, v.ID) {
					t.Errorf("the volume is %s, held %v", w.VolumeStates(t, v.ID), w.Held(t, v.ID))
				}
			},
			Undone: func(t *testing.T, _ error) {
				if w.has(t); w.VolumeStates(t, v.ID) != "gone" || w.Held(t, v.ID) {
					t.Errorf("the volume is %s, held %v", w.VolumeStates(t, v.ID), w.Held(t, v.ID))
				}
			}}
	}})
}

// What a dead process left is taken back, and that is no failure.
func TestResume(t *testing.T) {
	w := newWorld(t, nil)
	v := w.AddVolume(t, func(v *block.Volume) { v.ProjectID = "internal" })
	w.set(t, v.ID, store.VolumeSet{Status: new(block.VolumeCreating)})
	rec := flow.Record{ID: uuid.NewString(), Name: rpcapi.FlowImageCache, Owner: managertest.Host, ResourceType: "volume", ResourceID: v.ID,
		State: []byte(`{"VolumeID": "` + v.ID + `"}`)}
	if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), rec) }); err != nil {
		t.Fatal(err)
	}
	recs, err := w.World.Flows(t.Context(), managertest.Host, 0, 10)
	if err != nil || len(recs) != 1 {
		t.Fatal(recs, err)
	}
	if err := w.Resume()[rpcapi.FlowImageCache](t.Context(), recs[0]); err != nil {
		t.Error(err)
	}
	if w.VolumeStates(t, v.ID) != "gone" || w.Held(t, v.ID) {
		t.Errorf("the volume is %s, held %v", w.VolumeStates(t, v.ID), w.Held(t, v.ID))
	}
}
