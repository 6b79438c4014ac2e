// Package store is the persistence contract of Block Storage: what the services may ask of a database, in the words of
// the domain. storetest holds the suite that every implementation passes; sqlstore is the implementation.
//
// What must not live here: SQL, a driver's name, policy, or a decision about which change of state is allowed.
//
// All reads leave out soft-deleted rows unless they say otherwise. A missing row is a fault.NotFound with Cinder's
// exception name and text ("Volume <id> could not be found."). A failing database is a fault.Unavailable.
package store

import (
	"context"
	"time"

	"github.com/clinker/clinker/internal/block"
	"github.com/clinker/clinker/internal/flow"
)

// Store is the database. Its Reader methods run outside a transaction, each on the newest committed rows.
type Store interface {
	Reader
	Maintenance
	// Update runs fn in one read-write transaction and commits unless fn fails. A deadlock, a lost certification or a
	// busy database makes it run again, a bounded number of times: fn must have no effect but through tx.
	Update(ctx context.Context, fn func(tx Tx) error) error
	// UpdateTogether is Update in a transaction that may be others' of the same lane too: those that come while one of the lane
	// is under way wait for it, then run one after another, and one COMMIT is for them all. It is for those that would wait for
	// each other anyway, such as who takes quota of the same project, and for short ones that wait for nobody. When
	// one fails, the others run again by themselves. A ctx that ends while its fn waits for the others does not end the waiting.
	UpdateTogether(ctx context.Context, lane string, fn func(tx Tx) error) error
	// Ping proves that the database answers.
	Ping(ctx context.Context) error
	Close() error
}

// Reader is everything that can be read.
type Reader interface {
	VolumeReader
	SnapshotReader
	AttachmentReader
	TransferReader
	ImageReader
	BackupReader
	TypeReader
	QoSReader
	EncryptionReader
	DefaultTypeReader
	GroupTypeReader
	GroupReader
	MessageReader
	ServiceReader
	OwnServiceReader
	WorkerReader
	HostReader
	QuotaReader
	FlowReader
	CreationReader
	AuditReader
	ClusterReader
	RepairReader
}

// Tx is a read-write transaction. It sees its own writes. It must not be used after the function it was given to ends.
type Tx interface {
	Reader
	VolumeWriter
	SnapshotWriter
	AttachmentWriter
	TransferWriter
	ImageWriter
	BackupWriter
	TypeWriter
	QoSWriter
	EncryptionWriter
	DefaultTypeWriter
	GroupTypeWriter
	GroupWriter
	MessageWriter
	ServiceWriter
	OwnServiceWriter
	WorkerWriter
	QuotaWriter
	QuotaClassWriter
	FlowWriter
	CreationWriter
	ClusterWriter
	RepairWriter
}

// Page is keyset paging: at most Limit rows after the row whose id is Marker, in the order of Sort, then created_at, then
// id; those two take the direction of Sort's first key, as in Cinder. NULL is smaller than every value. A Marker that is
// not among the project's rows is the resource's NotFound. Limit 0 means no limit of the store's own. Offset skips rows
// after that and costs what it skips.
type Page struct {
	Limit, Offset int
	Marker        string
	Sort          []Sort // empty: created_at desc, id desc
}

// Sort is one key of an order. Key is a column's API name ("name", "size", "created_at", "status", ...); an unknown key
// is a fault.Invalid.
type Sort struct {
	Key  string
	Desc bool
}

// TimeFilter compares a time column; Op is gt, gte, eq, neq, lt or lte. Of several filters of one column a row has to meet
// one, as in Cinder.
type TimeFilter struct {
	Key string // created_at or updated_at
	Op  string
	At  time.Time
}

// VolumeQuery chooses volumes. Zero fields do not restrict.
//
// In this and the other queries Equal and Like take texts: an empty one in Equal also stands for NULL, "true" and "false"
// are for booleans, and a host or cluster_name without a pool stands for all its pools. A name that is no column and a
// value that the column cannot hold choose nothing, as in Cinder.
type VolumeQuery struct {
	ProjectID string
	IDs       []string
	Equal     map[string][]string // API column name to accepted values: name, status, size, availability_zone, bootable,
	//                               migration_status, group_id, host, volume_type_id, snapshot_id, source_volid, use_quota, ...
	Like          map[string]string // API column name to a substring
	Metadata      map[string]string // every pair must be there, in the metadata or the admin metadata
	ImageMetadata map[string]string
	Times         []TimeFilter
	Backend       string // "host@backend": every pool of it
	// NoMigrationTargets leaves out the volumes that others are being moved to: migration_status "target:<id>".
	NoMigrationTargets bool
	Page               Page
}

// VolumeReader reads volumes with metadata, admin metadata, image metadata, attachments and type name: a fixed number
// of queries whatever the number of volumes.
type VolumeReader interface {
	// Volume reads one. A projectID that is not empty hides the volumes of other projects. NotFound: VolumeNotFound.
	Volume(ctx context.Context, id, projectID string) (*block.Volume, error)
	Volumes(ctx context.Context, q VolumeQuery) ([]*block.Volume, error)
	// VolumeTotals counts the volumes q chooses, ignoring its page, and adds up their sizes.
	VolumeTotals(ctx context.Context, q VolumeQuery) (count, sizeGiB int64, err error)
}

// VolumeWriter changes volumes.
type VolumeWriter interface {
	// CreateVolume inserts v with its maps; CreatedAt is set if zero. The caller has filled every field.
	CreateVolume(ctx context.Context, v *block.Volume) error
	// UpdateVolume is the compare-and-swap every change of state goes through: it applies set if the row exists and
	// meets when, and says whether it did. UpdatedAt is always written.
	UpdateVolume(ctx context.Context, id string, when VolumeWhen, set VolumeSet) (bool, error)
	// PutVolumeMetadata merges the pairs, or with replace makes them the whole. NotFound, of all the Put methods: the
	// volume's.
	PutVolumeMetadata(ctx context.Context, id string, md map[string]string, replace bool) error
	// DeleteVolumeMetadata removes one key. NotFound: VolumeMetadataNotFound.
	DeleteVolumeMetadata(ctx context.Context, id, key string) error
	PutVolumeAdminMetadata(ctx context.Context, id string, md map[string]string) error
	DeleteVolumeAdminMetadata(ctx context.Context, id, key string) error
	PutVolumeImageMetadata(ctx context.Context, id string, md map[string]string, replace bool) error
	// DeleteVolumeImageMetadata removes one key. NotFound: GlanceMetadataNotFound.
	DeleteVolumeImageMetadata(ctx context.Context, id, key string) error
	// DestroyVolume soft-deletes the row with its metadata, attachments, image metadata, snapshots and transfers. A missing
	// row is no error.
	DestroyVolume(ctx context.Context, id string) error
}

// VolumeWhen is the condition of UpdateVolume. Zero fields do not restrict.
type VolumeWhen struct {
	Status          []block.VolumeStatus
	AttachStatus    []block.AttachStatus
	NotAttachStatus []block.AttachStatus
	NotMigrating    bool // migration_status is NULL or one of none, deleting, error, success
	MigrationStatus []string
	NoGroup         bool
	NoSnapshots     bool // it has no snapshot that is not deleted
	NoAttachments   bool // it has no attachment that is not deleted
	Unscheduled     bool // host is NULL
	Host            block.Host
	Multiattach     bool
}

// VolumeSet is what UpdateVolume writes: nil fields stay, a pointer to the zero value writes NULL where the column may
// be NULL. StatusToPrevious copies the status column's old value into previous_status in the same statement.
type VolumeSet struct {
	NameID            *string
	UserID, ProjectID *string
	Status            *block.VolumeStatus
	PreviousStatus    *block.VolumeStatus
	StatusToPrevious  bool
	AttachStatus      *block.AttachStatus
	MigrationStatus   *string
	ReplicationStatus *string
	Name, Description **string
	SizeGiB           *int64
	Host              *block.Host
	ClusterName       *string
	ServiceUUID       *string
	VolumeTypeID      *string
	AvailabilityZone  *string
	GroupID           *string
	EncryptionKeyID   *string
	Bootable          *bool
	Multiattach       *bool
	SharedTargets     **bool
	ProviderID        *string
	ProviderLocation  *string
	ProviderAuth      *string
	ProviderGeometry  *string
	ScheduledAt       *time.Time
	LaunchedAt        *time.Time
	TerminatedAt      *time.Time
}

// SnapshotQuery chooses snapshots. Zero fields do not restrict.
type SnapshotQuery struct {
	ProjectID string
	IDs       []string
	VolumeID  string
	Equal     map[string][]string // name, status, volume_id, consumes_quota, ...
	Like      map[string]string
	Metadata  map[string]string
	Times     []TimeFilter
	Backend   string // of the volume's host
	Page      Page
}

// SnapshotReader reads snapshots with their metadata.
type SnapshotReader interface {
	// Snapshot reads one. NotFound: SnapshotNotFound.
	Snapshot(ctx context.Context, id, projectID string) (*block.Snapshot, error)
	Snapshots(ctx context.Context, q SnapshotQuery) ([]*block.Snapshot, error)
	SnapshotCount(ctx context.Context, q SnapshotQuery) (int64, error)
}

// SnapshotWriter changes snapshots; the same rules as VolumeWriter's.
type SnapshotWriter interface {
	CreateSnapshot(ctx context.Context, s *block.Snapshot) error
	UpdateSnapshot(ctx context.Context, id string, when SnapshotWhen, set SnapshotSet) (bool, error)
	// RetypeSnapshots gives every snapshot of a volume another volume type, which quota counts them under.
	RetypeSnapshots(ctx context.Context, volumeID, typeID string) error
	PutSnapshotMetadata(ctx context.Context, id string, md map[string]string, replace bool) error
	// DeleteSnapshotMetadata removes one key. NotFound: SnapshotMetadataNotFound.
	DeleteSnapshotMetadata(ctx context.Context, id, key string) error
	DestroySnapshot(ctx context.Context, id string) error
}

// SnapshotWhen is the condition of UpdateSnapshot.
type SnapshotWhen struct {
	Status          []block.SnapshotStatus
	NoGroupSnapshot bool
}

// SnapshotSet is what UpdateSnapshot writes; nil fields stay.
type SnapshotSet struct {
	UserID, ProjectID *string
	EncryptionKeyID   *string
	VolumeSizeGiB     *int64
	Status            *block.SnapshotStatus
	Progress          *string
	Name, Description **string
	ProviderID        *string
	ProviderLocation  *string
	ProviderAuth      *string
}

// AttachmentQuery chooses attachments of volumes that are not deleted.
type AttachmentQuery struct {
	ProjectID string
	Equal     map[string][]string // volume_id, status, instance_id, attach_status
	Like      map[string]string
	Page      Page
}

// AttachmentReader reads attachments.
type AttachmentReader interface {
	// Attachment reads one. NotFound: VolumeAttachmentNotFound.
	Attachment(ctx context.Context, id, projectID string) (*block.Attachment, error)
	Attachments(ctx context.Context, q AttachmentQuery) ([]*block.Attachment, error)
}

// AttachmentWriter changes attachments.
type AttachmentWriter interface {
	CreateAttachment(ctx context.Context, a *block.Attachment) error
	// UpdateAttachment applies set if the row exists and, when from is not empty, its attach_status is among from.
	UpdateAttachment(ctx context.Context, id string, from []block.AttachStatus, set AttachmentSet) (bool, error)
	// DestroyAttachment soft-deletes it: attach_status detached, detach_time now.
	DestroyAttachment(ctx context.Context, id string) error
}

// AttachmentSet is what UpdateAttachment writes; nil fields stay. For Connection and Connector an empty map writes NULL.
type AttachmentSet struct {
	VolumeID     *string // a migration gives the attachments of one row to another
	AttachStatus *block.AttachStatus
	AttachMode   *string
	AttachedHost *string
	InstanceUUID *string
	Mountpoint   *string
	AttachTime   *time.Time
	Connection   *map[string]any
	Connector    *block.Connector
}

// TypeQuery chooses volume types. ProjectID, if set, shows public types and the private ones this project may use.
type TypeQuery struct {
	ProjectID  string
	IsPublic   *bool
	Equal      map[string][]string // name, description
	Like       map[string]string
	ExtraSpecs map[string]string
	Page       Page
}

// TypeReader reads volume types with their extra specs.
type TypeReader interface {
	// VolumeType reads one by id; TypeByName by name. NotFound: VolumeTypeNotFound, VolumeTypeNotFoundByName. A projectID
	// that is not empty hides private types this project may not use.
	VolumeType(ctx context.Context, id, projectID string) (*block.VolumeType, error)
	TypeByName(ctx context.Context, name, projectID string) (*block.VolumeType, error)
	VolumeTypes(ctx context.Context, q TypeQuery) ([]*block.VolumeType, error)
	// TypeInUse says whether a volume that is not deleted has this type.
	TypeInUse(ctx context.Context, id string) (bool, error)
	// DefaultTypeID is the project's own default type, empty if it has none.
	DefaultTypeID(ctx context.Context, projectID string) (string, error)
	// DefaultType is the project's own default type, or else the one with this name. NotFound: VolumeTypeNotFoundByName.
	DefaultType(ctx context.Context, projectID, name string) (*block.VolumeType, error)
}

// TypeWriter changes volume types.
type TypeWriter interface {
	// CreateVolumeType inserts t with its extra specs and ProjectIDs. Conflict: VolumeTypeExists.
	CreateVolumeType(ctx context.Context, t *block.VolumeType) error
	// UpdateVolumeType writes name, description and is_public of t. Conflict: VolumeTypeExists.
	UpdateVolumeType(ctx context.Context, t *block.VolumeType) error
	// DestroyVolumeType soft-deletes it with its specs and accesses; whether it is in use is the caller's to ask.
	DestroyVolumeType(ctx context.Context, id string) error
	PutExtraSpecs(ctx context.Context, typeID string, specs map[string]string) error
	// DeleteExtraSpec removes one. NotFound: VolumeTypeExtraSpecsNotFound.
	DeleteExtraSpec(ctx context.Context, typeID, key string) error
	// AddTypeAccess: Conflict VolumeTypeAccessExists. RemoveTypeAccess: NotFound VolumeTypeAccessNotFound.
	AddTypeAccess(ctx context.Context, typeID, projectID string) error
	RemoveTypeAccess(ctx context.Context, typeID, projectID string) error
}

// ServiceQuery chooses services, by id. Zero fields do not restrict; a Host without a back end also finds its back ends.
type ServiceQuery struct {
	Host, Binary, Topic, ClusterName string
	Disabled                         *bool
}

// ServiceReader reads the services table.
type ServiceReader interface {
	Services(ctx context.Context, q ServiceQuery) ([]*block.Service, error)
	// BackendVolumes counts, per pool address, the volumes a back end holds and adds up their sizes in GiB: what the
	// manager needs at start for allocated_capacity_gb, and the VolumeNumberWeigher for its counts.
	BackendVolumes(ctx context.Context, backend string) (map[block.Host]PoolTotals, error)
}

// PoolTotals is what a pool holds by the rows.
type PoolTotals struct{ Volumes, SizeGiB int64 }

// ServiceWriter changes the services table.
type ServiceWriter interface {
	// RegisterService inserts or refreshes the row of (Host, Binary) and returns it as it stands: what an operator set
	// (disabled, frozen, ...) is kept.
	RegisterService(ctx context.Context, s *block.Service) (*block.Service, error)
	// Heartbeat adds one to report_count and sets updated_at. NotFound: ServiceNotFound, when an operator removed the row.
	Heartbeat(ctx context.Context, id int64) error
	// UpdateService writes modified_at and leaves updated_at, the heartbeat, alone. NotFound: ServiceNotFound.
	UpdateService(ctx context.Context, id int64, set ServiceSet) error
	// MoveReplication writes replication_status if it is one of from, and says whether it was.
	MoveReplication(ctx context.Context, id int64, from []string, to string) (bool, error)
	// DeleteService soft-deletes the row. A missing row is no error.
	DeleteService(ctx context.Context, id int64) error
}

// ServiceSet is what UpdateService writes; nil fields stay.
type ServiceSet struct {
	Disabled          *bool
	DisabledReason    *string
	Frozen            *bool
	ReplicationStatus *string
	ActiveBackendID   *string
}

// QuotaReader reads quota limits and usage.
type QuotaReader interface {
	// QuotaLimits are the limits set for this very project; QuotaClassLimits those of a class.
	QuotaLimits(ctx context.Context, projectID string) (map[string]int64, error)
	QuotaClassLimits(ctx context.Context, class string) (map[string]int64, error)
	// QuotaUsage counts the rows, and what is reserved: never a stored sum.
	QuotaUsage(ctx context.Context, projectID string) (*block.QuotaUsage, error)
	// VolumeUsage is QuotaUsage of volumes and snapshots alone, without what is reserved, and costs half as much.
	VolumeUsage(ctx context.Context, projectID string) (*block.QuotaUsage, error)
	// QuotaSheet is limits, VolumeUsage and what is reserved in one statement: what is decided by when a project takes a volume or a snapshot.
	QuotaSheet(ctx context.Context, projectID, class string) (*QuotaSheet, error)
	// QuotaTerms is the limits of a QuotaSheet alone, which cost the same however much the project holds.
	QuotaTerms(ctx context.Context, projectID, class string) (own, ofClass map[string]int64, err error)
}

// QuotaSheet is what a project may hold, and what it holds of volumes and snapshots.
type QuotaSheet struct {
	Own, Class map[string]int64 // limits, as QuotaLimits and QuotaClassLimits have them
	Usage      *block.QuotaUsage
}

// QuotaWriter takes and sets quotas.
type QuotaWriter interface {
	// LockQuota makes transactions that take quota of this project wait for one another until they end.
	LockQuota(ctx context.Context, projectID string) error
	// PutQuotaUsage writes the sums for those who read Cinder's quota_usages table. Nothing of ours reads them back.
	PutQuotaUsage(ctx context.Context, projectID string, inUse map[string]int64) error
	// AddQuotaUsage adds to those sums. Where there is none yet the rows are counted, as they are when the transaction ends, and what
	// sums makes of them is written.
	AddQuotaUsage(ctx context.Context, projectID string, more map[string]int64, sums func(*block.QuotaUsage) map[string]int64) error
	// Reserve sets quota aside in quota_usages as a Python API does, for a Python service to take or give up: deltas by
	// resource, of which only those above 0 count as reserved. It gives an id for each. What nobody has ended by then expires.
	Reserve(ctx context.Context, projectID string, deltas map[string]int64, expire time.Time) (ids []string, err error)
	// ReleaseReservations gives up what a Python API has reserved in quota_usages, by the reservations' ids; those that are
	// gone, and whose they were, do not matter. Whether it was taken or not is the counted usage's to say (RecordUsage).
	ReleaseReservations(ctx context.Context, ids []string) error
	PutQuotaLimits(ctx context.Context, projectID string, limits map[string]int64) error
	DeleteQuotaLimits(ctx context.Context, projectID string) error
}

// FlowReader reads the journal.
type FlowReader interface {
	// Flows are the records of an owner whose last change is at least minAge ago, oldest first, at most limit.
	Flows(ctx context.Context, owner string, minAge time.Duration, limit int) ([]flow.Record, error)
}

// FlowWriter writes the journal; see flow.Journal.
type FlowWriter interface {
	// PutFlow sets updated_at itself and keeps the created_at of a record that is there.
	PutFlow(ctx context.Context, r flow.Record) error
	// ClaimFlow writes r.Attempts+1 (and updated_at) into the record r.ID if it is still the one that Flows gave: owner,
	// attempts and updated_at are r's. It says whether it did: recoveries that found the same record claim it once.
	ClaimFlow(ctx context.Context, r flow.Record) (bool, error)
	// TouchFlow writes updated_at into the record r.ID if owner and attempts are still r's, and says whether they are and whether
	// the record is there at all.
	TouchFlow(ctx context.Context, r flow.Record) (there, mine bool, err error)
	DeleteFlow(ctx context.Context, id string) error
}
