package schema

// messageTables are user messages and the private data of drivers.
func messageTables() []Table {
	return []Table{
		{
			Name: "messages",
			Columns: []Column{
				varchar("id", 36).key(), varchar("project_id", 255).required(), varchar("request_id", 255),
				varchar("resource_type", 36), varchar("resource_uuid", 255),
				varchar("event_id", 255).required(), varchar("message_level", 255).required(),
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				datetime("expires_at").indexed(), varchar("detail_id", 10), varchar("action_id", 10),
			},
		},
		{
			Name: "driver_initiator_data",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), serial("id"),
				varchar("initiator", 255).required().indexed(), varchar("namespace", 255).required(),
				varchar("key", 255).required(), varchar("value", 255),
			},
			Unique: []string{"initiator", "namespace", "key"},
		},
	}
}
