package policies

// snapshotsRules are the rules that upstream keeps in cinder/policies/snapshots.py.
func snapshotsRules() []rule {
	return []rule{
		{"volume:get_all_snapshots", reader, adminOrOwner, "",
			"See the snapshots of a project.",
			[]string{"GET /snapshots", "GET /snapshots/detail"}},
		{"volume_extension:extended_snapshot_attributes", reader, adminOrOwner, "",
			"See progress and project of a snapshot.",
			[]string{"GET /snapshots/{snapshot_id}", "GET /snapshots/detail"}},
		{"volume:create_snapshot", member, adminOrOwner, "",
			"Take a snapshot of a volume.",
			[]string{"POST /snapshots"}},
		{"volume:get_snapshot", reader, adminOrOwner, "",
			"See one snapshot.",
			[]string{"GET /snapshots/{snapshot_id}"}},
		{"volume:update_snapshot", member, adminOrOwner, "",
			"Change name or description of a snapshot.",
			[]string{"PUT /snapshots/{snapshot_id}"}},
		{"volume:delete_snapshot", member, adminOrOwner, "",
			"Delete a snapshot.",
			[]string{"DELETE /snapshots/{snapshot_id}"}},
	}
}

// snapshotActionsRules are the rules that upstream keeps in cinder/policies/snapshot_actions.py.
func snapshotActionsRules() []rule {
	return []rule{
		{"volume_extension:snapshot_admin_actions:reset_status", admin, unchanged, "",
			"Overwrite the status of a snapshot.",
			[]string{"POST /snapshots/{snapshot_id}/action (os-reset_status)"}},
		{"snapshot_extension:snapshot_actions:update_snapshot_status", member, everybody, "",
			"Report the progress of a snapshot that Nova takes.",
			[]string{"POST /snapshots/{snapshot_id}/action (update_snapshot_status)"}},
		{"volume_extension:snapshot_admin_actions:force_delete", admin, unchanged, "",
			"Delete a snapshot whatever its status.",
			[]string{"POST /snapshots/{snapshot_id}/action (os-force_delete)"}},
	}
}

// snapshotMetadataRules are the rules that upstream keeps in cinder/policies/snapshot_metadata.py.
func snapshotMetadataRules() []rule {
	return []rule{
		{"volume:get_snapshot_metadata", reader, adminOrOwner, "",
			"See the metadata of a snapshot.",
			[]string{"GET /snapshots/{snapshot_id}/metadata", "GET /snapshots/{snapshot_id}/metadata/{key}"}},
		{"volume:update_snapshot_metadata", member, adminOrOwner, "",
			"Add to or replace the metadata of a snapshot.",
			[]string{"POST /snapshots/{snapshot_id}/metadata", "PUT /snapshots/{snapshot_id}/metadata/{key}"}},
		{"volume:delete_snapshot_metadata", member, adminOrOwner, "",
			"Remove a key from the metadata of a snapshot.",
			[]string{"DELETE /snapshots/{snapshot_id}/metadata/{key}"}},
	}
}

// manageableSnapshotsRules are the rules that upstream keeps in cinder/policies/manageable_snapshots.py.
func manageableSnapshotsRules() []rule {
	return []rule{
		{"snapshot_extension:list_manageable", admin, unchanged, "",
			"See snapshots on a back end that are not managed yet.",
			[]string{"GET /manageable_snapshots", "GET /manageable_snapshots/detail"}},
		{"snapshot_extension:snapshot_manage", admin, unchanged, "",
			"Take an existing snapshot under management.",
			[]string{"POST /manageable_snapshots"}},
		{"snapshot_extension:snapshot_unmanage", admin, unchanged, "",
			"Forget a snapshot without deleting it.",
			[]string{"POST /snapshots/{snapshot_id}/action (os-unmanage)"}},
	}
}

// backupsRules are the rules that upstream keeps in cinder/policies/backups.py.
func backupsRules() []rule {
	return []rule{
		{"backup:get_all", reader, adminOrOwner, "",
			"See the backups of a project.",
			[]string{"GET /backups", "GET /backups/detail"}},
		{"backup:backup_project_attribute", admin, unchanged, "",
			"See which project a backup belongs to.",
			[]string{"GET /backups/{backup_id}", "GET /backups/detail"}},
		{"backup:create", member, everybody, "",
			"Back a volume up.",
			[]string{"POST /backups"}},
		{"backup:get", reader, adminOrOwner, "",
			"See one backup.",
			[]string{"GET /backups/{backup_id}"}},
		{"backup:update", member, adminOrOwner, "",
			"Change name, description or metadata of a backup.",
			[]string{"PUT /backups/{backup_id}"}},
		{"backup:delete", member, adminOrOwner, "",
			"Delete a backup.",
			[]string{"DELETE /backups/{backup_id}"}},
		{"backup:restore", member, adminOrOwner, "",
			"Write a backup into a volume.",
			[]string{"POST /backups/{backup_id}/restore"}},
		{"backup:backup-import", admin, unchanged, "",
			"Take up a backup from an exported record.",
			[]string{"POST /backups/{backup_id}/import_record"}},
		{"backup:export-import", admin, unchanged, "",
			"Export the record of a backup.",
			[]string{"POST /backups/{backup_id}/export_record"}},
	}
}

// backupActionsRules are the rules that upstream keeps in cinder/policies/backup_actions.py.
func backupActionsRules() []rule {
	return []rule{
		{"volume_extension:backup_admin_actions:reset_status", admin, unchanged, "",
			"Overwrite the status of a backup.",
			[]string{"POST /backups/{backup_id}/action (os-reset_status)"}},
		{"volume_extension:backup_admin_actions:force_delete", admin, unchanged, "",
			"Delete a backup whatever its status.",
			[]string{"POST /backups/{backup_id}/action (os-force_delete)"}},
	}
}
