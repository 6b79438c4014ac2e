// Package secrets hashes passwords and the secrets of application credentials, and compares with what was hashed.
//
// What must not live here: whose secret it is, and what follows from a comparison.
package secrets

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"runtime"
	"strings"

	"golang.org/x/crypto/bcrypt"

	"github.com/clinker/clinker/internal/fault"
)

// DefaultRounds is the binary logarithm of bcrypt's work, about 60 ms: OWASP's least, for a control plane that is asked to make
// users by the hundred.
const DefaultRounds = 10

// MaxRounds bounds what configuration may ask for: a comparison takes minutes beyond it.
const MaxRounds = 16

// longPrefix marks hashes of secrets that bcrypt, which looks at 72 bytes only, got as their SHA-256.
const longPrefix = "sha256+"

const bcryptBytes = 72

// Hasher hashes and compares. It runs as many of these at once as there are processors, since each keeps one busy; others
// wait. It is safe for concurrent use.
type Hasher struct {
	rounds int
	slots  chan struct{}
	decoy  []byte // the hash of a password nobody has
}

// New makes a Hasher of so many rounds; 0 is DefaultRounds.
func New(rounds int) (*Hasher, error) {
	if rounds == 0 {
		rounds = DefaultRounds
	}
	if rounds < bcrypt.MinCost || rounds > MaxRounds {
		return nil, fmt.Errorf("%d rounds of bcrypt: it must be from %d to %d", rounds, bcrypt.MinCost, MaxRounds)
	}
	h := &Hasher{rounds: rounds, slots: make(chan struct{}, max(1, runtime.GOMAXPROCS(0)))}
	// A well-formed hash is all a comparison needs to take its time; making a true one would take as long at each start.
	h.decoy = fmt.Appendf(nil, "$2a$%02d$%s", rounds, strings.Repeat("a", 53))
	return h, nil
}

// do runs fn when it is its turn.
func (h *Hasher) do(ctx context.Context, fn func() error) error {
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return fault.Wrap(ctx.Err(), fault.Unavailable, "", "Too many passwords are being checked; please try again.")
	}
	defer func() { <-h.slots }()
	return fn()
}

// Hash hashes a secret that somebody chose.
func (h *Hasher) Hash(ctx context.Context, secret string) (hash string, err error) {
	err = h.do(ctx, func() error {
		hash, err = hashed(secret, h.rounds)
		return err
	})
	return hash, err
}

// HashRandom hashes a secret of at least 128 random bits. Trying all of them is out of the question however quick each try
// is, so it is quick.
func (h *Hasher) HashRandom(secret string) (string, error) { return hashed(secret, bcrypt.MinCost) }

func hashed(secret string, rounds int) (string, error) {
	prefix, text := shortened(secret)
	hash, err := bcrypt.GenerateFromPassword(text, rounds)
	return prefix + string(hash), err
}

func shortened(secret string) (prefix string, text []byte) {
	if len(secret) <= bcryptBytes {
		return "", []byte(secret)
	}
	sum := sha256.Sum256([]byte(secret))
	return longPrefix, []byte(base64.RawStdEncoding.EncodeToString(sum[:]))
}

// Matches reports whether the hash is of this secret. A hash of "", as of a user without a password or one who is not
// there, matches nothing, and finding that out takes as long as with any other: a caller cannot tell by the clock.
func (h *Hasher) Matches(ctx context.Context, hash, secret string) (ok bool, err error) {
	err = h.do(ctx, func() error {
		ok = h.matches(hash, secret)
		return nil
	})
	return ok, err
}

func (h *Hasher) matches(hash, secret string) bool {
	prefix, text := shortened(secret)
	inner, isLong := strings.CutPrefix(hash, longPrefix)
	if inner != "" && isLong == (prefix != "") && bcrypt.CompareHashAndPassword([]byte(inner), text) == nil {
		return true
	}
	// A miss takes the full work, whatever there was to compare with.
	if cost, err := bcrypt.Cost([]byte(inner)); err != nil || cost < h.rounds || isLong != (prefix != "") {
		_ = bcrypt.CompareHashAndPassword(h.decoy, text)
	}
	return false
}

// Random makes a secret of so many random bytes, as URL-safe base64 without padding.
func Random(bytes int) string {
	b := make([]byte, bytes)
	_, _ = rand.Read(b) // never fails
	return base64.RawURLEncoding.EncodeToString(b)
}
