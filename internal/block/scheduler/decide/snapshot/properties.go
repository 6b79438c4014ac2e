package snapshot

import "github.com/clinker/clinker/internal/block"

// Properties is the dictionary volume of the formulas: request_spec's volume_properties, by upstream's names.
func Properties(v *block.Volume) map[string]any {
	metadata := make(map[string]any, len(v.Metadata))
	for key, value := range v.Metadata {
		metadata[key] = value
	}
	p := map[string]any{
		"size": v.SizeGiB, "user_id": v.UserID, "project_id": v.ProjectID, "status": string(v.Status),
		"attach_status": string(v.AttachStatus), "availability_zone": v.AvailabilityZone,
		"volume_type_id": v.VolumeTypeID, "multiattach": v.Multiattach, "metadata": metadata,
	}
	for key, text := range map[string]string{"snapshot_id": v.SnapshotID, "source_volid": v.SourceVolumeID,
		"group_id": v.GroupID, "consistencygroup_id": v.ConsistencyGroupID, "encryption_key_id": v.EncryptionKeyID} {
		if text != "" {
			p[key] = text
		}
	}
	if v.Name != nil {
		p["display_name"] = *v.Name
	}
	if v.Description != nil {
		p["display_description"] = *v.Description
	}
	return p
}
