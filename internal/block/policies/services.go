package policies

// servicesRules are the rules that upstream keeps in cinder/policies/services.py.
func servicesRules() []rule {
	return []rule{
		{"volume_extension:services:index", admin, unchanged, "",
			"See all services and whether they live.",
			[]string{"GET /os-services"}},
		{"volume_extension:services:update", admin, unchanged, "",
			"Use the actions on services: enable, disable, freeze, thaw, fail over, log levels.",
			[]string{"PUT /os-services/{action}"}},
		{"volume:freeze_host", admin, unchanged, "",
			"Keep a back end from changing while it is failed over.",
			[]string{"PUT /os-services/freeze"}},
		{"volume:thaw_host", admin, unchanged, "",
			"Let a frozen back end change again.",
			[]string{"PUT /os-services/thaw"}},
		{"volume:failover_host", admin, unchanged, "",
			"Move a replicated back end to its other site.",
			[]string{"PUT /os-services/failover_host"}},
	}
}

// hostsRules are the rules that upstream keeps in cinder/policies/hosts.py.
func hostsRules() []rule {
	return []rule{
		{"volume_extension:hosts", admin, unchanged, "",
			"See and change the hosts of the volume service.",
			[]string{"GET /os-hosts", "PUT /os-hosts/{host_name}", "GET /os-hosts/{host_id}"}},
	}
}

// clustersRules are the rules that upstream keeps in cinder/policies/clusters.py.
func clustersRules() []rule {
	return []rule{
		{"clusters:get_all", admin, unchanged, "",
			"See all clusters.",
			[]string{"GET /clusters", "GET /clusters/detail"}},
		{"clusters:get", admin, unchanged, "",
			"See one cluster.",
			[]string{"GET /clusters/{cluster_id}"}},
		{"clusters:update", admin, unchanged, "",
			"Enable or disable a cluster.",
			[]string{"PUT /clusters/{cluster_id}"}},
	}
}

// capabilitiesRules are the rules that upstream keeps in cinder/policies/capabilities.py.
func capabilitiesRules() []rule {
	return []rule{
		{"volume_extension:capabilities", admin, unchanged, "",
			"See what a back end can do.",
			[]string{"GET /capabilities/{host_name}"}},
	}
}

// schedulerStatsRules are the rules that upstream keeps in cinder/policies/scheduler_stats.py.
func schedulerStatsRules() []rule {
	return []rule{
		{"scheduler_extension:scheduler_stats:get_pools", admin, unchanged, "",
			"See all pools with what the scheduler knows of them.",
			[]string{"GET /scheduler-stats/get_pools"}},
	}
}

// workersRules are the rules that upstream keeps in cinder/policies/workers.py.
func workersRules() []rule {
	return []rule{
		{"workers:cleanup", admin, unchanged, "",
			"Have the work of dead services cleaned up.",
			[]string{"POST /workers/cleanup"}},
	}
}

// limitsRules are the rules that upstream keeps in cinder/policies/limits.py.
func limitsRules() []rule {
	return []rule{
		{"limits_extension:used_limits", reader, adminOrOwner, "",
			"See how much of each limit is used.",
			[]string{"GET /limits"}},
	}
}

// quotasRules are the rules that upstream keeps in cinder/policies/quotas.py.
func quotasRules() []rule {
	return []rule{
		{"volume_extension:quotas:show", reader, adminOrOwner, "",
			"See the quotas of a project, its usage and the defaults.",
			[]string{"GET /os-quota-sets/{project_id}", "GET /os-quota-sets/{project_id}/default", "GET /os-quota-sets/{project_id}?usage=True"}},
		{"volume_extension:quotas:update", admin, unchanged, "",
			"Change the quotas of a project.",
			[]string{"PUT /os-quota-sets/{project_id}"}},
		{"volume_extension:quotas:delete", admin, unchanged, "",
			"Set the quotas of a project back to the defaults.",
			[]string{"DELETE /os-quota-sets/{project_id}"}},
	}
}

// quotaClassRules are the rules that upstream keeps in cinder/policies/quota_class.py.
func quotaClassRules() []rule {
	return []rule{
		{"volume_extension:quota_classes:get", admin, admin, "volume_extension:quota_classes",
			"See the quotas of a class.",
			[]string{"GET /os-quota-class-sets/{project_id}"}},
		{"volume_extension:quota_classes:update", admin, admin, "volume_extension:quota_classes",
			"Change the quotas of a class.",
			[]string{"PUT /os-quota-class-sets/{project_id}"}},
	}
}

// messagesRules are the rules that upstream keeps in cinder/policies/messages.py.
func messagesRules() []rule {
	return []rule{
		{"message:get_all", reader, adminOrOwner, "",
			"See the messages to a project about what went wrong.",
			[]string{"GET /messages"}},
		{"message:get", reader, adminOrOwner, "",
			"See one message.",
			[]string{"GET /messages/{message_id}"}},
		{"message:delete", member, adminOrOwner, "",
			"Delete a message.",
			[]string{"DELETE /messages/{message_id}"}},
	}
}
