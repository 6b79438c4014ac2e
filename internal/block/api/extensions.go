package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/jsonview"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// extensionList is the extension that lists those that clients look for, by the aliases upstream has for them
// (cinder/api/extensions.py).
func extensionList() wsgi.Extension {
	return wsgi.Extension{Alias: "extensions", Core: true, Resources: []wsgi.Resource{{Collection: "extensions", Routes: []wsgi.Route{
		{Method: http.MethodGet, Path: "extensions", Handler: listExtensions},
		{Method: http.MethodGet, Path: "extensions/{id}", Handler: showExtension},
		{Method: http.MethodPost, Path: "extensions", Status: http.StatusNotFound, NoBody: true, Handler: nothing},
	}}}}
}

func listExtensions(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	w := jsonview.New(8192)
	w.Open()
	w.Key("extensions")
	w.OpenList()
	for _, e := range r.Extensions() {
		if e.Name != "" {
			appendExtension(w, e)
		}
	}
	w.CloseList()
	w.Close()
	return wsgi.JSON(w), nil
}

func showExtension(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	for _, e := range r.Extensions() {
		if e.Name != "" && e.Alias == r.PathValue("id") {
			w := jsonview.New(256)
			w.Open()
			w.Key("extension")
			appendExtension(w, e)
			w.Close()
			return wsgi.JSON(w), nil
		}
	}
	return nil, notThere()
}

func appendExtension(w *jsonview.Writer, e wsgi.Extension) {
	w.Open()
	w.String("name", e.Name)
	w.String("alias", e.Alias)
	w.String("description", e.Description)
	w.String("updated", e.Updated)
	w.Strings("links", nil)
	w.Close()
}

func notThere() error { return fault.New(fault.NotFound, "", "The resource could not be found.") }

// nothing is the handler of a route that upstream has with a handler that takes no body and finds nothing.
func nothing(_ context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	if len(r.RawBody()) > 0 {
		return nil, fault.New(fault.Invalid, "", wsgi.NotComplied)
	}
	return nil, notThere()
}

// conventional are the collections for which upstream registers the routes that a collection has by convention, whether or
// not something is behind each: those without answer 404 in the API's own form.
const conventional = `attachments backups capabilities cgsnapshots clusters consistencygroups extensions group_snapshots group_types groups
	limits manageable_snapshots manageable_volumes messages os-availability-zone os-hosts os-quota-class-sets os-quota-sets os-services
	os-snapshot-manage os-volume-manage os-volume-transfer qos-specs resource_filters scheduler-stats snapshots types volume-transfers
	volumes workers group_types/{}/group_specs snapshots/{}/metadata types/{}/encryption types/{}/extra_specs
	types/{}/os-volume-type-access volumes/{}/encryption volumes/{}/metadata`

// absent are the routes that upstream registers and has nothing behind.
func absent() []string {
	routes := []string{"GET attachments/summary", "GET messages/detail", "POST group_types/{}/action", "POST consistencygroups/{}/action"}
	for collection := range strings.FieldsSeq(conventional) {
		item := collection + "/{}"
		routes = append(routes, "GET "+collection, "POST "+collection, "GET "+item, "PUT "+item, "DELETE "+item)
	}
	for i := range routes { // a wildcard needs a name
		routes[i] = strings.Replace(strings.Replace(routes[i], "{}", "{a}", 1), "{}", "{b}", 1)
	}
	return routes
}
