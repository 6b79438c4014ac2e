package authtoken

import (
	"context"
	"crypto/sha256"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/clinker/clinker/internal/fault"
)

// MaxCached bounds how many good tokens a cache remembers, and how many others; the least used make room. One is about
// 2 KiB, four with its catalog.
const MaxCached = 2048

// validateTimeout bounds one question to a validator: it goes on when the request that asked first is gone, because others
// may wait for the same answer.
const validateTimeout = 60 * time.Second

// cache remembers what a Validator said: also that a token is not good, so that a client that insists costs nothing. While
// the answer is remembered, Keystone may be away; and a token that is revoked meanwhile stays good for that long.
type cache struct {
	validator Validator
	keep      time.Duration
	now       func() time.Time
	// Good tokens and others are kept apart, so that somebody who tries thousands cannot push the good ones out.
	good, bad *lru.Cache[cacheKey, answer]
	asking    singleflight.Group
}

type cacheKey struct {
	sum          [sha256.Size]byte // not the token itself: memory dumps should not give any away
	allowExpired bool
}

type answer struct {
	token *Token // nil: it is not good
	err   error  // then
	until time.Time
}

// Cached is a Validator that remembers the answers of another for a time ([keystone_authtoken] token_cache_time).
func Cached(v Validator, keep time.Duration, now func() time.Time) Validator {
	return &cache{validator: v, keep: keep, now: now, good: newLRU(), bad: newLRU()}
}

func newLRU() *lru.Cache[cacheKey, answer] {
	made, err := lru.New[cacheKey, answer](MaxCached)
	if err != nil {
		panic(err) // a size that is no size
	}
	return made
}

// Validate implements Validator.
func (c *cache) Validate(ctx context.Context, token string, allowExpired bool) (*Token, error) {
	key := cacheKey{sha256.Sum256([]byte(token)), allowExpired}
	for _, known := range [...]*lru.Cache[cacheKey, answer]{c.good, c.bad} {
		if a, ok := known.Get(key); ok && c.now().Before(a.until) {
			return a.token, a.err
		}
	}
	return c.ask(ctx, key, token)
}

// ask has the validator asked; those who ask for the same at once share an answer.
func (c *cache) ask(ctx context.Context, key cacheKey, token string) (*Token, error) {
	name := string(key.sum[:])
	if key.allowExpired {
		name += "+"
	}
	asked := c.asking.DoChan(name, func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), validateTimeout)
		defer cancel()
		found, err := c.validator.Validate(ctx, token, key.allowExpired)
		switch {
		case err == nil:
			c.good.Add(key, answer{found, nil, c.now().Add(c.keep)})
		case fault.Is(err, fault.NotFound):
			c.good.Remove(key)
			c.bad.Add(key, answer{nil, err, c.now().Add(c.keep)})
		}
		return found, err
	})
	select {
	case result := <-asked:
		found, _ := result.Val.(*Token)
		return found, result.Err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
