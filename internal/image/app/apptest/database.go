package apptest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/clinker/clinker/internal/image/store/sqlstore"
)

// database is the name of the database's file.
const database = "glance.sqlite"

// emptyDatabase is a new database as files by name: the database, and the log that may be beside it. Copying one is quicker
// than making one, and a package's tests want hundreds.
var emptyDatabase = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "apptest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	s, err := sqlstore.Open(context.Background(), sqlstore.Config{Path: filepath.Join(dir, database), Synchronous: "OFF"})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	files := map[string][]byte{}
	for _, suffix := range []string{"", "-wal"} {
		b, err := os.ReadFile(filepath.Join(dir, database+suffix))
		if err == nil {
			files[database+suffix] = b
		} else if !os.IsNotExist(err) {
			return nil, err
		}
	}
	return files, nil
})

// Store opens a new database in a directory and closes it when the test ends.
func Store(t testing.TB, dir string) *sqlstore.Store {
	t.Helper()
	files, err := emptyDatabase()
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s, err := sqlstore.Open(t.Context(), sqlstore.Config{Path: filepath.Join(dir, database), Synchronous: "OFF"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}
