package schema

// typeTables are volume types with what hangs on them.
func typeTables() []Table {
	return []Table{
		{
			Name: "quality_of_service_specs",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted").checked(), varchar("id", 36).key(),
				varchar("specs_id", 36).references("quality_of_service_specs", "id", "").indexed(),
				varchar("key", 255), varchar("value", 255),
			},
		},
		{
			Name: "volume_types",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				varchar("id", 36).key(), varchar("name", 255),
				varchar("qos_specs_id", 36).references("quality_of_service_specs", "id", "").indexed(),
				boolean("is_public"), varchar("description", 255),
			},
		},
		{
			Name: "volume_type_projects",
			Columns: []Column{
				serial("id"), datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				varchar("volume_type_id", 36).references("volume_types", "id", ""), varchar("project_id", 255),
				integer("deleted"),
			},
			Unique: []string{"volume_type_id", "project_id", "deleted"},
		},
		{
			Name: "volume_type_extra_specs",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"),
				varchar("volume_type_id", 36).required().references("volume_types", "id", "volume_type_extra_specs_ibfk_1").indexed(),
				varchar("key", 255), varchar("value", 255),
			},
		},
		{
			Name: "default_volume_types",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				varchar("volume_type_id", 36).references("volume_types", "id", "").indexed(),
				varchar("project_id", 255).key(), boolean("deleted").checked(),
			},
		},
		{
			Name: "encryption",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted").checked(), varchar("cipher", 255),
				varchar("control_location", 255).requiredElsewhere(), integer("key_size"),
				varchar("provider", 255).requiredElsewhere(), varchar("volume_type_id", 36).required(),
				varchar("encryption_id", 36).nullableKey(),
			},
		},
	}
}
