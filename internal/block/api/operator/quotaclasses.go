package operator

import (
	"context"
	"maps"

	"github.com/clinker/clinker/internal/block"
	uses "github.com/clinker/clinker/internal/block/app/quotasets"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// quotaClassSchemas is cinder/api/schemas/quota_classes.py with parameter_types.quota_class_set; which keys there are, the
// use case knows.
var quotaClassSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"quota_class_set": {"type": "object",
	"patternProperties": {"^[a-zA-Z0-9-_:. ]{1,300}$": {"type": ["integer", "string"], "pattern": "^[0-9]*$", "minimum": -1, "minLength": 1, "maximum": 2147483647}},
	"additionalProperties": false}}, "required": ["quota_class_set"], "additionalProperties": false}`}}

// QuotaClasses is the extension under /os-quota-class-sets (cinder/api/contrib/quota_classes.py).
func QuotaClasses(u *uses.QuotaSets) wsgi.Extension {
	h := quotaClasses{u}
	const item, rule = "os-quota-class-sets/{id}", "volume_extension:quota_classes:"
	return wsgi.Extension{Alias: "os-quota-class-sets", Name: "QuotaClasses", Description: "Quota classes management support.",
		Updated: "2012-03-12T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "os-quota-class-sets", Routes: []wsgi.Route{
			{Method: "GET", Path: item, Handler: h.show, Policy: []string{rule + "get"}},
			{Method: "PUT", Path: item, Handler: h.update, Schemas: quotaClassSchemas, Policy: []string{rule + "update"}},
		}}}}
}

type quotaClasses struct{ uses *uses.QuotaSets }

func (h quotaClasses) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	limits, err := h.uses.Class(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	set := map[string]any{}
	for name, limit := range limits {
		set[name] = limit
	}
	set["id"] = r.PathValue("id")
	return wsgi.Value(map[string]any{"quota_class_set": set})
}

// update answers without the id, as upstream.
func (h quotaClasses) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id := r.PathValue("id")
	if n := len([]rune(id)); n > 255 {
		return nil, block.InvalidInput("quota_class_name has %d characters, more than 255.", n)
	}
	body, limits := r.Body.Object("quota_class_set"), map[string]int64{}
	for name := range maps.Keys(body) {
		limits[name], _ = body.Int(name) // the schema has seen that it is a number
	}
	all, err := h.uses.PutClass(ctx, id, limits)
	if err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"quota_class_set": all})
}
