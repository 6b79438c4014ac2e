package api_test

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

// states is a volume's status and attach status.
func states(c apitest.Caller, id string) string {
	c.TB.Helper()
	v := c.Row(id)
	return fmt.Sprintf("%s/%s", v.Status, v.AttachStatus)
}

func expectStates(c apitest.Caller, id, want string) {
	c.TB.Helper()
	if got := states(c, id); got != want {
		c.TB.Errorf("the volume is %s, want %s", got, want)
	}
}

func TestExtend(t *testing.T) {
	t.Parallel()
	c := cloud(t, func(o *apitest.Options) { o.Quota.PerVolumeGigabytes, o.Quota.UseDefaultQuotaClass = 100, false })
	m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "ops")
	bounded := admin.Post("/types", object("volume_type", object("name", "bounded", "extra_specs", object("provisioning:max_vol_size", "3")))).OK(200).Text("volume_type", "id")
	id := m.Volume("size", 2)
	extend := func(as apitest.Caller, id string, size any) apitest.Answer {
		return as.Action("/volumes/"+id, "os-extend", object("new_size", size))
	}
	extend(m, id, 5).Empty(202)
	if v := m.Row(id); v.SizeGiB != 5 || v.Status != block.VolumeAvailable {
		t.Errorf("the row is %+v", v)
	}
	if size, _ := c.Driver.VolumeSizeGiB(id); size != 5 {
		t.Errorf("the storage has %d GiB", size)
	}
	extend(m, id, "6").Empty(202)
	extend(m, id, 6).Fault(400, "New size for extend must be greater than current size. (current: 6, extended: 6).")
	extend(m, id, 1).Fault(400, "(current: 6, extended: 1)")
	extend(m, id, 0).Fault(400, "new_size")
	extend(m, id, "x").Fault(400, "new_size")
	extend(m, id, nil).Fault(400, "new_size")
	extend(m, id, 101).Fault(413, "VolumeSizeExceedsLimit: Requested volume size 101G is larger than maximum allowed limit 100G.")
	admin.Put("/os-quota-sets/p", object("quota_set", object("gigabytes", 50))).OK(200)
	extend(m, id, 51).Fault(413, "VolumeSizeExceedsAvailableQuota: Requested volume or snapshot exceeds allowed gigabytes quota. Requested 45G, quota is 50G and 6G has been consumed.")
	extend(m, nowhere, 51).Fault(404, "Volume "+nowhere+" could not be found.")
	small := m.Volume("size", 2, "volume_type", bounded)
	extend(m, small, 4).Fault(400, "Specified volume size of '4' is greater than the maximum allowable size of '3' for volume type 'bounded'.")
	if v := m.Row(id); v.SizeGiB != 6 {
		t.Errorf("refused extends made it %d GiB", v.SizeGiB)
	}

	m.Action("/volumes/"+id, "os-reserve", nil).Empty(202)
	m.Action("/volumes/"+id, "os-attach", object("instance_uuid", nowhere, "mountpoint", "/dev/vdb")).Empty(202)
	extend(m.At("3.41"), id, 7).Fault(400, "Invalid volume: Volume "+id+" status must be '{'status': 'available'}' to extend, currently in-use.")
	extend(m.At("3.42"), id, 7).Empty(202)
	expectStates(m, id, "in-use/attached")
	m.SetStatus(id, block.VolumeError)
	extend(m, id, 49).Fault(400, "currently error.")

	m.SetStatus(id, block.VolumeAvailable)
	c.Driver.FailNext("extend_volume", block.InvalidInput("no"))
	extend(m, id, 8).Empty(202)
	if v := m.Row(id); v.Status != block.VolumeErrorExtending || v.SizeGiB != 7 {
		t.Errorf("after a failed extend: %s, %d GiB", v.Status, v.SizeGiB)
	}
}

// TestLegacyAttach follows a volume through the old way to attach.
func TestLegacyAttach(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	id := m.Volume()
	path := "/volumes/" + id
	act := func(name string, argument any) apitest.Answer { return m.Action(path, name, argument) }

	act("os-reserve", nil).Empty(202)
	expectStates(m, id, "attaching/detached")
	act("os-reserve", nil).Fault(400, "Invalid volume: Volume status must be available to reserve, but the status is attaching.")
	act("os-unreserve", nil).Empty(202)
	act("os-unreserve", object()).Empty(202)
	expectStates(m, id, "available/detached")
	act("os-reserve", object()).Empty(202)

	info := act("os-initialize_connection", object("connector", object("host", "h", "enforce_multipath", true))).OK(200)
	if kind := info.Text("connection_info", "driver_volume_type"); kind != "fake" {
		t.Errorf("%s", info.Body)
	}
	if info.At("connection_info", "enforce_multipath") != true || info.At("connection_info", "data", "access_mode") != "rw" {
		t.Errorf("%s", info.Body)
	}
	if n := len(c.Target.Connections()); n != 1 {
		t.Errorf("%d connections", n)
	}
	act("os-initialize_connection", object("connector", "x")).Fault(400, "connector")
	act("os-initialize_connection", object()).Fault(400, "'connector' is a required property")

	act("os-attach", object("instance_uuid", nowhere, "mountpoint", "/dev/vdb")).Empty(202)
	expectStates(m, id, "in-use/attached")
	a := m.Row(id).Attachments[0]
	if a.InstanceUUID != nowhere || a.Mountpoint != "/dev/vdb" || a.AttachMode != "rw" || a.AttachStatus != block.AttachAttached {
		t.Errorf("the attachment is %+v", a)
	}
	if d := cmp.Diff(map[string]string{"readonly": "False", "attached_mode": "rw"}, without(m.Row(id).AdminMetadata)); d != "" {
		t.Errorf("admin metadata (-want +got): %s", d)
	}
	m.Get(path).OK(200)
	wantShown := fill(`{"attachments": [{"id": "<V>", "attachment_id": "<A>", "volume_id": "<V>", "server_id": "<I>", "host_name": null,
		"device": "/dev/vdb", "attached_at": "<time>"}]}`, "<V>", id, "<A>", a.ID, "<I>", nowhere)
	shown := m.Get(path)
	shown.Body = []byte(encodeObject(t, "attachments", shown.At("volume", "attachments")))
	shown.Is(200, wantShown)
	act("os-attach", object("instance_uuid", id, "mountpoint", "/dev/vdb")).Fault(400, "")
	act("os-attach", object("mountpoint", "/dev/vdb")).Fault(400, "is not valid under any of the given schemas")
	act("os-attach", object("instance_uuid", nowhere)).Fault(400, "'mountpoint' is a required property")
	act("os-attach", object("instance_uuid", "x", "mountpoint", "/dev/vdb")).Fault(400, "instance_uuid")
	act("os-attach", object("instance_uuid", nowhere, "mountpoint", "/dev/vdb", "mode", "w")).Fault(400, "mode")

	act("os-begin_detaching", nil).Empty(202)
	expectStates(m, id, "detaching/attached")
	act("os-begin_detaching", nil).Fault(400, "Unable to detach volume. Volume status must be 'in-use' and attach_status must be 'attached' to detach.")
	act("os-roll_detaching", nil).Empty(202)
	act("os-roll_detaching", nil).Empty(202)
	expectStates(m, id, "in-use/attached")
	act("os-begin_detaching", nil).Empty(202)
	act("os-terminate_connection", object("connector", object("host", "h"))).Empty(202)
	if n := len(c.Target.Connections()); n != 0 {
		t.Errorf("%d connections", n)
	}
	act("os-detach", object("attachment_id", a.ID)).Empty(202)
	expectStates(m, id, "available/detached")
	act("os-detach", nil).Empty(202)
	act("os-detach", object("attachment_id", "x")).Fault(400, "attachment_id")

	m.SetStatus(id, block.VolumeMaintenance)
	act("os-attach", object("instance_uuid", nowhere, "mountpoint", "/dev/vdb")).Fault(400, "The volume cannot be attached in maintenance mode.")
	act("os-detach", nil).Fault(400, "The volume cannot be detached in maintenance mode.")
	act("os-initialize_connection", object("connector", object())).Fault(400, "The volume connection cannot be initialized in maintenance mode.")
}

// without is admin metadata without what the service keeps there for itself.
func without(md map[string]string) map[string]string {
	out := map[string]string{}
	for _, key := range []string{"readonly", "attached_mode"} {
		if value, there := md[key]; there {
			out[key] = value
		}
	}
	return out
}

func TestForceDetach(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	id := m.Volume()
	path := "/volumes/" + id
	m.Action(path, "os-reserve", nil).Empty(202)
	m.Action(path, "os-initialize_connection", object("connector", object("host", "h"))).OK(200)
	m.Action(path, "os-attach", object("host_name", "h", "mountpoint", "/dev/vdb")).Empty(202)
	attachment := m.Row(id).Attachments[0].ID
	if shown := admin.Get(path).At("volume", "attachments").([]any)[0].(map[string]any); shown["host_name"] != "h" || shown["server_id"] != nil {
		t.Errorf("an administrator sees %v", shown)
	}
	m.Action(path, "os-force_detach", object("attachment_id", attachment)).Fault(403, "Policy doesn't allow volume_extension:volume_admin_actions:force_detach to be performed.")
	admin.Action(path, "os-force_detach", object("attachment_id", attachment, "x", 1)).Fault(400, "Additional properties")
	admin.Action(path, "os-force_detach", object("attachment_id", attachment, "connector", nil)).Empty(202)
	expectStates(m, id, "available/detached")
	if n := len(c.Target.Connections()); n != 0 {
		t.Errorf("%d connections", n)
	}
}

func TestVolumeFlags(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p")
	id := m.Volume()
	path := "/volumes/" + id
	for _, tc := range []struct {
		said any
		want bool
	}{{true, true}, {"False", false}, {"1", true}, {"off", false}} {
		m.Action(path, "os-set_bootable", object("bootable", tc.said)).Empty(200)
		if v := m.Row(id); v.Bootable != tc.want {
			t.Errorf("%v made bootable %v", tc.said, v.Bootable)
		}
	}
	m.Action(path, "os-set_bootable", object("bootable", "maybe")).Fault(400, "bootable")
	m.Action(path, "os-set_bootable", object()).Fault(400, "'bootable' is a required property")
	m.Action(path, "os-update_readonly_flag", object("readonly", "true")).Empty(202)
	if v := m.Row(id); v.AdminMetadata["readonly"] != "True" {
		t.Errorf("%v", v.AdminMetadata)
	}
	if got := m.Get(path).At("volume", "metadata", "readonly"); got != "True" {
		t.Errorf("readonly is shown as %v", got)
	}
	m.Action(path, "os-attach", object("instance_uuid", nowhere, "mountpoint", "/dev/vdb")).Fault(400, "Invalid attaching mode 'rw' for volume "+id+".")
	m.Action(path, "os-update_readonly_flag", object("readonly", false)).Empty(202)
	if v := m.Row(id); v.AdminMetadata["readonly"] != "False" {
		t.Errorf("%v", v.AdminMetadata)
	}
	m.SetStatus(id, block.VolumeInUse)
	m.Action(path, "os-update_readonly_flag", object("readonly", true)).Fault(400,
		"Volume "+id+" status must be available to update readonly flag, but current status is: in-use.")
	m.SetStatus(id, block.VolumeMaintenance)
	m.Action(path, "os-set_bootable", object("bootable", true)).Fault(400, "The volume cannot be updated during maintenance.")
	m.Action(path, "no-such-action", nil).Fault(400, "There is no such action: no-such-action.")
	m.Post(path+"/action", object("os-reserve", nil, "os-unreserve", nil)).Fault(400, "Malformed request body")
	m.Post(path+"/action", "").Fault(400, "There is no such action: None.")
	m.Action("/volumes/"+nowhere, "os-reserve", nil).Fault(404, "Volume "+nowhere+" could not be found.")
	m.At("3.0").Action(path, "os-reimage", object()).Fault(404, "")
}

func TestVolumeResetStatus(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p"), c.As(t, apitest.Admin, "ops")
	id := m.Volume()
	path := "/volumes/" + id
	reset := func(argument any) apitest.Answer { return admin.Action(path, "os-reset_status", argument) }
	m.Action(path, "os-reset_status", object("status", "error")).Fault(403, "Policy doesn't allow volume_extension:volume_admin_actions:reset_status to be performed.")
	reset(object("status", "ERROR")).Empty(202)
	expectStates(m, id, "error/detached")
	reset(object("attach_status", "attached", "migration_status", "migrating")).Empty(202)
	if v := m.Row(id); v.AttachStatus != block.AttachAttached || v.MigrationStatus != "migrating" {
		t.Errorf("the row is %+v", v)
	}
	reset(object("migration_status", "none", "status", nil)).Empty(202)
	if v := m.Row(id); v.MigrationStatus != "" || v.Status != block.VolumeError {
		t.Errorf("the row is %+v", v)
	}
	reset(object("status", "in-use")).Fault(400, "Cannot reset-state to in-use because volume does not have any attachments.")
	m.Change(func(tx store.Tx) error {
		return tx.CreateAttachment(t.Context(), &block.Attachment{ID: nowhere, VolumeID: id, AttachStatus: block.AttachAttached})
	})
	m.Change(func(tx store.Tx) error {
		return tx.PutVolumeAdminMetadata(t.Context(), id, map[string]string{"attached_mode": "rw", "readonly": "False"})
	})
	reset(object("status", "in-use")).Empty(202)
	reset(object("status", "available", "attach_status", "detached")).Empty(202)
	expectStates(m, id, "available/detached")
	if v := m.Row(id); len(v.Attachments) != 0 || len(without(v.AdminMetadata)) != 1 {
		t.Errorf("attachments %v, admin metadata %v", v.Attachments, v.AdminMetadata)
	}
	for _, status := range []string{"deleting", "error_deleting", "detaching"} {
		reset(object("status", status)).Fault(400, "Cannot reset-state to "+status)
	}
	reset(object("status", "x")).Fault(400, "Volume status: x is invalid, valid statuses are: (")
	reset(object("attach_status", "reserved")).Fault(400, "Volume attach status: reserved is invalid")
	reset(object("migration_status", "x")).Fault(400, "Volume migration status: x is invalid")
	reset(object("status", 5)).Fault(400, "")
	for _, nothing := range []map[string]any{object(), object("status", nil), object("status", "")} {
		reset(nothing).Fault(400, "Must specify 'status', 'attach_status' or 'migration_status' for update.")
	}
	reset(object("status", "error", "x", 1)).Fault(400, "Additional properties are not allowed")
	admin.Action("/volumes/"+nowhere, "os-reset_status", object("status", "error")).Fault(404, "Volume "+nowhere+" could not be found.")
	expectStates(m, id, "available/detached")
}
