package versionedobjects

import (
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/fault"
)

// version is "major.minor"; a third part stands for a fix on a stable branch and does not count.
type version struct{ major, minor int }

func (v version) newerThan(o version) bool {
	return v.major > o.major || v.major == o.major && v.minor > o.minor
}

func parseVersion(s string) (version, bool) {
	parts := strings.Split(s, ".")
	if len(parts) != 2 && len(parts) != 3 {
		return version{}, false
	}
	var n [3]int
	for i, p := range parts {
		v, err := strconv.ParseUint(p, 10, 16)
		if err != nil {
			return version{}, false
		}
		n[i] = int(v)
	}
	return version{n[0], n[1]}, true
}

// incompatible is upstream's exception for an object of a version that is not known.
func incompatible(c class, came string) error {
	return fault.New(fault.Invalid, "IncompatibleObjectVersion", "Version %s of %s is not supported, supported version is %s", clip(came), c.Name, c.Version)
}

// unsupported is upstream's exception for an object of a class that is not known.
func unsupported(name string) error {
	return fault.New(fault.Invalid, "UnsupportedObjectError", "Unsupported object type %s", clip(name))
}

// clip bounds what a stranger's words take in a text.
func clip(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.ToValidUTF8(s, "?")
}
