package catalog

import (
	"context"

	"github.com/clinker/clinker/internal/identity"
	"github.com/clinker/clinker/internal/identity/api/rest"
	"github.com/clinker/clinker/internal/identity/app"
)

func endpointView(r *rest.Request, e *identity.Endpoint) map[string]any {
	region := rest.Null(e.RegionID)
	return r.View(e.Extra, "endpoints/"+e.ID, map[string]any{"id": e.ID, "service_id": e.ServiceID, "interface": e.Interface, "region_id": region, "region": region,
		"url": e.URL, "enabled": e.Enabled})
}

func endpointKnown() []string {
	return []string{"interface", "service_id", "region_id", "region", "url", "enabled"}
}

// region reads the region of a body: region_id has to be there already, region, its older name, makes it.
func region(r *rest.Request) (id string, makeIt bool) {
	if id := r.Body.String("region_id"); id != "" {
		return id, false
	}
	return r.Body.String("region"), true
}

func (h handlers) listEndpoints(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	page, err := r.Page(h.options)
	if err != nil {
		return nil, err
	}
	q := r.Query()
	list, err := h.uses.Endpoints(ctx, app.EndpointQuery{ServiceID: q.Get("service_id"), Interface: q.Get("interface"), RegionID: q.Get("region_id"), Page: page})
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, e := range list {
		views = append(views, endpointView(r, e))
	}
	return r.List("endpoints", views, page.Limit), nil
}

func (h handlers) createEndpoint(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	id, makeRegion := region(r)
	e := &identity.Endpoint{ServiceID: r.Body.String("service_id"), Interface: r.Body.String("interface"), RegionID: id, URL: r.Body.String("url"),
		Enabled: !r.Body.Has("enabled") || r.Body.Bool("enabled"), Extra: rest.Others(r.Body, endpointKnown()...)}
	if err := h.uses.CreateEndpoint(ctx, e, makeRegion); err != nil {
		return nil, err
	}
	return rest.One("endpoint", endpointView(r, e)), nil
}

func (h handlers) getEndpoint(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	e, err := h.uses.Endpoint(ctx, r.Path("endpoint_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("endpoint", endpointView(r, e)), nil
}

func (h handlers) updateEndpoint(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("endpoint_id")); err != nil {
		return nil, err
	}
	id, makeRegion := region(r)
	e, err := h.uses.UpdateEndpoint(ctx, r.Path("endpoint_id"), makeRegion, func(e *identity.Endpoint) {
		for name, to := range map[string]*string{"service_id": &e.ServiceID, "interface": &e.Interface, "url": &e.URL} {
			if r.Body.Has(name) {
				*to = r.Body.String(name)
			}
		}
		if r.Body.Has("region_id") || r.Body.Has("region") {
			e.RegionID = id
		}
		if r.Body.Has("enabled") {
			e.Enabled = r.Body.Bool("enabled")
		}
		e.Extra = e.Extra.Merge(rest.Others(r.Body, endpointKnown()...))
	})
	if err != nil {
		return nil, err
	}
	return rest.One("endpoint", endpointView(r, e)), nil
}

func (h handlers) removeEndpoint(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteEndpoint(ctx, r.Path("endpoint_id"))
}

func regionView(r *rest.Request, region *identity.Region) map[string]any {
	return r.View(region.Extra, "regions/"+region.ID, map[string]any{"id": region.ID, "description": region.Description, "parent_region_id": rest.Null(region.ParentRegionID)})
}

func regionKnown() []string { return []string{"description", "parent_region_id"} }

func (h handlers) listRegions(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	page, err := r.Page(h.options)
	if err != nil {
		return nil, err
	}
	list, err := h.uses.Regions(ctx, app.RegionQuery{ParentRegionID: r.Query().Get("parent_region_id"), Page: page})
	if err != nil {
		return nil, err
	}
	var views []map[string]any
	for _, region := range list {
		views = append(views, regionView(r, region))
	}
	return r.List("regions", views, page.Limit), nil
}

func (h handlers) makeRegion(ctx context.Context, r *rest.Request, id string) (*rest.Response, error) {
	made := &identity.Region{ID: id, Description: r.Body.String("description"), ParentRegionID: r.Body.String("parent_region_id"), Extra: rest.Others(r.Body, regionKnown()...)}
	if err := h.uses.CreateRegion(ctx, made); err != nil {
		return nil, err
	}
	return rest.One("region", regionView(r, made)), nil
}

func (h handlers) createRegion(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return h.makeRegion(ctx, r, r.Body.String("id"))
}

func (h handlers) putRegion(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	id := r.Path("region_id")
	if asked := r.Body.String("id"); r.Body.Has("id") && asked != id {
		return nil, identity.Invalid("Conflicting region IDs specified: \"%s\" != \"%s\"", id, asked)
	}
	return h.makeRegion(ctx, r, id)
}

func (h handlers) getRegion(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	found, err := h.uses.Region(ctx, r.Path("region_id"))
	if err != nil {
		return nil, err
	}
	return rest.One("region", regionView(r, found)), nil
}

func (h handlers) updateRegion(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	if err := r.RequireID(r.Path("region_id")); err != nil {
		return nil, err
	}
	changed, err := h.uses.UpdateRegion(ctx, r.Path("region_id"), func(region *identity.Region) {
		if r.Body.Has("description") {
			region.Description = r.Body.String("description")
		}
		if r.Body.Has("parent_region_id") {
			region.ParentRegionID = r.Body.String("parent_region_id")
		}
		region.Extra = region.Extra.Merge(rest.Others(r.Body, regionKnown()...))
	})
	if err != nil {
		return nil, err
	}
	return rest.One("region", regionView(r, changed)), nil
}

func (h handlers) removeRegion(ctx context.Context, r *rest.Request) (*rest.Response, error) {
	return rest.Empty(), h.uses.DeleteRegion(ctx, r.Path("region_id"))
}
