package identity

import (
	"fmt"
	"strings"
)

// matchPath reports whether a path fits a pattern of an access rule: * and {name} stand for one segment, ** for any number.
func matchPath(pattern, path string) bool {
	return matchSegments(strings.Split(strings.Trim(pattern, "/"), "/"), strings.Split(strings.Trim(path, "/"), "/"))
}

// matchSegments needs time in proportion to the product of the lengths: only the last ** is ever tried again.
func matchSegments(pattern, path []string) bool {
	i, j, wide, resume := 0, 0, -1, 0
	for j < len(path) {
		switch {
		case i < len(pattern) && pattern[i] == "**":
			wide, resume = i, j
			i++
		case i < len(pattern) && segmentFits(pattern[i], path[j]):
			i, j = i+1, j+1
		case wide >= 0:
			resume++
			i, j = wide+1, resume
		default:
			return false
		}
	}
	for i < len(pattern) && pattern[i] == "**" {
		i++
	}
	return i == len(pattern)
}

func segmentFits(pattern, segment string) bool {
	return pattern == segment || pattern == "*" && segment != "" ||
		strings.HasPrefix(pattern, "{") && strings.HasSuffix(pattern, "}") && segment != ""
}

// urlNames are what an endpoint's URL may refer to, old and new names of the same. Upstream: keystone/catalog/core.py.
const (
	urlProjectID = "project_id"
	urlTenantID  = "tenant_id"
	urlUserID    = "user_id"
)

// ExpandURL puts the caller's ids into an endpoint's URL, where it says $(project_id)s or %(user_id)s. ok is false when the
// URL needs a project and the caller has none: then the catalog leaves the endpoint out. A name that is not known is an
// error, which CheckURL finds first.
func ExpandURL(template, projectID, userID string) (url string, ok bool, err error) {
	var out strings.Builder
	rest := template
	for {
		i := strings.IndexAny(rest, "$%")
		if i < 0 || i+1 == len(rest) {
			out.WriteString(rest)
			return out.String(), true, nil
		}
		out.WriteString(rest[:i])
		if rest[i+1] != '(' {
			out.WriteByte(rest[i])
			rest = rest[i+1:]
			continue
		}
		name, after, found := strings.Cut(rest[i+2:], ")s")
		if !found {
			return "", false, fmt.Errorf("%q is not closed by )s", rest[i:])
		}
		switch name {
		case urlProjectID, urlTenantID:
			if projectID == "" {
				return "", false, nil
			}
			out.WriteString(projectID)
		case urlUserID:
			out.WriteString(userID)
		default:
			return "", false, fmt.Errorf("%q is not known; %s and %s are", name, urlProjectID, urlUserID)
		}
		rest = after
	}
}
