package api_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
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

// TestMessagesOfFailedWork has the storage fail at everything, once each, and reads what the user is told.
func TestMessagesOfFailedWork(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	m := c.As(t, apitest.Member, "p").At("3.71")
	last := func() string {
		list := m.Get("/messages?limit=1").OK(200).At("messages").([]any)
		if len(list) == 0 {
			return ""
		}
		return list[0].(map[string]any)["user_message"].(string)
	}
	want := func(what, text string) {
		t.Helper()
		if got := last(); got != text {
			t.Errorf("%s: the user reads %q, want %q", what, got, text)
		}
	}
	broken := fault.New(fault.Invalid, "", "the disk is on fire")
	volume := m.Volume()
	want("nothing failed", "")

	c.Driver.FailNext("create_volume", broken)
	m.Post("/volumes", object("volume", object("size", 1))).OK(202)
	want("create", "create volume from backend storage:Driver failed to create the volume.")
	c.Driver.FailNext("create_snapshot", broken)
	m.Post("/snapshots", object("snapshot", object("volume_id", volume))).OK(202)
	want("snapshot", "create snapshot:Snapshot failed to create.")
	snapshot := m.Snapshot(volume)
	c.Driver.FailNext("delete_snapshot", fault.New(fault.Busy, "", "in use"))
	m.Delete("/snapshots/" + snapshot).OK(202)
	want("busy snapshot", "delete snapshot:Snapshot is busy.")
	c.Driver.FailNext("delete_snapshot", broken)
	m.Delete("/snapshots/" + snapshot).OK(202)
	want("delete of a snapshot", "delete snapshot:Snapshot failed to delete.")
	c.Driver.FailNext("extend_volume", broken)
	m.Action("/volumes/"+volume, "os-extend", object("new_size", 2)).OK(202)
	want("extend", "extend volume:Volume Driver failed to extend volume.")
}
