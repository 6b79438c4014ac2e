package api_test

import (
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/glance"
)

type matrixRequest = func(f *fixture) (path string, body any)

// matrixRequests gives for each operation a request that is right.
var matrixRequests = merged(
	map[string]matrixRequest{
		"GET /":                               at("/"),
		"GET /extensions":                     at("/extensions"),
		"GET /extensions/{id}":                at("/extensions/os-hosts"),
		"GET /limits":                         at("/limits"),
		"GET /os-availability-zone":           at("/os-availability-zone"),
		"GET /os-quota-sets/{id}":             at("/os-quota-sets/p"),
		"PUT /os-quota-sets/{id}":             at("/os-quota-sets/z", "quota_set", object("volumes", -1)),
		"DELETE /os-quota-sets/{id}":          at("/os-quota-sets/z"),
		"GET /os-quota-sets/{id}/defaults":    at("/os-quota-sets/p/defaults"),
		"GET /os-quota-class-sets/{id}":       at("/os-quota-class-sets/mine"),
		"PUT /os-quota-class-sets/{id}":       at("/os-quota-class-sets/mine", "quota_class_set", object("volumes", -1)),
		"GET /resource_filters":               at("/resource_filters"),
		"GET /os-services":                    at("/os-services"),
		"PUT /os-services/{action}":           at("/os-services/reboot", "host", "node", "binary", "cinder-scheduler"),
		"PUT /os-services/enable":             at("/os-services/enable", "host", "node", "binary", "cinder-scheduler"),
		"PUT /os-services/disable":            at("/os-services/disable", "host", "node", "binary", "cinder-scheduler"),
		"PUT /os-services/disable-log-reason": at("/os-services/disable-log-reason", "host", "node", "binary", "cinder-scheduler", "disabled_reason", "x"),
		"PUT /os-services/freeze":             onFrozen("freeze"),
		"PUT /os-services/thaw":               onFrozen("thaw"),
		"GET /scheduler-stats/get_pools":      at("/scheduler-stats/get_pools"),
	},
	volumeRequests(), volumeActionRequests(), snapshotRequests(), attachmentRequests(), typeRequests(), qosRequests(), transferRequests(),
	defaultTypeRequests(), groupTypeRequests(), messageRequests(), encryptionRequests(), storageRequests(), backupRequests(),
	groupRequests(), consistencyGroupRequests(),
)

func merged(tables ...map[string]matrixRequest) map[string]matrixRequest {
	all := map[string]matrixRequest{}
	for _, table := range tables {
		for name, request := range table {
			all[name] = request
		}
	}
	return all
}

// at is a request on a path, with a body if there are members for one.
func at(path string, pairs ...any) matrixRequest {
	return func(*fixture) (string, any) { return path, bodyOf(pairs) }
}

func bodyOf(pairs []any) any {
	if len(pairs) == 0 {
		return nil
	}
	return object(pairs...)
}

// on is a request on a resource that is made for it: collection is its first part, rest what comes after the id.
func on(collection string, id func(f *fixture) string, rest string, pairs ...any) matrixRequest {
	return func(f *fixture) (string, any) { return collection + id(f) + rest, bodyOf(pairs) }
}

// onFrozen freezes or thaws a back end that nothing else of the matrix uses.
func onFrozen(action string) matrixRequest {
	return func(f *fixture) (string, any) {
		host := uuid.NewString() + "@x"
		f.Change(func(tx store.Tx) error {
			row, err := tx.RegisterService(f.TB.Context(), &block.Service{Host: host, Binary: block.BinaryVolume, Topic: block.BinaryVolume, AvailabilityZone: apitest.Zone})
			if err != nil {
				return err
			}
			return tx.UpdateService(f.TB.Context(), row.ID, store.ServiceSet{Frozen: new(action == "thaw")})
		})
		return "/os-services/" + action, object("host", host)
	}
}

func qosRequests() map[string]matrixRequest {
	const c = "/qos-specs/"
	specs := func(f *fixture) string {
		return f.As(f.TB, apitest.Admin, "ops").Post("/qos-specs", object("qos_specs", object("name", uuid.NewString(), "k", "v"))).OK(200).Text("qos_specs", "id")
	}
	typed := func(action string) matrixRequest {
		return func(f *fixture) (string, any) {
			id, volumeType := specs(f), f.newType(true)
			if action == "disassociate" {
				f.As(f.TB, apitest.Admin, "ops").Get(c + id + "/associate?vol_type_id=" + volumeType).OK(202)
			}
			return c + id + "/" + action + "?vol_type_id=" + volumeType, nil
		}
	}
	return map[string]matrixRequest{
		"GET /qos-specs": at("/qos-specs"),
		"POST /qos-specs": func(f *fixture) (string, any) {
			return "/qos-specs", object("qos_specs", object("name", uuid.NewString()))
		},
		"GET /qos-specs/{id}":                  on(c, specs, ""),
		"PUT /qos-specs/{id}":                  on(c, specs, "", "qos_specs", object("x", "y")),
		"DELETE /qos-specs/{id}":               on(c, specs, ""),
		"GET /qos-specs/{id}/associations":     on(c, specs, "/associations"),
		"GET /qos-specs/{id}/associate":        typed("associate"),
		"GET /qos-specs/{id}/disassociate":     typed("disassociate"),
		"GET /qos-specs/{id}/disassociate_all": on(c, specs, "/disassociate_all"),
		"PUT /qos-specs/{id}/delete_keys":      on(c, specs, "/delete_keys", "keys", []string{"k"}),
	}
}

func transferRequests() map[string]matrixRequest {
	table := map[string]matrixRequest{}
	for _, collection := range []string{"/volume-transfers", "/os-volume-transfer"} {
		offer := func(f *fixture) (id, key string) {
			return offered(f.At("3.71"), f.newVolume())
		}
		transfer := func(f *fixture) string {
			id, _ := offer(f)
			return id
		}
		table["GET "+collection] = at(collection)
		table["GET "+collection+"/detail"] = at(collection + "/detail")
		table["POST "+collection] = func(f *fixture) (string, any) {
			return collection, object("transfer", object("volume_id", f.newVolume()))
		}
		table["GET "+collection+"/{id}"] = on(collection+"/", transfer, "")
		table["DELETE "+collection+"/{id}"] = on(collection+"/", transfer, "")
		table["POST "+collection+"/{id}/accept"] = func(f *fixture) (string, any) {
			id, key := offer(f)
			return collection + "/" + id + "/accept", object("accept", object("auth_key", key))
		}
	}
	return table
}

func volumeRequests() map[string]matrixRequest {
	const c = "/volumes/"
	volume := func(f *fixture) string { return f.newVolume() }
	return map[string]matrixRequest{
		"GET /volumes":                        at("/volumes"),
		"POST /volumes":                       at("/volumes", "volume", object("size", 1)),
		"GET /volumes/detail":                 at("/volumes/detail"),
		"GET /volumes/summary":                at("/volumes/summary"),
		"GET /volumes/{id}":                   on(c, volume, ""),
		"PUT /volumes/{id}":                   on(c, volume, "", "volume", object("name", "x")),
		"DELETE /volumes/{id}":                on(c, volume, ""),
		"GET /volumes/{id}/metadata":          on(c, volume, "/metadata"),
		"POST /volumes/{id}/metadata":         on(c, volume, "/metadata", "metadata", object("x", "y")),
		"PUT /volumes/{id}/metadata":          on(c, volume, "/metadata", "metadata", object("x", "y")),
		"GET /volumes/{id}/metadata/{key}":    on(c, volume, "/metadata/k"),
		"PUT /volumes/{id}/metadata/{key}":    on(c, volume, "/metadata/k", "meta", object("k", "w")),
		"DELETE /volumes/{id}/metadata/{key}": on(c, volume, "/metadata/k"),
	}
}

func volumeActionRequests() map[string]matrixRequest {
	table := map[string]matrixRequest{}
	for name, tc := range map[string]struct {
		status   block.VolumeStatus
		argument any
	}{
		"os-attach":                {block.VolumeAttaching, object("instance_uuid", server, "mountpoint", "/dev/vdb")},
		"os-detach":                {block.VolumeDetaching, nil},
		"os-reserve":               {block.VolumeAvailable, nil},
		"os-unreserve":             {block.VolumeAttaching, nil},
		"os-begin_detaching":       {block.VolumeInUse, nil},
		"os-roll_detaching":        {block.VolumeDetaching, nil},
		"os-initialize_connection": {block.VolumeAttaching, object("connector", object("host", "h"))},
		"os-terminate_connection":  {block.VolumeDetaching, object("connector", object("host", "h"))},
		"os-extend":                {block.VolumeAvailable, object("new_size", 2)},
		"os-set_bootable":          {block.VolumeAvailable, object("bootable", true)},
		"os-update_readonly_flag":  {block.VolumeAvailable, object("readonly", true)},
		"os-reset_status":          {block.VolumeAvailable, object("status", "error")},
		"os-force_delete":          {block.VolumeDeleting, nil},
		"os-force_detach":          {block.VolumeDetaching, object()},
	} {
		make := func(f *fixture) string {
			return f.realVolume(inStatus(tc.status), func(v *block.Volume) {
				if tc.status == block.VolumeInUse {
					v.AttachStatus = block.AttachAttached
				}
			})
		}
		table["POST /volumes/{id}/action "+name] = on("/volumes/", make, "/action", name, tc.argument)
	}
	table["POST /volumes/{id}/action os-extend_volume_completion"] = on("/volumes/", func(f *fixture) string {
		id := f.newVolume(inStatus(block.VolumeExtending))
		f.Change(func(tx store.Tx) error {
			return tx.PutVolumeAdminMetadata(f.TB.Context(), id, map[string]string{"extend_new_size": "2", "extend_reservations": "[]"})
		})
		return id
	}, "/action", "os-extend_volume_completion", object("error", false))
	table["POST /volumes/{id}/action revert"] = func(f *fixture) (string, any) {
		id := f.At("3.71").Volume()
		return "/volumes/" + id + "/action", object("revert", object("snapshot_id", f.At("3.71").Snapshot(id)))
	}
	elsewhere := func(f *fixture) string {
		return f.newVolume(func(v *block.Volume) { v.Host = "node@gone#gone" })
	}
	table["POST /volumes/{id}/action os-migrate_volume"] = on("/volumes/", elsewhere, "/action", "os-migrate_volume", object("host", apitest.Backend))
	table["POST /volumes/{id}/action os-migrate_volume_completion"] = func(f *fixture) (string, any) {
		return "/volumes/" + f.newVolume() + "/action", object("os-migrate_volume_completion", object("new_volume", f.newVolume()))
	}
	table["POST /volumes/{id}/action os-retype"] = func(f *fixture) (string, any) {
		t := &block.VolumeType{ID: uuid.NewString(), Name: uuid.NewString(), IsPublic: true}
		f.Change(func(tx store.Tx) error { return tx.CreateVolumeType(f.TB.Context(), t) })
		return "/volumes/" + f.newVolume() + "/action", object("os-retype", object("new_type", t.ID))
	}
	table["POST /volumes/{id}/action os-volume_upload_image"] = on("/volumes/", func(f *fixture) string { return f.realVolume() }, "/action",
		"os-volume_upload_image", object("image_name", "i"))
	table["POST /volumes/{id}/action os-reimage"] = func(f *fixture) (string, any) {
		image := f.Images.Add(glance.Image{}, []byte("an operating system"))
		return "/volumes/" + f.realVolume() + "/action", object("os-reimage", object("image_id", image.ID))
	}
	pictured := func(f *fixture) string {
		id := f.newVolume()
		f.Change(func(tx store.Tx) error {
			return tx.PutVolumeImageMetadata(f.TB.Context(), id, map[string]string{"k": "v"}, false)
		})
		return id
	}
	for name, argument := range map[string]any{"os-set_image_metadata": object("metadata", object("x", "y")), "os-show_image_metadata": nil,
		"os-unset_image_metadata": object("key", "k")} {
		table["POST /volumes/{id}/action "+name] = on("/volumes/", pictured, "/action", name, argument)
	}
	return table
}

func snapshotRequests() map[string]matrixRequest {
	const c = "/snapshots/"
	snapshot := func(f *fixture) string { return f.newSnapshot(block.SnapshotAvailable) }
	creating := func(f *fixture) string { return f.newSnapshot(block.SnapshotCreating) }
	return map[string]matrixRequest{
		"GET /snapshots": at("/snapshots"),
		"POST /snapshots": func(f *fixture) (string, any) {
			return "/snapshots", object("snapshot", object("volume_id", f.newVolume()))
		},
		"GET /snapshots/detail":                                 at("/snapshots/detail"),
		"GET /snapshots/{id}":                                   on(c, snapshot, ""),
		"PUT /snapshots/{id}":                                   on(c, snapshot, "", "snapshot", object("name", "x")),
		"DELETE /snapshots/{id}":                                on(c, snapshot, ""),
		"POST /snapshots/{id}/action os-reset_status":           on(c, snapshot, "/action", "os-reset_status", object("status", "error")),
		"POST /snapshots/{id}/action os-force_delete":           on(c, snapshot, "/action", "os-force_delete", nil),
		"POST /snapshots/{id}/action os-update_snapshot_status": on(c, creating, "/action", "os-update_snapshot_status", object("status", "available")),
		"GET /snapshots/{id}/metadata":                          on(c, snapshot, "/metadata"),
		"POST /snapshots/{id}/metadata":                         on(c, snapshot, "/metadata", "metadata", object("x", "y")),
		"PUT /snapshots/{id}/metadata":                          on(c, snapshot, "/metadata", "metadata", object("x", "y")),
		"GET /snapshots/{id}/metadata/{key}":                    on(c, snapshot, "/metadata/k"),
		"PUT /snapshots/{id}/metadata/{key}":                    on(c, snapshot, "/metadata/k", "meta", object("k", "w")),
		"DELETE /snapshots/{id}/metadata/{key}":                 on(c, snapshot, "/metadata/k"),
	}
}

func attachmentRequests() map[string]matrixRequest {
	const c = "/attachments/"
	attachment := func(f *fixture) string { return f.newAttachment() }
	return map[string]matrixRequest{
		"GET /attachments": at("/attachments"),
		"POST /attachments": func(f *fixture) (string, any) {
			return "/attachments", object("attachment", object("volume_uuid", f.newVolume(), "instance_uuid", server))
		},
		"GET /attachments/detail":                   at("/attachments/detail"),
		"GET /attachments/{id}":                     on(c, attachment, ""),
		"PUT /attachments/{id}":                     on(c, attachment, "", "attachment", object("connector", connector)),
		"DELETE /attachments/{id}":                  on(c, attachment, ""),
		"POST /attachments/{id}/action os-complete": on(c, attachment, "/action", "os-complete", nil),
	}
}

func typeRequests() map[string]matrixRequest {
	const c = "/types/"
	open := func(f *fixture) string { return f.newType(true) }
	hidden := func(f *fixture) string { return f.newType(false) }
	return map[string]matrixRequest{
		"GET /types": at("/types"),
		"POST /types": func(f *fixture) (string, any) {
			return "/types", object("volume_type", object("name", f.newVolume())) // some name that is new
		},
		"GET /types/{id}":                             on(c, open, ""),
		"PUT /types/{id}":                             on(c, open, "", "volume_type", object("description", "x")),
		"DELETE /types/{id}":                          on(c, open, ""),
		"GET /types/{id}/extra_specs":                 on(c, open, "/extra_specs"),
		"POST /types/{id}/extra_specs":                on(c, open, "/extra_specs", "extra_specs", object("x", "y")),
		"GET /types/{id}/extra_specs/{key}":           on(c, open, "/extra_specs/multiattach"),
		"PUT /types/{id}/extra_specs/{key}":           on(c, open, "/extra_specs/multiattach", "multiattach", "x"),
		"DELETE /types/{id}/extra_specs/{key}":        on(c, open, "/extra_specs/multiattach"),
		"GET /types/{id}/os-volume-type-access":       on(c, hidden, "/os-volume-type-access"),
		"POST /types/{id}/action addProjectAccess":    on(c, hidden, "/action", "addProjectAccess", object("project", "new")),
		"POST /types/{id}/action removeProjectAccess": on(c, hidden, "/action", "removeProjectAccess", object("project", "p")),
	}
}
