// Package groupsnapshots is the HTTP of snapshots of whole groups, from 3.14 (cinder/api/v3/group_snapshots.py). What a
// request means is in app/groups.
package groupsnapshots

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/repeat"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/groups"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "group_snapshots"

// Microversions at which group snapshots changed.
var (
	paged      = microversion.V(3, 29)
	ofProjects = microversion.V(3, 58)
)

// unpaged is the most that a list has before it has pages; upstream has no bound then.
const unpaged = 10_000

// Request schemas (cinder/api/schemas/group_snapshots.py).
var (
	createSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"group_snapshot": {"type": "object", "properties": {
		"group_id": {"$ref": "parameter_types#/uuid"},
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"description": {"$ref": "parameter_types#/description"}},
		"required": ["group_id"], "additionalProperties": false}}, "required": ["group_snapshot"], "additionalProperties": false}`}}
	resetSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"reset_status": {"type": "object", "properties": {
		"status": {"type": "string", "format": "group_snapshot_status"}}, "required": ["status"], "additionalProperties": false}},
		"required": ["reset_status"], "additionalProperties": false}`}}
)

// Extension is everything under /group_snapshots. allowed says by what everybody may filter lists.
func Extension(u *uses.Groups, allowed listing.Filters) wsgi.Extension {
	h := handlers{u, listing.Resource{Filters: allowed.Of("group_snapshot"), AnyOlder: true, AnyAllTenants: true}}
	const item = collection + "/{id}"
	since := microversion.From(3, 14)
	see := []string{"group:get_all_group_snapshots", "group:group_snapshot_project_attribute"}
	return wsgi.Extension{
		Alias: collection,
		Resources: []wsgi.Resource{{Collection: collection, Routes: []wsgi.Route{
			{Method: "GET", Path: collection, Versions: since, Handler: h.list(false), Policy: see[:1]},
			{Method: "GET", Path: collection + "/detail", Versions: since, Handler: h.list(true), Policy: see},
			{Method: "POST", Path: collection, Versions: since, Status: 202, Handler: h.create, Schemas: createSchemas,
				Policy: []string{"group:get", "group:create_group_snapshot", "volume:create_snapshot"}},
			{Method: "GET", Path: item, Versions: since, Handler: h.show,
				Policy: []string{"group:get_group_snapshot", "group:group_snapshot_project_attribute"}},
			{Method: "DELETE", Path: item, Versions: since, Status: 202, Handler: h.delete, Policy: []string{"group:delete_group_snapshot"}},
		}}},
		Actions: []wsgi.Action{{Resource: collection, Name: "reset_status", Versions: microversion.From(3, 19), Handler: h.resetStatus,
			Schemas: resetSchemas, Policy: []string{"group:reset_group_snapshot_status"}}},
	}
}

type handlers struct {
	uses   *uses.Groups
	listed listing.Resource
}

// writeDetail writes a group snapshot (facts §1.4; cinder/api/v3/views/group_snapshots.py); project says whether the caller
// may see whose it is.
func writeDetail(w *jsonview.Writer, n *block.GroupSnapshot, project bool) {
	w.Open()
	w.String("id", n.ID)
	w.String("group_id", n.GroupID)
	w.StringOrNull("group_type_id", n.GroupTypeID)
	w.String("status", string(n.Status))
	w.Time("created_at", n.CreatedAt)
	w.Pointer("name", n.Name)
	w.Pointer("description", n.Description)
	if project {
		w.StringOrNull("project_id", n.ProjectID)
	}
	w.Close()
}

func (h handlers) seesProject(ctx context.Context, r *wsgi.Request) bool {
	return r.Version.AtLeast(ofProjects) && h.uses.MaySeeSnapshotProject(ctx)
}

// query reads what a list request asks for. Before 3.29 it asks for nothing, though the link to the next page heeds its limit.
func (h handlers) query(ctx context.Context, r *wsgi.Request) (q listing.Query, err error) {
	if r.Version.AtLeast(paged) {
		return listing.Parse(ctx, r, h.listed)
	}
	if q.Page, err = r.Page(); err != nil {
		return q, err
	}
	q.Store = app.Page{Limit: unpaged}
	return q, nil
}

// list gives the handler of a list, in short or in detail. The links of both lead to the short one, as upstream's do.
func (h handlers) list(detail bool) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		q, err := h.query(ctx, r)
		if err != nil {
			return nil, err
		}
		list, err := h.uses.ListSnapshots(ctx, app.GroupSnapshotQuery{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like, Page: q.Store}, q.AllProjects)
		if err != nil {
			return nil, err
		}
		if r.Version.AtLeast(paged) {
			list = listing.Cut(q, list)
		}
		project := h.seesProject(ctx, r)
		w := jsonview.New(64 + 384*len(list))
		w.Open()
		w.Key(collection)
		w.OpenList()
		last := ""
		for _, n := range list {
			last = n.ID
			if detail {
				writeDetail(w, n, project)
				continue
			}
			w.Open()
			w.String("id", n.ID)
			w.Pointer("name", n.Name)
			w.Close()
		}
		w.CloseList()
		r.AppendNextLink(w, "group_snapshot", collection, q.Page, len(list), last)
		w.Close()
		return wsgi.JSON(w), nil
	}
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	n, err := h.uses.GetSnapshot(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	w := jsonview.New(384)
	w.Open()
	w.Key("group_snapshot")
	writeDetail(w, n, h.seesProject(ctx, r))
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("group_snapshot")
	n, err := h.uses.CreateSnapshot(repeat.Mark(ctx, r), body.String("group_id"), body.StringPointer("name"), body.StringPointer("description"))
	if err != nil {
		return nil, err
	}
	w := jsonview.New(192)
	w.Open()
	w.Key("group_snapshot")
	w.Open()
	w.String("id", n.ID)
	w.Pointer("name", n.Name)
	w.StringOrNull("group_type_id", n.GroupTypeID)
	w.Close()
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DeleteSnapshot(ctx, r.PathValue("id"))
}

func (h handlers) resetStatus(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	status := strings.ToLower(r.Body.Object("reset_status").String("status"))
	return wsgi.Empty(), h.uses.ResetSnapshotStatus(ctx, r.PathValue("id"), block.GroupSnapshotStatus(status))
}
