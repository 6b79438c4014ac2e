package store

import (
	"context"

	"github.com/clinker/clinker/internal/block"
)

// GroupQuery chooses groups. Zero fields do not restrict; Equal and Like are as in VolumeQuery.
type GroupQuery struct {
	ProjectID     string
	Equal         map[string][]string // name, status, host, group_type_id, source_group_id, group_snapshot_id, ...
	Like          map[string]string
	WithoutTypeID string // leaves out the groups of this group type
	Page          Page
}

// GroupReader reads groups with the types of their volumes: a fixed number of queries whatever the number of groups.
type GroupReader interface {
	// Group reads one. A projectID that is not empty hides the groups of other projects. NotFound: GroupNotFound.
	Group(ctx context.Context, id, projectID string) (*block.Group, error)
	Groups(ctx context.Context, q GroupQuery) ([]*block.Group, error)
	// GroupVolumeIDs are the ids of the volumes in each of these groups, oldest volume first; a group without any is not
	// in the map.
	GroupVolumeIDs(ctx context.Context, groupIDs []string) (map[string][]string, error)

	// GroupSnapshot reads one. A projectID that is not empty hides those of other projects. NotFound: GroupSnapshotNotFound.
	GroupSnapshot(ctx context.Context, id, projectID string) (*block.GroupSnapshot, error)
	GroupSnapshots(ctx context.Context, q GroupSnapshotQuery) ([]*block.GroupSnapshot, error)
}

// GroupSnapshotQuery is GroupQuery for group snapshots.
type GroupSnapshotQuery struct {
	ProjectID     string
	Equal         map[string][]string // name, status, group_id, group_type_id, ...
	Like          map[string]string
	WithoutTypeID string
	Page          Page
}

// GroupWriter changes groups and group snapshots. What becomes of the volumes and snapshots is the caller's to write.
type GroupWriter interface {
	// CreateGroup inserts g with the types of its volumes; CreatedAt is set if zero.
	CreateGroup(ctx context.Context, g *block.Group) error
	// UpdateGroup is a compare-and-swap: it applies set if the row exists and meets when, and says whether it did.
	// UpdatedAt is always written.
	UpdateGroup(ctx context.Context, id string, when GroupWhen, set GroupSet) (bool, error)
	// DestroyGroup soft-deletes the row with what says which types its volumes have. A missing row is no error.
	DestroyGroup(ctx context.Context, id string) error

	// CreateGroupSnapshot inserts s; CreatedAt is set if zero.
	CreateGroupSnapshot(ctx context.Context, s *block.GroupSnapshot) error
	// UpdateGroupSnapshot writes a status if the row exists and, when from is not empty, its status is among from.
	UpdateGroupSnapshot(ctx context.Context, id string, from []block.GroupSnapshotStatus, to block.GroupSnapshotStatus) (bool, error)
	// DestroyGroupSnapshot soft-deletes the row. A missing row is no error.
	DestroyGroupSnapshot(ctx context.Context, id string) error
}

// GroupWhen is the condition of UpdateGroup. Zero fields do not restrict.
type GroupWhen struct {
	Status            []block.GroupStatus
	ReplicationStatus []string
	Unscheduled       bool // host is NULL
}

// GroupSet is what UpdateGroup writes: nil fields stay, a pointer to the zero value writes NULL.
type GroupSet struct {
	Status            *block.GroupStatus
	ReplicationStatus *string
	Name, Description *string // not to NULL: the empty text stays one
	Host              *block.Host
	ClusterName       *string
}
