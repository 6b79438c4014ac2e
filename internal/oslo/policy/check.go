package policy

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/reqctx"
)

// question is one thing that is asked of the rules.
type question struct {
	caller *reqctx.Request
	target Target // nil: the caller's own project and user
}

// attribute is one of the target's.
func (q *question) attribute(name string) (value string, known bool) {
	if q.target != nil {
		return q.target(name)
	}
	return owned(q.caller.ProjectID, q.caller.UserID, name)
}

// check is a compiled rule.
type check func(q *question) bool

func never(*question) bool  { return false }
func always(*question) bool { return true }

// node is a parsed rule. lookUp gives the compiled form of another rule by its name.
type node interface {
	compile(lookUp func(name string) check) check
	String() string // the rule in normal form, which parses to the same
}

type (
	constant     bool
	negation     struct{ node }
	allOf        []node
	anyOf        []node
	reference    string
	roleCheck    struct{ match template }
	literalCheck struct {
		written, literal string
		match            template
	}
	attributeCheck struct {
		path  string // into what is known of the caller: "project_id", "is_admin"
		match template
	}
)

func (c constant) compile(func(string) check) check {
	if c {
		return always
	}
	return never
}

func (n negation) compile(lookUp func(string) check) check {
	inner := n.node.compile(lookUp)
	return func(q *question) bool { return !inner(q) }
}

func compileAll(nodes []node, lookUp func(string) check) []check {
	checks := make([]check, len(nodes))
	for i, n := range nodes {
		checks[i] = n.compile(lookUp)
	}
	return checks
}

func (all allOf) compile(lookUp func(string) check) check {
	checks := compileAll(all, lookUp)
	return func(q *question) bool {
		for _, c := range checks {
			if !c(q) {
				return false
			}
		}
		return true
	}
}

func (alternatives anyOf) compile(lookUp func(string) check) check {
	checks := compileAll(alternatives, lookUp)
	return func(q *question) bool {
		for _, c := range checks {
			if c(q) {
				return true
			}
		}
		return false
	}
}

func (r reference) compile(lookUp func(string) check) check { return lookUp(string(r)) }

// compile compares roles without regard to case, as upstream does.
func (r roleCheck) compile(func(string) check) check {
	fixed, isFixed := r.match.fixed()
	return func(q *question) bool {
		role := fixed
		if !isFixed {
			var known bool
			if role, known = r.match.render(q); !known {
				return false
			}
		}
		for _, held := range q.caller.Roles {
			if held == role || strings.EqualFold(held, role) {
				return true
			}
		}
		return false
	}
}

func (l literalCheck) compile(func(string) check) check {
	if fixed, ok := l.match.fixed(); ok {
		return constant(fixed == l.literal).compile(nil)
	}
	return func(q *question) bool {
		value, known := l.match.render(q)
		return known && value == l.literal
	}
}

// compile compares an attribute of the caller. One that the caller has not is Python's None, which equals the text
// "None" written in a rule, but never an attribute of the target.
func (a attributeCheck) compile(func(string) check) check {
	fixed, isFixed := a.match.fixed()
	list := listCredential(a.path)
	switch {
	case list != nil:
		return func(q *question) bool {
			value, known := a.match.render(q)
			return known && slices.Contains(list(q.caller), value)
		}
	case isFixed:
		return func(q *question) bool {
			value, exists := credential(q.caller, a.path)
			if value == "" {
				value = "None"
			}
			return exists && value == fixed
		}
	}
	return func(q *question) bool {
		value, exists := credential(q.caller, a.path)
		if !exists || value == "" {
			return false
		}
		wanted, known := a.match.render(q)
		return known && value == wanted
	}
}

// fixed is the text of a template that refers to nothing.
func (t template) fixed() (string, bool) {
	if len(t) == 1 && t[0].name == "" {
		return t[0].text, true
	}
	return "", false
}

// render fills in the attributes of the target; known is false when it has not all of them.
func (t template) render(q *question) (text string, known bool) {
	if len(t) == 1 {
		if t[0].name == "" {
			return t[0].text, true
		}
		return q.attribute(t[0].name)
	}
	var out strings.Builder
	for _, p := range t {
		if p.name == "" {
			out.WriteString(p.text)
			continue
		}
		value, known := q.attribute(p.name)
		if !known {
			return "", false
		}
		out.WriteString(value)
	}
	return out.String(), true
}

// credential is what is known of the caller under upstream's name; exists is false for a name there is not. "" is None.
// Upstream: RequestContext.to_policy_values of oslo.context, and is_admin of Cinder.
func credential(caller *reqctx.Request, name string) (value string, exists bool) {
	switch name {
	case "project_id", "tenant", "tenant_id", "project":
		return caller.ProjectID, true
	case "user_id", "user":
		return caller.UserID, true
	case "is_admin":
		return pythonBool(caller.IsAdmin), true
	case "is_admin_project":
		return "True", true // what oslo.context assumes of a token that does not say
	case "domain_id", "token.domain.id": // the second is Keystone's own
		return caller.DomainID, true
	case "user_domain_id":
		return caller.UserDomainID, true
	case "project_domain_id", "token.project.domain.id":
		return caller.ProjectDomainID, true
	case "system_scope", "system":
		return caller.SystemScope, true
	}
	return "", false
}

// listCredential is what is known of the caller as a list, nil if name is none; a check holds if one element matches.
func listCredential(name string) func(*reqctx.Request) []string {
	switch name {
	case "roles":
		return func(r *reqctx.Request) []string { return r.Roles }
	case "service_roles":
		return func(r *reqctx.Request) []string { return r.ServiceRoles }
	}
	return nil
}

func pythonBool(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// simplified is the node itself without a list of one.
func (all allOf) simplified() node {
	if len(all) == 1 {
		return all[0]
	}
	return all
}

func (alternatives anyOf) simplified() node {
	if len(alternatives) == 1 {
		return alternatives[0]
	}
	return alternatives
}

func (c constant) String() string {
	if c {
		return "@"
	}
	return "!"
}

func (n negation) String() string { return "not " + n.node.String() }

func join(nodes []node, operator string) string {
	texts := make([]string, len(nodes))
	for i, n := range nodes {
		texts[i] = n.String()
	}
	return "(" + strings.Join(texts, operator) + ")"
}

func (all allOf) String() string          { return join(all, " and ") }
func (alternatives anyOf) String() string { return join(alternatives, " or ") }
func (r reference) String() string        { return "rule:" + string(r) }
func (r roleCheck) String() string        { return "role:" + r.match.String() }
func (l literalCheck) String() string     { return l.written + ":" + l.match.String() }
func (a attributeCheck) String() string   { return a.path + ":" + a.match.String() }
