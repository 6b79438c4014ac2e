package wire

import (
	"encoding/json"
	"maps"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/rpcapi"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/arguments"
	"github.com/clinker/clinker/internal/block/rpcapi/wire/objects"
)

// volumeMethods are those of cinder/volume/rpcapi.py that there are messages for.
func volumeMethods() map[string]method {
	methods := map[string]method{
		rpcapi.MethodCreateVolume: takes("3.0", encodeCreate, decodeCreate),
		rpcapi.MethodDeleteVolume: takes("3.0", func(e *arguments.Encoder, m *rpcapi.DeleteVolume) {
			e.Flow(m.FlowID)
			e.AtHand = m.AtHand
			e.SetVolume("volume", m.VolumeID)
			e.SetAll(map[string]any{"unmanage_only": m.UnmanageOnly, "cascade": m.Cascade})
		}, func(d *arguments.Decoder, m *rpcapi.DeleteVolume) {
			*m = rpcapi.DeleteVolume{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), UnmanageOnly: d.Flag("unmanage_only"), Cascade: d.Flag("cascade")}
		}),
		rpcapi.MethodExtendVolume: takes("3.0", func(e *arguments.Encoder, m *rpcapi.ExtendVolume) {
			e.Flow(m.FlowID)
			v, t := e.Volume(m.VolumeID)
			v.SizeGiB = m.OldSizeGiB
			e.SetObject("volume", objects.Volume(v, t))
			e.SetAll(map[string]any{"new_size": m.NewSizeGiB, "reservations": arguments.NotNull(m.Reservations)})
		}, decodeExtension),
		rpcapi.MethodCreateSnapshot: takes("3.0", func(e *arguments.Encoder, m *rpcapi.CreateSnapshot) {
			e.Flow(m.FlowID)
			e.SetSnapshot("snapshot", m.SnapshotID)
		}, func(d *arguments.Decoder, m *rpcapi.CreateSnapshot) {
			m.FlowID, m.SnapshotID = d.Flow(), d.ID("snapshot", "Snapshot")
		}),
		rpcapi.MethodDeleteSnapshot: takes("3.0", func(e *arguments.Encoder, m *rpcapi.DeleteSnapshot) {
			e.Flow(m.FlowID)
			e.SetSnapshot("snapshot", m.SnapshotID)
			e.Set("unmanage_only", m.UnmanageOnly)
		}, func(d *arguments.Decoder, m *rpcapi.DeleteSnapshot) {
			*m = rpcapi.DeleteSnapshot{FlowID: d.Flow(), SnapshotID: d.ID("snapshot", "Snapshot"), UnmanageOnly: d.Flag("unmanage_only")}
		}),
		rpcapi.MethodRevertToSnapshot: takes("3.15", func(e *arguments.Encoder, m *rpcapi.RevertToSnapshot) {
			e.Flow(m.FlowID)
			e.SetVolume("volume", m.VolumeID)
			e.SetSnapshot("snapshot", m.SnapshotID)
		}, func(d *arguments.Decoder, m *rpcapi.RevertToSnapshot) {
			*m = rpcapi.RevertToSnapshot{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), SnapshotID: d.ID("snapshot", "Snapshot")}
		}),
		rpcapi.MethodGetCapabilities: answering(takes("3.0", func(e *arguments.Encoder, m *rpcapi.GetCapabilities) { e.Set("discover", m.Discover) },
			func(d *arguments.Decoder, m *rpcapi.GetCapabilities) { m.Discover = d.Flag("discover") }),
			func(_ *arguments.Encoder, r *rpcapi.Capabilities) any { return r.Capabilities },
			func(d *arguments.Decoder, r *rpcapi.Capabilities) { r.Capabilities = d.Dict(arguments.Answer) }),
		rpcapi.MethodPublishCapabilities: bare("3.0"),
	}
	for _, more := range []map[string]method{contentMethods(), connectionMethods(), moveMethods(), groupMethods()} {
		maps.Copy(methods, more)
	}
	return methods
}

// contentMethods are those about bytes that come from elsewhere or go there.
func contentMethods() map[string]method {
	return map[string]method{
		rpcapi.MethodManageExisting: takes("3.0", func(e *arguments.Encoder, m *rpcapi.ManageExisting) {
			e.Flow(m.FlowID)
			e.SetVolume("volume", m.VolumeID)
			e.Set("ref", m.Reference)
		}, func(d *arguments.Decoder, m *rpcapi.ManageExisting) {
			*m = rpcapi.ManageExisting{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), Reference: d.Dict("ref")}
		}),
		rpcapi.MethodManageExistingSnapshot: takes("3.0", func(e *arguments.Encoder, m *rpcapi.ManageExistingSnapshot) {
			e.Flow(m.FlowID)
			e.SetSnapshot("snapshot", m.SnapshotID)
			e.Set("ref", m.Reference)
		}, decodeManageSnapshot),
		rpcapi.MethodGetManageableVolumes:   manageable("ManageableVolume"),
		rpcapi.MethodGetManageableSnapshots: manageable("ManageableSnapshot"),
		rpcapi.MethodCopyVolumeToImage: takes("3.0", func(e *arguments.Encoder, m *rpcapi.CopyVolumeToImage) {
			e.Flow(m.FlowID)
			e.SetAll(map[string]any{"volume_id": m.VolumeID, "image_meta": imageMeta(m.ImageID, m.ImageFields)})
		}, func(d *arguments.Decoder, m *rpcapi.CopyVolumeToImage) {
			*m = rpcapi.CopyVolumeToImage{FlowID: d.Flow(), VolumeID: d.Required("volume_id"), ImageID: d.Dict("image_meta").Text("id")}
			m.ImageFields = d.Dict("image_meta")
		}),
		rpcapi.MethodReimage: takes("3.20", func(e *arguments.Encoder, m *rpcapi.Reimage) {
			e.Flow(m.FlowID)
			e.SetVolume("volume", m.VolumeID)
			e.SetAll(map[string]any{"image_meta": imageMeta(m.ImageID, m.ImageFields), "image_snap": nil})
		}, func(d *arguments.Decoder, m *rpcapi.Reimage) {
			*m = rpcapi.Reimage{FlowID: d.Flow(), VolumeID: d.ID("volume", "Volume"), ImageID: d.Dict("image_meta").Text("id"), ImageFields: d.Dict("image_meta")}
		}),
		rpcapi.MethodGetBackupDevice: takes("3.17", func(e *arguments.Encoder, m *rpcapi.BackupTask) {
			encodeBackupTask(e, m)
			e.SetAll(map[string]any{"want_objects": true, "async_call": true})
		}, decodeBackupTask),
	}
}

// imageMeta is an image as Python's managers want it; the id is always there.
func imageMeta(id string, image map[string]any) map[string]any {
	meta := map[string]any{}
	maps.Copy(meta, image)
	meta["id"] = id
	return meta
}

func encodeCreate(e *arguments.Encoder, m *rpcapi.CreateVolume) {
	v, filters := encodeCreation(e, m), filterProperties(&m.Request)
	// What the scheduler knew of the volume: one that gets the request back wants it there.
	maps.Copy(filters, map[string]any{"size": v.SizeGiB, "availability_zone": arguments.OrNull(m.Request.AvailabilityZone),
		"user_id": arguments.OrNull(v.UserID), "metadata": v.Metadata, "qos_specs": nil})
	e.SetAll(map[string]any{"filter_properties": filters, "allow_reschedule": m.Request.Attempts > 0})
}

// decodeCreate reads create_volume to a volume service. A request that must not be scheduled again is one that no scheduler
// has counted.
func decodeCreate(d *arguments.Decoder, m *rpcapi.CreateVolume) {
	decodeCreation(d, m)
	if again, given := d.Args["allow_reschedule"].(bool); given && !again {
		m.Request.Attempts = 0
	}
}

func decodeManageSnapshot(d *arguments.Decoder, m *rpcapi.ManageExistingSnapshot) {
	*m = rpcapi.ManageExistingSnapshot{FlowID: d.Flow(), SnapshotID: d.ID("snapshot", "Snapshot"), Reference: d.Dict("ref")}
}

// manageable is the listing of what a storage holds; class is what its entries are.
func manageable(class string) method {
	m := takes("3.10", func(e *arguments.Encoder, m *rpcapi.GetManageable) {
		keys, dirs := []string{}, []string{}
		for _, k := range m.Sort {
			dir := "asc"
			if k.Desc {
				dir = "desc"
			}
			keys, dirs = append(keys, k.Key), append(dirs, dir)
		}
		e.SetAll(map[string]any{"marker": nil, "limit": m.Limit, "offset": m.Offset, "sort_keys": keys, "sort_dirs": dirs, "want_objects": true})
		if m.Marker != "" {
			var reference any
			if json.Unmarshal([]byte(m.Marker), &reference) != nil {
				reference = m.Marker
			}
			e.Set("marker", reference)
		}
	}, decodeManageable)
	return answering(m, func(e *arguments.Encoder, r *rpcapi.Manageable) any {
		return e.Object(manageableList(class, r.Entries))
	},
		func(d *arguments.Decoder, r *rpcapi.Manageable) { r.Entries = entries(d, class) })
}

func decodeManageable(d *arguments.Decoder, m *rpcapi.GetManageable) {
	const most = 1 << 31
	limit, offset := d.Number("limit"), d.Number("offset")
	if limit < 0 || offset < 0 || limit > most || offset > most {
		d.Refuse("limit", "and offset must be from 0 to %d", most)
	}
	if d.Args["limit"] == nil {
		limit = most
	}
	m.Limit, m.Offset = int(limit), int(offset)
	switch marker := d.Args["marker"].(type) {
	case nil:
	case string:
		m.Marker = marker
	case map[string]any:
		b, _ := json.Marshal(marker) // it came as JSON
		m.Marker = string(b)
	default:
		d.Refuse("marker", "is no reference")
	}
	keys, dirs := d.Texts("sort_keys"), d.Texts("sort_dirs")
	for i, k := range keys {
		m.Sort = append(m.Sort, rpcapi.SortKey{Key: k, Desc: i >= len(dirs) || dirs[i] == "desc"})
	}
}

// connectionMethods are those about who uses a volume.
func connectionMethods() map[string]method {
	attachmentUpdate := takes("3.9", func(e *arguments.Encoder, m *rpcapi.AttachmentUpdate) {
		e.AtHand = m.AtHand
		e.SetVolume("vref", m.VolumeID)
		e.SetAll(map[string]any{"connector": m.Connector, "attachment_id": m.AttachmentID})
	}, func(d *arguments.Decoder, m *rpcapi.AttachmentUpdate) {
		*m = rpcapi.AttachmentUpdate{VolumeID: d.ID("vref", "Volume"), AttachmentID: d.Required("attachment_id"), Connector: d.Connector("connector")}
	})
	initialize := takes("3.0", func(e *arguments.Encoder, m *rpcapi.InitializeConnection) {
		e.SetVolume("volume", m.VolumeID)
		e.Set("connector", m.Connector)
	}, func(d *arguments.Decoder, m *rpcapi.InitializeConnection) {
		*m = rpcapi.InitializeConnection{VolumeID: d.ID("volume", "Volume"), Connector: d.Connector("connector")}
	})
	attach := takes("3.3", func(e *arguments.Encoder, m *rpcapi.AttachVolume) {
		e.SetVolume("volume", m.VolumeID)
		e.SetAll(map[string]any{"volume_id": m.VolumeID, "instance_uuid": arguments.OrNull(m.InstanceUUID), "host_name": arguments.OrNull(m.HostName),
			"mountpoint": m.Mountpoint, "mode": m.Mode})
	}, func(d *arguments.Decoder, m *rpcapi.AttachVolume) {
		*m = rpcapi.AttachVolume{VolumeID: d.Required("volume_id"), InstanceUUID: d.Text("instance_uuid"), HostName: d.Text("host_name"),
			Mountpoint: d.Text("mountpoint"), Mode: d.Text("mode")}
	})
	return map[string]method{
		rpcapi.MethodAttachmentUpdate: answering(attachmentUpdate,
			func(_ *arguments.Encoder, r *map[string]any) any { return *r },
			func(d *arguments.Decoder, r *map[string]any) { *r = d.Dict(arguments.Answer) }),
		rpcapi.MethodAttachmentDelete: takes("3.9", func(e *arguments.Encoder, m *rpcapi.AttachmentDelete) {
			e.AtHand = m.AtHand
			e.SetVolume("vref", m.VolumeID)
			e.Set("attachment_id", m.AttachmentID)
		}, func(d *arguments.Decoder, m *rpcapi.AttachmentDelete) {
			*m = rpcapi.AttachmentDelete{VolumeID: d.ID("vref", "Volume"), AttachmentID: d.Required("attachment_id")}
		}),
		rpcapi.MethodInitializeConnection: answering(initialize,
			func(_ *arguments.Encoder, r *block.ConnectionInfo) any {
				return map[string]any{"driver_volume_type": r.DriverVolumeType, "data": r.Data}
			},
			func(d *arguments.Decoder, r *block.ConnectionInfo) {
				info := d.Dict(arguments.Answer)
				*r = block.ConnectionInfo{DriverVolumeType: info.Text("driver_volume_type"), Data: info.Dict("data")}
			}),
		rpcapi.MethodTerminateConnection: takes("3.0", func(e *arguments.Encoder, m *rpcapi.TerminateConnection) {
			e.SetAll(map[string]any{"volume_id": m.VolumeID, "connector": m.Connector, "force": m.Force})
		}, func(d *arguments.Decoder, m *rpcapi.TerminateConnection) {
			*m = rpcapi.TerminateConnection{VolumeID: d.Required("volume_id"), Connector: d.Connector("connector"), Force: d.Flag("force")}
		}),
		rpcapi.MethodAttachVolume: answering(attach,
			func(e *arguments.Encoder, r *block.Attachment) any { return e.Object(objects.Attachment(r)) },
			func(d *arguments.Decoder, r *block.Attachment) {
				*r = attachmentOf(d.ObjectOf(arguments.Answer, "VolumeAttachment"))
			}),
		rpcapi.MethodDetachVolume: takes("3.4", func(e *arguments.Encoder, m *rpcapi.DetachVolume) {
			e.SetVolume("volume", m.VolumeID)
			e.SetAll(map[string]any{"volume_id": m.VolumeID, "attachment_id": arguments.OrNull(m.AttachmentID)})
		}, func(d *arguments.Decoder, m *rpcapi.DetachVolume) {
			*m = rpcapi.DetachVolume{VolumeID: d.Required("volume_id"), AttachmentID: d.Text("attachment_id")}
		}),
	}
}
