package api_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/manager/image"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/glance"
)

// TestMessageOfFailedScheduling follows a message from the scheduler, which finds no back end, to the user.
func TestMessageOfFailedScheduling(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p").At("3.3")
	newType(admin, "elsewhere", "extra_specs", object("volume_backend_name", "elsewhere"))
	volume := m.Post("/volumes", object("volume", object("size", 1, "volume_type", "elsewhere"))).OK(202).Text("volume", "id")
	if v := m.Row(volume); v.Status != block.VolumeError {
		t.Fatalf("the volume is %s", v.Status)
	}
	list := m.Get("/messages").OK(200).At("messages").([]any)
	if len(list) != 1 {
		t.Fatalf("the messages are %v", list)
	}
	id := list[0].(map[string]any)["id"].(string)
	one := fill(`{"id": "<M>", "event_id": "VOLUME_VOLUME_001_003", "user_message": "schedule allocate volume:Could not find any available weighted backend.",
		"message_level": "ERROR", "created_at": "<time>", "guaranteed_until": "<time>", "request_id": "<R>", "resource_type": "VOLUME", "resource_uuid": "<V>",
		"links": [{"rel": "self", "href": "http://cloud/p/messages/<M>"}, {"rel": "bookmark", "href": "http://cloud/p/messages/<M>"}]}`,
		"<M>", id, "<V>", volume, "<R>", m.Request.RequestID)
	m.Get("/messages").Is(200, `{"messages": [`+one+`]}`)
	m.Get("/messages/"+id).Is(200, `{"message": `+one+`}`)
	if row, err := c.Store.Message(t.Context(), id, "p"); err != nil || row.ExpiresAt.Sub(row.CreatedAt) != time.Hour {
		t.Errorf("the row is %+v, %v", row, err)
	}
	other := c.As(t, apitest.Member, "q").At("3.71")
	other.Get("/messages").Is(200, `{"messages": []}`)
	other.Get("/messages/"+id).Fault(404, "Message "+id+" could not be found.")
	other.Delete("/messages/"+id).Fault(404, "Message "+id+" could not be found.")
	c.As(t, apitest.Reader, "p").At("3.3").Delete("/messages/"+id).Fault(403, "Policy doesn't allow message:delete to be performed.")
	c.As(t, apitest.Nobody, "p").At("3.3").Get("/messages").Fault(403, "Policy doesn't allow message:get_all to be performed.")
	c.As(t, apitest.Nobody, "p").At("3.3").Get("/messages/"+id).Fault(403, "Policy doesn't allow message:get to be performed.")
	m.At("3.2").Get("/messages").Fault(404, "")
	if got := len(admin.At("3.3").Get("/messages").OK(200).At("messages").([]any)); got != 1 {
		t.Errorf("an administrator sees %d messages", got)
	}
	m.Delete("/messages/" + id).Empty(204)
	m.Get("/messages/"+id).Fault(404, "Message "+id+" could not be found.")
}

func TestMessageList(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.5")
	var ids []string
	m.Change(func(tx store.Tx) error {
		ids = nil
		for i := range 3 {
			message := &block.Message{ID: fmt.Sprintf("00000000-0000-4000-8000-00000000001%d", i), Timestamps: block.Timestamps{CreatedAt: time.Now().Add(time.Duration(i) * time.Second)},
				ProjectID: "p", ResourceType: block.MessageVolume, ResourceID: fmt.Sprint("v", i), EventID: "VOLUME_VOLUME_001_003", Action: "001", Detail: "003",
				Level: "ERROR", RequestID: fmt.Sprint("req-", i), ExpiresAt: time.Now().Add(time.Hour)}
			ids = append(ids, message.ID)
			if err := tx.CreateMessage(t.Context(), message); err != nil {
				return err
			}
		}
		return nil
	})
	list := func(c apitest.Caller, query string) (got string) {
		for _, v := range c.Get("/messages" + query).OK(200).At("messages").([]any) {
			got += v.(map[string]any)["resource_uuid"].(string)
		}
		return got
	}
	for query, want := range map[string]string{
		"": "v2v1v0", "?limit=1": "v2", "?limit=0": "", "?marker=" + ids[1]: "v0", "?offset=1": "v1v0", "?sort=resource_uuid:asc": "v0v1v2", "?resource_uuid=v1": "v1",
		"?event_id=x": "", "?nosuch=1": "", "?message_level=ERROR&request_id=req-0": "v0", "?resource_type=VOLUME&limit=2": "v2v1",
	} {
		if got := list(m, query); got != want {
			t.Errorf("%q lists %q, want %q", query, got, want)
		}
	}
	if got := list(m.At("3.4"), "?limit=1&resource_uuid=v1"); got != "v2v1v0" {
		t.Errorf("3.4 has no pages and filters, and lists %q", got)
	}
	if got := list(c.As(t, apitest.Admin, "p").At("3.34"), "?request_id~=req-"); got != "v2v1v0" {
		t.Errorf("like lists %q", got)
	}
	next := m.Get("/messages?limit=1").OK(200).At("messages_links").([]any)[0].(map[string]any)["href"]
	if want := "http://cloud/p/messages?limit=1&marker=" + ids[2]; next != want {
		t.Errorf("the next page is %s, want %s", next, want)
	}
	m.At("3.31").Get("/messages?project_id=q").Fault(400, "Invalid filters project_id are found in query options.")
	m.Get("/messages?marker="+nowhere).Fault(404, "Message "+nowhere+" could not be found.")
	m.Get("/messages?sort=nothing:asc").Fault(400, "Invalid sort key")
	m.Get("/messages?limit=-1").Fault(400, "limit param must be positive")
}

// failure is something that goes wrong after it was accepted.
type failure struct {
	verb string // of the driver, which fails
	err  error
	do   func(m, admin apitest.Caller, volume, snapshot string) // what the user asks for
	want string                                                 // the event of the message; empty: upstream has no action for it, and so there is none
}

func failures() map[string]failure {
	broken, busy := fault.New(fault.Invalid, "", "the disk is on fire"), fault.New(fault.Busy, "", "in use")
	manage := func(path, what string, body map[string]any) func(m, admin apitest.Caller, volume, snapshot string) {
		return func(_, admin apitest.Caller, volume, _ string) {
			if what == "snapshot" {
				body["volume_id"] = volume
			}
			admin.Driver.AddExisting("lun7", 1, what == "snapshot")
			admin.Post(path, object(what, body)).OK(202)
		}
	}
	return map[string]failure{
		"no back end": {do: func(m, admin apitest.Caller, _, _ string) {
			newType(admin, "elsewhere", "extra_specs", object("volume_backend_name", "elsewhere"))
			m.Post("/volumes", object("volume", object("size", 1, "volume_type", "elsewhere"))).OK(202)
		}, want: "VOLUME_VOLUME_001_003"},
		"create": {verb: "create_volume", err: broken, do: func(m, _ apitest.Caller, _, _ string) {
			m.Post("/volumes", object("volume", object("size", 1))).OK(202)
		}, want: "VOLUME_VOLUME_008_012"},
		"create from snapshot": {verb: "create_volume_from_snapshot", err: broken, do: func(m, _ apitest.Caller, _, snapshot string) {
			m.Post("/volumes", object("volume", object("snapshot_id", snapshot))).OK(202)
		}, want: "VOLUME_VOLUME_008_012"},
		"clone": {verb: "create_cloned_volume", err: broken, do: func(m, _ apitest.Caller, volume, _ string) {
			m.Post("/volumes", object("volume", object("source_volid", volume))).OK(202)
		}, want: "VOLUME_VOLUME_008_012"},
		"extend": {verb: "extend_volume", err: broken, do: func(m, _ apitest.Caller, volume, _ string) {
			m.Action("/volumes/"+volume, "os-extend", object("new_size", 2)).Empty(202)
		}, want: "VOLUME_VOLUME_007_010"},
		"no room to extend": {do: func(m, admin apitest.Caller, volume, _ string) {
			admin.Put("/os-services/disable", object("host", apitest.Backend, "binary", block.BinaryVolume)).OK(200)
			m.Action("/volumes/"+volume, "os-extend", object("new_size", 2)).Empty(202)
		}, want: "VOLUME_VOLUME_007_003"},
		"snapshot": {verb: "create_snapshot", err: broken, do: func(m, _ apitest.Caller, volume, _ string) {
			m.Post("/snapshots", object("snapshot", object("volume_id", volume))).OK(202)
		}, want: "VOLUME_VOLUME_SNAPSHOT_009_013"},
		"no room for a snapshot": {do: func(m, admin apitest.Caller, volume, _ string) {
			admin.Put("/os-services/disable", object("host", apitest.Backend, "binary", block.BinaryVolume)).OK(200)
			m.Post("/snapshots", object("snapshot", object("volume_id", volume))).OK(202)
		}, want: "VOLUME_VOLUME_SNAPSHOT_009_003"},
		"delete of a snapshot": {verb: "delete_snapshot", err: broken, do: func(m, _ apitest.Caller, _, snapshot string) {
			m.Delete("/snapshots/" + snapshot).Empty(202)
		}, want: "VOLUME_VOLUME_SNAPSHOT_010_016"},
		"delete of a busy snapshot": {verb: "delete_snapshot", err: busy, do: func(m, _ apitest.Caller, _, snapshot string) {
			m.Delete("/snapshots/" + snapshot).Empty(202)
		}, want: "VOLUME_VOLUME_SNAPSHOT_010_015"},
		"unmanage of a snapshot": {verb: "unmanage_snapshot", err: broken, do: func(_, admin apitest.Caller, _, snapshot string) {
			admin.Action("/snapshots/"+snapshot, "os-unmanage", nil).Empty(202)
		}, want: "VOLUME_VOLUME_SNAPSHOT_010_016"},
		"manage": {verb: "manage_existing", err: broken, do: manage("/os-volume-manage", "volume",
			object("host", apitest.Backend, "ref", object("source-name", "lun7"))), want: "VOLUME_VOLUME_008_001"},
		"manage of a snapshot": {verb: "manage_existing_snapshot", err: broken, do: manage("/os-snapshot-manage", "snapshot",
			object("ref", object("source-name", "lun7"))), want: "VOLUME_VOLUME_SNAPSHOT_009_013"},
		"unmanage": {verb: "unmanage", err: broken, do: func(_, admin apitest.Caller, volume, snapshot string) {
			admin.Delete("/snapshots/" + snapshot).Empty(202)
			admin.Action("/volumes/"+volume, "os-unmanage", nil).Empty(202)
		}, want: "VOLUME_VOLUME_006_001"},
		"unmanage of an encrypted volume": {do: func(_, admin apitest.Caller, volume, _ string) {
			v := *admin.Row(volume)
			v.ID, v.EncryptionKeyID = nowhere, "00000000-0000-0000-0000-000000000000"
			admin.Change(func(tx store.Tx) error { return tx.CreateVolume(admin.TB.Context(), &v) })
			admin.Action("/volumes/"+v.ID, "os-unmanage", nil).OK(400)
		}, want: "VOLUME_VOLUME_006_008"},
		"attach": {verb: "local_path", err: broken, do: func(m, _ apitest.Caller, volume, _ string) {
			m.At("3.54").Post("/attachments", object("attachment", object("volume_uuid", volume, "connector", object("host", "h")))).OK(400)
		}, want: "VOLUME_VOLUME_004_001"},
		"image with a wrong checksum": {do: func(m, _ apitest.Caller, _, _ string) {
			i := m.Images.Add(glance.Image{HashAlgorithm: "md5", HashValue: "0"}, []byte(system))
			m.Post("/volumes", object("volume", object("size", 1, "imageRef", i.ID))).OK(202)
		}, want: "VOLUME_VOLUME_005_001"},
		"image that is not raw, without conversion": {do: func(m, _ apitest.Caller, _, _ string) {
			i := m.Images.Add(glance.Image{DiskFormat: "qcow2"}, []byte(system))
			m.Post("/volumes", object("volume", object("size", 1, "imageRef", i.ID))).OK(202)
		}, want: "VOLUME_VOLUME_005_029"},
		"upload": {do: func(m, _ apitest.Caller, volume, _ string) {
			m.Images.FailNext("Upload", broken)
			m.Action("/volumes/"+volume, "os-volume_upload_image", object("image_name", "i")).OK(202)
		}, want: "VOLUME_VOLUME_003_004"},
		"reimage": {do: func(m, _ apitest.Caller, volume, _ string) {
			i := m.Images.Add(glance.Image{}, []byte(system))
			m.Images.FailNext("Download", broken)
			m.Action("/volumes/"+volume, "os-reimage", object("image_id", i.ID)).Empty(202)
		}, want: "VOLUME_VOLUME_016_001"},
		"no backup service": {do: func(m, admin apitest.Caller, volume, _ string) {
			admin.Put("/os-services/disable", object("host", "node", "binary", block.BinaryBackup)).OK(200)
			m.Post("/backups", object("backup", object("volume_id", volume, "availability_zone", apitest.Zone))).OK(202)
		}, want: "VOLUME_VOLUME_BACKUP_013_024"},
		"backup": {do: func(m, _ apitest.Caller, volume, _ string) {
			m.Repository.FailWith(func(string, string) error { return broken })
			m.Post("/backups", object("backup", object("volume_id", volume))).OK(202)
		}, want: "VOLUME_VOLUME_BACKUP_013_020"},
		"save of a backup": {do: func(m, _ apitest.Caller, volume, _ string) {
			m.Repository.FailWith(func(verb, _ string) error {
				if verb == "save" {
					return broken
				}
				return nil
			})
			m.Post("/backups", object("backup", object("volume_id", volume))).OK(202)
		}, want: "VOLUME_VOLUME_BACKUP_013_020"},
		"delete of a backup": {do: func(m, _ apitest.Caller, volume, _ string) {
			id := backup(m, volume)
			m.Repository.FailWith(func(string, string) error { return broken })
			m.Delete("/backups/" + id).Empty(202)
		}, want: "VOLUME_VOLUME_BACKUP_014_025"},
		"restore": {do: func(m, _ apitest.Caller, volume, _ string) {
			id := backup(m, volume)
			m.Repository.FailWith(func(string, string) error { return broken })
			m.Post("/backups/"+id+"/restore", object("restore", object("volume_id", volume))).OK(202)
		}, want: "VOLUME_VOLUME_BACKUP_015_026"},
		"retype": {do: func(m, admin apitest.Caller, volume, _ string) {
			newType(admin, "elsewhere", "extra_specs", object("volume_backend_name", "elsewhere"))
			retype(m, volume, "elsewhere").Empty(202)
		}, want: "VOLUME_VOLUME_001_003"},
		"migrate": {do: func(m, admin apitest.Caller, _, _ string) {
			migrate(admin, m.Volume(), "host", apitest.Backend+"#nopool").Empty(202)
		}, want: "VOLUME_VOLUME_001_003"},
		"delete": {verb: "delete_volume", err: broken, do: func(m, _ apitest.Caller, volume, snapshot string) {
			m.Delete("/snapshots/" + snapshot).Empty(202)
			m.Delete("/volumes/" + volume).Empty(202)
		}},
		"revert": {verb: "revert_to_snapshot", err: broken, do: func(m, _ apitest.Caller, volume, snapshot string) {
			m.Action("/volumes/"+volume, "revert", object("snapshot_id", snapshot)).Empty(202)
		}},
	}
}

// TestMessagesOfFailedWork has everything fail that may fail after it was accepted, and reads what the user is told: one
// message, in the project of what it is about.
func TestMessagesOfFailedWork(t *testing.T) {
	t.Parallel()
	for name, f := range failures() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := cloud(t, func(o *apitest.Options) { o.Images = func(i *image.Settings) { i.NoConversion = true } })
			m, admin := c.As(t, apitest.Member, "p").At("3.71"), c.As(t, apitest.Admin, "p").At("3.71")
			volume := m.Volume()
			snapshot := m.Snapshot(volume)
			if f.verb != "" {
				c.Driver.FailNext(f.verb, f.err)
			}
			f.do(m, admin, volume, snapshot)
			var got []string
			for _, one := range m.Get("/messages").OK(200).At("messages").([]any) {
				row := one.(map[string]any)
				got = append(got, fmt.Sprint(row["event_id"]))
				if row["request_id"] != m.Request.RequestID || row["message_level"] != "ERROR" {
					t.Errorf("the message is %v", row)
				}
				if id, _ := row["resource_uuid"].(string); m.Row(id) == nil && m.SnapshotRow(id) == nil && backupOf(m, id) == nil {
					t.Errorf("there is nothing with the id %q of the message", id)
				}
			}
			var want []string
			if f.want != "" {
				want = []string{f.want}
			}
			if !slices.Equal(got, want) {
				t.Errorf("messages %v, want %v", got, want)
			}
		})
	}
}
