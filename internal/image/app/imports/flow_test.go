package imports

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/apptest"
	"github.com/clinker/clinker/internal/image/app/data"
	"github.com/clinker/clinker/internal/image/store"
)

// web is a web of one page.
type web struct{}

func (web) Check(string) error { return nil }
func (web) Fetch(context.Context, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("data")), nil
}

// prepared is a world in which an import has been asked for.
func prepared(t *testing.T, method string) (*apptest.World, *Service, *job) {
	t.Helper()
	w := apptest.New(t)
	s := New(w.Core, web{})
	first := w.Stores.All()[0]
	i := w.Image(t, func(i *image.Image) {
		switch method {
		case GlanceDirect:
			i.Status, i.SizeBytes = image.Uploading, new(int64(4))
		case CopyImage:
			i.Status, i.SizeBytes = image.Active, new(int64(4))
			i.Locations = []image.Location{{URL: first.URL(i.ID), Metadata: map[string]any{"store": "first"}}}
		}
	})
	put := map[string]func(context.Context, string, io.Reader) (string, int64, error){GlanceDirect: w.Stores.Staging.Put, CopyImage: first.Put}[method]
	if put != nil {
		if _, _, err := put(t.Context(), i.ID, strings.NewReader("data")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Import(t.Context(), i.ID, Request{Method: method, URI: "http://web/", AllStores: true, Body: []byte(`{}`)}); err != nil {
		t.Fatal(err)
	}
	left := []string{"first", "second"}
	if method == CopyImage {
		left = left[1:]
	}
	id := w.Row(t, i.ID).Properties[image.PropertyImportTask]
	return w, s, &job{TaskID: id, ImageID: i.ID, Method: method, URI: "http://web/", Stores: left}
}

func TestImportFlow(t *testing.T) {
	for _, method := range Methods() {
		t.Run(method, func(t *testing.T) {
			flowtest.Check(t, flowtest.Case[job, store.Tx]{New: func(t *testing.T) flowtest.World[job, store.Tx] {
				w, s, st := prepared(t, method)
				return flowtest.World[job, store.Tx]{Journal: app.NewJournal(w.Store), Flow: s.flow, Record: w.Records(t)[0], State: st, Continue: true, Records: w.Records,
					Done:   func(t *testing.T) { done(t, w, st) },
					Undone: func(t *testing.T, cause error) { undone(t, w, st, cause) },
				}
			}})
		})
	}
}

func done(t *testing.T, w *apptest.World, st *job) {
	i := w.Row(t, st.ImageID)
	stores := i.Stores()
	slices.Sort(stores)
	if i.Status != image.Active || !slices.Equal(stores, []string{"first", "second"}) || *i.SizeBytes != 4 || i.Properties[image.PropertyImportingStores] != "" ||
		i.Properties[image.PropertyFailedStores] != "" {
		t.Errorf("the image is %+v", i)
	}
	// Staged data that was left goes at the next start.
	if err := (&data.Service{Core: w.Core}).Tidy(t.Context()); err != nil {
		t.Error(err)
	}
	if files := w.Files(t); !slices.Equal(files, []string{"first/" + i.ID, "second/" + i.ID}) {
		t.Errorf("files are %v", files)
	}
	ended(t, w, st, image.TaskSuccess)
}

func undone(t *testing.T, w *apptest.World, st *job, cause error) {
	i := w.Row(t, st.ImageID)
	want, files := image.Queued, []string(nil)
	if st.Method == CopyImage {
		want, files = image.Active, []string{"first/" + i.ID}
	}
	if i.Status != want || i.Properties[image.PropertyImportingStores] != "" || i.Properties[image.PropertyFailedStores] != strings.Join(st.Stores, ",") {
		t.Errorf("the image is %+v", i)
	}
	if got := w.Files(t); !slices.Equal(got, files) {
		t.Errorf("files are %v", got)
	}
	task := ended(t, w, st, image.TaskFailure)
	if task.Message == "" || fault.KindOf(cause) != fault.Internal && task.Message != fault.UserText(cause) {
		t.Errorf("the task says %q of %v", task.Message, cause)
	}
}

func ended(t *testing.T, w *apptest.World, st *job, status image.TaskStatus) *image.Task {
	t.Helper()
	task, err := w.Store.Task(t.Context(), st.TaskID)
	if err != nil {
		t.Fatal(err)
	}
	if task.Status != status || task.ExpiresAt.IsZero() {
		t.Errorf("the task is %+v", task)
	}
	if _, locked := w.Row(t, st.ImageID).Properties[image.PropertyImportTask]; locked {
		t.Error("the image is still locked")
	}
	return task
}

func TestMerged(t *testing.T) {
	for _, c := range []struct {
		list       string
		more, less []string
		want       string
	}{{"", nil, nil, ""}, {"", []string{"b", "a"}, nil, "a,b"}, {"a,b", []string{"a"}, []string{"b"}, "a"}, {"a", nil, []string{"a"}, ""}, {",a,,", []string{""}, nil, "a"}} {
		if got := merged(c.list, c.more, c.less); got != c.want {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
