package keymanager

import (
	"context"
	"encoding/hex"
	"errors"

	"github.com/clinker/clinker/internal/fault"
)

// FixedKeyID is the id of the fixed key (cinder/keymgr/conf_key_mgr.py). Volumes that have it were made without a real
// key manager.
const FixedKeyID = "00000000-0000-0000-0000-000000000000"

// Fixed is the key manager that has one key, that of the configuration, for all volumes: whoever knows it can read every
// one of them. Consumers have the same key in their own configuration.
type Fixed struct{ key Key }

var _ Manager = (*Fixed)(nil)

// NewFixed makes it of a key in hexadecimal digits. Anything else is a fault.Invalid that does not say what it was.
func NewFixed(digits string) (*Fixed, error) {
	b, err := hex.DecodeString(digits)
	if err != nil || len(b) == 0 {
		return nil, fault.New(fault.Invalid, "", "a fixed key is an even number of hexadecimal digits")
	}
	return &Fixed{NewKey("AES", b)}, nil
}

// Create gives the one key, whatever is asked for.
func (f *Fixed) Create(context.Context, string, int64) (string, error) { return FixedKeyID, nil }

// Get gives the one key.
func (f *Fixed) Get(_ context.Context, id string) (Key, error) {
	if id != FixedKeyID {
		return Key{}, notFound(id)
	}
	return f.key, nil
}

// Store takes the one key, and refuses every other one.
func (f *Fixed) Store(_ context.Context, k Key) (string, error) {
	if !k.Equal(f.key) {
		return "", fault.New(fault.Invalid, "KeyManagerError", "key manager error: cannot store arbitrary keys")
	}
	return FixedKeyID, nil
}

// Delete keeps the one key: it is the key of other volumes too. Another one was never here.
func (f *Fixed) Delete(context.Context, string) error { return nil }

// AsService is the same context: the one key is everybody's.
func (f *Fixed) AsService(ctx context.Context) context.Context { return ctx }

// withFixed is a key manager that knows the fixed key as well; see WithFixed.
type withFixed struct {
	Manager
	fixed *Fixed
}

// WithFixed is m, and beside it the fixed key that a cloud had before it had m: whoever asks by its id gets it, and it is not
// removed. New keys, also copies of it, are m's (castellan/key_manager/migration.py).
func WithFixed(m Manager, f *Fixed) Manager { return withFixed{m, f} }

// Replacement is a key manager that has taken the place of the fixed key; what WithFixed makes is one.
type Replacement interface {
	// Replace keeps the fixed key as a key of the service under an id of its own, which the user may fetch, too.
	Replace(ctx context.Context, userID string) (id string, err error)
}

var _ Replacement = withFixed{}

// Replace implements Replacement.
func (w withFixed) Replace(ctx context.Context, userID string) (string, error) {
	ctx = w.Manager.AsService(ctx)
	sharer, can := w.Manager.(Sharer)
	if !can {
		return "", fault.New(fault.Unavailable, "KeyManagerError", "The key manager cannot share keys.")
	}
	id, err := w.Manager.Store(ctx, w.fixed.key)
	if err != nil {
		return "", err
	}
	if err := sharer.Share(ctx, id, userID); err != nil {
		return "", errors.Join(err, w.Manager.Delete(ctx, id))
	}
	return id, nil
}

// Get implements Manager.
func (w withFixed) Get(ctx context.Context, id string) (Key, error) {
	if id == FixedKeyID {
		return w.fixed.Get(ctx, id)
	}
	return w.Manager.Get(ctx, id)
}

// Delete implements Manager.
func (w withFixed) Delete(ctx context.Context, id string) error {
	if id == FixedKeyID {
		return nil
	}
	return w.Manager.Delete(ctx, id)
}
