package store

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// EncryptionReader reads how volume types are encrypted.
type EncryptionReader interface {
	// TypeEncryption reads a volume type's. NotFound: VolumeTypeEncryptionNotFound.
	TypeEncryption(ctx context.Context, typeID string) (*block.TypeEncryption, error)
}

// EncryptionWriter changes it. Whether the type is in use is the caller's to ask.
type EncryptionWriter interface {
	// CreateTypeEncryption inserts e; CreatedAt is set if zero. The caller has seen that there is none.
	CreateTypeEncryption(ctx context.Context, e *block.TypeEncryption) error
	// UpdateTypeEncryption writes everything of e but its ids and times. NotFound: VolumeTypeEncryptionNotFound.
	UpdateTypeEncryption(ctx context.Context, e *block.TypeEncryption) error
	// DestroyTypeEncryption soft-deletes it. NotFound: VolumeTypeEncryptionNotFound.
	DestroyTypeEncryption(ctx context.Context, typeID string) error
}
