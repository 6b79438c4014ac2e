package identity

import (
	"fmt"
	"strings"
)

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
