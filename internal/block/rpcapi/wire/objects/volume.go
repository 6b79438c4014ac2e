package objects

import (
	"github.com/clinker/clinker/internal/block"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// ReadVolume is what Volume was made of, as far as the object has it: a volume with its metadata, and its type. Both are nil if
// the object does not say all that a row has, and the type is if the object has none.
func ReadVolume(o *vo.Object) (*block.Volume, *block.VolumeType) {
	for _, name := range [...]string{"created_at", "host", "size", "status", "volume_type_id", "availability_zone", "multiattach", "metadata"} {
		if !o.Has(name) {
			return nil, nil
		}
	}
	v := &block.Volume{Timestamps: readStamps(o), ID: o.Text("id"), NameID: o.Text("_name_id"), UserID: o.Text("user_id"), ProjectID: o.Text("project_id"),
		UseQuota: o.Bool("use_quota"), SnapshotID: o.Text("snapshot_id"), ClusterName: o.Text("cluster_name"), Host: block.Host(o.Text("host")),
		SizeGiB: o.Int("size"), AvailabilityZone: o.Text("availability_zone"), Status: block.VolumeStatus(o.Text("status")),
		AttachStatus: block.AttachStatus(o.Text("attach_status")), MigrationStatus: o.Text("migration_status"), ScheduledAt: o.Time("scheduled_at"),
		LaunchedAt: o.Time("launched_at"), TerminatedAt: o.Time("terminated_at"), Name: optional(o, "display_name"), Description: optional(o, "display_description"),
		ProviderID: o.Text("provider_id"), ProviderLocation: o.Text("provider_location"), ProviderAuth: o.Text("provider_auth"),
		ProviderGeometry: o.Text("provider_geometry"), VolumeTypeID: o.Text("volume_type_id"), SourceVolumeID: o.Text("source_volid"),
		EncryptionKeyID: o.Text("encryption_key_id"), ConsistencyGroupID: o.Text("consistencygroup_id"), GroupID: o.Text("group_id"),
		Bootable: o.Bool("bootable"), Multiattach: o.Bool("multiattach"), ReplicationStatus: o.Text("replication_status"),
		ReplicationExtendedStatus: o.Text("replication_extended_status"), ReplicationDriverData: o.Text("replication_driver_data"),
		PreviousStatus: block.VolumeStatus(o.Text("previous_status")), ServiceUUID: o.Text("service_uuid"), Metadata: o.Map("metadata")}
	if shared, said := o.Data["shared_targets"].(bool); said {
		v.SharedTargets = &shared
	}
	t := readVolumeType(o.Object("volume_type"))
	if t != nil {
		v.VolumeTypeName = t.Name
	}
	return v, t
}

// readVolumeType is what VolumeType was made of; nil for nil, and if the object does not say everything.
func readVolumeType(o *vo.Object) *block.VolumeType {
	if o == nil || !o.Has("name") || !o.Has("qos_specs_id") || !o.Has("extra_specs") {
		return nil
	}
	t := &block.VolumeType{Timestamps: readStamps(o), ID: o.Text("id"), Name: o.Text("name"), Description: optional(o, "description"), IsPublic: o.Bool("is_public"),
		QoSSpecsID: o.Text("qos_specs_id"), ProjectIDs: o.Strings("projects"), ExtraSpecs: make(map[string]string)}
	for name, value := range o.NullableMap("extra_specs") {
		if value != nil {
			t.ExtraSpecs[name] = *value
		}
	}
	return t
}

func readStamps(o *vo.Object) block.Timestamps {
	return block.Timestamps{CreatedAt: o.Time("created_at"), UpdatedAt: o.Time("updated_at"), DeletedAt: o.Time("deleted_at")}
}

// optional is a text, nil for null.
func optional(o *vo.Object, name string) *string {
	if s, is := o.Data[name].(string); is {
		return &s
	}
	return nil
}
