package groupsync

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// TestGroupSync: everybody is answered, and nobody by a flush that had begun before he asked.
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
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.next != nil {
		t.Error("a flush is left that nobody makes")
	}
}

// TestGroupSyncJoinsOnlyALaterFlush holds a flush back to see which one a latecomer gets.
func TestGroupSyncJoinsOnlyALaterFlush(t *testing.T) {
	g := &Log{path: filepath.Join(t.TempDir(), "missing"), running: true} // as while somebody flushes
	answered := make(chan error, 1)
	go func() { answered <- g.Wait() }()
	for waiting := false; !waiting; {
		g.mu.Lock()
		waiting = g.next != nil
		g.mu.Unlock()
	}
	select {
	case <-answered:
		t.Fatal("answered by the flush that was under way")
	default:
	}
	g.run()
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
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
