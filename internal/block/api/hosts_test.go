package api_test

import (
	"log/slog"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
	"github.com/clinker/clinker/internal/block/store"
)

func TestHosts(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin, m := c.As(t, apitest.Admin, "ops"), c.As(t, apitest.Member, "p")
	names := func(path string) (out []string) {
		t.Helper()
		for _, item := range listed(admin, path, "hosts") {
			h := item.(map[string]any)
			if h["service-status"] != "available" || h["service-state"] != "enabled" || h["zone"] != "nova" || h["last-update"] == nil {
				t.Errorf("%v", h)
			}
			out = append(out, h["host_name"].(string)+" "+h["service"].(string))
		}
		return out
	}
	if d := cmp.Diff([]string{"node@fake cinder-volume", "node cinder-scheduler", "node cinder-backup"}, names("/os-hosts")); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if got := names("/os-hosts?zone=mars"); len(got) != 0 {
		t.Errorf("in a zone where nothing is: %v", got)
	}
	id := m.Volume("size", 2)
	m.Snapshot(id)
	c.As(t, apitest.Member, "q").Volume("size", 3)
	admin.Get("/os-hosts/"+apitest.Backend).Is(200, `{"host": [
		{"resource": {"host": "node@fake", "project": "(total)", "volume_count": "2", "total_volume_gb": "5", "snapshot_count": "1", "total_snapshot_gb": "2"}},
		{"resource": {"host": "node@fake", "project": "p", "volume_count": "1", "total_volume_gb": "2", "snapshot_count": "1", "total_snapshot_gb": "2"}},
		{"resource": {"host": "node@fake", "project": "q", "volume_count": "1", "total_volume_gb": "3", "snapshot_count": "0", "total_snapshot_gb": "0"}}]}`)
	admin.Get("/os-hosts/x").Fault(404, "Service cinder-volume could not be found on host x.")

	disabled := func() bool {
		t.Helper()
		found, err := c.Store.Services(t.Context(), store.ServiceQuery{Host: apitest.Backend})
		if err != nil || len(found) != 1 {
			t.Fatalf("%v, %v", found, err)
		}
		return found[0].Disabled
	}
	put := func(body any) apitest.Answer { return admin.Put("/os-hosts/"+apitest.Backend, body) }
	put(object("status", "disable")).Is(200, `{"host": "node@fake", "status": "disabled"}`)
	if !disabled() {
		t.Error("a host that was disabled is enabled")
	}
	put(object("Status", " ENABLE ")).Is(200, `{"host": "node@fake", "status": "enabled"}`)
	if disabled() {
		t.Error("a host that was enabled is disabled")
	}
	put(object("status", "x")).Fault(400, "Invalid status: 'x'")
	put(object("STATUS", "x")).Fault(400, "Invalid status: 'x'")
	put(object("x", "y")).Fault(400, "Invalid update setting: 'x'")
	put(object()).Is(200, `{}`)
	admin.Put("/os-hosts/x", object("status", "enable")).Fault(404, "Host x could not be found.")
	m.Put("/os-hosts/"+apitest.Backend, object("status", "enable")).Fault(403, "User does not have admin privileges")
}

func TestCapabilities(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "p")
	a := admin.Get("/capabilities/" + apitest.Backend).OK(200)
	for key, want := range map[string]any{"namespace": "OS::Storage::Capabilities::node@fake", "vendor_name": "Clinker", "volume_backend_name": "fake",
		"pool_name": nil, "display_name": nil, "description": nil, "visibility": nil, "driver_version": "1.0"} {
		if got := a.At(key); got != want {
			t.Errorf("%s is %v, want %v", key, got, want)
		}
	}
	if p, ok := a.At("properties", "compression").(map[string]any); !ok || p["type"] != "boolean" || p["title"] != "Compression" {
		t.Errorf("properties: %v", a.At("properties"))
	}
	if d := cmp.Diff([]any{}, a.At("replication_targets")); d != "" {
		t.Error(d)
	}
	admin.Get("/capabilities/x").Fault(404, "Can't find service: x")
	c.As(t, apitest.Member, "p").Get("/capabilities/"+apitest.Backend).Fault(403, "volume_extension:capabilities")
}

func TestFailover(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "p")
	for _, path := range []string{"/os-services/failover_host", "/os-services/failover"} {
		put := func(body any) apitest.Answer { return admin.At("3.26").Put(path, body) }
		put(object("host", apitest.Backend, "backend_id", "b")).Fault(400, "Invalid input received: No service could be changed: replication_status in ['node@fake'] "+
			"must be ['enabled', 'failed-over'] and must be up to failover.")
		put(object("host", "x")).Fault(400, "No service found with host=x")
		c.As(t, apitest.Member, "p").At("3.26").Put(path, object("host", "x")).Fault(403, "volume_extension:services:update")
	}
	// What replicates is asked. The back end here cannot, and ends as one that could not.
	row := service(admin, "cinder-volume")
	err := c.Store.Update(t.Context(), func(tx store.Tx) error {
		return tx.UpdateService(t.Context(), row.ID, store.ServiceSet{ReplicationStatus: new("enabled")})
	})
	if err != nil {
		t.Fatal(err)
	}
	admin.At("3.26").Put("/os-services/failover_host", object("host", apitest.Backend, "backend_id", "b")).Empty(202)
	if s := service(admin, "cinder-volume"); s.ReplicationStatus != "failover-error" || !s.Disabled {
		t.Errorf("the row is %+v", s)
	}
	admin.At("3.26").Put("/os-services/failover_host", object("cluster", "c")).Fault(400, "Host field is missing.")
	admin.At("3.26").Put("/os-services/failover", object("cluster", "c")).Fault(400, "No service found with cluster=c")
	admin.At("3.26").Put("/os-services/failover", object()).Fault(400, "One and only one of cluster and host must be set.")
	admin.At("3.25").Put("/os-services/failover", object("x", "x")).Fault(400, "Invalid input received: Unknown action")
}

func TestLogLevels(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "p").At("3.32")
	get := func(body any) apitest.Answer { return admin.Put("/os-services/get-log", body) }
	get(object("binary", "cinder-api")).Is(200, `{"log_levels": [{"host": "node", "binary": "cinder-api", "levels": {"clinker": "INFO"}}]}`)
	admin.Put("/os-services/set-log", object("level", "debug", "prefix", "cinder.")).Empty(202)
	if c.Core.LogLevel.Level() != slog.LevelInfo {
		t.Error("a prefix of no logger set the level")
	}
	admin.Put("/os-services/set-log", object("binary", "cinder-volume", "level", "debug")).Empty(202)
	if c.Core.LogLevel.Level() != slog.LevelDebug {
		t.Error("the level was not set")
	}
	get(object("binary", "*")).Is(200, `{"log_levels": [{"host": "node", "binary": "cinder-api", "levels": {"clinker": "DEBUG"}},
		{"host": "node@fake", "binary": "cinder-volume", "levels": {"clinker": "DEBUG"}}, {"host": "node", "binary": "cinder-scheduler", "levels": {"clinker": "DEBUG"}},
		{"host": "node", "binary": "cinder-backup", "levels": {"clinker": "DEBUG"}}]}`)
	get(object("server", "node@fake", "prefix", "x")).Is(200, `{"log_levels": [{"host": "node@fake", "binary": "cinder-volume", "levels": {}}]}`)
	for _, level := range []any{"loud", nil, ""} {
		admin.Put("/os-services/set-log", object("level", level)).Fault(400, "is not a valid log level.")
	}
	admin.Put("/os-services/set-log", object("binary", "x", "level", "info")).Fault(400, "binary")
	admin.At("3.31").Put("/os-services/get-log", object("x", 1)).Fault(400, "Invalid input received: Unknown action")
	admin.At("3.31").Put("/os-services/set-log", object()).Fault(400, "Invalid input received: Unknown action")
	c.As(t, apitest.Member, "p").At("3.32").Put("/os-services/get-log", object()).Fault(403, "volume_extension:services:update")
}

func TestClusters(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "p").At("3.71")
	admin.Get("/clusters").Is(200, `{"clusters": []}`)
	admin.Get("/clusters/detail?is_up=true&name=x").Is(200, `{"clusters": []}`)
	admin.Get("/clusters?x=y").Fault(400, "Invalid input received: Invalid filter keys: x")
	admin.Get("/clusters?disabled=maybe").Fault(400, "disabled")
	admin.At("3.25").Get("/clusters?frozen=true").Fault(400, "Invalid filter keys: frozen")
	admin.Get("/clusters/c").Fault(404, "Cluster {'binary': 'cinder-volume', 'name': 'c'} could not be found.")
	for _, action := range []string{"enable", "disable"} {
		admin.Put("/clusters/"+action, object("name", "c", "binary", "b")).Fault(404, "Cluster {'binary': 'b', 'name': 'c'} could not be found.")
	}
	admin.Put("/clusters/enable", object("name", "c", "disabled_reason", "r")).Fault(400, "disabled_reason")
	admin.Put("/clusters/x", object("name", "c")).Fault(404, "Unknown action")
	admin.At("3.6").Get("/clusters").Fault(404, "")
	c.As(t, apitest.Member, "p").At("3.71").Get("/clusters").Fault(403, "clusters:get_all")
}

// TestACluster is one whose second member is down: it is up, and can be disabled and frozen.
func TestACluster(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "p").At("3.71")
	err := admin.Store.Update(t.Context(), func(tx store.Tx) error {
		if _, err := tx.EnsureCluster(t.Context(), &block.Cluster{Name: "c@b", Binary: block.BinaryVolume, ReplicationStatus: "disabled"}); err != nil {
			return err
		}
		_, err := tx.RegisterService(t.Context(), &block.Service{Host: "n@b", Binary: block.BinaryVolume, Topic: "cinder-volume", ClusterName: "c@b"})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	short := `{"name": "c@b", "binary": "cinder-volume", "state": "up", "status": "enabled", "replication_status": "disabled"}`
	admin.Get("/clusters").Is(200, `{"clusters": [`+short+`]}`)
	for _, none := range []string{"name=x", "is_up=false", "disabled=true", "num_hosts=2", "frozen=true"} {
		admin.Get("/clusters?"+none).Is(200, `{"clusters": []}`)
	}
	admin.Get("/clusters?is_up=true&num_hosts=1&num_down_hosts=0&disabled=false").Is(200, `{"clusters": [`+short+`]}`)
	one := admin.Get("/clusters/c@b").OK(200).At("cluster").(map[string]any)
	if one["last_heartbeat"] == "" || one["num_hosts"] != 1.0 || one["frozen"] != false || len(one) != 13 {
		t.Errorf("%v", one)
	}
	if older := admin.At("3.25").Get("/clusters/c@b").OK(200).At("cluster").(map[string]any); len(older) != 10 {
		t.Errorf("%v", older)
	}
	admin.Put("/clusters/disable", object("name", "c@b", "disabled_reason", " r ")).Is(200, `{"cluster": {"name": "c@b", "binary": "cinder-volume", "state": "up", `+
		`"status": "disabled", "replication_status": "disabled", "disabled_reason": "r"}}`)
	admin.Put("/clusters/enable", object("name", "c@b")).OK(200)
	admin.Put("/os-services/freeze", object("cluster", "c@b")).Empty(200)
	admin.Put("/os-services/freeze", object("cluster", "c@b")).Fault(400, "frozen in")
	if one := admin.Get("/clusters/c@b").OK(200).At("cluster").(map[string]any); one["frozen"] != true || one["status"] != "enabled" || one["disabled_reason"] != nil {
		t.Errorf("%v", one)
	}
	admin.Put("/os-services/thaw", object("cluster", "c@b")).Empty(200)
}

func TestWorkersCleanup(t *testing.T) {
	t.Parallel()
	c := cloud(t)
	admin := c.As(t, apitest.Admin, "p").At("3.24")
	post := func(body any) apitest.Answer { return admin.Post("/workers/cleanup", body) }
	post(object()).Is(202, `{"cleaning": [], "unavailable": []}`)
	a := post(object("is_up", true, "binary", "cinder-volume")).OK(202)
	list := a.At("cleaning").([]any)
	if len(list) != 1 || list[0].(map[string]any)["host"] != apitest.Backend || list[0].(map[string]any)["cluster_name"] != nil {
		t.Errorf("%s", a.Body)
	}
	post(object("is_up", true, "service_id", 99999)).Is(202, `{"cleaning": [], "unavailable": []}`)
	post(object("is_up", true, "disabled", true)).Is(202, `{"cleaning": [], "unavailable": []}`)
	post(object("resource_type", "group")).Fault(400, "Invalid input received: Resource type Group not valid, must be Snapshot or Volume")
	post(object("resource_id", nowhere)).Fault(400, "There is no resource with UUID "+nowhere+" pending cleanup.")
	post(object("binary", "x")).Fault(400, "binary")
	admin.At("3.23").Post("/workers/cleanup", object()).Fault(404, "")
	c.As(t, apitest.Member, "p").At("3.24").Post("/workers/cleanup", object()).Fault(403, "workers:cleanup")
}
