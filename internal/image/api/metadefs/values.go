package metadefs

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/app/metadefs"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

// What follows reads bodies that their schema allows.

func optional(body object, name string) *string {
	if text, ok := body[name].(string); ok {
		return &text
	}
	return nil
}

func namespaceOf(body object) *image.Namespace {
	b := bodyschema.Object(body)
	protected, _ := body["protected"].(bool)
	return &image.Namespace{Name: b.String("namespace"), DisplayName: optional(body, "display_name"), Description: optional(body, "description"),
		Visibility: image.Visibility(b.String("visibility")), Protected: protected, Owner: b.String("owner")}
}

func associationOf(body object) *image.Association {
	return &image.Association{ResourceType: bodyschema.Object(body).String("name"), Prefix: optional(body, "prefix"),
		PropertiesTarget: optional(body, "properties_target")}
}

func tagOf(body object) *image.Definition {
	return &image.Definition{Name: bodyschema.Object(body).String("name")}
}

func tagsOf(body object) (tags []*image.Definition) {
	list, _ := body["tags"].([]any)
	for _, one := range list {
		tags = append(tags, tagOf(one.(object)))
	}
	return tags
}

// contentOf is what a new namespace begins with. What it has has a name.
func contentOf(body object) (c metadefs.Content, err error) {
	for _, one := range objects(body["resource_type_associations"]) {
		c.Associations = append(c.Associations, associationOf(one))
	}
	for _, one := range objects(body["objects"]) {
		d, err := objectOf(one)
		if err != nil {
			return c, err
		}
		c.Objects = append(c.Objects, d)
	}
	properties, _ := body["properties"].(object)
	for name, one := range properties {
		d, err := propertyOf(one.(object))
		if err != nil {
			return c, err
		}
		d.Name = name
		c.Properties = append(c.Properties, d)
	}
	c.Tags = tagsOf(body)
	for _, list := range [][]*image.Definition{c.Objects, c.Properties, c.Tags} {
		for _, d := range list {
			if err := named(d.Name); err != nil {
				return c, err
			}
		}
	}
	for _, a := range c.Associations {
		if err := named(a.ResourceType); err != nil {
			return c, err
		}
	}
	return c, nil
}

func objects(list any) (all []object) {
	values, _ := list.([]any)
	for _, v := range values {
		all = append(all, v.(object))
	}
	return all
}

// maxName is how long a name is at most, in characters.
const maxName = 80

// named refuses what is called nothing, or too much, where the schema does not.
func named(name string) error {
	if name == "" || len([]rune(name)) > maxName {
		return fault.New(fault.Invalid, "Invalid", "Couldn't create metadata namespace: what is in it has names of 1 to %d characters", maxName)
	}
	return nil
}

func objectOf(body object) (*image.Definition, error) {
	d := &image.Definition{Name: bodyschema.Object(body).String("name"), Description: optional(body, "description")}
	if list, ok := body["required"].([]any); ok {
		d.Required = []string{}
		for _, one := range list {
			d.Required = append(d.Required, one.(string))
		}
	}
	properties, ok := body["properties"].(object)
	if !ok {
		return d, nil
	}
	kept := object{}
	for name, one := range properties {
		kept[name] = propertyType(one.(object))
	}
	var err error
	d.Schema, err = json.Marshal(kept)
	return d, err
}

func propertyOf(body object) (d *image.Definition, err error) {
	d = &image.Definition{Name: bodyschema.Object(body).String("name")}
	schema := propertyType(body)
	delete(schema, "name")
	d.Schema, err = json.Marshal(schema)
	return d, err
}

// known are the members of a property that are kept; upstream: PropertyType.
var known = []string{"name", "type", "title", "description", "operators", "default", "readonly", "minimum", "maximum", "enum", "pattern", "minLength", "maxLength",
	"items", "uniqueItems", "minItems", "maxItems", "additionalItems"}

func propertyType(body object) object {
	kept := object{}
	for name, value := range body {
		if value != nil && slices.Contains(known, name) {
			kept[name] = value
		}
	}
	return kept
}

// What follows shows.

func withTimes(v object, created, updated time.Time) object {
	v["created_at"], v["updated_at"] = isoTime(created), isoTime(updated)
	return v
}

// isoTime is a time as Glance writes it.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func put(v object, name string, text *string) {
	if text != nil {
		v[name] = *text
	}
}

// namespaceView leaves out what a namespace has none of.
func namespaceView(n *image.Namespace, c metadefs.Content) (v object, err error) {
	v = withTimes(object{"namespace": n.Name, "visibility": string(n.Visibility), "protected": n.Protected, "owner": n.Owner,
		"self": namespacesPath + "/" + n.Name, "schema": "/v2/schemas/metadefs/namespace"}, n.CreatedAt, n.UpdatedAt)
	put(v, "display_name", n.DisplayName)
	put(v, "description", n.Description)
	if len(c.Associations) > 0 {
		v["resource_type_associations"] = associationViews(c.Associations)
	}
	if len(c.Tags) > 0 {
		v["tags"] = tagViews(c.Tags)
	}
	if len(c.Properties) > 0 {
		if v["properties"], err = propertyViews(c.Properties); err != nil {
			return nil, err
		}
	}
	if len(c.Objects) > 0 {
		views := make([]object, len(c.Objects))
		for i, d := range c.Objects {
			if views[i], err = objectView(n.Name, d); err != nil {
				return nil, err
			}
		}
		v["objects"] = views
	}
	return v, nil
}

// prefixed is content with names as they are in a type of resource.
func prefixed(c metadefs.Content, resourceType string) (metadefs.Content, error) {
	i := slices.IndexFunc(c.Associations, func(a *image.Association) bool { return a.ResourceType == resourceType })
	if i < 0 || c.Associations[i].Prefix == nil {
		return c, nil
	}
	prefix := *c.Associations[i].Prefix
	for _, d := range c.Properties {
		d.Name = prefix + d.Name
	}
	for _, d := range c.Objects {
		properties, err := decoded(d)
		if err != nil {
			return c, err
		}
		renamed := object{}
		for name, value := range properties {
			renamed[prefix+name] = value
		}
		if d.Schema, err = json.Marshal(renamed); err != nil {
			return c, err
		}
		for n := range d.Required {
			d.Required[n] = prefix + d.Required[n]
		}
	}
	return c, nil
}

func associationViews(list []*image.Association) []object {
	views := make([]object, len(list))
	for i, a := range list {
		views[i] = withTimes(object{"name": a.ResourceType}, a.CreatedAt, a.UpdatedAt)
		put(views[i], "prefix", a.Prefix)
		put(views[i], "properties_target", a.PropertiesTarget)
	}
	return views
}

func objectView(namespace string, d *image.Definition) (object, error) {
	v := withTimes(object{"name": d.Name, "self": namespacesPath + "/" + namespace + "/objects/" + d.Name, "schema": "/v2/schemas/metadefs/object"},
		d.CreatedAt, d.UpdatedAt)
	put(v, "description", d.Description)
	if d.Required != nil {
		v["required"] = d.Required
	}
	if d.Schema == nil { // nothing was said of them in this request
		return v, nil
	}
	properties, err := decoded(d)
	v["properties"] = properties
	return v, err
}

func propertyView(d *image.Definition) (object, error) {
	v, err := decoded(d)
	if err == nil {
		v["name"] = d.Name
	}
	return v, err
}

func propertyViews(list []*image.Definition) (object, error) {
	views := object{}
	for _, d := range list {
		v, err := decoded(d)
		if err != nil {
			return nil, err
		}
		views[d.Name] = v
	}
	return views, nil
}

func tagView(d *image.Definition) object {
	return withTimes(object{"name": d.Name}, d.CreatedAt, d.UpdatedAt)
}

// tagViews shows names only, as upstream does.
func tagViews(list []*image.Definition) []object {
	views := make([]object, len(list))
	for i, d := range list {
		views[i] = object{"name": d.Name}
	}
	return views
}

func decoded(d *image.Definition) (v object, err error) {
	if err := json.Unmarshal(d.Schema, &v); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "", "the definition %s cannot be read", d.Name)
	}
	return v, nil
}
