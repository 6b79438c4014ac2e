// Package keymanager is where the keys of encrypted volumes are kept, castellan's API as far as Block Storage needs it: the
// contract, and the one implementation that needs no other service, the fixed key of the configuration. barbican/ is Barbican's
// client.
//
// Keys are made, handed on and removed here; whoever encrypts (Nova with os-brick) fetches them from the same key manager.
// What must not live here: a volume, or anything else of a wing.
package keymanager

import (
	"context"
	"crypto/subtle"
	"encoding/hex"
	"log/slog"
	"slices"

	"github.com/clinker/clinker/internal/fault"
)

// Manager is a key manager. Keys belong to whoever the context says asks (reqctx), unless it is one of AsService. A
// failure is a fault.Unavailable or Forbidden with a text that says nothing of the key manager's inside.
type Manager interface {
	// Create makes a key for an algorithm ("aes") of this many bits; 0 leaves the length to the key manager,
	// which may want to be told.
	Create(ctx context.Context, algorithm string, bits int64) (id string, err error)
	// Get fetches a key. NotFound: there is none with this id. NotFound or Forbidden: it is not for the caller.
	Get(ctx context.Context, id string) (Key, error)
	// Store keeps a key that Get has fetched, as one of its own, and gives its id.
	Store(ctx context.Context, k Key) (id string, err error)
	// Delete removes a key; that it is gone already is no error, that it is another's is a Forbidden.
	Delete(ctx context.Context, id string) error
	// AsService is a context in which this service itself asks, instead of its user.
	AsService(ctx context.Context) context.Context
}

// Sharer is a key manager that can let somebody else have a key.
type Sharer interface {
	// Share lets a user fetch a key that the caller has, whatever project they are in. The key manager's own ways stay.
	Share(ctx context.Context, id, userID string) error
}

// Key is a key. It shows itself to nobody: printed, logged or marshalled it is masked.
type Key struct {
	Algorithm string // "AES"
	bytes     []byte
}

// NewKey makes a key of its bytes; for key managers.
func NewKey(algorithm string, b []byte) Key { return Key{Algorithm: algorithm, bytes: b} }

// Equal says whether two keys are the same, in a time that tells nothing of them.
func (k Key) Equal(other Key) bool { return subtle.ConstantTimeCompare(k.bytes, other.bytes) == 1 }

// Bytes are the bytes of the key; for key managers, who must not let them get anywhere else.
func (k Key) Bytes() []byte { return slices.Clone(k.bytes) }

// Passphrase is the key as LUKS is given it: in hexadecimal digits (os_brick/encryptors/cryptsetup.py). Whoever asks must not
// let it get into a log, an error or an argument.
func (k Key) Passphrase() []byte { return hex.AppendEncode(nil, k.bytes) }

// masked stands where a key was.
const masked = "***"

// String masks the key.
func (k Key) String() string { return masked }

// GoString masks the key.
func (k Key) GoString() string { return masked }

// LogValue masks the key.
func (k Key) LogValue() slog.Value { return slog.StringValue(masked) }

// MarshalText masks the key.
func (k Key) MarshalText() ([]byte, error) { return []byte(masked), nil }

// Clone keeps a copy of a key under an id of its own: the copy stays when the key goes. Where the key manager has but one
// key, the id is the same.
func Clone(ctx context.Context, m Manager, id string) (copied string, err error) {
	return Move(ctx, ctx, m, id)
}

// Move keeps a copy of a key that from may have as one of to. The key itself stays.
func Move(from, to context.Context, m Manager, id string) (copied string, err error) {
	k, err := m.Get(from, id)
	if err != nil {
		return "", err
	}
	return m.Store(to, k)
}

// Drop removes a key that nothing needs any more: as the caller, and where the caller may not, as the service itself, which
// is upstream's way. An empty id is none.
func Drop(ctx context.Context, m Manager, id string) error {
	if id == "" {
		return nil
	}
	if err := m.Delete(ctx, id); err == nil {
		return nil
	}
	return m.Delete(m.AsService(ctx), id)
}

// notFound: there is no key with this id, or none the caller may have.
func notFound(id string) error {
	return fault.New(fault.NotFound, "ManagedObjectNotFoundError", "Key not found, uuid: %s", id)
}
