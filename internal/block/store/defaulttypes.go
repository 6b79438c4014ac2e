package store

import "context"

// DefaultTypeReader reads which volume types projects have as their own default; TypeReader.DefaultTypeID reads one.
type DefaultTypeReader interface {
	// DefaultTypeIDs are all of them: volume type id by project.
	DefaultTypeIDs(ctx context.Context) (map[string]string, error)
	// ProjectsWithDefaultType are the projects whose default the type is, in order.
	ProjectsWithDefaultType(ctx context.Context, typeID string) ([]string, error)
}

// DefaultTypeWriter changes them.
type DefaultTypeWriter interface {
	// SetDefaultType makes the volume type the project's default, instead of any it had.
	SetDefaultType(ctx context.Context, projectID, typeID string) error
	// UnsetDefaultType removes the project's default. That it has none is no error.
	UnsetDefaultType(ctx context.Context, projectID string) error
}
