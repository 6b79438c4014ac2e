package apitest

import (
	"context"
	"os"
	"path/filepath"
	"sync"

	"github.com/clinker/clinker/internal/block/store/sqlstore"
)

// database is the name of the database's file.
const database = "cinder.sqlite"

// emptyDatabase is a new database as files by name: the database, and the log that may be beside it. Making one takes a
// quarter of a second, copying it none, and a package's tests want dozens.
var emptyDatabase = sync.OnceValues(func() (map[string][]byte, error) {
	dir, err := os.MkdirTemp("", "apitest")
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

// writeDatabase makes a new database in a directory and gives its path.
func writeDatabase(dir string) (string, error) {
	files, err := emptyDatabase()
	if err != nil {
		return "", err
	}
	for name, b := range files {
		if err := os.WriteFile(filepath.Join(dir, name), b, 0o600); err != nil {
			return "", err
		}
	}
	return filepath.Join(dir, database), nil
}
