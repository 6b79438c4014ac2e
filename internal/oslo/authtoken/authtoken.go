// Package authtoken is the filter that stands before every OpenStack API and finds out who asks: keystonemiddleware's
// auth_token. It believes what a Validator says of the tokens in a request, takes away whatever a client forged, and hands
// the rest on in headers, as upstream, and in the request's context.
//
// What lives here: the filter, its cache, the filter after it that makes the request context of it, and their options. What
// must not: how a token is validated (internal/keystone asks a Keystone; the identity wing looks itself), and what a role
// allows (oslo/policy).
//
// Upstream: keystonemiddleware/auth_token.
package authtoken

import (
	"context"
	"regexp"
	"strings"
	"time"
)

// Validator says what a token is worth. It is safe for concurrent use.
type Validator interface {
	// Validate gives what the token stands for. One that is not good is fault.NotFound; when that cannot be found out now, it
	// is fault.Unavailable. allowExpired accepts one that expired not long ago.
	Validate(ctx context.Context, token string, allowExpired bool) (*Token, error)
}

// Ref is a thing with an id and a name; both are "" when there is none.
type Ref struct{ ID, Name string }

// Token is what a token stands for. It must not be changed: requests share it.
type Token struct {
	User, UserDomain       Ref
	Project, ProjectDomain Ref
	Domain                 Ref
	System                 bool // scope is the whole system
	Roles                  []string
	ExpiresAt              time.Time
	// AccessRules are the only requests the token is good for; nil is all, empty is none.
	AccessRules []Rule
	// Catalog is the value of X-Service-Catalog; "" when it was not asked for.
	Catalog string
}

// Rule allows one kind of request.
type Rule struct {
	Service string `json:"service"`
	Method  string `json:"method"`
	Path    string `json:"path"`
}

// Allows reports whether the rule is about a request to one of these types of service. In its path {name} and * stand for
// anything within a segment, ** for anything.
func (r Rule) Allows(serviceTypes []string, method, path string) bool {
	if !strings.EqualFold(r.Method, method) || !matchesPath(r.Path, path) {
		return false
	}
	for _, t := range serviceTypes {
		if t == r.Service {
			return true
		}
	}
	return false
}

// wildcard finds what stands for something else in the path of a rule.
var wildcard = regexp.MustCompile(`\{[^}]*\}|\*\*|\*`)

// maxPatternBytes bounds the path of a rule; Keystone's column holds 128 characters.
const maxPatternBytes = 1024

func matchesPath(pattern, path string) bool {
	if len(pattern) > maxPatternBytes {
		return false
	}
	var expression strings.Builder
	expression.WriteString(`^`)
	rest := 0
	for _, at := range wildcard.FindAllStringIndex(pattern, -1) {
		expression.WriteString(regexp.QuoteMeta(pattern[rest:at[0]]))
		if pattern[at[0]:at[1]] == "**" {
			expression.WriteString(`.*`)
		} else {
			expression.WriteString(`[^/]+`)
		}
		rest = at[1]
	}
	expression.WriteString(regexp.QuoteMeta(pattern[rest:]) + `$`)
	compiled, err := regexp.Compile(expression.String())
	return err == nil && compiled.MatchString(path)
}

type tokenKey struct{}

// Caller is what was found out about who asks.
type Caller struct {
	Token   *Token // nil: nobody who could be believed
	Service *Token // of the service that asks on their behalf; nil for none
	Text    string // of the user's token, to be handed on to other services
}

// With returns a context of a caller; for tests of what stands behind the filter.
func With(ctx context.Context, c Caller) context.Context {
	return context.WithValue(ctx, tokenKey{}, &c)
}

// From gives the caller that the filter has found; the zero Caller when it has not been at work.
func From(ctx context.Context) Caller {
	if c, ok := ctx.Value(tokenKey{}).(*Caller); ok {
		return *c
	}
	return Caller{}
}
