// Package snapshots is the HTTP of snapshots: routes, request schemas, views, metadata and actions. What a request means
// is in app/snapshots.
package snapshots

import (
	"context"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/api/metadata"
	"github.com/clinker/clinker/internal/block/api/repeat"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/snapshots"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "snapshots"

// listed says how snapshots may be filtered (cinder/api/v3/snapshots.py).
func listed(allowed listing.Filters) listing.Resource {
	return listing.Resource{
		Filters: allowed.Of("snapshot"), Older: []string{"status", "volume_id", "name", "metadata"},
		Added:    map[string]microversion.Version{"metadata": microversion.V(3, 22), "use_quota": microversion.V(3, 65)},
		Sortable: map[string]microversion.Version{"name": microversion.V(3, 30)},
		Maps:     []string{"metadata"}, UsesQuota: true, Counted: true, AnyAllTenants: true,
	}
}

// Extensions are everything under /snapshots that works on snapshots themselves, but for AdminActions.
func Extensions(u *uses.Snapshots, core *app.Core, allowed listing.Filters) []wsgi.Extension {
	h := handlers{u, listed(allowed)}
	return []wsgi.Extension{
		{Alias: "snapshots", Core: true,
			Resources: []wsgi.Resource{{Collection: collection, Routes: append(h.routes(), metadata.Routes(collection, metadata.Uses{
				Get: u.Metadata, Put: u.PutMetadata, Delete: u.DeleteMetadata, NotFound: uses.MetadataNotFound,
				Read: "volume:get_snapshot_metadata", Create: "volume:update_snapshot_metadata",
				Update: "volume:update_snapshot_metadata", Remove: "volume:delete_snapshot_metadata"})...)}}},
		{Alias: "os-snapshot-actions", Name: "SnapshotActions", Description: "Enable snapshot manager actions.", Updated: "2013-07-16T00:00:00+00:00",
			Actions: []wsgi.Action{{Resource: collection, Name: "os-update_snapshot_status", Schemas: reportSchemas, Handler: h.report,
				Policy: []string{"snapshot_extension:snapshot_actions:update_snapshot_status"}}}},
		{Alias: "os-snapshot-unmanage", Name: "SnapshotUnmanage", Description: "Enable volume unmanage operation.", Updated: "2014-12-31T00:00:00+00:00",
			Actions: []wsgi.Action{{Resource: collection, Name: "os-unmanage", Schemas: unmanageSchemas, Handler: h.unmanage,
				Policy: []string{"snapshot_extension:snapshot_unmanage"}}}},
		attributes(core),
	}
}

// AdminActions are the actions of administrators on snapshots, a part of the extension os-admin-actions.
func AdminActions(u *uses.Snapshots) []wsgi.Action {
	const admin = "volume_extension:snapshot_admin_actions:"
	h := handlers{uses: u}
	return []wsgi.Action{
		{Resource: collection, Name: "os-reset_status", Schemas: resetSchemas, Policy: []string{admin + "reset_status"}, Handler: h.resetStatus},
		{Resource: collection, Name: "os-force_delete", Schemas: forceDeleteSchemas, Policy: []string{admin + "force_delete"}, Handler: h.forceDelete},
	}
}

type handlers struct {
	uses   *uses.Snapshots
	listed listing.Resource
}

func (h handlers) routes() []wsgi.Route {
	return []wsgi.Route{
		{Method: "GET", Path: "snapshots", Handler: h.index, Policy: []string{"volume:get_all_snapshots"}},
		{Method: "GET", Path: "snapshots/detail", Handler: h.detail, Policy: []string{"volume:get_all_snapshots"}},
		{Method: "POST", Path: "snapshots", Status: 202, Handler: h.create, Schemas: createSchemas, Policy: []string{"volume:create_snapshot"}},
		{Method: "GET", Path: "snapshots/{id}", Handler: h.show, Policy: []string{"volume:get_snapshot"}},
		{Method: "PUT", Path: "snapshots/{id}", Handler: h.update, Schemas: updateSchemas, Policy: []string{"volume:update_snapshot"}},
		{Method: "DELETE", Path: "snapshots/{id}", Status: 202, Handler: h.delete, Policy: []string{"volume:delete_snapshot"}},
	}
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, "snapshots", func(w *jsonview.Writer, s *block.Snapshot) {
		w.Open()
		writeSummary(w, s)
		w.Close()
	})
}

func (h handlers) detail(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, "snapshots/detail", nil)
}

// list answers a page of snapshots, each written by write, or in full when write is nil.
func (h handlers) list(ctx context.Context, r *wsgi.Request, path string, write func(*jsonview.Writer, *block.Snapshot)) (*wsgi.Response, error) {
	q, err := listing.Parse(ctx, r, h.listed)
	if err != nil {
		return nil, err
	}
	sq := app.SnapshotQuery{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like, Metadata: q.Maps["metadata"], Times: q.Times, Page: q.Store}
	snapshots, err := h.uses.List(ctx, sq, q.AllProjects)
	if err != nil {
		return nil, err
	}
	snapshots = listing.Cut(q, snapshots)
	if write == nil {
		if write, err = full(ctx, r, snapshots); err != nil {
			return nil, err
		}
	}
	w := jsonview.New(64 + 512*len(snapshots))
	w.Open()
	w.Key("snapshots")
	w.OpenList()
	for _, s := range snapshots {
		write(w, s)
	}
	w.CloseList()
	last := ""
	if n := len(snapshots); n > 0 {
		last = snapshots[n-1].ID
	}
	r.AppendNextLink(w, "snapshots", path, q.Page, len(snapshots), last)
	if q.WithCount {
		count, err := h.uses.Count(ctx, sq, q.AllProjects)
		if err != nil {
			return nil, err
		}
		w.Int("count", count)
	}
	w.Close()
	return wsgi.JSON(w), nil
}

// full gives the writer of snapshots with all their fields, those of other extensions too.
func full(ctx context.Context, r *wsgi.Request, snapshots []*block.Snapshot) (func(*jsonview.Writer, *block.Snapshot), error) {
	extra, err := r.Views(ctx, collection, snapshots)
	return func(w *jsonview.Writer, s *block.Snapshot) { write(w, r, s, extra) }, err
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	s, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	write, err := full(ctx, r, []*block.Snapshot{s})
	if err != nil {
		return nil, err
	}
	return answer(s, write), nil
}

func answer(s *block.Snapshot, write func(*jsonview.Writer, *block.Snapshot)) *wsgi.Response {
	w := jsonview.New(1024)
	w.Open()
	w.Key("snapshot")
	write(w, s)
	w.Close()
	return wsgi.JSON(w)
}

// plain is the answer to a create or an update: without the fields of other extensions, as upstream.
func plain(r *wsgi.Request, s *block.Snapshot) *wsgi.Response {
	return answer(s, func(w *jsonview.Writer, s *block.Snapshot) { write(w, r, s, wsgi.Views{}) })
}

// inUseNeedsNoForce is the microversion since which a volume in use may be snapshotted without saying force.
var inUseNeedsNoForce = microversion.V(3, 66)

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("snapshot")
	if body.IsNull("volume_id") {
		return nil, block.VolumeNotFound("None")
	}
	asked := uses.CreateRequest{VolumeID: body.String("volume_id"), Name: member.Text(body, "name", "display_name"),
		Description: member.Text(body, "description", "display_description"), Metadata: body.StringMap("metadata"), InUse: body.Bool("force")}
	if r.Version.AtLeast(inUseNeedsNoForce) {
		if body.Has("force") && !asked.InUse {
			return nil, fault.New(fault.Invalid, "", "Since microversion 3.66 the 'force' flag is invalid for this request.  For backward "+
				"compatability, however, when the 'force' flag is passed with a value evaluating to True, it is silently ignored.")
		}
		asked.InUse = true
	}
	s, err := h.uses.Create(repeat.Mark(ctx, r), asked)
	if err != nil {
		return nil, err
	}
	return plain(r, s), nil
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("snapshot")
	name := member.TextChange(body, "name", "display_name")
	description := member.TextChange(body, "description", "display_description")
	s, err := h.uses.Update(ctx, r.PathValue("id"), name, description)
	if err != nil {
		return nil, err
	}
	return plain(r, s), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), "volume:delete_snapshot", false)
}

func (h handlers) forceDelete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), "volume_extension:snapshot_admin_actions:force_delete", true)
}

func (h handlers) unmanage(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Unmanage(ctx, r.PathValue("id"))
}

func (h handlers) report(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	a := r.Body.Object("os-update_snapshot_status")
	return wsgi.Empty(), h.uses.Report(ctx, r.PathValue("id"), block.SnapshotStatus(a.String("status")), a.String("progress"))
}

func (h handlers) resetStatus(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	status := block.SnapshotStatus(strings.ToLower(r.Body.Object("os-reset_status").String("status")))
	return wsgi.Empty(), h.uses.ResetStatus(ctx, r.PathValue("id"), status)
}
