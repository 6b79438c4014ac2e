package image

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/manager/image/content"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// encryption is how an image has to be encrypted on its way into a volume: nil for a volume that is not encrypted, and for an
// image that is itself, of which the volume has the key.
func (s *Service) encryption(ctx context.Context, v *block.Volume, i *glance.Image) (*content.Encryption, error) {
	if v.EncryptionKeyID == "" || i.EncryptionKeyID() != "" {
		return nil, nil
	}
	if s.Keys == nil {
		return nil, fault.New(fault.Invalid, "", "This volume service has no key manager for encrypted volumes.")
	}
	e, err := s.Store.TypeEncryption(ctx, v.VolumeTypeID)
	if err != nil {
		return nil, err
	}
	if !e.LUKS() {
		return nil, fault.New(fault.NotImplemented, "", "An image can only be written into volumes that are encrypted with LUKS, not with %s.", e.Provider)
	}
	key, err := s.Keys.Get(ctx, v.EncryptionKeyID)
	if err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "", "Key manager error")
	}
	how := &content.Encryption{Passphrase: key.Passphrase(), UnlockTimeMS: s.UnlockTimeMS}
	if e.Cipher != nil {
		how.Cipher = *e.Cipher
	}
	if e.KeySizeBits != nil {
		how.KeySizeBits = *e.KeySizeBits
	}
	return how, nil
}
