// Package attachments is the HTTP of attachments (3.27): routes, request schemas and views. What a request means is in
// app/attachments.
package attachments

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/attachments"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "attachments"

// Extension is everything under /attachments.
func Extension(u *uses.Attachments, allowed listing.Filters) wsgi.Extension {
	h := handlers{u, listing.Resource{Filters: allowed.Of("attachment"), AnyAllTenants: true,
		Older: []string{"volume_id", "status", "instance_id", "attach_status"}}}
	since := microversion.From(3, 27)
	return wsgi.Extension{
		Alias: "attachments", Core: true,
		Resources: []wsgi.Resource{{Collection: collection, Routes: []wsgi.Route{
			{Method: "GET", Path: "attachments", Versions: since, Handler: h.index},
			{Method: "GET", Path: "attachments/detail", Versions: since, Handler: h.detail},
			{Method: "POST", Path: "attachments", Versions: since, Handler: h.create, Schemas: createSchemas,
				Policy: []string{"volume:attachment_create", "volume:multiattach_bootable_volume"}},
			{Method: "GET", Path: "attachments/{id}", Versions: since, Handler: h.show},
			{Method: "PUT", Path: "attachments/{id}", Versions: since, Handler: h.update, Schemas: updateSchemas, Policy: []string{"volume:attachment_update"}},
			{Method: "DELETE", Path: "attachments/{id}", Versions: since, Handler: h.delete, Policy: []string{"volume:attachment_delete"}},
		}}},
		Actions: []wsgi.Action{{Resource: collection, Name: "os-complete", Versions: microversion.From(3, 44), Status: 204,
			Schemas: completeSchemas, Policy: []string{"volume:attachment_complete"}, Handler: h.complete}},
	}
}

// Request schemas (cinder/api/schemas/attachments.py).
const createMembers = `
	"instance_uuid": {"$ref": "parameter_types#/uuid"},
	"connector": {"type": ["object", "null"]},
	"volume_uuid": {"$ref": "parameter_types#/uuid"}`

func createSchema(more string) string {
	return `{"type": "object", "properties": {"attachment": {"type": "object", "properties": {` + createMembers + more + `},
		"required": ["volume_uuid"], "additionalProperties": false}}, "required": ["attachment"], "additionalProperties": false}`
}

var (
	createSchemas = []wsgi.Schema{
		{Versions: microversion.Until(3, 53), JSON: createSchema("")},
		{Versions: microversion.From(3, 54), JSON: createSchema(`, "mode": {"type": "string", "enum": ["rw", "ro"]}`)},
	}
	updateSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"attachment": {"type": "object", "properties": {
		"connector": {"type": "object", "minProperties": 1}}, "required": ["connector"], "additionalProperties": false}},
		"required": ["attachment"], "additionalProperties": false}`}}
	completeSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"os-complete": {}},
		"required": ["os-complete"], "additionalProperties": false}`}}
)

type handlers struct {
	uses   *uses.Attachments
	listed listing.Resource
}

// shown is an attachment as one view has it.
func shown(a *block.Attachment, detail bool) map[string]any {
	m := map[string]any{"id": a.ID, "status": string(a.AttachStatus), "instance": member.OrNull(a.InstanceUUID), "volume_id": a.VolumeID}
	if detail {
		m["attached_at"] = timeOrEmpty(a.AttachTime)
		m["detached_at"] = timeOrEmpty(a.DetachTime)
		m["attach_mode"] = member.OrNull(a.AttachMode)
		m["connection_info"] = a.Connection
		if a.Connection == nil {
			m["connection_info"] = map[string]any{}
		}
	}
	return m
}

// timeOrEmpty is how this resource, unlike all others, shows a time that is not set: as an empty text, not as null.
func timeOrEmpty(t time.Time) any {
	if t.IsZero() {
		return ""
	}
	return member.Time(t)
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, false)
}

func (h handlers) detail(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, true)
}

// list answers a page of attachments. Upstream gives no next link here.
func (h handlers) list(ctx context.Context, r *wsgi.Request, detail bool) (*wsgi.Response, error) {
	q, err := listing.Parse(ctx, r, h.listed)
	if err != nil {
		return nil, err
	}
	found, err := h.uses.List(ctx, app.AttachmentQuery{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like, Page: q.Store}, q.AllProjects)
	if err != nil {
		return nil, err
	}
	found = listing.Cut(q, found)
	list := make([]map[string]any, 0, len(found))
	for _, a := range found {
		list = append(list, shown(a, detail))
	}
	return wsgi.Value(map[string]any{"attachments": list})
}

func answer(a *block.Attachment, err error) (*wsgi.Response, error) {
	if err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"attachment": shown(a, true)})
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return answer(h.uses.Get(ctx, r.PathValue("id")))
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("attachment")
	c, err := member.Connector(body)
	if err != nil {
		return nil, err
	}
	return answer(h.uses.Create(ctx, uses.CreateRequest{VolumeID: body.String("volume_uuid"), InstanceUUID: body.String("instance_uuid"),
		Mode: body.String("mode"), Connector: c}))
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	c, err := member.Connector(r.Body.Object("attachment"))
	if err != nil {
		return nil, err
	}
	a, err := h.uses.Update(ctx, r.PathValue("id"), c)
	return answer(a, wsgi.Plain(err))
}

func (h handlers) complete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Complete(ctx, r.PathValue("id"))
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	left, err := h.uses.Delete(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	list := make([]map[string]any, 0, len(left))
	for i := range left {
		list = append(list, shown(&left[i], false))
	}
	return wsgi.Value(map[string]any{"attachments": list})
}
