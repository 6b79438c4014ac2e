// Package policy decides who may do what, in the rule language of oslo.policy: rules registered as data by each
// service, overridden by an operator's policy.yaml and policy.d, compiled to closures.
//
// What must not live here: the rules of any service (they are data of its wing) and the HTTP side of a refusal.
//
// Upstream: oslo_policy/_parser.py, _checks.py and policy.py. Where upstream logs and goes on with "nobody may", we
// refuse at start: a rule that cannot be parsed, rules that refer to each other in a circle, and checks that ask a
// remote server (http:, https:).
package policy

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/reqctx"
)

// Default is one rule as a service registers it.
type Default struct {
	Name        string // "volume:create"
	Check       string // "rule:admin_api"; "" allows everybody, as upstream
	Description string
	Operations  []Operation
	// ScopeTypes, when not empty, are the token scopes the rule accepts ("system", "domain", "project").
	ScopeTypes []string
	// Deprecated is the rule this one replaces, nil if it replaces none.
	Deprecated *Deprecated
}

// Operation is an API call that a rule guards.
type Operation struct{ Method, Path string }

// Deprecated is a rule of earlier releases. Unless new defaults are enforced, whom it allows is still allowed; an
// operator's override of its name counts for the new one.
type Deprecated struct {
	Name, Check, Reason, Since string
}

// Target gives attributes of what something is done to: project_id, user_id and others; known is false for one it has
// not, and a check that needs it fails.
type Target = func(name string) (value string, known bool)

// Owner is the target of something that belongs to a project and a user; what is "" is not known.
func Owner(projectID, userID string) Target {
	return func(name string) (string, bool) { return owned(projectID, userID, name) }
}

func owned(projectID, userID, name string) (string, bool) {
	switch name {
	case "project_id", "tenant_id":
		return projectID, projectID != ""
	case "user_id":
		return userID, userID != ""
	}
	return "", false
}

// Attributes is the target with exactly these attributes.
func Attributes(values map[string]string) Target {
	return func(name string) (string, bool) {
		value, known := values[name]
		return value, known
	}
}

// Options is what New makes an Enforcer from.
type Options struct {
	Defaults []Default
	// File is the path of policy.yaml (policy_file), "" for none; one that does not exist is as an empty one.
	File string
	// Directories are the paths of policy.d (policy_dirs); their files count after File, in the order of their names.
	Directories []string
	// EnforceNewDefaults leaves deprecated checks out (enforce_new_defaults); EnforceScope refuses tokens of a scope that
	// a rule does not accept (enforce_scope).
	EnforceNewDefaults, EnforceScope bool
	// DefaultRule answers for rules that nobody defines (policy_default_rule); "" is "default".
	DefaultRule string
	Logger      *slog.Logger // nil discards
}

// reloadInterval is how old the knowledge about the files on disk may be.
const reloadInterval = 5 * time.Second

// Enforcer answers by the rules as they are on disk, seconds old at most. It is safe for concurrent use.
type Enforcer struct {
	options   Options
	log       *slog.Logger
	rules     atomic.Pointer[ruleSet]
	nextLook  atomic.Int64 // unix nanoseconds
	reloading sync.Mutex
	seen      fingerprint // guarded by reloading
}

// New loads and compiles all rules. What cannot be parsed is an error that names file, rule and place.
func New(options Options) (*Enforcer, error) {
	e := &Enforcer{options: options, log: options.Logger}
	if e.log == nil {
		e.log = slog.New(slog.DiscardHandler)
	}
	if e.options.DefaultRule == "" {
		e.options.DefaultRule = "default"
	}
	e.seen = e.fingerprint()
	rules, err := e.load()
	if err != nil {
		return nil, err
	}
	e.rules.Store(rules)
	e.nextLook.Store(time.Now().Add(reloadInterval).UnixNano())
	return e, nil
}

// Check gives nil when the caller in ctx may do what rule names to target, and a fault.Forbidden in upstream's words
// when not. A nil target is the caller's own project and user. A rule that nobody defines allows nobody. Cost: well
// below a microsecond for the usual rules.
func (e *Enforcer) Check(ctx context.Context, rule string, target func(name string) (value string, known bool)) error {
	if e.allows(reqctx.Look(ctx), rule, target) {
		return nil
	}
	return fault.New(fault.Forbidden, "PolicyNotAuthorized", "Policy doesn't allow %s to be performed.", rule)
}

// Allows is Check for a caller that is not in a context, as a truth.
func (e *Enforcer) Allows(caller reqctx.Request, rule string, target Target) bool {
	return e.allows(&caller, rule, target)
}

func (e *Enforcer) allows(caller *reqctx.Request, rule string, target Target) bool {
	e.refresh()
	rules := e.rules.Load()
	r := rules.find(rule)
	if r == nil {
		e.log.Warn("a policy rule is asked for that nobody defines", slog.String("rule", rule))
		return false
	}
	if e.options.EnforceScope && len(r.scopes) > 0 && !slices.Contains(r.scopes, scopeOf(caller)) {
		return false
	}
	return r.check(&question{caller: caller, target: target})
}

// IsAdmin answers context_is_admin for a caller whose IsAdmin is not decided yet; the target is the caller.
func (e *Enforcer) IsAdmin(caller reqctx.Request) bool {
	return e.allows(&caller, "context_is_admin", func(name string) (string, bool) { return credential(&caller, name) })
}

// Effective is the check string of every rule as it is in force now, by name, for documents and the command line.
func (e *Enforcer) Effective() map[string]string {
	rules := e.rules.Load()
	out := make(map[string]string, len(rules.byName))
	for name, r := range rules.byName {
		out[name] = r.node.String()
	}
	return out
}

func scopeOf(caller *reqctx.Request) string {
	switch {
	case caller.SystemScope != "":
		return "system"
	case caller.DomainID != "":
		return "domain"
	}
	return "project"
}

// refresh looks at the files when it is time, in whichever call comes first; the others go on with what there is.
func (e *Enforcer) refresh() {
	now := time.Now()
	due := e.nextLook.Load()
	if now.UnixNano() < due || e.options.File == "" && len(e.options.Directories) == 0 {
		return
	}
	if !e.nextLook.CompareAndSwap(due, now.Add(reloadInterval).UnixNano()) {
		return
	}
	e.reloading.Lock()
	defer e.reloading.Unlock()
	seen := e.fingerprint()
	if seen.equal(e.seen) {
		return
	}
	e.seen = seen
	rules, err := e.load()
	if err != nil {
		e.log.Error("the policy files have changed and cannot be used; the rules before the change stay in force", slog.Any("error", err))
		return
	}
	e.rules.Store(rules)
	e.log.Info("policy rules reloaded", slog.Int("rules", len(rules.byName)))
}

// ruleSet is all rules of one moment, compiled and linked; it never changes.
type ruleSet struct {
	byName   map[string]*rule
	fallback *rule // policy_default_rule, nil if it is not defined
}

type rule struct {
	name   string
	node   node
	scopes []string
	check  check
}

func (s *ruleSet) find(name string) *rule {
	if r, ok := s.byName[name]; ok {
		return r
	}
	return s.fallback
}

// define compiles the rules into a set. References must not go round in a circle; one to nothing allows nobody.
func (e *Enforcer) define(nodes map[string]node, scopes map[string][]string) (*ruleSet, error) {
	set := &ruleSet{byName: make(map[string]*rule, len(nodes))}
	for name, n := range nodes {
		set.byName[name] = &rule{name: name, node: n, scopes: scopes[name]}
	}
	set.fallback = set.byName[e.options.DefaultRule]
	state := map[*rule]linking{}
	for _, r := range set.byName {
		if err := set.link(r, state, e.log); err != nil {
			return nil, err
		}
	}
	return set, nil
}

// linking is how far the linking of a rule has come.
type linking uint8

const (
	begun linking = iota + 1
	done
)

// link compiles a rule and, before it, those it refers to.
func (s *ruleSet) link(r *rule, state map[*rule]linking, log *slog.Logger) error {
	switch state[r] {
	case done:
		return nil
	case begun:
		return fmt.Errorf("policy rule %q refers to itself in a circle", r.name)
	}
	state[r] = begun
	var failure error
	r.check = r.node.compile(func(name string) check {
		other := s.find(name)
		if other == nil {
			log.Warn("a policy rule refers to one that is not defined; that part allows nobody",
				slog.String("rule", r.name), slog.String("refers_to", name))
			return never
		}
		if err := s.link(other, state, log); err != nil && failure == nil {
			failure = err
		}
		return other.check
	})
	state[r] = done
	return failure
}
