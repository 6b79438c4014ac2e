// Package metadata is the HTTP of a resource's metadata, which volumes and snapshots have alike: all of it, or one entry,
// under the resource's own path (cinder/api/v3/volume_metadata.py and snapshot_metadata.py).
package metadata

import (
	"context"
	"maps"
	"slices"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Uses is what a resource does with its metadata, and under which policies.
type Uses struct {
	Get func(ctx context.Context, id string) (map[string]string, error)
	// Put merges the pairs, or with replace makes them the whole, and gives the whole, under the policy of rule; check may
	// refuse what it finds.
	Put func(ctx context.Context, id string, md map[string]string, replace bool, rule string,
		check func(map[string]string) error) (map[string]string, error)
	Delete   func(ctx context.Context, id, key string) error
	NotFound func(id, key string) error // says that there is no entry with this key

	Read, Create, Update, Remove string // rules
	// Tagged says that the metadata carries an ETag and heeds If-Match from 3.15, and that its bodies have schemas: that of
	// volumes, for upstream's snapshots were left out. What is wrong with their bodies is said by hand.
	Tagged bool
}

// Routes are the metadata routes of a collection.
func Routes(collection string, u Uses) []wsgi.Route {
	h := handlers{u}
	whole, item := collection+"/{id}/metadata", collection+"/{id}/metadata/{key}"
	pairs, pair := []wsgi.Schema{{JSON: `{}`}}, []wsgi.Schema{{JSON: `{}`}}
	if u.Tagged {
		const some = `{"$ref": "parameter_types#/extra_specs"}`
		pairs, pair = schemas("metadata", some), schemas("meta", `{"allOf": [`+some+`, {"minProperties": 1, "maxProperties": 1}]}`)
	}
	return []wsgi.Route{
		{Method: "GET", Path: whole, Handler: h.get, Policy: []string{u.Read}},
		{Method: "POST", Path: whole, Handler: h.merge, Schemas: pairs, Policy: []string{u.Create}},
		{Method: "PUT", Path: whole, Handler: h.replace, Schemas: pairs, Policy: []string{u.Update}},
		{Method: "GET", Path: item, Handler: h.getItem, Policy: []string{u.Read}},
		{Method: "PUT", Path: item, Handler: h.setItem, Schemas: pair, Policy: []string{u.Update}},
		{Method: "DELETE", Path: item, Handler: h.deleteItem, Policy: []string{u.Remove}},
	}
}

// schemas is the schema of a body with one member of string pairs.
func schemas(member, pairs string) []wsgi.Schema {
	return []wsgi.Schema{{JSON: `{"type": "object", "properties": {"` + member + `": ` + pairs + `},
		"required": ["` + member + `"], "additionalProperties": false}`}}
}

// pairs reads the member of a body, of which a schema has not always seen that it is an object.
func pairs(r *wsgi.Request, member string) (wsgi.Object, error) {
	if md := r.Body.Object(member); md != nil {
		return md, nil
	}
	return nil, fault.New(fault.Invalid, "", "Missing required element '%s' in request body.", member)
}

// change is what a request does with metadata: see Uses.Put.
type change struct {
	replace bool
	rule    string
	check   func(map[string]string) error
}

// put is Put of a member of the body. Values that are no texts are refused once it is known that there is what they are for;
// what is too long makes the request too large, as upstream has it.
func (h handlers) put(ctx context.Context, r *wsgi.Request, member string, c change) (map[string]string, error) {
	md, err := pairs(r, member)
	if err != nil {
		return nil, err
	}
	id := r.PathValue("id")
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if _, text := md[key].(string); text {
			continue
		}
		if _, err := h.Get(ctx, id); err != nil {
			return nil, err
		}
		why := block.InvalidInput("Value for metadata key: %s is not a string or unicode", key)
		return nil, fault.New(fault.Invalid, "InvalidVolumeMetadata", "Invalid metadata: %s", fault.UserText(why))
	}
	whole, err := h.Put(ctx, id, r.Body.StringMap(member), c.replace, c.rule, c.check)
	if fault.NameOf(err) == "InvalidVolumeMetadataSize" {
		err = fault.New(fault.OverLimit, "", "%s", fault.UserText(err))
	}
	return whole, err
}

type handlers struct{ Uses }

// tagged is the microversion since which metadata carries an ETag and heeds If-Match.
var tagged = microversion.V(3, 15)

func etag(md map[string]string) string {
	pairs := make([]jsonview.Pair, 0, len(md))
	for _, key := range slices.Sorted(maps.Keys(md)) {
		pairs = append(pairs, jsonview.Pair{Key: key, Value: md[key]})
	}
	return jsonview.ETag("metadata", pairs)
}

// ifMatch gives the check of the request's If-Match header against metadata as it stands; nil when there is nothing to check.
func (h handlers) ifMatch(r *wsgi.Request) func(map[string]string) error {
	if !h.Tagged || !r.Version.AtLeast(tagged) || r.Header("If-Match") == "" {
		return nil
	}
	return func(md map[string]string) error {
		if !r.IfMatch(etag(md)) {
			return fault.New(fault.PreconditionFailed, "", "The metadata has changed since it was read.")
		}
		return nil
	}
}

func metadataAnswer(md map[string]string) *wsgi.Response {
	w := jsonview.New(256)
	w.Open()
	w.StringMap("metadata", md)
	w.Close()
	return wsgi.JSON(w)
}

func itemAnswer(key, value string) *wsgi.Response {
	w := jsonview.New(256)
	w.Open()
	w.StringMap("meta", map[string]string{key: value})
	w.Close()
	return wsgi.JSON(w)
}

func (h handlers) get(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.Get(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	resp := metadataAnswer(md)
	if h.Tagged && r.Version.AtLeast(tagged) {
		resp.With("ETag", etag(md))
	}
	return resp, nil
}

func (h handlers) merge(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.put(ctx, r, "metadata", change{rule: h.Create})
	if err != nil {
		return nil, err
	}
	return metadataAnswer(md), nil
}

func (h handlers) replace(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	md, err := h.put(ctx, r, "metadata", change{replace: true, rule: h.Update, check: h.ifMatch(r)})
	if err != nil {
		return nil, err
	}
	return metadataAnswer(md), nil
}

func (h handlers) getItem(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id, key := r.PathValue("id"), r.PathValue("key")
	md, err := h.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	value, there := md[key]
	if !there {
		return nil, h.NotFound(id, key)
	}
	return itemAnswer(key, value), nil
}

func (h handlers) setItem(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	key := r.PathValue("key")
	item, err := pairs(r, "meta")
	switch {
	case err != nil:
		return nil, err
	case !item.Has(key):
		return nil, fault.New(fault.Invalid, "", "Request body and URI mismatch")
	case len(item) > 1:
		return nil, fault.New(fault.Invalid, "", "Request body contains too many items")
	}
	if _, err := h.put(ctx, r, "meta", change{rule: h.Update, check: h.ifMatch(r)}); err != nil {
		return nil, err
	}
	return itemAnswer(key, item.String(key)), nil
}

func (h handlers) deleteItem(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.Delete(ctx, r.PathValue("id"), r.PathValue("key"))
}
