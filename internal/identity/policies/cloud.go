package policies

// limitsRules are about unified limits.
func limitsRules() []rule {
	return []rule{
		{"identity:get_limit_model", anybody, everyScope,
			"See how limits are to be understood.",
			[]string{"GET /limits/model"}},
		{"identity:get_limit", adminOrSystemReader + " or (domain_id:%(target.limit.domain.id)s or domain_id:%(target.limit.project.domain_id)s)" +
			" or (project_id:%(target.limit.project_id)s and not None:%(target.limit.project_id)s)", everyScope,
			"See a limit.",
			[]string{"GET /limits/{limit_id}"}},
		{"identity:list_limits", anybody, everyScope,
			"List the limits that one's token is about.",
			[]string{"GET /limits"}},
		{"identity:create_limits", admin, systemAndProject,
			"Make limits.",
			[]string{"POST /limits"}},
		{"identity:update_limit", admin, systemAndProject,
			"Change a limit.",
			[]string{"PATCH /limits/{limit_id}"}},
		{"identity:delete_limit", admin, systemAndProject,
			"Remove a limit.",
			[]string{"DELETE /limits/{limit_id}"}},
		{"identity:get_registered_limit", anybody, everyScope,
			"See a registered limit.",
			[]string{"GET /registered_limits/{registered_limit_id}"}},
		{"identity:list_registered_limits", anybody, everyScope,
			"List registered limits.",
			[]string{"GET /registered_limits"}},
		{"identity:create_registered_limits", admin, systemAndProject,
			"Make registered limits.",
			[]string{"POST /registered_limits"}},
		{"identity:update_registered_limit", admin, systemAndProject,
			"Change a registered limit.",
			[]string{"PATCH /registered_limits/{registered_limit_id}"}},
		{"identity:delete_registered_limit", admin, systemAndProject,
			"Remove a registered limit.",
			[]string{"DELETE /registered_limits/{registered_limit_id}"}},
	}
}

// policyTextsRules are about policies that are kept for services.
func policyTextsRules() []rule {
	return []rule{
		{"identity:get_policy", adminOrSystemReader, systemAndProject,
			"See a policy that is kept for services.",
			[]string{"GET /policies/{policy_id}"}},
		{"identity:list_policies", adminOrSystemReader, systemAndProject,
			"List policies that are kept for services.",
			[]string{"GET /policies"}},
		{"identity:create_policy", admin, systemAndProject,
			"Make a policy that is kept for services.",
			[]string{"POST /policies"}},
		{"identity:update_policy", admin, systemAndProject,
			"Change a policy that is kept for services.",
			[]string{"PATCH /policies/{policy_id}"}},
		{"identity:delete_policy", admin, systemAndProject,
			"Remove a policy that is kept for services.",
			[]string{"DELETE /policies/{policy_id}"}},
	}
}

// endpointFilterRules are about which endpoints are for which projects.
func endpointFilterRules() []rule {
	const group, project = "/OS-EP-FILTER/endpoint_groups/{endpoint_group_id}", "/OS-EP-FILTER/projects/{project_id}"
	return []rule{
		{"identity:list_projects_for_endpoint", adminOrSystemReader, systemAndProject,
			"List the projects that were given an endpoint.",
			[]string{"GET /OS-EP-FILTER/endpoints/{endpoint_id}/projects"}},
		{"identity:add_endpoint_to_project", admin, systemAndProject,
			"Give a project an endpoint.",
			[]string{"PUT " + project + "/endpoints/{endpoint_id}"}},
		{"identity:check_endpoint_in_project", adminOrSystemReader, systemAndProject,
			"Ask whether a project was given an endpoint.",
			[]string{"GET " + project + "/endpoints/{endpoint_id}"}},
		{"identity:list_endpoints_for_project", adminOrSystemReader, systemAndProject,
			"List the endpoints a project was given.",
			[]string{"GET " + project + "/endpoints"}},
		{"identity:remove_endpoint_from_project", admin, systemAndProject,
			"Take an endpoint back from a project.",
			[]string{"DELETE " + project + "/endpoints/{endpoint_id}"}},
		{"identity:create_endpoint_group", admin, systemAndProject,
			"Make an endpoint group.",
			[]string{"POST /OS-EP-FILTER/endpoint_groups"}},
		{"identity:list_endpoint_groups", adminOrSystemReader, systemAndProject,
			"List endpoint groups.",
			[]string{"GET /OS-EP-FILTER/endpoint_groups"}},
		{"identity:get_endpoint_group", adminOrSystemReader, systemAndProject,
			"See an endpoint group.",
			[]string{"GET " + group}},
		{"identity:update_endpoint_group", admin, systemAndProject,
			"Change an endpoint group.",
			[]string{"PATCH " + group}},
		{"identity:delete_endpoint_group", admin, systemAndProject,
			"Remove an endpoint group.",
			[]string{"DELETE " + group}},
		{"identity:list_projects_associated_with_endpoint_group", adminOrSystemReader, systemAndProject,
			"List the projects that were given an endpoint group.",
			[]string{"GET " + group + "/projects"}},
		{"identity:list_endpoints_associated_with_endpoint_group", adminOrSystemReader, systemAndProject,
			"List the endpoints in an endpoint group.",
			[]string{"GET " + group + "/endpoints"}},
		{"identity:get_endpoint_group_in_project", adminOrSystemReader, systemAndProject,
			"Ask whether a project was given an endpoint group.",
			[]string{"GET " + group + "/projects/{project_id}"}},
		{"identity:list_endpoint_groups_for_project", adminOrSystemReader, systemAndProject,
			"List the endpoint groups a project was given.",
			[]string{"GET " + project + "/endpoint_groups"}},
		{"identity:add_endpoint_group_to_project", admin, systemAndProject,
			"Give a project an endpoint group.",
			[]string{"PUT " + group + "/projects/{project_id}"}},
		{"identity:remove_endpoint_group_from_project", admin, systemAndProject,
			"Take an endpoint group back from a project.",
			[]string{"DELETE " + group + "/projects/{project_id}"}},
	}
}

// mappingsRules are about mappings of federation.
func mappingsRules() []rule {
	const mapping = "/OS-FEDERATION/mappings/{mapping_id}"
	return []rule{
		{"identity:create_mapping", admin, systemAndProject,
			"Make a mapping.",
			[]string{"PUT " + mapping}},
		{"identity:get_mapping", adminOrSystemReader, systemAndProject,
			"See a mapping.",
			[]string{"GET " + mapping}},
		{"identity:list_mappings", adminOrSystemReader, systemAndProject,
			"List mappings.",
			[]string{"GET /OS-FEDERATION/mappings"}},
		{"identity:delete_mapping", admin, systemAndProject,
			"Remove a mapping.",
			[]string{"DELETE " + mapping}},
		{"identity:update_mapping", admin, systemAndProject,
			"Change a mapping.",
			[]string{"PATCH " + mapping}},
	}
}

// domainConfigRules are about options of single domains.
func domainConfigRules() []rule {
	const all, group, option = "/domains/{domain_id}/config", "/domains/{domain_id}/config/{group}", "/domains/{domain_id}/config/{group}/{option}"
	const passwords = "/domains/{domain_id}/config/security_compliance"
	return []rule{
		{"identity:create_domain_config", admin, systemAndProject,
			"Make the options of a domain.",
			[]string{"PUT " + all}},
		{"identity:get_domain_config", adminOrSystemReader, systemAndProject,
			"See options of a domain.",
			[]string{"GET " + all, "GET " + group, "GET " + option}},
		{"identity:get_security_compliance_domain_config", anybody, everyScope,
			"See what passwords have to be like.",
			[]string{"GET " + passwords, "GET " + passwords + "/{option}"}},
		{"identity:update_domain_config", admin, systemAndProject,
			"Change options of a domain.",
			[]string{"PATCH " + all, "PATCH " + group, "PATCH " + option}},
		{"identity:delete_domain_config", admin, systemAndProject,
			"Remove options of a domain.",
			[]string{"DELETE " + all, "DELETE " + group, "DELETE " + option}},
		{"identity:get_domain_config_default", adminOrSystemReader, systemAndProject,
			"See the options of domains that have none of their own.",
			[]string{"GET /domains/config/default", "GET /domains/config/{group}/default", "GET /domains/config/{group}/{option}/default"}},
	}
}
