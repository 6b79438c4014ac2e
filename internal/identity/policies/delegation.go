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

// oauthRules are about OAuth: consumers, and the tokens they get.
func oauthRules() []rule {
	const token = "/users/{user_id}/OS-OAUTH1/access_tokens/{access_token_id}"
	return []rule{
		{"identity:get_consumer", adminOrSystemReader, systemAndProject,
			"See a consumer of OAuth.",
			[]string{"GET /OS-OAUTH1/consumers/{consumer_id}"}},
		{"identity:list_consumers", adminOrSystemReader, systemAndProject,
			"List consumers of OAuth.",
			[]string{"GET /OS-OAUTH1/consumers"}},
		{"identity:create_consumer", admin, systemAndProject,
			"Make a consumer of OAuth.",
			[]string{"POST /OS-OAUTH1/consumers"}},
		{"identity:update_consumer", admin, systemAndProject,
			"Change a consumer of OAuth.",
			[]string{"PATCH /OS-OAUTH1/consumers/{consumer_id}"}},
		{"identity:delete_consumer", admin, systemAndProject,
			"Remove a consumer of OAuth.",
			[]string{"DELETE /OS-OAUTH1/consumers/{consumer_id}"}},
		{"identity:authorize_request_token", admin, projectOnly,
			"Let a consumer of OAuth act for one.",
			[]string{"PUT /OS-OAUTH1/authorize/{request_token_id}"}},
		{"identity:get_access_token", admin, projectOnly,
			"See an access token of OAuth.",
			[]string{"GET " + token}},
		{"identity:get_access_token_role", admin, projectOnly,
			"See a role of an access token of OAuth.",
			[]string{"GET " + token + "/roles/{role_id}"}},
		{"identity:list_access_tokens", admin, projectOnly,
			"List a user's access tokens of OAuth.",
			[]string{"GET /users/{user_id}/OS-OAUTH1/access_tokens"}},
		{"identity:list_access_token_roles", admin, projectOnly,
			"List the roles of an access token of OAuth.",
			[]string{"GET " + token + "/roles"}},
		{"identity:delete_access_token", "rule:admin_or_owner", projectOnly,
			"Remove an access token of OAuth.",
			[]string{"DELETE " + token}},
	}
}
