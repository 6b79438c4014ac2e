package schema

// backupTables are backups.
func backupTables() []Table {
	return []Table{
		{
			Name: "backups",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted").checked(), varchar("id", 36).key(), varchar("volume_id", 36).required(),
				varchar("user_id", 255), varchar("project_id", 255), varchar("host", 255),
				varchar("availability_zone", 255), varchar("display_name", 255),
				varchar("display_description", 255), varchar("container", 255), varchar("status", 255),
				varchar("fail_reason", 255), varchar("service_metadata", 255), varchar("service", 255),
				integer("size"), integer("object_count"), varchar("parent_id", 36),
				varchar("temp_volume_id", 36), varchar("temp_snapshot_id", 36),
				integer("num_dependent_backups"), varchar("snapshot_id", 36), datetime("data_timestamp"),
				varchar("restore_volume_id", 36), varchar("encryption_key_id", 36),
			},
			Indexes: []Index{
				{Name: "backups_deleted_project_id_idx", Columns: []string{"deleted", "project_id"}},
			},
		},
		{
			Name: "backup_metadata",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"), varchar("backup_id", 36).required().references("backups", "id", "").indexed(),
				varchar("key", 255), varchar("value", 255),
			},
		},
	}
}
