package sqlstore

import (
	"path/filepath"
	"testing"

	"github.com/clinker/clinker/internal/block/store"
)

// SQLite never needs the row that others lock; the statement is run here all the same.
func TestLockQuotaRow(t *testing.T) {
	s, err := Open(t.Context(), Config{Path: filepath.Join(t.TempDir(), "cinder.db"), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for range 2 {
		if err := s.Update(t.Context(), func(x store.Tx) error { return x.(*tx).lockQuotaRow(t.Context(), "p") }); err != nil {
			t.Error(err)
		}
	}
}
