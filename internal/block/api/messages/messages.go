// Package messages is the HTTP of user messages, from 3.3 (cinder/api/v3/messages.py). What a request means is in
// app/messages.
package messages

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/messages"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "messages"

// paged is the microversion since which the list has pages, orders and filters.
var paged = microversion.V(3, 5)

// Extension is everything under /messages.
func Extension(u *uses.Messages, allowed listing.Filters) wsgi.Extension {
	// Of an all_tenants upstream takes no notice: administrators see all, others their project's.
	h := handlers{u, listing.Resource{Filters: allowed.Of("message"), AnyOlder: true, AnyAllTenants: true}}
	since := microversion.From(3, 3)
	return wsgi.Extension{
		Alias: collection,
		Resources: []wsgi.Resource{{Collection: collection, Routes: []wsgi.Route{
			{Method: "GET", Path: "messages", Versions: since, Handler: h.index, Policy: []string{"message:get_all"}},
			{Method: "GET", Path: "messages/{id}", Versions: since, Handler: h.show, Policy: []string{"message:get"}},
			{Method: "DELETE", Path: "messages/{id}", Versions: since, Status: 204, Handler: h.delete, Policy: []string{"message:delete"}},
		}}},
	}
}

type handlers struct {
	uses   *uses.Messages
	listed listing.Resource
}

func write(w *jsonview.Writer, r *wsgi.Request, m *block.Message) {
	w.Open()
	w.String("id", m.ID)
	w.String("event_id", m.EventID)
	w.String("user_message", m.Text())
	w.String("message_level", m.Level)
	w.Time("created_at", m.CreatedAt)
	w.Time("guaranteed_until", m.ExpiresAt)
	w.StringOrNull("request_id", m.RequestID)
	r.AppendLinks(w, collection, m.ID)
	if m.ResourceType != "" {
		w.String("resource_type", m.ResourceType)
	}
	if m.ResourceID != "" {
		w.String("resource_uuid", m.ResourceID)
	}
	w.Close()
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	var q listing.Query
	var query app.MessageQuery
	if r.Version.AtLeast(paged) {
		var err error
		if q, err = listing.Parse(ctx, r, h.listed); err != nil {
			return nil, err
		}
		query = app.MessageQuery{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like, Page: q.Store}
	}
	list, err := h.uses.List(ctx, query)
	if err != nil {
		return nil, err
	}
	if r.Version.AtLeast(paged) {
		list = listing.Cut(q, list)
	}
	w := jsonview.New(64 + 512*len(list))
	w.Open()
	w.Key("messages")
	w.OpenList()
	last := ""
	for _, m := range list {
		write(w, r, m)
		last = m.ID
	}
	w.CloseList()
	if r.Version.AtLeast(paged) {
		r.AppendNextLink(w, "messages", collection, q.Page, len(list), last)
	}
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	m, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	w := jsonview.New(512)
	w.Open()
	w.Key("message")
	write(w, r, m)
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"))
}
