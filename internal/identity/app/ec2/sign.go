package ec2

import (
	"crypto/hmac"
	"crypto/sha1" //nolint:gosec // what the old signatures are made with
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"maps"
	"slices"
	"strings"
	"time"
)

// Request is a signed request as the service that got it describes it.
type Request struct {
	Access, Signature string
	Verb, Host, Path  string
	Params, Headers   map[string]string
	BodyHash          string // hexadecimal SHA-256 of the body; signatures of version 4 need it
}

const algorithm4 = "AWS4-HMAC-SHA256"

// sign computes the signature that the request should have.
func (r Request) sign(secret string) (string, error) {
	switch version := r.Params["SignatureVersion"]; version {
	case "0":
		return encoded(sha1.New, secret, r.Params["Action"]+r.Params["Timestamp"]), nil
	case "1":
		var text strings.Builder
		for _, name := range slices.SortedFunc(maps.Keys(r.Params), func(a, b string) int { return strings.Compare(strings.ToLower(a), strings.ToLower(b)) }) {
			text.WriteString(name + r.Params[name])
		}
		return encoded(sha1.New, secret, text.String()), nil
	case "2":
		params := maps.Clone(r.Params)
		params["SignatureMethod"] = "HmacSHA256"
		return encoded(sha256.New, secret, r.Verb+"\n"+r.Host+"\n"+r.Path+"\n"+canonicalQuery(params)), nil
	case "":
		if strings.HasPrefix(r.Headers["Authorization"], algorithm4) || r.Params["X-Amz-Algorithm"] == algorithm4 {
			return r.sign4(secret)
		}
		return "", errors.New("it is of no known version")
	default:
		return "", fmt.Errorf("version %.20q is not known", version)
	}
}

func mac(make func() hash.Hash, key []byte, text string) []byte {
	h := hmac.New(make, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}

func encoded(make func() hash.Hash, secret, text string) string {
	return base64.StdEncoding.EncodeToString(mac(make, []byte(secret), text))
}

// canonicalQuery is the parameters in the order of their names, percent-encoded but for unreserved characters.
func canonicalQuery(params map[string]string) string {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(params)) {
		pairs = append(pairs, escape(name)+"="+escape(params[name]))
	}
	return strings.Join(pairs, "&")
}

func escape(text string) string {
	var out strings.Builder
	for _, c := range []byte(text) {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("-_.~", c) >= 0 {
			out.WriteByte(c)
		} else {
			fmt.Fprintf(&out, "%%%02X", c)
		}
	}
	return out.String()
}

// authorization is a part of the Authorization header, or the query parameter that stands for it.
func (r Request) authorization(name string) string {
	header, given := r.Headers["Authorization"]
	if !given {
		return r.Params["X-Amz-"+name]
	}
	_, rest, _ := strings.Cut(header, name+"=")
	value, _, _ := strings.Cut(rest, ",")
	return value
}

func (r Request) amazonDate() string {
	if date := r.Headers["X-Amz-Date"]; date != "" {
		return date
	}
	return r.Params["X-Amz-Date"]
}

// sign4 is version 4: a key for a day, a region and a service signs a digest of the whole request.
func (r Request) sign4(secret string) (string, error) {
	scope := strings.Split(r.authorization("Credential"), "/")
	const parts = 5 // access key, day, region, service, "aws4_request"
	if len(scope) != parts {
		return "", errors.New("the credential's scope has not five parts")
	}
	day, region, service, date := scope[1], scope[2], scope[3], r.amazonDate()
	if day == "" || !strings.HasPrefix(date, day) {
		return "", errors.New("the date is of another day than the credential's scope")
	}
	headers := map[string]string{}
	for name, value := range r.Headers {
		headers[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	signed := r.authorization("SignedHeaders")
	var lines []string
	for name := range strings.SplitSeq(signed, ";") {
		value, given := headers[name]
		if name == "host" && r.Host != "" {
			value, given = r.Host, true
		}
		if given {
			lines = append(lines, name+":"+value)
		}
	}
	query := ""
	if !strings.EqualFold(r.Verb, "POST") {
		query = canonicalQuery(r.Params)
	}
	canonical := strings.Join([]string{strings.ToUpper(r.Verb), r.Path, query, strings.Join(lines, "\n") + "\n", signed, r.BodyHash}, "\n")
	digest := sha256.Sum256([]byte(canonical))
	text := strings.Join([]string{algorithm4, date, strings.Join(scope[1:], "/"), hex.EncodeToString(digest[:])}, "\n")
	return hex.EncodeToString(mac(sha256.New, key4(secret, day, region, service), text)), nil
}

// key4 is the key for a day, a region and a service.
func key4(secret, day, region, service string) []byte {
	key := []byte("AWS4" + secret)
	for _, part := range []string{day, region, service, "aws4_request"} {
		key = mac(sha256.New, key, part)
	}
	return key
}

// timestamp is when the request was signed, if it says so.
func (r Request) timestamp() (at time.Time, given bool, err error) {
	text := r.Params["Timestamp"]
	if text == "" {
		text = r.amazonDate()
	}
	if text == "" {
		return time.Time{}, false, nil
	}
	for _, layout := range []string{time.RFC3339, "20060102T150405Z", "2006-01-02T15:04:05"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at, true, nil
		}
	}
	return time.Time{}, true, fmt.Errorf("%.40q is no time", text)
}
