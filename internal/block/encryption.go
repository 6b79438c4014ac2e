package block

import (
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// TypeEncryption says how volumes of a volume type are encrypted, and by whom.
type TypeEncryption struct {
	ID     string // encryption_id
	TypeID string
	Timestamps
	Provider        string  // "luks", "plain", or a class name of old
	ControlLocation string  // QoSFrontEnd or QoSBackEnd: where it is encrypted
	Cipher          *string // "aes-xts-plain64"
	KeySizeBits     *int64
}

// EncryptionHeaderBytes is what LUKS takes of an encrypted volume for itself, at most.
const EncryptionHeaderBytes = 2 << 20

// LUKS says whether volumes are encrypted with LUKS, by the name of the provider or of one of its classes of old.
func (e *TypeEncryption) LUKS() bool { return strings.Contains(strings.ToLower(e.Provider), "luks") }

// TypeEncryptionNotFound: the volume type is not encrypted.
func TypeEncryptionNotFound(typeID string) *fault.Error {
	return fault.New(fault.NotFound, "VolumeTypeEncryptionNotFound", "Volume type encryption for type %s does not exist.", typeID)
}

// Same says whether two types encrypt volumes alike; nil stands for no encryption.
func (e *TypeEncryption) Same(other *TypeEncryption) bool {
	if e == nil || other == nil {
		return e == other
	}
	return e.Provider == other.Provider && e.ControlLocation == other.ControlLocation && equal(e.Cipher, other.Cipher) &&
		equal(e.KeySizeBits, other.KeySizeBits)
}

// equal compares what two pointers lead to.
func equal[V comparable](a, b *V) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}
