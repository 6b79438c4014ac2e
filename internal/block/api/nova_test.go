package api_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/glance"
	"github.com/clinker/clinker/internal/nova"
	fakenova "github.com/clinker/clinker/internal/nova/fake"
)

// withNova is a cloud with a compute service.
func withNova(t *testing.T) (*apitest.Cloud, *fakenova.Nova) {
	n := new(fakenova.Nova)
	return cloud(t, func(o *apitest.Options) { o.Nova = n }), n
}

// use has a server use a volume, and the compute service know of it.
func use(c apitest.Caller, n *fakenova.Nova, volume, instance string) (attachment string) {
	c.TB.Helper()
	attachment = attach(c, volume, instance, "connector", connector)
	c.Action("/attachments/"+attachment, "os-complete", nil).Empty(204)
	n.Attach(instance, volume, attachment)
	return attachment
}

// TestDetachUsed: who is no service cannot take a volume away from a server that uses it, whichever way is tried.
func TestDetachUsed(t *testing.T) {
	t.Parallel()
	c, n := withNova(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	admin := c.As(t, apitest.Admin, "p").At("3.71")
	volume := m.Volume()
	attachment := use(m, n, volume, server)
	refused := "Detach volume from instance " + server + " using the Compute API"
	kept := func(what string) {
		t.Helper()
		row := m.AttachmentRow(attachment)
		if row == nil || row.AttachStatus != block.AttachAttached || len(row.Connection) == 0 || len(c.Target.Connections()) != 1 {
			t.Fatalf("%s: the attachment is %+v", what, row)
		}
		expectStates(m, volume, "in-use/attached")
	}
	path := "/volumes/" + volume
	for what, try := range map[string]func() apitest.Answer{
		"delete":              func() apitest.Answer { return m.Delete("/attachments/" + attachment) },
		"delete by an admin":  func() apitest.Answer { return admin.Delete("/attachments/" + attachment) },
		"detach":              func() apitest.Answer { return m.Action(path, "os-detach", object("attachment_id", attachment)) },
		"detach the only one": func() apitest.Answer { return m.Action(path, "os-detach", object()) },
		"terminate connection": func() apitest.Answer {
			return m.Action(path, "os-terminate_connection", object("connector", connector))
		},
		"force detach": func() apitest.Answer {
			return admin.Action(path, "os-force_detach", object("attachment_id", attachment))
		},
	} {
		try().Fault(409, refused)
		kept(what)
	}
	m.Action(path, "os-detach", object("attachment_id", nowhere)).Fault(409, "Detach volume from instance  using the Compute API")
	other := attach(m, m.Volume(), otherServer)
	m.Action(path, "os-detach", object("attachment_id", other)).Fault(400, "Mismatched volume and attachment")
	kept("another attachment")

	n.Fail(nova.ConnectionFailed(errors.New("refused"), "it does not answer."))
	m.Delete("/attachments/"+attachment).Fault(503, "Connection to nova failed: it does not answer.")
	kept("nova is away")

	imposter := m
	imposter.Request.ServiceRoles = []string{"member"}
	imposter.Delete("/attachments/"+attachment).Fault(503, "Connection to nova failed")
	service := m
	service.Request.ServiceRoles = []string{"member", "service"}
	service.Delete("/attachments/" + attachment).OK(200) // without asking the compute service
	expectStates(m, volume, "available/detached")
	if m.AttachmentRow(attachment) != nil || len(c.Target.Connections()) != 0 {
		t.Error("a service's detach left something")
	}
}

// TestDetachUnused: what no server uses is its owner's to detach.
func TestDetachUnused(t *testing.T) {
	t.Parallel()
	c, n := withNova(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume()
	for what, prepare := range map[string]func() string{
		"only reserved": func() string { return attach(m, volume, server) },
		"no server": func() string {
			return m.Post("/attachments", object("attachment", object("volume_uuid", volume, "connector", connector))).OK(200).Text("attachment", "id")
		},
		"a server that is gone": func() string { return attach(m, volume, otherServer, "connector", connector) },
		"nova has another attachment": func() string {
			n.Attach(server, volume, nowhere)
			return attach(m, volume, server, "connector", connector)
		},
		"there is no nova": func() string { id := use(m, n, volume, server); n.Fail(nova.ErrAbsent); return id },
	} {
		id := prepare()
		m.Delete("/attachments/" + id).OK(200)
		if m.AttachmentRow(id) != nil || m.Row(volume).Status != block.VolumeAvailable {
			t.Errorf("%s: it is still there", what)
		}
		n.Fail(nil)
	}
}

// TestExtendTellsNova: each server that uses a volume hears that it has grown, and the owner if it could not.
func TestExtendTellsNova(t *testing.T) {
	t.Parallel()
	c, n := withNova(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	volume := m.Volume()
	m.Action("/volumes/"+volume, "os-extend", object("new_size", 2)).Empty(202)
	use(m, n, volume, server)
	if got := n.Events(); len(got) != 0 {
		t.Errorf("of a volume that nobody uses it was told %+v", got)
	}
	m.Action("/volumes/"+volume, "os-extend", object("new_size", 3)).Empty(202)
	want := []nova.Event{{Name: "volume-extended", ServerID: server, Tag: volume}}
	if got := n.Events(); !slices.Equal(got, want) {
		t.Errorf("it was told %+v, want %+v", got, want)
	}
	if list := m.Get("/messages").OK(200).At("messages").([]any); len(list) != 0 {
		t.Errorf("messages: %v", list)
	}
	n.Fail(nova.ConnectionFailed(errors.New("refused"), "it does not answer."))
	m.Action("/volumes/"+volume, "os-extend", object("new_size", 4)).Empty(202)
	if v := m.Row(volume); v.SizeGiB != 4 || v.Status != block.VolumeInUse {
		t.Errorf("without nova: %d GiB, %s", v.SizeGiB, v.Status)
	}
	list := m.Get("/messages").OK(200).At("messages").([]any)
	if len(list) != 1 || list[0].(map[string]any)["user_message"] != "extend volume:Compute service failed to extend volume." || list[0].(map[string]any)["resource_uuid"] != volume {
		t.Errorf("messages: %v", list)
	}
}

// TestReimageTellsNova: the server for which a volume is reserved waits to hear that the image is in it.
func TestReimageTellsNova(t *testing.T) {
	t.Parallel()
	c, n := withNova(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	image := c.Images.Add(glance.Image{Name: "system"}, []byte(system)).ID
	volume := m.Volume()
	reimage := func() {
		m.Action("/volumes/"+volume, "os-reimage", object("image_id", image, "reimage_reserved", true)).Empty(202)
	}
	reimage()
	if got := n.Events(); len(got) != 0 {
		t.Errorf("of a volume that nobody has reserved it was told %+v", got)
	}
	n.Attach(server, volume, attach(m, volume, server))
	reimage()
	want := []nova.Event{{Name: "volume-reimaged", ServerID: server, Tag: volume}}
	if got := n.Events(); !slices.Equal(got, want) || m.Row(volume).Status != block.VolumeReserved {
		t.Errorf("it was told %+v, want %+v; the volume is %s", got, want, m.Row(volume).Status)
	}
	n.Fail(nova.ConnectionFailed(errors.New("refused"), "it does not answer."))
	reimage()
	list := m.Get("/messages").OK(200).At("messages").([]any)
	if len(list) != 1 || list[0].(map[string]any)["user_message"] != "reimage volume:Compute service failed to reimage volume." || m.Row(volume).Status != block.VolumeReserved {
		t.Errorf("messages: %v; the volume is %s", list, m.Row(volume).Status)
	}
}
