package image

import (
	"context"
	"strings"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/keymanager"
)

// encrypting is a store whose volumes are encrypted by one provider, if any.
type encrypting struct {
	store.Store
	provider string
}

func (e encrypting) TypeEncryption(_ context.Context, typeID string) (*block.TypeEncryption, error) {
	if e.provider == "" {
		return nil, block.TypeEncryptionNotFound(typeID)
	}
	return &block.TypeEncryption{Provider: e.provider, Cipher: new("aes-xts-plain64"), KeySizeBits: new(int64(256))}, nil
}

// TestEncryption: what is written into a volume is encrypted with the volume's key, unless it is already.
func TestEncryption(t *testing.T) {
	t.Parallel()
	const digits = "00112233445566778899aabbccddeeff"
	fixed, err := keymanager.NewFixed(digits)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		keys                      keymanager.Manager
		provider, volume, ofImage string
		encrypts                  bool
		refused                   fault.Kind
	}{
		"plain":                {keys: fixed},
		"encrypted":            {keys: fixed, provider: "luks", volume: keymanager.FixedKeyID, encrypts: true},
		"encrypted as of old":  {keys: fixed, provider: "nova.volume.encryptors.luks.LuksEncryptor", volume: keymanager.FixedKeyID, encrypts: true},
		"of an encrypted one":  {keys: fixed, provider: "luks", volume: keymanager.FixedKeyID, ofImage: keymanager.FixedKeyID},
		"without keys":         {provider: "luks", volume: keymanager.FixedKeyID, refused: fault.Invalid},
		"a key that is gone":   {keys: fixed, provider: "luks", volume: "another", refused: fault.Unavailable},
		"without a container":  {keys: fixed, provider: "plain", volume: keymanager.FixedKeyID, refused: fault.NotImplemented},
		"a type that is plain": {keys: fixed, volume: keymanager.FixedKeyID, refused: fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			s := &Service{Options: Options{Settings: Settings{Keys: tc.keys}, Store: encrypting{provider: tc.provider}}}
			e, err := s.encryption(t.Context(), &block.Volume{EncryptionKeyID: tc.volume}, &glance.Image{Properties: map[string]string{glance.PropertyKeyID: tc.ofImage}})
			switch {
			case tc.refused != fault.Internal:
				if !fault.Is(err, tc.refused) || strings.Contains(err.Error(), digits) {
					t.Errorf("%v", err)
				}
			case err != nil, (e != nil) != tc.encrypts:
				t.Errorf("%v, %v", e != nil, err)
			case e != nil && (e.Cipher != "aes-xts-plain64" || e.KeySizeBits != 256 || string(e.Passphrase) != digits):
				t.Errorf("%s of %d bits", e.Cipher, e.KeySizeBits)
			}
		})
	}
}
