package manager

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/execx"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/glance/fake"
)

// imaging lets a manager ask a fake for images.
func imaging(t *testing.T, images *fake.Images) func(o *Options) {
	dir := filepath.Join(t.TempDir(), "conversion")
	return func(o *Options) {
		o.Images = image.Settings{Images: images, Run: execx.System{}, ConversionDir: dir, Caching: true, InternalProjectID: "internal", InternalUserID: "cinder"}
	}
}

// reserve is what a consumer does that does not wait.
func reserve(t *testing.T, w *managertest.World, id string) {
	t.Helper()
	err := w.Update(t.Context(), func(tx store.Tx) error {
		_, err := tx.UpdateVolume(t.Context(), id, store.VolumeWhen{Status: []block.VolumeStatus{block.VolumeDownloading}},
			store.VolumeSet{Status: new(block.VolumeReserved), AttachStatus: new(block.AttachReserved)})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

func TestCreateFromImageFlow(t *testing.T) {
	for _, reserved := range []bool{false, true} {
		t.Run(map[bool]string{false: "alone", true: "reserved meanwhile"}[reserved], func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[creation, store.Tx]{Faults: []error{errBackend, errRequest},
				New: func(t *testing.T) flowtest.World[creation, store.Tx] { return imageWorld(t, reserved) }})
		})
	}
}

func imageWorld(t *testing.T, reserved bool) flowtest.World[creation, store.Tx] {
	w, _ := managertest.NewFileWorld(t)
	images := fake.New()
	m, _ := newManager(w, imaging(t, images), func(o *Options) { o.Images.Caching = false })
	i := images.Add(glance.Image{Name: "cirros"}, []byte("an operating system"))
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeCreating })
	if reserved {
		images.SetHook(func(_ context.Context, c fake.Call) error {
			if c.Method == "Download" {
				reserve(t, w, v.ID)
			}
			return nil
		})
	}
	st := &creation{FlowID: uuid.NewString()}
	st.VolumeID, st.Host, st.Attempts, st.ImageID = v.ID, v.Host, 1, i.ID
	fw := handed(t, w, m.flows.create, st.FlowID, rpcapi.FlowVolumeCreate, v.ID, st)
	fw.Done = func(t *testing.T) {
		now, err := w.Volume(t.Context(), v.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "status", now.Status, map[bool]block.VolumeStatus{false: block.VolumeAvailable, true: block.VolumeReserved}[reserved])
		want(t, "bootable", now.Bootable, true)
		want(t, "image", now.ImageMetadata["image_id"], i.ID)
		want(t, "launched", now.LaunchedAt.IsZero(), false)
		want(t, "held", w.Held(t, v.ID), true)
	}
	fw.Undone = func(t *testing.T, cause error) {
		now, err := w.Volume(t.Context(), v.ID, "")
		if err != nil {
			t.Fatal(err)
		}
		want(t, "held", w.Held(t, v.ID), false)
		want(t, "image", now.ImageMetadata["image_id"], "")
		switch {
		case fault.Is(cause, fault.Invalid):
			want(t, "status", now.Status, block.VolumeError)
		case now.Status == block.VolumeCreating:
			want(t, "host", now.Host, "")
			want(t, "records of the scheduler", len(records(t, w, rpcapi.SchedulerOwner)), 1)
		default: // somebody waits for it here
			want(t, "reserved", reserved, true)
			want(t, "status", now.Status, block.VolumeError)
		}
	}
	return fw
}

// A cached volume that is deleted takes its entry along.
func TestDeleteOfCached(t *testing.T) {
	w, _ := managertest.NewFileWorld(t)
	m, _ := newManager(w, imaging(t, fake.New()))
	v := w.AddVolume(t, func(v *block.Volume) { v.Status, v.ProjectID = block.VolumeDeleting, "internal" })
	if err := w.Update(t.Context(), func(tx store.Tx) error {
		return tx.CreateImageCacheEntry(t.Context(), &block.ImageCacheEntry{Host: v.Host, ImageID: "i", VolumeID: v.ID})
	}); err != nil {
		t.Fatal(err)
	}
	if err := run(t.Context(), m, m.flows.del, uuid.NewString(), rpcapi.FlowVolumeDelete, v.ID, &deletion{DeleteVolume: rpcapi.DeleteVolume{VolumeID: v.ID}}); err != nil {
		t.Fatal(err)
	}
	if entries, err := w.ImageCacheEntries(t.Context(), store.ImageCacheQuery{}); err != nil || len(entries) != 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

// Without an image service a volume of an image ends in error, and says why.
func TestCreateWithoutImages(t *testing.T) {
	w := managertest.NewWorld(t)
	m, _ := newManager(w)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeCreating })
	st := &creation{FlowID: uuid.NewString()}
	st.VolumeID, st.ImageID = v.ID, "i"
	err := run(t.Context(), m, m.flows.create, st.FlowID, rpcapi.FlowVolumeCreate, v.ID, st)
	want(t, "kind", fault.KindOf(err), fault.NotImplemented)
	want(t, "states", w.VolumeStates(t, v.ID), "error/detached")
}
