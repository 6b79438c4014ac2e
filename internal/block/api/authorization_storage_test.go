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
