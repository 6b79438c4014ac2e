package revert

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/driver"
	"github.com/clinker/clinker/internal/block/driver/file"
	"github.com/clinker/clinker/internal/block/journal"
	"github.com/clinker/clinker/internal/block/manager/managertest"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
)

// generic hides that a driver can revert by itself.
type generic struct{ *driver.Backend }

func (g generic) Features() driver.Features {
	f := g.Backend.Features()
	f.Reverter = false
	return f
}

func TestFlow(t *testing.T) {
	flowtest.Check(t, flowtest.Case[state, store.Tx]{New: func(t *testing.T) flowtest.World[state, store.Tx] {
		w := managertest.NewWorld(t)
		v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeReverting })
		s := w.AddSnapshot(t, v, block.SnapshotRestoring)
		r := New(Options{Backend: managertest.Host, Store: w, Storage: w.Backend})
		st := &state{RevertToSnapshot: rpcapi.RevertToSnapshot{FlowID: uuid.NewString(), VolumeID: v.ID, SnapshotID: s.ID}}
		data, err := json.Marshal(st)
		if err != nil {
			t.Fatal(err)
		}
		rec := flow.Record{ID: st.FlowID, Name: rpcapi.FlowVolumeRevert, Owner: managertest.Host, ResourceType: "volume", ResourceID: v.ID, State: data}
		if err := w.Update(t.Context(), func(tx store.Tx) error { return tx.PutFlow(t.Context(), rec) }); err != nil {
			t.Fatal(err)
		}
		states := func(t *testing.T, wantVolume string) {
			t.Helper()
			if got := w.VolumeStates(t, v.ID); got != wantVolume {
				t.Errorf("the volume is %s, want %s", got, wantVolume)
			}
			if got := w.SnapshotStatus(t, s.ID); got != "available" {
				t.Errorf("the snapshot is %s", got)
			}
			if !w.Held(t, v.ID) || !w.Held(t, s.ID) {
				t.Error("volume or snapshot are gone from the storage")
			}
		}
		return flowtest.World[state, store.Tx]{Journal: journal.New(w), Flow: r.flow, Record: rec, State: st, Continue: true,
			Records: func(t *testing.T) []flow.Record {
				recs, err := w.Flows(t.Context(), managertest.Host, 0, 10)
				if err != nil {
					t.Fatal(err)
				}
				return recs
			},
			Done:   func(t *testing.T) { states(t, "available/detached") },
			Undone: func(t *testing.T, _ error) { states(t, "error/detached") }}
	}})
}

// Without a way of the driver's own, the bytes come back all the same, and the temporary volume goes.
func TestGenericWay(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "storage")
	d, err := file.New(file.Config{Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	b, err := driver.NewBackend(d, driver.Options{BackendName: "file"})
	if err != nil {
		t.Fatal(err)
	}
	if err := b.Setup(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	w := managertest.NewWorld(t)
	v := w.AddVolume(t, func(v *block.Volume) { v.Status = block.VolumeReverting })
	s := w.AddSnapshot(t, v, block.SnapshotRestoring)
	stored := driver.Volume{ID: v.ID, SizeGiB: 1}
	if _, err := b.CreateVolume(t.Context(), stored); err != nil {
		t.Fatal(err)
	}
	path, err := b.Device(t.Context(), stored)
	if err != nil {
		t.Fatal(err)
	}
	write := func(text string, at int64) {
		t.Helper()
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := f.WriteAt([]byte(text), at); err != nil {
			t.Fatal(err)
		}
	}
	write("before", 0)
	if _, err := b.CreateSnapshot(t.Context(), driver.Snapshot{ID: s.ID, Volume: stored, SizeGiB: 1}); err != nil {
		t.Fatal(err)
	}
	write("after!", 0)
	write("more", 5<<20)
	engine := flow.NewEngine(journal.New(w), flow.Options{UndoPause: 1})
	r := New(Options{Backend: managertest.Host, Store: w, Storage: generic{b}, Flows: engine})
	if err := r.Revert(t.Context(), &rpcapi.RevertToSnapshot{VolumeID: v.ID, SnapshotID: s.ID}); err != nil {
		t.Fatal(err)
	}
	if got := w.VolumeStates(t, v.ID); got != "available/detached" {
		t.Errorf("the volume is %s", got)
	}
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for at, want := range map[int64]string{0: "before", 5 << 20: "\x00\x00\x00\x00"} {
		got := make([]byte, len(want))
		if _, err := f.ReadAt(got, at); err != nil || !bytes.Equal(got, []byte(want)) {
			t.Errorf("at %d stands %q, %v", at, got, err)
		}
	}
	all, err := b.Inventory(t.Context())
	if err != nil || len(all.VolumeIDs) != 1 || len(all.Strays) != 0 {
		t.Errorf("the storage holds %+v, %v", all, err)
	}
}
