package journal

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/block/store/sqlstore"
	"github.com/clinker/clinker/internal/flow"
)

// TestTheJournalTakesThePlaceOfWorkers: what a Python service sent is in one of them at any time, and in the end in none.
func TestTheJournalTakesThePlaceOfWorkers(t *testing.T) {
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(t.TempDir(), "cinder.sqlite"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	left := func() int {
		t.Helper()
		found, err := s.Workers(t.Context(), store.WorkerQuery{})
		if err != nil {
			t.Fatal(err)
		}
		return len(found)
	}
	begun := 0
	f := &flow.Flow[string, store.Tx]{Name: "f", Steps: []flow.Step[string, store.Tx]{{Name: "a", Do: func(context.Context, *string) error {
		records, err := s.Flows(t.Context(), "o", 0, 10)
		begun = len(records)
		return err
	}}}}
	for _, c := range []struct {
		id, kind, worker    string
		workersAfter, inRun int
	}{
		{"", "volume", "Volume", 0, 1}, {"", "snapshot", "Snapshot", 0, 1},
		{"of ours", "volume", "Volume", 1, 0}, // nobody looks, and the record was to be there
		{"", "backup", "Volume", 1, 1},
	} {
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return tx.LeaveWorker(t.Context(), store.Worker{ResourceType: c.worker, ResourceID: "r", Status: "creating"})
		})
		if err != nil {
			t.Fatal(err)
		}
		r := flow.Record{ID: c.id, Name: "f", Owner: "o", ResourceType: c.kind, ResourceID: "r"}
		if err := Continue(t.Context(), flow.NewEngine(New(s), flow.Options{}), f, r, new("s")); err != nil {
			t.Fatal(err)
		}
		if n := left(); n != c.workersAfter || begun != c.inRun {
			t.Errorf("%s %q: %d workers are left, %d records were there meanwhile", c.kind, c.id, n, begun)
		}
		if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.ForgetWorker(t.Context(), c.worker, "r") }); err != nil {
			t.Fatal(err)
		}
	}
}
