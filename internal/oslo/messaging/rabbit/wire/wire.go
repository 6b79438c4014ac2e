// Package wire is oslo.messaging's message format on RabbitMQ: the envelope, requests and replies inside it, the request's
// context and failures (facts: oslo_messaging/_drivers/common.py, _drivers/amqp.py, rpc/dispatcher.py,
// oslo_context/context.py, cinder/context.py). It is pure: bytes to values and back.
//
// What must not live here: connections and queues (they are in rabbit), or what any service's arguments mean (that is a
// messaging.Codec's affair).
//
// Reading is lenient where Python's writers are, and bounded: whoever calls has bounded the bytes.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// ContentType and ContentEncoding are the AMQP properties of every message (kombu's JSON serializer).
const (
	ContentType     = "application/json"
	ContentEncoding = "utf-8"
)

// envelopeVersion is the RPC envelope's version; readers accept its major.
const envelopeVersion = "2.0"

type envelope struct {
	Version string  `json:"oslo.version"`
	Message *string `json:"oslo.message"`
}

// Seal puts a message into the envelope.
func Seal(inner []byte) []byte {
	text := string(inner)
	b, err := json.Marshal(envelope{envelopeVersion, &text})
	if err != nil { // two strings can always be written
		panic(err)
	}
	return b
}

// Unseal takes a message out of its envelope. As upstream, a JSON object that is no envelope is a message of format 1.0 and
// comes back as it is. JSON that Python writes and the standard does not know (NaN, Infinity) is read as null.
func Unseal(body []byte) (inner []byte, err error) {
	var e envelope
	if err := json.Unmarshal(body, &e); err != nil {
		if body = withoutInfinities(body); !json.Valid(body) {
			return nil, fmt.Errorf("the message is no JSON object: %w", err)
		}
	}
	if e.Version == "" || e.Message == nil {
		return body, nil
	}
	if major, _, _ := bytes.Cut([]byte(e.Version), []byte(".")); string(major) != "2" {
		return nil, fmt.Errorf("the message's envelope has version %.16q, and only 2.x is read", e.Version)
	}
	inner = []byte(*e.Message)
	if !json.Valid(inner) {
		inner = withoutInfinities(inner)
	}
	return inner, nil
}

// withoutInfinities replaces the words NaN, Infinity and -Infinity outside strings by null.
func withoutInfinities(b []byte) []byte {
	out := make([]byte, 0, len(b))
	inside := false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case inside && c == '\\' && i+1 < len(b):
			out = append(out, c, b[i+1])
			i++
			continue
		case c == '"':
			inside = !inside
		case !inside && (c == 'N' || c == 'I' || c == '-'):
			if n := infinity(b[i:]); n > 0 {
				out = append(out, "null"...)
				i += n - 1
				continue
			}
		}
		out = append(out, b[i])
	}
	return out
}

// infinity is the length of the word b begins with, 0 if it is none of the three.
func infinity(b []byte) int {
	for _, word := range []string{"NaN", "Infinity", "-Infinity"} {
		if bytes.HasPrefix(b, []byte(word)) {
			return len(word)
		}
	}
	return 0
}

// object writes a JSON object field by field.
type object struct {
	bytes []byte
	err   error
}

func (o *object) field(key string, value any) {
	raw, isRaw := value.(json.RawMessage)
	if !isRaw {
		var err error
		if raw, err = json.Marshal(value); err != nil && o.err == nil {
			o.err = fmt.Errorf("%s cannot be written: %w", key, err)
		}
	}
	if len(raw) == 0 {
		raw = json.RawMessage("null")
	}
	separator := byte(',')
	if len(o.bytes) == 0 {
		separator = '{'
	}
	name, _ := json.Marshal(key)
	o.bytes = append(append(append(append(o.bytes, separator), name...), ':'), raw...)
}

// done is the object, or the first thing that could not be written.
func (o *object) done() ([]byte, error) {
	if len(o.bytes) == 0 {
		o.bytes = []byte{'{'}
	}
	return append(o.bytes, '}'), o.err
}

// fields is a JSON object that was read.
type fields map[string]json.RawMessage

// text is a string field; "" for null, for what is missing and for what is no string.
func (f fields) text(key string) string {
	var s string
	if json.Unmarshal(f[key], &s) != nil {
		return ""
	}
	return s
}

// flag is a boolean field; false for anything but true.
func (f fields) flag(key string) bool { return string(f[key]) == "true" }

// list is a field that is a list of strings; nil for anything else.
func (f fields) list(key string) []string {
	var l []string
	if json.Unmarshal(f[key], &l) != nil {
		return nil
	}
	return l
}

// present says whether a field is there and not null.
func (f fields) present(key string) bool { return len(f[key]) > 0 && string(f[key]) != "null" }

// orNull is s, or JSON's null for "".
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}
