// Package ec2 is logging in with the signature of a request in the manner of Amazon's EC2: whoever can sign with the secret of
// an EC2 credential acts for its user in its project.
//
// What must not live here: making and listing such credentials (package credentials).
//
// Upstream: keystone/api/ec2tokens.py, and keystoneclient's Ec2Signer for the signatures.
package ec2

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
	"github.com/clinker/clinker/internal/identity/app/credentials"
	"github.com/clinker/clinker/internal/identity/app/tokens"
	"github.com/clinker/clinker/internal/identity/token"
)

// maxAge is how old a signature may be that says when it was made ([credential] auth_ttl).
const maxAge = 15 * time.Minute

// maxAhead is how far the signer's clock may be ahead.
const maxAhead = 5 * time.Minute

// Login exchanges signatures for tokens. It is safe for concurrent use.
type Login struct {
	*app.Core
	tokens *tokens.Tokens
}

// New makes a Login that issues tokens by t.
func New(t *tokens.Tokens) *Login { return &Login{Core: t.Core, tokens: t} }

// Token issues a token for a signed request. The caller is the service that got the request: its token needs to be one.
func (l *Login) Token(ctx context.Context, r Request) (*app.Token, error) {
	if err := l.Authorize(ctx, "identity:ec2tokens_validate", app.Target{}); err != nil {
		return nil, err
	}
	return l.exchange(ctx, r.Access, func(secret string) error { return l.check(r, secret) })
}

// exchange issues a token for who has the secret to an access key, which check finds out.
func (l *Login) exchange(ctx context.Context, access string, check func(secret string) error) (*app.Token, error) {
	if access == "" {
		return nil, identity.Unauthorized("there is no access key in the request")
	}
	sum := sha256.Sum256([]byte(access))
	c, err := app.OrNil(l.Store.Credential(ctx, hex.EncodeToString(sum[:])))
	if err != nil {
		return nil, err
	}
	if c == nil || c.Type != identity.CredentialEC2 {
		return nil, fault.New(fault.NotFound, "", "EC2 access key not found.")
	}
	key, err := credentials.ParseKey(c.Blob)
	if err != nil {
		return nil, identity.Unauthorized("credential %s holds no key", c.ID)
	}
	if err := check(key.Secret); err != nil {
		return nil, err
	}
	return l.tokens.Issue(ctx, tokens.Request{UserID: c.UserID, Methods: []string{token.EC2Method}, ProjectID: c.ProjectID})
}

// check compares the signature, also without the port of the host, which some clients leave out of what they sign.
func (l *Login) check(r Request, secret string) error {
	if r.Signature == "" {
		return identity.Unauthorized("EC2 signature not supplied")
	}
	hosts := []string{r.Host}
	if host, _, err := net.SplitHostPort(r.Host); err == nil {
		hosts = append(hosts, host)
	}
	good := false
	for _, host := range hosts {
		r.Host = host
		signature, err := r.sign(secret)
		if err != nil {
			return identity.Unauthorized("signature: %v", err)
		}
		good = good || subtle.ConstantTimeCompare([]byte(signature), []byte(r.Signature)) == 1
	}
	if !good {
		return identity.Unauthorized("Invalid EC2 signature")
	}
	at, given, err := r.timestamp()
	switch now := l.Now(); {
	case err != nil:
		return identity.Unauthorized("timestamp: %v", err)
	case given && (now.After(at.Add(maxAge)) || at.After(now.Add(maxAhead))):
		return identity.Unauthorized("the signature is of %v", at)
	}
	return nil
}
