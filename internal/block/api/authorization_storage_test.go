package api_test

import (
	"github.com/google/uuid"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/block/api/apitest"
)

// storageRequests are the requests of the matrix about what is in storage, and letting go of it.
func storageRequests() map[string]matrixRequest {
	table := map[string]matrixRequest{
		"POST /volumes/{id}/action os-unmanage": on("/volumes/", func(f *fixture) string { return f.newVolume() }, "/action", "os-unmanage", nil),
		"POST /snapshots/{id}/action os-unmanage": on("/snapshots/", func(f *fixture) string {
			return f.newSnapshot(block.SnapshotAvailable)
		}, "/action", "os-unmanage", nil),
	}
	for name, request := range map[string]matrixRequest{
		"GET /os-hosts":          at("/os-hosts"),
		"GET /os-hosts/{id}":     at("/os-hosts/" + apitest.Backend),
		"PUT /os-hosts/{id}":     at("/os-hosts/"+apitest.Backend, "status", "enable"),
		"GET /capabilities/{id}": at("/capabilities/" + apitest.Backend),
		"GET /clusters":          at("/clusters"),
		"GET /clusters/detail":   at("/clusters/detail"),
		"GET /clusters/{id}":     at("/clusters/c"),
		"PUT /clusters/{id}":     at("/clusters/enable", "name", "c"),
		"POST /workers/cleanup":  at("/workers/cleanup", "host", "x"),

		"PUT /os-services/failover_host": at("/os-services/failover_host", "host", apitest.Backend),
		"PUT /os-services/failover":      at("/os-services/failover", "host", apitest.Backend),
		"PUT /os-services/set-log":       at("/os-services/set-log", "level", "info"),
		"PUT /os-services/get-log":       at("/os-services/get-log", "binary", "cinder-api"),
	} {
		table[name] = request
	}
	for _, path := range []string{"/os-volume-manage", "/manageable_volumes", "/os-snapshot-manage", "/manageable_snapshots"} {
		table["GET "+path] = at(path + "?host=" + apitest.Backend)
		table["GET "+path+"/detail"] = at(path + "/detail?host=" + apitest.Backend)
	}
	for _, path := range []string{"/os-volume-manage", "/manageable_volumes"} {
		table["POST "+path] = func(f *fixture) (string, any) {
			return path, object("volume", object("host", apitest.Backend, "ref", object("source-name", uuid.NewString())))
		}
	}
	for _, path := range []string{"/os-snapshot-manage", "/manageable_snapshots"} {
		table["POST "+path] = func(f *fixture) (string, any) {
			return path, object("snapshot", object("volume_id", f.newVolume(), "ref", object("source-name", uuid.NewString())))
		}
	}
	return table
}
