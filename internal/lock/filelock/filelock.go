// Package filelock keeps locks in files of one directory, between the processes of one host. The files and the kind of lock
// on them are those of tooz's file driver (tooz/drivers/file.py, fasteners' InterProcessLock), so that Python's services on
// the host are excluded too.
//
// What must not live here: which names there are, or when a file may go.
package filelock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/lock"
)

// New gives a Shared over the directory dir, which is made if it is not there. A name is the name of a file in it, so it
// must not hold a slash.
func New(dir string) *lock.Shared {
	w := &waste{dir: dir}
	return lock.NewShared(lock.SharedOptions{Forget: w.add, Open: func(context.Context) (lock.Session, error) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fault.Wrap(err, fault.Unavailable, "", "The directory of the locks %s cannot be made.", dir)
		}
		return &session{dir: dir, files: make(map[string]*os.File)}, nil
	}})
}

type session struct {
	dir string

	mu    sync.Mutex
	files map[string]*os.File // by name; their closing frees the locks
}

// TryLock implements lock.Session. The file stays when it is unlocked, as upstream's does: whoever waits for the lock has it
// open. One that was removed while it was opened guards nothing, so another is made.
func (s *session) TryLock(_ context.Context, name string) (bool, error) {
	if !nameable(name) {
		return false, fault.New(fault.Invalid, "", "%q cannot be the name of a lock in a directory.", name)
	}
	path := filepath.Join(s.dir, name)
	// Python's services make theirs for who their umask says; the group is let in for services of another user.
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o660)
	if err != nil {
		return false, err
	}
	if err := exclusive(f); err != nil {
		_ = f.Close()
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES) {
			return false, nil
		}
		return false, fmt.Errorf("lock %s: %w", path, err)
	}
	locked, lockedErr := f.Stat()
	there, thereErr := os.Stat(path)
	if lockedErr != nil || thereErr != nil || !os.SameFile(locked, there) {
		return false, f.Close()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[name] = f
	return true, nil
}

// exclusive locks the whole file for this opening of it. Unlike the process's own record locks such a lock does not go when
// another opening of the file is closed, and the two kinds exclude each other.
func exclusive(f *os.File) error {
	return unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &unix.Flock_t{Type: unix.F_WRLCK})
}

// Unlock implements lock.Session.
func (s *session) Unlock(_ context.Context, name string) error {
	s.mu.Lock()
	f := s.files[name]
	delete(s.files, name)
	s.mu.Unlock()
	if f == nil {
		return nil
	}
	return f.Close()
}

// Renew implements lock.Session: the kernel knows whether we live.
func (s *session) Renew(context.Context) error { return nil }

// Close implements lock.Session.
func (s *session) Close(context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, f := range s.files {
		errs = append(errs, f.Close())
	}
	clear(s.files)
	return errors.Join(errs...)
}
