package groupsync

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestGroupSync: everybody is answered. That nobody is by a flush that had begun before he asked is what package together is for.
func TestGroupSync(t *testing.T) {
	path := filepath.Join(t.TempDir(), "log")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g := &Log{path: path}
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 20 {
				if err := g.Wait(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
}

// TestGroupSyncFails: a log that cannot be flushed is an error for those who waited.
func TestGroupSyncFails(t *testing.T) {
	notADirectory := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notADirectory, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	g := &Log{path: filepath.Join(notADirectory, "log")}
	if err := g.Wait(); err == nil || errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
