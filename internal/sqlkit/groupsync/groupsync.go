// Package groupsync makes what was written to a log durable for many writers by one flush.
//
// What must not live here: what the log is of.
package groupsync

import (
	"context"
	"errors"
	"os"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/together"
)

// Log flushes SQLite's write-ahead log to the disk for many transactions at once. SQLite itself would flush it once
// per commit, with the write lock held: eight writers would wait for eight flushes one after the other. Here a commit only
// writes the log (synchronous = NORMAL), lets go of the lock, and is acknowledged when a flush that began after it is
// done. The log is flushed as a whole, so whoever is durable, everything before him is too.
type Log struct {
	path    string
	flushes together.Alike[struct{}]
}

// New is for the log with this path. It does nothing yet.
func New(path string) *Log { return &Log{path: path} }

// Wait returns when everything committed before it was called is on the disk, or why it is not. It is safe for concurrent use.
func (g *Log) Wait() error {
	_, err := g.flushes.Get(context.Background(), "", func(context.Context) (struct{}, error) { return struct{}{}, flush(g.path) })
	return err
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
