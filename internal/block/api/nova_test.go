package api_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
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

// moving is a volume in use on its way to the second back end, as Nova finds it.
type moving struct {
	t                       *testing.T
	c                       *apitest.Cloud
	n                       *fakenova.Nova
	member, service         apitest.Caller
	volume, attachment, new string
}

// begin has an administrator ask for the move of a volume that a server uses.
func begin(t *testing.T, ask func(m *moving, admin apitest.Caller)) *moving {
	m := &moving{t: t, n: new(fakenova.Nova)}
	m.c = cloud(t, second, func(o *apitest.Options) { o.Nova = m.n })
	admin := m.c.As(t, apitest.Admin, "ops").At("3.71")
	newType(admin, "first", "extra_specs", object("volume_backend_name", "fake"))
	m.member, m.service = m.c.As(t, apitest.Member, "p").At("3.71"), m.c.As(t, apitest.Admin, "p").At("3.71")
	m.service.Request.ServiceRoles = []string{"service"}
	m.volume = atFirst(m.member)
	m.attachment = use(m.member, m.n, m.volume, server)
	ask(m, admin)
	return m
}

// asked checks that Nova was asked, and finds the volume that was made.
func (m *moving) asked() {
	m.t.Helper()
	swaps := m.n.Swaps()
	if len(swaps) != 1 || swaps[0].ServerID != server || swaps[0].VolumeID != m.volume {
		m.t.Fatalf("nova was asked %+v; the volume: %+v", swaps, m.member.Row(m.volume))
	}
	m.new = swaps[0].NewID
	if v, made := m.member.Row(m.volume), m.member.Row(m.new); v.MigrationStatus != block.MigrationMigrating || v.Host != apitest.Pool ||
		made.MigrationStatus != "target:"+m.volume || made.Host != apitest.SecondPool || made.Status != block.VolumeAvailable || made.UseQuota {
		m.t.Errorf("the volume is %+v, what was made %+v", v, made)
	}
}

// attachNew does what Nova does before it copies.
func (m *moving) attachNew() (attachment string) {
	m.t.Helper()
	m.service.Action("/volumes/"+m.volume, "os-begin_detaching", nil).Empty(202)
	return attach(m.service, m.new, server, "connector", connector)
}

func (m *moving) complete(failed bool) apitest.Answer {
	return m.service.Action("/volumes/"+m.volume, "os-migrate_volume_completion", object("new_volume", m.new, "error", failed))
}

// nothingLeft checks that there is one volume, and nothing to be done.
func (m *moving) nothingLeft() {
	m.t.Helper()
	if all, err := m.c.Store.Volumes(m.t.Context(), store.VolumeQuery{}); err != nil || len(all) != 1 {
		m.t.Errorf("%d volumes, %v", len(all), err)
	}
	for _, owner := range []string{apitest.Backend, apitest.SecondBackend, "scheduler"} {
		if recs, err := m.c.Store.Flows(m.t.Context(), owner, 0, 10); err != nil || len(recs) != 0 {
			m.t.Errorf("%s has %+v in the journal, %v", owner, recs, err)
		}
	}
}

func toSecond(m *moving, admin apitest.Caller) {
	migrate(admin, m.volume, "host", apitest.SecondPool).Empty(202)
}

// TestMigrateUsed: the bytes of a volume that a server uses are moved by Nova, under the server.
func TestMigrateUsed(t *testing.T) {
	t.Parallel()
	m := begin(t, toSecond)
	m.asked()
	m.complete(false).Fault(400, "still has attachments")
	attachment := m.attachNew()
	m.service.Action("/attachments/"+attachment, "os-complete", nil).Empty(204)
	m.service.Delete("/attachments/" + m.attachment).OK(200)
	m.complete(false).Is(200, `{"save_volume_id": "`+m.volume+`"}`)
	v := m.member.Row(m.volume)
	if v.Host != apitest.SecondPool || v.Status != block.VolumeInUse || v.AttachStatus != block.AttachAttached || v.MigrationStatus != block.MigrationSuccess ||
		v.NameID != m.new || len(v.Attachments) != 1 || v.Attachments[0].ID != attachment {
		t.Errorf("the volume is %+v", v)
	}
	if held(m.c.Driver, m.volume) || !held(m.c.Second, m.new) || len(m.c.Target.Connections()) != 1 {
		t.Errorf("it is held where it was: %v, where it is: %v; %d connections", held(m.c.Driver, m.volume), held(m.c.Second, m.new), len(m.c.Target.Connections()))
	}
	m.nothingLeft()
	m.service.Delete("/attachments/" + attachment).OK(200)
	expectStates(m.member, m.volume, "available/detached")
	m.member.Delete("/volumes/" + m.volume).Empty(202)
	if held(m.c.Second, m.new) || len(m.c.Target.Connections()) != 0 {
		t.Error("deleting it left something")
	}
}

// TestRetypeUsed: a new type that only another back end has comes with the move, and goes with its failure.
func TestRetypeUsed(t *testing.T) {
	t.Parallel()
	for _, failed := range []bool{false, true} {
		m := begin(t, func(m *moving, admin apitest.Caller) {
			newType(admin, "second", "extra_specs", object("volume_backend_name", "other"))
			m.member.Action("/volumes/"+m.volume, "os-retype", object("new_type", "second", "migration_policy", "on-demand")).Empty(202)
		})
		before := block.DefaultTypeName
		m.asked()
		attachment := m.attachNew()
		if failed {
			m.service.Delete("/attachments/" + attachment).OK(200)
		} else {
			m.service.Action("/attachments/"+attachment, "os-complete", nil).Empty(204)
			m.service.Delete("/attachments/" + m.attachment).OK(200)
		}
		m.complete(failed).OK(200)
		v := m.member.Row(m.volume)
		if failed && (v.Host != apitest.Pool || v.VolumeTypeName != before || v.MigrationStatus != block.MigrationError) ||
			!failed && (v.Host != apitest.SecondPool || v.VolumeTypeName != "second" || v.MigrationStatus != block.MigrationSuccess) || v.Status != block.VolumeInUse {
			t.Errorf("failed %v: the volume is %+v", failed, v)
		}
		m.nothingLeft()
	}
}

// TestMigrateUsedFails: what Nova does not do, or not to the end, leaves the volume where it is and nothing else.
func TestMigrateUsedFails(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		prepare func(m *moving)
		after   func(m *moving)
	}{
		"nova is away": {prepare: func(m *moving) { m.n.Fail(nova.ConnectionFailed(errors.New("refused"), "it does not answer.")) }},
		"no nova":      {prepare: func(m *moving) { m.n.Fail(nova.ErrAbsent) }},
		"no such server": {prepare: func(m *moving) {
			m.member.Change(func(tx store.Tx) error {
				_, err := tx.UpdateAttachment(t.Context(), m.attachment, nil, store.AttachmentSet{InstanceUUID: new(otherServer)})
				return err
			})
		}},
		"nobody's": {prepare: func(m *moving) {
			m.member.Change(func(tx store.Tx) error {
				_, err := tx.UpdateAttachment(t.Context(), m.attachment, nil, store.AttachmentSet{InstanceUUID: new("")})
				return err
			})
		}},
		"nova cannot": {after: func(m *moving) {
			m.asked()
			m.service.Delete("/attachments/" + m.attachNew()).OK(200)
			m.complete(true).Is(200, `{"save_volume_id": "`+m.volume+`"}`)
		}},
	} {
		m := begin(t, func(m *moving, admin apitest.Caller) {
			if c.prepare != nil {
				c.prepare(m)
			}
			toSecond(m, admin)
		})
		if c.after != nil {
			c.after(m)
		}
		v := m.member.Row(m.volume)
		if v.Host != apitest.Pool || v.Status != block.VolumeInUse || v.MigrationStatus != block.MigrationError || len(v.Attachments) != 1 || len(v.Attachments[0].Connection) == 0 {
			t.Errorf("%s: the volume is %+v", what, v)
		}
		if !held(m.c.Driver, m.volume) || len(m.c.Target.Connections()) != 1 {
			t.Errorf("%s: it is held where it was: %v; %d connections", what, held(m.c.Driver, m.volume), len(m.c.Target.Connections()))
		}
		m.nothingLeft()
	}
}
