package e2e

import (
	"net/http"
	"testing"

	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/attachments"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumes"
	"github.com/gophercloud/gophercloud/v2/openstack/blockstorage/v3/volumetypes"

	"github.com/clinker/clinker/test/harness"
)

// TestAttachments is the new way to attach, step by step, and what it refuses.
func TestAttachments(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "a77ac4", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})

	a, err := attachments.Create(t.Context(), c, attachments.CreateOpts{VolumeUUID: v.ID, InstanceUUID: instance}).Extract()
	must(t, err)
	if a.Status != "reserved" || len(a.ConnectionInfo) != 0 || a.VolumeID != v.ID || a.Instance != instance {
		t.Errorf("a new attachment without connector: %+v", a)
	}
	wantStatus(t, c, "after the reservation", v.ID, "reserved")
	refused(t, "delete while reserved", volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr(), 400, "Invalid volume: Volume status must be available or error")
	refused(t, "extend while reserved", volumes.ExtendSize(t.Context(), c, v.ID, volumes.ExtendSizeOpts{NewSize: 2}).ExtractErr(), 400, "Invalid volume", "reserved")
	refused(t, "another server while reserved", attachments.Create(t.Context(), c, attachments.CreateOpts{VolumeUUID: v.ID, InstanceUUID: another}).Err,
		400, "Invalid volume", "status must be available or downloading to reserve, but the current status is reserved")

	updated, err := attachments.Update(t.Context(), c, a.ID, attachments.UpdateOpts{Connector: connector("one")}).Extract()
	must(t, err)
	uri := uriOf(t, updated.ConnectionInfo)
	if shown, err := attachments.Get(t.Context(), c, a.ID).Extract(); err != nil || shown.Status != "attaching" || shown.AttachMode != "rw" {
		t.Errorf("after the update the attachment is %+v, %v; want attaching, rw", shown, err)
	}
	wantStatus(t, c, "after the update", v.ID, "attaching")
	must(t, attachments.Complete(t.Context(), c, a.ID).ExtractErr())
	v = get(t, c, v.ID)
	if v.Status != "in-use" || len(v.Attachments) != 1 || v.Attachments[0].AttachmentID != a.ID || v.Attachments[0].ServerID != instance {
		t.Errorf("after os-complete: %s, %+v", v.Status, v.Attachments)
	}

	for what, opts := range map[string]attachments.CreateOpts{
		"reserving":                {VolumeUUID: v.ID, InstanceUUID: another},
		"reserving with connector": {VolumeUUID: v.ID, InstanceUUID: another, Connector: connector("two")},
	} {
		refused(t, "a second server, "+what, attachments.Create(t.Context(), c, opts).Err, 400, "Invalid volume", "in-use")
	}
	refused(t, "delete while in use", volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr(), 400, "Invalid volume: Volume status must be available or error")
	refused(t, "delete while in use, with cascade", volumes.Delete(t.Context(), c, v.ID, volumes.DeleteOpts{Cascade: true}).ExtractErr(), 400, "Invalid volume")
	refused(t, "force-delete while attached", volumes.ForceDelete(t.Context(), c, v.ID).ExtractErr(), 400, "Invalid volume: Volume  must not be")

	// The same server may have it twice: that is how it moves from host to host.
	moved, err := attachments.Create(t.Context(), c, attachments.CreateOpts{VolumeUUID: v.ID, InstanceUUID: instance, Connector: connector("two")}).Extract()
	must(t, err)
	if second := uriOf(t, moved.ConnectionInfo); second == uri {
		t.Error("both attachments have the same address")
	}
	detach(t, c, a.ID)
	must(t, attachments.Complete(t.Context(), c, moved.ID).ExtractErr())
	wantStatus(t, c, "after the move", v.ID, "in-use")
	if list := listAttachments(t, c, attachments.ListOpts{VolumeID: v.ID}); len(list) != 1 || list[0].ID != moved.ID {
		t.Errorf("attachments of the volume: %+v", list)
	}
	detach(t, c, moved.ID)
	wantStatus(t, c, "after the last detach", v.ID, "available")
	must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
	awaitGone(t, c, v.ID)

	_, err = attachments.Get(t.Context(), c, moved.ID).Extract()
	refused(t, "an attachment that is gone", err, 404, moved.ID)
	refused(t, "an attachment of no volume", attachments.Create(t.Context(), c, attachments.CreateOpts{VolumeUUID: nobody, InstanceUUID: instance}).Err, 404, nobody)
	for path, version := range map[string]string{"/v3/attachments": "3.26", "/v3/attachments/detail": "3.0"} {
		wantFault(t, path+" before 3.27", cloud.Do(t, harness.Request{Path: path, Version: version}), 404)
	}
}

// TestMultiattach: a type that says so lets several servers have a volume.
func TestMultiattach(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io")
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "3017", latest)
	volumeType(t, c, "shared", map[string]string{"multiattach": "<is> True"})
	v := create(t, c, volumes.CreateOpts{Size: 1, VolumeType: "shared"})
	if !v.Multiattach {
		t.Error("the volume is not multiattach")
	}
	first, firstURI := attach(t, c, v.ID, instance)
	second, secondURI := attach(t, c, v.ID, another)
	if firstURI == secondURI {
		t.Error("both servers have the same address, so neither can be cut off alone")
	}
	must(t, harness.QemuIO(t, firstURI, "write -P 5 0 1M", "flush"))
	must(t, harness.QemuIO(t, secondURI, "read -P 5 0 1M", "write -P 6 1M 1M", "flush"))
	must(t, harness.QemuIO(t, firstURI, "read -P 6 1M 1M"))
	if v = get(t, c, v.ID); len(v.Attachments) != 2 {
		t.Errorf("the volume shows %d attachments, want 2", len(v.Attachments))
	}
	detach(t, c, first)
	wantStatus(t, c, "with one server left", v.ID, "in-use")
	if err := harness.QemuIO(t, firstURI, "read 0 512"); err == nil {
		t.Error("the first server still gets in")
	}
	must(t, harness.QemuIO(t, secondURI, "read -P 6 1M 1M"))
	refused(t, "delete with one server left", volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr(), 400)
	detach(t, c, second)
	wantStatus(t, c, "with none left", v.ID, "available")

	r := cloud.Do(t, harness.Request{Path: "/v3/volumes", Body: map[string]any{"volume": map[string]any{"size": 1, "multiattach": true}}})
	wantFault(t, "multiattach in the body", r, 400, "multiattach parameter has been removed")
}

// TestLegacyAttach is the old way, as Nova did before attachments.
func TestLegacyAttach(t *testing.T) {
	t.Parallel()
	harness.NeedTools(t, "qemu-io")
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", oldest)
	v := create(t, c, volumes.CreateOpts{Size: 1})

	refused(t, "begin_detaching of an available volume", volumes.BeginDetaching(t.Context(), c, v.ID).ExtractErr(), 400,
		"Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.")
	must(t, volumes.Reserve(t.Context(), c, v.ID).ExtractErr())
	wantStatus(t, c, "os-reserve", v.ID, "attaching")
	refused(t, "os-reserve twice", volumes.Reserve(t.Context(), c, v.ID).ExtractErr(), 400, "Volume status must be available to reserve, but the status is attaching")
	must(t, volumes.Unreserve(t.Context(), c, v.ID).ExtractErr())
	wantStatus(t, c, "os-unreserve", v.ID, "available")

	must(t, volumes.Reserve(t.Context(), c, v.ID).ExtractErr())
	r := action(t, cloud, "volumes", v.ID, "os-initialize_connection", map[string]any{"connector": connector("one")})
	want(t, "os-initialize_connection", r, 200)
	var info struct {
		Connection struct {
			Type string         `json:"driver_volume_type"`
			Data map[string]any `json:"data"`
		} `json:"connection_info"`
	}
	r.Into(t, &info)
	uri := uriOf(t, info.Connection.Data)
	if info.Connection.Type != "nbd" {
		t.Errorf("driver_volume_type %q, want nbd", info.Connection.Type)
	}
	must(t, volumes.Attach(t.Context(), c, v.ID, volumes.AttachOpts{InstanceUUID: instance, MountPoint: "/dev/vdc", Mode: volumes.ReadWrite}).ExtractErr())
	v = get(t, c, v.ID)
	if v.Status != "in-use" || len(v.Attachments) != 1 || v.Attachments[0].Device != "/dev/vdc" || v.Attachments[0].ServerID != instance ||
		v.Metadata["attached_mode"] != "rw" {
		t.Errorf("after os-attach: %s, %+v, %v", v.Status, v.Attachments, v.Metadata)
	}
	must(t, harness.QemuIO(t, uri, "write -P 3 0 64k", "flush"))
	refused(t, "os-reserve in use", volumes.Reserve(t.Context(), c, v.ID).ExtractErr(), 400, "but the status is in-use")
	refused(t, "delete in use", volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr(), 400)

	must(t, volumes.BeginDetaching(t.Context(), c, v.ID).ExtractErr())
	wantStatus(t, c, "os-begin_detaching", v.ID, "detaching")
	refused(t, "os-begin_detaching twice", volumes.BeginDetaching(t.Context(), c, v.ID).ExtractErr(), 400)
	want(t, "os-roll_detaching", action(t, cloud, "volumes", v.ID, "os-roll_detaching", nil), 202)
	wantStatus(t, c, "os-roll_detaching", v.ID, "in-use")
	must(t, harness.QemuIO(t, uri, "read -P 3 0 64k"))

	must(t, volumes.BeginDetaching(t.Context(), c, v.ID).ExtractErr())
	want(t, "os-terminate_connection", action(t, cloud, "volumes", v.ID, "os-terminate_connection", map[string]any{"connector": connector("one")}), 202)
	must(t, volumes.Detach(t.Context(), c, v.ID, volumes.DetachOpts{AttachmentID: v.Attachments[0].AttachmentID}).ExtractErr())
	v = get(t, c, v.ID)
	if v.Status != "available" || len(v.Attachments) != 0 || v.Metadata["attached_mode"] != "" {
		t.Errorf("after os-detach: %s, %+v, %v", v.Status, v.Attachments, v.Metadata)
	}
	if err := harness.QemuIO(t, uri, "read 0 512"); err == nil {
		t.Error("the export is still there after the detach")
	}
	want(t, "os-detach of what is not attached", action(t, cloud, "volumes", v.ID, "os-detach", map[string]any{}), 202)

	for what, argument := range map[string]map[string]any{
		"no consumer": {"mountpoint": "/dev/vdc"}, "no mountpoint": {"instance_uuid": instance},
		"a mode that is none":      {"instance_uuid": instance, "mountpoint": "/dev/vdc", "mode": "rx"},
		"a server that is no UUID": {"instance_uuid": "server", "mountpoint": "/dev/vdc"},
	} {
		wantFault(t, "os-attach with "+what, action(t, cloud, "volumes", v.ID, "os-attach", argument), 400)
	}
	wantStatus(t, c, "after what was refused", v.ID, "available")
}

// TestForceDetach: an administrator frees a volume whatever its state.
func TestForceDetach(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})
	id, _ := attach(t, c, v.ID, instance)
	wantFault(t, "an attachment that is not there", action(t, cloud, "volumes", nobody, "os-force_detach", map[string]any{"attachment_id": id}), 404)
	want(t, "os-force_detach", action(t, cloud, "volumes", v.ID, "os-force_detach", map[string]any{"attachment_id": id, "connector": nil}), 202)
	wantStatus(t, c, "os-force_detach", v.ID, "available")
	if list := listAttachments(t, c, attachments.ListOpts{VolumeID: v.ID}); len(list) != 0 {
		t.Errorf("the attachment is still there: %+v", list)
	}
}

// TestBootableAndReadOnly are the two flags of a volume.
func TestBootableAndReadOnly(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	v := create(t, c, volumes.CreateOpts{Size: 1})
	if v.Bootable != "false" {
		t.Errorf("a new volume has bootable %q", v.Bootable)
	}
	for _, on := range []bool{true, false} {
		must(t, volumes.SetBootable(t.Context(), c, v.ID, volumes.BootableOpts{Bootable: on}).ExtractErr())
		if got := get(t, c, v.ID).Bootable; got != map[bool]string{true: "true", false: "false"}[on] {
			t.Errorf("bootable %q after os-set_bootable %v", got, on)
		}
	}
	for text, status := range map[any]int{"yes": 200, "0": 200, "maybe": 400, 2: 400} {
		r := action(t, cloud, "volumes", v.ID, "os-set_bootable", map[string]any{"bootable": text})
		if status == 400 {
			wantFault(t, "os-set_bootable", r, 400)
		} else {
			want(t, "os-set_bootable", r, status)
		}
	}
	want(t, "os-update_readonly_flag", action(t, cloud, "volumes", v.ID, "os-update_readonly_flag", map[string]any{"readonly": "true"}), 202)
	if got := get(t, c, v.ID).Metadata["readonly"]; got != "True" {
		t.Errorf("readonly shows as %q", got)
	}
	r := action(t, cloud, "volumes", v.ID, "os-attach", map[string]any{"instance_uuid": instance, "mountpoint": "/dev/vdc", "mode": "rw"})
	wantFault(t, "rw attach of a read-only volume", r, 400, "Invalid attaching mode 'rw' for volume "+v.ID)
	id, _ := attachMode(t, c, v.ID, instance, "ro")
	wantFault(t, "os-update_readonly_flag in use", action(t, cloud, "volumes", v.ID, "os-update_readonly_flag", map[string]any{"readonly": false}), 400, "available", "in-use")
	detach(t, c, id)
}

// TestTypeInUse: what a volume's type says cannot be changed under the volume.
func TestTypeInUse(t *testing.T) {
	t.Parallel()
	cloud := harness.Start(t, "")
	c := cloud.Client(t, "admin", latest)
	id := volumeType(t, c, "gold", nil)
	v := create(t, c, volumes.CreateOpts{Size: 1, VolumeType: "gold"})
	refused(t, "delete of a type in use", volumetypes.Delete(t.Context(), c, id).ExtractErr(), 400)
	r := cloud.Do(t, harness.Request{Path: "/v3/types/" + id + "/extra_specs", Body: map[string]any{"extra_specs": map[string]string{"multiattach": "<is> True"}}})
	wantFault(t, "extra specs of a type in use", r, 400)
	must(t, volumes.Delete(t.Context(), c, v.ID, nil).ExtractErr())
	awaitGone(t, c, v.ID)
	must(t, volumetypes.Delete(t.Context(), c, id).ExtractErr())
	want(t, "the deleted type", cloud.Do(t, harness.Request{Method: http.MethodGet, Path: "/v3/types/" + id}), 404)
}

func listAttachments(t *testing.T, c *client, opts attachments.ListOpts) []attachments.Attachment {
	t.Helper()
	pages, err := attachments.List(c, opts).AllPages(t.Context())
	must(t, err)
	list, err := attachments.ExtractAttachments(pages)
	must(t, err)
	return list
}
