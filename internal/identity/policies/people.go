package policies

// domainsRules are about domains.
func domainsRules() []rule {
	return []rule{
		{"identity:get_domain", adminOrSystemReader + " or token.domain.id:%(target.domain.id)s or token.project.domain.id:%(target.domain.id)s", everyScope,
			"See a domain.",
			[]string{"GET /domains/{domain_id}"}},
		{"identity:list_domains", adminOrSystemReader + " or (role:reader and domain_id:%(target.domain.id)s)", everyScope,
			"List domains.",
			[]string{"GET /domains"}},
		{"identity:create_domain", admin, systemAndProject,
			"Make a domain.",
			[]string{"POST /domains"}},
		{"identity:update_domain", admin, systemAndProject,
			"Change a domain.",
			[]string{"PATCH /domains/{domain_id}"}},
		{"identity:delete_domain", admin, systemAndProject,
			"Remove a domain.",
			[]string{"DELETE /domains/{domain_id}"}},
	}
}

// projectsRules are about projects and their tags.
func projectsRules() []rule {
	return []rule{
		{"identity:get_project", adminOrSystemReader + or + inDomain("reader", "project") + " or project_id:%(target.project.id)s", everyScope,
			"See a project.",
			[]string{"GET /projects/{project_id}"}},
		{"identity:list_projects", adminOrSystemReader + or + inListed("reader"), everyScope,
			"List projects.",
			[]string{"GET /projects"}},
		{"identity:list_user_projects", adminOrSystemReader + or + inDomain("reader", "user") + " or user_id:%(target.user.id)s", everyScope,
			"List the projects a user has a role in.",
			[]string{"GET /users/{user_id}/projects"}},
		{"identity:create_project", admin + or + inDomain("manager", "project"), everyScope,
			"Make a project.",
			[]string{"POST /projects"}},
		{"identity:update_project", admin + or + inDomain("manager", "project"), everyScope,
			"Change a project.",
			[]string{"PATCH /projects/{project_id}"}},
		{"identity:delete_project", admin + or + inDomain("manager", "project"), everyScope,
			"Remove a project.",
			[]string{"DELETE /projects/{project_id}"}},
		{"identity:list_project_tags", adminOrSystemReader + or + inDomain("reader", "project") + " or project_id:%(target.project.id)s", everyScope,
			"List a project's tags.",
			[]string{"GET /projects/{project_id}/tags"}},
		{"identity:get_project_tag", adminOrSystemReader + or + inDomain("reader", "project") + " or project_id:%(target.project.id)s", everyScope,
			"Ask whether a project has a tag.",
			[]string{"GET /projects/{project_id}/tags/{value}"}},
		{"identity:update_project_tags", admin + or + inDomain("manager", "project"), everyScope,
			"Replace a project's tags.",
			[]string{"PUT /projects/{project_id}/tags"}},
		{"identity:create_project_tag", admin + or + inDomain("manager", "project"), everyScope,
			"Add a tag to a project.",
			[]string{"PUT /projects/{project_id}/tags/{value}"}},
		{"identity:delete_project_tags", admin + or + inDomain("manager", "project"), everyScope,
			"Remove all of a project's tags.",
			[]string{"DELETE /projects/{project_id}/tags"}},
		{"identity:delete_project_tag", admin + or + inDomain("manager", "project"), everyScope,
			"Remove one of a project's tags.",
			[]string{"DELETE /projects/{project_id}/tags/{value}"}},
	}
}

// usersRules are about users.
func usersRules() []rule {
	return []rule{
		{"identity:get_user", adminOrSystemReader + or + ofDomain("reader") + " or user_id:%(target.user.id)s", everyScope,
			"See a user.",
			[]string{"GET /users/{user_id}"}},
		{"identity:list_users", adminOrSystemReader + or + inListed("reader"), everyScope,
			"List users.",
			[]string{"GET /users"}},
		{"identity:create_user", admin + or + ofDomain("manager"), everyScope,
			"Make a user.",
			[]string{"POST /users"}},
		{"identity:update_user", admin + or + ofDomain("manager"), everyScope,
			"Change a user.",
			[]string{"PATCH /users/{user_id}"}},
		{"identity:delete_user", admin + or + ofDomain("manager"), everyScope,
			"Remove a user.",
			[]string{"DELETE /users/{user_id}"}},
	}
}

// groupsRules are about groups and who is in them.
func groupsRules() []rule {
	return []rule{
		{"identity:get_group", adminOrSystemReader + or + inDomain("reader", "group"), everyScope,
			"See a group.",
			[]string{"GET /groups/{group_id}"}},
		{"identity:list_groups", adminOrSystemReader + or + inDomain("reader", "group"), everyScope,
			"List groups.",
			[]string{"GET /groups"}},
		{"identity:list_groups_for_user", adminOrSystemReader + or + inDomain("reader", "user") + " or user_id:%(user_id)s", everyScope,
			"List the groups a user is in.",
			[]string{"GET /users/{user_id}/groups"}},
		{"identity:create_group", admin + or + inDomain("manager", "group"), everyScope,
			"Make a group.",
			[]string{"POST /groups"}},
		{"identity:update_group", admin + or + inDomain("manager", "group"), everyScope,
			"Change a group.",
			[]string{"PATCH /groups/{group_id}"}},
		{"identity:delete_group", admin + or + inDomain("manager", "group"), everyScope,
			"Remove a group.",
			[]string{"DELETE /groups/{group_id}"}},
		{"identity:list_users_in_group", adminOrSystemReader + or + inDomain("reader", "group"), everyScope,
			"List the users in a group.",
			[]string{"GET /groups/{group_id}/users"}},
		{"identity:remove_user_from_group", admin + " or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)", everyScope,
			"Take a user out of a group.",
			[]string{"DELETE /groups/{group_id}/users/{user_id}"}},
		{"identity:check_user_in_group", adminOrSystemReader + " or (role:reader and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)", everyScope,
			"Ask whether a user is in a group.",
			[]string{"GET /groups/{group_id}/users/{user_id}"}},
		{"identity:add_user_to_group", admin + " or (role:manager and domain_id:%(target.group.domain_id)s and domain_id:%(target.user.domain_id)s)", everyScope,
			"Put a user into a group.",
			[]string{"PUT /groups/{group_id}/users/{user_id}"}},
	}
}
