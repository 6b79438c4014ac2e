// Package microversion is the version arithmetic of OpenStack's APIs: versions such as 3.27, ranges of them, and the
// negotiation of one through the OpenStack-API-Version header.
//
// What must not live here: the history of one service (which version brought what); that is data of its wing.
package microversion

import (
	"cmp"
	"context"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// Header is the request and response header that carries the version.
const Header = "OpenStack-API-Version"

// Version is one microversion. The zero Version means "none" and lies below every other.
type Version struct{ Major, Minor uint16 }

// V makes a version; it only exists to keep tables of routes readable.
func V(major, minor uint16) Version { return Version{major, minor} }

// maxDigits bounds what is parsed: no service gets near 9999 microversions.
const maxDigits = 4

// Parse reads "3.27": a major number of at least 1, a dot, a minor number, no leading zeros, no spaces. Anything else is
// fault.Invalid with upstream's text.
func Parse(text string) (Version, error) {
	major, minor, ok := strings.Cut(text, ".")
	if !ok || !isNumber(major) || major == "0" || !isNumber(minor) {
		return Version{}, fault.New(fault.Invalid, "InvalidAPIVersionString",
			"API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", text)
	}
	v := Version{}
	for _, part := range []struct {
		text string
		into *uint16
	}{{major, &v.Major}, {minor, &v.Minor}} {
		n, err := strconv.ParseUint(part.text[:min(len(part.text), maxDigits)], 10, 16)
		if err != nil {
			return Version{}, fault.Wrap(err, fault.Invalid, "InvalidAPIVersionString",
				"API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", text)
		}
		if len(part.text) > maxDigits {
			n = 9999 // well formed but absurd: parsed as a version nobody offers, so that the caller is told the range
		}
		*part.into = uint16(n)
	}
	return v, nil
}

// isNumber reports whether text is a decimal number without a sign or leading zeros.
func isNumber(text string) bool {
	if text == "" || len(text) > 1 && text[0] == '0' {
		return false
	}
	return strings.Trim(text, "0123456789") == ""
}

// MustParse is Parse for constants of the program; it panics on a malformed one.
func MustParse(text string) Version {
	v, err := Parse(text)
	if err != nil {
		panic(err)
	}
	return v
}

// String gives "3.27"; the zero Version gives "0.0".
func (v Version) String() string {
	return strconv.Itoa(int(v.Major)) + "." + strconv.Itoa(int(v.Minor))
}

// IsZero reports whether v is "none".
func (v Version) IsZero() bool { return v == Version{} }

// Compare orders versions: negative when v is older than other.
func (v Version) Compare(other Version) int {
	return cmp.Or(cmp.Compare(v.Major, other.Major), cmp.Compare(v.Minor, other.Minor))
}

// AtLeast reports whether v is other or newer.
func (v Version) AtLeast(other Version) bool { return v.Compare(other) >= 0 }

// Range is an inclusive span of versions. A zero Min is open below, a zero Max open above; the zero Range holds all.
type Range struct{ Min, Max Version }

// From is every version from this one on.
func From(major, minor uint16) Range { return Range{Min: V(major, minor)} }

// Until is every version up to and including this one.
func Until(major, minor uint16) Range { return Range{Max: V(major, minor)} }

// Between is every version from min to max, both included.
func Between(min, max Version) Range { return Range{Min: min, Max: max} }

// Contains reports whether v lies in the range.
func (r Range) Contains(v Version) bool {
	return v.AtLeast(r.Min) && (r.Max.IsZero() || r.Max.AtLeast(v))
}

// Overlaps reports whether some version lies in both ranges.
func (r Range) Overlaps(other Range) bool {
	return (r.Max.IsZero() || r.Max.AtLeast(other.Min)) && (other.Max.IsZero() || other.Max.AtLeast(r.Min))
}

// String gives "3.0-3.43", "3.44-" or "-3.3"; the zero Range gives "all".
func (r Range) String() string {
	switch {
	case r == Range{}:
		return "all"
	case r.Min.IsZero():
		return "-" + r.Max.String()
	case r.Max.IsZero():
		return r.Min.String() + "-"
	}
	return r.Min.String() + "-" + r.Max.String()
}

// Service is what one API offers. Name is the service type as clients write it in the header ("volume").
type Service struct {
	Name     string
	Min, Max Version
}

// Negotiate reads the header's value (several header lines joined by commas; empty means absent) and gives the version
// to serve: Min when nothing is asked for, Max for "latest".
//
// A malformed value is fault.Invalid and gives the zero Version. One out of range is fault.NotAcceptable and gives the
// version that was asked for, which upstream echoes in the answer. Upstream: Request.set_api_version_request in
// cinder/api/openstack/wsgi.py; like there, the first element that mentions the service counts, and a header for other
// services only is an error and not the default.
func (s Service) Negotiate(header string) (Version, error) {
	if header == "" {
		return s.Min, nil
	}
	for element := range strings.SplitSeq(header, ",") {
		if !strings.Contains(element, s.Name) {
			continue
		}
		fields := strings.Fields(element)
		if len(fields) != 2 {
			return Version{}, fault.New(fault.Invalid, "InvalidAPIVersionString",
				"API Version String %s is of invalid format. Must be of format MajorNum.MinorNum.", strings.TrimSpace(element))
		}
		return s.choose(fields[1])
	}
	return Version{}, fault.New(fault.Invalid, "VersionNotFoundForAPIMethod",
		"The server could not comply with the request since it is either malformed or otherwise incorrect.")
}

func (s Service) choose(text string) (Version, error) {
	if text == "latest" {
		return s.Max, nil
	}
	v, err := Parse(text)
	if err != nil {
		return Version{}, err
	}
	if !(Range{Min: s.Min, Max: s.Max}).Contains(v) {
		return v, fault.New(fault.NotAcceptable, "InvalidGlobalAPIVersion",
			"Version %s is not supported by the API. Minimum is %s and maximum is %s.", text, s.Min, s.Max)
	}
	return v, nil
}

// HeaderValue is what the response header says: "volume 3.27".
func (s Service) HeaderValue(v Version) string { return s.Name + " " + v.String() }

type key struct{}

// With returns a context that carries the negotiated version.
func With(ctx context.Context, v Version) context.Context { return context.WithValue(ctx, key{}, v) }

// FromContext gives the version ctx carries, the zero Version when it carries none.
func FromContext(ctx context.Context) Version {
	v, _ := ctx.Value(key{}).(Version)
	return v
}
