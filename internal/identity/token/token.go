// Package token packs what a Keystone token says into a Fernet token and takes it out again, byte for byte as Keystone
// does: with the same key repository, each of the two opens the other's tokens.
//
// What must not live here: whether a token is still good, and what its bearer may do. A token holds ids only; what they
// stand for now is looked up when it is validated (internal/identity/app/tokens).
//
// Upstream: keystone/token/token_formatters.py.
package token

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/tinylib/msgp/msgp"

	"github.com/clinker/clinker/internal/fernet"
)

// Payload is what a token says. An id that is "" is not part of it.
type Payload struct {
	UserID  string
	Methods []string // how the bearer proved who they are, in the order of the names' bits
	// The scope: at most one of these three. A trust, an application credential and an access token belong to a project.
	ProjectID, DomainID string
	System              string // "all"
	TrustID             string
	// ApplicationCredentialID, or AccessTokenID of OAuth, is what the token was got with.
	ApplicationCredentialID, AccessTokenID string
	// AuditIDs name the token and, when it was got with another one, the first of that chain: 22 characters each.
	AuditIDs  []string
	ExpiresAt time.Time // microseconds count
	IssuedAt  time.Time // whole seconds
}

// Codec packs and unpacks. It holds no state of its own and is safe for concurrent use.
type Codec struct {
	// Keys gives the keys of the moment.
	Keys func() fernet.Keys
	// Methods are the names of authentication methods in the order of their bits ([auth] methods): two services that are to
	// read each other's tokens need the same.
	Methods []string
	// DefaultDomainID is the one domain id that is no UUID ([identity] default_domain_id).
	DefaultDomainID string
}

// DefaultMethods is Keystone's [auth] methods.
func DefaultMethods() []string {
	return []string{"external", "password", "token", "oauth1", "mapped", "application_credential"}
}

// EC2Method is the method of a token got by an EC2 signature. It has a bit of its own above the configured ones, and so has
// the one after it.
const (
	EC2Method    = "ec2credential"
	oauth2Method = "oauth2_credential"
)

// The layouts, by the number they begin with. Those of federated and OAuth2 tokens are known and not read.
const (
	unscoped              = 0
	domainScoped          = 1
	projectScoped         = 2
	trustScoped           = 3
	oauthScoped           = 7
	systemScoped          = 8
	applicationCredential = 9
)

// ErrUnrecognized is the answer about a text that is no token of these keys, or one of a kind this service does not issue.
var ErrUnrecognized = errors.New("not a token this service recognizes")

// auditBytes is the size of an audit id, a UUID, before base64.
const auditBytes = 16

// Pack makes the token. It fails only when the payload is one that no token can hold: a domain id that is neither a UUID nor
// the default one, or an audit id of another form.
func (c Codec) Pack(p Payload) (string, error) {
	b, err := c.append(make([]byte, 0, 128), p)
	if err != nil {
		return "", err
	}
	return c.Keys().Seal(b, p.IssuedAt), nil
}

func (c Codec) append(b []byte, p Payload) ([]byte, error) {
	layout, fields := unscoped, uint32(5)
	switch {
	case p.TrustID != "":
		layout, fields = trustScoped, 7
	case p.AccessTokenID != "" && p.ProjectID != "":
		layout, fields = oauthScoped, 7
	case p.ApplicationCredentialID != "" && p.ProjectID != "":
		layout, fields = applicationCredential, 7
	case p.ProjectID != "":
		layout, fields = projectScoped, 6
	case p.DomainID != "":
		layout, fields = domainScoped, 6
	case p.System != "":
		layout, fields = systemScoped, 6
	}
	b = msgp.AppendInt(msgp.AppendArrayHeader(b, fields), layout)
	b = appendID(b, p.UserID)
	b = msgp.AppendUint64(b, c.methodBits(p.Methods))
	switch layout {
	case projectScoped, trustScoped, applicationCredential:
		b = appendID(b, p.ProjectID)
	case oauthScoped:
		b = appendID(appendID(b, p.ProjectID), p.AccessTokenID)
	case systemScoped:
		b = msgp.AppendString(b, p.System)
	case domainScoped:
		if raw, ok := uuidBytes(p.DomainID); ok {
			b = msgp.AppendBytes(b, raw)
		} else if p.DomainID == c.DefaultDomainID {
			b = msgp.AppendString(b, p.DomainID)
		} else {
			return nil, fmt.Errorf("domain id %q is neither a UUID nor the default domain's", p.DomainID)
		}
	}
	b = msgp.AppendFloat64(b, float64(p.ExpiresAt.UnixMicro())/1e6)
	b = msgp.AppendArrayHeader(b, uint32(len(p.AuditIDs))) //nolint:gosec // one or two
	for _, id := range p.AuditIDs {
		raw, err := base64.RawURLEncoding.DecodeString(id)
		if err != nil || len(raw) != auditBytes {
			return nil, fmt.Errorf("audit id %q is not 16 bytes in URL-safe base64", id)
		}
		b = msgp.AppendBytes(b, raw)
	}
	switch layout {
	case trustScoped:
		raw, ok := uuidBytes(p.TrustID)
		if !ok {
			return nil, fmt.Errorf("trust id %q is no UUID", p.TrustID)
		}
		b = msgp.AppendBytes(b, raw)
	case applicationCredential:
		b = appendID(b, p.ApplicationCredentialID)
	}
	return b, nil
}

// Unpack opens a token. Anything that is not one of the layouts above, sealed with one of the keys, is ErrUnrecognized.
func (c Codec) Unpack(text string) (Payload, error) {
	b, issued, err := c.Keys().Open(text)
	if err != nil {
		return Payload{}, ErrUnrecognized
	}
	r := reader{b: b}
	fields := r.array()
	layout := r.uint()
	p := Payload{UserID: r.id(), Methods: c.methodNames(r.uint()), IssuedAt: issued}
	want := 6
	switch layout {
	case unscoped:
		want = 5
	case domainScoped:
		if p.DomainID = hexOrText(r.text()); p.DomainID == "" {
			r.broken = true
		}
	case projectScoped:
		p.ProjectID = r.id()
	case trustScoped, applicationCredential:
		want, p.ProjectID = 7, r.id()
	case oauthScoped:
		want, p.ProjectID, p.AccessTokenID = 7, r.id(), r.id()
	case systemScoped:
		p.System = string(r.text())
	default:
		return Payload{}, ErrUnrecognized
	}
	p.ExpiresAt = r.time()
	for range r.array() {
		p.AuditIDs = append(p.AuditIDs, base64.RawURLEncoding.EncodeToString(r.text()))
		if r.broken {
			break
		}
	}
	switch layout {
	case trustScoped:
		p.TrustID = hexOrText(r.text())
	case applicationCredential:
		p.ApplicationCredentialID = r.id()
	}
	if r.broken || fields != want || len(r.b) != 0 || p.UserID == "" || len(p.AuditIDs) == 0 {
		return Payload{}, ErrUnrecognized
	}
	return p, nil
}

// pseudoMethodBit is the first bit of methods that are not configured.
const pseudoMethodBit = 32

func (c Codec) methodBits(methods []string) (bits uint64) {
	for _, m := range methods {
		switch i := slices.Index(c.Methods, m); {
		case i >= 0 && i < pseudoMethodBit:
			bits |= 1 << i
		case m == EC2Method:
			bits |= 1 << pseudoMethodBit
		case m == oauth2Method:
			bits |= 1 << (pseudoMethodBit + 1)
		}
	}
	return bits
}

// methodNames lists methods from the highest bit down, as Keystone does.
func (c Codec) methodNames(bits uint64) []string {
	names := []string{}
	if bits&(1<<(pseudoMethodBit+1)) != 0 {
		names = append(names, oauth2Method)
	}
	if bits&(1<<pseudoMethodBit) != 0 {
		names = append(names, EC2Method)
	}
	for i, m := range slices.Backward(c.Methods) {
		if i < pseudoMethodBit && bits&(1<<i) != 0 {
			names = append(names, m)
		}
	}
	return names
}

// appendID writes an id with a mark that says whether it is a UUID, kept as 16 bytes, or a text.
func appendID(b []byte, id string) []byte {
	b = msgp.AppendArrayHeader(b, 2)
	if raw, ok := uuidBytes(id); ok {
		return msgp.AppendBytes(msgp.AppendBool(b, true), raw)
	}
	return msgp.AppendString(msgp.AppendBool(b, false), id)
}

const uuidSize = 16

// uuidBytes is an id in the form that Keystone gives ids, 32 hexadecimal digits, as bytes. Others, also the usual forms
// of UUIDs, stay texts, so that what comes out is what went in.
func uuidBytes(id string) ([]byte, bool) {
	if len(id) != 2*uuidSize || strings.ToLower(id) != id {
		return nil, false
	}
	raw, err := hex.DecodeString(id)
	return raw, err == nil
}

func hexOrText(raw []byte) string {
	if len(raw) == uuidSize {
		return hex.EncodeToString(raw)
	}
	return string(raw)
}

// reader takes values off a packed payload; after something unexpected it is broken and gives zero values.
type reader struct {
	b      []byte
	broken bool
}

func take[V any](r *reader, read func([]byte) (V, []byte, error)) (v V) {
	if r.broken {
		return v
	}
	v, rest, err := read(r.b)
	if err != nil {
		r.broken = true
		return *new(V)
	}
	r.b = rest
	return v
}

// maxFields bounds lists; the longest layout has seven fields.
const maxFields = 16

func (r *reader) array() int {
	n := take(r, msgp.ReadArrayHeaderBytes)
	if n > maxFields {
		r.broken = true
		return 0
	}
	return int(n)
}

func (r *reader) uint() uint64 { return take(r, msgp.ReadUint64Bytes) }

// text reads bytes or a string: older versions of Python's msgpack made no difference.
func (r *reader) text() []byte {
	if !r.broken && msgp.NextType(r.b) == msgp.StrType {
		return take(r, msgp.ReadStringZC)
	}
	return take(r, msgp.ReadBytesZC)
}

func (r *reader) id() string {
	if r.array() != 2 {
		r.broken = true
	}
	asBytes := take(r, msgp.ReadBoolBytes)
	raw := r.text()
	if asBytes && len(raw) != uuidSize {
		r.broken = true
	}
	if asBytes && !r.broken {
		return hex.EncodeToString(raw)
	}
	return string(raw)
}

// time reads seconds since 1970 as a float, rounded to the microseconds that were meant.
func (r *reader) time() time.Time {
	seconds := take(r, msgp.ReadFloat64Bytes)
	const limit = 1 << 40 // far beyond any year that a date can be written in
	if math.IsNaN(seconds) || seconds < 0 || seconds > limit {
		r.broken = true
		return time.Time{}
	}
	return time.UnixMicro(int64(math.Round(seconds * 1e6))).UTC()
}
