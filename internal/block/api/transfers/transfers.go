// Package transfers is the HTTP of volume transfers under both of their paths, the older os-volume-transfer and
// volume-transfers. What a request means is in app/transfers.
package transfers

import (
	"context"
	"strconv"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/transfers"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

// The two paths. Links lead to the older one in both, as upstream's do.
const (
	older = "os-volume-transfer"
	newer = "volume-transfers"
)

// Microversions at which transfers changed. The older path has all of them but paging, leaving snapshots behind and
// encrypted volumes.
var (
	withSnapshots = microversion.V(3, 55)
	withHistory   = microversion.V(3, 57)
	paged         = microversion.V(3, 59)
	ofEncrypted   = microversion.V(3, 70)
)

// Request schemas (cinder/api/schemas/volume_transfer.py).
func createSchema(more string) string {
	return `{"type": "object", "properties": {"transfer": {"type": "object", "properties": {
		"volume_id": {"$ref": "parameter_types#/uuid"},
		"name": {"oneOf": [{"type": "string", "format": "name_skip_leading_trailing_spaces"}, {"type": "null"}]}` + more + `},
		"required": ["volume_id"], "additionalProperties": false}}, "required": ["transfer"], "additionalProperties": false}`
}

var (
	olderCreate = []wsgi.Schema{{JSON: createSchema("")}}
	newerCreate = []wsgi.Schema{
		{Versions: microversion.Until(3, 54), JSON: createSchema("")},
		{Versions: microversion.From(3, 55), JSON: createSchema(`, "no_snapshots": {"$ref": "parameter_types#/boolean"}`)},
	}
	acceptSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"accept": {"type": "object", "properties": {
		"auth_key": {"type": ["string", "integer"]}}, "required": ["auth_key"], "additionalProperties": false}},
		"required": ["accept"], "additionalProperties": false}`}}
)

// Extensions are the two paths.
func Extensions(u *uses.Transfers) []wsgi.Extension {
	return []wsgi.Extension{
		{Alias: older, Name: "VolumeTransfer", Description: "Volume transfer management support.", Updated: "2013-05-29T00:00:00+00:00",
			Resources: []wsgi.Resource{{Collection: older, Routes: handlers{uses: u}.routes(older, olderCreate)}}},
		{Alias: newer, Resources: []wsgi.Resource{{Collection: newer, Routes: handlers{uses: u, newer: true}.routes(newer, newerCreate)}}},
	}
}

// handlers serve one of the paths.
type handlers struct {
	uses  *uses.Transfers
	newer bool
}

func (h handlers) routes(collection string, create []wsgi.Schema) []wsgi.Route {
	item := collection + "/{id}"
	return []wsgi.Route{
		{Method: "GET", Path: collection, Handler: h.list(false), Policy: []string{"volume:get_all_transfers"}},
		{Method: "GET", Path: collection + "/detail", Handler: h.list(true), Policy: []string{"volume:get_all_transfers"}},
		{Method: "POST", Path: collection, Status: 202, Handler: h.create, Schemas: create, Policy: []string{"volume:create_transfer"}},
		{Method: "GET", Path: item, Handler: h.show, Policy: []string{"volume:get_transfer"}},
		{Method: "DELETE", Path: item, Status: 202, Handler: h.delete, Policy: []string{"volume:delete_transfer"}},
		{Method: "POST", Path: item + "/accept", Status: 202, Handler: h.accept, Schemas: acceptSchemas, Policy: []string{"volume:accept_transfer"}},
	}
}

// query reads what a list request asks for. Every column is a filter for everyone; what is none chooses nothing, and so does
// what is about paging and order where it is not known yet: upstream takes it for a filter then. The order is that of making.
func (h handlers) query(ctx context.Context, r *wsgi.Request) (listing.Query, app.TransferQuery, error) {
	q := listing.Query{Equal: map[string][]string{}}
	var err error
	if q.Page, err = r.Page(); err != nil {
		return q, app.TransferQuery{}, err
	}
	q.Store = app.Page{Limit: max(1, q.Page.Limit), Offset: q.Page.Offset, Marker: q.Page.Marker,
		Sort: []app.Sort{{Key: "created_at"}, {Key: "id"}}}
	if h.newer && r.Version.AtLeast(paged) {
		keys, err := r.Sort()
		if err != nil {
			return q, app.TransferQuery{}, err
		}
		q.Store.Sort = nil
		for _, k := range keys {
			q.Store.Sort = append(q.Store.Sort, app.Sort{Key: k.Key, Desc: k.Descending})
		}
	} else {
		q.Store.Marker, q.Store.Offset = "", 0
		for _, name := range []string{"limit", "marker", "offset", "sort", "sort_key", "sort_dir"} {
			if r.Query().Has(name) {
				q.Equal[name] = []string{r.Query().Get(name)}
			}
		}
	}
	if reqctx.From(ctx).IsAdmin {
		q.AllProjects, _ = listing.Bool(r, "all_tenants") // one that is no boolean is no
	}
	for name, value := range r.Filters() {
		if name != "all_tenants" {
			q.Equal[name] = []string{value}
		}
	}
	return q, app.TransferQuery{Equal: q.Equal, Page: q.Store}, nil
}

// list gives the handler of a list, in short or in detail.
func (h handlers) list(detail bool) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		q, sq, err := h.query(ctx, r)
		if err != nil {
			return nil, err
		}
		transfers, err := h.uses.List(ctx, sq, q.AllProjects)
		if err != nil {
			return nil, err
		}
		transfers = listing.Cut(q, transfers)
		w := jsonview.New(64 + 384*len(transfers))
		w.Open()
		w.Key("transfers")
		w.OpenList()
		last := ""
		for _, t := range transfers {
			w.Open()
			writeSummary(w, r, t)
			if detail {
				writeDetail(w, r, t)
			}
			w.Close()
			last = t.ID
		}
		w.CloseList()
		r.AppendNextLink(w, "transfers", older, q.Page, len(transfers), last)
		w.Close()
		return wsgi.JSON(w), nil
	}
}

// writeSummary writes what every view of a transfer has (cinder/api/views/transfers.py).
func writeSummary(w *jsonview.Writer, r *wsgi.Request, t *block.Transfer) {
	w.String("id", t.ID)
	w.String("volume_id", t.VolumeID)
	w.Pointer("name", t.Name)
	r.AppendLinks(w, older, t.ID)
}

func writeDetail(w *jsonview.Writer, r *wsgi.Request, t *block.Transfer) {
	w.Time("created_at", t.CreatedAt)
	if r.Version.AtLeast(withSnapshots) {
		w.Bool("no_snapshots", t.NoSnapshots)
	}
	if r.Version.AtLeast(withHistory) {
		w.StringOrNull("destination_project_id", t.DestinationProjectID)
		w.StringOrNull("source_project_id", t.SourceProjectID)
		w.Bool("accepted", t.Accepted)
	}
}

// answer is one transfer as a whole answer; more writes what else it has.
func answer(r *wsgi.Request, t *block.Transfer, more func(w *jsonview.Writer)) *wsgi.Response {
	w := jsonview.New(512)
	w.Open()
	w.Key("transfer")
	w.Open()
	writeSummary(w, r, t)
	more(w)
	w.Close()
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	t, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return answer(r, t, func(w *jsonview.Writer) { writeDetail(w, r, t) }), nil
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("transfer")
	t, key, err := h.uses.Create(ctx, uses.CreateRequest{VolumeID: body.String("volume_id"), Name: member.Text(body, "name"),
		NoSnapshots: body.Bool("no_snapshots"), AllowEncrypted: h.newer && r.Version.AtLeast(ofEncrypted)})
	if err != nil {
		return nil, err
	}
	return answer(r, t, func(w *jsonview.Writer) {
		writeDetail(w, r, t)
		w.String("auth_key", key)
	}), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"))
}

func (h handlers) accept(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("accept")
	key := body.String("auth_key")
	if n, number := body.Int("auth_key"); key == "" && number {
		key = strconv.FormatInt(n, 10)
	}
	t, err := h.uses.Accept(ctx, r.PathValue("id"), key)
	if fault.NameOf(err) == "VolumeSizeExceedsAvailableQuota" {
		return nil, wsgi.Plain(err)
	}
	if err != nil {
		return nil, err
	}
	return answer(r, t, func(*jsonview.Writer) {}), nil
}
