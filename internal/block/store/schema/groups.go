package schema

// groupTables are generic groups, and the consistency groups they came from.
func groupTables() []Table {
	return []Table{
		{
			Name: "consistencygroups",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted").checked(), varchar("id", 36).key(), varchar("user_id", 255),
				varchar("project_id", 255), varchar("host", 255), varchar("availability_zone", 255),
				varchar("name", 255), varchar("description", 255), varchar("volume_type_id", 255),
				varchar("status", 255), varchar("cgsnapshot_id", 36), varchar("source_cgid", 36),
				varchar("cluster_name", 255),
			},
		},
		{
			Name: "cgsnapshots",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted").checked(), varchar("id", 36).key(),
				varchar("consistencygroup_id", 36).required().references("consistencygroups", "id", "").indexed(),
				varchar("user_id", 255), varchar("project_id", 255), varchar("name", 255),
				varchar("description", 255), varchar("status", 255),
			},
		},
		{
			Name: "groups",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				varchar("id", 36).key(), varchar("user_id", 255), varchar("project_id", 255),
				varchar("cluster_name", 255), varchar("host", 255), varchar("availability_zone", 255),
				varchar("name", 255), varchar("description", 255), varchar("group_type_id", 36),
				varchar("status", 255), varchar("group_snapshot_id", 36), varchar("source_group_id", 36),
				varchar("replication_status", 255),
			},
			Indexes: []Index{
				{Name: "groups_deleted_project_id_idx", Columns: []string{"deleted", "project_id"}},
			},
		},
		{
			Name: "group_snapshots",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted").checked(), varchar("id", 36).key(),
				varchar("group_id", 36).required().references("groups", "id", "").indexed(),
				varchar("user_id", 255), varchar("project_id", 255), varchar("name", 255),
				varchar("description", 255), varchar("status", 255), varchar("group_type_id", 36),
			},
			Indexes: []Index{
				{Name: "group_snapshots_deleted_project_id_idx", Columns: []string{"deleted", "project_id"}},
			},
		},
	}
}

// groupTypeTables are the types of groups and what hangs on them.
func groupTypeTables() []Table {
	return []Table{
		{
			Name: "group_types",
			Columns: []Column{
				varchar("id", 36).key(), varchar("name", 255).required(), varchar("description", 255),
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				boolean("is_public"),
			},
		},
		{
			Name: "group_type_specs",
			Columns: []Column{
				serial("id"), varchar("key", 255), varchar("value", 255),
				varchar("group_type_id", 36).required().references("group_types", "id", "").indexed(),
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
			},
		},
		{
			Name: "group_type_projects",
			Columns: []Column{
				serial("id"), datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				varchar("group_type_id", 36).references("group_types", "id", ""), varchar("project_id", 255),
				boolean("deleted").checked(),
			},
			Unique: []string{"group_type_id", "project_id", "deleted"},
		},
		{
			Name: "group_volume_type_mapping",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"),
				varchar("volume_type_id", 36).required().references("volume_types", "id", "").indexed(),
				varchar("group_id", 36).required().references("groups", "id", "").indexed(),
			},
		},
	}
}
