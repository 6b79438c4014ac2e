package consistencygroups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/repeat"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/groups"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const snapshotCollection = "cgsnapshots"

// Snapshots is everything under /cgsnapshots; u is what groups.NewConsistency gives.
func Snapshots(u *uses.Groups) wsgi.Extension {
	h := snapshotHandlers{u}
	const item = snapshotCollection + "/{id}"
	return wsgi.Extension{
		Alias: snapshotCollection, Name: "Cgsnapshots", Description: "cgsnapshots support.", Updated: "2014-08-18T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: snapshotCollection, Routes: []wsgi.Route{
			{Method: "GET", Path: snapshotCollection, Handler: h.list(writeSnapshotSummary), Policy: []string{"group:get_all_group_snapshots"}},
			{Method: "GET", Path: snapshotCollection + "/detail", Handler: h.list(writeSnapshotDetail), Policy: []string{"group:get_all_group_snapshots"}},
			{Method: "POST", Path: snapshotCollection, Status: 202, Handler: h.create,
				Policy: []string{"group:get", "group:create_group_snapshot", "volume:create_snapshot"}},
			{Method: "GET", Path: item, Handler: h.show, Policy: []string{"group:get_group_snapshot"}},
			{Method: "DELETE", Path: item, Status: 202, Handler: h.delete, Policy: []string{"group:delete_group_snapshot"}},
		}}},
	}
}

type snapshotHandlers struct{ uses *uses.Groups }

func writeSnapshotSummary(w *jsonview.Writer, n *block.GroupSnapshot) {
	w.Open()
	w.String("id", n.ID)
	w.Pointer("name", n.Name)
	w.Close()
}

func writeSnapshotDetail(w *jsonview.Writer, n *block.GroupSnapshot) {
	w.Open()
	w.String("id", n.ID)
	w.String("consistencygroup_id", n.GroupID)
	w.String("status", string(n.Status))
	w.Time("created_at", n.CreatedAt)
	w.Pointer("name", n.Name)
	w.Pointer("description", n.Description)
	w.Close()
}

// list gives the handler of a list. As upstream's it knows no filter, order, marker or project but the caller's own, and
// gives no link to the next page.
func (h snapshotHandlers) list(write func(*jsonview.Writer, *block.GroupSnapshot)) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		page, err := r.Page()
		if err != nil {
			return nil, err
		}
		q := listing.Query{Page: page, Store: app.Page{Limit: max(1, page.Limit), Offset: page.Offset}}
		list, err := h.uses.ListSnapshots(ctx, app.GroupSnapshotQuery{Page: q.Store}, false)
		if err != nil {
			return nil, err
		}
		w := jsonview.New(64 + 256*len(list))
		w.Open()
		w.Key(snapshotCollection)
		w.OpenList()
		for _, n := range listing.Cut(q, list) {
			write(w, n)
		}
		w.CloseList()
		w.Close()
		return wsgi.JSON(w), nil
	}
}

func (h snapshotHandlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	n, err := h.uses.GetSnapshot(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return answer("cgsnapshot", writeSnapshotDetail, n), nil
}

func (h snapshotHandlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body, err := entity(r.Body, "cgsnapshot")
	if err != nil {
		return nil, err
	}
	if !body.Has("consistencygroup_id") {
		return nil, fault.New(fault.Invalid, "", "'consistencygroup_id' must be specified")
	}
	n, err := h.uses.CreateSnapshot(repeat.Mark(ctx, r), body.String("consistencygroup_id"), member.Text(body, "name"), member.Text(body, "description"))
	if err != nil {
		return nil, err
	}
	return answer("cgsnapshot", writeSnapshotSummary, n), nil
}

func (h snapshotHandlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DeleteSnapshot(ctx, r.PathValue("id"))
}
