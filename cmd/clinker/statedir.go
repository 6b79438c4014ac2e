package main

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/fault"
)

// lockStateDir makes the state directory and claims it for this process, until unlock or the process's end. A directory
// another process has claimed is refused.
func lockStateDir(dir string) (unlock func(), err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "the state directory %s cannot be made", dir)
	}
	path := filepath.Join(dir, "lock")
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "the lock of the state directory cannot be opened")
	}
	err = unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if err != nil {
		err = errors.Join(err, f.Close())
	}
	if errors.Is(err, unix.EWOULDBLOCK) {
		return nil, fault.New(fault.Conflict, "", "another clinker runs on the state directory %s; give this one its own with --state-dir (and --bind)", dir)
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "the state directory %s cannot be locked", dir)
	}
	return func() { _ = f.Close() }, nil // closing lets go of the lock
}
