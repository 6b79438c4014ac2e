package operator

import (
	"context"
	"strconv"
	"strings"

	"github.com/clinker/clinker/internal/block/api/member"
	uses "github.com/clinker/clinker/internal/block/app/services"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

// hostSchemas let further members through: upstream takes "status" in any case.
var hostSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"status": {"type": "string"}},
	"additionalProperties": true}`}}

// Hosts is the extension under /os-hosts.
func Hosts(u *uses.Services) wsgi.Extension {
	h := hosts{u}
	policy := []string{"volume_extension:hosts"}
	return wsgi.Extension{Alias: "os-hosts", Name: "Hosts", Description: "Admin-only host administration.", Updated: "2011-06-29T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "os-hosts", Routes: []wsgi.Route{
			{Method: "GET", Path: "os-hosts", Handler: h.index, Policy: policy},
			{Method: "PUT", Path: "os-hosts", Status: 400, NoBody: true, Handler: ofNoHost},
			{Method: "GET", Path: "os-hosts/{id}", Handler: h.show, Policy: policy},
			{Method: "PUT", Path: "os-hosts/{id}", Handler: h.update, Schemas: hostSchemas, Policy: policy},
		}}}}
}

// ofNoHost answers an update that names no host; upstream has the route by accident.
func ofNoHost(context.Context, *wsgi.Request) (*wsgi.Response, error) {
	return nil, fault.New(fault.Invalid, "", wsgi.NotComplied)
}

type hosts struct{ uses *uses.Services }

func (h hosts) index(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	found, err := h.uses.Hosts(ctx, r.Query().Get("zone"))
	if err != nil {
		return nil, err
	}
	list := make([]map[string]any, 0, len(found))
	for _, s := range found {
		status := "unavailable"
		if s.Up {
			status = "available"
		}
		list = append(list, map[string]any{"host_name": s.Host, "service": s.Topic, "zone": s.AvailabilityZone, "service-status": status,
			"service-state": "enabled", "last-update": member.Time(s.UpdatedAt)})
	}
	return wsgi.Value(map[string]any{"hosts": list})
}

// show writes numbers as texts, as upstream does.
func (h hosts) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	host := r.PathValue("id")
	projects, err := h.uses.HostTotals(ctx, host)
	if err != nil {
		return nil, err
	}
	total := uses.ProjectTotals{ProjectID: "(total)"}
	for _, p := range projects {
		total.Volumes, total.SizeGiB = total.Volumes+p.Volumes, total.SizeGiB+p.SizeGiB
		total.Snapshots, total.SnapshotsSizeGiB = total.Snapshots+p.Snapshots, total.SnapshotsSizeGiB+p.SnapshotsSizeGiB
	}
	text := func(n int64) string { return strconv.FormatInt(n, 10) }
	list := make([]map[string]any, 0, len(projects)+1)
	for _, p := range append([]uses.ProjectTotals{total}, projects...) {
		list = append(list, map[string]any{"resource": map[string]any{"host": host, "project": p.ProjectID, "volume_count": text(p.Volumes),
			"total_volume_gb": text(p.SizeGiB), "snapshot_count": text(p.Snapshots), "total_snapshot_gb": text(p.SnapshotsSizeGiB)}})
	}
	return wsgi.Value(map[string]any{"host": list})
}

func (h hosts) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	host, status := r.PathValue("id"), ""
	for key := range r.Body {
		if strings.ToLower(strings.TrimSpace(key)) != "status" {
			return nil, fault.New(fault.Invalid, "", "Invalid update setting: '%s'", key)
		}
		status = strings.ToLower(r.Body.Trimmed(key))
		if status != "enable" && status != "disable" {
			return nil, fault.New(fault.Invalid, "", "Invalid status: '%s'", r.Body.String(key))
		}
	}
	if status == "" {
		if _, err := h.uses.Hosts(ctx, ""); err != nil {
			return nil, err
		}
		return wsgi.Value(map[string]any{})
	}
	if err := h.uses.EnableHost(ctx, host, status == "enable"); err != nil {
		return nil, err
	}
	return wsgi.Value(map[string]any{"host": host, "status": status + "d"})
}

// Capabilities is the extension under /capabilities.
func Capabilities(u *uses.Services) wsgi.Extension {
	show := func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		address, c, err := u.Capabilities(ctx, r.PathValue("id"))
		if err != nil {
			return nil, err
		}
		answer := map[string]any{"namespace": "OS::Storage::Capabilities::" + address, "replication_targets": []any{}}
		for _, key := range []string{"vendor_name", "volume_backend_name", "pool_name", "driver_version", "storage_protocol", "display_name",
			"description", "visibility", "properties"} {
			answer[key] = c[key]
		}
		if targets, given := c["replication_targets"]; given {
			answer["replication_targets"] = targets
		}
		return wsgi.Value(answer)
	}
	return wsgi.Extension{Alias: "capabilities", Name: "Capabilities", Description: "Capabilities support.", Updated: "2015-08-31T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "capabilities", Routes: []wsgi.Route{{Method: "GET", Path: "capabilities/{id}", Handler: show,
			Policy: []string{"volume_extension:capabilities"}}}}}}
}
