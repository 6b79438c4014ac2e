package store

import "context"

// ProjectTotals is what a project has on a back end.
type ProjectTotals struct {
	ProjectID                   string
	Volumes, SizeGiB            int64
	Snapshots, SnapshotsSizeGiB int64
}

// HostReader adds up what is on a back end.
type HostReader interface {
	// ProjectsOn are the projects that have volumes on a back end ("host@backend", or "host" for all of a host's), by id,
	// with those and with their own snapshots of volumes there.
	ProjectsOn(ctx context.Context, backend string) ([]ProjectTotals, error)
}
