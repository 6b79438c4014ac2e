package ec2

import (
	"context"
	"crypto/sha1" //nolint:gosec // what the old signatures are made with
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/app"
)

// S3Request is a signed request as a service that speaks S3 describes it: Signed is the very text that was signed.
type S3Request struct {
	Access, Signature string
	Signed            []byte
}

// S3Token issues a token for a request that was signed in the manner of S3. The caller is the service that got the request. How
// old a signature may be is that service's affair: links that were signed in advance are good for days.
//
// Upstream: keystone/api/s3tokens.py.
func (l *Login) S3Token(ctx context.Context, r S3Request) (*app.Token, error) {
	if err := l.Authorize(ctx, "identity:s3tokens_validate", app.Target{}); err != nil {
		return nil, err
	}
	return l.exchange(ctx, r.Access, r.check)
}

func (r S3Request) check(secret string) error {
	signature, err := r.sign(secret)
	if err != nil {
		return identity.Unauthorized("S3 signature: %v", err)
	}
	if subtle.ConstantTimeCompare([]byte(signature), []byte(r.Signature)) != 1 {
		return identity.Unauthorized("Credential signature mismatch")
	}
	return nil
}

// sign computes the signature that the text should have: of version 4 if it says so, else of the first.
func (r S3Request) sign(secret string) (string, error) {
	text := string(r.Signed)
	if !strings.HasPrefix(text, "AWS4") {
		return encoded(sha1.New, secret, text), nil
	}
	lines := strings.Split(text, "\n")
	const count = 4 // algorithm, time, scope, digest
	if len(lines) != count || lines[0] != algorithm4 {
		return "", errors.New("the text has not four lines, or names another algorithm")
	}
	scope := strings.Split(lines[2], "/")
	if len(scope) != 4 || scope[3] != "aws4_request" || !slices.Contains([]string{"s3", "iam", "sts"}, scope[2]) {
		return "", errors.New("the scope is not of a day, a region, and S3 or its kin")
	}
	return hex.EncodeToString(mac(sha256.New, key4(secret, scope[0], scope[1], scope[2]), text)), nil
}

// ParseSigned reads the text that was signed, as the service sends it: URL-safe base64.
func ParseSigned(text string) ([]byte, error) {
	signed, err := base64.URLEncoding.DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(text))
	if err != nil || len(signed) == 0 {
		return nil, identity.Unauthorized("the signed text is no base64: %v", err)
	}
	return signed, nil
}
