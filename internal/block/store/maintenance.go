package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
)

// Maintenance is what an operator's commands ask of a database beside what services do.
type Maintenance interface {
	// Revision is the revision of Cinder's tables, empty if there is none.
	Revision(ctx context.Context) (string, error)
	// Check is nil if the database has Cinder's tables at the revision that this program works with; else a fault.Invalid
	// says what it has.
	Check(ctx context.Context) error
	// AddIndexes makes our own indexes that are missing, and DropIndexes removes those that are there, each while others read
	// and write. begin is told of each before it is begun.
	AddIndexes(ctx context.Context, begin func(name string)) error
	DropIndexes(ctx context.Context, begin func(name string)) error
	MissingIndexes(ctx context.Context) ([]string, error)
	// Purge removes the rows of Cinder's tables that were deleted before a time, those that refer to others first, in
	// transactions of a bounded number of rows each. A row that another one still refers to stays. done is told of each
	// table of which something was removed or stayed, when it is through with it; what has been removed stays removed if an
	// error ends the work.
	Purge(ctx context.Context, before time.Time, done func(PurgedTable)) error
}

// PurgedTable is what Purge did to a table.
type PurgedTable struct {
	Name    string
	Removed int64
	Left    int64    // rows that are old enough, but that others refer to
	Because []string // the tables of those others
}

// ClusterReader reads the clusters table.
type ClusterReader interface {
	// Clusters are all clusters, by id. A service whose last sign of life is older than aliveSince counts as down.
	Clusters(ctx context.Context, aliveSince time.Time) ([]*block.Cluster, error)
	// ClusterVolumes is BackendVolumes for the volumes of a cluster, "cluster@backend", whichever of its hosts they name.
	ClusterVolumes(ctx context.Context, cluster string) (map[block.Host]PoolTotals, error)
}

// ClusterWriter changes the clusters table, and who belongs to which.
type ClusterWriter interface {
	// EnsureCluster enters a cluster unless there is one of this name and binary, and gives the row, without what its services say.
	EnsureCluster(ctx context.Context, c *block.Cluster) (*block.Cluster, error)
	// UpdateCluster changes what is set. NotFound ClusterNotFound.
	UpdateCluster(ctx context.Context, id int64, set ServiceSet) error
	// IncludeInCluster puts the volumes, groups, consistency groups and cached images that are on a host's back end, and in no
	// cluster, into the cluster, and says how many volumes they were. Pools behind the host's name stay behind the cluster's.
	IncludeInCluster(ctx context.Context, host, cluster string) (volumes int64, err error)
	// DestroyCluster soft-deletes a cluster that has no services, and says whether it did.
	DestroyCluster(ctx context.Context, id int64) (bool, error)
	// RenameCluster puts another name in the place of a cluster's wherever volumes and consistency groups name it, and says
	// how many did. Back end and pool behind the name stay, unless whole says that to is all there shall be. An empty to
	// takes them out of the cluster.
	RenameCluster(ctx context.Context, from, to string, whole bool) (volumes, consistencyGroups int64, err error)
}

// StoredUsage is a row of the quota_usages table, which Python services decide by.
type StoredUsage struct {
	ID              int64
	Resource        string
	InUse, Reserved int64
	Reservations    int64 // what the reservations of this row that are under way add up to
}

// RepairReader finds what is wrong in a database.
type RepairReader interface {
	// UsageProjects are the projects with rows in quota_usages, sorted.
	UsageProjects(ctx context.Context) ([]string, error)
	// StoredUsage is a project's rows, by id. There may be more than one of a resource, which is wrong.
	StoredUsage(ctx context.Context, projectID string) ([]StoredUsage, error)
	// LacksServiceUUID says whether a service or a volume has no service's UUID, which is a state before Cinder's Queens.
	LacksServiceUUID(ctx context.Context) (bool, error)
	// HasAttachmentSpecs says whether connectors are still kept as Cinder before Queens kept them.
	HasAttachmentSpecs(ctx context.Context) (bool, error)
	// TemporaryMarks counts volumes' admin metadata "temporary", which Cinder before 2024.1 kept.
	TemporaryMarks(ctx context.Context) (int64, error)
}

// RepairWriter puts right what is wrong in a database. Each call that changes many rows says how many.
type RepairWriter interface {
	// PutStoredUsage sets both sums of a row.
	PutStoredUsage(ctx context.Context, id, inUse, reserved int64) error
	// MergeStoredUsage gives the reservations of one row to another and deletes it.
	MergeStoredUsage(ctx context.Context, from, to int64) (reservations int64, err error)
	// MoveVolumes sets the host of the volumes on a host, with whatever pool; MoveBackups and MoveConsistencyGroups that of
	// those on exactly this host.
	MoveVolumes(ctx context.Context, from, to string) (int64, error)
	MoveBackups(ctx context.Context, from, to string) (int64, error)
	MoveConsistencyGroups(ctx context.Context, from, to string) (int64, error)
	// AdoptVolumes gives the volumes of each volume service that name another service that one's UUID.
	AdoptVolumes(ctx context.Context) (int64, error)
	// RemoveTemporaryMarks deletes at most limit of what TemporaryMarks counts.
	RemoveTemporaryMarks(ctx context.Context, limit int) (int64, error)
	// PutServiceVersions sets the versions that a service's peers take it to speak.
	PutServiceVersions(ctx context.Context, id int64, rpc, object string) error
	// ResetReplication enables the service again, with these values. The same for its cluster, if it has one.
	ResetReplication(ctx context.Context, s *block.Service, status, activeBackendID string) error
}
