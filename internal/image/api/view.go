package api

import (
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/image"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/oslo/jsonview"
)

// isoTime is a time as Glance writes it.
func isoTime(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

func (a *API) writeImage(w http.ResponseWriter, r *http.Request, status int, i *image.Image) error {
	v := jsonview.New(1024)
	a.appendImage(v, r, i)
	return web.WriteJSON(w, status, v.Bytes())
}

// appendImage writes an image; upstream: ResponseSerializer._format_image in glance/api/v2/images.py. Where its data is is shown
// to all if the operator wishes so, and to services in any case: on the same machine they can do without downloading it.
func (a *API) appendImage(v *jsonview.Writer, r *http.Request, i *image.Image) {
	v.Open()
	for _, name := range slices.Sorted(maps.Keys(i.Properties)) {
		v.String(name, i.Properties[name])
	}
	v.Pointer("name", i.Name)
	v.StringOrNull("disk_format", i.DiskFormat)
	v.StringOrNull("container_format", i.ContainerFormat)
	v.String("visibility", string(i.Visibility))
	optional(v, "size", i.SizeBytes)
	optional(v, "virtual_size", i.VirtualSizeBytes)
	v.String("status", string(i.Status))
	v.StringOrNull("checksum", i.Checksum)
	v.Bool("protected", i.Protected)
	v.Int("min_ram", i.MinRAMMiB)
	v.Int("min_disk", i.MinDiskGiB)
	v.StringOrNull("owner", i.Owner)
	v.Bool("os_hidden", i.Hidden)
	v.StringOrNull("os_hash_algo", i.HashAlgorithm)
	v.StringOrNull("os_hash_value", i.HashValue)
	v.String("id", i.ID)
	v.String("created_at", isoTime(i.CreatedAt))
	v.String("updated_at", isoTime(i.UpdatedAt))
	a.appendLocations(v, r, i)
	v.Strings("tags", i.Tags)
	v.String("self", "/v2/images/"+i.ID)
	v.String("file", "/v2/images/"+i.ID+"/file")
	v.String("schema", "/v2/schemas/image")
	if stores := i.Stores(); len(stores) > 0 {
		v.String("stores", strings.Join(stores, ","))
	}
	v.Close()
}

func optional(v *jsonview.Writer, name string, value *int64) {
	if value == nil {
		v.Null(name)
		return
	}
	v.Int(name, *value)
}

func (a *API) appendLocations(v *jsonview.Writer, r *http.Request, i *image.Image) {
	o, service := a.core.Options, app.ServiceRole(r.Context())
	list := i.Locations
	if !service && !a.core.May(r.Context(), i, "get_image_location") {
		list = nil
	}
	if o.ShowMultipleLocations || service {
		text, err := json.Marshal(locationsView(list))
		if err == nil { // what came from JSON goes back
			v.Key("locations")
			v.Raw(text)
		}
	}
	if (o.ShowDirectURL || service) && len(list) > 0 {
		best := list[0].URL
		if readable := a.core.Stores.Readable(i); len(readable) > 0 {
			best = readable[0].URL
		}
		v.String("direct_url", best)
	}
}

// locationsView is locations as JSON has them.
func locationsView(list []image.Location) []map[string]any {
	view := make([]map[string]any, len(list))
	for n, l := range list {
		view[n] = map[string]any{"url": l.URL, "metadata": l.Metadata}
	}
	return view
}

func memberView(m *image.Member) map[string]any {
	return map[string]any{"member_id": m.MemberID, "image_id": m.ImageID, "status": m.Status, "created_at": isoTime(m.CreatedAt),
		"updated_at": isoTime(m.UpdatedAt), "schema": "/v2/schemas/member"}
}

// taskStub is a task in the list of all.
func taskStub(t *image.Task) map[string]any {
	view := map[string]any{"id": t.ID, "type": t.Type, "status": t.Status, "owner": t.Owner, "created_at": isoTime(t.CreatedAt),
		"updated_at": isoTime(t.UpdatedAt), "self": "/v2/tasks/" + t.ID, "schema": "/v2/schemas/task"}
	if !t.ExpiresAt.IsZero() {
		view["expires_at"] = isoTime(t.ExpiresAt)
	}
	return view
}

// taskView is a task by itself.
func taskView(t *image.Task) (map[string]any, error) {
	view := taskStub(t)
	view["message"] = t.Message
	for name, text := range map[string][]byte{"input": t.Input, "result": t.Result} {
		var value any
		if text != nil {
			if err := json.Unmarshal(text, &value); err != nil {
				return nil, fault.Wrap(err, fault.Internal, "", "task %s cannot be read", t.ID)
			}
		}
		view[name] = value
	}
	for name, text := range map[string]string{"image_id": t.ImageID, "request_id": t.RequestID, "user_id": t.UserID} {
		if text != "" {
			view[name] = text
		}
	}
	return view, nil
}
