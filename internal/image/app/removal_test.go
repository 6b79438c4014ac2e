package app_test

import (
	"context"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app/apptest"
	"github.com/clinker/clinker/internal/image/store"
)

// TestRemoveData: the data goes when the transaction is through, or at the next start when the process died between the two;
// data elsewhere is nobody's to remove.
func TestRemoveData(t *testing.T) {
	for name, dies := range map[string]bool{"at once": false, "at the next start": true} {
		t.Run(name, func(t *testing.T) {
			w := apptest.New(t)
			i := w.Image(t, nil)
			url, _, err := w.Stores.All()[1].Put(t.Context(), i.ID, strings.NewReader("data"))
			if err != nil {
				t.Fatal(err)
			}
			var run func(context.Context)
			w.Update(t, func(tx store.Tx) (err error) {
				run, err = w.RemoveData(t.Context(), tx, i.ID, []image.Location{
					{URL: url, Metadata: map[string]any{"store": "second"}}, {URL: "http://elsewhere", Metadata: map[string]any{}}})
				return err
			})
			if len(w.Records(t)) != 1 || len(w.Files(t)) != 1 {
				t.Fatalf("before it runs: journal %v, files %v", w.Records(t), w.Files(t))
			}
			if dies {
				for _, r := range w.Records(t) {
					if err := w.Resumptions()[r.Name](t.Context(), r); err != nil {
						t.Error(err)
					}
				}
			} else {
				run(t.Context())
			}
			if len(w.Records(t)) != 0 || len(w.Files(t)) != 0 {
				t.Errorf("journal %v, files %v", w.Records(t), w.Files(t))
			}
		})
	}
}

func TestNothingToRemove(t *testing.T) {
	w := apptest.New(t)
	w.Update(t, func(tx store.Tx) error {
		run, err := w.RemoveData(t.Context(), tx, "x", []image.Location{{URL: "http://elsewhere", Metadata: map[string]any{}}})
		run(t.Context())
		return err
	})
	if len(w.Records(t)) != 0 {
		t.Errorf("journal %v", w.Records(t))
	}
}
