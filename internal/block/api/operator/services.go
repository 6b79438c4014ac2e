// Package operator is the HTTP of what a cloud is made of and how much of it a project may use: services, availability
// zones, storage pools, quota sets and limits.
package operator

import (
	"context"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	uses "github.com/clinker/clinker/internal/block/app/services"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// Request schemas (cinder/api/schemas/services.py).
func serviceSchema(more string) []wsgi.Schema {
	return []wsgi.Schema{{JSON: `{"type": "object", "properties": {
		"binary": {"type": "string", "minLength": 1, "maxLength": 255},
		"host": {"$ref": "parameter_types#/cinder_host"},
		"cluster": {"$ref": "parameter_types#/nullable_string"},
		"service": {"type": "string", "minLength": 1, "maxLength": 255}` + more + `},
		"anyOf": [{"required": ["binary"]}, {"required": ["service"]}], "additionalProperties": false}`}}
}

var freezeSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {
	"cluster": {"$ref": "parameter_types#/nullable_string"}, "host": {"$ref": "parameter_types#/cinder_host"}}, "additionalProperties": false}`}}

const servicesRule = "volume_extension:services:"

// Services is the extension under /os-services.
func Services(u *uses.Services) wsgi.Extension {
	h := services{u}
	put := func(action string, schemas []wsgi.Schema, handler wsgi.Handler) wsgi.Route {
		return wsgi.Route{Method: "PUT", Path: "os-services/" + action, Schemas: schemas, Handler: handler, Policy: []string{servicesRule + "update"}}
	}
	routes := append(failoverRoutes(u), logRoutes(u)...)
	return wsgi.Extension{Alias: "os-services", Name: "Services", Description: "Services support.", Updated: "2012-10-28T00:00:00-00:00",
		Resources: []wsgi.Resource{{Collection: "os-services", Routes: append(routes,
			wsgi.Route{Method: "GET", Path: "os-services", Handler: h.index, Policy: []string{servicesRule + "index"}},
			put("enable", serviceSchema(""), h.enable),
			put("disable", serviceSchema(""), h.disable(false)),
			put("disable-log-reason", serviceSchema(`, "disabled_reason": {"type": "string", "minLength": 1, "maxLength": 255, "format": "disabled_reason"}`), h.disable(true)),
			put("freeze", freezeSchemas, h.freeze(true)),
			put("thaw", freezeSchemas, h.freeze(false)),
			unknownAction(u, "{action}", microversion.Range{}),
		)}}}
}

// ExtendedServices is the reason for which a service is disabled, which Services shows and takes.
func ExtendedServices() wsgi.Extension {
	return wsgi.Extension{Alias: "os-extended-services", Name: "ExtendedServices", Description: "Extended services support.",
		Updated: "2014-01-10T00:00:00-00:00", Core: true}
}

// unknownAction is the route of an action on services that there is not, or not at these versions.
func unknownAction(u *uses.Services, action string, versions microversion.Range) wsgi.Route {
	refuse := func(ctx context.Context, _ *wsgi.Request) (*wsgi.Response, error) {
		if err := u.Authorize(ctx, servicesRule+"update"); err != nil {
			return nil, err
		}
		return nil, block.InvalidInput("Unknown action")
	}
	return wsgi.Route{Method: "PUT", Path: "os-services/" + action, Versions: versions, Status: 400, Handler: refuse, Policy: []string{servicesRule + "update"}}
}

type services struct{ uses *uses.Services }

func (h services) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	found, err := h.uses.List(ctx, r.Query().Get("host"), r.Query().Get("binary"))
	if err != nil {
		return nil, err
	}
	var states map[string]any
	if r.Version.AtLeast(microversion.V(3, 49)) {
		if states, err = h.backendStates(ctx); err != nil {
			return nil, err
		}
	}
	list := make([]map[string]any, 0, len(found))
	for _, s := range found {
		list = append(list, shownService(r.Version, s, states))
	}
	return wsgi.Value(map[string]any{"services": list})
}

// backendStates is each back end's own word of how it is, by "host@backend".
func (h services) backendStates(ctx context.Context) (map[string]any, error) {
	pools, err := h.uses.BackendPools(ctx)
	if err != nil {
		return nil, err
	}
	states := make(map[string]any, len(pools))
	for _, p := range pools {
		state, said := p.Capabilities["backend_state"]
		if !said {
			state = "up"
		}
		states[p.Name.Backend()] = state
	}
	return states, nil
}

func shownService(v microversion.Version, s uses.Status, states map[string]any) map[string]any {
	m := map[string]any{"binary": s.Binary, "host": s.Host, "zone": s.AvailabilityZone, "status": "enabled", "state": "down",
		"updated_at": member.Time(s.UpdatedAt), "disabled_reason": member.OrNull(s.DisabledReason)}
	if s.Disabled {
		m["status"] = "disabled"
	}
	if s.Up {
		m["state"] = "up"
	}
	if v.AtLeast(microversion.V(3, 7)) {
		m["cluster"] = member.OrNull(s.ClusterName)
	}
	if s.Binary == block.BinaryVolume {
		m["replication_status"] = member.OrNull(s.ReplicationStatus)
		m["active_backend_id"] = member.OrNull(s.ActiveBackendID)
		m["frozen"] = s.Frozen
		if states != nil {
			m["backend_state"] = states[s.Host]
		}
	}
	return m
}

// named reads which service a request is about; "binary" wins over its older name.
func named(body wsgi.Object) (host, binary string, err error) {
	host, binary = body.String("host"), body.String("binary")
	if binary == "" {
		binary = body.String("service")
	}
	if host == "" {
		err = block.InvalidInput("Host field is missing.")
	}
	return host, binary, err
}

func (h services) enable(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	host, binary, err := named(r.Body)
	if err != nil {
		return nil, err
	}
	if _, err := h.uses.Update(ctx, host, binary, servicesRule+"update", uses.Change{Disabled: new(false), DisabledReason: new("")}); err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"host": host, "service": r.Body.String("service"), "binary": r.Body.String("binary"),
		"status": "enabled", "disabled": false})
}

// disable gives the handler of disable, or of disable-log-reason, which may say why and repeats it.
func (h services) disable(saysWhy bool) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		host, binary, err := named(r.Body)
		if err != nil {
			return nil, err
		}
		change := uses.Change{Disabled: new(true), DisabledReason: r.Body.StringPointer("disabled_reason")}
		if _, err := h.uses.Update(ctx, host, binary, servicesRule+"update", change); err != nil {
			return nil, err
		}
		answer := map[string]any{"host": host, "service": r.Body.String("service"), "binary": r.Body.String("binary"),
			"status": "disabled", "disabled": true}
		if saysWhy {
			answer["disabled_reason"] = change.DisabledReason
		}
		return wsgi.Value(answer)
	}
}

// freeze gives the handler that freezes a back end, or thaws it.
func (h services) freeze(frozen bool) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := h.uses.Authorize(ctx, servicesRule+"update"); err != nil {
			return nil, err
		}
		host, cluster, err := frozenHost(r)
		if err != nil {
			return nil, err
		}
		return wsgi.Empty(), h.uses.Freeze(ctx, host, cluster, frozen)
	}
}

// frozenHost reads which back end, or which cluster's, is to be frozen or thawed.
func frozenHost(r *wsgi.Request) (host, cluster string, err error) {
	host, clusters := r.Body.String("host"), r.Version.AtLeast(microversion.V(3, 26))
	if clusters {
		cluster = r.Body.String("cluster")
	}
	switch {
	case (host == "") == (cluster == "") && clusters:
		return "", "", block.InvalidInput("One and only one of cluster and host must be set.")
	case host == "" && !clusters:
		return "", "", block.InvalidInput("Host field is missing.")
	}
	return host, cluster, nil
}

// Zones is the extension under /os-availability-zone.
func Zones(u *uses.Services) wsgi.Extension {
	index := func(ctx context.Context, _ *wsgi.Request) (*wsgi.Response, error) {
		zones, err := u.ListZones(ctx)
		if err != nil {
			return nil, err
		}
		list := make([]map[string]any, 0, len(zones))
		for _, z := range zones {
			list = append(list, map[string]any{"zoneName": z.Name, "zoneState": map[string]bool{"available": z.Available}})
		}
		return wsgi.Value(map[string]any{"availabilityZoneInfo": list})
	}
	return wsgi.Extension{Alias: "os-availability-zone", Name: "AvailabilityZones", Description: "Describe Availability Zones.", Updated: "2013-06-27T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "os-availability-zone", Routes: []wsgi.Route{{Method: "GET", Path: "os-availability-zone", Handler: index}}}}}
}

// Pools is the extension under /scheduler-stats.
func Pools(u *uses.Services, allowed listing.Filters) wsgi.Extension {
	getPools := func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := u.Authorize(ctx, poolsRule); err != nil {
			return nil, err
		}
		detail, err := listing.Bool(r, "detail")
		if err != nil {
			return nil, err
		}
		filters, err := poolFilters(r, allowed.Of("pool"))
		if err != nil {
			return nil, err
		}
		pools, err := u.Pools(ctx, filters)
		if err != nil {
			return nil, err
		}
		list := make([]map[string]any, 0, len(pools))
		for _, p := range pools {
			m := map[string]any{"name": p.Name}
			if detail {
				m["capabilities"] = p.Capabilities
			}
			list = append(list, m)
		}
		return wsgi.Value(map[string]any{"pools": list})
	}
	return wsgi.Extension{Alias: "scheduler-stats", Name: "Scheduler_stats", Description: "Scheduler stats support.", Updated: "2014-09-07T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "scheduler-stats", Routes: []wsgi.Route{{Method: "GET", Path: "scheduler-stats/get_pools",
			Handler: getPools, Policy: []string{poolsRule}}}}}}
}

const poolsRule = "scheduler_extension:scheduler_stats:get_pools"

// poolFilters reads by what pools are chosen: since 3.28 by their name or any capability, since 3.31 by what is allowed alone,
// for administrators too, and since 3.35 by a volume type they could hold.
func poolFilters(r *wsgi.Request, allowed []string) (map[string]string, error) {
	if !r.Version.AtLeast(microversion.V(3, 28)) {
		return nil, nil
	}
	filters := map[string]string{}
	var refused []string
	for key, values := range r.Query() {
		if key == "detail" {
			continue
		}
		filters[key] = values[len(values)-1]
		if !slices.Contains(allowed, key) {
			refused = append(refused, key)
		}
	}
	if slices.Sort(refused); len(refused) > 0 && r.Version.AtLeast(microversion.V(3, 31)) {
		return nil, fault.New(fault.Invalid, "", "Invalid filters %s are found in query options.", strings.Join(refused, ","))
	}
	if !r.Version.AtLeast(microversion.V(3, 35)) {
		delete(filters, "volume_type")
	}
	return filters, nil
}
