package app

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/keymanager"
)

// keyManagerError is what users are told when the key manager fails: upstream's text, which says nothing of why.
const keyManagerError = "Key manager error"

// keyManager is the key manager; an Invalid if there is none.
func (c *Core) keyManager() (keymanager.Manager, error) {
	if c.Keys == nil {
		return nil, fault.New(fault.Invalid, "", keyManagerError+": this service has no key manager for encrypted volumes.")
	}
	return c.Keys, nil
}

// TypeEncryption is how volumes of a type are encrypted; nil if they are not.
func (c *Core) TypeEncryption(ctx context.Context, typeID string) (*block.TypeEncryption, error) {
	e, err := c.Store.TypeEncryption(ctx, typeID)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	return e, err
}

// EncryptionOf is TypeEncryption of a type that has been read by itself: of one without it, nothing is read.
func (c *Core) EncryptionOf(ctx context.Context, t *block.VolumeType) (*block.TypeEncryption, error) {
	if !t.Encrypted {
		return nil, nil
	}
	return c.TypeEncryption(ctx, t.ID)
}

// NewKey makes a key for a new volume that is encrypted like this. Invalid if the cipher is not said, or there is no key
// manager.
func (c *Core) NewKey(ctx context.Context, e *block.TypeEncryption) (id string, err error) {
	m, err := c.keyManager()
	if err != nil {
		return "", err
	}
	if e.Cipher == nil || *e.Cipher == "" {
		return "", fault.New(fault.Invalid, "InvalidVolumeType", "Invalid encryption spec")
	}
	algorithm, _, _ := strings.Cut(*e.Cipher, "-") // "aes-xts-plain64"
	var bits int64
	if e.KeySizeBits != nil {
		bits = *e.KeySizeBits
	}
	if id, err = m.Create(ctx, algorithm, bits); err != nil {
		return "", fault.Wrap(err, fault.Invalid, "", keyManagerError)
	}
	return id, nil
}

// CopyKey makes a copy of the key of what a volume is made from: each has its own, because a key goes with its volume.
func (c *Core) CopyKey(ctx context.Context, id string) (copied string, err error) {
	return c.MoveKey(ctx, id, false, false)
}

// MoveKey makes a copy of a key under another owner: the service itself, or else the caller. The key that it is a copy of
// stays.
func (c *Core) MoveKey(ctx context.Context, id string, fromService, toService bool) (moved string, err error) {
	m, err := c.keyManager()
	if err != nil {
		return "", err
	}
	from, to := ctx, ctx
	if fromService {
		from = m.AsService(ctx)
	}
	if toService {
		to = m.AsService(ctx)
	}
	if moved, err = keymanager.Move(from, to, m, id); err != nil {
		return "", fault.Wrap(err, fault.Invalid, "", keyManagerError)
	}
	return moved, nil
}

// CheckKey refuses to do what ends with DropKey where that cannot work: before anything is done.
func (c *Core) CheckKey(id string) error {
	if id == "" || id == keymanager.FixedKeyID {
		return nil
	}
	_, err := c.keyManager()
	return err
}

// DropKey removes a key that nothing needs any more, as keymanager.Drop does; an empty id is none. That a key could not be
// removed is logged, and is no reason to keep what it belonged to.
func (c *Core) DropKey(ctx context.Context, id string) {
	if c.Keys == nil {
		return
	}
	if err := keymanager.Drop(ctx, c.Keys, id); err != nil {
		c.Log.ErrorContext(ctx, "the key of an encrypted volume could not be removed; remove it from the key manager by hand", "key_id", id, "error", err)
	}
}
