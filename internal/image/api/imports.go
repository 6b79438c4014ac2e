package api

import (
	"encoding/json"
	"net/http"
	"slices"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/query"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/app/images"
	"github.com/clinker/clinker/internal/image/app/imports"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
)

func (a *API) importImage(w http.ResponseWriter, r *http.Request) error {
	body, raw, err := web.Object(w, r)
	if err != nil {
		return err
	}
	request, err := a.importRequest(body, r.Header)
	if err != nil {
		return err
	}
	request.Body = raw
	if err := a.imports.Import(r.Context(), r.PathValue("image_id"), request); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

// importRequest reads the body of an import; upstream: _validate_import_body in glance/api/v2/images.py.
func (a *API) importRequest(body bodyschema.Object, h http.Header) (request imports.Request, err error) {
	invalid := func(format string, args ...any) (imports.Request, error) {
		return imports.Request{}, fault.New(fault.Invalid, "", format, args...)
	}
	if !body.Has("method") {
		return invalid("Import request requires a 'method' field.")
	}
	method := body.Object("method")
	if !method.Has("name") {
		return invalid("Import request requires a 'name' field.")
	}
	request.Method, request.URI = method.String("name"), method.String("uri")
	if !slices.Contains(a.core.Options.ImportMethods, request.Method) {
		return invalid("Unknown import method name '%s'.", request.Method)
	}
	all := true
	for name, into := range map[string]*bool{"all_stores_must_succeed": &all, "all_stores": &request.AllStores} {
		if !body.Has(name) {
			continue
		}
		value, ok := body[name].(bool)
		if !ok {
			return invalid("'%s' must be boolean value only", name)
		}
		*into = value
	}
	request.Partial = !all
	header := h.Get(storeHeader)
	switch {
	case request.AllStores && (body.Has("stores") || header != ""):
		return invalid("All_stores parameter can't be used with x-image-meta-store header or stores parameter")
	case body.Has("stores") && header != "":
		return invalid("Stores parameter and x-image-meta-store header can't be both specified")
	case header != "":
		request.Stores = []string{header}
	}
	if body.Has("stores") {
		list, ok := body["stores"].([]any)
		if !ok || len(list) == 0 {
			return invalid("'stores' must be a list of names of stores")
		}
		for _, one := range list {
			name, ok := one.(string)
			if !ok || name == "" {
				return invalid("'stores' must be a list of names of stores")
			}
			request.Stores = append(request.Stores, name)
		}
	}
	return request, nil
}

func (a *API) listImageTasks(w http.ResponseWriter, r *http.Request) error {
	list, err := a.imports.ImageTasks(r.Context(), r.PathValue("image_id"))
	if err != nil {
		return err
	}
	views := make([]map[string]any, len(list))
	for n, t := range list {
		if views[n], err = taskView(t); err != nil {
			return err
		}
		// Upstream shows the rows as they are.
		delete(views[n], "self")
		delete(views[n], "schema")
		views[n]["deleted"], views[n]["deleted_at"] = false, nil
	}
	return web.WriteValue(w, http.StatusOK, map[string]any{"tasks": views})
}

func (a *API) listTasks(w http.ResponseWriter, r *http.Request) error {
	if err := a.imports.AuthorizeTasks(r.Context()); err != nil {
		return err
	}
	q, err := query.Tasks(r.URL.Query(), a.core.Limit)
	if err != nil {
		return err
	}
	list, next, err := a.imports.Tasks(r.Context(), q)
	if err != nil {
		return err
	}
	views := make([]map[string]any, len(list))
	for n, t := range list {
		views[n] = taskStub(t)
	}
	firstQuery, nextQuery := query.Links(r.URL.RawQuery, next)
	body := map[string]any{"tasks": views, "first": "/v2/tasks" + firstQuery, "schema": "/v2/schemas/tasks"}
	if next != "" {
		body["next"] = "/v2/tasks" + nextQuery
	}
	return web.WriteValue(w, http.StatusOK, body)
}

func (a *API) showTask(w http.ResponseWriter, r *http.Request) error {
	t, err := a.imports.Task(r.Context(), r.PathValue("task_id"))
	if err != nil {
		return err
	}
	view, err := taskView(t)
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusOK, view)
}

// createTask is the import of old, which upstream has deprecated for the calls of images.
func (a *API) createTask(w http.ResponseWriter, r *http.Request) error {
	if err := a.imports.AuthorizeTasks(r.Context()); err != nil {
		return err
	}
	body, _, err := web.Object(w, r)
	if err != nil {
		return err
	}
	n, request, err := a.importNewRequest(body)
	if err != nil {
		return err
	}
	t, err := a.imports.ImportNew(r.Context(), n, request)
	if err != nil {
		return err
	}
	view, err := taskView(t)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/v2/tasks/"+t.ID)
	return web.WriteValue(w, http.StatusCreated, view)
}

// importNewRequest reads the body of a task.
func (a *API) importNewRequest(body bodyschema.Object) (n images.NewImage, request imports.Request, err error) {
	invalid := func(format string, args ...any) (images.NewImage, imports.Request, error) {
		return n, request, fault.New(fault.Invalid, "", format, args...)
	}
	for _, name := range []string{"type", "input"} {
		if !body.Has(name) {
			return invalid("Task '%s' is required", name)
		}
	}
	if kind := body.String("type"); kind != image.TaskImportNew {
		return invalid("Tasks of type '%s' cannot be created.", kind)
	}
	if !slices.Contains(a.core.Options.ImportMethods, imports.WebDownload) {
		return invalid("Importing from the web is not available at this site.")
	}
	input := body.Object("input")
	for _, name := range []string{"import_from", "import_from_format", "image_properties"} {
		if !input.Has(name) {
			return invalid("Input does not contain '%s' field", name)
		}
	}
	request.URI = input.String("import_from")
	if request.Body, err = json.Marshal(input); err != nil {
		return n, request, err
	}
	n, err = a.newImage(input.Object("image_properties"))
	return n, request, err
}

func (a *API) deleteTask(w http.ResponseWriter, r *http.Request) error {
	if err := a.imports.AuthorizeTasks(r.Context()); err != nil {
		return err
	}
	w.Header().Set("Allow", http.MethodGet)
	return fault.New(fault.Invalid, "MethodNotAllowed", "This operation is currently not permitted on Glance Tasks. They are auto deleted "+
		"after reaching the time based on their expires_at property.")
}
