// Package metadefs is the HTTP of definitions of metadata: /v2/metadefs and the schemas of what is there.
//
// What must not live here: decisions. A handler decodes, asks a use case, and shows what came of it.
//
// Upstream: glance/api/v2/metadef_*.py.
package metadefs

import (
	"net/http"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/query"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/metadefs"
)

// API is the calls.
type API struct {
	use     *metadefs.Service
	schemas *schemas
}

// New makes the calls on the use cases.
func New(core *app.Core) (*API, error) {
	s, err := newSchemas()
	if err != nil {
		return nil, err
	}
	return &API{&metadefs.Service{Core: core}, s}, nil
}

const (
	namespacesPath = "/v2/metadefs/namespaces"
	namespacePath  = namespacesPath + "/{namespace}"
)

// Routes are all calls.
func (a *API) Routes() []web.Route {
	const types, tags = namespacePath + "/resource_types", namespacePath + "/tags"
	list := []web.Route{
		{Method: "GET", Path: "/v2/schemas/metadefs/{name}", Handle: a.showSchema},
		{Method: "GET", Path: "/v2/metadefs/resource_types", Policy: []string{"list_metadef_resource_types"}, Handle: a.listResourceTypes},
		{Method: "GET", Path: namespacesPath, Policy: []string{"get_metadef_namespaces", "list_metadef_resource_types", "get_metadef_namespace"}, Handle: a.listNamespaces},
		{Method: "POST", Path: namespacesPath, Policy: []string{"add_metadef_namespace", "add_metadef_resource_type_association", "add_metadef_object",
			"add_metadef_property", "add_metadef_tag"}, Handle: a.createNamespace},
		{Method: "GET", Path: namespacePath, Policy: []string{"get_metadef_namespace", "list_metadef_resource_types", "get_metadef_objects", "get_metadef_properties",
			"get_metadef_tags"}, Handle: a.showNamespace},
		{Method: "PUT", Path: namespacePath, Policy: []string{"modify_metadef_namespace"}, Handle: a.updateNamespace},
		{Method: "DELETE", Path: namespacePath, Policy: []string{"delete_metadef_namespace"}, Handle: a.deleteNamespace},
		{Method: "GET", Path: types, Policy: []string{"list_metadef_resource_types", "get_metadef_resource_type"}, Handle: a.listAssociations},
		{Method: "POST", Path: types, Policy: []string{"add_metadef_resource_type_association"}, Handle: a.associate},
		{Method: "DELETE", Path: types + "/{resource_type}", Policy: []string{"remove_metadef_resource_type_association"}, Handle: a.dissociate},
		{Method: "GET", Path: tags, Policy: []string{"get_metadef_tags"}, Handle: a.listTags},
		{Method: "POST", Path: tags, Policy: []string{"add_metadef_tags"}, Handle: a.createTags},
		{Method: "POST", Path: tags + "/{name}", Policy: []string{"add_metadef_tag"}, Handle: a.createTag},
		{Method: "GET", Path: namespacePath + "/objects", Policy: []string{"get_metadef_objects"}, Handle: a.listObjects},
		{Method: "POST", Path: namespacePath + "/objects", Policy: []string{"add_metadef_object"}, Handle: a.createObject},
		{Method: "GET", Path: namespacePath + "/properties", Policy: []string{"get_metadef_properties"}, Handle: a.listProperties},
		{Method: "POST", Path: namespacePath + "/properties", Policy: []string{"add_metadef_property"}, Handle: a.createProperty},
	}
	for plural, kind := range map[string]image.DefinitionKind{"objects": image.DefinedObject, "properties": image.DefinedProperty, "tags": image.DefinedTag} {
		remove, all := "delete_metadef_"+string(kind), []string{"delete_metadef_namespace"}
		switch kind {
		case image.DefinedProperty:
			remove = "remove_metadef_property"
		case image.DefinedTag:
			all = append(all, "delete_metadef_tags")
		}
		path := namespacePath + "/" + plural + "/{name}"
		list = append(list,
			web.Route{Method: "GET", Path: path, Policy: []string{"get_metadef_" + string(kind)}, Handle: a.show(kind)},
			web.Route{Method: "PUT", Path: path, Policy: []string{"modify_metadef_" + string(kind)}, Handle: a.update(kind)},
			web.Route{Method: "DELETE", Path: path, Policy: []string{remove}, Handle: a.delete(kind)},
			web.Route{Method: "DELETE", Path: namespacePath + "/" + plural, Policy: all, Handle: a.deleteAll(kind)})
	}
	for i := range list { // upstream does not mind a body anywhere here
		list[i].HasBody = true
	}
	return list
}

func (a *API) showSchema(w http.ResponseWriter, r *http.Request) error {
	document, ok := a.schemas.documents[r.PathValue("name")]
	if !ok {
		return fault.New(fault.NotFound, "", "The resource could not be found.")
	}
	return web.WriteJSON(w, http.StatusOK, document)
}

// read is the body of a request that a schema allows.
func (a *API) read(w http.ResponseWriter, r *http.Request, schema string, readOnly ...string) (object, error) {
	body, _, err := web.Object(w, r)
	if err != nil {
		return nil, err
	}
	return body, a.schemas.check(schema, body, append(readOnly, "created_at", "updated_at")...)
}

func (a *API) listNamespaces(w http.ResponseWriter, r *http.Request) error {
	q, err := query.Namespaces(r.URL.Query(), a.use.Limit)
	if err != nil {
		return err
	}
	list, associations, next, err := a.use.List(r.Context(), q)
	if err != nil {
		return err
	}
	views := make([]object, len(list))
	for i, n := range list {
		if views[i], err = namespaceView(n, metadefs.Content{Associations: associations[n.ID]}); err != nil {
			return err
		}
	}
	firstQuery, nextQuery := query.Links(r.URL.RawQuery, next)
	body := object{"namespaces": views, "first": namespacesPath + firstQuery, "schema": "/v2/schemas/metadefs/namespaces"}
	if next != "" {
		body["next"] = namespacesPath + nextQuery
	}
	return web.WriteValue(w, http.StatusOK, body)
}

func (a *API) createNamespace(w http.ResponseWriter, r *http.Request) error {
	body, err := a.read(w, r, "namespace", "self", "schema")
	if err != nil {
		return err
	}
	n := namespaceOf(body)
	c, err := contentOf(body)
	if err != nil {
		return err
	}
	if err := a.use.Create(r.Context(), n, c); err != nil {
		return err
	}
	w.Header().Set("Location", namespacesPath+"/"+n.Name)
	return writeNamespace(w, http.StatusCreated, n, c)
}

func (a *API) showNamespace(w http.ResponseWriter, r *http.Request) error {
	n, c, err := a.use.Show(r.Context(), r.PathValue("namespace"))
	if err != nil {
		return err
	}
	if of := r.URL.Query().Get("resource_type"); of != "" {
		if c, err = prefixed(c, of); err != nil {
			return err
		}
	}
	return writeNamespace(w, http.StatusOK, n, c)
}

func (a *API) updateNamespace(w http.ResponseWriter, r *http.Request) error {
	body, err := a.read(w, r, "namespace", "self", "schema")
	if err != nil {
		return err
	}
	n := namespaceOf(body)
	if err := a.use.Update(r.Context(), r.PathValue("namespace"), n); err != nil {
		return err
	}
	return writeNamespace(w, http.StatusOK, n, metadefs.Content{})
}

func writeNamespace(w http.ResponseWriter, status int, n *image.Namespace, c metadefs.Content) error {
	view, err := namespaceView(n, c)
	if err != nil {
		return err
	}
	return web.WriteValue(w, status, view)
}

func (a *API) deleteNamespace(w http.ResponseWriter, r *http.Request) error {
	if err := a.use.Delete(r.Context(), r.PathValue("namespace")); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) listResourceTypes(w http.ResponseWriter, r *http.Request) error {
	types, err := a.use.ResourceTypes(r.Context())
	if err != nil {
		return err
	}
	views := make([]object, len(types))
	for i, t := range types {
		views[i] = withTimes(object{"name": t.Name}, t.CreatedAt, t.UpdatedAt)
	}
	return web.WriteValue(w, http.StatusOK, object{"resource_types": views})
}

func (a *API) listAssociations(w http.ResponseWriter, r *http.Request) error {
	list, err := a.use.Associations(r.Context(), r.PathValue("namespace"))
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusOK, object{"resource_type_associations": associationViews(list)})
}

func (a *API) associate(w http.ResponseWriter, r *http.Request) error {
	body, err := a.read(w, r, "resource_type_association")
	if err != nil {
		return err
	}
	one := associationOf(body)
	if err := a.use.Associate(r.Context(), r.PathValue("namespace"), one); err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusCreated, associationViews([]*image.Association{one})[0])
}

func (a *API) dissociate(w http.ResponseWriter, r *http.Request) error {
	if err := a.use.Dissociate(r.Context(), r.PathValue("namespace"), r.PathValue("resource_type")); err != nil {
		return err
	}
	return web.NoContent(w)
}
