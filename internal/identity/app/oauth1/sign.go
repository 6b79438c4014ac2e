package oauth1

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what OAuth 1.0 signs with
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signed is a request with a signature of OAuth 1.0 (RFC 5849).
type Signed struct {
	Method string
	URL    string // with its query
	// Parameters are those of the Authorization header, decoded; see ParseHeader.
	Parameters map[string]string
}

// The parameters of a signed request.
const (
	paramConsumer  = "oauth_consumer_key"
	paramToken     = "oauth_token"
	paramVerifier  = "oauth_verifier"
	paramSignature = "oauth_signature"
	paramMethod    = "oauth_signature_method"
	paramTimestamp = "oauth_timestamp"
	paramNonce     = "oauth_nonce"
	paramVersion   = "oauth_version"
)

// maxParameters bounds a header.
const maxParameters = 32

// ParseHeader reads an Authorization header of OAuth. Anything else is an error, which says what is wrong without the value.
func ParseHeader(header string) (map[string]string, error) {
	const scheme = "oauth "
	if len(header) < len(scheme) || !strings.EqualFold(header[:len(scheme)], scheme) {
		return nil, errors.New("the Authorization header is not of OAuth")
	}
	parameters := map[string]string{}
	for part := range strings.SplitSeq(header[len(scheme):], ",") {
		name, value, found := strings.Cut(strings.TrimSpace(part), "=")
		value, opened := strings.CutPrefix(value, `"`)
		value, closed := strings.CutSuffix(value, `"`)
		if !found || !opened || !closed || len(parameters) == maxParameters {
			return nil, fmt.Errorf("parameter %d of the Authorization header is not name=\"value\"", len(parameters)+1)
		}
		decodedName, err := url.PathUnescape(name)
		if err != nil {
			return nil, errors.New("a parameter's name is not percent-encoded")
		}
		decoded, err := url.PathUnescape(value)
		if err != nil {
			return nil, fmt.Errorf("the value of %.40q is not percent-encoded", decodedName)
		}
		if _, twice := parameters[decodedName]; twice {
			return nil, fmt.Errorf("%.40q is there twice", decodedName)
		}
		parameters[decodedName] = decoded
	}
	return parameters, nil
}

// escape is RFC 3986's percent-encoding, which OAuth demands.
func escape(text string) string {
	return strings.ReplaceAll(url.QueryEscape(text), "+", "%20")
}

// base is the text that is signed: RFC 5849, section 3.4.1.
func (s Signed) base() (string, error) {
	u, err := url.Parse(s.URL)
	if err != nil {
		return "", err
	}
	host := strings.ToLower(u.Host)
	if name, port, err := net.SplitHostPort(host); err == nil && (u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443") {
		host = name
	}
	var pairs [][2]string
	for name, value := range s.Parameters {
		if name != paramSignature && name != "realm" {
			pairs = append(pairs, [2]string{escape(name), escape(value)})
		}
	}
	for name, values := range u.Query() {
		for _, value := range values {
			pairs = append(pairs, [2]string{escape(name), escape(value)})
		}
	}
	slices.SortFunc(pairs, func(a, b [2]string) int { return slices.Compare(a[:], b[:]) })
	var text strings.Builder
	for i, pair := range pairs {
		if i > 0 {
			text.WriteByte('&')
		}
		text.WriteString(pair[0] + "=" + pair[1])
	}
	address := strings.ToLower(u.Scheme) + "://" + host + u.EscapedPath()
	return strings.ToUpper(s.Method) + "&" + escape(address) + "&" + escape(text.String()), nil
}

// sign computes the signature that the request should have. tokenSecret is "" when there is no token yet.
func (s Signed) sign(consumerSecret, tokenSecret string) (string, error) {
	key := escape(consumerSecret) + "&" + escape(tokenSecret)
	var sum func() hash.Hash
	switch method := s.Parameters[paramMethod]; method {
	case "PLAINTEXT":
		return key, nil
	case "HMAC-SHA1":
		sum = sha1.New
	case "HMAC-SHA256":
		sum = sha256.New
	default:
		return "", fmt.Errorf("the signature method %.20q is not known", method)
	}
	text, err := s.base()
	if err != nil {
		return "", err
	}
	mac := hmac.New(sum, []byte(key))
	mac.Write([]byte(text))
	return base64.StdEncoding.EncodeToString(mac.Sum(nil)), nil
}

// maxSkew is how far the signer's clock may be off.
const maxSkew = 10 * time.Minute

// check compares the signature, and looks at the time of it.
func (s Signed) check(consumerSecret, tokenSecret string, now time.Time) error {
	if version, given := s.Parameters[paramVersion]; given && version != "1.0" {
		return errors.New("it is of another version than 1.0")
	}
	signature, err := s.sign(consumerSecret, tokenSecret)
	if err != nil {
		return err
	}
	if subtle.ConstantTimeCompare([]byte(signature), []byte(s.Parameters[paramSignature])) != 1 {
		return errors.New("the signature is another one")
	}
	seconds, err := strconv.ParseInt(s.Parameters[paramTimestamp], 10, 64)
	if err != nil || s.Parameters[paramNonce] == "" {
		return errors.New("there is no timestamp, or no nonce")
	}
	if off := now.Sub(time.Unix(seconds, 0)); off > maxSkew || off < -maxSkew {
		return fmt.Errorf("it was signed %v ago", off)
	}
	return nil
}
