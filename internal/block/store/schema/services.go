package schema

// serviceTables are services, clusters and the workers that Cinder keeps for its clean-up.
func serviceTables() []Table {
	return []Table{
		{
			Name: "services",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"), varchar("host", 255), varchar("binary", 255), varchar("topic", 255),
				integer("report_count").required(), boolean("disabled"), varchar("availability_zone", 255),
				varchar("disabled_reason", 255), datetime("modified_at"), varchar("rpc_current_version", 36),
				varchar("object_current_version", 36), varchar("replication_status", 36), boolean("frozen"),
				varchar("active_backend_id", 255), varchar("cluster_name", 255), varchar("uuid", 36),
			},
			Indexes: []Index{
				{Name: "services_uuid_idx", Columns: []string{"uuid"}, Unique: true},
			},
		},
		{
			Name: "clusters",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"), varchar("name", 255).required(), varchar("binary", 255).required(),
				boolean("disabled"), varchar("disabled_reason", 255), integer("race_preventer").required(),
				varchar("replication_status", 36), varchar("active_backend_id", 255),
				boolean("frozen").required().defaults("FALSE"),
			},
			Unique: []string{"name", "binary", "race_preventer"},
		},
		{
			Name: "workers",
			Columns: []Column{
				datetime("created_at"), moment("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"), varchar("resource_type", 40).required(), varchar("resource_id", 36).required(),
				varchar("status", 255).required(),
				integer("service_id").references("services", "id", "").indexed(),
				integer("race_preventer").required().defaults("0"),
			},
			Unique: []string{"resource_type", "resource_id"},
		},
	}
}
