package policies

// groupsRules are the rules that upstream keeps in cinder/policies/groups.py.
func groupsRules() []rule {
	return []rule{
		{"group:get_all", reader, adminOrOwner, "",
			"See the groups of a project.",
			[]string{"GET /groups", "GET /groups/detail"}},
		{"group:create", member, everybody, "",
			"Make a group.",
			[]string{"POST /groups"}},
		{"group:get", reader, adminOrOwner, "",
			"See one group.",
			[]string{"GET /groups/{group_id}"}},
		{"group:update", member, adminOrOwner, "",
			"Change a group or which volumes it has.",
			[]string{"PUT /groups/{group_id}"}},
		{"group:group_project_attribute", admin, unchanged, "",
			"See which project a group belongs to.",
			[]string{"GET /groups/{group_id}", "GET /groups/detail"}},
	}
}

// groupActionsRules are the rules that upstream keeps in cinder/policies/group_actions.py.
func groupActionsRules() []rule {
	return []rule{
		{"group:delete", member, adminOrOwner, "",
			"Delete a group, with its volumes if asked to.",
			[]string{"POST /groups/{group_id}/action (delete)"}},
		{"group:reset_status", admin, unchanged, "",
			"Overwrite the status of a group.",
			[]string{"POST /groups/{group_id}/action (reset_status)"}},
		{"group:enable_replication", member, adminOrOwner, "",
			"Begin to replicate a group.",
			[]string{"POST /groups/{group_id}/action (enable_replication)"}},
		{"group:disable_replication", member, adminOrOwner, "",
			"Stop replicating a group.",
			[]string{"POST /groups/{group_id}/action (disable_replication)"}},
		{"group:failover_replication", member, adminOrOwner, "",
			"Move a replicated group to its other site.",
			[]string{"POST /groups/{group_id}/action (failover_replication)"}},
		{"group:list_replication_targets", member, adminOrOwner, "",
			"See where a group is replicated to.",
			[]string{"POST /groups/{group_id}/action (list_replication_targets)"}},
	}
}

// groupSnapshotsRules are the rules that upstream keeps in cinder/policies/group_snapshots.py.
func groupSnapshotsRules() []rule {
	return []rule{
		{"group:get_all_group_snapshots", reader, adminOrOwner, "",
			"See the group snapshots of a project.",
			[]string{"GET /group_snapshots", "GET /group_snapshots/detail"}},
		{"group:create_group_snapshot", member, everybody, "",
			"Take a snapshot of a whole group.",
			[]string{"POST /group_snapshots"}},
		{"group:get_group_snapshot", reader, adminOrOwner, "",
			"See one group snapshot.",
			[]string{"GET /group_snapshots/{group_snapshot_id}"}},
		{"group:delete_group_snapshot", member, adminOrOwner, "",
			"Delete a group snapshot.",
			[]string{"DELETE /group_snapshots/{group_snapshot_id}"}},
		{"group:update_group_snapshot", member, adminOrOwner, "",
			"Change a group snapshot.",
			[]string{"PUT /group_snapshots/{group_snapshot_id}"}},
		{"group:group_snapshot_project_attribute", admin, unchanged, "",
			"See which project a group snapshot belongs to.",
			[]string{"GET /group_snapshots/{group_snapshot_id}", "GET /group_snapshots/detail"}},
	}
}

// groupSnapshotActionsRules are the rules that upstream keeps in cinder/policies/group_snapshot_actions.py.
func groupSnapshotActionsRules() []rule {
	return []rule{
		{"group:reset_group_snapshot_status", admin, unchanged, "",
			"Overwrite the status of a group snapshot.",
			[]string{"POST /group_snapshots/{g_snapshot_id}/action (reset_status)"}},
	}
}

// groupTypesRules are the rules that upstream keeps in cinder/policies/group_types.py.
func groupTypesRules() []rule {
	return []rule{
		{"group:group_types:create", admin, admin, "group:group_types_manage",
			"Make a group type.",
			[]string{"POST /group_types/"}},
		{"group:group_types:update", admin, admin, "group:group_types_manage",
			"Change a group type.",
			[]string{"PUT /group_types/{group_type_id}"}},
		{"group:group_types:delete", admin, admin, "group:group_types_manage",
			"Delete a group type.",
			[]string{"DELETE /group_types/{group_type_id}"}},
		{"group:access_group_types_specs", admin, unchanged, "",
			"See the specs of a group type with the type.",
			[]string{"GET /group_types/{group_type_id}"}},
		{"group:group_types_specs:get", admin, admin, "group:group_types_specs",
			"See one spec of a group type.",
			[]string{"GET /group_types/{group_type_id}/group_specs/{g_spec_id}"}},
		{"group:group_types_specs:get_all", admin, admin, "group:group_types_specs",
			"See all specs of a group type.",
			[]string{"GET /group_types/{group_type_id}/group_specs"}},
		{"group:group_types_specs:create", admin, admin, "group:group_types_specs",
			"Add specs to a group type.",
			[]string{"POST /group_types/{group_type_id}/group_specs"}},
		{"group:group_types_specs:update", admin, admin, "group:group_types_specs",
			"Change one spec of a group type.",
			[]string{"PUT /group_types/{group_type_id}/group_specs/{g_spec_id}"}},
		{"group:group_types_specs:delete", admin, admin, "group:group_types_specs",
			"Remove one spec of a group type.",
			[]string{"DELETE /group_types/{group_type_id}/group_specs/{g_spec_id}"}},
	}
}
