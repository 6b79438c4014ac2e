package schema

// volumeTables are volumes and their metadata.
func volumeTables() []Table {
	return []Table{
		{
			Name: "volumes",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				varchar("id", 36).key(), varchar("ec2_id", 255), varchar("user_id", 255),
				varchar("project_id", 255), varchar("host", 255), integer("size"),
				varchar("availability_zone", 255), varchar("status", 255), varchar("attach_status", 255),
				datetime("scheduled_at"), datetime("launched_at"), datetime("terminated_at"),
				varchar("display_name", 255), varchar("display_description", 255),
				varchar("provider_location", 256), varchar("provider_auth", 256), varchar("snapshot_id", 36),
				varchar("volume_type_id", 36).required(), varchar("source_volid", 36), boolean("bootable"),
				varchar("provider_geometry", 255), varchar("_name_id", 36), varchar("encryption_key_id", 36),
				varchar("migration_status", 255), varchar("replication_status", 255),
				varchar("replication_extended_status", 255), varchar("replication_driver_data", 255),
				varchar("consistencygroup_id", 36).references("consistencygroups", "id", "").indexed(),
				varchar("provider_id", 255), boolean("multiattach"), varchar("previous_status", 255),
				varchar("cluster_name", 255), varchar("group_id", 36).references("groups", "id", "").indexed(),
				varchar("service_uuid", 36).references("services", "uuid", ""), boolean("shared_targets"),
				boolean("use_quota").required().defaults("TRUE"),
			},
			Indexes: []Index{
				{Name: "volumes_deleted_host_idx", Columns: []string{"deleted", "host"}},
				{Name: "volumes_deleted_project_id_idx", Columns: []string{"deleted", "project_id"}},
				{Name: "volumes_service_uuid_idx", Columns: []string{"service_uuid", "deleted"}},
			},
		},
		{
			Name: "volume_metadata",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"), varchar("volume_id", 36).required().references("volumes", "id", "").indexed(),
				varchar("key", 255), varchar("value", 255),
			},
		},
		{
			Name: "volume_admin_metadata",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"), varchar("volume_id", 36).required().references("volumes", "id", "").indexed(),
				varchar("key", 255), varchar("value", 255),
			},
		},
	}
}

// volumeUseTables are what says how volumes are used: attachments, images in them, transfers.
func volumeUseTables() []Table {
	return []Table{
		{
			Name: "volume_attachment",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				varchar("id", 36).key(),
				varchar("volume_id", 36).required().references("volumes", "id", "").indexed(),
				varchar("attached_host", 255), varchar("instance_uuid", 36), varchar("mountpoint", 255),
				datetime("attach_time"), datetime("detach_time"), varchar("attach_mode", 36),
				varchar("attach_status", 255), text("connection_info"), text("connector"),
			},
		},
		{
			Name: "attachment_specs",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				serial("id"),
				varchar("attachment_id", 36).required().references("volume_attachment", "id", "").indexed(),
				varchar("key", 255), varchar("value", 255),
			},
		},
		{
			Name: "volume_glance_metadata",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"),
				boolean("deleted").checked(), serial("id"),
				varchar("volume_id", 36).references("volumes", "id", "").indexed(),
				varchar("snapshot_id", 36).references("snapshots", "id", "").indexed(), varchar("key", 255),
				text("value"),
			},
		},
		{
			Name: "transfers",
			Columns: []Column{
				datetime("created_at"), datetime("updated_at"), datetime("deleted_at"), boolean("deleted"),
				varchar("id", 36).key(),
				varchar("volume_id", 36).required().references("volumes", "id", "").indexed(),
				varchar("display_name", 255), varchar("salt", 255), varchar("crypt_hash", 255),
				datetime("expires_at"), boolean("no_snapshots"), varchar("source_project_id", 255),
				varchar("destination_project_id", 255), boolean("accepted"),
			},
		},
		{
			Name: "image_volume_cache_entries",
			Columns: []Column{
				datetime("image_updated_at"), serial("id"), varchar("host", 255).required().indexed(),
				varchar("image_id", 36).required().indexed(), varchar("volume_id", 36).required(),
				integer("size").required(), datetime("last_used").required(), varchar("cluster_name", 255),
			},
		},
	}
}
