package data

import (
	"context"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/flow"
	"github.com/clinker/clinker/internal/flow/flowtest"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/apptest"
	"github.com/clinker/clinker/internal/image/store"
)

// again is a reader that begins anew after its end, so that a step that is run twice finds its data twice.
type again struct {
	content string
	r       *strings.Reader
}

func (a *again) Read(p []byte) (int, error) {
	if a.r == nil {
		a.r = strings.NewReader(a.content)
	}
	n, err := a.r.Read(p)
	if err == io.EOF {
		a.r = nil
	}
	return n, err
}

// check runs a transfer in every way in which it can be disturbed.
func check(t *testing.T, f func(s *Service) *flow.Flow[transfer, store.Tx], done func(i *image.Image) bool, file string) {
	flowtest.Check(t, flowtest.Case[transfer, store.Tx]{UndoneOnResume: true, New: func(t *testing.T) flowtest.World[transfer, store.Tx] {
		w := apptest.New(t)
		s := &Service{Core: w.Core}
		i := w.Image(t, nil)
		st := &transfer{ImageID: i.ID, Store: "first", data: &again{content: "data"}, quota: -1}
		rec, err := app.NewRecord(f(s).Name, i.ID, st)
		if err != nil {
			t.Fatal(err)
		}
		return flowtest.World[transfer, store.Tx]{Journal: app.NewJournal(w.Store), Flow: f(s), Record: rec, State: st, Records: w.Records,
			Resume: func(ctx context.Context, e *flow.Engine[store.Tx], f *flow.Flow[transfer, store.Tx], r flow.Record) error {
				return flow.Undo(ctx, e, f, r, io.ErrUnexpectedEOF)
			},
			Done: func(t *testing.T) {
				if got := w.Row(t, i.ID); !done(got) || got.SizeBytes == nil || *got.SizeBytes != 4 {
					t.Errorf("the image is %+v", got)
				}
				if files := w.Files(t); !slices.Equal(files, []string{file + i.ID}) {
					t.Errorf("files are %v", files)
				}
			},
			Undone: func(t *testing.T, _ error) {
				if got := w.Row(t, i.ID); got.Status != image.Queued || got.SizeBytes != nil || len(got.Locations) != 0 {
					t.Errorf("the image is %+v", got)
				}
				if files := w.Files(t); len(files) != 0 {
					t.Errorf("files are %v", files)
				}
			},
		}
	}})
}

func TestUploadFlow(t *testing.T) {
	check(t, (*Service).upload, func(i *image.Image) bool { return i.Status == image.Active && len(i.Locations) == 1 }, "first/")
}

func TestStageFlow(t *testing.T) {
	check(t, (*Service).stage, func(i *image.Image) bool { return i.Status == image.Uploading }, "staging/")
}

// TestResumptions: what a dead process left of an upload is undone at the next start, and that is no failure of the start's.
func TestResumptions(t *testing.T) {
	w := apptest.New(t)
	s := &Service{Core: w.Core}
	i := w.Image(t, func(i *image.Image) { i.Status = image.Saving })
	if _, _, err := w.Stores.All()[0].Put(t.Context(), i.ID, strings.NewReader("half")); err != nil {
		t.Fatal(err)
	}
	rec, err := app.NewRecord(flowUpload, i.ID, &transfer{ImageID: i.ID, Store: "first"})
	if err != nil {
		t.Fatal(err)
	}
	w.Put(t, rec)
	if err := s.Resumptions()[flowUpload](t.Context(), w.Records(t)[0]); err != nil {
		t.Error(err)
	}
	if got := w.Row(t, i.ID); got.Status != image.Queued || len(w.Files(t)) != 0 || len(w.Records(t)) != 0 {
		t.Errorf("the image is %s, files %v, journal %v", got.Status, w.Files(t), w.Records(t))
	}
}

// TestTidy: staged data that nobody waits for goes at the start, and what is waited for stays.
func TestTidy(t *testing.T) {
	w := apptest.New(t)
	s := &Service{Core: w.Core}
	kept := w.Image(t, func(i *image.Image) { i.Status = image.Uploading })
	queued := w.Image(t, func(i *image.Image) { i.ID = "22222222-2222-4333-8444-555555555555" })
	for _, id := range []string{kept.ID, queued.ID, "33333333-2222-4333-8444-555555555555"} {
		if _, _, err := w.Stores.Staging.Put(t.Context(), id, strings.NewReader("data")); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Tidy(t.Context()); err != nil {
		t.Fatal(err)
	}
	if files := w.Files(t); !slices.Equal(files, []string{"staging/" + kept.ID}) {
		t.Errorf("files are %v", files)
	}
}
