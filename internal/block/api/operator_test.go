package api_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

// service is the row of a service.
func service(c apitest.Caller, binary string) *block.Service {
	c.TB.Helper()
	rows, err := c.Store.Services(c.TB.Context(), store.ServiceQuery{Binary: binary})
	if err != nil || len(rows) != 1 {
		c.TB.Fatalf("%d services, %v", len(rows), err)
	}
	return rows[0]
}

func TestServices(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	all := admin.At("3.71").Get("/os-services").OK(200).At("services").([]any)
	slices.SortFunc(all, func(a, b any) int {
		if a.(map[string]any)["binary"].(string) < b.(map[string]any)["binary"].(string) {
			return -1
		}
		return 1
	})
	for _, s := range all {
		delete(s.(map[string]any), "updated_at")
	}
	want := []any{
		object("binary", "cinder-backup", "host", "node", "zone", "nova", "status", "enabled", "state", "up", "disabled_reason", nil, "cluster", nil),
		object("binary", "cinder-scheduler", "host", "node", "zone", "nova", "status", "enabled", "state", "up", "disabled_reason", nil, "cluster", nil),
		object("binary", "cinder-volume", "host", apitest.Backend, "zone", "nova", "status", "enabled", "state", "up", "disabled_reason", nil, "cluster", nil,
			"replication_status", "disabled", "active_backend_id", nil, "frozen", false, "backend_state", "up"),
	}
	if d := cmp.Diff(want, all); d != "" {
		t.Errorf("services (-want +got): %s", d)
	}
	added := steps(t, func(version string) map[string]any {
		return listed(admin.At(version), "/os-services?binary=cinder-volume", "services")[0].(map[string]any)
	})
	if d := cmp.Diff(map[string]string{"3.7": "+cluster", "3.49": "+backend_state"}, added); d != "" {
		t.Errorf("fields by microversion (-want +got): %s", d)
	}
	for query, n := range map[string]int{"": 3, "host=node": 3, "host=" + apitest.Backend: 1, "host=x": 0, "binary=cinder-scheduler": 1, "binary=x": 0} {
		if got := len(listed(admin, "/os-services?"+query, "services")); got != n {
			t.Errorf("%s finds %d services", query, got)
		}
	}
	m.Get("/os-services").Fault(403, "Policy doesn't allow volume_extension:services:index to be performed.")

	body := object("host", apitest.Backend, "binary", "cinder-volume")
	admin.Put("/os-services/disable", body).Is(200, `{"host": "node@fake", "service": "", "binary": "cinder-volume", "status": "disabled", "disabled": true}`)
	if !service(admin, "cinder-volume").Disabled {
		t.Error("the service is not disabled")
	}
	admin.Put("/os-services/enable", object("host", apitest.Backend, "service", "cinder-volume")).Is(200,
		`{"host": "node@fake", "service": "cinder-volume", "binary": "", "status": "enabled", "disabled": false}`)
	if service(admin, "cinder-volume").Disabled {
		t.Error("the service is not enabled")
	}
	admin.Put("/os-services/disable-log-reason", object("host", apitest.Backend, "binary", "cinder-volume", "disabled_reason", "repair")).Is(200,
		`{"host": "node@fake", "service": "", "binary": "cinder-volume", "status": "disabled", "disabled": true, "disabled_reason": "repair"}`)
	if s := service(admin, "cinder-volume"); !s.Disabled || s.DisabledReason != "repair" {
		t.Errorf("the row is %+v", s)
	}
	admin.Put("/os-services/disable-log-reason", body).Is(200,
		`{"host": "node@fake", "service": "", "binary": "cinder-volume", "status": "disabled", "disabled": true, "disabled_reason": null}`)
	admin.Put("/os-services/enable", body).OK(200)
	if s := service(admin, "cinder-volume"); s.Disabled || s.DisabledReason != "" {
		t.Errorf("the row is %+v", s)
	}
	for _, action := range []string{"enable", "disable", "disable-log-reason"} {
		path := "/os-services/" + action
		admin.Put(path, object("binary", "cinder-volume")).Fault(400, "Invalid input received: Host field is missing.")
		admin.Put(path, object("host", "node")).Fault(400, "is not valid under any of the given schemas")
		admin.Put(path, object("host", "x", "binary", "cinder-volume")).Fault(404, "Service cinder-volume could not be found on host x.")
		m.Put(path, body).Fault(403, "volume_extension:services:update")
	}
	admin.Put("/os-services/reboot", body).Fault(400, "Invalid input received: Unknown action")
	m.Put("/os-services/reboot", body).Fault(403, "volume_extension:services:update")
}

func TestFreeze(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	body := object("host", apitest.Backend)
	admin.Put("/os-services/freeze", body).Empty(200)
	if s := service(admin, "cinder-volume"); !s.Frozen || !s.Disabled {
		t.Errorf("the row is %+v", s)
	}
	admin.Put("/os-services/thaw", body).Empty(200)
	if s := service(admin, "cinder-volume"); s.Frozen || s.Disabled {
		t.Errorf("the row is %+v", s)
	}
	for _, action := range []string{"freeze", "thaw"} {
		path := "/os-services/" + action
		admin.At("3.25").Put(path, object()).Fault(400, "Host field is missing.")
		admin.At("3.26").Put(path, object()).Fault(400, "One and only one of cluster and host must be set.")
		admin.At("3.26").Put(path, object("host", "a", "cluster", "b")).Fault(400, "One and only one of cluster and host must be set.")
		admin.At("3.26").Put(path, object("cluster", "b")).Fault(400, "No service found with cluster=b")
		admin.Put(path, object("host", "x@y")).Fault(400, "No service found with host=x@y")
		m.Put(path, body).Fault(403, "volume_extension:services:update")
	}
}

func TestZonesPoolsExtensions(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	m.Get("/os-availability-zone").Is(200, `{"availabilityZoneInfo": [{"zoneName": "nova", "zoneState": {"available": true}}]}`)

	admin.Get("/scheduler-stats/get_pools").Is(200, `{"pools": [{"name": "node@fake#fake"}]}`)
	pool := listed(admin, "/scheduler-stats/get_pools?detail=true", "pools")[0].(map[string]any)
	if caps := pool["capabilities"].(map[string]any); caps["volume_backend_name"] != "fake" || caps["storage_protocol"] != "fake" || caps["pool_name"] != "fake" {
		t.Errorf("capabilities %v", caps)
	}
	for _, tc := range []struct {
		version, query string
		n              int
	}{{"3.27", "name=x", 1}, {"3.28", "name=x", 0}, {"3.28", "name=node@fake%23fake", 1}, {"3.30", "unknown=1", 0}, {"3.30", "vendor_name=Clinker", 1}, {"3.34", "volume_type=x", 1}} {
		if got := len(listed(admin.At(tc.version), "/scheduler-stats/get_pools?"+tc.query, "pools")); got != tc.n {
			t.Errorf("%s at %s gives %d pools", tc.query, tc.version, got)
		}
	}
	admin.At("3.31").Get("/scheduler-stats/get_pools?unknown=1").Fault(400, "Invalid filters unknown are found in query options.")
	admin.At("3.35").Get("/scheduler-stats/get_pools?volume_type=x").Fault(404, "Volume type with name x could not be found.")
	newType(admin, "elsewhere", "extra_specs", object("volume_backend_name", "nothing"))
	for name, n := range map[string]int{"elsewhere": 0, block.DefaultTypeName: 1} {
		if got := len(listed(admin.At("3.35"), "/scheduler-stats/get_pools?volume_type="+name, "pools")); got != n {
			t.Errorf("%d pools may hold volumes of type %s", got, name)
		}
	}
	admin.Get("/scheduler-stats/get_pools?detail=maybe").Fault(400, "Value 'maybe' for 'detail' is not a boolean.")
	m.Get("/scheduler-stats/get_pools").Fault(403, "scheduler_extension:scheduler_stats:get_pools")

	var aliases []string
	for _, e := range listed(m, "/extensions", "extensions") {
		aliases = append(aliases, e.(map[string]any)["alias"].(string))
	}
	for alias, want := range map[string]bool{"os-quota-sets": true, "os-vol-host-attr": true, "os-admin-actions": true, "volumes": false, "extensions": false} {
		if slices.Contains(aliases, alias) != want {
			t.Errorf("whether %s is among %v: not %v", alias, aliases, want)
		}
	}
	m.Get("/extensions/volumes").Fault(404, "The resource could not be found.")
	m.Post("/extensions", object()).Fault(400, "The server could not comply with the request")
	m.Get("/extensions/os-vol-tenant-attr").Is(200, `{"extension": {"name": "VolumeTenantAttribute", "alias": "os-vol-tenant-attr",
		"description": "Expose the internal project_id as an attribute of a volume.", "updated": "<time>+00:00", "links": []}}`)
	m.Get("/extensions/none").Fault(404, "The resource could not be found.")
	m.Get("").OK(404)
	m.Bare = true
	m.Get("/").Is(200, `{"versions": [{"id": "v3.0", "status": "CURRENT", "version": "3.71", "min_version": "3.0", "updated": "<time>Z",
		"links": [{"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/"}, {"rel": "self", "href": "http://cloud/v3/"}],
		"media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}]}]}`)
}

func TestQuotaSets(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	defaults := `{"quota_set": {"id": "p", "volumes": 10, "snapshots": 10, "gigabytes": 1000, "backups": 10, "backup_gigabytes": 1000, "groups": 10,
		"per_volume_gigabytes": -1, "volumes___DEFAULT__": -1, "gigabytes___DEFAULT__": -1, "snapshots___DEFAULT__": -1}}`
	m.Get("/os-quota-sets/p").Is(200, defaults)
	m.Get("/os-quota-sets/p/defaults").Is(200, defaults)
	m.Snapshot(m.Volume("size", 3))
	used := m.Get("/os-quota-sets/p?usage=true").OK(200)
	for name, want := range map[string]map[string]any{
		"volumes": object("limit", 10.0, "in_use", 1.0, "reserved", 0.0), "gigabytes": object("limit", 1000.0, "in_use", 6.0, "reserved", 0.0),
		"snapshots": object("limit", 10.0, "in_use", 1.0, "reserved", 0.0), "groups": object("limit", 10.0, "in_use", 0.0, "reserved", 0.0),
		"volumes___DEFAULT__":  object("limit", -1.0, "in_use", 1.0, "reserved", 0.0),
		"per_volume_gigabytes": object("limit", -1.0, "in_use", 0.0, "reserved", 0.0),
	} {
		if d := cmp.Diff(any(want), used.At("quota_set", name)); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
	m.Get("/os-quota-sets/p?usage=maybe").Fault(400, "Value 'maybe' for 'usage' is not a boolean.")
	put := func(pairs ...any) apitest.Answer {
		return admin.Put("/os-quota-sets/p", object("quota_set", object(pairs...)))
	}
	if a := put("volumes", 2, "gigabytes___DEFAULT__", 50, "id", "p", "tenant_id", "p").OK(200); a.At("quota_set", "volumes") != 2.0 || a.At("quota_set", "id") != nil {
		t.Errorf("%s", a.Body)
	}
	put("volumes", "2").Fault(400, "volumes must be an integer")
	put("nosuch", "x", "volumes", 2).Fault(400, "Invalid input received: Bad key(s) in quota set: nosuch")
	if limits, err := c.Store.QuotaLimits(t.Context(), "p"); err != nil || !cmp.Equal(limits, map[string]int64{"volumes": 2, "gigabytes___DEFAULT__": 50}) {
		t.Errorf("the rows are %v, %v", limits, err)
	}
	m.Volume()
	m.Post("/volumes", object("volume", object("size", 1))).Fault(413, "VolumeLimitExceeded: Maximum number of volumes allowed (2) exceeded for quota 'volumes'.")
	put("volumes", 1).Fault(400, "Quota volumes limit must be equal or greater than existing resources. Current usage is 2 and the requested limit is 1.")
	put("snapshots", 0).OK(200) // the project's first own limit may be below its usage, as upstream
	put("snapshots", 0).Fault(400, "Quota snapshots limit must be equal or greater")
	put("volumes", -1).OK(200)
	m.Volume()
	put("volumes", -2).Fault(400, "volumes must be >= -1")
	put("volumes", 1<<31).Fault(400, "volumes must be <= 2147483647")
	put("volumes", "x").Fault(400, "volumes must be an integer")
	put("volumes", 1.5).Fault(400, "volumes must be an integer")
	put("volumes", nil).Fault(400, "volumes must be an integer")
	put("unknown", 1, "bad", 1).Fault(400, "Invalid input received: Bad key(s) in quota set: bad, unknown")
	put().Fault(400, "")
	m.Put("/os-quota-sets/p", object("quota_set", object("volumes", 1))).Fault(403, "volume_extension:quotas:update")
	m.Get("/os-quota-sets/q").Fault(403, "volume_extension:quotas:show")
	m.Get("/os-quota-sets/q/defaults").Fault(403, "volume_extension:quotas:show")
	m.Delete("/os-quota-sets/p").Fault(403, "volume_extension:quotas:delete")
	admin.Delete("/os-quota-sets/p").Empty(200)
	m.Get("/os-quota-sets/p").Is(200, defaults)
	put("volumes", "2").Fault(400, "volumes must be an integer")
	put("nosuch", "x", "volumes", 2).Fault(400, "Invalid input received: Bad key(s) in quota set: nosuch")
	if limits, err := c.Store.QuotaLimits(t.Context(), "p"); err != nil || len(limits) != 0 {
		t.Errorf("the rows are %v, %v", limits, err)
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	m.Snapshot(m.Volume("size", 3))
	mine := `{"limits": {"rate": [], "absolute": {"maxTotalVolumes": 10, "maxTotalSnapshots": 10, "maxTotalVolumeGigabytes": 1000, "maxTotalBackups": 10,
		"maxTotalBackupGigabytes": 1000, "totalVolumesUsed": 1, "totalSnapshotsUsed": 1, "totalGigabytesUsed": 6, "totalBackupsUsed": 0, "totalBackupGigabytesUsed": 0}}}`
	m.Get("/limits").Is(200, mine)
	admin.At("3.39").Get("/limits?project_id=p").Is(200, mine)
	admin.At("3.39").Get("/limits?tenant_id=p").Is(200, mine)
	for as, query := range map[*apitest.Caller]string{new(admin.At("3.38")): "project_id=p", new(c.As(t, apitest.Member, "q").At("3.39")): "project_id=p"} {
		if got := as.Get("/limits?"+query).OK(200).At("limits", "absolute", "totalVolumesUsed"); got != 0.0 {
			t.Errorf("%s %s sees %v volumes", as.Request.ProjectID, as.Version, got)
		}
	}
	if absolute := c.As(t, apitest.Nobody, "p").Get("/limits").OK(200).At("limits", "absolute").(map[string]any); len(absolute) != 5 {
		t.Errorf("who has no role sees %v", absolute)
	}
}
