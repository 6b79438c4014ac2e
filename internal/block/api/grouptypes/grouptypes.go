// Package grouptypes is the HTTP of group types and their specs, from 3.11 (cinder/api/v3/group_types.py, group_specs.py).
// What a request means is in app/grouptypes.
package grouptypes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	uses "github.com/clinker/clinker/internal/block/app/grouptypes"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "group_types"

// Request schemas (cinder/api/schemas/group_types.py).
var (
	createSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"group_type": {"type": "object", "properties": {
		"name": {"$ref": "parameter_types#/name"},
		"description": {"$ref": "parameter_types#/description"},
		"is_public": {"$ref": "parameter_types#/boolean"},
		"group_specs": {"$ref": "parameter_types#/metadata_allows_null"}},
		"required": ["name"], "additionalProperties": false}}, "required": ["group_type"], "additionalProperties": false}`}}
	updateSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"group_type": {"type": "object", "properties": {
		"name": {"$ref": "parameter_types#/name_allow_zero_min_length"},
		"description": {"$ref": "parameter_types#/description"},
		"is_public": {"$ref": "parameter_types#/boolean"}},
		"additionalProperties": false}}, "required": ["group_type"], "additionalProperties": false}`}}
)

// Extension is everything under /group_types.
func Extension(u *uses.GroupTypes) wsgi.Extension {
	h := handlers{u}
	const item, rule, see = "group_types/{id}", "group:group_types:", "group:access_group_types_specs"
	since := microversion.From(3, 11)
	return wsgi.Extension{
		Alias: collection,
		Resources: []wsgi.Resource{{Collection: collection, Routes: append([]wsgi.Route{
			{Method: "GET", Path: collection, Versions: since, Handler: h.index, Policy: []string{see}},
			{Method: "POST", Path: collection, Versions: since, Status: 202, Handler: h.create, Schemas: createSchemas, Policy: []string{rule + "create"}},
			{Method: "GET", Path: item, Versions: since, Handler: h.show, Policy: []string{see}},
			{Method: "PUT", Path: item, Versions: since, Handler: h.update, Schemas: updateSchemas, Policy: []string{rule + "update"}},
			{Method: "DELETE", Path: item, Versions: since, Status: 202, Handler: h.delete, Policy: []string{rule + "delete"}},
		}, h.specRoutes(since)...)}},
	}
}

type handlers struct{ uses *uses.GroupTypes }

func write(w *jsonview.Writer, t *block.GroupType, specs bool) {
	w.Open()
	w.String("id", t.ID)
	w.String("name", t.Name)
	w.Pointer("description", t.Description)
	w.Bool("is_public", t.IsPublic)
	if specs {
		member.AppendTexts(w, "group_specs", t.Specs)
	}
	w.Close()
}

func (h handlers) answer(ctx context.Context, t *block.GroupType) *wsgi.Response {
	w := jsonview.New(512)
	w.Open()
	w.Key("group_type")
	write(w, t, h.uses.MaySeeSpecs(ctx))
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	q, err := listing.ParsePage(r)
	if err != nil {
		return nil, err
	}
	public, err := listing.Public(ctx, r)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.List(ctx, public, q.Store)
	if err != nil {
		return nil, err
	}
	list = listing.Cut(q, list)
	specs := h.uses.MaySeeSpecs(ctx)
	w := jsonview.New(64 + 256*len(list))
	w.Open()
	w.Key("group_types")
	w.OpenList()
	last := ""
	for _, t := range list {
		write(w, t, specs)
		last = t.ID
	}
	w.CloseList()
	r.AppendNextLink(w, "group_type", collection, q.Page, len(list), last)
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("group_type")
	specs, err := member.Texts(body.Object("group_specs"))
	if err != nil {
		return nil, err
	}
	t, err := h.uses.Create(ctx, uses.CreateRequest{Name: body.String("name"), Description: body.StringPointer("description"),
		Private: body.Has("is_public") && !body.Bool("is_public"), Specs: specs})
	if err != nil {
		return nil, wsgi.Plain(err)
	}
	return h.answer(ctx, t), nil
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	t, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, t), nil
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("group_type")
	c := uses.Change{Name: body.StringPointer("name"), Description: body.StringPointer("description")}
	if body.Has("is_public") && !body.IsNull("is_public") {
		c.Public = new(body.Bool("is_public"))
	}
	t, err := h.uses.Update(ctx, r.PathValue("id"), c)
	if err != nil {
		return nil, wsgi.Plain(err)
	}
	return h.answer(ctx, t), nil
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"))
}
