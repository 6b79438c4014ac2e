package operator

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	"github.com/clinker/clinker/internal/block/api/member"
	uses "github.com/clinker/clinker/internal/block/app/services"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// replicationOfClusters is the microversion since which clusters may be named in what is about replication.
var replicationOfClusters = microversion.V(3, 26)

// Request schemas (cinder/api/schemas/services.py, clusters.py, workers.py).
var (
	failoverSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"host": {"$ref": "parameter_types#/cinder_host"},
		"backend_id": {"$ref": "parameter_types#/nullable_string"}, "cluster": {"$ref": "parameter_types#/nullable_string"}},
		"additionalProperties": false}`}}
	clusterSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"name": {"$ref": "parameter_types#/name"},
		"binary": {"$ref": "parameter_types#/nullable_string"},
		"disabled_reason": {"type": ["string", "null"], "format": "disabled_reason"}}, "required": ["name"], "additionalProperties": false}`}}
	cleanupSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {
		"cluster_name": {"$ref": "parameter_types#/hostname"}, "disabled": {"$ref": "parameter_types#/boolean"},
		"host": {"$ref": "parameter_types#/hostname"}, "is_up": {"$ref": "parameter_types#/boolean"},
		"binary": {"enum": ["cinder-volume", "cinder-scheduler"]}, "resource_id": {"$ref": "parameter_types#/optional_uuid"},
		"resource_type": {"$ref": "parameter_types#/resource_type"}, "service_id": {"$ref": "parameter_types#/service_id"}},
		"additionalProperties": false}`}}
)

// failoverRoutes are failing over under its two names: failover_host knows hosts alone.
func failoverRoutes(u *uses.Services) []wsgi.Route {
	handler := func(clusters bool) wsgi.Handler {
		return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
			if err := u.Authorize(ctx, servicesRule+"update"); err != nil {
				return nil, err
			}
			host, cluster := r.Body.String("host"), ""
			if clusters {
				cluster = r.Body.String("cluster")
			}
			if (host == "") == (cluster == "") {
				if clusters {
					return nil, block.InvalidInput("One and only one of cluster and host must be set.")
				}
				return nil, block.InvalidInput("Host field is missing.")
			}
			return wsgi.Empty(), u.Failover(ctx, host, cluster, r.Body.String("backend_id"))
		}
	}
	policy := []string{servicesRule + "update", "volume:failover_host"}
	return []wsgi.Route{
		{Method: "PUT", Path: "os-services/failover_host", Status: 202, Handler: handler(false), Schemas: failoverSchemas, Policy: policy},
		{Method: "PUT", Path: "os-services/failover", Versions: microversion.From(3, 26), Status: 202, Handler: handler(true), Schemas: failoverSchemas, Policy: policy},
		unknownAction(u, "failover", microversion.Until(3, 25)),
	}
}

// Clusters is the extension under /clusters.
func Clusters(u *uses.Services) wsgi.Extension {
	c := clusters{u}
	since := microversion.From(3, 7)
	return wsgi.Extension{Alias: "clusters",
		Resources: []wsgi.Resource{{Collection: "clusters", Routes: []wsgi.Route{
			{Method: "GET", Path: "clusters", Versions: since, Handler: c.list(false), Policy: []string{"clusters:get_all"}},
			{Method: "GET", Path: "clusters/detail", Versions: since, Handler: c.list(true), Policy: []string{"clusters:get_all"}},
			{Method: "GET", Path: "clusters/{id}", Versions: since, Handler: c.show, Policy: []string{"clusters:get"}},
			{Method: "PUT", Path: "clusters/{id}", Versions: since, Handler: c.update, Schemas: clusterSchemas, Policy: []string{"clusters:update"}},
		}}}}
}

type clusters struct{ uses *uses.Services }

func (c clusters) list(detail bool) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) { return c.listed(ctx, r, detail) }
}

func (c clusters) listed(ctx context.Context, r *wsgi.Request, detail bool) (*wsgi.Response, error) {
	if err := c.uses.Authorize(ctx, "clusters:get_all"); err != nil {
		return nil, err
	}
	allowed := []string{"name", "binary", "is_up", "disabled", "num_hosts", "num_down_hosts"}
	if r.Version.AtLeast(replicationOfClusters) {
		allowed = append(allowed, "replication_status", "frozen", "active_backend_id")
	}
	var refused []string
	for name := range r.Query() {
		if !slices.Contains(allowed, name) {
			refused = append(refused, name)
		}
	}
	if slices.Sort(refused); len(refused) > 0 {
		return nil, block.InvalidInput("Invalid filter keys: %s", strings.Join(refused, ", "))
	}
	for _, name := range []string{"disabled", "is_up"} {
		if _, err := listing.Bool(r, name); err != nil {
			return nil, err
		}
	}
	all, err := c.uses.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	list := []any{}
	for _, one := range all {
		if chosen(one, r.Query()) {
			list = append(list, clusterView(one, detail, r.Version.AtLeast(replicationOfClusters)))
		}
	}
	return wsgi.Value(map[string]any{"clusters": list})
}

// chosen says whether a cluster is what a list's filters ask for.
func chosen(one uses.ClusterStatus, q map[string][]string) bool {
	has := map[string]string{"name": one.Name, "binary": one.Binary, "num_hosts": strconv.FormatInt(one.Hosts, 10),
		"num_down_hosts": strconv.FormatInt(one.DownHosts, 10), "replication_status": one.ReplicationStatus, "active_backend_id": one.ActiveBackendID}
	is := map[string]bool{"is_up": one.Up, "disabled": one.Disabled, "frozen": one.Frozen}
	for name, wanted := range q {
		if text, ok := has[name]; ok && text != wanted[0] {
			return false
		}
		if flag, ok := is[name]; ok && wanted[0] != "" {
			if asked, err := strconv.ParseBool(wanted[0]); err == nil && asked != flag {
				return false
			}
		}
	}
	return true
}

// clusterView is a cluster as upstream shows it (cinder/api/v3/views/clusters.py).
func clusterView(one uses.ClusterStatus, detail, replication bool) map[string]any {
	state, status := "down", "enabled"
	if one.Up {
		state = "up"
	}
	if one.Disabled {
		status = "disabled"
	}
	view := map[string]any{"name": one.Name, "binary": one.Binary, "state": state, "status": status}
	if replication {
		view["replication_status"] = member.OrNull(one.ReplicationStatus)
	}
	if !detail {
		return view
	}
	view["num_hosts"], view["num_down_hosts"], view["disabled_reason"] = one.Hosts, one.DownHosts, member.OrNull(one.DisabledReason)
	for name, at := range map[string]time.Time{"last_heartbeat": one.LastHeartbeat, "created_at": one.CreatedAt, "updated_at": one.UpdatedAt} {
		if view[name] = ""; !at.IsZero() {
			view[name] = member.Time(at)
		}
	}
	if replication {
		view["frozen"], view["active_backend_id"] = one.Frozen, member.OrNull(one.ActiveBackendID)
	}
	return view
}

func noCluster(binary, name string) error {
	return fault.New(fault.NotFound, "ClusterNotFound", "Cluster %s could not be found.", fmt.Sprintf("{'binary': '%s', 'name': '%s'}", binary, name))
}

func (c clusters) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	if err := c.uses.Authorize(ctx, "clusters:get"); err != nil {
		return nil, err
	}
	binary := r.Query().Get("binary")
	if binary == "" {
		binary = block.BinaryVolume
	}
	one, err := c.find(ctx, binary, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"cluster": clusterView(*one, true, r.Version.AtLeast(replicationOfClusters))})
}

func (c clusters) find(ctx context.Context, binary, name string) (*uses.ClusterStatus, error) {
	all, err := c.uses.Clusters(ctx)
	if err != nil {
		return nil, err
	}
	for _, one := range all {
		if one.Name == name && one.Binary == binary {
			return &one, nil
		}
	}
	return nil, noCluster(binary, name)
}

func (c clusters) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	action := r.PathValue("id")
	if action != "enable" && action != "disable" {
		return nil, fault.New(fault.NotFound, "", "Unknown action")
	}
	if err := c.uses.Authorize(ctx, "clusters:update"); err != nil {
		return nil, err
	}
	if action == "enable" && r.Body.Has("disabled_reason") {
		return nil, fault.New(fault.Invalid, "", "Additional properties are not allowed ('disabled_reason' was unexpected)")
	}
	binary := r.Body.String("binary")
	if binary == "" {
		binary = block.BinaryVolume
	}
	one, err := c.find(ctx, binary, r.Body.String("name"))
	if err != nil {
		return nil, err
	}
	reason := strings.TrimSpace(r.Body.String("disabled_reason"))
	if err := c.uses.DisableCluster(ctx, one.ID, action == "disable", reason); err != nil {
		return nil, err
	}
	one.Disabled = action == "disable"
	view := clusterView(*one, false, r.Version.AtLeast(replicationOfClusters))
	view["disabled_reason"] = member.OrNull(reason)
	return wsgi.Value(map[string]any{"cluster": view})
}

// Workers is the extension under /workers.
func Workers(u *uses.Services) wsgi.Extension {
	return wsgi.Extension{Alias: "workers",
		Resources: []wsgi.Resource{{Collection: "workers", Routes: []wsgi.Route{{Method: "POST", Path: "workers/cleanup", Versions: microversion.From(3, 24),
			Status: 202, Handler: cleanup(u), Schemas: cleanupSchemas, Policy: []string{"workers:cleanup"}}}}}}
}

func cleanup(u *uses.Services) wsgi.Handler {
	return func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		if err := u.Authorize(ctx, "workers:cleanup"); err != nil {
			return nil, err
		}
		b := r.Body
		if kind := b.String("resource_type"); kind != "" && !strings.EqualFold(kind, "volume") && !strings.EqualFold(kind, "snapshot") {
			return nil, block.InvalidInput("Resource type %s not valid, must be Snapshot or Volume", titled(kind))
		}
		asked := uses.CleanupRequest{ClusterName: b.String("cluster_name"), Host: b.String("host"), Binary: b.String("binary"), Up: new(b.Bool("is_up")),
			ResourceID: b.String("resource_id"), ResourceType: titled(b.String("resource_type"))}
		if b.Has("disabled") {
			asked.Disabled = new(b.Bool("disabled"))
		}
		if id, number := b.Int("service_id"); number {
			asked.ServiceID = id
		} else if id, err := strconv.ParseInt(b.String("service_id"), 10, 64); err == nil {
			asked.ServiceID = id
		}
		cleaning, unavailable, err := u.Cleanup(ctx, asked)
		if err != nil {
			return nil, err
		}
		return wsgi.Value(map[string]any{"cleaning": shownServices(cleaning), "unavailable": shownServices(unavailable)})
	}
}

// titled is a word with a capital letter, as classes of resources are written.
func titled(word string) string {
	if word == "" {
		return ""
	}
	return strings.ToUpper(word[:1]) + strings.ToLower(word[1:])
}

func shownServices(services []*block.Service) []map[string]any {
	list := make([]map[string]any, 0, len(services))
	for _, s := range services {
		list = append(list, map[string]any{"id": s.ID, "host": s.Host, "binary": s.Binary, "cluster_name": member.OrNull(s.ClusterName)})
	}
	return list
}
