// Package statedir is the directory that "clinker up" keeps everything in: whose it is, and the secrets that are made in it.
//
// What must not live here: what any service keeps there.
package statedir

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/clinker/clinker/internal/fault"
)

// Lock makes the state directory and claims it for this process, until unlock or the process's end. A directory
// another process has claimed is refused.
func Lock(dir string) (unlock func(), err error) {
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

// fixedKeyBytes is the length of the key that is made: enough for every cipher.
const fixedKeyBytes = 32

// FixedKey is the key of a cloud's encrypted volumes, in hexadecimal digits. It is made at the first start, in a file of the
// state directory that its owner alone can read; without that file, what is in encrypted volumes is lost.
func FixedKey(dir string) (string, error) {
	path := filepath.Join(dir, "fixed_key")
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, os.ErrNotExist) {
		return "", fault.Wrap(err, fault.Unavailable, "", "the key of encrypted volumes, %s, cannot be read", path)
	}
	b := make([]byte, fixedKeyBytes)
	_, _ = rand.Read(b) // never fails
	digits := hex.EncodeToString(b)
	// Under another name first: a file cut short would be taken for a key at the next start.
	if err := writeSynced(path+".new", digits+"\n"); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "", "the key of encrypted volumes cannot be kept in %s", path)
	}
	if err := errors.Join(os.Rename(path+".new", path), syncDir(dir)); err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "", "the key of encrypted volumes cannot be kept in %s", path)
	}
	return digits, nil
}

// syncDir writes a directory's entries down to the disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// writeSynced writes a file that its owner alone can read, down to the disk.
func writeSynced(path, text string) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Sync(), f.Close())
}
