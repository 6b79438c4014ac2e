// Package apptest makes what the use cases of the image service stand on, over a real database and real files, for tests of the
// use cases themselves; those of the API have a whole service in apitest.
//
// It is imported by tests only.
package apptest

import (
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/storage/filesystem"
	"github.com/clinker/clinker/internal/image/store"
	"github.com/clinker/clinker/internal/reqctx"
)

// World is a core with two stores, "first" and "second", and what is in them.
type World struct {
	*app.Core
	Dir string
}

// New makes one. Everybody may do everything in it.
func New(t testing.TB) *World {
	t.Helper()
	w := &World{Dir: t.TempDir()}
	s := Store(t, w.Dir)
	files := func(id string) *filesystem.Store {
		s, err := filesystem.New(filesystem.Options{Directory: filepath.Join(w.Dir, id)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	stores := app.NewStores([]app.NamedStore{{Store: files("first"), ID: "first"}, {Store: files("second"), ID: "second"}}, "first", files("staging"))
	log := slog.New(slog.DiscardHandler)
	w.Core = &app.Core{Store: s, Policy: everybody{}, Stores: stores, Log: log, Now: func() time.Time { return time.Now().UTC() },
		Flows:   flow.NewEngine(app.NewJournal(s), flow.Options{UndoPause: 1, Log: log}),
		Options: app.Options{SizeCapBytes: 1 << 30, HashAlgorithm: "sha256", RequireFormatMatch: true, LimitMax: 100, TaskLife: time.Hour}}
	return w
}

// everybody may do everything.
type everybody struct{}

func (everybody) Allows(reqctx.Request, string, func(string) (string, bool)) bool { return true }

// Image makes a raw image; change may alter it first.
func (w *World) Image(t testing.TB, change func(i *image.Image)) *image.Image {
	t.Helper()
	i := &image.Image{ID: "11111111-2222-4333-8444-555555555555", Status: image.Queued, Visibility: image.Shared, ContainerFormat: "bare", DiskFormat: "raw",
		Properties: map[string]string{}}
	if change != nil {
		change(i)
	}
	w.Update(t, func(tx store.Tx) error { return tx.CreateImage(t.Context(), i) })
	return i
}

// Update changes rows.
func (w *World) Update(t testing.TB, fn func(tx store.Tx) error) {
	t.Helper()
	if err := w.Store.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

// Row is an image as it stands; nil if there is none.
func (w *World) Row(t testing.TB, id string) *image.Image {
	t.Helper()
	i, err := w.Store.Image(t.Context(), id)
	if err != nil && !fault.Is(err, fault.NotFound) {
		t.Fatal(err)
	}
	return i
}

// Files are the files of the stores and of the staging area: "first/<id>".
func (w *World) Files(t testing.TB) (files []string) {
	t.Helper()
	for _, dir := range []string{"first", "second", "staging"} {
		entries, err := os.ReadDir(filepath.Join(w.Dir, dir))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			files = append(files, dir+"/"+e.Name())
		}
	}
	return files
}

// Records are those of the journal.
func (w *World) Records(t *testing.T) []flow.Record {
	t.Helper()
	records, err := w.Store.Flows(t.Context(), app.FlowOwner, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	return records
}

// Put writes a record into the journal, as the request does that begins what then goes on in the background.
func (w *World) Put(t testing.TB, r flow.Record) flow.Record {
	t.Helper()
	w.Update(t, func(tx store.Tx) error { return tx.PutFlow(t.Context(), r) })
	return r
}
