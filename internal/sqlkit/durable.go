package sqlkit

import (
	"errors"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// groupSync flushes SQLite's write-ahead log to the disk for many transactions at once. SQLite itself would flush it once
// per commit, with the write lock held: eight writers would wait for eight flushes one after the other. Here a commit only
// writes the log (synchronous = NORMAL), lets go of the lock, and is acknowledged when a flush that began after it is
// done. The log is flushed as a whole, so whoever is durable, everything before him is too.
type groupSync struct {
	path string // of the log

	mu      sync.Mutex
	next    *round // the flush that has not begun; nil: nobody waits for one
	running bool   // a goroutine is flushing
}

// round is one flush and its outcome, which is there once done is closed.
type round struct {
	done chan struct{}
	err  error
}

// wait returns when everything committed before it was called is on the disk, or why it is not.
func (g *groupSync) wait() error {
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
func (g *groupSync) run() {
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
