package bodyschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"unicode/utf8"

	"github.com/clinker/clinker/internal/fault"
)

// Malformed is upstream's text about a body that cannot be decoded.
const Malformed = "Malformed request body"

// The bounds of a JSON body beside its size: what no honest request comes near, and what keeps every later step cheap.
const (
	maxDepth          = 100
	maxNumberBytes    = 1000
	maxExponentDigits = 3
)

// Decode decodes a whole body. Of members that come twice the last counts, as in Python. Text that is not UTF-8,
// nesting deeper than maxDepth and numbers beyond any use are malformed. Numbers stay exact, as json.Number.
func Decode(body []byte) (any, error) {
	if !utf8.Valid(body) || !bounded(body) {
		return nil, fault.New(fault.Invalid, "MalformedRequestBody", Malformed)
	}
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		return nil, fault.Wrap(err, fault.Invalid, "MalformedRequestBody", Malformed)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return nil, fault.Wrap(err, fault.Invalid, "MalformedRequestBody", Malformed)
	}
	return value, nil
}

// bounded looks over a text that may be JSON for nesting and numbers out of bounds, in one pass without allocating.
func bounded(body []byte) bool {
	depth, number, exponent := 0, 0, -1 // exponent counts its digits, -1 outside one
	inString := false
	for i := 0; i < len(body); i++ {
		c := body[i]
		if inString {
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
			continue
		}
		switch {
		case c >= '0' && c <= '9':
			number++
			if exponent >= 0 {
				exponent++
			}
			if number > maxNumberBytes || exponent > maxExponentDigits {
				return false
			}
			continue
		case number > 0 && (c == 'e' || c == 'E'):
			exponent = 0
			continue
		case number > 0 && (c == '.' || c == '+' || c == '-'):
			continue
		}
		number, exponent = 0, -1
		switch c {
		case '"':
			inString = true
		case '{', '[':
			if depth++; depth > maxDepth {
				return false
			}
		case '}', ']':
			depth--
		}
	}
	return true
}
