// Package policies is the table of the identity wing's policy rules: who may do what by default, and for which calls. It is
// data only; package oslo/policy gives it effect.
//
// What must not live here: decisions, and rules of other services.
//
// Upstream: keystone/common/policies/*.py, whose names and checks operators refer to in policy.yaml; the descriptions are
// ours.
package policies

import (
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/oslo/policy"
)

// rule is one row of the tables.
type rule struct {
	name, check string
	scopes      []string
	description string
	operations  []string // "GET /users/{user_id}"
}

// Checks that many rules have.
const (
	anybody             = ""
	admin               = "rule:admin_required"
	adminOrSystemReader = "rule:admin_required or (role:reader and system_scope:all)"
	or                  = " or "
	inAssigned          = "(role:reader and domain_id:%(target.domain_id)s and not None:%(target.domain_id)s)"
	roleOfDomain        = "(domain_id:%(target.role.domain_id)s or None:%(target.role.domain_id)s)"
)

// The scopes of tokens that rules accept.
var (
	everyScope       = []string{"system", "domain", "project"}
	systemAndProject = []string{"system", "project"}
	projectOnly      = []string{"project"}
)

// grantable is who may give roles and take them away: domains' own people within their domain, and a domain's manager the
// harmless roles.
var grantable = admin + or + "(" + grantScopes("admin") + ") and " + roleOfDomain + or + "(" + grantScopes("manager") + ") and rule:domain_managed_target_role"

// inDomain is who has a role in the domain of a thing, such as a user.
func inDomain(role, thing string) string {
	return "(role:" + role + " and domain_id:%(target." + thing + ".domain_id)s)"
}

// inListed is who has a role in the domain that is listed.
func inListed(role string) string { return "(role:" + role + " and domain_id:%(target.domain_id)s)" }

// ofDomain is inDomain for users, as Keystone writes it for them.
func ofDomain(role string) string {
	return "(role:" + role + " and token.domain.id:%(target.user.domain_id)s)"
}

// grantScopes is who has a role in the domain of both the user or group and the place of an assignment.
func grantScopes(role string) string {
	var all []string
	for _, actor := range []string{"user", "group"} {
		for _, place := range []string{"project.domain_id", "domain.id"} {
			all = append(all, "(role:"+role+" and domain_id:%(target."+actor+".domain_id)s and domain_id:%(target."+place+")s)")
		}
	}
	return strings.Join(all, or)
}

// grantOperations are the calls about assignments with a method, of one role or of all.
func grantOperations(method string, one bool) (calls []string) {
	for _, prefix := range []string{"", "/OS-INHERIT"} {
		for _, place := range []string{"/projects/{project_id}", "/domains/{domain_id}"} {
			for _, actor := range []string{"/users/{user_id}", "/groups/{group_id}"} {
				call := method + " " + prefix + place + actor + "/roles"
				if one {
					call += "/{role_id}"
				}
				if prefix != "" {
					call += "/inherited_to_projects"
				}
				calls = append(calls, call)
			}
		}
	}
	return calls
}

// Defaults lists all rules.
func Defaults() []policy.Default {
	var list []policy.Default
	for _, r := range slices.Concat(sharedRules(), tokensRules(), domainsRules(), projectsRules(), usersRules(), groupsRules(), rolesRules(),
		grantsRules(), catalogRules(), credentialsRules(), limitsRules(), policyTextsRules(), endpointFilterRules(), trustsRules(), oauthRules(), mappingsRules(), domainConfigRules()) {
		d := policy.Default{Name: r.name, Check: r.check, Description: r.description, ScopeTypes: r.scopes}
		for _, call := range r.operations {
			method, path, _ := strings.Cut(call, " ")
			d.Operations = append(d.Operations, policy.Operation{Method: method, Path: path})
		}
		list = append(list, d)
	}
	return list
}

// sharedRules are what the others are built of.
func sharedRules() []rule {
	return []rule{
		{name: "admin_required", check: "role:admin or is_admin:1"},
		{name: "service_role", check: "role:service"},
		{name: "service_or_admin", check: admin + " or rule:service_role"},
		{name: "owner", check: "user_id:%(user_id)s"},
		{name: "admin_or_owner", check: admin + " or rule:owner"},
		{name: "token_subject", check: "user_id:%(target.token.user_id)s"},
		{name: "admin_or_token_subject", check: admin + " or rule:token_subject"},
		{name: "service_admin_or_token_subject", check: "rule:service_or_admin or rule:token_subject"},
		{name: "domain_managed_target_role", check: "'manager':%(target.role.name)s or 'member':%(target.role.name)s or 'reader':%(target.role.name)s"},
	}
}
