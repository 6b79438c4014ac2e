package schema

// quotaTables are quota limits, usages and reservations.
func quotaTables() []Table {
	return []Table{
		{
			Name: "quotas",
			Columns: []Column{
				serial("id"), datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted"), varchar("project_id", 255), varchar("resource", 300).required(),
				integer("hard_limit"), integer("allocated"),
			},
		},
		{
			Name: "quota_classes",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted").checkedInMySQL(),
				serial("id"), varchar("class_name", 255).indexed(), varchar("resource", 300),
				integer("hard_limit"),
			},
		},
		{
			Name: "quota_usages",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted").checkedInMySQL(),
				serial("id"), varchar("project_id", 255).indexed(), varchar("resource", 300),
				integer("in_use").required(), integer("reserved").required(), integer("until_refresh"),
				boolean("race_preventer"),
			},
			Indexes: []Index{
				{Name: "quota_usage_project_resource_idx", Columns: []string{"project_id", "resource"}},
			},
			Unique: []string{"project_id", "resource", "race_preventer"},
		},
		{
			Name: "reservations",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted").checkedInMySQL(),
				serial("id"), varchar("uuid", 36).required(),
				integer("usage_id").references("quota_usages", "id", "").indexed(),
				varchar("project_id", 255).indexed(), varchar("resource", 300), integer("delta").required(),
				datetime("expire"), integer("allocated_id").references("quotas", "id", "").indexed(),
			},
			Indexes: []Index{
				{Name: "reservations_deleted_expire_idx", Columns: []string{"deleted", "expire"}},
				{Name: "reservations_deleted_uuid_idx", Columns: []string{"deleted", "uuid"}},
			},
		},
	}
}
