package backup

import (
	"context"

	"github.com/clinker/clinker/internal/keymanager"
)

// dropKey removes a key that nothing needs any more; an empty id is none. That it could not be removed is logged, and is no
// reason to keep what it belonged to.
func (s *Service) dropKey(ctx context.Context, id string) {
	if s.Keys == nil {
		return
	}
	if err := keymanager.Drop(ctx, s.Keys, id); err != nil {
		s.Log.ErrorContext(ctx, "the key of an encrypted volume could not be removed; remove it from the key manager by hand", "key_id", id, "error", err)
	}
}

// dropUnused removes the key that was meant for a volume whose restoring has failed, unless the volume has it already.
func (s *Service) dropUnused(ctx context.Context, st *restoring) {
	if st.EncryptionKeyID == "" {
		return
	}
	if v, err := s.Store.Volume(ctx, st.VolumeID, ""); err == nil && v.EncryptionKeyID != st.EncryptionKeyID {
		s.dropKey(ctx, st.EncryptionKeyID)
	}
}
