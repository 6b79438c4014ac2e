// Package api is the image service's HTTP: Glance's v2, resource by resource, over the use cases of package app.
//
// What must not live here: decisions. A handler decodes, asks a use case, and shows what came of it.
package api

import (
	"log/slog"
	"net/http"
	"slices"

	"github.com/clinker/clinker/internal/image/api/metadefs"
	"github.com/clinker/clinker/internal/image/api/schemas"
	"github.com/clinker/clinker/internal/image/api/web"
	"github.com/clinker/clinker/internal/image/app"
	"github.com/clinker/clinker/internal/image/app/data"
	"github.com/clinker/clinker/internal/image/app/images"
	"github.com/clinker/clinker/internal/image/app/imports"
	"github.com/clinker/clinker/internal/image/app/members"
)

// API is the v2 API. It expects whole paths ("/v2/images") and a reqctx.Request in the context.
type API struct {
	core    *app.Core
	images  *images.Service
	members *members.Service
	data    *data.Service
	imports *imports.Service
	schemas *schemas.Schemas
	defs    *metadefs.API
	log     *slog.Logger
}

// Options is what New makes an API from, beside the use cases.
type Options struct {
	Observe web.Observe // nil: nobody looks
	Log     *slog.Logger
}

// New makes the API.
func New(core *app.Core, i *imports.Service, o Options) (*API, http.Handler, error) {
	s, err := schemas.New(core.Options.ContainerFormats, core.Options.DiskFormats)
	if err != nil {
		return nil, nil, err
	}
	a := &API{core: core, images: &images.Service{Core: core}, members: &members.Service{Core: core}, data: &data.Service{Core: core},
		imports: i, schemas: s, log: o.Log}
	if a.defs, err = metadefs.New(core); err != nil {
		return nil, nil, err
	}
	return a, web.New(a.Routes(), o.Observe, o.Log), nil
}

// Routes are all calls, for inventories, documents and goldens.
func (a *API) Routes() []web.Route {
	return slices.Concat(a.imageRoutes(), a.memberRoutes(), a.dataRoutes(), a.importRoutes(), a.infoRoutes(), a.cacheRoutes(), a.defs.Routes())
}

const imagePath = "/v2/images/{image_id}"

func (a *API) imageRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/v2/images", HasBody: true, Policy: []string{"get_images", "get_image"}, Handle: a.listImages},
		{Method: "POST", Path: "/v2/images", HasBody: true, Policy: []string{"add_image", "publicize_image", "communitize_image"}, Handle: a.createImage},
		{Method: "GET", Path: imagePath, Policy: []string{"get_image"}, Handle: a.showImage},
		{Method: "PATCH", Path: imagePath, HasBody: true, Handle: a.updateImage,
			Policy: []string{"modify_image", "publicize_image", "communitize_image", "set_image_location", "delete_image_location"}},
		{Method: "DELETE", Path: imagePath, Policy: []string{"delete_image"}, Handle: a.deleteImage},
		{Method: "PUT", Path: imagePath + "/tags/{tag}", Policy: []string{"modify_image"}, Handle: a.addTag},
		{Method: "DELETE", Path: imagePath + "/tags/{tag}", Policy: []string{"modify_image"}, Handle: a.removeTag},
		{Method: "POST", Path: imagePath + "/actions/deactivate", Policy: []string{"deactivate"}, Handle: a.deactivate},
		{Method: "POST", Path: imagePath + "/actions/reactivate", Policy: []string{"reactivate"}, Handle: a.reactivate},
		{Method: "GET", Path: imagePath + "/locations", HasBody: true, Policy: []string{"fetch_image_location"}, Handle: a.showLocations},
		{Method: "POST", Path: imagePath + "/locations", HasBody: true, Policy: []string{"add_image_location"}, Handle: a.addLocation},
		{Method: "DELETE", Path: "/v2/stores/{store_id}/{image_id}", Policy: []string{"get_image_location", "delete_image_location"}, Handle: a.deleteFromStore},
	}
}

func (a *API) memberRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: imagePath + "/members", Policy: []string{"get_members", "get_member"}, Handle: a.listMembers},
		{Method: "POST", Path: imagePath + "/members", HasBody: true, Policy: []string{"add_member"}, Handle: a.createMember},
		{Method: "GET", Path: imagePath + "/members/{member_id}", Policy: []string{"get_member"}, Handle: a.showMember},
		{Method: "PUT", Path: imagePath + "/members/{member_id}", HasBody: true, Policy: []string{"modify_member"}, Handle: a.updateMember},
		{Method: "DELETE", Path: imagePath + "/members/{member_id}", Policy: []string{"delete_member"}, Handle: a.deleteMember},
	}
}

func (a *API) dataRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: imagePath + "/file", Policy: []string{"download_image"}, Handle: a.download},
		{Method: "PUT", Path: imagePath + "/file", HasBody: true, Policy: []string{"upload_image"}, Handle: a.upload},
		{Method: "PUT", Path: imagePath + "/stage", HasBody: true, Policy: []string{"modify_image"}, Handle: a.stage},
	}
}

func (a *API) importRoutes() []web.Route {
	access := []string{"tasks_api_access"}
	return []web.Route{
		{Method: "POST", Path: imagePath + "/import", HasBody: true, Policy: []string{"modify_image", "copy_image"}, Handle: a.importImage},
		{Method: "GET", Path: imagePath + "/tasks", Policy: []string{"get_image"}, Handle: a.listImageTasks},
		{Method: "GET", Path: "/v2/tasks", HasBody: true, Policy: access, Handle: a.listTasks},
		{Method: "POST", Path: "/v2/tasks", HasBody: true, Policy: access, Handle: a.createTask},
		{Method: "GET", Path: "/v2/tasks/{task_id}", HasBody: true, Policy: access, Handle: a.showTask},
		{Method: "DELETE", Path: "/v2/tasks/{task_id}", HasBody: true, Policy: access, Handle: a.deleteTask},
	}
}

func (a *API) infoRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/v2/info/import", Handle: a.showImportInfo},
		{Method: "GET", Path: "/v2/info/stores", Handle: a.showStores},
		{Method: "GET", Path: "/v2/info/stores/detail", Policy: []string{"stores_info_detail"}, Handle: a.showStoresDetail},
		{Method: "GET", Path: "/v2/info/usage", HasBody: true, Handle: a.showUsage},
		{Method: "GET", Path: "/v2/schemas/{name}", Handle: a.showSchema},
	}
}

func (a *API) cacheRoutes() []web.Route {
	return []web.Route{
		{Method: "GET", Path: "/v2/cache", Policy: []string{"cache_list"}, Handle: a.noCache("cache_list")},
		{Method: "DELETE", Path: "/v2/cache", HasBody: true, Policy: []string{"cache_delete"}, Handle: a.noCache("cache_delete")},
		{Method: "PUT", Path: "/v2/cache/{image_id}", HasBody: true, Policy: []string{"cache_image"}, Handle: a.noCache("cache_image")},
		{Method: "DELETE", Path: "/v2/cache/{image_id}", HasBody: true, Policy: []string{"cache_delete"}, Handle: a.noCache("cache_delete")},
	}
}
