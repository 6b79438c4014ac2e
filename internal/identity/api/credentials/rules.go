// Package credentials is the HTTP of credentials of every kind: EC2 keys and others, application credentials and their access
// rules (keystone/api/credentials.py, users.py). What a request means is in app/credentials.
package credentials

import (
	"github.com/clinker/clinker/internal/identity"
)

// RuleViews are access rules as parts of something else.
func RuleViews(rules []identity.AccessRule) []map[string]any {
	views := []map[string]any{}
	for _, r := range rules {
		views = append(views, map[string]any{"id": r.ID, "service": r.Service, "method": r.Method, "path": r.Path})
	}
	return views
}
