// Package member reads and writes the members that the bodies of several resources have alike: names and descriptions
// under old and new keys, connectors, optional texts and times. What only one resource has, is in its own package.
package member

import (
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Text is a name or description under the first of the keys that is there, without white space around it; nil when none
// is there or it is null.
func Text(body wsgi.Object, keys ...string) *string {
	for _, key := range keys {
		if body.Has(key) {
			if body.IsNull(key) {
				return nil
			}
			return new(body.Trimmed(key))
		}
	}
	return nil
}

// TextChange is Text for an update: nil when none of the keys is there, so that nothing changes.
func TextChange(body wsgi.Object, keys ...string) **string {
	for _, key := range keys {
		if body.Has(key) {
			return new(Text(body, keys...))
		}
	}
	return nil
}

// Connector reads the member "connector"; absent and null give nil. Where upstream's schema lets a string through, its
// drivers fail on it: here it is Invalid.
func Connector(body wsgi.Object) (block.Connector, error) {
	c := body.Object("connector")
	if c == nil && body.Has("connector") && !body.IsNull("connector") {
		return nil, block.InvalidInput("connector must be an object such as {\"host\": \"name\", \"initiator\": \"...\"}.")
	}
	return block.Connector(c), nil
}

// OrNull is a text as a JSON value: null when it is empty.
func OrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// Time is a time as a JSON value in the form of OpenStack's views: null when it is zero.
func Time(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return string(jsonview.AppendTime(nil, t))
}
