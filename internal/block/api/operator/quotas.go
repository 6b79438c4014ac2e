package operator

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/listing"
	uses "github.com/clinker/clinker/internal/block/app/quotasets"
	"github.com/clinker/clinker/internal/fault"
	"github.com/clinker/clinker/internal/oslo/microversion"
	"github.com/clinker/clinker/internal/oslo/wsgi"
)

var quotaSchemas = []wsgi.Schema{{JSON: `{"type": "object", "properties": {"quota_set": {"type": "object", "minProperties": 1}},
	"required": ["quota_set"], "additionalProperties": false}`}}

// QuotaSets is the extension under /os-quota-sets.
func QuotaSets(u *uses.QuotaSets) wsgi.Extension {
	h := quotaSets{u}
	const rule = "volume_extension:quotas:"
	return wsgi.Extension{Alias: "os-quota-sets", Name: "Quotas", Description: "Quota management support.", Updated: "2011-08-08T00:00:00+00:00",
		Resources: []wsgi.Resource{{Collection: "os-quota-sets", Routes: []wsgi.Route{
			{Method: "GET", Path: "os-quota-sets/{id}", Handler: h.show, Policy: []string{rule + "show"}},
			{Method: "GET", Path: "os-quota-sets/{id}/defaults", Handler: h.defaults, Policy: []string{rule + "show"}},
			{Method: "PUT", Path: "os-quota-sets/{id}", Handler: h.update, Schemas: quotaSchemas, Policy: []string{rule + "update"}},
			{Method: "DELETE", Path: "os-quota-sets/{id}", Handler: h.delete, Policy: []string{rule + "delete"}},
		}}}}
}

type quotaSets struct{ uses *uses.QuotaSets }

func quotaSet(id string, values map[string]int64) (*wsgi.Response, error) {
	set := map[string]any{}
	for name, limit := range values {
		set[name] = limit
	}
	if id != "" {
		set["id"] = id
	}
	return wsgi.Value(map[string]any{"quota_set": set})
}

func (h quotaSets) show(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id := r.PathValue("id")
	s, err := h.uses.Get(ctx, id)
	if err != nil {
		return nil, err
	}
	usage, err := listing.Bool(r, "usage")
	if err != nil {
		return nil, err
	}
	if !usage {
		return quotaSet(id, s.Limits)
	}
	set := map[string]any{"id": id}
	for name, limit := range s.Limits {
		set[name] = map[string]int64{"limit": limit, "in_use": s.InUse[name], "reserved": s.Reserved[name]}
	}
	return wsgi.Value(map[string]any{"quota_set": set})
}

func (h quotaSets) defaults(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	limits, err := h.uses.Defaults(ctx, r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return quotaSet(r.PathValue("id"), limits)
}

// notLimits are members of a quota set that are no limits; clients send back what they were shown.
var notLimits = map[string]bool{"tenant_id": true, "id": true}

func (h quotaSets) update(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	id := r.PathValue("id")
	if len(id) > 255 {
		return nil, block.InvalidInput("quota_set_name has %d characters, more than 255.", len(id))
	}
	known, err := h.uses.Resources(ctx)
	if err != nil {
		return nil, err
	}
	limits, err := readLimits(r.Body.Object("quota_set"), known)
	if err != nil {
		return nil, err
	}
	all, err := h.uses.Put(ctx, id, limits)
	if err != nil {
		return nil, err
	}
	return quotaSet("", all)
}

// readLimits reads the limits of a quota set: whole numbers, and no texts of them, which upstream takes only where there has
// been no limit before. What is wrong with a limit comes before resources that there are not.
func readLimits(set wsgi.Object, known map[string]bool) (map[string]int64, error) {
	limits := map[string]int64{}
	var bad []string
	for _, name := range slices.Sorted(maps.Keys(set)) {
		if notLimits[name] {
			continue
		}
		if !known[name] {
			bad = append(bad, name)
			continue
		}
		n, ok := set.Int(name)
		_, text := set[name].(string)
		switch {
		case !ok || text:
			return nil, fault.New(fault.Invalid, "", "%s must be an integer", name)
		case n < block.Unlimited:
			return nil, fault.New(fault.Invalid, "", "%s must be >= %d", name, block.Unlimited)
		case n > block.MaxSizeGiB:
			return nil, fault.New(fault.Invalid, "", "%s must be <= %d", name, int64(block.MaxSizeGiB))
		}
		limits[name] = n
	}
	if len(bad) > 0 {
		return nil, block.InvalidInput("Bad key(s) in quota set: %s", strings.Join(bad, ", "))
	}
	return limits, nil
}

func (h quotaSets) delete(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
	return wsgi.Empty(), h.uses.Delete(ctx, r.PathValue("id"))
}

// Limits is the extension under /limits.
func Limits(u *uses.QuotaSets) wsgi.Extension {
	index := func(ctx context.Context, r *wsgi.Request) (*wsgi.Response, error) {
		project := ""
		if r.Version.AtLeast(microversion.V(3, 39)) {
			if project = r.Query().Get("project_id"); project == "" {
				project = r.Query().Get("tenant_id")
			}
		}
		s, err := u.AbsoluteLimits(ctx, project)
		if err != nil {
			return nil, err
		}
		absolute := map[string]int64{}
		for _, name := range limitNames {
			absolute["maxTotal"+name.maximum] = s.Limits[name.resource]
			if s.InUse != nil {
				absolute["total"+name.used+"Used"] = s.InUse[name.resource]
			}
		}
		return wsgi.Value(map[string]any{"limits": map[string]any{"rate": []any{}, "absolute": absolute}})
	}
	return wsgi.Extension{Alias: "limits", Core: true,
		Resources: []wsgi.Resource{{Collection: "limits", Routes: []wsgi.Route{{Method: "GET", Path: "limits", Handler: index, Policy: []string{"limits_extension:used_limits"}}}}}}
}

// UsedLimits is what a project holds of what it may, which Limits shows.
func UsedLimits() wsgi.Extension {
	return wsgi.Extension{Alias: "os-used-limits", Name: "UsedLimits", Description: "Provide data on limited resources that are being used.",
		Updated: "2013-10-03T00:00:00+00:00", Core: true}
}

// limitNames are the middle parts of the names limits have in this view.
var limitNames = [...]struct{ resource, maximum, used string }{
	{block.QuotaVolumes, "Volumes", "Volumes"},
	{block.QuotaGigabytes, "VolumeGigabytes", "Gigabytes"},
	{block.QuotaSnapshots, "Snapshots", "Snapshots"},
	{block.QuotaBackups, "Backups", "Backups"},
	{block.QuotaBackupGigabytes, "BackupGigabytes", "BackupGigabytes"},
}
