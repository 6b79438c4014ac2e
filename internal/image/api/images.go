package api

import (
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/patch"
	"github.com/clinker/clinker/internal/image/api/query"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/app/images"
	"github.com/clinker/clinker/internal/oslo/bodyschema"
	"github.com/clinker/clinker/internal/oslo/jsonview"
)

func (a *API) listImages(w http.ResponseWriter, r *http.Request) error {
	q, err := query.Images(r.URL.Query(), a.core.Limit)
	if err != nil {
		return err
	}
	list, next, err := a.images.List(r.Context(), q)
	if err != nil {
		return err
	}
	v := jsonview.New(1024 * (len(list) + 1))
	v.Open()
	v.Key("images")
	v.OpenList()
	for _, i := range list {
		a.appendImage(v, r, i)
	}
	v.CloseList()
	firstQuery, nextQuery := query.Links(r.URL.RawQuery, next)
	v.String("first", "/v2/images"+firstQuery)
	v.String("schema", "/v2/schemas/images")
	if next != "" {
		v.String("next", "/v2/images"+nextQuery)
	}
	v.Close()
	return web.WriteJSON(w, http.StatusOK, v.Bytes())
}

func (a *API) createImage(w http.ResponseWriter, r *http.Request) error {
	body, _, err := web.Object(w, r)
	if err != nil {
		return err
	}
	n, err := a.newImage(body)
	if err != nil {
		return err
	}
	i, err := a.images.Create(r.Context(), n)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Location", "/v2/images/"+i.ID)
	if methods := a.core.Options.ImportMethods; len(methods) > 0 {
		h.Set("OpenStack-image-import-methods", strings.Join(methods, ","))
	}
	h.Set("OpenStack-image-store-ids", strings.Join(a.core.Stores.IDs(), ","))
	return a.writeImage(w, r, http.StatusCreated, i)
}

// Attributes of an image that are not custom properties, and those a create must not say.
var (
	attributes = []string{"checksum", "created_at", "container_format", "disk_format", "id", "min_disk", "min_ram", "name", "size", "virtual_size",
		"status", "tags", "owner", "updated_at", "visibility", "protected", "os_hidden"}
	shown      = []string{"direct_url", "self", "file", "schema", "stores"}
	notCreated = []string{"created_at", "updated_at", "status", "checksum", "size", "virtual_size"}
)

// newImage reads the body of a create. Upstream: RequestDeserializer.create in glance/api/v2/images.py.
func (a *API) newImage(body bodyschema.Object) (n images.NewImage, err error) {
	for _, name := range shown {
		if body.Has(name) {
			return n, fault.New(fault.Forbidden, "", "Attribute '%s' is read-only.", name)
		}
	}
	if err := a.schemas.ValidateImage(map[string]any(body)); err != nil {
		return n, err
	}
	n = images.NewImage{ID: strings.ToLower(body.String("id")), Name: body.StringPointer("name"), Visibility: image.Visibility(body.String("visibility")),
		ContainerFormat: body.String("container_format"), DiskFormat: body.String("disk_format"), Protected: body["protected"] == true,
		Hidden: body["os_hidden"] == true, Properties: map[string]string{}}
	if body.Has("owner") {
		n.Owner = new(body.String("owner"))
	}
	for name, into := range map[string]*int64{"min_disk": &n.MinDiskGiB, "min_ram": &n.MinRAMMiB} {
		if !body.Has(name) {
			continue
		}
		value, ok := body.Int(name)
		if !ok {
			return n, fault.New(fault.Invalid, "Invalid", "'%s' value out of range.", name)
		}
		*into = value
	}
	tags, _ := body["tags"].([]any)
	for _, t := range tags {
		text, _ := t.(string)
		n.Tags = append(n.Tags, text)
	}
	return n, properties(body, n.Properties)
}

// properties reads what is no attribute.
func properties(body bodyschema.Object, into map[string]string) error {
	for _, name := range slices.Sorted(maps.Keys(body)) {
		switch {
		case slices.Contains(notCreated, name):
			return fault.New(fault.Forbidden, "ReadonlyProperty", "Attribute '%s' is read-only.", name)
		case slices.Contains(attributes, name):
			continue
		case len([]rune(name)) > 255:
			return fault.New(fault.Invalid, "", "Custom property should not be greater than 255 characters.")
		case patch.ReservedName(name), name == "locations", patch.ReadOnly(name):
			return fault.New(fault.Forbidden, "ReservedProperty", "Attribute '%s' is reserved.", name)
		case body.IsNull(name):
			continue
		}
		into[name] = body.String(name)
	}
	return nil
}

func (a *API) showImage(w http.ResponseWriter, r *http.Request) error {
	i, err := a.images.Show(r.Context(), r.PathValue("image_id"))
	if err != nil {
		return err
	}
	return a.writeImage(w, r, http.StatusOK, i)
}

func (a *API) updateImage(w http.ResponseWriter, r *http.Request) error {
	media, err := patch.Type(r.Header.Get("Content-Type"))
	if err != nil {
		w.Header().Set("Accept-Patch", patch.AcceptPatch)
		return err
	}
	body, _, err := web.Body(w, r)
	if err != nil {
		return err
	}
	changes, err := patch.Parse(media, body, a.schemas.ValidateImage)
	if err != nil {
		return err
	}
	i, err := a.images.Update(r.Context(), r.PathValue("image_id"), changes)
	if err != nil {
		return err
	}
	return a.writeImage(w, r, http.StatusOK, i)
}

func (a *API) deleteImage(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.Delete(r.Context(), r.PathValue("image_id")); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) addTag(w http.ResponseWriter, r *http.Request) error {
	tag := r.PathValue("tag")
	if err := a.schemas.ValidateImage(map[string]any{"tags": []any{tag}}); err != nil {
		return err
	}
	if err := a.images.AddTag(r.Context(), r.PathValue("image_id"), tag); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) removeTag(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.RemoveTag(r.Context(), r.PathValue("image_id"), r.PathValue("tag")); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) deactivate(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.Deactivate(r.Context(), r.PathValue("image_id")); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) reactivate(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.Reactivate(r.Context(), r.PathValue("image_id")); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) deleteFromStore(w http.ResponseWriter, r *http.Request) error {
	if err := a.images.DeleteFromStore(r.Context(), r.PathValue("image_id"), r.PathValue("store_id")); err != nil {
		return err
	}
	return web.NoContent(w)
}

func (a *API) showLocations(w http.ResponseWriter, r *http.Request) error {
	list, err := a.images.Locations(r.Context(), r.PathValue("image_id"))
	if err != nil {
		return err
	}
	return web.WriteValue(w, http.StatusOK, locationsView(list))
}

func (a *API) addLocation(w http.ResponseWriter, r *http.Request) error {
	body, _, err := web.Object(w, r)
	if err != nil {
		return err
	}
	if _, ok := body["url"].(string); !ok {
		return fault.New(fault.Invalid, "InvalidObject", "Provided object does not match schema 'location': 'url' is a required property")
	}
	return a.images.AddLocation(r.Context(), r.PathValue("image_id"))
}
