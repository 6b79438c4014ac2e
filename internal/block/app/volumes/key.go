package volumes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/app/images"
)

// takeKey gives the volume a key of its own if its type is encrypted: a copy of its source's, or a new one. What would
// pass for encrypted and is not, or the other way round, is refused.
func (u *Volumes) takeKey(ctx context.Context, s *creation) (err error) {
	sourceKeyID := ""
	switch {
	case s.snapshot != nil:
		sourceKeyID = s.snapshot.EncryptionKeyID
	case s.source != nil:
		sourceKeyID = s.source.EncryptionKeyID
	case s.backup != nil:
		sourceKeyID = s.backup.EncryptionKeyID
	case s.image != nil:
		sourceKeyID = s.image.EncryptionKeyID()
	}
	switch {
	case s.encryption == nil && sourceKeyID != "":
		return block.InvalidInput("Volumes of type %s are not encrypted, and the source is: a copy could not be read.", s.volType.Name)
	case s.encryption == nil || s.keyID != "":
		return nil
	case sourceKeyID != "":
		s.keyID, err = u.CopyKey(ctx, sourceKeyID)
	case s.source != nil || s.backup != nil:
		return block.InvalidInput("Volumes of type %s are encrypted, and the source is not: a copy would not be either.", s.volType.Name)
	default:
		if s.image != nil {
			err = images.CheckEncryption(s.image, s.volume.SizeGiB, s.encryption)
		}
		if err == nil {
			s.keyID, err = u.NewKey(ctx, s.encryption)
		}
	}
	return err
}

// dropKey takes the key back from a volume that has not come about.
func (u *Volumes) dropKey(ctx context.Context, s *creation, _ error) error {
	u.DropKey(ctx, s.keyID)
	s.keyID = ""
	return nil
}
