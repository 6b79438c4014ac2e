package objects

import (
	"time"

	"github.com/clinker/clinker/internal/block"
	vo "github.com/clinker/clinker/internal/oslo/versionedobjects"
)

// What a Python service can load from its database when it wants it is left unset, as upstream's OPTIONAL_FIELDS; all else is
// set, since Python refuses to look up a plain field that is missing.

// orNull is a text, or null for an empty one: the domain writes NULL as the empty text.
func orNull[S ~string](s S) any {
	if s == "" {
		return nil
	}
	return string(s)
}

func timeOrNull(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t
}

// text is what a pointer to a text stands for.
func text(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// setAll sets the given fields.
func setAll(o *vo.Object, values map[string]any) *vo.Object {
	for name, v := range values {
		o.Set(name, v)
	}
	return o
}

func row(class string, t block.Timestamps) *vo.Object {
	return setAll(vo.New(class), map[string]any{"created_at": timeOrNull(t.CreatedAt), "updated_at": timeOrNull(t.UpdatedAt),
		"deleted_at": timeOrNull(t.DeletedAt), "deleted": !t.DeletedAt.IsZero()})
}

// texts is a dictionary, never null.
func texts(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}

// Volume is a volume with its metadata and, if t is not nil, its type. Administrative and image metadata, attachments and
// snapshots are left for Python to load.
func Volume(v *block.Volume, t *block.VolumeType) *vo.Object {
	o := setAll(row("Volume", v.Timestamps), map[string]any{
		"id": v.ID, "_name_id": orNull(v.NameID), "ec2_id": nil, "user_id": orNull(v.UserID), "project_id": orNull(v.ProjectID), "use_quota": v.UseQuota,
		"snapshot_id": orNull(v.SnapshotID), "cluster_name": orNull(v.ClusterName), "host": orNull(v.Host), "size": v.SizeGiB,
		"availability_zone": orNull(v.AvailabilityZone), "status": orNull(v.Status), "attach_status": orNull(v.AttachStatus),
		"migration_status": orNull(v.MigrationStatus), "scheduled_at": timeOrNull(v.ScheduledAt), "launched_at": timeOrNull(v.LaunchedAt),
		"terminated_at": timeOrNull(v.TerminatedAt), "display_name": text(v.Name), "display_description": text(v.Description),
		"provider_id": orNull(v.ProviderID), "provider_location": orNull(v.ProviderLocation), "provider_auth": orNull(v.ProviderAuth),
		"provider_geometry": orNull(v.ProviderGeometry), "volume_type_id": orNull(v.VolumeTypeID), "source_volid": orNull(v.SourceVolumeID),
		"encryption_key_id": orNull(v.EncryptionKeyID), "consistencygroup_id": orNull(v.ConsistencyGroupID), "group_id": orNull(v.GroupID),
		"bootable": v.Bootable, "multiattach": v.Multiattach, "replication_status": orNull(v.ReplicationStatus),
		"replication_extended_status": orNull(v.ReplicationExtendedStatus), "replication_driver_data": orNull(v.ReplicationDriverData),
		"previous_status": orNull(v.PreviousStatus), "service_uuid": orNull(v.ServiceUUID), "shared_targets": nil, "metadata": texts(v.Metadata),
	})
	if v.SharedTargets != nil {
		o.Set("shared_targets", *v.SharedTargets)
	}
	if t != nil {
		o.Set("volume_type", VolumeType(t))
	}
	return o
}

// VolumeType is a type with its extra specs.
func VolumeType(t *block.VolumeType) *vo.Object {
	specs := make(map[string]*string, len(t.ExtraSpecs))
	for k, v := range t.ExtraSpecs {
		specs[k] = &v
	}
	projects := t.ProjectIDs
	if projects == nil {
		projects = []string{}
	}
	return setAll(row("VolumeType", t.Timestamps), map[string]any{"id": t.ID, "name": t.Name, "description": text(t.Description), "is_public": t.IsPublic,
		"qos_specs_id": orNull(t.QoSSpecsID), "extra_specs": specs, "projects": projects})
}

// Snapshot is a snapshot with its metadata; what it belongs to is left for Python to load.
func Snapshot(s *block.Snapshot) *vo.Object {
	return setAll(row("Snapshot", s.Timestamps), map[string]any{
		"id": s.ID, "user_id": orNull(s.UserID), "project_id": orNull(s.ProjectID), "use_quota": s.UseQuota, "volume_id": orNull(s.VolumeID),
		"cgsnapshot_id": orNull(s.CGSnapshotID), "group_snapshot_id": orNull(s.GroupSnapshotID), "status": orNull(s.Status), "progress": orNull(s.Progress),
		"volume_size": s.VolumeSizeGiB, "display_name": text(s.Name), "display_description": text(s.Description), "encryption_key_id": orNull(s.EncryptionKeyID),
		"volume_type_id": orNull(s.VolumeTypeID), "provider_location": orNull(s.ProviderLocation), "provider_id": orNull(s.ProviderID),
		"provider_auth": orNull(s.ProviderAuth), "metadata": texts(s.Metadata),
	})
}

// Attachment is an attachment of a volume.
func Attachment(a *block.Attachment) *vo.Object {
	o := setAll(row("VolumeAttachment", a.Timestamps), map[string]any{
		"id": a.ID, "volume_id": a.VolumeID, "instance_uuid": orNull(a.InstanceUUID), "attached_host": orNull(a.AttachedHost), "mountpoint": orNull(a.Mountpoint),
		"attach_time": timeOrNull(a.AttachTime), "detach_time": timeOrNull(a.DetachTime), "attach_status": orNull(a.AttachStatus), "attach_mode": orNull(a.AttachMode),
		"connection_info": nil, "connector": nil,
	})
	if a.Connection != nil {
		o.Set("connection_info", a.Connection)
	}
	if a.Connector != nil {
		o.Set("connector", map[string]any(a.Connector))
	}
	return o
}

// Backup is a backup with its metadata.
func Backup(b *block.Backup) *vo.Object { return backup("Backup", b) }

// BackupImport is a backup that is to come in by its record.
func BackupImport(b *block.Backup) *vo.Object { return backup("BackupImport", b) }

func backup(class string, b *block.Backup) *vo.Object {
	return setAll(row(class, b.Timestamps), map[string]any{
		"id": b.ID, "volume_id": b.VolumeID, "user_id": b.UserID, "project_id": b.ProjectID, "host": orNull(b.Host), "availability_zone": orNull(b.AvailabilityZone),
		"container": text(b.Container), "parent_id": orNull(b.ParentID), "status": orNull(b.Status), "fail_reason": orNull(b.FailReason), "size": b.SizeGiB,
		"display_name": text(b.Name), "display_description": text(b.Description), "service_metadata": orNull(b.ServiceMetadata), "service": orNull(b.Service),
		"object_count": b.ObjectCount, "temp_volume_id": orNull(b.TempVolumeID), "temp_snapshot_id": orNull(b.TempSnapshotID),
		"num_dependent_backups": b.Dependents, "snapshot_id": orNull(b.SnapshotID), "data_timestamp": timeOrNull(b.DataTimestamp),
		"restore_volume_id": orNull(b.RestoreVolume), "encryption_key_id": orNull(b.EncryptionKeyID), "metadata": texts(b.Metadata),
	})
}

// Group is a group; its volumes and snapshots are left for Python to load.
func Group(g *block.Group) *vo.Object {
	types := g.VolumeTypeIDs
	if types == nil {
		types = []string{}
	}
	return setAll(row("Group", g.Timestamps), map[string]any{
		"id": g.ID, "user_id": g.UserID, "project_id": g.ProjectID, "cluster_name": orNull(g.ClusterName), "host": orNull(g.Host),
		"availability_zone": orNull(g.AvailabilityZone), "name": text(g.Name), "description": text(g.Description), "group_type_id": g.GroupTypeID,
		"volume_type_ids": types, "status": orNull(g.Status), "group_snapshot_id": orNull(g.GroupSnapshotID), "source_group_id": orNull(g.SourceGroupID),
		"replication_status": orNull(g.ReplicationStatus),
	})
}

// GroupSnapshot is a snapshot of a group; the group and the snapshots are left for Python to load.
func GroupSnapshot(s *block.GroupSnapshot) *vo.Object {
	return setAll(row("GroupSnapshot", s.Timestamps), map[string]any{
		"id": s.ID, "group_id": s.GroupID, "group_type_id": orNull(s.GroupTypeID), "project_id": orNull(s.ProjectID), "user_id": orNull(s.UserID),
		"name": text(s.Name), "description": text(s.Description), "status": orNull(s.Status),
	})
}

// Properties is what scheduling knows of a volume, which upstream keeps beside its row; qos may be nil.
func Properties(v *block.Volume, qos map[string]string) *vo.Object {
	o := setAll(vo.New("VolumeProperties"), map[string]any{
		"attach_status": orNull(v.AttachStatus), "availability_zone": orNull(v.AvailabilityZone), "cgsnapshot_id": nil,
		"consistencygroup_id": orNull(v.ConsistencyGroupID), "group_id": orNull(v.GroupID), "display_description": text(v.Description),
		"display_name": text(v.Name), "encryption_key_id": orNull(v.EncryptionKeyID), "metadata": texts(v.Metadata), "multiattach": v.Multiattach,
		"project_id": orNull(v.ProjectID), "qos_specs": nil, "replication_status": orNull(v.ReplicationStatus), "reservations": []string{},
		"size": v.SizeGiB, "snapshot_id": orNull(v.SnapshotID), "source_replicaid": nil, "source_volid": orNull(v.SourceVolumeID),
		"status": orNull(v.Status), "user_id": orNull(v.UserID), "volume_type_id": orNull(v.VolumeTypeID), "group_type_id": nil,
	})
	if len(qos) > 0 {
		o.Set("qos_specs", qos)
	}
	return o
}

// SizeOnly is Properties for requests of which the scheduler checks the room alone.
func SizeOnly(sizeGiB int64) *vo.Object {
	return setAll(vo.New("VolumeProperties"), map[string]any{"size": sizeGiB})
}

// Service is the row of a service. Its cluster is left for Python to load.
func Service(s *block.Service) *vo.Object {
	return setAll(row("Service", s.Timestamps), map[string]any{"id": s.ID, "uuid": s.UUID, "host": orNull(s.Host), "binary": orNull(s.Binary),
		"cluster_name": orNull(s.ClusterName), "topic": orNull(s.Topic), "report_count": s.ReportCount, "disabled": s.Disabled,
		"availability_zone": orNull(s.AvailabilityZone), "disabled_reason": orNull(s.DisabledReason), "modified_at": nil,
		"rpc_current_version": orNull(s.RPCCurrentVersion), "object_current_version": orNull(s.ObjectCurrentVersion),
		"replication_status": orNull(s.ReplicationStatus), "frozen": s.Frozen, "active_backend_id": orNull(s.ActiveBackendID)})
}
