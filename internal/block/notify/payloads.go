package notify

import (
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// isoformat is Python's isoformat of a moment with a zone: microseconds stand only where there are any.
func isoformat(t time.Time) string { return naive(t) + "+00:00" }

// naive is isoformat without the zone.
func naive(t time.Time) string {
	if t = t.UTC().Truncate(time.Microsecond); t.Nanosecond() == 0 {
		return t.Format("2006-01-02T15:04:05")
	}
	return t.Format("2006-01-02T15:04:05.000000")
}

// isoformatOrNow stands for what has not happened yet: upstream writes that without a zone.
func isoformatOrNow(t time.Time) string {
	if t.IsZero() {
		return naive(time.Now())
	}
	return isoformat(t)
}

// Moment is a time as oslo.serialization writes it; nil for the zero one.
func Moment(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format("2006-01-02T15:04:05.000000")
}

// OrNull is nil for an empty text.
func OrNull(text string) any {
	if text == "" {
		return nil
	}
	return text
}

// text is nil for a text that is not there.
func text(s *string) any {
	if s == nil {
		return nil
	}
	return *s
}

// Volume is the payload about a volume. In upstream's, each attachment also has the whole row of the volume, and the
// connection_info: secrets of a back end, which stay at home here.
func Volume(v *block.Volume) map[string]any {
	status := v.Status
	if status == block.VolumeErrorManagingDeleting {
		status = block.VolumeDeleting
	}
	payload := map[string]any{
		"tenant_id": v.ProjectID, "user_id": v.UserID, "host": OrNull(string(v.Host)), "availability_zone": OrNull(v.AvailabilityZone),
		"volume_id": v.ID, "volume_type": OrNull(v.VolumeTypeID), "display_name": text(v.Name),
		"launched_at": isoformatOrNow(v.LaunchedAt), "created_at": isoformatOrNow(v.CreatedAt), "status": string(status),
		"snapshot_id": OrNull(v.SnapshotID), "size": v.SizeGiB, "replication_status": OrNull(v.ReplicationStatus),
		"replication_extended_status": OrNull(v.ReplicationExtendedStatus), "replication_driver_data": OrNull(v.ReplicationDriverData),
		"metadata": pairs(v.Metadata), "volume_attachment": attachments(v.Attachments),
	}
	if len(v.ImageMetadata) > 0 {
		payload["glance_metadata"] = imageMetadata(v)
	}
	return payload
}

// pairs is metadata as upstream's rows show: one object for each pair. They come sorted.
func pairs(md map[string]string) []map[string]any {
	list := make([]map[string]any, 0, len(md))
	for _, key := range slices.Sorted(maps.Keys(md)) {
		list = append(list, map[string]any{"key": key, "value": md[key]})
	}
	return list
}

// imageMetadata is the image metadata as rows; their numbers and times are not told.
func imageMetadata(v *block.Volume) []map[string]any {
	list := pairs(v.ImageMetadata)
	for _, row := range list {
		row["volume_id"], row["snapshot_id"], row["deleted"], row["deleted_at"] = v.ID, nil, false, nil
	}
	return list
}

func attachments(of []block.Attachment) []map[string]any {
	list := make([]map[string]any, 0, len(of))
	for _, a := range of {
		list = append(list, map[string]any{
			"id": a.ID, "volume_id": a.VolumeID, "instance_uuid": OrNull(a.InstanceUUID), "attached_host": OrNull(a.AttachedHost),
			"mountpoint": OrNull(a.Mountpoint), "attach_time": Moment(a.AttachTime), "detach_time": Moment(a.DetachTime),
			"attach_status": string(a.AttachStatus), "attach_mode": OrNull(a.AttachMode), "connection_info": nil, "connector": connector(a.Connector),
			"created_at": Moment(a.CreatedAt), "updated_at": Moment(a.UpdatedAt), "deleted_at": nil, "deleted": false,
		})
	}
	return list
}

// connector is the text of the column, as upstream passes it on.
func connector(c block.Connector) any {
	if c == nil {
		return nil
	}
	b, err := json.Marshal(c)
	if err != nil { // it came as JSON
		return nil
	}
	return string(b)
}

// Snapshot is the payload about a snapshot of v, which may be nil where it is not known. Upstream writes deleted and
// metadata as Python's texts of them, and nothing for false and for none.
func Snapshot(s *block.Snapshot, v *block.Volume) map[string]any {
	payload := map[string]any{
		"tenant_id": s.ProjectID, "user_id": s.UserID, "availability_zone": nil, "volume_id": s.VolumeID, "volume_size": s.VolumeSizeGiB,
		"snapshot_id": s.ID, "display_name": text(s.Name), "created_at": isoformatOrNow(s.CreatedAt), "status": string(s.Status),
		"deleted": "", "metadata": "",
	}
	if v != nil {
		payload["availability_zone"] = OrNull(v.AvailabilityZone)
	}
	if s.Status == block.SnapshotDeleted {
		payload["deleted"] = "True"
	}
	if len(s.Metadata) > 0 {
		md := make(map[string]any, len(s.Metadata))
		for key, value := range s.Metadata {
			md[key] = value
		}
		payload["metadata"] = bodyschema.PythonRepr(md)
	}
	return payload
}

// VolumeType is a volume type within a payload.
func VolumeType(t *block.VolumeType) map[string]any {
	specs := t.ExtraSpecs
	if specs == nil {
		specs = map[string]string{}
	}
	return map[string]any{"id": t.ID, "name": t.Name, "description": text(t.Description), "qos_specs_id": OrNull(t.QoSSpecsID), "is_public": t.IsPublic,
		"deleted": false, "deleted_at": nil, "created_at": Moment(t.CreatedAt), "updated_at": Moment(t.UpdatedAt), "extra_specs": specs}
}

// GroupType is a group type within a payload.
func GroupType(t *block.GroupType) map[string]any {
	specs := t.Specs
	if specs == nil {
		specs = map[string]*string{}
	}
	return map[string]any{"id": t.ID, "name": t.Name, "description": text(t.Description), "is_public": t.IsPublic,
		"deleted": false, "deleted_at": nil, "created_at": Moment(t.CreatedAt), "updated_at": Moment(t.UpdatedAt), "group_specs": specs}
}

// Group is the payload about a group.
func Group(g *block.Group) map[string]any {
	return map[string]any{
		"tenant_id": g.ProjectID, "user_id": g.UserID, "availability_zone": OrNull(g.AvailabilityZone), "group_id": g.ID,
		"group_type": OrNull(g.GroupTypeID), "name": text(g.Name), "created_at": isoformatOrNow(g.CreatedAt), "status": string(g.Status),
	}
}

// GroupSnapshot is the payload about a group snapshot.
func GroupSnapshot(n *block.GroupSnapshot) map[string]any {
	return map[string]any{
		"tenant_id": n.ProjectID, "user_id": n.UserID, "group_snapshot_id": n.ID, "name": text(n.Name), "group_id": n.GroupID,
		"group_type": OrNull(n.GroupTypeID), "created_at": isoformatOrNow(n.CreatedAt), "status": string(n.Status),
	}
}
