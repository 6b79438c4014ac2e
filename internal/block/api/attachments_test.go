package api_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/fault"
)

const (
	server      = "11111111-0000-4000-8000-000000000000"
	otherServer = "22222222-0000-4000-8000-000000000000"
)

var connector = object("host", "compute-1", "mountpoint", "/dev/vdb")

// attach asks for an attachment and gives its id.
func attach(c apitest.Caller, volume, instance string, more ...any) string {
	c.TB.Helper()
	body := object(append(more, "volume_uuid", volume, "instance_uuid", instance)...)
	return c.Post("/attachments", object("attachment", body)).OK(200).Text("attachment", "id")
}

func TestAttachment(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume()
	a := m.Post("/attachments", object("attachment", object("volume_uuid", volume, "instance_uuid", server)))
	id := a.OK(200).Text("attachment", "id")
	path := "/attachments/" + id
	a.Is(200, fill(`{"attachment": {"id": "<A>", "status": "reserved", "instance": "<I>", "volume_id": "<V>", "attached_at": "", "detached_at": "",
		"attach_mode": "null", "connection_info": {}}}`, "<A>", id, "<I>", server, "<V>", volume))
	expectStates(m, volume, "reserved/detached")
	if row := m.AttachmentRow(id); row.AttachStatus != block.AttachReserved || row.InstanceUUID != server || row.VolumeID != volume {
		t.Errorf("the row is %+v", row)
	}

	// But for the connection, the answer is of the attachment as it was before, as upstream's.
	connected := fill(`{"attachment": {"id": "<A>", "status": "reserved", "instance": "<I>", "volume_id": "<V>", "attached_at": "", "detached_at": "",
		"attach_mode": "null", "connection_info": {"driver_volume_type": "fake", "access_mode": "rw", "attachment_id": "<A>", "cacheable": false,
		"encrypted": false, "enforce_multipath": false, "qos_specs": null, "export": "fake-<A>", "volume_id": "<V>", "size_bytes": 1073741824}}}`, "<A>", id, "<I>", server, "<V>", volume)
	m.Put(path, object("attachment", object("connector", connector))).Is(200, connected)
	expectStates(m, volume, "attaching/attaching")
	shown := m.Get(path).OK(200)
	if shown.Text("attachment", "status") != "attaching" || shown.Text("attachment", "attach_mode") != "rw" || shown.Text("attachment", "attached_at") == "" {
		t.Errorf("%s", shown.Body)
	}
	if row := m.AttachmentRow(id); row.Connector.Text("host") != "compute-1" || row.Mountpoint != "/dev/vdb" || row.AttachedHost != "compute-1" || len(row.Connection) == 0 {
		t.Errorf("the row is %+v", row)
	}
	if n := len(c.Target.Connections()); n != 1 {
		t.Errorf("%d connections", n)
	}
	m.At("3.43").Action(path, "os-complete", nil).Fault(404, "")
	at := m.AttachmentRow(id).AttachTime
	m.At("3.44").Action(path, "os-complete", nil).Empty(204)
	m.Action(path, "os-complete", object()).Empty(204)
	expectStates(m, volume, "in-use/attached")
	if row := m.AttachmentRow(id); row.AttachStatus != block.AttachAttached || !row.AttachTime.Equal(at) {
		t.Errorf("the row is %+v", row)
	}

	show := m.Get(path).OK(200)
	summary := object("id", id, "status", "attached", "instance", server, "volume_id", volume)
	if d := cmp.Diff([]any{summary}, listed(m, "/attachments", "attachments")); d != "" {
		t.Errorf("the list (-want +got): %s", d)
	}
	if d := cmp.Diff([]any{show.At("attachment")}, listed(m, "/attachments/detail", "attachments")); d != "" {
		t.Errorf("detail is not show (-show +detail): %s", d)
	}
	m.Delete(path).Is(200, `{"attachments": []}`)
	expectStates(m, volume, "available/detached")
	if m.AttachmentRow(id) != nil || len(c.Target.Connections()) != 0 {
		t.Errorf("left: %v, %v", m.AttachmentRow(id), c.Target.Connections())
	}
	m.Get(path).Fault(404, "Volume attachment could not be found with filter: attachment_id = "+id+".")
	m.Delete(path).Fault(404, "attachment_id = "+id)
	m.Action(path, "os-complete", nil).Fault(404, "attachment_id = "+id)
	m.Put(path, object("attachment", object("connector", connector))).Fault(404, "attachment_id = "+id)

	// With a connector, everything is done at once; and what was only reserved is let go as well.
	id = attach(m, volume, server, "connector", connector, "mode", "ro")
	if row := m.AttachmentRow(id); row.AttachMode != "ro" || row.AttachStatus != block.AttachAttaching {
		t.Errorf("the row is %+v", row)
	}
	if got := m.Get("/attachments/"+id).At("attachment", "connection_info", "access_mode"); got != "ro" {
		t.Errorf("the access mode is %v", got)
	}
	m.Delete("/attachments/" + id).OK(200)
	id = attach(m, volume, server)
	m.Delete("/attachments/" + id).OK(200)
	expectStates(m, volume, "available/detached")
}

func TestAttachmentRefused(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, other := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Member, "q").At("3.71")
	volume, theirs := m.Volume(), other.Volume()
	for name, tc := range map[string]struct {
		version string
		body    map[string]any
		status  int
		text    string
	}{
		"no volume":      {"", object("instance_uuid", server), 400, "'volume_uuid' is a required property"},
		"no such volume": {"", object("volume_uuid", nowhere), 404, "Volume " + nowhere + " could not be found."},
		"other's volume": {"", object("volume_uuid", theirs), 404, "Volume " + theirs + " could not be found."},
		"bad instance":   {"", object("volume_uuid", volume, "instance_uuid", "x"), 400, "instance_uuid"},
		"bad connector":  {"", object("volume_uuid", volume, "connector", "x"), 400, "connector"},
		"mode too early": {"3.53", object("volume_uuid", volume, "mode", "ro"), 400, "Additional properties"},
		"bad mode":       {"", object("volume_uuid", volume, "mode", "w"), 400, "mode"},
	} {
		t.Run(name, func(t *testing.T) {
			as := m.On(t)
			if tc.version != "" {
				as = as.At(tc.version)
			}
			as.Post("/attachments", object("attachment", tc.body)).Fault(tc.status, tc.text)
		})
	}
	for _, path := range []string{"/attachments", "/attachments/detail", "/attachments/" + nowhere} {
		m.At("3.26").Get(path).Fault(404, "")
	}
	for _, status := range []block.VolumeStatus{block.VolumeError, block.VolumeErrorDeleting} {
		m.SetStatus(volume, status)
		m.Post("/attachments", object("attachment", object("volume_uuid", volume, "instance_uuid", server))).Fault(400,
			"Volume attachments can not be created if the volume is in an error state. The Volume "+volume+" currently has a status of: "+string(status))
	}
	for _, status := range []block.VolumeStatus{block.VolumeCreating, block.VolumeInUse, block.VolumeReserved, block.VolumeDeleting, block.VolumeMaintenance} {
		m.SetStatus(volume, status)
		m.Post("/attachments", object("attachment", object("volume_uuid", volume, "instance_uuid", server))).Fault(400,
			"Invalid volume: Volume "+volume+" status must be available or downloading to reserve, but the current status is "+string(status)+".")
	}
	if n := len(m.Row(volume).Attachments); n != 0 {
		t.Errorf("refused creates left %d attachments", n)
	}
	m.SetStatus(volume, block.VolumeAvailable)
	id := attach(m, volume, server)
	path := "/attachments/" + id
	m.Put(path, object("attachment", object("connector", object()))).Fault(400, "connector")
	m.Put(path, object("attachment", object())).Fault(400, "'connector' is a required property")
	m.Put(path, object("attachment", object("connector", nil))).Fault(400, "connector")
	for _, as := range []apitest.Caller{other} {
		as.Get(path).Fault(404, "attachment_id = "+id)
		as.Delete(path).Fault(404, "attachment_id = "+id)
		as.Put(path, object("attachment", object("connector", connector))).Fault(404, "attachment_id = "+id)
		as.Action(path, "os-complete", nil).Fault(404, "attachment_id = "+id)
	}
	m.SetStatus(volume, block.VolumeErrorExtending)
	m.Put(path, object("attachment", object("connector", connector))).Fault(409,
		"Resource conflict: Volume attachments can not be updated if the volume is in an error state.")
	m.SetStatus(volume, block.VolumeReserved)
	c.Target.FailWith(func(verb, _ string) error {
		if verb == "connect" {
			return fault.New(fault.Unavailable, "", "the target is away")
		}
		return nil
	})
	if a := m.Put(path, object("attachment", object("connector", connector))); a.Status < 500 {
		t.Errorf("a target that is away answers %d %s", a.Status, a.Body)
	}
	if row := m.AttachmentRow(id); row != nil && row.AttachStatus != block.AttachErrorAttaching {
		t.Errorf("the row is %+v", row)
	}
}

// TestAttachLeavesOtherOperationsAlone: what says that a consumer has the volume must not end a delete or an extend.
func TestAttachLeavesOtherOperationsAlone(t *testing.T) {
	t.Parallel()
	m := cloud(t).As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume()
	id := attach(m, volume, server, "connector", connector)
	m.SetStatus(volume, block.VolumeDeleting)
	m.Action("/attachments/"+id, "os-complete", nil).Fault(400, "cannot be attached while its status is deleting")
	m.Action("/volumes/"+volume, "os-attach", object("instance_uuid", server, "mountpoint", "/dev/vdb")).Fault(400, "cannot be attached while its status is deleting")
	expectStates(m, volume, "deleting/attaching")
	m.SetStatus(volume, block.VolumeExtending)
	m.Action("/attachments/"+id, "os-complete", nil).Empty(204)
	expectStates(m, volume, "extending/attached")
}

// TestAttachTwice: a second attachment needs a multiattach volume, or has to be of the same instance.
func TestAttachTwice(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "ops").At("3.71")
	plain := m.Volume()
	first := attach(m, plain, server, "connector", connector)
	m.Action("/attachments/"+first, "os-complete", nil).Empty(204)
	m.Post("/attachments", object("attachment", object("volume_uuid", plain, "instance_uuid", otherServer))).Fault(400, "to reserve, but the current status is in-use.")
	m.Post("/attachments", object("attachment", object("volume_uuid", plain))).Fault(400, "to reserve, but the current status is in-use.")
	second := attach(m, plain, server)
	expectStates(m, plain, "in-use/attached")
	m.Put("/attachments/"+second, object("attachment", object("connector", object("host", "compute-2")))).OK(200)
	m.Action("/attachments/"+second, "os-complete", nil).Empty(204)
	m.Delete("/attachments/"+first).Is(200, fill(`{"attachments": [{"id": "<A>", "status": "attached", "instance": "<I>", "volume_id": "<V>"}]}`,
		"<A>", second, "<I>", server, "<V>", plain))
	expectStates(m, plain, "in-use/attached")

	many := admin.Post("/types", object("volume_type", object("name", "many", "extra_specs", object("multiattach", "<is> True")))).OK(200).Text("volume_type", "id")
	volume := m.Volume("volume_type", many)
	if !m.Row(volume).Multiattach {
		t.Fatal("the volume is not multiattach")
	}
	one := attach(m, volume, server, "connector", connector)
	m.Action("/attachments/"+one, "os-complete", nil).Empty(204)
	two := attach(m, volume, otherServer, "connector", object("host", "compute-2"))
	m.Action("/attachments/"+two, "os-complete", nil).Empty(204)
	if shown := m.Get("/volumes/"+volume).At("volume", "attachments").([]any); len(shown) != 2 {
		t.Errorf("the volume shows %v", shown)
	}
	m.Delete("/attachments/" + one).OK(200)
	expectStates(m, volume, "in-use/attached")
	m.Delete("/attachments/" + two).OK(200)
	expectStates(m, volume, "available/detached")

	// A read-only volume is attached read-only, whatever was asked.
	m.Action("/volumes/"+plain, "os-update_readonly_flag", object("readonly", true)).Fault(400, "status must be available")
	m.Action("/volumes/"+volume, "os-update_readonly_flag", object("readonly", true)).Empty(202)
	id := attach(m, volume, server, "mode", "rw", "connector", connector)
	if row := m.AttachmentRow(id); row.AttachMode != "ro" {
		t.Errorf("the row is %+v", row)
	}
	if got := m.Get("/attachments/"+id).At("attachment", "connection_info", "access_mode"); got != "ro" {
		t.Errorf("the access mode is %v", got)
	}
}

func TestAttachmentList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m, other, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Member, "q").At("3.71"), c.As(t, apitest.Admin, "ops").At("3.71")
	v, w := m.Volume(), m.Volume()
	one, two := attach(m, v, server), attach(m, w, otherServer, "connector", connector)
	three := attach(other, other.Volume(), server)
	names := map[string]string{one: "one", two: "two", three: "three"}
	for _, tc := range []struct {
		as    apitest.Caller
		query string
		want  []string
	}{
		{m, "", []string{"two", "one"}},
		{other, "", []string{"three"}},
		{admin, "", nil},
		{admin, "all_tenants=1", []string{"three", "two", "one"}},
		{m, "volume_id=" + v, []string{"one"}},
		{m, "instance_id=" + otherServer, []string{"two"}},
		{m, "status=reserved", []string{"one"}},
		{m, "attach_status=attaching", []string{"two"}},
		{m, "limit=1", []string{"two"}},
		{m, "limit=0", nil},
		{m, "marker=" + two, []string{"one"}},
		{m, "sort=created_at:asc", []string{"one", "two"}},
	} {
		var got []string
		for _, id := range ids(tc.as, "/attachments?"+tc.query, "attachments") {
			got = append(got, names[id])
		}
		if d := cmp.Diff(tc.want, got); d != "" {
			t.Errorf("%s: %s", tc.query, d)
		}
	}
	m.Get("/attachments?unknown=1").Fault(400, "Invalid filters unknown are found in query options.")
	m.Get("/attachments?marker="+nowhere).Fault(404, "")
}
