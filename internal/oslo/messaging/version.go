package messaging

import (
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// Serves says whether a server of the RPC API version have may be asked for want: the same major and no newer minor, as
// oslo.messaging has it. An empty want asks for nothing and is always served; a want that is no version never is.
func Serves(have, want string) bool {
	if want == "" {
		return true
	}
	haveMajor, haveMinor, ok := parseVersion(have)
	if !ok {
		return false
	}
	major, minor, ok := parseVersion(want)
	return ok && major == haveMajor && minor <= haveMinor
}

// parseVersion reads "major.minor".
func parseVersion(s string) (major, minor uint64, ok bool) {
	a, b, found := strings.Cut(s, ".")
	if !found {
		return 0, 0, false
	}
	major, err1 := strconv.ParseUint(a, 10, 16)
	minor, err2 := strconv.ParseUint(b, 10, 16)
	return major, minor, err1 == nil && err2 == nil
}

func unsupportedVersion(s *Server, want string) error {
	return fault.New(fault.NotImplemented, NameUnsupportedVersion,
		"%s serves version %s of its messages and was asked for version %s.", s.Topic, s.Version, want)
}
