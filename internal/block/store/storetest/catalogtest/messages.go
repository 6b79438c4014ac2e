package catalogtest

import (
	"context"
	"testing"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/store"
	"github.com/clinker/clinker/internal/fault"
)

var noon = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)

func message(id string) *block.Message {
	return &block.Message{ID: id, Timestamps: block.Timestamps{CreatedAt: noon}, ProjectID: mine, RequestID: "req-" + id, ResourceType: block.MessageVolume,
		ResourceID: "v" + id, EventID: "VOLUME_VOLUME_001_003", Action: block.MessageScheduleVolume, Detail: block.MessageNoBackendAvailable,
		Level: "ERROR", ExpiresAt: noon.Add(time.Hour)}
}

func create(t testing.TB, s store.Store, messages ...*block.Message) {
	t.Helper()
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		for _, m := range messages {
			if err := tx.CreateMessage(ctx, m); err != nil {
				return err
			}
		}
		return nil
	})
}

func messageIDs(t testing.TB, s store.Store, q store.MessageQuery) (ids string) {
	t.Helper()
	for _, m := range must(s.Messages(t.Context(), q))(t) {
		ids += m.ID
	}
	return ids
}

func testMessages(t *testing.T, s store.Store) {
	ctx := t.Context()
	a, b, c := message("a"), message("b"), message("c")
	b.CreatedAt = noon.Add(time.Minute)
	c.ProjectID, c.ResourceType, c.ResourceID, c.RequestID = theirs, "", "", ""
	create(t, s, a, b, c)
	wantEqual(t, "one", a, must(s.Message(ctx, "a", mine))(t))
	wantEqual(t, "one without a resource", c, must(s.Message(ctx, "c", ""))(t))
	_, err := s.Message(ctx, "c", mine)
	wantFault(t, err, fault.NotFound, "MessageNotFound", "Message c could not be found.")
	for want, q := range map[string]store.MessageQuery{
		"ba":  {ProjectID: mine},
		"bca": {},
		"a":   {ProjectID: mine, Page: store.Page{Marker: "b"}},
		"b":   {Page: store.Page{Limit: 1}},
		"ab":  {ProjectID: mine, Page: store.Page{Sort: []store.Sort{{Key: "request_id"}}}},
		"c":   {Equal: map[string][]string{"project_id": {theirs}}},
		"":    {Equal: map[string][]string{"resource_uuid": {"nothing"}}},
	} {
		wantEqual(t, "the list", want, messageIDs(t, s, q))
	}
	wantEqual(t, "like", "a", messageIDs(t, s, store.MessageQuery{Like: map[string]string{"resource_uuid": "a"}}))
	wantEqual(t, "an unknown column", "", messageIDs(t, s, store.MessageQuery{Equal: map[string][]string{"nothing": {"x"}}}))
	_, err = s.Messages(ctx, store.MessageQuery{ProjectID: mine, Page: store.Page{Marker: "c"}})
	wantFault(t, err, fault.NotFound, "MessageNotFound", "")
	update(t, s, func(ctx context.Context, tx store.Tx) error {
		if err := tx.DestroyMessage(ctx, "a"); err != nil {
			return err
		}
		return tx.DestroyMessage(ctx, "a")
	})
	wantEqual(t, "those that are left", "b", messageIDs(t, s, store.MessageQuery{ProjectID: mine}))
}

func testExpiredMessages(t *testing.T, s store.Store) {
	a, b, c, d := message("a"), message("b"), message("c"), message("d")
	a.ExpiresAt, b.ExpiresAt, c.ExpiresAt, d.ExpiresAt = noon, noon.Add(time.Second), noon.Add(2*time.Second), time.Time{}
	create(t, s, a, b, c, d)
	sweep := func(before time.Time, limit int) (n int64) {
		update(t, s, func(ctx context.Context, tx store.Tx) (err error) {
			n, err = tx.DeleteExpiredMessages(ctx, before, limit)
			return err
		})
		return n
	}
	wantEqual(t, "none expired", int64(0), sweep(noon, 10))
	wantEqual(t, "one at a time", int64(1), sweep(noon.Add(2*time.Second), 1))
	wantEqual(t, "the oldest first", "dcb", messageIDs(t, s, store.MessageQuery{}))
	wantEqual(t, "the rest", int64(1), sweep(noon.Add(2*time.Second), 10))
	wantEqual(t, "one that expires never stays", "dc", messageIDs(t, s, store.MessageQuery{}))
}
