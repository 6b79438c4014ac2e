package metadefs

import (
	"net/http"
	"strings"

	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/query"
	"github.com/clinker/clinker/internal/image/api/web"
)

func (a *API) listObjects(w http.ResponseWriter, r *http.Request) error {
	namespace := r.PathValue("namespace")
	list, err := a.use.Definitions(r.Context(), namespace, image.DefinedObject, nil)
	if err != nil {
		return err
	}
	views := make([]object, len(list))
	for i, d := range list {
		if views[i], err = objectView(namespace, d); err != nil {
			return err
		}
	}
	return web.WriteValue(w, http.StatusOK, object{"objects": views, "schema": "v2/schemas/metadefs/objects"}) // upstream lacks the slash, too
}

func (a *API) createObject(w http.ResponseWriter, r *http.Request) error {
	body, err := a.read(w, r, "object", "self", "schema")
	if err != nil {
		return err
	}
	properties, _ := body["properties"].(object)
	for name, one := range properties {
		named := object{"name": name}
		for k, v := range one.(object) {
			named[k] = v
		}
		if err := a.schemas.check("property", named); err != nil {
			return err
		}
	}
	d, err := objectOf(body)
	if err != nil {
		return err
	}
	namespace := r.PathValue("namespace")
	if err := a.use.Define(r.Context(), namespace, image.DefinedObject, d); err != nil {
		return err
	}
	view, err := objectView(namespace, d)
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusCreated, view)
}

func (a *API) listProperties(w http.ResponseWriter, r *http.Request) error {
	list, err := a.use.Definitions(r.Context(), r.PathValue("namespace"), image.DefinedProperty, nil)
	if err != nil {
		return err
	}
	views, err := propertyViews(list)
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusOK, object{"properties": views})
}

func (a *API) createProperty(w http.ResponseWriter, r *http.Request) error {
	body, err := a.read(w, r, "property")
	if err != nil {
		return err
	}
	d, err := propertyOf(body)
	if err != nil {
		return err
	}
	if err := a.use.Define(r.Context(), r.PathValue("namespace"), image.DefinedProperty, d); err != nil {
		return err
	}
	view, err := propertyView(d)
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusCreated, view)
}

func (a *API) listTags(w http.ResponseWriter, r *http.Request) error {
	p, err := query.MetadefTags(r.URL.Query(), a.use.Limit)
	if err != nil {
		return err
	}
	list, err := a.use.Definitions(r.Context(), r.PathValue("namespace"), image.DefinedTag, p)
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusOK, object{"tags": tagViews(list)})
}

func (a *API) createTag(w http.ResponseWriter, r *http.Request) error {
	d := &image.Definition{Name: r.PathValue("name")}
	if err := a.schemas.check("tag", object{"name": d.Name}); err != nil {
		return err
	}
	if err := a.use.Define(r.Context(), r.PathValue("namespace"), image.DefinedTag, d); err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusCreated, tagView(d))
}

// appendHeader asks to keep the tags that there are.
const appendHeader = "X-Openstack-Append"

func (a *API) createTags(w http.ResponseWriter, r *http.Request) error {
	body, err := a.read(w, r, "tags")
	if err != nil {
		return err
	}
	tags := tagsOf(body)
	keep := false
	switch strings.ToLower(strings.TrimSpace(r.Header.Get(appendHeader))) {
	case "1", "t", "true", "on", "y", "yes":
		keep = true
	}
	if err := a.use.DefineTags(r.Context(), r.PathValue("namespace"), tags, keep); err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusCreated, object{"tags": tagViews(tags)})
}

// view shows a definition of a kind.
func view(namespace string, kind image.DefinitionKind, d *image.Definition) (object, error) {
	switch kind {
	case image.DefinedObject:
		return objectView(namespace, d)
	case image.DefinedProperty:
		return propertyView(d)
	}
	return tagView(d), nil
}

func (a *API) show(kind image.DefinitionKind) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		namespace, of := r.PathValue("namespace"), ""
		if kind == image.DefinedProperty {
			of = r.URL.Query().Get("resource_type")
		}
		d, err := a.use.Definition(r.Context(), namespace, kind, r.PathValue("name"), of)
		if err != nil {
			return err
		}
		v, err := view(namespace, kind, d)
		if err != nil {
			return err
		}
		return web.WriteValue(w, http.StatusOK, v)
	}
}

func (a *API) update(kind image.DefinitionKind) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		var readOnly []string
		if kind == image.DefinedObject {
			readOnly = []string{"self", "schema"}
		}
		body, err := a.read(w, r, string(kind), readOnly...)
		if err != nil {
			return err
		}
		d := tagOf(body)
		switch kind {
		case image.DefinedObject:
			d, err = objectOf(body)
		case image.DefinedProperty:
			d, err = propertyOf(body)
		}
		if err != nil {
			return err
		}
		namespace := r.PathValue("namespace")
		if err := a.use.Redefine(r.Context(), namespace, kind, r.PathValue("name"), d); err != nil {
			return err
		}
		v, err := view(namespace, kind, d)
		if err != nil {
			return err
		}
		return web.WriteValue(w, http.StatusOK, v)
	}
}

func (a *API) delete(kind image.DefinitionKind) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := a.use.Undefine(r.Context(), r.PathValue("namespace"), kind, r.PathValue("name")); err != nil {
			return err
		}
		return web.NoContent(w)
	}
}

func (a *API) deleteAll(kind image.DefinitionKind) web.Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		if err := a.use.UndefineAll(r.Context(), r.PathValue("namespace"), kind); err != nil {
			return err
		}
		return web.NoContent(w)
	}
}
