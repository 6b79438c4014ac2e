// Package objects is Cinder's versioned objects: the classes as data (cinder/objects/*.py of Cinder 26, object history 1.38
// and 1.39), and how the rows of Block Storage become such objects, as a Python service expects them.
//
// What must not live here: which message carries which object, and reading a database.
package objects

import (
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// namespace is the project of the classes.
const namespace = "cinder"

// New makes the registry of Cinder's classes.
func New() (*vo.Registry, error) {
	return vo.NewRegistry(namespace, append(resources(), requests()...)...)
}

// History says which version of each class the services know whose row says object_current_version (facts §4.5): nil for all as
// here, which is the current version, or none. It is false for a version that is not in the history.
func History(version string) (known vo.Manifest, ok bool) {
	switch version {
	case "", "1.39":
		return nil, true
	case "1.38":
		return vo.Manifest{"Volume": "1.8", "Snapshot": "1.5"}, true
	}
	return nil, false
}

// field makes fields of one kind by their names; a name that ends in "?" may be null.
func field(kind vo.Kind, names ...string) []vo.Field {
	fields := make([]vo.Field, 0, len(names))
	for _, n := range names {
		f := vo.Field{Name: n, Kind: kind}
		if last := len(n) - 1; n[last] == '?' {
			f.Name, f.Nullable = n[:last], true
		}
		fields = append(fields, f)
	}
	return fields
}

// nested is a field that holds an object, or nothing.
func nested(name, class string) []vo.Field {
	return []vo.Field{{Name: name, Kind: vo.Nested, Class: class, Nullable: true}}
}

// enum is a field of an enumeration, or nothing.
func enum(name string, values ...string) []vo.Field {
	return []vo.Field{{Name: name, Kind: vo.String, Nullable: true, Values: values}}
}

// since says from which version of the class on fields are there.
func since(version string, fields []vo.Field) []vo.Field {
	for i := range fields {
		fields[i].Since = version
	}
	return fields
}

func class(name, version string, fields ...[]vo.Field) vo.Class {
	c := vo.Class{Name: name, Version: version}
	for _, f := range fields {
		c.Fields = append(c.Fields, f...)
	}
	return c
}

// list is the class of lists of another.
func list(name, version, of string) vo.Class {
	return vo.Class{Name: name, Version: version, Fields: []vo.Field{{Name: "objects", Kind: vo.List, Class: of}}}
}

// persistent is what every row has.
func persistent() []vo.Field {
	return append(field(vo.DateTime, "created_at?", "updated_at?", "deleted_at?"), field(vo.Boolean, "deleted?")...)
}

func attachStatus() []vo.Field {
	return enum("attach_status", "attached", "attaching", "detached", "reserved", "error_attaching", "error_detaching", "deleted")
}

func replicationStatus() []vo.Field {
	return enum("replication_status", "error", "enabled", "disabled", "not-capable", "failing-over", "failover-error", "failed-over", "enabling", "disabling")
}

// resources are the classes of what rows stand for.
//
// use_quota came with Volume 1.9 and Snapshot 1.6, and goes along in older versions too, as from Cinder: who does not know it lets it
// be, and a newer service, which may get the message as well, refuses an object without it.
func resources() []vo.Class {
	backup := [][]vo.Field{persistent(), field(vo.UUID, "id", "volume_id"), field(vo.String, "user_id", "project_id", "host?", "availability_zone?",
		"container?", "parent_id?", "fail_reason?", "display_name?", "display_description?", "service_metadata?", "service?", "temp_volume_id?",
		"temp_snapshot_id?", "snapshot_id?", "restore_volume_id?", "encryption_key_id?"), nested("parent", "Backup"),
		enum("status", "error", "error_deleting", "creating", "available", "deleting", "deleted", "restoring"),
		field(vo.Integer, "size?", "object_count?", "num_dependent_backups?"), field(vo.DateTime, "data_timestamp?"), field(vo.DictOfStrings, "metadata?")}
	return []vo.Class{
		class("Volume", "1.9", persistent(), field(vo.UUID, "id", "_name_id?", "ec2_id?", "snapshot_id?", "volume_type_id?", "source_volid?",
			"encryption_key_id?", "consistencygroup_id?", "group_id?"), field(vo.String, "user_id?", "project_id?", "cluster_name?", "host?",
			"availability_zone?", "status?", "migration_status?", "display_name?", "display_description?", "provider_id?", "provider_location?",
			"provider_auth?", "provider_geometry?", "replication_status?", "replication_extended_status?", "replication_driver_data?",
			"previous_status?", "service_uuid?"), field(vo.Boolean, "use_quota", "bootable?", "multiattach?"),
			since("1.8", field(vo.Boolean, "shared_targets?")), field(vo.Integer, "size?"), attachStatus(),
			field(vo.DateTime, "scheduled_at?", "launched_at?", "terminated_at?"), field(vo.DictOfStrings, "metadata?", "admin_metadata?", "glance_metadata?"),
			nested("cluster", "Cluster"), nested("volume_type", "VolumeType"), nested("volume_attachment", "VolumeAttachmentList"),
			nested("consistencygroup", "ConsistencyGroup"), nested("snapshots", "SnapshotList"), nested("group", "Group")),
		list("VolumeList", "1.1", "Volume"),
		class("Snapshot", "1.6", persistent(), field(vo.UUID, "id", "volume_id?", "cgsnapshot_id?", "group_snapshot_id?", "encryption_key_id?", "volume_type_id?"),
			field(vo.String, "user_id?", "project_id?", "progress?", "display_name?", "display_description?", "provider_location?", "provider_id?", "provider_auth?"),
			field(vo.Boolean, "use_quota"), field(vo.Integer, "volume_size?"), field(vo.DictOfStrings, "metadata"),
			enum("status", "error", "available", "creating", "deleting", "deleted", "updating", "error_deleting", "unmanaging", "backing-up", "restoring"),
			nested("volume", "Volume"), nested("cgsnapshot", "CGSnapshot"), nested("group_snapshot", "GroupSnapshot")),
		list("SnapshotList", "1.0", "Snapshot"),
		class("VolumeAttachment", "1.3", persistent(), field(vo.UUID, "id", "volume_id", "instance_uuid?"), field(vo.String, "attached_host?", "mountpoint?", "attach_mode?"),
			field(vo.DateTime, "attach_time?", "detach_time?"), attachStatus(), []vo.Field{{Name: "volume", Kind: vo.Nested, Class: "Volume"}},
			field(vo.Dict, "connection_info?", "connector?")),
		list("VolumeAttachmentList", "1.1", "VolumeAttachment"),
		class("VolumeType", "1.3", persistent(), field(vo.UUID, "id", "qos_specs_id?"), field(vo.String, "name?", "description?"), field(vo.Boolean, "is_public?"),
			field(vo.Strings, "projects?"), field(vo.DictOfNullableStrings, "extra_specs?"), nested("qos_specs", "QualityOfServiceSpecs")),
		list("VolumeTypeList", "1.1", "VolumeType"),
		class("QualityOfServiceSpecs", "1.0", persistent(), field(vo.UUID, "id"), field(vo.String, "name"),
			[]vo.Field{{Name: "consumer", Kind: vo.String, Values: []string{"back-end", "front-end", "both"}}},
			field(vo.DictOfNullableStrings, "specs?"), nested("volume_types", "VolumeTypeList")),
		list("QualityOfServiceSpecsList", "1.0", "QualityOfServiceSpecs"),
		class("Backup", "1.7", backup...),
		class("BackupImport", "1.7", backup...),
		list("BackupList", "1.0", "Backup"),
		class("Group", "1.2", persistent(), field(vo.UUID, "id", "group_snapshot_id?", "source_group_id?"), field(vo.String, "user_id", "project_id", "cluster_name?",
			"host?", "availability_zone?", "name?", "description?", "group_type_id"), field(vo.Strings, "volume_type_ids?"),
			enum("status", "error", "available", "creating", "deleting", "deleted", "updating", "in-use", "error_deleting"), replicationStatus(),
			nested("volumes", "VolumeList"), nested("volume_types", "VolumeTypeList"), nested("group_snapshots", "GroupSnapshotList")),
		list("GroupList", "1.0", "Group"),
		class("GroupSnapshot", "1.0", persistent(), field(vo.UUID, "id", "group_id", "group_type_id?"), field(vo.String, "project_id?", "user_id?", "name?", "description?", "status?"),
			nested("group", "Group"), nested("snapshots", "SnapshotList")),
		list("GroupSnapshotList", "1.0", "GroupSnapshot"),
		class("GroupType", "1.0", persistent(), field(vo.UUID, "id"), field(vo.String, "name?", "description?"), field(vo.Boolean, "is_public?"),
			field(vo.Strings, "projects?"), field(vo.DictOfNullableStrings, "group_specs?")),
		list("GroupTypeList", "1.0", "GroupType"),
		class("ConsistencyGroup", "1.4", persistent(), field(vo.UUID, "id", "cgsnapshot_id?", "source_cgid?"), field(vo.String, "user_id", "project_id", "cluster_name?",
			"host?", "availability_zone?", "name?", "description?", "volume_type_id?"), enum("status", "error", "available", "creating", "deleting", "deleted",
			"updating", "error_deleting"), nested("cluster", "Cluster"), nested("cgsnapshots", "CGSnapshotList"), nested("volumes", "VolumeList")),
		list("ConsistencyGroupList", "1.1", "ConsistencyGroup"),
		class("CGSnapshot", "1.1", persistent(), field(vo.UUID, "id", "consistencygroup_id?"), field(vo.String, "project_id", "user_id", "name?", "description?", "status?"),
			nested("consistencygroup", "ConsistencyGroup"), nested("snapshots", "SnapshotList")),
		list("CGSnapshotList", "1.0", "CGSnapshot"),
		class("Service", "1.6", persistent(), field(vo.Integer, "id", "report_count"), field(vo.String, "host?", "binary?", "cluster_name?", "topic?", "availability_zone?",
			"disabled_reason?", "rpc_current_version?", "object_current_version?", "active_backend_id?", "uuid"), field(vo.Boolean, "disabled?", "frozen"),
			field(vo.DateTime, "modified_at?"), replicationStatus(), nested("cluster", "Cluster")),
		list("ServiceList", "1.1", "Service"),
		class("Cluster", "1.1", persistent(), field(vo.Integer, "id", "num_hosts", "num_down_hosts"), field(vo.String, "name", "binary", "disabled_reason?", "active_backend_id?"),
			field(vo.Boolean, "disabled?", "frozen"), field(vo.DateTime, "last_heartbeat?"), replicationStatus(), nested("services", "ServiceList")),
		list("ClusterList", "1.0", "Cluster"),
	}
}

// requests are the classes of what is only ever sent.
func requests() []vo.Class {
	manageable := [][]vo.Field{field(vo.DictOfNullableStrings, "reference", "extra_info?"), field(vo.Integer, "size?"), field(vo.Boolean, "safe_to_manage?"),
		field(vo.String, "reason_not_safe?"), field(vo.UUID, "cinder_id?")}
	return []vo.Class{
		class("RequestSpec", "1.5", field(vo.UUID, "consistencygroup_id?", "group_id?", "cgsnapshot_id?", "image_id?", "snapshot_id?", "source_replicaid?",
			"source_volid?", "volume_id?", "backup_id?"), nested("volume", "Volume"), nested("volume_type", "VolumeType"),
			nested("volume_properties", "VolumeProperties"), field(vo.String, "CG_backend?", "group_backend?", "resource_backend?", "operation?"),
			field(vo.Strings, "availability_zones?")),
		class("VolumeProperties", "1.1", field(vo.UUID, "cgsnapshot_id?", "consistencygroup_id?", "group_id?", "encryption_key_id?", "snapshot_id?",
			"source_replicaid?", "source_volid?", "volume_type_id?", "group_type_id?"), field(vo.String, "attach_status?", "availability_zone?", "display_description?",
			"display_name?", "project_id?", "replication_status?", "status?", "user_id?"), field(vo.DictOfStrings, "metadata?", "qos_specs?"),
			field(vo.Boolean, "multiattach?"), field(vo.Strings, "reservations?"), field(vo.Integer, "size?")),
		class("BackupDeviceInfo", "1.0", nested("volume", "Volume"), nested("snapshot", "Snapshot"), field(vo.Boolean, "secure_enabled")),
		class("CleanupRequest", "1.0", field(vo.Integer, "service_id?"), field(vo.String, "cluster_name?", "host?", "binary?", "resource_type?"),
			field(vo.Boolean, "is_up?", "disabled?"), field(vo.UUID, "resource_id?"), field(vo.DateTime, "until?")),
		class("LogLevel", "1.0", field(vo.String, "prefix?", "level?")),
		list("LogLevelList", "1.0", "LogLevel"),
		class("ManageableVolume", "1.0", manageable...),
		list("ManageableVolumeList", "1.0", "ManageableVolume"),
		class("ManageableSnapshot", "1.0", append(manageable, field(vo.DictOfNullableStrings, "source_reference"))...),
		list("ManageableSnapshotList", "1.0", "ManageableSnapshot"),
	}
}
