// Package backups is the HTTP of backups: routes, request schemas, views and actions. What a request means is in
// app/backups.
package backups

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/backups"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "backups"

// Microversions at which backups changed.
var (
	updatable      = microversion.V(3, 9)
	withProject    = microversion.V(3, 18)
	sortedByName   = microversion.V(3, 37)
	withMetadata   = microversion.V(3, 43)
	withUser       = microversion.V(3, 56)
	withEncryption = microversion.V(3, 64)
)

// listed says how backups may be filtered and sorted.
func listed(allowed listing.Filters) listing.Resource {
	return listing.Resource{
		Filters: allowed.Of("backup"), Older: []string{"name", "status", "volume_id"},
		Sortable: map[string]microversion.Version{"name": sortedByName}, Counted: true,
	}
}

// Extension is everything under /backups.
func Extension(u *uses.Backups, allowed listing.Filters) wsgi.Extension {
	h := handlers{u, listed(allowed)}
	return wsgi.Extension{
		Alias: "backups", Name: "Backups", Description: "Backups support.",
		Updated:   "2012-12-12T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: collection, Routes: h.routes()}},
	}
}

type handlers struct {
	uses   *uses.Backups
	listed listing.Resource
}

func (h handlers) routes() []wsgi.Route {
	return []wsgi.Route{
		{Method: "GET", Path: "backups", Handler: h.index, Policy: []string{"backup:get_all"}},
		{Method: "GET", Path: "backups/detail", Handler: h.detail, Policy: []string{"backup:get_all"}},
		{Method: "GET", Path: "backups/{id}", Handler: h.show, Policy: []string{"backup:get"}},
		{Method: "PUT", Path: "backups/{id}", Versions: microversion.Range{Min: updatable}, Schemas: updateSchemas, Handler: h.update,
			Policy: []string{"backup:update"}},
		{Method: "POST", Path: "backups", Status: 202, Handler: h.create, Schemas: createSchemas, Policy: []string{"backup:create"}},
		{Method: "DELETE", Path: "backups/{id}", Status: 202, Handler: h.delete, Policy: []string{"backup:delete"}},
		{Method: "POST", Path: "backups/{id}/restore", Status: 202, Handler: h.restore, Schemas: restoreSchemas, Policy: []string{"backup:restore"}},
		{Method: "GET", Path: "backups/{id}/export_record", Handler: h.exportRecord, Policy: []string{"backup:export-import"}},
		{Method: "POST", Path: "backups/import_record", Status: 201, Handler: h.importRecord, Schemas: importSchemas, Policy: []string{"backup:backup-import"}},
	}
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, "backups", func(w *jsonview.Writer, b *block.Backup) { writeSummary(w, r, b) })
}

func (h handlers) detail(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return h.list(ctx, r, "backups/detail", h.full(ctx, r))
}

// list answers a page of backups, each written by write.
func (h handlers) list(ctx context.Context, r *wsgi.Request, path string, write func(*jsonview.Writer, *block.Backup)) (*wsgi.Response, error) {
	q, err := listing.Parse(ctx, r, h.listed)
	if err != nil {
		return nil, err
	}
	bq := app.BackupQuery{ProjectID: q.ProjectID, Equal: q.Equal, Like: q.Like, Times: q.Times, Page: q.Store}
	found, err := h.uses.List(ctx, bq, q.AllProjects)
	if err != nil {
		return nil, err
	}
	found = listing.Cut(q, found)
	w := jsonview.New(64 + 512*len(found))
	w.Open()
	w.Key("backups")
	w.OpenList()
	last := ""
	for _, b := range found {
		w.Open()
		write(w, b)
		w.Close()
		last = b.ID
	}
	w.CloseList()
	r.AppendNextLink(w, "backups", path, q.Page, len(found), last)
	if q.WithCount {
		count, err := h.uses.Count(ctx, bq, q.AllProjects)
		if err != nil {
			return nil, err
		}
		w.Int("count", count)
	}
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	b, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return answer(b, h.full(ctx, r)), nil
}

// summary is the answer to what makes or changes a backup.
func summary(r *wsgi.Request, b *block.Backup) *wsgi.Response {
	return answer(b, func(w *jsonview.Writer, b *block.Backup) { writeSummary(w, r, b) })
}

func answer(b *block.Backup, write func(*jsonview.Writer, *block.Backup)) *wsgi.Response {
	w := jsonview.New(1024)
	w.Open()
	w.Key("backup")
	w.Open()
	write(w, b)
	w.Close()
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("backup")
	c := uses.Changes{Name: member.TextChange(body, "name"), Description: member.TextChange(body, "description")}
	if body.Has("metadata") {
		c.Metadata = body.StringMap("metadata")
	}
	b, err := h.uses.Update(ctx, r.PathValue("id"), c)
	if err != nil {
		return nil, err
	}
	return summary(r, b), nil
}
