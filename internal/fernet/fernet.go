// Package fernet makes and opens Fernet tokens (https://github.com/fernet/spec, version 0x80): texts that only a holder of
// the key can have made and that only a holder can read. A repository of numbered key files is how keys are shared and
// rotated.
//
// What must not live here: what is inside a token, and how long it is good for.
package fernet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	version       = 0x80
	timeSize      = 8
	signatureSize = sha256.Size
	headerSize    = 1 + timeSize + aes.BlockSize // version, time, initialization vector
	// maxTokenBytes bounds what is decoded at all; tokens of OpenStack are a few hundred bytes.
	maxTokenBytes = 16 << 10
)

// ErrInvalid is the one answer about a token that does not open: not telling why keeps whoever tries from learning.
var ErrInvalid = errors.New("not a Fernet token of one of these keys")

// Key is a secret: 16 bytes to sign with, then 16 to encrypt with. It does not print itself; Encode does.
type Key [32]byte

// NewKey makes a key of the system's randomness.
func NewKey() Key {
	var k Key
	_, _ = rand.Read(k[:]) // never fails
	return k
}

// ParseKey reads a key as Encode writes it; white space around it does not matter.
func ParseKey(text string) (Key, error) {
	var k Key
	decoded, err := base64.URLEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(decoded) != len(k) {
		return Key{}, errors.New("a Fernet key is 32 bytes in URL-safe base64: 44 characters")
	}
	copy(k[:], decoded)
	return k, nil
}

// Encode is the key as a text of 44 characters, for its file.
func (k Key) Encode() string { return base64.URLEncoding.EncodeToString(k[:]) }

// String hides the key from logs and errors.
func (Key) String() string { return "(a Fernet key)" }

// GoString hides the key too.
func (Key) GoString() string { return "fernet.Key{...}" }

// Format hides the key whatever the verb is.
func (Key) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte("(a Fernet key)")) }

// Keys is what tokens are opened with, in this order. The first one makes tokens.
type Keys []Key

// Seal makes a token of a text, dated at (whole seconds, not before 1970), without the padding that URLs do not like.
// Without a key there is no token: it panics.
func (keys Keys) Seal(plaintext []byte, at time.Time) string {
	k := keys[0]
	padding := aes.BlockSize - len(plaintext)%aes.BlockSize
	token := make([]byte, headerSize, headerSize+len(plaintext)+padding+signatureSize)
	token[0] = version
	binary.BigEndian.PutUint64(token[1:], uint64(max(0, at.Unix()))) //nolint:gosec // not negative
	iv := token[1+timeSize : headerSize]
	_, _ = rand.Read(iv) // never fails
	token = append(token, plaintext...)
	token = append(token, bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(k.block(), iv).CryptBlocks(token[headerSize:], token[headerSize:])
	return base64.RawURLEncoding.EncodeToString(append(token, k.sign(token)...))
}

// Open gives the text of a token and its date. The padding may be there or not. Whatever is wrong with it is ErrInvalid;
// how old it is does not matter here.
func (keys Keys) Open(token string) (plaintext []byte, at time.Time, err error) {
	if len(token) > maxTokenBytes {
		return nil, time.Time{}, ErrInvalid
	}
	sealed, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(token, "="))
	if err != nil || len(sealed) < headerSize+aes.BlockSize+signatureSize || sealed[0] != version {
		return nil, time.Time{}, ErrInvalid
	}
	signed, signature := sealed[:len(sealed)-signatureSize], sealed[len(sealed)-signatureSize:]
	for _, k := range keys {
		if !hmac.Equal(k.sign(signed), signature) {
			continue
		}
		plaintext, err := k.decrypt(signed)
		if err != nil {
			return nil, time.Time{}, err
		}
		seconds := binary.BigEndian.Uint64(signed[1:])
		return plaintext, time.Unix(int64(seconds), 0).UTC(), nil //nolint:gosec // signed by us
	}
	return nil, time.Time{}, ErrInvalid
}

func (k Key) decrypt(signed []byte) ([]byte, error) {
	body := signed[headerSize:]
	if len(body)%aes.BlockSize != 0 {
		return nil, ErrInvalid
	}
	text := make([]byte, len(body))
	cipher.NewCBCDecrypter(k.block(), signed[1+timeSize:headerSize]).CryptBlocks(text, body)
	padding := int(text[len(text)-1])
	if padding == 0 || padding > aes.BlockSize || bytes.Count(text[len(text)-padding:], text[len(text)-1:]) != padding {
		return nil, ErrInvalid
	}
	return text[:len(text)-padding], nil
}

func (k Key) block() cipher.Block {
	block, err := aes.NewCipher(k[16:])
	if err != nil {
		panic(err) // 16 bytes are a key
	}
	return block
}

func (k Key) sign(signed []byte) []byte {
	mac := hmac.New(sha256.New, k[:16])
	mac.Write(signed)
	return mac.Sum(nil)
}
