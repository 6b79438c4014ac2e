package nbd

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/clinker/clinker/internal/fault"
)

// The key of export names, as a file in the state directory.
const (
	keyName  = "export-names.key"
	keyBytes = 32
)

// exportNames derives the name of an export from the id of its connection. The same id always gives the same name, as
// long as the state directory lives.
type exportNames struct{ key []byte }

// of is 32 hexadecimal digits, 128 bits that only the holder of the key can work out.
func (n exportNames) of(connectionID string) string {
	mac := hmac.New(sha256.New, n.key)
	mac.Write([]byte(connectionID))
	return hex.EncodeToString(mac.Sum(nil)[:16])
}

// loadExportNames reads the key, or makes one if there is none. A damaged key is refused and not replaced, for with
// another one no consumer would find its export again.
func loadExportNames(stateDir string) (exportNames, error) {
	path := filepath.Join(stateDir, keyName)
	key, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		if err = makeKey(path); err == nil {
			key, err = os.ReadFile(path)
		}
	}
	if err == nil && len(key) != keyBytes {
		err = fmt.Errorf("it has %d bytes instead of %d", len(key), keyBytes)
	}
	if err != nil {
		return exportNames{}, fault.Wrap(err, fault.Unavailable, "", "The NBD target cannot use the key in %s.", path)
	}
	return exportNames{key}, nil
}

// makeKey puts a new key in place, whole and on disk or not at all. If somebody else is quicker, theirs stays.
func makeKey(path string) (err error) {
	temporary, err := os.CreateTemp(filepath.Dir(path), keyName+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails
	_, writeErr := temporary.Write(key)
	if err := errors.Join(writeErr, temporary.Sync(), temporary.Close()); err != nil {
		return err
	}
	if err := os.Link(temporary.Name(), path); err != nil && !errors.Is(err, os.ErrExist) {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}
