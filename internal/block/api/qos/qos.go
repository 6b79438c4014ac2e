// Package qos is the HTTP of QoS specs (cinder/api/contrib/qos_specs_manage.py). What a request means is in app/qos.
package qos

import (
	"context"
	"maps"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	uses "github.com/clinker/clinker/internal/block/app/qos"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
	"github.com/clinker/clinker/internal/reqctx"
)

const collection = "qos-specs"

// Request schemas (cinder/api/schemas/qos_specs.py).
var (
	createSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"qos_specs": {"type": "object", "properties": {
		"name": {"type": "string", "format": "name_skip_leading_trailing_spaces"}}, "required": ["name"], "additionalProperties": true}},
		"required": ["qos_specs"], "additionalProperties": false}`}}
	updateSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"qos_specs": {"$ref": "parameter_types#/extra_specs_with_null"}},
		"required": ["qos_specs"], "additionalProperties": false}`}}
	deleteKeysSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"keys": {"type": "array",
		"items": {"type": "string", "minLength": 1, "maxLength": 255}, "uniqueItems": true}},
		"required": ["keys"], "additionalProperties": false}`}}
)

// Extension is everything under /qos-specs. The GETs that change something are upstream's.
func Extension(u *uses.QoS) wsgi.Extension {
	h := handlers{u}
	const item, rule = "qos-specs/{id}", "volume_extension:qos_specs_manage:"
	all, update, remove := []string{rule + "get_all"}, []string{rule + "update"}, []string{rule + "delete"}
	return wsgi.Extension{
		Alias: collection, Name: "Qos_specs_manage", Description: "QoS specs support.",
		Updated: "2013-08-02T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: collection, Routes: []wsgi.Route{
			{Method: "GET", Path: collection, Handler: h.index, Policy: all},
			{Method: "POST", Path: collection, Handler: h.create, Schemas: createSchemas, Policy: []string{rule + "create"}},
			{Method: "GET", Path: item, Handler: h.show, Policy: []string{rule + "get"}},
			{Method: "PUT", Path: item, Handler: h.update, Schemas: updateSchemas, Policy: update},
			{Method: "DELETE", Path: item, Status: 202, Handler: h.delete, Policy: remove},
			{Method: "PUT", Path: item + "/delete_keys", Status: 202, Handler: h.deleteKeys, Schemas: deleteKeysSchemas, Policy: remove},
			{Method: "GET", Path: item + "/associations", Handler: h.associations, Policy: all},
			{Method: "GET", Path: item + "/associate", Status: 202, Handler: h.associate, Policy: update},
			{Method: "GET", Path: item + "/disassociate", Status: 202, Handler: h.disassociate, Policy: update},
			{Method: "GET", Path: item + "/disassociate_all", Status: 202, Handler: h.disassociateAll, Policy: update},
		}}},
	}
}

type handlers struct{ uses *uses.QoS }

func write(w *jsonview.Writer, q *block.QoSSpecs) {
	w.Open()
	w.String("id", q.ID)
	w.String("name", q.Name)
	w.String("consumer", q.Consumer)
	member.AppendTexts(w, "specs", q.Specs)
	w.Close()
}

func answer(r *wsgi.Request, q *block.QoSSpecs) *wsgi.Response {
	w := jsonview.New(512)
	w.Open()
	w.Key("qos_specs")
	write(w, q)
	r.AppendLinks(w, collection, q.ID)
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	q, err := listing.ParsePage(r)
	if err != nil {
		return nil, err
	}
	// Everything an administrator filters by is taken for a column; of others, what is none of three is dropped.
	query := uses.Query{Equal: map[string][]string{}, Page: q.Store}
	for name, value := range r.Filters() {
		if reqctx.From(ctx).IsAdmin || name == "id" || name == "name" || name == "consumer" {
			query.Equal[name] = []string{value}
		}
	}
	list, err := h.uses.List(ctx, query)
	if err != nil {
		return nil, err
	}
	list = listing.Cut(q, list)
	w := jsonview.New(64 + 256*len(list))
	w.Open()
	w.Key("qos_specs")
	w.OpenList()
	last := ""
	for _, specs := range list {
		write(w, specs)
		last = specs.ID
	}
	w.CloseList()
	r.AppendNextLink(w, "qos_specs", collection, q.Page, len(list), last)
	w.Close()
	return wsgi.JSON(w), nil
}

// consumer takes the consumer out of specs. A null one is the default, as upstream's object has it; nil if there is none.
func consumer(specs map[string]*string) *string {
	value, given := specs["consumer"]
	if !given {
		return nil
	}
	delete(specs, "consumer")
	if value == nil {
		return new(block.QoSBackEnd)
	}
	return value
}

func (h handlers) create(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	body := maps.Clone(r.Body.Object("qos_specs"))
	name := body.Trimmed("name")
	if len([]rune(name)) > 255 {
		return nil, fault.New(fault.Invalid, "", "Error writing field to database")
	}
	delete(body, "name")
	specs, err := member.Texts(body)
	if err != nil {
		return nil, err
	}
	by := consumer(specs)
	if by == nil {
		by = new(block.QoSBackEnd)
	}
	q, err := h.uses.Create(ctx, name, *by, specs)
	if err != nil {
		return nil, wsgi.Plain(err)
	}
	return answer(r, q), nil
}

func (h handlers) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	q, err := h.uses.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return answer(r, q), nil
}

// update answers with what it was sent, as upstream.
func (h handlers) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	specs, err := member.Texts(r.Body.Object("qos_specs"))
	if err != nil {
		return nil, err
	}
	by := consumer(specs)
	if err := h.uses.Update(ctx, r.PathValue("id"), by, specs); err != nil {
		return nil, err
	}
	return wsgi.Value(r.Body)
}

func (h handlers) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	force, err := listing.Bool(r, "force")
	if err != nil {
		return nil, err
	}
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"), force)
}

func (h handlers) deleteKeys(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DeleteKeys(ctx, r.PathValue("id"), r.Body.Strings("keys"))
}

func (h handlers) associations(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	types, err := h.uses.Associations(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	list := make([]map[string]string, 0, len(types))
	for _, t := range types {
		list = append(list, map[string]string{"association_type": "volume_type", "name": t.Name, "id": t.ID})
	}
	return wsgi.Value(map[string]any{"qos_associations": list})
}

func (h handlers) associate(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Associate(ctx, r.PathValue("id"), r.Query().Get("vol_type_id"))
}

func (h handlers) disassociate(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Disassociate(ctx, r.PathValue("id"), r.Query().Get("vol_type_id"))
}

func (h handlers) disassociateAll(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.DisassociateAll(ctx, r.PathValue("id"))
}
