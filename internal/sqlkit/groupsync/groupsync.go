// Package groupsync makes what was written to a log durable for many writers by one flush.
//
// What must not live here: what the log is of.
package groupsync

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Log flushes SQLite's write-ahead log to the disk for many transactions at once. SQLite itself would flush it once
// per commit, with the write lock held: eight writers would wait for eight flushes one after the other. Here a commit only
// writes the log (synchronous = NORMAL), lets go of the lock, and is acknowledged when a flush that began after it is
// done. The log is flushed as a whole, so whoever is durable, everything before him is too.
type Log struct {
	path string

	mu      sync.Mutex
	next    *round // the flush that has not begun; nil: nobody waits for one
	running bool   // a goroutine is flushing
}

// round is one flush and its outcome, which is there once done is closed.
type round struct {
	done chan struct{}
	err  error
}

// New is for the log with this path. It does nothing yet.
func New(path string) *Log { return &Log{path: path} }

// Wait returns when everything committed before it was called is on the disk, or why it is not. It is safe for concurrent use.
func (g *Log) Wait() error {
	g.mu.Lock()
	if g.next == nil {
		g.next = &round{done: make(chan struct{})}
	}
	mine := g.next
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mu.Unlock()
	<-mine.done
	return mine.err
}

// run flushes until nobody waits.
func (g *Log) run() {
	for {
		g.mu.Lock()
		r := g.next
		g.next = nil
		if r == nil {
			g.running = false
		}
		g.mu.Unlock()
		if r == nil {
			return
		}
		r.err = flush(g.path)
		close(r.done)
	}
}

// flush opens the log each time: SQLite makes it anew when the last connection was closed in between. A log that is not
// there has been checkpointed into the database, which SQLite flushes before it removes the log.
func flush(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return errors.Join(unix.Fdatasync(int(f.Fd())), f.Close())
}
