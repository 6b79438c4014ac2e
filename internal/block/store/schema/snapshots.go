package schema

// snapshotTables are snapshots.
func snapshotTables() []Table {
	return []Table{
		{
			Name: "snapshots",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				varchar("id", 36).key(),
				varchar("volume_id", 36).required().references("volumes", "id", "snapshots_volume_id_fkey").indexed(),
				varchar("user_id", 255), varchar("project_id", 255), varchar("status", 255),
				varchar("progress", 255), integer("volume_size"), datetime("scheduled_at"),
				varchar("display_name", 255), varchar("display_description", 255),
				varchar("provider_location", 255), varchar("encryption_key_id", 36),
				varchar("volume_type_id", 36).required(),
				varchar("cgsnapshot_id", 36).references("cgsnapshots", "id", "").indexed(),
				varchar("provider_id", 255), varchar("provider_auth", 255),
				varchar("group_snapshot_id", 36).references("group_snapshots", "id", "").indexed(),
				boolean("use_quota").required().defaults("TRUE"),
			},
			Indexes: []Index{
				{Name: "snapshots_deleted_project_id_idx", Columns: []string{"deleted", "project_id"}},
			},
		},
		{
			Name: "snapshot_metadata",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"), varchar("snapshot_id", 36).required().references("snapshots", "id", "").indexed(),
				varchar("key", 255), varchar("value", 255),
			},
		},
	}
}
