// Package volumetypes is the HTTP of volume types, their extra specs and who may use them. What a request means is in app/volumetypes.
package volumetypes

import (
	"context"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	"github.com/clinker/clinker/internal/block/app"
	uses "github.com/clinker/clinker/internal/block/app/volumetypes"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

const collection = "types"

// isPublic is the key under which the access extension names is_public.
const isPublic = "os-volume-type-access:is_public"

// listed says how types may be filtered (cinder/api/v3/types.py).
func listed(allowed listing.Filters) listing.Resource {
	return listing.Resource{Filters: allowed.Of("volume_type"), General: microversion.V(3, 52), Older: []string{"is_public"},
		Maps: []string{"extra_specs"}}
}

// Request schemas (cinder/api/schemas/volume_types.py).
var (
	createSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"volume_type": {"type": "object", "properties": {
		"name": {"$ref": "parameter_types#/name"},
		"description": {"$ref": "parameter_types#/description"},
		"extra_specs": {"$ref": "parameter_types#/extra_specs_with_null"},
		"os-volume-type-access:is_public": {"$ref": "parameter_types#/boolean"}},
		"required": ["name"], "additionalProperties": false}}, "required": ["volume_type"], "additionalProperties": false}`}}
	updateSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"volume_type": {"type": "object", "properties": {
		"name": {"$ref": "parameter_types#/update_name"},
		"description": {"$ref": "parameter_types#/description"},
		"is_public": {"$ref": "parameter_types#/boolean"}},
		"additionalProperties": false}}, "required": ["volume_type"], "additionalProperties": false}`}}
)

// Extensions are everything under /types that works on types themselves, on their extra specs, and on who may use them.
func Extensions(u *uses.Types, allowed listing.Filters) []wsgi.Extension {
	h := handlers{u, listed(allowed)}
	routes := func(list ...wsgi.Route) []wsgi.Resource {
		return []wsgi.Resource{{Collection: collection, Routes: list}}
	}
	return []wsgi.Extension{
		{Alias: "types", Core: true, Resources: routes(
			wsgi.Route{Method: "GET", Path: "types", Handler: h.index, Policy: []string{"volume_extension:type_get_all"}},
			wsgi.Route{Method: "GET", Path: "types/{id}", Handler: h.show, Policy: []string{"volume_extension:type_get"}})},
		{Alias: "os-types-manage", Name: "TypesManage", Description: "Types manage support.", Updated: "2011-08-24T00:00:00+00:00", Resources: routes(
			wsgi.Route{Method: "POST", Path: "types", Handler: h.create, Schemas: createSchemas, Policy: []string{"volume_extension:type_create"}},
			wsgi.Route{Method: "PUT", Path: "types/{id}", Handler: h.update, Schemas: updateSchemas, Policy: []string{"volume_extension:type_update"}},
			wsgi.Route{Method: "DELETE", Path: "types/{id}", Status: 202, Handler: h.delete, Policy: []string{"volume_extension:type_delete"}})},
		{Alias: "os-types-extra-specs", Name: "TypesExtraSpecs", Description: "Type extra specs support.", Updated: "2011-08-24T00:00:00+00:00",
			Resources: routes(h.specRoutes()...)},
		h.accessExtension(),
	}
}

type handlers struct {
	uses   *uses.Types
	listed listing.Resource
}

// view writes types as one caller is to see them.
type view struct {
	uses       *uses.Types
	ctx        context.Context
	specs, qos bool
	extra      wsgi.Views
}

// view makes the view of one answer; without a request it has no fields of other extensions.
func (h handlers) view(ctx context.Context, r *wsgi.Request, types []*block.VolumeType) (view, error) {
	var extra wsgi.Views
	var err error
	if r != nil {
		extra, err = r.Views(ctx, collection, types)
	}
	return view{uses: h.uses, ctx: ctx, extra: extra,
		specs: h.uses.Authorize(ctx, "volume_extension:access_types_extra_specs") == nil,
		qos:   h.uses.Authorize(ctx, "volume_extension:access_types_qos_specs_id") == nil}, err
}

func (v view) write(w *jsonview.Writer, t *block.VolumeType) {
	w.Open()
	w.String("id", t.ID)
	w.String("name", t.Name)
	w.Bool("is_public", t.IsPublic)
	w.Pointer("description", t.Description)
	if v.specs {
		w.StringMap("extra_specs", v.uses.VisibleSpecs(v.ctx, t))
	}
	if v.qos {
		w.StringOrNull("qos_specs_id", t.QoSSpecsID)
	}
	v.extra.Append(w, t)
	w.Close()
}

func (h handlers) answer(ctx context.Context, r *wsgi.Request, t *block.VolumeType) (*wsgi.Response, error) {
	v, err := h.view(ctx, r, []*block.VolumeType{t})
	if err != nil {
		return nil, err
	}
	return v.answer(t), nil
}

// answerChanged is the answer to a request that made or changed a type. Upstream leaves the QoS specs out of it.
func (h handlers) answerChanged(ctx context.Context, r *wsgi.Request, t *block.VolumeType) (*wsgi.Response, error) {
	v, err := h.view(ctx, r, []*block.VolumeType{t})
	if err != nil {
		return nil, err
	}
	v.qos = false
	return v.answer(t), nil
}

func (v view) answer(t *block.VolumeType) *wsgi.Response {
	w := jsonview.New(512)
	w.Open()
	w.Key("volume_type")
	v.write(w, t)
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	q, err := listing.Parse(ctx, r, h.listed)
	if err != nil {
		return nil, err
	}
	tq := app.TypeQuery{Equal: q.Equal, Like: q.Like, ExtraSpecs: q.Maps["extra_specs"], Page: q.Store}
	delete(tq.Equal, "is_public")
	if text, unread := tq.Equal["extra_specs"]; unread {
		return nil, fault.New(fault.Invalid, "", "Invalid filter extra_specs: %q is not a dictionary such as {'key': 'value'}.", text[0])
	}
	if tq.IsPublic, err = listing.Public(ctx, r); err != nil {
		return nil, err
	}
	types, err := h.uses.List(ctx, tq)
	if err != nil {
		return nil, err
	}
	types = listing.Cut(q, types)
	v, err := h.view(ctx, r, types)
	if err != nil {
		return nil, err
	}
	w := jsonview.New(64 + 256*len(types))
	w.Open()
	w.Key("volume_types")
	w.OpenList()
	last := ""
	for _, t := range types {
		v.write(w, t)
		last = t.ID
	}
	w.CloseList()
	r.AppendNextLink(w, "volume_type", "types", q.Page, len(types), last)
	w.Close()
	return wsgi.JSON(w), nil
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("volume_type")
	t, err := h.uses.Create(ctx, uses.CreateRequest{Name: body.String("name"), Description: member.Text(body, "description"),
		Private: body.Has(isPublic) && !body.Bool(isPublic), ExtraSpecs: body.StringMap("extra_specs")})
	if err != nil {
		return nil, wsgi.Plain(err)
	}
	return h.answerChanged(ctx, r, t)
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	t, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return h.answer(ctx, r, t)
}

func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := r.Body.Object("volume_type")
	c := uses.Change{Name: member.Text(body, "name"), Description: member.Text(body, "description")}
	if body.Has("is_public") && !body.IsNull("is_public") {
		c.Public = new(body.Bool("is_public"))
	}
	t, err := h.uses.Update(ctx, r.PathValue("id"), c)
	if err != nil {
		return nil, wsgi.Plain(err)
	}
	return h.answerChanged(ctx, nil, t) // upstream's access extension does not extend this answer
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"))
}
