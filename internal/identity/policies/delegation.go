package policies

// Checks of who is at either end of a trust.
const (
	trustorIs = "user_id:%(target.trust.trustor_user_id)s"
	trusteeIs = "user_id:%(target.trust.trustee_user_id)s"
	trustEnds = "(rule:admin_required) or (role:reader and system_scope:all or " + trustorIs + or + trusteeIs + ")"
)

// trustsRules are about trusts.
func trustsRules() []rule {
	const trust = "/OS-TRUST/trusts/{trust_id}"
	return []rule{
		{"identity:create_trust", trustorIs, projectOnly,
			"Make a trust.",
			[]string{"POST /OS-TRUST/trusts"}},
		{"identity:list_trusts", adminOrSystemReader, systemAndProject,
			"List all trusts.",
			[]string{"GET /OS-TRUST/trusts"}},
		{"identity:list_trusts_for_trustor", "(rule:admin_required) or (role:reader and system_scope:all or " + trustorIs + ")", systemAndProject,
			"List the trusts a user has given.",
			[]string{"GET /OS-TRUST/trusts?trustor_user_id={trustor_user_id}"}},
		{"identity:list_trusts_for_trustee", "(rule:admin_required) or (role:reader and system_scope:all or " + trusteeIs + ")", systemAndProject,
			"List the trusts a user has got.",
			[]string{"GET /OS-TRUST/trusts?trustee_user_id={trustee_user_id}"}},
		{"identity:list_roles_for_trust", trustEnds, systemAndProject,
			"List the roles that a trust gives.",
			[]string{"GET " + trust + "/roles"}},
		{"identity:get_role_for_trust", trustEnds, systemAndProject,
			"See a role that a trust gives.",
			[]string{"GET " + trust + "/roles/{role_id}"}},
		{"identity:delete_trust", admin + or + trustorIs, systemAndProject,
			"Remove a trust.",
			[]string{"DELETE " + trust}},
		{"identity:get_trust", trustEnds, systemAndProject,
			"See a trust.",
			[]string{"GET " + trust}},
	}
}
